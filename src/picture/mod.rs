//! Bytes to [`Picture`] and back: decoding, PNG encoding, and writing a file whole or not at all.

mod builtin;
mod decode;
mod indexed;
mod write;

pub use builtin::{BUILTIN_NAMES, builtin, builtin_bytes};
pub use decode::{decode, load};
pub use indexed::IndexedPicture;
pub use write::{Existing, Staged, write};

use crate::{Error, Result};

/// An opaque picture of 8-bit sRGB pixels, row by row from the top left. It has at least one pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Picture {
    /// A picture of these dimensions with `rgb` as its pixels, three bytes each.
    ///
    /// # Errors
    /// When a dimension is 0, or `rgb` does not hold exactly `width * height * 3` bytes.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self> {
        let expected = u64::from(width) * u64::from(height) * 3;
        if expected == 0 || rgb.len() as u64 != expected {
            return Err(Error::Invalid(format!(
                "{width}x{height} pixels need {expected} bytes and at least one pixel, not {} bytes",
                rgb.len()
            )));
        }
        Ok(Self { width, height, rgb })
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All pixels, row by row.
    pub fn pixels(&self) -> &[[u8; 3]] {
        self.rgb.as_chunks().0
    }

    /// All pixels' bytes, row by row.
    pub fn as_bytes(&self) -> &[u8] {
        &self.rgb
    }

    /// The picture as the bytes of a 24-bit PNG file.
    ///
    /// # Errors
    /// When the PNG encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        // Noise and photos hardly shrink by trying harder, and a figure can have a gigabyte.
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(Error::Encode)?;
        writer.write_image_data(&self.rgb).map_err(Error::Encode)?;
        writer.finish().map_err(Error::Encode)?;
        Ok(bytes)
    }
}
