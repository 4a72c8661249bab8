//! Bytes to [`Picture`] and back: decoding, PNG encoding, and writing a file whole or not at all.

mod builtin;
mod chunks;
mod decode;
mod encode;
mod gray;
mod histogram;
mod indexed;
mod metadata;
mod profile;
mod tally;
mod write;

pub use builtin::{BUILTIN_NAMES, builtin, builtin_bytes};
pub use chunks::is_png;
pub use decode::{DecodeOptions, Decoded, Warning, decode, load, memory_needed};
pub use encode::EncodeOptions;
pub use gray::encode_gray;
pub use indexed::IndexedPicture;
pub use metadata::{Metadata, Resolution};
pub use write::{Existing, Staged, write};

use std::{borrow::Cow, sync::Arc};

use rayon::prelude::*;

pub(crate) use tally::Tally;

use crate::{Error, Result};

/// Pixels that are worth a parallel task.
pub(crate) const PIXELS_PER_TASK: usize = 1 << 16;

/// Pixels row by row from the top left: sRGB, alpha straight (not premultiplied).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// Opaque, 8 bits a channel.
    Rgb8(Vec<[u8; 3]>),
    /// With alpha, 8 bits a channel.
    Rgba8(Vec<[u8; 4]>),
    /// Opaque, 16 bits a channel.
    Rgb16(Vec<[u16; 3]>),
    /// With alpha, 16 bits a channel.
    Rgba16(Vec<[u16; 4]>),
}

impl Pixels {
    /// How many there are.
    fn len(&self) -> usize {
        match self {
            Self::Rgb8(pixels) => pixels.len(),
            Self::Rgba8(pixels) => pixels.len(),
            Self::Rgb16(pixels) => pixels.len(),
            Self::Rgba16(pixels) => pixels.len(),
        }
    }

    /// The same colors without what says nothing: alpha that is opaque everywhere, and 16 bits that
    /// 8 can say (multiples of 257).
    fn simplified(self) -> Self {
        match self {
            Self::Rgba16(pixels) if all(&pixels, |pixel| pixel[3] == u16::MAX) => {
                Self::Rgb16(each(&pixels, |[r, g, b, _]| [r, g, b])).simplified()
            }
            Self::Rgba16(pixels) if all(&pixels, |pixel| pixel.map(is_byte) == [true; 4]) => {
                Self::Rgba8(each(&pixels, |pixel| pixel.map(|value| (value >> 8) as u8)))
            }
            Self::Rgb16(pixels) if all(&pixels, |pixel| pixel.map(is_byte) == [true; 3]) => {
                Self::Rgb8(each(&pixels, |pixel| pixel.map(|value| (value >> 8) as u8)))
            }
            Self::Rgba8(pixels) if all(&pixels, |pixel| pixel[3] == u8::MAX) => {
                Self::Rgb8(each(&pixels, |[r, g, b, _]| [r, g, b]))
            }
            simple => simple,
        }
    }
}

/// Whether 16 bits say no more than 8 do.
fn is_byte(value: u16) -> bool {
    value.is_multiple_of(257)
}

/// The byte nearest to 16 bits.
fn nearest_byte(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

fn all<T: Copy + Sync>(pixels: &[T], is: impl Fn(T) -> bool + Sync) -> bool {
    pixels
        .par_chunks(PIXELS_PER_TASK)
        .all(|part| part.iter().all(|&pixel| is(pixel)))
}

fn each<T: Copy + Sync, U: Send>(pixels: &[T], of: impl Fn(T) -> U + Sync) -> Vec<U> {
    pixels
        .par_iter()
        .with_min_len(PIXELS_PER_TASK)
        .map(|&pixel| of(pixel))
        .collect()
}

/// A picture of sRGB pixels. It has at least one pixel; it has alpha only where some pixel is not
/// opaque, and 16 bits a channel only where 8 would lose something.
/// Clones share the pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    content: Arc<Content>,
}

/// Pixels, and what is known of them.
#[derive(Debug)]
struct Content {
    pixels: Pixels,
    /// Where they are opaque bytes and a decoder has counted them by the way.
    tally: Option<Tally>,
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.pixels == other.pixels
    }
}

impl Eq for Content {}

impl Picture {
    /// A picture of these dimensions, to which `pixels` are known to fit; their `tally` may have been made by
    /// the way.
    fn of(width: u32, height: u32, pixels: Pixels, tally: Option<Tally>) -> Self {
        let pixels = pixels.simplified();
        Self {
            width,
            height,
            content: Arc::new(Content { pixels, tally }),
        }
    }

    /// An opaque picture of these dimensions whose pixels are copied from `rgb`, three bytes each.
    ///
    /// # Errors
    /// When a dimension is 0, or `rgb` does not hold exactly `width * height * 3` bytes.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what makes a picture is given to it"
    )]
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self> {
        let (pixels, rest) = rgb.as_chunks();
        if !rest.is_empty() {
            return Err(Error::Invalid(format!(
                "{} bytes are no pixels of three bytes each",
                rgb.len()
            )));
        }
        Self::from_pixels(width, height, Pixels::Rgb8(pixels.to_vec()))
    }

    /// A picture of these dimensions, row by row.
    ///
    /// # Errors
    /// When a dimension is 0, or there are not exactly `width * height` pixels.
    pub fn from_pixels(width: u32, height: u32, pixels: Pixels) -> Result<Self> {
        Self::from_counted(width, height, pixels, None)
    }

    /// As [`from_pixels`](Self::from_pixels), of pixels whose `tally` may have been made by the way.
    fn from_counted(width: u32, height: u32, pixels: Pixels, tally: Option<Tally>) -> Result<Self> {
        let expected = u64::from(width) * u64::from(height);
        if expected == 0 || pixels.len() as u64 != expected {
            return Err(Error::Invalid(format!(
                "a picture of {width}x{height} has {expected} pixels and at least one, not {}",
                pixels.len()
            )));
        }
        Ok(Self::of(width, height, pixels, tally))
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
    pub fn pixels(&self) -> &Pixels {
        &self.content.pixels
    }

    /// How many of the pixels have each color, and the pixels, where that was counted by the way.
    pub(crate) fn tally(&self) -> Option<(&Tally, &[[u8; 3]])> {
        match (&self.content.tally, self.pixels()) {
            (Some(tally), Pixels::Rgb8(pixels)) => Some((tally, pixels)),
            _ => None,
        }
    }

    /// How many pixels there are.
    #[expect(clippy::len_without_is_empty, reason = "a picture has a pixel")]
    pub fn len(&self) -> usize {
        self.pixels().len()
    }

    /// Whether some pixel is not opaque.
    pub fn has_alpha(&self) -> bool {
        matches!(self.pixels(), Pixels::Rgba8(_) | Pixels::Rgba16(_))
    }

    /// Pixel `i`, counted row by row, on the scale 0 to 255.
    ///
    /// # Panics
    /// When there is no such pixel.
    pub fn rgba(&self, i: usize) -> [f64; 4] {
        let opaque = |[r, g, b]: [f64; 3]| [r, g, b, 255.0];
        match self.pixels() {
            Pixels::Rgb8(pixels) => opaque(pixels[i].map(f64::from)),
            Pixels::Rgba8(pixels) => pixels[i].map(f64::from),
            Pixels::Rgb16(pixels) => opaque(pixels[i].map(|value| f64::from(value) / 257.0)),
            Pixels::Rgba16(pixels) => pixels[i].map(|value| f64::from(value) / 257.0),
        }
    }

    /// All pixels with 8 bits a channel, and alpha.
    pub fn to_rgba8(&self) -> Vec<[u8; 4]> {
        let opaque = |[r, g, b]: [u8; 3]| [r, g, b, u8::MAX];
        match self.pixels() {
            Pixels::Rgb8(pixels) => each(pixels, opaque),
            Pixels::Rgba8(pixels) => pixels.clone(),
            Pixels::Rgb16(pixels) => each(pixels, |pixel| opaque(pixel.map(nearest_byte))),
            Pixels::Rgba16(pixels) => each(pixels, |pixel| pixel.map(nearest_byte)),
        }
    }

    /// All pixels with 8 bits a channel, over white where they are not opaque.
    pub fn over_white(&self) -> Cow<'_, [[u8; 3]]> {
        let over = |[r, g, b, a]: [u8; 4]| {
            let a = u32::from(a);
            [r, g, b].map(|value| ((u32::from(value) * a + 255 * (255 - a) + 127) / 255) as u8)
        };
        match self.pixels() {
            Pixels::Rgb8(pixels) => Cow::Borrowed(pixels),
            Pixels::Rgba8(pixels) => Cow::Owned(each(pixels, over)),
            Pixels::Rgb16(pixels) => Cow::Owned(each(pixels, |pixel| pixel.map(nearest_byte))),
            Pixels::Rgba16(pixels) => {
                Cow::Owned(each(pixels, |pixel| over(pixel.map(nearest_byte))))
            }
        }
    }

    /// The bytes of a PNG file with 8 bits a channel.
    ///
    /// # Errors
    /// When the picture is larger than PNG holds.
    pub fn encode_png(&self, options: EncodeOptions) -> Result<Vec<u8>> {
        let (width, height) = (self.width, self.height);
        if self.has_alpha() {
            let pixels = self.to_rgba8();
            encode::full_color(width, height, true, pixels.as_flattened(), options)
        } else {
            let pixels = self.over_white();
            encode::full_color(width, height, false, pixels.as_flattened(), options)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(pixels: Pixels) -> Picture {
        Picture::from_pixels(2, 1, pixels).unwrap()
    }

    #[test]
    fn what_says_nothing_is_dropped() {
        let opaque = picture(Pixels::Rgba16(vec![[257, 514, 0, 65535], [0, 0, 0, 65535]]));
        assert_eq!(opaque.pixels(), &Pixels::Rgb8(vec![[1, 2, 0], [0; 3]]));
        let soft = picture(Pixels::Rgba16(vec![[257, 514, 0, 65535], [0, 0, 0, 257]]));
        let expected = Pixels::Rgba8(vec![[1, 2, 0, 255], [0, 0, 0, 1]]);
        assert_eq!(soft.pixels(), &expected);
        let fine = Pixels::Rgb16(vec![[256, 0, 0], [0; 3]]);
        assert_eq!(picture(fine.clone()).pixels(), &fine);
        assert!(Picture::from_pixels(2, 2, fine).is_err());
    }

    #[test]
    fn a_pixel_is_the_same_on_one_scale_whatever_its_bits() {
        let fine = picture(Pixels::Rgba16(vec![[256, 65535, 0, 128], [0; 4]]));
        let [r, g, b, a] = fine.rgba(0);
        assert_eq!((g, b), (255.0, 0.0));
        assert!((r - 256.0 / 257.0).abs() < 1e-12 && (a - 128.0 / 257.0).abs() < 1e-12);
        assert_eq!(fine.to_rgba8()[0], [1, 255, 0, 0]);
        assert_eq!(
            picture(Pixels::Rgb8(vec![[1, 2, 3]; 2])).rgba(1),
            [1.0, 2.0, 3.0, 255.0]
        );
    }

    #[test]
    fn white_shines_through_what_is_not_opaque() {
        let soft = picture(Pixels::Rgba8(vec![[0, 100, 255, 0], [0, 255, 100, 51]]));
        assert_eq!(*soft.over_white(), [[255; 3], [204, 255, 224]]);
    }
}
