//! Signals. One that ends the program waits for files that are just being written to be complete,
//! and leaves no temporary ones.

use std::{
    io,
    sync::{PoisonError, RwLock},
};

/// Read by those who have temporary files, written by who ends the program.
static WRITING: RwLock<()> = RwLock::new(());

/// Does `write`, which leaves no temporary files behind, without being ended in the middle.
pub fn uninterrupted<T>(write: impl FnOnce() -> T) -> T {
    let _writing = WRITING.read().unwrap_or_else(PoisonError::into_inner);
    write()
}

/// Ends the program on SIGINT and SIGTERM from now on, with the exit code that shells give such
/// programs. A file that becomes too large (`ulimit -f`) becomes an error of the one who writes it.
///
/// # Errors
/// When the system does not let signals be handled.
#[cfg(unix)]
pub fn handle() -> io::Result<()> {
    use std::{process, sync::Arc, thread};

    use signal_hook::{
        consts::{SIGINT, SIGTERM, SIGXFSZ},
        flag,
        iterator::Signals,
    };

    // Nobody reads the flag: without the signal the system reports an error.
    flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let _nobody_writes = WRITING.write().unwrap_or_else(PoisonError::into_inner);
            process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Leaves signals to the system, where they are not those of Unix.
#[cfg(not(unix))]
pub fn handle() -> io::Result<()> {
    Ok(())
}
