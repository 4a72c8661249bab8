//! The report on many pictures: a row each, and what it sums up to.

use std::{fmt::Write, time::Instant};

use os_display::Quotable;
use unicode_width::UnicodeWidthStr;

use super::{
    Results, Status,
    text::{Swatches, grouped, percent, swatch},
};
use crate::cli::plan::Job;

/// Columns of a terminal that names take at most; longer ones push their row to the right.
const WIDEST_NAME: usize = 40;
/// Colors of a row that are shown as such.
const SHOWN: usize = 16;

/// Rows whose columns line up.
pub struct Table {
    name_width: usize,
    swatches: Swatches,
    start: Instant,
    pictures: usize,
    bytes_in: usize,
    bytes_out: usize,
}

impl Table {
    /// A table for `jobs`, all of whose names are known, unlike their results.
    pub fn new(jobs: &[Job], swatches: Swatches) -> Self {
        let widths = jobs.iter().map(|job| name(job).width());
        Self {
            name_width: widths.max().unwrap_or(0).clamp(5, WIDEST_NAME),
            swatches,
            start: Instant::now(),
            pictures: 0,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    pub fn swatches(&self) -> Swatches {
        self.swatches
    }

    /// The row of `job`, under the titles of the columns if it is the first.
    pub fn row(&mut self, job: &Job, results: &Results) -> String {
        let mut lines = String::new();
        if self.pictures == 0 {
            let titles = ["distinct", "colors", "PSNR", "bytes", "written", "%", "s"];
            lines += &self.line("input", &titles.map(str::to_owned));
            lines.push('\n');
        }
        let skipped = results.status == Status::Skipped;
        self.pictures += 1;
        if !skipped {
            self.bytes_in += results.bytes_in;
            self.bytes_out += results.bytes_out;
        }
        let psnr = results.psnr_db.map(|psnr_db| format!("{psnr_db:.2}"));
        lines += &self.line(
            &name(job),
            &[
                grouped(results.distinct_colors as f64),
                results.colors.to_string(),
                psnr.unwrap_or_else(|| "same".to_owned()),
                grouped(results.bytes_in as f64),
                if skipped {
                    "skipped".to_owned()
                } else {
                    grouped(results.bytes_out as f64)
                },
                percent(results.bytes_out, results.bytes_in),
                format!("{:.3}", results.seconds.total),
            ],
        );
        if self.swatches == Swatches::Colored {
            lines += "  ";
            let colors = results.palette.iter().take(SHOWN);
            lines.extend(colors.map(|entry| swatch(entry.hex)));
        }
        lines.push('\n');
        lines
    }

    /// The last row: the sums over all that were written, and the time that has passed.
    pub fn total(&self) -> String {
        let empty = String::new;
        let mut line = self.line(
            "total",
            &[
                empty(),
                empty(),
                empty(),
                grouped(self.bytes_in as f64),
                grouped(self.bytes_out as f64),
                percent(self.bytes_out, self.bytes_in),
                format!("{:.3}", self.start.elapsed().as_secs_f64()),
            ],
        );
        line.push('\n');
        line
    }

    fn line(&self, name: &str, cells: &[String; 7]) -> String {
        const WIDTHS: [usize; 7] = [10, 6, 6, 13, 13, 4, 8];
        let padding = self.name_width.saturating_sub(name.width());
        let mut line = format!("{name}{:padding$}", "");
        for (cell, width) in cells.iter().zip(WIDTHS) {
            let _ = write!(line, " {cell:>width$}");
        }
        line
    }
}

fn name(job: &Job) -> String {
    job.source.argument().maybe_quote().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{plan::Target, source::Source};

    #[test]
    fn columns_line_up_whatever_the_names_are() {
        let job = |name: &str| Job {
            source: Source::File(name.into()),
            output: Target::Stdout,
            extras: Vec::new(),
        };
        let jobs = ["a.png", "a long name.png", "花.png"].map(job);
        let table = Table::new(&jobs, Swatches::None);
        let widths = jobs.each_ref().map(|job| {
            let cells = [(); 7].map(|()| "1".to_owned());
            table.line(&name(job), &cells).width()
        });
        assert_eq!(widths, [widths[0]; 3]);
    }
}
