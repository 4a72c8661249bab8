//! One weighted Gaussian.

use nalgebra::{Cholesky, SMatrix};

use crate::{
    density::{Component, Triangular},
    error::is_moderate,
};

/// A component of a mixture, on the scale of the colors.
#[derive(Clone, Debug)]
pub(super) struct Gaussian<const D: usize> {
    pub weight: f64,
    pub mean: [f64; D],
    pub covariance: SMatrix<f64, D, D>,
    /// L with L L^T = covariance.
    pub cholesky: SMatrix<f64, D, D>,
    /// L^-1, the transposed Cholesky factor of the precision.
    precision_cholesky: SMatrix<f64, D, D>,
}

impl<const D: usize> Gaussian<D> {
    /// `None` when `covariance` is not positive definite or something is not finite.
    pub(super) fn new(weight: f64, mean: [f64; D], covariance: SMatrix<f64, D, D>) -> Option<Self> {
        let cholesky = Cholesky::new(covariance)?.l();
        let precision_cholesky = cholesky.solve_lower_triangular(&SMatrix::identity())?;
        let finite = mean
            .iter()
            .chain(covariance.iter())
            .chain(precision_cholesky.iter())
            .all(|value| value.is_finite());
        finite.then_some(Self {
            weight,
            mean,
            covariance,
            cholesky,
            precision_cholesky,
        })
    }

    /// With at least `least` more variance in every direction, and as much more as makes the covariance
    /// positive definite: where colors are large, rounding leaves little of `least`.
    pub(super) fn raised(
        weight: f64,
        mean: [f64; D],
        covariance: SMatrix<f64, D, D>,
        least: f64,
    ) -> Self {
        let more = std::iter::successors(Some(least), |least| Some(least * 10.0));
        more.take_while(|more| more.is_finite())
            .find_map(|more| Self::new(weight, mean, covariance + SMatrix::identity() * more))
            .expect("what is added outweighs the rest in the end")
    }

    /// Whether no score of a color of at most 1e60 overflows.
    pub(super) fn is_moderate(&self) -> bool {
        let numbers = self.mean.iter().chain(self.precision_cholesky.iter());
        numbers.copied().all(is_moderate)
    }

    /// The component whose scores are the joint log-density of color and component.
    pub(super) fn component(&self) -> Component<Triangular<D>, D> {
        Component {
            offset: libm::log(self.weight)
                - 0.5 * D as f64 * libm::log(2.0 * std::f64::consts::PI)
                - self.half_log_determinant(),
            mean: self.mean,
            whitening: Triangular(std::array::from_fn(|i| {
                std::array::from_fn(|l| self.precision_cholesky[(i, l)])
            })),
        }
    }

    /// 1/2 ln det covariance.
    pub(super) fn half_log_determinant(&self) -> f64 {
        self.cholesky.diagonal().iter().map(|&l| libm::log(l)).sum()
    }

    /// The trace of the precision times `scatter`: the mean of |W^T d|^2 over differences d of that
    /// covariance.
    pub(super) fn trace_with_precision(&self, scatter: &SMatrix<f64, D, D>) -> f64 {
        (self.precision_cholesky * scatter * self.precision_cholesky.transpose()).trace()
    }

    /// Whether some direction has a variance below `variance`.
    pub(super) fn has_variance_below(&self, variance: f64) -> bool {
        Cholesky::new(self.covariance - SMatrix::identity() * variance).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the eigenvalues 1, 1 and 3.
    fn gaussian() -> Gaussian<3> {
        let covariance = SMatrix::from([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]);
        Gaussian::new(1.0, [0.0; 3], covariance).unwrap()
    }

    #[test]
    fn the_trace_is_that_of_precision_times_scatter() {
        let scatter = SMatrix::from([[3.0, 1.0, 0.0], [1.0, 5.0, 0.0], [0.0, 0.0, 7.0]]);
        // The precision is a third of ((2, -1), (-1, 2)), and 1.
        let expected = (6.0 - 2.0 + 10.0) / 3.0 + 7.0;
        assert!((gaussian().trace_with_precision(&scatter) - expected).abs() < 1e-12);
    }

    #[test]
    fn the_least_variance_in_any_direction_is_the_least_eigenvalue() {
        assert!(!gaussian().has_variance_below(0.99));
        assert!(gaussian().has_variance_below(1.01));
        let four = Gaussian::new(1.0, [0.0; 3], SMatrix::identity() * 4.0).unwrap();
        assert!(!four.has_variance_below(3.9));
        assert!(four.has_variance_below(4.1));
    }
}
