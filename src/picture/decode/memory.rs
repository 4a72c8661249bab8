//! How much memory a picture takes, known from its header.

use image::{ColorType, ExtendedColorType, ImageDecoder};

use super::{Format, jpeg::JpegHeader, other};
use crate::{
    Error, Result,
    error::guarded,
    picture::{Tally, chunks},
};

/// Bytes a pixel of what follows the decoder: its distinct color, where a dither asks for it, its palette
/// entry and its color in the result.
const MAP_BYTES: u64 = 8;

/// The same where colors are not three bytes: its key, which is sorted, and its distinct color.
const SORT_BYTES: u64 = 12;

/// What is known of a picture before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    width: u32,
    height: u32,
    /// Bytes that the decoder takes at once, with the pixels that it gives.
    decoder: u64,
    /// Bytes of the pixels.
    pixels: u64,
}

/// Bytes of memory that it takes to read the picture in `bytes`, to give each pixel a color and to
/// encode the result: an upper bound, from the header alone. It counts neither `bytes` themselves nor
/// the distinct colors, whose number no header tells:
/// [`Colors::memory_needed`](crate::Colors::memory_needed) does once they are found.
///
/// # Errors
/// As [`decode`](super::decode), as far as the header shows it.
pub fn memory_needed(bytes: &[u8], extension: Option<&str>) -> Result<u64> {
    guarded(|| {
        let (format, bytes) = Format::of(bytes, extension)?;
        Ok(Header::read(format, &bytes)?.memory_needed())
    })
}

impl Header {
    /// The header of `bytes`.
    ///
    /// # Errors
    /// [`Error::Decode`] or [`Error::Invalid`] when it is broken.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Self> {
        match format {
            Format::Png => Ok(Self::of_png(bytes)),
            Format::Jpeg => {
                let header = Self::of_jpeg(&JpegHeader::read(bytes), bytes.len() as u64);
                if header.width == 0 || header.height == 0 {
                    let what = "a JPEG that does not tell its size: broken, or cut short";
                    return Err(Error::Invalid(what.to_owned()));
                }
                Ok(header)
            }
            _ => Ok(Self::of_other(format, &other::decoder(format, bytes)?)),
        }
    }

    /// # Errors
    /// When there is no pixel, or it needs more memory than this.
    pub fn check(&self, max_memory: u64) -> Result<()> {
        if self.width == 0 || self.height == 0 {
            return Err(Error::Invalid(format!(
                "a picture of {}x{} has no pixels",
                self.width, self.height
            )));
        }
        let needed = self.memory_needed();
        if needed > max_memory {
            return Err(Error::Memory {
                needed,
                available: max_memory,
            });
        }
        Ok(())
    }

    fn memory_needed(&self) -> u64 {
        let count = u64::from(self.width) * u64::from(self.height);
        let is_rgb8 = self.pixels == count.saturating_mul(3);
        let (map, tally) = if is_rgb8 {
            (MAP_BYTES, Tally::memory_needed(count))
        } else {
            (SORT_BYTES, 0)
        };
        let after = self.pixels.saturating_add(count.saturating_mul(map));
        // Some decoders count while they decode.
        self.decoder.max(after).saturating_add(tally)
    }

    /// A decoder with a buffer of `buffer` bytes a pixel, which gives pixels of this type.
    fn new(width: u32, height: u32, buffer: u64, color_type: ColorType) -> Self {
        let (channels, bytes) = match color_type {
            ColorType::L8 | ColorType::Rgb8 => (3, 1),
            ColorType::La8 | ColorType::Rgba8 => (4, 1),
            ColorType::La16 | ColorType::Rgba16 | ColorType::Rgba32F => (4, 2),
            _ => (3, 2),
        };
        let count = u64::from(width) * u64::from(height);
        // What is not RGB or RGBA of bytes passes through a buffer more.
        let copied = match color_type {
            ColorType::Rgb8 | ColorType::Rgba8 => 0,
            other => u64::from(other.bytes_per_pixel()),
        };
        let pixels = count.saturating_mul(channels * bytes);
        Self {
            width,
            height,
            decoder: count.saturating_mul(buffer + copied).saturating_add(pixels),
            pixels,
        }
    }

    fn of_png(png: &[u8]) -> Self {
        let mut chunks = chunks::of(png);
        let header = chunks.next().filter(|chunk| &chunk.name == b"IHDR");
        let Some(&[w3, w2, w1, w0, h3, h2, h1, h0, depth, color, ..]) =
            header.and_then(|chunk| chunk.data.first_chunk::<13>())
        else {
            // The decoder says what is wrong.
            return Self::new(1, 1, 0, ColorType::Rgba8);
        };
        let has_alpha = color & 4 != 0
            || chunks
                .take_while(|chunk| &chunk.name != b"IDAT")
                .any(|chunk| &chunk.name == b"tRNS");
        let is_gray = matches!(color, 0 | 4);
        let color_type = match (is_gray, has_alpha, depth) {
            (true, false, 16) => ColorType::L16,
            (true, true, 16) => ColorType::La16,
            (false, false, 16) => ColorType::Rgb16,
            (false, true, 16) => ColorType::Rgba16,
            (true, false, _) => ColorType::L8,
            (true, true, _) => ColorType::La8,
            (false, false, _) => ColorType::Rgb8,
            (false, true, _) => ColorType::Rgba8,
        };
        let width = u32::from_be_bytes([w3, w2, w1, w0]);
        let height = u32::from_be_bytes([h3, h2, h1, h0]);
        Self::new(width, height, 0, color_type)
    }

    fn of_jpeg(jpeg: &JpegHeader, file: u64) -> Self {
        let (width, height) = (jpeg.width.into(), jpeg.height.into());
        let components = u64::from(jpeg.components);
        // A coefficient of 16 bits for each sample.
        let buffer = if jpeg.is_buffered { 2 * components } else { 0 };
        let color_type = match components {
            1 => ColorType::L8,
            _ => ColorType::Rgb8,
        };
        let header = Self::new(width, height, buffer, color_type);
        Self {
            // The decoder copies the file.
            decoder: header.decoder.saturating_add(file),
            ..header
        }
    }

    fn of_other(format: Format, decoder: &impl ImageDecoder) -> Self {
        let (width, height) = decoder.dimensions();
        let color_type = decoder.color_type();
        let samples = u64::from(color_type.bytes_per_pixel());
        let buffer = match format {
            // A frame, which is composed into the picture.
            Format::Gif => 4,
            // The frame and the canvas of an animation, or planes.
            Format::WebP => 8,
            // All strips, before they are put in order.
            Format::Tiff => match decoder.original_color_type() {
                ExtendedColorType::Cmyk8 => 4,
                ExtendedColorType::Cmyk16 => 8,
                _ => samples,
            },
            _ => 0,
        };
        Self::new(width, height, buffer, color_type)
    }
}
