//! A report as one JSON object on a line.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{Results, Status};
use crate::cli::plan::{Job, Plan, Target};

#[derive(Serialize)]
struct Line<'a> {
    input: String,
    output: String,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Done(&'a Results),
    Failed {
        status: &'a str,
        error: &'a str,
    },
    /// What `--dry-run` shows. Nothing is written, so that its status is that of what is left out.
    Planned {
        status: Status,
        dry_run: bool,
        /// All that would be written, by what it is.
        outputs: BTreeMap<&'static str, String>,
    },
    /// What would fail, if it is known before.
    Failing {
        status: &'a str,
        dry_run: bool,
        error: &'a str,
    },
}

/// The line of `job`.
pub fn line(job: &Job, outcome: &Result<Results, String>) -> String {
    serialized(
        job,
        match outcome {
            Ok(results) => Outcome::Done(results),
            Err(error) => Outcome::Failed {
                status: "failed",
                error,
            },
        },
    )
}

/// The line of `job`, one of those of `plan`, before anything is done: what would be written of it, or
/// why it would fail.
pub fn planned(job: &Job, plan: &Plan, refusal: Option<&str>) -> String {
    let shared = plan.shared.iter();
    let targets = job
        .targets()
        .chain(shared.map(|(extra, target)| (extra.word(), target)))
        .chain(plan.page.iter().map(|page| ("page", page)));
    let outcome = match refusal {
        Some(error) => Outcome::Failing {
            status: "failed",
            dry_run: true,
            error,
        },
        None => Outcome::Planned {
            status: Status::Skipped,
            dry_run: true,
            outputs: targets.map(|(what, target)| (what, path(target))).collect(),
        },
    };
    serialized(job, outcome)
}

fn serialized(job: &Job, outcome: Outcome) -> String {
    let line = Line {
        input: job.source.argument().to_string_lossy().into_owned(),
        output: path(&job.output),
        outcome,
    };
    object(&line)
}

fn path(target: &Target) -> String {
    target.argument().to_string_lossy().into_owned()
}

/// `value` as an object on a line.
pub fn object(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let serialized = value.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping));
    serialized.expect("nothing in it can fail to be serialized");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Compact JSON in which all control characters of strings are escapes. JSON asks that of the first
/// 32 only, but a terminal obeys others too, and names of files may hold any.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for c in fragment.chars() {
            if c.is_control() {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            } else {
                write!(writer, "{c}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{plan::Target, source::Source};

    fn failed_line(name: &str) -> String {
        let job = Job {
            source: Source::File(name.into()),
            output: Target::File("out.png".into()),
            extras: Vec::new(),
        };
        line(&job, &Err("not a picture".to_owned()))
    }

    #[test]
    fn a_failure_is_an_object_without_results() {
        assert_eq!(
            failed_line("a.png"),
            "{\"input\":\"a.png\",\"output\":\"out.png\",\"status\":\"failed\",\"error\":\"not a picture\"}\n"
        );
    }

    #[test]
    fn control_characters_of_names_are_escapes_and_come_back_the_same() {
        let name = "a\u{1b}[31m\u{7f}\u{9b}2J\"\n\\é";
        let line = failed_line(name);
        assert!(!line.trim_end().chars().any(char::is_control), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["input"], name);
    }
}
