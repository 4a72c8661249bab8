//! The octree over color space (its analog for D channels) as a flat list of boxes.

use std::ops::Range;

/// A box with more colors than this is split.
const LEAF_COLORS: usize = 24;

/// Boxes with at most this many colors are the units of parallel work: large enough to be worth a
/// task, small enough that most of a picture's blocks see few components.
const BLOCK_COLORS: usize = 1024;

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

    /// The box of these colors, the first of which stands in row `start`.
    fn of_colors(start: usize, depth: u32, points: &[[f64; D]], counts: &[f64]) -> Self {
        let mut node = Self::empty(start, depth);
        node.end += points.len() as u32;
        for (point, count) in points.iter().zip(counts) {
            node.count += count;
            for d in 0..D {
                node.low[d] = node.low[d].min(point[d]);
                node.high[d] = node.high[d].max(point[d]);
                node.sum[d] += count * point[d];
            }
        }
        let mean = node.mean();
        for (point, &count) in points.iter().zip(counts) {
            node.add_to_scatter(count, std::array::from_fn(|d| point[d] - mean[d]));
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

/// The boxes that hold `points`, each before those inside it, and the places of those that are
/// units of parallel work.
pub(super) fn build<const D: usize>(
    keys: &[u32],
    points: &[[f64; D]],
    counts: &[f64],
) -> (Vec<Node<D>>, Vec<usize>) {
    let mut tree = Tree {
        keys,
        points,
        counts,
        nodes: Vec::new(),
        blocks: Vec::new(),
    };
    tree.push(0..points.len(), LEVELS, 0, false);
    (tree.nodes, tree.blocks)
}

struct Tree<'a, const D: usize> {
    keys: &'a [u32],
    points: &'a [[f64; D]],
    counts: &'a [f64],
    nodes: Vec<Node<D>>,
    blocks: Vec<usize>,
}

impl<const D: usize> Tree<'_, D> {
    /// Appends the box of `rows`, whose keys agree above the lowest `levels` bits of each channel,
    /// and all boxes inside it.
    fn push(&mut self, rows: Range<usize>, levels: usize, depth: u32, in_block: bool) {
        let place = self.nodes.len();
        let is_leaf = rows.len() <= LEAF_COLORS || levels == 0;
        let is_block = !in_block && (rows.len() <= BLOCK_COLORS || is_leaf);
        if is_block {
            self.blocks.push(place);
        }
        self.nodes.push(Node::empty(rows.start, depth));
        let mut node = Node::empty(rows.start, depth);
        if is_leaf {
            node = Node::of_colors(
                rows.start,
                depth,
                &self.points[rows.clone()],
                &self.counts[rows],
            );
        } else {
            let levels = self.level_that_parts(&rows, levels);
            let shift = D * (levels - 1);
            let mut start = rows.start;
            while start < rows.end {
                let inside = self.keys[start] >> shift;
                let end = start
                    + self.keys[start..rows.end].partition_point(|&key| key >> shift == inside);
                let child = self.nodes.len();
                self.push(start..end, levels - 1, depth + 1, in_block || is_block);
                node.absorb(&self.nodes[child]);
                start = end;
            }
        }
        node.next = self.nodes.len() as u32;
        self.nodes[place] = node;
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
    use super::*;

    /// Points on a grid with steps of one, so that all sums are exact.
    fn grid() -> (Vec<u32>, Vec<[f64; 3]>, Vec<f64>) {
        let mut rows: Vec<(u32, [f64; 3], f64)> = Vec::new();
        let points: Vec<[f64; 3]> = (0..6000u32)
            .map(|i| {
                [
                    i.wrapping_mul(2_654_435_761) >> 24,
                    i.wrapping_mul(40_503) & 63,
                    i % 7,
                ]
                .map(f64::from)
            })
            .collect();
        for (key, point) in morton_keys(&points).into_iter().zip(&points) {
            rows.push((key, *point, f64::from(key % 5 + 1)));
        }
        rows.sort_by_key(|row| row.0);
        (
            rows.iter().map(|r| r.0).collect(),
            rows.iter().map(|r| r.1).collect(),
            rows.iter().map(|r| r.2).collect(),
        )
    }

    #[test]
    fn a_box_sums_up_the_colors_inside_it() {
        let (keys, points, counts) = grid();
        let (nodes, _) = build(&keys, &points, &counts);
        for node in &nodes {
            let direct = Node::of_colors(
                node.rows().start,
                node.depth,
                &points[node.rows()],
                &counts[node.rows()],
            );
            assert_eq!(
                (node.low, node.high, node.count, node.sum),
                (direct.low, direct.high, direct.count, direct.sum)
            );
            for i in 0..3 {
                for l in 0..3 {
                    let scale = 1.0 + libm::sqrt(direct.scatter[i][i] * direct.scatter[l][l]);
                    assert!((node.scatter[i][l] - direct.scatter[i][l]).abs() < 1e-12 * scale);
                }
            }
        }
    }

    #[test]
    fn blocks_and_leaves_hold_every_color_once_and_in_order() {
        let (keys, points, counts) = grid();
        let (nodes, blocks) = build(&keys, &points, &counts);
        let leaves: Vec<usize> = (0..nodes.len())
            .filter(|&place| nodes[place].is_leaf(place))
            .collect();
        for places in [blocks, leaves] {
            let mut next = 0;
            for place in places {
                assert_eq!(nodes[place].rows().start, next);
                next = nodes[place].rows().end;
            }
            assert_eq!(next, points.len());
        }
    }
}
