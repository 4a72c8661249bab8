//! Which input goes to which outputs, decided and checked as a whole before any work.

mod pattern;
mod refuse;

use std::{
    ffi::{OsStr, OsString},
    iter,
    path::{self, Path, PathBuf},
};

use anyhow::Result;

use super::source::Source;

/// An input and everything that is to be written of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Job {
    pub source: Source,
    /// The picture with k colors.
    pub output: Target,
    /// What else is written, in the order in which it was wanted.
    pub extras: Vec<(Extra, Target)>,
}

/// What can be written of an input besides the picture with k colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Result and original side by side.
    Comparison,
    /// A picture drawn from the mixture.
    Sample,
}

impl Extra {
    /// The word for it in messages and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Comparison => "comparison",
            Self::Sample => "sample",
        }
    }

    /// What its name in a folder ends in.
    fn ending(self) -> &'static str {
        match self {
            Self::Comparison => "-compare.png",
            Self::Sample => "-sample.png",
        }
    }
}

impl Job {
    /// Where everything goes, each with a word for what it is.
    pub fn targets(&self) -> impl Iterator<Item = (&'static str, &Target)> {
        let extras = self.extras.iter();
        iter::once(("picture", &self.output))
            .chain(extras.map(|(extra, target)| (extra.word(), target)))
    }

    /// Whether `extra` is to be written.
    pub fn wants(&self, extra: Extra) -> bool {
        self.extras.iter().any(|&(wanted, _)| wanted == extra)
    }

    /// Whether something of it goes to stdout.
    pub fn uses_stdout(&self) -> bool {
        self.targets().any(|(_, target)| *target == Target::Stdout)
    }
}

/// Where one result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stdout,
    File(PathBuf),
}

impl Target {
    /// The argument that would name it.
    pub fn argument(&self) -> &OsStr {
        match self {
            Self::Stdout => OsStr::new("-"),
            Self::File(path) => path.as_os_str(),
        }
    }
}

/// The paths that the output options give, the same for all inputs.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// What default names carry after the input's stem, like `kmeans5`.
    pub tag: String,
    pub output: Option<&'a Path>,
    pub extras: Vec<(Extra, &'a Path)>,
}

/// One job for each of the sources, in their order.
///
/// # Errors
/// When the command as a whole makes no sense: outputs that collide or are an input, a folder that
/// is missing.
pub fn plan(sources: Vec<Source>, wanted: &Wanted) -> Result<Vec<Job>> {
    let jobs = sources
        .into_iter()
        .map(|source| job(source, wanted))
        .collect::<Result<Vec<_>>>()?;
    refuse::refuse(&jobs)?;
    Ok(jobs)
}

fn job(source: Source, wanted: &Wanted) -> Result<Job> {
    let place = |path, ending| {
        let name = default_name(&source, &wanted.tag, ending);
        target(path, &source, &name)
    };
    let output = match wanted.output {
        Some(path) => place(path, ".png")?,
        None => default_target(&source, &wanted.tag),
    };
    let extras = wanted.extras.iter();
    let extras = extras
        .map(|&(extra, path)| Ok((extra, place(path, extra.ending())?)))
        .collect::<Result<_>>()?;
    Ok(Job {
        source,
        output,
        extras,
    })
}

/// Where the picture goes without `-o`.
fn default_target(source: &Source, tag: &str) -> Target {
    let name = default_name(source, tag, ".png");
    match source {
        Source::Stdin => Target::Stdout,
        Source::Builtin(_) => Target::File(name.into()),
        Source::File(path) => Target::File(path.with_file_name(name)),
    }
}

/// Where `path`, as an output option gives it, leads for `source`.
fn target(path: &Path, source: &Source, default_name: &OsStr) -> Result<Target> {
    if path == Path::new("-") {
        return Ok(Target::Stdout);
    }
    let path = pattern::expand(path, source)?;
    let is_folder = ends_in_separator(&path) || path.is_dir();
    Ok(Target::File(if is_folder {
        path.join(default_name)
    } else {
        path
    }))
}

/// Like `flower-kmeans5.png`.
fn default_name(source: &Source, tag: &str, ending: &str) -> OsString {
    let mut name = source.path().file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{tag}{ending}"));
    name
}

fn ends_in_separator(path: &Path) -> bool {
    let last = path.as_os_str().as_encoded_bytes().last();
    last.is_some_and(|&byte| path::is_separator(char::from(byte)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(path: impl Into<PathBuf>) -> Source {
        Source::File(path.into())
    }

    fn wanted<'a>() -> Wanted<'a> {
        Wanted {
            tag: "gmm5".to_owned(),
            ..Wanted::default()
        }
    }

    fn outputs(jobs: &[Job]) -> Vec<&Path> {
        let targets = jobs.iter().flat_map(Job::targets);
        targets
            .map(|(_, target)| Path::new(target.argument()))
            .collect()
    }

    #[test]
    fn default_names_lie_beside_the_input_or_in_the_current_folder_or_are_stdout() {
        let folder = tempfile::tempdir().unwrap();
        let sources = vec![
            file(folder.path().join("a.b.jpg")),
            Source::DEFAULT,
            file("x"),
            Source::Stdin,
        ];
        let jobs = plan(sources, &wanted()).unwrap();
        assert_eq!(
            outputs(&jobs),
            [
                &folder.path().join("a.b-gmm5.png"),
                Path::new("flower-gmm5.png"),
                Path::new("x-gmm5.png"),
                Path::new("-")
            ]
        );
    }

    #[test]
    fn one_folder_serves_all_outputs_of_an_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let wanted = Wanted {
            output: Some(path),
            extras: vec![(Extra::Comparison, path), (Extra::Sample, path)],
            ..wanted()
        };
        let jobs = plan(vec![Source::Stdin, file("d.png")], &wanted).unwrap();
        let names = [
            "stdin-gmm5.png",
            "stdin-gmm5-compare.png",
            "stdin-gmm5-sample.png",
            "d-gmm5.png",
            "d-gmm5-compare.png",
            "d-gmm5-sample.png",
        ];
        assert_eq!(outputs(&jobs), names.map(|name| folder.path().join(name)));
    }

    #[test]
    fn a_path_that_ends_in_a_separator_is_a_folder_even_if_it_does_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/");
        let wanted = Wanted {
            output: Some(&missing),
            ..wanted()
        };
        let message = plan(vec![file("a.png")], &wanted).unwrap_err().to_string();
        assert!(message.contains("missing' does not exist"), "{message}");
    }

    #[test]
    fn a_pattern_may_name_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        let pattern = folder.path().join("{stem}");
        let wanted = Wanted {
            output: Some(&pattern),
            ..wanted()
        };
        let jobs = plan(vec![file("x/a.png")], &wanted).unwrap();
        assert_eq!(outputs(&jobs), [folder.path().join("a/a-gmm5.png")]);
    }
}
