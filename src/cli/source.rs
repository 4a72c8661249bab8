//! Where a picture comes from.

use std::{
    borrow::Cow,
    ffi::OsStr,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Result, bail, ensure};
use os_display::Quotable;
use quantize::picture::{BUILTIN_NAMES, builtin_bytes};

/// Bytes that are read of one input at most; no picture that fits into memory has a larger file.
const MAX_BYTES: u64 = 2 << 30;

/// An INPUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Stdin,
    /// One of [`BUILTIN_NAMES`].
    Builtin(&'static str),
    File(PathBuf),
}

impl Source {
    /// What stands in for a command without INPUT.
    pub const DEFAULT: Self = Self::Builtin(BUILTIN_NAMES[0]);

    /// The source that an argument names.
    ///
    /// # Errors
    /// When it names a built-in picture that there is not.
    pub fn named(argument: &Path) -> Result<Self> {
        if argument == Path::new("-") {
            return Ok(Self::Stdin);
        }
        match argument.to_string_lossy().strip_prefix("builtin:") {
            None => Ok(Self::File(argument.to_owned())),
            Some(wanted) => match BUILTIN_NAMES.into_iter().find(|&name| name == wanted) {
                Some(name) => Ok(Self::Builtin(name)),
                None => bail!(
                    "{}: there is no such picture; the built-in ones are builtin:{}",
                    argument.quote(),
                    BUILTIN_NAMES.join(" and builtin:")
                ),
            },
        }
    }

    /// The argument that names it.
    pub fn argument(&self) -> Cow<'_, OsStr> {
        match self {
            Self::Stdin => Cow::Borrowed(OsStr::new("-")),
            Self::Builtin(name) => Cow::Owned(format!("builtin:{name}").into()),
            Self::File(path) => Cow::Borrowed(path.as_os_str()),
        }
    }

    /// The path whose name the results take theirs from.
    pub fn path(&self) -> &Path {
        match self {
            Self::Stdin => Path::new("stdin"),
            Self::Builtin(name) => Path::new(name),
            Self::File(path) => path,
        }
    }

    /// The length of a file, before it is read; 0 where that says nothing.
    pub fn length(&self) -> u64 {
        match self {
            Self::Stdin | Self::Builtin(_) => 0,
            Self::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
        }
    }

    /// The whole of its bytes.
    ///
    /// # Errors
    /// The system's reason, or that it is no regular file or too large.
    pub fn read(&self) -> Result<Cow<'static, [u8]>> {
        match self {
            Self::Stdin => stdin().map(Cow::Borrowed),
            Self::Builtin(name) => Ok(Cow::Borrowed(
                builtin_bytes(name).expect("only known names are taken"),
            )),
            Self::File(path) => {
                // Asked before opening, because opening a FIFO waits for somebody to write.
                let metadata = fs::metadata(path)?;
                ensure!(metadata.is_file(), "not a regular file");
                read_all(fs::File::open(path)?, metadata.len(), MAX_BYTES).map(Cow::Owned)
            }
        }
    }
}

/// The whole of stdin, however often it is asked for.
fn stdin() -> Result<&'static [u8]> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(bytes) = BYTES.get() {
        return Ok(bytes);
    }
    let bytes = read_all(io::stdin().lock(), 0, MAX_BYTES)?;
    Ok(BYTES.get_or_init(|| bytes))
}

/// All of `from`, which is about `length` bytes, if no more than `max_bytes`.
fn read_all(from: impl Read, length: u64, max_bytes: u64) -> Result<Vec<u8>> {
    // Not one more than is claimed of the budget: a vector that grows by itself doubles.
    let mut bytes = Vec::with_capacity(length.min(max_bytes) as usize + 1);
    from.take(max_bytes + 1).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() as u64 <= max_bytes,
        "larger than {} MiB",
        max_bytes >> 20
    );
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_stdin_builtin_pictures_and_files() {
        assert_eq!(Source::named(Path::new("-")).unwrap(), Source::Stdin);
        assert_eq!(
            Source::named(Path::new("builtin:china.jpg")).unwrap(),
            Source::Builtin("china.jpg")
        );
        for file in ["./-", "./builtin:china.jpg", "a/builtin:x", "-k"] {
            assert_eq!(
                Source::named(Path::new(file)).unwrap(),
                Source::File(file.into())
            );
        }
    }

    #[test]
    fn an_unknown_builtin_picture_is_refused_with_the_names_of_those_there_are() {
        let message = Source::named(Path::new("builtin:cat.jpg"))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("builtin:flower.jpg and builtin:china.jpg"),
            "{message}"
        );
    }

    #[test]
    fn no_more_is_read_than_may_be() {
        assert_eq!(read_all(&[7; 10][..], 3, 10).unwrap(), [7; 10]);
        assert!(read_all(io::repeat(0), 0, 1 << 20).is_err());
    }
}
