//! Output paths with `{stem}`, `{name}`, `{ext}` and `{dir}`, which one pattern makes for each
//! input.

use std::{
    ffi::{OsStr, OsString},
    path::{self, Path, PathBuf},
};

use anyhow::{Result, bail};
use os_display::Quotable;

use crate::cli::inputs::Input;

/// A part of an input's name that a pattern can ask for.
#[derive(Clone, Copy)]
enum Field {
    /// The name without its extension.
    Stem,
    /// The name with its extension.
    Name,
    /// The extension without its dot.
    Ext,
    /// The input's folder below the one that was given.
    Dir,
}

const FIELDS: [(&str, Field); 4] = [
    ("{stem}", Field::Stem),
    ("{name}", Field::Name),
    ("{ext}", Field::Ext),
    ("{dir}", Field::Dir),
];

impl Field {
    fn of(self, input: &Input) -> &OsStr {
        let path = input.source.path();
        match self {
            Self::Stem => path.file_stem().unwrap_or_default(),
            Self::Name => path.file_name().unwrap_or_default(),
            Self::Ext => path.extension().unwrap_or_default(),
            // Not empty, lest `{dir}/x` begin at the root.
            Self::Dir if input.below == Path::new("") => OsStr::new("."),
            Self::Dir => input.below.as_os_str(),
        }
    }
}

/// `pattern` with its fields filled in for `input`. A path without fields comes back as it is;
/// braces around anything but letters stand for themselves.
///
/// # Errors
/// When `pattern` has fields, but is not UTF-8, or ones that there are not.
pub fn expand(pattern: &Path, input: &Input) -> Result<PathBuf> {
    if let Some(unknown) = unknown_field(&pattern.to_string_lossy()) {
        let known = FIELDS.map(|(name, _)| name).join(", ");
        bail!(
            "{}: there is no {unknown}; what stands for parts of an input's name is {known}",
            pattern.quote()
        );
    }
    if !has_fields(pattern) {
        return Ok(pattern.to_owned());
    }
    let Some(mut rest) = pattern.to_str() else {
        bail!("{}: a pattern has to be UTF-8", pattern.quote());
    };
    // What is filled in is not looked at again: a name may hold braces of its own.
    let mut expanded = OsString::new();
    while let Some((start, text, field)) = first_field(rest) {
        expanded.push(&rest[..start]);
        expanded.push(field.of(input));
        rest = &rest[start + text.len()..];
    }
    expanded.push(rest);
    Ok(expanded.into())
}

/// Whether `path` depends on the input's name.
pub fn has_fields(path: &Path) -> bool {
    first_field(&path.to_string_lossy()).is_some()
}

/// Whether `pattern` says itself where the input's folder goes.
pub fn places_dir(pattern: &Path) -> bool {
    pattern.to_string_lossy().contains("{dir}")
}

/// The folder that all of what `pattern` names lies in, if it has fields.
pub fn common_folder(pattern: &Path) -> Option<&Path> {
    let (start, ..) = first_field(pattern.to_str()?)?;
    let fixed = &pattern.to_str()?[..start];
    let folder = &fixed[..fixed.rfind(path::is_separator)?];
    Some(Path::new(folder))
}

/// What looks like a field, but is none: letters in braces, or nothing.
fn unknown_field(text: &str) -> Option<&str> {
    let opened = text.match_indices('{').map(|(start, _)| &text[start..]);
    let mut fields = opened.filter_map(|rest| Some(&rest[..=rest.find('}')?]));
    fields.find(|field| {
        let word = &field[1..field.len() - 1];
        word.chars().all(char::is_alphabetic) && FIELDS.iter().all(|(known, _)| known != field)
    })
}

/// The field that comes first, where it starts, and its text.
fn first_field(text: &str) -> Option<(usize, &'static str, Field)> {
    let found = FIELDS
        .iter()
        .filter_map(|&(name, field)| Some((text.find(name)?, name, field)));
    found.min_by_key(|&(start, ..)| start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::source::Source;

    fn file(path: impl Into<PathBuf>) -> Input {
        Input::named(Source::File(path.into()))
    }

    fn expanded(pattern: &str, input: &str) -> PathBuf {
        expand(Path::new(pattern), &file(input)).unwrap()
    }

    #[test]
    fn fields_are_filled_in() {
        assert_eq!(
            expanded("o/{stem}.png", "in/a.b.jpg"),
            Path::new("o/a.b.png")
        );
        assert_eq!(
            expanded("{name}-{ext}-{stem}{stem}", "a.jpg"),
            Path::new("a.jpg-jpg-aa")
        );
        assert_eq!(expanded("{dir}/{ext}x", "in/a"), Path::new("./x"));
    }

    #[test]
    fn dir_is_the_folder_below_the_one_that_was_given() {
        let input = Input {
            below: "a/b".into(),
            found: true,
            ..file("in/a/b/x.jpg")
        };
        let pattern = Path::new("out/{dir}/{stem}.png");
        assert_eq!(expand(pattern, &input).unwrap(), Path::new("out/a/b/x.png"));
    }

    #[test]
    fn outputs_of_a_pattern_lie_in_the_folder_before_its_fields() {
        let folder = |pattern| common_folder(Path::new(pattern)).and_then(Path::to_str);
        assert_eq!(folder("out/x-{stem}/y.png"), Some("out"));
        assert_eq!(folder("{dir}/out/{stem}.png"), None);
        assert_eq!(folder("out/x.png"), None);
    }

    #[test]
    fn other_braces_stand_for_themselves() {
        assert_eq!(
            expanded("{1}}{{{stem}{a b}", "a.jpg"),
            Path::new("{1}}{{a{a b}")
        );
    }

    #[test]
    fn a_field_that_does_not_exist_is_refused_with_those_that_do() {
        for pattern in ["{stam}.png", "o/{}/{stem}", "{{nam}"] {
            let refusal = expand(Path::new(pattern), &file("a.jpg")).unwrap_err();
            let message = refusal.to_string();
            assert!(
                message.ends_with("{stem}, {name}, {ext}, {dir}"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_name_with_braces_is_not_taken_for_a_pattern() {
        assert_eq!(
            expanded("{stem}{ext}", "{ext}.{stem}"),
            Path::new("{ext}{stem}")
        );
    }

    #[test]
    fn the_built_in_pictures_and_stdin_have_names_too() {
        let pattern = Path::new("{stem}.png");
        assert_eq!(
            expand(pattern, &Input::named(Source::DEFAULT)).unwrap(),
            Path::new("flower.png")
        );
        assert_eq!(
            expand(pattern, &Input::named(Source::Stdin)).unwrap(),
            Path::new("stdin.png")
        );
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_go_through_unchanged() {
        use std::os::unix::ffi::OsStrExt;
        let input = file(OsStr::from_bytes(b"\xff.jpg"));
        let expanded = expand(Path::new("o/{stem}.png"), &input).unwrap();
        assert_eq!(expanded.as_os_str().as_bytes(), b"o/\xff.png");

        let folder = Path::new(OsStr::from_bytes(b"\xff/out.png"));
        assert_eq!(expand(folder, &input).unwrap(), folder);
        assert!(expand(&folder.join("{stem}.png"), &input).is_err());
    }
}
