//! Palette files by the names that users give them.

use std::{ffi::OsStr, path::Path};

use anyhow::{Context, Result, anyhow};
use os_display::Quotable;
use quantize::{
    Palette,
    palette::{self, Format},
};

use super::{message::reason, panics, plan::Target, source::Source};

/// The palette that an argument names: colors with commas between them, or a file.
///
/// # Errors
/// When it is neither, or the file is broken.
pub fn argument(argument: &Path) -> Result<Palette> {
    let text = argument.to_string_lossy();
    let colors: Option<Vec<_>> = text.split(',').map(palette::parse_hex).collect();
    let palette = match colors {
        Some(colors) => Palette::new(colors).map_err(Into::into),
        None if text.starts_with('#') => Err(anyhow!(
            "colors are #rrggbb, #rgb or #rrggbbaa, with commas between them"
        )),
        None => load(argument),
    };
    palette.map_err(|error| anyhow!("{}: {}", argument.quote(), reason(&error)))
}

fn load(path: &Path) -> Result<Palette> {
    let bytes = Source::File(path.to_owned()).read()?;
    let extension = path.extension().and_then(|extension| extension.to_str());
    Ok(panics::of_decoder(|| palette::load(&bytes, extension))??)
}

/// The format of the palette file that goes to `target`: by its extension, on stdout GIMP's.
///
/// # Errors
/// When the extension is of no such format.
pub fn format(target: &Target) -> Result<Format> {
    let Target::File(path) = target else {
        return Ok(Format::Gpl);
    };
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.and_then(Format::of_extension).with_context(|| {
        format!(
            "{}: a palette file ends in .{}",
            path.quote(),
            Format::ALL.map(Format::extension).join(", .")
        )
    })
}

/// The bytes of the palette file that goes to `target`, named after it.
///
/// # Errors
/// As for [`format`] and [`palette::save`].
pub fn save(palette: &Palette, counts: &[u64], target: &Target) -> Result<Vec<u8>> {
    let stem = match target {
        Target::File(path) => path.file_stem().unwrap_or_default(),
        Target::Stdout | Target::InPlace(_) => OsStr::new(""),
    };
    let name = stem.to_string_lossy();
    Ok(palette::save(palette, counts, &name, format(target)?)?)
}

/// What the user should know of the palette file that goes to `target`: that it has no place for the
/// alpha of `palette`.
///
/// # Errors
/// As for [`format`].
pub fn warning(palette: &Palette, target: &Target) -> Result<Option<String>> {
    let format = format(target)?;
    Ok((!format.keeps_alpha(palette)).then(|| {
        let others = Format::ALL.into_iter().filter(|f| f.keeps_alpha(palette));
        let others: Vec<_> = others.map(Format::extension).collect();
        format!(
            ".{} files do not keep the transparency of the palette; those that do: .{}",
            format.extension(),
            others.join(", .")
        )
    }))
}
