//! k-means.
use ndarray::Array2;
use crate::{Colors, Result};

/// Where the first centroids come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Init {
    /// Greedy k-means++.
    #[default]
    KMeansPlusPlus,
    /// Distinct colors drawn at random, each with the probability of its pixels.
    Random,
    /// These (k, D).
    Centroids(Array2<f64>),
}

/// What to fit and how far to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Clusters, at least 1. Default: 16.
    pub k: usize,
    /// Default: greedy k-means++.
    pub init: Init,
    /// Starts, of which the best is kept, at least 1. Default: 1.
    pub n_init: usize,
    /// The largest move of a centroid that counts as converged, 0 = until no color changes its cluster. Default: 0.
    pub tol: f64,
    /// The most iterations of a start. Default: 300.
    pub max_iter: usize,
    /// Default: 0.
    pub seed: u64,
}
impl Default for Options {
    fn default() -> Self {
        Self { k: 16, init: Init::default(), n_init: 1, tol: 0.0, max_iter: 300, seed: 0 }
    }
}
/// What was found and how.
#[derive(Clone, Debug)]
pub struct Fit {
    /// (k, D); fewer rows when there are fewer distinct colors than k.
    pub centroids: Array2<f64>,
    /// Sum over pixels of the squared distance to the nearest centroid.
    pub inertia: f64,
    /// The inertia after each iteration.
    pub history: Vec<f64>,
    /// Iterations of the start that was kept.
    pub n_iter: usize,
    /// Whether it ended by `tol` and not by `max_iter`.
    pub converged: bool,
}
/// fit
/// # Errors
/// When k is 0.
pub fn fit<const D: usize>(colors: &Colors<D>, options: &Options) -> Result<Fit> {
    let _ = (colors, options);
    todo!()
}
