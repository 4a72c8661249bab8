//! The program: runs, and turns what came of it into an exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(cli::Outcome::Complete) => ExitCode::SUCCESS,
        Ok(cli::Outcome::SomeFailed) => ExitCode::from(1),
        Err(refusal) => {
            cli::explain(&refusal);
            ExitCode::from(2)
        }
    }
}
