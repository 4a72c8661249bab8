//! The search for better optima.
//!
//! Lloyd's iterations only ever find the optimum next to where they start. What is between it and a
//! better one is nearly always the same: in one place two centroids share what one could serve, in
//! another one serves what would need two. So centroids are moved, several at a time, from where they
//! are missed least to where one more helps most; a few iterations let all settle, and what has not
//! paid is taken back. (Splits and removals by utility: Fritzke, "The LBG-U method for vector
//! quantization", Neural Processing Letters 5, 1997, and "Breathing k-means", 2020; many at a time,
//! and their choice by expected gain against cost: Patane and Russo, "The enhanced LBG algorithm",
//! Neural Networks 14, 2001.)
//!
//! The search begins on coarse boxes of colors, where all of it costs little.

use std::ops::Range;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{
    Init, Options, hidden_scatter,
    lloyd::{Lloyd, Steps, Until, Work},
    missing::missing,
    rows, seed,
};
use crate::{
    Colors, Effort,
    density::squared_distance,
    trace::{Origin, Run},
};

/// How far a search goes.
struct Extent {
    /// Coarse boxes to a centroid.
    boxes: usize,
    /// The most starts.
    starts: usize,
    /// Iterations after which a round of moves is judged.
    settle: usize,
    /// Rounds end where no more than one of so many centroids would be moved.
    fewest_moved: usize,
    /// The iterations on fine boxes end when one gains a smaller share of the inertia than this.
    fine_gain: f64,
}

impl Extent {
    fn of(effort: Effort) -> Self {
        match effort {
            Effort::Fast => Self {
                boxes: 16,
                starts: 4,
                settle: 2,
                fewest_moved: 64,
                fine_gain: 1e-3,
            },
            Effort::Balanced => Self {
                boxes: 24,
                starts: 8,
                settle: 3,
                fewest_moved: 64,
                fine_gain: 1e-5,
            },
            Effort::Best => Self {
                boxes: 24,
                starts: 8,
                settle: 4,
                fewest_moved: usize::MAX,
                fine_gain: 1e-5,
            },
        }
    }
}

/// What counts as a centroid at least where boxes are counted: with few centroids, few boxes would blur
/// where their borders run.
const FEWEST_CENTROIDS: usize = 42;

/// Boxes to a centroid among which the first centroids are drawn: where they stand is soon forgotten.
const BOXES_FOR_SEEDS: usize = 8;

/// Starts that run side by side and wait for each other: room is needed for what they come to.
const STARTS_AT_A_TIME: usize = 64;

/// A round moves at most one of so many centroids.
const MOST_MOVED: usize = 4;

/// Expected gains and costs are those before anything settles, and settling is what pays most: a
/// centroid is moved when its expected gain is at least this share of its cost.
const WORTH_TRYING: f64 = 0.3;

/// A round that lessens the inertia by a smaller share than this has not paid.
const PAYS: f64 = 1e-3;

/// Boxes to a centroid from which it is not far to the optimum among the colors themselves. They are
/// worth making where there are so many times as many colors.
const FINE_BOXES_PER_CENTROID: usize = 128;
const WORTH_FINE_BOXES: usize = 2;

/// The first iterations on coarse boxes end when no centroid moves farther than this share of the unit
/// of color, or after as many.
const COARSE_TOL: f64 = 0.005;
const COARSE_ITERATIONS: usize = 100;

/// Of a line with evenly spread weight, two points at 0.8 standard deviations from its middle take
/// away this share of the variance (0.64 for a Gaussian, 0.75 for a uniform distribution).
const SPLIT_GAIN: f64 = 0.64;
const SPLIT_DISTANCE: f64 = 0.8;

/// Boxes of colors, each as one color.
pub(super) struct Boxes<const D: usize> {
    means: Colors<D>,
    /// What the inertia of the pixels exceeds that of the boxes by.
    hidden: f64,
}

impl<const D: usize> Boxes<D> {
    /// Those on which `k` centroids come near to the optimum among `colors`, where the colors are many more.
    pub(super) fn fine(colors: &Colors<D>, k: usize) -> Option<Self> {
        let n = FINE_BOXES_PER_CENTROID * k.max(FEWEST_CENTROIDS);
        (colors.len() >= WORTH_FINE_BOXES * n).then(|| {
            let fine = Self::of(colors, n);
            // What the iterations begin with.
            fine.means.runs();
            fine
        })
    }

    /// About `n` boxes of `colors`.
    fn of(colors: &Colors<D>, n: usize) -> Self {
        let means = colors.coarse(n);
        Self {
            hidden: hidden_scatter(colors, &means),
            means,
        }
    }

    /// Makes of the boxes' inertias in `runs` those of the pixels.
    fn reveal(&self, runs: &mut [Run]) {
        for inertia in runs.iter_mut().flat_map(|run| &mut run.objective) {
            *inertia += self.hidden;
        }
    }
}

/// The search on coarse boxes: starts, numbered, each with its own stream of random numbers.
pub(super) struct Search<'a, const D: usize> {
    options: &'a Options,
    extent: Extent,
    work: &'a Work,
    coarse: Boxes<D>,
    /// Coarser ones, for the first centroids.
    coarsest: Colors<D>,
}

impl<'a, const D: usize> Search<'a, D> {
    pub(super) fn new(colors: &Colors<D>, options: &'a Options, work: &'a Work) -> Self {
        let k = options.k.max(FEWEST_CENTROIDS);
        let extent = Extent::of(options.effort);
        let coarse = Boxes::of(colors, extent.boxes * k);
        Self {
            options,
            extent,
            work,
            coarsest: coarse.means.coarse(BOXES_FOR_SEEDS * k),
            coarse,
        }
    }

    /// How many starts there are by default: with few centroids optima are few and starts cheap.
    pub(super) fn starts(&self) -> usize {
        let most = self.extent.starts;
        (16 * most / self.options.k).clamp(1, most)
    }

    /// The best of some starts: its number and its centroids. The runs of all are added to `trace`.
    pub(super) fn best_of(
        &self,
        starts: Range<usize>,
        trace: &mut Vec<Run>,
    ) -> (usize, Vec<[f64; D]>) {
        let one = |start| {
            let mut trace = Vec::new();
            let mut lloyd = self.start(start, &mut trace);
            (lloyd.inertia(), start, lloyd.centroids, trace)
        };
        let mut best: Option<(f64, usize, Vec<[f64; D]>)> = None;
        for first in starts.clone().step_by(STARTS_AT_A_TIME) {
            let some = first..starts.end.min(first.saturating_add(STARTS_AT_A_TIME));
            let found: Vec<_> = some.into_par_iter().map(one).collect();
            for (inertia, start, centroids, runs) in found {
                trace.extend(runs);
                if best.as_ref().is_none_or(|(least, ..)| inertia < *least) {
                    best = Some((inertia, start, centroids));
                }
            }
        }
        best.map_or_else(Default::default, |(_, start, centroids)| (start, centroids))
    }

    /// The centroids that `start` has come to after iterations on fine boxes.
    pub(super) fn refined(
        &self,
        fine: &Boxes<D>,
        start: usize,
        centroids: Vec<[f64; D]>,
        trace: &mut Vec<Run>,
    ) -> Vec<[f64; D]> {
        let mut lloyd = Lloyd::new(&fine.means, centroids, self.pinned(), self.work);
        let (history, _) = lloyd.run(
            Steps::BeyondMeans,
            Until::Gain(self.extent.fine_gain),
            COARSE_ITERATIONS,
        );
        let mut run = [Run::new(
            start,
            Origin::Continuation,
            history,
            lloyd.inertia(),
        )];
        fine.reveal(&mut run);
        trace.extend(run);
        lloyd.centroids
    }

    /// How many centroids, the first ones, never move.
    fn pinned(&self) -> usize {
        self.options.pinned.nrows()
    }

    /// One start: seeds, Lloyd's iterations, and rounds of moves.
    fn start(&self, start: usize, trace: &mut Vec<Run>) -> Lloyd<'_, D> {
        let mut generator = ChaCha8Rng::seed_from_u64(self.options.seed);
        generator.set_stream(start as u64);
        let k = self.options.k;
        let pinned = rows(&self.options.pinned);
        let centroids = match self.options.init {
            Init::Random => seed::random(&self.coarsest, k, pinned, &mut generator),
            _ => seed::k_means_plus_plus(&self.coarsest, k, pinned, &mut generator),
        };
        let coarse = &self.coarse.means;
        let mut lloyd = Lloyd::new(coarse, centroids, self.pinned(), self.work);
        let small_move = Until::Move(COARSE_TOL * coarse.unit());
        let (history, _) = lloyd.run(Steps::BeyondMeans, small_move, COARSE_ITERATIONS);
        let own = trace.len();
        trace.push(Run::new(start, Origin::Start, history, lloyd.inertia()));
        let lloyd = self.move_centroids(lloyd, start, trace);
        self.coarse.reveal(&mut trace[own..]);
        lloyd
    }

    /// Moves centroids in rounds until that no longer pays, among coarse boxes or the colors
    /// themselves; what is expected of a move is computed on coarse boxes.
    pub(super) fn move_centroids<'c>(
        &self,
        mut lloyd: Lloyd<'c, D>,
        start: usize,
        trace: &mut Vec<Run>,
    ) -> Lloyd<'c, D> {
        let k = lloyd.centroids.len();
        let fewest = k / self.extent.fewest_moved;
        let mut most = if k > 1 { (k / MOST_MOVED).max(1) } else { 0 };
        let mut inertia = lloyd.inertia();
        while most > fewest {
            let moves = moves(&self.coarse.means, &lloyd.centroids, self.pinned(), most);
            if moves.is_empty() {
                break;
            }
            let mut trial = lloyd.clone();
            for &(j, target) in moves.as_flattened() {
                trial.place(j, target);
            }
            let (history, _) = trial.run(Steps::BeyondMeans, Until::Move(0.0), self.extent.settle);
            let after = trial.inertia();
            trace.push(Run {
                kept: after < inertia,
                ..Run::new(start, Origin::Move, history, after)
            });
            // Written so that a round without a gain never repeats, be the inertia 0 or not a number.
            let pays = after < inertia && after <= inertia * (1.0 - PAYS);
            if !pays {
                most = moves.len() / 2;
            }
            if after < inertia {
                inertia = after;
                lloyd = trial;
            }
        }
        lloyd
    }
}

/// A centroid and where it is to go.
type Move<const D: usize> = (usize, [f64; D]);

/// At most `most` pairs of moves: the centroid that is missed least and the one whose cluster gains
/// most by being split become that cluster's two, then the next ones, as long as it is worth trying.
/// Centroids next to one that leaves stay, because they have to serve its colors; so do the first ones
/// that are `pinned`.
fn moves<const D: usize>(
    guide: &Colors<D>,
    centroids: &[[f64; D]],
    pinned: usize,
    most: usize,
) -> Vec<[Move<D>; 2]> {
    let missing = missing(guide, centroids);
    let mut splits: Vec<_> = missing
        .iter()
        .enumerate()
        .map(|(j, cluster)| {
            let (variance, axis) = principal_axis(&cluster.scatter);
            let deviation = libm::sqrt(variance / cluster.count.max(1.0));
            (
                SPLIT_GAIN * variance,
                j,
                axis.map(|x| SPLIT_DISTANCE * deviation * x),
            )
        })
        .collect();
    splits.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut splits = splits.into_iter();
    let mut leaving: Vec<usize> = (0..centroids.len()).collect();
    leaving.sort_by(|&a, &b| missing[a].cost.total_cmp(&missing[b].cost).then(a.cmp(&b)));
    let mut stays: Vec<bool> = (0..centroids.len()).map(|j| j < pinned).collect();
    let mut moves = Vec::new();
    for leaves in leaving {
        if stays[leaves] {
            continue;
        }
        let Some((gain, split, offset)) = splits.find(|&(_, j, _)| !stays[j] && j != leaves) else {
            break;
        };
        if moves.len() == most || gain < WORTH_TRYING * missing[leaves].cost {
            break;
        }
        for j in [leaves, split, nearest_other(centroids, leaves)] {
            stays[j] = true;
        }
        let center = centroids[split];
        moves.push([
            (split, std::array::from_fn(|d| center[d] + offset[d])),
            (leaves, std::array::from_fn(|d| center[d] - offset[d])),
        ]);
    }
    moves
}

/// The centroid nearest to centroid `j`; `j` itself where there is no other.
fn nearest_other<const D: usize>(centroids: &[[f64; D]], j: usize) -> usize {
    let distance = |i: usize| squared_distance(centroids[i], centroids[j]);
    (0..centroids.len())
        .filter(|&i| i != j)
        .min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
        .unwrap_or(j)
}

/// The largest eigenvalue of a scatter matrix and its unit vector, near enough for a guess, by the
/// power method.
fn principal_axis<const D: usize>(scatter: &[[f64; D]; D]) -> (f64, [f64; D]) {
    const STEPS: usize = 12;
    let widest = (0..D)
        .max_by(|&a, &b| scatter[a][a].total_cmp(&scatter[b][b]))
        .unwrap_or(0);
    let mut product = scatter[widest];
    let mut axis = [0.0; D];
    let mut norm = 0.0;
    for _ in 0..STEPS {
        norm = libm::sqrt(product.iter().map(|x| x * x).sum());
        if norm == 0.0 {
            break;
        }
        axis = product.map(|x| x / norm);
        product = std::array::from_fn(|i| (0..D).map(|l| scatter[i][l] * axis[l]).sum());
    }
    (norm, axis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::flower;

    #[test]
    fn the_winner_of_fewer_starts_stays_a_candidate_among_more() {
        let colors = flower(20);
        let work = Work::default();
        let options = Options {
            k: 12,
            ..Options::default()
        };
        let search = Search::new(&colors, &options, &work);
        let inertia = |starts| {
            let (_, centroids) = search.best_of(0..starts, &mut Vec::new());
            Lloyd::new(&search.coarse.means, centroids, 0, &work).inertia()
        };
        assert!(inertia(8) <= inertia(3) && inertia(3) <= inertia(1));
        let only = |start| search.best_of(start..start + 1, &mut Vec::new()).1;
        assert_ne!(only(0), only(1));
        let alone =
            |start: &usize| Lloyd::new(&search.coarse.means, only(*start), 0, &work).inertia();
        let best = (0..8).min_by(|a, b| alone(a).total_cmp(&alone(b))).unwrap();
        assert_ne!(best, 0);
        assert_eq!(search.best_of(0..8, &mut Vec::new()), (best, only(best)));
    }

    #[test]
    fn rounds_of_moves_mend_a_start_with_two_centroids_in_one_place() {
        let x = [0.0, 4.0, 200.0, 204.0, 200.0, 204.0];
        let y = [0.0, 0.0, 0.0, 0.0, 30.0, 30.0];
        let points = ndarray::Array2::from_shape_fn((6, 3), |(row, d)| [x[row], y[row], 0.0][d]);
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 6], 255.0).unwrap();
        let work = Work::default();
        let options = Options {
            k: 3,
            ..Options::default()
        };
        let search = Search::new(&colors, &options, &work);
        let stuck = vec![[0.0; 3], [4.0, 0.0, 0.0], [202.0, 15.0, 0.0]];
        let mut lloyd = Lloyd::new(&colors, stuck, 0, &work);
        lloyd.run(Steps::ToMeans, Until::Move(0.0), 100);
        assert!(lloyd.inertia() > 900.0);
        let inertia = search.move_centroids(lloyd, 0, &mut Vec::new()).inertia();
        assert!((inertia - 24.0).abs() < 1e-9);
    }

    #[test]
    fn rounds_end_where_there_is_nothing_to_gain() {
        let points = ndarray::Array2::from_shape_fn((8, 3), |(row, _)| row as f64);
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 8], 255.0).unwrap();
        let work = Work::default();
        let options = Options {
            k: 8,
            ..Options::default()
        };
        let search = Search::new(&colors, &options, &work);
        let all = (0..8).map(|value| [f64::from(value); 3]).collect();
        let lloyd = search.move_centroids(Lloyd::new(&colors, all, 0, &work), 0, &mut Vec::new());
        assert_eq!(lloyd.centroids.len(), 8);
    }

    /// The moves of centroids at 100 and at 100 + `gap`, where their colors are, and of two between colors
    /// at 0 and 10.
    fn moves_of_pairs(gap: f64, pinned: usize) -> Vec<[Move<3>; 2]> {
        let colors = [
            [100.0, 0.0],
            [0.0, 0.0],
            [10.0, 0.0],
            [0.0, 200.0],
            [10.0, 200.0],
            [100.0 + gap, 0.0],
        ];
        let points = ndarray::Array2::from_shape_fn((6, 3), |(row, d)| {
            [colors[row][0], colors[row][1], 0.0][d]
        });
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 6], 255.0).unwrap();
        let centroids = [
            [100.0, 0.0, 0.0],
            [5.0, 0.0, 0.0],
            [5.0, 200.0, 0.0],
            [100.0 + gap, 0.0, 0.0],
        ];
        moves(&colors, &centroids, pinned, 2)
    }

    #[test]
    fn a_centroid_that_is_missed_least_goes_where_one_more_helps_most_and_its_neighbor_stays() {
        // It costs 1. The variance of 0 and 10 is 25, so that the two go to 5 + 4 and 5 - 4.
        let found = moves_of_pairs(1.0, 0);
        assert_eq!(found.len(), 1);
        let [(split, right), (leaves, left)] = found[0];
        assert_eq!((split, leaves), (1, 0));
        assert!(squared_distance(right, [9.0, 0.0, 0.0]) < 1e-18);
        assert!(squared_distance(left, [1.0, 0.0, 0.0]) < 1e-18);
        // Those that are pinned stay.
        let [(split, _), (leaves, _)] = moves_of_pairs(1.0, 2)[0];
        assert_eq!((split, leaves), (2, 3));
        assert!(moves_of_pairs(1.0, 3).is_empty());
    }

    #[test]
    fn a_move_is_tried_from_three_tenths_of_its_cost_on() {
        // 0.64 of the sum of squares, 50, are gained; 10 squared and 11 squared are lost.
        assert_eq!(moves_of_pairs(10.0, 0).len(), 1);
        assert!(moves_of_pairs(11.0, 0).is_empty());
    }

    #[test]
    fn the_principal_axis_of_a_line_is_the_line() {
        let direction = [2.0 / 3.0, -1.0 / 3.0, 2.0 / 3.0];
        let scatter = direction.map(|a| direction.map(|b| 18.0 * a * b));
        let (value, axis) = principal_axis(&scatter);
        assert!((value - 18.0).abs() < 1e-12);
        assert!(
            direction
                .iter()
                .zip(axis)
                .all(|(a, b)| (a - b).abs() < 1e-12)
        );
        assert_eq!(principal_axis(&[[0.0; 3]; 3]), (0.0, [0.0; 3]));
    }
}
