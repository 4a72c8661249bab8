//! Which candidates can still matter to the colors of a box.

use super::{Candidates, Identity, Whitening, squared_norm};
use crate::{
    colors::Node,
    simd::{LANES, Lanes},
};

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

/// For centroids: one goes if the centroid z that is nearest to the box's middle is nearer than it to every
/// corner of the box, which the corner farthest in the direction from z to it decides.
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
        let (middle, half_width) = middle_and_half_width(&node.low, &node.high);
        let m = from.len();
        let means: [&[Lanes]; D] = std::array::from_fn(|d| from.lanes(1 + d));
        scratch.resize(m.next_multiple_of(LANES), 0.0);
        let distances = scratch.as_chunks_mut::<LANES>().0;
        for (c, distances) in distances.iter_mut().enumerate() {
            for lane in 0..LANES {
                let mut distance = 0.0;
                for d in 0..D {
                    let difference = middle[d] - means[d][c][lane];
                    distance += difference * difference;
                }
                let is_one = c * LANES + lane < m;
                distances[lane] = if is_one { distance } else { f64::INFINITY };
            }
        }
        let (best, place) = nearest(distances);
        let z: [f64; D] = std::array::from_fn(|d| means[d].as_flattened()[place]);
        let places = &mut into.ids;
        places.resize(m.next_multiple_of(LANES), 0);
        let mut len = 0;
        for (c, distances) in distances.iter().enumerate() {
            let mut keeps = [false; LANES];
            for lane in 0..LANES {
                let mut reach = 0.0;
                for d in 0..D {
                    reach += half_width[d] * (means[d][c][lane] - z[d]).abs();
                }
                let distance = distances[lane];
                let slack = SLACK * (distance + best + reach);
                keeps[lane] = distance - 2.0 * reach - slack <= best;
            }
            // Each is written, and overwritten by the next if it is not to be kept: cheaper than a branch
            // that no processor can foresee.
            for lane in 0..LANES.min(m - c * LANES) {
                places[len] = (c * LANES + lane) as u32;
                len += usize::from(keeps[lane]);
            }
        }
        places.truncate(len);
        into.take(from);
    }
}

/// The least of `distances`, and the first place that has it.
#[inline(always)]
fn nearest(distances: &[Lanes]) -> (f64, usize) {
    let mut least = [f64::INFINITY; LANES];
    for distances in distances {
        for lane in 0..LANES {
            let is_less = distances[lane] < least[lane];
            least[lane] = if is_less {
                distances[lane]
            } else {
                least[lane]
            };
        }
    }
    let least = least
        .iter()
        .fold(f64::INFINITY, |a, &b| if b < a { b } else { a });
    let place = distances
        .as_flattened()
        .iter()
        .position(|&distance| distance == least);
    (least, place.unwrap_or(0))
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
        let (middle, half_width) = middle_and_half_width(&node.low, &node.high);
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
        into.ids.resize(m, 0);
        let mut len = 0;
        for (j, &upper) in uppers.iter().enumerate() {
            into.ids[len] = j as u32;
            len += usize::from(upper >= best_lower - self.margin);
        }
        into.ids.truncate(len);
        into.take(from);
    }
}

#[inline(always)]
fn middle_and_half_width<const D: usize>(low: &[f64; D], high: &[f64; D]) -> ([f64; D], [f64; D]) {
    (
        std::array::from_fn(|d| 0.5 * (low[d] + high[d])),
        std::array::from_fn(|d| 0.5 * (high[d] - low[d])),
    )
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{density::Component, testing::flower};

    #[test]
    fn a_centroid_stays_if_a_corner_is_as_near_to_it_as_to_the_one_nearest_to_the_middle() {
        let mut generator = ChaCha8Rng::seed_from_u64(4);
        let node = flower(1).nodes()[0].clone();
        let mut point = |scale: f64| [0; 3].map(|_| scale * generator.random::<f64>());
        for _ in 0..200 {
            let (low, size) = (point(200.0), point(40.0));
            let high = std::array::from_fn(|d| low[d] + size[d]);
            let middle = std::array::from_fn(|d| low[d] + size[d] / 2.0);
            let centroids: Vec<[f64; 3]> = (0..20).map(|_| point(256.0)).collect();
            let distance = |x: [f64; 3], j: usize| {
                squared_norm::<f64, 3>(std::array::from_fn(|d| x[d] - centroids[j][d]))
            };
            let first =
                (0..20).min_by(|&i, &j| distance(middle, i).total_cmp(&distance(middle, j)));
            let first = first.unwrap();
            let corners = (0..8).map(|corner| {
                std::array::from_fn(|d| {
                    if corner >> d & 1 == 0 {
                        low[d]
                    } else {
                        high[d]
                    }
                })
            });
            let corners: Vec<[f64; 3]> = corners.collect();
            let stays = |&j: &usize| {
                corners
                    .iter()
                    .any(|&x| distance(x, j) <= distance(x, first))
            };
            let expected: Vec<u32> = (0..20).filter(stays).map(|j| j as u32).collect();
            let from = Candidates::numbered(&Component::centroids(&centroids), 0..20);
            let mut into = Candidates::with_room_for(20);
            let node = Node {
                low,
                high,
                ..node.clone()
            };
            Corners.filter(&node, &from, &mut into, &mut Vec::new());
            assert_eq!(into.ids(), expected);
        }
    }
}
