//! Expectation and maximization: two functions and the loop that only loops.

use nalgebra::SMatrix;
use ndarray::Array2;

use super::{Fit, Gaussian, Mixture};
use crate::{
    Colors,
    colors::{Chunk, Node},
    density::{
        Bounds, Candidates, Component, Corners, Identity, Rule, Triangular, Visit, Walk, Whitening,
        candidates_of_blocks, largest, log_sum_exp, walk_blocks,
    },
    simd::{LANES, Lanes},
};

/// The least variance, colors on [0, 1], where `reg_covar` leaves a covariance singular: far below
/// what rounding to bytes brings with it (1.3e-6), and far enough above 0 for the algebra.
const LEAST_VARIANCE: f64 = 1e-12;

/// What an EM run works on and how far it goes; `reg_covar` on the scale of the colors.
#[derive(Clone, Copy)]
pub(super) struct Em<'a, const D: usize> {
    pub colors: &'a Colors<D>,
    pub reg_covar: f64,
    pub tol: f64,
    pub max_iter: usize,
}

impl<const D: usize> Em<'_, D> {
    /// Iterates from `start` until the log-likelihood stops changing.
    pub(super) fn run(self, start: Vec<Gaussian<D>>) -> Fit<D> {
        let mut current = start;
        let mut best: Option<(f64, Vec<Gaussian<D>>)> = None;
        let mut history: Vec<f64> = Vec::new();
        let mut converged = false;
        loop {
            let (log_likelihood, statistics) = self.e_step(&current);
            if best.as_ref().is_none_or(|(best, _)| log_likelihood > *best) {
                best = Some((log_likelihood, current.clone()));
            }
            // The E-step after the last M-step only tells how good the final parameters are.
            if converged || history.len() == self.max_iter {
                break;
            }
            converged = history
                .last()
                .is_some_and(|before| (log_likelihood - before).abs() < self.tol);
            history.push(log_likelihood);
            current = self.m_step(&statistics);
        }
        let (log_likelihood, gaussians) = best.expect("there was an E-step");
        Fit {
            mixture: Mixture::of_gaussians(&gaussians, self.colors.unit()),
            log_likelihood,
            n_iter: history.len(),
            history,
            converged,
            floored: gaussians
                .iter()
                .filter(|gaussian| {
                    gaussian.has_variance_below(2.0 * self.reg_covar.max(self.singular()))
                })
                .count(),
        }
    }

    /// The mixture whose responsibilities are 1 for the cluster of each color and 0 for all others.
    pub(super) fn clusters(self, centroids: &Array2<f64>) -> Vec<Gaussian<D>> {
        let components: Vec<_> = centroids
            .rows()
            .into_iter()
            .map(|row| Component::centroid(std::array::from_fn(|d| row[d])))
            .collect();
        let (_, statistics) = self.statistics::<_, _, Hard>(&components, Corners::<1>);
        self.m_step(&statistics)
    }

    /// The mean log-likelihood per pixel of `gaussians`, colors on [0, 1], and their statistics
    /// under their responsibilities. Components whose share of a box's likelihood is below 2^-53 /
    /// k are left out there, which changes no pixel's log-likelihood by more than 2^-53.
    fn e_step(self, gaussians: &[Gaussian<D>]) -> (f64, Vec<Statistics<D>>) {
        let components: Vec<_> = gaussians.iter().map(Gaussian::component).collect();
        let margin = 53.0 * std::f64::consts::LN_2 + libm::log(components.len() as f64);
        let (sum, statistics) = self.statistics::<_, _, Soft>(&components, Bounds { margin });
        (
            sum / self.colors.total() + D as f64 * libm::log(self.colors.unit()),
            statistics,
        )
    }

    /// The parameters of greatest likelihood, given the statistics; components without members are
    /// dropped.
    fn m_step(self, statistics: &[Statistics<D>]) -> Vec<Gaussian<D>> {
        let members = statistics
            .iter()
            .filter(|s| s.weight > f64::EPSILON * self.colors.total());
        let total: f64 = members.clone().map(|s| s.weight).sum();
        members
            .map(|s| {
                let shift = SMatrix::<f64, D, 1>::from_fn(|d, _| s.first[d] / s.weight);
                let second =
                    SMatrix::<f64, D, D>::from_fn(|i, l| s.second[i.max(l)][i.min(l)] / s.weight);
                let mean = std::array::from_fn(|d| s.about[d] + shift[d]);
                let covariance =
                    second - shift * shift.transpose() + SMatrix::identity() * self.reg_covar;
                let weight = s.weight / total;
                Gaussian::new(weight, mean, covariance)
                    .filter(|gaussian| !gaussian.has_variance_below(self.singular()))
                    .or_else(|| {
                        Gaussian::new(
                            weight,
                            mean,
                            covariance + SMatrix::identity() * self.singular(),
                        )
                    })
                    .expect("a scatter with something on its diagonal is positive definite")
            })
            .collect()
    }

    /// The variance below which a covariance counts as singular, on the scale of the colors.
    fn singular(self) -> f64 {
        LEAST_VARIANCE * self.colors.unit() * self.colors.unit()
    }

    /// The sum over pixels of what `S` says of a color's scores, and each component's statistics.
    fn statistics<W: Whitening<D>, R: Rule<W, D>, S: Share<W, D>>(
        self,
        components: &[Component<W, D>],
        rule: R,
    ) -> (f64, Vec<Statistics<D>>) {
        let walk = Walk {
            colors: self.colors,
            rule,
        };
        let ids = candidates_of_blocks(walk, components);
        let tasks = (0..ids.len()).map(|block| (block, ())).collect();
        let found = walk_blocks(walk, components, &ids, tasks, |(), m| {
            BlockVisit::<S, D>::new(m)
        });
        let mut total = 0.0;
        let mut statistics: Vec<_> = components
            .iter()
            .map(|component| Statistics::about(component.mean))
            .collect();
        for (ids, (sum, found)) in ids.iter().zip(found) {
            total += sum;
            for (&id, found) in ids.iter().zip(found) {
                statistics[id as usize].add(&found);
            }
        }
        (total, statistics)
    }
}

/// What the M-step needs of a component: sums over pixels, weighted by the component's share of
/// each, of 1, x - `about` and (x - `about`)(x - `about`)^T, the last in its lower triangle.
/// `about` is the component's mean before the step: near enough to the one after that nothing
/// cancels.
struct Statistics<const D: usize> {
    about: [f64; D],
    weight: f64,
    first: [f64; D],
    second: [[f64; D]; D],
}

impl<const D: usize> Statistics<D> {
    fn about(about: [f64; D]) -> Self {
        Self {
            about,
            weight: 0.0,
            first: [0.0; D],
            second: [[0.0; D]; D],
        }
    }

    fn add(&mut self, other: &LaneSums<D>) {
        let sum = |lanes: &Lanes| lanes.iter().sum::<f64>();
        self.weight += sum(&other.weight);
        for i in 0..D {
            self.first[i] += sum(&other.first[i]);
            for l in 0..=i {
                self.second[i][l] += sum(&other.second[i][l]);
            }
        }
    }
}

/// [`Statistics`] lane by lane; what belongs to a whole box goes to the first lane.
#[derive(Clone)]
struct LaneSums<const D: usize> {
    weight: Lanes,
    first: [Lanes; D],
    second: [[Lanes; D]; D],
}

/// How the pixels of a color are shared among its candidates.
trait Share<W: Whitening<D>, const D: usize>: Send {
    /// Puts each candidate's share of each color of the chunk into `shares` and returns the color's
    /// own part of the objective.
    fn shares(candidates: &Candidates<W, D>, chunk: &Chunk<D>, shares: &mut Vec<Lanes>) -> Lanes;
}

/// All to the nearest.
struct Hard;

impl<const D: usize> Share<Identity, D> for Hard {
    #[inline(always)]
    fn shares(
        candidates: &Candidates<Identity, D>,
        chunk: &Chunk<D>,
        shares: &mut Vec<Lanes>,
    ) -> Lanes {
        let (places, scores) = largest(candidates, &chunk.x);
        shares.clear();
        shares.extend(
            (0..candidates.len())
                .map(|j| places.map(|place| if place == j as u64 { 1.0 } else { 0.0 })),
        );
        scores
    }
}

/// By responsibility (Bishop, equation 9.23).
struct Soft;

impl<const D: usize> Share<Triangular<D>, D> for Soft {
    #[inline(always)]
    fn shares(
        candidates: &Candidates<Triangular<D>, D>,
        chunk: &Chunk<D>,
        shares: &mut Vec<Lanes>,
    ) -> Lanes {
        log_sum_exp(candidates, &chunk.x, shares)
    }
}

/// Sums up a block.
struct BlockVisit<S, const D: usize> {
    objective: Lanes,
    sums: Vec<LaneSums<D>>,
    shares: Vec<Lanes>,
    share: std::marker::PhantomData<S>,
}

impl<S, const D: usize> BlockVisit<S, D> {
    fn new(candidates: usize) -> Self {
        let zero = LaneSums {
            weight: [0.0; LANES],
            first: [[0.0; LANES]; D],
            second: [[[0.0; LANES]; D]; D],
        };
        Self {
            objective: [0.0; LANES],
            sums: vec![zero; candidates],
            shares: Vec::with_capacity(candidates),
            share: std::marker::PhantomData,
        }
    }
}

impl<W: Whitening<D>, S: Share<W, D>, const D: usize> Visit<W, D> for BlockVisit<S, D> {
    type Found = (f64, Vec<LaneSums<D>>);

    #[inline(always)]
    fn settled(&mut self, node: &Node<D>, candidate: &Candidates<W, D>) {
        let mean = node.mean();
        // The sum over the box of |W^T (x - mean)|^2 is the trace of W^T scatter W.
        let half_whitened: [[f64; D]; D] =
            std::array::from_fn(|l| candidate.whiten(0, node.scatter[l]));
        let mut trace = 0.0;
        for i in 0..D {
            trace += candidate.whiten(0, std::array::from_fn(|l| half_whitened[l][i]))[i];
        }
        self.objective[0] += node.count * candidate.score(0, mean) - 0.5 * trace;

        let about = candidate.mean(0);
        let shift: [f64; D] = std::array::from_fn(|d| mean[d] - about[d]);
        let sums = &mut self.sums[candidate.ids()[0] as usize];
        sums.weight[0] += node.count;
        for i in 0..D {
            sums.first[i][0] += node.count * shift[i];
            for l in 0..=i {
                sums.second[i][l][0] += node.scatter[i][l] + node.count * shift[i] * shift[l];
            }
        }
    }

    #[inline(always)]
    fn chunk(&mut self, chunk: &Chunk<D>, candidates: &Candidates<W, D>) {
        let own = S::shares(candidates, chunk, &mut self.shares);
        for lane in 0..LANES {
            self.objective[lane] += chunk.counts[lane] * own[lane];
        }
        for (j, (&id, shares)) in candidates.ids().iter().zip(&self.shares).enumerate() {
            let about = candidates.mean(j);
            let sums = &mut self.sums[id as usize];
            for lane in 0..LANES {
                let weight = chunk.counts[lane] * shares[lane];
                sums.weight[lane] += weight;
                for i in 0..D {
                    let weighted = weight * (chunk.x[i][lane] - about[i]);
                    sums.first[i][lane] += weighted;
                    for l in 0..=i {
                        sums.second[i][l][lane] += weighted * (chunk.x[l][lane] - about[l]);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn finish(self) -> Self::Found {
        (self.objective.iter().sum(), self.sums)
    }
}
