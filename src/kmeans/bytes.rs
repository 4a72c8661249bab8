//! Centroids as a palette of bytes.

use ndarray::Array2;

use super::{
    lloyd::{Lloyd, Work},
    rows,
};
use crate::{
    Colors, Error, Palette, Result, Space, alpha, density::squared_distance, map,
    palette::nearest_color,
};

/// Rounds after which bytes are taken as they are; two or three are usual.
const ROUNDS: usize = 4;

/// The palette of `centroids` (k, D) in `space`, that of `colors`: at most k colors.
///
/// Rounding to bytes moves the borders between clusters, and with them the means; so assignment and
/// rounding take turns as long as that lessens the inertia. Of centroids that round to the same color
/// one stays, and the others go to the colors that are served worst. Centroids of opaque colors are
/// opaque, and one is wholly transparent if a color is: see [`alpha::settle`].
///
/// # Errors
/// When there are not 1 to 256 centroids, they have not D channels, or a coordinate is not finite.
pub fn to_palette<const D: usize>(
    colors: &Colors<D>,
    centroids: &Array2<f64>,
    space: Space,
) -> Result<Palette> {
    Ok(to_palette_keeping(colors, centroids, 0, space)?.0)
}

/// As [`to_palette`], where the first centroids, those that are `pinned`, are rounded and stay; with the
/// entry of each color, as [`map::nearest`] tells it.
///
/// # Errors
/// As there, and when more are pinned than there are.
pub fn to_palette_keeping<const D: usize>(
    colors: &Colors<D>,
    centroids: &Array2<f64>,
    pinned: usize,
    space: Space,
) -> Result<(Palette, Vec<u8>)> {
    let round = |centroid| nearest_color(centroid, space);
    let point = |color: [u8; 4]| space.point(color.map(f64::from));
    rounded(colors, centroids, pinned, round, point)
}

/// As [`to_palette_keeping`], where `round` tells the color that a point of the colors' coordinates becomes, and
/// `point` where in these coordinates that color lies.
pub(crate) fn rounded<const D: usize>(
    colors: &Colors<D>,
    centroids: &Array2<f64>,
    pinned: usize,
    round: impl Fn([f64; D]) -> [u8; 4] + Sync,
    point: impl Fn([u8; 4]) -> [f64; D] + Sync,
) -> Result<(Palette, Vec<u8>)> {
    let finite = centroids.iter().all(|value| value.is_finite());
    if !(1..=256).contains(&centroids.nrows()) || centroids.ncols() != D || !finite {
        return Err(Error::Invalid(format!(
            "centroids are (k, {D}) finite numbers with 1 to 256 rows, not {:?} or not finite",
            centroids.dim()
        )));
    }
    if pinned > centroids.nrows() {
        return Err(Error::Invalid(format!(
            "{pinned} of {} centroids cannot be pinned",
            centroids.nrows()
        )));
    }
    let to_bytes = |centroids: Vec<[f64; D]>| -> Vec<[f64; D]> {
        let color = |centroid| point(round(centroid));
        centroids.into_iter().map(color).collect()
    };
    // In the thread pool, as [`fit`](super::fit) is.
    let (mut centroids, mut nearest) = rayon::scope(|_| turns(colors, centroids, pinned, to_bytes));
    if D == 4 {
        (centroids, nearest) = turns_with_alpha(colors, centroids, &nearest, pinned, to_bytes);
    }
    let (palette, entries) = Palette::distinct(centroids.into_iter().map(round))?;
    let entry_of_color = nearest.into_iter().map(|j| entries[j as usize]).collect();
    Ok((palette, entry_of_color))
}

/// The centroids after turns of rounding and assignment to the nearest, and which is each color's.
fn turns<const D: usize>(
    colors: &Colors<D>,
    centroids: &Array2<f64>,
    pinned: usize,
    to_bytes: impl Fn(Vec<[f64; D]>) -> Vec<[f64; D]>,
) -> (Vec<[f64; D]>, Vec<u32>) {
    let work = Work::default();
    let mut lloyd = Lloyd::new(colors, to_bytes(rows(centroids)), pinned, &work);
    let mut clusters = lloyd.assign();
    for _ in 0..ROUNDS {
        let means = to_bytes(lloyd.means(&clusters));
        if means == lloyd.centroids {
            break;
        }
        let before = std::mem::replace(&mut lloyd.centroids, means);
        let inertia = clusters.inertia;
        clusters = lloyd.assign();
        if clusters.inertia >= inertia {
            lloyd.centroids = before;
            lloyd.assign();
            break;
        }
    }
    let nearest = lloyd.nearest();
    (lloyd.centroids, nearest)
}

/// As [`turns`], after more of them, in which the centroids of opaque colors are opaque and opaque colors
/// go to such.
fn turns_with_alpha<const D: usize>(
    colors: &Colors<D>,
    mut centroids: Vec<[f64; D]>,
    nearest: &[u32],
    pinned: usize,
    to_bytes: impl Fn(Vec<[f64; D]>) -> Vec<[f64; D]>,
) -> (Vec<[f64; D]>, Vec<u32>) {
    alpha::settle(colors, &mut centroids, nearest, pinned);
    centroids = to_bytes(centroids);
    let mut best = constrained(colors, &centroids, pinned);
    for _ in 0..ROUNDS {
        let next = to_bytes(best.means.clone());
        let found = constrained(colors, &next, pinned);
        if found.inertia >= best.inertia {
            break;
        }
        (centroids, best) = (next, found);
    }
    (centroids, best.nearest)
}

/// An assignment in which opaque colors go to opaque centroids.
struct Constrained<const D: usize> {
    /// The centroid of each color.
    nearest: Vec<u32>,
    /// The mean of each cluster, with the alpha of the centroid where that is 0 or 1; empty clusters and
    /// those that are pinned have their centroid.
    means: Vec<[f64; D]>,
    inertia: f64,
}

/// The assignment to `centroids`, the first of which are `pinned`.
fn constrained<const D: usize>(
    colors: &Colors<D>,
    centroids: &[[f64; D]],
    pinned: usize,
) -> Constrained<D> {
    let mut sums = vec![([0.0; D], 0.0); centroids.len()];
    let mut inertia = 0.0;
    let nearest = map::nearest_point(colors, centroids);
    let nearest: Vec<u32> = nearest.into_iter().map(u32::from).collect();
    for (row, &cluster) in nearest.iter().enumerate() {
        let (point, count) = (colors.point(row), colors.counts()[row]);
        inertia += count * squared_distance(point, centroids[cluster as usize]);
        let (sum, pixels) = &mut sums[cluster as usize];
        *pixels += count;
        for d in 0..D {
            sum[d] += count * point[d];
        }
    }
    let mean = |(j, (sum, pixels)): (usize, ([f64; D], f64))| {
        let centroid = centroids[j];
        if j < pinned || pixels == 0.0 || alpha::is_transparent(centroid) {
            return centroid;
        }
        let mut mean = sum.map(|sum| sum / pixels);
        if alpha::is_opaque(centroid, colors.unit()) {
            mean[D - 1] = centroid[D - 1];
        }
        mean
    };
    Constrained {
        nearest,
        means: sums.into_iter().enumerate().map(mean).collect(),
        inertia,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::{
        Effort,
        kmeans::{Options, fit, predict, to_array},
        testing::{flower, noise},
    };

    fn inertia(colors: &Colors<3>, centroids: &Array2<f64>) -> f64 {
        let clusters = predict(colors, centroids).unwrap();
        let square = |row: usize| {
            let difference = &colors.points().row(row) - &centroids.row(clusters[row] as usize);
            colors.counts()[row] * difference.dot(&difference)
        };
        (0..colors.len()).map(square).sum()
    }

    #[test]
    fn whole_numbers_are_at_least_as_good_as_rounded_ones() {
        let mut better = 0;
        for (colors, k) in [
            (flower(30), 64),
            (flower(8), 200),
            (Colors::of(&noise(50, 50, 3)).0, 100),
        ] {
            let centroids = fit(
                &colors,
                &Options {
                    k,
                    ..Options::default()
                },
            )
            .unwrap()
            .centroids;
            let palette = to_palette(&colors, &centroids, Space::Srgb).unwrap();
            let whole = to_array(&palette.points::<3>(Space::Srgb));
            let rounded = inertia(&colors, &centroids.mapv(libm::rint));
            let found = inertia(&colors, &whole);
            assert!(found <= rounded);
            better += u32::from(found < rounded);
        }
        assert!(better >= 2, "of three pictures two gain from the turns");
    }

    fn entries_are_the_nearest_ones<const D: usize>(colors: &Colors<D>) {
        let options = Options {
            k: 40,
            effort: Effort::Fast,
            ..Options::default()
        };
        let centroids = fit(colors, &options).unwrap().centroids;
        let found = to_palette_keeping(colors, &centroids, 0, Space::Srgb).unwrap();
        let expected = map::nearest(colors, &found.0, Space::Srgb);
        assert!(found.0.len() > 30);
        assert_eq!(found.1, expected);
    }

    #[test]
    fn the_entries_of_colors_are_the_nearest_ones() {
        let opaque = flower(20);
        let with_alpha = Array2::from_shape_fn((opaque.len(), 4), |(row, d)| {
            let alpha = [0.0, 100.0, 255.0, 255.0][row % 4];
            if d < 3 {
                opaque.points()[[row, d]] * alpha / 255.0
            } else {
                alpha
            }
        });
        let (with_alpha, _) =
            Colors::<4>::from_points(&with_alpha, opaque.counts(), 255.0).unwrap();
        entries_are_the_nearest_ones(&opaque);
        entries_are_the_nearest_ones(&with_alpha);
    }

    /// Opaque reds, a green that is not, and nothing.
    fn reds_a_veil_and_nothing() -> Colors<4> {
        let points = array![
            [10.0, 0.0, 0.0, 255.0],
            [20.0, 0.0, 0.0, 255.0],
            [0.0, 100.0, 0.0, 100.0],
            [0.0, 80.0, 0.0, 100.0],
            [0.0, 0.0, 0.0, 0.0],
        ];
        let counts = [3.0, 1.0, 2.0, 2.0, 1.0];
        Colors::<4>::from_points(&points, &counts, 255.0).unwrap().0
    }

    #[test]
    fn means_have_the_alpha_of_centroids_that_are_opaque_or_nothing() {
        let colors = reds_a_veil_and_nothing();
        let centroids = [
            [12.0, 0.0, 0.0, 255.0],
            [0.0, 90.0, 0.0, 255.0],
            [0.0, 90.0, 0.0, 110.0],
            [0.0, 0.0, 0.0, 0.0],
        ];
        let found = constrained(&colors, &centroids, 0);
        // 3 * 4 + 64 for the reds, 4 * (100 + 100) for the greens.
        assert_eq!(found.inertia, 876.0);
        let means = [
            [12.5, 0.0, 0.0, 255.0],
            centroids[1],
            [0.0, 90.0, 0.0, 100.0],
            [0.0; 4],
        ];
        assert_eq!(found.means, means);
        assert_eq!(constrained(&colors, &centroids, 1).means[0], centroids[0]);
        // What is nearer to nothing than to the veil belongs to it, and leaves it what it is.
        let nothing = [centroids[0], [0.0, 250.0, 0.0, 255.0], [0.0; 4]];
        let found = constrained(&colors, &nothing, 0);
        assert_eq!(found.means, [means[0], nothing[1], nothing[2]]);
        // An opaque centroid stays so though a veil is nearest to it.
        let opaque = [centroids[0], [0.0, 90.0, 0.0, 255.0]];
        let found = constrained(&colors, &opaque, 0);
        assert_eq!(found.means[1][3], 255.0);
    }

    #[test]
    fn turns_with_alpha_go_on_while_they_gain() {
        let colors = reds_a_veil_and_nothing();
        let start = vec![[40.0, 0.0, 0.0, 255.0], [0.0, 60.0, 0.0, 60.0], [0.0; 4]];
        let round = |points: Vec<[f64; 4]>| {
            let round = |point: [f64; 4]| point.map(libm::rint);
            points.into_iter().map(round).collect()
        };
        let nearest = map::nearest_point(&colors, &start);
        let nearest: Vec<u32> = nearest.into_iter().map(u32::from).collect();
        let (found, _) = turns_with_alpha(&colors, start, &nearest, 0, round);
        // 12.5 is rounded to even.
        assert_eq!(
            found,
            [[12.0, 0.0, 0.0, 255.0], [0.0, 90.0, 0.0, 100.0], [0.0; 4]]
        );
    }

    #[test]
    fn of_centroids_that_round_to_one_color_the_others_move_to_where_they_help() {
        let points = array![
            [10.0, 10.0, 10.0],
            [11.0, 10.0, 10.0],
            [200.0, 0.0, 0.0],
            [250.0, 0.0, 0.0]
        ];
        let (colors, _) = Colors::from_points(&points, &[9.0, 1.0, 1.0, 1.0], 255.0).unwrap();
        let centroids = array![[10.1, 10.0, 10.0], [10.2, 10.0, 10.0], [225.0, 0.0, 0.0]];
        let palette = to_palette(&colors, &centroids, Space::Srgb).unwrap();
        let whole = to_array(&palette.points::<3>(Space::Srgb));
        assert!(inertia(&colors, &whole) <= 1.0, "{whole}");
    }

    #[test]
    fn centroids_that_are_none_are_refused() {
        let colors = flower(1);
        assert!(to_palette(&colors, &Array2::zeros((0, 3)), Space::Srgb).is_err());
        assert!(to_palette(&colors, &Array2::zeros((2, 4)), Space::Srgb).is_err());
        assert!(to_palette(&colors, &array![[0.0, f64::NAN, 0.0]], Space::Srgb).is_err());
        assert!(to_palette(&colors, &Array2::zeros((257, 3)), Space::Srgb).is_err());
        let two = array![[0.0; 3], [99.0; 3]];
        assert!(to_palette_keeping(&colors, &two, 2, Space::Srgb).is_ok());
        assert!(to_palette_keeping(&colors, &two, 3, Space::Srgb).is_err());
    }
}
