//! The 3-D plot of a page as data for the script: the colors, the centers of the model and, for
//! mixtures, ellipsoids about them, all in sRGB.

use base64::{Engine, prelude::BASE64_STANDARD};
use nalgebra::Matrix3;
use quantize::{Colors, Space};
use serde::Serialize;

/// Points that a canvas draws fast, and bytes of the room of a picture that one may take.
const MOST_POINTS: usize = 10_000;
const BYTES_PER_POINT: usize = 64;

/// The ellipsoids of so many standard deviations.
const DEVIATIONS: [f64; 2] = [1.0, 2.0];

/// Corners of each of the three ellipses that an ellipsoid is drawn as.
const CORNERS: usize = 24;

/// Steps of a coordinate on the scale 0 to 255, and how far out coordinates reach.
const STEPS: f64 = 64.0;
const FARTHEST: f64 = 500.0;

/// A centroid, a mean or a color of a palette.
pub struct Center<const D: usize> {
    /// On the scale of the colors.
    pub point: [f64; D],
    /// Of the first three channels, for a mixture.
    pub covariance: Option<[[f64; 3]; 3]>,
}

/// What the script draws.
#[derive(Debug, Serialize)]
pub struct Plot {
    /// Distinct colors, and how many of them are drawn.
    distinct: usize,
    shown: usize,
    /// Base64 of four bytes a point: red, green, blue, and 8 log2 (1 + pixels).
    points: String,
    centers: Vec<[f64; 3]>,
    /// Base64 of 16-bit coordinates in steps of 1/64: for each center each ellipsoid, of that each
    /// ellipse, of that each corner.
    ellipsoids: String,
    corners: usize,
}

impl Plot {
    /// The plot of `colors` in `space` for which there are so many `bytes`.
    pub fn of<const D: usize>(
        colors: &Colors<D>,
        space: Space,
        centers: &[Center<D>],
        bytes: usize,
    ) -> Self {
        let drawn = thinned(colors, MOST_POINTS.min(bytes / BYTES_PER_POINT));
        let points = drawn.iter().flat_map(|&(row, count)| {
            let [r, g, b, _] = space.color(colors.point(row));
            let size = (8.0 * libm::log2(1.0 + count)).round();
            [r, g, b, size].map(|value| value.round() as u8)
        });
        let ellipsoids = centers.iter().flat_map(|center| ellipsoids(center, space));
        let ellipsoids = ellipsoids.flatten().flat_map(|value| {
            let steps = STEPS * value.clamp(-FARTHEST, FARTHEST);
            (steps.round() as i16).to_le_bytes()
        });
        let color = |center: &Center<D>| {
            let [r, g, b, _] = space.color(center.point);
            [r, g, b].map(|value| (10.0 * value).round() / 10.0)
        };
        Self {
            distinct: colors.len(),
            shown: drawn.len(),
            points: BASE64_STANDARD.encode(points.collect::<Vec<u8>>()),
            centers: centers.iter().map(color).collect(),
            ellipsoids: BASE64_STANDARD.encode(ellipsoids.collect::<Vec<u8>>()),
            corners: CORNERS,
        }
    }

    /// What is drawn over them, in words.
    pub fn centers_caption(&self) -> String {
        let n = self.centers.len();
        if self.ellipsoids.is_empty() {
            format!("Rings are the {n} colors that pixels were reduced to.")
        } else {
            format!(
                "Rings are the means of {n} components, about them ellipsoids of one and of two \
                 standard deviations."
            )
        }
    }

    /// What is drawn, in words.
    pub fn caption(&self) -> String {
        let grouped = |number: usize| crate::cli::report::grouped(number as f64);
        let (distinct, shown) = (grouped(self.distinct), grouped(self.shown));
        if self.distinct == self.shown {
            format!("{distinct} distinct colors, larger where more pixels have them.")
        } else {
            format!(
                "{shown} of {distinct} distinct colors: each stands for its neighbors, too, and is \
                 larger where more pixels have them."
            )
        }
    }
}

/// At most so many rows of `colors`, each with the pixels that it stands for. Rows that follow each
/// other are neighbors in the space of colors, so the most frequent one of every so many is taken: the
/// density of points stays what it is everywhere, and no pixel is lost.
fn thinned<const D: usize>(colors: &Colors<D>, most: usize) -> Vec<(usize, f64)> {
    let (n, counts) = (colors.len(), colors.counts());
    let shown = n.min(most.max(1));
    let stands_for = |i: usize| {
        let rows = i * n / shown..(i + 1) * n / shown;
        let total = counts[rows.clone()].iter().sum();
        let first = rows.start;
        let row = rows.fold(first, |best, row| {
            if counts[row] > counts[best] {
                row
            } else {
                best
            }
        });
        (row, total)
    };
    (0..shown).map(stands_for).collect()
}

/// The corners of the ellipsoids about `center` in sRGB.
fn ellipsoids<const D: usize>(center: &Center<D>, space: Space) -> Vec<[f64; 3]> {
    let Some(covariance) = center.covariance else {
        return Vec::new();
    };
    let eigen = Matrix3::from_fn(|i, l| covariance[i][l]).symmetric_eigen();
    let axis = |i: usize| eigen.eigenvectors.column(i) * libm::sqrt(eigen.eigenvalues[i].max(0.0));
    let axes = [0, 1, 2].map(axis);
    let mut corners = Vec::new();
    for deviations in DEVIATIONS {
        for [a, b] in [[0, 1], [0, 2], [1, 2]] {
            for corner in 0..CORNERS {
                let angle = std::f64::consts::TAU * corner as f64 / CORNERS as f64;
                let offset = (axes[a] * libm::cos(angle) + axes[b] * libm::sin(angle)) * deviations;
                let mut point = center.point;
                for d in 0..3 {
                    point[d] += offset[d];
                }
                let [r, g, b, _] = space.color(point);
                corners.push([r, g, b]);
            }
        }
    }
    corners
}

#[cfg(test)]
mod tests {
    use quantize::Picture;

    use super::*;

    fn colors(n: u32) -> Colors<3> {
        let pixel = |i: u32| [(i * 7) as u8, (i >> 8) as u8, (i * 3) as u8];
        let rgb = (0..n).flat_map(pixel).collect();
        Colors::of(&Picture::new(n, 1, rgb).unwrap()).0
    }

    #[test]
    fn thinned_colors_are_spread_evenly_and_stand_for_all_pixels() {
        let colors = colors(30_000);
        let rows = thinned(&colors, 1000);
        assert_eq!(rows.len(), 1000);
        assert_eq!(rows.iter().map(|row| row.1).sum::<f64>(), 30_000.0);
        let n = colors.len();
        assert!(
            rows.iter()
                .enumerate()
                .all(|(i, row)| row.0.abs_diff(i * n / 1000) <= n / 1000)
        );
        assert_eq!(thinned(&colors, 1 << 20).len(), n);
    }

    #[test]
    fn a_plot_is_bounded_by_its_room() {
        let colors = colors(30_000);
        for (bytes, shown) in [(16 << 20, MOST_POINTS), (64_000, 1000)] {
            let plot = Plot::of(&colors, Space::Srgb, &[], bytes);
            assert_eq!(plot.shown, shown);
            assert!(plot.points.len() < 6 * shown && plot.caption().contains("of 30,000"));
        }
    }

    #[test]
    fn an_ellipsoid_has_its_corners_at_so_many_standard_deviations() {
        let center = Center {
            point: [100.0, 110.0, 120.0],
            covariance: Some([[9.0, 3.0, 0.0], [3.0, 5.0, 1.0], [0.0, 1.0, 2.0]]),
        };
        let corners = ellipsoids(&center, Space::Srgb);
        assert_eq!(corners.len(), 2 * 3 * CORNERS);
        let precision = Matrix3::new(9.0, 3.0, 0.0, 3.0, 5.0, 1.0, 0.0, 1.0, 2.0).try_inverse();
        for (i, corner) in corners.iter().enumerate() {
            let offset = nalgebra::Vector3::from_fn(|d, _| corner[d] - center.point[d]);
            let squared = offset.dot(&(precision.unwrap() * offset));
            let expected = if i < 3 * CORNERS { 1.0 } else { 4.0 };
            assert!((squared - expected).abs() < 1e-9);
        }
    }
}
