//! Palette files, in and out.
//!
//! | format | extension | alpha |
//! | --- | --- | --- |
//! | GIMP, Inkscape, Krita | `gpl` | dropped |
//! | one `rrggbb` a line | `hex` | `rrggbbaa` |
//! | Paint.NET, `AARRGGBB` a line | `txt` | kept |
//! | JSON, `hex` and `count` of each color | `json` | `#rrggbbaa` |
//! | CSS custom properties | `css` | `#rrggbbaa` |
//! | Photoshop color table | `act` | one fully transparent color |
//! | Photoshop swatches | `aco` | dropped |
//! | Adobe Swatch Exchange | `ase` | dropped |
//! | JASC (Paint Shop Pro); RIFF (Windows), read only | `pal` | dropped |
//! | PNG of swatches | `png` | kept |
//!
//! A file may be broken or hostile: every format is read without trust in the numbers that it
//! claims, and what is wrong is said in one line.

mod aco;
mod act;
mod ase;
mod css;
mod fields;
mod gpl;
mod jasc;
mod json;
mod lines;
mod png;
mod riff;
mod text;

use super::{Palette, hex};
use crate::{Error, Result, picture};

/// A kind of palette file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// GIMP palette.
    Gpl,
    /// One `rrggbb` a line.
    Hex,
    /// Paint.NET: one `AARRGGBB` a line.
    Txt,
    /// JSON list of objects with `hex` and `count`.
    Json,
    /// CSS custom properties `--color-1` and so on.
    Css,
    /// Photoshop color table.
    Act,
    /// Photoshop swatches.
    Aco,
    /// Adobe Swatch Exchange.
    Ase,
    /// JASC palette, of Paint Shop Pro; a RIFF palette, of Windows, is read, too.
    Pal,
    /// An indexed PNG of swatches, whose PLTE is the palette.
    Png,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 10] = [
        Self::Gpl,
        Self::Hex,
        Self::Txt,
        Self::Json,
        Self::Css,
        Self::Act,
        Self::Aco,
        Self::Ase,
        Self::Pal,
        Self::Png,
    ];

    /// The extension of its files, in small letters.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Gpl => "gpl",
            Self::Hex => "hex",
            Self::Txt => "txt",
            Self::Json => "json",
            Self::Css => "css",
            Self::Act => "act",
            Self::Aco => "aco",
            Self::Ase => "ase",
            Self::Pal => "pal",
            Self::Png => "png",
        }
    }

    /// The format of files with this extension, in either case of letters.
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| extension.eq_ignore_ascii_case(format.extension()))
    }

    /// Whether its files tell the alpha of each color of `palette`.
    pub fn keeps_alpha(self, palette: &Palette) -> bool {
        match self {
            Self::Hex | Self::Txt | Self::Json | Self::Css | Self::Png => true,
            Self::Act => {
                let mut soft = palette.colors().iter().filter(|color| color[3] < 255);
                soft.next().is_none_or(|color| color[3] == 0) && soft.next().is_none()
            }
            Self::Gpl | Self::Aco | Self::Ase | Self::Pal => !palette.has_alpha(),
        }
    }

    /// What its files are called.
    fn name(self) -> &'static str {
        match self {
            Self::Gpl => "GIMP palette",
            Self::Hex => "list of hexadecimal colors",
            Self::Txt => "Paint.NET palette",
            Self::Json => "JSON palette",
            Self::Css => "style sheet of colors",
            Self::Act => "Photoshop color table",
            Self::Aco => "file of Photoshop swatches",
            Self::Ase => "Adobe Swatch Exchange file",
            Self::Pal => "JASC or RIFF palette",
            Self::Png => "PNG with a palette",
        }
    }
}

/// The palette in `bytes`, in the order of the file. A PNG is known by its content, whatever it is
/// called; the other formats by `extension`. Of a PNG it is the PLTE chunk, or of one without it the
/// picture's colors, by falling number of pixels.
///
/// # Errors
/// [`Error::BrokenPalette`] when the bytes break the format's rules, [`Error::Invalid`] when the
/// extension is of no palette file, or there are not 1 to 256 colors.
pub fn load(bytes: &[u8], extension: Option<&str>) -> Result<Palette> {
    let format = if picture::is_png(bytes) {
        Format::Png
    } else {
        known(extension)?
    };
    let colors = match format {
        Format::Gpl => gpl::load(bytes),
        Format::Hex => lines::load_hex(bytes),
        Format::Txt => lines::load_paint_net(bytes),
        Format::Json => json::load(bytes),
        Format::Css => css::load(bytes),
        Format::Act => act::load(bytes),
        Format::Aco => aco::load(bytes),
        Format::Ase => ase::load(bytes),
        Format::Pal if bytes.starts_with(riff::SIGNATURE) => riff::load(bytes),
        Format::Pal => jasc::load(bytes),
        Format::Png => png::load(bytes),
    };
    let colors = colors.map_err(|reason| Error::BrokenPalette {
        format: format.name(),
        reason,
    })?;
    Palette::new(colors)
}

/// The bytes of a file with the colors of `palette` in their order. `counts` has the number of
/// pixels of each color; JSON is the format that tells it. GIMP's is the one that tells the `name`.
///
/// # Errors
/// [`Error::Invalid`] when there are not as many counts as colors, [`Error::Encode`] when the PNG
/// encoder fails.
pub fn save(palette: &Palette, counts: &[u64], name: &str, format: Format) -> Result<Vec<u8>> {
    let colors = palette.colors();
    if counts.len() != colors.len() {
        return Err(Error::Invalid(format!(
            "{} counts do not go with {} colors",
            counts.len(),
            colors.len()
        )));
    }
    Ok(match format {
        Format::Gpl => gpl::save(colors, name).into_bytes(),
        Format::Hex => lines::save_hex(colors).into_bytes(),
        Format::Txt => lines::save_paint_net(colors).into_bytes(),
        Format::Json => json::save(colors, counts).into_bytes(),
        Format::Css => css::save(colors).into_bytes(),
        Format::Act => act::save(colors),
        Format::Aco => aco::save(colors),
        Format::Ase => ase::save(colors),
        Format::Pal => jasc::save(colors).into_bytes(),
        Format::Png => png::save(colors)?,
    })
}

/// The format of `extension`.
fn known(extension: Option<&str>) -> Result<Format> {
    extension.and_then(Format::of_extension).ok_or_else(|| {
        let known = Format::ALL.map(Format::extension).join(", ");
        Error::Invalid(match extension {
            Some(extension) => {
                format!("{extension:?} is no extension of a palette file; they are {known}")
            }
            None => format!("a palette file needs an extension that names its format: {known}"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colors with every kind of byte, opaque or not.
    fn palette(colors: usize, opaque: bool) -> Palette {
        let color = |i: usize| {
            let alpha = if opaque { 255 } else { (i * 53 % 256) as u8 };
            [(i * 37 % 256) as u8, (i * 101 % 256) as u8, i as u8, alpha]
        };
        Palette::new((0..colors).map(color).collect()).unwrap()
    }

    fn round_trip(palette: &Palette, format: Format) -> Palette {
        let counts: Vec<u64> = (1..=palette.len() as u64).collect();
        let bytes = save(palette, &counts, "x", format).unwrap();
        load(&bytes, Some(format.extension())).unwrap()
    }

    #[test]
    fn every_format_gives_back_the_colors_that_it_was_given() {
        for format in Format::ALL {
            for colors in [1, 2, 3, 5, 16, 17, 255, 256] {
                let palette = palette(colors, true);
                assert_eq!(round_trip(&palette, format), palette, "{format:?}");
            }
        }
    }

    #[test]
    fn alpha_comes_back_from_the_formats_that_have_it_and_is_dropped_by_the_others() {
        let palette = palette(20, false);
        for format in Format::ALL {
            let read = round_trip(&palette, format);
            let expected = |[r, g, b, a]: [u8; 4]| match format {
                Format::Hex | Format::Txt | Format::Json | Format::Css | Format::Png => {
                    [r, g, b, a]
                }
                Format::Act if a == 0 => [r, g, b, a],
                _ => [r, g, b, 255],
            };
            let expected: Vec<_> = palette.colors().iter().copied().map(expected).collect();
            assert_eq!(read.colors(), expected, "{format:?}");
        }
    }

    #[test]
    fn a_format_says_whether_the_alpha_of_a_palette_comes_back() {
        let colors = [[0; 4], [9, 9, 9, 255], [0, 0, 0, 0], [8, 8, 8, 80]];
        for colors in [&colors[1..2], &colors[..2], &colors[..3], &colors[1..]] {
            let palette = Palette::new(colors.to_vec()).unwrap();
            for format in Format::ALL {
                let alpha_of = |palette: &Palette| -> Vec<u8> {
                    palette.colors().iter().map(|color| color[3]).collect()
                };
                let comes_back = alpha_of(&round_trip(&palette, format)) == alpha_of(&palette);
                assert_eq!(
                    format.keeps_alpha(&palette),
                    comes_back,
                    "{format:?} {colors:?}"
                );
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_or_damaged_anywhere_never_panics() {
        let palette = palette(7, true);
        for format in Format::ALL {
            let bytes = save(&palette, &[1; 7], "x", format).unwrap();
            for end in 0..bytes.len() {
                let _ = load(&bytes[..end], Some(format.extension()));
            }
            for position in 0..bytes.len() {
                for damage in [0, 1, b'-', b'9', 0x7f, 0xff] {
                    let mut broken = bytes.clone();
                    broken[position] = damage;
                    let _ = load(&broken, Some(format.extension()));
                }
            }
        }
    }

    #[test]
    fn what_is_no_palette_gets_one_line_that_names_the_format() {
        for format in Format::ALL {
            for bytes in [&b"\x1b[31m\nGIF89a"[..], b"", b"\0\0\0\0"] {
                let error = load(bytes, Some(format.extension())).unwrap_err();
                let text = error.to_string();
                assert!(!text.contains(char::is_control), "{text:?}");
                assert!(text.contains(format.name()), "{format:?}: {text}");
            }
        }
    }

    #[test]
    fn formats_are_known_by_their_extension_in_either_case() {
        assert_eq!(Format::of_extension("GPL"), Some(Format::Gpl));
        assert_eq!(Format::of_extension("jpg"), None);
        let error = load(b"x", Some("jpg")).unwrap_err().to_string();
        assert!(
            error.contains("gpl, hex, txt, json, css, act, aco, ase, pal, png"),
            "{error}"
        );
        assert!(load(b"x", None).is_err());
    }

    #[test]
    fn a_file_of_more_than_256_colors_is_refused_with_their_number() {
        let error = load("112233\n".repeat(300).as_bytes(), Some("hex")).unwrap_err();
        assert_eq!(error.to_string(), "a palette has 1 to 256 colors, not 300");
    }

    #[test]
    fn counts_go_with_colors() {
        assert!(save(&palette(2, true), &[1], "x", Format::Json).is_err());
    }
}
