//! A report as one JSON object on a line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::Results;
use crate::cli::plan::Job;

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
    Failed { status: &'a str, error: &'a str },
    Planned { status: &'a str },
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

/// The line of `job` before anything is done.
pub fn planned(job: &Job) -> String {
    serialized(job, Outcome::Planned { status: "planned" })
}

fn serialized(job: &Job, outcome: Outcome) -> String {
    let line = Line {
        input: job.source.argument().to_string_lossy().into_owned(),
        output: job.output.argument().to_string_lossy().into_owned(),
        outcome,
    };
    object(&line)
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
