//! The pictures of a page as data: URLs, in the room that there is.

use base64::{Engine, prelude::BASE64_STANDARD};
use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};
use quantize::{
    Error, Picture, Result,
    picture::{EncodeOptions, Pixels},
};

use super::{Curve, Plot, room::Room};
use crate::cli::method::{Fit, Subject};

/// The longest side of a thumbnail: it is shown at half of it, and screens with small pixels at all.
const THUMBNAIL_SIDE: u32 = 96;

/// The qualities of JPEGs: without visible loss, and good enough for a thumbnail.
const QUALITY: u8 = 92;
const THUMBNAIL_QUALITY: u8 = 80;

/// An opaque original stays exact when that takes at most this share of the room.
const EXACT_SHARE: usize = 8;

/// What a page shows of a picture.
#[derive(Debug)]
pub struct Views {
    /// A data: URL for the table.
    pub thumbnail: Option<String>,
    /// What its own part of the page shows, if it has one.
    pub part: Option<Part>,
}

/// What the part of a page about one picture shows.
#[derive(Debug)]
pub struct Part {
    pub pair: Pair,
    pub curve: Option<Curve>,
    pub plot: Plot,
}

/// The original and the result as data: URLs, both of this size.
#[derive(Debug)]
pub struct Pair {
    pub before: String,
    pub after: String,
    pub width: u32,
    pub height: u32,
    /// Their size is that of the picture divided by this.
    factor: u32,
    /// Whether `before` is not exactly the original.
    lossy: bool,
}

impl Views {
    /// Of `subject`, of the `model` that it was compressed with and how that was found, and of the
    /// `result`, whose file is `png`, what there is room for.
    ///
    /// # Errors
    /// When a picture cannot be encoded.
    pub fn of<const D: usize>(
        model: &Fit<D>,
        subject: &Subject<D>,
        result: &Picture,
        png: &[u8],
        room: Room,
    ) -> Result<Self> {
        let part = |bytes| {
            let Subject {
                picture, colors, ..
            } = subject;
            Ok::<_, Error>(Part {
                pair: Pair::of(picture, result, png, bytes)?,
                curve: model.curve(),
                plot: Plot::of(colors, model.space(), &model.centers(), bytes),
            })
        };
        Ok(Self {
            thumbnail: room.thumbnail.then(|| thumbnail(result)).transpose()?,
            part: room.section.map(part).transpose()?,
        })
    }
}

impl Pair {
    /// The original and the result, whose file is `png`, in at most so many `bytes`.
    pub fn of(original: &Picture, result: &Picture, png: &[u8], bytes: usize) -> Result<Self> {
        let mut factor = 1;
        loop {
            // Nothing that has more pixels than there are bytes would fit.
            let pixels = original.len() / (factor as usize * factor as usize);
            if pixels <= bytes {
                let pair = Self::reduced(original, result, png, bytes, factor)?;
                let fits = pair.before.len() + pair.after.len() <= bytes;
                if fits || pixels <= 1 {
                    return Ok(pair);
                }
            }
            factor += 1;
        }
    }

    fn reduced(
        original: &Picture,
        result: &Picture,
        png: &[u8],
        bytes: usize,
        factor: u32,
    ) -> Result<Self> {
        if factor > 1 {
            let (before, after) = (reduced(original, factor)?, reduced(result, factor)?);
            return Ok(Self {
                before: jpeg(&before, QUALITY)?,
                after: jpeg(&after, QUALITY)?,
                width: before.width(),
                height: before.height(),
                factor,
                lossy: true,
            });
        }
        let most = bytes / EXACT_SHARE;
        let exact = if original.has_alpha() || original.len() <= most {
            let exact = data_url("image/png", &original.encode_png(EncodeOptions::default())?);
            Some(exact).filter(|exact| original.has_alpha() || exact.len() <= most)
        } else {
            None
        };
        let lossy = exact.is_none();
        Ok(Self {
            before: exact.map_or_else(|| jpeg(original, QUALITY), Ok)?,
            after: data_url("image/png", png),
            width: original.width(),
            height: original.height(),
            factor,
            lossy,
        })
    }

    /// What the reader should know of the two, if anything.
    pub fn note(&self) -> Option<String> {
        match (self.factor, self.lossy) {
            (1, false) => None,
            (1, true) => Some(format!(
                "The original is shown as a JPEG of quality {QUALITY}; the result is exact."
            )),
            (factor, _) => Some(format!(
                "Both are shown at 1/{factor} of their width and height, as JPEGs of quality \
                 {QUALITY}, to keep the page small."
            )),
        }
    }
}

fn thumbnail(picture: &Picture) -> Result<String> {
    let side = picture.width().max(picture.height());
    jpeg(
        &reduced(picture, side.div_ceil(THUMBNAIL_SIDE))?,
        THUMBNAIL_QUALITY,
    )
}

/// `picture` with its width and height divided by `factor`, rounded up: means over squares of pixels,
/// over white where they are not opaque.
fn reduced(picture: &Picture, factor: u32) -> Result<Picture> {
    let pixels = picture.over_white();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let side = factor as usize;
    let mean = |x: usize, y: usize| {
        let columns = x * side..width.min((x + 1) * side);
        let rows = y * side..height.min((y + 1) * side);
        let n = (columns.len() * rows.len()) as u64;
        let mut sum = [0; 3];
        for row in rows {
            for pixel in &pixels[row * width..][columns.clone()] {
                for d in 0..3 {
                    sum[d] += u64::from(pixel[d]);
                }
            }
        }
        sum.map(|sum| ((sum + n / 2) / n) as u8)
    };
    let (columns, rows) = (width.div_ceil(side), height.div_ceil(side));
    let means = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
    let means = means.map(|(x, y)| mean(x, y)).collect();
    Picture::from_pixels(columns as u32, rows as u32, Pixels::Rgb8(means))
}

/// `picture` over white as a JPEG, or as a PNG where its sides are too long for that.
fn jpeg(picture: &Picture, quality: u8) -> Result<String> {
    let pixels = picture.over_white();
    let mut bytes = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut bytes, quality).encode(
        pixels.as_flattened(),
        picture.width(),
        picture.height(),
        ExtendedColorType::Rgb8,
    );
    Ok(match encoded {
        Ok(()) => data_url("image/jpeg", &bytes),
        Err(_) => data_url("image/png", &picture.encode_png(EncodeOptions::default())?),
    })
}

fn data_url(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let pixels = pixels.map(|(x, y)| pixel(x, y)).collect();
        Picture::from_pixels(width, height, Pixels::Rgb8(pixels)).unwrap()
    }

    /// Colors that no format makes small.
    fn noise(width: u32, height: u32) -> Picture {
        let byte = |x: u32, y: u32, d: u32| {
            ((x * 7919 + y * 104_729 + d * 1_299_709).wrapping_mul(2_654_435_761) >> 24) as u8
        };
        picture(width, height, |x, y| [0, 1, 2].map(|d| byte(x, y, d)))
    }

    fn decoded(url: &str) -> Picture {
        let base64 = url.split_once(";base64,").unwrap().1;
        let bytes = BASE64_STANDARD.decode(base64).unwrap();
        let options = quantize::picture::DecodeOptions::default();
        quantize::picture::decode(&bytes, None, &options)
            .unwrap()
            .picture
    }

    #[test]
    fn a_small_picture_is_shown_exactly_and_its_result_as_it_was_written() {
        let original = picture(30, 20, |x, y| [x as u8 * 8, y as u8 * 12, 77]);
        let result = picture(30, 20, |x, _| [x as u8 / 10, 0, 0]);
        let png = result.encode_png(EncodeOptions::default()).unwrap();
        let pair = Pair::of(&original, &result, &png, 1 << 20).unwrap();
        assert_eq!(decoded(&pair.before), original);
        assert_eq!(pair.after, data_url("image/png", &png));
        assert_eq!(pair.note(), None);
    }

    #[test]
    fn what_has_no_room_becomes_lossy_and_then_smaller_and_says_so() {
        let original = noise(300, 200);
        let png = original.encode_png(EncodeOptions::default()).unwrap();
        let pair = |bytes| {
            let pair = Pair::of(&original, &original, &png, bytes).unwrap();
            assert!(pair.before.len() + pair.after.len() <= bytes);
            pair
        };
        let large = pair(400_000);
        assert_eq!((large.width, large.height), (300, 200));
        assert!(large.note().unwrap().contains("the result is exact"));
        let small = pair(60_000);
        assert!(small.factor > 1 && small.width == 300_u32.div_ceil(small.factor));
        assert!(small.note().unwrap().contains("1/"));
        assert_eq!(decoded(&small.after).width(), small.width);
    }

    #[test]
    fn alpha_is_kept_where_there_is_room() {
        let pixels = (0..64).map(|i| [i, 0, 0, 4 * i]).collect();
        let original = Picture::from_pixels(8, 8, Pixels::Rgba8(pixels)).unwrap();
        let png = original.encode_png(EncodeOptions::default()).unwrap();
        let pair = Pair::of(&original, &original, &png, 1 << 16).unwrap();
        assert_eq!(decoded(&pair.before), original);
    }

    #[test]
    fn a_reduced_pixel_is_the_mean_of_those_it_stands_for() {
        let small = reduced(&picture(5, 3, |x, y| [x as u8 * 10, y as u8 * 100, 9]), 2).unwrap();
        let expected = [
            [5, 50, 9],
            [25, 50, 9],
            [40, 50, 9],
            [5, 200, 9],
            [25, 200, 9],
            [40, 200, 9],
        ];
        assert_eq!(small, picture(3, 2, |x, y| expected[(y * 3 + x) as usize]));
    }

    #[test]
    fn a_picture_of_one_row_has_a_thumbnail_and_a_pair() {
        let row = noise(70_000, 1);
        let png = row.encode_png(EncodeOptions::default()).unwrap();
        let thumbnail = decoded(&thumbnail(&row).unwrap());
        assert!(thumbnail.width() <= THUMBNAIL_SIDE && thumbnail.height() == 1);
        let pair = Pair::of(&row, &row, &png, 1 << 18).unwrap();
        assert!(pair.before.len() < 1 << 18);
    }
}
