//! Pixels to palette entries.

use rayon::prelude::*;

use crate::{Colors, Palette, density};

/// The palette entry nearest to each distinct color; of entries equally near, the first.
pub fn nearest(colors: &Colors<3>, palette: &Palette) -> Vec<u8> {
    let _ = (colors, palette, density::todo_marker());
    todo!()
}

/// One palette entry a pixel: `entries` has one for each distinct color, `color_of_pixel` says which color a pixel has.
pub fn expand(entries: &[u8], color_of_pixel: &[u32]) -> Vec<u8> {
    color_of_pixel.par_iter().with_min_len(1 << 14).map(|&color| entries[color as usize]).collect()
}
