//! Lloyd's iterations, exact, with boxes of colors instead of colors wherever a box has one nearest
//! centroid.
//!
//! Most of what an assignment finds out holds for the next ones too, and is kept. Which centroids can
//! matter to a box is decided for all places to which a tether lets them move, and anew only for boxes
//! near a centroid that has come to the end of its tether. For each chunk of colors it is known by how
//! much its second-nearest centroids are farther than its nearest, so that it is looked at again only
//! when they have moved as far as that (Hamerly, "Making k-means even faster", SDM 2010, with chunks in
//! the place of points).

use std::sync::atomic::{AtomicU64, Ordering};

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::{
    Colors,
    colors::{Chunk, Node},
    density::{
        Candidates, Component, Corners, Crown, Identity, Tethered, Visit, Walk, argmax, largest,
        squared_distance, two_largest, walk_blocks,
    },
    simd::{LANES, Lanes, vectorize},
};

/// When iterations end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// When no centroid is farther than this from the mean of its cluster.
    Move(f64),
    /// When an iteration lessens the inertia by a smaller share of it than this.
    Gain(f64),
}

/// How far centroids go in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steps {
    /// To the means of their clusters: Lloyd's iterations as they are defined.
    ToMeans,
    /// Beyond the means as long as that gains much, then to them. It takes fewer iterations.
    BeyondMeans,
}

/// How far a step beyond the mean goes, where the mean is at 1.
const BEYOND: f64 = 1.6;

/// While an iteration gains this share of the inertia, steps go beyond the means.
const MUCH_GAINED: f64 = 1e-5;

/// The length of a centroid's tether as a multiple of how far it has just moved: moves shrink, so that
/// it serves for more iterations than this.
const MOVES_TO_TETHER: f64 = 6.0;

/// Tethers as shares of the root of the mean squared distance. None is shorter than the first, and
/// a centroid that would need one longer than the second has none: lists of candidates would be long.
const SHORTEST_TETHER: f64 = 0.1;
const LONGEST_TETHER: f64 = 0.6;

/// Distances are computed with errors of some 2^-50; a chunk is looked at again this share of its
/// distances before it would have to be.
const SLACK: f64 = 1e-9;

/// Fewer blocks than this are looked at again sooner than another thread wakes up.
const BLOCKS_WORTH_THREADS: usize = 48;

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
    colors: &'a Colors<D>,
    pub centroids: Vec<[f64; D]>,
    /// How many of them, the first ones, never move.
    pinned: usize,
    /// The centroids of the last assignment; none before the first.
    assigned: Vec<[f64; D]>,
    tethers: Vec<Tethered<D>>,
    /// The root of the mean squared distance.
    deviation: f64,
    crown: Crown,
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
        Self {
            colors,
            centroids,
            pinned,
            assigned: Vec::new(),
            tethers: Vec::new(),
            deviation: 0.0,
            crown: Crown::new(colors),
            found: vec![BlockClusters::default(); colors.blocks().len()],
            work,
        }
    }

    /// Iterates until that holds, at most `max_iter` times; returns the inertia that each iteration
    /// began with, and whether it came to that.
    ///
    /// A step beyond the means is taken back where it does not gain at all (Salakhutdinov and Roweis,
    /// "Adaptive overrelaxed bound optimization methods", ICML 2003). The last steps go to the means.
    pub(super) fn run(&mut self, steps: Steps, until: Until, max_iter: usize) -> (Vec<f64>, bool) {
        let mut history = Vec::new();
        let mut goes_beyond = steps == Steps::BeyondMeans;
        let mut taken_back_to = None;
        let mut converged = false;
        while !converged && history.len() < max_iter {
            let clusters = self.assign();
            let inertia = clusters.inertia;
            let before = history.last().copied().unwrap_or(f64::INFINITY);
            if let Some(means) = taken_back_to.take()
                && inertia > before
            {
                self.centroids = means;
                continue;
            }
            // Below the precision of an inertia plain steps may seem to lose.
            history.push(inertia.min(before));
            let gains = |share: f64| before - inertia >= share * inertia;
            let means = self.means(&clusters);
            converged = match until {
                Until::Move(tol) => self.farthest_from(&means) <= tol,
                Until::Gain(share) => !gains(share),
            };
            goes_beyond &= gains(MUCH_GAINED) && !converged && history.len() < max_iter;
            if goes_beyond {
                self.go_beyond(&means, &clusters.counts);
                taken_back_to = Some(means);
            } else {
                self.centroids = means;
            }
        }
        (history, converged)
    }

    /// Moves centroids beyond the means of their clusters, or to where an empty cluster is to be.
    fn go_beyond(&mut self, means: &[[f64; D]], counts: &[f64]) {
        for ((centroid, mean), &count) in self.centroids.iter_mut().zip(means).zip(counts) {
            let step = if count > 0.0 { BEYOND } else { 1.0 };
            for d in 0..D {
                centroid[d] += step * (mean[d] - centroid[d]);
            }
        }
    }

    /// The largest distance of a centroid from where `targets` has it.
    fn farthest_from(&self, targets: &[[f64; D]]) -> f64 {
        let distances = self.centroids.iter().zip(targets);
        distances
            .map(|(&from, &to)| squared_distance(from, to))
            .fold(0.0, f64::max)
            .sqrt()
    }

    /// The inertia of the centroids as they are.
    pub(super) fn inertia(&mut self) -> f64 {
        self.assign().inertia
    }

    /// Puts a centroid elsewhere.
    pub(super) fn place(&mut self, j: usize, centroid: [f64; D]) {
        self.centroids[j] = centroid;
    }

    /// Assigns every color to its nearest centroid.
    pub(super) fn assign(&mut self) -> Clusters<D> {
        if self.centroids != self.assigned {
            let moves = self.moves();
            let is_new = self.tether(&moves);
            let walked = self.walk(&moves, &is_new);
            self.look_again(&moves, &walked);
            self.assigned.clone_from(&self.centroids);
        }
        let clusters = self.sum_up();
        self.deviation = (clusters.inertia / self.colors.total()).sqrt();
        clusters
    }

    /// How far each centroid has moved since the last assignment.
    fn moves(&self) -> Vec<f64> {
        if self.assigned.is_empty() {
            return vec![f64::INFINITY; self.centroids.len()];
        }
        let moves = self.centroids.iter().zip(&self.assigned);
        moves
            .map(|(&to, &from)| squared_distance(to, from).sqrt())
            .collect()
    }

    /// Ties centroids that have come to the end of their tethers to where they are now, and tells
    /// which.
    fn tether(&mut self, moves: &[f64]) -> Vec<bool> {
        if self.tethers.is_empty() {
            let tie = |&anchor: &[f64; D]| Tethered {
                length: 0.0,
                anchor,
            };
            self.tethers = self.centroids.iter().map(tie).collect();
            return vec![true; self.centroids.len()];
        }
        let shortest = SHORTEST_TETHER * self.deviation;
        let longest = LONGEST_TETHER * self.deviation;
        let tie = |((tether, &centroid), &moved): ((&mut Tethered<D>, &[f64; D]), &f64)| {
            let reach = tether.length * (1.0 - SLACK);
            let is_new = reach == 0.0 || squared_distance(centroid, tether.anchor) > reach * reach;
            if is_new {
                let length = shortest.max(MOVES_TO_TETHER * moved);
                tether.length = if length > longest { 0.0 } else { length };
                tether.anchor = centroid;
            }
            is_new
        };
        let tethers = self.tethers.iter_mut();
        tethers.zip(&self.centroids).zip(moves).map(tie).collect()
    }

    /// Looks at the blocks anew, by boxes, that may have other candidates than before, and at those
    /// that kept nothing; tells which.
    fn walk(&mut self, moves: &[f64], is_new: &[bool]) -> Vec<bool> {
        let components: Vec<_> = self
            .centroids
            .iter()
            .zip(&self.tethers)
            .map(|(&mean, &whitening)| Component {
                offset: 0.0,
                mean,
                whitening,
            })
            .collect();
        let colors = self.colors;
        let rule = Corners::<1>;
        let walk = Walk { colors, rule };
        let mut walked = vec![false; self.found.len()];
        if is_new.contains(&true) {
            for block in self.crown.update(walk, &components, is_new) {
                walked[block] = true;
            }
        }
        let ids = &self.crown.blocks;
        for ((walked, found), ids) in walked.iter_mut().zip(&self.found).zip(ids) {
            *walked |= found.margin.is_none() && ids.iter().any(|&id| moves[id as usize] > 0.0);
        }
        let tasks: Vec<(usize, bool)> = (0..ids.len())
            .filter(|&block| walked[block])
            .map(|block| {
                let is_tethered = |&id: &u32| self.tethers[id as usize].length > 0.0;
                (block, ids[block].iter().all(is_tethered))
            })
            .collect();
        let rows = |block: usize| colors.nodes()[colors.blocks()[block]].rows().len() as u64;
        self.work.add(tasks.iter().map(|task| rows(task.0)).sum());
        let places: Vec<usize> = tasks.iter().map(|task| task.0).collect();
        let found = walk_blocks(walk, &components, ids, tasks, |keeps, m| {
            BlockVisit::new(m, keeps)
        });
        for (block, found) in places.into_iter().zip(found) {
            self.found[block] = found;
        }
        walked
    }

    /// Looks again at the chunks of other blocks than those `walked` whose nearest centroids may have
    /// changed by these `moves`.
    fn look_again(&mut self, moves: &[f64], walked: &[bool]) {
        let mut blocks = Vec::new();
        let kept = self.found.iter_mut().zip(&self.crown.blocks).zip(walked);
        for ((found, ids), _) in kept.filter(|&(_, &walked)| !walked) {
            let (mut farthest, mut second) = (0.0f64, 0.0f64);
            for &id in ids {
                let moved = moves[id as usize];
                second = second.max(moved.min(farthest));
                farthest = farthest.max(moved);
            }
            // A centroid may have come nearer, and another gone.
            found.drifted += farthest + second;
            if farthest > 0.0 && found.margin.is_some_and(|margin| margin <= found.drifted) {
                blocks.push((ids, found));
            }
        }
        let components = Component::centroids(&self.centroids);
        let colors = self.colors;
        let room = blocks.iter().map(|(ids, _)| ids.len()).max().unwrap_or(0);
        let space = || [(); 2].map(|()| Candidates::with_room_for(room));
        let look = |space: &mut [Candidates<Identity, D>; 2],
                    (ids, found): (&Vec<u32>, &mut BlockClusters<D>)| {
            let [candidates, list] = space;
            candidates.number(&components, ids.iter().map(|&id| id as usize));
            vectorize(LookAgain {
                colors,
                candidates,
                list,
                found,
            })
        };
        let looked_at: u64 = if blocks.len() < BLOCKS_WORTH_THREADS {
            let mut space = space();
            blocks
                .into_iter()
                .map(|block| look(&mut space, block))
                .sum()
        } else {
            let blocks = blocks.into_par_iter().with_min_len(8);
            blocks.map_init(space, look).sum()
        };
        self.work.add(looked_at);
    }

    /// The blocks' clusters together. Sums of bytes are exact in a double up to 2^53, 10^13 pixels,
    /// and so in any order; others are added in the order of the blocks.
    ///
    /// The inertia is the scatter of all colors about their mean m, and for a cluster of n pixels, sum s
    /// and centroid c: n |c - m|^2 - 2 (c - m) (s - n m).
    fn sum_up(&self) -> Clusters<D> {
        let k = self.centroids.len();
        let mut counts = vec![0.0; k];
        let mut sums = vec![[0.0; D]; k];
        for (ids, found) in self.crown.blocks.iter().zip(&self.found) {
            for (&id, (count, sum)) in ids.iter().zip(&found.clusters) {
                counts[id as usize] += count;
                for d in 0..D {
                    sums[id as usize][d] += sum[d];
                }
            }
        }
        let all = &self.colors.nodes()[0];
        let mean = all.mean();
        let mut inertia = all.total_scatter();
        for ((centroid, count), sum) in self.centroids.iter().zip(&counts).zip(&sums) {
            for d in 0..D {
                let offset = centroid[d] - mean[d];
                inertia += offset * (count * offset - 2.0 * (sum[d] - count * mean[d]));
            }
        }
        Clusters {
            counts,
            sums,
            // Rounding leaves nothing below 0.
            inertia: inertia.max(0.0),
        }
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

    /// The `n` colors whose pixels together lie farthest, in squared distance, from their
    /// centroids; the worst last.
    fn worst_served(&self, n: usize) -> Vec<[f64; D]> {
        let colors = self.colors;
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

/// What is known of a block: count and sum of each candidate's colors, and what the next assignments
/// can use.
#[derive(Clone, Debug, Default)]
struct BlockClusters<const D: usize> {
    clusters: Vec<(f64, [f64; D])>,
    chunks: Vec<KeptChunk>,
    /// The candidates of all chunks, one list after another.
    lists: Vec<u32>,
    /// The least margin of a chunk; none where chunks were not kept.
    margin: Option<f64>,
    /// By how much a candidate may have come nearer than another since the lists were made.
    drifted: f64,
}

/// A chunk of colors that had several candidates.
#[derive(Clone, Debug)]
struct KeptChunk {
    start: u32,
    len: u32,
    /// Where its candidates are in the block's lists.
    list_start: u32,
    list_end: u32,
    /// The place of each color's nearest centroid in the block.
    nearest: [u32; LANES],
    /// While the block has drifted less, these stay the nearest.
    margin: f64,
}

/// The least difference between the distances from the second-nearest and from the nearest centroid, of
/// which the scores are given, over the first `len` lanes.
#[inline(always)]
fn margin(best: &Lanes, second: &Lanes, len: usize) -> f64 {
    let mut margins = [f64::INFINITY; LANES];
    for lane in 0..LANES {
        let (near, far) = ((-2.0 * best[lane]).sqrt(), (-2.0 * second[lane]).sqrt());
        margins[lane] = far - near - SLACK * far;
    }
    margins[..len].iter().fold(f64::INFINITY, |a, &b| a.min(b))
}

/// Looks again at the chunks of a block, with its candidates where they are now; returns at how many
/// colors.
struct LookAgain<'a, const D: usize> {
    colors: &'a Colors<D>,
    candidates: &'a Candidates<Identity, D>,
    /// Room for a list of candidates.
    list: &'a mut Candidates<Identity, D>,
    found: &'a mut BlockClusters<D>,
}

impl<const D: usize> NullaryFnOnce for LookAgain<'_, D> {
    type Output = u64;

    #[inline(always)]
    fn call(self) -> u64 {
        let Self { list, found, .. } = self;
        let mut listed = (0, 0);
        let mut looked_at = 0;
        let mut least = f64::INFINITY;
        for kept in &mut found.chunks {
            if kept.margin <= found.drifted {
                let range = (kept.list_start, kept.list_end);
                if range != listed {
                    let places = &found.lists[kept.list_start as usize..kept.list_end as usize];
                    list.select(self.candidates, places);
                    listed = range;
                }
                let start = kept.start as usize;
                let len = kept.len as usize;
                looked_at += u64::from(kept.len);
                let chunk = self.colors.chunk(start, start + len);
                let (places, best, second) = two_largest(list, &chunk.x);
                for lane in 0..len {
                    let nearest = list.ids()[places[lane] as usize];
                    let before = std::mem::replace(&mut kept.nearest[lane], nearest);
                    if nearest != before {
                        let count = chunk.counts[lane];
                        let x = chunk.color(lane);
                        for (place, count) in [(before, -count), (nearest, count)] {
                            let cluster = &mut found.clusters[place as usize];
                            cluster.0 += count;
                            for d in 0..D {
                                cluster.1[d] += count * x[d];
                            }
                        }
                    }
                }
                kept.margin = found.drifted + margin(&best, &second, len);
            }
            least = least.min(kept.margin);
        }
        found.margin = Some(least);
        looked_at
    }
}

/// Of so many candidates or more each color is added to its own, instead of a masked chunk to each.
const MANY_CANDIDATES: usize = 6;

/// Sums up a block lane by lane; what belongs to a whole box goes to the first lane.
struct BlockVisit<const D: usize> {
    sums: Vec<(Lanes, [Lanes; D])>,
    found: BlockClusters<D>,
}

impl<const D: usize> BlockVisit<D> {
    /// Of a block with so many candidates, which keeps its chunks or not.
    fn new(candidates: usize, keeps: bool) -> Self {
        Self {
            sums: vec![([0.0; LANES], [[0.0; LANES]; D]); candidates],
            found: BlockClusters {
                margin: keeps.then_some(f64::INFINITY),
                ..BlockClusters::default()
            },
        }
    }

    /// Notes what the next assignments can use of a chunk.
    #[inline(always)]
    fn keep(
        &mut self,
        chunk: &Chunk<D>,
        ids: &[u32],
        (places, best, second): &([u64; LANES], Lanes, Lanes),
    ) {
        let found = &mut self.found;
        let last = found.chunks.last().map(|kept| kept.list_start as usize);
        let list_start = match last {
            Some(start) if found.lists[start..] == *ids => start,
            _ => {
                found.lists.extend_from_slice(ids);
                found.lists.len() - ids.len()
            }
        };
        let mut nearest = [0; LANES];
        for lane in 0..LANES {
            nearest[lane] = ids[places[lane] as usize];
        }
        let margin = margin(best, second, chunk.len);
        found.margin = found.margin.map(|least| least.min(margin));
        found.chunks.push(KeptChunk {
            start: chunk.start as u32,
            len: chunk.len as u32,
            list_start: list_start as u32,
            list_end: found.lists.len() as u32,
            nearest,
            margin,
        });
    }
}

impl<const D: usize> Visit<Tethered<D>, D> for BlockVisit<D> {
    type Found = BlockClusters<D>;

    #[inline(always)]
    fn settled(&mut self, node: &Node<D>, candidate: &Candidates<Tethered<D>, D>) {
        let (count, sum) = &mut self.sums[candidate.ids()[0] as usize];
        count[0] += node.count;
        for d in 0..D {
            sum[d][0] += node.sum[d];
        }
    }

    #[inline(always)]
    fn chunk(&mut self, chunk: &Chunk<D>, candidates: &Candidates<Tethered<D>, D>) {
        let ids = candidates.ids();
        let places = if self.found.margin.is_some() {
            let nearest = two_largest(candidates, &chunk.x);
            self.keep(chunk, ids, &nearest);
            nearest.0
        } else {
            largest(candidates, &chunk.x).0
        };
        if ids.len() >= MANY_CANDIDATES {
            for lane in 0..chunk.len {
                let (count, sum) = &mut self.sums[ids[places[lane] as usize] as usize];
                count[lane] += chunk.counts[lane];
                for d in 0..D {
                    sum[d][lane] += chunk.counts[lane] * chunk.x[d][lane];
                }
            }
            return;
        }
        for (j, &id) in ids.iter().enumerate() {
            let (count, sum) = &mut self.sums[id as usize];
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
            .sums
            .into_iter()
            .map(|(count, sums)| (sum(count), sums.map(sum)))
            .collect();
        BlockClusters {
            clusters,
            ..self.found
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{kmeans::seed, testing::flower};

    /// Compares each assignment of a run with one that knows nothing of those before; returns how
    /// many blocks used what they had kept.
    fn assignments_are_those_of_fresh_runs<const D: usize>(
        colors: &Colors<D>,
        k: usize,
        exact: bool,
    ) -> usize {
        let (work, other_work) = (Work::default(), Work::default());
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let seeds = seed::k_means_plus_plus(colors, k, Vec::new(), &mut generator);
        let mut lloyd = Lloyd::new(colors, seeds, 0, &work);
        let mut used = 0;
        for _ in 0..200 {
            let clusters = lloyd.assign();
            used += lloyd
                .found
                .iter()
                .filter(|found| found.drifted > 0.0)
                .count();
            let fresh = Lloyd::new(colors, lloyd.centroids.clone(), 0, &other_work).assign();
            assert_eq!(clusters.counts, fresh.counts);
            if exact {
                assert_eq!(clusters.sums, fresh.sums);
            }
            assert!((clusters.inertia - fresh.inertia).abs() <= 1e-12 * fresh.inertia);
            let means = lloyd.means(&clusters);
            if lloyd.centroids == means {
                break;
            }
            lloyd.centroids = means;
        }
        assert!(work.assigned() < other_work.assigned());
        used
    }

    #[test]
    fn what_is_kept_changes_no_assignment() {
        let bytes = flower(60);
        for k in [8, 16, 100] {
            assert!(assignments_are_those_of_fresh_runs(&bytes, k, true) > 0);
        }
        let points = bytes.points().mapv(|value| libm::sqrt(value) / 16.0);
        let (others, _) = Colors::<3>::from_points(&points, bytes.counts(), 1.0).unwrap();
        assert!(assignments_are_those_of_fresh_runs(&others, 30, false) > 0);
    }
}
