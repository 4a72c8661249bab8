//! Error diffusion: what a pixel's entry is off by goes to the pixels that come after it.
//!
//! R. W. Floyd and L. Steinberg, "An adaptive algorithm for spatial grey scale", Proc. Society for
//! Information Display 17(2), 1976; every other row from right to left: R. Ulichney, "Digital
//! Halftoning", MIT Press 1987, 8.3.

use rayon::prelude::*;

use super::{Canvas, aim::Aim};
use crate::{
    alpha::{is_opaque, is_transparent},
    density::{Cells, squared_distance},
};

/// Rows that are dithered on their own, in parallel.
const BAND: usize = 128;

/// Rows above a band from which errors flow into it: after so many they are what they would be had
/// they come all the way from the top, though not pixel by pixel.
const LEAD: usize = 16;

/// The palette entry of each pixel. It takes `strength` of a pixel, 0 to 1, of the error flowing to it and
/// of the way from its color to what that aims at: the errors of colors that no mix comes to would only
/// grow as they are passed on, until they break out as dots of a wrong color.
pub(super) fn diffuse<const D: usize>(
    canvas: &Canvas<D>,
    aims: &[Aim<D>],
    strength: impl Fn(usize) -> f64 + Sync,
) -> Vec<u8> {
    let entries = Entries::new(canvas);
    let mut indices = vec![0; canvas.color_of_pixel.len()];
    indices
        .par_chunks_mut(BAND * canvas.width)
        .enumerate()
        .for_each(|(band, indices)| {
            let first = band * BAND;
            let mut errors = Errors::new(canvas.width);
            let mut lead = vec![0; canvas.width];
            for y in first.saturating_sub(LEAD)..first {
                diffuse_row(canvas, &entries, aims, &strength, y, &mut errors, &mut lead);
            }
            for (y, indices) in (first..).zip(indices.chunks_mut(canvas.width)) {
                diffuse_row(canvas, &entries, aims, &strength, y, &mut errors, indices);
            }
        });
    indices
}

/// The entries, to find the nearest to any color.
struct Entries<const D: usize> {
    all: Kind<D>,
    /// Those that are opaque, if some are and others not.
    opaque: Option<Kind<D>>,
}

impl<const D: usize> Entries<D> {
    fn new(canvas: &Canvas<D>) -> Self {
        let unit = canvas.colors.unit();
        let all: Vec<u8> = (0..=u8::MAX).take(canvas.entries.len()).collect();
        let is_opaque = |&entry: &u8| is_opaque(canvas.entries[usize::from(entry)], unit);
        let opaque: Vec<u8> = all.iter().copied().filter(is_opaque).collect();
        let is_kind = !opaque.is_empty() && opaque.len() < all.len();
        Self {
            opaque: is_kind.then(|| Kind::new(canvas, opaque)),
            all: Kind::new(canvas, all),
        }
    }
}

/// How many times as far from a color as the nearest entry where colors add up may be the one that is
/// nearest where distances are measured. Without a bound errors grow: to the dark grays that are left of
/// red or green, pure blue is the nearest of the cube's corners in Oklab, however much blue there was
/// already.
const FARTHER: f64 = 1.5;

/// Some of the entries.
struct Kind<const D: usize> {
    /// Their places among all.
    places: Vec<u8>,
    /// Where distances are measured.
    cells: Cells<D>,
    /// Where colors add up, if that is another space.
    additive: Option<Cells<D>>,
}

impl<const D: usize> Kind<D> {
    fn new(canvas: &Canvas<D>, places: Vec<u8>) -> Self {
        let some_of = |entries: &[[f64; D]]| -> Vec<[f64; D]> {
            let entries = places.iter().map(|&place| entries[usize::from(place)]);
            entries.collect()
        };
        let (low, high) = canvas.bounds();
        let additive = || {
            let entries = some_of(canvas.additive_entries);
            Cells::new(&entries, [0.0; D], canvas.additive_white)
        };
        Self {
            cells: Cells::new(&some_of(canvas.entries), low, high),
            additive: (canvas.space != canvas.additive).then(additive),
            places,
        }
    }

    /// The entry for a pixel that should be `target` where colors add up.
    fn nearest(&self, canvas: &Canvas<D>, target: [f64; D]) -> u8 {
        let nearest =
            |cells: &Cells<D>, point| self.places[usize::from(cells.nearest(cells.clamp(point)))];
        let entry = nearest(&self.cells, canvas.point_of_additive(target));
        let Some(additive) = &self.additive else {
            return entry;
        };
        let next = nearest(additive, target);
        let squared =
            |entry: u8| squared_distance(target, canvas.additive_entries[usize::from(entry)]);
        if squared(entry) > FARTHER * FARTHER * squared(next) {
            next
        } else {
            entry
        }
    }
}

/// The errors that flow to the row at hand and to the next, from one place before the first pixel to
/// one after the last.
struct Errors<const D: usize> {
    here: Vec<[f64; D]>,
    below: Vec<[f64; D]>,
}

impl<const D: usize> Errors<D> {
    fn new(width: usize) -> Self {
        Self {
            here: vec![[0.0; D]; width + 2],
            below: vec![[0.0; D]; width + 2],
        }
    }
}

/// Dithers row `y` into `indices`.
fn diffuse_row<const D: usize>(
    canvas: &Canvas<D>,
    entries: &Entries<D>,
    aims: &[Aim<D>],
    strength: &impl Fn(usize) -> f64,
    y: usize,
    errors: &mut Errors<D>,
    indices: &mut [u8],
) {
    std::mem::swap(&mut errors.here, &mut errors.below);
    errors.below.fill([0.0; D]);
    let Errors { here, below } = errors;
    let width = canvas.width;
    let backward = y % 2 == 1;
    // From the pixel just before this one.
    let mut carried = [0.0; D];
    for step in 0..width {
        let x = if backward { width - 1 - step } else { step };
        let pixel = y * width + x;
        let color = canvas.color_of_pixel[pixel] as usize;
        let aim = &aims[color];
        if is_transparent(aim.point) {
            indices[x] = canvas.nearest[color];
            carried = [0.0; D];
            continue;
        }
        let strength = strength(pixel);
        let mut target: [f64; D] = std::array::from_fn(|d| {
            let error = here[x + 1][d] + carried[d];
            aim.point[d] + strength * (aim.offset[d] + error)
        });
        if aim.is_opaque && D == 4 {
            target[D - 1] = aim.point[D - 1];
        }
        let kind = match &entries.opaque {
            Some(opaque) if aim.is_opaque => opaque,
            _ => &entries.all,
        };
        let entry = kind.nearest(canvas, target);
        indices[x] = entry;
        let chosen = canvas.additive_entries[usize::from(entry)];
        let (before, after) = if backward { (x + 2, x) } else { (x, x + 2) };
        for d in 0..D {
            let error = target[d] - chosen[d];
            carried[d] = error * (7.0 / 16.0);
            below[before][d] += error * (3.0 / 16.0);
            below[x + 1][d] += error * (5.0 / 16.0);
            below[after][d] += error * (1.0 / 16.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Palette, Picture, Space,
        dither::{aim::aims, tests::on_canvas},
        picture::Pixels,
        testing::noise,
    };

    /// The entries of a picture whose palette this is, with all errors spread, and what its pixels aim at.
    fn diffused<const D: usize>(
        picture: &Picture,
        palette: &Palette,
        strength: f64,
    ) -> (Vec<u8>, Vec<[f64; D]>) {
        on_canvas(picture, palette, Space::Srgb, |canvas: &Canvas<D>| {
            let aims = aims(canvas, |distance| 0.1 * distance);
            let aim = |&color: &u32| {
                let Aim { point, offset, .. } = aims[color as usize];
                std::array::from_fn(|d| point[d] + strength * offset[d])
            };
            let aimed_at = canvas.color_of_pixel.iter().map(aim).collect();
            (diffuse(canvas, &aims, |_| strength), aimed_at)
        })
    }

    #[test]
    fn errors_go_to_the_next_pixel_and_to_three_below_in_turning_rows() {
        let (width, height) = (20, 12);
        let picture = noise(20, 12, 8);
        let entries = [
            [0, 0, 0],
            [255, 0, 0],
            [0, 255, 90],
            [255, 255, 255],
            [90, 90, 200],
        ];
        let palette = Palette::opaque(&entries).unwrap();
        for strength in [1.0, 0.5] {
            let (found, aimed_at) = diffused::<3>(&picture, &palette, strength);
            // A row more than there are, and a column more on either side.
            let mut errors = vec![vec![[0.0; 3]; width + 2]; height + 1];
            let mut expected = vec![0; width * height];
            for y in 0..height {
                for step in 0..width {
                    let forward = y % 2 == 0;
                    let x = if forward { step } else { width - 1 - step };
                    let (aim, error) = (aimed_at[y * width + x], errors[y][x + 1]);
                    let target: [f64; 3] = std::array::from_fn(|d| aim[d] + strength * error[d]);
                    let off = |i: usize| -> [f64; 3] {
                        std::array::from_fn(|d| target[d] - f64::from(entries[i][d]))
                    };
                    // Black and white are among the entries.
                    let distance = |i: usize| {
                        let inside = target.map(|value| value.clamp(0.0, 255.0));
                        squared_distance(inside, entries[i].map(f64::from))
                    };
                    let nearest = (0..5).min_by(|&i, &j| distance(i).total_cmp(&distance(j)));
                    let nearest = nearest.unwrap();
                    expected[y * width + x] = nearest as u8;
                    let (next, last) = if forward { (x + 2, x) } else { (x, x + 2) };
                    for (y, x, share) in [
                        (y, next, 7.0),
                        (y + 1, last, 3.0),
                        (y + 1, x + 1, 5.0),
                        (y + 1, next, 1.0),
                    ] {
                        for d in 0..3 {
                            errors[y][x][d] += off(nearest)[d] * share / 16.0;
                        }
                    }
                }
            }
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn opaque_pixels_take_opaque_entries() {
        let pixel = |i: usize| {
            [
                (i * 37 % 256) as u8,
                90,
                30,
                if i.is_multiple_of(3) { 120 } else { 255 },
            ]
        };
        let picture =
            Picture::from_pixels(20, 10, Pixels::Rgba8((0..200).map(pixel).collect())).unwrap();
        let entries = [
            [250, 90, 30, 250],
            [10, 90, 30, 255],
            [200, 90, 30, 255],
            [128, 90, 30, 120],
        ];
        let palette = Palette::new(entries.to_vec()).unwrap();
        let (found, _) = diffused::<4>(&picture, &palette, 1.0);
        for (i, entry) in found.into_iter().enumerate() {
            assert!(
                i.is_multiple_of(3) || entries[usize::from(entry)][3] == 255,
                "{i}"
            );
        }
    }
}
