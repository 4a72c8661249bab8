//! The walk over the boxes of color space, from coarse to fine, with ever fewer candidates.

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::{Candidates, Component, Rule, Whitening};
use crate::{
    Colors,
    colors::{Chunk, Node},
    simd::{LANES, vectorize},
};

/// What is done with the candidates that are left.
pub(crate) trait Visit<W, const D: usize> {
    /// What a walk through a block comes to.
    type Found: Send;

    /// All colors of `node` have this one candidate.
    fn settled(&mut self, node: &Node<D>, candidate: &Candidates<W, D>);

    /// The colors of `chunk` have these candidates.
    fn chunk(&mut self, chunk: &Chunk<D>, candidates: &Candidates<W, D>);

    /// The block is done.
    fn finish(self) -> Self::Found;
}

/// A walk over some colors by some rule.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'a, R, const D: usize> {
    pub colors: &'a Colors<D>,
    pub rule: R,
}

impl<R, const D: usize> Walk<'_, R, D> {
    /// Walks the inside of the block at `place`, to all colors of which the first list of `space` can
    /// matter.
    #[inline(always)]
    fn block<W: Whitening<D>, V: Visit<W, D>>(
        self,
        place: usize,
        space: &mut Workspace<W, D>,
        visit: &mut V,
    ) where
        R: Rule<W, D>,
    {
        let nodes = self.colors.nodes();
        let base = nodes[place].depth as usize;
        let end = nodes[place].next as usize;
        let Workspace {
            lists,
            scratch,
            room,
        } = space;
        let mut at = place;
        while at < end {
            let node = &nodes[at];
            let depth = node.depth as usize - base;
            if depth > 0 {
                if lists.len() == depth {
                    lists.push(Candidates::with_room_for(*room));
                }
                let (above, own) = lists.split_at_mut(depth);
                self.rule
                    .filter(node, &above[depth - 1], &mut own[0], scratch);
            }
            let list = &lists[depth];
            if list.len() == 1 {
                visit.settled(node, list);
                at = node.next as usize;
            } else if node.is_leaf(at) {
                let rows = node.rows();
                for start in rows.clone().step_by(LANES) {
                    visit.chunk(&self.colors.chunk(start, rows.end), list);
                }
                at = node.next as usize;
            } else {
                at += 1;
            }
        }
    }
}

/// Which components can matter to each block: their ids, ascending.
pub(crate) fn candidates_of_blocks<W: Whitening<D>, R: Rule<W, D>, const D: usize>(
    walk: Walk<'_, R, D>,
    components: &[Component<W, D>],
) -> Vec<Vec<u32>> {
    vectorize(AboveBlocks { walk, components })
}

/// Walks the boxes down to the blocks.
struct AboveBlocks<'a, W, R, const D: usize> {
    walk: Walk<'a, R, D>,
    components: &'a [Component<W, D>],
}

impl<W: Whitening<D>, R: Rule<W, D>, const D: usize> NullaryFnOnce for AboveBlocks<'_, W, R, D> {
    type Output = Vec<Vec<u32>>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let nodes = self.walk.colors.nodes();
        let k = self.components.len();
        let mut lists = vec![Candidates::numbered(self.components, 0..k)];
        let mut scratch = Vec::with_capacity(k);
        let mut found = Vec::with_capacity(self.walk.colors.blocks().len());
        let mut next = 0;
        for &block in self.walk.colors.blocks() {
            for node in &nodes[next..=block] {
                let depth = node.depth as usize + 1;
                if lists.len() == depth {
                    lists.push(Candidates::with_room_for(k));
                }
                let (above, own) = lists.split_at_mut(depth);
                let above = &above[depth - 1];
                self.walk
                    .rule
                    .filter(node, above, &mut own[0], &mut scratch);
            }
            let depth = nodes[block].depth as usize + 1;
            found.push(lists[depth].ids().to_vec());
            next = nodes[block].next as usize;
        }
        found
    }
}

/// What each block has of `values`, one for each color, and the row of the first of them.
pub(crate) fn rows_of_blocks<'a, T, const D: usize>(
    colors: &'a Colors<D>,
    values: &'a mut [T],
) -> impl Iterator<Item = (usize, &'a mut [T])> {
    let mut rest = values;
    colors.blocks().iter().map(move |&place| {
        let rows = colors.nodes()[place].rows();
        let (own, after) = std::mem::take(&mut rest).split_at_mut(rows.len());
        rest = after;
        (rows.start, own)
    })
}

/// Fewer blocks than this are done sooner than another thread wakes up.
const BLOCKS_WORTH_THREADS: usize = 12;

/// Walks through blocks in parallel and returns what each [`Visit`] found, in the order of `tasks`:
/// pairs of a block (its place in [`Colors::blocks`]) and what `visit` makes a visit of, given also
/// how many candidates the block has. `ids` names the candidates of every block; the visit knows
/// them as 0, 1, 2, ...
pub(crate) fn walk_blocks<W, R, T, V, const D: usize>(
    walk: Walk<'_, R, D>,
    components: &[Component<W, D>],
    ids: &[Vec<u32>],
    tasks: Vec<(usize, T)>,
    visit: impl Fn(T, usize) -> V + Sync,
) -> Vec<V::Found>
where
    W: Whitening<D>,
    R: Rule<W, D>,
    T: Send,
    V: Visit<W, D>,
{
    let room = tasks
        .iter()
        .map(|task| ids[task.0].len())
        .max()
        .unwrap_or(0);
    let run = |space: &mut Workspace<W, D>, (block, task): (usize, T)| {
        let ids = &ids[block];
        space.lists[0].number(components, ids.iter().map(|&id| id as usize));
        let place = walk.colors.blocks()[block];
        vectorize(Block {
            walk,
            place,
            space,
            visit: visit(task, ids.len()),
        })
    };
    if tasks.len() < BLOCKS_WORTH_THREADS {
        let mut space = Workspace::with_room_for(room);
        return tasks
            .into_iter()
            .map(|task| run(&mut space, task))
            .collect();
    }
    tasks
        .into_par_iter()
        .with_min_len(BLOCKS_WORTH_THREADS / 2)
        .map_init(|| Workspace::with_room_for(room), run)
        .collect()
}

/// Lists of candidates, one for each depth below a block; what they hold has no meaning between
/// blocks.
struct Workspace<W, const D: usize> {
    lists: Vec<Candidates<W, D>>,
    scratch: Vec<f64>,
    /// Candidates that each list has room for.
    room: usize,
}

impl<W: Whitening<D>, const D: usize> Workspace<W, D> {
    fn with_room_for(room: usize) -> Self {
        Self {
            lists: vec![Candidates::with_room_for(room)],
            scratch: Vec::with_capacity(room),
            room,
        }
    }
}

/// One block's walk.
struct Block<'a, W, R, V, const D: usize> {
    walk: Walk<'a, R, D>,
    place: usize,
    space: &'a mut Workspace<W, D>,
    visit: V,
}

impl<W: Whitening<D>, R: Rule<W, D>, V: Visit<W, D>, const D: usize> NullaryFnOnce
    for Block<'_, W, R, V, D>
{
    type Output = V::Found;

    #[inline(always)]
    fn call(mut self) -> V::Found {
        self.walk.block(self.place, self.space, &mut self.visit);
        self.visit.finish()
    }
}
