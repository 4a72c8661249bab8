//! The two methods in the same terms: what to fit, and what came of it.

use anyhow::Result;
use ndarray::{Array3, ArrayView2};
use quantize::{Colors, IndexedPicture, Palette, Picture, gmm, kmeans, map};

use super::{
    args::SampleMode,
    report::{Hex, MixtureResults, ModelResults},
};

/// How the colors of a picture are clustered.
#[derive(Debug)]
pub enum Method {
    Kmeans(kmeans::Options),
    Gmm(gmm::Options<3>, SampleMode),
}

impl Method {
    /// The name of the command.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kmeans(_) => "kmeans",
            Self::Gmm(..) => "gmm",
        }
    }

    /// Colors or components asked for.
    pub fn k(&self) -> usize {
        match self {
            Self::Kmeans(options) => options.k,
            Self::Gmm(options, _) => options.k,
        }
    }

    /// Iterations after which it stops though it has not converged.
    pub fn max_iter(&self) -> usize {
        match self {
            Self::Kmeans(options) => options.max_iter,
            Self::Gmm(options, _) => options.max_iter,
        }
    }

    /// The model of `colors`.
    pub fn fit(&self, colors: &Colors<3>) -> Result<Fit> {
        Ok(match self {
            Self::Kmeans(options) => Fit::Kmeans(kmeans::fit(colors, options)?),
            Self::Gmm(options, mode) => {
                let draw = Draw {
                    mode: *mode,
                    seed: options.seed,
                };
                Fit::Gmm(gmm::fit(colors, options)?, draw)
            }
        })
    }
}

/// A picture and its distinct colors.
pub struct Subject {
    pub picture: Picture,
    pub colors: Colors<3>,
    pub color_of_pixel: Vec<u32>,
}

/// A fitted model.
pub enum Fit {
    Kmeans(kmeans::Fit),
    Gmm(gmm::Fit<3>, Draw),
}

/// How pictures are drawn from a mixture.
pub struct Draw {
    mode: SampleMode,
    seed: u64,
}

impl Fit {
    /// `subject` in the colors of the model, the most frequent one first.
    pub fn compress(&self, subject: &Subject) -> Result<IndexedPicture> {
        let Subject {
            picture,
            colors,
            color_of_pixel,
        } = subject;
        let (palette, entry_of_color) = match self {
            Self::Kmeans(fit) => {
                let (palette, _) = Palette::from_means(&kmeans::to_bytes(colors, &fit.centroids)?)?;
                let entry_of_color = map::nearest(colors, &palette);
                (palette, entry_of_color)
            }
            Self::Gmm(fit, _) => {
                let (palette, entry_of_component) = palette(fit)?;
                let components = fit.mixture.predict(colors)?;
                let entry = |component: u32| entry_of_component[component as usize];
                (palette, components.into_iter().map(entry).collect())
            }
        };
        let indices = map::expand(&entry_of_color, color_of_pixel);
        let indexed = IndexedPicture::new(picture.width(), picture.height(), palette, indices)?;
        Ok(indexed.sorted_by_count())
    }

    /// A picture of the size of `picture` drawn from the mixture; k-means has nothing to draw from.
    pub fn sample(&self, picture: &Picture) -> Result<Option<Picture>> {
        let Self::Gmm(gmm::Fit { mixture, .. }, draw) = self else {
            return Ok(None);
        };
        Ok(Some(match draw.mode {
            SampleMode::Iid => mixture.sample(picture.width(), picture.height(), draw.seed)?,
            SampleMode::Posterior => mixture.sample_posterior(picture, draw.seed)?,
        }))
    }

    /// The model of `colors` in figures.
    pub fn results(&self, colors: &Colors<3>) -> Result<ModelResults> {
        Ok(match self {
            Self::Kmeans(fit) => ModelResults {
                inertia: Some(fit.inertia),
                log_likelihood: None,
                bic: None,
                aic: None,
                n_iter: fit.n_iter,
                converged: fit.converged,
                mixture: None,
            },
            Self::Gmm(fit, _) => ModelResults {
                inertia: None,
                log_likelihood: Some(fit.log_likelihood),
                bic: Some(fit.bic(colors.total())),
                aic: Some(fit.aic(colors.total())),
                n_iter: fit.n_iter,
                converged: fit.converged,
                mixture: Some(mixture_results(fit)?),
            },
        })
    }
}

/// The means as bytes, and the entry that each became.
fn palette(fit: &gmm::Fit<3>) -> Result<(Palette, Vec<u8>)> {
    Ok(Palette::from_means(&(&fit.mixture.means * 255.0))?)
}

fn mixture_results(fit: &gmm::Fit<3>) -> Result<MixtureResults> {
    let (palette, entries) = palette(fit)?;
    let color = |&entry: &u8| Hex(palette.colors()[usize::from(entry)]);
    Ok(MixtureResults {
        weights: fit.mixture.weights.to_vec(),
        means: rows(&fit.mixture.means.view()),
        covariances: matrices(&fit.mixture.covariances),
        floored: fit.floored,
        colors: entries.iter().map(color).collect(),
    })
}

fn rows(matrix: &ArrayView2<f64>) -> Vec<Vec<f64>> {
    matrix.rows().into_iter().map(|row| row.to_vec()).collect()
}

fn matrices(array: &Array3<f64>) -> Vec<Vec<Vec<f64>>> {
    array.outer_iter().map(|matrix| rows(&matrix)).collect()
}
