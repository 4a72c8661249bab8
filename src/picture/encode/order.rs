//! Palettes in which neighbors are neighbors in the picture.
//!
//! Where pixels beside each other have numbers near each other, filters leave small differences,
//! and the same few of them again and again. How often two entries meet in the picture says more
//! about that than their colors do.

use std::cmp::Reverse;

/// How often each two entries are side by side in a picture, one above the other included.
pub struct Neighbors {
    entries: usize,
    /// (entries, entries), symmetric.
    counts: Vec<u32>,
}

impl Neighbors {
    /// The neighbors in a picture of this width whose palette index `i` stands for entry `place[i]`
    /// of `entries`.
    pub fn count(entries: usize, width: usize, indices: &[u8], place: &[usize]) -> Self {
        let none = || vec![0; entries * entries];
        let both = |a: u8, b: u8| place[usize::from(a)] * entries + place[usize::from(b)];
        let side_by_side = || {
            let mut counts = none();
            for row in indices.chunks(width) {
                for pair in row.windows(2) {
                    counts[both(pair[0], pair[1])] += 1;
                }
            }
            counts
        };
        let one_above_the_other = || {
            let mut counts = none();
            for (&above, &below) in indices.iter().zip(indices.iter().skip(width)) {
                counts[both(above, below)] += 1;
            }
            counts
        };
        let (mut counts, others) = rayon::join(side_by_side, one_above_the_other);
        for (count, other) in counts.iter_mut().zip(others) {
            *count += other;
        }
        for a in 0..entries {
            for b in 0..a {
                let both = counts[a * entries + b] + counts[b * entries + a];
                counts[a * entries + b] = both;
                counts[b * entries + a] = both;
            }
        }
        Self { entries, counts }
    }

    fn of(&self, entry: usize) -> &[u32] {
        &self.counts[entry * self.entries..][..self.entries]
    }
}

/// Orders that are worth a try. Entries arrive by luminance, which decides where counts do not.
pub fn candidates(neighbors: &Neighbors) -> Vec<Vec<usize>> {
    if neighbors.entries < 3 {
        return vec![(0..neighbors.entries).collect()];
    }
    let (path, from_the_middle) = rayon::join(|| path(neighbors), || from_the_middle(neighbors));
    vec![path, from_the_middle]
}

/// The entries along a path that is long in meetings: pairs are joined from the most frequent one
/// down unless that makes a fork or a ring. (The greedy edge method for the traveling salesman, for
/// palettes: Battiato et al., "An efficient re-indexing algorithm for color-mapped images", 2004.)
fn path(neighbors: &Neighbors) -> Vec<usize> {
    let n = neighbors.entries;
    // Near in luminance first where counts are the same.
    let all = || (1..n).flat_map(|distance| (0..n - distance).map(move |b| (distance, b)));
    let mut meeting: Vec<(Reverse<u32>, usize, usize)> = all()
        .map(|(distance, b)| (Reverse(neighbors.of(b)[b + distance]), distance, b))
        .filter(|&(Reverse(count), ..)| count > 0)
        .collect();
    meeting.sort_unstable();
    let meeting = meeting.into_iter().map(|(_, distance, b)| (distance, b));
    let mut joined: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut path_of: Vec<usize> = (0..n).collect();
    for (distance, b) in meeting.chain(all()) {
        let a = b + distance;
        if joined[a].len() < 2 && joined[b].len() < 2 && path_of[a] != path_of[b] {
            joined[a].push(b);
            joined[b].push(a);
            let (from, to) = (path_of[a], path_of[b]);
            for path in &mut path_of {
                if *path == from {
                    *path = to;
                }
            }
        }
    }
    let end = (0..n).find(|&entry| joined[entry].len() < 2).unwrap_or(0);
    let mut order = vec![end];
    let mut before = end;
    let mut here = end;
    while let Some(&next) = joined[here].iter().find(|&&next| next != before) {
        order.push(next);
        (before, here) = (here, next);
    }
    order
}

/// The entries as they are put to the ends of a row that begins with the most frequent pair: always
/// the entry that meets those in the row most often, at the end to which its meetings are nearer.
/// (Zeng et al. 2000 as changed by Pinho and Neves, "A note on Zeng's technique for color
/// re-indexing of palette-based images", 2004.)
fn from_the_middle(neighbors: &Neighbors) -> Vec<usize> {
    let n = neighbors.entries;
    let pairs = (0..n).flat_map(|a| (0..a).map(move |b| (b, a)));
    // The last of the most frequent pairs; all that matters is that it is always the same.
    let first = pairs.max_by_key(|&(b, a)| neighbors.of(a)[b]);
    let mut order: Vec<usize> = first.into_iter().flat_map(|(b, a)| [b, a]).collect();
    let mut rest: Vec<usize> = (0..n).filter(|entry| !order.contains(entry)).collect();
    let meetings = |entry: usize, order: &[usize]| -> u64 {
        let counts = neighbors.of(entry);
        order.iter().map(|&placed| u64::from(counts[placed])).sum()
    };
    let mut sums: Vec<u64> = (0..n).map(|entry| meetings(entry, &order)).collect();
    while let Some(at) = (0..rest.len()).max_by_key(|&at| sums[rest[at]]) {
        let entry = rest.remove(at);
        let counts = neighbors.of(entry);
        let distances_to = |end: usize| -> u64 {
            let placed = order.iter().enumerate();
            placed
                .map(|(i, &placed)| u64::from(counts[placed]) * i.abs_diff(end) as u64)
                .sum()
        };
        let last = order.len() - 1;
        let end = if distances_to(0) < distances_to(last) {
            0
        } else {
            order.len()
        };
        order.insert(end, entry);
        for &left in &rest {
            sums[left] += u64::from(counts[left]);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that walks along entries of which each meets only the next.
    fn walk() -> (Vec<u8>, Vec<usize>) {
        let hidden = vec![3, 0, 4, 1, 5, 2];
        let steps = [0, 1, 2, 1, 2, 3, 4, 5, 4, 3, 4, 5];
        (
            steps.iter().map(|&step| hidden[step] as u8).collect(),
            hidden,
        )
    }

    #[test]
    fn entries_that_meet_in_a_row_are_found_in_that_row() {
        let (indices, hidden) = walk();
        let neighbors = Neighbors::count(6, indices.len(), &indices, &[0, 1, 2, 3, 4, 5]);
        let backwards: Vec<usize> = hidden.iter().rev().copied().collect();
        for order in candidates(&neighbors) {
            assert!(order == hidden || order == backwards, "{order:?}");
        }
    }

    #[test]
    fn every_order_has_every_entry_once_even_where_nothing_meets() {
        for entries in 1..9 {
            let place: Vec<usize> = (0..entries).collect();
            let neighbors = Neighbors::count(entries, 1, &[0], &place);
            for mut order in candidates(&neighbors) {
                order.sort_unstable();
                assert_eq!(order, place);
            }
        }
    }

    #[test]
    fn pixels_meet_those_to_the_left_and_above() {
        let neighbors = Neighbors::count(3, 2, &[0, 1, 2, 1], &[0, 1, 2]);
        assert_eq!(neighbors.of(0), [0, 1, 1]);
        assert_eq!(neighbors.of(1), [1, 1, 1]);
    }
}
