//! Pictures side by side under titles.

use crate::{Picture, Result};

/// A picture under its title.
#[derive(Clone, Copy, Debug)]
pub struct Panel<'a> {
    /// The line above the picture.
    pub title: &'a str,
    /// The picture, shown at its own size.
    pub picture: &'a Picture,
}

/// The panels from left to right.
///
/// # Errors
/// When there is no panel, or the figure is too large.
pub fn side_by_side(panels: &[Panel]) -> Result<Picture> {
    let _ = panels;
    todo!()
}
