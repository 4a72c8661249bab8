//! Which input goes to which outputs, decided and checked as a whole before any work.

mod page;
mod pattern;
mod refuse;

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs, iter,
    path::{self, Path, PathBuf},
};

use anyhow::{Result, bail};
use os_display::Quotable;

use super::{inputs::Input, message::reason, palettes, source::Source};

/// All that is to be done.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// One for each input, in their order.
    pub jobs: Vec<Job>,
    /// What is written once, of all inputs together.
    pub shared: Vec<(Extra, Target)>,
    /// Where the page on all pictures goes.
    pub page: Option<Target>,
}

impl Plan {
    /// Whether something goes to stdout.
    pub fn uses_stdout(&self) -> bool {
        let shared = self.shared.iter().map(|(_, target)| target);
        let jobs = self.jobs.iter().flat_map(Job::targets);
        let targets = jobs.map(|(_, target)| target).chain(shared);
        targets
            .chain(&self.page)
            .any(|target| *target == Target::Stdout)
    }
}

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
    /// The palette as a file of its own.
    Palette,
    /// A picture drawn from the mixture.
    Sample,
    /// Each pixel's posterior mean.
    Soft,
    /// The number of each pixel's cluster or component.
    Labels,
    /// The fitted model.
    Model,
}

impl Extra {
    /// The word for it in messages and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Comparison => "comparison",
            Self::Palette => "palette",
            Self::Sample => "sample",
            Self::Soft => "soft",
            Self::Labels => "labels",
            Self::Model => "model",
        }
    }

    /// Whether it says what was found, and so is one for all inputs that share a model.
    pub fn is_of_the_model(self) -> bool {
        matches!(self, Self::Palette | Self::Model)
    }

    /// What its name in a folder ends in.
    fn ending(self) -> &'static str {
        match self {
            Self::Comparison => "-compare.png",
            Self::Palette => ".gpl",
            Self::Sample => "-sample.png",
            Self::Soft => "-soft.png",
            Self::Labels => "-labels.png",
            Self::Model => "-model.json",
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

    /// Where its files go, without links and dots.
    fn places(&self) -> impl Iterator<Item = PathBuf> {
        self.targets().filter_map(|(_, target)| target.place())
    }

    /// Whether `extra` is to be written.
    pub fn wants(&self, extra: Extra) -> bool {
        self.extras.iter().any(|&(wanted, _)| wanted == extra)
    }
}

/// Where one result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Stdout,
    File(PathBuf),
    /// The input's own file, which is replaced.
    InPlace(PathBuf),
}

impl Target {
    /// The one that an argument names which can be no folder.
    pub fn named(argument: &Path) -> Self {
        if argument == Path::new("-") {
            Self::Stdout
        } else {
            Self::File(argument.to_owned())
        }
    }

    /// Where its file lies, without links and dots.
    fn place(&self) -> Option<PathBuf> {
        match self {
            Self::Stdout => None,
            Self::File(path) | Self::InPlace(path) => refuse::place(path),
        }
    }

    /// The argument that would name it.
    pub fn argument(&self) -> &OsStr {
        match self {
            Self::Stdout => OsStr::new("-"),
            Self::File(path) | Self::InPlace(path) => path.as_os_str(),
        }
    }
}

/// The paths that the output options give, the same for all inputs.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// What default names carry after the input's stem, like `kmeans5`.
    pub tag: String,
    pub output: Option<&'a Path>,
    /// Whether the picture replaces its input; then there is no `output`.
    pub in_place: bool,
    pub extras: Vec<(Extra, &'a Path)>,
    /// What is written once, of all inputs together.
    pub shared: Vec<(Extra, &'a Path)>,
}

/// What stands for an input's name in the paths of what is written once.
const SHARED: &str = "shared";

pub use page::page;
pub use refuse::{check_picture, refuse_shared};

impl Wanted<'_> {
    /// The folders that outputs of many inputs go to, without links and dots.
    pub fn folders(&self) -> Vec<PathBuf> {
        let extras = self.extras.iter().chain(&self.shared);
        let paths = self.output.iter().chain(extras.map(|(_, path)| path));
        let folders = paths.filter_map(|&path| {
            let folder = pattern::common_folder(path);
            fs::canonicalize(folder.or(path.is_dir().then_some(path))?).ok()
        });
        folders.collect()
    }
}

/// The plan for these inputs. What was only found in a folder is left out if it is an output of the
/// others, or an input already.
///
/// # Errors
/// When the command as a whole makes no sense: outputs that collide or are an input, a folder that
/// is missing.
pub fn plan(inputs: Vec<Input>, wanted: &Wanted) -> Result<Plan> {
    let all = Input::named(Source::File(SHARED.into()));
    let shared = extras(&wanted.shared, &all, &wanted.tag)?;
    let jobs = inputs
        .into_iter()
        .map(|input| Ok((input.found, job(input, wanted)?)))
        .collect::<Result<Vec<_>>>()?;
    let jobs = without_own_outputs(jobs, &shared);
    let plan = Plan {
        jobs,
        shared,
        page: None,
    };
    refuse::refuse(&plan)?;
    Ok(plan)
}

/// `jobs` without those whose input was only found, and is an output of another or an input already.
fn without_own_outputs(jobs: Vec<(bool, Job)>, shared: &[(Extra, Target)]) -> Vec<Job> {
    let outputs = jobs.iter().flat_map(|(_, job)| job.places());
    let shared = shared.iter().filter_map(|(_, target)| target.place());
    let outputs: HashSet<_> = outputs.chain(shared).collect();
    let mut inputs = HashSet::new();
    let is_wanted = |(found, job): &(bool, Job)| {
        let Some(place) = refuse::place(job.source.path()) else {
            return true;
        };
        let is_output = outputs.contains(&place) && job.places().all(|own| own != place);
        let is_new = inputs.insert(place);
        !found || (is_new && !is_output)
    };
    let wanted = jobs.into_iter().filter(is_wanted);
    wanted.map(|(_, job)| job).collect()
}

fn job(input: Input, wanted: &Wanted) -> Result<Job> {
    let output = match wanted.output {
        _ if wanted.in_place => in_place(&input.source)?,
        Some(path) => target(path, &input, &wanted.tag, ".png")?,
        None => default_target(&input.source, &wanted.tag)?,
    };
    let extras = extras(&wanted.extras, &input, &wanted.tag)?;
    Ok(Job {
        source: input.source,
        output,
        extras,
    })
}

/// Where what is wanted besides the picture goes for `input`.
fn extras(wanted: &[(Extra, &Path)], input: &Input, tag: &str) -> Result<Vec<(Extra, Target)>> {
    let extras = wanted.iter().map(|&(extra, path)| {
        let target = target(path, input, tag, extra.ending())?;
        if extra == Extra::Palette {
            palettes::format(&target)?;
        }
        Ok((extra, target))
    });
    extras.collect()
}

/// Where the picture goes without `-o`.
fn default_target(source: &Source, tag: &str) -> Result<Target> {
    let name = default_name(source, tag, ".png");
    let path = match source {
        Source::Stdin => return Ok(Target::Stdout),
        Source::Builtin(_) => name.into(),
        Source::File(path) => path.with_file_name(name),
    };
    refuse::check_folder(&path)?;
    Ok(Target::File(path))
}

/// The file of `source` itself, behind links.
fn in_place(source: &Source) -> Result<Target> {
    match source {
        Source::File(path) if path.is_symlink() => match fs::canonicalize(path) {
            Ok(behind) => Ok(Target::InPlace(behind)),
            Err(error) => bail!("{}: {}", path.quote(), reason(&error)),
        },
        Source::File(path) => Ok(Target::InPlace(path.clone())),
        _ => bail!(
            "{}: --in-place replaces files, and this is none",
            source.argument().quote()
        ),
    }
}

/// Where `path`, as an output option gives it, leads for `input`. The folders of a tree that is kept
/// need not exist yet, only the one that it will stand in.
fn target(path: &Path, input: &Input, tag: &str, ending: &str) -> Result<Target> {
    if path == Path::new("-") {
        return Ok(Target::Stdout);
    }
    let default_name = &default_name(&input.source, tag, ending);
    let top = Input {
        below: PathBuf::new(),
        ..input.clone()
    };
    refuse::check_folder(&file(path, &top, default_name)?)?;
    let target = Target::File(file(path, input, default_name)?);
    if Path::new(default_name).extension() == Some(OsStr::new("png")) {
        refuse::check_picture(&target)?;
    }
    Ok(target)
}

fn file(path: &Path, input: &Input, default_name: &OsStr) -> Result<PathBuf> {
    let expanded = pattern::expand(path, input)?;
    // A folder of the tree that is yet to be made is no reason to take its name for a file's.
    let is_folder = ends_in_separator(&expanded) || expanded.is_dir();
    Ok(match is_folder {
        false => expanded,
        true if pattern::places_dir(path) => expanded.join(default_name),
        true => expanded.join(&input.below).join(default_name),
    })
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
    use super::*;

    fn file(path: impl Into<PathBuf>) -> Input {
        Input::named(Source::File(path.into()))
    }

    fn found(path: impl Into<PathBuf>, below: &str) -> Input {
        Input {
            below: below.into(),
            found: true,
            ..file(path)
        }
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
            Input::named(Source::DEFAULT),
            file("x"),
            Input::named(Source::Stdin),
        ];
        let jobs = plan(sources, &wanted()).unwrap().jobs;
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
        let jobs = plan(vec![Input::named(Source::Stdin), file("d.png")], &wanted)
            .unwrap()
            .jobs;
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
        let jobs = plan(vec![file("x/a.png")], &wanted).unwrap().jobs;
        assert_eq!(outputs(&jobs), [folder.path().join("a/a-gmm5.png")]);
    }

    #[test]
    fn a_tree_is_kept_and_its_folders_need_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        for (output, expected) in [("", "a/b/x-gmm5.png"), ("{dir}/{name}", "a/b/x.png")] {
            let output = folder.path().join(output);
            let wanted = Wanted {
                output: Some(&output),
                ..wanted()
            };
            let jobs = plan(vec![found("in/a/b/x.png", "a/b")], &wanted)
                .unwrap()
                .jobs;
            assert_eq!(outputs(&jobs), [folder.path().join(expected)]);
        }
    }

    #[test]
    fn what_is_found_is_no_input_if_it_is_an_output_of_others_or_named_already() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        let inputs = vec![
            file(path("b.png")),
            found(path("a.png"), ""),
            found(path("a-x.png"), ""),
            found(path("b.png"), ""),
        ];
        let output = path("{stem}-x.png");
        let wanted = Wanted {
            output: Some(&output),
            ..wanted()
        };
        let jobs = plan(inputs, &wanted).unwrap().jobs;
        assert_eq!(outputs(&jobs), [path("b-x.png"), path("a-x.png")]);
    }

    #[test]
    fn what_is_found_and_would_replace_itself_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join("{name}");
        let wanted = Wanted {
            output: Some(&pattern),
            ..wanted()
        };
        let inputs = vec![found(folder.path().join("a.png"), "")];
        let message = plan(inputs, &wanted).unwrap_err().to_string();
        assert!(message.contains("would replace the input"), "{message}");
    }

    #[test]
    fn in_place_the_output_is_the_file_behind_links_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        fs::write(&path, b"").unwrap();
        let wanted = Wanted {
            in_place: true,
            ..wanted()
        };
        let jobs = plan(vec![file(&path)], &wanted).unwrap().jobs;
        assert_eq!(jobs[0].output, Target::InPlace(path.clone()));
        plan(vec![file(&path), file(&path)], &wanted).unwrap_err();
        plan(vec![Input::named(Source::Stdin)], &wanted).unwrap_err();
        #[cfg(unix)]
        {
            let link = folder.path().join("link.png");
            std::os::unix::fs::symlink("a.png", &link).unwrap();
            let jobs = plan(vec![file(&link)], &wanted).unwrap().jobs;
            let behind = fs::canonicalize(&path).unwrap();
            assert_eq!(jobs[0].output, Target::InPlace(behind));
        }
    }
}
