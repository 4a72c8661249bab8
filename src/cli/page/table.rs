//! The table of a page on many pictures.

use askama::Template;

use super::{Views, name};
use crate::cli::{
    plan::Job,
    report::{self, Results, Status},
};

/// The rows, and what all pictures together come to.
#[derive(Template)]
#[template(path = "table.html")]
pub struct Table {
    rows: Vec<Row>,
    /// What of the page is left out.
    left_out: Option<String>,
    done: usize,
    failed: usize,
    bytes_in: usize,
    bytes_out: usize,
}

struct Row {
    name: String,
    /// The part of the page that is about it, if there is one.
    anchor: Option<String>,
    thumbnail: Option<String>,
    outcome: Result<Vec<Cell>, String>,
}

/// What is shown, and the number that it is sorted by.
struct Cell {
    text: String,
    value: f64,
}

/// The titles of the columns after the name.
const COLUMNS: [&str; 7] = [
    "distinct", "colors", "PSNR", "bytes", "written", "%", "seconds",
];

impl Table {
    pub fn new(left_out: Option<String>) -> Self {
        Self {
            rows: Vec::new(),
            left_out,
            done: 0,
            failed: 0,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// How many pictures there are so far.
    pub fn pictures(&self) -> usize {
        self.done + self.failed
    }

    /// How many of them went well.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Adds the row of a picture.
    pub fn add(
        &mut self,
        job: &Job,
        outcome: &Result<Results, String>,
        views: Option<&Views>,
        anchor: Option<String>,
    ) {
        self.rows.push(Row {
            name: name(&job.source),
            anchor,
            thumbnail: views.and_then(|views| views.thumbnail.clone()),
            outcome: outcome.as_ref().map(cells).map_err(Clone::clone),
        });
        self.leave_out(outcome);
    }

    /// Counts a picture that there is no row for.
    pub fn leave_out(&mut self, outcome: &Result<Results, String>) {
        match outcome {
            Ok(results) => {
                self.done += 1;
                self.bytes_in += results.bytes_in;
                self.bytes_out += match results.status {
                    Status::Written => results.bytes_out,
                    Status::Skipped => results.bytes_in,
                };
            }
            Err(_) => self.failed += 1,
        }
    }

    /// All pictures together, in words.
    fn summary(&self) -> String {
        let [bytes_in, bytes_out] = [self.bytes_in, self.bytes_out].map(grouped);
        let percent = report::percent(self.bytes_out, self.bytes_in);
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        format!(
            "{} pictures{failed}: {bytes_in} → {bytes_out} bytes ({percent} %)",
            self.done
        )
    }
}

/// A cell for each of [`COLUMNS`].
fn cells(results: &Results) -> Vec<Cell> {
    let number = |number: usize| Cell {
        text: grouped(number),
        value: number as f64,
    };
    let written = match results.status {
        Status::Written => number(results.bytes_out),
        Status::Skipped => Cell {
            text: "skipped".to_owned(),
            value: results.bytes_in as f64,
        },
    };
    let psnr = results.psnr_db.map(|psnr_db| format!("{psnr_db:.2}"));
    vec![
        number(results.distinct_colors),
        number(results.colors),
        Cell {
            text: psnr.unwrap_or_else(|| "same".to_owned()),
            value: results.psnr_db.unwrap_or(f64::MAX),
        },
        number(results.bytes_in),
        written,
        Cell {
            text: report::percent(results.bytes_out, results.bytes_in),
            value: results.bytes_out as f64 / results.bytes_in.max(1) as f64,
        },
        Cell {
            text: format!("{:.3}", results.seconds.total),
            value: results.seconds.total,
        },
    ]
}

fn grouped(number: usize) -> String {
    report::grouped(number as f64)
}
