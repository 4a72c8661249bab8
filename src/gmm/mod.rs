//! Gaussian mixtures: EM in log space, and pictures drawn from what it finds.
//!
//! All of it runs on distinct colors weighted by their counts, which is exactly the computation on
//! the pixels (Bishop, "Pattern Recognition and Machine Learning", 9.2; Dempster, Laird and Rubin,
//! "Maximum likelihood from incomplete data via the EM algorithm", JRSS B 39, 1977). Models speak
//! of colors on [0, 1]: those of [`Colors`] divided by their [unit](Colors::unit).

mod boxes;
mod choose;
mod em;
mod expectation;
mod gaussian;
mod sample;
mod search;
mod soft;
mod statistics;

use ndarray::{Array1, Array2, Array3, ArrayView1};

use crate::{
    Colors, Effort, Error, Result,
    density::{Bounds, Candidates, argmax},
    error::is_moderate,
    kmeans, trace,
};
pub use choose::{Criterion, choose};
use gaussian::Gaussian;
pub use sample::Sampler;

/// What the covariances of a mixture have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CovarianceType {
    /// Each component has a covariance of its own.
    #[default]
    Full,
    /// All components share one covariance.
    Tied,
    /// Each component has a variance of its own for each channel, and no covariances.
    Diag,
    /// Each component has one variance of its own.
    Spherical,
}

/// Where EM starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Init<const D: usize> {
    /// At the clusters that k-means finds from here: as responsibilities of 0 and 1 they enter the
    /// first M-step.
    KMeans(kmeans::Init),
    /// At this mixture, with an E-step.
    Mixture(Mixture<D>),
}

/// What to fit and how far to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Options<const D: usize> {
    /// Components, at least 1. Default: 16.
    pub k: usize,
    /// Where EM starts. Default: k-means from greedy k-means++.
    pub init: Init<D>,
    /// What the covariances have in common. Default: nothing, each is full.
    pub covariance_type: CovarianceType,
    /// How far the search for a greater likelihood goes. Default: balanced.
    pub effort: Effort,
    /// Starts that the search begins with, at least 1. Default: by effort.
    pub n_init: Option<usize>,
    /// It has converged when an iteration changes the mean log-likelihood by less than this, in
    /// nats and absolutely, as in scikit-learn. Default: 1e-6.
    pub tol: f64,
    /// The most iterations of a start, at least 1. Default: 1000.
    pub max_iter: usize,
    /// Added to the diagonal of every covariance, colors on [0, 1]. Default: 1e-6.
    pub reg_covar: f64,
    /// Decides every random choice. Default: 0.
    pub seed: u64,
}

impl<const D: usize> Default for Options<D> {
    fn default() -> Self {
        Self {
            k: 16,
            init: Init::KMeans(kmeans::Init::default()),
            covariance_type: CovarianceType::default(),
            effort: Effort::default(),
            n_init: None,
            tol: 1e-6,
            max_iter: 1000,
            reg_covar: 1e-6,
            seed: 0,
        }
    }
}

/// A mixture of Gaussians over colors on [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture<const D: usize> {
    /// (k,), positive, sum 1.
    pub weights: Array1<f64>,
    /// (k, D).
    pub means: Array2<f64>,
    /// (k, D, D), each positive definite, of any type written out in full.
    pub covariances: Array3<f64>,
    /// What they have in common, for the number of free parameters.
    pub covariance_type: CovarianceType,
}

/// What was found and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit<const D: usize> {
    /// The mixture; of fewer than k components when there are fewer distinct colors, or one lost
    /// all its members.
    pub mixture: Mixture<D>,
    /// Mean per pixel in nats, colors on [0, 1], of `mixture`, the final parameters.
    pub log_likelihood: f64,
    /// The log-likelihood that each iteration began with.
    pub history: Vec<f64>,
    /// The runs of the search, those on boxes of colors too: starts, moves of one component, and what
    /// goes on from there. Empty where nothing is iterated.
    pub trace: Vec<trace::Run>,
    /// Iterations of the start that was kept.
    pub n_iter: usize,
    /// Whether it ended by `tol` and not by `max_iter`.
    pub converged: bool,
    /// Components at the floor: in some direction `reg_covar` is at least half of their variance.
    pub floored: usize,
}

/// The best mixture found on `colors`.
///
/// A start that is given (a mixture, centroids) is followed by plain EM. Otherwise starts from k-means
/// are followed by accelerated EM, on boxes of colors before the colors; with more `effort` than
/// [`Effort::Fast`] a search on coarse boxes adds starts that are mostly better. Of several results the
/// one with the greatest log-likelihood less a penalty on collapsed components is kept: see the source
/// of the search for how they are weighed, and `floored` for how many there are.
///
/// A component that loses all its members is dropped. With `reg_covar` the log-likelihood can fall
/// from one iteration to the next; the best parameters seen are kept, but for a start that is given,
/// which is followed to its last ones as scikit-learn does.
///
/// # Errors
/// When `k`, `n_init` or `max_iter` is 0, `tol` or `reg_covar` is not within 0 to 1e6, or the
/// start does not fit: see [`kmeans::fit`], and a mixture has k components with positive weights of
/// sum 1 and positive definite covariances.
pub fn fit<const D: usize>(colors: &Colors<D>, options: &Options<D>) -> Result<Fit<D>> {
    check(options)?;
    let (run, trace) = best_run(colors, options)?;
    let plain = em::Em::new(options, colors.unit());
    Ok(Fit {
        trace,
        ..Fit::of(&run, plain, colors.unit())
    })
}

/// What EM or the search for more comes to, and how, for options that are checked.
fn best_run<const D: usize>(
    colors: &Colors<D>,
    options: &Options<D>,
) -> Result<(em::Run<D>, Vec<trace::Run>)> {
    let is_given = matches!(
        options.init,
        Init::Mixture(_) | Init::KMeans(kmeans::Init::Centroids(_))
    );
    let plain = em::Em {
        keeps_best: !is_given,
        ..em::Em::new(options, colors.unit())
    };
    let clusters = |start: usize| -> Result<Vec<Gaussian<D>>> {
        let init = match &options.init {
            Init::KMeans(init) => init.clone(),
            Init::Mixture(_) => kmeans::Init::default(),
        };
        let clusters = kmeans::Options {
            k: options.k,
            init,
            n_init: Some(1),
            effort: Effort::Fast,
            seed: options.seed.wrapping_add(start as u64),
            ..kmeans::Options::default()
        };
        let centroids = kmeans::fit(colors, &clusters)?.centroids;
        let centroids = kmeans::rows(&centroids);
        Ok(plain.m_step(&expectation::clusters(colors, &centroids)))
    };
    let nothing_to_search = options.k == 1 || colors.len() <= options.k;
    let starts = match &options.init {
        Init::Mixture(mixture) => vec![mixture.gaussians(colors.unit())?],
        Init::KMeans(kmeans::Init::Centroids(_)) => vec![clusters(0)?],
        Init::KMeans(_) if nothing_to_search => vec![clusters(0)?],
        Init::KMeans(_) => return search::search(colors, plain, clusters, options),
    };
    Ok(search::best_of(colors, plain, starts))
}

/// The mixture as it is, and how well `colors` fit it: nothing is estimated. `reg_covar` only decides
/// which components count as floored.
///
/// # Errors
/// When the arrays do not make a mixture of D channels, or `reg_covar` is not within 0 to 1e6.
pub fn score<const D: usize>(
    colors: &Colors<D>,
    mixture: &Mixture<D>,
    reg_covar: f64,
) -> Result<Fit<D>> {
    let options = Options::<D> {
        covariance_type: mixture.covariance_type,
        reg_covar,
        ..Options::default()
    };
    check(&options)?;
    let gaussians = mixture.gaussians(colors.unit())?;
    let (log_likelihood, _) = expectation::Expectation::e_step(colors, &gaussians);
    let run = em::Run {
        gaussians,
        log_likelihood,
        history: Vec::new(),
        converged: true,
    };
    let plain = em::Em::new(&options, colors.unit());
    Ok(Fit {
        mixture: mixture.clone(),
        ..Fit::of(&run, plain, colors.unit())
    })
}

fn check<const D: usize>(options: &Options<D>) -> Result<()> {
    if options.k == 0 || options.n_init == Some(0) || options.max_iter == 0 {
        return Err(Error::Invalid(format!(
            "k, n_init and max_iter are at least 1, not {}, {} and {}",
            options.k,
            options.n_init.unwrap_or(1),
            options.max_iter
        )));
    }
    for (name, value) in [("tol", options.tol), ("reg_covar", options.reg_covar)] {
        if !(0.0..=1e6).contains(&value) {
            return Err(Error::Invalid(format!("{name} is 0 to 1e6, not {value}")));
        }
    }
    match &options.init {
        Init::Mixture(mixture) if mixture.components() != options.k => {
            Err(Error::Invalid(format!(
                "the start has {} components, not k = {}",
                mixture.components(),
                options.k
            )))
        }
        _ => Ok(()),
    }
}

impl<const D: usize> Fit<D> {
    fn of(run: &em::Run<D>, em: em::Em, unit: f64) -> Self {
        let floored = |gaussian: &&Gaussian<D>| gaussian.has_variance_below(2.0 * em.floor());
        Self {
            mixture: Mixture::of_gaussians(&run.gaussians, em.covariance_type, unit),
            log_likelihood: run.log_likelihood,
            n_iter: run.history.len(),
            history: run.history.clone(),
            trace: Vec::new(),
            converged: run.converged,
            floored: run.gaussians.iter().filter(floored).count(),
        }
    }

    /// The Bayesian information criterion for `n` pixels; smaller is better (Schwarz, "Estimating
    /// the dimension of a model", Annals of Statistics 6, 1978).
    pub fn bic(&self, n: f64) -> f64 {
        -2.0 * n * self.log_likelihood + self.mixture.parameters() as f64 * libm::log(n)
    }

    /// Akaike's information criterion for `n` pixels; smaller is better (Akaike, "A new look at the
    /// statistical model identification", IEEE Trans. Automatic Control 19, 1974).
    pub fn aic(&self, n: f64) -> f64 {
        -2.0 * n * self.log_likelihood + 2.0 * self.mixture.parameters() as f64
    }
}

impl<const D: usize> Mixture<D> {
    /// k, the number of components.
    pub fn components(&self) -> usize {
        self.weights.len()
    }

    /// The number of free parameters: k - 1 weights, k D means, and of covariances k D (D + 1) / 2
    /// (full), D (D + 1) / 2 (tied), k D (diag) or k (spherical).
    pub fn parameters(&self) -> usize {
        let k = self.components();
        let covariances = match self.covariance_type {
            CovarianceType::Full => k * D * (D + 1) / 2,
            CovarianceType::Tied => D * (D + 1) / 2,
            CovarianceType::Diag => k * D,
            CovarianceType::Spherical => k,
        };
        // Without components there is no weight to be the rest of the others.
        k.saturating_sub(1) + k * D + covariances
    }

    /// The component to which each distinct color most probably belongs; of several, the first.
    ///
    /// # Errors
    /// When the arrays do not make a mixture of D channels.
    pub fn predict(&self, colors: &Colors<D>) -> Result<Vec<u32>> {
        let components: Vec<_> = self
            .gaussians(colors.unit())?
            .iter()
            .map(Gaussian::component)
            .collect();
        Ok(argmax(colors, &components, Bounds { margin: 0.0 }))
    }

    /// The joint log-density of each point and component, (n, k): ln weight + ln density. `points`
    /// (n, D) are colors on [0, 1], or anything else on the scale of the means.
    ///
    /// # Errors
    /// When the points have not D channels, a coordinate is not a number or its magnitude exceeds 1e60, or
    /// the arrays do not make a mixture of D channels.
    pub fn joint_log_densities(&self, points: &Array2<f64>) -> Result<Array2<f64>> {
        if points.ncols() != D || !points.iter().all(|&value| is_moderate(value)) {
            return Err(Error::Invalid(format!(
                "points are (n, {D}) numbers up to 1e60, not {:?} or not such",
                points.dim()
            )));
        }
        let components: Vec<_> = self
            .gaussians(1.0)?
            .iter()
            .map(Gaussian::component)
            .collect();
        let candidates = Candidates::numbered(&components, 0..components.len());
        Ok(Array2::from_shape_fn(
            (points.nrows(), components.len()),
            |(i, j)| candidates.score(j, std::array::from_fn(|d| points[[i, d]])),
        ))
    }

    /// The log-density of the mixture at each point, (n,).
    ///
    /// # Errors
    /// As for [`joint_log_densities`](Self::joint_log_densities).
    pub fn log_densities(&self, points: &Array2<f64>) -> Result<Array1<f64>> {
        let joint = self.joint_log_densities(points)?;
        Ok(joint
            .rows()
            .into_iter()
            .map(|row| log_sum_exp_of_row(&row))
            .collect())
    }

    /// The probability of each component given each point, (n, k), rows of sum 1.
    ///
    /// # Errors
    /// As for [`joint_log_densities`](Self::joint_log_densities).
    pub fn responsibilities(&self, points: &Array2<f64>) -> Result<Array2<f64>> {
        let mut joint = self.joint_log_densities(points)?;
        for mut row in joint.rows_mut() {
            // Far from all components the density's own logarithm has no digits left for the sum.
            let largest = largest_of_row(&row.view());
            row.mapv_inplace(|joint| libm::exp(joint - largest));
            let sum = row.sum();
            row.mapv_inplace(|share| share / sum);
        }
        Ok(joint)
    }

    /// Refuses arrays that do not make a mixture of D channels, or not one of its type, by itself or on
    /// the scale of colors with this unit.
    pub(crate) fn check(&self, unit: f64) -> Result<()> {
        self.gaussians(1.0)?;
        self.gaussians(unit)?;
        let entry = |j: usize, i: usize, l: usize| self.covariances[[j, i, l]];
        let is_of_type = |(j, i, l): (usize, usize, usize)| match self.covariance_type {
            CovarianceType::Full => true,
            CovarianceType::Tied => entry(j, i, l) == entry(0, i, l),
            CovarianceType::Diag => i == l || entry(j, i, l) == 0.0,
            CovarianceType::Spherical if i == l => entry(j, i, l) == entry(j, 0, 0),
            CovarianceType::Spherical => entry(j, i, l) == 0.0,
        };
        match ndarray::indices(self.covariances.dim())
            .into_iter()
            .find(|&place| !is_of_type(place))
        {
            None => Ok(()),
            Some((j, ..)) => Err(Error::Invalid(format!(
                "the covariance of component {j} is not of the type {:?}",
                self.covariance_type
            ))),
        }
    }

    /// The components on the scale of colors with this unit, checked.
    fn gaussians(&self, unit: f64) -> Result<Vec<Gaussian<D>>> {
        let k = self.weights.len();
        if k == 0 || self.means.dim() != (k, D) || self.covariances.dim() != (k, D, D) {
            let (means, covariances) = (self.means.dim(), self.covariances.dim());
            return Err(Error::Invalid(format!(
                "{k} weights, means {means:?} and covariances {covariances:?} are no mixture of (k,), (k, {D}) and (k, {D}, {D})"
            )));
        }
        if self
            .weights
            .iter()
            .any(|&weight| weight.is_nan() || weight <= 0.0)
            || (self.weights.sum() - 1.0).abs() > 1e-6
        {
            return Err(Error::Invalid(format!(
                "weights of a mixture are positive and sum to 1, not {}",
                self.weights
            )));
        }
        (0..k)
            .map(|j| {
                let mean = std::array::from_fn(|d| self.means[[j, d]] * unit);
                let entry = |i, l| self.covariances[[j, i, l]];
                let symmetric = |i: usize, l: usize| {
                    let scale = libm::sqrt(entry(i, i).abs() * entry(l, l).abs());
                    (entry(i, l) - entry(l, i)).abs() <= 1e-9 * scale
                };
                let covariance = nalgebra::SMatrix::from_fn(|i, l| entry(i, l) * unit * unit);
                Gaussian::new(self.weights[j], mean, covariance)
                    .filter(Gaussian::is_moderate)
                    .filter(|_| (0..D).all(|i| (0..i).all(|l| symmetric(i, l))))
                    .ok_or_else(|| {
                        Error::Invalid(format!(
                            "component {j} of the mixture has a mean or a precision beyond 1e60, or a \
                             covariance that is not symmetric and positive definite"
                        ))
                    })
            })
            .collect()
    }

    /// The mixture of components on the scale of colors with this unit.
    fn of_gaussians(gaussians: &[Gaussian<D>], covariance_type: CovarianceType, unit: f64) -> Self {
        let k = gaussians.len();
        Self {
            weights: gaussians.iter().map(|gaussian| gaussian.weight).collect(),
            means: Array2::from_shape_fn((k, D), |(j, d)| gaussians[j].mean[d] / unit),
            covariances: Array3::from_shape_fn((k, D, D), |(j, i, l)| {
                gaussians[j].covariance[(i, l)] / (unit * unit)
            }),
            covariance_type,
        }
    }
}

/// ln of the sum of the exponentials, the largest taken out first.
fn log_sum_exp_of_row(row: &ArrayView1<'_, f64>) -> f64 {
    let largest = largest_of_row(row);
    largest + libm::log(row.iter().map(|&value| libm::exp(value - largest)).sum())
}

fn largest_of_row(row: &ArrayView1<'_, f64>) -> f64 {
    row.fold(f64::NEG_INFINITY, |a, &b| a.max(b))
}

#[cfg(test)]
mod tests {
    use ndarray::{Axis, array};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::Distribution;

    use super::*;
    use crate::{
        Picture, Space,
        simd::level::{Level, at_level},
        testing::{flower, noise},
    };

    /// Three well separated Gaussians.
    fn known() -> Mixture<3> {
        let covariance =
            |a: f64, b: f64| array![[a, b, 0.0], [b, a, 0.5 * b], [0.0, 0.5 * b, 2.0 * a]];
        let covariances = [
            covariance(0.001, 0.0003),
            covariance(0.002, -0.001),
            covariance(0.0005, 0.0),
        ];
        Mixture {
            weights: array![0.5, 0.3, 0.2],
            means: array![[0.2, 0.3, 0.4], [0.7, 0.6, 0.5], [0.3, 0.8, 0.9]],
            covariances: ndarray::stack(Axis(0), &covariances.each_ref().map(|c| c.view()))
                .unwrap(),
            covariance_type: CovarianceType::Full,
        }
    }

    fn samples(n: usize) -> Array2<f64> {
        let sampler = known().sampler().unwrap();
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let drawn: Vec<[f64; 3]> = (0..n).map(|_| sampler.sample(&mut generator)).collect();
        Array2::from_shape_fn((n, 3), |(row, d)| drawn[row][d])
    }

    #[test]
    fn samples_have_the_mean_and_the_covariance_of_the_mixture() {
        let n = 20_000;
        let samples = samples(n);
        let mixture = known();
        let mean = mixture.weights.dot(&mixture.means);
        let sample_mean = samples.mean_axis(Axis(0)).unwrap();
        let centered = &samples - &sample_mean;
        let sample_covariance = centered.t().dot(&centered) / n as f64;
        for i in 0..3 {
            assert!(
                (sample_mean[i] - mean[i]).abs()
                    < 4.0 * libm::sqrt(sample_covariance[[i, i]] / n as f64)
            );
            for l in 0..3 {
                let covariance: f64 = (0..3)
                    .map(|j| {
                        let between =
                            (mixture.means[[j, i]] - mean[i]) * (mixture.means[[j, l]] - mean[l]);
                        mixture.weights[j] * (mixture.covariances[[j, i, l]] + between)
                    })
                    .sum();
                assert!((sample_covariance[[i, l]] - covariance).abs() < 0.002);
            }
        }
    }

    #[test]
    fn a_known_mixture_is_recovered_up_to_order() {
        let n = 20_000;
        let (colors, _) = Colors::<3>::from_points(&samples(n), &vec![1.0; n], 1.0).unwrap();
        let found = fit(
            &colors,
            &Options {
                k: 3,
                ..Options::default()
            },
        )
        .unwrap();
        let expected = known();
        assert!(found.converged);
        for j in 0..3 {
            let distance = |i: &usize| {
                (&found.mixture.means.row(*i) - &expected.means.row(j))
                    .mapv(|d| d * d)
                    .sum()
            };
            let i = (0..3)
                .min_by(|a, b| distance(a).total_cmp(&distance(b)))
                .unwrap();
            assert!((found.mixture.weights[i] - expected.weights[j]).abs() < 0.01);
            assert!(distance(&i) < 1e-5);
            let scale = expected.covariances[[j, 2, 2]];
            for (a, b) in found
                .mixture
                .covariances
                .index_axis(Axis(0), i)
                .iter()
                .zip(expected.covariances.index_axis(Axis(0), j))
            {
                assert!((a - b).abs() < 0.08 * scale, "{a} {b}");
            }
        }
    }

    #[test]
    fn where_the_floor_lowers_the_log_likelihood_the_best_parameters_are_kept() {
        let picture = Picture::new(1, 2, vec![100, 128, 0, 128, 128, 0]).unwrap();
        let (colors, _) = Colors::of(&picture);
        let options = Options {
            k: 2,
            reg_covar: 1e-3,
            tol: 1e-9,
            ..Options::default()
        };
        let fit = fit(&colors, &options).unwrap();
        let greatest = fit.history.iter().copied().fold(f64::MIN, f64::max);
        assert!(fit.history[fit.n_iter - 1] < greatest - 1e-3, "it fell");
        assert!(fit.log_likelihood >= greatest);
    }

    #[test]
    fn the_log_likelihood_never_falls_without_a_floor_neither_on_boxes_nor_on_colors() {
        let fit = fit(
            &flower(40),
            &Options {
                k: 5,
                reg_covar: 0.0,
                ..Options::default()
            },
        )
        .unwrap();
        let slack = 1e-9 * (1.0 + fit.log_likelihood.abs());
        let followed = (fit.trace.iter())
            .filter(|run| run.kept && run.origin == trace::Origin::Continuation)
            .map(|run| &run.objective);
        assert!(fit.converged && followed.clone().map(Vec::len).sum::<usize>() > 10);
        for objective in followed {
            let rises = |pair: &[f64]| pair[1] >= pair[0] - slack;
            assert!(objective.windows(2).all(rises), "{objective:?}");
        }
    }

    #[test]
    fn the_log_likelihood_is_that_of_the_naive_formula() {
        let colors = Colors::of(&noise(30, 30, 6)).0;
        let Fit {
            mixture,
            log_likelihood,
            ..
        } = fit(
            &colors,
            &Options {
                k: 4,
                max_iter: 5,
                ..Options::default()
            },
        )
        .unwrap();
        let mut sum = 0.0;
        for (row, count) in colors.counts().iter().enumerate() {
            let density: f64 = (0..4)
                .map(|j| {
                    let d = nalgebra::Vector3::from_fn(|i, _| {
                        colors.points()[[row, i]] / 255.0 - mixture.means[[j, i]]
                    });
                    let covariance =
                        nalgebra::Matrix3::from_fn(|i, l| mixture.covariances[[j, i, l]]);
                    let square = (d.transpose() * covariance.try_inverse().unwrap() * d)[0];
                    let normalizer = libm::sqrt(
                        libm::pow(2.0 * std::f64::consts::PI, 3.0) * covariance.determinant(),
                    );
                    mixture.weights[j] * libm::exp(-0.5 * square) / normalizer
                })
                .sum();
            sum += count * libm::log(density);
        }
        assert!((log_likelihood - sum / colors.total()).abs() < 1e-9);
    }

    /// Every type of covariance with every effort, with and without a floor.
    fn ways() -> impl Iterator<Item = (CovarianceType, Effort, f64)> {
        let types = [
            CovarianceType::Full,
            CovarianceType::Tied,
            CovarianceType::Diag,
            CovarianceType::Spherical,
        ];
        types.into_iter().flat_map(|covariance_type| {
            [Effort::Fast, Effort::Balanced]
                .into_iter()
                .flat_map(move |effort| {
                    [0.0, 1e-6].map(|reg_covar| (covariance_type, effort, reg_covar))
                })
        })
    }

    #[test]
    fn degenerate_pictures_give_finite_mixtures() {
        let gray: Vec<u8> = (0..=255).flat_map(|v| [v; 3]).collect();
        let two: Vec<u8> = [[0; 3], [0; 3], [255; 3]].concat();
        let plane: Vec<u8> = (0..300u32)
            .flat_map(|i| [(i % 20 * 7) as u8, (i / 20 * 9) as u8, 30])
            .collect();
        let pictures = [
            (1, vec![7; 3]),
            (12, vec![9; 36]),
            (3, two),
            (256, gray),
            (300, plane),
        ];
        for (width, rgb) in pictures {
            let colors = Colors::of(&Picture::new(width, 1, rgb).unwrap()).0;
            for k in [1, 2, 16] {
                for (covariance_type, effort, reg_covar) in ways() {
                    let fit = fit(
                        &colors,
                        &Options {
                            k,
                            covariance_type,
                            effort,
                            reg_covar,
                            ..Options::default()
                        },
                    )
                    .unwrap();
                    assert!(
                        fit.log_likelihood.is_finite()
                            && fit.mixture.covariances.iter().all(|c| c.is_finite())
                    );
                    assert!((fit.mixture.weights.sum() - 1.0).abs() < 1e-12);
                    assert!(fit.mixture.components() <= k.min(colors.len()));
                    if covariance_type == CovarianceType::Full {
                        assert_eq!(
                            fit.floored,
                            fit.mixture.components(),
                            "all are flat in some direction"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn covariances_are_of_their_type_and_counted_as_such() {
        let colors = flower(20);
        let fitted = |covariance_type| {
            let options = Options {
                k: 3,
                covariance_type,
                effort: Effort::Fast,
                max_iter: 20,
                ..Options::default()
            };
            fit(&colors, &options).unwrap().mixture
        };
        assert_eq!(fitted(CovarianceType::Full).parameters(), 2 + 9 + 18);
        let tied = fitted(CovarianceType::Tied);
        assert_eq!(tied.parameters(), 2 + 9 + 6);
        let of = |mixture: &Mixture<3>, j| mixture.covariances.index_axis(Axis(0), j).to_owned();
        assert_eq!(of(&tied, 0), of(&tied, 2));
        let diag = fitted(CovarianceType::Diag);
        assert_eq!(diag.parameters(), 2 + 9 + 9);
        let diagonal = of(&diag, 1).diag().to_owned();
        assert_eq!(of(&diag, 1), Array2::from_diag(&diagonal));
        let spherical = fitted(CovarianceType::Spherical);
        assert_eq!(spherical.parameters(), 2 + 9 + 3);
        let variance = spherical.covariances[[1, 0, 0]];
        assert_eq!(of(&spherical, 1), Array2::<f64>::eye(3) * variance);
    }

    #[test]
    fn more_effort_finds_no_smaller_likelihood() {
        let colors = flower(60);
        let found = [Effort::Fast, Effort::Balanced, Effort::Best].map(|effort| {
            let options = Options {
                k: 5,
                effort,
                ..Options::default()
            };
            fit(&colors, &options).unwrap().log_likelihood
        });
        assert!(
            found[0] <= found[1] + 1e-6 && found[1] <= found[2] + 1e-3,
            "{found:?}"
        );
    }

    #[test]
    fn more_effort_is_more_work() {
        let colors = flower(60);
        for k in [2, 32] {
            let work = [Effort::Fast, Effort::Balanced, Effort::Best].map(|effort| {
                let options = Options {
                    k,
                    effort,
                    ..Options::default()
                };
                let trace = fit(&colors, &options).unwrap().trace;
                trace.iter().map(|run| run.objective.len()).sum::<usize>()
            });
            assert!(2 * work[0] < work[1] && 2 * work[1] < work[2], "{work:?}");
        }
    }

    #[test]
    fn a_search_ends_where_a_floor_makes_the_likelihood_fall() {
        let colors = flower(60);
        let options = Options {
            k: 4,
            effort: Effort::Fast,
            reg_covar: 1e-3,
            ..Options::default()
        };
        let found = fit(&colors, &options).unwrap();
        let before_last = &found.history[..found.history.len() - 1];
        assert!(before_last.is_sorted(), "{:?}", found.history);
        assert!(found.converged && found.log_likelihood >= found.history[0]);
    }

    #[test]
    fn neither_threads_nor_the_width_of_vectors_change_a_bit() {
        let colors = flower(60);
        let options = Options {
            k: 4,
            ..Options::default()
        };
        let expected = fit(&colors, &options).unwrap();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().unwrap();
            assert_eq!(pool.install(|| fit(&colors, &options)).unwrap(), expected);
        }
        for level in Level::ALL {
            let found = at_level(level, || fit(&colors, &options).unwrap());
            assert_eq!(found, expected, "{level:?}");
        }
    }

    #[test]
    fn densities_of_points_agree_with_the_naive_formula() {
        let mixture = known();
        let points = array![[0.2, 0.3, 0.4], [0.5, 0.5, 0.5], [1.2, -0.1, 3.0]];
        let joint = mixture.joint_log_densities(&points).unwrap();
        let densities = mixture.log_densities(&points).unwrap();
        let responsibilities = mixture.responsibilities(&points).unwrap();
        for i in 0..3 {
            let mut sum = 0.0;
            for j in 0..3 {
                let d = nalgebra::Vector3::from_fn(|d, _| points[[i, d]] - mixture.means[[j, d]]);
                let covariance = nalgebra::Matrix3::from_fn(|r, c| mixture.covariances[[j, r, c]]);
                let square = (d.transpose() * covariance.try_inverse().unwrap() * d)[0];
                let expected = libm::log(mixture.weights[j])
                    - 1.5 * libm::log(2.0 * std::f64::consts::PI)
                    - 0.5 * libm::log(covariance.determinant())
                    - 0.5 * square;
                assert!((joint[[i, j]] - expected).abs() < 1e-9 * (1.0 + expected.abs()));
                let share = libm::exp(joint[[i, j]] - densities[i]);
                assert!((responsibilities[[i, j]] - share).abs() < 1e-12);
                sum += responsibilities[[i, j]];
            }
            assert!((sum - 1.0).abs() < 1e-12);
        }
        let flat = Array2::zeros((1, 2));
        assert!(mixture.log_densities(&flat).is_err());
    }

    #[test]
    fn a_component_without_members_is_dropped() {
        let colors = flower(10);
        let one = fit(
            &colors,
            &Options {
                k: 1,
                ..Options::default()
            },
        )
        .unwrap()
        .mixture;
        let mut far = one.clone();
        far.means.fill(1e6);
        let start = Mixture {
            weights: array![0.5, 0.5],
            means: ndarray::concatenate(Axis(0), &[one.means.view(), far.means.view()]).unwrap(),
            covariances: ndarray::concatenate(
                Axis(0),
                &[one.covariances.view(), one.covariances.view()],
            )
            .unwrap(),
            covariance_type: CovarianceType::Full,
        };
        let fit = fit(
            &colors,
            &Options {
                k: 2,
                init: Init::Mixture(start),
                ..Options::default()
            },
        )
        .unwrap();
        assert_eq!(fit.mixture.components(), 1);
    }

    #[test]
    fn a_sampled_picture_has_the_colors_of_the_mixture_and_depends_on_the_seed_alone() {
        let mixture = known();
        let picture = mixture.sample(100, 80, Space::Srgb, 3).unwrap();
        assert_eq!(picture, mixture.sample(100, 80, Space::Srgb, 3).unwrap());
        assert_ne!(picture, mixture.sample(100, 80, Space::Srgb, 4).unwrap());
        let mean = mixture.weights.dot(&mixture.means) * 255.0;
        for d in 0..3 {
            let sum: f64 = picture
                .over_white()
                .iter()
                .map(|pixel| f64::from(pixel[d]))
                .sum();
            assert!((sum / 8000.0 - mean[d]).abs() < 2.0);
        }
        assert!(mixture.sample(0, 5, Space::Srgb, 0).is_err());
    }

    #[test]
    fn a_posterior_sample_keeps_the_picture() {
        let known = known();
        let original = known.sample(60, 50, Space::Srgb, 0).unwrap();
        let again = known.sample_posterior(&original, Space::Srgb, 1).unwrap();
        assert_ne!(original, again);
        let (colors, color_of_pixel) = Colors::of(&original);
        let (others, other_of_pixel) = Colors::of(&again);
        let (a, b) = (
            known.predict(&colors).unwrap(),
            known.predict(&others).unwrap(),
        );
        let a = color_of_pixel.expand(&a).into_iter();
        let same = a.zip(other_of_pixel.expand(&b)).filter(|(a, b)| a == b);
        assert!(
            same.count() > 2_990,
            "components this far apart are told apart"
        );
    }

    #[test]
    fn a_mixture_scores_the_colors_that_it_was_fitted_to_as_its_fit_does() {
        let colors = flower(30);
        let options = Options {
            k: 4,
            ..Options::default()
        };
        let fitted = fit(&colors, &options).unwrap();
        let scored = score(&colors, &fitted.mixture, options.reg_covar).unwrap();
        assert!((scored.log_likelihood - fitted.log_likelihood).abs() < 1e-9);
        assert_eq!(scored.mixture, fitted.mixture);
        assert_eq!((scored.n_iter, scored.floored), (0, fitted.floored));
    }

    #[test]
    fn mixtures_that_are_none_are_refused() {
        let refused = |change: fn(&mut Mixture<3>)| {
            let mut mixture = known();
            change(&mut mixture);
            assert!(mixture.sampler().is_err());
        };
        refused(|m| m.weights[0] = 0.0);
        refused(|m| m.weights[0] = 0.9);
        refused(|m| m.means[[0, 0]] = f64::NAN);
        refused(|m| m.means[[0, 0]] = 1e200);
        refused(|m| m.covariances[[0, 0, 1]] = 9.0);
        refused(|m| m.covariances[[1, 0, 0]] = -1.0);
        refused(|m| m.means = Array2::zeros((2, 3)));
        refused(|m| *m = nothing());
    }

    fn nothing() -> Mixture<3> {
        Mixture {
            weights: Array1::zeros(0),
            means: Array2::zeros((0, 3)),
            covariances: Array3::zeros((0, 3, 3)),
            covariance_type: CovarianceType::Full,
        }
    }

    #[test]
    fn far_from_all_components_responsibilities_sum_to_1() {
        let mut two = known();
        two.weights = array![0.25, 0.25, 0.5];
        for part in [1, 2] {
            two.means.row_mut(part).assign(&known().means.row(0));
            let covariance = known().covariances.index_axis(Axis(0), 0).to_owned();
            two.covariances
                .index_axis_mut(Axis(0), part)
                .assign(&covariance);
        }
        for far in [0.5, 1e3, 1e9, 1e30] {
            let shares = two.responsibilities(&array![[far, -far, 0.0]]).unwrap();
            assert!((shares.sum() - 1.0).abs() < 1e-12, "{far}: {shares}");
        }
    }

    #[test]
    fn criteria_are_twice_what_is_missed_and_what_parameters_cost() {
        let (colors, _) = Colors::<3>::from_points(&samples(500), &[1.0; 500], 1.0).unwrap();
        let fit = score(&colors, &known(), 0.0).unwrap();
        // 2 weights, 9 coordinates of means, and 3 times 6 of covariances.
        let missed = -1000.0 * fit.log_likelihood;
        assert!((fit.aic(500.0) - (missed + 58.0)).abs() < 1e-9);
        assert!((fit.bic(500.0) - (missed + 29.0 * 500.0f64.ln())).abs() < 1e-9);
    }

    #[test]
    fn a_component_is_floored_if_the_floor_is_half_of_its_variance() {
        let (colors, _) = Colors::<3>::from_points(&samples(50), &[1.0; 50], 1.0).unwrap();
        let floored =
            |reg_covar| {
                let round =
                    Mixture {
                        covariances: Array3::from_shape_fn((3, 3, 3), |(_, i, l)| {
                            if i == l { 0.004 } else { 0.0 }
                        }),
                        ..known()
                    };
                score(&colors, &round, reg_covar).unwrap().floored
            };
        assert_eq!([floored(0.001_99), floored(0.002_01)], [0, 3]);
    }

    #[test]
    fn covariances_that_are_not_symmetric_to_nine_digits_are_refused() {
        let with = |asymmetry: f64| {
            let mut mixture = known();
            for ((_, i, l), value) in mixture.covariances.indexed_iter_mut() {
                *value = if i == l {
                    1e-4 * (1 + 3 * i) as f64
                } else {
                    0.0
                };
            }
            // The root of the variances' product is 2e-4.
            mixture.covariances[[0, 0, 1]] = asymmetry * 2e-4;
            mixture.check(1.0)
        };
        assert!(with(0.5e-9).is_ok());
        assert!(with(2e-9).is_err());
    }

    #[test]
    fn a_start_of_other_components_than_k_is_refused() {
        let colors = flower(1);
        let of_k = |k| Options {
            k,
            init: Init::Mixture(known()),
            ..Options::default()
        };
        assert!(fit(&colors, &of_k(3)).is_ok());
        assert!(fit(&colors, &of_k(4)).is_err());
    }

    #[test]
    fn in_haste_starts_from_k_means_are_followed_and_otherwise_it_searches() {
        let colors = flower(10);
        let trace = |effort, init, k| {
            let options = Options {
                k,
                effort,
                init: Init::KMeans(init),
                n_init: Some(3),
                max_iter: 5,
                ..Options::default()
            };
            fit(&colors, &options).unwrap().trace
        };
        let moves = |runs: &[trace::Run]| runs.iter().any(|run| run.origin == trace::Origin::Move);
        let mut fast = trace(Effort::Fast, kmeans::Init::KMeansPlusPlus, 24);
        assert!(!moves(&fast));
        fast.retain(|run| run.origin == trace::Origin::Start);
        assert_eq!(fast.len(), 3);
        // Each from seeds of its own.
        let begins: Vec<f64> = fast.iter().map(|run| run.objective[0]).collect();
        assert!(begins[0] != begins[1] && begins[1] != begins[2] && begins[0] != begins[2]);
        let random = trace(Effort::Fast, kmeans::Init::Random, 24);
        assert_ne!(random[0].objective[0], begins[0]);
        let searched = trace(Effort::Balanced, kmeans::Init::KMeansPlusPlus, 24);
        assert!(moves(&searched));
        // Of one component there is nothing to search.
        let one = trace(Effort::Balanced, kmeans::Init::KMeansPlusPlus, 1);
        assert!(!moves(&one));
    }

    #[test]
    fn a_mixture_of_nothing_has_no_parameters() {
        assert_eq!(nothing().parameters(), 0);
    }

    #[test]
    fn points_and_floors_that_are_no_numbers_are_refused() {
        for value in [f64::NAN, f64::INFINITY, 1e61] {
            assert!(
                known()
                    .responsibilities(&array![[0.0, value, 0.0]])
                    .is_err()
            );
        }
        assert!(known().log_densities(&Array2::zeros((2, 4))).is_err());
        for floor in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(score(&flower(5), &known(), floor).is_err());
        }
    }

    #[test]
    fn colors_whose_distance_has_no_square_make_a_mixture() {
        let near = 1e-200;
        let points = array![
            [19.0, 19.0, 0.0],
            [19.0, 19.0, near],
            [255.0, near, -6.0],
            [-6.0, 19.0, 19.0]
        ];
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0, 2.0, 3.0, 4.0], 19.0).unwrap();
        for k in [2, 3] {
            for (covariance_type, effort, reg_covar) in ways() {
                let options = Options {
                    k,
                    covariance_type,
                    effort,
                    reg_covar,
                    ..Options::default()
                };
                let fit = fit(&colors, &options).unwrap();
                assert!(fit.log_likelihood.is_finite(), "{options:?}");
            }
        }
    }

    #[test]
    fn without_a_floor_colors_on_a_line_give_a_mixture_on_any_scale() {
        let line = array![
            [0.1, 0.2, 0.3],
            [0.2, 0.4, 0.6],
            [0.4, 0.8, 1.2],
            [0.7, 1.4, 2.1]
        ];
        for scale in [1e-40, 1.0, 1e40] {
            for unit in [1e-15, 1.0, 1e15] {
                let points = &line * scale;
                let unit = scale * unit;
                let (colors, _) =
                    Colors::<3>::from_points(&points, &[1.0, 2.0, 3.0, 1.0], unit).unwrap();
                for (covariance_type, effort, _) in ways() {
                    let options = Options {
                        k: 2,
                        covariance_type,
                        effort,
                        reg_covar: 0.0,
                        ..Options::default()
                    };
                    let fit = fit(&colors, &options).unwrap();
                    assert!(fit.log_likelihood.is_finite(), "{scale} {unit} {options:?}");
                }
            }
        }
    }
}
