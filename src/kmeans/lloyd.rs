//! Lloyd's iterations, exact, with boxes of colors instead of colors wherever a box has one nearest
//! centroid.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    Colors,
    colors::{Chunk, Node},
    density::{
        Candidates, Component, Corners, Identity, Visit, Walk, argmax, candidates_of_blocks,
        largest, squared_distance, walk_blocks,
    },
    simd::{LANES, Lanes},
};

/// Counts how many times a color has been assigned.
#[derive(Debug, Default)]
pub(super) struct Work {
    assigned: AtomicU64,
}

impl Work {
    fn add(&self, colors: u64) {
        self.assigned.fetch_add(colors, Ordering::Relaxed);
    }

    pub(super) fn assigned(&self) -> u64 {
        self.assigned.load(Ordering::Relaxed)
    }
}

/// What an assignment of all colors comes to.
pub(super) struct Clusters<const D: usize> {
    counts: Vec<f64>,
    sums: Vec<[f64; D]>,
    pub inertia: f64,
}

/// The state of a run: the centroids, and what each block found when it was last looked at.
#[derive(Clone)]
pub(super) struct Lloyd<'a, const D: usize> {
    walk: Walk<'a, Corners<1>, D>,
    pub centroids: Vec<[f64; D]>,
    /// How many of them, the first ones, never move.
    pinned: usize,
    /// Whether the centroid has moved since the last assignment.
    moved: Vec<bool>,
    ids: Vec<Vec<u32>>,
    found: Vec<BlockClusters<D>>,
    work: &'a Work,
}

impl<'a, const D: usize> Lloyd<'a, D> {
    pub(super) fn new(
        colors: &'a Colors<D>,
        centroids: Vec<[f64; D]>,
        pinned: usize,
        work: &'a Work,
    ) -> Self {
        let blocks = colors.blocks().len();
        let moved = vec![true; centroids.len()];
        Self {
            walk: Walk {
                colors,
                rule: Corners::<1>,
            },
            centroids,
            pinned,
            moved,
            ids: vec![Vec::new(); blocks],
            found: vec![BlockClusters::default(); blocks],
            work,
        }
    }

    /// Iterates until no centroid moves farther than `tol`, at most `max_iter` times; returns the
    /// inertia that each iteration began with, and whether it converged.
    pub(super) fn run(&mut self, tol: f64, max_iter: usize) -> (Vec<f64>, bool) {
        let mut history = Vec::new();
        let mut converged = false;
        while !converged && history.len() < max_iter {
            let clusters = self.assign();
            history.push(clusters.inertia);
            let means = self.means(&clusters);
            converged = self.move_to(&means) <= tol * tol;
        }
        (history, converged)
    }

    /// The inertia of the centroids as they are.
    pub(super) fn inertia(&mut self) -> f64 {
        self.assign().inertia
    }

    /// Puts a centroid elsewhere.
    pub(super) fn place(&mut self, j: usize, centroid: [f64; D]) {
        self.centroids[j] = centroid;
        self.moved[j] = true;
    }

    /// Assigns every color to its nearest centroid. Blocks whose candidates are the same as before
    /// and have not moved keep what they found.
    pub(super) fn assign(&mut self) -> Clusters<D> {
        let components = Component::centroids(&self.centroids);
        let ids = candidates_of_blocks(self.walk, &components);
        let changed = |block: &usize| {
            ids[*block] != self.ids[*block] || ids[*block].iter().any(|&id| self.moved[id as usize])
        };
        let tasks: Vec<(usize, ())> = (0..ids.len())
            .filter(changed)
            .map(|block| (block, ()))
            .collect();
        let places: Vec<usize> = tasks.iter().map(|task| task.0).collect();
        let colors = self.walk.colors;
        let rows = |block: usize| colors.nodes()[colors.blocks()[block]].rows().len() as u64;
        self.work.add(places.iter().map(|&block| rows(block)).sum());
        let found = walk_blocks(self.walk, &components, &ids, tasks, |(), m| {
            BlockVisit::new(m)
        });
        for (block, found) in places.into_iter().zip(found) {
            self.found[block] = found;
        }
        self.ids = ids;
        self.moved.fill(false);
        self.sum_up()
    }

    /// The blocks' clusters together. Sums of bytes are exact in a double up to 2^53, 10^13 pixels,
    /// and so in any order; others are added in the order of the blocks.
    fn sum_up(&self) -> Clusters<D> {
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

    /// The mean of each cluster, or a badly served color for one that is empty; pinned centroids as they
    /// are.
    pub(super) fn means(&self, clusters: &Clusters<D>) -> Vec<[f64; D]> {
        let empty = clusters.counts[self.pinned..]
            .iter()
            .filter(|&&count| count == 0.0)
            .count();
        let mut badly_served = if empty > 0 {
            self.worst_served(empty)
        } else {
            Vec::new()
        };
        let mean = |j: usize| {
            let count = clusters.counts[j];
            if j < self.pinned {
                self.centroids[j]
            } else if count > 0.0 {
                clusters.sums[j].map(|sum| sum / count)
            } else {
                badly_served.pop().unwrap_or(self.centroids[j])
            }
        };
        (0..self.centroids.len()).map(mean).collect()
    }

    /// Moves the centroids and returns the square of the largest move.
    pub(super) fn move_to(&mut self, targets: &[[f64; D]]) -> f64 {
        let mut largest = 0.0f64;
        for (j, &target) in targets.iter().enumerate() {
            let distance = squared_distance(target, self.centroids[j]);
            self.moved[j] |= distance > 0.0;
            self.centroids[j] = target;
            largest = largest.max(distance);
        }
        largest
    }

    /// The `n` colors whose pixels together lie farthest, in squared distance, from their
    /// centroids; the worst last.
    fn worst_served(&self, n: usize) -> Vec<[f64; D]> {
        let colors = self.walk.colors;
        let components = Component::centroids(&self.centroids);
        let clusters = argmax(colors, &components, Corners::<1>);
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
