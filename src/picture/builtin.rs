//! The pictures that the program carries.

use super::Picture;
use crate::{Error, Result};

/// The names that [`builtin`] knows.
pub const BUILTIN_NAMES: [&str; 2] = ["flower.jpg", "china.jpg"];

/// The bytes of the built-in picture of that name, as its JPEG file has them.
pub fn builtin_bytes(name: &str) -> Option<&'static [u8]> {
    match name {
        "flower.jpg" => Some(include_bytes!("../../assets/flower.jpg")),
        "china.jpg" => Some(include_bytes!("../../assets/china.jpg")),
        _ => None,
    }
}

/// The built-in picture of that name.
///
/// # Errors
/// [`Error::Invalid`] when there is none of that name.
pub fn builtin(name: &str) -> Result<Picture> {
    let bytes = builtin_bytes(name).ok_or_else(|| {
        Error::Invalid(format!(
            "no built-in picture {name:?}; there are {}",
            BUILTIN_NAMES.join(" and ")
        ))
    })?;
    Ok(super::decode(bytes, None, &super::DecodeOptions::default())?.picture)
}
