//! Blue noise as thresholds: any share of them, lowest first, is spread evenly and without a pattern.
//!
//! R. Ulichney, "The void-and-cluster method for dither array generation", Proc. SPIE 1913, 1993.

use std::sync::OnceLock;

/// Pixels along an edge of the tile.
pub(super) const SIDE: usize = 64;

const PIXELS: usize = SIDE * SIDE;

/// The standard deviation of the Gaussian that tells how crowded a place is, in pixels: Ulichney's
/// 1.5, section 3.
const SIGMA: f64 = 1.5;

/// Where the Gaussian is cut off, in pixels: it has fallen to exp(-8) of its middle.
const REACH: usize = 6;

/// The ranks 0 to `SIDE`² - 1 of the pixels of a tile that repeats, row by row. Made when it is first
/// asked for.
pub(super) fn ranks() -> &'static [u16] {
    static RANKS: OnceLock<Vec<u16>> = OnceLock::new();
    RANKS.get_or_init(void_and_cluster)
}

fn void_and_cluster() -> Vec<u16> {
    let mut prototype = evened_out();
    let ones = prototype.is_set.iter().filter(|&&set| set).count();
    let mut ranks = vec![0; PIXELS];
    // Ulichney's phase 1: the ones of the prototype, the last rank to the most crowded.
    let mut shrinking = prototype.clone();
    for rank in (0..ones).rev() {
        let cluster = shrinking.tightest_cluster();
        shrinking.flip(cluster);
        ranks[cluster] = rank as u16;
    }
    // Phases 2 and 3, which are one with a kernel that does not change: the tightest cluster of zeros
    // is the largest void among ones.
    for rank in ones..PIXELS {
        let void = prototype.largest_void();
        prototype.flip(void);
        ranks[void] = rank as u16;
    }
    ranks
}

/// The prototype: a tenth of the pixels, moved from the tightest cluster to the largest void until
/// that is the same place.
fn evened_out() -> Tile {
    let mut tile = Tile::empty();
    // Places as scattered as they need to be: multiples of a number without a factor in common with
    // the number of pixels, near its golden section, bent so that they form no lattice.
    for i in 0..PIXELS / 10 {
        let place = (i * 2531 + (i * i * 7) % 61) % PIXELS;
        if !tile.is_set[place] {
            tile.flip(place);
        }
    }
    loop {
        let cluster = tile.tightest_cluster();
        tile.flip(cluster);
        let void = tile.largest_void();
        tile.flip(void);
        if void == cluster {
            return tile;
        }
    }
}

/// A pattern of ones, and how crowded each place is by them.
#[derive(Clone)]
struct Tile {
    is_set: Vec<bool>,
    /// The sum of Gaussians about the ones, over the edges of the tile.
    energy: Vec<f64>,
    kernel: [[f64; 2 * REACH + 1]; 2 * REACH + 1],
}

impl Tile {
    fn empty() -> Self {
        let gaussian = |i: usize, j: usize| {
            let squared = (i.abs_diff(REACH).pow(2) + j.abs_diff(REACH).pow(2)) as f64;
            libm::exp(-squared / (2.0 * SIGMA * SIGMA))
        };
        Self {
            is_set: vec![false; PIXELS],
            energy: vec![0.0; PIXELS],
            kernel: std::array::from_fn(|i| std::array::from_fn(|j| gaussian(i, j))),
        }
    }

    /// Makes a one of a zero, or the reverse.
    fn flip(&mut self, place: usize) {
        let sign = if self.is_set[place] { -1.0 } else { 1.0 };
        self.is_set[place] = !self.is_set[place];
        let (y, x) = (place / SIDE, place % SIDE);
        for (i, kernel) in self.kernel.iter().enumerate() {
            let row = (y + SIDE + i - REACH) % SIDE * SIDE;
            for (j, value) in kernel.iter().enumerate() {
                self.energy[row + (x + SIDE + j - REACH) % SIDE] += sign * value;
            }
        }
    }

    /// The most crowded one, the first of several.
    fn tightest_cluster(&self) -> usize {
        let mut best = (f64::NEG_INFINITY, 0);
        for (place, &energy) in self.energy.iter().enumerate() {
            if self.is_set[place] && energy > best.0 {
                best = (energy, place);
            }
        }
        best.1
    }

    /// The least crowded zero, the first of several.
    fn largest_void(&self) -> usize {
        let mut best = (f64::INFINITY, 0);
        for (place, &energy) in self.energy.iter().enumerate() {
            if !self.is_set[place] && energy < best.0 {
                best = (energy, place);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_is_given_once() {
        let mut ranks = ranks().to_vec();
        ranks.sort_unstable();
        assert!(
            ranks
                .iter()
                .enumerate()
                .all(|(i, &rank)| i == usize::from(rank))
        );
    }

    #[test]
    fn the_lowest_ranks_keep_their_distance() {
        // 64 points on a 64x64 torus are at best some 8.6 apart; at random the nearest two of them
        // are less than 1 apart.
        let ranks = ranks();
        let lowest: Vec<usize> = (0..PIXELS).filter(|&place| ranks[place] < 64).collect();
        let along = |a: usize, b: usize| a.abs_diff(b).min(SIDE - a.abs_diff(b)) as f64;
        for &a in &lowest {
            for &b in lowest.iter().filter(|&&b| b != a) {
                let (dy, dx) = (along(a / SIDE, b / SIDE), along(a % SIDE, b % SIDE));
                assert!(libm::hypot(dy, dx) > 4.0, "{a} and {b}");
            }
        }
    }

    #[test]
    fn small_windows_have_their_share_of_low_ranks() {
        let ranks = ranks();
        for threshold in [PIXELS / 4, PIXELS / 2] {
            for corner in (0..PIXELS).step_by(97) {
                let (y, x) = (corner / SIDE, corner % SIDE);
                let inside = (0..64).filter(|i| {
                    let place = (y + i / 8) % SIDE * SIDE + (x + i % 8) % SIDE;
                    usize::from(ranks[place]) < threshold
                });
                let expected = 64 * threshold / PIXELS;
                assert!(inside.count().abs_diff(expected) <= 6);
            }
        }
    }
}
