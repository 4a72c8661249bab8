//! Palettes of 8-bit colors, the only place where a mean becomes a byte, and their files.

mod files;
mod hex;
mod order;

use std::collections::HashMap;

use ndarray::{Array2, ArrayView1};

pub use files::{Format, load, save};
pub(crate) use hex::digits;
pub use hex::parse as parse_hex;
pub use order::Order;
pub(crate) use order::luminance;

use crate::{Error, Result, Space};

/// 1 to 256 colors, 8-bit sRGB with straight alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    colors: Vec<[u8; 4]>,
}

impl Palette {
    /// A palette of these colors in this order.
    ///
    /// # Errors
    /// When there is no color, or there are more than 256.
    pub fn new(colors: Vec<[u8; 4]>) -> Result<Self> {
        if colors.is_empty() || colors.len() > 256 {
            return Err(Error::Invalid(format!(
                "a palette has 1 to 256 colors, not {}",
                colors.len()
            )));
        }
        Ok(Self { colors })
    }

    /// A palette of these opaque colors in this order.
    ///
    /// # Errors
    /// When there is no color, or there are more than 256.
    pub fn opaque(colors: &[[u8; 3]]) -> Result<Self> {
        Self::new(colors.iter().map(|&[r, g, b]| [r, g, b, 255]).collect())
    }

    /// The palette of `means` (k, D) in `space`, each rounded to the nearest bytes; and the entry that
    /// each mean became. Means that round to the same color share an entry.
    ///
    /// # Errors
    /// When there are not 1 to 256 distinct colors, `means` has not D columns, or one is not a
    /// number.
    pub fn from_means<const D: usize>(
        means: &Array2<f64>,
        space: Space,
    ) -> Result<(Self, Vec<u8>)> {
        if means.ncols() != D || means.iter().any(|value| value.is_nan()) {
            return Err(Error::Invalid(format!(
                "means of colors are (k, {D}) numbers, not {:?} or not numbers",
                means.dim()
            )));
        }
        let point = |mean: ArrayView1<f64>| std::array::from_fn(|d| mean[d]);
        let means = means.rows().into_iter().map(point);
        Self::distinct(means.map(|mean| nearest_color::<D>(mean, space)))
    }

    /// The palette of these colors, and the entry that each became: equal ones share one.
    ///
    /// # Errors
    /// When there are not 1 to 256 distinct colors.
    pub(crate) fn distinct(colors: impl Iterator<Item = [u8; 4]>) -> Result<(Self, Vec<u8>)> {
        let mut distinct = Vec::new();
        let mut entry_of = HashMap::new();
        let entry = |color| {
            *entry_of.entry(color).or_insert_with(|| {
                distinct.push(color);
                // More than 256 are refused below.
                (distinct.len() - 1) as u8
            })
        };
        let entries = colors.map(entry).collect();
        Ok((Self::new(distinct)?, entries))
    }

    /// Whether some color is not opaque.
    pub fn has_alpha(&self) -> bool {
        self.colors.iter().any(|color| color[3] < 255)
    }

    /// The colors as points of a space.
    pub fn points<const D: usize>(&self, space: Space) -> Vec<[f64; D]> {
        let point = |color: &[u8; 4]| space.point(color.map(f64::from));
        self.colors.iter().map(point).collect()
    }

    /// The palette of the colors at these indices, of which there are 1 to 256.
    pub(crate) fn select(&self, indices: &[usize]) -> Self {
        Self {
            colors: indices.iter().map(|&index| self.colors[index]).collect(),
        }
    }

    /// How many colors there are, 1 to 256.
    #[expect(clippy::len_without_is_empty, reason = "a palette is never empty")]
    pub fn len(&self) -> usize {
        self.colors.len()
    }

    /// The colors in the order of their indices.
    pub fn colors(&self) -> &[[u8; 4]] {
        &self.colors
    }
}

/// The 8-bit color nearest to a point of a space; there is one color without any alpha.
pub(crate) fn nearest_color<const D: usize>(point: [f64; D], space: Space) -> [u8; 4] {
    let color = space.color(point).map(to_byte);
    if color[3] == 0 { [0; 4] } else { color }
}

/// The byte nearest to `value`, which is on the scale of bytes.
pub(crate) fn to_byte(value: f64) -> u8 {
    libm::rint(value).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn means_are_rounded_to_the_nearest_byte_and_those_that_meet_share_an_entry() {
        let means = array![[0.4, 254.6, 300.0], [-3.0, 255.4, 255.0], [12.6, 0.0, 7.49]];
        let (palette, entries) = Palette::from_means::<3>(&means, Space::Srgb).unwrap();
        assert_eq!(palette.colors(), [[0, 255, 255, 255], [13, 0, 7, 255]]);
        assert_eq!(entries, [0, 0, 1]);
    }

    #[test]
    fn a_palette_has_1_to_256_colors_of_three_channels() {
        assert!(Palette::new(Vec::new()).is_err());
        assert!(Palette::new(vec![[0; 4]; 257]).is_err());
        assert_eq!(Palette::new(vec![[0; 4]; 256]).unwrap().len(), 256);
        assert!(Palette::from_means::<3>(&Array2::zeros((2, 4)), Space::Srgb).is_err());
        assert!(Palette::from_means::<3>(&array![[f64::NAN, 0.0, 0.0]], Space::Srgb).is_err());
        let many = Array2::from_shape_fn((300, 3), |(row, d)| [row % 256, row / 256, 0][d] as f64);
        assert!(Palette::from_means::<3>(&many, Space::Srgb).is_err());
    }
}
