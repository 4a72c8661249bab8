//! `quantize counts`: the distinct colors of all inputs together, as a table.

use std::iter;

use anyhow::{Result, ensure};
use os_display::Quotable;
use quantize::{Picture, colors::Distinct, picture::Pixels};
use serde::Serialize;

use super::{
    Outcome,
    args::{CountsArgs, Format},
    inputs::{Input, Search},
    load::{Attempt, Loader},
    message::{reason, say, say_of, say_plain},
    output,
    plan::{self, Target},
    progress,
    report::{self, grouped},
    shared, signals,
    source::Source,
    stopwatch::Stopwatch,
    tables,
};

/// What was found in a picture.
struct Found {
    distinct_colors: usize,
    pixels: usize,
    warnings: Vec<String>,
}

/// A picture's line of `--report json`.
#[derive(Serialize)]
struct Line<'a> {
    input: String,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    distinct_colors: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pixels: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// The table in figures. Serialized, it is the last line of `--report json`.
#[derive(Serialize)]
struct Table {
    output: String,
    status: &'static str,
    pictures: usize,
    failed: usize,
    pixels: u64,
    distinct_colors: usize,
    bytes_out: usize,
    seconds: f64,
}

/// Counts the colors of what the command line names and writes the table.
///
/// # Errors
/// When the command makes no sense; nothing is written then.
pub fn counts(args: &CountsArgs) -> Result<Outcome> {
    let search = Search {
        recursive: args.input.recursive,
        ..Search::default()
    };
    let inputs = super::inputs(&args.input, &search, args.quiet)?.into_iter();
    let sources: Vec<Source> = inputs.map(|Input { source, .. }| source).collect();
    let target = Target::named(&args.output);
    plan::refuse_shared(&target, &sources)?;
    let threads = super::threads(args.threads)?;
    signals::handle()?;
    if !args.quiet {
        progress::start(sources.iter());
    }
    let written = write(&sources, &target, threads, args);
    progress::finish();
    Ok(match written {
        Ok(0) => Outcome::Complete,
        Ok(failed) => {
            let counted = sources.len() - failed;
            say_plain(format_args!("{counted} counted, {failed} failed"));
            Outcome::SomeFailed
        }
        Err(error) => {
            say(reason(&error));
            Outcome::SomeFailed
        }
    })
}

/// Counts, writes and reports. Returned: how many pictures failed; if all did, there is no table.
fn write(sources: &[Source], target: &Target, threads: usize, args: &CountsArgs) -> Result<usize> {
    let existing = super::existing(args.force);
    output::refuse_existing(iter::once(target), existing)?;
    let mut watch = Stopwatch::start();
    let loader = Loader::new(&args.reading, true);
    let print = |text: &str| report::print(text, *target == Target::Stdout);
    let mut failed = 0;
    let count = |i: usize| count(&sources[i], &loader);
    let counts = shared::tally(sources.len(), threads, count, |i, found| {
        let name = sources[i].argument();
        match &found {
            Ok(Found { warnings, .. }) if !args.quiet => {
                for warning in warnings {
                    say_of(&name, format_args!("warning: {warning}"));
                }
            }
            Ok(_) => {}
            Err(reason) => {
                failed += 1;
                say_of(&name, reason);
            }
        }
        if args.report == Format::Json {
            let line = line(&sources[i], found.as_ref());
            // Whether it arrives is seen at the last one.
            let _ = print(&report::object(&line));
        }
    })?;
    if failed == sources.len() {
        return Ok(failed);
    }
    let distinct = counts.into_distinct()?;
    let rows = distinct.colors().map(|([r, g, b, _], count)| {
        let color = [r, g, b].map(|value| value as u8);
        (color, count as i64)
    });
    let bytes = tables::to_bytes(rows.collect())?;
    let bytes_out = bytes.len();
    output::write(&[(target, bytes)], existing)?;
    let table = Table {
        output: target.argument().to_string_lossy().into_owned(),
        status: "written",
        pictures: sources.len() - failed,
        failed,
        pixels: distinct.colors().map(|(_, count)| count as u64).sum(),
        distinct_colors: distinct.len(),
        bytes_out,
        seconds: watch.lap(),
    };
    match (args.report, args.quiet) {
        (Format::Json, _) => print(&report::object(&table))?,
        (Format::Text, true) => {}
        (Format::Text, false) => print(&text(target, &table))?,
    }
    Ok(failed)
}

/// The colors of the picture of `source`, as bytes without alpha.
fn count(source: &Source, loader: &Loader) -> Result<(Distinct, Found)> {
    loader.with(source, |loaded| {
        let mut warnings = loaded.warnings;
        let mut picture = loaded.picture;
        ensure!(
            !picture.has_alpha(),
            "has transparency, which a table of counts does not hold; --shared-palette takes it"
        );
        if let Pixels::Rgb16(_) = picture.pixels() {
            warnings.push("16 bits a channel are counted as the nearest 8".to_owned());
            let bytes = picture.over_white().into_owned().into_flattened();
            picture = Picture::new(picture.width(), picture.height(), bytes)?;
        }
        let distinct = Distinct::of(&picture);
        let found = Found {
            distinct_colors: distinct.len(),
            pixels: picture.len(),
            warnings,
        };
        Ok(Attempt::Done((distinct, found)))
    })
}

fn line<'a>(source: &Source, found: Result<&'a Found, &'a String>) -> Line<'a> {
    let known = found.ok();
    Line {
        input: source.argument().to_string_lossy().into_owned(),
        status: if known.is_some() { "counted" } else { "failed" },
        distinct_colors: known.map(|found| found.distinct_colors),
        pixels: known.map(|found| found.pixels),
        error: found.err().map(String::as_str),
    }
}

/// The table in aligned lines.
fn text(target: &Target, table: &Table) -> String {
    format!(
        "{}\n\
         \x20 pictures    {}\n\
         \x20 pixels      {}\n\
         \x20 colors      {}\n\
         \x20 bytes       {}\n\
         \x20 seconds     {:.3}\n",
        target.argument().maybe_quote(),
        grouped(table.pictures as f64),
        grouped(table.pixels as f64),
        grouped(table.distinct_colors as f64),
        grouped(table.bytes_out as f64),
        table.seconds
    )
}
