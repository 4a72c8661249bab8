//! The two methods in the same terms: what to fit, and what came of it.

use std::{ops::RangeInclusive, path::PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ndarray::{Array2, Array3, ArrayView2, Axis, concatenate};
use quantize::{
    Colors, Dither, Effort, IndexedPicture, Palette, Picture, Space, alpha,
    colors::ColorOfPixel,
    dither, gmm, kmeans, map, metrics,
    model::Parameters,
    palette::Order,
    picture::{self, Pixels},
};

use super::{
    args::{Clusters, CommonArgs, FitArgs, GmmArgs, KmeansArgs, RemapArgs, SampleMode},
    page::{Center, Curve},
    report::{ChoiceResults, Hex, MixtureResults, ModelResults},
    saved::Saved,
    targets::Targets,
};

/// How the colors of a picture are clustered.
#[derive(Debug)]
pub struct Method<'a> {
    kind: Kind<'a>,
    /// What is used instead of fitting.
    saved: Option<Saved>,
    /// Colors that the palette has in any case, each once.
    pinned: Vec<[u8; 4]>,
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
    /// When that model cannot be read, or is not one of the method; when numbers of colors contradict
    /// each other.
    pub fn new(kind: Kind<'a>) -> Result<Self> {
        let pinned = kind.fit().map_or_else(|| Ok(Vec::new()), pinned)?;
        if let Some(fit) = kind.fit().filter(|fit| fit.clusters() != Clusters::Auto) {
            let criterion = matches!(kind, Kind::Gmm(args) if args.criterion.is_some());
            ensure!(!fit.has_max_k(), "--max-k is for -k auto");
            ensure!(!criterion, "--criterion is for -k auto");
        }
        if let (Kind::Gmm(args), false) = (kind, pinned.is_empty()) {
            ensure!(
                pinned.len() < most(&args.fit),
                "--keep-color leaves no color for the mixture"
            );
        }
        let path = kind.fit().and_then(|fit| fit.load_model.as_ref());
        let saved = path.map(|path| Saved::load(path)?.of_method(kind.name(), path));
        Ok(Self {
            kind,
            saved: saved.transpose()?,
            pinned,
        })
    }

    /// The name of the command.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// What default names carry: like `kmeans5`, without a number when each picture has its own.
    pub fn tag(&self) -> String {
        let number = match (&self.saved, self.kind.fit()) {
            (Some(saved), _) => Some(saved.k),
            (None, Some(fit)) if fit.targets().is_none() => match fit.clusters() {
                Clusters::Number(k) => Some(k),
                Clusters::Auto => None,
            },
            (None, _) => None,
        };
        number.map_or_else(
            || self.name().to_owned(),
            |number| format!("{}{number}", self.name()),
        )
    }

    /// Whether results may have alpha though the picture has none.
    pub fn has_alpha(&self) -> bool {
        let given = matches!(self.kind, Kind::Remap(_, palette) if palette.has_alpha());
        let saved = self.saved.as_ref().is_some_and(|saved| saved.channels == 4);
        given || saved || self.pinned.iter().any(|color| color[3] < 255)
    }

    /// The colors that stay in the palette though no pixel has them.
    pub fn pinned(&self) -> &[[u8; 4]] {
        &self.pinned
    }

    /// Bytes of memory that dithering takes, if that is asked for.
    pub fn memory_to_dither<const D: usize>(&self, colors: &Colors<D>, picture: &Picture) -> u64 {
        let dither = self.kind.common().dither.0;
        dither.map_or(0, |_| dither::memory_needed(colors, picture.len()))
    }

    /// How many clusters or components are asked for; of no meaning where nothing is fitted.
    pub fn clusters(&self) -> Clusters {
        let fit = self.kind.fit();
        fit.map_or(Clusters::Auto, FitArgs::clusters)
    }

    /// Whether a mixture is fitted.
    pub fn is_mixture(&self) -> bool {
        matches!(self.kind, Kind::Gmm(_))
    }

    /// What decides how many colors there are.
    pub fn targets(&self) -> Option<Targets> {
        self.kind.fit().and_then(FitArgs::targets)
    }

    /// How many colors targets may choose.
    pub fn range(&self) -> RangeInclusive<usize> {
        let own = usize::from(self.is_mixture());
        let least = (self.pinned.len() + own).max(1);
        least..=self.kind.fit().map_or(least, most)
    }

    /// How far the search for a small file goes: as fast as that for a fast model.
    pub fn encoding_effort(&self) -> Effort {
        let effort = match self.kind {
            _ if self.kind.common().optimize => return Effort::Best,
            Kind::Kmeans(args) => args.effort.into(),
            Kind::Gmm(args) => args.effort.into(),
            Kind::Remap(..) => Effort::Balanced,
        };
        effort.min(Effort::Balanced)
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
        let shared = self.kind.fit().is_some_and(|fit| fit.shared_palette);
        shared || !self.tables().is_empty()
    }

    /// The tables that it is fitted to, if any.
    pub fn tables(&self) -> &[PathBuf] {
        self.kind.fit().map_or(&[], |fit| &fit.counts)
    }

    /// Iterations after which it stops though it has not converged.
    pub fn max_iter(&self) -> usize {
        match self.kind {
            Kind::Kmeans(args) => args.max_iter,
            Kind::Gmm(args) => args.max_iter,
            Kind::Remap(..) => usize::MAX,
        }
    }

    /// The model of `colors` with so many clusters or components, the colors that are pinned among them.
    pub fn fit<const D: usize>(&self, colors: &Colors<D>, clusters: Clusters) -> Result<Fit<D>> {
        let pinned = points::<D>(&self.pinned, self.space());
        let (model, k, choice) = match (self.kind, &self.saved) {
            (Kind::Kmeans(_), Some(saved)) => {
                let Parameters::KMeans { centroids, palette } = saved.model::<D>()?.parameters
                else {
                    bail!("the saved model is not one of kmeans");
                };
                let fit = kmeans::score(colors, &centroids)?;
                let palette = match palette {
                    Some(palette) => palette,
                    None => kmeans::to_palette(colors, &centroids, saved.space)?,
                };
                (Model::Kmeans(fit, palette), saved.k, None)
            }
            (Kind::Gmm(args), Some(saved)) => {
                let Parameters::Mixture(mixture) = saved.model::<D>()?.parameters else {
                    bail!("the saved model is not one of gmm");
                };
                let fit = gmm::score(colors, &mixture, args.reg_covar)?;
                (
                    self.gmm(colors, fit, Draw::of(args), saved.k)?,
                    saved.k,
                    None,
                )
            }
            (Kind::Kmeans(args), None) => {
                let options = |k| kmeans::Options {
                    pinned: pinned.clone(),
                    ..args.options(k)
                };
                match clusters {
                    Clusters::Number(k) => {
                        let fit = kmeans::fit(colors, &options(k))?;
                        (self.kmeans(colors, fit, k)?, k, None)
                    }
                    Clusters::Auto => {
                        let most = args.fit.max_k();
                        let choice = kmeans::choose(colors, &options(most), most)?;
                        let results = ChoiceResults::of("knee", &choice);
                        let model = self.kmeans(colors, choice.fit, choice.k)?;
                        (model, choice.k, Some(results))
                    }
                }
            }
            (Kind::Gmm(args), None) => match clusters {
                Clusters::Number(k) => {
                    let fit = gmm::fit(colors, &args.options(k - pinned.nrows()))?;
                    (self.gmm(colors, fit, Draw::of(args), k)?, k, None)
                }
                Clusters::Auto => {
                    let most = args.fit.max_k() - pinned.nrows();
                    let criterion = args.criterion();
                    let choice = gmm::choose(colors, &args.options(most), most, criterion)?;
                    let name = match criterion {
                        gmm::Criterion::Bic => "bic",
                        gmm::Criterion::Aic => "aic",
                    };
                    let results = ChoiceResults::of(name, &choice);
                    let k = choice.k + pinned.nrows();
                    let model = self.gmm(colors, choice.fit, Draw::of(args), k)?;
                    (model, k, Some(results))
                }
            },
            (Kind::Remap(_, palette), _) => {
                (Model::Given(given(palette, colors)?), palette.len(), None)
            }
        };
        Ok(self.fitted(model, k, choice, colors))
    }

    /// A quick k-means with so many clusters, whose picture is about as good and as large as that of
    /// the model would be; a mixture's are
    /// a little worse.
    ///
    /// # Errors
    /// Where nothing is fitted.
    pub fn draft<const D: usize>(&self, colors: &Colors<D>, k: usize) -> Result<Fit<D>> {
        let fit = self.kind.fit().context("nothing is fitted")?;
        let options = kmeans::Options {
            k,
            init: fit.init.into(),
            pinned: points::<D>(&self.pinned, self.space()),
            effort: Effort::Fast,
            seed: fit.seed,
            ..kmeans::Options::default()
        };
        let model = self.kmeans(colors, kmeans::fit(colors, &options)?, k)?;
        Ok(self.fitted(model, k, None, colors))
    }

    fn fitted<const D: usize>(
        &self,
        model: Model<D>,
        k: usize,
        choice: Option<ChoiceResults>,
        colors: &Colors<D>,
    ) -> Fit<D> {
        Fit {
            pixels: colors.total(),
            model,
            space: self.space(),
            kept: self.pinned.clone(),
            dither: self.kind.common().dither.0,
            k,
            choice,
        }
    }

    /// The model of `fit` with its palette, which is another one when it is to be dithered.
    fn kmeans<const D: usize>(
        &self,
        colors: &Colors<D>,
        fit: kmeans::Fit,
        k: usize,
    ) -> Result<Model<D>> {
        let (space, pinned) = (self.space(), self.pinned.len());
        let palette = if self.kind.common().dither.0.is_some() {
            let palette = dither::palette(colors, &fit.centroids, pinned, space)?;
            map::complete_nearest(colors, &palette, pinned, k, space)?
        } else {
            plain_palette(colors, &fit, pinned, k, space)?.0
        };
        Ok(Model::Kmeans(fit, palette))
    }

    /// The model of `fit` with its palette.
    fn gmm<const D: usize>(
        &self,
        colors: &Colors<D>,
        fit: gmm::Fit<D>,
        draw: Draw,
        k: usize,
    ) -> Result<Model<D>> {
        let mut means = Means::new(colors, &fit, &self.pinned, self.space())?;
        if self.saved.is_none() {
            means.complete(colors, &fit, k)?;
        }
        Ok(Model::Gmm(fit, Box::new(means), draw))
    }
}

/// The palette of `fit` where nothing is dithered, and the entry of each color.
fn plain_palette<const D: usize>(
    colors: &Colors<D>,
    fit: &kmeans::Fit,
    pinned: usize,
    k: usize,
    space: Space,
) -> Result<(Palette, Vec<u8>)> {
    let (palette, entry_of_color) =
        kmeans::to_palette_keeping(colors, &fit.centroids, pinned, space)?;
    Ok(map::complete(
        colors,
        &palette,
        entry_of_color,
        pinned,
        k,
        space,
    )?)
}

/// The colors that are given, and a wholly transparent one if one of `colors` is and there is room.
fn given<const D: usize>(palette: &Palette, colors: &Colors<D>) -> Result<Palette> {
    let mut entries = palette.colors().to_vec();
    let is_there = entries.iter().any(|entry| entry[3] == 0);
    if alpha::has_transparent(colors) && !is_there && entries.len() < 256 {
        entries.push([0; 4]);
    }
    Ok(Palette::new(entries)?)
}

/// The palette of a mixture, and who takes which entry.
struct Means {
    palette: Palette,
    space: Space,
    /// The first entries, which are no means.
    pinned: usize,
    /// The entry that each component's mean became, and its color; an entry of a component that is
    /// nowhere the most probable may since have become another.
    entry_of_component: Vec<u8>,
    color_of_component: Vec<[u8; 4]>,
    /// Which entries are no means, but pinned, filled up with or wholly transparent, and so take the
    /// colors nearest to them.
    takes_nearest: Vec<bool>,
}

impl Means {
    fn new<const D: usize>(
        colors: &Colors<D>,
        fit: &gmm::Fit<D>,
        pinned: &[[u8; 4]],
        space: Space,
    ) -> Result<Self> {
        let mut means: Vec<_> = points_of(&(&fit.mixture.means * space.unit())).collect();
        alpha::settle(colors, &mut means, &fit.mixture.predict(colors)?, 0);
        let all = concatenate![Axis(0), points::<D>(pinned, space), array(&means)];
        let (palette, mut entry_of_component) = Palette::from_means::<D>(&all, space)?;
        entry_of_component.drain(..pinned.len());
        let takes_nearest =
            |(entry, color): (usize, &[u8; 4])| entry < pinned.len() || color[3] == 0;
        let takes_nearest = palette.colors().iter().enumerate().map(takes_nearest);
        let color = |&entry: &u8| palette.colors()[usize::from(entry)];
        Ok(Self {
            takes_nearest: takes_nearest.collect(),
            color_of_component: entry_of_component.iter().map(color).collect(),
            palette,
            space,
            pinned: pinned.len(),
            entry_of_component,
        })
    }

    /// Fills the palette up to k colors that are in use, if there are so many.
    fn complete<const D: usize>(
        &mut self,
        colors: &Colors<D>,
        fit: &gmm::Fit<D>,
        k: usize,
    ) -> Result<()> {
        let entry_of_color = self.assign(colors, fit)?;
        let (pinned, space) = (self.pinned, self.space);
        let (palette, _) = map::complete(colors, &self.palette, entry_of_color, pinned, k, space)?;
        let own = self.palette.colors();
        self.takes_nearest.resize(palette.len(), true);
        for (entry, color) in palette.colors().iter().enumerate() {
            self.takes_nearest[entry] |= own.get(entry) != Some(color);
        }
        self.palette = palette;
        Ok(())
    }

    /// The entry of each distinct color: that of its most probable component, unless that is no mean any
    /// more or one that is no mean is the nearest. What is opaque or wholly transparent stays so.
    fn assign<const D: usize>(&self, colors: &Colors<D>, fit: &gmm::Fit<D>) -> Result<Vec<u8>> {
        let components = fit.mixture.predict(colors)?.into_iter();
        let entry = |component: u32| self.entry_of_component[component as usize];
        let mut entries: Vec<u8> = components.map(entry).collect();
        if self.takes_nearest.contains(&true) {
            let nearest = map::nearest(colors, &self.palette, self.space);
            for (entry, nearest) in entries.iter_mut().zip(nearest) {
                let takes_nearest = |entry: u8| self.takes_nearest[usize::from(entry)];
                if takes_nearest(nearest) || takes_nearest(*entry) {
                    *entry = nearest;
                }
            }
        }
        let points = self.palette.points(self.space);
        Ok(alpha::keep(colors, &points, entries))
    }
}

/// Colors as the rows of an array.
fn points<const D: usize>(colors: &[[u8; 4]], space: Space) -> Array2<f64> {
    let point = |color: &[u8; 4]| space.point(color.map(f64::from));
    array(&colors.iter().map(point).collect::<Vec<[f64; D]>>())
}

/// Points as the rows of an array.
fn array<const D: usize>(points: &[[f64; D]]) -> Array2<f64> {
    Array2::from_shape_fn((points.len(), D), |(row, d)| points[row][d])
}

/// A picture and its distinct colors, with alpha where D is 4.
pub struct Subject<const D: usize> {
    pub picture: Picture,
    pub colors: Colors<D>,
    pub color_of_pixel: ColorOfPixel,
}

/// A picture in the colors of a model.
pub struct Mapped {
    pub picture: IndexedPicture,
    /// Where distinct colors tell it.
    mse: Option<f64>,
}

impl Mapped {
    /// Its MSE beside the original.
    pub fn mse(&self, original: &Picture) -> quantize::Result<f64> {
        let of_pixels = || metrics::mse_of_indexed(original, &self.picture);
        self.mse.map_or_else(of_pixels, Ok)
    }
}

/// A fitted model of colors in a space.
pub struct Fit<const D: usize> {
    model: Model<D>,
    space: Space,
    /// Colors that stay in the palette though no pixel has them.
    kept: Vec<[u8; 4]>,
    dither: Option<Dither>,
    /// Clusters or components asked for, or chosen.
    pub k: usize,
    choice: Option<ChoiceResults>,
    /// How many it was fitted to.
    pixels: f64,
}

enum Model<const D: usize> {
    /// With the palette that it became.
    Kmeans(kmeans::Fit, Palette),
    /// With the palette that its means became.
    Gmm(gmm::Fit<D>, Box<Means>, Draw),
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
    pub fn compress(&self, subject: &Subject<D>) -> Result<Mapped> {
        let Some(dither) = self.dither else {
            let (palette, entry_of_color) = self.assign(&subject.colors)?;
            return self.indexed(subject, &palette, entry_of_color);
        };
        let Subject {
            picture,
            colors,
            color_of_pixel,
        } = subject;
        let (width, height) = (picture.width(), picture.height());
        let (palette, space) = (self.palette(), self.space);
        let indices = dither::dither(
            colors,
            &color_of_pixel.rows(),
            width as usize,
            palette,
            space,
            dither,
        )?;
        let indexed = IndexedPicture::new(width, height, palette.clone(), indices)?;
        Ok(Mapped {
            picture: indexed.sorted_by_count(&self.kept),
            mse: None,
        })
    }

    /// The MSE of `subject` in the colors of the model without dithering.
    pub fn plain_mse(&self, subject: &Subject<D>) -> Result<f64> {
        let colors = &subject.colors;
        let (palette, entry_of_color) = match &self.model {
            // Its palette is one for the dither.
            Model::Kmeans(fit, _) if self.dither.is_some() => {
                plain_palette(colors, fit, self.kept.len(), self.k, self.space)?
            }
            _ => self.assign(colors)?,
        };
        match metrics::mse_of_entries(colors, &palette, &entry_of_color)? {
            Some(mse) => Ok(mse),
            None => Ok(self
                .indexed(subject, &palette, entry_of_color)?
                .mse(&subject.picture)?),
        }
    }

    /// `subject` in the entries of its colors, the most frequent one first.
    fn indexed(
        &self,
        subject: &Subject<D>,
        palette: &Palette,
        mut entry_of_color: Vec<u8>,
    ) -> Result<Mapped> {
        let Subject {
            picture,
            colors,
            color_of_pixel,
        } = subject;
        let pixels = map::counts_of_entries(colors.counts(), &entry_of_color, palette.len());
        let (palette, new_entry) = palette.sorted_by_count(&pixels, &self.kept);
        for entry in &mut entry_of_color {
            *entry = new_entry[usize::from(*entry)];
        }
        let (width, height) = (picture.width(), picture.height());
        let mse = metrics::mse_of_entries(colors, &palette, &entry_of_color)?;
        let picture =
            IndexedPicture::of_colors(width, height, palette, color_of_pixel, &entry_of_color)?;
        Ok(Mapped { picture, mse })
    }

    /// The palette of the model.
    fn palette(&self) -> &Palette {
        match &self.model {
            Model::Kmeans(_, palette) | Model::Given(palette) => palette,
            Model::Gmm(_, means, _) => &means.palette,
        }
    }

    /// The palette of the model, and the entry that is each color's by the model.
    pub fn assign(&self, colors: &Colors<D>) -> Result<(Palette, Vec<u8>)> {
        let palette = self.palette().clone();
        let entry_of_color = match &self.model {
            Model::Kmeans(..) | Model::Given(_) => map::nearest(colors, &palette, self.space),
            Model::Gmm(fit, means, _) => means.assign(colors, fit)?,
        };
        Ok((palette, entry_of_color))
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
        let Model::Gmm(gmm::Fit { mixture, .. }, _, draw) = &self.model else {
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
        let Model::Gmm(fit, ..) = &self.model else {
            return Ok(None);
        };
        let colors = fit.mixture.posterior_colors(&subject.colors, self.space)?;
        let pixels = subject.color_of_pixel.expand(&colors);
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
            Model::Gmm(fit, ..) => fit.mixture.predict(&subject.colors)?,
            Model::Given(_) => bail!("a palette that is given has no clusters"),
        };
        // No more than 256 colors can be asked for, nor loaded.
        let numbers: Vec<u8> = numbers.into_iter().map(|number| number as u8).collect();
        let labels = subject.color_of_pixel.expand(&numbers);
        let (width, height) = (subject.picture.width(), subject.picture.height());
        Ok(picture::encode_gray(width, height, &labels)?)
    }

    /// The objective in the course of the fit.
    pub fn curve(&self) -> Option<Curve> {
        match &self.model {
            Model::Kmeans(fit, _) => Curve::of(&fit.trace, "inertia per pixel", self.pixels),
            Model::Gmm(fit, ..) => Curve::of(&fit.trace, "nats per pixel", 1.0),
            Model::Given(_) => None,
        }
    }

    /// The centroids, the components or the colors that are given.
    pub fn centers(&self) -> Vec<Center<D>> {
        let bare = |point| Center {
            point,
            covariance: None,
        };
        let mixture = match &self.model {
            Model::Kmeans(fit, _) => return points_of(&fit.centroids).map(bare).collect(),
            Model::Given(palette) => {
                let points = palette.points(self.space).into_iter();
                return points.map(bare).collect();
            }
            Model::Gmm(fit, ..) => &fit.mixture,
        };
        let unit = self.space.unit();
        let covariances = mixture.covariances.outer_iter();
        let covariances = covariances.map(|sigma| {
            let entry = |i: usize, l: usize| sigma[[i, l]] * unit * unit;
            [0, 1, 2].map(|i| [0, 1, 2].map(|l| entry(i, l)))
        });
        let means = &mixture.means * unit;
        let centers = points_of(&means).zip(covariances);
        let centers = centers.map(|(point, covariance)| Center {
            point,
            covariance: Some(covariance),
        });
        centers.collect()
    }

    /// Where distances were measured.
    pub fn space(&self) -> Space {
        self.space
    }

    /// The model as JSON.
    pub fn to_json(&self) -> Result<String> {
        let parameters = match &self.model {
            Model::Kmeans(fit, palette) => Parameters::KMeans {
                centroids: fit.centroids.clone(),
                palette: Some(palette.clone()),
            },
            Model::Gmm(fit, ..) => Parameters::Mixture(fit.mixture.clone()),
            Model::Given(_) => bail!("a palette that is given is no model"),
        };
        let model = quantize::model::Model {
            space: self.space,
            parameters,
        };
        Ok(model.to_json()?)
    }

    /// The model of `colors` in figures.
    pub fn results(&self, colors: &Colors<D>) -> ModelResults {
        match &self.model {
            Model::Kmeans(fit, _) => ModelResults {
                inertia: Some(fit.inertia),
                n_iter: Some(fit.n_iter),
                converged: Some(fit.converged),
                choice: self.choice.clone(),
                ..ModelResults::NONE
            },
            Model::Given(_) => ModelResults::NONE,
            Model::Gmm(fit, means, _) => ModelResults {
                inertia: None,
                log_likelihood: Some(fit.log_likelihood),
                bic: Some(fit.bic(colors.total())),
                aic: Some(fit.aic(colors.total())),
                n_iter: Some(fit.n_iter),
                converged: Some(fit.converged),
                choice: self.choice.clone(),
                mixture: Some(mixture_results(fit, means)),
            },
        }
    }
}

fn mixture_results<const D: usize>(fit: &gmm::Fit<D>, means: &Means) -> MixtureResults {
    MixtureResults {
        weights: fit.mixture.weights.to_vec(),
        means: rows(&fit.mixture.means.view()),
        covariances: matrices(&fit.mixture.covariances),
        floored: fit.floored,
        colors: means.color_of_component.iter().copied().map(Hex).collect(),
        pinned: means.palette.colors()[..means.pinned]
            .iter()
            .copied()
            .map(Hex)
            .collect(),
    }
}

/// The most colors that are asked for.
fn most(args: &FitArgs) -> usize {
    match args.clusters() {
        Clusters::Number(k) => k,
        Clusters::Auto => args.max_k(),
    }
}

/// The colors of `--keep-color`, each once.
///
/// # Errors
/// When they are more than there are to be, or `-k auto` and a target both choose how many.
fn pinned(args: &FitArgs) -> Result<Vec<[u8; 4]>> {
    ensure!(
        args.targets().is_none() || args.clusters() != Clusters::Auto,
        "-k auto chooses the number of colors itself, without --min-psnr and --max-bytes"
    );
    let mut pinned = Vec::new();
    for &color in &args.keep_color {
        if !pinned.contains(&color) {
            pinned.push(color);
        }
    }
    ensure!(
        pinned.len() <= most(args),
        "--keep-color names {} colors, more than the {} that there are to be",
        pinned.len(),
        most(args)
    );
    Ok(pinned)
}

/// The rows of a matrix of D columns.
fn points_of<const D: usize>(matrix: &Array2<f64>) -> impl Iterator<Item = [f64; D]> {
    let rows = matrix.rows().into_iter();
    rows.map(|row| std::array::from_fn(|d| row[d]))
}

fn rows(matrix: &ArrayView2<f64>) -> Vec<Vec<f64>> {
    matrix.rows().into_iter().map(|row| row.to_vec()).collect()
}

fn matrices(array: &Array3<f64>) -> Vec<Vec<Vec<f64>>> {
    array.outer_iter().map(|matrix| rows(&matrix)).collect()
}
