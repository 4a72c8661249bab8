//! What a user of the program sees: files, messages, exit codes.

mod alpha;
mod batch;
mod common;
mod compare;
mod counts;
mod dithers;
mod failed;
mod inputs;
mod models;
mod names;
mod outputs;
mod page;
mod palettes;
mod reading;
mod refused;
mod reports;
mod shared;
#[cfg(unix)]
mod signals;
mod targets;
#[cfg(unix)]
mod unix;
