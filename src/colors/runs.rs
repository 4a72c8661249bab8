//! Colors in runs: as many of them as one likes, one after another in Morton order, lie close together.

use std::ops::Range;

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::Colors;
use crate::simd::{LANES, Vector, WIDE, Wide, vectorize};

/// Colors of a short run.
pub(crate) const SHORT: usize = 64;

/// Short runs of a middle one, and middle ones of a long one.
pub(crate) const FAN: usize = 8;

/// Colors of a middle run.
pub(crate) const MIDDLE: usize = FAN * SHORT;

/// Middle runs that are worth a parallel task.
pub(crate) const RUNS_PER_TASK: usize = 2;

/// The smallest box that holds some colors, their pixels, and the sum over these.
#[derive(Clone, Debug)]
pub(crate) struct Run<const D: usize> {
    pub low: [f64; D],
    pub high: [f64; D],
    pub count: f64,
    pub sum: [f64; D],
}

/// All colors in runs of three lengths; the last ones may be shorter.
#[derive(Clone, Debug)]
pub(crate) struct Runs<const D: usize> {
    pub short: Vec<Run<D>>,
    pub middle: Vec<Run<D>>,
    pub long: Vec<Run<D>>,
    /// Where the colors lie from the middle of their middle run, [`WIDE`] at a time, by channel; zeros past
    /// the last.
    pub offsets: Vec<[Wide; D]>,
}

impl<const D: usize> Runs<D> {
    pub(super) fn of(colors: &Colors<D>) -> Self {
        let n = colors.len();
        let short: Vec<_> = (0..n.div_ceil(SHORT))
            .into_par_iter()
            .with_min_len(FAN * FAN)
            .map(|i| {
                let rows = i * SHORT..n.min((i + 1) * SHORT);
                vectorize(Bound { colors, rows })
            })
            .collect();
        let middle: Vec<_> = short.chunks(FAN).map(Run::joined).collect();
        let long = middle.chunks(FAN).map(Run::joined).collect();
        let offsets = (0..n.div_ceil(WIDE))
            .into_par_iter()
            .with_min_len(FAN * MIDDLE / WIDE)
            .map(|i| {
                let from = middle[i * WIDE / MIDDLE].middle();
                vectorize(Offsets {
                    colors,
                    start: i * WIDE,
                    from,
                })
            })
            .collect();
        Self {
            short,
            middle,
            long,
            offsets,
        }
    }
}

impl<const D: usize> Run<D> {
    fn empty() -> Self {
        Self {
            low: [f64::INFINITY; D],
            high: [f64::NEG_INFINITY; D],
            count: 0.0,
            sum: [0.0; D],
        }
    }

    /// The middle of the box.
    #[inline(always)]
    pub(crate) fn middle(&self) -> [f64; D] {
        std::array::from_fn(|d| 0.5 * (self.low[d] + self.high[d]))
    }

    /// Half the width of the box: how far its ends are from its middle, however that was rounded.
    #[inline(always)]
    pub(crate) fn half_width(&self) -> [f64; D] {
        let middle = self.middle();
        std::array::from_fn(|d| {
            let (up, down) = (self.high[d] - middle[d], middle[d] - self.low[d]);
            if up > down { up } else { down }
        })
    }

    /// The run that these are together.
    pub(crate) fn joined(parts: &[Self]) -> Self {
        let mut run = Self::empty();
        for part in parts {
            run.count += part.count;
            for d in 0..D {
                run.low[d] = run.low[d].min(part.low[d]);
                run.high[d] = run.high[d].max(part.high[d]);
                run.sum[d] += part.sum[d];
            }
        }
        run
    }
}

/// Tells where colors lie from a point.
struct Offsets<'a, const D: usize> {
    colors: &'a Colors<D>,
    /// The row of the first color.
    start: usize,
    from: [f64; D],
}

impl<const D: usize> NullaryFnOnce for Offsets<'_, D> {
    type Output = [Wide; D];

    #[inline(always)]
    fn call(self) -> [Wide; D] {
        let mut offsets = [[0.0; WIDE]; D];
        for first in [0, LANES] {
            let start = self.start + first;
            if start < self.colors.len() {
                let chunk = self.colors.chunk(start, self.colors.len());
                for d in 0..D {
                    for lane in 0..chunk.len {
                        offsets[d][first + lane] = (chunk.x[d][lane] - self.from[d]) as f32;
                    }
                }
            }
        }
        offsets
    }
}

/// Makes a run of the colors in some rows.
struct Bound<'a, const D: usize> {
    colors: &'a Colors<D>,
    rows: Range<usize>,
}

impl<const D: usize> NullaryFnOnce for Bound<'_, D> {
    type Output = Run<D>;

    #[inline(always)]
    fn call(self) -> Run<D> {
        let mut low = [Vector([f64::INFINITY; LANES]); D];
        let mut high = [Vector([f64::NEG_INFINITY; LANES]); D];
        let mut count = Vector::ZERO;
        let mut sum = [Vector::ZERO; D];
        for start in self.rows.clone().step_by(LANES) {
            let mut chunk = self.colors.chunk(start, self.rows.end);
            let counts = Vector(chunk.counts);
            count += counts;
            for d in 0..D {
                let first = chunk.x[d][0];
                for lane in 0..LANES {
                    let x = chunk.x[d][lane];
                    chunk.x[d][lane] = if lane < chunk.len { x } else { first };
                }
                let x = Vector(chunk.x[d]);
                low[d] = low[d].with(x, |a, b| if b < a { b } else { a });
                high[d] = high[d].with(x, |a, b| if b > a { b } else { a });
                sum[d] += counts * x;
            }
        }
        let least = |all: Vector| all.0.into_iter().fold(f64::INFINITY, f64::min);
        let greatest = |all: Vector| all.0.into_iter().fold(f64::NEG_INFINITY, f64::max);
        Run {
            low: low.map(least),
            high: high.map(greatest),
            count: count.sum(),
            sum: sum.map(Vector::sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Axis;

    use super::*;
    use crate::testing::flower;

    #[test]
    fn both_ends_are_within_half_a_width_of_the_middle_however_far_off_they_are() {
        let low = [0.0, 1e15, -1e16];
        let run = Run {
            low,
            high: [1.0, 1e15 + 0.125, 2.0 - 1e16],
            count: 1.0,
            sum: low,
        };
        let (middle, half_width) = (run.middle(), run.half_width());
        for end in [run.low, run.high] {
            assert!((0..3).all(|d| (end[d] - middle[d]).abs() <= half_width[d]));
        }
        assert_eq!(half_width[0], 0.5);
    }

    #[test]
    fn runs_bound_and_sum_up_their_colors() {
        let colors = flower(60);
        let Runs {
            short,
            middle,
            long,
            offsets,
        } = Runs::of(&colors);
        for (row, point) in colors.points().rows().into_iter().enumerate() {
            let middle = middle[row / MIDDLE].middle();
            for d in 0..3 {
                // Halves of bytes, which are as exact in single precision.
                let offset = f64::from(offsets[row / WIDE][d][row % WIDE]);
                assert_eq!(middle[d] + offset, point[d]);
            }
        }
        for (runs, length) in [(short, SHORT), (middle, MIDDLE), (long, FAN * MIDDLE)] {
            assert_eq!(runs.len(), colors.len().div_ceil(length));
            let counts = colors.counts().chunks(length);
            let points = colors.points();
            for ((run, points), counts) in runs
                .iter()
                .zip(points.axis_chunks_iter(Axis(0), length))
                .zip(counts)
            {
                assert_eq!(run.count, counts.iter().sum::<f64>());
                for d in 0..3 {
                    let column = points.column(d);
                    let sorted = |a: f64, b: &f64| if *b < a { (*b, a) } else { (a, *b) };
                    let low = column.iter().fold(f64::MAX, |a, b| sorted(a, b).0);
                    let high = column.iter().fold(f64::MIN, |a, b| sorted(a, b).1);
                    assert_eq!((run.low[d], run.high[d]), (low, high));
                    let sum: f64 = column.iter().zip(counts).map(|(x, count)| x * count).sum();
                    assert_eq!(run.sum[d], sum);
                }
            }
        }
    }
}
