//! Writing a file whole or not at all.

use std::{io::Write, path::Path};

use crate::{Error, Result};

/// What to do with a file that lies where one is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail with [`Error::Exists`].
    Refuse,
    /// Replace it, keeping its mode.
    Replace,
}

/// Writes `bytes` to `path`, complete or not at all.
///
/// # Errors
/// [`Error::Exists`], or the system's reason.
pub fn write(path: &Path, bytes: &[u8], existing: Existing) -> Result<()> {
    let _ = (path, bytes, existing, Error::Exists);
    let _ = std::io::sink().flush();
    todo!()
}
