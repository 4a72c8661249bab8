//! All formats but PNG, by the `image` crate.

use std::io::{Cursor, ErrorKind};

use image::{ColorType, ExtendedColorType, ImageDecoder, ImageError, ImageReader, Limits};

use super::{
    Format, Raw,
    jpeg::{Density, JpegHeader},
    samples,
};
use crate::{
    Error, Result,
    picture::{
        metadata::{Metadata, Resolution},
        profile::ColorDescription,
    },
};

/// The decoder of `bytes`, which has read their header.
pub fn decoder(format: Format, bytes: &[u8]) -> Result<impl ImageDecoder> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    reader.set_format(format.name());
    reader.into_decoder().map_err(broken)
}

/// The picture in `bytes`.
///
/// # Errors
/// [`Error::Decode`] or [`Error::Truncated`].
pub fn read(format: Format, bytes: &[u8], max_memory: u64) -> Result<Raw> {
    let mut decoder = decoder(format, bytes)?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(max_memory);
    decoder.set_limits(limits).map_err(broken)?;

    let (width, height) = decoder.dimensions();
    let color_type = decoder.color_type();
    let orientation = decoder.orientation().map_err(broken)?;
    // A profile that cannot be had is one that cannot be read.
    let color = match decoder.icc_profile() {
        Ok(None) => ColorDescription::Srgb,
        Ok(Some(profile)) => ColorDescription::Icc(profile),
        Err(_) => ColorDescription::Icc(Vec::new()),
    };
    let resolution = match format {
        Format::Jpeg => JpegHeader::read(bytes).density.map(resolution),
        _ => None,
    };
    let is_gray = matches!(
        decoder.original_color_type(),
        ExtendedColorType::L1 | ExtendedColorType::L8 | ExtendedColorType::L16
    ) || matches!(color_type, ColorType::La8 | ColorType::La16);
    let count = width as usize * height as usize;
    let pixels = samples::pixels(color_type, count, |buffer| {
        decoder.read_image(buffer).map_err(broken)
    })?;
    Ok(Raw {
        width,
        height,
        pixels,
        tally: None,
        is_gray,
        orientation,
        color,
        metadata: Metadata::new(resolution),
        warnings: Vec::new(),
    })
}

fn broken(error: ImageError) -> Error {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => Error::Truncated,
        error => Error::Decode(error),
    }
}

fn resolution(density: Density) -> Resolution {
    let unit_in_meters = if density.per_inch { 0.0254 } else { 0.01 };
    let per_meter = |number: u16| (f64::from(number) / unit_in_meters).round() as u32;
    Resolution {
        x: per_meter(density.x),
        y: per_meter(density.y),
        per_meter: true,
    }
}
