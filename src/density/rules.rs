//! Which candidates can still matter to the colors of a box.

use super::{Candidates, Identity, Whitening, squared_norm};
use crate::colors::Node;

/// Bounds are computed with errors of some 2^-50; what lies within this share of a decision counts
/// as undecided, so that no true tie is lost.
const SLACK: f64 = 1e-12;

/// Drops candidates from box to box.
pub(crate) trait Rule<W, const D: usize>: Copy + Send + Sync {
    /// Puts into `into` those of `from` that can matter to a color of `node`. `scratch` has no
    /// meaning between calls.
    fn filter(
        self,
        node: &Node<D>,
        from: &Candidates<W, D>,
        into: &mut Candidates<W, D>,
        scratch: &mut Vec<f64>,
    );
}

/// For the nearest centroid: a candidate goes if the candidate z nearest to the box's middle is
/// nearer to every corner of the box, which the corner farthest in the direction from z to the
/// candidate decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corners;

impl<const D: usize> Rule<Identity, D> for Corners {
    #[inline(always)]
    fn filter(
        self,
        node: &Node<D>,
        from: &Candidates<Identity, D>,
        into: &mut Candidates<Identity, D>,
        scratch: &mut Vec<f64>,
    ) {
        let (middle, half_width) = middle_and_half_width(node);
        let m = from.len();
        scratch.clear();
        scratch.resize(m, 0.0);
        let distances = &mut scratch[..m];
        let means: [&[f64]; D] = std::array::from_fn(|d| from.field(1 + d));
        for j in 0..m {
            distances[j] = squared_norm::<f64, D>(std::array::from_fn(|d| middle[d] - means[d][j]));
        }
        let mut nearest = 0;
        for j in 1..m {
            if distances[j] < distances[nearest] {
                nearest = j;
            }
        }
        let best = distances[nearest];
        let z: [f64; D] = std::array::from_fn(|d| means[d][nearest]);
        for j in 0..m {
            let mut reach = 0.0;
            for d in 0..D {
                reach += half_width[d] * (means[d][j] - z[d]).abs();
            }
            distances[j] -= 2.0 * reach + SLACK * (distances[j] + best + reach);
        }
        let distances = &*distances;
        into.retain_from(from, |j| distances[j] <= best);
    }
}

/// For any W: a candidate goes if even its upper bound over the box stays more than `margin` below
/// the best lower bound. A margin of 0 keeps the arg-max of every color.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub margin: f64,
}

impl<W: Whitening<D>, const D: usize> Rule<W, D> for Bounds {
    #[inline(always)]
    fn filter(
        self,
        node: &Node<D>,
        from: &Candidates<W, D>,
        into: &mut Candidates<W, D>,
        scratch: &mut Vec<f64>,
    ) {
        let (middle, half_width) = middle_and_half_width(node);
        let m = from.len();
        scratch.clear();
        scratch.resize(m, 0.0);
        let uppers = &mut scratch[..m];
        let mut best_lower = f64::NEG_INFINITY;
        for j in 0..m {
            let number = |number: usize| from.field(1 + D + number)[j];
            let mean = from.mean(j);
            let y = W::whiten(number, std::array::from_fn(|d| middle[d] - mean[d]));
            let reach = W::whiten(|place| number(place).abs(), half_width);
            let nearest =
                squared_norm::<f64, D>(std::array::from_fn(|d| (y[d].abs() - reach[d]).max(0.0)));
            let farthest = squared_norm::<f64, D>(std::array::from_fn(|d| y[d].abs() + reach[d]));
            let offset = from.field(0)[j];
            let slack = SLACK * (offset.abs() + farthest);
            uppers[j] = offset - 0.5 * nearest + slack;
            best_lower = best_lower.max(offset - 0.5 * farthest - slack);
        }
        let uppers = &*uppers;
        into.retain_from(from, |j| uppers[j] >= best_lower - self.margin);
    }
}

#[inline(always)]
fn middle_and_half_width<const D: usize>(node: &Node<D>) -> ([f64; D], [f64; D]) {
    (
        std::array::from_fn(|d| 0.5 * (node.low[d] + node.high[d])),
        std::array::from_fn(|d| 0.5 * (node.high[d] - node.low[d])),
    )
}
