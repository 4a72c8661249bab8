//! How much of a dither each region needs.
//!
//! Bands show where the error of plain mapping is large beside the detail of the picture; where it is
//! small beside an edge, a dither would only fray the edge.

use std::ops::Range;

use rayon::prelude::*;

use super::{COLORS_PER_TASK, Canvas, ROWS_PER_TASK, squared_distances_to_others};
use crate::density::{squared_distance, squared_norm};

/// Pixels on each side over which the error of plain mapping is averaged.
const ERROR_RADIUS: usize = 2;

/// Pixels on each side over which detail is measured: its edges are as sharp as edges are.
const DETAIL_RADIUS: usize = 1;

/// An error is not hidden by detail of up to so many times its size.
const HIDING: f64 = 3.0;

/// The least share of the error that is spread where the need is greatest. What is spread farther than some
/// pixels is noise more than color: the mean DSSIM of fruits, girl, lights and `ball_caps` of CQ100 at 16
/// colors, each error as visible as the other, is 0.0265 with all of it, 0.0213 with 0.8 or 0.75, 0.0223
/// with 0.6.
const SHARE: f64 = 0.75;

/// A color on [0, 1] whose entry is off by so much may be shown as that entry, in steps of sRGB. With less,
/// DSSIM rises; without any bound all grays from 238 on are white when there are only black and white.
const LOSS: f64 = 5.0 / 255.0;

/// A distance of colors on [0, 1] up to which entries may be mixed of which a share of the error is spread,
/// and the price of distance beyond: the mean of a mix is off by no more than half of it. Entries far from
/// a color come as dots in what seems flat.
const NEAR: f64 = 40.0 / 255.0;
const PRICE: f64 = 7.0 / 255.0;

/// Steps of the lattice by which colors aim. A mix for each color instead changes nothing in the mean DSSIM
/// of twelve pictures of CQ100: most colors lie between entries that are near, and stay what they are.
pub(super) const STEPS: usize = 32;

/// Detail that is always there, of colors on [0, 1]: a step of bytes. It keeps the need finite.
const GRAIN: f64 = 1.0 / 255.0;

/// The cost of mixing an entry at this distance, of colors on [0, 1].
pub(super) fn contrast(distance: f64) -> f64 {
    PRICE * (distance - NEAR).max(0.0)
}

/// The share of the error flowing to it that each pixel takes, 0 to 1: that of its color, times the need.
/// The need is [`HIDING`] times the root mean square error of plain mapping around the pixel, over the
/// standard deviation of the picture there plus [`GRAIN`]. It is 0 where all colors around are in the
/// palette.
pub(super) fn shares<const D: usize>(canvas: &Canvas<D>) -> Vec<f32> {
    let shares_of_colors = shares_of_colors(canvas);
    let squared_errors: Vec<f64> = canvas
        .nearest
        .par_iter()
        .enumerate()
        .map(|(row, &entry)| {
            squared_distance(canvas.colors.point(row), canvas.entries[usize::from(entry)])
        })
        .collect();
    let unit = canvas.colors.unit();
    let grain = GRAIN * unit;
    let width = canvas.width;
    let height = canvas.color_of_pixel.len() / width;
    let mut shares = vec![0.0; canvas.color_of_pixel.len()];
    shares
        .par_chunks_mut(width)
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each_init(
            || (Sums::new(width), Sums::new(width)),
            |(errors, details), (y, shares)| {
                errors.fill(y, height, ERROR_RADIUS, |pixel| {
                    [squared_errors[canvas.color_of_pixel[pixel] as usize]]
                });
                details.fill(y, height, DETAIL_RADIUS, |pixel| {
                    moments(canvas.colors.point(canvas.color_of_pixel[pixel] as usize))
                });
                for (x, share) in shares.iter_mut().enumerate() {
                    let [squared_error] = errors.mean(x, ERROR_RADIUS);
                    let [square, mean @ ..] = details.mean(x, DETAIL_RADIUS);
                    let squared_mean = squared_norm(mean);
                    let deviation = (square - squared_mean).max(0.0).sqrt();
                    let error = squared_error.sqrt();
                    let need = (HIDING * error / (deviation + grain)).min(1.0);
                    let color = canvas.color_of_pixel[y * width + x] as usize;
                    *share = (need * shares_of_colors[color]) as f32;
                }
            },
        );
    shares
}

/// The share of the error that each color takes where the need is greatest.
///
/// An entry is off by e from a color that only it is taken for: of the share s, e / (1 - s) adds up, and
/// unless that is half of the distance to the next entry, no pixel takes another one. So the share is such
/// that this happens to no e of more than [`LOSS`].
fn shares_of_colors<const D: usize>(canvas: &Canvas<D>) -> Vec<f64> {
    let entries = canvas.additive_entries;
    let half_distance_to_next = |&entry: &[f64; D]| {
        let next = squared_distances_to_others(entry, entries).first().copied();
        next.map_or(f64::INFINITY, |squared| {
            squared.sqrt() / (2.0 * canvas.additive.unit())
        })
    };
    let half_distances: Vec<f64> = entries.iter().map(half_distance_to_next).collect();
    let share = |(row, &nearest): (usize, &u8)| {
        let loss = LOSS * canvas.step(canvas.additive_point(row));
        (1.0 - loss / half_distances[usize::from(nearest)]).max(SHARE)
    };
    let rows = canvas.nearest.par_iter().enumerate();
    rows.with_min_len(COLORS_PER_TASK).map(share).collect()
}

/// The squared length of a point, and its coordinates (up to four).
fn moments<const D: usize>(point: [f64; D]) -> [f64; 5] {
    let mut moments = [0.0; 5];
    moments[0] = squared_norm(point);
    moments[1..=D].copy_from_slice(&point);
    moments
}

/// N numbers a pixel, added up over some rows.
struct Sums<const N: usize> {
    columns: Vec<[f64; N]>,
    rows: usize,
}

impl<const N: usize> Sums<N> {
    fn new(width: usize) -> Self {
        Self {
            columns: vec![[0.0; N]; width],
            rows: 0,
        }
    }

    /// Takes in the rows within `radius` of row `y`.
    fn fill(
        &mut self,
        y: usize,
        height: usize,
        radius: usize,
        numbers: impl Fn(usize) -> [f64; N],
    ) {
        let width = self.columns.len();
        let rows = around(y, radius, height);
        self.rows = rows.len();
        self.columns.fill([0.0; N]);
        for row in rows {
            for (x, sum) in self.columns.iter_mut().enumerate() {
                let numbers = numbers(row * width + x);
                for n in 0..N {
                    sum[n] += numbers[n];
                }
            }
        }
    }

    /// The means over those rows and the columns within `radius` of column `x`.
    fn mean(&self, x: usize, radius: usize) -> [f64; N] {
        let columns = around(x, radius, self.columns.len());
        let count = (self.rows * columns.len()) as f64;
        let mut sum = [0.0; N];
        for column in &self.columns[columns] {
            for n in 0..N {
                sum[n] += column[n];
            }
        }
        sum.map(|sum| sum / count)
    }
}

/// The places within `radius` of `place`, of `count` places.
fn around(place: usize, radius: usize, count: usize) -> Range<usize> {
    place.saturating_sub(radius)..(place + radius + 1).min(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_the_window_as_far_as_there_are_pixels() {
        // Three rows of four pixels: 0 to 11, and their negatives.
        let mut sums = Sums::<2>::new(4);
        let number = |pixel: usize| [pixel as f64, -(pixel as f64)];
        sums.fill(1, 3, 1, number);
        assert_eq!(sums.mean(1, 1), [5.0, -5.0]);
        // The last row and the one above it, the first two columns.
        sums.fill(2, 3, 1, number);
        assert_eq!(sums.mean(0, 1), [6.5, -6.5]);
        assert_eq!(sums.mean(3, 0), [9.0, -9.0]);
    }

    #[test]
    fn moments_are_the_square_and_the_coordinates() {
        assert_eq!(moments([2.0, 3.0, 6.0]), [49.0, 2.0, 3.0, 6.0, 0.0]);
    }
}
