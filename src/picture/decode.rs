//! Bytes of a picture file to a [`Picture`].

use std::{fs, io::Cursor, path::Path};

use image::{ImageDecoder, ImageFormat, ImageReader};

use super::{Picture, Pixels};
use crate::{Error, Result};

/// The picture that a file holds.
///
/// # Errors
/// When the file cannot be read, or [`decode`] refuses its bytes.
pub fn load(path: &Path) -> Result<Picture> {
    decode(&fs::read(path)?, path.extension().and_then(|e| e.to_str()))
}

/// The first picture in `bytes`, upright, as sRGB; the format is told by the content.
/// `extension` is asked only where the content says nothing, because TGA files carry no signature.
///
/// # Errors
/// [`Error::NotAPicture`] when no format is recognized, [`Error::Decode`] when the bytes break its
/// rules.
pub fn decode(bytes: &[u8], extension: Option<&str>) -> Result<Picture> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    if reader.format().is_none() {
        match extension {
            Some(e) if e.eq_ignore_ascii_case("tga") => reader.set_format(ImageFormat::Tga),
            _ => return Err(Error::NotAPicture),
        }
    }
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(2 << 30);
    let mut decoder = reader.into_decoder().map_err(Error::Decode)?;
    // `into_decoder` leaves the allocation limit to the caller.
    limits
        .reserve(decoder.total_bytes())
        .map_err(Error::Decode)?;
    decoder.set_limits(limits).map_err(Error::Decode)?;
    let orientation = decoder.orientation().map_err(Error::Decode)?;
    let mut decoded = image::DynamicImage::from_decoder(decoder).map_err(Error::Decode)?;
    decoded.apply_orientation(orientation);
    let (width, height) = (decoded.width(), decoded.height());
    let color = decoded.color();
    let fine = color.bytes_per_pixel() > color.channel_count();
    let pixels = match (fine, color.has_alpha()) {
        (false, false) => return Picture::new(width, height, decoded.into_rgb8().into_raw()),
        (false, true) => Pixels::Rgba8(chunks(&decoded.into_rgba8().into_raw())),
        (true, false) => Pixels::Rgb16(chunks(&decoded.into_rgb16().into_raw())),
        (true, true) => Pixels::Rgba16(chunks(&decoded.into_rgba16().into_raw())),
    };
    Picture::from_pixels(width, height, pixels)
}

fn chunks<T: Copy, const CHANNELS: usize>(values: &[T]) -> Vec<[T; CHANNELS]> {
    values.as_chunks().0.to_vec()
}
