//! The assignment of every color to its nearest centroid, exact, with boxes of colors instead of colors
//! wherever a box has one nearest centroid.
//!
//! Colors are looked at in long, middle and short runs. Of the centroids that can be nearest to a color
//! of a run, those that can be nearest to one of a shorter run inside it are found, by the corners of its
//! box (Kanungo et al., "An efficient k-means clustering algorithm: analysis and implementation", IEEE
//! PAMI 24(7), 2002), and between those that are left color by color. This is done anew each time: what
//! could be known from the last time costs more to keep than to find. Only a middle run with the same
//! candidates as before, none of which has moved, stays as it is.

use std::sync::atomic::{AtomicU64, Ordering};

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::{
    Colors,
    colors::runs::{FAN, MIDDLE, SHORT},
    density::{Candidates, Component, Corners, Identity, squared_norm, vectors},
    simd::{LANES, Lanes, Least, vectorize},
};

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
        let k = self.centroids.len();
        let components = Component::centroids(&self.centroids);
        let all = Candidates::numbered(&components, 0..k);
        let space = || Space {
            long: None,
            lists: [Candidates::with_room_for(k), Candidates::with_room_for(k)],
            means: Vec::with_capacity(k),
            kept: Vec::with_capacity(k.next_multiple_of(LANES)),
            distances: Vec::with_capacity(k),
        };
        let update = |space: &mut Space<D>, (number, (share, places)): (usize, _)| {
            vectorize(UpdateShare {
                colors,
                all: &all,
                has_moved,
                number,
                space,
                share,
                places,
            })
        };
        let assigned: u64 = if self.shares.len() < 2 * FAN {
            let tasks = self.shares.iter_mut().zip(self.places.chunks_mut(MIDDLE));
            let mut space = space();
            let update = |task| update(&mut space, task);
            tasks.enumerate().map(update).sum()
        } else {
            let places = self.places.par_chunks_mut(MIDDLE);
            let tasks = self.shares.par_iter_mut().zip(places).enumerate();
            tasks.with_min_len(FAN).map_init(space, update).sum()
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
struct Space<const D: usize> {
    /// The long run whose candidates the first list has.
    long: Option<usize>,
    /// The candidates of a long run and of a middle one in it; those of the second also one by one.
    lists: [Candidates<Identity, D>; 2],
    means: Vec<[f64; D]>,
    /// Places in the second list of those that are left for a short run.
    kept: Vec<u32>,
    /// No meaning between runs.
    distances: Vec<f64>,
}

/// Brings a share up to date; returns how many colors were assigned for that.
struct UpdateShare<'a, const D: usize> {
    colors: &'a Colors<D>,
    /// All centroids, and which of them have moved.
    all: &'a Candidates<Identity, D>,
    has_moved: &'a [bool],
    /// The number of the middle run.
    number: usize,
    space: &'a mut Space<D>,
    share: &'a mut Share<D>,
    /// Of the colors of the run.
    places: &'a mut [u32],
}

impl<const D: usize> NullaryFnOnce for UpdateShare<'_, D> {
    type Output = u64;

    #[inline(always)]
    fn call(self) -> u64 {
        let Space {
            long,
            lists: [of_long, of_middle],
            means,
            kept,
            distances,
        } = self.space;
        let runs = self.colors.runs();
        if *long != Some(self.number / FAN) {
            *long = Some(self.number / FAN);
            let run = &runs.long[self.number / FAN];
            Corners::<1>::filter_box(&run.low, &run.high, self.all, of_long, distances);
        }
        let run = &runs.middle[self.number];
        Corners::<1>::filter_box(&run.low, &run.high, of_long, of_middle, distances);
        let Share { ids, sums } = self.share;
        if of_middle.ids() == ids && !ids.iter().any(|&id| self.has_moved[id as usize]) {
            return 0;
        }
        ids.clear();
        ids.extend_from_slice(of_middle.ids());
        sums.clear();
        sums.resize(ids.len(), Sum::ZERO);
        means.clear();
        means.extend((0..ids.len()).map(|place| of_middle.mean(place)));
        let first_row = self.number * MIDDLE;
        let runs = &runs.short[self.number * FAN..];
        for (i, (places, run)) in self.places.chunks_mut(SHORT).zip(runs).enumerate() {
            Corners::<1>::keep(&run.low, &run.high, of_middle, kept, distances);
            if let [place] = kept[..] {
                places.fill(place);
                sums[place as usize].add(run.count, run.sum);
                continue;
            }
            let start = first_row + i * SHORT;
            let end = start + places.len();
            for (start, places) in (start..).step_by(LANES).zip(places.chunks_mut(LANES)) {
                let chunk = self.colors.chunk(start, end);
                let nearest = nearest(means, kept, &chunk.x);
                places.copy_from_slice(&nearest[..places.len()]);
                for lane in 0..LANES {
                    let count = chunk.counts[lane];
                    let sum = chunk.color(lane).map(|x| count * x);
                    sums[nearest[lane] as usize].add(count, sum);
                }
            }
        }
        self.places.len() as u64
    }
}

/// Which of the centroids at `places` is the nearest to each color of a chunk, of several the first.
#[inline(always)]
fn nearest<const D: usize>(centroids: &[[f64; D]], places: &[u32], x: &[Lanes; D]) -> [u32; LANES] {
    let x = vectors(x);
    let mut nearest = Least::NONE;
    for &place in places {
        let centroid = &centroids[place as usize];
        let mut difference = x;
        for d in 0..D {
            difference[d] = x[d] - centroid[d];
        }
        nearest.see(squared_norm(difference), f64::from(place));
    }
    nearest.name.0.map(|place| place as u32)
}
