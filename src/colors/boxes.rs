//! The octree over color space (its analog for D channels) as a flat list of boxes.

use std::ops::Range;

use ndarray::Array2;
use rayon::prelude::*;

/// A box with more colors than this is split.
const LEAF_COLORS: usize = 64;

/// Boxes with at most this many colors are the units of parallel work: large enough to be worth a
/// task, small enough that most of a picture's blocks see few components.
const BLOCK_COLORS: usize = 1024;

/// A box with more colors than this has the boxes inside it built in parallel.
const COLORS_PER_TASK: usize = 1 << 14;

/// Bits per channel in a Morton key, and so the depth of the deepest box.
pub(crate) const LEVELS: usize = 8;

/// A box: the smallest that holds its colors, with what a model needs to know of them when they
/// share one fate.
#[derive(Clone, Debug)]
pub(crate) struct Node<const D: usize> {
    /// Rows of the colors inside.
    pub start: u32,
    /// One past the last row.
    pub end: u32,
    /// The place, in the list of boxes, of the first box that is not inside this one; the next
    /// place for a leaf.
    pub next: u32,
    /// How many boxes this one lies in.
    pub depth: u32,
    /// The lowest value of each channel.
    pub low: [f64; D],
    /// The highest value of each channel.
    pub high: [f64; D],
    /// Pixels.
    pub count: f64,
    /// Sum over pixels.
    pub sum: [f64; D],
    /// Sum over pixels of (x - mean)(x - mean)^T.
    pub scatter: [[f64; D]; D],
}

impl<const D: usize> Node<D> {
    pub(crate) fn rows(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The mean over the pixels inside.
    pub(crate) fn mean(&self) -> [f64; D] {
        self.sum.map(|sum| sum / self.count)
    }

    /// The box with these bounds, with no color in it.
    pub(crate) fn around(low: [f64; D], high: [f64; D]) -> Self {
        Self {
            low,
            high,
            ..Self::empty(0, 0)
        }
    }

    /// A box that holds nothing yet.
    fn empty(start: usize, depth: u32) -> Self {
        Self {
            start: start as u32,
            end: start as u32,
            next: 0,
            depth,
            low: [f64::INFINITY; D],
            high: [f64::NEG_INFINITY; D],
            count: 0.0,
            sum: [0.0; D],
            scatter: [[0.0; D]; D],
        }
    }

    /// The box of the colors in these rows.
    fn of_colors(rows: Range<usize>, depth: u32, columns: &[&[f64]; D], counts: &[f64]) -> Self {
        let mut node = Self::empty(rows.start, depth);
        node.end = rows.end as u32;
        for row in rows.clone() {
            let count = counts[row];
            node.count += count;
            for d in 0..D {
                let value = columns[d][row];
                node.low[d] = node.low[d].min(value);
                node.high[d] = node.high[d].max(value);
                node.sum[d] += count * value;
            }
        }
        let mean = node.mean();
        for row in rows {
            node.add_to_scatter(
                counts[row],
                std::array::from_fn(|d| columns[d][row] - mean[d]),
            );
        }
        node
    }

    /// Takes in a box that begins where this one ends (Chan, Golub and `LeVeque`, "Algorithms for
    /// computing the sample variance", The American Statistician 37, 1983, formula 2.1: squares
    /// about the parts' own means, so that nothing cancels).
    fn absorb(&mut self, other: &Self) {
        if self.count > 0.0 {
            let (mean, other_mean) = (self.mean(), other.mean());
            self.add_to_scatter(
                self.count * other.count / (self.count + other.count),
                std::array::from_fn(|d| other_mean[d] - mean[d]),
            );
        }
        self.end = other.end;
        self.count += other.count;
        for i in 0..D {
            self.low[i] = self.low[i].min(other.low[i]);
            self.high[i] = self.high[i].max(other.high[i]);
            self.sum[i] += other.sum[i];
            for l in 0..D {
                self.scatter[i][l] += other.scatter[i][l];
            }
        }
    }

    fn add_to_scatter(&mut self, count: f64, deviation: [f64; D]) {
        for i in 0..D {
            for l in 0..D {
                self.scatter[i][l] += count * deviation[i] * deviation[l];
            }
        }
    }

    /// The sum over its pixels of the squared distance from their mean.
    pub(crate) fn total_scatter(&self) -> f64 {
        (0..D).map(|d| self.scatter[d][d]).sum()
    }

    /// Whether it holds no further boxes, if it stands at `place`.
    pub(crate) fn is_leaf(&self, place: usize) -> bool {
        self.next as usize == place + 1
    }
}

/// The Morton keys of points of any scale: each channel's range divided into 256 equal steps.
pub(super) fn morton_keys<const D: usize>(points: &[[f64; D]]) -> Vec<u32> {
    const { assert!(D * LEVELS <= 32, "keys have 32 bits") };
    let mut low = [f64::INFINITY; D];
    let mut high = [f64::NEG_INFINITY; D];
    for point in points {
        for d in 0..D {
            low[d] = low[d].min(point[d]);
            high[d] = high[d].max(point[d]);
        }
    }
    let key = |point: &[f64; D]| {
        let mut key = 0;
        for d in 0..D {
            // A flat channel gives 0 / 0, and NaN becomes 0.
            let step = ((point[d] - low[d]) / (high[d] - low[d]) * 256.0).min(255.0) as u32;
            for bit in 0..LEVELS {
                key |= (step >> bit & 1) << (D * bit + D - 1 - d);
            }
        }
        key
    };
    points.iter().map(key).collect()
}

/// The boxes that hold `points`, each before those inside it, and the places of those that are units
/// of parallel work.
pub(super) fn build<const D: usize>(
    keys: &[u32],
    points: &Array2<f64>,
    counts: &[f64],
) -> (Vec<Node<D>>, Vec<usize>) {
    let all = points
        .as_slice_memory_order()
        .expect("points are contiguous");
    let rows = points.nrows();
    let columns = std::array::from_fn(|d| &all[d * rows..(d + 1) * rows]);
    let mut part = Part {
        nodes: Vec::new(),
        blocks: Vec::new(),
    };
    Source {
        keys,
        columns,
        counts,
    }
    .append(0..keys.len(), LEVELS, 0, false, &mut part);
    (part.nodes, part.blocks)
}

/// Some boxes in their order, and the places among them of units of parallel work.
struct Part<const D: usize> {
    nodes: Vec<Node<D>>,
    blocks: Vec<usize>,
}

impl<const D: usize> Part<D> {
    /// Appends a part whose first box lies directly in `node`.
    fn take(&mut self, part: Self, node: &mut Node<D>) {
        let offset = self.nodes.len();
        node.absorb(&part.nodes[0]);
        self.nodes.extend(part.nodes.into_iter().map(|node| Node {
            next: node.next + offset as u32,
            ..node
        }));
        self.blocks
            .extend(part.blocks.into_iter().map(|block| block + offset));
    }
}

struct Source<'a, const D: usize> {
    keys: &'a [u32],
    columns: [&'a [f64]; D],
    counts: &'a [f64],
}

impl<const D: usize> Source<'_, D> {
    /// Appends the box of `rows`, whose keys agree above the lowest `levels` bits of each channel,
    /// and all boxes inside it.
    fn append(
        &self,
        rows: Range<usize>,
        levels: usize,
        depth: u32,
        in_block: bool,
        to: &mut Part<D>,
    ) {
        let place = to.nodes.len();
        let is_leaf = rows.len() <= LEAF_COLORS || levels == 0;
        let is_block = !in_block && (rows.len() <= BLOCK_COLORS || is_leaf);
        if is_block {
            to.blocks.push(place);
        }
        if is_leaf {
            let mut leaf = Node::of_colors(rows, depth, &self.columns, self.counts);
            leaf.next = place as u32 + 1;
            to.nodes.push(leaf);
            return;
        }
        let mut node = Node::empty(rows.start, depth);
        to.nodes.push(node.clone());
        let inside = self.inside(&rows, levels);
        let child = |part: &mut Part<D>, (rows, levels): (Range<usize>, usize)| {
            self.append(rows, levels, depth + 1, in_block || is_block, part);
        };
        if rows.len() > COLORS_PER_TASK {
            let append = |inside| {
                let mut part = Part {
                    nodes: Vec::new(),
                    blocks: Vec::new(),
                };
                child(&mut part, inside);
                part
            };
            let parts: Vec<Part<D>> = inside.into_par_iter().map(append).collect();
            for part in parts {
                to.take(part, &mut node);
            }
        } else {
            for inside in inside {
                let first = to.nodes.len();
                child(to, inside);
                node.absorb(&to.nodes[first]);
            }
        }
        node.next = to.nodes.len() as u32;
        to.nodes[place] = node;
    }

    /// The rows of the boxes that `rows` are parted into, and the bits of each channel in which the
    /// keys of one box can differ.
    fn inside(&self, rows: &Range<usize>, levels: usize) -> Vec<(Range<usize>, usize)> {
        let levels = self.level_that_parts(rows, levels) - 1;
        let prefix = |key: u32| key >> (D * levels);
        let mut inside = Vec::with_capacity(1 << D);
        let mut start = rows.start;
        while start < rows.end {
            let own = prefix(self.keys[start]);
            let len = self.keys[start..rows.end].partition_point(|&key| prefix(key) == own);
            inside.push((start..start + len, levels));
            start += len;
        }
        inside
    }

    /// The highest level, at most `levels`, at which the keys of `rows` are not all in one box; 1
    /// when there is none.
    fn level_that_parts(&self, rows: &Range<usize>, levels: usize) -> usize {
        let differing = self.keys[rows.start] ^ self.keys[rows.end - 1];
        (2..=levels)
            .rev()
            .find(|level| differing >> (D * (level - 1)) != 0)
            .unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ShapeBuilder;

    use super::*;

    /// Points on a grid with steps of one, so that all sums are exact; enough for parallel tasks.
    fn grid() -> (Vec<u32>, Array2<f64>, Vec<f64>) {
        let color = |i: u32| {
            [
                i.wrapping_mul(2_654_435_761) >> 24,
                i.wrapping_mul(40_503) & 63,
                i % 7,
            ]
        };
        let points: Vec<_> = (0..40_000).map(|i| color(i).map(f64::from)).collect();
        let mut rows: Vec<_> = morton_keys(&points).into_iter().zip(points).collect();
        rows.sort_by_key(|row| row.0);
        let keys: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let counts = keys.iter().map(|key| f64::from(key % 5 + 1)).collect();
        (
            keys,
            Array2::from_shape_fn((rows.len(), 3).f(), |(row, d)| rows[row].1[d]),
            counts,
        )
    }

    #[test]
    fn a_box_sums_up_the_colors_inside_it() {
        let (keys, points, counts) = grid();
        let (nodes, _) = build::<3>(&keys, &points, &counts);
        let columns: Vec<Vec<f64>> = points.columns().into_iter().map(|c| c.to_vec()).collect();
        let columns = [&columns[0][..], &columns[1][..], &columns[2][..]];
        for node in &nodes {
            let direct = Node::of_colors(node.rows(), node.depth, &columns, &counts);
            assert_eq!(
                (node.low, node.high, node.count, node.sum),
                (direct.low, direct.high, direct.count, direct.sum)
            );
            for i in 0..3 {
                for l in 0..3 {
                    let scale = 1.0 + libm::sqrt(direct.scatter[i][i] * direct.scatter[l][l]);
                    assert!((node.scatter[i][l] - direct.scatter[i][l]).abs() < 1e-11 * scale);
                }
            }
        }
    }

    #[test]
    fn blocks_and_leaves_hold_every_color_once_and_in_order() {
        let (keys, points, counts) = grid();
        let (nodes, blocks) = build::<3>(&keys, &points, &counts);
        assert!(nodes.iter().all(|node| node.next as usize <= nodes.len()));
        let is_leaf = |&place: &usize| nodes[place].is_leaf(place);
        let leaves: Vec<usize> = (0..nodes.len()).filter(is_leaf).collect();
        for places in [blocks, leaves] {
            let mut next = 0;
            for place in places {
                assert_eq!(nodes[place].rows().start, next);
                next = nodes[place].rows().end;
            }
            assert_eq!(next, keys.len());
        }
    }
}
