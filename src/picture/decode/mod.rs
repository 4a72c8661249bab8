//! Bytes of a picture file to a [`Picture`]: upright, in sRGB, within a bound of memory.

mod format;
mod frames;
mod ico;
mod jpeg;
mod memory;
mod orientation;
mod other;
mod png;
mod samples;

use std::{fmt, fs, path::Path};

use image::metadata::Orientation;

pub use memory::memory_needed;

pub(super) use orientation::swaps_sides;

use self::{format::Format, memory::Header};
use super::{
    Metadata, Picture, Pixels, Tally,
    profile::{self, ColorDescription, Outcome},
};
use crate::{Error, Result, error::guarded};

/// How a picture is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Bytes that reading the picture may take; the default is 2 GiB.
    pub max_memory: u64,
    /// Whether colors are converted to sRGB from what the file says they are (default). Otherwise
    /// the numbers are taken as they are, and what says what they mean goes to the [`Metadata`].
    pub convert_to_srgb: bool,
    /// Whether a JPEG whose end is missing is read as far as it goes (default: refused).
    pub allow_truncated: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_memory: 2 << 30,
            convert_to_srgb: true,
            allow_truncated: false,
        }
    }
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Its first picture; of an icon the largest.
    pub picture: Picture,
    /// What is kept beside the pixels.
    pub metadata: Metadata,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// Something about a file that was read all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// It has more than one frame or page.
    MoreFrames,
    /// It is a JPEG whose end is missing.
    Truncated,
    /// Its color profile cannot be read.
    ProfileBroken,
    /// Its color profile is not one of RGB or gray, or not for its kind of pixels.
    ProfileIgnored,
    /// It says that it is of high dynamic range, which sRGB is not.
    HighDynamicRange,
    /// It carries more text than a picture's metadata should.
    TextDropped,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MoreFrames => "more than one frame: the first one is taken",
            Self::Truncated => "truncated: what is missing is gray",
            Self::ProfileBroken => "its color profile is broken: the colors are taken for sRGB",
            Self::ProfileIgnored => {
                "its color profile is ignored: the colors are what the decoder makes of them"
            }
            Self::HighDynamicRange => "high dynamic range: the colors are taken for sRGB",
            Self::TextDropped => "text of more than 64 KiB is dropped",
        })
    }
}

/// A picture as its decoder gives it.
struct Raw {
    width: u32,
    height: u32,
    pixels: Pixels,
    /// Of these pixels, if the decoder has counted by the way.
    tally: Option<Tally>,
    /// Whether all pixels are gray because the format says so.
    is_gray: bool,
    orientation: Orientation,
    color: ColorDescription,
    metadata: Metadata,
    warnings: Vec<Warning>,
}

/// The picture that a file holds, read with the default options.
///
/// # Errors
/// When the file cannot be read, or [`decode`] refuses its bytes.
pub fn load(path: &Path) -> Result<Picture> {
    let bytes = fs::read(path)?;
    let extension = path.extension().and_then(|e| e.to_str());
    Ok(decode(&bytes, extension, &DecodeOptions::default())?.picture)
}

/// The first picture in `bytes`, upright and in sRGB; the format is told by the content.
/// `extension` is asked only where the content says nothing, because TGA files carry no signature.
///
/// # Errors
/// [`Error::NotAPicture`] when no format is recognized, [`Error::UnsupportedFormat`] when it is
/// none that is read here, [`Error::Memory`] when the picture is too large for
/// [`DecodeOptions::max_memory`], [`Error::Truncated`] when the end of the picture is missing,
/// [`Error::Decode`] when the bytes break the format's rules, [`Error::DecoderPanicked`] when the
/// decoder does that (and panics unwind, as they do unless a program's profile says otherwise).
pub fn decode(bytes: &[u8], extension: Option<&str>, options: &DecodeOptions) -> Result<Decoded> {
    guarded(|| unguarded(bytes, extension, options))
}

/// As [`decode`], whose decoders may panic.
fn unguarded(bytes: &[u8], extension: Option<&str>, options: &DecodeOptions) -> Result<Decoded> {
    let (format, bytes) = Format::of(bytes, extension)?;
    let header = Header::read(format, &bytes)?;
    header.check(options.max_memory)?;

    let mut warnings = Vec::new();
    if format == Format::Jpeg && !jpeg::is_complete(&bytes) {
        if !options.allow_truncated {
            return Err(Error::Truncated);
        }
        warnings.push(Warning::Truncated);
    }
    if frames::are_more_than_one(format, &bytes) {
        warnings.push(Warning::MoreFrames);
    }
    let mut raw = match format {
        Format::Png => png::read(&bytes)?,
        _ => other::read(format, &bytes, options.max_memory)?,
    };
    warnings.append(&mut raw.warnings);

    if options.convert_to_srgb {
        match profile::to_srgb(&mut raw.pixels, raw.is_gray, &raw.color) {
            Outcome::Srgb => {}
            Outcome::Converted => raw.tally = None,
            Outcome::Broken => {
                raw.tally = None;
                warnings.push(Warning::ProfileBroken);
            }
            Outcome::Ignored => warnings.push(Warning::ProfileIgnored),
            Outcome::HighDynamicRange => warnings.push(Warning::HighDynamicRange),
        }
    } else {
        raw.metadata.describe_color(raw.color);
    }
    raw.metadata.orient(raw.orientation);
    let (width, height, pixels) =
        orientation::upright(raw.width, raw.height, raw.pixels, raw.orientation);
    Ok(Decoded {
        picture: Picture::from_counted(width, height, pixels, raw.tally)?,
        metadata: raw.metadata,
        warnings,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageBuffer, ImageFormat};

    use super::*;
    use crate::{colors::Distinct, picture::builtin_bytes, testing::noise};

    fn decoded(bytes: &[u8]) -> Decoded {
        decode(bytes, None, &DecodeOptions::default()).unwrap()
    }

    fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture
            .write_to(&mut Cursor::new(&mut bytes), format)
            .unwrap();
        bytes
    }

    fn of(width: u32, height: u32, pixels: Pixels) -> Picture {
        Picture::from_pixels(width, height, pixels).unwrap()
    }

    fn soft() -> DynamicImage {
        let pixels: Vec<u8> = (0..5 * 4 * 4).map(|i| i * 3).collect();
        ImageBuffer::<image::Rgba<u8>, _>::from_raw(5, 4, pixels)
            .unwrap()
            .into()
    }

    #[test]
    fn every_format_without_loss_gives_the_same_pixels() {
        let soft = soft();
        let expected = of(5, 4, Pixels::Rgba8(soft.as_bytes().as_chunks().0.to_vec()));
        let opaque = DynamicImage::from(soft.to_rgb8());
        for format in [
            ImageFormat::Png,
            ImageFormat::Tiff,
            ImageFormat::WebP,
            ImageFormat::Qoi,
            ImageFormat::Ico,
            ImageFormat::Bmp,
        ] {
            let decoded = decoded(&file(&soft, format));
            assert_eq!(decoded.picture, expected, "{format:?}");
            assert_eq!(decoded.warnings, []);
        }
        let expected = of(5, 4, Pixels::Rgb8(opaque.as_bytes().as_chunks().0.to_vec()));
        assert_eq!(decoded(&file(&opaque, ImageFormat::Pnm)).picture, expected);

        let tga = file(&opaque, ImageFormat::Tga);
        let options = DecodeOptions::default();
        let by_name = decode(&tga, Some("TGA"), &options).unwrap();
        assert_eq!(by_name.picture, expected);
        assert!(matches!(
            decode(&tga, None, &options),
            Err(Error::NotAPicture)
        ));
    }

    #[test]
    fn sixteen_bits_and_gray_keep_what_they_are() {
        let fine: Vec<u16> = (0..20).map(|i| i * 1000).collect();
        let gray: DynamicImage = ImageBuffer::<image::Luma<u16>, _>::from_raw(5, 4, fine.clone())
            .unwrap()
            .into();
        let expected = of(5, 4, Pixels::Rgb16(fine.iter().map(|&v| [v; 3]).collect()));
        for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm] {
            assert_eq!(decoded(&file(&gray, format)).picture, expected);
        }
    }

    #[test]
    fn more_memory_than_allowed_is_refused_before_any_is_taken() {
        let bytes = file(&soft(), ImageFormat::Png);
        let needed = memory_needed(&bytes, None).unwrap();
        let with = |max_memory| {
            let options = DecodeOptions {
                max_memory,
                ..Default::default()
            };
            decode(&bytes, None, &options)
        };
        assert!(with(needed).is_ok());
        let refused = with(needed - 1).unwrap_err();
        assert!(matches!(refused, Error::Memory { .. }), "{refused}");

        // A GIF of 29 bytes that says 65,535 x 65,535.
        let mut bomb =
            b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;".to_vec();
        let refused = decode(&bomb, None, &DecodeOptions::default()).unwrap_err();
        assert!(
            refused.to_string().ends_with(" MiB of 2048 MiB"),
            "{refused}"
        );
        bomb[6..10].fill(0);
        let empty = decode(&bomb, None, &DecodeOptions::default()).unwrap_err();
        assert_eq!(empty.to_string(), "a picture of 0x0 has no pixels");
    }

    #[test]
    fn a_cut_jpeg_is_refused_unless_that_is_allowed() {
        let bytes = builtin_bytes("flower.jpg").unwrap();
        let cut = &bytes[..bytes.len() / 2];
        let refused = decode(cut, None, &DecodeOptions::default());
        assert!(matches!(refused, Err(Error::Truncated)));
        let options = DecodeOptions {
            allow_truncated: true,
            ..Default::default()
        };
        let decoded = decode(cut, None, &options).unwrap();
        assert_eq!(decoded.warnings, [Warning::Truncated]);
        assert_eq!(
            (decoded.picture.width(), decoded.picture.height()),
            (640, 427)
        );
    }

    #[test]
    fn what_is_no_picture_or_one_of_another_kind_says_so() {
        let error = |bytes: &[u8]| {
            decode(bytes, Some("png"), &DecodeOptions::default())
                .unwrap_err()
                .to_string()
        };
        assert!(error(b"").starts_with("not a picture"));
        assert!(error(b"some text").starts_with("not a picture"));
        assert_eq!(error(b"#?RADIANCE\n"), "unsupported format: hdr");
        assert_eq!(
            error(b"farbfeld\0\0\xff\xff\0\0\xff\xff"),
            "unsupported format: ff"
        );
    }

    #[test]
    fn colors_are_converted_unless_told_not_to() {
        let mut bytes = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut bytes, 1, 1);
        encoder.set_source_gamma(::png::ScaledFloat::new(1.0));
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[55]).unwrap();
        writer.finish().unwrap();
        assert_eq!(
            decoded(&bytes).picture,
            of(1, 1, Pixels::Rgb8(vec![[128; 3]]))
        );
        assert_eq!(decoded(&bytes).metadata, Metadata::default());
        let options = DecodeOptions {
            convert_to_srgb: false,
            ..Default::default()
        };
        let kept = decode(&bytes, None, &options).unwrap();
        assert_eq!(kept.picture, of(1, 1, Pixels::Rgb8(vec![[55; 3]])));
        assert_ne!(kept.metadata, Metadata::default());
    }

    #[test]
    fn a_png_that_is_cut_or_whose_last_checksum_is_wrong_is_refused() {
        let noise = noise(300, 100, 4).over_white().into_owned();
        let noise = image::RgbImage::from_raw(300, 100, noise.into_flattened()).unwrap();
        let whole = file(&noise.into(), ImageFormat::Png);
        let end = whole.len();
        assert!(decode(&whole, None, &DecodeOptions::default()).is_ok());
        // Without the chunk at the end, within the checksum before it, within the pixels.
        for kept in [end - 12, end - 14, end - 16, end - 20, end / 2, 60] {
            let error = decode(&whole[..kept], None, &DecodeOptions::default()).unwrap_err();
            assert!(matches!(error, Error::Truncated), "{kept}: {error}");
        }
        let mut wrong = whole;
        wrong[end - 13] ^= 1;
        assert!(decode(&wrong, None, &DecodeOptions::default()).is_err());
    }

    #[test]
    fn colors_that_were_counted_while_decoding_are_those_of_the_picture() {
        let noise = noise(400, 150, 4);
        let pixels = noise.over_white();
        // As they are, and with a gamma that they are converted from.
        for gamma in [None, Some(1.0)] {
            let mut bytes = Vec::new();
            let mut encoder = ::png::Encoder::new(&mut bytes, noise.width(), noise.height());
            encoder.set_color(::png::ColorType::Rgb);
            if let Some(gamma) = gamma {
                encoder.set_source_gamma(::png::ScaledFloat::new(gamma));
            }
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(pixels.as_flattened()).unwrap();
            writer.finish().unwrap();
            let picture = decoded(&bytes).picture;
            assert_eq!(picture == noise, gamma.is_none());
            assert_eq!(picture.tally().is_some(), gamma.is_none());
            let again = of(400, 150, picture.pixels().clone());
            let [counted, expected] = [&picture, &again]
                .map(|picture| Distinct::of(picture).colors().collect::<Vec<_>>());
            assert_eq!(counted, expected);
        }
    }
}
