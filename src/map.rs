//! Pixels to palette entries.

use rayon::prelude::*;

use crate::{
    Colors, Palette, Space,
    density::{Component, Corners, argmax},
};

/// The palette entry nearest to each distinct color, by distances in the space of the colors; of
/// entries equally near, the first.
pub fn nearest<const D: usize>(colors: &Colors<D>, palette: &Palette, space: Space) -> Vec<u8> {
    let entries = Component::centroids(&palette.points(space));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn every_pixel_gets_the_entry_nearest_to_it() {
        let picture = noise(40, 30, 7);
        let entries: Vec<_> = (0..9).map(|i| [i * 16, 100, 128 - i * 12]).collect();
        let palette = Palette::opaque(&entries).unwrap();
        let (colors, color_of_pixel) = Colors::of(&picture);
        let indices = expand(&nearest(&colors, &palette, Space::Srgb), &color_of_pixel);
        for (pixel, &index) in picture.over_white().iter().zip(&indices) {
            let distance = |entry: [u8; 4]| -> u32 {
                (0..3)
                    .map(|c| u32::from(pixel[c].abs_diff(entry[c])).pow(2))
                    .sum()
            };
            let distances: Vec<u32> = palette
                .colors()
                .iter()
                .map(|&entry| distance(entry))
                .collect();
            let least = distances.iter().min().unwrap();
            assert_eq!(
                distances.iter().position(|d| d == least),
                Some(index.into())
            );
        }
    }
}
