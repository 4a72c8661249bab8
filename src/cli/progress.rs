//! How far the work has come, on stderr when that is a terminal. The bar is one for the whole
//! program, as the terminal is, so that messages can step around it.

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::source::Source;

static BAR: OnceLock<ProgressBar> = OnceLock::new();

/// Bytes of a single picture from which its stages are worth showing.
const LARGE: u64 = 2 << 20;

/// Begins to show how many of the pictures are done; of a single large one the stage.
pub fn start<'a>(sources: impl ExactSizeIterator<Item = &'a Source>) {
    if !io::stderr().is_terminal() {
        return;
    }
    let bar = match sources.len() {
        0 => return,
        1 => {
            if sources.map(Source::length).sum::<u64>() < LARGE {
                return;
            }
            ProgressBar::new_spinner().with_style(style("{spinner} {msg} ({elapsed})"))
        }
        pictures => ProgressBar::new(pictures as u64).with_style(style(
            "{bar:32} {pos}/{len} pictures, {per_sec}, {eta} left",
        )),
    };
    bar.enable_steady_tick(Duration::from_millis(100));
    // Nobody else has set it: this is called once.
    let _ = BAR.set(bar);
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are correct")
}

/// Shows what is being done with the picture.
pub fn stage(name: &'static str) {
    if let Some(bar) = BAR.get() {
        bar.set_message(name);
    }
}

/// Shows that one more picture is done.
pub fn advance() {
    if let Some(bar) = BAR.get() {
        bar.inc(1);
    }
}

/// Begins anew, for what is done with each picture after it was done with all of them before.
pub fn restart() {
    if let Some(bar) = BAR.get() {
        bar.reset();
    }
}

/// Takes the bar away while `print` writes to the terminal.
pub fn aside<T>(print: impl FnOnce() -> T) -> T {
    match BAR.get() {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

/// Takes the bar away.
pub fn finish() {
    if let Some(bar) = BAR.get() {
        bar.finish_and_clear();
    }
}
