//! What a mixture says of every color at once, without anything of size n x k.

use ndarray::Array2;
use rayon::prelude::*;

use super::{Gaussian, Mixture, expectation::negligible};
use crate::{
    Colors, Result, Space, alpha,
    colors::{Chunk, Node},
    density::{
        Bounds, Candidates, Triangular, Visit, Walk, candidates_of_blocks, log_sum_exp,
        rows_of_blocks, walk_blocks,
    },
    palette::nearest_color,
    simd::Vector,
};

impl<const D: usize> Mixture<D> {
    /// The posterior mean of each distinct color, (n, D) on the scale of the colors: the means of the
    /// components, weighted by the responsibilities that the color gives them. Between the colors
    /// that the hard assignment gives it is a smooth transition.
    ///
    /// # Errors
    /// When the arrays do not make a mixture of D channels.
    pub fn posterior_means(&self, colors: &Colors<D>) -> Result<Array2<f64>> {
        let means = self.posterior_mean_rows(colors)?;
        Ok(Array2::from_shape_fn((means.len(), D), |(row, d)| {
            means[row][d]
        }))
    }

    /// [`posterior_means`](Self::posterior_means) as 8-bit sRGB with straight alpha, of colors in
    /// `space`. What is opaque or wholly transparent stays so.
    ///
    /// # Errors
    /// When the arrays do not make a mixture of D channels.
    pub fn posterior_colors(&self, colors: &Colors<D>, space: Space) -> Result<Vec<[u8; 4]>> {
        let means = self.posterior_mean_rows(colors)?;
        let color = |(row, mean)| {
            let color = nearest_color(mean, space);
            alpha::as_of(colors.point(row), colors.unit(), color)
        };
        Ok(means
            .into_par_iter()
            .enumerate()
            .with_min_len(1 << 12)
            .map(color)
            .collect())
    }

    fn posterior_mean_rows(&self, colors: &Colors<D>) -> Result<Vec<[f64; D]>> {
        let gaussians = self.gaussians(colors.unit())?;
        let components: Vec<_> = gaussians.iter().map(Gaussian::component).collect();
        let rule = Bounds {
            margin: negligible(components.len()),
        };
        let walk = Walk { colors, rule };
        let ids = candidates_of_blocks(walk, &components);
        let mut means = vec![[0.0; D]; colors.len()];
        let tasks = rows_of_blocks(colors, &mut means).enumerate().collect();
        let visit = |(first_row, means), _| Soften {
            means,
            first_row,
            shares: Vec::new(),
        };
        walk_blocks(walk, &components, &ids, tasks, visit);
        Ok(means)
    }
}

/// Notes each color's posterior mean.
struct Soften<'a, const D: usize> {
    means: &'a mut [[f64; D]],
    first_row: usize,
    shares: Vec<Vector>,
}

impl<const D: usize> Visit<Triangular<D>, D> for Soften<'_, D> {
    type Found = ();

    #[inline(always)]
    fn settled(&mut self, node: &Node<D>, candidate: &Candidates<Triangular<D>, D>) {
        let rows = node.rows();
        self.means[rows.start - self.first_row..rows.end - self.first_row].fill(candidate.mean(0));
    }

    #[inline(always)]
    fn chunk(&mut self, chunk: &Chunk<D>, candidates: &Candidates<Triangular<D>, D>) {
        log_sum_exp(candidates, &chunk.x, &mut self.shares);
        let mut sums = [Vector::ZERO; D];
        for (j, &share) in self.shares.iter().enumerate() {
            let mean = candidates.mean(j);
            for d in 0..D {
                sums[d] += share * mean[d];
            }
        }
        for lane in 0..chunk.len {
            self.means[chunk.start - self.first_row + lane] =
                std::array::from_fn(|d| sums[d].0[lane]);
        }
    }

    #[inline(always)]
    fn finish(self) {}
}

#[cfg(test)]
mod tests {
    use crate::{
        Space,
        gmm::{Options, fit},
        palette::nearest_color,
        simd::level::{Level, at_level},
        testing::flower,
    };

    #[test]
    fn posterior_means_are_those_of_the_responsibilities() {
        let colors = flower(30);
        let options = Options {
            k: 6,
            max_iter: 20,
            ..Options::default()
        };
        let mixture = fit(&colors, &options).unwrap().mixture;
        let found = mixture.posterior_means(&colors).unwrap();
        let points = &colors.points() / colors.unit();
        let responsibilities = mixture.responsibilities(&points).unwrap();
        let expected = responsibilities.dot(&mixture.means) * colors.unit();
        let largest = (&found - &expected).fold(0.0_f64, |a, b| a.max(b.abs()));
        assert!(largest < 1e-9, "{largest}");
        let rounded = mixture.posterior_colors(&colors, Space::Srgb).unwrap();
        assert_eq!(rounded.len(), colors.len());
        for (color, mean) in rounded.iter().zip(found.rows()) {
            assert_eq!(
                *color,
                nearest_color([mean[0], mean[1], mean[2]], Space::Srgb)
            );
        }
        for level in Level::ALL {
            let again = at_level(level, || mixture.posterior_means(&colors).unwrap());
            assert_eq!(again, found, "{level:?}");
        }
    }
}
