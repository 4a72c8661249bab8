//! Pixels to palette entries such that what single pixels are off by evens out over their neighbors:
//! few colors look like many.
//!
//! Entries are nearest where distances are measured, in sRGB and linear light with the channels scaled by
//! how visible their errors are. What evens out are errors in sRGB, whatever space that is, but in linear
//! light for [`Space::Linear`]: the coordinates of CIELAB and Oklab do not add up over neighbors, and with
//! few entries their sums are other colors. In sRGB errors are carried between bytes, which are not
//! proportional to light: carried in linear light they come no closer to the picture (mean DSSIM of four
//! pictures of CQ100 at 16 colors, by all of Floyd-Steinberg: 0.0266 against 0.0265).

mod adaptive;
mod aim;
mod blue_noise;
mod floyd_steinberg;
mod mix;
mod ordered;
mod palette;

use mix::Mixer;
use ordered::Thresholds;
pub use palette::palette;

use crate::{
    Colors, Error, Palette, Result, Space, density::squared_distance, map, palette::luminance,
};

/// Rows that are worth a parallel task.
const ROWS_PER_TASK: usize = 16;

/// Distinct colors that are worth a parallel task.
const COLORS_PER_TASK: usize = 1 << 10;

/// The price of contrast: the eye averages over pixels, but not over all that a picture is looked at with.
/// A higher one comes closer to pictures by DSSIM, but takes grays among the corners of the cube farther from
/// their tone than 4 of 255.
const CONTRAST: f64 = 0.11;

/// A distance of colors on [0, 1] up to which contrast is noise that could be spared, and costs its square.
/// Beyond it a palette is so sparse that there is no other way, and the price is such that a mean is off by
/// no more than `CONTRAST * USUAL / 2`: 3.3 of 255.
const USUAL: f64 = 60.0 / 255.0;

/// A share of the diagonal of a box whose sides are the distances from an entry to the D next ones: the mean
/// of this over the palette is a distance beyond which the price rises with its square. Entries so far off
/// are few dots that stand out: black ones in a pale sky of which the palette has not the hue. Among the
/// corners of the cube it comes to hardly any entry of a mix.
const FAR: f64 = 2.0 / 3.0;

/// What an error in a channel counts for, red, green and blue: mostly by its share in luminance, which
/// is what is left of a dither at a distance. In palette and mapping they take the mean DSSIM of four
/// pictures of CQ100 (fruits, girl, lights and `ball_caps`), dithered by [`Method::Adaptive`], from
/// 0.0213 to 0.0189 at 16 colors, and from 0.00162 to 0.00123 at 256.
const VISIBILITY: [f64; 3] = [0.7, 1.0, 0.6];

/// How the error that a palette leaves is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Error diffusion, every other row from right to left: the most faithful mean.
    FloydSteinberg,
    /// Bayer's 8 by 8 matrix: a regular pattern that compresses well.
    Bayer,
    /// Thresholds that form no pattern, made by void-and-cluster. Like Bayer's they depend on the place
    /// alone, so that what does not move in an animation stands still.
    BlueNoise,
    /// Error diffusion as far as a region needs it: none in flat areas that the palette has and in the
    /// strokes of text, little at hard edges, most in gradients and where the palette is far.
    Adaptive,
}

/// A method, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dither {
    /// How the error is spread.
    pub method: Method,
    /// 0 (none of it) to 1 (all of it).
    pub strength: f64,
}

fn scaled<const D: usize>(point: [f64; D], scale: [f64; D]) -> [f64; D] {
    std::array::from_fn(|d| point[d] * scale[d])
}

/// Bytes of memory that it takes to dither so many pixels of these colors, besides the colors: an upper
/// bound.
pub fn memory_needed<const D: usize>(colors: &Colors<D>, pixels: usize) -> u64 {
    // The colors once more, scaled, the mix or the aim of each, and two numbers a pixel: its share, and how much
    // of it is text.
    let n = colors.len() as u64;
    let mixes = ordered::MEMORY_PER_COLOR * n;
    colors.memory_needed() + mixes.max(aim::memory_needed::<D>(n)) + 8 * pixels as u64
}

/// What errors in the channels of a space count for: Lab and Oklab are made so that they count alike.
fn visibility<const D: usize>(space: Space) -> [f64; D] {
    std::array::from_fn(|d| match space {
        Space::Srgb | Space::Linear => VISIBILITY.get(d).copied().unwrap_or(1.0),
        Space::Lab | Space::Oklab => 1.0,
    })
}

/// The space whose coordinates add up over neighbors, where distances are measured in `space`.
fn additive(space: Space) -> Space {
    match space {
        Space::Linear => Space::Linear,
        Space::Srgb | Space::Lab | Space::Oklab => Space::Srgb,
    }
}

/// The squared distances from `entry` to those of `entries` that are not the same, in rising order.
fn squared_distances_to_others<const D: usize>(entry: [f64; D], entries: &[[f64; D]]) -> Vec<f64> {
    let squared = entries.iter().map(|&other| squared_distance(entry, other));
    let mut others: Vec<f64> = squared.filter(|&squared| squared > 0.0).collect();
    others.sort_unstable_by(f64::total_cmp);
    others
}

/// The palette entry of each pixel. `color_of_pixel` says row by row, `width` pixels each, which of
/// the `colors` a pixel has; they are in `space`. Pixels that are wholly transparent neither take nor
/// spread error, and opaque ones take opaque entries, if there are any.
///
/// # Errors
/// When the pixels are not rows of `width`, the color of one lies outside `colors`, or the strength is
/// not within 0 to 1.
pub fn dither<const D: usize>(
    colors: &Colors<D>,
    color_of_pixel: &[u32],
    width: usize,
    palette: &Palette,
    space: Space,
    dither: Dither,
) -> Result<Vec<u8>> {
    check(colors, color_of_pixel, width, dither)?;
    let points = |space: Space| -> Vec<[f64; D]> {
        let points = palette.points(space).into_iter();
        points
            .map(|point| scaled(point, visibility(space)))
            .collect()
    };
    let additive = additive(space);
    let entries = points(space);
    let colors = &colors.scaled(visibility(space));
    let nearest = map::nearest_point(colors, &entries);
    let canvas = Canvas {
        colors,
        color_of_pixel,
        width,
        entries: &entries,
        nearest: &nearest,
        space,
        additive,
        additive_entries: &points(additive),
        additive_white: scaled([additive.unit(); D], visibility(additive)),
    };
    let strength = dither.strength;
    let ordered = |thresholds| {
        let luminance: Vec<f64> = palette.colors().iter().copied().map(luminance).collect();
        ordered::ordered(&canvas, &luminance, &thresholds, strength)
    };
    Ok(match dither.method {
        Method::FloydSteinberg => {
            let aims = aim::aims(&canvas, canvas.contrast());
            floyd_steinberg::diffuse(&canvas, &aims, |_| strength)
        }
        Method::Bayer => ordered(Thresholds::bayer()),
        Method::BlueNoise => ordered(Thresholds::blue_noise()),
        Method::Adaptive => {
            let shares = adaptive::shares(&canvas);
            let share = |pixel: usize| strength * f64::from(shares[pixel]);
            let aims = aim::aims_by_lattice(&canvas, adaptive::contrast);
            floyd_steinberg::diffuse(&canvas, &aims, share)
        }
    })
}

fn check<const D: usize>(
    colors: &Colors<D>,
    color_of_pixel: &[u32],
    width: usize,
    dither: Dither,
) -> Result<()> {
    if width == 0 || !color_of_pixel.len().is_multiple_of(width) {
        return Err(Error::Invalid(format!(
            "{} pixels are no rows of {width}",
            color_of_pixel.len()
        )));
    }
    let is_color = |&color: &u32| (color as usize) < colors.len();
    if let Some(color) = color_of_pixel.iter().find(|color| !is_color(color)) {
        return Err(Error::Invalid(format!(
            "there is no color {color} among {}",
            colors.len()
        )));
    }
    if !(0.0..=1.0).contains(&dither.strength) {
        return Err(Error::Invalid(format!(
            "the strength of a dither is 0 to 1, not {}",
            dither.strength
        )));
    }
    Ok(())
}

/// A picture to be dithered.
struct Canvas<'a, const D: usize> {
    colors: &'a Colors<D>,
    color_of_pixel: &'a [u32],
    width: usize,
    /// The palette in the space of the colors.
    entries: &'a [[f64; D]],
    /// The entry nearest to each distinct color.
    nearest: &'a [u8],
    /// Where distances are measured.
    space: Space,
    /// Where colors add up.
    additive: Space,
    /// The palette in that space, its channels scaled.
    additive_entries: &'a [[f64; D]],
    /// White in that space: the largest value of each channel.
    additive_white: [f64; D],
}

impl<const D: usize> Canvas<'_, D> {
    /// The point of a color in `to`, its channels scaled, whose point in `from` is this.
    fn moved(from: Space, to: Space, point: [f64; D]) -> [f64; D] {
        if from == to {
            return point;
        }
        scaled(to.point(Self::color(from, point)), visibility(to))
    }

    /// The color whose point in `space`, its channels scaled, is this.
    fn color(space: Space, point: [f64; D]) -> [f64; 4] {
        space.color(scaled(point, visibility(space).map(f64::recip)))
    }

    /// The color of a pixel where distances are measured.
    fn point_of_pixel(&self, pixel: usize) -> [f64; D] {
        self.colors.point(self.color_of_pixel[pixel] as usize)
    }

    /// The distinct color in `row` where colors add up.
    fn additive_point(&self, row: usize) -> [f64; D] {
        Self::moved(self.space, self.additive, self.colors.point(row))
    }

    /// The point where distances are measured that is `point` where colors add up, or the color nearest to
    /// that.
    fn point_of_additive(&self, point: [f64; D]) -> [f64; D] {
        let color = std::array::from_fn(|d| point[d].clamp(0.0, self.additive_white[d]));
        Self::moved(self.additive, self.space, color)
    }

    /// What mixes the entries where colors add up.
    fn mixer(&self) -> Mixer<D> {
        Mixer::new(self.additive_entries, self.additive.unit())
    }

    /// The best mix for a color where colors add up, as [`Mixer::mix`] has it; `contrast` is what distances
    /// cost in sRGB.
    fn mix(
        &self,
        mixer: &Mixer<D>,
        point: [f64; D],
        contrast: impl Fn(f64) -> f64,
    ) -> Vec<(u8, f64)> {
        let step = self.step(point);
        mixer.mix(point, |distance| step * contrast(distance))
    }

    /// How long a small step from a color towards white is where colors add up, for one of sRGB, both of
    /// colors on [0, 1].
    fn step(&self, point: [f64; D]) -> f64 {
        if self.additive == Space::Srgb {
            return 1.0;
        }
        let [r, g, b, _] = Self::color(self.additive, point);
        let gray = ((r + g + b) / 3.0).clamp(0.5, 254.5);
        let [low, high] = [gray - 0.5, gray + 0.5]
            .map(|gray| self.additive.point::<3>([gray, gray, gray, 255.0])[0]);
        255.0 * (high - low) / self.additive.unit()
    }

    /// The price of an entry's distance from a color where all of the error is spread, of colors on [0, 1].
    fn contrast(&self) -> impl Fn(f64) -> f64 + Sync + use<D> {
        let unit = self.additive.unit();
        let diagonal = |&entry: &[f64; D]| {
            let squared = squared_distances_to_others(entry, self.additive_entries);
            let sides = squared.get(..D);
            sides.map_or(f64::INFINITY, |sides| sides.iter().sum::<f64>().sqrt())
        };
        let sum: f64 = self.additive_entries.iter().map(diagonal).sum();
        let far = FAR * sum / self.additive_entries.len() as f64 / unit;
        move |distance| {
            CONTRAST * distance * distance.min(USUAL) * (distance / far).max(1.0).powi(2)
        }
    }

    /// The lowest and the highest value of each channel in the picture and the palette.
    fn bounds(&self) -> ([f64; D], [f64; D]) {
        let root = &self.colors.nodes()[0];
        let (mut low, mut high) = (root.low, root.high);
        for entry in self.entries {
            for d in 0..D {
                low[d] = low[d].min(entry[d]);
                high[d] = high[d].max(entry[d]);
            }
        }
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use ndarray::Array2;

    use super::*;
    use crate::{Picture, kmeans, picture, picture::Pixels, testing::noise};

    const METHODS: [Method; 4] = [
        Method::FloydSteinberg,
        Method::Bayer,
        Method::BlueNoise,
        Method::Adaptive,
    ];

    fn dithered(picture: &Picture, palette: &Palette, method: Method, strength: f64) -> Vec<u8> {
        let (colors, color_of_pixel) = Colors::of(picture);
        let width = picture.width() as usize;
        let how = Dither { method, strength };
        dither(
            &colors,
            &color_of_pixel.rows(),
            width,
            palette,
            Space::Srgb,
            how,
        )
        .unwrap()
    }

    /// What `work` returns on the picture, whose channels all count alike, to be shown in the palette.
    pub(super) fn on_canvas<const D: usize, R>(
        picture: &Picture,
        palette: &Palette,
        space: Space,
        work: impl FnOnce(&Canvas<D>) -> R,
    ) -> R {
        let (colors, color_of_pixel) = Colors::in_space(picture, space);
        let additive = additive(space);
        work(&Canvas {
            colors: &colors,
            color_of_pixel: &color_of_pixel.rows(),
            width: picture.width() as usize,
            entries: &palette.points(space),
            nearest: &map::nearest(&colors, palette, space),
            space,
            additive,
            additive_entries: &palette.points(additive),
            additive_white: [additive.unit(); D],
        })
    }

    fn grays(width: u32, height: u32, gray: impl Fn(u32, u32) -> u8) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let rgb = pixels.flat_map(|(x, y)| [gray(x, y); 3]).collect();
        Picture::new(width, height, rgb).unwrap()
    }

    fn black_and_white() -> Palette {
        Palette::opaque(&[[0; 3], [255; 3]]).unwrap()
    }

    #[test]
    fn what_cannot_be_dithered_is_refused() {
        let (colors, color_of_pixel) = Colors::of(&noise(6, 5, 6));
        let color_of_pixel = color_of_pixel.rows();
        let how = |method, strength| Dither { method, strength };
        let refused = |pixels: &[u32], width, how| {
            dither(&colors, pixels, width, &black_and_white(), Space::Srgb, how).is_err()
        };
        for method in METHODS {
            for width in [0, 4, 31] {
                assert!(refused(&color_of_pixel, width, how(method, 1.0)));
            }
            assert!(refused(&[colors.len() as u32], 1, how(method, 1.0)));
            for strength in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
                assert!(refused(&color_of_pixel, 6, how(method, strength)));
            }
            assert!(!refused(&color_of_pixel, 6, how(method, 1.0)));
            assert!(!refused(&[], 6, how(method, 1.0)));
        }
    }

    #[test]
    fn centroids_that_are_none_make_no_palette() {
        let (colors, _) = Colors::of(&noise(6, 5, 6));
        for (centroids, pinned) in [
            (Array2::zeros((2, 4)), 0),
            (Array2::zeros((0, 3)), 0),
            (Array2::from_elem((2, 3), f64::NAN), 0),
            (Array2::zeros((2, 3)), 3),
        ] {
            assert!(palette(&colors, &centroids, pinned, Space::Srgb).is_err());
        }
        assert!(palette(&colors, &Array2::zeros((2, 3)), 2, Space::Srgb).is_ok());
    }

    #[test]
    fn without_strength_every_pixel_gets_the_entry_nearest_to_it() {
        let picture = noise(50, 40, 6);
        let entries: Vec<_> = (0..9).map(|i| [i * 16, 100, 128 - i * 12]).collect();
        let palette = Palette::opaque(&entries).unwrap();
        let distance = |pixel: [u8; 3], entry: usize| -> f64 {
            let difference = |c| f64::from(pixel[c]) - f64::from(palette.colors()[entry][c]);
            (0..3)
                .map(|c| (difference(c) * VISIBILITY[c]).powi(2))
                .sum()
        };
        for method in METHODS {
            let indices = dithered(&picture, &palette, method, 0.0);
            for (&pixel, &index) in picture.over_white().iter().zip(&indices) {
                let least = (0..9)
                    .map(|entry| distance(pixel, entry))
                    .fold(1e9, f64::min);
                assert!(distance(pixel, index.into()) <= least + 1e-9, "{method:?}");
            }
        }
    }

    #[test]
    fn gray_keeps_its_mean_in_black_and_white() {
        for gray in [64, 128, 200] {
            // More than one band.
            let picture = grays(70, 300, |_, _| gray);
            for method in METHODS {
                let indices = dithered(&picture, &black_and_white(), method, 1.0);
                let white = indices.iter().map(|&index| f64::from(index)).sum::<f64>();
                let mean = 255.0 * white / indices.len() as f64;
                // One of Bayer's 64 thresholds is 4, and adaptive spreads less than all of the error.
                let bound = match method {
                    Method::Bayer | Method::Adaptive => 4.0,
                    Method::FloydSteinberg | Method::BlueNoise => 3.0,
                };
                assert!((mean - f64::from(gray)).abs() < bound, "{method:?}: {mean}");
            }
        }
    }

    #[test]
    fn grays_keep_their_tone_among_the_corners_of_the_cube_and_in_every_space() {
        let corners: Vec<_> = (0..8)
            .map(|i| [0, 1, 2].map(|bit| 255 * (i >> bit & 1)))
            .collect();
        let corners = Palette::opaque(&corners).unwrap();
        let two = black_and_white();
        let tones = [24, 32, 48, 128, 220, 230, 240, 244];
        for (palette, tones, method, bound) in [
            (&corners, &tones[..6], Method::FloydSteinberg, 4.0),
            (&corners, &tones[..6], Method::BlueNoise, 4.0),
            // It spreads less than all of the error.
            (&corners, &tones[..6], Method::Adaptive, 10.0),
            (&two, &tones, Method::FloydSteinberg, 4.0),
            (&two, &tones, Method::BlueNoise, 4.0),
            (&two, &tones, Method::Adaptive, 8.0),
        ] {
            for &gray in tones {
                let picture = grays(96, 96, |_, _| gray);
                for space in [Space::Srgb, Space::Lab, Space::Oklab] {
                    let (colors, color_of_pixel) = Colors::<3>::in_space(&picture, space);
                    let strength = 1.0;
                    let how = Dither { method, strength };
                    let indices =
                        dither(&colors, &color_of_pixel.rows(), 96, palette, space, how).unwrap();
                    for channel in 0..3 {
                        let value =
                            |&index: &u8| f64::from(palette.colors()[usize::from(index)][channel]);
                        let mean = indices.iter().map(value).sum::<f64>() / (96.0 * 96.0);
                        assert!(
                            (mean - f64::from(gray)).abs() < bound,
                            "{method:?} {space:?} {gray}: {mean}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_color_that_cannot_be_mixed_takes_no_far_entry_in() {
        // A pale sky a little bluer than the palette; black would be less red.
        let picture = Picture::new(64, 64, [184, 202, 226].repeat(64 * 64)).unwrap();
        let entries = [
            [198, 212, 228],
            [236, 242, 250],
            [150, 160, 152],
            [100, 90, 70],
            [60, 56, 44],
            [16, 14, 8],
        ];
        let palette = Palette::opaque(&entries).unwrap();
        for method in METHODS {
            let indices = dithered(&picture, &palette, method, 1.0);
            assert!(!indices.contains(&5), "{method:?}");
        }
    }

    #[test]
    fn a_gradient_shows_no_bands() {
        let picture = grays(256, 64, |x, _| x as u8);
        for method in METHODS {
            let indices = dithered(&picture, &black_and_white(), method, 1.0);
            let white = |from: usize| {
                let rows = indices.chunks(256);
                let inside = rows.flat_map(|row| &row[from..from + 32]);
                f64::from(inside.map(|&index| u32::from(index)).sum::<u32>()) / (32.0 * 64.0)
            };
            for from in [64, 96, 128, 160] {
                let expected = (from as f64 + 15.5) / 255.0;
                assert!((white(from) - expected).abs() < 0.16, "{method:?} {from}");
            }
        }
    }

    #[test]
    fn a_gradient_is_dithered_in_every_space() {
        let picture = grays(256, 64, |x, _| 96 + (x / 8) as u8);
        let palette = Palette::opaque(&[[80; 3], [140; 3]]).unwrap();
        for space in [Space::Srgb, Space::Linear, Space::Lab, Space::Oklab] {
            let (colors, color_of_pixel) = Colors::<3>::in_space(&picture, space);
            let entries = |method, strength| {
                let how = Dither { method, strength };
                dither(&colors, &color_of_pixel.rows(), 256, &palette, space, how).unwrap()
            };
            let nearest = entries(Method::Adaptive, 0.0);
            for method in METHODS {
                let dithered = entries(method, 1.0);
                let pairs = dithered.iter().zip(&nearest);
                let differing = pairs.filter(|(a, b)| a != b).count();
                assert!(
                    10 * differing > nearest.len(),
                    "{method:?}, {space:?}: {differing}"
                );
            }
        }
    }

    #[test]
    fn colors_that_the_palette_has_stay_as_they_are() {
        // Text: black on white, next to nothing that could send an error.
        let picture = grays(
            64,
            64,
            |x, y| if (x / 3 + y / 5) % 2 == 0 { 0 } else { 255 },
        );
        for method in METHODS {
            let indices = dithered(&picture, &black_and_white(), method, 1.0);
            for (pixel, &index) in picture.over_white().iter().zip(&indices) {
                assert_eq!(black_and_white().colors()[usize::from(index)][..3], *pixel);
            }
        }
    }

    #[test]
    fn adaptive_keeps_errors_out_of_flat_areas_that_the_palette_has() {
        let picture = grays(64, 200, |_, y| if y < 100 { 100 } else { 255 });
        let indices = dithered(&picture, &black_and_white(), Method::Adaptive, 1.0);
        assert!(indices[..64 * 90].contains(&1));
        assert!(indices[64 * 103..].iter().all(|&index| index == 1));
    }

    #[test]
    fn what_is_transparent_stays_so_and_half_transparent_gray_keeps_its_mean() {
        let pixel = |x: u32| if x < 32 { [0; 4] } else { [255, 255, 255, 96] };
        let pixels = (0..64 * 64).map(|i| pixel(i % 64)).collect();
        let picture = Picture::from_pixels(64, 64, Pixels::Rgba8(pixels)).unwrap();
        let palette = Palette::new(vec![[0; 4], [255; 4]]).unwrap();
        let (colors, color_of_pixel) = Colors::<4>::in_space(&picture, Space::Srgb);
        for method in METHODS {
            let strength = 1.0;
            let how = Dither { method, strength };
            let indices = dither(
                &colors,
                &color_of_pixel.rows(),
                64,
                &palette,
                Space::Srgb,
                how,
            )
            .unwrap();
            let opaque = |columns: Range<usize>| -> f64 {
                let rows = indices.chunks(64).flat_map(|row| &row[columns.clone()]);
                rows.map(|&index| f64::from(index)).sum::<f64>() / (64.0 * columns.len() as f64)
            };
            assert_eq!(opaque(0..32), 0.0, "{method:?}");
            let share = opaque(32..64);
            // Adaptive spreads less than all of it.
            let least = if method == Method::Adaptive {
                0.2
            } else {
                0.36
            };
            assert!((least..0.4).contains(&share), "{method:?}: {share}");
        }
    }

    #[test]
    fn colors_outside_the_palette_do_not_send_dots_into_what_comes_after() {
        // Saturated blue that two grays cannot mix, above a gray between them.
        let pixel = |i: u32| if i < 64 * 40 { [0, 0, 255] } else { [120; 3] };
        let rgb = (0..64 * 64).flat_map(pixel).collect();
        let picture = Picture::new(64, 64, rgb).unwrap();
        let palette = Palette::opaque(&[[40; 3], [80; 3], [160; 3], [200; 3]]).unwrap();
        for space in [Space::Srgb, Space::Lab, Space::Oklab] {
            let (colors, color_of_pixel) = Colors::<3>::in_space(&picture, space);
            let how = Dither {
                method: Method::FloydSteinberg,
                strength: 1.0,
            };
            let indices =
                dither(&colors, &color_of_pixel.rows(), 64, &palette, space, how).unwrap();
            let below = &indices[64 * 40..];
            let far = below.iter().filter(|&&index| index == 0 || index == 3);
            assert_eq!(far.count(), 0, "{space:?}");
        }
    }

    #[test]
    fn threads_change_nothing() {
        let picture = picture::builtin("flower.jpg").unwrap();
        let entries: Vec<_> = (0..=255).step_by(17).map(|v| [v, v, 255 - v]).collect();
        let palette = Palette::opaque(&entries).unwrap();
        for method in METHODS {
            let with_threads = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let pool = pool.build().unwrap();
                pool.install(|| dithered(&picture, &palette, method, 1.0))
            };
            assert_eq!(with_threads(1), with_threads(3), "{method:?}");
        }
    }

    #[test]
    fn ordered_dithers_mix_a_color_of_a_sparse_palette_in_every_tile_and_space() {
        // The corners of the cube, and of these only the ones that surround a few colors' neighbors.
        let corners: Vec<_> = (0..8)
            .map(|i| [0, 1, 2].map(|bit| 255 * (i >> bit & 1)))
            .collect();
        let tetrahedron = [[0; 3], [255, 40, 0], [0, 220, 60], [80, 90, 255]];
        for (entries, colors) in [
            (
                &corners[..],
                &[[0x80, 0x60, 0x40], [200, 30, 90], [250, 128, 5]][..],
            ),
            (&tetrahedron, &[[84, 88, 79], [60, 100, 40]]),
        ] {
            let palette = Palette::opaque(entries).unwrap();
            for &color in colors {
                let picture = Picture::new(64, 64, color.repeat(64 * 64)).unwrap();
                for space in [Space::Srgb, Space::Linear, Space::Lab, Space::Oklab] {
                    let (distinct, color_of_pixel) = Colors::<3>::in_space(&picture, space);
                    for method in [Method::Bayer, Method::BlueNoise] {
                        let how = Dither {
                            method,
                            strength: 1.0,
                        };
                        let indices =
                            dither(&distinct, &color_of_pixel.rows(), 64, &palette, space, how)
                                .unwrap();
                        let additive = additive(space);
                        let points = palette.points::<3>(additive);
                        let [r, g, b] = color.map(f64::from);
                        let point = additive.point::<3>([r, g, b, 255.0]);
                        let unit = additive.unit();
                        for d in 0..3 {
                            let values = indices.iter().map(|&index| points[usize::from(index)][d]);
                            let mean = values.sum::<f64>() / (64.0 * 64.0);
                            let off = (mean - point[d]).abs() / unit;
                            // 1 / 128 for each of up to three borders between thresholds of Bayer's matrix.
                            assert!(off < 0.03, "{method:?} {space:?} {color:?} {d}: {off}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn from_color_to_color_an_ordered_dither_changes_few_pixels() {
        let palette =
            Palette::opaque(&[[0; 3], [255, 40, 0], [0, 220, 60], [80, 90, 255]]).unwrap();
        // Rows of one color each, from green over gray to red.
        let color = |y: u32| [(y * 2) as u8, 160 - y as u8, 60];
        let rgb = (0..64 * 64).flat_map(|i| color(i / 64 / 8)).collect();
        let picture = Picture::new(64, 64, rgb).unwrap();
        let tiles: Vec<Vec<u8>> = dithered(&picture, &palette, Method::Bayer, 1.0)
            .chunks(64 * 8)
            .map(<[u8]>::to_vec)
            .collect();
        for pair in tiles.windows(2) {
            let differing = pair[0].iter().zip(&pair[1]).filter(|(a, b)| a != b).count();
            assert!(differing <= 64 * 8 / 16, "{differing}");
        }
    }

    #[test]
    fn its_palette_mixes_what_lies_beyond_the_means_of_k_means() {
        // A ramp: the outer means of k-means lie a quarter of their distance inside of its ends.
        let picture = grays(256, 4, |x, _| x as u8);
        let colors = Colors::of(&picture).0;
        let options = kmeans::Options {
            k: 4,
            ..Default::default()
        };
        let fit = kmeans::fit(&colors, &options).unwrap();
        let span = |palette: &Palette| {
            let grays = palette.colors().iter().map(|color| color[1]);
            (grays.clone().min().unwrap(), grays.max().unwrap())
        };
        let plain = Palette::from_means::<3>(&fit.centroids, Space::Srgb)
            .unwrap()
            .0;
        let own = palette(&colors, &fit.centroids, 0, Space::Srgb).unwrap();
        assert_eq!(own.len(), 4);
        let ((low, high), (own_low, own_high)) = (span(&plain), span(&own));
        assert!(low.abs_diff(32) <= 1 && high.abs_diff(223) <= 1);
        assert!(own_low < 24 && own_high > 231, "{own_low} {own_high}");
        let pinned = palette(&colors, &fit.centroids, 4, Space::Srgb).unwrap();
        assert_eq!(span(&pinned), (low, high));
    }

    #[test]
    fn with_a_color_for_each_the_palette_is_the_pictures() {
        let picture = grays(5, 3, |x, _| 40 * x as u8);
        let (colors, color_of_pixel) = Colors::of(&picture);
        let palette = palette(&colors, &colors.points().to_owned(), 0, Space::Srgb).unwrap();
        let how = Dither {
            method: Method::FloydSteinberg,
            strength: 1.0,
        };
        let indices = dither(
            &colors,
            &color_of_pixel.rows(),
            5,
            &palette,
            Space::Srgb,
            how,
        )
        .unwrap();
        for (pixel, &index) in picture.over_white().iter().zip(&indices) {
            assert_eq!(palette.colors()[usize::from(index)][..3], *pixel);
        }
    }
}
