//! What is wrong with a command line, on one line, and what may have been meant.

use std::{env, path::Path};

use clap::{
    Arg, Command, CommandFactory, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{args::Cli, message::visible};

/// What clap found wrong, in words for the user.
pub fn explained(error: &Error) -> String {
    let first = env::args_os().nth(1).unwrap_or_default();
    let meant = meant(error, &first.to_string_lossy());
    let text = meant.unwrap_or_else(|| in_one_line(error));
    format!("{} (--help lists what there is)", visible(&text))
}

/// What was meant where clap cannot know it, `first` being what stands in the place of a command.
fn meant(error: &Error, first: &str) -> Option<String> {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = context(error, ContextKind::InvalidSubcommand)?;
            let path = Path::new(name);
            (path.exists() || path.extension().is_some())
                .then(|| format!("the command is missing; such as: quantize kmeans {name}"))
        }
        ErrorKind::UnknownArgument => {
            let option = context(error, ContextKind::InvalidArg)?;
            let owners = owners(&Cli::command(), option);
            match &owners[..] {
                [] => None,
                [owner, ..] if first.starts_with('-') => Some(format!(
                    "{option} stands after a command, such as: quantize {owner} {option}"
                )),
                owners => Some(format!("{option} belongs to {}", owners.join(" and "))),
            }
        }
        _ => None,
    }
}

fn context(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(value) => Some(value),
        _ => None,
    }
}

/// The commands that have this option.
fn owners(program: &Command, option: &str) -> Vec<String> {
    let is_it = |arg: &Arg| {
        let long = arg.get_long().map(|long| format!("--{long}"));
        let short = arg.get_short().map(|short| format!("-{short}"));
        [long, short].iter().flatten().any(|name| name == option)
    };
    let commands = program.get_subcommands();
    let owners = commands.filter(|command| command.get_arguments().any(is_it));
    owners
        .map(|command| command.get_name().to_owned())
        .collect()
}

/// clap's first paragraph, which says what is wrong, and of its tips what is similar. It repeats arguments
/// as they are: control characters in them must not reach the terminal, which would take them for
/// commands.
fn in_one_line(error: &Error) -> String {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let lines = paragraphs.next().unwrap_or_default().lines();
    let lines: Vec<&str> = lines.map(str::trim).collect();
    let wrong = lines.join(" ");
    let mut tips = paragraphs.flat_map(str::lines).map(str::trim);
    let similar =
        tips.find_map(|line| line.strip_prefix("tip: ").filter(|t| t.contains("similar")));
    let tip = similar.map(|tip| format!("; {tip}"));
    let wrong = wrong.trim_start_matches("error: ");
    format!("{wrong}{}", tip.unwrap_or_default())
}
