//! The assignment of every color to its nearest centroid, exact, with boxes of colors instead of colors
//! wherever a box has one nearest centroid.
//!
//! Colors are looked at in long, middle and short runs: of the centroids that can be nearest to a color
//! of a run, those that can be nearest to one of a shorter run inside it are found, and between those that
//! are left color by color (see [`nearby`](super::nearby)). This is done anew each time: what could be
//! known from the last time costs more to keep than to find. Only a middle run with the same candidates as
//! before, none of which has moved, stays as it is.

use std::sync::atomic::{AtomicU64, Ordering};

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::nearby::{Descent, Planes};
use crate::{
    Colors,
    colors::runs::{FAN, MIDDLE, SHORT},
    simd::{LANES, WIDE, vectorize},
};

/// Middle runs that are worth a parallel task.
const RUNS_PER_TASK: usize = 4;

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

/// An assignment, and what the next one can use of it.
#[derive(Clone)]
pub(super) struct Assignment<'a, const D: usize> {
    pub colors: &'a Colors<D>,
    /// The centroids that colors are assigned to; none at first.
    centroids: Vec<[f64; D]>,
    /// What each middle run has come to.
    shares: Vec<Share<D>>,
    /// The place of each color's nearest centroid among the candidates of its middle run.
    places: Vec<u32>,
    work: &'a Work,
}

/// What the centroids have of a run.
#[derive(Clone, Debug)]
struct Share<const D: usize> {
    /// Those that can be nearest to one of its colors, ascending.
    ids: Vec<u32>,
    /// The pixels that are nearest to each of these, and the sum over them.
    sums: Vec<Sum<D>>,
}

#[derive(Clone, Copy, Debug)]
struct Sum<const D: usize> {
    count: f64,
    sum: [f64; D],
}

impl<const D: usize> Sum<D> {
    const ZERO: Self = Self {
        count: 0.0,
        sum: [0.0; D],
    };

    #[inline(always)]
    fn add(&mut self, count: f64, sum: [f64; D]) {
        self.count += count;
        for d in 0..D {
            self.sum[d] += sum[d];
        }
    }
}

impl<'a, const D: usize> Assignment<'a, D> {
    pub(super) fn new(colors: &'a Colors<D>, work: &'a Work) -> Self {
        let nothing = Share {
            ids: Vec::new(),
            sums: Vec::new(),
        };
        Self {
            colors,
            centroids: Vec::new(),
            shares: vec![nothing; colors.runs().middle.len()],
            places: vec![0; colors.len()],
            work,
        }
    }

    /// Assigns every color to the nearest of `centroids`, of several to the first.
    pub(super) fn update(&mut self, centroids: &[[f64; D]]) -> Clusters<D> {
        if self.centroids != centroids {
            let before = self.centroids.get(..centroids.len());
            let has_moved: Vec<bool> = match before {
                Some(before) => centroids.iter().zip(before).map(|(a, b)| a != b).collect(),
                None => vec![true; centroids.len()],
            };
            self.centroids.clear();
            self.centroids.extend_from_slice(centroids);
            self.update_shares(&has_moved);
        }
        self.clusters()
    }

    /// The centroid that each color is assigned to.
    pub(super) fn nearest(&self) -> Vec<u32> {
        let mut nearest = self.places.clone();
        for (rows, share) in nearest.chunks_mut(MIDDLE).zip(&self.shares) {
            for row in rows {
                *row = share.ids[*row as usize];
            }
        }
        nearest
    }

    /// Brings the shares and places up to date with the centroids.
    fn update_shares(&mut self, has_moved: &[bool]) {
        let colors = self.colors;
        let centroids = &self.centroids;
        let of_all = Planes::of_all(centroids, colors);
        let space = || Space {
            descent: Descent::new(colors, centroids, &of_all),
            halves: [Vec::new(), Vec::new()],
        };
        let update = |space: &mut Space<D>, (number, (share, places)): (usize, _)| {
            vectorize(UpdateShare {
                colors,
                has_moved,
                number,
                space,
                share,
                places,
            })
        };
        let assigned: u64 = if self.shares.len() < 2 * RUNS_PER_TASK {
            let tasks = self.shares.iter_mut().zip(self.places.chunks_mut(MIDDLE));
            let mut space = space();
            let update = |task| update(&mut space, task);
            tasks.enumerate().map(update).sum()
        } else {
            let places = self.places.par_chunks_mut(MIDDLE);
            let tasks = self.shares.par_iter_mut().zip(places).enumerate();
            let tasks = tasks.with_min_len(RUNS_PER_TASK);
            tasks.map_init(space, update).sum()
        };
        self.work.add(assigned);
    }

    /// The shares together. Sums of bytes are exact in a double up to 2^53, 10^13 pixels.
    ///
    /// The inertia is the scatter of all colors about their mean m, and for a cluster of n pixels, sum s
    /// and centroid c: n |c - m|^2 - 2 (c - m) (s - n m).
    fn clusters(&self) -> Clusters<D> {
        let mut clusters = vec![Sum::ZERO; self.centroids.len()];
        for share in &self.shares {
            for (&id, sum) in share.ids.iter().zip(&share.sums) {
                clusters[id as usize].add(sum.count, sum.sum);
            }
        }
        let all = &self.colors.nodes()[0];
        let mean = all.mean();
        let mut inertia = all.total_scatter();
        for (centroid, Sum { count, sum }) in self.centroids.iter().zip(&clusters) {
            for d in 0..D {
                let offset = centroid[d] - mean[d];
                inertia += offset * (count * offset - 2.0 * (sum[d] - count * mean[d]));
            }
        }
        Clusters {
            counts: clusters.iter().map(|cluster| cluster.count).collect(),
            sums: clusters.iter().map(|cluster| cluster.sum).collect(),
            // Rounding leaves nothing below 0.
            inertia: inertia.max(0.0),
        }
    }
}

/// What the update of a share needs besides.
struct Space<'a, const D: usize> {
    descent: Descent<'a, 1, D>,
    /// The sums over every other color: in turn, because one that follows another into the same sum has to
    /// wait for it. No meaning between runs.
    halves: [Vec<Sum<D>>; 2],
}

/// Brings a share up to date; returns how many colors were assigned for that.
struct UpdateShare<'a, 'b, const D: usize> {
    colors: &'a Colors<D>,
    has_moved: &'a [bool],
    /// The number of the middle run.
    number: usize,
    space: &'a mut Space<'b, D>,
    share: &'a mut Share<D>,
    /// Of the colors of the run.
    places: &'a mut [u32],
}

impl<const D: usize> NullaryFnOnce for UpdateShare<'_, '_, D> {
    type Output = u64;

    #[inline(always)]
    fn call(self) -> u64 {
        let Space { descent, halves } = self.space;
        let Share { ids, sums } = self.share;
        let left = descent.enter_middle(self.number);
        if left == ids && !ids.iter().any(|&id| self.has_moved[id as usize]) {
            return 0;
        }
        ids.clear();
        ids.extend_from_slice(left);
        for sums in [&mut *sums].into_iter().chain(halves.each_mut()) {
            sums.clear();
            sums.resize(ids.len(), Sum::ZERO);
        }
        let first_row = self.number * MIDDLE;
        for (i, places) in self.places.chunks_mut(SHORT).enumerate() {
            let short = self.number * FAN + i;
            if let [place] = *descent.enter_short(short) {
                let run = &self.colors.runs().short[short];
                places.fill(place);
                sums[place as usize].add(run.count, run.sum);
                continue;
            }
            let start = first_row + i * SHORT;
            for (start, places) in (start..).step_by(WIDE).zip(places.chunks_mut(WIDE)) {
                let nearest = descent.nearest(start);
                places.copy_from_slice(&nearest.first[..places.len()]);
                if nearest.is_certain == [true; WIDE] {
                    continue;
                }
                for (lane, place) in places.iter_mut().enumerate() {
                    if !nearest.is_certain[lane] {
                        *place = descent.exactly_nearest(self.colors.point(start + lane));
                    }
                }
            }
            let end = start + places.len();
            for (start, places) in (start..).step_by(LANES).zip(places.chunks(LANES)) {
                let chunk = self.colors.chunk(start, end);
                for (lane, &place) in places.iter().enumerate() {
                    let count = chunk.counts[lane];
                    let sum = chunk.color(lane).map(|x| count * x);
                    halves[lane % 2][place as usize].add(count, sum);
                }
            }
        }
        for half in halves {
            for (sum, half) in sums.iter_mut().zip(half) {
                sum.add(half.count, half.sum);
            }
        }
        self.places.len() as u64
    }
}
