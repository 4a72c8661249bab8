//! The search for a greater likelihood.
//!
//! Many cheap starts on boxes of colors, then random swaps (Zhao, Hautamäki, Kärkkäinen and Fränti,
//! "Random swap EM algorithm for Gaussian mixture models", Pattern Recognition Letters 33, 2012): a
//! component is taken out, a new one put where it may pay, EM run a little, and the result kept if
//! it is better. What comes out best is followed on finer boxes, and at last on the colors.
//!
//! The likelihood of a mixture has no maximum: a component that collapses onto a single color, a
//! line or a plane gains without end, and `reg_covar` only bounds by how much. What the search
//! compares is therefore the penalized log-likelihood of Chen and Tan ("Inference for multivariate
//! normal mixtures", Journal of Multivariate Analysis 100, 2009). With its penalty a collapsed
//! component must have enough pixels to win, some dozens in a photo; on clipped channels and flat
//! backgrounds it does, as it should. EM itself and all that is reported are without a penalty.

use nalgebra::SMatrix;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{
    Gaussian, Options,
    boxes::{Boxes, Part},
    em::{Em, Run},
};
use crate::{
    Colors, Effort, Result,
    density::squared_distance,
    trace::{self, Origin},
};

/// Iterations on the boxes after a start, and after a swap.
const START_ITERATIONS: usize = 20;
const SWAP_ITERATIONS: usize = 12;

/// Iterations on the coarse boxes before the fine ones.
const SETTLE_ITERATIONS: usize = 100;

/// Gains below this, in nats a pixel, are not waited for on the boxes.
const BOX_TOL: f64 = 1e-5;

/// Swaps that are tried side by side on each survivor, the best of which is kept.
const SWAPS_A_ROUND: u64 = 4;

/// The covariance of a new component as a share of the mean covariance of the others: small enough
/// to find what they overlook.
const NEWCOMER_SHARE: f64 = 0.1;

/// The first random stream of the swaps, after those of the starts.
const SWAP_STREAMS: u64 = 1 << 32;

/// Newcomers of which a mixture that grows gets the best, and their first random stream.
const NEWCOMERS_TRIED: u64 = 8;
const GROWTH_STREAMS: u64 = 1 << 33;

/// Fine boxes for each coarse one, where k is small.
const FINE_BOXES: usize = 8;

/// How far a search goes.
struct Extent {
    boxes: usize,
    fine_boxes: usize,
    /// Starts on the coarse boxes.
    starts: usize,
    /// Starts from k-means.
    clusterings: usize,
    /// Starts that swaps begin from; as many are followed to the end.
    survivors: usize,
    rounds: u64,
}

impl Extent {
    /// Rounds grow with k until so many scores have been computed that it takes seconds.
    fn of(effort: Effort, k: usize, n_init: Option<usize>) -> Self {
        let (boxes, starts, survivors, rounds, most_scores) = match effort {
            Effort::Fast => (1000, 0, 1, 0, 0),
            Effort::Balanced => (1000, 4, 1, k.max(6), 60_000_000),
            Effort::Best => (2000, 16, 2, (2 * k).max(30), 400_000_000),
        };
        let fine_boxes = FINE_BOXES * boxes;
        let boxes = boxes.max(16 * k);
        let scores = SWAPS_A_ROUND as usize * survivors * SWAP_ITERATIONS * boxes * k;
        let (starts, clusterings) = match effort {
            Effort::Fast => (starts, n_init.unwrap_or(1)),
            Effort::Balanced | Effort::Best => (n_init.unwrap_or(starts), 1),
        };
        Self {
            boxes,
            fine_boxes: fine_boxes.max(boxes),
            starts,
            clusterings,
            survivors,
            rounds: rounds.min((most_scores / scores).max(1)) as u64,
        }
    }
}

/// The best of several starts that are followed by EM, and how it came about.
pub(super) fn best_of<const D: usize>(
    colors: &Colors<D>,
    em: Em,
    starts: Vec<Vec<Gaussian<D>>>,
) -> (Run<D>, Vec<trace::Run>) {
    let mut trace = Vec::new();
    let mut best: Option<(usize, Run<D>)> = None;
    for (start, gaussians) in starts.into_iter().enumerate() {
        let run = em.run(colors, gaussians);
        trace.push(run.traced(start, Origin::Start));
        if best
            .as_ref()
            .is_none_or(|(_, best)| is_better(colors, &run, best))
        {
            best = Some((start, run));
        }
    }
    let (start, best) = best.expect("there is a start");
    trace::keep_start(&mut trace, start);
    (best, trace)
}

/// The best mixture of k >= 2 components that a search finds, and how it came about. `clusters` gives
/// a start from k-means for each number.
///
/// What the coarse boxes lead to and what k-means does are tried on fine boxes, for some pictures have
/// structure that the coarse ones do not show; what leads there is followed on them until it has
/// converged, and then on the colors, where little is left to do.
///
/// # Errors
/// Those of `clusters`.
pub(super) fn search<const D: usize>(
    colors: &Colors<D>,
    plain: Em,
    clusters: impl Fn(usize) -> Result<Vec<Gaussian<D>>> + Sync,
    options: &Options<D>,
) -> Result<(Run<D>, Vec<trace::Run>)> {
    let extent = Extent::of(options.effort, options.k, options.n_init);
    let em = Em {
        accelerated: true,
        ..plain
    };
    let on_fine_boxes = Em {
        tol: em.tol.max(BOX_TOL),
        ..em
    };
    let mut trace = Vec::new();
    let starts = || -> Result<Vec<_>> {
        let mut starts = Vec::new();
        if extent.starts > 0 {
            let found = search_on_boxes(colors, em, &extent, options, &mut trace);
            let found = found.into_iter();
            starts.extend(found.map(|(start, run)| (start, Origin::Continuation, run.gaussians)));
        }
        for number in 0..extent.clusterings {
            starts.push((extent.starts + number, Origin::Start, clusters(number)?));
        }
        Ok(starts)
    };
    // Boxes are made by one thread; the others need not wait for that.
    let (fine, starts) = rayon::join(|| Boxes::of(colors, extent.fine_boxes), starts);
    let mut runs = Vec::new();
    for (start, origin, gaussians) in starts? {
        let run = on_fine_boxes.tried(&fine, gaussians);
        trace.push(run.traced(start, origin));
        runs.push((start, run));
    }
    keep_best(colors, &mut runs, extent.survivors);
    for (start, run) in &mut runs {
        let gaussians = std::mem::take(&mut run.gaussians);
        let settled = on_fine_boxes.run(&fine, gaussians);
        trace.push(settled.traced(*start, Origin::Continuation));
        *run = em.run(colors, settled.gaussians);
        trace.push(run.traced(*start, Origin::Continuation));
    }
    keep_best(colors, &mut runs, 1);
    let (start, best) = runs.pop().expect("there is a start");
    trace::keep_start(&mut trace, start);
    Ok((best, trace))
}

/// Keeps the `number` runs of greatest penalized log-likelihood, the best first; of equals the
/// first.
fn keep_best<const D: usize>(colors: &Colors<D>, runs: &mut Vec<(usize, Run<D>)>, number: usize) {
    runs.sort_by(|(_, a), (_, b)| penalized(colors, b).total_cmp(&penalized(colors, a)));
    runs.truncate(number);
}

/// What starts and swaps on the coarse boxes come to: the survivors, with the numbers of their starts.
fn search_on_boxes<const D: usize>(
    colors: &Colors<D>,
    em: Em,
    extent: &Extent,
    options: &Options<D>,
    trace: &mut Vec<trace::Run>,
) -> Vec<(usize, Run<D>)> {
    let k = options.k;
    let boxes = Boxes::of(colors, extent.boxes);
    let on_boxes = |max_iter: usize| on_boxes(em, max_iter);
    let stream = |number: u64| stream(options.seed, number);
    let found: Vec<Run<D>> = (0..extent.starts as u64)
        .into_par_iter()
        .map(|start| {
            let seeds = seeds(&boxes, em, k, &mut stream(start));
            on_boxes(START_ITERATIONS).run(&boxes, seeds)
        })
        .collect();
    let starts = found.iter().enumerate();
    trace.extend(starts.map(|(start, run)| run.traced(start, Origin::Start)));
    let mut found: Vec<(usize, Run<D>)> = found.into_iter().enumerate().collect();
    keep_best(colors, &mut found, extent.survivors);
    for round in 0..extent.rounds {
        let tries: Vec<_> = found
            .iter()
            .enumerate()
            .flat_map(|(place, (_, run))| {
                let newcomers = &Newcomers::of(&boxes, em, &run.gaussians);
                (0..SWAPS_A_ROUND)
                    .into_par_iter()
                    .map(|swap| {
                        let number =
                            (round * extent.survivors as u64 + place as u64) * SWAPS_A_ROUND + swap;
                        let mut generator = stream(SWAP_STREAMS + number);
                        let start = newcomers.swap(&run.gaussians, swap, &mut generator);
                        (place, on_boxes(SWAP_ITERATIONS).run(&boxes, start))
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        let round = trace.len();
        for (place, run) in tries {
            let (start, current) = &mut found[place];
            let kept = is_better(colors, &run, current);
            if kept {
                // It is better than those of this round, too, that were to be kept so far.
                let others = trace[round..].iter_mut();
                others
                    .filter(|other| other.start == *start)
                    .for_each(|other| other.kept = false);
            }
            trace.push(trace::Run {
                kept,
                ..run.traced(*start, Origin::Move)
            });
            if kept {
                *current = run;
            }
        }
    }
    for (start, run) in &mut found {
        let gaussians = std::mem::take(&mut run.gaussians);
        *run = on_boxes(SETTLE_ITERATIONS).run(&boxes, gaussians);
        trace.push(run.traced(*start, Origin::Continuation));
    }
    found
}

/// EM on boxes, which ends in its last parameters: those that the search starts from need not be of
/// the kind that is asked for, nor keep above the floor.
fn on_boxes(em: Em, max_iter: usize) -> Em {
    Em {
        tol: BOX_TOL,
        max_iter,
        keeps_best: false,
        ..em
    }
}

/// Random numbers of one purpose.
fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(number);
    generator
}

/// `gaussians` and one more: the best of several newcomers, each settled on the boxes.
pub(super) fn grown<const D: usize>(
    colors: &Colors<D>,
    boxes: &Boxes<D>,
    em: Em,
    gaussians: &[Gaussian<D>],
    seed: u64,
) -> Vec<Gaussian<D>> {
    let newcomers = Newcomers::of(boxes, em, gaussians);
    let best = (0..NEWCOMERS_TRIED)
        .into_par_iter()
        .map(|number| {
            let tried_before = gaussians.len() as u64 * NEWCOMERS_TRIED;
            let mut generator = stream(seed, GROWTH_STREAMS + tried_before + number);
            let start = newcomers.added(gaussians, number, &mut generator);
            on_boxes(em, SWAP_ITERATIONS).run(boxes, start)
        })
        .collect::<Vec<_>>()
        .into_iter()
        .reduce(|a, b| better(colors, a, b))
        .expect("several are tried");
    on_boxes(em, SETTLE_ITERATIONS)
        .run(boxes, best.gaussians)
        .gaussians
}

/// The run with the greater penalized log-likelihood; of equals the first.
fn better<const D: usize>(colors: &Colors<D>, a: Run<D>, b: Run<D>) -> Run<D> {
    if is_better(colors, &b, &a) { b } else { a }
}

/// Whether `a` has a greater penalized log-likelihood than `b`.
pub(super) fn is_better<const D: usize>(colors: &Colors<D>, a: &Run<D>, b: &Run<D>) -> bool {
    penalized(colors, a) > penalized(colors, b)
}

/// The mean log-likelihood per pixel less the penalty n^-1/2 sum over components of tr(S P) + ln
/// det Sigma, where S is the covariance of all pixels, P the component's precision and n the number
/// of pixels; as a mean per pixel, too, it is n^-3/2.
pub(super) fn penalized<const D: usize>(colors: &Colors<D>, run: &Run<D>) -> f64 {
    let n = colors.total();
    let all = &colors.nodes()[0];
    let scatter = SMatrix::<f64, D, D>::from_fn(|i, l| all.scatter[i][l] / n);
    let penalty: f64 = run
        .gaussians
        .iter()
        .map(|gaussian| {
            gaussian.trace_with_precision(&scatter) + 2.0 * gaussian.half_log_determinant()
        })
        .sum();
    run.log_likelihood - penalty / (n * libm::sqrt(n))
}

/// k-means++ on the boxes: means at boxes drawn with the probability of their pixels' squared
/// distance from those before, equal weights, and the variance that is left.
fn seeds<const D: usize>(
    boxes: &Boxes<D>,
    em: Em,
    k: usize,
    generator: &mut impl Rng,
) -> Vec<Gaussian<D>> {
    let parts = boxes.parts();
    let mut closest = vec![f64::INFINITY; parts.len()];
    let mut chances: Vec<f64> = parts.iter().map(|part| part.count).collect();
    let mut means = Vec::new();
    while means.len() < k && chances.iter().any(|&chance| chance > 0.0) {
        let mean = parts[pick(&chances, generator)].mean;
        means.push(mean);
        for ((part, closest), chance) in parts.iter().zip(&mut closest).zip(&mut chances) {
            *closest = closest.min(squared_distance(part.mean, mean));
            *chance = part.count * *closest;
        }
    }
    let total: f64 = parts.iter().map(|part| part.count).sum();
    let within: f64 = parts
        .iter()
        .map(|part| (0..D).map(|d| part.scatter[d][d]).sum::<f64>())
        .sum();
    // Colors may differ by less than numbers can square.
    let variance = (chances.iter().sum::<f64>() + within) / total / D as f64;
    let variance = variance.max(em.singular);
    means
        .iter()
        .map(|&mean| {
            let covariance = SMatrix::identity() * variance;
            Gaussian::new(1.0 / means.len() as f64, mean, covariance)
                .expect("more colors than components leave a variance")
        })
        .collect()
}

/// A place drawn with these chances.
fn pick(chances: &[f64], generator: &mut impl Rng) -> usize {
    let mut rest = generator.random::<f64>() * chances.iter().sum::<f64>();
    let mut picked = 0;
    for (place, &chance) in chances.iter().enumerate() {
        if chance > 0.0 {
            picked = place;
            if rest < chance {
                break;
            }
            rest -= chance;
        }
    }
    picked
}

/// What a mixture may be given: one new component for each box.
struct Newcomers<const D: usize> {
    gaussians: Vec<Gaussian<D>>,
    /// The pixels of each box, times what the newcomer's density there is, in nats, above that of
    /// the mixture.
    gains: Vec<f64>,
    /// The pixels of each box.
    counts: Vec<f64>,
}

impl<const D: usize> Newcomers<D> {
    /// Newcomers have the weight 1 / k, and are flat where their box is flat: so they find the faces
    /// of the color cube, where clipped channels gather, and single colors that many pixels have.
    fn of(boxes: &Boxes<D>, em: Em, gaussians: &[Gaussian<D>]) -> Self {
        let weight = 1.0 / gaussians.len() as f64;
        let mean_covariance = gaussians
            .iter()
            .fold(SMatrix::<f64, D, D>::zeros(), |sum, gaussian| {
                sum + gaussian.covariance * gaussian.weight
            });
        let parts = boxes.parts();
        let newcomer = |part: &Part<D>| {
            let mut covariance = mean_covariance * NEWCOMER_SHARE;
            for d in 0..D {
                if part.scatter[d][d] == 0.0 {
                    covariance.row_mut(d).fill(0.0);
                    covariance.column_mut(d).fill(0.0);
                    covariance[(d, d)] = em.floor();
                }
            }
            Gaussian::new(weight, part.mean, covariance)
                .unwrap_or_else(|| Gaussian::raised(weight, part.mean, covariance, em.singular))
        };
        let gaussian_of_part: Vec<_> = parts.iter().map(newcomer).collect();
        let log_densities = boxes.log_densities(gaussians);
        let gains = parts.iter().zip(&gaussian_of_part).zip(log_densities);
        let gains = gains.map(|((part, newcomer), before)| {
            let scatter =
                SMatrix::<f64, D, D>::from_fn(|i, l| part.scatter[i.max(l)][i.min(l)] / part.count);
            let after = newcomer.component().offset - 0.5 * newcomer.trace_with_precision(&scatter);
            part.count * (after - before).max(0.0)
        });
        Self {
            gains: gains.collect(),
            counts: parts.iter().map(|part| part.count).collect(),
            gaussians: gaussian_of_part,
        }
    }

    /// The mixture with a newcomer in place of one component. Every other swap draws the newcomer by
    /// gain, the others by pixels: either finds what the other misses.
    fn swap(
        &self,
        gaussians: &[Gaussian<D>],
        swap: u64,
        generator: &mut impl Rng,
    ) -> Vec<Gaussian<D>> {
        let mut next = gaussians.to_vec();
        let out = generator.random_range(0..next.len());
        next[out] = self.draw(swap, generator);
        normalize(&mut next);
        next
    }

    /// The mixture and a newcomer, drawn as for a swap.
    fn added(
        &self,
        gaussians: &[Gaussian<D>],
        number: u64,
        generator: &mut impl Rng,
    ) -> Vec<Gaussian<D>> {
        let mut next = gaussians.to_vec();
        next.push(self.draw(number, generator));
        normalize(&mut next);
        next
    }

    fn draw(&self, number: u64, generator: &mut impl Rng) -> Gaussian<D> {
        let by_gain = number.is_multiple_of(2) && self.gains.iter().any(|&gain| gain > 0.0);
        let chances = if by_gain { &self.gains } else { &self.counts };
        self.gaussians[pick(chances, generator)].clone()
    }
}

/// Makes the weights sum to 1.
fn normalize<const D: usize>(gaussians: &mut [Gaussian<D>]) {
    let total: f64 = gaussians.iter().map(|gaussian| gaussian.weight).sum();
    for gaussian in gaussians {
        gaussian.weight /= total;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::testing::flower;

    /// A run that ended with components of these variances in the first channel and 1 in the others.
    fn run(variances: &[f64], log_likelihood: f64) -> Run<3> {
        let gaussian = |&variance: &f64| {
            let mut covariance = SMatrix::identity();
            covariance[(0, 0)] = variance;
            Gaussian::new(1.0 / variances.len() as f64, [0.0; 3], covariance).unwrap()
        };
        Run {
            gaussians: variances.iter().map(gaussian).collect(),
            log_likelihood,
            history: Vec::new(),
            converged: true,
        }
    }

    /// Four pixels with the variances 9, 1 and 0.
    fn four() -> Colors<3> {
        let points = [
            [3.0, 1.0, 0.0],
            [3.0, -1.0, 0.0],
            [-3.0, 1.0, 0.0],
            [-3.0, -1.0, 0.0],
        ];
        let points = Array2::from_shape_fn((4, 3), |(row, d)| points[row][d]);
        Colors::from_points(&points, &[1.0; 4], 255.0).unwrap().0
    }

    #[test]
    fn the_penalty_is_the_trace_and_the_log_determinant() {
        // tr(S P) = 9 / 4 + 1 and ln det = ln 4; of the other 9 * 4 + 1 and -ln 4. n^3/2 is 8.
        let found = penalized(&four(), &run(&[4.0, 0.25], 7.0));
        assert!((found - (7.0 - (3.25 + 37.0) / 8.0)).abs() < 1e-12);
        let found = penalized(&four(), &run(&[4.0], 7.0));
        assert!((found - (7.0 - (3.25 + 4.0f64.ln()) / 8.0)).abs() < 1e-12);
    }

    #[test]
    fn a_run_that_gained_by_collapsing_is_not_better() {
        let better = |a: &Run<3>, b: &Run<3>| is_better(&four(), a, b);
        let (sound, collapsed) = (run(&[4.0], 7.0), run(&[1e-6], 7.5));
        assert!(better(&sound, &collapsed) && !better(&collapsed, &sound));
        assert!(better(&run(&[4.0], 7.1), &sound) && !better(&sound, &sound));
    }

    #[test]
    fn seeds_have_equal_weights_and_the_variance_that_is_left() {
        let points = Array2::from_shape_fn(
            (2, 3),
            |(row, d)| if d == 0 { 6.0 * row as f64 } else { 0.0 },
        );
        let colors = Colors::<3>::from_points(&points, &[3.0, 1.0], 255.0)
            .unwrap()
            .0;
        let boxes = Boxes::of(&colors, 2);
        let em = Em::new(&Options::<3>::default(), 255.0);
        let seeds = |k, number| seeds(&boxes, em, k, &mut stream(0, number));
        for number in 0..10 {
            let [one] = &seeds(1, number)[..] else {
                panic!("one is asked for")
            };
            // 36 of one pixel, or of three, in four pixels of three channels.
            let variance = if one.mean[0] == 0.0 { 3.0 } else { 9.0 };
            assert_eq!(
                (one.weight, one.covariance),
                (1.0, SMatrix::identity() * variance)
            );
            let two = seeds(2, number);
            assert!(
                two.iter()
                    .all(|seed| seed.weight == 0.5 && seed.covariance[(0, 0)] == em.singular)
            );
            assert_eq!(two[0].mean[0] + two[1].mean[0], 6.0);
        }
    }

    #[test]
    fn places_are_drawn_by_their_chances() {
        let mut generator = stream(0, 0);
        let mut times = [0; 4];
        for _ in 0..400 {
            times[pick(&[0.0, 1.0, 3.0, 0.0], &mut generator)] += 1;
        }
        // 300 are expected, with a standard deviation of 9.
        assert!((270..=330).contains(&times[2]), "{times:?}");
        assert_eq!(times[1] + times[2], 400);
    }

    #[test]
    fn a_newcomer_gains_what_its_box_has_from_it_above_the_mixture() {
        let colors = flower(10);
        let em = Em::new(&Options::<3>::default(), 255.0);
        let all = &colors.nodes()[0];
        let center = all.mean();
        let variances: [f64; 3] = std::array::from_fn(|d| all.scatter[d][d] / all.count);
        let covariance = SMatrix::from_fn(|i, l| if i == l { variances[i] } else { 0.0 });
        // Two halves of one Gaussian are that Gaussian.
        let halves = vec![Gaussian::new(0.5, center, covariance).unwrap(); 2];
        // The mean over a box of the log-density, written down channel by channel.
        let log_density = |weight: f64, part: &Part<3>, mean: [f64; 3], variances: [f64; 3]| {
            let channels = (0..3).map(|d| {
                let square = part.scatter[d][d] / part.count + (part.mean[d] - mean[d]).powi(2);
                (2.0 * std::f64::consts::PI * variances[d]).ln() + square / variances[d]
            });
            weight.ln() - 0.5 * channels.sum::<f64>()
        };
        let (mut flat, mut without_gain) = (0, 0);
        for number in [1, 60] {
            let boxes = Boxes::of(&colors, number);
            let found = Newcomers::of(&boxes, em, &halves);
            for (place, part) in boxes.parts().iter().enumerate() {
                let own = std::array::from_fn(|d| match part.scatter[d][d] {
                    0.0 => em.floor(),
                    _ => 0.1 * variances[d],
                });
                let after = log_density(0.5, part, part.mean, own);
                let before = log_density(1.0, part, center, variances);
                let expected = part.count * (after - before).max(0.0);
                let gain = found.gains[place];
                assert!(
                    (gain - expected).abs() <= 1e-9 * (part.count + expected),
                    "{gain} {expected}"
                );
                assert_eq!(found.counts[place], part.count);
                flat += usize::from(own.contains(&em.floor()));
                without_gain += usize::from(gain == 0.0);
            }
            assert!(found.gains.iter().any(|&gain| gain > 0.0));
        }
        assert!(flat > 0 && without_gain > 0, "{flat} {without_gain}");
    }

    #[test]
    fn newcomers_are_drawn_by_gain_and_by_pixels_in_turn() {
        let newcomers = Newcomers {
            gaussians: run(&[2.0, 3.0], 0.0).gaussians,
            gains: vec![1.0, 0.0],
            counts: vec![0.0, 1.0],
        };
        let drawn = |newcomers: &Newcomers<3>, number| {
            newcomers.draw(number, &mut stream(0, 0)).covariance[(0, 0)]
        };
        let found: Vec<f64> = (0..4).map(|number| drawn(&newcomers, number)).collect();
        assert_eq!(found, [2.0, 3.0, 2.0, 3.0]);
        // Where nothing is gained, pixels decide.
        let without = Newcomers {
            gains: vec![0.0; 2],
            ..newcomers
        };
        assert_eq!(drawn(&without, 0), 3.0);
    }

    #[test]
    fn a_newcomer_makes_room_for_itself() {
        let gaussians = run(&[1.0, 2.0, 4.0], 0.0).gaussians;
        let newcomers = Newcomers {
            gaussians: run(&[9.0], 0.0).gaussians,
            gains: vec![0.0],
            counts: vec![1.0],
        };
        let weights =
            |gaussians: Vec<Gaussian<3>>| gaussians.into_iter().map(|gaussian| gaussian.weight);
        // 1 beside three thirds, and in place of one of them.
        let added = newcomers.added(&gaussians, 0, &mut stream(0, 0));
        assert_eq!(added[3].covariance[(0, 0)], 9.0);
        assert!((added[3].weight - 0.5).abs() < 1e-12);
        assert!((weights(added).sum::<f64>() - 1.0).abs() < 1e-12);
        let swapped = newcomers.swap(&gaussians, 0, &mut stream(0, 0));
        assert_eq!(swapped.len(), 3);
        assert!(weights(swapped.clone()).any(|weight| (weight - 0.6).abs() < 1e-12));
        assert!((weights(swapped).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn on_boxes_em_ends_in_its_last_parameters() {
        let options = Options::<3>::default();
        let em = Em {
            keeps_best: true,
            ..Em::new(&options, 255.0)
        };
        let found = on_boxes(em, 7);
        assert_eq!(
            (found.tol, found.max_iter, found.keeps_best),
            (BOX_TOL, 7, false)
        );
    }

    #[test]
    fn the_trace_of_a_search_tells_which_moves_were_kept() {
        let colors = flower(10);
        let mut moves_kept = 0;
        for seed in 0..4 {
            let options = Options::<3> {
                k: 8,
                seed,
                ..Options::default()
            };
            let trace = crate::gmm::fit(&colors, &options).unwrap().trace;
            let moves = trace.iter().filter(|run| run.origin == Origin::Move);
            assert_eq!(moves.clone().count(), 4 * 8);
            let start = trace
                .iter()
                .find(|run| run.origin == Origin::Start && run.kept);
            assert!(
                moves
                    .clone()
                    .all(|run| !run.kept || run.start == start.unwrap().start)
            );
            // One that is kept is better than those before, and a round keeps one at most.
            let rounds: Vec<_> = moves.collect();
            let of_round = |round: &[&trace::Run]| round.iter().filter(|run| run.kept).count();
            assert!(rounds.chunks(4).all(|round| of_round(round) <= 1));
            let kept = rounds.iter().filter(|run| run.kept);
            let ends: Vec<f64> = kept
                .filter_map(|run| run.objective.last())
                .copied()
                .collect();
            assert!(ends.is_sorted_by(|a, b| a < b), "{ends:?}");
            moves_kept += ends.len();
        }
        assert!(moves_kept > 0);
    }
}
