//! The search of `oxipng`: more orders of the palette, more filters, and deflate's last level.

use oxipng::{BitDepth, ColorType, Options, RGBA8, RawImage};

use super::{
    failed,
    layout::{Color, Layout},
};
use crate::Result;

/// The preset. By the fourth, files of 12 pictures of CQ100 at 256 colors are 1.1 % smaller, in twice the time.
const PRESET: u8 = 2;

/// The bytes of the PNG file that the search finds, starting from `layout`; `values` are palette
/// indices or channels, as in the picture. Entries that no pixel has stay where `keep_unused`.
///
/// # Errors
/// When the search finds the picture too large.
pub fn file(
    width: u32,
    height: u32,
    layout: &Layout,
    values: &[u8],
    keep_unused: bool,
) -> Result<Vec<u8>> {
    let color_type = match &layout.color {
        Color::Indexed(entries) => ColorType::Indexed {
            palette: entries
                .iter()
                .map(|&[r, g, b, alpha]| RGBA8::new(r, g, b, alpha))
                .collect(),
        },
        Color::Gray => ColorType::Grayscale {
            transparent_shade: None,
        },
        Color::Rgb => ColorType::RGB {
            transparent_color: None,
        },
        Color::Rgba => ColorType::RGBA,
    };
    // Numbers of 8 bits: the search orders a palette only then, and packs bits itself.
    let renumbered = |numbers: &[u8]| values.iter().map(|&v| numbers[usize::from(v)]).collect();
    let data = match layout.color {
        Color::Indexed(_) => renumbered(&layout.numbers),
        Color::Gray => renumbered(&layout.grays()),
        Color::Rgb | Color::Rgba => values.to_vec(),
    };
    let image = RawImage::new(width, height, color_type, BitDepth::Eight, data).map_err(failed)?;
    let options = Options {
        palette_reduction: !keep_unused,
        color_type_reduction: !keep_unused,
        ..Options::from_preset(PRESET)
    };
    image.create_optimized_png(&options).map_err(failed)
}
