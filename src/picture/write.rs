//! Writing a file whole or not at all.
//!
//! The bytes go to a temporary file beside the output, which takes the output's name only once they
//! are safely on the disk. Whatever fails before that leaves the folder as it was.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// What to do with a file that lies where one is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail with [`Error::Exists`].
    Refuse,
    /// Replace it, keeping its mode.
    Replace,
}

/// Writes `bytes` to `path`, complete or not at all.
///
/// # Errors
/// As [`Staged::new`] and [`Staged::commit`].
pub fn write(path: &Path, bytes: &[u8], existing: Existing) -> Result<()> {
    Staged::new(path, bytes, existing)?.commit()
}

/// A file that is complete on the disk, but does not have its name yet. Several files that belong
/// together are staged before the first is committed, so that a full disk leaves none of them.
/// Dropped without a commit, it is removed.
#[derive(Debug)]
pub struct Staged<'a> {
    file: NamedTempFile,
    path: &'a Path,
    existing: Existing,
}

impl<'a> Staged<'a> {
    /// `bytes` in a temporary file in the folder of `path`.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Invalid`] when there is something at `path` that is no file, or
    /// the system's reason.
    pub fn new(path: &'a Path, bytes: &[u8], existing: Existing) -> Result<Self> {
        let replaced = replaced_file(path, existing)?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::Builder::new()
            .prefix(".quantize-")
            .suffix(".tmp")
            .make_in(folder, |temporary| create(temporary, replaced.as_ref()))?;
        file.as_file_mut().write_all(bytes)?;
        if let Some(replaced) = replaced {
            // The umask may have taken bits away that the old file has.
            file.as_file().set_permissions(replaced)?;
        }
        file.as_file().sync_all()?;
        Ok(Self {
            file,
            path,
            existing,
        })
    }

    /// Gives the file its name, in one step.
    ///
    /// # Errors
    /// [`Error::Exists`] when a file came to lie there in the meantime and is not to be replaced,
    /// or the system's reason.
    pub fn commit(self) -> Result<()> {
        let persisted = match self.existing {
            Existing::Refuse => self.file.persist_noclobber(self.path),
            Existing::Replace => self.file.persist(self.path),
        };
        match persisted {
            Ok(_) => Ok(()),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Error::Exists)
            }
            Err(failed) => Err(failed.error.into()),
        }
    }
}

/// The permissions of the file at `path` that is to be replaced, if there is one. A symbolic link
/// has none of its own: it is the link that is replaced, never the file behind it.
fn replaced_file(path: &Path, existing: Existing) -> Result<Option<fs::Permissions>> {
    // Not `exists`, which follows links and so takes a dangling one for nothing.
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if existing == Existing::Refuse {
        return Err(Error::Exists);
    }
    // /dev/null is no file to replace, and neither is a link to it.
    if fs::metadata(path).is_ok_and(|behind| !behind.is_file()) {
        return Err(Error::Invalid(
            "is not a regular file, and only those are replaced".to_owned(),
        ));
    }
    Ok(found.is_file().then(|| found.permissions()))
}

/// A new file for writing. It has the mode that the output will have from the start: at no time can
/// it be read by more people.
fn create(path: &Path, replaced: Option<&fs::Permissions>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(replaced.map_or(0o666, PermissionsExt::mode));
    }
    #[cfg(not(unix))]
    let _ = replaced;
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_holds_the_bytes_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write(&path, b"abc", Existing::Refuse).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(names_in(folder.path()), ["a.png"]);
    }

    #[test]
    fn an_existing_file_is_refused_and_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        fs::write(&path, b"old").unwrap();
        assert!(matches!(
            write(&path, b"new", Existing::Refuse),
            Err(Error::Exists)
        ));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names_in(folder.path()), ["a.png"]);
    }

    #[test]
    fn a_file_that_appears_between_staging_and_commit_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let staged = Staged::new(&path, b"new", Existing::Refuse).unwrap();
        fs::write(&path, b"other").unwrap();
        assert!(matches!(staged.commit(), Err(Error::Exists)));
        assert_eq!(fs::read(&path).unwrap(), b"other");
        assert_eq!(names_in(folder.path()), ["a.png"]);
    }

    #[test]
    fn a_folder_that_appears_between_staging_and_commit_stays_and_is_no_file_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let staged = Staged::new(&path, b"new", Existing::Replace).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(staged.commit(), Err(Error::Io(_))));
        assert!(path.is_dir());
        assert_eq!(names_in(folder.path()), ["a.png"]);
    }

    #[test]
    fn what_is_staged_and_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Staged::new(&folder.path().join("a.png"), b"abc", Existing::Refuse).unwrap());
        assert!(names_in(folder.path()).is_empty());
    }

    #[test]
    fn a_folder_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub");
        fs::create_dir(&path).unwrap();
        let error = write(&path, b"new", Existing::Replace).unwrap_err();
        assert_eq!(
            error.to_string(),
            "is not a regular file, and only those are replaced"
        );
        assert!(path.is_dir());
    }

    #[test]
    fn the_reason_of_a_failure_is_the_systems_alone() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("missing/a.png"), b"", Existing::Refuse).unwrap_err();
        let expected = fs::File::open(folder.path().join("missing/a.png")).unwrap_err();
        assert_eq!(error.to_string(), expected.to_string());

        let error =
            write(&folder.path().join("n".repeat(300)), b"", Existing::Replace).unwrap_err();
        let expected = fs::File::open(folder.path().join("n".repeat(300))).unwrap_err();
        assert_eq!(error.to_string(), expected.to_string());
        // Before anything else is staged or committed.
        let path = folder.path().join("n".repeat(300));
        assert!(Staged::new(&path, b"", Existing::Replace).is_err());
        assert!(names_in(folder.path()).is_empty());
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::fs::{PermissionsExt, symlink};

        use super::*;

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o7777
        }

        #[test]
        fn a_new_file_has_the_mode_that_any_program_would_give_it() {
            let folder = tempfile::tempdir().unwrap();
            let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
            write(&ours, b"", Existing::Refuse).unwrap();
            fs::write(&plain, b"").unwrap();
            assert_eq!(mode(&ours), mode(&plain));
        }

        #[test]
        fn a_replaced_file_keeps_its_mode() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.png");
            for kept in [0o600, 0o666, 0o444] {
                fs::write(&path, b"old").unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
                write(&path, b"new", Existing::Replace).unwrap();
                assert_eq!(fs::read(&path).unwrap(), b"new");
                assert_eq!(mode(&path), kept);
                fs::remove_file(&path).unwrap();
            }
        }

        #[test]
        fn a_link_is_replaced_and_never_written_through() {
            let folder = tempfile::tempdir().unwrap();
            let (victim, link) = (folder.path().join("victim"), folder.path().join("link"));
            fs::write(&victim, b"precious").unwrap();
            fs::set_permissions(&victim, fs::Permissions::from_mode(0o777)).unwrap();
            symlink(&victim, &link).unwrap();
            assert!(matches!(
                write(&link, b"new", Existing::Refuse),
                Err(Error::Exists)
            ));
            write(&link, b"new", Existing::Replace).unwrap();
            assert_eq!(fs::read(&victim).unwrap(), b"precious");
            assert_eq!(fs::read(&link).unwrap(), b"new");
            assert!(!link.is_symlink());
            assert_ne!(mode(&link), 0o777);
        }

        #[test]
        fn a_dangling_link_counts_as_a_file_and_its_target_is_never_made() {
            let folder = tempfile::tempdir().unwrap();
            let (target, link) = (folder.path().join("target"), folder.path().join("link"));
            symlink(&target, &link).unwrap();
            assert!(matches!(
                write(&link, b"new", Existing::Refuse),
                Err(Error::Exists)
            ));
            write(&link, b"new", Existing::Replace).unwrap();
            assert!(!target.exists());
            assert_eq!(fs::read(&link).unwrap(), b"new");
        }

        #[test]
        fn a_link_to_a_device_is_left_alone() {
            let folder = tempfile::tempdir().unwrap();
            let link = folder.path().join("link");
            symlink("/dev/null", &link).unwrap();
            write(&link, b"new", Existing::Replace).unwrap_err();
            assert!(link.is_symlink());
        }
    }
}
