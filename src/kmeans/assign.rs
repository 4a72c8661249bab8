//! The assignment of every color to its nearest centroid, exact, with boxes of colors instead of colors
//! wherever a box has one nearest centroid.
//!
//! Most of what an assignment finds out holds for the next ones too, and is kept. Which centroids can
//! matter to a box is decided for all places to which a tether lets them move, and anew only for boxes
//! near a centroid that has come to the end of its tether. For each chunk of colors in a box it is known
//! by how much its second-nearest centroids are farther than its nearest, so that it is looked at again
//! only when the candidates of the box have moved as far as that (Hamerly, "Making k-means even faster",
//! SDM 2010, with chunks in the place of points).

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::{
    Colors,
    colors::Node,
    density::{
        Candidates, Component, Corners, Crown, Listed, Rule, Tethered, Walk, squared_distance,
        two_largest,
    },
    simd::{LANES, Lanes, vectorize},
};

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

/// Fewer blocks than this are done sooner than another thread wakes up.
const BLOCKS_PER_TASK: usize = 6;

/// Blocks whose sums are added up by one task.
const BLOCKS_PER_SUM: usize = 128;

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
    pub counts: Vec<f64>,
    pub sums: Vec<[f64; D]>,
    pub inertia: f64,
}

/// An assignment and what the next one can use of it.
#[derive(Clone)]
pub(super) struct Assignment<'a, const D: usize> {
    pub colors: &'a Colors<D>,
    /// The centroids that colors are assigned to; none at first.
    centroids: Vec<[f64; D]>,
    /// Where each centroid is tied, and how far it may be from there.
    tethers: Vec<Component<Tethered, D>>,
    /// The root of the mean squared distance.
    deviation: f64,
    crown: Crown,
    blocks: Vec<Block<D>>,
    work: &'a Work,
}

impl<'a, const D: usize> Assignment<'a, D> {
    pub(super) fn new(colors: &'a Colors<D>, work: &'a Work) -> Self {
        Self {
            colors,
            centroids: Vec::new(),
            tethers: Vec::new(),
            deviation: 0.0,
            crown: Crown::new(colors),
            blocks: vec![Block::default(); colors.blocks().len()],
            work,
        }
    }

    /// Assigns every color to the nearest of `centroids`, of several to the first.
    pub(super) fn update(&mut self, centroids: &[[f64; D]]) -> Clusters<D> {
        if self.centroids != centroids {
            let moves = self.moves_to(centroids);
            self.centroids.clear();
            self.centroids.extend_from_slice(centroids);
            let is_new = self.tether(&moves);
            self.update_blocks(&moves, &is_new);
        }
        let clusters = self.sum_up();
        self.deviation = (clusters.inertia / self.colors.total()).sqrt();
        clusters
    }

    /// How many boxes have been kept since they were looked at although candidates have moved.
    #[cfg(test)]
    pub(super) fn boxes_kept(&self) -> usize {
        let boxes = self.blocks.iter().flat_map(|block| &block.boxes);
        boxes.filter(|seen| seen.drifted > 0.0).count()
    }

    /// The centroid that each color is assigned to.
    pub(super) fn nearest(&self) -> Vec<u32> {
        let mut nearest = vec![0; self.colors.len()];
        for block in &self.blocks {
            for (i, seen) in block.boxes.iter().enumerate() {
                let ids = &block.ids[block.ids_of(i..i + 1)];
                let rows = &mut nearest[seen.start as usize..seen.end as usize];
                if let [id] = ids {
                    rows.fill(*id);
                }
                let chunks = &block.chunks[block.chunks_of(i..i + 1)];
                for (rows, chunk) in rows.chunks_mut(LANES).zip(chunks) {
                    for (row, &place) in rows.iter_mut().zip(&chunk.places) {
                        *row = ids[place as usize];
                    }
                }
            }
        }
        nearest
    }

    /// How far each centroid has moved since the last assignment.
    fn moves_to(&self, centroids: &[[f64; D]]) -> Vec<f64> {
        if self.centroids.is_empty() {
            return vec![f64::INFINITY; centroids.len()];
        }
        let moves = centroids.iter().zip(&self.centroids);
        moves
            .map(|(&to, &from)| squared_distance(to, from).sqrt())
            .collect()
    }

    /// Ties centroids that have come to the end of their tethers to where they are now, and tells
    /// which.
    fn tether(&mut self, moves: &[f64]) -> Vec<bool> {
        if self.tethers.is_empty() {
            let tie = |&mean: &[f64; D]| Component {
                offset: 0.0,
                mean,
                whitening: Tethered(0.0),
            };
            self.tethers = self.centroids.iter().map(tie).collect();
            return vec![true; self.centroids.len()];
        }
        let shortest = SHORTEST_TETHER * self.deviation;
        let longest = LONGEST_TETHER * self.deviation;
        let tie = |((tether, &centroid), &moved): ((&mut Component<Tethered, D>, _), &f64)| {
            let reach = tether.whitening.0 * (1.0 - SLACK);
            let is_new = squared_distance(centroid, tether.mean) > reach * reach;
            if is_new {
                let length = shortest.max(MOVES_TO_TETHER * moved);
                tether.whitening.0 = if length > longest { 0.0 } else { length };
                tether.mean = centroid;
            }
            is_new
        };
        let tethers = self.tethers.iter_mut();
        tethers.zip(&self.centroids).zip(moves).map(tie).collect()
    }

    /// Looks at the boxes anew that may have other candidates than before, and at the chunks of
    /// others whose nearest centroids may have changed by these `moves`.
    fn update_blocks(&mut self, moves: &[f64], is_new: &[bool]) {
        let colors = self.colors;
        let rule = Corners::<1>;
        let mut changed = vec![false; self.blocks.len()];
        if is_new.contains(&true) {
            let walk = Walk { colors, rule };
            for block in self.crown.update(walk, &self.tethers, is_new) {
                changed[block] = true;
            }
        }
        let ids = &self.crown.blocks;
        let has_moved = |ids: &Vec<u32>| ids.iter().any(|&id| moves[id as usize] > 0.0);
        let tasks: Vec<_> = (self.blocks.iter_mut().zip(changed).zip(ids).enumerate())
            .filter(|(_, ((_, changed), ids))| *changed || has_moved(ids))
            .collect();
        let room = tasks
            .iter()
            .map(|(_, (_, ids))| ids.len())
            .max()
            .unwrap_or(0);
        let (centroids, tethers) = (&self.centroids, &self.tethers);
        let update = |space: &mut Space<D>, (number, ((block, changed), ids)): (usize, _)| {
            let update = Update {
                colors,
                centroids,
                tethers,
                moves,
                is_new,
                space,
            };
            vectorize(UpdateBlock {
                update,
                place: colors.blocks()[number],
                block,
                ids: if changed { Some(ids) } else { None },
            })
        };
        let space = || Space::with_room_for(room);
        let assigned: u64 = if tasks.len() < 2 * BLOCKS_PER_TASK {
            let mut space = space();
            tasks.into_iter().map(|task| update(&mut space, task)).sum()
        } else {
            let tasks = tasks.into_par_iter().with_min_len(BLOCKS_PER_TASK);
            tasks.map_init(space, update).sum()
        };
        self.work.add(assigned);
    }

    /// The blocks' clusters together. Sums of bytes are exact in a double up to 2^53, 10^13 pixels,
    /// and so in any order; others are added in an order that does not depend on threads.
    ///
    /// The inertia is the scatter of all colors about their mean m, and for a cluster of n pixels, sum s
    /// and centroid c: n |c - m|^2 - 2 (c - m) (s - n m).
    fn sum_up(&self) -> Clusters<D> {
        let k = self.centroids.len();
        let sum_of = |blocks: &[Block<D>]| {
            let mut sums = vec![Sum::default(); k];
            for block in blocks {
                for (&id, sum) in block.ids.iter().zip(&block.sums) {
                    sums[id as usize].add(sum.count, sum.sum);
                }
            }
            sums
        };
        let parts: Vec<Vec<Sum<D>>> = if self.blocks.len() <= BLOCKS_PER_SUM {
            vec![sum_of(&self.blocks)]
        } else {
            self.blocks.par_chunks(BLOCKS_PER_SUM).map(sum_of).collect()
        };
        let mut counts = vec![0.0; k];
        let mut sums = vec![[0.0; D]; k];
        for part in parts {
            for (j, part) in part.into_iter().enumerate() {
                counts[j] += part.count;
                for d in 0..D {
                    sums[j][d] += part.sum[d];
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
}

/// Pixels and the sum over them.
#[derive(Clone, Copy, Debug)]
struct Sum<const D: usize> {
    count: f64,
    sum: [f64; D],
}

impl<const D: usize> Default for Sum<D> {
    fn default() -> Self {
        Self {
            count: 0.0,
            sum: [0.0; D],
        }
    }
}

impl<const D: usize> Sum<D> {
    #[inline(always)]
    fn add(&mut self, count: f64, sum: [f64; D]) {
        self.count += count;
        for d in 0..D {
            self.sum[d] += sum[d];
        }
    }
}

/// What is known of a block.
#[derive(Clone, Debug)]
struct Block<const D: usize> {
    /// Its boxes that were looked at: each before those inside it.
    boxes: Vec<Seen>,
    /// The candidates of boxes that are parted further, one list after another.
    outer_ids: Vec<u32>,
    /// The candidates of those that are not.
    ids: Vec<u32>,
    /// What each of these has of its box.
    sums: Vec<Sum<D>>,
    /// The chunks of boxes with several candidates.
    chunks: Vec<Nearest>,
}

impl<const D: usize> Default for Block<D> {
    fn default() -> Self {
        Self {
            boxes: Vec::new(),
            outer_ids: Vec::new(),
            ids: Vec::new(),
            sums: Vec::new(),
            chunks: Vec::new(),
        }
    }
}

/// A box that was looked at.
#[derive(Clone, Debug)]
struct Seen {
    /// Its place among all boxes.
    place: u32,
    /// Its rows.
    start: u32,
    end: u32,
    /// Where its candidates begin, of either kind; of the other it has none.
    outer_ids: u32,
    ids: u32,
    /// Where its chunks begin.
    chunks: u32,
    /// The least margin of one of its chunks; infinite where it has none.
    margin: f64,
    /// By how much a candidate may have come nearer than another since the margins were zero.
    drifted: f64,
}

/// A chunk of colors that has several candidates.
#[derive(Clone, Debug)]
struct Nearest {
    /// The place of each color's nearest centroid among the candidates.
    places: [u32; LANES],
    /// While the candidates have drifted less, these stay the nearest.
    margin: f64,
}

impl<const D: usize> Block<D> {
    fn clear(&mut self) {
        self.boxes.clear();
        self.outer_ids.clear();
        self.ids.clear();
        self.sums.clear();
        self.chunks.clear();
    }

    /// What boxes seen one after another have of a list that holds `all` and where each begins at `start`.
    #[inline(always)]
    fn part(&self, boxes: Range<usize>, start: impl Fn(&Seen) -> u32, all: usize) -> Range<usize> {
        let end = self.boxes.get(boxes.end);
        let end = end.map_or(all, |next| start(next) as usize);
        start(&self.boxes[boxes.start]) as usize..end
    }

    /// Where the candidates of these boxes are that are parted further.
    #[inline(always)]
    fn outer_ids_of(&self, boxes: Range<usize>) -> Range<usize> {
        self.part(boxes, |seen| seen.outer_ids, self.outer_ids.len())
    }

    /// Where the candidates of those are that are not.
    #[inline(always)]
    fn ids_of(&self, boxes: Range<usize>) -> Range<usize> {
        self.part(boxes, |seen| seen.ids, self.ids.len())
    }

    /// Where their chunks are.
    #[inline(always)]
    fn chunks_of(&self, boxes: Range<usize>) -> Range<usize> {
        self.part(boxes, |seen| seen.chunks, self.chunks.len())
    }

    /// Whether the box that was seen as number `i` has these candidates.
    #[inline(always)]
    fn has_ids(&self, i: usize, ids: &[u32]) -> bool {
        self.outer_ids[self.outer_ids_of(i..i + 1)] == *ids
            || self.ids[self.ids_of(i..i + 1)] == *ids
    }

    /// Notes a box that has nothing so far.
    #[inline(always)]
    fn see(&mut self, place: usize, node: &Node<D>) {
        self.boxes.push(Seen {
            place: place as u32,
            start: node.start,
            end: node.end,
            outer_ids: self.outer_ids.len() as u32,
            ids: self.ids.len() as u32,
            chunks: self.chunks.len() as u32,
            margin: f64::INFINITY,
            drifted: 0.0,
        });
    }

    /// Gives the last box, which is not parted further, these candidates, which have nothing so far.
    #[inline(always)]
    fn list(&mut self, ids: &[u32]) -> &mut [Sum<D>] {
        let first = self.ids.len();
        self.ids.extend_from_slice(ids);
        self.sums.resize(self.ids.len(), Sum::default());
        &mut self.sums[first..]
    }

    /// Appends the boxes that `from` has seen as `range`, of which there is one.
    #[inline(always)]
    fn take(&mut self, from: &Self, range: Range<usize>) {
        let outer_ids = from.outer_ids_of(range.clone());
        let ids = from.ids_of(range.clone());
        let chunks = from.chunks_of(range.clone());
        let moved =
            |start: u32, from: &Range<usize>, to: usize| start - from.start as u32 + to as u32;
        self.boxes.extend(from.boxes[range].iter().map(|seen| Seen {
            outer_ids: moved(seen.outer_ids, &outer_ids, self.outer_ids.len()),
            ids: moved(seen.ids, &ids, self.ids.len()),
            chunks: moved(seen.chunks, &chunks, self.chunks.len()),
            ..seen.clone()
        }));
        self.outer_ids.extend_from_slice(&from.outer_ids[outer_ids]);
        self.ids.extend_from_slice(&from.ids[ids.clone()]);
        self.sums.extend_from_slice(&from.sums[ids]);
        self.chunks.extend_from_slice(&from.chunks[chunks]);
    }
}

/// What the update of a block needs besides the block; lists of candidates, one for each depth below
/// it, and a block whose memory is used again hold nothing of meaning.
struct Space<const D: usize> {
    lists: Vec<Candidates<Tethered, D>>,
    scratch: Vec<f64>,
    /// Candidates that each list has room for.
    room: usize,
    block: Block<D>,
}

impl<const D: usize> Space<D> {
    fn with_room_for(room: usize) -> Self {
        Self {
            lists: vec![Candidates::with_room_for(room)],
            scratch: Vec::with_capacity(room),
            room,
            block: Block::default(),
        }
    }
}

/// What all blocks are updated by.
struct Update<'a, const D: usize> {
    colors: &'a Colors<D>,
    centroids: &'a [[f64; D]],
    tethers: &'a [Component<Tethered, D>],
    moves: &'a [f64],
    is_new: &'a [bool],
    space: &'a mut Space<D>,
}

/// Brings one block up to date; returns how many colors were assigned for that.
struct UpdateBlock<'a, const D: usize> {
    update: Update<'a, D>,
    place: usize,
    block: &'a mut Block<D>,
    /// Its candidates, if they are others than before or have new tethers.
    ids: Option<&'a Vec<u32>>,
}

impl<const D: usize> NullaryFnOnce for UpdateBlock<'_, D> {
    type Output = u64;

    #[inline(always)]
    fn call(self) -> u64 {
        match self.ids {
            Some(ids) => self.update.walk(self.place, self.block, ids),
            None => self
                .update
                .look_again(self.block, 0..self.block.boxes.len()),
        }
    }
}

impl<const D: usize> Update<'_, D> {
    /// Walks the inside of the block at `place`, to which these candidates can matter. Boxes whose
    /// candidates are those of before, on the same tethers, are kept with all that is inside.
    #[inline(always)]
    fn walk(self, place: usize, block: &mut Block<D>, ids: &[u32]) -> u64 {
        let nodes = self.colors.nodes();
        let base = nodes[place].depth as usize;
        let end = nodes[place].next as usize;
        let mut walked = std::mem::take(&mut self.space.block);
        walked.clear();
        self.space.lists[0].name(self.tethers, ids);
        let mut assigned = 0;
        let mut seen = 0;
        let mut at = place;
        while at < end {
            let node = &nodes[at];
            let next = node.next as usize;
            let depth = node.depth as usize - base;
            let Space {
                lists,
                scratch,
                room,
                ..
            } = &mut *self.space;
            if depth > 0 {
                if lists.len() == depth {
                    lists.push(Candidates::with_room_for(*room));
                }
                let (above, own) = lists.split_at_mut(depth);
                Corners::<1>.filter(node, &above[depth - 1], &mut own[0], scratch);
            }
            let ids = lists[depth].ids();
            while block
                .boxes
                .get(seen)
                .is_some_and(|seen| (seen.place as usize) < at)
            {
                seen += 1;
            }
            let is_known = block
                .boxes
                .get(seen)
                .is_some_and(|seen| seen.place as usize == at);
            let stays = |id: &u32| !self.is_new[*id as usize];
            if is_known && block.has_ids(seen, ids) && ids.iter().all(stays) {
                let inside = block.boxes[seen..]
                    .iter()
                    .take_while(|seen| (seen.place as usize) < next)
                    .count();
                let first = walked.boxes.len();
                walked.take(block, seen..seen + inside);
                assigned += self.look_again(&mut walked, first..first + inside);
                at = next;
                continue;
            }
            walked.see(at, node);
            if ids.len() > 1 && !node.is_leaf(at) {
                walked.outer_ids.extend_from_slice(ids);
                at += 1;
                continue;
            }
            let sums = walked.list(ids);
            if ids.len() == 1 {
                sums[0].add(node.count, node.sum);
            } else {
                self.look(&mut walked, node.rows());
            }
            assigned += node.rows().len() as u64;
            at = next;
        }
        self.space.block = std::mem::replace(block, walked);
        assigned
    }

    /// Finds the nearest centroid of each color in these rows, those of the box of `block` that was
    /// seen last.
    #[inline(always)]
    fn look(&self, block: &mut Block<D>, rows: Range<usize>) {
        let seen = block.boxes.last_mut().expect("a box was seen");
        let first = seen.ids as usize;
        let candidates = Listed {
            centroids: self.centroids,
            ids: &block.ids[first..],
        };
        let sums = &mut block.sums[first..];
        for start in rows.clone().step_by(LANES) {
            let chunk = self.colors.chunk(start, rows.end);
            let (places, best, second) = two_largest(&candidates, &chunk.x);
            let margin = margin(&best, &second, chunk.len);
            seen.margin = seen.margin.min(margin);
            block.chunks.push(Nearest { places, margin });
            for lane in 0..chunk.len {
                let count = chunk.counts[lane];
                let x = chunk.color(lane);
                sums[places[lane] as usize].add(count, x.map(|x| count * x));
            }
        }
    }

    /// Looks again at the chunks of some boxes of `block`, those of before, whose nearest centroids
    /// may have changed; returns at how many colors.
    #[inline(always)]
    fn look_again(&self, block: &mut Block<D>, boxes: Range<usize>) -> u64 {
        let mut looked_at = 0;
        for i in boxes {
            let (ids, chunks) = (block.ids_of(i..i + 1), block.chunks_of(i..i + 1));
            let seen = &mut block.boxes[i];
            if chunks.is_empty() {
                continue;
            }
            let (mut farthest, mut second) = (0.0f64, 0.0f64);
            for &id in &block.ids[ids.clone()] {
                let moved = self.moves[id as usize];
                second = second.max(moved.min(farthest));
                farthest = farthest.max(moved);
            }
            // A centroid may have come nearer, and another gone.
            seen.drifted += farthest + second;
            if farthest == 0.0 || seen.margin > seen.drifted {
                continue;
            }
            let candidates = Listed {
                centroids: self.centroids,
                ids: &block.ids[ids.clone()],
            };
            let sums = &mut block.sums[ids];
            let rows = seen.start as usize..seen.end as usize;
            seen.margin = f64::INFINITY;
            for (nearest, start) in block.chunks[chunks]
                .iter_mut()
                .zip(rows.clone().step_by(LANES))
            {
                if nearest.margin <= seen.drifted {
                    let chunk = self.colors.chunk(start, rows.end);
                    looked_at += chunk.len as u64;
                    let (places, best, second) = two_largest(&candidates, &chunk.x);
                    nearest.margin = seen.drifted + margin(&best, &second, chunk.len);
                    let before = std::mem::replace(&mut nearest.places, places);
                    if before != places {
                        for lane in 0..chunk.len {
                            let count = chunk.counts[lane];
                            let x = chunk.color(lane);
                            sums[before[lane] as usize].add(-count, x.map(|x| -count * x));
                            sums[places[lane] as usize].add(count, x.map(|x| count * x));
                        }
                    }
                }
                seen.margin = seen.margin.min(nearest.margin);
            }
        }
        looked_at
    }
}

/// The least difference between the distances from the second-nearest and from the nearest centroid, of
/// which the scores are given, over the first `len` lanes.
#[inline(always)]
fn margin(best: &Lanes, second: &Lanes, len: usize) -> f64 {
    let mut margins = [f64::INFINITY; LANES];
    for lane in 0..LANES {
        let (near, far) = ((-2.0 * best[lane]).sqrt(), (-2.0 * second[lane]).sqrt());
        let margin = far - near - SLACK * far;
        margins[lane] = if lane < len { margin } else { f64::INFINITY };
    }
    margins
        .iter()
        .fold(f64::INFINITY, |a, &b| if b < a { b } else { a })
}
