//! Plans that make no sense. They are refused as a whole, while nothing has been written.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt, fs, io,
    path::{Path, PathBuf},
    ptr,
};

use anyhow::{Result, bail, ensure};
use os_display::Quotable;

use super::{Job, Plan, Target};
use crate::cli::{inputs, message::reason, source::Source};

/// Refuses `plan` when two of its outputs are one, an output is an input, an output's folder is
/// missing, or stdin is wanted twice. An output that is meant to replace its input may.
pub fn refuse(plan: &Plan) -> Result<()> {
    let inputs = input_files(&plan.jobs)?;
    let mut taken = HashMap::new();
    for (output, target) in outputs(plan) {
        let place = match target {
            Target::Stdout => None,
            Target::InPlace(path) => Some(place(path).unwrap_or_else(|| path.clone())),
            Target::File(path) => {
                let ids = file_ids(path);
                if let Some(input) = ids.iter().find_map(|id| inputs.get(id)) {
                    bail!(
                        "{}: {output} would replace the input {}",
                        path.quote(),
                        input.quote()
                    );
                }
                Some(place(path).unwrap_or_else(|| path.clone()))
            }
        };
        match taken.entry(place) {
            Entry::Vacant(entry) => _ = entry.insert(output),
            Entry::Occupied(entry) => bail!(collision(*entry.get(), output, target)),
        }
    }
    Ok(())
}

/// An output in words: what it is, and of which input; without one, of all together.
#[derive(Clone, Copy)]
struct Output<'a> {
    what: &'static str,
    of: Option<&'a Source>,
}

impl fmt::Display for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.of {
            Some(source) => write!(f, "the {} of {}", self.what, source.argument().quote()),
            None => write!(f, "the {} of all inputs", self.what),
        }
    }
}

/// Everything that is to be written, and where.
fn outputs(plan: &Plan) -> impl Iterator<Item = (Output<'_>, &Target)> {
    let shared = plan.shared.iter().map(|(extra, target)| {
        let what = extra.word();
        (Output { what, of: None }, target)
    });
    let jobs = plan.jobs.iter().flat_map(|job| {
        let of = Some(&job.source);
        let targets = job.targets();
        targets.map(move |(what, target)| (Output { what, of }, target))
    });
    jobs.chain(shared)
}

/// Refuses the one output of several inputs when it is one of them, or its folder is missing.
pub fn refuse_shared(target: &Target, sources: &[Source]) -> Result<()> {
    let Target::File(path) = target else {
        return Ok(());
    };
    check_folder(path)?;
    let ids = file_ids(path);
    for source in sources {
        if let Source::File(input) = source
            && file_ids(input).iter().any(|id| ids.contains(id))
        {
            bail!("{}: would replace an input", path.quote());
        }
    }
    Ok(())
}

fn collision(first: Output, second: Output, target: &Target) -> String {
    let inputs = match (first.of, second.of) {
        (Some(a), Some(b)) if !ptr::eq(a, b) => Some((a, b)),
        _ => None,
    };
    if let Some((a, b)) = inputs
        && is_same(a, b)
    {
        let also = match b.argument() {
            name if name == a.argument() => String::new(),
            name => format!(", also as {}", name.quote()),
        };
        return format!("{} is named twice{also}", a.argument().quote());
    }
    match target {
        Target::Stdout => format!("{first} and {second} would both go to stdout"),
        Target::File(path) | Target::InPlace(path) => {
            let cure = inputs.map_or("give them different paths", |(a, b)| told_apart(a, b));
            let path = path.quote();
            format!("{first} and {second} would both be written to {path}; {cure}")
        }
    }
}

/// What gives two inputs different outputs.
fn told_apart(a: &Source, b: &Source) -> &'static str {
    let [a, b] = [a, b].map(Source::path);
    if a.file_name() == b.file_name() {
        "inputs of one name need a run each, or -r on a folder above them, which keeps the tree"
    } else if a.file_stem() == b.file_stem() {
        "{name} in the path tells them apart, as in -o 'DIR/{name}.png'"
    } else {
        "{stem} in the path tells them apart, as in -o 'DIR/{stem}.png'"
    }
}

/// Whether two inputs are one, by any path.
fn is_same(a: &Source, b: &Source) -> bool {
    match (a, b) {
        (Source::File(a), Source::File(b)) => {
            let ids = file_ids(a);
            file_ids(b).iter().any(|id| ids.contains(id))
        }
        (a, b) => a == b,
    }
}

/// Refuses a picture whose name is that of another format than PNG.
pub fn check_picture(target: &Target) -> Result<()> {
    if let Target::File(path) = target {
        ensure!(
            !inputs::has_name_of_other_format(path),
            "{}: what is written is a PNG file, so that its name should end in .png",
            path.quote()
        );
    }
    Ok(())
}

/// The files that are inputs, by everything that they can be known by.
fn input_files(jobs: &[Job]) -> Result<HashMap<FileId, &Path>> {
    let stdins = jobs
        .iter()
        .filter(|job| job.source == Source::Stdin)
        .count();
    ensure!(stdins <= 1, "'-': stdin can be read only once");
    let mut inputs = HashMap::new();
    for job in jobs {
        if let Source::File(path) = &job.source {
            inputs.extend(file_ids(path).into_iter().map(|id| (id, path.as_path())));
        }
    }
    Ok(inputs)
}

/// Refuses an output whose folder is missing.
pub fn check_folder(path: &Path) -> Result<()> {
    let folder = folder_of(path);
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => bail!("{} is not a folder", folder.quote()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!(
                "folder {} does not exist; mkdir -p makes it",
                folder.quote()
            )
        }
        Err(error) => bail!("folder {}: {}", folder.quote(), reason(&error)),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// What makes two paths the same file.
#[derive(PartialEq, Eq, Hash)]
enum FileId {
    /// Its name in its folder, whether it exists or not.
    Place(PathBuf),
    /// Device and inode of what lies there, behind links.
    #[cfg(unix)]
    Inode(u64, u64),
    /// What lies there, behind links.
    #[cfg(not(unix))]
    Behind(PathBuf),
}

fn file_ids(path: &Path) -> Vec<FileId> {
    let mut ids: Vec<_> = place(path).map(FileId::Place).into_iter().collect();
    #[cfg(unix)]
    if let Ok(found) = fs::metadata(path) {
        use std::os::unix::fs::MetadataExt;
        ids.push(FileId::Inode(found.dev(), found.ino()));
    }
    #[cfg(not(unix))]
    ids.extend(fs::canonicalize(path).map(FileId::Behind));
    ids
}

/// The path with its folder free of links and dots; the file itself need not exist.
pub fn place(path: &Path) -> Option<PathBuf> {
    Some(
        fs::canonicalize(folder_of(path))
            .ok()?
            .join(path.file_name()?),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{
        inputs::Input,
        plan::{Extra, Wanted, plan},
    };

    fn file(path: PathBuf) -> Input {
        Input::named(Source::File(path))
    }

    /// What is said when `inputs` in `folder` are to be written to `output` there.
    fn refusal(folder: &Path, inputs: &[&str], output: &str) -> String {
        let output = folder.join(output);
        let inputs = inputs
            .iter()
            .map(|input| file(folder.join(input)))
            .collect();
        let wanted = Wanted {
            tag: "kmeans5".to_owned(),
            output: Some(&output),
            ..Wanted::default()
        };
        plan(inputs, &wanted).unwrap_err().to_string()
    }

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        folder
    }

    #[test]
    fn several_inputs_onto_one_file_are_refused_with_both_names() {
        let folder = folder_with(&["a", "b"]);
        let message = refusal(folder.path(), &["a", "b"], "out.png");
        assert!(message.contains("/a' and the picture of"), "{message}");
        assert!(message.contains("/b' would both"), "{message}");
    }

    #[test]
    fn outputs_of_one_name_in_one_folder_are_refused() {
        let folder = folder_with(&[]);
        for sub in ["a", "b"] {
            fs::create_dir(folder.path().join(sub)).unwrap();
        }
        assert!(refusal(folder.path(), &["a/x.png", "b/x.png"], "").contains("would both"));
        assert!(refusal(folder.path(), &["x.png", "x.jpg"], "").contains("would both"));
        assert!(
            refusal(folder.path(), &["a/x.png", "b/x.png"], "a/../{stem}").contains("would both")
        );
    }

    #[test]
    fn what_would_tell_inputs_apart_is_said() {
        let folder = folder_with(&["x.png", "x.jpg", "y.png"]);
        fs::create_dir(folder.path().join("a")).unwrap();
        for (inputs, output, cure) in [
            (["x.png", "x.jpg"], "", "as in -o 'DIR/{name}.png'"),
            (["x.png", "y.png"], "one.png", "as in -o 'DIR/{stem}.png'"),
            (["x.png", "a/x.png"], "", "-r on a folder above them"),
            (["x.png", "x.png"], "", "x.png' is named twice"),
            (["x.png", "a/../x.png"], "", "a/../x.png'"),
        ] {
            let message = refusal(folder.path(), &inputs, output);
            assert!(message.contains(cure), "{message}");
        }
    }

    #[test]
    fn a_picture_with_the_name_of_another_format_is_refused() {
        let folder = folder_with(&["a"]);
        for output in ["a.gif", "b.JPG", "c.avif"] {
            let message = refusal(folder.path(), &["a"], output);
            assert!(message.contains("should end in .png"), "{message}");
        }
        for output in ["b.PNG", "b", "b.tmp", "v1.2"] {
            check_picture(&Target::File(output.into())).unwrap();
        }
    }

    #[test]
    fn outputs_of_one_input_that_are_one_file_are_refused() {
        let folder = folder_with(&["a"]);
        let same = folder.path().join("same.png");
        let also_same = folder.path().join(".").join("same.png");
        let wanted = Wanted {
            output: Some(&same),
            extras: vec![(Extra::Comparison, &also_same)],
            ..Wanted::default()
        };
        let message = plan(vec![file(folder.path().join("a"))], &wanted).unwrap_err();
        assert!(
            message.to_string().contains("the comparison of"),
            "{message}"
        );
    }

    #[test]
    fn more_than_one_output_to_stdout_is_refused() {
        let wanted = Wanted {
            extras: vec![(Extra::Comparison, Path::new("-"))],
            ..Wanted::default()
        };
        let message = plan(vec![Input::named(Source::Stdin)], &wanted)
            .unwrap_err()
            .to_string();
        assert!(message.contains("would both go to stdout"), "{message}");
    }

    #[test]
    fn stdin_twice_is_refused() {
        let stdin = Input::named(Source::Stdin);
        let message = plan(vec![stdin.clone(), stdin], &Wanted::default()).unwrap_err();
        assert!(message.to_string().contains("only once"), "{message}");
    }

    #[test]
    fn an_output_in_a_missing_folder_or_below_a_file_is_refused() {
        let folder = folder_with(&["a"]);
        assert!(refusal(folder.path(), &["a"], "no/x.png").contains("no' does not exist"));
        assert!(refusal(folder.path(), &["a"], "a/x.png").contains("a' is not a folder"));
        assert!(refusal(folder.path(), &["a"], "a/").contains("a' is not a folder"));
    }

    #[test]
    fn an_output_that_is_an_input_is_refused_by_any_path() {
        let folder = folder_with(&["a", "b"]);
        fs::hard_link(folder.path().join("a"), folder.path().join("hard")).unwrap();
        let mut outputs = vec!["a", "./a", "hard"];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a", folder.path().join("soft")).unwrap();
            outputs.push("soft");
        }
        for output in outputs {
            let message = refusal(folder.path(), &["a"], output);
            assert!(
                message.contains("would replace the input"),
                "{output}: {message}"
            );
        }
        // The input need not exist.
        assert!(refusal(folder.path(), &["new"], "new").contains("would replace the input"));
    }
}
