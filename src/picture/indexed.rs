//! A picture of palette indices.

use rayon::prelude::*;

use super::{EncodeOptions, PIXELS_PER_TASK, Picture, Pixels, encode, histogram::histogram};
use crate::{Error, Palette, Result, colors::ColorOfPixel, map};

/// A picture whose pixels are indices into a palette of 1 to 256 colors. Every index lies inside
/// the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedPicture {
    width: u32,
    height: u32,
    palette: Palette,
    indices: Vec<u8>,
    /// How many pixels have each palette entry.
    counts: Vec<u64>,
}

impl IndexedPicture {
    /// A picture of these dimensions whose pixel `i`, row by row, has the color
    /// `palette[indices[i]]`.
    ///
    /// # Errors
    /// When a dimension is 0, there are not exactly `width * height` indices, or one lies outside
    /// the palette.
    pub fn new(width: u32, height: u32, palette: Palette, indices: Vec<u8>) -> Result<Self> {
        let expected = u64::from(width) * u64::from(height);
        if expected == 0 || indices.len() as u64 != expected {
            return Err(Error::Invalid(format!(
                "{width}x{height} pixels need {expected} indices and at least one pixel, not {} indices",
                indices.len()
            )));
        }
        let mut counts = counts(&indices);
        if let Some(index) = (palette.len()..counts.len()).rfind(|&index| counts[index] > 0) {
            return Err(Error::Invalid(format!(
                "index {index} lies outside the palette of {} colors",
                palette.len()
            )));
        }
        counts.truncate(palette.len());
        Ok(Self {
            width,
            height,
            palette,
            indices,
            counts,
        })
    }

    /// A picture of these dimensions whose pixels have the color `palette[entry_of_color[row]]`, where
    /// `row` is what [`ColorOfPixel`] tells of each.
    ///
    /// # Errors
    /// When there are not exactly `width * height` pixels, there is not one entry for each color, or one
    /// lies outside the palette.
    pub fn of_colors(
        width: u32,
        height: u32,
        palette: Palette,
        color_of_pixel: &ColorOfPixel,
        entry_of_color: &[u8],
    ) -> Result<Self> {
        let (pixels, colors) = (color_of_pixel.len(), color_of_pixel.counts());
        if u64::from(width) * u64::from(height) != pixels as u64 {
            return Err(Error::Invalid(format!(
                "{pixels} pixels are not a picture of {width}x{height}"
            )));
        }
        map::check_entries(colors.len(), &palette, entry_of_color)?;
        Ok(Self {
            width,
            height,
            counts: map::counts_of_entries(colors, entry_of_color, palette.len()),
            palette,
            indices: color_of_pixel.expand(entry_of_color),
        })
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The colors that the indices point to.
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// One palette index a pixel, row by row.
    pub fn indices(&self) -> &[u8] {
        &self.indices
    }

    /// How many pixels have each palette entry.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The same picture with its palette ordered by falling pixel count (ties: by color), and
    /// without the entries that no pixel has, unless they are among the colors `kept`.
    #[must_use]
    pub fn sorted_by_count(&self, kept: &[[u8; 4]]) -> Self {
        let (palette, new_index) = self.palette.sorted_by_count(&self.counts, kept);
        let mut counts = vec![0; palette.len()];
        for (&count, &index) in self.counts.iter().zip(&new_index) {
            counts[usize::from(index)] += count;
        }
        Self {
            palette,
            counts,
            indices: self
                .indices
                .par_iter()
                .with_min_len(PIXELS_PER_TASK)
                .map(|&index| new_index[usize::from(index)])
                .collect(),
            ..*self
        }
    }

    /// The picture in full color.
    pub fn to_picture(&self) -> Picture {
        let colors = self.palette.colors();
        let indices = self.indices.par_iter().with_min_len(PIXELS_PER_TASK);
        let pixels = indices.map(|&index| colors[usize::from(index)]);
        let pixels = if self.palette.has_alpha() {
            Pixels::Rgba8(pixels.collect())
        } else {
            Pixels::Rgb8(pixels.map(|[r, g, b, _]| [r, g, b]).collect())
        };
        Picture::of(self.width, self.height, pixels, None)
    }

    /// The bytes of a PNG file with these pixels, indexed, or gray where all colors are gray and
    /// that is smaller. Palette entries that no pixel has are left out unless the options say
    /// otherwise, and the others are in an order that compresses well, those that are not opaque first.
    ///
    /// # Errors
    /// When the picture is larger than PNG holds.
    pub fn encode_png(&self, options: EncodeOptions) -> Result<Vec<u8>> {
        encode::indexed(self, options)
    }
}

/// How often each byte is among the indices.
fn counts(indices: &[u8]) -> Vec<u64> {
    let parts: Vec<_> = indices.par_chunks(PIXELS_PER_TASK).map(histogram).collect();
    let count = |index: usize| parts.iter().map(|part| u64::from(part[index])).sum();
    (0..256).map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{DecodeOptions, decode};
    use crate::{Colors, Effort, Space, testing::noise};

    fn gray(colors: usize) -> Palette {
        let colors: Vec<_> = (0..colors).map(|value| [value as u8; 3]).collect();
        Palette::opaque(&colors).unwrap()
    }

    fn reds(colors: usize) -> Palette {
        let colors: Vec<_> = (0..colors).map(|value| [value as u8, 9, 0]).collect();
        Palette::opaque(&colors).unwrap()
    }

    #[test]
    fn a_file_has_the_least_bits_that_hold_the_palette_and_decodes_to_the_same_pixels() {
        for (colors, bits) in [
            (1, 1),
            (2, 1),
            (3, 2),
            (4, 2),
            (5, 4),
            (16, 4),
            (17, 8),
            (256, 8),
        ] {
            // Widths that leave a byte partly filled, and one that does not.
            for width in [1, 5, 7, 8] {
                let indices: Vec<u8> = (0..width * 300).map(|i| (i * 7 % colors) as u8).collect();
                let picture =
                    IndexedPicture::new(width as u32, 300, reds(colors), indices).unwrap();
                let bytes = picture.encode_png(EncodeOptions::default()).unwrap();
                assert_eq!(bytes[24], bits, "the bit depth stands in byte 24 of a PNG");
                assert_eq!(bytes[25], 3, "color type 3 is indexed");
                let decoded = decode(&bytes, None, &DecodeOptions::default()).unwrap();
                assert_eq!(decoded.picture, picture.to_picture());
            }
        }
    }

    #[test]
    fn an_index_outside_the_palette_and_a_wrong_size_are_refused() {
        assert!(IndexedPicture::new(2, 1, gray(3), vec![0, 3]).is_err());
        assert!(IndexedPicture::new(2, 1, gray(3), vec![0, 1, 2]).is_err());
        assert!(IndexedPicture::new(0, 1, gray(3), vec![]).is_err());
    }

    #[test]
    fn entries_of_colors_make_the_picture_that_their_pixels_make_one_by_one() {
        let noise = noise(40, 30, 2);
        for space in [Space::Srgb, Space::Oklab] {
            let (colors, color_of_pixel) = Colors::<3>::in_space(&noise, space);
            let entries: Vec<u8> = (0..colors.len()).map(|row| (row * row % 5) as u8).collect();
            let of_colors = |width, palette, entries: &[u8]| {
                IndexedPicture::of_colors(width, 30, palette, &color_of_pixel, entries)
            };
            let indices = color_of_pixel.expand(&entries);
            let expected = IndexedPicture::new(40, 30, gray(7), indices).unwrap();
            assert_eq!(of_colors(40, gray(7), &entries).unwrap(), expected);

            for width in [0, 39, 41] {
                assert!(of_colors(width, gray(7), &entries).is_err());
            }
            assert!(of_colors(40, gray(4), &entries).is_err());
            assert!(of_colors(40, gray(7), &entries[1..]).is_err());
            assert!(of_colors(40, gray(7), &[&*entries, &[0]].concat()).is_err());
        }
    }

    #[test]
    fn sorting_by_count_changes_no_pixel_and_drops_what_no_pixel_has() {
        let picture = IndexedPicture::new(3, 2, gray(5), vec![3, 1, 4, 3, 1, 3]).unwrap();
        let sorted = picture.sorted_by_count(&[]);
        assert_eq!(sorted.to_picture(), picture.to_picture());
        let expected = Palette::opaque(&[[3; 3], [1; 3], [4; 3]]).unwrap();
        assert_eq!(sorted.palette(), &expected);
        assert_eq!(sorted.counts(), [3, 2, 1]);
        assert_eq!((sorted.width(), sorted.height()), (3, 2));
        assert_eq!(sorted.indices(), [0, 1, 2, 0, 1, 0]);
    }

    #[test]
    fn colors_that_are_kept_stay_in_palette_and_file_though_no_pixel_has_them() {
        let indices = [3, 1, 4, 3, 1, 3].repeat(100);
        let picture = IndexedPicture::new(60, 10, reds(5), indices).unwrap();
        let sorted = picture.sorted_by_count(&[[2, 9, 0, 255]]);
        let expected = Palette::opaque(&[[3, 9, 0], [1, 9, 0], [4, 9, 0], [2, 9, 0]]).unwrap();
        assert_eq!(sorted.palette(), &expected);
        for effort in [Effort::Fast, Effort::Balanced, Effort::Best] {
            let entries = |keep_unused| {
                let options = EncodeOptions {
                    effort,
                    keep_unused,
                };
                let bytes = sorted.encode_png(options).unwrap();
                let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info();
                let reader = reader.unwrap();
                reader.info().palette.as_ref().unwrap().len() / 3
            };
            assert_eq!((entries(false), entries(true)), (3, 4));
        }
    }

    #[test]
    fn a_color_that_is_kept_keeps_the_palette_of_a_picture_of_grays() {
        let mut colors: Vec<_> = (0..16).map(|value| [17 * value; 3]).collect();
        colors.push([200, 0, 0]);
        let palette = Palette::opaque(&colors).unwrap();
        let indices = (0..600).map(|i| i as u8 % 16).collect();
        let picture = IndexedPicture::new(60, 10, palette, indices).unwrap();
        for effort in [Effort::Fast, Effort::Balanced, Effort::Best] {
            let keep_unused = true;
            let options = EncodeOptions {
                effort,
                keep_unused,
            };
            let bytes = picture.encode_png(options).unwrap();
            assert_eq!(bytes[25], 3, "color type 3 is indexed");
        }
    }

    #[test]
    fn counts_of_a_picture_of_many_tasks_add_up() {
        let indices: Vec<u8> = (0..300_000u32).map(|i| (i % 3) as u8).collect();
        let picture = IndexedPicture::new(1000, 300, gray(4), indices).unwrap();
        assert_eq!(picture.counts(), [100_000, 100_000, 100_000, 0]);
    }
}
