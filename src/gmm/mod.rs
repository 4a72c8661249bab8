//! Gaussian mixtures.
use ndarray::{Array1, Array2, Array3};
use crate::{Colors, Picture, Result, kmeans};

/// What to fit and how far to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Components, at least 1. Default: 16.
    pub k: usize,
    /// Where the k-means that starts EM starts. Default: greedy k-means++.
    pub init: kmeans::Init,
    /// Starts, of which the one with the best likelihood is kept, at least 1. Default: 1.
    pub n_init: usize,
    /// The gain of the mean log-likelihood in an iteration, in nats, below which it has converged. Default: 1e-6.
    pub tol: f64,
    /// The most iterations of a start. Default: 1000.
    pub max_iter: usize,
    /// Added to the diagonal of every covariance, colors on [0, 1]. Default: 1e-6.
    pub reg_covar: f64,
    /// Default: 0.
    pub seed: u64,
}
impl Default for Options {
    fn default() -> Self {
        Self { k: 16, init: kmeans::Init::default(), n_init: 1, tol: 1e-6, max_iter: 1000, reg_covar: 1e-6, seed: 0 }
    }
}
/// A mixture of Gaussians over colors on [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture<const D: usize> {
    /// (k,), sum 1.
    pub weights: Array1<f64>,
    /// (k, D).
    pub means: Array2<f64>,
    /// (k, D, D).
    pub covariances: Array3<f64>,
}
/// What was found and how.
#[derive(Clone, Debug)]
pub struct Fit<const D: usize> {
    /// The mixture.
    pub mixture: Mixture<D>,
    /// Mean per pixel in nats, colors on [0, 1], of the final parameters.
    pub log_likelihood: f64,
    /// The log-likelihood after each iteration.
    pub history: Vec<f64>,
    /// Iterations of the start that was kept.
    pub n_iter: usize,
    /// Whether it ended by `tol` and not by `max_iter`.
    pub converged: bool,
    /// Components whose smallest variance lies at the floor that `reg_covar` sets.
    pub floored: usize,
}
impl<const D: usize> Fit<D> {
    /// The Bayesian information criterion for `n` pixels; smaller is better.
    pub fn bic(&self, n: f64) -> f64 { let _ = n; todo!() }
    /// Akaike's information criterion for `n` pixels; smaller is better.
    pub fn aic(&self, n: f64) -> f64 { let _ = n; todo!() }
}
/// fit
/// # Errors
/// When k is 0.
pub fn fit<const D: usize>(colors: &Colors<D>, options: &Options) -> Result<Fit<D>> {
    let _ = (colors, options);
    todo!()
}
impl<const D: usize> Mixture<D> {
    /// The most probable component of each distinct color.
    pub fn predict(&self, colors: &Colors<D>) -> Vec<u8> { let _ = colors; todo!() }
    /// The means on the scale of bytes (k, D), as [`crate::Palette::from_means`] takes them.
    pub fn means_in_bytes(&self) -> Array2<f64> { &self.means * 255.0 }
}
impl Mixture<3> {
    /// A picture whose pixels are drawn from the mixture, each independently.
    /// # Errors
    /// When a dimension is 0.
    pub fn sample(&self, width: u32, height: u32, seed: u64) -> Result<Picture> { let _ = (width, height, seed); todo!() }
    /// A picture each of whose pixels is drawn from a component chosen by the responsibilities of `picture`'s pixel there.
    /// # Errors
    /// When ...
    pub fn sample_posterior(&self, picture: &Picture, colors: &Colors<3>, color_of_pixel: &[u32], seed: u64) -> Result<Picture> { let _ = (picture, colors, color_of_pixel, seed); todo!() }
}
