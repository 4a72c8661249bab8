//! The manual and the completions, which both follow from the definition of the arguments.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Cli;

/// A script that makes `shell` complete commands and options.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "quantize", &mut script);
    script
}

/// The page of the program and those of its commands, one after the other, as roff.
pub fn pages() -> Vec<u8> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    let mut add = |command: &Command| {
        let rendered = Man::new(command.clone()).render(&mut pages);
        rendered.expect("writing to memory does not fail");
    };
    add(&program);
    program.get_subcommands().for_each(add);
    pages
}
