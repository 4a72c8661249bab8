//! Results to where they go: files that appear complete or not at all, and stdout.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::{Result, anyhow, bail};
use os_display::Quotable;
use quantize::{
    Error,
    picture::{Existing, Staged},
};

use super::{message::reason, plan::Target, signals};

/// Fails when something lies where an output would go and is not to be replaced. That is certain only
/// when the file gets its name, but known before any work in all cases but a race.
///
/// # Errors
/// That it exists, in words for the user.
pub fn refuse_existing<'a>(
    targets: impl Iterator<Item = &'a Target>,
    existing: Existing,
) -> Result<()> {
    if existing == Existing::Replace {
        return Ok(());
    }
    for target in targets {
        if let Target::File(path) = target
            // Not `exists`, which follows links and so takes a dangling one for nothing.
            && fs::symlink_metadata(path).is_ok()
        {
            bail!(cannot_write(target, &Error::Exists));
        }
    }
    Ok(())
}

/// Writes all files or, unless the system fails in between names, none; then what goes to stdout.
///
/// # Errors
/// What could not be written and why, in words for the user.
pub fn write(files: &[(&Target, Vec<u8>)], existing: Existing) -> Result<()> {
    signals::uninterrupted(|| to_disk(files, existing))?;
    to_stdout(files)
}

fn to_disk(files: &[(&Target, Vec<u8>)], existing: Existing) -> Result<()> {
    let mut staged = Vec::new();
    for (target, bytes) in files {
        let (path, existing) = match target {
            Target::Stdout => continue,
            Target::File(path) => (path, existing),
            Target::InPlace(path) => (path, Existing::Replace),
        };
        let file = make_folder(path)
            .and_then(|()| Staged::new(path, bytes, existing))
            .map_err(|error| cannot_write(target, &error))?;
        staged.push((target, file));
    }
    for (target, file) in staged {
        file.commit()
            .map_err(|error| cannot_write(target, &error))?;
    }
    Ok(())
}

/// Makes the folder of an output where it is missing, because a tree is kept.
fn make_folder(path: &Path) -> quantize::Result<()> {
    match path.parent() {
        Some(folder) if folder != Path::new("") => Ok(fs::create_dir_all(folder)?),
        _ => Ok(()),
    }
}

/// Writes what goes to stdout, when the files are finished.
fn to_stdout(files: &[(&Target, Vec<u8>)]) -> Result<()> {
    for (target, bytes) in files {
        if **target == Target::Stdout {
            print(bytes)?;
        }
    }
    Ok(())
}

/// Writes `bytes` to stdout; whether anybody reads them is the reader's choice.
///
/// # Errors
/// The system's reason, in words for the user.
pub fn print(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            bail!("cannot write to stdout: {}", reason(&error))
        }
        _ => Ok(()),
    }
}

/// The error of a `target` that could not be written, in words for the user.
fn cannot_write(target: &Target, error: &Error) -> anyhow::Error {
    let cure = match error {
        Error::Exists => "; --force replaces it",
        _ => "",
    };
    anyhow!(
        "cannot write {}: {}{cure}",
        target.argument().quote(),
        reason(error)
    )
}
