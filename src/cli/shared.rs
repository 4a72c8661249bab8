//! One model for many pictures: their colors are counted together, and it is fitted to these.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::Result;
use quantize::{
    Colors, Palette, Space,
    colors::{Counts, Distinct},
    map, metrics,
};

use super::{
    batch,
    load::Attempt,
    message::reason,
    method::{Fit, Method},
    output, palettes, panics,
    plan::{Extra, Job, Target},
    progress,
    report::{Inputs, SharedResults, SharedSeconds},
    run::{self, Settings},
    stopwatch::Stopwatch,
    tables,
};

/// A model of the colors of many pictures, with alpha where one of them has some.
pub enum Shared {
    Opaque(Fit<3>),
    Alpha(Fit<4>),
}

/// The colors of many pictures.
pub struct Counted {
    distinct: Distinct,
    /// What they are of.
    inputs: Inputs,
    /// What it took.
    seconds: f64,
}

/// The colors of the pictures of `jobs`, if there are any, and why others failed, by the place of
/// their job.
///
/// # Errors
/// When the system gives no threads.
pub fn count(
    jobs: &[Job],
    settings: &Settings,
    threads: usize,
) -> Result<(Option<Counted>, BTreeMap<usize, String>)> {
    let mut watch = Stopwatch::start();
    let mut failures = BTreeMap::new();
    let count = |i: usize| {
        settings.loader.with(&jobs[i].source, |loaded| {
            progress::stage("colors");
            Ok(Attempt::Done((Distinct::of(&loaded.picture), ())))
        })
    };
    let counts = tally(jobs.len(), threads, count, |i, counted| {
        if let Err(reason) = counted {
            failures.insert(i, reason);
        }
    })?;
    let pictures = jobs.len() - failures.len();
    if pictures == 0 {
        return Ok((None, failures));
    }
    let counted = Counted {
        distinct: counts.into_distinct()?,
        inputs: Inputs::Pictures(pictures),
        seconds: watch.lap(),
    };
    Ok((Some(counted), failures))
}

/// The sum of the colors that `count` finds in the pictures 0 to `pictures`, one beside the other; what
/// else it finds goes to `done` in order, or in words for the user why it failed.
///
/// # Errors
/// When the system gives no threads.
pub fn tally<T: Send>(
    pictures: usize,
    threads: usize,
    count: impl Fn(usize) -> Result<(Distinct, T)> + Sync,
    done: impl FnMut(usize, Result<T, String>),
) -> Result<Counts> {
    let counts = Mutex::new(Counts::default());
    let work = |i: usize| {
        let counted = panics::of_work(|| {
            let (distinct, found) = count(i)?;
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.add(&distinct)?;
            Ok(found)
        });
        progress::advance();
        counted.map_err(|error| reason(&error))
    };
    batch::in_order(pictures, threads, work, done)?;
    Ok(counts.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The colors in the tables at `paths`.
///
/// # Errors
/// When one is no table of counts, or there is no color in any of them.
pub fn read(paths: &[PathBuf]) -> Result<Counted> {
    let mut watch = Stopwatch::start();
    let mut counts = Counts::default();
    let mut files = 0;
    for path in paths {
        files += tables::add(path, &mut counts)?;
    }
    Ok(Counted {
        distinct: counts.into_distinct()?,
        inputs: Inputs::Tables(files),
        seconds: watch.lap(),
    })
}

/// The model of `counted` and its report. What `extras` ask for is written.
///
/// # Errors
/// Why there is no model, or something could not be written, in words for the user.
pub fn fit(
    counted: &Counted,
    extras: &[(Extra, Target)],
    settings: &Settings,
) -> Result<(Shared, SharedResults)> {
    progress::stage("fit");
    Ok(if counted.distinct.has_alpha() {
        let (fit, results) = fit_in::<4>(counted, extras, settings)?;
        (Shared::Alpha(fit), results)
    } else {
        let (fit, results) = fit_in::<3>(counted, extras, settings)?;
        (Shared::Opaque(fit), results)
    })
}

/// As [`fit`], with alpha where D is 4.
fn fit_in<const D: usize>(
    counted: &Counted,
    extras: &[(Extra, Target)],
    settings: &Settings,
) -> Result<(Fit<D>, SharedResults)> {
    let Settings {
        method, existing, ..
    } = *settings;
    let mut watch = Stopwatch::start();
    let distinct = &counted.distinct;
    let (colors, place) = Colors::<D>::of_distinct(distinct.clone(), method.space());
    let memory = colors.memory_needed();
    settings.loader.reading.check_memory(memory)?;
    let model = method.fit(&colors, method.clusters())?;
    let (palette, entry_of_color) = model.assign(&colors)?;
    let mse = mse(distinct, |i| {
        let row = place.as_ref().map_or(i, |place| place[i] as usize);
        palette.colors()[usize::from(entry_of_color[row])]
    });
    let (palette, counts) = used(&palette, &entry_of_color, &colors, method)?;
    let model = model.with_palette(&palette);
    let fit = watch.lap();

    let (mut files, mut warnings) = (Vec::new(), Vec::new());
    for (extra, target) in extras {
        let bytes = match extra {
            Extra::Palette => {
                warnings.extend(palettes::warning(&palette, target)?);
                palettes::save(&palette, &counts, target)?
            }
            Extra::Model => model.to_json()?.into_bytes(),
            _ => continue,
        };
        files.push((target, bytes));
    }
    output::write(&files, existing)?;
    let results = SharedResults {
        input: None,
        output: None,
        inputs: counted.inputs,
        method: method.name(),
        pixels: colors.total() as u64,
        distinct_colors: colors.len(),
        k: model.k,
        colors: palette.len(),
        palette: run::entries(&palette, &counts),
        mse,
        psnr_db: metrics::psnr_db(mse),
        model: model.results(&colors),
        warnings,
        seconds: SharedSeconds {
            count: counted.seconds,
            fit,
        },
    };
    Ok((model, results))
}

/// The entries of `palette` that some color takes or that are pinned, in the order of `method`, and the
/// pixels of each.
fn used<const D: usize>(
    palette: &Palette,
    entry_of_color: &[u8],
    colors: &Colors<D>,
    method: &Method,
) -> Result<(Palette, Vec<u64>)> {
    let pixels = map::counts_of_entries(colors.counts(), entry_of_color, palette.len());
    let used = palette.used(&pixels, method.pinned()).into_iter();
    let used = used.map(|entry| (palette.colors()[entry], pixels[entry]));
    let (used, pixels): (_, Vec<_>) = used.unzip();
    Ok(Palette::new(used)?.sorted(&pixels, method.order()))
}

/// [`metrics::mse`] over all pixels, whose colors become what `entry` says by their place.
fn mse(distinct: &Distinct, entry: impl Fn(usize) -> [u8; 4]) -> f64 {
    let (mut sum, mut pixels) = (0.0, 0.0);
    for (i, (color, count)) in distinct.colors().enumerate() {
        let [a, b] = [color, entry(i).map(f64::from)].map(|color| Space::Srgb.point::<4>(color));
        let squares = (0..4).map(|d| (a[d] - b[d]) * (a[d] - b[d]));
        sum += count * squares.sum::<f64>();
        pixels += count;
    }
    sum / pixels
}
