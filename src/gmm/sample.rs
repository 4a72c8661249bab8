//! Colors and pictures drawn from a mixture.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, weighted::WeightedAliasIndex};
use rayon::prelude::*;

use super::{Gaussian, Mixture};
use crate::{
    Error, Picture, Result,
    density::{Candidates, log_sum_exp},
    palette::to_byte,
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

impl Mixture<3> {
    /// A picture of this size whose pixels are drawn from the mixture, rounded and clamped to
    /// bytes.
    ///
    /// The distribution of colors is kept; all structure is gone, because pixels are drawn
    /// independently of each other. Each row has a stream of random numbers of its own, so that the
    /// picture does not depend on the number of threads.
    ///
    /// # Errors
    /// When a dimension is 0, the size overflows, or the arrays do not make a mixture of 3
    /// channels.
    pub fn sample(&self, width: u32, height: u32, seed: u64) -> Result<Picture> {
        let sampler = self.sampler()?;
        draw_rows(width, height, seed, |generator, _, row| {
            for pixel in row.as_chunks_mut().0 {
                *pixel = to_pixel(sampler.sample(generator));
            }
        })
    }

    /// A picture like `picture`, each pixel drawn anew: a component by the responsibilities that
    /// the pixel's color gives, then a color from that component's Gaussian, rounded and clamped to
    /// bytes. This keeps what the picture shows.
    ///
    /// # Errors
    /// When the arrays do not make a mixture of 3 channels.
    pub fn sample_posterior(&self, picture: &Picture, seed: u64) -> Result<Picture> {
        let gaussians = self.gaussians(1.0)?;
        let components: Vec<_> = gaussians.iter().map(Gaussian::component).collect();
        let candidates = Candidates::numbered(&components, 0..components.len());
        let width = picture.width() as usize;
        draw_rows(
            picture.width(),
            picture.height(),
            seed,
            |generator, y, row| {
                let originals = &picture.pixels()[y * width..][..width];
                let mut responsibilities: Vec<Vector> = Vec::new();
                for (pixels, originals) in row
                    .as_chunks_mut()
                    .0
                    .chunks_mut(LANES)
                    .zip(originals.chunks(LANES))
                {
                    let mut x = [[0.0; LANES]; 3];
                    for (lane, original) in originals.iter().enumerate() {
                        for d in 0..3 {
                            x[d][lane] = f64::from(original[d]) / 255.0;
                        }
                    }
                    log_sum_exp(&candidates, &x, &mut responsibilities);
                    for (lane, pixel) in pixels.iter_mut().enumerate() {
                        let component = pick(
                            responsibilities.iter().map(|share| share.0[lane]),
                            generator.random(),
                        );
                        *pixel = to_pixel(gaussians[component].sample(generator));
                    }
                }
            },
        )
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

/// The nearest 8-bit color.
fn to_pixel(color: [f64; 3]) -> [u8; 3] {
    color.map(|value| to_byte(value * 255.0))
}

/// A picture whose rows `draw` fills, given each row's own generator and number.
fn draw_rows(
    width: u32,
    height: u32,
    seed: u64,
    draw: impl Fn(&mut ChaCha8Rng, usize, &mut [u8]) + Sync,
) -> Result<Picture> {
    let too_large = || {
        Error::Invalid(format!(
            "a picture of {width}x{height} pixels cannot be drawn; draw at least one, and what memory holds"
        ))
    };
    let bytes = (width as usize)
        .checked_mul(height as usize)
        .and_then(|pixels| pixels.checked_mul(3))
        .filter(|&bytes| bytes > 0);
    let mut rgb = Vec::new();
    let bytes = bytes.ok_or_else(too_large)?;
    rgb.try_reserve_exact(bytes).map_err(|_| too_large())?;
    rgb.resize(bytes, 0);
    rgb.par_chunks_mut(3 * width as usize)
        .enumerate()
        .for_each(|(y, row)| {
            let mut generator = ChaCha8Rng::seed_from_u64(seed);
            generator.set_stream(y as u64);
            draw(&mut generator, y, row);
        });
    Picture::new(width, height, rgb)
}
