//! How much of a dither each region needs.
//!
//! Bands show where the error of plain mapping is large beside the detail of the picture; where it is
//! small beside an edge, a dither would only fray the edge.

use std::ops::Range;

use rayon::prelude::*;

use super::{Canvas, ROWS_PER_TASK};
use crate::density::{squared_distance, squared_norm};

/// Pixels on each side over which the error of plain mapping is averaged.
const ERROR_RADIUS: usize = 2;

/// Pixels on each side over which detail is measured: its edges are as sharp as edges are.
const DETAIL_RADIUS: usize = 1;

/// An error is not hidden by detail of up to so many times its size.
const HIDING: f64 = 3.0;

/// Detail that is always there, of colors on [0, 1]: a step of bytes. It keeps the need finite.
const GRAIN: f64 = 1.0 / 255.0;

/// The need of each pixel, 0 to 1: [`HIDING`] times the root mean square error of plain mapping
/// around it, over the standard deviation of the picture there plus [`GRAIN`]. It is 0 where all
/// colors around are in the palette.
pub(super) fn need<const D: usize>(canvas: &Canvas<D>) -> Vec<f32> {
    let squared_errors: Vec<f64> = canvas
        .nearest
        .par_iter()
        .enumerate()
        .map(|(row, &entry)| {
            squared_distance(canvas.colors.point(row), canvas.entries[usize::from(entry)])
        })
        .collect();
    let grain = GRAIN * canvas.colors.unit();
    let width = canvas.width;
    let height = canvas.color_of_pixel.len() / width;
    let mut need = vec![0.0; canvas.color_of_pixel.len()];
    need.par_chunks_mut(width)
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each_init(
            || (Sums::new(width), Sums::new(width)),
            |(errors, details), (y, need)| {
                errors.fill(y, height, ERROR_RADIUS, |pixel| {
                    [squared_errors[canvas.color_of_pixel[pixel] as usize]]
                });
                details.fill(y, height, DETAIL_RADIUS, |pixel| {
                    moments(canvas.colors.point(canvas.color_of_pixel[pixel] as usize))
                });
                for (x, need) in need.iter_mut().enumerate() {
                    let [squared_error] = errors.mean(x, ERROR_RADIUS);
                    let [square, mean @ ..] = details.mean(x, DETAIL_RADIUS);
                    let squared_mean = squared_norm(mean);
                    let deviation = (square - squared_mean).max(0.0).sqrt();
                    let ratio = HIDING * squared_error.sqrt() / (deviation + grain);
                    *need = ratio.min(1.0) as f32;
                }
            },
        );
    need
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
