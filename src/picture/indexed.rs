//! A picture of palette indices, and its PNG.

use super::Picture;
use crate::{Error, Palette, Result};

/// A picture whose pixels are indices into a palette of 1 to 256 colors. Every index lies inside
/// the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedPicture {
    width: u32,
    height: u32,
    palette: Palette,
    indices: Vec<u8>,
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
        if let Some(&index) = indices
            .iter()
            .find(|&&index| usize::from(index) >= palette.len())
        {
            return Err(Error::Invalid(format!(
                "index {index} lies outside the palette of {} colors",
                palette.len()
            )));
        }
        Ok(Self {
            width,
            height,
            palette,
            indices,
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
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.palette.len()];
        for &index in &self.indices {
            counts[usize::from(index)] += 1;
        }
        counts
    }

    /// The same picture with its palette ordered by falling pixel count (ties: by color), and
    /// without the entries that no pixel has.
    #[must_use]
    pub fn sorted_by_count(&self) -> Self {
        let counts = self.counts();
        let colors = self.palette.colors();
        let mut order: Vec<usize> = (0..colors.len())
            .filter(|&entry| counts[entry] > 0)
            .collect();
        order.sort_by_key(|&entry| (std::cmp::Reverse(counts[entry]), colors[entry]));
        let mut new_index = vec![0u8; colors.len()];
        for (new, &old) in order.iter().enumerate() {
            new_index[old] = new as u8;
        }
        let palette = self.palette.select(&order);
        Self {
            palette,
            indices: self
                .indices
                .iter()
                .map(|&index| new_index[usize::from(index)])
                .collect(),
            ..*self
        }
    }

    /// The picture in full color.
    pub fn to_picture(&self) -> Picture {
        let colors = self.palette.colors();
        let rgb = self
            .indices
            .iter()
            .flat_map(|&index| colors[usize::from(index)])
            .collect();
        Picture {
            width: self.width,
            height: self.height,
            rgb,
        }
    }

    /// The bytes of an indexed PNG file, with the smallest bit depth that holds the palette.
    ///
    /// # Errors
    /// When the PNG encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        let (depth, bits) = match self.palette.len() {
            0..=2 => (png::BitDepth::One, 1),
            3..=4 => (png::BitDepth::Two, 2),
            5..=16 => (png::BitDepth::Four, 4),
            _ => (png::BitDepth::Eight, 8),
        };
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(depth);
        encoder.set_palette(self.palette.colors().concat());
        // Indices are names, not amounts: differences between neighbors mean nothing to deflate.
        encoder.set_filter(png::Filter::NoFilter);
        let mut writer = encoder.write_header().map_err(Error::Encode)?;
        writer
            .write_image_data(&self.packed(bits))
            .map_err(Error::Encode)?;
        writer.finish().map_err(Error::Encode)?;
        Ok(bytes)
    }

    /// The indices with `8 / bits` to a byte, the leftmost pixel in the highest bits, each row
    /// starting a byte (PNG specification, section 7.2).
    fn packed(&self, bits: usize) -> Vec<u8> {
        let row_to_bytes = |row: &[u8]| {
            row.chunks(8 / bits)
                .map(|pixels| {
                    pixels
                        .iter()
                        .enumerate()
                        .fold(0, |byte, (i, &index)| byte | index << (8 - bits * (i + 1)))
                })
                .collect::<Vec<u8>>()
        };
        self.indices
            .chunks(self.width as usize)
            .flat_map(row_to_bytes)
            .collect()
    }
}
