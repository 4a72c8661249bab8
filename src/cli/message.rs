//! What the program says on stderr: a line each, no control bytes of foreign names in it.

use std::{
    ffi::OsStr,
    fmt::Display,
    io::{self, Write},
};

use os_display::Quotable;

use super::progress;

/// Prints `text`. That nobody listens is no reason to stop.
pub fn say_plain(text: impl Display) {
    let _ = progress::aside(|| writeln!(io::stderr().lock(), "{text}"));
}

/// Prints `quantize: <text>`.
pub fn say(text: impl Display) {
    say_plain(format_args!("quantize: {text}"));
}

/// Prints `quantize: <quoted name>: <text>`.
pub fn say_of(name: &OsStr, text: impl Display) {
    say(format_args!("{}: {text}", name.quote()));
}

/// The reason of an error in the system's or the library's words, on one line: without the number
/// that Rust appends to the system's.
pub fn reason(error: &impl Display) -> String {
    let text = error.to_string();
    match text.rsplit_once(" (os error ") {
        Some((words, number)) if number.ends_with(')') => visible(words),
        _ => visible(&text),
    }
}

/// `text` with its control characters as escapes: a decoder may quote a broken file, clap an
/// argument.
pub fn visible(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_systems_words_without_the_number() {
        let error = io::Error::from_raw_os_error(2);
        assert!(error.to_string().contains("os error 2"));
        assert!(!reason(&error).contains("os error"));
        assert_eq!(reason(&"invalid header"), "invalid header");
    }

    #[test]
    fn control_characters_become_escapes() {
        assert_eq!(
            reason(&"bad chunk \u{1b}[31m\n\u{9b}A"),
            "bad chunk \\u{1b}[31m\\n\\u{9b}A"
        );
    }
}
