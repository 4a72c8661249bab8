//! Which format bytes are of.

use std::borrow::Cow;

use image::ImageFormat;

use super::ico;
use crate::{Error, Result};

/// The formats that are read. (Icons are a wrapping of one of the others.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Bmp,
    Gif,
    Ico,
    Jpeg,
    Png,
    Pnm,
    Qoi,
    Tga,
    Tiff,
    WebP,
}

impl Format {
    /// The format of `bytes` and the bytes that are in it: of an icon that holds PNGs it is the
    /// largest PNG.
    pub fn of<'a>(bytes: &'a [u8], extension: Option<&str>) -> Result<(Self, Cow<'a, [u8]>)> {
        let format = match image::guess_format(bytes) {
            Ok(ImageFormat::Bmp) => Self::Bmp,
            Ok(ImageFormat::Gif) => Self::Gif,
            Ok(ImageFormat::Ico) => return ico::largest(bytes),
            Ok(ImageFormat::Jpeg) => Self::Jpeg,
            Ok(ImageFormat::Png) => Self::Png,
            Ok(ImageFormat::Pnm) => Self::Pnm,
            Ok(ImageFormat::Qoi) => Self::Qoi,
            Ok(ImageFormat::Tiff) => Self::Tiff,
            Ok(ImageFormat::WebP) => Self::WebP,
            Ok(other) => {
                let name = other.extensions_str().first().unwrap_or(&"unknown");
                return Err(Error::UnsupportedFormat(name));
            }
            Err(_) => match extension {
                Some(e) if e.eq_ignore_ascii_case("tga") => Self::Tga,
                _ => return Err(Error::NotAPicture),
            },
        };
        Ok((format, Cow::Borrowed(bytes)))
    }

    /// Its name among those of the `image` crate.
    pub fn name(self) -> ImageFormat {
        match self {
            Self::Bmp => ImageFormat::Bmp,
            Self::Gif => ImageFormat::Gif,
            Self::Ico => ImageFormat::Ico,
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::Pnm => ImageFormat::Pnm,
            Self::Qoi => ImageFormat::Qoi,
            Self::Tga => ImageFormat::Tga,
            Self::Tiff => ImageFormat::Tiff,
            Self::WebP => ImageFormat::WebP,
        }
    }
}
