//! Colors and pictures drawn from a mixture.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, weighted::WeightedAliasIndex};
use rayon::prelude::*;

use super::{Gaussian, Mixture};
use crate::{
    Error, Picture, Result, Space, alpha,
    density::{Candidates, log_sum_exp},
    palette::nearest_color,
    picture::Pixels,
    simd::{LANES, Vector},
};

/// Draws colors, on [0, 1] but not clamped to it, from a [`Mixture`]: a component by its weight,
/// then a color from its Gaussian.
#[derive(Clone, Debug)]
pub struct Sampler<const D: usize> {
    component: WeightedAliasIndex<f64>,
    gaussians: Vec<Gaussian<D>>,
}

impl<const D: usize> Distribution<[f64; D]> for Sampler<D> {
    fn sample<R: Rng + ?Sized>(&self, generator: &mut R) -> [f64; D] {
        self.gaussians[self.component.sample(generator)].sample(generator)
    }
}

impl<const D: usize> Distribution<[f64; D]> for Gaussian<D> {
    /// mean + L z with z standard normal.
    fn sample<R: Rng + ?Sized>(&self, generator: &mut R) -> [f64; D] {
        let z: [f64; D] = std::array::from_fn(|_| StandardNormal.sample(generator));
        std::array::from_fn(|i| {
            (0..=i).fold(self.mean[i], |sum, l| sum + self.cholesky[(i, l)] * z[l])
        })
    }
}

/// The normal distribution of mean 0 and variance 1, by the ratio of uniforms (Leva, "A fast normal
/// random number generator", ACM TOMS 18(4), 1992). `rand_distr`'s asks the standard library for
/// exp and ln, whose last bit differs between machines; this one needs a logarithm in 1 of 100
/// draws and takes it from `libm`.
struct StandardNormal;

impl Distribution<f64> for StandardNormal {
    fn sample<R: Rng + ?Sized>(&self, generator: &mut R) -> f64 {
        loop {
            let u = 1.0 - generator.random::<f64>();
            let v = 1.7156 * (generator.random::<f64>() - 0.5);
            let x = u - 0.449_871;
            let y = v.abs() + 0.386_595;
            let q = x * x + y * (0.196 * y - 0.254_72 * x);
            if q < 0.275_97 || (q <= 0.278_46 && v * v <= -4.0 * libm::log(u) * u * u) {
                return v / u;
            }
        }
    }
}

impl<const D: usize> Mixture<D> {
    /// What draws colors from this mixture.
    ///
    /// # Errors
    /// When the arrays do not make a mixture of D channels.
    pub fn sampler(&self) -> Result<Sampler<D>> {
        let gaussians = self.gaussians(1.0)?;
        let component = WeightedAliasIndex::new(self.weights.to_vec())
            .map_err(|error| Error::Invalid(format!("the weights of the mixture: {error}")))?;
        Ok(Sampler {
            component,
            gaussians,
        })
    }
}

impl<const D: usize> Mixture<D> {
    /// A picture of this size whose pixels are drawn from the mixture of colors in `space`, rounded and
    /// clamped to bytes; with alpha where D is 4.
    ///
    /// The distribution of colors is kept; all structure is gone, because pixels are drawn
    /// independently of each other. Each row has a stream of random numbers of its own, so that the
    /// picture does not depend on the number of threads.
    ///
    /// # Errors
    /// When a dimension is 0, the size overflows, or the arrays do not make a mixture of D
    /// channels.
    pub fn sample(&self, width: u32, height: u32, space: Space, seed: u64) -> Result<Picture> {
        let sampler = self.sampler()?;
        draw_rows(width, height, seed, |generator, _, row| {
            for pixel in row {
                *pixel = to_pixel(sampler.sample(generator), space);
            }
        })
    }

    /// A picture like `picture`, each pixel drawn anew: a component by the responsibilities that
    /// the pixel's color gives, then a color from that component's Gaussian, rounded and clamped to
    /// bytes. This keeps what the picture shows; what is opaque or wholly transparent stays so.
    ///
    /// # Errors
    /// When the arrays do not make a mixture of D channels.
    pub fn sample_posterior(&self, picture: &Picture, space: Space, seed: u64) -> Result<Picture> {
        let gaussians = self.gaussians(1.0)?;
        let components: Vec<_> = gaussians.iter().map(Gaussian::component).collect();
        let candidates = Candidates::numbered(&components, 0..components.len());
        let (width, height) = (picture.width(), picture.height());
        draw_rows(width, height, seed, |generator, y, row| {
            let mut responsibilities: Vec<Vector> = Vec::new();
            for (chunk, pixels) in row.chunks_mut(LANES).enumerate() {
                let first = y * width as usize + chunk * LANES;
                let mut x = [[0.0; LANES]; D];
                for lane in 0..pixels.len() {
                    let point = space.point::<D>(picture.rgba(first + lane));
                    for d in 0..D {
                        x[d][lane] = point[d] / space.unit();
                    }
                }
                log_sum_exp(&candidates, &x, &mut responsibilities);
                for (lane, pixel) in pixels.iter_mut().enumerate() {
                    let component = pick(
                        responsibilities.iter().map(|share| share.0[lane]),
                        generator.random(),
                    );
                    let color = to_pixel(gaussians[component].sample(generator), space);
                    *pixel = alpha::as_of(x.map(|channel| channel[lane]), 1.0, color);
                }
            }
        })
    }
}

/// The place at which the shares, which sum to 1, have added up to more than `u`; the last where
/// rounding leaves some of it.
fn pick(shares: impl Iterator<Item = f64>, u: f64) -> usize {
    let mut sum = 0.0;
    let mut last = 0;
    for (place, share) in shares.enumerate() {
        sum += share;
        if share > 0.0 {
            last = place;
            if u < sum {
                break;
            }
        }
    }
    last
}

/// The 8-bit color nearest to a draw, on [0, 1], from a mixture of colors in `space`.
fn to_pixel<const D: usize>(draw: [f64; D], space: Space) -> [u8; 4] {
    nearest_color(draw.map(|value| value * space.unit()), space)
}

/// A picture whose rows `draw` fills, given each row's own generator and number.
fn draw_rows(
    width: u32,
    height: u32,
    seed: u64,
    draw: impl Fn(&mut ChaCha8Rng, usize, &mut [[u8; 4]]) + Sync,
) -> Result<Picture> {
    let too_large = || {
        Error::Invalid(format!(
            "a picture of {width}x{height} pixels cannot be drawn; draw at least one, and what memory holds"
        ))
    };
    let len = (width as usize).checked_mul(height as usize);
    let len = len.filter(|&len| len > 0).ok_or_else(too_large)?;
    let mut pixels = Vec::new();
    pixels.try_reserve_exact(len).map_err(|_| too_large())?;
    pixels.resize(len, [0; 4]);
    pixels
        .par_chunks_mut(width as usize)
        .enumerate()
        .for_each(|(y, row)| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(y as u64);
            draw(&mut generator, y, row);
        });
    Picture::from_pixels(width, height, Pixels::Rgba8(pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_exact_region_of_acceptance() {
        // Kinderman and Monahan's ratio of uniforms: v / u wherever v^2 <= -4 u^2 ln u.
        let exact = |generator: &mut ChaCha8Rng| loop {
            let u = 1.0 - generator.random::<f64>();
            let v = 1.7156 * (generator.random::<f64>() - 0.5);
            if v * v <= -4.0 * u * u * libm::log(u) {
                return v / u;
            }
        };
        let [mut ours, mut theirs] = [ChaCha8Rng::seed_from_u64(1), ChaCha8Rng::seed_from_u64(1)];
        for _ in 0..200_000 {
            assert_eq!(StandardNormal.sample(&mut ours), exact(&mut theirs));
        }
    }

    #[test]
    fn a_place_is_picked_where_the_shares_exceed_the_draw_and_it_has_one() {
        let picked = |shares: &[f64], u| pick(shares.iter().copied(), u);
        assert_eq!(picked(&[0.5, 0.5], 0.49), 0);
        assert_eq!(picked(&[0.5, 0.5], 0.5), 1);
        assert_eq!(picked(&[0.0, 1.0], 0.0), 1);
        // Some is left.
        assert_eq!(picked(&[0.4, 0.5, 0.0], 0.95), 1);
    }
}
