//! `quantize compare`: how far apart two pictures are, in figures and side by side.

use anyhow::{Result, anyhow, ensure};
use os_display::Quotable;
use quantize::{
    Colors, Picture, Space,
    figure::{self, Panel},
    metrics,
    picture::{DecodeOptions, EncodeOptions},
};
use serde::Serialize;

use super::{
    Outcome,
    args::{CompareArgs, Format},
    existing,
    message::{reason, say},
    output, panics,
    plan::{self, Target},
    reading,
    report::{self, Difference},
    source::Source,
};

/// Two pictures in figures. Serialized, it is the line of `--report json`, whose fields are added to
/// over time, not renamed.
#[derive(Serialize)]
struct Comparison {
    inputs: [String; 2],
    width: u32,
    height: u32,
    mse: f64,
    psnr_db: Option<f64>,
    #[serde(flatten)]
    difference: Difference,
    /// Distinct colors of each.
    colors: [usize; 2],
    /// Bytes of each file.
    bytes: [usize; 2],
}

/// Compares what the command line names.
///
/// # Errors
/// When the command makes no sense; nothing is written then.
pub fn compare(args: &CompareArgs) -> Result<Outcome> {
    let sources = [Source::named(&args.a)?, Source::named(&args.b)?];
    ensure!(
        sources != [Source::Stdin, Source::Stdin],
        "'-': stdin can be read only once"
    );
    let output = args.output.as_deref().map(Target::named);
    if let Some(output) = &output {
        plan::check_picture(output)?;
        plan::refuse_shared(output, &sources)?;
    }
    let done = panics::of_work(|| journey(&sources, output.as_ref(), args));
    Ok(match done {
        Ok(()) => Outcome::Complete,
        Err(error) => {
            say(format_args!("{error:#}"));
            Outcome::SomeFailed
        }
    })
}

fn journey(sources: &[Source; 2], target: Option<&Target>, args: &CompareArgs) -> Result<()> {
    let (a, bytes_a) = load(&sources[0])?;
    let (b, bytes_b) = load(&sources[1])?;
    ensure!(
        (a.width(), a.height()) == (b.width(), b.height()),
        "{} is of {}x{} pixels and {} of {}x{}; pictures of one size are compared",
        sources[0].argument().quote(),
        a.width(),
        a.height(),
        sources[1].argument().quote(),
        b.width(),
        b.height()
    );
    let mse = metrics::mse(&a, &b)?;
    let difference = metrics::ciede2000(&a, &b)?.into();
    if let Some(target) = target {
        let png = side_by_side(sources, [&a, &b])?;
        output::write(&[(target, png)], existing(args.force))?;
    }
    let comparison = Comparison {
        inputs: sources.each_ref().map(name),
        width: a.width(),
        height: a.height(),
        mse,
        psnr_db: metrics::psnr_db(mse),
        difference,
        colors: [&a, &b].map(distinct_colors),
        bytes: [bytes_a, bytes_b],
    };
    let text = match args.report {
        Format::Json => report::object(&comparison),
        Format::Text => text(&comparison),
    };
    report::print(&text, target == Some(&Target::Stdout))
}

/// The picture and the bytes of its file.
fn load(source: &Source) -> Result<(Picture, usize)> {
    let load = || {
        let bytes = source.read()?;
        let decoded = reading::decode(source, &bytes, &DecodeOptions::default())?;
        Ok((decoded.picture, bytes.len()))
    };
    load().map_err(|error: anyhow::Error| {
        anyhow!("{}: {}", source.argument().quote(), reason(&error))
    })
}

fn name(source: &Source) -> String {
    source.argument().to_string_lossy().into_owned()
}

fn distinct_colors(picture: &Picture) -> usize {
    if picture.has_alpha() {
        Colors::<4>::in_space(picture, Space::Srgb).0.len()
    } else {
        Colors::<3>::in_space(picture, Space::Srgb).0.len()
    }
}

/// The PNG file of both pictures under their names.
fn side_by_side(sources: &[Source; 2], pictures: [&Picture; 2]) -> Result<Vec<u8>> {
    let titles = sources.each_ref().map(|source| {
        let name = source.path().file_name().unwrap_or_default();
        name.to_string_lossy()
    });
    let panels = [0, 1].map(|i| Panel {
        title: &titles[i],
        picture: pictures[i],
    });
    Ok(figure::side_by_side(&panels)?.encode_png(EncodeOptions::default())?)
}

/// The comparison in aligned lines.
fn text(comparison: &Comparison) -> String {
    let Comparison {
        inputs: [a, b],
        width,
        height,
        difference,
        colors,
        bytes,
        ..
    } = comparison;
    let error = match comparison.psnr_db {
        Some(psnr_db) => format!("MSE {:.2}, PSNR {psnr_db:.2} dB", comparison.mse),
        None => "none: the pictures are equal".to_owned(),
    };
    let (a, b) = (a.maybe_quote(), b.maybe_quote());
    let [colors, bytes] =
        [colors, bytes].map(|[a, b]| format!("{} and {}", grouped(*a), grouped(*b)));
    format!(
        "{a} and {b}\n\
         \x20 size        {width} x {height} pixels\n\
         \x20 error       {error}\n\
         \x20 CIEDE2000   {difference}\n\
         \x20 colors      {colors}\n\
         \x20 bytes       {bytes}\n"
    )
}

fn grouped(number: usize) -> String {
    report::grouped(number as f64)
}
