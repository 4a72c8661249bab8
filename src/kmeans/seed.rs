//! The first centroids.

use pulp::NullaryFnOnce;
use rand::{Rng, RngExt};

use crate::{
    Colors,
    colors::Chunk,
    density::squared_distance,
    simd::{LANES, Lanes, vectorize},
};

/// The centroids that are `pinned` and up to k different colors, each drawn with the probability of its pixels (Efraimidis and Spirakis,
/// "Weighted random sampling with a reservoir", Information Processing Letters 97, 2006: the
/// largest of u^(1 / count)).
pub(super) fn random<const D: usize>(
    colors: &Colors<D>,
    k: usize,
    pinned: Vec<[f64; D]>,
    generator: &mut impl Rng,
) -> Vec<[f64; D]> {
    let mut rows: Vec<(f64, usize)> = colors
        .counts()
        .iter()
        .enumerate()
        .map(|(row, count)| (libm::log(1.0 - generator.random::<f64>()) / count, row))
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let drawn = rows[..k - pinned.len()].iter();
    let mut centroids = pinned;
    centroids.extend(drawn.map(|&(_, row)| colors.point(row)));
    centroids
}

/// k centroids: those that are `pinned`, or a color drawn with the probability of its pixels, and
/// then the best of 2 + ln k draws with the probability of their pixels' squared distance from those
/// before; fewer than k when all other colors lie on them.
pub(super) fn k_means_plus_plus<const D: usize>(
    colors: &Colors<D>,
    k: usize,
    pinned: Vec<[f64; D]>,
    generator: &mut impl Rng,
) -> Vec<[f64; D]> {
    let draws = 2 + libm::log(k as f64) as usize;
    let nodes = colors.nodes();
    let mut centroids = pinned;
    if centroids.is_empty() {
        let first = draw(
            colors,
            generator.random::<f64>(),
            |node| nodes[node].count,
            |row| colors.counts()[row],
        );
        centroids.push(colors.point(first));
    }
    let mut distances = Distances::new(colors);
    for &point in &centroids {
        vectorize(Accept {
            distances: &mut distances,
            point,
        });
    }
    while centroids.len() < k && distances.potentials[0] > 0.0 {
        let shares: Vec<f64> = (0..draws).map(|_| generator.random()).collect();
        let draw = |share| {
            let color_weight = |row: usize| colors.counts()[row] * distances.closest[row];
            let row = draw(
                colors,
                share,
                |node| distances.potentials[node],
                color_weight,
            );
            let point = colors.point(row);
            let distances = &distances;
            (vectorize(Gain { distances, point }), point)
        };
        let tries: Vec<(f64, [f64; D])> = shares.into_iter().map(draw).collect();
        let better = |best: (f64, _), next: (f64, _)| if next.0 > best.0 { next } else { best };
        let (_, point) = tries.into_iter().reduce(better).expect("there are draws");
        vectorize(Accept {
            distances: &mut distances,
            point,
        });
        centroids.push(point);
    }
    centroids
}

/// The row of the color at the share `u` (0 to 1) of all weight, where boxes and colors weigh what
/// the functions say.
fn draw<const D: usize>(
    colors: &Colors<D>,
    u: f64,
    box_weight: impl Fn(usize) -> f64,
    color_weight: impl Fn(usize) -> f64,
) -> usize {
    let nodes = colors.nodes();
    let mut rest = u * box_weight(0);
    let mut at = 0;
    while !nodes[at].is_leaf(at) {
        let children =
            std::iter::successors(Some(at + 1), |&child| Some(nodes[child].next as usize))
                .take_while(|&child| child < nodes[at].next as usize);
        at = pick(children, &mut rest, &box_weight);
    }
    pick(nodes[at].rows(), &mut rest, &color_weight)
}

/// The item at which `rest`, reduced by the weights of those before it, is used up. Rounding can
/// leave some of it: then the last that weighs anything is taken.
fn pick(
    items: impl Iterator<Item = usize>,
    rest: &mut f64,
    weight: impl Fn(usize) -> f64,
) -> usize {
    let mut picked = None;
    for item in items {
        let weight = weight(item);
        if weight > 0.0 || picked.is_none() {
            picked = Some(item);
            if *rest < weight {
                break;
            }
            *rest -= weight;
        }
    }
    picked.expect("a box is not empty")
}

/// How far every color, and every box, is from the centroids so far.
struct Distances<'a, const D: usize> {
    colors: &'a Colors<D>,
    /// The squared distance of each color from its nearest centroid, and LANES zeros.
    closest: Vec<f64>,
    /// For each box the sum over its pixels of `closest`.
    potentials: Vec<f64>,
    /// For each box the largest `closest` in it: a point farther than that from the box improves no
    /// color of it.
    farthest: Vec<f64>,
}

impl<'a, const D: usize> Distances<'a, D> {
    fn new(colors: &'a Colors<D>) -> Self {
        let boxes = colors.nodes().len();
        let mut closest = vec![f64::INFINITY; colors.len()];
        closest.resize(colors.len() + LANES, 0.0);
        Self {
            colors,
            closest,
            potentials: vec![f64::INFINITY; boxes],
            farthest: vec![f64::INFINITY; boxes],
        }
    }

    /// Whether `point` may be nearer to a color of a box than the centroids so far.
    #[inline(always)]
    fn can_improve(&self, place: usize, point: [f64; D]) -> bool {
        let node = &self.colors.nodes()[place];
        let nearest_in_box = std::array::from_fn(|d| point[d].clamp(node.low[d], node.high[d]));
        squared_distance(point, nearest_in_box) < self.farthest[place]
    }

    /// For each color of a chunk the squared distance from its nearest centroid, with `point` as
    /// one of them.
    #[inline(always)]
    fn with(&self, point: [f64; D], chunk: &Chunk<D>) -> Lanes {
        let mut least = [0.0; LANES];
        least.copy_from_slice(&self.closest[chunk.start..chunk.start + LANES]);
        for lane in 0..LANES {
            let distance = squared_distance(point, chunk.color(lane));
            least[lane] = if distance < least[lane] {
                distance
            } else {
                least[lane]
            };
        }
        least
    }
}

/// By how much `point` as a further centroid lessens the potential.
struct Gain<'a, const D: usize> {
    distances: &'a Distances<'a, D>,
    point: [f64; D],
}

impl<const D: usize> NullaryFnOnce for Gain<'_, D> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let nodes = self.distances.colors.nodes();
        let mut gain = [0.0; LANES];
        let mut at = 0;
        while at < nodes.len() {
            if !self.distances.can_improve(at, self.point) {
                at = nodes[at].next as usize;
                continue;
            }
            if nodes[at].is_leaf(at) {
                let rows = nodes[at].rows();
                for start in rows.clone().step_by(LANES) {
                    let chunk = self.distances.colors.chunk(start, rows.end);
                    let least = self.distances.with(self.point, &chunk);
                    for lane in 0..LANES {
                        gain[lane] += chunk.counts[lane]
                            * (self.distances.closest[start + lane] - least[lane]);
                    }
                }
            }
            at += 1;
        }
        gain.iter().sum()
    }
}

/// Takes `point` as a further centroid.
struct Accept<'a, 'c, const D: usize> {
    distances: &'a mut Distances<'c, D>,
    point: [f64; D],
}

impl<const D: usize> NullaryFnOnce for Accept<'_, '_, D> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            distances: state,
            point,
        } = self;
        let nodes = state.colors.nodes();
        let mut visited = Vec::new();
        let mut at = 0;
        while at < nodes.len() {
            if state.can_improve(at, point) {
                visited.push(at);
                at += 1;
            } else {
                at = nodes[at].next as usize;
            }
        }
        // Boxes come after those that they lie in, so that backwards all inner ones are done first.
        for &place in visited.iter().rev() {
            let (mut potential, mut farthest) = (0.0, 0.0f64);
            if nodes[place].is_leaf(place) {
                let mut potentials = [0.0; LANES];
                let rows = nodes[place].rows();
                for start in rows.clone().step_by(LANES) {
                    let chunk = state.colors.chunk(start, rows.end);
                    let least = state.with(point, &chunk);
                    for lane in 0..LANES {
                        potentials[lane] += chunk.counts[lane] * least[lane];
                    }
                    for lane in 0..chunk.len {
                        state.closest[start + lane] = least[lane];
                        farthest = farthest.max(least[lane]);
                    }
                }
                potential = potentials.iter().sum();
            } else {
                let mut child = place + 1;
                while child < nodes[place].next as usize {
                    potential += state.potentials[child];
                    farthest = farthest.max(state.farthest[child]);
                    child = nodes[child].next as usize;
                }
            }
            state.potentials[place] = potential;
            state.farthest[place] = farthest;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Colors on a line, with so many pixels each.
    fn line(colors: &[(f64, f64)]) -> Colors<3> {
        let at = |(row, d): (usize, usize)| if d == 0 { colors[row].0 } else { 0.0 };
        let points = Array2::from_shape_fn((colors.len(), 3), at);
        let counts: Vec<f64> = colors.iter().map(|color| color.1).collect();
        Colors::from_points(&points, &counts, 255.0).unwrap().0
    }

    /// Of 400 seeds, how many lead to a last centroid at `x`.
    fn times(x: f64, last: impl Fn(&mut ChaCha8Rng) -> [f64; 3]) -> usize {
        let mut generator = ChaCha8Rng::seed_from_u64(9);
        (0..400).filter(|_| last(&mut generator)[0] == x).count()
    }

    #[test]
    fn random_colors_are_drawn_with_the_probability_of_their_pixels() {
        let colors = line(&[(0.0, 1.0), (9.0, 3.0)]);
        let times = times(9.0, |generator| {
            random(&colors, 1, Vec::new(), generator)[0]
        });
        // 300 are expected, with a standard deviation of 9.
        assert!((270..=330).contains(&times), "{times}");
        let pinned = vec![[7.0; 3]];
        let mut generator = ChaCha8Rng::seed_from_u64(9);
        let mut all = random(&colors, 3, pinned, &mut generator);
        all[1..].sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(all, [[7.0; 3], [0.0; 3], [9.0, 0.0, 0.0]]);
    }

    #[test]
    fn the_better_of_two_draws_by_squared_distance_is_the_next_centroid() {
        // Squared distances from 50: 100 on the left, 81 and 100 on the right, where either gains most
        // of the other's too. So the left is taken if both draws are it: (100 / 281)^2 of 400 are 51.
        let colors = line(&[(40.0, 1.0), (50.0, 1.0), (59.0, 1.0), (60.0, 1.0)]);
        let times = times(40.0, |generator| {
            k_means_plus_plus(&colors, 2, vec![[50.0, 0.0, 0.0]], generator)[1]
        });
        assert!((30..=72).contains(&times), "{times}");
    }

    #[test]
    fn pixels_count_as_much_as_squared_distances() {
        // 4 pixels at 1 and one at 2, on either side: either gains 4, so that the first draw decides.
        for colors in [
            [(48.0, 1.0), (50.0, 1.0), (51.0, 4.0)],
            [(49.0, 4.0), (50.0, 1.0), (52.0, 1.0)],
        ] {
            let colors = line(&colors);
            let far = colors
                .points()
                .column(0)
                .iter()
                .copied()
                .find(|x| (x - 50.0).abs() == 2.0);
            let times = times(far.unwrap(), |generator| {
                k_means_plus_plus(&colors, 2, vec![[50.0, 0.0, 0.0]], generator)[1]
            });
            assert!((160..=240).contains(&times), "{times}");
        }
    }

    #[test]
    fn there_are_no_more_centroids_than_colors() {
        let colors = line(&[(1.0, 5.0), (2.0, 1.0)]);
        let mut generator = ChaCha8Rng::seed_from_u64(9);
        let mut found = k_means_plus_plus(&colors, 5, Vec::new(), &mut generator);
        found.sort_by(|a, b| a[0].total_cmp(&b[0]));
        assert_eq!(found, [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]);
    }

    #[test]
    fn an_item_is_picked_where_the_rest_is_used_up_and_it_weighs_something() {
        let picked = |rest, weights: &[f64]| {
            let mut rest = rest;
            pick(0..weights.len(), &mut rest, |item| weights[item])
        };
        assert_eq!(picked(0.9, &[1.0, 2.0]), 0);
        assert_eq!(picked(1.0, &[1.0, 2.0]), 1);
        assert_eq!(picked(0.0, &[0.0, 2.0]), 1);
        // Some is left.
        assert_eq!(picked(5.0, &[1.0, 2.0, 0.0]), 1);
        assert_eq!(picked(5.0, &[0.0, 0.0]), 0);
    }
}
