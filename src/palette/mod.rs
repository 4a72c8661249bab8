//! Palettes of 8-bit colors: the only place where a mean becomes a byte.

use std::collections::HashMap;

use ndarray::Array2;

use crate::{Error, Result};

/// 1 to 256 colors, 8-bit sRGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette {
    colors: Vec<[u8; 3]>,
}

impl Palette {
    /// A palette of these colors in this order.
    ///
    /// # Errors
    /// When there is no color, or there are more than 256.
    pub fn new(colors: Vec<[u8; 3]>) -> Result<Self> {
        if colors.is_empty() || colors.len() > 256 {
            return Err(Error::Invalid(format!(
                "a palette has 1 to 256 colors, not {}",
                colors.len()
            )));
        }
        Ok(Self { colors })
    }

    /// The palette of `means` (k, 3), on the scale of bytes, each rounded to the nearest byte; and
    /// the entry that each mean became. Means that round to the same color share an entry.
    ///
    /// # Errors
    /// When there are not 1 to 256 distinct colors, `means` has not 3 columns, or one is not a
    /// number.
    pub fn from_means(means: &Array2<f64>) -> Result<(Self, Vec<u8>)> {
        if means.ncols() != 3 || means.iter().any(|value| value.is_nan()) {
            return Err(Error::Invalid(format!(
                "means of colors are (k, 3) numbers, not {:?} or not numbers",
                means.dim()
            )));
        }
        let mut colors = Vec::new();
        let mut entry_of = HashMap::new();
        let mut entries = Vec::with_capacity(means.nrows());
        for mean in means.rows() {
            let color = [0, 1, 2].map(|c| to_byte(mean[c]));
            let entry = *entry_of.entry(color).or_insert_with(|| {
                colors.push(color);
                colors.len() - 1
            });
            entries.push(entry as u8);
        }
        Ok((Self::new(colors)?, entries))
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
    pub fn colors(&self) -> &[[u8; 3]] {
        &self.colors
    }
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
        let (palette, entries) = Palette::from_means(&means).unwrap();
        assert_eq!(palette.colors(), [[0, 255, 255], [13, 0, 7]]);
        assert_eq!(entries, [0, 0, 1]);
    }

    #[test]
    fn a_palette_has_1_to_256_colors_of_three_channels() {
        assert!(Palette::new(Vec::new()).is_err());
        assert!(Palette::new(vec![[0; 3]; 257]).is_err());
        assert_eq!(Palette::new(vec![[0; 3]; 256]).unwrap().len(), 256);
        assert!(Palette::from_means(&Array2::zeros((2, 4))).is_err());
        assert!(Palette::from_means(&array![[f64::NAN, 0.0, 0.0]]).is_err());
        let many = Array2::from_shape_fn((300, 3), |(row, d)| [row % 256, row / 256, 0][d] as f64);
        assert!(Palette::from_means(&many).is_err());
    }
}
