//! A report for people: a few aligned lines, and the colors, on a terminal also as such.

use std::iter;

use anstyle::{RgbColor, Style};
use os_display::Quotable;

use super::{
    ChoiceResults, Entry, Hex, Inputs, MixtureResults, ModelResults, Results, SharedResults, Status,
};
use crate::cli::plan::{Extra, Job, Target};

/// Whether colors are shown as such, beside their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swatches {
    Colored,
    None,
}

/// Colors that are listed with their numbers: six lines of them are enough to look at.
const LISTED: usize = 18;
/// Colors with their numbers on a line.
const COLUMNS: usize = 3;
/// Colors without numbers on a line.
const STRIP: usize = 32;

/// The report on `job`; if `verbose`, with the time of each stage and all parameters of a mixture.
pub fn block(job: &Job, results: &Results, swatches: Swatches, verbose: bool) -> String {
    let mut lines = match results.status {
        Status::Written => heading(job),
        Status::Skipped => vec![job.source.argument().maybe_quote().to_string()],
    };
    lines.extend(labeled_all(facts(results, verbose)));
    lines.extend(entries(&results.model, &results.palette, swatches, verbose));
    lines.join("\n") + "\n"
}

/// The figures of a picture under their labels; if `verbose`, with the time of each stage and what
/// `-k auto` tried, line by line without further labels.
pub fn facts(results: &Results, verbose: bool) -> Vec<(&'static str, String)> {
    let change = colors(results.distinct_colors, results.colors, results.k);
    let mut facts = vec![("size", size(results)), ("colors", change)];
    if let Some(choice) = &results.model.choice {
        facts.extend(chosen(results.k, choice, verbose));
    }
    facts.push(("error", error(results.mse, results.psnr_db)));
    if let Some(difference) = &results.difference {
        facts.push(("CIEDE2000", difference.to_string()));
    }
    facts.extend(fitting(&results.model));
    facts.push(("bytes", bytes(results)));
    if results.status == Status::Skipped {
        facts.push((
            "skipped",
            "nothing is written, as the file would not be smaller".to_owned(),
        ));
    }
    facts.push(("seconds", seconds(results, verbose)));
    facts
}

fn labeled_all(facts: Vec<(&str, String)>) -> impl Iterator<Item = String> {
    let facts = facts.into_iter();
    facts.map(|(label, value)| labeled(label, &value))
}

/// The report on the model that all pictures share.
pub fn shared(results: &SharedResults, swatches: Swatches, verbose: bool) -> String {
    let (number, what) = match results.inputs {
        Inputs::Pictures(number) => (number, "picture"),
        Inputs::Tables(number) => (number, "table"),
    };
    let plural = if number == 1 { "" } else { "s" };
    let number = grouped(number as f64);
    let mut lines = vec![format!("palette of {number} {what}{plural}")];
    lines.push(labeled("pixels", &grouped(results.pixels as f64)));
    lines.push(labeled(
        "colors",
        &colors(results.distinct_colors, results.colors, results.k),
    ));
    if let Some(choice) = &results.model.choice {
        lines.extend(labeled_all(chosen(results.k, choice, verbose)));
    }
    lines.push(labeled("error", &error(results.mse, results.psnr_db)));
    lines.extend(labeled_all(fitting(&results.model)));
    let seconds = &results.seconds;
    let seconds = format!("count {:.3}, fit {:.3}", seconds.count, seconds.fit);
    lines.push(labeled("seconds", &seconds));
    lines.extend(entries(&results.model, &results.palette, swatches, verbose));
    lines.join("\n") + "\n"
}

/// How the model was found and how likely it is.
fn fitting(model: &ModelResults) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    // A palette that is given takes none.
    if let Some(n_iter) = model.n_iter.filter(|&n_iter| n_iter > 0) {
        facts.push(("iterations", iterations(n_iter, model.converged)));
    }
    facts.extend(likelihood(model).map(|likelihood| ("likelihood", likelihood)));
    facts
}

/// The components of a mixture, or else the palette.
fn entries(
    model: &ModelResults,
    colors: &[Entry],
    swatches: Swatches,
    verbose: bool,
) -> Vec<String> {
    let (label, table) = match &model.mixture {
        None => ("palette", palette(colors, swatches)),
        Some(mixture) => ("components", components(mixture, swatches, verbose)),
    };
    let kept = model.mixture.iter().flat_map(|mixture| &mixture.pinned);
    let kept: Vec<String> = kept.map(|&hex| color(hex, swatches)).collect();
    let kept: Vec<String> = kept.chunks(COLUMNS).map(|row| row.join("    ")).collect();
    let table = [(label, table), ("kept", kept)];
    let lines = table.iter().flat_map(|(label, lines)| {
        let labels = iter::once(*label).chain(iter::repeat(""));
        labels.zip(lines)
    });
    lines.map(|(label, line)| labeled(label, line)).collect()
}

/// What `job` would write, and why it would fail, if that is known before.
pub fn planned(job: &Job, refusal: Option<&str>) -> String {
    let mut lines = heading(job);
    lines.extend(refusal.map(|refusal| labeled("would fail", refusal)));
    lines.join("\n") + "\n"
}

/// Where the page on all pictures goes.
pub fn page(target: &Target) -> String {
    format!("page -> {}\n", target.argument().maybe_quote())
}

/// What would be written once, of all inputs together, and why it would fail, if that is known before.
pub fn planned_of_all(extras: &[(Extra, Target)], refusal: Option<&str>) -> String {
    let mut lines = vec!["all inputs together".to_owned()];
    for (extra, target) in extras {
        let path = target.argument().maybe_quote().to_string();
        lines.push(labeled(extra.word(), &path));
    }
    lines.extend(refusal.map(|refusal| labeled("would fail", refusal)));
    lines.join("\n") + "\n"
}

/// Which input goes where.
fn heading(job: &Job) -> Vec<String> {
    let mut lines = vec![format!(
        "{} -> {}",
        job.source.argument().maybe_quote(),
        job.output.argument().maybe_quote()
    )];
    for (what, target) in job.targets().skip(1) {
        lines.push(labeled(what, &target.argument().maybe_quote().to_string()));
    }
    lines
}

fn labeled(label: &str, value: &str) -> String {
    format!("  {label:<12}{value}")
}

fn size(results: &Results) -> String {
    format!("{} x {} pixels", results.width, results.height)
}

fn colors(distinct_colors: usize, colors: usize, k: usize) -> String {
    let change = format!("{} -> {colors}", grouped(distinct_colors as f64));
    if colors == k {
        change
    } else {
        format!("{change} ({k} asked for)")
    }
}

/// What chose k and, if `verbose`, among what.
fn chosen(k: usize, choice: &ChoiceResults, verbose: bool) -> Vec<(&'static str, String)> {
    let what = match choice.criterion {
        "knee" => "the knee of the error".to_owned(),
        criterion => criterion.to_uppercase(),
    };
    let cap = if choice.capped {
        ", and --max-k decided: more might be better"
    } else {
        ""
    };
    let mut lines = vec![("chosen", format!("k = {k} by {what}{cap}"))];
    if verbose {
        let columns = match choice.criterion {
            "knee" => ["inertia", "height"],
            criterion => ["nats a pixel", criterion],
        };
        let heading = format!("{:>3}  {:>16}  {:>16}", "k", columns[0], columns[1]);
        lines.push(("tried", heading));
        lines.extend(choice.trials.iter().map(|trial| {
            let (objective, value) = match choice.criterion {
                "knee" => (grouped(trial.objective), format!("{:.4}", trial.value)),
                _ => (format!("{:.4}", trial.objective), grouped(trial.value)),
            };
            ("", format!("{:>3}  {objective:>16}  {value:>16}", trial.k))
        }));
    }
    lines
}

fn error(mse: f64, psnr_db: Option<f64>) -> String {
    match psnr_db {
        Some(psnr_db) => format!("MSE {mse:.2}, PSNR {psnr_db:.2} dB"),
        None => "none: the picture is unchanged".to_owned(),
    }
}

fn iterations(n_iter: usize, converged: Option<bool>) -> String {
    match converged {
        Some(false) => format!("{n_iter}, not converged"),
        _ => n_iter.to_string(),
    }
}

/// What only a mixture has.
fn likelihood(model: &ModelResults) -> Option<String> {
    let (log_likelihood, bic, aic) = (model.log_likelihood?, model.bic?, model.aic?);
    Some(format!(
        "{log_likelihood:.4} nats a pixel, BIC {}, AIC {}",
        grouped(bic),
        grouped(aic)
    ))
}

fn bytes(results: &Results) -> String {
    let [bytes_in, bytes_out] = [results.bytes_in, results.bytes_out].map(|bytes| bytes as f64);
    let percent = percent(results.bytes_out, results.bytes_in);
    format!(
        "{} -> {} ({percent} %)",
        grouped(bytes_in),
        grouped(bytes_out)
    )
}

/// How many hundredths of `whole` are `part`.
pub fn percent(part: usize, whole: usize) -> String {
    format!("{:.0}", 100.0 * part as f64 / whole.max(1) as f64)
}

fn seconds(results: &Results, verbose: bool) -> String {
    let of = &results.seconds;
    if !verbose {
        return format!("{:.3}", of.total);
    }
    format!(
        "{:.3} (load {:.3}, colors {:.3}, fit {:.3}, map {:.3}, encode {:.3})",
        of.total, of.load, of.colors, of.fit, of.map, of.encode
    )
}

/// The most frequent colors with their share of the pixels, then the others.
fn palette(entries: &[Entry], swatches: Swatches) -> Vec<String> {
    let pixels: u64 = entries.iter().map(|entry| entry.count).sum();
    let (listed, others) = entries.split_at(entries.len().min(LISTED));
    let cell = |entry: &Entry| {
        let percent = 100.0 * entry.count as f64 / pixels as f64;
        format!("{} {percent:5.1} %", color(entry.hex, swatches))
    };
    let mut lines: Vec<_> = listed
        .chunks(COLUMNS)
        .map(|row| row.iter().map(cell).collect::<Vec<_>>().join("    "))
        .collect();
    let others: Vec<_> = others.iter().map(|entry| entry.hex).collect();
    lines.extend(rest(&others, swatches));
    lines
}

/// The heaviest components with weight and mean, if `verbose` also with the rows of the covariance,
/// then the others.
fn components(mixture: &MixtureResults, swatches: Swatches, verbose: bool) -> Vec<String> {
    let mut order: Vec<_> = (0..mixture.weights.len()).collect();
    order.sort_by(|&a, &b| mixture.weights[b].total_cmp(&mixture.weights[a]));
    let (listed, others) = order.split_at(order.len().min(LISTED));
    let line = |&j: &usize| {
        let mean: Vec<_> = mixture.means[j].iter().map(|c| format!("{c:.4}")).collect();
        let (color, weight) = (color(mixture.colors[j], swatches), mixture.weights[j]);
        let mut line = format!("{color}  weight {weight:.4}  mean {}", mean.join(" "));
        if verbose {
            let rows = mixture.covariances[j].iter();
            let row = |row: &Vec<f64>| {
                row.iter()
                    .map(|c| format!("{c:.2e}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            line += "  covariance ";
            line += &rows.map(row).collect::<Vec<_>>().join("; ");
        }
        line
    };
    let mut lines: Vec<_> = listed.iter().map(line).collect();
    let others: Vec<_> = others.iter().map(|&j| mixture.colors[j]).collect();
    lines.extend(rest(&others, swatches));
    lines
}

/// Colors for which numbers would be too much.
fn rest(colors: &[Hex], swatches: Swatches) -> Vec<String> {
    match swatches {
        Swatches::Colored => colors
            .chunks(STRIP)
            .map(|row| row.iter().copied().map(swatch).collect())
            .collect(),
        Swatches::None if colors.is_empty() => Vec::new(),
        Swatches::None => vec![format!("and {} more", colors.len())],
    }
}

fn color(hex: Hex, swatches: Swatches) -> String {
    match swatches {
        Swatches::Colored => format!("{} {hex}", swatch(hex)),
        Swatches::None => hex.to_string(),
    }
}

pub fn swatch(Hex([r, g, b, _]): Hex) -> String {
    let style = Style::new().bg_color(Some(RgbColor(r, g, b).into()));
    format!("{style}  {style:#}")
}

/// A number without decimals, its digits in groups of three.
pub fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut grouped = if number < 0.0 {
        "-".to_owned()
    } else {
        String::new()
    };
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(n: u64) -> Vec<Entry> {
        (1..=n)
            .map(|count| Entry {
                hex: Hex([count as u8, count as u8, count as u8, 255]),
                count,
            })
            .collect()
    }

    #[test]
    fn digits_stand_in_groups() {
        let numbers = [0.0, 999.0, 1000.0, -62989.4, 1_234_567.0];
        assert_eq!(
            numbers.map(grouped),
            ["0", "999", "1,000", "-62,989", "1,234,567"]
        );
    }

    #[test]
    fn a_small_palette_is_listed_with_shares() {
        assert_eq!(
            palette(&entries(4), Swatches::None),
            [
                "#010101  10.0 %    #020202  20.0 %    #030303  30.0 %",
                "#040404  40.0 %"
            ]
        );
    }

    #[test]
    fn a_large_palette_ends_in_a_strip_of_colors_or_in_their_number() {
        assert_eq!(
            palette(&entries(255), Swatches::None).last().unwrap(),
            "and 237 more"
        );
        assert_eq!(palette(&entries(255), Swatches::Colored).len(), 6 + 8);
        assert!(
            palette(&entries(18), Swatches::None)
                .last()
                .unwrap()
                .starts_with("#101010")
        );
    }

    #[test]
    fn a_swatch_is_the_color_as_background() {
        assert_eq!(swatch(Hex([1, 2, 3, 255])), "\u{1b}[48;2;1;2;3m  \u{1b}[0m");
    }
}
