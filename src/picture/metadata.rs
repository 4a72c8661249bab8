//! What is kept of a file beside its pixels, and how it gets into a PNG.
//!
//! Kept are the resolution (PNG's pHYs, a JPEG's JFIF density) and the text of a PNG (tEXt, zTXt,
//! iTXt: title, author, copyright and the like), up to 64 KiB of it. Not kept are time stamps, which
//! are those of another file; EXIF and XMP, which describe the picture before it was turned, and
//! with their thumbnails and histories are often larger than a picture of few colors; and what says
//! which colors the numbers mean, because the colors are sRGB, unless they were not converted.

use image::metadata::Orientation;

use super::{
    chunks::{self, Chunk},
    decode::swaps_sides,
    profile::ColorDescription,
};
use crate::{Error, Result};

/// Text beyond this is no caption any more.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// The keyword of XMP in iTXt.
const XMP: &[u8] = b"XML:com.adobe.xmp\0";

/// What is kept beside the pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// How large the pixels are.
    pub resolution: Option<Resolution>,
    /// Whole text chunks.
    text: Vec<u8>,
    /// What colors that were not converted mean.
    color: ColorDescription,
}

/// Pixels in a unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// In a row.
    pub x: u32,
    /// In a column.
    pub y: u32,
    /// The unit is a meter; otherwise it is unknown, and only the ratio means something.
    pub per_meter: bool,
}

impl Metadata {
    /// This resolution and nothing else.
    pub(super) fn new(resolution: Option<Resolution>) -> Self {
        Self {
            resolution,
            ..Self::default()
        }
    }

    /// Adds a text chunk, and says whether there was room for it. XMP is not kept.
    pub(super) fn keep_text(&mut self, chunk: &Chunk<'_>) -> bool {
        if chunk.data.starts_with(XMP) {
            return true;
        }
        let has_room = self.text.len() + chunk.whole.len() <= MAX_TEXT_BYTES;
        if has_room {
            self.text.extend(chunk.whole);
        }
        has_room
    }

    /// Says what the numbers of the pixels mean.
    pub(super) fn describe_color(&mut self, color: ColorDescription) {
        self.color = color;
    }

    /// Follows the pixels of a picture that is turned upright.
    pub(super) fn orient(&mut self, orientation: Orientation) {
        if swaps_sides(orientation)
            && let Some(resolution) = &mut self.resolution
        {
            std::mem::swap(&mut resolution.x, &mut resolution.y);
        }
    }

    /// `png` with this in it.
    ///
    /// # Errors
    /// [`Error::Encode`] when a profile cannot be written, [`Error::Invalid`] when `png` is none.
    pub fn put_into(&self, png: Vec<u8>) -> Result<Vec<u8>> {
        if *self == Self::default() {
            return Ok(png);
        }
        let header = chunks::of(&png)
            .next()
            .ok_or_else(|| Error::Invalid("metadata goes into a PNG only".to_owned()))?;
        // All of it may stand right behind the header.
        let (start, rest) = png.split_at(chunks::SIGNATURE.len() + header.whole.len());
        Ok([start, &self.chunks()?, rest].concat())
    }

    /// This as PNG chunks.
    fn chunks(&self) -> Result<Vec<u8>> {
        // The encoder knows how each is written, so it writes a pixel with them, which is left out.
        let mut info = png::Info::with_size(1, 1);
        info.pixel_dims = self.resolution.map(|resolution| png::PixelDimensions {
            xppu: resolution.x,
            yppu: resolution.y,
            unit: if resolution.per_meter {
                png::Unit::Meter
            } else {
                png::Unit::Unspecified
            },
        });
        let mut cicp = None;
        match &self.color {
            ColorDescription::Srgb => {}
            ColorDescription::Icc(profile) => info.icc_profile = Some(profile.into()),
            ColorDescription::Cicp(codes) => cicp = Some(codes),
            ColorDescription::Gamma {
                gamma,
                chromaticities,
            } => {
                info.source_gamma = Some(png::ScaledFloat::from_scaled(*gamma));
                info.source_chromaticities = chromaticities.map(Into::into);
            }
        }
        let mut pixel = Vec::new();
        let mut writer = png::Encoder::with_info(&mut pixel, info)
            .and_then(png::Encoder::write_header)
            .map_err(Error::Encode)?;
        if let Some(codes) = cicp {
            let name = png::chunk::ChunkType(*b"cICP");
            writer.write_chunk(name, codes).map_err(Error::Encode)?;
        }
        drop(writer);
        let kept = chunks::of(&pixel).filter(|chunk| !matches!(&chunk.name, b"IHDR" | b"IEND"));
        let mut bytes: Vec<u8> = kept.flat_map(|chunk| chunk.whole).copied().collect();
        bytes.extend(&self.text);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        picture::{DecodeOptions, decode, profile::Chromaticities},
        testing,
    };

    const NUMBERS: DecodeOptions = DecodeOptions {
        max_memory: 1 << 30,
        convert_to_srgb: false,
        allow_truncated: false,
    };

    fn metadata(color: ColorDescription) -> Metadata {
        Metadata {
            resolution: Some(Resolution {
                x: 2835,
                y: 5669,
                per_meter: true,
            }),
            text: Vec::new(),
            color,
        }
    }

    #[test]
    fn what_is_put_into_a_png_is_read_from_it_and_the_pixels_stay() {
        let picture = testing::noise(5, 4, 8);
        let png = picture
            .encode_png(crate::picture::EncodeOptions::default())
            .unwrap();
        let lamps = Chromaticities {
            white: (31270, 32900),
            red: (68000, 32000),
            green: (26500, 69000),
            blue: (15000, 6000),
        };
        for color in [
            ColorDescription::Srgb,
            ColorDescription::Icc(vec![7; 3000]),
            ColorDescription::Cicp([12, 13, 0, 1]),
            ColorDescription::Gamma {
                gamma: 55000,
                chromaticities: Some(lamps),
            },
        ] {
            let metadata = metadata(color);
            let with = metadata.put_into(png.clone()).unwrap();
            let decoded = decode(&with, None, &NUMBERS).unwrap();
            assert_eq!(decoded.metadata, metadata);
            assert_eq!(decoded.picture, picture);
            assert!(chunks::of(&with).all(|chunk| chunk.is_intact()));
        }
    }

    #[test]
    fn text_is_kept_but_not_xmp_and_not_without_end() {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
        let mut add = |key: &str, text: &str| encoder.add_text_chunk(key.into(), text.into());
        add("Author", "Ada").unwrap();
        encoder
            .add_itxt_chunk("XML:com.adobe.xmp".into(), "<x/>".into())
            .unwrap();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[0]).unwrap();
        writer.finish().unwrap();

        let decoded = decode(&bytes, None, &NUMBERS).unwrap();
        let with = decoded
            .metadata
            .put_into(
                testing::noise(2, 2, 8)
                    .encode_png(crate::picture::EncodeOptions::default())
                    .unwrap(),
            )
            .unwrap();
        let text: Vec<_> = chunks::of(&with)
            .filter(|chunk| chunk.name.ends_with(b"Xt"))
            .map(|chunk| chunk.data.to_vec())
            .collect();
        assert_eq!(text, [b"Author\0Ada"]);

        let long = chunks::of(&with).next().unwrap();
        let mut metadata = Metadata::default();
        let fit = (0..4000).take_while(|_| metadata.keep_text(&long)).count();
        assert_eq!(fit, MAX_TEXT_BYTES / long.whole.len());
    }

    #[test]
    fn the_resolution_turns_with_the_picture() {
        let mut metadata = metadata(ColorDescription::Srgb);
        metadata.orient(Orientation::Rotate180);
        assert_eq!(metadata.resolution.unwrap().x, 2835);
        metadata.orient(Orientation::Rotate90);
        assert_eq!(metadata.resolution.unwrap().x, 5669);
    }

    #[test]
    fn nothing_kept_changes_nothing() {
        let png = testing::noise(2, 2, 8)
            .encode_png(crate::picture::EncodeOptions::default())
            .unwrap();
        assert_eq!(Metadata::default().put_into(png.clone()).unwrap(), png);
        assert!(
            metadata(ColorDescription::Srgb)
                .put_into(b"text".to_vec())
                .is_err()
        );
    }
}
