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

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::{Colors, testing::noise};

    #[test]
    fn a_pinned_entry_stays_where_it_is() {
        let (colors, _) = Colors::<3>::of(&noise(30, 30, 6));
        let centroids = array![[90.0, 3.0, 200.0], [10.0, 20.0, 30.0], [50.0, 40.0, 30.0]];
        let first = |pinned| {
            let palette = palette(&colors, &centroids, pinned, Space::Srgb).unwrap();
            palette.colors().contains(&[90, 3, 200, 255])
        };
        assert!(first(1));
        assert!(!first(0));
    }

    #[test]
    fn entries_move_but_stay_opaque_and_transparent() {
        let points = array![
            [210.0, 90.0, 60.0, 255.0],
            [200.0, 100.0, 50.0, 240.0],
            [100.0, 60.0, 20.0, 120.0],
            [90.0, 70.0, 30.0, 106.0],
            [10.0, 8.0, 4.0, 20.0],
        ];
        let (colors, _) = Colors::<4>::from_points(&points, &[1.0; 5], 255.0).unwrap();
        let before = [
            [190.0, 95.0, 55.0, 255.0],
            [80.0, 65.0, 25.0, 100.0],
            [0.0; 4],
            // No color is mixed of it.
            [0.0, 0.0, 255.0, 255.0],
        ];
        let mut after = before;
        move_entries(&colors, &mut after, 0);
        assert_eq!(after[0][3], 255.0);
        assert!((after[0][0] - 205.0).abs() < 10.0, "{after:?}");
        assert!((after[1][3] - 113.0).abs() < 10.0, "{after:?}");
        assert_eq!(after[2..], before[2..]);
        let mut pinned = before;
        move_entries(&colors, &mut pinned, 1);
        assert_eq!(pinned[0], before[0]);
        assert_ne!(pinned[1], before[1]);
    }

    #[test]
    fn without_alpha_the_last_channel_moves_like_the_others() {
        let points = array![[10.0, 20.0, 30.0], [30.0, 40.0, 50.0]];
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 2], 255.0).unwrap();
        let mut entries = [[15.0, 25.0, 35.0]];
        move_entries(&colors, &mut entries, 0);
        for (found, expected) in entries[0].into_iter().zip([20.0, 30.0, 40.0]) {
            assert!((found - expected).abs() < 1e-9, "{entries:?}");
        }
    }
}
