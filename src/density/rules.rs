//! Which candidates can still matter to the colors of a box.

use super::{Candidates, Identity, Tethered, Whitening, squared_norm};
use crate::{
    colors::Node,
    simd::{LANES, Lanes},
};

/// Bounds are computed with errors of some 2^-50; what lies within this share of a decision counts
/// as undecided, so that no true tie is lost.
const SLACK: f64 = 1e-12;

/// What a distance of 0 is taken for where one divides by it.
const TINY: f64 = 1e-150;

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

/// For the `RIVALS` nearest centroids, 1 or 2: a candidate goes if each of the `RIVALS` candidates z
/// nearest to the box's middle is nearer than it to every corner of the box, which the corner farthest
/// in the direction from z to the candidate decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corners<const RIVALS: usize>;

impl<const RIVALS: usize, const D: usize> Rule<Identity, D> for Corners<RIVALS> {
    #[inline(always)]
    fn filter(
        self,
        node: &Node<D>,
        from: &Candidates<Identity, D>,
        into: &mut Candidates<Identity, D>,
        scratch: &mut Vec<f64>,
    ) {
        filter_by_corners::<RIVALS, _, D>(node, from, into, scratch, None);
    }
}

/// [`Corners`] for the nearest of centroids on a tether, wherever these let them be: a candidate goes
/// if z is nearer than it to every point of the box by more than the tethers of both together. With d
/// the distance from the candidate and e that from z, d - e = (d^2 - e^2) / (d + e), of which the
/// corner gives the least numerator, and the box the largest denominator.
impl<const D: usize> Rule<Tethered, D> for Corners<1> {
    #[inline(always)]
    fn filter(
        self,
        node: &Node<D>,
        from: &Candidates<Tethered, D>,
        into: &mut Candidates<Tethered, D>,
        scratch: &mut Vec<f64>,
    ) {
        filter_by_corners::<1, _, D>(node, from, into, scratch, Some(1 + D));
    }
}

/// Keeps a candidate if for one of the `RIVALS` nearest to the middle there is a corner of the box to
/// which it is not farther. The lengths of their tethers, if they have any, are in the field `tether`.
#[inline(always)]
fn filter_by_corners<const RIVALS: usize, W: Whitening<D>, const D: usize>(
    node: &Node<D>,
    from: &Candidates<W, D>,
    into: &mut Candidates<W, D>,
    scratch: &mut Vec<f64>,
    tether: Option<usize>,
) {
    let (middle, half_width) = middle_and_half_width(node);
    let diagonal = 2.0 * squared_norm::<f64, D>(half_width).sqrt();
    let m = from.len();
    let means: [&[Lanes]; D] = std::array::from_fn(|d| from.lanes(1 + d));
    let tethers = tether.map(|field| from.lanes(field));
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
    let mut rivals = [(f64::INFINITY, 0); RIVALS];
    let mut beyond = f64::NEG_INFINITY;
    for rival in &mut rivals {
        *rival = nearest_beyond(distances, beyond);
        beyond = rival.0;
    }
    let rivals = rivals.map(|(best, place)| {
        let z: [f64; D] = std::array::from_fn(|d| means[d].as_flattened()[place]);
        let tether = tethers.map(|all| all.as_flattened()[place]);
        (best, z, tether, (best.sqrt() + diagonal).max(TINY))
    });
    let mut len = 0;
    for (c, distances) in distances.iter().enumerate() {
        let mut keeps = [false; LANES];
        for (best, z, tether, e) in rivals {
            for lane in 0..LANES {
                let mut reach = 0.0;
                for d in 0..D {
                    reach += half_width[d] * (means[d][c][lane] - z[d]).abs();
                }
                let distance = distances[lane];
                let slack = SLACK * (distance + best + reach);
                let play = match (tethers, tether) {
                    (Some(tethers), Some(tether)) => {
                        // For any e > 0: d <= (d^2 / e + e) / 2, nearly equal where d is near e.
                        (tethers[c][lane] + tether) * (distance * (0.5 / e) + 1.5 * e)
                    }
                    _ => 0.0,
                };
                keeps[lane] |= distance - 2.0 * reach - slack - play <= best;
            }
        }
        // Each is written, and overwritten by the next if it is not to be kept: cheaper than a branch
        // that no processor can foresee.
        for lane in 0..LANES.min(m - c * LANES) {
            into.ids[len] = (c * LANES + lane) as u32;
            len += usize::from(keeps[lane]);
        }
    }
    into.take(from, len);
}

/// The least of `distances` above `beyond`, and the first place that has it; infinity if none has.
#[inline(always)]
fn nearest_beyond(distances: &[Lanes], beyond: f64) -> (f64, usize) {
    let mut least = [f64::INFINITY; LANES];
    for distances in distances {
        for lane in 0..LANES {
            let less = distances[lane] < least[lane] && distances[lane] > beyond;
            least[lane] = if less { distances[lane] } else { least[lane] };
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
        let mut len = 0;
        for (j, &upper) in uppers.iter().enumerate() {
            into.ids[len] = j as u32;
            len += usize::from(upper >= best_lower - self.margin);
        }
        into.take(from, len);
    }
}

#[inline(always)]
fn middle_and_half_width<const D: usize>(node: &Node<D>) -> ([f64; D], [f64; D]) {
    (
        std::array::from_fn(|d| 0.5 * (node.low[d] + node.high[d])),
        std::array::from_fn(|d| 0.5 * (node.high[d] - node.low[d])),
    )
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{
        density::{Component, Corners, Walk, argmax, candidates_of_blocks},
        testing::flower,
    };

    /// Which of the centroids, on tethers of these lengths, are kept for a box.
    fn kept(low: [f64; 3], high: [f64; 3], centroids: &[([f64; 3], f64)]) -> Vec<u32> {
        let component = |&(mean, length): &([f64; 3], f64)| Component {
            offset: 0.0,
            mean,
            whitening: Tethered(length),
        };
        let components: Vec<_> = centroids.iter().map(component).collect();
        let from = Candidates::numbered(&components, 0..components.len());
        let mut into = Candidates::with_room_for(components.len());
        Corners::<1>.filter(&Node::around(low, high), &from, &mut into, &mut Vec::new());
        into.ids().to_vec()
    }

    #[test]
    fn a_centroid_stays_if_a_corner_is_as_near_to_it_as_to_the_one_nearest_to_the_middle() {
        let mut generator = ChaCha8Rng::seed_from_u64(4);
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
            let tied: Vec<_> = centroids.iter().map(|&mean| (mean, 0.0)).collect();
            assert_eq!(kept(low, high, &tied), expected);
        }
    }

    #[test]
    fn longer_tethers_let_farther_centroids_stay() {
        // From a point at 0 one is 10 away, and another is not much more than both tethers farther.
        let at = |x: f64, length| ([x, 0.0, 0.0], length);
        let origin = [0.0; 3];
        assert_eq!(
            kept(origin, origin, &[at(10.0, 0.4), at(10.99, 0.6)]),
            [0, 1]
        );
        assert_eq!(kept(origin, origin, &[at(10.0, 0.4), at(11.01, 0.6)]), [0]);
        // Of a box from -1 to 1, 1 is nearest to it: as near as to 0 if it is at 2, and 3 with tethers. The
        // largest denominator lets it stay up to 3.737.
        let (low, high) = ([-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]);
        assert_eq!(kept(low, high, &[at(0.0, 0.4), at(2.99, 0.6)]), [0, 1]);
        assert_eq!(kept(low, high, &[at(0.0, 0.4), at(3.75, 0.6)]), [0]);
    }

    #[test]
    fn candidates_hold_wherever_tethers_let_the_centroids_be() {
        let colors = flower(30);
        let mut generator = ChaCha8Rng::seed_from_u64(2);
        for longest in [0.01, 1.0, 20.0] {
            let tethered: Vec<_> = (0..50)
                .map(|_| Component {
                    offset: 0.0,
                    whitening: Tethered(longest * generator.random::<f64>()),
                    mean: [0; 3].map(|_| 256.0 * generator.random::<f64>()),
                })
                .collect();
            let rule = Corners::<1>;
            let colors = &colors;
            let ids = candidates_of_blocks(Walk { colors, rule }, &tethered);
            for _ in 0..20 {
                let drifted: Vec<[f64; 3]> = tethered
                    .iter()
                    .map(|component| {
                        // A corner of the cube that the tether reaches.
                        let step = component.whitening.0 / 3.0f64.sqrt();
                        component
                            .mean
                            .map(|x| x + if generator.random() { step } else { -step })
                    })
                    .collect();
                let nearest = argmax(colors, &Component::centroids(&drifted), rule);
                for (&block, ids) in colors.blocks().iter().zip(&ids) {
                    let rows = colors.nodes()[block].rows();
                    assert!(nearest[rows].iter().all(|id| ids.contains(id)));
                }
            }
        }
    }
}
