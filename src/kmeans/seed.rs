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
