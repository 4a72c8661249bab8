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
    let mut crown = Crown::new(walk.colors);
    crown.update(walk, components, &vec![true; components.len()]);
    crown.blocks
}

/// The boxes down to the blocks, and which components can matter to each.
#[derive(Clone, Debug)]
pub(crate) struct Crown {
    boxes: Vec<CrownBox>,
    /// The candidates of each block: ids, ascending.
    pub blocks: Vec<Vec<u32>>,
}

#[derive(Clone, Debug)]
struct CrownBox {
    /// Its place among all boxes.
    place: usize,
    /// The place in the crown of the first box that is not inside this one.
    next: usize,
    kind: CrownKind,
}

#[derive(Clone, Debug)]
enum CrownKind {
    /// It has candidates of its own.
    Inner(Vec<u32>),
    /// It is the block of this number.
    Block(usize),
}

impl Crown {
    /// The crown of these colors, without any candidate.
    pub(crate) fn new<const D: usize>(colors: &Colors<D>) -> Self {
        let nodes = colors.nodes();
        let blocks = colors.blocks();
        let mut boxes = Vec::with_capacity(2 * blocks.len());
        for (block, &end) in blocks.iter().enumerate() {
            let start = boxes.last().map_or(0, |last: &CrownBox| match last.kind {
                CrownKind::Inner(_) => last.place + 1,
                CrownKind::Block(_) => nodes[last.place].next as usize,
            });
            boxes.extend((start..=end).map(|place| CrownBox {
                place,
                next: 0,
                kind: if place == end {
                    CrownKind::Block(block)
                } else {
                    CrownKind::Inner(Vec::new())
                },
            }));
        }
        let mut open: Vec<usize> = Vec::new();
        for i in 0..boxes.len() {
            let place = boxes[i].place;
            while let Some(&last) = open.last()
                && nodes[boxes[last].place].next as usize <= place
            {
                boxes[last].next = i;
                open.pop();
            }
            open.push(i);
        }
        for i in open {
            boxes[i].next = boxes.len();
        }
        Self {
            boxes,
            blocks: vec![Vec::new(); blocks.len()],
        }
    }

    /// Brings the candidates up to date with `components`, of which those that `is_new` names have
    /// changed; returns the blocks that have other candidates than before, or new ones.
    pub(crate) fn update<W: Whitening<D>, R: Rule<W, D>, const D: usize>(
        &mut self,
        walk: Walk<'_, R, D>,
        components: &[Component<W, D>],
        is_new: &[bool],
    ) -> Vec<usize> {
        vectorize(Update {
            crown: self,
            walk,
            components,
            is_new,
        })
    }
}

/// Goes through the boxes of a crown, but not into those whose candidates stay.
struct Update<'a, W, R, const D: usize> {
    crown: &'a mut Crown,
    walk: Walk<'a, R, D>,
    components: &'a [Component<W, D>],
    is_new: &'a [bool],
}

impl<W: Whitening<D>, R: Rule<W, D>, const D: usize> NullaryFnOnce for Update<'_, W, R, D> {
    type Output = Vec<usize>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let Crown { boxes, blocks } = self.crown;
        let nodes = self.walk.colors.nodes();
        let k = self.components.len();
        let mut lists = vec![Candidates::numbered(self.components, 0..k)];
        let mut scratch = Vec::with_capacity(k);
        let mut changed = Vec::new();
        let mut at = 0;
        while at < boxes.len() {
            let own = &mut boxes[at];
            let node = &nodes[own.place];
            let depth = node.depth as usize + 1;
            if lists.len() == depth {
                lists.push(Candidates::with_room_for(k));
            }
            let (above, below) = lists.split_at_mut(depth);
            self.walk
                .rule
                .filter(node, &above[depth - 1], &mut below[0], &mut scratch);
            let ids = below[0].ids();
            let (block, kept) = match &mut own.kind {
                CrownKind::Inner(kept) => (None, kept),
                CrownKind::Block(block) => (Some(*block), &mut blocks[*block]),
            };
            let is_same = kept == ids;
            if is_same && !ids.iter().any(|&id| self.is_new[id as usize]) {
                at = own.next;
                continue;
            }
            if !is_same {
                kept.clear();
                kept.extend_from_slice(ids);
            }
            changed.extend(block);
            at += 1;
        }
        changed
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
