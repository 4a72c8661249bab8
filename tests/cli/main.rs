//! What a user of the program sees: files, messages, exit codes.

mod batch;
mod common;
mod failed;
mod inputs;
mod names;
mod outputs;
mod refused;
mod reports;
#[cfg(unix)]
mod unix;
