//! PNG, by the `png` crate: the `image` crate hides what its chunks say about color.

use std::io::{Cursor, ErrorKind};

use image::{
    ColorType::{self, L8, L16, La8, La16, Rgb8, Rgb16, Rgba8, Rgba16},
    ImageError, ImageFormat,
    error::DecodingError,
    metadata::Orientation,
};
use png::{BitDepth, Transformations};

use super::{Raw, Warning, samples};
use crate::{
    Error, Result,
    picture::{
        chunks,
        metadata::{Metadata, Resolution},
        profile::{Chromaticities, ColorDescription},
        tally::{Counter, Tally},
    },
};

/// What the decoder may take for rows and a color profile, which can be a kilobyte in the file.
const METADATA_BYTES: usize = 64 << 20;

/// Pixels that are counted at once: few, so that not much is left to do after the last ones.
const PIXELS_TO_COUNT: usize = 1 << 14;

/// Pixels whose memory is touched at once.
const PIXELS_TO_TOUCH: usize = 1 << 17;

/// Bytes of a page of memory on most machines.
const PAGE: usize = 1 << 12;

/// The picture in `png`; of an animation the image that is shown where animations are not.
///
/// # Errors
/// [`Error::Decode`] or [`Error::Truncated`].
pub fn read(png: &[u8]) -> Result<Raw> {
    let limits = png::Limits {
        bytes: METADATA_BYTES,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(png), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(broken)?;

    let info = reader.info();
    let (width, height) = info.size();
    let color = color_description(info);
    let resolution = info.pixel_dims.map(|dims| Resolution {
        x: dims.xppu,
        y: dims.yppu,
        per_meter: matches!(dims.unit, png::Unit::Meter),
    });
    let color_type = color_type(reader.output_color_type())?;
    let is_interlaced = info.interlaced;
    let count = width as usize * height as usize;
    let mut tally = None;
    let pixels = samples::pixels(color_type, count, |buffer| {
        if color_type == Rgb8 && !is_interlaced {
            tally = read_and_count(&mut reader, buffer, width as usize)?;
            return Ok(());
        }
        reader.next_frame(buffer).map_err(broken)?;
        if matches!(color_type, L16 | La16 | Rgb16 | Rgba16) {
            for sample in buffer.as_chunks_mut().0 {
                *sample = u16::from_be_bytes(*sample).to_ne_bytes();
            }
        }
        Ok(())
    })?;

    let mut metadata = Metadata::new(resolution);
    let mut orientation = Orientation::NoTransforms;
    let mut warnings = Vec::new();
    for chunk in chunks::of(png).filter(chunks::Chunk::is_intact) {
        match &chunk.name {
            b"tEXt" | b"zTXt" | b"iTXt" if !metadata.keep_text(&chunk) => {
                warnings.push(Warning::TextDropped);
            }
            b"eXIf" => {
                if let Some(found) = Orientation::from_exif_chunk(chunk.data) {
                    orientation = found;
                }
            }
            _ => {}
        }
    }
    warnings.dedup();
    Ok(Raw {
        width,
        height,
        pixels,
        tally,
        is_gray: matches!(color_type, L8 | La8 | L16 | La16),
        orientation,
        color,
        metadata,
        warnings,
    })
}

/// Reads rows of `width` pixels of three bytes into `buffer`, all zeros, while other threads that have nothing
/// to do touch its memory ahead and count the pixels behind, if there are others.
fn read_and_count(
    reader: &mut png::Reader<Cursor<&[u8]>>,
    buffer: &mut [u8],
    width: usize,
) -> Result<Option<Tally>> {
    let is_alone = rayon::current_num_threads() == 1;
    let counter = Counter::new(buffer.len() / 3);
    let row_bytes = 3 * width;
    let [part_bytes, piece_bytes] =
        [PIXELS_TO_COUNT, PIXELS_TO_TOUCH].map(|pixels| row_bytes * pixels.div_ceil(width));
    // The decoder stays on its thread, where a panic of it is known for what it is.
    rayon::in_place_scope(|behind| {
        let mut pieces = buffer.chunks_mut(piece_bytes);
        let mut next = pieces.next();
        while let Some(piece) = next {
            next = pieces.next();
            rayon::in_place_scope(|ahead| {
                if let Some(next) = &mut next
                    && !is_alone
                {
                    ahead.spawn(|_| touch(next));
                }
                for part in piece.chunks_mut(part_bytes) {
                    for row in part.chunks_mut(row_bytes) {
                        reader.read_row(row).map_err(broken)?;
                    }
                    let pixels: &[[u8; 3]] = part.as_chunks().0;
                    if is_alone {
                        counter.count(pixels);
                    } else {
                        let counter = &counter;
                        behind.spawn(move |_| counter.count(pixels));
                    }
                }
                Ok::<_, Error>(())
            })?;
        }
        // The end of the data is checked where no row is left.
        reader.read_row(&mut []).map_err(broken)
    })?;
    Ok(counter.into_tally())
}

/// Touches each page of `zeros`. The system gives memory when it is touched first, which the decoder would
/// wait for: in a virtual machine an eighth of its time.
fn touch(zeros: &mut [u8]) {
    for byte in zeros.iter_mut().step_by(PAGE) {
        *byte = 0;
    }
}

/// What the numbers mean, by the chunk that has precedence (PNG specification, section 4.3).
fn color_description(info: &png::Info<'_>) -> ColorDescription {
    if let Some(codes) = info.coding_independent_code_points {
        return ColorDescription::Cicp([
            codes.color_primaries,
            codes.transfer_function,
            codes.matrix_coefficients,
            codes.is_video_full_range_image.into(),
        ]);
    }
    if let Some(profile) = &info.icc_profile {
        return ColorDescription::Icc(profile.to_vec());
    }
    match (info.srgb, info.gama_chunk, info.chrm_chunk) {
        (None, Some(gamma), chromaticities) => ColorDescription::Gamma {
            gamma: gamma.into_scaled(),
            chromaticities: chromaticities.map(Chromaticities::from),
        },
        // Lamps without a gamma say too little, as browsers have it.
        _ => ColorDescription::Srgb,
    }
}

fn color_type((channels, depth): (png::ColorType, BitDepth)) -> Result<ColorType> {
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let (eight, sixteen) = match channels {
        Grayscale => (L8, L16),
        GrayscaleAlpha => (La8, La16),
        Rgb => (Rgb8, Rgb16),
        Rgba => (Rgba8, Rgba16),
        Indexed => return Err(Error::Invalid("a palette that was not expanded".to_owned())),
    };
    Ok(match depth {
        BitDepth::Sixteen => sixteen,
        _ => eight,
    })
}

fn broken(error: png::DecodingError) -> Error {
    if matches!(&error, png::DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof)
    {
        return Error::Truncated;
    }
    let format = ImageFormat::Png.into();
    Error::Decode(ImageError::Decoding(DecodingError::new(format, error)))
}
