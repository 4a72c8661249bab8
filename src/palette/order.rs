//! Orders of a palette's colors, for those who look at them.

use super::Palette;
use crate::Space;

/// What the colors of a palette are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Falling number of pixels. The default.
    #[default]
    Count,
    /// Rising luminance, from dark to light.
    Luminance,
    /// Grays from dark to light, then around the circle of hues from red.
    Hue,
}

impl Palette {
    /// The indices of the colors that some pixel has or that are `kept`, by falling number of pixels, of
    /// equals by color; `counts` has the number of pixels of each.
    ///
    /// # Panics
    /// When there are fewer counts than colors.
    pub fn used(&self, counts: &[u64], kept: &[[u8; 4]]) -> Vec<usize> {
        let indices = 0..self.len();
        let stays = |&i: &usize| counts[i] > 0 || kept.contains(&self.colors()[i]);
        let mut used: Vec<usize> = indices.filter(stays).collect();
        used.sort_by_key(|&i| (std::cmp::Reverse(counts[i]), self.colors()[i]));
        used
    }

    /// The palette of the colors that are [`used`](Self::used), in that order, and the new index of each old
    /// one; 0 for a color that is left out.
    ///
    /// # Panics
    /// When there are fewer counts than colors.
    pub fn sorted_by_count(&self, counts: &[u64], kept: &[[u8; 4]]) -> (Self, Vec<u8>) {
        let used = self.used(counts, kept);
        let mut new_index = vec![0; self.len()];
        for (new, &old) in used.iter().enumerate() {
            new_index[old] = new as u8;
        }
        (self.select(&used), new_index)
    }

    /// The same colors in this order, and their counts; `counts` has the number of pixels of each. Of
    /// colors that are equal in it, the first stays first.
    ///
    /// # Panics
    /// When there are fewer counts than colors.
    #[must_use]
    pub fn sorted(&self, counts: &[u64], order: Order) -> (Self, Vec<u64>) {
        let mut indices: Vec<usize> = (0..self.len()).collect();
        let color = |i: usize| self.colors()[i];
        match order {
            Order::Count => indices.sort_by_key(|&i| std::cmp::Reverse(counts[i])),
            Order::Luminance => {
                indices.sort_by(|&i, &j| luminance(color(i)).total_cmp(&luminance(color(j))));
            }
            Order::Hue => indices.sort_by(|&i, &j| {
                let key = |i| (hue(color(i)).unwrap_or(-1.0), luminance(color(i)));
                let ((hue_i, light_i), (hue_j, light_j)) = (key(i), key(j));
                hue_i.total_cmp(&hue_j).then(light_i.total_cmp(&light_j))
            }),
        }
        let counts = indices.iter().map(|&i| counts[i]).collect();
        (self.select(&indices), counts)
    }
}

/// Relative luminance on [0, 1] (the weights of ITU-R BT.709).
pub(crate) fn luminance(color: [u8; 4]) -> f64 {
    let [r, g, b] = Space::Linear.point::<3>(color.map(f64::from));
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// The hue in sixths of the circle, from 0 for red to below 6, as HSV has it; `None` for grays.
fn hue([r, g, b, _]: [u8; 4]) -> Option<f64> {
    let (largest, smallest) = (r.max(g).max(b), r.min(g).min(b));
    if largest == smallest {
        return None;
    }
    let ratio = |a: u8, b: u8| (f64::from(a) - f64::from(b)) / f64::from(largest - smallest);
    Some(if largest == r {
        let hue = ratio(g, b);
        if hue < 0.0 { hue + 6.0 } else { hue }
    } else if largest == g {
        2.0 + ratio(b, r)
    } else {
        4.0 + ratio(r, g)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLORS: [[u8; 3]; 7] = [
        [0, 0, 255],
        [255, 255, 255],
        [255, 0, 0],
        [0, 255, 0],
        [255, 0, 20],
        [0, 0, 0],
        [90, 0, 0],
    ];

    #[test]
    fn what_is_used_comes_by_count_and_of_equals_by_color() {
        let palette = Palette::opaque(&COLORS).unwrap();
        let counts = [5, 1, 0, 5, 0, 0, 7];
        assert_eq!(palette.used(&counts, &[]), [6, 0, 3, 1]);
        let (sorted, new_index) = palette.sorted_by_count(&counts, &[[0, 0, 0, 255]]);
        assert_eq!(sorted, palette.select(&[6, 0, 3, 1, 5]));
        assert_eq!(new_index, [1, 3, 0, 2, 0, 4, 0]);
    }

    #[test]
    fn orders_are_what_their_names_say() {
        let palette = Palette::opaque(&COLORS).unwrap();
        let counts = [5, 1, 9, 5, 2, 0, 3];
        for (order, expected) in [
            (Order::Count, [2, 0, 3, 6, 4, 1, 5]),
            (Order::Luminance, [5, 6, 0, 2, 4, 3, 1]),
            (Order::Hue, [5, 1, 6, 2, 3, 0, 4]),
        ] {
            let (sorted, their_counts) = palette.sorted(&counts, order);
            assert_eq!(sorted, palette.select(&expected), "{order:?}");
            assert_eq!(their_counts, expected.map(|i| counts[i]));
        }
    }

    #[test]
    fn hues_go_around_the_circle() {
        let hues = [
            [255, 0, 0],
            [255, 255, 0],
            [0, 255, 0],
            [0, 255, 255],
            [0, 0, 255],
        ];
        for (sixth, [r, g, b]) in hues.into_iter().enumerate() {
            assert_eq!(hue([r, g, b, 255]), Some(sixth as f64));
        }
        for (hue_of, [r, g, b]) in [
            (0.5, [200, 150, 100]),
            (2.5, [100, 200, 150]),
            (4.5, [150, 100, 200]),
            (5.5, [200, 100, 150]),
        ] {
            assert_eq!(hue([r, g, b, 255]), Some(hue_of));
        }
        assert_eq!(hue([7, 7, 7, 255]), None);
    }

    #[test]
    fn the_luminance_of_a_primary_is_its_weight() {
        for (expected, [r, g, b]) in [
            (0.0, [0, 0, 0]),
            (0.2126, [255, 0, 0]),
            (0.7152, [0, 255, 0]),
            (0.0722, [0, 0, 255]),
            (1.0, [255, 255, 255]),
        ] {
            assert!((luminance([r, g, b, 255]) - expected).abs() < 1e-12);
        }
    }
}
