//! The two methods in the same terms: what to fit, and what came of it.

use anyhow::Result;
use ndarray::{Array3, ArrayView2};
use quantize::{Colors, IndexedPicture, Palette, Picture, Space, gmm, kmeans, map};

use super::{
    args::{GmmArgs, KmeansArgs, SampleMode},
    report::{Hex, MixtureResults, ModelResults},
};

/// How the colors of a picture are clustered.
#[derive(Clone, Copy, Debug)]
pub enum Method<'a> {
    Kmeans(&'a KmeansArgs),
    Gmm(&'a GmmArgs),
}

impl Method<'_> {
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
            Self::Kmeans(args) => args.common.k,
            Self::Gmm(args) => args.common.k,
        }
    }

    /// Where distances are measured.
    pub fn space(&self) -> Space {
        match self {
            Self::Kmeans(args) => args.common.space.into(),
            Self::Gmm(args) => args.common.space.into(),
        }
    }

    /// Iterations after which it stops though it has not converged.
    pub fn max_iter(&self) -> usize {
        match self {
            Self::Kmeans(args) => args.max_iter,
            Self::Gmm(args) => args.max_iter,
        }
    }

    /// The model of `colors`.
    pub fn fit<const D: usize>(&self, colors: &Colors<D>) -> Result<Fit<D>> {
        let model = match self {
            Self::Kmeans(args) => Model::Kmeans(kmeans::fit(colors, &args.options())?),
            Self::Gmm(args) => {
                let draw = Draw {
                    mode: args.sample_mode,
                    seed: args.common.seed,
                };
                Model::Gmm(gmm::fit(colors, &args.options())?, draw)
            }
        };
        let space = self.space();
        Ok(Fit { model, space })
    }
}

/// A picture and its distinct colors, with alpha where D is 4.
pub struct Subject<const D: usize> {
    pub picture: Picture,
    pub colors: Colors<D>,
    pub color_of_pixel: Vec<u32>,
}

/// A fitted model of colors in a space.
pub struct Fit<const D: usize> {
    model: Model<D>,
    space: Space,
}

enum Model<const D: usize> {
    Kmeans(kmeans::Fit),
    Gmm(gmm::Fit<D>, Draw),
}

/// How pictures are drawn from a mixture.
pub struct Draw {
    mode: SampleMode,
    seed: u64,
}

impl<const D: usize> Fit<D> {
    /// `subject` in the colors of the model, the most frequent one first.
    pub fn compress(&self, subject: &Subject<D>) -> Result<IndexedPicture> {
        let Subject {
            picture,
            colors,
            color_of_pixel,
        } = subject;
        let (palette, entry_of_color) = match &self.model {
            Model::Kmeans(fit) => {
                let palette = kmeans::to_palette(colors, &fit.centroids, self.space)?;
                let entry_of_color = map::nearest(colors, &palette, self.space);
                (palette, entry_of_color)
            }
            Model::Gmm(fit, _) => {
                let (palette, entry_of_component) = self.palette(fit)?;
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
        let Model::Gmm(gmm::Fit { mixture, .. }, draw) = &self.model else {
            return Ok(None);
        };
        let (width, height) = (picture.width(), picture.height());
        Ok(Some(match draw.mode {
            SampleMode::Iid => mixture.sample(width, height, self.space, draw.seed)?,
            SampleMode::Posterior => mixture.sample_posterior(picture, self.space, draw.seed)?,
        }))
    }

    /// The model of `colors` in figures.
    pub fn results(&self, colors: &Colors<D>) -> Result<ModelResults> {
        Ok(match &self.model {
            Model::Kmeans(fit) => ModelResults {
                inertia: Some(fit.inertia),
                log_likelihood: None,
                bic: None,
                aic: None,
                n_iter: fit.n_iter,
                converged: fit.converged,
                mixture: None,
            },
            Model::Gmm(fit, _) => ModelResults {
                inertia: None,
                log_likelihood: Some(fit.log_likelihood),
                bic: Some(fit.bic(colors.total())),
                aic: Some(fit.aic(colors.total())),
                n_iter: fit.n_iter,
                converged: fit.converged,
                mixture: Some(self.mixture_results(fit)?),
            },
        })
    }

    /// The means as bytes, and the entry that each became.
    fn palette(&self, fit: &gmm::Fit<D>) -> Result<(Palette, Vec<u8>)> {
        let means = &fit.mixture.means * self.space.unit();
        Ok(Palette::from_means::<D>(&means, self.space)?)
    }

    fn mixture_results(&self, fit: &gmm::Fit<D>) -> Result<MixtureResults> {
        let (palette, entries) = self.palette(fit)?;
        let color = |&entry: &u8| Hex(palette.colors()[usize::from(entry)]);
        Ok(MixtureResults {
            weights: fit.mixture.weights.to_vec(),
            means: rows(&fit.mixture.means.view()),
            covariances: matrices(&fit.mixture.covariances),
            floored: fit.floored,
            colors: entries.iter().map(color).collect(),
        })
    }
}

fn rows(matrix: &ArrayView2<f64>) -> Vec<Vec<f64>> {
    matrix.rows().into_iter().map(|row| row.to_vec()).collect()
}

fn matrices(array: &Array3<f64>) -> Vec<Vec<Vec<f64>>> {
    array.outer_iter().map(|matrix| rows(&matrix)).collect()
}
