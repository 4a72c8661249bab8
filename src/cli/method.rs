//! The two methods in the same terms: what to fit, and what came of it.

use anyhow::{Result, bail};
use ndarray::{Array3, ArrayView2};
use quantize::{
    Colors, Dither, IndexedPicture, Palette, Picture, Space, dither, gmm, kmeans, map,
    model::Parameters,
    palette::Order,
    picture::{self, Pixels},
};

use super::{
    args::{Clusters, CommonArgs, FitArgs, GmmArgs, KmeansArgs, RemapArgs, SampleMode},
    report::{ChoiceResults, Hex, MixtureResults, ModelResults},
    saved::Saved,
};

/// How the colors of a picture are clustered.
#[derive(Debug)]
pub struct Method<'a> {
    kind: Kind<'a>,
    /// What is used instead of fitting.
    saved: Option<Saved>,
}

/// The two methods.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    Kmeans(&'a KmeansArgs),
    Gmm(&'a GmmArgs),
    /// No clustering: the colors are given.
    Remap(&'a RemapArgs, &'a Palette),
}

impl Kind<'_> {
    /// The name of the command.
    fn name(self) -> &'static str {
        match self {
            Self::Kmeans(_) => "kmeans",
            Self::Gmm(_) => "gmm",
            Self::Remap(..) => "remap",
        }
    }

    fn common(&self) -> &CommonArgs {
        match self {
            Self::Kmeans(args) => &args.common,
            Self::Gmm(args) => &args.common,
            Self::Remap(args, _) => &args.common,
        }
    }

    /// What both models take; nothing is fitted where colors are given.
    fn fit(&self) -> Option<&FitArgs> {
        match self {
            Self::Kmeans(args) => Some(&args.fit),
            Self::Gmm(args) => Some(&args.fit),
            Self::Remap(..) => None,
        }
    }
}

impl<'a> Method<'a> {
    /// The method, with the model that it is to use, if any.
    ///
    /// # Errors
    /// When that model cannot be read, or is not one of the method.
    pub fn new(kind: Kind<'a>) -> Result<Self> {
        let path = kind.fit().and_then(|fit| fit.load_model.as_ref());
        let saved = path.map(|path| Saved::load(path)?.of_method(kind.name(), path));
        Ok(Self {
            kind,
            saved: saved.transpose()?,
        })
    }

    /// The name of the command.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What default names carry: like `kmeans5`, without a number when each picture has its own.
    pub fn tag(&self) -> String {
        match (&self.saved, self.kind.fit().map(|fit| fit.k)) {
            (Some(saved), _) => format!("{}{}", self.name(), saved.k),
            (None, Some(Clusters::Number(k))) => format!("{}{k}", self.name()),
            (None, Some(Clusters::Auto) | None) => self.name().to_owned(),
        }
    }

    /// Whether results may have alpha though the picture has none.
    pub fn has_alpha(&self) -> bool {
        matches!(self.kind, Kind::Remap(_, palette) if palette.has_alpha())
    }

    /// Where distances are measured.
    pub fn space(&self) -> Space {
        let saved = self.saved.as_ref();
        saved.map_or_else(|| self.kind.common().space.into(), |saved| saved.space)
    }

    /// The order of palettes for people to look at.
    pub fn order(&self) -> Order {
        self.kind.common().sort.into()
    }

    /// Whether color differences are reported, which take a while.
    pub fn verbose(&self) -> bool {
        self.kind.common().verbose
    }

    /// Whether one model is fitted to all inputs together.
    pub fn is_shared(&self) -> bool {
        self.kind.fit().is_some_and(|fit| fit.shared_palette)
    }

    /// Iterations after which it stops though it has not converged.
    pub fn max_iter(&self) -> usize {
        match self.kind {
            Kind::Kmeans(args) => args.max_iter,
            Kind::Gmm(args) => args.max_iter,
            Kind::Remap(..) => usize::MAX,
        }
    }

    /// The model of `colors`.
    pub fn fit<const D: usize>(&self, colors: &Colors<D>) -> Result<Fit<D>> {
        let (model, k, choice) = match (self.kind, &self.saved) {
            (Kind::Kmeans(_), Some(saved)) => {
                let Parameters::KMeans(centroids) = saved.model::<D>()?.parameters else {
                    bail!("the saved model is not one of kmeans");
                };
                let fit = kmeans::score(colors, &centroids)?;
                (self.kmeans(colors, fit)?, saved.k, None)
            }
            (Kind::Gmm(args), Some(saved)) => {
                let Parameters::Mixture(mixture) = saved.model::<D>()?.parameters else {
                    bail!("the saved model is not one of gmm");
                };
                let fit = gmm::score(colors, &mixture, args.reg_covar)?;
                (Model::Gmm(fit, Draw::of(args)), saved.k, None)
            }
            (Kind::Kmeans(args), None) => match args.fit.k {
                Clusters::Number(k) => {
                    let fit = kmeans::fit(colors, &args.options(k))?;
                    (self.kmeans(colors, fit)?, k, None)
                }
                Clusters::Auto => {
                    let most = args.fit.max_k;
                    let choice = kmeans::choose(colors, &args.options(most), most)?;
                    let results = ChoiceResults::of("knee", &choice);
                    let model = self.kmeans(colors, choice.fit)?;
                    (model, choice.k, Some(results))
                }
            },
            (Kind::Gmm(args), None) => match args.fit.k {
                Clusters::Number(k) => {
                    let fit = gmm::fit(colors, &args.options(k))?;
                    (Model::Gmm(fit, Draw::of(args)), k, None)
                }
                Clusters::Auto => {
                    let most = args.fit.max_k;
                    let criterion = args.criterion.into();
                    let choice = gmm::choose(colors, &args.options(most), most, criterion)?;
                    let name = match criterion {
                        gmm::Criterion::Bic => "bic",
                        gmm::Criterion::Aic => "aic",
                    };
                    let results = ChoiceResults::of(name, &choice);
                    let model = Model::Gmm(choice.fit, Draw::of(args));
                    (model, choice.k, Some(results))
                }
            },
            (Kind::Remap(_, palette), _) => (Model::Given(palette.clone()), palette.len(), None),
        };
        Ok(Fit {
            model,
            space: self.space(),
            dither: self.kind.common().dither.0,
            k,
            choice,
        })
    }

    /// The model of `fit` with its palette, which is another one when it is to be dithered.
    fn kmeans<const D: usize>(&self, colors: &Colors<D>, fit: kmeans::Fit) -> Result<Model<D>> {
        let (centroids, space) = (&fit.centroids, self.space());
        let palette = if self.kind.common().dither.0.is_some() && self.saved.is_none() {
            dither::palette(colors, centroids, space)?
        } else {
            kmeans::to_palette(colors, centroids, space)?
        };
        Ok(Model::Kmeans(fit, palette))
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
    dither: Option<Dither>,
    /// Clusters or components asked for, or chosen.
    pub k: usize,
    choice: Option<ChoiceResults>,
}

enum Model<const D: usize> {
    /// With the palette that it became.
    Kmeans(kmeans::Fit, Palette),
    Gmm(gmm::Fit<D>, Draw),
    /// A palette that was not fitted.
    Given(Palette),
}

/// How pictures are drawn from a mixture.
pub struct Draw {
    mode: SampleMode,
    seed: u64,
}

impl Draw {
    fn of(args: &GmmArgs) -> Self {
        Self {
            mode: args.sample_mode,
            seed: args.fit.seed,
        }
    }
}

impl<const D: usize> Fit<D> {
    /// `subject` in the colors of the model, the most frequent one first.
    pub fn compress(&self, subject: &Subject<D>) -> Result<IndexedPicture> {
        let Subject {
            picture,
            colors,
            color_of_pixel,
        } = subject;
        let (width, height) = (picture.width(), picture.height());
        let (palette, indices) = if let Some(dither) = self.dither {
            let palette = self.palette()?;
            let (width, space) = (width as usize, self.space);
            let indices = dither::dither(colors, color_of_pixel, width, &palette, space, dither);
            (palette, indices)
        } else {
            let (palette, entry_of_color) = self.assign(colors)?;
            (palette, map::expand(&entry_of_color, color_of_pixel))
        };
        Ok(IndexedPicture::new(width, height, palette, indices)?.sorted_by_count())
    }

    /// The palette of the model.
    fn palette(&self) -> Result<Palette> {
        Ok(match &self.model {
            Model::Kmeans(_, palette) | Model::Given(palette) => palette.clone(),
            Model::Gmm(fit, _) => self.means(fit)?.0,
        })
    }

    /// The palette of the model, and the entry that is each color's by the model.
    pub fn assign(&self, colors: &Colors<D>) -> Result<(Palette, Vec<u8>)> {
        Ok(match &self.model {
            Model::Kmeans(_, palette) | Model::Given(palette) => {
                let entry_of_color = map::nearest(colors, palette, self.space);
                (palette.clone(), entry_of_color)
            }
            Model::Gmm(fit, _) => {
                let (palette, entry_of_component) = self.means(fit)?;
                let components = fit.mixture.predict(colors)?;
                let entry = |component: u32| entry_of_component[component as usize];
                (palette, components.into_iter().map(entry).collect())
            }
        })
    }

    /// The same model with its palette in the order of `palette`, the one that is saved: which of two
    /// entries equally near is taken depends on it, and is to be the same for those who map with the
    /// file. Components of a mixture decide by themselves.
    pub fn with_palette(mut self, palette: &Palette) -> Self {
        if let Model::Kmeans(_, own) = &mut self.model {
            own.clone_from(palette);
        }
        self
    }

    /// A picture of the size of `picture` drawn from the mixture; the other methods have nothing to draw from.
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

    /// Each pixel's posterior mean; k-means has none.
    pub fn soft(&self, subject: &Subject<D>) -> Result<Option<Picture>> {
        let Model::Gmm(fit, _) = &self.model else {
            return Ok(None);
        };
        let colors = fit.mixture.posterior_colors(&subject.colors, self.space)?;
        let color = |&color: &u32| colors[color as usize];
        let pixels = subject.color_of_pixel.iter().map(color).collect();
        let (width, height) = (subject.picture.width(), subject.picture.height());
        Ok(Some(Picture::from_pixels(
            width,
            height,
            Pixels::Rgba8(pixels),
        )?))
    }

    /// The number of each pixel's cluster or component as a PNG of 8-bit gray.
    pub fn labels(&self, subject: &Subject<D>) -> Result<Vec<u8>> {
        let numbers = match &self.model {
            Model::Kmeans(fit, _) => kmeans::predict(&subject.colors, &fit.centroids)?,
            Model::Gmm(fit, _) => fit.mixture.predict(&subject.colors)?,
            Model::Given(_) => bail!("a palette that is given has no clusters"),
        };
        // No more than 256 colors can be asked for, nor loaded.
        let numbers: Vec<u8> = numbers.into_iter().map(|number| number as u8).collect();
        let labels = map::expand(&numbers, &subject.color_of_pixel);
        let (width, height) = (subject.picture.width(), subject.picture.height());
        Ok(picture::encode_gray(width, height, &labels)?)
    }

    /// The model as JSON.
    pub fn to_json(&self) -> Result<String> {
        let parameters = match &self.model {
            Model::Kmeans(fit, _) => Parameters::KMeans(fit.centroids.clone()),
            Model::Gmm(fit, _) => Parameters::Mixture(fit.mixture.clone()),
            Model::Given(_) => bail!("a palette that is given is no model"),
        };
        let model = quantize::model::Model {
            space: self.space,
            parameters,
        };
        Ok(model.to_json()?)
    }

    /// The model of `colors` in figures.
    pub fn results(&self, colors: &Colors<D>) -> Result<ModelResults> {
        Ok(match &self.model {
            Model::Kmeans(fit, _) => ModelResults {
                inertia: Some(fit.inertia),
                n_iter: fit.n_iter,
                converged: fit.converged,
                choice: self.choice.clone(),
                ..ModelResults::NONE
            },
            Model::Given(_) => ModelResults::NONE,
            Model::Gmm(fit, _) => ModelResults {
                inertia: None,
                log_likelihood: Some(fit.log_likelihood),
                bic: Some(fit.bic(colors.total())),
                aic: Some(fit.aic(colors.total())),
                n_iter: fit.n_iter,
                converged: fit.converged,
                choice: self.choice.clone(),
                mixture: Some(self.mixture_results(fit)?),
            },
        })
    }

    /// The means as bytes, and the entry that each became.
    fn means(&self, fit: &gmm::Fit<D>) -> Result<(Palette, Vec<u8>)> {
        let means = &fit.mixture.means * self.space.unit();
        Ok(Palette::from_means::<D>(&means, self.space)?)
    }

    fn mixture_results(&self, fit: &gmm::Fit<D>) -> Result<MixtureResults> {
        let (palette, entries) = self.means(fit)?;
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
