//! Error diffusion: what a pixel's entry is off by goes to the pixels that come after it.
//!
//! R. W. Floyd and L. Steinberg, "An adaptive algorithm for spatial grey scale", Proc. Society for
//! Information Display 17(2), 1976; every other row from right to left: R. Ulichney, "Digital
//! Halftoning", MIT Press 1987, 8.3.

use rayon::prelude::*;

use super::{Canvas, is_transparent};
use crate::density::Cells;

/// Rows that are dithered on their own, in parallel.
const BAND: usize = 128;

/// Rows above a band from which errors flow into it: after so many they are what they would be had
/// they come all the way from the top, though not pixel by pixel.
const LEAD: usize = 16;

/// The palette entry of each pixel, where `strength` of a pixel, 0 to 1, is the share of the error
/// flowing to it that it takes.
pub(super) fn diffuse<const D: usize>(
    canvas: &Canvas<D>,
    strength: impl Fn(usize) -> f64 + Sync,
) -> Vec<u8> {
    let (low, high) = canvas.bounds();
    let cells = Cells::new(canvas.entries, low, high);
    let mut indices = vec![0; canvas.color_of_pixel.len()];
    indices
        .par_chunks_mut(BAND * canvas.width)
        .enumerate()
        .for_each(|(band, indices)| {
            let first = band * BAND;
            let mut errors = Errors::new(canvas.width);
            let mut lead = vec![0; canvas.width];
            for y in first.saturating_sub(LEAD)..first {
                diffuse_row(canvas, &cells, &strength, y, &mut errors, &mut lead);
            }
            for (y, indices) in (first..).zip(indices.chunks_mut(canvas.width)) {
                diffuse_row(canvas, &cells, &strength, y, &mut errors, indices);
            }
        });
    indices
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
    cells: &Cells<D>,
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
        let point = canvas.colors.point(color);
        if is_transparent(point) {
            indices[x] = canvas.nearest[color];
            carried = [0.0; D];
            continue;
        }
        let strength = strength(pixel);
        let target = cells.clamp(std::array::from_fn(|d| {
            point[d] + strength * (here[x + 1][d] + carried[d])
        }));
        let entry = cells.nearest(target);
        indices[x] = entry;
        let chosen = canvas.entries[usize::from(entry)];
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
