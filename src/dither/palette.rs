//! A palette chosen for a dither.

use ndarray::{Array2, ArrayView1, Axis, Slice};
use rayon::prelude::*;

use super::{mix::Mixer, scaled, visibility};
use crate::{
    Colors, Palette, Result, Space,
    alpha::{is_opaque, is_transparent},
    kmeans,
    palette::nearest_color,
};

/// What contrast costs in the mixes that the palette is chosen for. The mean DSSIM of twelve pictures of
/// CQ100 at 16 and 64 colors, dithered by [`Method::Adaptive`](super::Method::Adaptive), is 0.0139 and
/// 0.0031 with the palette of k-means, 0.0137 and 0.0031 with 3, 0.0126 and 0.0029 with 0.3, 0.0129 and
/// 0.0028 with 0.1.
const CONTRAST: f64 = 0.25;

/// Turns of mixing and moving: with six the mean DSSIM is lower by 1 % than with three.
const TURNS: usize = 4;

/// Boxes of colors that stand for them.
const BOXES: usize = 4096;

/// Iterations of Lloyd's before: the entries move on in the turns. With all of them, more than 100 with
/// large palettes, the mean DSSIM of the twelve pictures at 16, 64 and 256 colors is lower by at most 1 %.
const ITERATIONS: usize = 5;

/// Sweeps over the entries in a turn, after which they no longer move by a byte.
const SWEEPS: usize = 20;

/// The palette of `centroids` (k, D) in `space`, that of `colors`, for a dither: at most k colors. The
/// first centroids, those that are `pinned`, stay.
///
/// After some of Lloyd's iterations, with the channels scaled by how visible their errors are, each color is mixed
/// of entries at the least sum of the squared error of the mean and a price for contrast, and the entries
/// move to where that sum over all pixels is least; both take turns. Where the nearest entry alone is the
/// best mix, that is Lloyd's iteration; for the others entries move outward, so that what lies between and
/// beyond them can be mixed.
///
/// # Errors
/// Like [`kmeans::fit`] and [`kmeans::to_palette_keeping`].
pub fn palette<const D: usize>(
    colors: &Colors<D>,
    centroids: &Array2<f64>,
    pinned: usize,
    space: Space,
) -> Result<Palette> {
    kmeans::check_centroids::<D>(centroids)?;
    let visibility = visibility::<D>(space);
    let colors = colors.scaled(visibility);
    let centroids = centroids * &ArrayView1::from(&visibility);
    let options = kmeans::Options {
        k: centroids.nrows(),
        pinned: centroids
            .slice_axis(Axis(0), Slice::from(..pinned.min(centroids.nrows())))
            .to_owned(),
        init: kmeans::Init::Centroids(centroids),
        max_iter: ITERATIONS,
        ..Default::default()
    };
    let fit = kmeans::fit(&colors, &options)?;
    let round = |point: [f64; D]| {
        nearest_color::<D>(std::array::from_fn(|d| point[d] / visibility[d]), space)
    };
    let point = |color: [u8; 4]| scaled(space.point(color.map(f64::from)), visibility);
    let (palette, _) = kmeans::rounded(&colors, &fit.centroids, pinned, round, point)?;
    if colors.len() <= palette.len() {
        return Ok(palette);
    }
    let mut entries: Vec<_> = palette.colors().iter().copied().map(point).collect();
    let boxes = colors.coarse(BOXES);
    for _ in 0..TURNS {
        move_entries(&boxes, &mut entries, pinned);
    }
    let (palette, _) = Palette::distinct(entries.into_iter().map(round))?;
    Ok(palette)
}

/// Moves the entries, but for the first ones that are `pinned`, to where the mixes of now cost least. What
/// is opaque or wholly transparent stays so.
fn move_entries<const D: usize>(colors: &Colors<D>, entries: &mut [[f64; D]], pinned: usize) {
    let unit = colors.unit();
    let mixer = Mixer::new(entries, unit);
    let mix = |row| mixer.mix(colors.point(row), |distance| CONTRAST * distance * distance);
    let mixes: Vec<_> = (0..colors.len()).into_par_iter().map(mix).collect();
    // The derivative by the entries is linear in them: overlaps times entries less pulls.
    let k = entries.len();
    let mut overlaps = Array2::<f64>::zeros((k, k));
    let mut pulls = vec![[0.0; D]; k];
    for (row, mix) in mixes.iter().enumerate() {
        let (color, count) = (colors.point(row), colors.counts()[row]);
        for &(i, share) in mix {
            let (i, pixels) = (usize::from(i), count * share);
            for &(j, share) in mix {
                overlaps[[i, usize::from(j)]] += pixels * share;
            }
            overlaps[[i, i]] += CONTRAST * pixels;
            for d in 0..D {
                pulls[i][d] += (1.0 + CONTRAST) * pixels * color[d];
            }
        }
    }
    for _ in 0..SWEEPS {
        for i in pinned..k {
            let own = overlaps[[i, i]];
            if own == 0.0 || is_transparent(entries[i]) {
                continue;
            }
            let mut free = pulls[i];
            for (j, other) in entries.iter().enumerate().filter(|&(j, _)| j != i) {
                for d in 0..D {
                    free[d] -= overlaps[[i, j]] * other[d];
                }
            }
            let stays_opaque = D == 4 && is_opaque(entries[i], unit);
            entries[i] = free.map(|value| value / own);
            if stays_opaque {
                entries[i][D - 1] = unit;
            }
        }
    }
}
