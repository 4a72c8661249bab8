//! The log-space kernel that both models share.
//!
//! Of a color x and a component j it tells the score
//!
//! ```text
//! score_j(x) = a_j - 1/2 |W_j^T (x - mu_j)|^2
//! ```
//!
//! For k-means W is the identity and a is 0: the largest score is the nearest centroid, and -2
//! score the squared distance. For a Gaussian mixture `W W^T` is the inverse covariance and
//! `a = ln pi - D/2 ln 2 pi + ln det W`, so that the score is the joint log-density of color and
//! component (Bishop, "Pattern Recognition and Machine Learning", 9.1 and 9.2).
//!
//! A walk over the boxes of color space takes with it the [`Candidates`] that can still matter, and
//! a [`Rule`] drops from box to box those that cannot. What is then computed from the scores of the
//! few that are left is the business of a [`Visit`]: the arg-max for k-means and for hard
//! assignments ([`argmax`]), the log-sum-exp for responsibilities ([`log_sum_exp`]).
//!
//! Boxes with bounds: Pelleg and Moore, "Accelerating exact k-means algorithms with geometric
//! reasoning", KDD 1999; the corner test: Kanungo et al., "An efficient k-means clustering
//! algorithm: analysis and implementation", IEEE PAMI 24(7), 2002; boxes for mixtures: Moore, "Very
//! fast EM-based mixture model clustering using multiresolution kd-trees", NIPS 1998, which
//! approximates where this is exact.

mod cells;
mod elementary;
mod reduce;
mod rules;
mod walk;

pub(crate) use cells::Cells;
pub(crate) use reduce::{argmax, largest, log_sum_exp, softmax, vectors};
pub(crate) use rules::{Bounds, Corners, Rule};
pub(crate) use walk::{Visit, Walk, candidates_of_blocks, rows_of_blocks, walk_blocks};

use std::{
    cmp::Ordering,
    ops::{Add, Mul, Sub},
};

use crate::simd::{LANES, Lanes, Vector};

/// The part of the kernel in which the models differ: the matrix W.
pub(crate) trait Whitening<const D: usize>: Copy + Send + Sync {
    /// How many numbers describe a W.
    const NUMBERS: usize;

    /// Appends those numbers.
    fn write(&self, numbers: &mut Vec<f64>);

    /// W^T d, where `number` tells the numbers of W.
    fn whiten<T: Real>(number: impl Fn(usize) -> f64, d: [T; D]) -> [T; D];
}

/// A number, or one in each lane.
pub(crate) trait Real:
    Copy
    + Add<Output = Self>
    + Mul<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
{
}

impl Real for f64 {}

impl Real for Vector {}

/// k-means: distances as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity;

impl<const D: usize> Whitening<D> for Identity {
    const NUMBERS: usize = 0;

    fn write(&self, _: &mut Vec<f64>) {}

    #[inline(always)]
    fn whiten<T: Real>(_: impl Fn(usize) -> f64, d: [T; D]) -> [T; D] {
        d
    }
}

/// Mixtures: W^T is the lower triangle L^-1 where the covariance is L L^T.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangular<const D: usize>(pub [[f64; D]; D]);

impl<const D: usize> Whitening<D> for Triangular<D> {
    const NUMBERS: usize = D * (D + 1) / 2;

    fn write(&self, numbers: &mut Vec<f64>) {
        for (i, row) in self.0.iter().enumerate() {
            numbers.extend_from_slice(&row[..=i]);
        }
    }

    #[inline(always)]
    fn whiten<T: Real>(number: impl Fn(usize) -> f64, d: [T; D]) -> [T; D] {
        let mut y = d;
        for i in 0..D {
            let first = i * (i + 1) / 2;
            y[i] = d[0] * number(first);
            // Not 1..=i: a loop whose length is known is unrolled, and its lanes become vectors.
            for l in 1..D {
                if l <= i {
                    y[i] = y[i] + d[l] * number(first + l);
                }
            }
        }
        y
    }
}

/// One component of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component<W, const D: usize> {
    pub offset: f64,
    pub mean: [f64; D],
    pub whitening: W,
}

impl<const D: usize> Component<Identity, D> {
    /// The component that a centroid is.
    pub(crate) fn centroid(mean: [f64; D]) -> Self {
        Self {
            offset: 0.0,
            mean,
            whitening: Identity,
        }
    }

    /// The components that centroids are.
    pub(crate) fn centroids(means: &[[f64; D]]) -> Vec<Self> {
        means.iter().copied().map(Self::centroid).collect()
    }
}

/// The components that can still matter, field by field: ids, offsets, means by channel, numbers of
/// W. Ids ascend.
#[derive(Clone, Debug)]
pub(crate) struct Candidates<W, const D: usize> {
    ids: Vec<u32>,
    /// Field f of candidate j at f * `stride` + j; field 0 is the offset, then D channels of the
    /// mean, then the numbers of W. What lies past the last candidate has no meaning.
    fields: Vec<f64>,
    /// A multiple of LANES.
    stride: usize,
    whitening: std::marker::PhantomData<W>,
}

impl<W: Whitening<D>, const D: usize> Candidates<W, D> {
    const FIELDS: usize = 1 + D + W::NUMBERS;

    /// No candidates yet, with room for `k`.
    pub(crate) fn with_room_for(k: usize) -> Self {
        let stride = k.next_multiple_of(LANES);
        Self {
            ids: Vec::with_capacity(stride),
            fields: vec![0.0; Self::FIELDS * stride],
            stride,
            whitening: std::marker::PhantomData,
        }
    }

    /// Of `components` those named by `ids`; they are called 0, 1, 2, ... here.
    pub(crate) fn numbered(
        components: &[Component<W, D>],
        ids: impl ExactSizeIterator<Item = usize>,
    ) -> Self {
        let mut list = Self::with_room_for(ids.len());
        list.number(components, ids);
        list
    }

    /// Becomes [`numbered`](Self::numbered), where there is room for it.
    pub(crate) fn number(
        &mut self,
        components: &[Component<W, D>],
        ids: impl ExactSizeIterator<Item = usize>,
    ) {
        self.ids.clear();
        let mut numbers = Vec::with_capacity(Self::FIELDS);
        for (j, id) in ids.enumerate() {
            let component = &components[id];
            numbers.clear();
            numbers.push(component.offset);
            numbers.extend_from_slice(&component.mean);
            component.whitening.write(&mut numbers);
            for (field, number) in numbers.iter().enumerate() {
                self.fields[field * self.stride + j] = *number;
            }
            self.ids.push(j as u32);
        }
    }

    /// Becomes those of `from` that stand at the places which the ids are.
    #[inline(always)]
    fn take(&mut self, from: &Self) {
        let len = self.ids.len();
        for field in 0..Self::FIELDS {
            let all = from.field(field);
            let own = &mut self.fields[field * self.stride..][..len];
            for (own, &place) in own.iter_mut().zip(&self.ids) {
                *own = all[place as usize];
            }
        }
        for place in &mut self.ids {
            *place = from.ids[*place as usize];
        }
    }

    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// What they are called.
    #[inline(always)]
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// One field of all.
    #[inline(always)]
    fn field(&self, field: usize) -> &[f64] {
        &self.fields[field * self.stride..][..self.len()]
    }

    /// One field of all, LANES candidates at a time.
    #[inline(always)]
    fn lanes(&self, field: usize) -> &[Lanes] {
        self.fields[field * self.stride..][..self.stride]
            .as_chunks()
            .0
    }

    #[inline(always)]
    pub(crate) fn mean(&self, j: usize) -> [f64; D] {
        std::array::from_fn(|d| self.fields[(1 + d) * self.stride + j])
    }

    /// `W_j^T d`.
    #[inline(always)]
    pub(crate) fn whiten<T: Real>(&self, j: usize, d: [T; D]) -> [T; D] {
        W::whiten(|number| self.fields[(1 + D + number) * self.stride + j], d)
    }

    /// The score of candidate `j` at a point, or at one in each lane.
    #[inline(always)]
    pub(crate) fn score<T: Real>(&self, j: usize, x: [T; D]) -> T {
        let mean = self.mean(j);
        let mut difference = x;
        for d in 0..D {
            difference[d] = x[d] - mean[d];
        }
        squared_norm(self.whiten(j, difference)) * -0.5 + self.fields[j]
    }
}

/// What tells the mean score of a component over all points of a box.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeanScore<const D: usize> {
    offset: f64,
    pub mean: [f64; D],
    /// -1/2 `W W^T`, the lower triangle, what is off the diagonal twice.
    factors: [[f64; D]; D],
}

impl<const D: usize> MeanScore<D> {
    pub(crate) fn of(component: &Component<Triangular<D>, D>) -> Self {
        let Triangular(w) = component.whitening;
        let precision = |i: usize, l: usize| (0..D).map(|m| w[m][i] * w[m][l]).sum::<f64>();
        let factor = |i: usize, l: usize| match i.cmp(&l) {
            Ordering::Less => 0.0,
            Ordering::Equal => -0.5 * precision(i, i),
            Ordering::Greater => -precision(i, l),
        };
        Self {
            offset: component.offset,
            mean: component.mean,
            factors: std::array::from_fn(|i| std::array::from_fn(|l| factor(i, l))),
        }
    }

    /// The mean score over the points of boxes, one box in each lane, from their means and the lower
    /// triangle of their covariances: the offset less half the trace of precision times the mean of
    /// (x - mu)(x - mu)^T.
    #[inline(always)]
    pub(crate) fn over(&self, mean: [Vector; D], covariance: &[[Vector; D]; D]) -> Vector {
        let mut difference = mean;
        for d in 0..D {
            difference[d] = mean[d] - self.mean[d];
        }
        let mut score = Vector([self.offset; LANES]);
        for i in 0..D {
            for l in 0..D {
                if l <= i {
                    let second = difference[i] * difference[l] + covariance[i][l];
                    score += second * self.factors[i][l];
                }
            }
        }
        score
    }
}

#[inline(always)]
pub(crate) fn squared_norm<T: Real, const D: usize>(y: [T; D]) -> T {
    let mut sum = y[0] * y[0];
    for i in 1..D {
        sum = sum + y[i] * y[i];
    }
    sum
}

/// The squared distance of two points: -2 times the score of a centroid.
#[inline(always)]
pub(crate) fn squared_distance<const D: usize>(a: [f64; D], b: [f64; D]) -> f64 {
    squared_norm::<f64, D>(std::array::from_fn(|d| a[d] - b[d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: Component<Triangular<3>, 3> = Component {
        offset: 0.5,
        mean: [1.0, 2.0, 3.0],
        whitening: Triangular([[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [0.0, 4.0, 5.0]]),
    };

    #[test]
    fn the_mean_score_of_points_is_told_by_their_mean_and_covariance() {
        let candidates = Candidates::numbered(&[COMPONENT], 0..1);
        let points = [
            [1.0, 4.0, 7.0],
            [3.0, 1.0, 2.0],
            [2.0, 4.0, 3.0],
            [6.0, 3.0, 4.0],
        ];
        let mean: [f64; 3] = std::array::from_fn(|d| points.iter().map(|x| x[d] / 4.0).sum());
        let covariance = |i: usize, l: usize| {
            let products = points
                .iter()
                .map(|x| (x[i] - mean[i]) * (x[l] - mean[l]) / 4.0);
            Vector([products.sum(); LANES])
        };
        let lower = |i| {
            std::array::from_fn(|l| {
                if l <= i {
                    covariance(i, l)
                } else {
                    Vector::ZERO
                }
            })
        };
        let mean = mean.map(|x| Vector([x; LANES]));
        let found = MeanScore::of(&COMPONENT).over(mean, &std::array::from_fn(lower));
        let expected: f64 = points.iter().map(|&x| candidates.score(0, x) / 4.0).sum();
        assert!((found.0[0] - expected).abs() < 1e-12 * expected.abs());
        // (1, 2, 3) - mean whitened: the score by the formula.
        assert_eq!(
            candidates.score(0, [2.0, 2.0, 3.0]),
            0.5 - 0.5 * (4.0 + 1.0)
        );
    }
}
