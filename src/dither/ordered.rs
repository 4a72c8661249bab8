//! Ordered dithering: a color between two entries becomes the one or the other by a threshold that
//! depends on where the pixel lies.

use rayon::prelude::*;

use super::{Canvas, ROWS_PER_TASK, blue_noise};
use crate::{Colors, alpha::is_opaque, density::squared_distance};

/// Entries about the nearest one that it is mixed with.
const NEIGHBORS: usize = 16;

/// How much the contrast of a mix's two entries counts beside the error of their mean, both squared:
/// the eye averages over pixels, but not over all that a picture is looked at with.
const CONTRAST: f64 = 0.1;

/// Thresholds in (0, 1) that repeat.
pub(super) struct Thresholds {
    /// Pixels along an edge: a power of 2.
    side: usize,
    /// Row by row.
    values: Vec<f64>,
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
            values: ranks.map(|rank| (rank as f64 + 0.5) / count).collect(),
        }
    }

    fn at(&self, y: usize, x: usize) -> f64 {
        self.values[y % self.side * self.side + x % self.side]
    }
}

/// The palette entry of each pixel.
pub(super) fn ordered<const D: usize>(
    canvas: &Canvas<D>,
    thresholds: &Thresholds,
    strength: f64,
) -> Vec<u8> {
    let mixes = mixes(canvas.colors, canvas.entries, canvas.nearest);
    let mut indices = vec![0; canvas.color_of_pixel.len()];
    indices
        .par_chunks_mut(canvas.width)
        .zip(canvas.color_of_pixel.par_chunks(canvas.width))
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each(|(y, (indices, colors))| {
            for (x, (index, &color)) in indices.iter_mut().zip(colors).enumerate() {
                *index = mixes[color as usize].entry(thresholds.at(y, x), strength);
            }
        });
    indices
}

/// Two entries between which a color lies.
#[derive(Clone, Copy, Debug)]
struct Mix {
    nearest: u8,
    other: u8,
    /// The other's share, 0 to 1/2.
    share: f64,
    /// Whether the other is the lighter one.
    is_lighter: bool,
}

impl Mix {
    /// The entry of a pixel with this threshold. The lighter entries take the high thresholds,
    /// so that from mix to mix a ramp grows in place.
    fn entry(&self, threshold: f64, strength: f64) -> u8 {
        let threshold = if self.is_lighter {
            1.0 - threshold
        } else {
            threshold
        };
        if self.share > 0.5 + (threshold - 0.5) * strength {
            self.other
        } else {
            self.nearest
        }
    }
}

/// How each distinct color is mixed: of the `nearest` entry and that of its neighbors with which the
/// squared error of the mix's mean, plus [`CONTRAST`] of its variance, is least.
fn mixes<const D: usize>(colors: &Colors<D>, entries: &[[f64; D]], nearest: &[u8]) -> Vec<Mix> {
    let neighbors: Vec<Vec<u8>> = (0..entries.len())
        .map(|entry| neighbors(entries, entry))
        .collect();
    let is_opaque = |point| is_opaque(point, colors.unit());
    let lightness = |entry: u8| entries[usize::from(entry)].iter().sum::<f64>();
    nearest
        .par_iter()
        .enumerate()
        .with_min_len(1 << 10)
        .map(|(row, &nearest)| {
            let x = colors.point(row);
            let a = entries[usize::from(nearest)];
            let mut best = (squared_distance(x, a), nearest, 0.0);
            let stays_opaque = [x, a].into_iter().all(is_opaque);
            for &other in &neighbors[usize::from(nearest)] {
                let b = entries[usize::from(other)];
                if stays_opaque && !is_opaque(b) {
                    continue;
                }
                let squared_length = squared_distance(a, b);
                let along: f64 = (0..D).map(|d| (x[d] - a[d]) * (b[d] - a[d])).sum();
                let share = (along / squared_length).clamp(0.0, 0.5);
                let mean = std::array::from_fn(|d| a[d] + share * (b[d] - a[d]));
                let variance = share * (1.0 - share) * squared_length;
                let cost = squared_distance(x, mean) + CONTRAST * variance;
                if cost < best.0 {
                    best = (cost, other, share);
                }
            }
            let (_, other, share) = best;
            Mix {
                nearest,
                other,
                share,
                is_lighter: lightness(other) > lightness(nearest),
            }
        })
        .collect()
}

/// The other entries, the [`NEIGHBORS`] nearest ones, without those of the same color.
fn neighbors<const D: usize>(entries: &[[f64; D]], entry: usize) -> Vec<u8> {
    let distance = |other: usize| squared_distance(entries[entry], entries[other]);
    let mut others: Vec<usize> = (0..entries.len())
        .filter(|&other| distance(other) > 0.0)
        .collect();
    others.sort_by(|&a, &b| distance(a).total_cmp(&distance(b)));
    others.truncate(NEIGHBORS);
    others.into_iter().map(|other| other as u8).collect()
}
