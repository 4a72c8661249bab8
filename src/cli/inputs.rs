//! The inputs that arguments, lists and folders name.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use os_display::Quotable;

use super::{message::reason, source::Source};

/// Endings of the names that are taken for pictures in a folder.
const EXTENSIONS: [&str; 15] = [
    "png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "pnm", "pbm", "pgm", "ppm", "qoi",
    "tga", "ico",
];

/// Endings of pictures that are not read here, but known.
const OTHER_EXTENSIONS: [&str; 5] = ["avif", "heic", "jxl", "jp2", "svg"];

/// Whether the name of `path` is that of a picture which is no PNG.
pub fn has_name_of_other_format(path: &Path) -> bool {
    has_extension(path, &EXTENSIONS[1..]) || has_extension(path, &OTHER_EXTENSIONS)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|found| extensions.iter().any(|e| found.eq_ignore_ascii_case(e)))
}

/// A source, and how it came to be an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    pub source: Source,
    /// The folder that it lies in, below the one that was given; empty if that is the same, or if
    /// the source itself was given.
    pub below: PathBuf,
    /// Whether it was come across in a folder, and so is only taken if it is no output.
    pub found: bool,
}

impl Input {
    /// A source that was given by its name.
    pub fn named(source: Source) -> Self {
        Self {
            source,
            below: PathBuf::new(),
            found: false,
        }
    }
}

/// How folders are searched for pictures.
#[derive(Default)]
pub struct Search {
    /// Whether what lies deeper is taken, too. Links to folders are not followed, so that there are
    /// no cycles.
    pub recursive: bool,
    /// Whether only PNG files are taken.
    pub only_png: bool,
    /// Folders that are not entered, because outputs go there; without links and dots.
    pub avoided: Vec<PathBuf>,
}

impl Search {
    /// The inputs that `arguments` name, those of a folder sorted by their names.
    ///
    /// # Errors
    /// When a folder cannot be read or has no pictures, or a built-in picture does not exist.
    pub fn inputs(&self, arguments: &[PathBuf]) -> Result<Vec<Input>> {
        let mut inputs = Vec::new();
        for argument in arguments {
            match Source::named(argument)? {
                Source::File(folder) if folder.is_dir() => {
                    let before = inputs.len();
                    self.walk(&folder, Path::new(""), &mut inputs)?;
                    let cure = if self.recursive {
                        ""
                    } else {
                        "; -r looks below"
                    };
                    ensure!(
                        inputs.len() > before,
                        "{}: no pictures in this folder{cure}",
                        folder.quote()
                    );
                }
                source => inputs.push(Input::named(source)),
            }
        }
        Ok(inputs)
    }

    /// Adds the pictures in `folder`, which lies at `below` from the folder that was given.
    fn walk(&self, folder: &Path, below: &Path, inputs: &mut Vec<Input>) -> Result<()> {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries =
            entries.map_err(|error| anyhow!("{}: {}", folder.quote(), reason(&error)))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if self.recursive && !is_hidden(&name) && !self.is_avoided(&path) {
                    self.walk(&path, &below.join(name), inputs)?;
                }
            } else if self.is_picture(&path) {
                inputs.push(Input {
                    source: Source::File(path),
                    below: below.to_owned(),
                    found: true,
                });
            }
        }
        Ok(())
    }

    fn is_avoided(&self, folder: &Path) -> bool {
        fs::canonicalize(folder).is_ok_and(|folder| self.avoided.contains(&folder))
    }

    /// Whether `path` is a file, or a link to one, that has the name of a picture.
    fn is_picture(&self, path: &Path) -> bool {
        let extensions = if self.only_png {
            &EXTENSIONS[..1]
        } else {
            &EXTENSIONS[..]
        };
        has_extension(path, extensions) && path.is_file()
    }
}

/// The paths in the list at `list` (`-`: on stdin), one a line, or each ended by a zero byte.
///
/// # Errors
/// When the list cannot be read, or a name in it is not one on this system.
pub fn listed(list: &Path, zero_bytes: bool) -> Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    let read = if list == Path::new("-") {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        fs::File::open(list).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| anyhow!("{}: {}", list.quote(), reason(&error)))?;
    names(&bytes, zero_bytes).with_context(|| list.quote().to_string())
}

/// The names in the bytes of a list.
fn names(bytes: &[u8], zero_bytes: bool) -> Result<Vec<PathBuf>> {
    let end = if zero_bytes { b'\0' } else { b'\n' };
    let names = bytes.split(|&byte| byte == end);
    let names = names.map(|name| match name.strip_suffix(b"\r") {
        Some(name) if !zero_bytes => name,
        _ => name,
    });
    names.filter(|name| !name.is_empty()).map(path).collect()
}

#[cfg(unix)]
fn path(name: &[u8]) -> Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    ensure!(
        !name.contains(&b'\0'),
        "a name in the list has a zero byte; -0 takes lists of names that end in one"
    );
    Ok(OsStr::from_bytes(name).into())
}

#[cfg(not(unix))]
fn path(name: &[u8]) -> Result<PathBuf> {
    let name = std::str::from_utf8(name).context("a name in the list is not UTF-8")?;
    Ok(name.into())
}

/// Whether a folder of this name is kept out of sight, like `.git`.
fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        folder
    }

    /// What `search` finds in `folder`: each name with the folder that it is below.
    fn found(search: &Search, folder: &Path) -> Vec<(PathBuf, PathBuf)> {
        let inputs = search.inputs(&[folder.to_owned()]).unwrap();
        let name = |input: &Input| input.source.path().strip_prefix(folder).unwrap().to_owned();
        inputs
            .into_iter()
            .map(|input| (name(&input), input.below))
            .collect()
    }

    #[test]
    fn a_folder_stands_for_its_pictures_sorted_by_name() {
        let folder = folder_with(&["b.png", "a.JPG", "c.txt", "png", "sub/d.png"]);
        let expected = ["a.JPG", "b.png"].map(|name| (name.into(), PathBuf::new()));
        assert_eq!(found(&Search::default(), folder.path()), expected);
    }

    #[test]
    fn a_recursive_search_keeps_the_tree_and_avoids_the_folders_of_outputs() {
        let folder = folder_with(&["z.png", "a/b/x.png", "a/y.gif", "out/own.png"]);
        let search = Search {
            recursive: true,
            avoided: vec![fs::canonicalize(folder.path().join("out")).unwrap()],
            ..Search::default()
        };
        let expected = [("a/b/x.png", "a/b"), ("a/y.gif", "a"), ("z.png", "")];
        let expected = expected.map(|(name, below)| (name.into(), below.into()));
        assert_eq!(found(&search, folder.path()), expected);
    }

    #[test]
    fn only_png_leaves_the_others_out() {
        let folder = folder_with(&["a.png", "b.jpg"]);
        let search = Search {
            only_png: true,
            ..Search::default()
        };
        assert_eq!(found(&search, folder.path()).len(), 1);
    }

    #[test]
    fn a_folder_without_pictures_is_refused() {
        let folder = folder_with(&["sub/a.png"]);
        let refusal = Search::default().inputs(&[folder.path().to_owned()]);
        assert!(
            refusal
                .unwrap_err()
                .to_string()
                .ends_with("; -r looks below")
        );
    }

    #[cfg(unix)]
    #[test]
    fn cycles_devices_and_links_to_nowhere_are_not_entered_or_taken() {
        use std::os::unix::fs::symlink;
        let folder = folder_with(&["a.png"]);
        for (target, link) in [(".", "cycle"), ("/dev/zero", "zero.png"), ("no", "no.png")] {
            symlink(target, folder.path().join(link)).unwrap();
        }
        symlink("a.png", folder.path().join("link.png")).unwrap();
        let search = Search {
            recursive: true,
            ..Search::default()
        };
        let names = ["a.png", "link.png"].map(|name| (name.into(), PathBuf::new()));
        assert_eq!(found(&search, folder.path()), names);
    }

    #[test]
    fn names_of_a_list_end_in_a_line_feed_or_a_zero_byte() {
        let lines = names(b"a b.png\r\n\n-\n c", false).unwrap();
        assert_eq!(lines, ["a b.png", "-", " c"].map(PathBuf::from));
        let zeros = names(b"a\nb\0c\r\0", true).unwrap();
        assert_eq!(zeros, ["a\nb", "c\r"].map(PathBuf::from));
    }

    #[cfg(unix)]
    #[test]
    fn a_list_of_the_other_kind_is_refused() {
        assert!(names(b"a\0b\0", false).is_err());
    }
}
