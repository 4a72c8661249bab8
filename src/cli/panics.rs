//! Panics. A decoder that panics on a broken file fails that picture and says no more; any other
//! panic is a mistake in this program, and says so.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
};

use anyhow::{Result, anyhow};

use super::message::{say, visible};

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Replaces what Rust prints on a panic.
pub fn install_hook() {
    panic::set_hook(Box::new(|panic| {
        if !DECODING.get() {
            say(format_args!(
                "internal error: {}",
                visible(&panic.to_string())
            ));
        }
    }));
}

/// Runs a decoder, whose panic is the picture's failure.
///
/// # Errors
/// When it panicked.
pub fn of_decoder<T>(decode: impl FnOnce() -> T) -> Result<T> {
    DECODING.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(decode));
    DECODING.set(false);
    outcome.map_err(|_| anyhow!("the decoder failed on this picture"))
}

/// Runs the work on one picture, whose panic must not take the other pictures along.
///
/// # Errors
/// Those of `work`, and when it panicked.
pub fn of_work<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(anyhow!("internal error")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_decoder_is_an_error() {
        let error = of_decoder(|| panic!("broken chunk")).unwrap_err();
        assert_eq!(error.to_string(), "the decoder failed on this picture");
        assert_eq!(of_decoder(|| 5).unwrap(), 5);
    }

    #[test]
    fn a_panic_elsewhere_is_an_internal_error() {
        let error = of_work(|| -> Result<()> { panic!("a mistake") }).unwrap_err();
        assert_eq!(error.to_string(), "internal error");
    }
}
