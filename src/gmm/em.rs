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
