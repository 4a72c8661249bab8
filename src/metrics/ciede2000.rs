//! How different two pictures look.

use ::palette::{FromColor, Lab, Srgb, color_difference::Ciede2000, white_point::D65};
use rayon::prelude::*;

use super::{check_sizes, size};
use crate::{Picture, Result};

/// Pixels of a task. Few enough that tasks are many, enough that most pairs of colors in one are
/// repetitions.
const PIXELS: usize = 1 << 18;

/// The CIEDE2000 differences between the pixels of two pictures. About 1 is what one can just see
/// between patches side by side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorDifference {
    /// The mean over pixels.
    pub mean: f64,
    /// The largest.
    pub max: f64,
}

/// The color differences between `a` and `b` at 8 bits a channel, under D65. Pixels of which one is
/// not opaque are seen on white and on black, and the larger difference counts.
///
/// Source: Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula", Color Research and
/// Application 30(1), 2005.
///
/// # Errors
/// When the pictures differ in size.
pub fn ciede2000(a: &Picture, b: &Picture) -> Result<ColorDifference> {
    check_sizes(size(a), size(b))?;
    let (a, b) = (a.to_rgba8(), b.to_rgba8());
    let parts: Vec<_> = a
        .par_chunks(PIXELS)
        .zip(b.par_chunks(PIXELS))
        .map(|(a, b)| part(a, b))
        .collect();
    let (sum, max) = parts.into_iter().fold((0.0, 0.0), |(sum, max), part| {
        (sum + part.0, f64::max(max, part.1))
    });
    Ok(ColorDifference {
        mean: sum / a.len() as f64,
        max,
    })
}

/// The sum of the differences and the largest one; each pair of colors is computed once.
fn part(a: &[[u8; 4]], b: &[[u8; 4]]) -> (f64, f64) {
    let mut pairs: Vec<_> = a
        .iter()
        .zip(b)
        .filter(|(a, b)| a != b)
        .map(|(&a, &b)| (u32::from_be_bytes(a), u32::from_be_bytes(b)))
        .collect();
    pairs.sort_unstable();
    let (mut sum, mut max) = (0.0, 0.0);
    for equal in pairs.chunk_by(|pair, next| pair == next) {
        let difference = difference(equal[0].0.to_be_bytes(), equal[0].1.to_be_bytes());
        sum += difference * equal.len() as f64;
        max = f64::max(max, difference);
    }
    (sum, max)
}

fn difference(a: [u8; 4], b: [u8; 4]) -> f64 {
    let on = |ground| lab(over(a, ground)).difference(lab(over(b, ground)));
    if a[3] == 255 && b[3] == 255 {
        on(0)
    } else {
        f64::max(on(0), on(255))
    }
}

/// The color that one sees on a gray ground.
fn over([r, g, b, a]: [u8; 4], ground: u8) -> [u8; 3] {
    let (alpha, ground) = (u32::from(a), u32::from(ground));
    [r, g, b].map(|byte| ((u32::from(byte) * alpha + ground * (255 - alpha) + 127) / 255) as u8)
}

fn lab(rgb: [u8; 3]) -> Lab<D65, f64> {
    Lab::from_color(Srgb::from(rgb).into_linear::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{picture::Pixels, testing::noise};

    fn picture(pixels: &[[u8; 4]]) -> Picture {
        Picture::from_pixels(pixels.len() as u32, 1, Pixels::Rgba8(pixels.to_vec())).unwrap()
    }

    fn between(a: &[[u8; 4]], b: &[[u8; 4]]) -> ColorDifference {
        ciede2000(&picture(a), &picture(b)).unwrap()
    }

    #[test]
    fn black_and_white_differ_by_100_and_equal_colors_by_nothing() {
        let [black, white] = [[0, 0, 0, 255], [255; 4]];
        let found = between(&[black, white, black, black], &[white, white, black, black]);
        assert!((found.max - 100.0).abs() < 1e-3, "{found:?}");
        assert!((found.mean - 25.0).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn differences_are_those_that_are_published() {
        // Sharma, Wu, Dalal 2005, table 1, pairs 1, 7, 17 and 25.
        for (a, b, expected) in [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            (
                [60.2574, -34.0099, 36.2677],
                [60.4626, -34.1751, 39.4387],
                1.2644,
            ),
        ] {
            let [a, b]: [Lab<D65, f64>; 2] = [a.into(), b.into()];
            assert!((a.difference(b) - expected).abs() < 1e-4, "{expected}");
        }
    }

    #[test]
    fn what_is_not_opaque_is_seen_on_white_and_on_black() {
        let [clear, white, black] = [[9, 9, 9, 0], [255; 4], [0, 0, 0, 255]];
        for opaque in [white, black] {
            let found = between(&[clear], &[opaque]);
            assert!((found.max - 100.0).abs() < 1e-3, "{opaque:?}: {found:?}");
        }
        assert_eq!(between(&[clear], &[[200, 0, 0, 0]]).max, 0.0);
    }

    #[test]
    fn the_mean_is_that_of_all_pixels_in_any_number_of_tasks() {
        let a = noise(1024, 600, 3);
        let rgb = a
            .over_white()
            .iter()
            .map(|&[r, g, b]| [g, b, r])
            .collect::<Vec<_>>();
        let b = Picture::new(1024, 600, rgb.concat()).unwrap();
        let pixels = a.to_rgba8().into_iter().zip(b.to_rgba8());
        let each: Vec<f64> = pixels.map(|(a, b)| difference(a, b)).collect();
        let found = ciede2000(&a, &b).unwrap();
        let mean = each.iter().sum::<f64>() / each.len() as f64;
        assert!((found.mean - mean).abs() < 1e-9 * mean);
        assert_eq!(found.max, each.into_iter().fold(0.0, f64::max));
    }

    #[test]
    fn pictures_of_different_sizes_are_refused() {
        assert!(ciede2000(&noise(2, 1, 8), &noise(1, 2, 8)).is_err());
    }
}
