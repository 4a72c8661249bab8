//! The E-step on boxes of colors instead of colors: a hundred times cheaper, and near enough to the
//! truth to search on.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::{
    Gaussian,
    expectation::Expectation,
    statistics::{LaneSums, Statistics},
};
use crate::{
    Colors,
    density::{MeanScore, softmax},
    simd::{LANES, Vector, vectorize},
};

/// Chunks that are summed up together: their scores stay in a near cache.
const BLOCK_CHUNKS: usize = 32;

/// Fewer blocks than this are done by one thread.
const BLOCKS_WORTH_THREADS: usize = 12;

/// A color that at least one pixel in so many has is a part of its own.
const FREQUENT: f64 = 1000.0;

/// A picture as parts with their means and covariances.
///
/// If all colors of a part share their responsibilities, what it adds to the likelihood depends on
/// nothing else. EM under that condition maximizes a lower bound of the likelihood (Verbeek, Nunnink
/// and Vlassis, "Accelerated EM-based clustering of large data sets", Data Mining and Knowledge
/// Discovery 13, 2006).
pub(super) struct Boxes<const D: usize> {
    parts: Vec<Part<D>>,
    chunks: Vec<PartChunk<D>>,
    total: f64,
    unit: f64,
}

/// As many parts as there are lanes; lanes left over have a count of 0.
#[derive(Clone)]
struct PartChunk<const D: usize> {
    count: Vector,
    mean: [Vector; D],
    /// The lower triangle.
    covariance: [[Vector; D]; D],
}

/// Some colors that stand together, ordered by the pixels' standard deviation times their number:
/// between the extremes of parts of equal size, which miss what is small and frequent, and of equal
/// number, which miss what is rare.
pub(super) struct Part<const D: usize> {
    rows: Range<usize>,
    /// Its place among the boxes, if it is one.
    place: Option<usize>,
    pub count: f64,
    pub mean: [f64; D],
    /// Sum over pixels of (x - mean)(x - mean)^T, the lower triangle.
    pub scatter: [[f64; D]; D],
    priority: f64,
}

impl<const D: usize> Part<D> {
    fn new(
        rows: Range<usize>,
        place: Option<usize>,
        count: f64,
        mean: [f64; D],
        scatter: [[f64; D]; D],
    ) -> Self {
        let trace: f64 = (0..D).map(|d| scatter[d][d]).sum();
        Self {
            rows,
            place,
            count,
            mean,
            scatter,
            priority: libm::sqrt(trace * count),
        }
    }

    fn of_box(colors: &Colors<D>, place: usize) -> Self {
        let node = &colors.nodes()[place];
        Self::new(
            node.rows(),
            Some(place),
            node.count,
            node.mean(),
            node.scatter,
        )
    }

    /// The colors in these `rows`, all of which are within `around`.
    fn of_rows(
        colors: &Colors<D>,
        around: Range<usize>,
        rows: impl Iterator<Item = usize> + Clone,
    ) -> Self {
        let counts = colors.counts();
        let count: f64 = rows.clone().map(|row| counts[row]).sum();
        let mut mean = [0.0; D];
        for row in rows.clone() {
            let x = colors.point(row);
            for d in 0..D {
                mean[d] += counts[row] * x[d];
            }
        }
        let mean = mean.map(|sum| sum / count);
        let mut scatter = [[0.0; D]; D];
        for row in rows {
            let x = colors.point(row);
            for i in 0..D {
                for l in 0..=i {
                    scatter[i][l] += counts[row] * (x[i] - mean[i]) * (x[l] - mean[l]);
                }
            }
        }
        Self::new(around, None, count, mean, scatter)
    }

    /// The boxes inside it, or its two halves.
    fn split(&self, colors: &Colors<D>) -> Vec<Self> {
        let nodes = colors.nodes();
        match self.place {
            Some(place) if !nodes[place].is_leaf(place) => {
                let end = nodes[place].next as usize;
                let next = |&child: &usize| Some(nodes[child].next as usize).filter(|&n| n < end);
                let children = std::iter::successors(Some(place + 1), next);
                children.map(|child| Self::of_box(colors, child)).collect()
            }
            _ => {
                let middle = self.rows.start + self.rows.len() / 2;
                [self.rows.start..middle, middle..self.rows.end]
                    .map(|rows| Self::of_rows(colors, rows.clone(), rows))
                    .into()
            }
        }
    }

    /// Parts that are alike in [`kind`].
    fn by_kind(self, colors: &Colors<D>) -> Vec<Self> {
        let first = kind(colors, self.rows.start);
        if self.rows.clone().all(|row| kind(colors, row) == first) {
            return vec![self];
        }
        let mut rows: Vec<usize> = self.rows.clone().collect();
        rows.sort_by_cached_key(|&row| kind(colors, row));
        rows.chunk_by(|&a, &b| kind(colors, a) == kind(colors, b))
            .map(|own| Self::of_rows(colors, self.rows.clone(), own.iter().copied()))
            .collect()
    }
}

/// What colors must have in common to be in one part: which channels are at the end of their range,
/// because clipping puts many pixels there and thin components with them; frequent colors are each
/// of their own kind.
fn kind<const D: usize>(colors: &Colors<D>, row: usize) -> (Option<usize>, u32) {
    let all = &colors.nodes()[0];
    let x = colors.point(row);
    let at_end = (0..D).fold(0, |ends, d| {
        3 * ends + u32::from(x[d] == all.low[d]) + 2 * u32::from(x[d] == all.high[d])
    });
    let frequent = colors.counts()[row] * FREQUENT >= colors.total();
    (frequent.then_some(row), at_end)
}

impl<const D: usize> Boxes<D> {
    /// At least `number` parts, if there are so many colors: those that come about when always the
    /// first in their order is split, and then those that are not of one [`kind`].
    pub(super) fn of(colors: &Colors<D>, number: usize) -> Self {
        let mut whole = vec![Part::of_box(colors, 0)];
        // The bits of numbers that are not negative are in their order.
        let order = |whole: &[Part<D>], place: usize| {
            let part = &whole[place];
            (part.priority.to_bits(), Reverse(part.rows.start), place)
        };
        let mut heap = BinaryHeap::from([order(&whole, 0)]);
        while whole.len() < number.min(colors.len()) {
            let (.., place) = heap.pop().expect("there is a part");
            let first = &whole[place];
            if first.rows.len() == 1 {
                // Nor has any other part anything to split.
                break;
            }
            let mut inside = first.split(colors).into_iter();
            whole[place] = inside.next().expect("it is split into some");
            let before = whole.len();
            whole.extend(inside);
            heap.push(order(&whole, place));
            heap.extend((before..whole.len()).map(|place| order(&whole, place)));
        }
        whole.sort_unstable_by_key(|part| part.rows.start);
        let parts: Vec<_> = whole
            .into_iter()
            .flat_map(|part| part.by_kind(colors))
            .collect();
        let chunks = parts.chunks(LANES).map(|parts| {
            let mut chunk = PartChunk {
                count: Vector::ZERO,
                mean: [Vector::ZERO; D],
                covariance: [[Vector::ZERO; D]; D],
            };
            for (lane, part) in parts.iter().enumerate() {
                chunk.count.0[lane] = part.count;
                for i in 0..D {
                    chunk.mean[i].0[lane] = part.mean[i];
                    for l in 0..=i {
                        chunk.covariance[i][l].0[lane] = part.scatter[i][l] / part.count;
                    }
                }
            }
            chunk
        });
        Self {
            chunks: chunks.collect(),
            parts,
            total: colors.total(),
            unit: colors.unit(),
        }
    }

    pub(super) fn parts(&self) -> &[Part<D>] {
        &self.parts
    }

    /// The bound of each part's mean log-density, on the scale of the colors.
    pub(super) fn log_densities(&self, gaussians: &[Gaussian<D>]) -> Vec<f64> {
        let (log_densities, _) = self.sum_up(gaussians);
        let mut flat: Vec<f64> = log_densities.iter().flat_map(|lanes| lanes.0).collect();
        flat.truncate(self.parts.len());
        flat
    }

    /// The bound of each part's mean log-density, and each component's statistics.
    fn sum_up(&self, gaussians: &[Gaussian<D>]) -> (Vec<Vector>, Vec<Statistics<D>>) {
        let components: Vec<_> = gaussians
            .iter()
            .map(|gaussian| MeanScore::of(&gaussian.component()))
            .collect();
        let sum_up = |chunks| {
            vectorize(SumUp {
                chunks,
                components: &components,
            })
        };
        let blocks = self.chunks.chunks(BLOCK_CHUNKS);
        let found: Vec<_> = if blocks.len() < BLOCKS_WORTH_THREADS {
            blocks.map(sum_up).collect()
        } else {
            self.chunks.par_chunks(BLOCK_CHUNKS).map(sum_up).collect()
        };
        let mut log_densities = Vec::with_capacity(self.chunks.len());
        let mut statistics: Vec<_> = gaussians
            .iter()
            .map(|gaussian| Statistics::about(gaussian.mean))
            .collect();
        for (own, sums) in found {
            log_densities.extend(own);
            for (statistics, sums) in statistics.iter_mut().zip(&sums) {
                statistics.add(sums);
            }
        }
        (log_densities, statistics)
    }
}

impl<const D: usize> Expectation<D> for Boxes<D> {
    fn e_step(&self, gaussians: &[Gaussian<D>]) -> (f64, Vec<Statistics<D>>) {
        let (log_densities, statistics) = self.sum_up(gaussians);
        let log_likelihood = self
            .chunks
            .iter()
            .zip(log_densities)
            .fold(Vector::ZERO, |sum, (chunk, own)| sum + chunk.count * own);
        (
            log_likelihood.sum() / self.total + D as f64 * libm::log(self.unit),
            statistics,
        )
    }
}

/// [`Boxes::sum_up`] for a block of chunks, vectorized.
struct SumUp<'a, const D: usize> {
    chunks: &'a [PartChunk<D>],
    components: &'a [MeanScore<D>],
}

impl<const D: usize> NullaryFnOnce for SumUp<'_, D> {
    type Output = (Vec<Vector>, Vec<LaneSums<D>>);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let n = self.chunks.len();
        let k = self.components.len();
        let mut shares = vec![Vector::ZERO; n * k];
        for (j, component) in self.components.iter().enumerate() {
            let own = shares[j..].iter_mut().step_by(k);
            for (chunk, score) in self.chunks.iter().zip(own) {
                *score = component.over(chunk.mean, &chunk.covariance);
            }
        }
        let mut log_densities = Vec::with_capacity(n);
        for shares in shares.chunks_exact_mut(k) {
            log_densities.push(softmax(shares));
        }
        let mut sums = Vec::with_capacity(k);
        for (j, component) in self.components.iter().enumerate() {
            let mut own = LaneSums::ZERO;
            for (chunk, &share) in self.chunks.iter().zip(shares[j..].iter().step_by(k)) {
                let weight = chunk.count * share;
                own.add_points(weight, chunk.mean, component.mean);
                own.add_covariances(weight, &chunk.covariance);
            }
            sums.push(own);
        }
        (log_densities, sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gmm::{Options, fit},
        testing::{flower, noise},
    };

    #[test]
    fn parts_hold_every_pixel_once() {
        for colors in [flower(40), Colors::of(&noise(50, 40, 2)).0] {
            for number in [1, 10, 500, 1_000_000] {
                let boxes = Boxes::of(&colors, number);
                assert!(boxes.parts.len() >= number.min(colors.len()));
                let count: f64 = boxes.parts.iter().map(|part| part.count).sum();
                assert_eq!(count, colors.total());
                for d in 0..3 {
                    let sum: f64 = boxes.parts.iter().map(|p| p.count * p.mean[d]).sum();
                    let all = colors.nodes()[0].sum[d];
                    assert!((sum - all).abs() < 1e-9 * all);
                }
                // What scatters within parts and between them is what scatters.
                let all = &colors.nodes()[0];
                let mean = all.mean();
                for i in 0..3 {
                    for l in 0..=i {
                        let scatter = |part: &Part<3>| {
                            let between = (part.mean[i] - mean[i]) * (part.mean[l] - mean[l]);
                            part.scatter[i][l] + part.count * between
                        };
                        let sum: f64 = boxes.parts.iter().map(scatter).sum();
                        assert!((sum - all.scatter[i][l]).abs() < 1e-9 * all.total_scatter());
                    }
                }
            }
        }
    }

    #[test]
    fn parts_are_of_colors_at_the_same_ends_and_frequent_colors_are_alone() {
        // All of low, middle and high in each channel, one more that is like the first, and two that at
        // least one pixel in a thousand has, or nearly.
        let value = |i: usize, d: u32| [0.0, 100.0, 255.0][i / 3usize.pow(d) % 3];
        let mut colors: Vec<([f64; 3], f64)> = (0..27)
            .map(|i| ([0, 1, 2].map(|d| value(i, d)), 1.0))
            .collect();
        colors.extend([
            ([0.0, 0.0, 90.0], 1.0),
            ([90.0; 3], 100.0),
            ([80.0; 3], 99.0),
        ]);
        let rest = 100_000.0 - colors.iter().map(|color| color.1).sum::<f64>();
        colors.push(([70.0; 3], rest));
        let points = ndarray::Array2::from_shape_fn((31, 3), |(row, d)| colors[row].0[d]);
        let counts: Vec<f64> = colors.iter().map(|color| color.1).collect();
        let (colors, places) = Colors::<3>::from_points(&points, &counts, 255.0).unwrap();
        let kind = |i: usize| kind(&colors, places[i] as usize);
        let distinct: std::collections::BTreeSet<_> = (0..27).map(kind).collect();
        assert_eq!(distinct.len(), 27);
        assert!(distinct.iter().all(|(frequent, _)| frequent.is_none()));
        assert_eq!(kind(27), kind(9));
        assert_eq!(
            [kind(28).0, kind(30).0],
            [Some(places[28] as usize), Some(places[30] as usize)]
        );
        assert_eq!(kind(29), kind(13));
        // 27, and the two that are frequent.
        assert_eq!(Boxes::of(&colors, 1).parts.len(), 29);
    }

    #[test]
    fn of_a_single_component_parts_tell_all_exactly() {
        let colors = flower(40);
        let options = Options {
            k: 1,
            ..Options::default()
        };
        let mixture = fit(&colors, &options).unwrap().mixture;
        let gaussians = mixture.gaussians(colors.unit()).unwrap();
        let (log_likelihood, exact) = colors.e_step(&gaussians);
        for number in [1, 100] {
            let boxes = Boxes::of(&colors, number);
            let (found, statistics) = boxes.e_step(&gaussians);
            assert!((found - log_likelihood).abs() < 1e-12);
            for i in 0..3 {
                for l in 0..=i {
                    let difference = statistics[0].second[i][l] - exact[0].second[i][l];
                    assert!(difference.abs() < 1e-9 * colors.nodes()[0].total_scatter());
                }
            }
            let log_densities = boxes.log_densities(&gaussians);
            assert_eq!(log_densities.len(), boxes.parts.len());
            let of_parts = boxes.parts.iter().zip(log_densities);
            let sum: f64 = of_parts.map(|(part, own)| part.count * own).sum();
            let on_unit = sum / colors.total() + 3.0 * libm::log(255.0);
            assert!((on_unit - log_likelihood).abs() < 1e-12);
        }
    }

    #[test]
    fn the_likelihood_on_parts_is_a_bound_that_is_reached_when_each_is_one_color() {
        let colors = flower(40);
        let options = Options {
            k: 4,
            ..Options::default()
        };
        let mixture = fit(&colors, &options).unwrap().mixture;
        let gaussians = mixture.gaussians(colors.unit()).unwrap();
        let exact = colors.e_step(&gaussians);
        let mut before = f64::NEG_INFINITY;
        for number in [1, 100, colors.len()] {
            let (bound, statistics) = Boxes::of(&colors, number).e_step(&gaussians);
            assert!(before < bound && bound <= exact.0 + 1e-12, "{number}");
            before = bound;
            let pixels: f64 = statistics.iter().map(|s| s.weight).sum();
            assert!((pixels - colors.total()).abs() < 1e-6);
        }
        assert!((before - exact.0).abs() < 1e-12);
    }
}
