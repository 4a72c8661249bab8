//! One picture's journey: load, colors, fit, palette, map, encode, write.

use std::cell::OnceCell;

use anyhow::{Result, bail, ensure};
use quantize::{
    Colors, Palette, Picture, alpha,
    figure::{self, Panel},
    metrics,
    picture::{EncodeOptions, Existing},
};

use super::{
    compressor::{CompressionSeconds, Compressor},
    load::{Attempt, Loaded, Loader},
    method::{Fit, Mapped, Method, Subject},
    output,
    page::{Room, Views},
    palettes,
    plan::{Extra, Job, Target},
    progress,
    report::{Entry, Hex, ModelResults, Results, Seconds, Status},
    shared::Shared,
    targets::Targets,
};

/// How every picture is treated.
pub struct Settings<'a> {
    pub method: &'a Method<'a>,
    pub existing: Existing,
    /// Whether a picture that did not shrink is left out.
    pub skip_if_larger: bool,
    /// How PNG files are made.
    pub encoding: EncodeOptions,
    pub loader: Loader<'a>,
}

/// Makes and writes everything that `job` asks for, with the model that all pictures share, if they
/// do, and makes what there is `room` for on a page. Nothing is written unless all of it could be made.
///
/// # Errors
/// Why the picture failed, in words for the user.
pub fn journey(
    job: &Job,
    settings: &Settings,
    shared: Option<&Shared>,
    room: Option<Room>,
) -> Result<Results> {
    let targets = job.targets().map(|(_, target)| target);
    output::refuse_existing(targets, settings.existing)?;
    settings.loader.with(&job.source, |loaded| {
        if let Target::InPlace(_) = job.output {
            ensure!(
                loaded.is_png,
                "not a PNG file, and --in-place replaces no other"
            );
        }
        let has_alpha = loaded.picture.has_alpha() || settings.method.has_alpha();
        match shared {
            Some(Shared::Opaque(_)) if loaded.picture.has_alpha() => bail!(
                "has transparency, and the model was fitted to colors that have none; \
                 quantize remap takes it"
            ),
            Some(Shared::Opaque(fit)) => travel::<3>(job, settings, loaded, Some(fit), room),
            Some(Shared::Alpha(fit)) => travel::<4>(job, settings, loaded, Some(fit), room),
            None if has_alpha => travel::<4>(job, settings, loaded, None, room),
            None => travel::<3>(job, settings, loaded, None, room),
        }
    })
}

/// The journey from decoded pixels on, with alpha where D is 4.
fn travel<const D: usize>(
    job: &Job,
    settings: &Settings,
    loaded: Loaded,
    shared: Option<&Fit<D>>,
    room: Option<Room>,
) -> Result<Attempt<Results>> {
    let method = settings.method;
    let Loaded {
        picture,
        metadata,
        mut warnings,
        bytes_in,
        memory,
        mut claim,
        load,
        mut watch,
        ..
    } = loaded;
    progress::stage("colors");
    let (colors, color_of_pixel) = Colors::<D>::in_space(&picture, method.space());
    let memory = memory + memory_from_there(method, &picture, &colors, room);
    settings.loader.reading.check_memory(memory)?;
    if !claim.grow(memory) {
        return Ok(Attempt::Needs(memory));
    }
    let subject = Subject {
        picture,
        colors,
        color_of_pixel,
    };
    let counting = watch.lap();

    let mut compressor =
        Compressor::new(method, &subject, &metadata, settings.encoding, &mut watch);
    let own;
    let (model, mapped, png) = if let Some(shared) = shared {
        let (mapped, png) = compressor.map_and_encode(shared)?;
        (shared, mapped, png)
    } else {
        let (found, missed) = match method.targets() {
            Some(targets) => targets.search(method.range(), &mut compressor)?,
            None => (compressor.with(method.clusters())?, Vec::new()),
        };
        warnings.extend(missed);
        own = found.model;
        (&own, found.mapped, found.png)
    };
    let CompressionSeconds { fit, map, encode } = compressor.seconds;

    let bytes_out = png.len();
    let (palette, counts) = mapped
        .picture
        .palette()
        .sorted(mapped.picture.counts(), method.order());
    let made = Made {
        subject,
        model,
        mapped,
        in_full_color: OnceCell::new(),
        palette,
        counts,
    };
    warnings.extend(made.warnings(job)?);
    let mut files = vec![(&job.output, png)];
    files.extend(made.extras(job, settings.encoding)?);
    let views = |room| made.views(&files[0].1, room);
    let views = room.map(views).transpose()?;
    let status = if settings.skip_if_larger && bytes_out >= bytes_in {
        Status::Skipped
    } else {
        output::write(&files, settings.existing)?;
        Status::Written
    };
    let total = watch.total();

    let (picture, colors) = (&made.subject.picture, &made.subject.colors);
    let compressed = &made.mapped.picture;
    let mse = made.mapped.mse(picture)?;
    let difference = || metrics::ciede2000(picture, made.in_full_color());
    let difference = method.verbose().then(difference).transpose()?;
    Ok(Attempt::Done(Results {
        status,
        method: method.name(),
        width: compressed.width(),
        height: compressed.height(),
        distinct_colors: colors.len(),
        k: model.k,
        colors: compressed.palette().len(),
        palette: entries(&made.palette, &made.counts),
        mse,
        psnr_db: metrics::psnr_db(mse),
        difference: difference.map(Into::into),
        model: match shared {
            Some(_) => ModelResults::NONE,
            None => model.results(colors),
        },
        warnings,
        bytes_in,
        bytes_out,
        seconds: Seconds {
            load,
            colors: counting,
            fit,
            map,
            encode,
            total,
        },
        views,
    }))
}

/// Bytes of memory that the journey takes beside the pixels, once the distinct colors are known.
fn memory_from_there<const D: usize>(
    method: &Method,
    picture: &Picture,
    colors: &Colors<D>,
    room: Option<Room>,
) -> u64 {
    let views = room.map_or(0, |room| room.memory_needed(picture.len()));
    let held = method.targets().map_or(0, Targets::pictures_held) * (picture.len() as u64);
    // Each of them with its file.
    colors.memory_needed() + method.memory_to_dither(colors, picture) + 2 * held + views
}

/// What became of a picture.
struct Made<'a, const D: usize> {
    subject: Subject<D>,
    model: &'a Fit<D>,
    mapped: Mapped,
    /// Made where it is asked for.
    in_full_color: OnceCell<Picture>,
    /// The palette in the order of reports and palette files, with how many pixels have each color.
    palette: Palette,
    counts: Vec<u64>,
}

impl<const D: usize> Made<'_, D> {
    /// The picture with few colors, a pixel a color.
    fn in_full_color(&self) -> &Picture {
        let picture = || self.mapped.picture.to_picture();
        self.in_full_color.get_or_init(picture)
    }

    /// What a page shows of it; `png` is the file of the picture with few colors.
    fn views(&self, png: &[u8], room: Room) -> quantize::Result<Views> {
        Views::of(self.model, &self.subject, self.in_full_color(), png, room)
    }

    /// What the user should know of the transparency that is lost.
    fn warnings(&self, job: &Job) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        let is_transparent = |color: &[u8; 4]| color[3] == 0;
        let has_place = self.palette.colors().iter().any(is_transparent);
        if alpha::has_transparent(&self.subject.colors) && !has_place {
            warnings.push(
                "what is wholly transparent becomes visible: the palette has no room for such a color"
                    .to_owned(),
            );
        }
        for (extra, target) in &job.extras {
            if *extra == Extra::Palette {
                warnings.extend(palettes::warning(&self.palette, target)?);
            }
        }
        Ok(warnings)
    }

    /// The bytes of what `job` wants besides the picture with few colors, each with its place.
    fn extras<'j>(
        &self,
        job: &'j Job,
        encoding: EncodeOptions,
    ) -> Result<Vec<(&'j Target, Vec<u8>)>> {
        let Self { subject, model, .. } = self;
        let original = &subject.picture;
        // It is a picture of its own and a panel of the comparison.
        let sampled = if job.wants(Extra::Sample) {
            model.sample(original)?
        } else {
            None
        };
        let png = |picture: &Picture| picture.encode_png(encoding);
        let mut files = Vec::new();
        for (extra, target) in &job.extras {
            let bytes = match extra {
                Extra::Comparison => Some(png(&self.comparison(sampled.as_ref())?)?),
                Extra::Palette => Some(palettes::save(&self.palette, &self.counts, target)?),
                Extra::Sample => sampled.as_ref().map(png).transpose()?,
                Extra::Soft => model.soft(subject)?.as_ref().map(png).transpose()?,
                Extra::Labels => Some(model.labels(subject)?),
                Extra::Model => Some(model.to_json()?.into_bytes()),
            };
            files.extend(bytes.map(|bytes| (target, bytes)));
        }
        Ok(files)
    }

    /// The panels of `--compare` under their titles.
    fn comparison(&self, sampled: Option<&Picture>) -> quantize::Result<Picture> {
        let title = match self.palette.len() {
            1 => "Compressed to 1 color".to_owned(),
            colors => format!("Compressed to {colors} colors"),
        };
        let mut panels = vec![Panel {
            title: &title,
            picture: self.in_full_color(),
        }];
        panels.extend(sampled.map(|picture| Panel {
            title: "Sampled",
            picture,
        }));
        panels.push(Panel {
            title: "Original",
            picture: &self.subject.picture,
        });
        figure::side_by_side(&panels)
    }
}

/// The colors of a palette for a report, with the pixels of each.
pub fn entries(palette: &Palette, counts: &[u64]) -> Vec<Entry> {
    let colors = palette.colors().iter().zip(counts);
    colors
        .map(|(&color, &count)| Entry {
            hex: Hex(color),
            count,
        })
        .collect()
}
