//! Everything that can go wrong in the library.

use std::{
    error::Error as _,
    io,
    panic::{self, AssertUnwindSafe},
};

use image::ImageError;

/// What went wrong, with the offending value and the cure in the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are of no format that is known here.
    #[error(
        "not a picture (PNG, JPEG, WebP, GIF, BMP, TIFF, PNM, QOI and ICO are known by content, TGA by its name)"
    )]
    NotAPicture,
    /// The bytes are of a format that is known, but not read here.
    #[error("unsupported format: {0}")]
    UnsupportedFormat(&'static str),
    /// The picture needs more memory than there is for it, in bytes.
    #[error("needs {} MiB of {} MiB", .needed.div_ceil(1 << 20), .available >> 20)]
    Memory {
        /// What it needs.
        needed: u64,
        /// What there is.
        available: u64,
    },
    /// The end of the picture is missing.
    #[error("truncated: the end of the picture is missing")]
    Truncated,
    /// The bytes are of a known format, but broken.
    #[error("cannot decode: {}", decoding(.0))]
    Decode(#[source] ImageError),
    /// The decoder of the format panicked, as some do on files that are broken on purpose.
    #[error("the decoder failed on this picture")]
    DecoderPanicked,
    /// The picture could not be written as PNG.
    #[error("cannot encode: {0}")]
    Encode(#[source] png::EncodingError),
    /// The bytes of a palette file break the rules of its format.
    #[error("not a valid {format}: {reason}")]
    BrokenPalette {
        /// What such files are called.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Reading or writing a file failed; the text is the system's.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The output exists and was not to be replaced.
    #[error("exists already")]
    Exists,
    /// An argument lies outside what the function takes.
    #[error("{0}")]
    Invalid(String),
}

/// The decoder's own words, where it has some: who reads them knows the file's format.
fn decoding(error: &ImageError) -> String {
    match error {
        ImageError::Decoding(found) => found
            .source()
            .map_or_else(|| found.to_string(), ToString::to_string),
        other => other.to_string(),
    }
}

/// The library's result.
pub type Result<T> = std::result::Result<T, Error>;

/// What `decode` comes to, which calls a foreign decoder: an error too where that panics.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(Error::DecoderPanicked))
}

/// Whether a number that the library is given is one, and small enough for its square times a count
/// to be one too.
pub(crate) fn is_moderate(value: f64) -> bool {
    value.abs() <= 1e60
}
