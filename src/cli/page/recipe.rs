//! The command that makes one picture of a run again, and what it was made with.

use std::{
    ffi::{OsStr, OsString},
    iter,
};

use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource};
use os_display::Quotable;

use crate::cli::{args, source::Source};

/// What of a command line decides what a picture becomes.
#[derive(Debug, Default)]
pub struct Recipe {
    /// The method, and the options that were given.
    words: Vec<OsString>,
    /// Whether a picture depends on the others, so that only the whole command makes it again.
    pub is_of_all: bool,
    /// The method, and the options of the model by their long names, defaults too.
    pub settings: Vec<(String, String)>,
}

impl Recipe {
    /// The recipe in `matches`, which are those of `program`.
    pub fn of(program: &Command, matches: &ArgMatches) -> Self {
        let mut words = Vec::new();
        let mut settings = Vec::new();
        let mut is_of_all = false;
        if let Some((name, matches)) = matches.subcommand() {
            words.push(name.into());
            settings.push(("method".to_owned(), name.to_owned()));
            let method = program.find_subcommand(name);
            for arg in method.into_iter().flat_map(Command::get_arguments) {
                let given = given(arg, matches);
                let is_given = matches.value_source(arg.get_id().as_str()) == COMMAND_LINE;
                is_of_all |= is_given && arg.get_id() == "shared_palette";
                if decides(arg) && is_given {
                    words.extend(option(arg));
                    words.extend(given.iter().map(|&value| value.to_owned()));
                }
                if let (Some(args::MODEL), Some(name), [value]) =
                    (arg.get_help_heading(), arg.get_long(), &given[..])
                {
                    settings.push((name.to_owned(), value.to_string_lossy().into_owned()));
                }
            }
        }
        Self {
            words,
            is_of_all,
            settings,
        }
    }

    /// The command for the picture of `source` alone, as a shell takes it.
    pub fn command(&self, source: &Source) -> String {
        let input = source.argument();
        let is_option = *source != Source::Stdin && input.as_encoded_bytes().starts_with(b"-");
        let end_of_options = is_option.then(|| OsStr::new("--"));
        let words = self.words.iter().map(OsString::as_os_str);
        quoted(words.chain(end_of_options).chain([&*input]))
    }
}

const COMMAND_LINE: Option<ValueSource> = Some(ValueSource::CommandLine);

/// `quantize` with these arguments, as a shell takes it.
pub fn quoted<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> String {
    let arguments = arguments
        .into_iter()
        .map(|argument| argument.maybe_quote().to_string());
    iter::once("quantize".to_owned())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The values of `arg`; a switch has none.
fn given<'a>(arg: &Arg, matches: &'a ArgMatches) -> Vec<&'a OsStr> {
    if let ArgAction::SetTrue = arg.get_action() {
        return Vec::new();
    }
    let values = matches.get_raw(arg.get_id().as_str());
    values.into_iter().flatten().collect()
}

/// Whether `arg` has to do with what a picture becomes, and not with where it lies, where things go or
/// what is said about it.
fn decides(arg: &Arg) -> bool {
    let takes_path = arg
        .get_value_names()
        .is_some_and(|names| names.iter().any(|name| name == "PATH"));
    let heading = arg.get_help_heading();
    let id = arg.get_id().as_str();
    !(takes_path
        || arg.is_positional()
        || heading == Some(args::INPUT)
        || heading == Some(args::PROGRAM)
        || ["force", "in_place", "skip_if_larger"].contains(&id))
}

fn option(arg: &Arg) -> Option<OsString> {
    match (arg.get_short(), arg.get_long()) {
        (Some(short), _) => Some(format!("-{short}").into()),
        (None, Some(long)) => Some(format!("--{long}").into()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn recipe(arguments: &str) -> Recipe {
        let program = args::Cli::command();
        let words = arguments.split(' ');
        let matches = program.clone().try_get_matches_from(words).unwrap();
        Recipe::of(&program, &matches)
    }

    #[test]
    fn a_command_has_what_decides_the_picture_and_nothing_else() {
        let recipe = recipe(
            "quantize gmm --colors 7 a.jpg b.jpg -o out/ --effort=best --force --optimize -j 2 \
             --sample s.png --sample-mode posterior --html p.html -q",
        );
        let source = Source::File("it's/b.jpg".into());
        assert_eq!(
            recipe.command(&source),
            "quantize gmm -k 7 --optimize --effort best --sample-mode posterior \"it's/b.jpg\""
        );
    }

    #[test]
    fn settings_are_those_of_the_model_with_defaults() {
        let settings = recipe("quantize kmeans --seed 3").settings;
        let find = |wanted: &str| {
            let found = settings.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        assert_eq!(find("method"), Some("kmeans"));
        assert_eq!(find("seed"), Some("3"));
        assert_eq!(find("effort"), Some("balanced"));
        assert_eq!(find("optimize"), None);
    }

    #[test]
    fn a_shared_palette_depends_on_all_inputs() {
        assert!(recipe("quantize kmeans --shared-palette a b").is_of_all);
        assert!(!recipe("quantize kmeans a b").is_of_all);
    }

    #[test]
    fn an_input_that_looks_like_an_option_is_none() {
        let recipe = recipe("quantize kmeans");
        let command = |source| recipe.command(&source);
        assert_eq!(command(Source::File("-k".into())), "quantize kmeans -- -k");
        assert_eq!(command(Source::Stdin), "quantize kmeans -");
    }
}
