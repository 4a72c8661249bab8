//! What a user of the program sees: files, messages, exit codes.

mod common;
mod failed;
mod names;
mod outputs;
mod refused;
mod reports;
#[cfg(unix)]
mod unix;
