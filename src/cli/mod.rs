//! The program: arguments, plan, each picture's journey, reports.

mod args;
mod batch;
mod compare;
mod compressor;
mod counts;
mod dither;
mod earlier;
mod inputs;
mod load;
mod manual;
mod memory;
mod message;
mod method;
mod mistakes;
mod output;
mod page;
mod palettes;
mod panics;
mod plan;
mod progress;
mod range;
mod reading;
mod report;
mod run;
mod sample;
mod saved;
mod shared;
mod signals;
mod source;
mod stopwatch;
mod tables;
mod targets;

use std::{
    collections::BTreeMap, env, ffi::OsString, iter, num::NonZeroUsize, path::Path, process,
};

use anyhow::{Context, Result, ensure};
use clap::{ArgMatches, CommandFactory, FromArgMatches, error::ErrorKind};
use os_display::Quotable;
use quantize::picture::{EncodeOptions, Existing};

use args::{Cli, Command, CommonArgs, InputArgs};
use inputs::{Input, Search};
use load::Loader;
use message::{reason, say, say_of, say_plain};
use method::{Kind, Method};
use page::{Page, Recipe, Rooms};
use plan::{Extra, Plan, Target, Wanted};
use report::{ModelResults, Reporter, Status};
use run::Settings;
use shared::{Counted, Shared};
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
    memory::keep_what_is_freed();
    let (command, matches) = parse();
    let given;
    let (common, kind, extras) = match &command {
        Command::Kmeans(args) => (&args.common, Kind::Kmeans(args), args.extras()),
        Command::Gmm(args) => (&args.common, Kind::Gmm(args), args.extras()),
        Command::Remap(args) => {
            given = palettes::argument(&args.palette)?;
            let kind = Kind::Remap(args, &given);
            (&args.common, kind, args.common.extras())
        }
        Command::Counts(args) => return counts::counts(args),
        Command::Compare(args) => return compare::compare(args),
        Command::Sample(args) => return sample::sample(args),
        Command::Completions { shell } => return Ok(print(&manual::completions(*shell))),
        Command::Man => return Ok(print(&manual::pages())),
    };
    let method = Method::new(kind)?;
    let plan = plan(common, &method, extras)?;
    if common.dry_run {
        let mut reporter = Reporter::new(common, &plan);
        reporter.plan(&plan, existing(common.force));
        return Ok(if reporter.failed() {
            Outcome::SomeFailed
        } else {
            Outcome::Complete
        });
    }
    do_all(
        &plan,
        common,
        &method,
        Recipe::of(&Cli::command(), &matches),
    )
}

/// Explains why nothing was done.
pub fn explain(refusal: &anyhow::Error) {
    say(format_args!("{refusal:#}"));
}

/// The command, and what of it was given on the command line.
fn parse() -> (Command, ArgMatches) {
    let matches = Cli::command().try_get_matches();
    let parsed =
        matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?.command, matches)));
    parsed.unwrap_or_else(|error| {
        let help = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        if !error.use_stderr() || error.kind() == help {
            error.exit();
        }
        say(mistakes::explained(&error));
        process::exit(error.exit_code());
    })
}

/// Prints what was asked for.
fn print(bytes: &[u8]) -> Outcome {
    match output::print(bytes) {
        Ok(()) => Outcome::Complete,
        Err(error) => {
            say(error);
            Outcome::SomeFailed
        }
    }
}

fn plan(common: &CommonArgs, method: &Method, extras: Vec<(Extra, &Path)>) -> Result<Plan> {
    let is_shared = |&(extra, _): &(Extra, _)| method.is_shared() && extra.is_of_the_model();
    let (shared, extras) = extras.into_iter().partition(is_shared);
    let wanted = Wanted {
        tag: method.tag(),
        output: common.output.as_deref(),
        in_place: common.in_place,
        extras,
        shared,
    };
    let search = Search {
        recursive: common.input.recursive,
        only_png: common.in_place,
        avoided: wanted.folders(),
    };
    let inputs = if method.tables().is_empty() || common.input.are_given() {
        inputs(&common.input, &search, common.quiet)?
    } else {
        let wants_pictures = wanted.output.is_some()
            || wanted.in_place
            || common.html.is_some()
            || !wanted.extras.is_empty();
        ensure!(
            !wants_pictures,
            "there is no INPUT, only --counts: nothing to write with -o, --compare and the like"
        );
        Vec::new()
    };
    let mut plan = plan::plan(inputs, &wanted)?;
    if let Some(path) = &common.html {
        let target = plan::page(path, &plan, &wanted.tag)?;
        output::refuse_existing(iter::once(&target), existing(common.force))?;
        plan.page = Some(target);
    }
    Ok(plan)
}

/// What `--force` says about files that exist.
fn existing(force: bool) -> Existing {
    if force {
        Existing::Replace
    } else {
        Existing::Refuse
    }
}

/// The inputs that are given, or the built-in picture.
fn inputs(input: &InputArgs, search: &Search, quiet: bool) -> Result<Vec<Input>> {
    let mut arguments = input.inputs.clone();
    match &input.files_from {
        Some(list) => {
            let stdin = Path::new("-");
            ensure!(
                list != stdin || !arguments.iter().any(|argument| argument == stdin),
                "'-': stdin can be read only once"
            );
            arguments.extend(inputs::listed(list, input.null)?);
        }
        None if arguments.is_empty() => {
            if !quiet {
                say(format_args!(
                    "no INPUT, so {} is taken",
                    Source::DEFAULT.argument().display()
                ));
            }
            return Ok(vec![Input::named(Source::DEFAULT)]);
        }
        None => {}
    }
    let inputs = search.inputs(&arguments)?;
    // In place, results are to be replaced as all others.
    if search.only_png {
        return Ok(inputs);
    }
    let (inputs, results) = earlier::set_apart(inputs);
    if let (Some(first), false) = (results.first(), quiet) {
        let first = first.quote();
        match results.len() - 1 {
            0 => say(format_args!(
                "{first} is an earlier result and no input unless it is named"
            )),
            more => say(format_args!(
                "{first} and {more} more are earlier results and no inputs unless they are named"
            )),
        }
    }
    Ok(inputs)
}

/// The threads that were asked for, or all cores.
fn threads(wanted: Option<NonZeroUsize>) -> Result<usize> {
    if let Some(threads) = wanted {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global()
            .with_context(|| format!("-j {threads}"))?;
    }
    Ok(rayon::current_num_threads())
}

fn do_all(plan: &Plan, common: &CommonArgs, method: &Method, recipe: Recipe) -> Result<Outcome> {
    let jobs = &plan.jobs;
    let threads = threads(common.threads)?;
    let tables = match method.tables() {
        [] => None,
        paths => Some(shared::read(paths)?),
    };
    signals::handle().context("signals")?;
    if !common.quiet {
        progress::start(jobs.iter().map(|job| &job.source));
    }
    let rooms = Rooms::of(jobs.len());
    let of_page = plan.page.as_ref().map_or(0, |_| rooms.memory_needed());
    let settings = Settings {
        method,
        existing: existing(common.force),
        skip_if_larger: common.skip_if_larger,
        encoding: EncodeOptions {
            effort: method.encoding_effort(),
            keep_unused: !method.pinned().is_empty(),
        },
        loader: Loader::new(&common.reading, common.strip).beside(of_page),
    };
    let mut page = plan.page.as_ref().map(|_| {
        let arguments: Vec<_> = env::args_os().skip(1).collect();
        let command = page::quoted(arguments.iter().map(OsString::as_os_str));
        Page::new(rooms, recipe, command)
    });
    let wants_page = page.is_some();
    let mut reporter = Reporter::new(common, plan);
    let mut count = Count::default();
    let (shared, failures) = if method.is_shared() {
        match share(plan, common, &settings, threads, tables, &mut reporter) {
            Ok(shared) => shared,
            Err(error) => {
                progress::finish();
                say(reason(&error));
                return Ok(Outcome::SomeFailed);
            }
        }
    } else {
        (None, BTreeMap::new())
    };
    let work = |i: usize| {
        let room = wants_page.then(|| rooms.of_picture(i));
        let outcome = match failures.get(&i) {
            Some(reason) => Err(reason.clone()),
            None => panics::of_work(|| run::journey(&jobs[i], &settings, shared.as_ref(), room))
                .map_err(|error| reason(&error)),
        };
        progress::advance();
        outcome
    };
    batch::in_order(jobs.len(), threads, work, |i, outcome| {
        let job = &jobs[i];
        reporter.report(job, &outcome);
        if let Some(page) = &mut page {
            page.add(job, &outcome);
        }
        match outcome {
            Ok(results) => {
                if !common.quiet {
                    for warning in &results.warnings {
                        say_of(&job.source.argument(), format_args!("warning: {warning}"));
                    }
                }
                match results.status {
                    Status::Written => count.written += 1,
                    Status::Skipped => count.skipped += 1,
                }
                if let Some(warning) = not_converged(&results.model, method)
                    && !common.quiet
                {
                    say_of(&job.source.argument(), warning);
                }
            }
            Err(reason) => {
                count.failed += 1;
                say_of(&job.source.argument(), reason);
            }
        }
    })?;
    progress::finish();
    reporter.finish();
    let page_failed = match (&plan.page, &page) {
        (Some(target), Some(page)) => !write_page(page, target, settings.existing, &mut reporter),
        _ => false,
    };
    let one_went_well = jobs.len() == 1 && count.written == 1;
    let only_fitted = jobs.is_empty() && shared.is_some();
    if count.failed > 0 || !(common.quiet || one_went_well || only_fitted) {
        say_plain(format_args!(
            "{} written, {} skipped, {} failed",
            count.written, count.skipped, count.failed
        ));
    }
    Ok(if count.failed > 0 || page_failed || reporter.failed() {
        Outcome::SomeFailed
    } else {
        Outcome::Complete
    })
}

/// Writes the page, if there is anything on it, and says where it is; whether that went well.
fn write_page(page: &Page, target: &Target, existing: Existing, reporter: &mut Reporter) -> bool {
    if page.is_empty() {
        return true;
    }
    match output::write(&[(target, page.render().into_bytes())], existing) {
        Ok(()) => {
            reporter.page(target);
            true
        }
        Err(error) => {
            say(format_args!("{error:#}"));
            false
        }
    }
}

/// What the user should know of a model that was not found to its end.
fn not_converged(model: &ModelResults, method: &Method) -> Option<String> {
    let n_iter = model.n_iter?;
    (model.converged == Some(false) && n_iter >= method.max_iter())
        .then(|| format!("not converged within --max-iter {n_iter}; raise it or --tol"))
}

/// Fits one model to `tables` or, without them, to the colors of all inputs; it is written and reported. Also
/// returned: why inputs failed, by their place; if all did, there is no model.
fn share(
    plan: &Plan,
    common: &CommonArgs,
    settings: &Settings,
    threads: usize,
    tables: Option<Counted>,
    reporter: &mut Reporter,
) -> Result<(Option<Shared>, BTreeMap<usize, String>)> {
    let targets = plan.shared.iter().map(|(_, target)| target);
    output::refuse_existing(targets, settings.existing)?;
    let (counted, failures) = match tables {
        Some(counted) => (Some(counted), BTreeMap::new()),
        None => shared::count(&plan.jobs, settings, threads)?,
    };
    progress::restart();
    let Some(counted) = counted else {
        return Ok((None, failures));
    };
    let (shared, results) = shared::fit(&counted, &plan.shared, settings)?;
    reporter.report_shared(&results);
    if !common.quiet {
        for warning in &results.warnings {
            say(format_args!("warning: {warning}"));
        }
    }
    if let Some(warning) = not_converged(&results.model, settings.method)
        && !common.quiet
    {
        say(warning);
    }
    Ok((Some(shared), failures))
}

/// Pictures by what became of them.
#[derive(Default)]
struct Count {
    written: usize,
    skipped: usize,
    failed: usize,
}
