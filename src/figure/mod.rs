//! Pictures side by side under titles, on white, as a plotting library shows them.
//!
//! Titles stay legible from icons to photos of 24 megapixels: the type grows with the pictures, so
//! that it is still readable when a large figure is shown at the size of a screen, and is never
//! smaller than 16 pixels. A title that is too wide for its picture first makes the type smaller,
//! down to that limit, and then the columns wider.
//!
//! Pictures keep their pixels, except that tiny ones are enlarged so that something can be made
//! out: all by the same whole number, each pixel becoming a square, as long as no side exceeds 256
//! pixels. So icons of 64x64 are shown at 256x256, and a side over 128 means no enlargement. Where
//! they are not opaque the paper shines through.

mod title;

use std::borrow::Cow;

use crate::{Error, Picture, Result};
use title::{Title, Typeface};

/// Height of the em in pixels, the size that browsers give to running text.
const MIN_EM: f64 = 16.0;

/// Height of the em for a picture whose side (the square root of its area) is 1: of three pictures
/// across a screen of 1,500 pixels the titles then have [`MIN_EM`] or more.
const EM_PER_SIDE: f64 = 0.045;

/// How much of its picture's width a title may take before the type becomes smaller.
const TITLE_TO_PICTURE: f64 = 0.95;

/// Pictures are enlarged as long as no side exceeds this.
const ENLARGED_SIDE: u32 = 256;

/// The largest figure: the most that readers with 32-bit offsets can address.
const MAX_BYTES: usize = 1 << 31;

/// A picture under its title.
#[derive(Clone, Copy, Debug)]
pub struct Panel<'a> {
    /// The line above the picture. Characters outside Latin-1 appear as boxes.
    pub title: &'a str,
    /// The picture.
    pub picture: &'a Picture,
}

/// The panels from left to right in columns of one width, each title centered above its picture.
/// Pictures of different heights share their upper edge.
///
/// # Errors
/// [`Error::Invalid`] when there is no panel, or the figure would exceed 2 GiB.
pub fn side_by_side(panels: &[Panel]) -> Result<Picture> {
    if panels.is_empty() {
        return Err(Error::Invalid("a figure needs at least one panel".into()));
    }
    let factor = enlargement(panels);
    let pictures: Vec<_> = panels
        .iter()
        .map(|panel| enlarged(panel.picture, factor))
        .collect();
    let titles: Vec<_> = panels.iter().map(|panel| panel.title).collect();
    let layout = Layout::of(&titles, &pictures);

    let mut canvas = Canvas::white(layout.width, layout.height)?;
    for (column, picture) in layout.columns.iter().zip(&pictures) {
        canvas.draw_title(&column.title, column.title_left, layout.title_top);
        canvas.draw_picture(picture, column.picture_left, layout.picture_top);
    }
    Picture::new(layout.width as u32, layout.height as u32, canvas.rgb)
}

/// The whole number by which all pictures are enlarged.
fn enlargement(panels: &[Panel]) -> usize {
    let sides = panels
        .iter()
        .map(|panel| panel.picture.width().max(panel.picture.height()));
    let longest = sides.max().unwrap_or(ENLARGED_SIDE);
    (ENLARGED_SIDE / longest).max(1) as usize
}

/// `picture` with each pixel as a square of `factor` pixels.
fn enlarged(picture: &Picture, factor: usize) -> Cow<'_, Picture> {
    if factor == 1 {
        return Cow::Borrowed(picture);
    }
    let pixels = picture.over_white();
    let rows = pixels.chunks_exact(picture.width() as usize);
    let rgb = rows
        .flat_map(|row| {
            row.iter()
                .flat_map(|&pixel| [pixel].repeat(factor))
                .flatten()
                .collect::<Vec<u8>>()
                .repeat(factor)
        })
        .collect();
    let [width, height] = [picture.width(), picture.height()].map(|side| side * factor as u32);
    Cow::Owned(Picture::new(width, height, rgb).expect("each pixel became factor x factor pixels"))
}

/// Where everything lies, in pixels of the figure.
struct Layout {
    width: usize,
    height: usize,
    title_top: usize,
    picture_top: usize,
    columns: Vec<Column>,
}

/// A title and where it and its picture begin.
struct Column {
    title: Title,
    title_left: usize,
    picture_left: usize,
}

impl Layout {
    fn of(titles: &[&str], pictures: &[Cow<Picture>]) -> Self {
        let typeface = Typeface::embedded();
        let em = em(&typeface, titles, pictures);
        let space = em.round() as usize;

        let titles: Vec<_> = titles.iter().map(|title| typeface.set(title, em)).collect();
        let line = titles.iter().map(Title::height).max().unwrap_or(0);
        let picture_widths = pictures.iter().map(|picture| picture.width() as usize);
        let picture_heights = pictures.iter().map(|picture| picture.height() as usize);
        let column_width = picture_widths
            .chain(titles.iter().map(Title::width))
            .max()
            .unwrap_or(0);
        let pitch = column_width + space;
        let title_top = space / 2;
        let picture_top = title_top + line + space / 4;
        Self {
            width: space + titles.len() * pitch,
            height: picture_top + picture_heights.max().unwrap_or(0) + space,
            title_top,
            picture_top,
            columns: (titles.into_iter().zip(pictures).enumerate())
                .map(|(i, (title, picture))| {
                    let centered = |width| space + i * pitch + (column_width - width) / 2;
                    Column {
                        title_left: centered(title.width()),
                        picture_left: centered(picture.width() as usize),
                        title,
                    }
                })
                .collect(),
        }
    }
}

/// The height of the em, the same for all titles.
fn em(typeface: &Typeface, titles: &[&str], pictures: &[Cow<Picture>]) -> f64 {
    let area = |picture: &Picture| f64::from(picture.width()) * f64::from(picture.height());
    let side = pictures
        .iter()
        .map(|picture| area(picture))
        .fold(0.0, f64::max)
        .sqrt();
    let widest_fit = titles
        .iter()
        .zip(pictures)
        .map(|(title, picture)| {
            TITLE_TO_PICTURE * f64::from(picture.width()) / typeface.width(title)
        })
        .fold(f64::INFINITY, f64::min);
    (EM_PER_SIDE * side).min(widest_fit).max(MIN_EM)
}

/// The pixels of a figure.
struct Canvas {
    width: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    fn white(width: usize, height: usize) -> Result<Self> {
        let bytes = width
            .checked_mul(height)
            .and_then(|pixels| pixels.checked_mul(3));
        match bytes {
            Some(bytes) if bytes <= MAX_BYTES => Ok(Self {
                width,
                rgb: vec![255; bytes],
            }),
            _ => Err(Error::Invalid(format!(
                "a figure of {width}x{height} pixels exceeds 2 GiB; compare smaller pictures"
            ))),
        }
    }

    /// Draws `title` in black.
    fn draw_title(&mut self, title: &Title, left: usize, top: usize) {
        title.draw(|x, y, coverage| {
            let pixel = (top + y) * self.width + left + x;
            for byte in &mut self.rgb[3 * pixel..][..3] {
                *byte = (f32::from(*byte) * (1.0 - coverage)).round() as u8;
            }
        });
    }

    fn draw_picture(&mut self, picture: &Picture, left: usize, top: usize) {
        let row_bytes = 3 * picture.width() as usize;
        let pixels = picture.over_white();
        let canvas_rows = self.rgb.chunks_exact_mut(3 * self.width).skip(top);
        for (canvas_row, row) in canvas_rows.zip(pixels.as_flattened().chunks_exact(row_bytes)) {
            canvas_row[3 * left..][..row_bytes].copy_from_slice(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: [&str; 3] = ["Compressed to 5 colors", "Sampled", "Original"];

    /// A picture in `n` kinds of red, none of which is in text or paper.
    fn reds(width: u32, height: u32, n: u8) -> Picture {
        let pixels = (0..width * height).flat_map(|i| [200, n, (i * 7 + i / width) as u8]);
        Picture::new(width, height, pixels.collect()).unwrap()
    }

    fn panels(pictures: &[Picture]) -> Vec<Panel<'_>> {
        TITLES
            .iter()
            .zip(pictures)
            .map(|(title, picture)| Panel { title, picture })
            .collect()
    }

    /// The box (left, top, right, bottom) around the pixels for which `wanted` holds.
    fn bounds(picture: &Picture, wanted: impl Fn([u8; 3]) -> bool) -> Option<[usize; 4]> {
        let width = picture.width() as usize;
        let pixels = picture.over_white();
        let found = pixels
            .iter()
            .enumerate()
            .filter(|(_, pixel)| wanted(**pixel));
        found.fold(None, |bounds, (i, _)| {
            let (x, y) = (i % width, i / width);
            let [left, top, right, bottom] = bounds.unwrap_or([x, y, x + 1, y + 1]);
            Some([left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)])
        })
    }

    fn crop(picture: &Picture, [left, top, right, bottom]: [usize; 4]) -> Picture {
        let pixels = picture.over_white();
        let rows = pixels.as_flattened().chunks(3 * picture.width() as usize);
        let rgb = rows
            .skip(top)
            .take(bottom - top)
            .flat_map(|row| &row[3 * left..3 * right]);
        Picture::new(
            (right - left) as u32,
            (bottom - top) as u32,
            rgb.copied().collect(),
        )
        .unwrap()
    }

    #[test]
    fn pictures_are_unchanged_and_in_order() {
        let pictures = [reds(300, 200, 1), reds(150, 260, 2), reds(129, 7, 3)];
        let figure = side_by_side(&panels(&pictures)).unwrap();
        let mut last_right = 0;
        let mut tops = Vec::new();
        for (n, picture) in (1..).zip(&pictures) {
            let place = bounds(&figure, |pixel| pixel[0] == 200 && pixel[1] == n).unwrap();
            assert_eq!(&crop(&figure, place), picture);
            assert!(place[0] > last_right);
            last_right = place[2];
            tops.push(place[1]);
        }
        assert!(tops.iter().all(|top| *top == tops[0]));
    }

    #[test]
    fn every_title_has_legible_ink_above_its_picture_and_apart_from_the_next() {
        for (width, height) in [
            (1, 1),
            (64, 64),
            (20, 900),
            (900, 20),
            (640, 427),
            (3000, 2000),
        ] {
            let pictures = [1, 2, 3].map(|n| reds(width, height, n));
            let figure = side_by_side(&panels(&pictures)).unwrap();
            let shown = pictures
                .each_ref()
                .map(|picture| enlarged(picture, enlargement(&panels(&pictures))));
            let layout = Layout::of(&TITLES, &shown);
            let mut free_from = 1;
            for (n, column) in (1..).zip(&layout.columns) {
                let left = column.title_left;
                let right = left + column.title.width();
                assert!(
                    left >= free_from && right < layout.width,
                    "no room for a title"
                );
                free_from = right + 8;

                let line = crop(&figure, [left, 0, right, layout.picture_top]);
                let ink = bounds(&line, |pixel| pixel[0] < 128).unwrap();
                assert!(ink[0] <= 2 && ink[2] + 2 >= right - left, "a title is cut");
                assert!(
                    ink[3] - ink[1] >= 11,
                    "capitals of {} pixels",
                    ink[3] - ink[1]
                );
                assert!(ink[3] < layout.picture_top, "a title touches its picture");

                let place = bounds(&figure, |pixel| pixel[0] == 200 && pixel[1] == n).unwrap();
                assert!(
                    (left + right).abs_diff(place[0] + place[2]) <= 2,
                    "a title is off center"
                );
            }
        }
    }

    #[test]
    fn nothing_but_titles_and_pictures_is_on_the_paper() {
        let pictures = [reds(300, 200, 1), reds(300, 200, 2)];
        let figure = side_by_side(&panels(&pictures)).unwrap();
        let ink = bounds(&figure, |pixel| pixel != [255; 3]).unwrap();
        assert!(
            ink[0] >= 16 && ink[2] + 16 <= figure.width() as usize,
            "{ink:?}"
        );
        assert!(
            ink[1] >= 8 && ink[3] + 16 <= figure.height() as usize,
            "{ink:?}"
        );
        assert!(
            figure
                .over_white()
                .iter()
                .all(|&[r, g, b]| r == 200 || (r == g && g == b))
        );
    }

    #[test]
    fn type_grows_with_the_pictures_and_shrinks_to_narrow_ones() {
        let typeface = Typeface::embedded();
        let em_for = |width, height| {
            em(
                &typeface,
                &TITLES[..1],
                &[Cow::Owned(reds(width, height, 1))],
            )
        };
        assert!((em_for(64, 64) - MIN_EM).abs() < 1e-9);
        assert!((em_for(2000, 2000) - 90.0).abs() < 1e-9);
        assert!((em_for(6000, 4000) - 220.454).abs() < 1e-3);
        let em = em_for(400, 4000);
        assert!(
            em > MIN_EM && typeface.width(TITLES[0]) * em <= 400.0,
            "{em}"
        );
    }

    #[test]
    fn tiny_pictures_are_enlarged_pixel_by_pixel_and_others_are_not() {
        let tiny = Picture::new(2, 1, vec![200, 1, 2, 200, 3, 4]).unwrap();
        let figure = side_by_side(&[Panel {
            title: "Original",
            picture: &tiny,
        }])
        .unwrap();
        for (n, color) in [[200, 1, 2], [200, 3, 4]].into_iter().enumerate() {
            let [left, top, right, bottom] = bounds(&figure, |pixel| pixel == color).unwrap();
            assert_eq!((right - left, bottom - top), (128, 128), "pixel {n}");
            assert!(
                crop(&figure, [left, top, right, bottom])
                    .over_white()
                    .iter()
                    .all(|&pixel| pixel == color)
            );
        }
        for (side, factor) in [
            (1, 256),
            (64, 4),
            (100, 2),
            (128, 2),
            (129, 1),
            (256, 1),
            (5000, 1),
        ] {
            let picture = reds(side, 1, 1);
            assert_eq!(enlargement(&panels(&[picture])), factor, "a side of {side}");
        }
    }

    #[test]
    fn no_panel_and_too_many_pixels_are_errors() {
        assert!(matches!(side_by_side(&[]), Err(Error::Invalid(_))));
        assert!(matches!(
            Canvas::white(1 << 16, 1 << 16),
            Err(Error::Invalid(_))
        ));
        assert!(matches!(
            Canvas::white(usize::MAX, 3),
            Err(Error::Invalid(_))
        ));
        let (tall, wide) = (reds(1, 40_000, 1), reds(40_000, 1, 1));
        let result = side_by_side(&panels(&[tall, wide]));
        assert!(result.unwrap_err().to_string().contains("2 GiB"));
    }

    #[test]
    fn the_same_panels_give_the_same_bytes() {
        // Letters are set by additions, multiplications and roundings only, so that every
        // processor draws them alike; this sum was computed once.
        let figure = side_by_side(&panels(&[reds(640, 427, 1)])).unwrap();
        let sum = figure
            .over_white()
            .as_flattened()
            .iter()
            .fold(0u64, |sum, &byte| {
                sum.wrapping_mul(31).wrapping_add(byte.into())
            });
        assert_eq!(sum, 7_665_096_714_877_559_551);
    }
}
