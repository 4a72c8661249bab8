//! Pixels to palette entries.

use rayon::prelude::*;

use crate::{
    Colors, Palette,
    density::{Component, Corners, argmax},
};

/// The palette entry nearest to each distinct color; of entries equally near, the first.
pub fn nearest(colors: &Colors<3>, palette: &Palette) -> Vec<u8> {
    let entries: Vec<_> = palette
        .colors()
        .iter()
        .map(|color| Component::centroid(color.map(f64::from)))
        .collect();
    argmax(colors, &entries, Corners::<1>)
        .into_iter()
        .map(|entry| entry as u8)
        .collect()
}

/// One palette entry a pixel: `entries` has one for each distinct color, `color_of_pixel` says
/// which color a pixel has.
///
/// # Panics
/// When a pixel's color lies outside `entries`.
pub fn expand(entries: &[u8], color_of_pixel: &[u32]) -> Vec<u8> {
    color_of_pixel
        .par_iter()
        .with_min_len(1 << 14)
        .map(|&color| entries[color as usize])
        .collect()
}
