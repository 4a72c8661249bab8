//! Ordered dithering: a color becomes a mix of entries whose mean it is, and a pixel the one of them into
//! whose part of the mix its threshold falls, which depends on where the pixel lies.

use rayon::prelude::*;

use super::{COLORS_PER_TASK, Canvas, ROWS_PER_TASK, blue_noise, mix::PARTS};
use crate::alpha::is_transparent;

/// Thresholds in (0, 1) that repeat.
pub(super) struct Thresholds {
    /// Pixels along an edge: a power of 2.
    side: usize,
    /// Row by row.
    values: Vec<f32>,
}

impl Thresholds {
    /// Bayer's 8 by 8 matrix: each doubling puts the new thresholds as far as can be from the old
    /// (B. E. Bayer, "An optimum method for two-level rendition of continuous-tone pictures", IEEE
    /// Int. Conf. Communications, 1973).
    pub(super) fn bayer() -> Self {
        let rank = |place: usize| {
            let (y, x) = (place / 8, place % 8);
            (0..3).fold(0, |rank, bit| {
                let (y, x) = (y >> bit & 1, x >> bit & 1);
                rank * 4 + (y ^ x) * 2 + y
            })
        };
        Self::of_ranks(8, (0..64).map(rank))
    }

    /// Blue noise.
    pub(super) fn blue_noise() -> Self {
        let ranks = blue_noise::ranks().iter().copied().map(usize::from);
        Self::of_ranks(blue_noise::SIDE, ranks)
    }

    fn of_ranks(side: usize, ranks: impl Iterator<Item = usize>) -> Self {
        let count = (side * side) as f64;
        Self {
            side,
            values: ranks
                .map(|rank| ((rank as f64 + 0.5) / count) as f32)
                .collect(),
        }
    }

    fn at(&self, y: usize, x: usize) -> f32 {
        self.values[y % self.side * self.side + x % self.side]
    }
}

/// The palette entry of each pixel; mixes go by rising `luminance` of the entries.
pub(super) fn ordered<const D: usize>(
    canvas: &Canvas<D>,
    luminance: &[f64],
    thresholds: &Thresholds,
    strength: f64,
) -> Vec<u8> {
    let mixes = mixes(canvas, luminance, strength);
    let mut indices = vec![0; canvas.color_of_pixel.len()];
    indices
        .par_chunks_mut(canvas.width)
        .zip(canvas.color_of_pixel.par_chunks(canvas.width))
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each(|(y, (indices, colors))| {
            for (x, (index, &color)) in indices.iter_mut().zip(colors).enumerate() {
                *index = mixes[color as usize].entry(thresholds.at(y, x));
            }
        });
    indices
}

/// Bytes of memory that the mix of a color takes.
pub(super) const MEMORY_PER_COLOR: u64 = size_of::<Mix>() as u64;

/// Entries, and where in [0, 1] the part of each ends.
#[derive(Clone, Copy, Debug)]
struct Mix {
    entries: [u8; PARTS],
    ends: [f32; PARTS],
}

impl Mix {
    /// The mix of these entries with their shares, in this order.
    fn new(parts: &[(u8, f64)]) -> Self {
        let (mut mix, mut end) = (
            Self {
                entries: [0; PARTS],
                ends: [1.0; PARTS],
            },
            0.0,
        );
        for (part, &(entry, share)) in parts.iter().enumerate() {
            end += share;
            mix.entries[part..].fill(entry);
            mix.ends[part] = end as f32;
        }
        mix
    }

    /// The entry of a pixel with this threshold. From mix to mix an entry's pixels grow in place.
    fn entry(&self, threshold: f32) -> u8 {
        let part = self.ends.iter().position(|&end| threshold < end);
        self.entries[part.unwrap_or(PARTS - 1)]
    }
}

/// How each distinct color is mixed, by rising `luminance`; what is wholly transparent is not.
fn mixes<const D: usize>(canvas: &Canvas<D>, luminance: &[f64], strength: f64) -> Vec<Mix> {
    let mixer = canvas.mixer();
    let usual = canvas.contrast();
    // Between two entries half the strength makes the slope from the one to the other twice as steep.
    let price = 1.0 / strength - 1.0;
    let contrast = |distance: f64| usual(distance) + price * distance * distance;
    let mix = |(row, &nearest): (usize, &u8)| {
        if is_transparent(canvas.colors.point(row)) || strength == 0.0 {
            return Mix::new(&[(nearest, 1.0)]);
        }
        let mut parts = canvas.mix(&mixer, canvas.additive_point(row), contrast);
        let luminance = |entry: u8| luminance[usize::from(entry)];
        parts.sort_by(|&(a, _), &(b, _)| luminance(a).total_cmp(&luminance(b)));
        Mix::new(&parts)
    };
    let rows = canvas.nearest.par_iter().enumerate();
    rows.with_min_len(COLORS_PER_TASK).map(mix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_thresholds_of_its_share() {
        let mix = Mix::new(&[(7, 0.25), (3, 0.5), (9, 0.25)]);
        for thresholds in [Thresholds::bayer(), Thresholds::blue_noise()] {
            let pixels = |entry: u8| {
                let entries = thresholds
                    .values
                    .iter()
                    .map(|&threshold| mix.entry(threshold));
                entries.filter(|&own| own == entry).count()
            };
            let quarter = thresholds.values.len() / 4;
            assert_eq!([7, 3, 9].map(pixels), [quarter, 2 * quarter, quarter]);
        }
    }
}
