//! Palette files by the names that users give them.

use std::path::Path;

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
