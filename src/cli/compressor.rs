//! A picture compressed: once, or with one number of colors after the other until a target is reached.

use anyhow::Result;
use quantize::{
    Effort, metrics,
    picture::{EncodeOptions, Metadata},
};

use super::{
    args::Clusters,
    method::{Fit, Mapped, Method, Subject},
    progress,
    stopwatch::Stopwatch,
};

/// A picture in few colors.
pub struct Compressed<const D: usize> {
    pub model: Fit<D>,
    pub mapped: Mapped,
    pub png: Vec<u8>,
}

/// Compresses one picture.
pub struct Compressor<'a, const D: usize> {
    method: &'a Method<'a>,
    subject: &'a Subject<D>,
    metadata: &'a Metadata,
    encoding: EncodeOptions,
    watch: &'a mut Stopwatch,
    /// What all of it took together.
    pub seconds: CompressionSeconds,
}

/// Seconds of the stages.
#[derive(Default)]
pub struct CompressionSeconds {
    pub fit: f64,
    pub map: f64,
    pub encode: f64,
}

impl<'a, const D: usize> Compressor<'a, D> {
    pub fn new(
        method: &'a Method<'a>,
        subject: &'a Subject<D>,
        metadata: &'a Metadata,
        encoding: EncodeOptions,
        watch: &'a mut Stopwatch,
    ) -> Self {
        Self {
            method,
            subject,
            metadata,
            encoding,
            watch,
            seconds: CompressionSeconds::default(),
        }
    }

    /// The distinct colors of the picture.
    pub fn distinct_colors(&self) -> usize {
        self.subject.colors.len()
    }

    /// Whether models are mixtures.
    pub fn is_mixture(&self) -> bool {
        self.method.is_mixture()
    }

    /// The picture in so many colors.
    pub fn with(&mut self, clusters: Clusters) -> Result<Compressed<D>> {
        let model = self.fit(clusters)?;
        self.of(model)
    }

    /// A model with so many colors.
    pub fn fit(&mut self, clusters: Clusters) -> Result<Fit<D>> {
        progress::stage("fit");
        let model = self.method.fit(&self.subject.colors, clusters)?;
        self.seconds.fit += self.watch.lap();
        Ok(model)
    }

    /// About the model with so many colors, sooner.
    pub fn draft(&mut self, k: usize) -> Result<Fit<D>> {
        progress::stage("fit");
        let model = self.method.draft(&self.subject.colors, k)?;
        self.seconds.fit += self.watch.lap();
        Ok(model)
    }

    /// About the bytes of the picture in so many colors, sooner.
    pub fn draft_size(&mut self, k: usize) -> Result<u64> {
        let draft = self.draft(k)?;
        let sooner = EncodeOptions {
            effort: self.encoding.effort.min(Effort::Balanced),
            ..self.encoding
        };
        let (_, png) = self.map_and_encode_with(&draft, sooner)?;
        Ok(png.len() as u64)
    }

    /// The PSNR of the picture in the colors of `model` without dithering; none when nothing differs.
    pub fn psnr_db(&mut self, model: &Fit<D>) -> Result<Option<f64>> {
        progress::stage("map");
        let psnr_db = metrics::psnr_db(model.plain_mse(self.subject)?);
        self.seconds.map += self.watch.lap();
        Ok(psnr_db)
    }

    /// The picture in the colors of `model`.
    pub fn of(&mut self, model: Fit<D>) -> Result<Compressed<D>> {
        let (mapped, png) = self.map_and_encode(&model)?;
        Ok(Compressed { model, mapped, png })
    }

    /// The picture in the colors of `model`, and its file.
    pub fn map_and_encode(&mut self, model: &Fit<D>) -> Result<(Mapped, Vec<u8>)> {
        self.map_and_encode_with(model, self.encoding)
    }

    fn map_and_encode_with(
        &mut self,
        model: &Fit<D>,
        encoding: EncodeOptions,
    ) -> Result<(Mapped, Vec<u8>)> {
        progress::stage("map");
        let mapped = model.compress(self.subject)?;
        self.seconds.map += self.watch.lap();
        progress::stage("encode");
        let png = self
            .metadata
            .put_into(mapped.picture.encode_png(encoding)?)?;
        self.seconds.encode += self.watch.lap();
        Ok((mapped, png))
    }
}
