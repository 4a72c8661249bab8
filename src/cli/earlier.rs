//! Results of earlier runs, by the names that they have without `-o`. In a folder they lie beside what
//! they were made of, and a further run over it is not meant to make results of results.

use std::{collections::HashSet, path::PathBuf};

use super::{inputs::Input, source::Source};

/// Names of methods in those of results.
const METHODS: [&str; 3] = ["kmeans", "gmm", "remap"];

/// What else is a picture, by how its name goes on.
const EXTRAS: [&str; 4] = ["-compare", "-sample", "-soft", "-labels"];

/// `inputs` without the results that were only found, and lie beside an input that they are of by
/// their names; and these results.
pub fn set_apart(inputs: Vec<Input>) -> (Vec<Input>, Vec<PathBuf>) {
    let paths = inputs.iter().map(|input| input.source.path());
    let originals: HashSet<_> = paths
        .flat_map(|path| [path.to_owned(), path.with_extension("")])
        .collect();
    let is_result = |input: &Input| {
        let path = input.source.path();
        let original = original_of(&input.source).map(|original| path.with_file_name(original));
        input.found && original.is_some_and(|original| originals.contains(&original))
    };
    let (results, inputs): (Vec<_>, Vec<_>) = inputs.into_iter().partition(is_result);
    let paths = results.iter().map(|result| result.source.path().to_owned());
    (inputs, paths.collect())
}

/// The name of what `source` is a result of by its own name: flower of flower-kmeans5.png or
/// flower-gmm-sample.png, and with `{name}` in the path also flower.jpg of flower.jpg-kmeans5.png.
fn original_of(source: &Source) -> Option<&str> {
    let name = source.path().file_name()?.to_str()?;
    let name = name.strip_suffix(".png")?;
    let extra = EXTRAS.iter().find_map(|extra| name.strip_suffix(extra));
    let (stem, tag) = extra.unwrap_or(name).rsplit_once('-')?;
    let method = tag.trim_end_matches(|c: char| c.is_ascii_digit());
    METHODS.contains(&method).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(names: &[&str]) -> Vec<Input> {
        let input = |name: &&str| Input {
            found: true,
            ..Input::named(Source::File(name.into()))
        };
        names.iter().map(input).collect()
    }

    #[test]
    fn results_of_any_run_are_told_by_name_beside_what_they_are_of() {
        let originals = inputs(&["a/x.jpg", "a/y-kmeans5.png", "b/x-kmeans5.png", "a/x-5.png"]);
        let results = [
            "a/x-kmeans5.png",
            "a/x-gmm.png",
            "a/x.jpg-remap.png",
            "a/x-gmm12-sample.png",
            "a/x-kmeans5-kmeans8.png",
        ];
        let all = [originals.clone(), inputs(&results)].concat();
        let (kept, earlier) = set_apart(all);
        assert_eq!(kept, originals);
        assert_eq!(earlier, results.map(PathBuf::from));
    }

    #[test]
    fn what_was_named_is_an_input_whatever_its_name() {
        let named = Input::named(Source::File("x-kmeans5.png".into()));
        let all = [inputs(&["x.png"]), vec![named]].concat();
        assert_eq!(set_apart(all.clone()), (all, Vec::new()));
    }
}
