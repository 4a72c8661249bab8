//! The assignment of every color to its nearest centroid, exact, with boxes of colors instead of colors
//! wherever a box has one nearest centroid.
//!
//! Colors are looked at in long, middle and short runs: of the centroids that can be nearest to a color
//! of a run, those that can be nearest to one of a shorter run inside it are found, and between those that
//! are left color by color (see [`nearby`](super::nearby)). A run whose centroids have not moved so far
//! since it was looked at that another could be nearest to one of its colors stays as it is (Hamerly,
//! "Making k-means even faster", SDM 2010, of runs in place of single points).

use std::sync::atomic::{AtomicU64, Ordering};

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::nearby::{Descent, Planes, shift};
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
    /// Those that can be nearest to one of its colors, or more, ascending.
    ids: Vec<u32>,
    /// The pixels that are nearest to each of these, and the sum over them.
    sums: Vec<Sum<D>>,
    shorts: [Short; FAN],
}

/// What is known of a short run.
#[derive(Clone, Copy, Debug)]
struct Short {
    /// How much planes may still shift before one of its colors can have another nearest centroid.
    slack: f32,
    /// Whether one centroid is the nearest to all of its box.
    is_settled: bool,
}

impl Short {
    const UNKNOWN: Self = Self {
        slack: f32::NEG_INFINITY,
        is_settled: false,
    };
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
            shorts: [Short::UNKNOWN; FAN],
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
            let before = std::mem::replace(&mut self.centroids, centroids.to_vec());
            self.update_shares(&before);
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
    fn update_shares(&mut self, before: &[[f64; D]]) {
        let colors = self.colors;
        let centroids = &self.centroids;
        let of_all = Planes::of_all(centroids, colors);
        let space = || Space {
            descent: Descent::new(colors, centroids, &of_all),
            ids: Vec::new(),
            halves: [Vec::new(), Vec::new()],
        };
        let update = |space: &mut Space<D>, (number, (share, places)): (usize, _)| {
            vectorize(UpdateShare {
                colors,
                before,
                centroids,
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
    /// The centroids that are left for a middle run.
    ids: Vec<u32>,
    /// The sums over every other color: in turn, because one that follows another into the same sum has to
    /// wait for it. No meaning between runs.
    halves: [Vec<Sum<D>>; 2],
}

/// Brings a share up to date; returns how many colors were assigned for that.
struct UpdateShare<'a, 'b, const D: usize> {
    colors: &'a Colors<D>,
    /// Where the centroids were, and where they are.
    before: &'a [[f64; D]],
    centroids: &'a [[f64; D]],
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
        let Space {
            descent,
            ids,
            halves,
        } = self.space;
        let Share {
            ids: known,
            sums,
            shorts,
        } = self.share;
        descent.find(self.number, ids);
        let runs = self.colors.runs();
        let mut has_changed = false;
        if is_subset(ids, known) {
            let run = &runs.middle[self.number];
            let shift = shift(run, known, self.before, self.centroids);
            if shift == 0.0 {
                return 0;
            }
            for short in shorts.iter_mut() {
                short.slack = short.slack * (1.0 - f32::EPSILON) - shift;
            }
        } else {
            known.clear();
            known.extend_from_slice(ids);
            shorts.fill(Short::UNKNOWN);
            has_changed = true;
        }
        let shorts = &mut shorts[..self.places.len().div_ceil(SHORT)];
        if shorts.iter().all(|short| short.slack > 0.0) {
            return 0;
        }
        descent.enter_middle(self.number, known);
        let mut assigned = 0;
        let first_row = self.number * MIDDLE;
        for (i, (places, short)) in self.places.chunks_mut(SHORT).zip(&mut *shorts).enumerate() {
            if short.slack > 0.0 {
                continue;
            }
            assigned += places.len() as u64;
            let left = descent.enter_short(self.number * FAN + i);
            let was_settled = short.is_settled;
            short.is_settled = left.len() == 1;
            has_changed |= short.is_settled != was_settled;
            if let [place] = *left {
                has_changed |= places[0] != place;
                places.fill(place);
                short.slack = descent.slack(f32::INFINITY);
                continue;
            }
            let start = first_row + i * SHORT;
            let mut gap = f32::INFINITY;
            for (start, places) in (start..).step_by(WIDE).zip(places.chunks_mut(WIDE)) {
                let mut nearest = descent.nearest(start);
                gap = if nearest.gap < gap { nearest.gap } else { gap };
                let first = &mut nearest.first[..places.len()];
                if nearest.is_certain != [true; WIDE] {
                    for (lane, place) in first.iter_mut().enumerate() {
                        if !nearest.is_certain[lane] {
                            *place = descent.exactly_nearest(self.colors.point(start + lane));
                        }
                    }
                }
                has_changed |= places != first;
                places.copy_from_slice(first);
            }
            short.slack = descent.slack(gap);
        }
        if has_changed {
            for sums in [&mut *sums].into_iter().chain(halves.each_mut()) {
                sums.clear();
                sums.resize(known.len(), Sum::ZERO);
            }
            for (i, (places, short)) in self.places.chunks(SHORT).zip(shorts).enumerate() {
                if short.is_settled {
                    let run = &runs.short[self.number * FAN + i];
                    sums[places[0] as usize].add(run.count, run.sum);
                    continue;
                }
                let start = first_row + i * SHORT;
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
        }
        assigned
    }
}

/// Whether all of `some` are among `all`, both ascending.
#[inline(always)]
fn is_subset(some: &[u32], all: &[u32]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|id| rest.any(|other| other == id))
}
