//! The largest score at points that are not known beforehand: the nearest entry anywhere in a box.

use std::sync::OnceLock;

use super::{Candidates, Component, Corners, Identity, Rule};
use crate::colors::Node;

/// Cells of the whole box, at most: a power of 2.
const CELLS: u32 = 1 << 15;

/// Which of some entries is nearest to a point, exactly, for every point of a box. The box is cut into
/// equal cells, and a cell finds the entries that can be nearest to one of its points when it is first
/// asked.
pub(crate) struct Cells<const D: usize> {
    entries: Candidates<Identity, D>,
    low: [f64; D],
    high: [f64; D],
    /// Cells along each channel.
    side: usize,
    width: [f64; D],
    candidates: Vec<OnceLock<Box<[u8]>>>,
}

impl<const D: usize> Cells<D> {
    /// The cells of the box from `low` to `high` for 1 to 256 `entries`.
    pub(crate) fn new(entries: &[[f64; D]], low: [f64; D], high: [f64; D]) -> Self {
        assert!(!entries.is_empty() && entries.len() <= 256);
        let components = Component::centroids(entries);
        let side = 1 << (CELLS.ilog2() as usize / D);
        // A channel that does not vary has one cell that is used, of any width.
        let width = std::array::from_fn(|d| ((high[d] - low[d]) / side as f64).max(1e-9));
        Self {
            entries: Candidates::numbered(&components, 0..entries.len()),
            low,
            high,
            side,
            width,
            candidates: vec![OnceLock::new(); side.pow(D as u32)],
        }
    }

    /// The point of the box that is nearest to `x`.
    #[inline]
    pub(crate) fn clamp(&self, x: [f64; D]) -> [f64; D] {
        std::array::from_fn(|d| x[d].clamp(self.low[d], self.high[d]))
    }

    /// The entry nearest to `x`, a point of the box; of entries equally near, the first.
    #[inline]
    pub(crate) fn nearest(&self, x: [f64; D]) -> u8 {
        let cell = std::array::from_fn(|d| {
            (((x[d] - self.low[d]) / self.width[d]) as usize).min(self.side - 1)
        });
        let index = cell.iter().fold(0, |index, c| index * self.side + c);
        let candidates = self.candidates[index].get_or_init(|| self.candidates_in(cell));
        let mut best = (candidates[0], f64::NEG_INFINITY);
        if candidates.len() > 1 {
            for &entry in candidates {
                let score = self.entries.score(usize::from(entry), x);
                if score > best.1 {
                    best = (entry, score);
                }
            }
        }
        best.0
    }

    /// The entries that can be nearest to a point of the cell, in order.
    fn candidates_in(&self, cell: [usize; D]) -> Box<[u8]> {
        // A little larger than it is, for the rounding with which a point finds its cell.
        let bound = |d: usize, c: f64| self.low[d] + c * self.width[d];
        let node = Node::around(
            std::array::from_fn(|d| bound(d, cell[d] as f64 - 1e-6)),
            std::array::from_fn(|d| bound(d, cell[d] as f64 + 1.0 + 1e-6)),
        );
        let mut candidates = Candidates::with_room_for(self.entries.len());
        Corners.filter(&node, &self.entries, &mut candidates, &mut Vec::new());
        candidates.ids().iter().map(|&id| id as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_entries_equally_near_the_first_is_taken() {
        let at = |x: f64| [x, 5.0, 5.0];
        let cells = Cells::new(&[at(9.0), at(1.0), at(5.0), at(1.0)], [0.0; 3], [10.0; 3]);
        for (x, entry) in [(7.0, 0), (3.0, 1), (1.0, 1), (3.1, 2), (6.9, 2), (10.0, 0)] {
            assert_eq!(cells.nearest(at(x)), entry, "{x}");
        }
    }
}
