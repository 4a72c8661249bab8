//! Expectation and maximization: the M-step, and the loop that only loops.

use nalgebra::SMatrix;

use super::{CovarianceType, Gaussian, Options, expectation::Expectation, statistics::Statistics};
use crate::trace::{self, Origin};

/// The least variance, colors on [0, 1], where `reg_covar` leaves a covariance singular: far below
/// what rounding to bytes brings with it (1.3e-6), and far enough above 0 for the algebra.
const LEAST_VARIANCE: f64 = 1e-12;

/// The longest extrapolation at first, in steps; four times as long whenever that went well.
const FIRST_LONGEST: f64 = 4.0;

/// Iterations after which a start must be ahead to be followed.
const TRIAL_ITERATIONS: usize = 20;

/// How EM runs. Variances are on the scale of the colors.
#[derive(Clone, Copy)]
pub(super) struct Em {
    pub covariance_type: CovarianceType,
    /// Added to the diagonal of every covariance.
    pub reg_covar: f64,
    /// The variance below which a covariance counts as singular.
    pub singular: f64,
    /// It has converged when an iteration changes the log-likelihood by less, or where the best
    /// parameters are kept, gains less.
    pub tol: f64,
    pub max_iter: usize,
    /// Whether to extrapolate.
    pub accelerated: bool,
    /// Whether the parameters of the greatest log-likelihood seen, the start's among them, are returned
    /// where that is ahead of the last by more than `tol`; otherwise the last are.
    pub keeps_best: bool,
}

/// What a run of EM found.
pub(super) struct Run<const D: usize> {
    pub gaussians: Vec<Gaussian<D>>,
    pub log_likelihood: f64,
    pub history: Vec<f64>,
    pub converged: bool,
}

impl<const D: usize> Run<D> {
    /// What the trace of a fit tells of it.
    pub(super) fn traced(&self, start: usize, origin: Origin) -> trace::Run {
        trace::Run::new(start, origin, self.history.clone(), self.log_likelihood)
    }
}

impl Em {
    /// Plain EM as `options` say, for colors of this unit.
    pub(super) fn new<const D: usize>(options: &Options<D>, unit: f64) -> Self {
        Self {
            covariance_type: options.covariance_type,
            reg_covar: options.reg_covar * unit * unit,
            singular: LEAST_VARIANCE * unit * unit,
            tol: options.tol,
            max_iter: options.max_iter,
            accelerated: false,
            keeps_best: false,
        }
    }

    /// A few iterations from `start`, enough to see what it leads to.
    pub(super) fn tried<const D: usize>(
        self,
        data: &impl Expectation<D>,
        start: Vec<Gaussian<D>>,
    ) -> Run<D> {
        let few = Self {
            max_iter: self.max_iter.min(TRIAL_ITERATIONS),
            ..self
        };
        few.run(data, start)
    }

    /// The variance that no component falls below.
    pub(super) fn floor(self) -> f64 {
        self.reg_covar.max(self.singular)
    }

    /// Iterates from `start` until the log-likelihood stops changing, or gaining. A floor under the covariances makes
    /// other parameters than the likeliest, and with it the likelihood can fall:
    /// [`keeps_best`](Self::keeps_best) decides what is returned then.
    ///
    /// Accelerated, the statistics of each three iterations are extrapolated (SQUAREM: Varadhan and
    /// Roland, "Simple and globally convergent methods for accelerating the convergence of any EM
    /// algorithm", Scandinavian Journal of Statistics 35, 2008, scheme S3), and if the likelihood
    /// there is not greater, EM goes on where it was.
    pub(super) fn run<const D: usize>(
        self,
        data: &impl Expectation<D>,
        start: Vec<Gaussian<D>>,
    ) -> Run<D> {
        let mut current = start;
        let mut history: Vec<f64> = Vec::new();
        let mut converged = false;
        let mut trail = Vec::new();
        let mut longest = FIRST_LONGEST;
        // Where to go on if the extrapolation was no good.
        let mut plain: Option<Vec<Gaussian<D>>> = None;
        let mut rejected = 0;
        let mut best: Option<(f64, Vec<Gaussian<D>>)> = None;
        loop {
            let (log_likelihood, statistics) = data.e_step(&current);
            if let Some(plain) = plain.take()
                && history
                    .last()
                    .is_some_and(|&before| log_likelihood < before)
            {
                rejected += 1;
                longest = FIRST_LONGEST;
                current = plain;
                continue;
            }
            // The E-step after the last M-step only tells how good the final parameters are.
            if converged || history.len() + rejected >= self.max_iter {
                let (log_likelihood, gaussians) = best
                    .filter(|(greatest, _)| *greatest > log_likelihood + self.tol)
                    .unwrap_or((log_likelihood, current));
                return Run {
                    gaussians,
                    log_likelihood,
                    history,
                    converged,
                };
            }
            let is_best = || best.as_ref().is_none_or(|best| best.0 < log_likelihood);
            if self.keeps_best && is_best() {
                best = Some((log_likelihood, current.clone()));
            }
            converged = history.last().is_some_and(|before| {
                let gain = log_likelihood - before;
                gain < self.tol && (self.keeps_best || gain > -self.tol)
            });
            history.push(log_likelihood);
            current = self.m_step(&statistics);
            if self.accelerated {
                trail.push(statistics);
                if let [first, second, third] = &trail[..] {
                    if let Some(next) = self.extrapolate([first, second, third], &mut longest) {
                        plain = Some(std::mem::replace(&mut current, next));
                    }
                    trail.clear();
                }
            }
        }
    }

    /// The parameters of greatest likelihood, given the statistics; components without members are
    /// dropped.
    pub(super) fn m_step<const D: usize>(self, statistics: &[Statistics<D>]) -> Vec<Gaussian<D>> {
        let total: f64 = statistics.iter().map(|s| s.weight).sum();
        let members: Vec<_> = statistics
            .iter()
            .filter(|s| s.weight > f64::EPSILON * total)
            .collect();
        self.parameters(&members)
            .into_iter()
            .map(|(weight, mean, covariance)| {
                Gaussian::new(weight, mean, covariance)
                    .filter(|gaussian| !gaussian.has_variance_below(self.singular))
                    .unwrap_or_else(|| Gaussian::raised(weight, mean, covariance, self.singular))
            })
            .collect()
    }

    /// Weight, mean and covariance of each component.
    fn parameters<const D: usize>(
        self,
        members: &[&Statistics<D>],
    ) -> Vec<(f64, [f64; D], SMatrix<f64, D, D>)> {
        let total: f64 = members.iter().map(|s| s.weight).sum();
        let mut parameters: Vec<_> = members
            .iter()
            .map(|s| {
                let shift = SMatrix::<f64, D, 1>::from_fn(|d, _| s.first[d] / s.weight);
                let second =
                    SMatrix::<f64, D, D>::from_fn(|i, l| s.second[i.max(l)][i.min(l)] / s.weight);
                let mean = std::array::from_fn(|d| s.about[d] + shift[d]);
                (s.weight / total, mean, second - shift * shift.transpose())
            })
            .collect();
        let tied = (self.covariance_type == CovarianceType::Tied).then(|| {
            parameters
                .iter()
                .fold(SMatrix::zeros(), |sum, (weight, _, covariance)| {
                    sum + covariance * *weight
                })
        });
        for (_, _, covariance) in &mut parameters {
            *covariance = match self.covariance_type {
                CovarianceType::Full => *covariance,
                CovarianceType::Tied => tied.expect("computed above"),
                CovarianceType::Diag => SMatrix::from_diagonal(&covariance.diagonal()),
                CovarianceType::Spherical => SMatrix::identity() * covariance.diagonal().mean(),
            } + SMatrix::identity() * self.reg_covar;
        }
        parameters
    }

    /// The parameters at which three steps in a row seem to aim, if they are parameters.
    fn extrapolate<const D: usize>(
        self,
        trail: [&[Statistics<D>]; 3],
        longest: &mut f64,
    ) -> Option<Vec<Gaussian<D>>> {
        let k = trail[0].len();
        if trail.iter().any(|statistics| statistics.len() != k) {
            return None;
        }
        let mut step = 0.0;
        let mut turn = 0.0;
        let moved: Vec<[Statistics<D>; 3]> = (0..k)
            .map(|j| trail.map(|statistics| statistics[j].moved_to(trail[0][j].about)))
            .collect();
        for [a, b, c] in &moved {
            // Lengths in units of the component's own spread.
            let variance: f64 = (0..D).map(|d| c.second[d][d]).sum::<f64>() / c.weight / D as f64;
            let mut add = |a: f64, b: f64, c: f64, scale: f64| {
                step += (b - a) * (b - a) * scale;
                turn += (c - b - b + a) * (c - b - b + a) * scale;
            };
            add(a.weight, b.weight, c.weight, 1.0);
            for i in 0..D {
                add(a.first[i], b.first[i], c.first[i], 1.0 / variance);
                for l in 0..=i {
                    let scale = 1.0 / (variance * variance);
                    add(a.second[i][l], b.second[i][l], c.second[i][l], scale);
                }
            }
        }
        let length = libm::sqrt(step / turn);
        if length.is_nan() || length <= 1.0 {
            return None;
        }
        let length = if length > *longest {
            let reached = *longest;
            *longest *= 4.0;
            reached
        } else {
            length
        };
        let next: Vec<_> = moved
            .iter()
            .map(|[a, b, c]| {
                Statistics::combined([a, b, c], |[a, b, c]| {
                    a + 2.0 * length * (b - a) + length * length * (c - b - b + a)
                })
            })
            .collect();
        if next.iter().any(|s| s.weight <= 0.0) {
            return None;
        }
        // A covariance below the floor would have a likelihood that no EM step can keep.
        let floor = self.singular.max(0.999 * self.reg_covar);
        self.parameters(&next.iter().collect::<Vec<_>>())
            .into_iter()
            .map(|(weight, mean, covariance)| {
                Gaussian::new(weight, mean, covariance)
                    .filter(|gaussian| !gaussian.has_variance_below(floor))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{gmm::expectation::clusters, testing::flower};

    const EM: Em = Em {
        covariance_type: CovarianceType::Full,
        reg_covar: 0.0,
        singular: LEAST_VARIANCE,
        tol: 0.0,
        max_iter: 100,
        accelerated: false,
        keeps_best: false,
    };

    /// Sums over pixels about a point.
    fn statistics(weight: f64, first: [f64; 3], diagonal: [f64; 3]) -> Statistics<3> {
        let mut statistics = Statistics::about([1.0, 2.0, 3.0]);
        statistics.weight = weight;
        statistics.first = first;
        for d in 0..3 {
            statistics.second[d][d] = diagonal[d];
        }
        statistics
    }

    fn diagonal(gaussian: &Gaussian<3>) -> [f64; 3] {
        std::array::from_fn(|d| gaussian.covariance[(d, d)])
    }

    #[test]
    fn parameters_are_the_moments_in_the_form_of_their_type() {
        // Second moments of (2, 2, 1) about (1, 0, 0) and of (3, 1, 5) about the mean itself.
        let members = [
            statistics(4.0, [4.0, 0.0, 0.0], [8.0, 8.0, 4.0]),
            statistics(12.0, [0.0; 3], [36.0, 12.0, 60.0]),
        ];
        let tied = [2.5, 1.25, 4.0];
        for (covariance_type, expected) in [
            (CovarianceType::Full, [[1.0, 2.0, 1.0], [3.0, 1.0, 5.0]]),
            (CovarianceType::Diag, [[1.0, 2.0, 1.0], [3.0, 1.0, 5.0]]),
            (CovarianceType::Tied, [tied, tied]),
            (CovarianceType::Spherical, [[4.0 / 3.0; 3], [3.0; 3]]),
        ] {
            let em = Em {
                covariance_type,
                reg_covar: 0.5,
                ..EM
            };
            let found = em.m_step(&members);
            assert_eq!([found[0].weight, found[1].weight], [0.25, 0.75]);
            assert_eq!(found[0].mean, [2.0, 2.0, 3.0]);
            assert_eq!(found[1].mean, [1.0, 2.0, 3.0]);
            assert_eq!(
                diagonal(&found[0]),
                expected[0].map(|variance| variance + 0.5)
            );
            assert_eq!(
                diagonal(&found[1]),
                expected[1].map(|variance| variance + 0.5)
            );
        }
    }

    #[test]
    fn components_without_members_are_dropped_and_singular_ones_raised() {
        let found = EM.m_step(&[
            statistics(1000.0, [0.0; 3], [1000.0; 3]),
            statistics(1e-14, [0.0; 3], [1e-14; 3]),
            statistics(1000.0, [0.0; 3], [1000.0, 0.0, 1000.0]),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(diagonal(&found[0]), [1.0; 3]);
        let [x, y, z] = diagonal(&found[1]);
        assert!(x > 1.0 && z > 1.0 && (LEAST_VARIANCE..1e-9).contains(&y));
    }

    #[test]
    fn the_floor_is_the_larger_of_what_is_added_and_what_is_singular() {
        assert_eq!(EM.floor(), LEAST_VARIANCE);
        let with_more = Em {
            reg_covar: 0.25,
            ..EM
        };
        assert_eq!(with_more.floor(), 0.25);
    }

    /// Says these log-likelihoods one after the other, the last for ever, and that all pixels stand
    /// where nothing moves, or where they aim at a limit.
    struct Script<'a> {
        values: &'a [f64],
        calls: AtomicUsize,
        moves: bool,
    }

    impl<'a> Script<'a> {
        fn new(values: &'a [f64], moves: bool) -> Self {
            let calls = AtomicUsize::new(0);
            Self {
                values,
                calls,
                moves,
            }
        }
    }

    impl Expectation<3> for Script<'_> {
        fn e_step(&self, _: &[Gaussian<3>]) -> (f64, Vec<Statistics<3>>) {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            let x = if self.moves {
                libm::exp2(-(call as f64))
            } else {
                0.0
            };
            let value = self.values[call.min(self.values.len() - 1)];
            (value, vec![statistics(1.0, [x, 0.0, 0.0], [9.0; 3])])
        }
    }

    fn start() -> Vec<Gaussian<3>> {
        vec![Gaussian::new(1.0, [7.0; 3], SMatrix::identity()).unwrap()]
    }

    #[test]
    fn it_converges_when_the_likelihood_changes_by_less_than_the_tolerance() {
        let run = |values: &[f64], tol| {
            let em = Em { tol, ..EM };
            let run = em.run(&Script::new(values, false), start());
            (run.history.len(), run.converged)
        };
        assert_eq!(run(&[1.0, 2.0, 2.5, 2.75], 0.5), (4, true));
        assert_eq!(run(&[1.0, 2.0, 1.75], 0.5), (3, true));
        assert_eq!(run(&[1.0], 0.0), (100, false));
    }

    #[test]
    fn a_trial_is_a_few_iterations_or_fewer() {
        for (max_iter, expected) in [(100, TRIAL_ITERATIONS), (7, 7)] {
            let em = Em { max_iter, ..EM };
            let run = em.tried(&Script::new(&[1.0], false), start());
            assert_eq!(run.history.len(), expected);
        }
    }

    #[test]
    fn the_best_parameters_are_kept_where_the_last_are_worse_by_more_than_the_tolerance() {
        let run = |values: &[f64], tol, keeps_best| {
            let em = Em {
                tol,
                max_iter: 3,
                keeps_best,
                ..EM
            };
            let run = em.run(&Script::new(values, true), start());
            (run.log_likelihood, run.gaussians[0].mean[0])
        };
        // The means: 7 at the start, and then 1 + 1, 1 + 1/2 and 1 + 1/4.
        let values = [1.0, 3.0, 2.0];
        assert_eq!(run(&values, 0.5, true), (3.0, 2.0));
        assert_eq!(run(&values, 0.5, false), (2.0, 1.25));
        for tol in [1.0, 1.25] {
            assert_eq!(run(&[1.0, 3.0, 4.5, 2.0], tol, true), (4.5, 1.5));
            assert_eq!(
                run(&[-9.0, 3.0, 1.5, 3.0 - tol], tol, true),
                (3.0 - tol, 1.25)
            );
        }
        assert_eq!(run(&[3.0, 3.0, 1.0], 0.5, true), (3.0, 7.0));
    }

    #[test]
    fn an_extrapolation_that_loses_is_taken_back_and_counts_as_an_iteration() {
        let run = |values: &[f64]| {
            let em = Em {
                accelerated: true,
                max_iter: 5,
                ..EM
            };
            let script = Script::new(values, true);
            let run = em.run(&script, start());
            (run.history, run.log_likelihood, script.calls.into_inner())
        };
        let (history, log_likelihood, calls) = run(&[1.0, 2.0, 3.0, 2.5, 4.0, 5.0]);
        assert_eq!(
            (history, log_likelihood, calls),
            (vec![1.0, 2.0, 3.0, 4.0], 5.0, 6)
        );
        let (history, log_likelihood, calls) = run(&[1.0, 2.0, 3.0, 3.5, 4.0, 5.0]);
        assert_eq!(
            (history, log_likelihood, calls),
            (vec![1.0, 2.0, 3.0, 3.5, 4.0], 5.0, 6)
        );
    }

    /// Statistics of two components that come nearer to a limit by the factor `q` in each step, after
    /// so many steps.
    fn nearing(q: f64, steps: i32) -> Vec<Statistics<3>> {
        let rest = q.powi(steps);
        vec![
            statistics(
                4.0 + rest,
                [4.0 - rest, rest, 0.0],
                [8.0 + rest, 8.0, 4.0 - rest],
            ),
            statistics(
                12.0 - rest,
                [0.0, 0.0, 2.0 * rest],
                [36.0, 12.0 + 3.0 * rest, 60.0],
            ),
        ]
    }

    fn extrapolated(q: f64, longest: &mut f64) -> Option<Vec<Gaussian<3>>> {
        let trail = [0, 1, 2].map(|steps| nearing(q, steps));
        EM.extrapolate(trail.each_ref().map(Vec::as_slice), longest)
    }

    #[test]
    fn steps_that_shrink_by_a_factor_are_extrapolated_to_their_limit() {
        for q in [0.5, 0.9] {
            let mut longest = 20.0;
            let found = extrapolated(q, &mut longest).unwrap();
            assert_eq!(longest, 20.0);
            for (found, expected) in found.iter().zip(EM.m_step(&nearing(0.0, 1))) {
                assert!((found.weight - expected.weight).abs() < 1e-12);
                for d in 0..3 {
                    assert!((found.mean[d] - expected.mean[d]).abs() < 1e-12);
                }
                assert!((found.covariance - expected.covariance).norm() < 1e-11);
            }
        }
    }

    #[test]
    fn an_extrapolation_goes_no_farther_than_the_longest_which_grows() {
        let mut longest = 4.0;
        let found = extrapolated(0.9, &mut longest).unwrap();
        assert_eq!(longest, 16.0);
        // 1 + 2 * 4 * (q - 1) + 4 * 4 * (q - 1)^2 of what is left to go: 0.36.
        let weight = 4.36 / 16.0;
        assert!((found[0].weight - weight).abs() < 1e-12);
    }

    #[test]
    fn steps_that_turn_back_or_end_and_what_are_no_parameters_are_not_extrapolated() {
        for q in [-0.5, 0.0, 1.0] {
            assert!(extrapolated(q, &mut 20.0).is_none());
        }
        let trail = [
            nearing(0.5, 0),
            nearing(0.5, 1),
            nearing(0.5, 2)[..1].to_vec(),
        ];
        let trail = trail.each_ref().map(Vec::as_slice);
        assert!(EM.extrapolate(trail, &mut 20.0).is_none());
        // The limits of 1 + 3 and of 4 - 3 q^n: a weight of 0 or less, a variance of 0 or less.
        let lost = |weight: f64, variance: f64| {
            let at = |rest: f64| {
                vec![statistics(
                    weight + rest,
                    [0.0; 3],
                    [9.0, 9.0, variance + rest],
                )]
            };
            let trail = [at(1.0), at(0.5), at(0.25)];
            EM.extrapolate(trail.each_ref().map(Vec::as_slice), &mut 20.0)
        };
        assert!(lost(1.0, 1.0).is_some());
        assert!(lost(-0.1, 1.0).is_none());
        assert!(lost(1.0, -0.1).is_none());
    }

    #[test]
    fn acceleration_takes_fewer_iterations_to_as_great_a_likelihood() {
        let colors = flower(20);
        let centroids = [
            [200.0, 180.0, 120.0],
            [10.0, 50.0, 40.0],
            [100.0, 90.0, 60.0],
            [220.0, 160.0, 90.0],
        ];
        let run = |accelerated| {
            let em = Em {
                reg_covar: 1e-6 * 255.0 * 255.0,
                tol: 1e-6,
                max_iter: 2000,
                accelerated,
                ..EM
            };
            em.run(&colors, em.m_step(&clusters(&colors, &centroids)))
        };
        let (plain, accelerated) = (run(false), run(true));
        assert!(plain.converged && accelerated.converged);
        assert!(accelerated.history.len() * 2 < plain.history.len());
        assert!(accelerated.log_likelihood > plain.log_likelihood - 1e-3);
    }
}
