//! Lloyd's iterations, exact, with boxes of colors instead of colors wherever a box has one nearest
//! centroid.

use ndarray::Array2;

use super::Fit;
use crate::{
    Colors,
    colors::{Chunk, Node},
    density::{
        Candidates, Component, Corners, Identity, Visit, Walk, argmax, candidates_of_blocks,
        largest, squared_distance, walk_blocks,
    },
    simd::{LANES, Lanes},
};

/// Iterates from `centroids` until none moves farther than `tol`, at most `max_iter` times.
pub(super) fn run<const D: usize>(
    colors: &Colors<D>,
    centroids: Vec<[f64; D]>,
    tol: f64,
    max_iter: usize,
) -> Fit {
    let mut lloyd = Lloyd::new(colors, centroids);
    let mut history = Vec::new();
    let mut converged = false;
    while !converged && history.len() < max_iter {
        let clusters = lloyd.assign();
        history.push(clusters.inertia);
        converged = lloyd.update(&clusters) <= tol * tol;
    }
    let inertia = lloyd.assign().inertia;
    let flat = lloyd.centroids.concat();
    Fit {
        centroids: Array2::from_shape_vec((lloyd.centroids.len(), D), flat).expect("k rows of D"),
        inertia,
        n_iter: history.len(),
        history,
        converged,
    }
}

/// What an assignment of all colors comes to.
struct Clusters<const D: usize> {
    counts: Vec<f64>,
    sums: Vec<[f64; D]>,
    inertia: f64,
}

/// The state of a run: the centroids, and what each block found when it was last looked at.
struct Lloyd<'a, const D: usize> {
    walk: Walk<'a, Corners, D>,
    centroids: Vec<[f64; D]>,
    /// Whether the centroid has moved since the last assignment.
    moved: Vec<bool>,
    ids: Vec<Vec<u32>>,
    found: Vec<BlockClusters<D>>,
}

impl<'a, const D: usize> Lloyd<'a, D> {
    fn new(colors: &'a Colors<D>, centroids: Vec<[f64; D]>) -> Self {
        let blocks = colors.blocks().len();
        let moved = vec![true; centroids.len()];
        Self {
            walk: Walk {
                colors,
                rule: Corners,
            },
            centroids,
            moved,
            ids: vec![Vec::new(); blocks],
            found: vec![BlockClusters::default(); blocks],
        }
    }

    /// Assigns every color to its nearest centroid. Blocks whose candidates are the same as before
    /// and have not moved keep what they found.
    fn assign(&mut self) -> Clusters<D> {
        let components: Vec<_> = self
            .centroids
            .iter()
            .copied()
            .map(Component::centroid)
            .collect();
        let ids = candidates_of_blocks(self.walk, &components);
        let changed = |block: &usize| {
            ids[*block] != self.ids[*block] || ids[*block].iter().any(|&id| self.moved[id as usize])
        };
        let tasks: Vec<(usize, ())> = (0..ids.len())
            .filter(changed)
            .map(|block| (block, ()))
            .collect();
        let places: Vec<usize> = tasks.iter().map(|task| task.0).collect();
        let found = walk_blocks(self.walk, &components, &ids, tasks, |(), m| {
            BlockVisit::new(m)
        });
        for (block, found) in places.into_iter().zip(found) {
            self.found[block] = found;
        }
        self.ids = ids;
        self.moved.fill(false);
        self.total()
    }

    /// The blocks' clusters together. Sums of bytes are exact in a double up to 2^53, 10^13 pixels,
    /// and so in any order; others are added in the order of the blocks.
    fn total(&self) -> Clusters<D> {
        let k = self.centroids.len();
        let mut total = Clusters {
            counts: vec![0.0; k],
            sums: vec![[0.0; D]; k],
            inertia: 0.0,
        };
        for (ids, found) in self.ids.iter().zip(&self.found) {
            total.inertia += found.inertia;
            for (&id, (count, sum)) in ids.iter().zip(&found.clusters) {
                total.counts[id as usize] += count;
                for d in 0..D {
                    total.sums[id as usize][d] += sum[d];
                }
            }
        }
        total
    }

    /// Moves each centroid to the mean of its cluster, or to a badly served color if it has none,
    /// and returns the square of the largest move.
    fn update(&mut self, clusters: &Clusters<D>) -> f64 {
        let empty = clusters
            .counts
            .iter()
            .filter(|&&count| count == 0.0)
            .count();
        let mut badly_served = if empty > 0 {
            self.worst_served(empty)
        } else {
            Vec::new()
        };
        let mut largest_move = 0.0f64;
        for (j, centroid) in self.centroids.iter_mut().enumerate() {
            let count = clusters.counts[j];
            let target = if count > 0.0 {
                clusters.sums[j].map(|sum| sum / count)
            } else {
                badly_served.pop().unwrap_or(*centroid)
            };
            let distance = squared_distance(target, *centroid);
            self.moved[j] = distance > 0.0;
            largest_move = largest_move.max(distance);
            *centroid = target;
        }
        largest_move
    }

    /// The `n` colors whose pixels together lie farthest, in squared distance, from their
    /// centroids; the worst last.
    fn worst_served(&self, n: usize) -> Vec<[f64; D]> {
        let colors = self.walk.colors;
        let components: Vec<_> = self
            .centroids
            .iter()
            .copied()
            .map(Component::centroid)
            .collect();
        let clusters = argmax(colors, &components, Corners);
        let error = |row: usize| {
            colors.counts()[row]
                * squared_distance(colors.point(row), self.centroids[clusters[row] as usize])
        };
        let mut rows: Vec<(f64, usize)> = (0..colors.len())
            .map(|row| (error(row), row))
            .filter(|&(error, _)| error > 0.0)
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.truncate(n);
        rows.into_iter()
            .rev()
            .map(|(_, row)| colors.point(row))
            .collect()
    }
}

/// The clusters within a block: count and sum of each candidate, and the inertia.
#[derive(Clone, Debug, Default)]
struct BlockClusters<const D: usize> {
    clusters: Vec<(f64, [f64; D])>,
    inertia: f64,
}

/// Sums up a block lane by lane; what belongs to a whole box goes to the first lane.
struct BlockVisit<const D: usize> {
    clusters: Vec<(Lanes, [Lanes; D])>,
    inertia: Lanes,
}

impl<const D: usize> BlockVisit<D> {
    fn new(candidates: usize) -> Self {
        Self {
            clusters: vec![([0.0; LANES], [[0.0; LANES]; D]); candidates],
            inertia: [0.0; LANES],
        }
    }
}

impl<const D: usize> Visit<Identity, D> for BlockVisit<D> {
    type Found = BlockClusters<D>;

    #[inline(always)]
    fn settled(&mut self, node: &Node<D>, candidate: &Candidates<Identity, D>) {
        let (count, sum) = &mut self.clusters[candidate.ids()[0] as usize];
        count[0] += node.count;
        for d in 0..D {
            sum[d][0] += node.sum[d];
            self.inertia[0] += node.scatter[d][d];
        }
        self.inertia[0] += node.count * -2.0 * candidate.score(0, node.mean());
    }

    #[inline(always)]
    fn chunk(&mut self, chunk: &Chunk<D>, candidates: &Candidates<Identity, D>) {
        let (places, scores) = largest(candidates, &chunk.x);
        for lane in 0..LANES {
            self.inertia[lane] += chunk.counts[lane] * -2.0 * scores[lane];
        }
        for (j, &id) in candidates.ids().iter().enumerate() {
            let (count, sum) = &mut self.clusters[id as usize];
            for lane in 0..LANES {
                let own = if places[lane] == j as u64 {
                    chunk.counts[lane]
                } else {
                    0.0
                };
                count[lane] += own;
                for d in 0..D {
                    sum[d][lane] += own * chunk.x[d][lane];
                }
            }
        }
    }

    #[inline(always)]
    fn finish(self) -> BlockClusters<D> {
        let sum = |lanes: Lanes| lanes.iter().sum::<f64>();
        let clusters = self
            .clusters
            .into_iter()
            .map(|(count, sums)| (sum(count), sums.map(sum)))
            .collect();
        BlockClusters {
            clusters,
            inertia: sum(self.inertia),
        }
    }
}
