//! What is wholly transparent stays so, and what is opaque stays opaque.
//!
//! To a model alpha is a channel like the others, so that its means come close to 0 and 1 and seldom are
//! there. One sees that: a background of alpha 1/255 is a veil, and through an opaque picture with
//! alpha 250/255 shines what lies behind it. So entries of a palette that stand for the one or the other
//! are exactly that, and pixels take entries of their kind.

use crate::{
    Colors,
    density::{Component, Corners, argmax, squared_norm},
};

/// Whether there is an alpha channel, and nothing of the color to be seen.
pub(crate) fn is_transparent<const D: usize>(point: [f64; D]) -> bool {
    point.get(3) == Some(&0.0)
}

/// Whether a color is wholly transparent.
pub fn has_transparent<const D: usize>(colors: &Colors<D>) -> bool {
    (0..colors.len()).any(|row| is_transparent(colors.point(row)))
}

/// Whether there is no alpha channel, or nothing to be seen of what is behind the color; `unit` is that
/// of the [`Colors`].
pub(crate) fn is_opaque<const D: usize>(point: [f64; D], unit: f64) -> bool {
    point.get(3).is_none_or(|&alpha| alpha == unit)
}

/// `color`, which is to stand for `point`, with the point's alpha where that is 0 or 1.
pub(crate) fn as_of<const D: usize>(point: [f64; D], unit: f64, color: [u8; 4]) -> [u8; 4] {
    match color {
        _ if is_transparent(point) => [0; 4],
        [r, g, b, _] if is_opaque(point, unit) => [r, g, b, 255],
        color => color,
    }
}

/// The entry of each color: that of `entry_of_color`, but for opaque colors the nearest of the opaque
/// `entries`, and for the color that is wholly transparent one that is, if there are such entries.
/// They are in the space of the colors.
///
/// # Panics
/// When a color's entry is not there, or there are more than 256.
pub fn keep<const D: usize>(
    colors: &Colors<D>,
    entries: &[[f64; D]],
    mut entry_of_color: Vec<u8>,
) -> Vec<u8> {
    let is_opaque = |point| is_opaque(point, colors.unit());
    let (opaque, points): (Vec<usize>, Vec<[f64; D]>) = (0..)
        .zip(entries.iter().copied())
        .filter(|&(_, point)| is_opaque(point))
        .unzip();
    if opaque.len() == entries.len() {
        return entry_of_color;
    }
    let transparent = entries.iter().position(|&entry| is_transparent(entry));
    let components = Component::centroids(&points);
    let nearest = (!points.is_empty()).then(|| argmax(colors, &components, Corners));
    for (row, own) in entry_of_color.iter_mut().enumerate() {
        let (color, entry) = (colors.point(row), entries[usize::from(*own)]);
        let better = if is_transparent(color) && !is_transparent(entry) {
            transparent
        } else if is_opaque(color) && !is_opaque(entry) {
            let nearest = nearest.as_ref();
            nearest.map(|nearest| opaque[nearest[row] as usize])
        } else {
            None
        };
        *own = better.map_or(*own, |entry| {
            u8::try_from(entry).expect("a palette has at most 256 entries")
        });
    }
    entry_of_color
}

/// Makes means, of which a palette is to be, opaque or wholly transparent where they stand for colors
/// that are. `mean_of_color` is the one that each color belongs to; the first ones, those that are
/// `pinned`, stay.
///
/// If a color is wholly transparent, the mean becomes so whose pixels change least by it; a single mean
/// is left as it is then. A mean becomes opaque when most of its pixels are; if that is so of none, the
/// one with the most opaque pixels, unless it is the only one.
///
/// # Panics
/// When a color's mean is not there.
pub fn settle<const D: usize>(
    colors: &Colors<D>,
    means: &mut [[f64; D]],
    mean_of_color: &[u32],
    pinned: usize,
) {
    if D < 4 {
        return;
    }
    let members = Members::of(colors, means.len(), mean_of_color);
    if has_transparent(colors) {
        if means.len() == 1 {
            return;
        }
        make_transparent(means, &members, pinned);
    }
    make_opaque(means, &members, pinned, colors.unit());
}

/// Makes one of the means wholly transparent, unless there is such a one.
fn make_transparent<const D: usize>(means: &mut [[f64; D]], members: &Members, pinned: usize) {
    if means.iter().any(|&mean| is_transparent(mean)) {
        return;
    }
    let change = |j: usize| members.squared_norms[j];
    let least = (pinned..means.len()).min_by(|&a, &b| change(a).total_cmp(&change(b)));
    if let Some(least) = least {
        means[least] = [0.0; D];
    }
}

/// Makes those of the means opaque that stand for opaque colors.
fn make_opaque<const D: usize>(
    means: &mut [[f64; D]],
    members: &Members,
    pinned: usize,
    unit: f64,
) {
    let is_needed = means.len() > 1 && !means.iter().any(|&mean| is_opaque(mean, unit));
    let opaque = |j: usize| members.opaque[j];
    let candidates = (pinned..means.len()).filter(|&j| opaque(j) > 0.0 && means[j][3] > 0.0);
    let (mut chosen, others): (Vec<_>, Vec<_>) =
        candidates.partition(|&j| 2.0 * opaque(j) > members.pixels[j]);
    if chosen.is_empty() && is_needed {
        chosen.extend(
            others
                .into_iter()
                .max_by(|&a, &b| opaque(a).total_cmp(&opaque(b))),
        );
    }
    for j in chosen {
        let scale = unit / means[j][3];
        means[j] = means[j].map(|value| value * scale);
        means[j][3] = unit;
    }
}

/// The colors that belong to each mean.
struct Members {
    /// Of the points, summed over pixels: what it would change to make them transparent.
    squared_norms: Vec<f64>,
    /// Pixels that are not wholly transparent.
    pixels: Vec<f64>,
    /// Pixels that are opaque.
    opaque: Vec<f64>,
}

impl Members {
    fn of<const D: usize>(colors: &Colors<D>, means: usize, mean_of_color: &[u32]) -> Self {
        let mut members = Self {
            squared_norms: vec![0.0; means],
            pixels: vec![0.0; means],
            opaque: vec![0.0; means],
        };
        for (row, (&count, &mean)) in colors.counts().iter().zip(mean_of_color).enumerate() {
            let (point, mean) = (colors.point(row), mean as usize);
            if !is_transparent(point) {
                members.squared_norms[mean] += count * squared_norm(point);
                members.pixels[mean] += count;
            }
            if is_opaque(point, colors.unit()) {
                members.opaque[mean] += count;
            }
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Palette, Picture, Space, kmeans, map, picture::Pixels};

    /// Colors of sRGB with so many pixels each.
    fn colors(pixels: &[([u8; 4], usize)]) -> Colors<4> {
        let pixels: Vec<[u8; 4]> = pixels
            .iter()
            .flat_map(|&(color, count)| vec![color; count])
            .collect();
        let picture = Picture::from_pixels(pixels.len() as u32, 1, Pixels::Rgba8(pixels)).unwrap();
        Colors::in_space(&picture, Space::Srgb).0
    }

    fn points(colors: &[[u8; 4]]) -> Vec<[f64; 4]> {
        Palette::new(colors.to_vec()).unwrap().points(Space::Srgb)
    }

    /// `means` settled for `colors`, each with the colors that are nearest to it.
    fn settled(colors: &Colors<4>, means: &[[u8; 4]], pinned: usize) -> Vec<[f64; 4]> {
        let mut means = points(means);
        let nearest = argmax(colors, &Component::centroids(&means), Corners);
        settle(colors, &mut means, &nearest, pinned);
        means
    }

    #[test]
    fn opaque_colors_take_the_nearest_opaque_entry_and_the_transparent_one_its_own() {
        let colors = colors(&[
            ([200, 0, 0, 255], 1),
            ([200, 0, 0, 254], 1),
            ([9, 9, 9, 0], 1),
        ]);
        let entries = [
            [200, 0, 0, 250],
            [0, 0, 200, 255],
            [120, 0, 0, 255],
            [0, 0, 0, 0],
        ];
        let entry_of = |row: usize| keep(&colors, &points(&entries), vec![0; 3])[row];
        for row in 0..3 {
            let expected = match colors.point(row)[3] {
                0.0 => 3,
                255.0 => 2,
                _ => 0,
            };
            assert_eq!(entry_of(row), expected);
        }
        let none = [[200, 0, 0, 250], [9, 9, 9, 30]];
        assert_eq!(keep(&colors, &points(&none), vec![0, 1, 0]), [0, 1, 0]);
    }

    #[test]
    fn a_color_for_a_point_has_its_alpha_where_that_is_0_or_1_only() {
        let of = |alpha| as_of([9.0, 9.0, 9.0, alpha], 255.0, [9, 9, 9, 100]);
        assert_eq!([of(0.0), of(255.0)], [[0; 4], [9, 9, 9, 255]]);
        assert_eq!([of(1.0), of(254.0)], [[9, 9, 9, 100]; 2]);
        let without_alpha = as_of([9.0; 3], 255.0, [9, 9, 9, 100]);
        assert_eq!(without_alpha, [9, 9, 9, 255]);
    }

    #[test]
    fn a_mean_is_opaque_when_most_of_its_pixels_are_and_keeps_its_color() {
        let colors = colors(&[
            ([200, 100, 0, 255], 3),
            ([200, 100, 0, 200], 2),
            ([0, 0, 200, 255], 2),
            ([0, 0, 200, 200], 3),
        ]);
        let means = settled(&colors, &[[200, 100, 0, 240], [0, 0, 200, 222]], 0);
        let expected = points(&[[200, 100, 0, 255], [0, 0, 200, 222]]);
        assert_eq!(means[1], expected[1]);
        for (found, expected) in means[0].iter().zip(expected[0]) {
            assert!((found - expected).abs() < 1e-9);
        }
        assert_eq!(means[0][3], 255.0);
    }

    #[test]
    fn beside_an_opaque_mean_those_become_so_of_which_more_than_half_is() {
        let colors = colors(&[
            ([0, 0, 250, 255], 1),
            ([200, 0, 0, 255], 3),
            ([200, 0, 0, 200], 2),
            ([0, 200, 0, 255], 2),
            ([0, 200, 0, 200], 2),
        ]);
        let means = [[0, 0, 250, 255], [200, 0, 0, 233], [0, 200, 0, 227]];
        let alphas = settled(&colors, &means, 0).into_iter().map(|mean| mean[3]);
        assert!(alphas.eq([255.0, 255.0, 227.0]));
    }

    #[test]
    fn no_mean_becomes_opaque_without_an_opaque_pixel_or_once_it_is_transparent() {
        let veils = colors(&[([90, 90, 90, 240], 5), ([90, 90, 90, 60], 5)]);
        let means = [[90, 90, 90, 240], [90, 90, 90, 60]];
        assert_eq!(settled(&veils, &means, 0), points(&means));
        // Black is nearer to nothing than to white.
        let pixels = colors(&[([0, 0, 0, 0], 1), ([0, 0, 0, 255], 2), ([255; 4], 1)]);
        let means = [[0; 4], [255, 255, 255, 255]];
        assert_eq!(settled(&pixels, &means, 0), points(&means));
    }

    #[test]
    fn without_alpha_means_stay() {
        let colors = crate::testing::flower(1);
        let means = [[10.0, 20.0, 30.0], [200.0, 100.0, 50.0]];
        let mut settled = means;
        let nearest = argmax(&colors, &Component::centroids(&means), Corners);
        settle(&colors, &mut settled, &nearest, 0);
        assert_eq!(settled, means);
    }

    #[test]
    fn one_mean_is_opaque_if_a_pixel_is_unless_it_is_alone() {
        let colors = colors(&[
            ([90, 90, 90, 255], 1),
            ([90, 90, 90, 240], 5),
            ([90, 90, 90, 60], 5),
        ]);
        let means = settled(&colors, &[[90, 90, 90, 242], [90, 90, 90, 60]], 0);
        assert_eq!([means[0][3], means[1][3]], [255.0, 60.0]);
        let alone = settled(&colors, &[[90, 90, 90, 170]], 0);
        assert_eq!(alone[0][3], 170.0);
        let pinned = settled(&colors, &[[90, 90, 90, 242], [90, 90, 90, 60]], 2);
        assert_eq!(pinned[0][3], 242.0);
    }

    #[test]
    fn the_mean_that_costs_least_becomes_transparent_if_a_pixel_is() {
        let pixels = [
            ([0; 4], 1),
            ([80, 80, 80, 9], 4),
            ([80, 80, 80, 255], 4),
            ([250, 80, 80, 255], 4),
        ];
        let means = [[80, 80, 80, 8], [80, 80, 80, 255], [250, 80, 80, 255]];
        assert_eq!(settled(&colors(&pixels), &means, 0)[0], [0.0; 4]);
        assert_eq!(settled(&colors(&pixels), &means, 1)[0][3], 8.0);
        // Nothing is transparent, or there is such a mean.
        assert_eq!(settled(&colors(&pixels[1..]), &means, 0)[0][3], 8.0);
        let with_one = [[80, 80, 80, 8], [0, 0, 0, 0], [80, 80, 80, 255]];
        assert_eq!(settled(&colors(&pixels), &with_one, 0)[0][3], 8.0);
        assert_eq!(settled(&colors(&pixels), &[[9, 9, 9, 99]], 0)[0][3], 99.0);
    }

    #[test]
    fn what_it_costs_to_make_a_mean_transparent_grows_with_its_pixels() {
        let pixels = [([0; 4], 1), ([0, 0, 0, 10], 40), ([0, 0, 0, 20], 1)];
        let means = [[0, 0, 0, 10], [0, 0, 0, 20]];
        // 40 times 100 against 400.
        let alphas = settled(&colors(&pixels), &means, 0)
            .into_iter()
            .map(|mean| mean[3]);
        assert!(alphas.eq([10.0, 0.0]));
    }

    #[test]
    fn of_a_picture_with_soft_edges_no_alpha_of_0_or_255_changes_for_any_palette_of_k_means() {
        // A disc whose rim and shadow fade, in colors that vary.
        let pixel = |i: usize| {
            let (x, y) = ((i % 48) as f64 - 24.0, (i / 48) as f64 - 24.0);
            let alpha = (60.0 * (21.0 - x.hypot(y))).clamp(0.0, 255.0) as u8;
            [(5 * (i % 48)) as u8, (5 * (i / 48)) as u8, 90, alpha]
        };
        let pixels: Vec<_> = (0..48 * 48).map(|i| (pixel(i), 1)).collect();
        let colors = colors(&pixels);
        for k in [2, 3, 5, 16, 100] {
            let options = kmeans::Options {
                k,
                ..Default::default()
            };
            let fit = kmeans::fit(&colors, &options).unwrap();
            let palette = kmeans::to_palette(&colors, &fit.centroids, Space::Srgb).unwrap();
            let entries = map::nearest(&colors, &palette, Space::Srgb);
            for (row, entry) in entries.into_iter().enumerate() {
                let alpha = f64::from(palette.colors()[usize::from(entry)][3]);
                let own = colors.point(row)[3];
                assert!(
                    own == alpha || (0.0 < own && own < 255.0),
                    "{k}: {own}, {alpha}"
                );
            }
        }
    }
}
