//! Where the one page on all pictures goes.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use os_display::Quotable;

use super::{Plan, Target, pattern, refuse, target};
use crate::cli::{inputs::Input, source::Source};

/// Where `path` leads for the page on all of `plan`. In a folder it is called like
/// `flower-kmeans5.html` or, for many pictures, `quantize-kmeans5.html`.
///
/// # Errors
/// When the path depends on the names of several pictures, its folder is missing, or it is an input
/// or another output.
pub fn page(path: &Path, plan: &Plan, tag: &str) -> Result<Target> {
    let all = Source::File("quantize".into());
    let named_after = match &plan.jobs[..] {
        [job] => &job.source,
        _ => &all,
    };
    ensure!(
        plan.jobs.len() == 1 || !pattern::has_fields(path),
        "{}: one page shows all pictures, so that its name cannot have parts of theirs",
        path.quote()
    );
    let page = target(path, &Input::named(named_after.clone()), tag, ".html")?;
    let sources = plan.jobs.iter().map(|job| job.source.clone());
    refuse::refuse_shared(&page, &sources.collect::<Vec<_>>())?;
    refuse_collision(&page, plan)?;
    Ok(page)
}

fn refuse_collision(page: &Target, plan: &Plan) -> Result<()> {
    let place = |target: &Target| match target {
        Target::Stdout => None,
        file => Some(file.place().unwrap_or_else(|| file.argument().into())),
    };
    let of_jobs = plan.jobs.iter().flat_map(|job| {
        let of = format!(" of {}", job.source.argument().quote());
        job.targets()
            .map(move |(what, target)| (what, of.clone(), target))
    });
    let shared = plan.shared.iter();
    let shared = shared.map(|(extra, target)| (extra.word(), String::new(), target));
    let own = place(page);
    if let Some((what, of, _)) = of_jobs
        .chain(shared)
        .find(|(_, _, target)| place(target) == own)
    {
        bail!(
            "the page and the {what}{of} would both go to {}; give them different paths",
            match page {
                Target::Stdout => "stdout".to_owned(),
                file => file.argument().quote().to_string(),
            }
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::cli::plan::{Wanted, plan};

    fn planned(folder: &Path, names: &[&str]) -> Plan {
        let input = |name: &&str| Input::named(Source::File(folder.join(name)));
        plan(names.iter().map(input).collect(), &Wanted::default()).unwrap()
    }

    #[test]
    fn a_page_is_a_file_or_lies_in_a_folder_named_after_its_one_picture_or_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let place = |to: &str, names: &[&str]| -> PathBuf {
            let page = page(&path.join(to), &planned(path, names), "gmm5").unwrap();
            page.argument().into()
        };
        assert_eq!(place("x.html", &["a", "b"]), path.join("x.html"));
        assert_eq!(place("", &["a", "b"]), path.join("quantize-gmm5.html"));
        assert_eq!(place("", &["a.png"]), path.join("a-gmm5.html"));
        assert_eq!(place("{name}.html", &["a.png"]), path.join("a.png.html"));
    }

    #[test]
    fn a_page_that_makes_no_sense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("a"), b"").unwrap();
        let refusal = |to: &Path, names: &[&str]| {
            page(to, &planned(path, names), "gmm5")
                .unwrap_err()
                .to_string()
        };
        let cases = [
            ("{stem}.html", "cannot have parts of theirs"),
            ("no/x.html", "no' does not exist"),
            ("a", "would replace an input"),
            ("b-.png", "the page and the picture of"),
        ];
        for (to, expected) in cases {
            let message = refusal(&path.join(to), &["a", "b"]);
            assert!(message.contains(expected), "{message}");
        }
        let stdin = plan(vec![Input::named(Source::Stdin)], &Wanted::default()).unwrap();
        let message = page(Path::new("-"), &stdin, "gmm5").unwrap_err();
        assert!(
            message.to_string().contains("both go to stdout"),
            "{message}"
        );
    }
}
