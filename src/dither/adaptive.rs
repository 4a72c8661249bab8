//! How much of a dither each region needs.
//!
//! Bands show where the error of plain mapping is large beside the detail of the picture; where it is
//! small beside an edge, a dither would only fray the edge. In the strokes of text it would be noise.

use std::ops::Range;

use rayon::prelude::*;

use super::{COLORS_PER_TASK, Canvas, ROWS_PER_TASK, squared_distances_to_others};
use crate::density::{squared_distance, squared_norm};

/// Pixels on each side over which the error of plain mapping is averaged.
const ERROR_RADIUS: usize = 2;

/// Pixels on each side over which detail is measured: its edges are as sharp as edges are.
const DETAIL_RADIUS: usize = 1;

/// An error is not hidden by detail of up to so many times its size.
const HIDING: f64 = 3.0;

/// The least share of the error that is spread where the need is greatest. What is spread farther than some
/// pixels is noise more than color: the mean DSSIM of fruits, girl, lights and `ball_caps` of CQ100 at 16
/// colors, each error as visible as the other, is 0.0265 with all of it, 0.0213 with 0.8 or 0.75, 0.0223
/// with 0.6.
const SHARE: f64 = 0.75;

/// A color on [0, 1] whose entry is off by so much may be shown as that entry, in steps of sRGB. With less,
/// DSSIM rises; without any bound all grays from 238 on are white when there are only black and white.
const LOSS: f64 = 5.0 / 255.0;

/// A distance of colors on [0, 1] up to which entries may be mixed of which a share of the error is spread,
/// and the price of distance beyond: the mean of a mix is off by no more than half of it. Entries far from
/// a color come as dots in what seems flat.
const NEAR: f64 = 40.0 / 255.0;
const PRICE: f64 = 7.0 / 255.0;

/// Detail that is always there, of colors on [0, 1]: a step of bytes. It keeps the need finite.
const GRAIN: f64 = 1.0 / 255.0;

/// Text shows each dot of a dither in its strokes. They are told from photos by how many pixels so far on
/// each side repeat a neighbor: beside edges in the photos of CQ100 mostly under a third, beside the text of
/// a terminal some four fifths.
const DRAWN_RADIUS: usize = 4;
const DRAWN: Range<f64> = 0.4..0.6;

/// How far a color on [0, 1] is from that of a pixel beside it at a sharp edge.
const SHARP: Range<f64> = 12.0 / 255.0..24.0 / 255.0;

/// Strokes have edges on both sides, up to twice so many pixels from each other.
const STROKE_RADIUS: usize = 3;

/// The cost of mixing an entry at this distance, of colors on [0, 1].
pub(super) fn contrast(distance: f64) -> f64 {
    PRICE * (distance - NEAR).max(0.0)
}

/// The share of the error flowing to it that each pixel takes, 0 to 1: that of its color, times the need.
/// The need is [`HIDING`] times the root mean square error of plain mapping around the pixel, over the
/// standard deviation of the picture there plus [`GRAIN`]. It is 0 where all colors around are in the
/// palette, and in the strokes of text.
pub(super) fn shares<const D: usize>(canvas: &Canvas<D>) -> Vec<f32> {
    let shares_of_colors = shares_of_colors(canvas);
    let strokes = strokes(canvas);
    let squared_errors: Vec<f64> = canvas
        .nearest
        .par_iter()
        .enumerate()
        .map(|(row, &entry)| {
            squared_distance(canvas.colors.point(row), canvas.entries[usize::from(entry)])
        })
        .collect();
    let grain = GRAIN * canvas.colors.unit();
    let width = canvas.width;
    let height = canvas.color_of_pixel.len() / width;
    let mut shares = vec![0.0; canvas.color_of_pixel.len()];
    shares
        .par_chunks_mut(width)
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each_init(
            || (Sums::new(width), Sums::new(width)),
            |(errors, details), (y, shares)| {
                errors.fill(y, height, ERROR_RADIUS, |pixel| {
                    [squared_errors[canvas.color_of_pixel[pixel] as usize]]
                });
                details.fill(y, height, DETAIL_RADIUS, |pixel| {
                    moments(canvas.point_of_pixel(pixel))
                });
                for (x, share) in shares.iter_mut().enumerate() {
                    let [squared_error] = errors.mean(x, ERROR_RADIUS);
                    let [square, mean @ ..] = details.mean(x, DETAIL_RADIUS);
                    let squared_mean = squared_norm(mean);
                    let deviation = (square - squared_mean).max(0.0).sqrt();
                    let error = squared_error.sqrt();
                    let need = (HIDING * error / (deviation + grain)).min(1.0);
                    let pixel = y * width + x;
                    let color = canvas.color_of_pixel[pixel] as usize;
                    let needed = need * shares_of_colors[color];
                    *share = needed as f32 * (1.0 - strokes[pixel]);
                }
            },
        );
    shares
}

/// How much each pixel belongs to a stroke of text, 0 to 1: it repeats its neighbors as what is [`DRAWN`]
/// does, and every small square that holds it holds a [`SHARP`] edge. (That is the closing of a map of the
/// edges: Serra, "Image analysis and mathematical morphology", 1982. Unlike the edges' surroundings
/// it ends where they do, so that what lies beside a frame or a word is dithered up to it.)
fn strokes<const D: usize>(canvas: &Canvas<D>) -> Vec<f32> {
    let width = canvas.width;
    let height = canvas.color_of_pixel.len() / width;
    let pixels = (0..canvas.color_of_pixel.len()).into_par_iter();
    let edges: Vec<f32> = pixels.map(|pixel| edge(canvas, pixel)).collect();
    let widened = over_squares(edges, width, f32::max);
    let mut strokes = over_squares(widened, width, f32::min);
    let pixels = (0..strokes.len()).into_par_iter();
    let is_repeated: Vec<bool> = pixels.map(|pixel| is_repeated(canvas, pixel)).collect();
    strokes
        .par_chunks_mut(width)
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each_init(
            || Sums::new(width),
            |repeated, (y, strokes)| {
                repeated.fill(y, height, DRAWN_RADIUS, |pixel| {
                    [f64::from(u8::from(is_repeated[pixel]))]
                });
                for (x, stroke) in strokes.iter_mut().enumerate() {
                    let [share] = repeated.mean(x, DRAWN_RADIUS);
                    *stroke *= along(DRAWN, share) as f32;
                }
            },
        );
    strokes
}

/// How sharp the edges of a pixel are, 0 to 1, those that plain mapping leaves: without a dither others would
/// be lost, and the text with them.
fn edge<const D: usize>(canvas: &Canvas<D>, pixel: usize) -> f32 {
    let color = canvas.point_of_pixel(pixel);
    let entry = |pixel: usize| canvas.nearest[canvas.color_of_pixel[pixel] as usize];
    let farthest = neighbors(canvas, pixel)
        .filter(|&other| entry(other) != entry(pixel))
        .map(|other| squared_distance(color, canvas.point_of_pixel(other)))
        .fold(0.0, f64::max);
    along(SHARP, farthest.sqrt() / canvas.colors.unit()) as f32
}

/// What `pick` picks of the values in the square of [`STROKE_RADIUS`] around each pixel.
fn over_squares(
    mut values: Vec<f32>,
    width: usize,
    pick: impl Fn(f32, f32) -> f32 + Sync,
) -> Vec<f32> {
    let height = values.len() / width;
    let of = |values: &[f32]| values.iter().copied().reduce(&pick).unwrap_or(0.0);
    let mut over_rows = vec![0.0; values.len()];
    over_rows
        .par_chunks_mut(width)
        .zip(values.par_chunks(width))
        .with_min_len(ROWS_PER_TASK)
        .for_each(|(picked, row)| {
            for (x, picked) in picked.iter_mut().enumerate() {
                *picked = of(&row[around(x, STROKE_RADIUS, width)]);
            }
        });
    values
        .par_chunks_mut(width)
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each(|(y, picked)| {
            let rows = around(y, STROKE_RADIUS, height);
            picked.copy_from_slice(&over_rows[rows.start * width..][..width]);
            for row in rows {
                let row = &over_rows[row * width..][..width];
                for (picked, &value) in picked.iter_mut().zip(row) {
                    *picked = pick(*picked, value);
                }
            }
        });
    values
}

/// The pixels beside, above and below one.
fn neighbors<const D: usize>(canvas: &Canvas<D>, pixel: usize) -> impl Iterator<Item = usize> {
    let width = canvas.width;
    let x = pixel % width;
    [
        (x > 0).then(|| pixel - 1),
        (x + 1 < width).then_some(pixel + 1),
        pixel.checked_sub(width),
        Some(pixel + width).filter(|&below| below < canvas.color_of_pixel.len()),
    ]
    .into_iter()
    .flatten()
}

/// How far a value has come from the beginning of a range to its end, 0 to 1.
fn along(range: Range<f64>, value: f64) -> f64 {
    ((value - range.start) / (range.end - range.start)).clamp(0.0, 1.0)
}

/// Whether the pixel has the very color of a neighbor: beside edges that is rare in photos, and where they
/// were compressed with losses; it is common in what is drawn.
fn is_repeated<const D: usize>(canvas: &Canvas<D>, pixel: usize) -> bool {
    let color = canvas.color_of_pixel[pixel];
    neighbors(canvas, pixel).any(|other| canvas.color_of_pixel[other] == color)
}

/// The share of the error that each color takes where the need is greatest.
///
/// An entry is off by e from a color that only it is taken for: of the share s, e / (1 - s) adds up, and
/// unless that is half of the distance to the next entry, no pixel takes another one. So the share is such
/// that this happens to no e of more than [`LOSS`].
fn shares_of_colors<const D: usize>(canvas: &Canvas<D>) -> Vec<f64> {
    let entries = canvas.additive_entries;
    let half_distance_to_next = |&entry: &[f64; D]| {
        let next = squared_distances_to_others(entry, entries).first().copied();
        next.map_or(f64::INFINITY, |squared| {
            squared.sqrt() / (2.0 * canvas.additive.unit())
        })
    };
    let half_distances: Vec<f64> = entries.iter().map(half_distance_to_next).collect();
    let share = |(row, &nearest): (usize, &u8)| {
        let loss = LOSS * canvas.step(canvas.additive_point(row));
        (1.0 - loss / half_distances[usize::from(nearest)]).max(SHARE)
    };
    let rows = canvas.nearest.par_iter().enumerate();
    rows.with_min_len(COLORS_PER_TASK).map(share).collect()
}

/// The squared length of a point, and its coordinates (up to four).
fn moments<const D: usize>(point: [f64; D]) -> [f64; 5] {
    let mut moments = [0.0; 5];
    moments[0] = squared_norm(point);
    moments[1..=D].copy_from_slice(&point);
    moments
}

/// N numbers a pixel, added up over some rows.
struct Sums<const N: usize> {
    columns: Vec<[f64; N]>,
    rows: usize,
}

impl<const N: usize> Sums<N> {
    fn new(width: usize) -> Self {
        Self {
            columns: vec![[0.0; N]; width],
            rows: 0,
        }
    }

    /// Takes in the rows within `radius` of row `y`.
    fn fill(
        &mut self,
        y: usize,
        height: usize,
        radius: usize,
        numbers: impl Fn(usize) -> [f64; N],
    ) {
        let width = self.columns.len();
        let rows = around(y, radius, height);
        self.rows = rows.len();
        self.columns.fill([0.0; N]);
        for row in rows {
            for (x, sum) in self.columns.iter_mut().enumerate() {
                let numbers = numbers(row * width + x);
                for n in 0..N {
                    sum[n] += numbers[n];
                }
            }
        }
    }

    /// The means over those rows and the columns within `radius` of column `x`.
    fn mean(&self, x: usize, radius: usize) -> [f64; N] {
        let columns = around(x, radius, self.columns.len());
        let count = (self.rows * columns.len()) as f64;
        let mut sum = [0.0; N];
        for column in &self.columns[columns] {
            for n in 0..N {
                sum[n] += column[n];
            }
        }
        sum.map(|sum| sum / count)
    }
}

/// The places within `radius` of `place`, of `count` places.
fn around(place: usize, radius: usize, count: usize) -> Range<usize> {
    place.saturating_sub(radius)..(place + radius + 1).min(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Palette, Picture, Space, dither::tests::on_canvas, picture::Pixels};

    /// The shares of a picture of grays in a palette of two.
    fn shares_of_grays(gray: impl Fn(usize, usize) -> u8) -> Vec<f32> {
        let pixels = (0..40).flat_map(|y| (0..40).map(move |x| (x, y)));
        let rgb = pixels.map(|(x, y)| [gray(x, y); 3]).collect();
        let picture = Picture::from_pixels(40, 40, Pixels::Rgb8(rgb)).unwrap();
        let palette = Palette::opaque(&[[30; 3], [200; 3]]).unwrap();
        on_canvas(&picture, &palette, Space::Srgb, |canvas: &Canvas<3>| {
            shares(canvas)
        })
    }

    #[test]
    fn strokes_of_text_are_not_dithered_but_areas_and_drawn_gradients_are() {
        // Strokes of four pixels whose gray has no entry, on one that has.
        let text = shares_of_grays(|x, _| if x % 10 < 4 { 120 } else { 30 });
        for (pixel, share) in text.into_iter().enumerate() {
            assert!(pixel % 10 >= 4 || share == 0.0, "{pixel}: {share}");
        }
        // Of the color of its ground when it is mapped, it would not be seen.
        let lost = shares_of_grays(|x, _| if x % 10 < 4 { 250 } else { 150 });
        assert!(lost.iter().all(|&share| share > 0.0));
        let area = shares_of_grays(|_, _| 120);
        assert!(area.iter().all(|&share| share >= SHARE as f32));
        // Each column repeats in every row.
        let gradient = shares_of_grays(|x, _| 80 + x as u8);
        assert!(gradient.iter().all(|&share| share >= SHARE as f32));
        // A frame of two pixels, and the area in it up to the frame.
        let framed = shares_of_grays(|x, _| if x < 2 { 30 } else { 120 });
        for (pixel, share) in framed.into_iter().enumerate() {
            assert!(pixel % 40 < 4 || share >= SHARE as f32, "{pixel}: {share}");
            assert!(pixel % 40 != 3 || share > 0.3, "{pixel}: {share}");
        }
    }

    #[test]
    fn squares_pick_the_greatest_and_the_least_as_far_as_there_are_pixels() {
        // 20 columns, 10 rows, one pixel that differs.
        let mut values = vec![0.5; 200];
        values[4 * 20 + 2] = 1.0;
        let is_near = |i: usize| (i / 20).abs_diff(4) <= 3 && (i % 20).abs_diff(2) <= 3;
        let greatest = over_squares(values.clone(), 20, f32::max);
        for (i, value) in greatest.into_iter().enumerate() {
            assert_eq!(value, if is_near(i) { 1.0 } else { 0.5 });
        }
        values[4 * 20 + 2] = 0.25;
        let least = over_squares(values, 20, f32::min);
        for (i, value) in least.into_iter().enumerate() {
            assert_eq!(value, if is_near(i) { 0.25 } else { 0.5 });
        }
    }

    #[test]
    fn text_that_is_not_repeated_is_a_photo() {
        let noisy = |x: usize, y: usize| ((x * 7 + y * 13) % 5) as u8;
        let photo = shares_of_grays(|x, y| noisy(x, y) + if x % 10 < 4 { 120 } else { 40 });
        assert!(photo.iter().all(|&share| share > 0.0));
    }

    #[test]
    fn means_are_over_the_window_as_far_as_there_are_pixels() {
        // Three rows of four pixels: 0 to 11, and their negatives.
        let mut sums = Sums::<2>::new(4);
        let number = |pixel: usize| [pixel as f64, -(pixel as f64)];
        sums.fill(1, 3, 1, number);
        assert_eq!(sums.mean(1, 1), [5.0, -5.0]);
        // The last row and the one above it, the first two columns.
        sums.fill(2, 3, 1, number);
        assert_eq!(sums.mean(0, 1), [6.5, -6.5]);
        assert_eq!(sums.mean(3, 0), [9.0, -9.0]);
    }

    #[test]
    fn moments_are_the_square_and_the_coordinates() {
        assert_eq!(moments([2.0, 3.0, 6.0]), [49.0, 2.0, 3.0, 6.0, 0.0]);
    }
}
