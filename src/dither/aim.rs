//! What distinct colors aim at: the colors nearest to them that entries of the palette mix to.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::{COLORS_PER_TASK, Canvas, mix::Mixer};
use crate::{Space, alpha::is_opaque};

/// A distinct color as one that can be mixed.
pub(super) struct Aim<const D: usize> {
    /// The color where colors add up.
    pub point: [f64; D],
    /// From it to the mean of its mix.
    pub offset: [f64; D],
    /// Whether it takes an opaque entry.
    pub is_opaque: bool,
}

/// Bytes of memory that it takes to find what so many colors aim at.
pub(super) const fn memory_needed<const D: usize>(colors: u64) -> u64 {
    let points = (STEPS[D - 3] as u64 + 1).pow(D as u32);
    size_of::<Aim<D>>() as u64 * colors + size_of::<OnceLock<[f64; D]>>() as u64 * points
}

/// Steps along each channel of the lattice, without alpha and with it.
const STEPS: [usize; 2] = [32, 16];

/// What each distinct color aims at, where entries are mixed at the price of `contrast`.
pub(super) fn aims<const D: usize>(
    canvas: &Canvas<D>,
    contrast: impl Fn(f64) -> f64 + Sync,
) -> Vec<Aim<D>> {
    let mixer = canvas.mixer();
    aims_by(canvas, |point| offset(canvas, &mixer, point, &contrast))
}

/// About the same with fewer mixes than colors.
///
/// The way to a mix changes little from color to color, so one is looked for at the points of a lattice over
/// color space, and colors go the way that lies between those of the points around them. As these aim at
/// mixes, they do, too: what lies between mixes is one. Against a mix for each of the 300,000 colors of
/// fruits of CQ100 that is off by 0.1 to 0.35 of 255 on average, and by 2.2 at most.
pub(super) fn aims_by_lattice<const D: usize>(
    canvas: &Canvas<D>,
    contrast: impl Fn(f64) -> f64 + Sync,
) -> Vec<Aim<D>> {
    let lattice = Lattice::new(canvas, contrast);
    aims_by(canvas, |point| lattice.offset(point))
}

fn aims_by<const D: usize>(
    canvas: &Canvas<D>,
    offset: impl Fn([f64; D]) -> [f64; D] + Sync,
) -> Vec<Aim<D>> {
    let aim = |row: usize| {
        let point = canvas.additive_point(row);
        Aim {
            point,
            offset: offset(point),
            is_opaque: is_opaque(canvas.colors.point(row), canvas.colors.unit()),
        }
    };
    let rows = (0..canvas.colors.len()).into_par_iter();
    rows.with_min_len(COLORS_PER_TASK).map(aim).collect()
}

/// The way from a color to the mean of its mix.
fn offset<const D: usize>(
    canvas: &Canvas<D>,
    mixer: &Mixer<D>,
    point: [f64; D],
    contrast: impl Fn(f64) -> f64,
) -> [f64; D] {
    let mut offset = point.map(|value| -value);
    for (entry, share) in canvas.mix(mixer, point, contrast) {
        let entry = canvas.additive_entries[usize::from(entry)];
        for d in 0..D {
            offset[d] += share * entry[d];
        }
    }
    offset
}

/// The way from each point of a lattice to the mean of its mix, found when it is first asked for. The
/// lattice goes from black to white where colors add up.
struct Lattice<'a, F, const D: usize> {
    canvas: &'a Canvas<'a, D>,
    mixer: Mixer<D>,
    contrast: F,
    offsets: Vec<OnceLock<[f64; D]>>,
}

impl<'a, F: Fn(f64) -> f64, const D: usize> Lattice<'a, F, D> {
    const STEPS: usize = STEPS[D - 3];

    fn new(canvas: &'a Canvas<'a, D>, contrast: F) -> Self {
        Self {
            canvas,
            mixer: canvas.mixer(),
            contrast,
            offsets: vec![OnceLock::new(); (Self::STEPS + 1).pow(D as u32)],
        }
    }

    /// The way from a color to what it aims at, linear in each channel between the points of the lattice.
    fn offset(&self, point: [f64; D]) -> [f64; D] {
        let place = self.place(point);
        let first = place.map(|steps| (steps as usize).min(Self::STEPS - 1));
        let mut offset = [0.0; D];
        for corner in 0..1 << D {
            let mut weight = 1.0;
            let mut at = first;
            for d in 0..D {
                let beyond = place[d] - first[d] as f64;
                let bit = corner >> d & 1;
                weight *= if bit == 1 { beyond } else { 1.0 - beyond };
                at[d] += bit;
            }
            if weight > 0.0 {
                let corner = self.offset_at(at);
                for d in 0..D {
                    offset[d] += weight * corner[d];
                }
            }
        }
        offset
    }

    /// The way from a point of the lattice to the mean of its mix.
    fn offset_at(&self, at: [usize; D]) -> [f64; D] {
        let index = at.iter().fold(0, |index, c| index * (Self::STEPS + 1) + c);
        *self.offsets[index]
            .get_or_init(|| offset(self.canvas, &self.mixer, self.point(at), &self.contrast))
    }

    /// Where a color lies in the lattice, in steps from black. In linear light steps grow with their number,
    /// so that they look about alike.
    fn place(&self, point: [f64; D]) -> [f64; D] {
        std::array::from_fn(|d| {
            let fraction = (point[d] / self.canvas.additive_white[d]).clamp(0.0, 1.0);
            let even = match self.canvas.additive {
                Space::Linear => fraction.sqrt(),
                _ => fraction,
            };
            even * Self::STEPS as f64
        })
    }

    /// The color at a point of the lattice.
    fn point(&self, at: [usize; D]) -> [f64; D] {
        std::array::from_fn(|d| {
            let even = at[d] as f64 / Self::STEPS as f64;
            let fraction = match self.canvas.additive {
                Space::Linear => even * even,
                _ => even,
            };
            fraction * self.canvas.additive_white[d]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Palette, Picture, alpha::is_transparent, density::squared_distance,
        dither::tests::on_canvas, picture::Pixels, testing::noise,
    };

    /// How far the aims of the colors are from the means of their own mixes, of colors on [0, 1].
    fn distances_from_mixes<const D: usize>(
        picture: &Picture,
        palette: &Palette,
        space: Space,
    ) -> Vec<f64> {
        let contrast = |distance: f64| 0.02 * distance * distance;
        on_canvas(picture, palette, space, |canvas: &Canvas<D>| {
            let mixed = aims(canvas, contrast).into_iter();
            let distance = |(mixed, aim): (Aim<D>, Aim<D>)| {
                squared_distance(mixed.offset, aim.offset).sqrt() / canvas.additive.unit()
            };
            let both = mixed.zip(aims_by_lattice(canvas, contrast));
            let both = both.filter(|(aim, _)| !is_transparent(aim.point));
            both.map(distance).collect()
        })
    }

    #[test]
    fn colors_aim_at_about_the_means_of_their_mixes() {
        let picture = noise(40, 40, 8);
        let entries = [
            [20, 0, 0],
            [190, 50, 0],
            [0, 220, 90],
            [230; 3],
            [90, 90, 200],
        ];
        let palette = Palette::opaque(&entries).unwrap();
        for space in [Space::Srgb, Space::Linear, Space::Oklab] {
            let distances = distances_from_mixes::<3>(&picture, &palette, space);
            let mean = distances.iter().sum::<f64>() / distances.len() as f64;
            let greatest = distances.into_iter().fold(0.0, f64::max);
            assert!(
                mean < 1.0 / 255.0 && greatest < 4.0 / 255.0,
                "{space:?}: {mean}, {greatest}"
            );
        }
    }

    #[test]
    fn what_is_opaque_aims_at_opaque_mixes() {
        let pixel = |i: usize| {
            [
                (i * 37 % 256) as u8,
                (i * 91 % 256) as u8,
                60,
                [255, 254, 130, 0][i % 4],
            ]
        };
        let pixels = Pixels::Rgba8((0..400).map(pixel).collect());
        let picture = Picture::from_pixels(20, 20, pixels).unwrap();
        let entries = [
            [0, 0, 0, 255],
            [255, 0, 0, 255],
            [0, 255, 90, 255],
            [255, 255, 255, 40],
        ];
        let palette = Palette::new(entries.to_vec()).unwrap();
        on_canvas(&picture, &palette, Space::Srgb, |canvas: &Canvas<4>| {
            let aims = aims_by_lattice(canvas, |distance| 0.02 * distance * distance);
            for aim in aims.iter().filter(|aim| aim.is_opaque) {
                assert!((aim.point[3] + aim.offset[3] - 255.0).abs() < 1e-9);
            }
            assert!(aims.iter().any(|aim| aim.is_opaque));
        });
        let distances = distances_from_mixes::<4>(&picture, &palette, Space::Srgb);
        assert!(distances.into_iter().all(|distance| distance < 8.0 / 255.0));
    }
}
