//! The part of a page that is about one picture.

use askama::Template;
use serde::Serialize;

use super::{Plot, Recipe, json, name, views::Part};
use crate::cli::{
    plan::Job,
    report::{self, Entry, Hex, Results},
};

/// Where the last color of the strip ends.
const STRIP_WIDTH: f64 = 1000.0;

#[derive(Template)]
#[template(path = "picture.html")]
pub struct Section<'a> {
    number: usize,
    /// Whether the page is about this picture only.
    alone: bool,
    name: String,
    /// What became of it, in a word or two.
    result: String,
    part: &'a Part,
    /// What the script needs for the plot.
    plot: String,
    facts: Vec<(&'static str, String)>,
    warnings: &'a [String],
    colors: Vec<Swatch>,
    settings: &'a [(String, String)],
    /// What makes it again; none where only the command of the whole page does.
    command: Option<String>,
}

/// The plot, and the name of the files that it is saved as.
#[derive(Serialize)]
struct Drawing<'a> {
    name: String,
    #[serde(flatten)]
    plot: &'a Plot,
}

/// A color of the palette.
struct Swatch {
    hex: Hex,
    /// Without its alpha, and that.
    rgb: Hex,
    opacity: f64,
    share: String,
    /// Its place on the strip.
    start: f64,
    end: f64,
}

impl<'a> Section<'a> {
    pub fn of(
        job: &Job,
        results: &'a Results,
        part: &'a Part,
        recipe: &'a Recipe,
        number: usize,
        alone: bool,
    ) -> Self {
        Self {
            number,
            alone,
            name: name(&job.source),
            result: match results.colors {
                1 => "1 color".to_owned(),
                colors => format!("{colors} colors"),
            },
            plot: json(&Drawing {
                name: file_stem(job),
                plot: &part.plot,
            }),
            part,
            facts: report::facts(results, false),
            warnings: &results.warnings,
            colors: swatches(&results.palette),
            settings: &recipe.settings,
            command: (!recipe.is_of_all).then(|| recipe.command(&job.source)),
        }
    }

    /// The name of the part in links.
    pub fn anchor(&self) -> String {
        format!("picture-{}", self.number)
    }

    /// What the picture is called, and what became of it.
    pub fn title(&self) -> String {
        format!("{} in {}", self.name, self.result)
    }
}

fn file_stem(job: &Job) -> String {
    let stem = job.source.path().file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn swatches(palette: &[Entry]) -> Vec<Swatch> {
    let total: u64 = palette.iter().map(|entry| entry.count).sum();
    let mut before = 0;
    let swatch = |entry: &Entry| {
        let Hex([r, g, b, a]) = entry.hex;
        let share = |count: u64| count as f64 / total.max(1) as f64;
        // Two decimals are more than a screen has pixels.
        let place = |count| (100.0 * STRIP_WIDTH * share(count)).round() / 100.0;
        let start = place(before);
        before += entry.count;
        Swatch {
            hex: entry.hex,
            rgb: Hex([r, g, b, u8::MAX]),
            opacity: f64::from(a) / 255.0,
            share: format!("{:.1} %", 100.0 * share(entry.count)),
            start,
            end: place(before),
        }
    };
    palette.iter().map(swatch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_is_covered_by_the_colors_without_gaps() {
        let entry = |count| Entry {
            hex: Hex([1, 2, 3, 128]),
            count,
        };
        let swatches = swatches(&[entry(5), entry(3), entry(0), entry(2)]);
        let places = swatches.iter().map(|swatch| (swatch.start, swatch.end));
        let expected = [
            (0.0, 500.0),
            (500.0, 800.0),
            (800.0, 800.0),
            (800.0, 1000.0),
        ];
        assert!(places.eq(expected));
        assert_eq!(swatches[0].hex.to_string(), "#01020380");
        assert_eq!(swatches[0].rgb.to_string(), "#010203");
        assert_eq!(swatches[1].share, "30.0 %");
    }
}
