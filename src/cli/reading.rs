//! How pictures are read, on the command line.

use std::ffi::OsStr;

use anyhow::{Result, anyhow};
use clap::Args;
use quantize::{
    Error,
    picture::{self, DecodeOptions, Decoded},
};

use super::{panics, range, source::Source};

const READING: &str = "Reading";

/// What every JPEG begins with.
const JPEG_START: [u8; 2] = [0xff, 0xd8];

#[derive(Args, Debug)]
pub struct ReadingArgs {
    /// Take the colors' numbers as they are, and keep what says what they mean in the output
    ///
    /// By default colors are converted to sRGB from an ICC profile of RGB or gray, or from PNG's
    /// cICP, gAMA and cHRM.
    #[arg(long, help_heading = READING)]
    pub no_icc: bool,

    /// Go on with a JPEG whose end is missing
    #[arg(long, help_heading = READING)]
    pub allow_truncated: bool,

    /// Bytes that all pictures under way may need together, such as 512M or 2G (K, M, G of 1024)
    #[arg(long, value_name = "SIZE", value_parser = range::memory, default_value = "2G")]
    #[arg(help_heading = READING, allow_negative_numbers = true)]
    pub max_memory: u64,
}

/// The bytes of memory that the picture of `source` in `bytes`, and these, take but for its distinct
/// colors, by its header; only the latter if that is broken.
pub fn memory_needed(source: &Source, bytes: &[u8]) -> u64 {
    let extension = source.path().extension().and_then(OsStr::to_str);
    let needed = panics::of_decoder(|| picture::memory_needed(bytes, extension));
    let needed = needed.map_or(0, |needed| needed.unwrap_or(0));
    // A header can claim all that there is.
    needed.saturating_add(bytes.len() as u64)
}

impl ReadingArgs {
    /// The picture of `source` in `bytes`.
    ///
    /// # Errors
    /// Why it cannot be read, and which option cures that.
    pub fn decode(&self, source: &Source, bytes: &[u8]) -> Result<Decoded> {
        let options = DecodeOptions {
            max_memory: self.max_memory,
            convert_to_srgb: !self.no_icc,
            allow_truncated: self.allow_truncated,
        };
        decode(source, bytes, &options)
    }

    /// # Errors
    /// When a picture that needs so many bytes of memory can never have them.
    pub fn check_memory(&self, needed: u64) -> Result<()> {
        let available = self.max_memory;
        if needed > available {
            return Err(with_cure(Error::Memory { needed, available }));
        }
        Ok(())
    }
}

/// The picture of `source` in `bytes`.
///
/// # Errors
/// Why it cannot be read, and which option cures that.
pub fn decode(source: &Source, bytes: &[u8], options: &DecodeOptions) -> Result<Decoded> {
    let extension = source.path().extension().and_then(OsStr::to_str);
    let decoded = panics::of_decoder(|| picture::decode(bytes, extension, options))?;
    decoded.map_err(|error| match error {
        // Of the others nothing is taken.
        Error::Truncated if bytes.starts_with(&JPEG_START) => {
            anyhow!("{error}; --allow-truncated takes what is there")
        }
        error => with_cure(error),
    })
}

/// The error with the option that cures it.
fn with_cure(error: Error) -> anyhow::Error {
    match error {
        Error::Memory { .. } => anyhow!("{error} (--max-memory)"),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a4_a_header_that_claims_all_memory_claims_no_less_with_its_file() {
        // 2^32 - 1 by 2^29 + 2^13 + 2^5 pixels of 6 bytes, and the map: more than 2^64.
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        png.extend([0xff, 0xff, 0xff, 0xff, 0x20, 0, 0x20, 0x20, 16, 2, 0, 0, 0]);
        png.extend([0; 4]);
        let source = Source::File(PathBuf::from("bomb.png"));
        assert_eq!(memory_needed(&source, &png), u64::MAX);

        let broken = b"\xff\xd8 no JPEG".as_slice();
        assert_eq!(memory_needed(&source, broken), broken.len() as u64);
    }
}
