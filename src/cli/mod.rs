//! The program: arguments, plan, each picture's journey, reports.

mod args;
mod message;
mod method;
mod panics;
mod plan;
mod range;
mod report;
mod run;
mod source;

use std::{path::Path, process};

use anyhow::{Context, Result};
use clap::{Parser, error::ErrorKind};
use quantize::picture::Existing;

use args::{Cli, Command, CommonArgs};
use message::{reason, say, say_of, say_plain, visible};
use method::Method;
use plan::{Extra, Job, Wanted};
use report::Reporter;
use source::Source;

/// How a command that made sense went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is written.
    Complete,
    /// At least one input failed; the others are written.
    SomeFailed,
}

/// Does what the command line says.
///
/// # Errors
/// When the command makes no sense; nothing is written then.
pub fn run() -> Result<Outcome> {
    panics::install_hook();
    let command = parse().command;
    let (common, method, extras) = match &command {
        Command::Kmeans(args) => {
            let method = Method::Kmeans(args.options());
            (&args.common, method, args.extras())
        }
        Command::Gmm(args) => {
            let method = Method::Gmm(args.options(), args.sample_mode);
            (&args.common, method, args.extras())
        }
    };
    let jobs = plan(common, &method, extras)?;
    set_threads(common)?;
    Ok(do_all(&jobs, common, &method))
}

/// Explains why nothing was done.
pub fn explain(refusal: &anyhow::Error) {
    say(format_args!("{refusal:#}"));
}

fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let help = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        if !error.use_stderr() || error.kind() == help {
            error.exit();
        }
        // clap's first paragraph says what is wrong, the others guess what was meant. It repeats
        // arguments as they are: control characters in them must not reach the terminal, which
        // would take them for commands.
        let text = error.render().to_string();
        let paragraph = text.split("\n\n").next().unwrap_or_default();
        let lines: Vec<&str> = paragraph.lines().map(str::trim).collect();
        let wrong = visible(lines.join(" ").trim_start_matches("error: "));
        say(format_args!("{wrong} (--help lists what there is)"));
        process::exit(error.exit_code());
    })
}

fn plan(common: &CommonArgs, method: &Method, extras: Vec<(Extra, &Path)>) -> Result<Vec<Job>> {
    let mut sources = common
        .inputs
        .iter()
        .map(|input| Source::named(input))
        .collect::<Result<Vec<_>>>()?;
    if sources.is_empty() {
        if !common.quiet {
            say(format_args!(
                "no INPUT, so {} is taken",
                Source::DEFAULT.argument().display()
            ));
        }
        sources.push(Source::DEFAULT);
    }
    let wanted = Wanted {
        tag: format!("{}{}", method.name(), method.k()),
        output: common.output.as_deref(),
        extras,
    };
    plan::plan(sources, &wanted)
}

fn set_threads(common: &CommonArgs) -> Result<()> {
    if let Some(threads) = common.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()
            .with_context(|| format!("-j {threads}"))?;
    }
    Ok(())
}

fn do_all(jobs: &[Job], common: &CommonArgs, method: &Method) -> Outcome {
    let existing = if common.force {
        Existing::Replace
    } else {
        Existing::Refuse
    };
    let mut reporter = Reporter::new(common, jobs);
    let mut failed = 0;
    for job in jobs {
        let outcome =
            panics::of_work(|| run::journey(job, method, existing)).map_err(|error| reason(&error));
        reporter.report(job, &outcome);
        match outcome {
            Ok(results) => {
                let stopped = results.model.n_iter >= method.max_iter();
                if !results.model.converged && stopped && !common.quiet {
                    let n_iter = results.model.n_iter;
                    say_of(
                        &job.source.argument(),
                        format_args!("not converged within --max-iter {n_iter}; raise it or --tol"),
                    );
                }
            }
            Err(reason) => {
                failed += 1;
                say_of(&job.source.argument(), reason);
            }
        }
    }
    let written = jobs.len() - failed;
    if failed > 0 || (jobs.len() > 1 && !common.quiet) {
        say_plain(format_args!(
            "{written} written, 0 skipped, {failed} failed"
        ));
    }
    if failed > 0 || reporter.failed() {
        Outcome::SomeFailed
    } else {
        Outcome::Complete
    }
}
