//! Pixels to palette entries.

use rayon::prelude::*;

use crate::{
    Colors, Error, Palette, Result, Space, alpha,
    density::{Component, Corners, argmax, squared_distance},
    palette::nearest_color,
};

/// Colors whose pixels are worth a parallel task to add up.
const COLORS_PER_TASK: usize = 1 << 16;

/// The palette entry nearest to each distinct color, by distances in the space of the colors; of
/// entries equally near, the first. Opaque colors take opaque entries, if there are any.
pub fn nearest<const D: usize>(colors: &Colors<D>, palette: &Palette, space: Space) -> Vec<u8> {
    nearest_point(colors, &palette.points(space))
}

/// As [`nearest`], of up to 256 `entries` in the space of the colors.
pub(crate) fn nearest_point<const D: usize>(colors: &Colors<D>, entries: &[[f64; D]]) -> Vec<u8> {
    let nearest = argmax(colors, &Component::centroids(entries), Corners);
    let nearest = nearest.into_iter().map(|entry| entry as u8).collect();
    alpha::keep(colors, entries, nearest)
}

/// A palette of which `k` entries are in use, as far as there are colors for them, and the entry of each
/// distinct color in it; `entry_of_color` is that in `palette`.
///
/// A palette has fewer when means round to one color, or a component of a mixture is nowhere the most
/// probable. Then the color whose pixels are served worst becomes an entry, in place of one that is not
/// in use, and takes with it the colors to which it is nearer than their own entry. The first entries,
/// those that are `pinned`, stay and count as used.
///
/// # Errors
/// When that takes more than 256 entries, or `entry_of_color` has not one of `palette` for each color.
pub fn complete<const D: usize>(
    colors: &Colors<D>,
    palette: &Palette,
    mut entry_of_color: Vec<u8>,
    pinned: usize,
    k: usize,
    space: Space,
) -> Result<(Palette, Vec<u8>)> {
    check_entries(colors.len(), palette, &entry_of_color)?;
    // With an entry for each color none is off.
    let enough = if colors.len() + pinned <= k {
        usize::MAX
    } else {
        k
    };
    let mut entries = palette.colors().to_vec();
    let mut points = palette.points::<D>(space);
    loop {
        let mut used: Vec<bool> = (0..entries.len()).map(|entry| entry < pinned).collect();
        for &entry in &entry_of_color {
            used[usize::from(entry)] = true;
        }
        if used.iter().filter(|&&used| used).count() >= enough {
            break;
        }
        let squared_error = |row: usize| {
            squared_distance(colors.point(row), points[usize::from(entry_of_color[row])])
        };
        let is_opaque = |point| alpha::is_opaque(point, colors.unit());
        let gains = |row: usize, point| {
            squared_distance(colors.point(row), point) < squared_error(row)
                && (is_opaque(point) || !is_opaque(colors.point(row)))
        };
        let mut worst = (0.0, None);
        for row in 0..colors.len() {
            let error = colors.counts()[row] * squared_error(row);
            if error <= worst.0 {
                continue;
            }
            let color = nearest_color(colors.point(row), space);
            let point = space.point::<D>(color.map(f64::from));
            // Rounded to bytes a color may lie farther off than its entry.
            if !entries.contains(&color) && gains(row, point) {
                worst = (error, Some((color, point)));
            }
        }
        let Some((color, point)) = worst.1 else {
            break;
        };
        let nearer: Vec<_> = (0..colors.len()).filter(|&row| gains(row, point)).collect();
        let free = used.iter().position(|&used| !used);
        let entry = free.unwrap_or(entries.len());
        if entry > usize::from(u8::MAX) {
            return Err(Error::Invalid(format!(
                "a palette has at most 256 colors in use, not {k}"
            )));
        }
        if free.is_some() {
            (entries[entry], points[entry]) = (color, point);
        } else {
            entries.push(color);
            points.push(point);
        }
        for row in nearer {
            entry_of_color[row] = entry as u8;
        }
    }
    Ok((Palette::new(entries)?, entry_of_color))
}

/// Refuses entries of which not each color has one of the palette.
pub(crate) fn check_entries(colors: usize, palette: &Palette, entry_of_color: &[u8]) -> Result<()> {
    let is_entry = |&entry: &u8| usize::from(entry) < palette.len();
    if entry_of_color.len() != colors || !entry_of_color.iter().all(is_entry) {
        return Err(Error::Invalid(format!(
            "each of {} colors has one of {} entries, not {} colors or another entry",
            colors,
            palette.len(),
            entry_of_color.len()
        )));
    }
    Ok(())
}

/// As [`complete`], where each color has the entry nearest to it.
///
/// # Errors
/// As there.
pub fn complete_nearest<const D: usize>(
    colors: &Colors<D>,
    palette: &Palette,
    pinned: usize,
    k: usize,
    space: Space,
) -> Result<Palette> {
    let entry_of_color = nearest(colors, palette, space);
    let (palette, _) = complete(colors, palette, entry_of_color, pinned, k, space)?;
    Ok(palette)
}

/// The pixels of each of `entries` palette entries, where `entry_of_color` has the one of each color and
/// `counts` its pixels.
///
/// # Panics
/// When an entry is not below `entries`, or there is not one for each color.
pub fn counts_of_entries(counts: &[f64], entry_of_color: &[u8], entries: usize) -> Vec<u64> {
    assert_eq!(
        entry_of_color.len(),
        counts.len(),
        "an entry for each color"
    );
    let parts = entry_of_color
        .par_chunks(COLORS_PER_TASK)
        .zip(counts.par_chunks(COLORS_PER_TASK));
    let none = || vec![0; entries];
    let counted = parts.fold(none, |mut pixels, (entry_of_color, counts)| {
        for (&entry, &count) in entry_of_color.iter().zip(counts) {
            pixels[usize::from(entry)] += count as u64;
        }
        pixels
    });
    counted.reduce(none, |mut pixels, others| {
        for (count, other) in pixels.iter_mut().zip(others) {
            *count += other;
        }
        pixels
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Picture, picture::Pixels, testing::noise};

    #[test]
    fn every_pixel_gets_the_entry_nearest_to_it() {
        let picture = noise(40, 30, 7);
        let entries: Vec<_> = (0..9).map(|i| [i * 16, 100, 128 - i * 12]).collect();
        let palette = Palette::opaque(&entries).unwrap();
        let (colors, color_of_pixel) = Colors::of(&picture);
        let indices = color_of_pixel.expand(&nearest(&colors, &palette, Space::Srgb));
        assert_eq!(indices.len(), 40 * 30);
        for (pixel, &index) in picture.over_white().iter().zip(&indices) {
            let distance = |entry: [u8; 4]| -> u32 {
                (0..3)
                    .map(|c| u32::from(pixel[c].abs_diff(entry[c])).pow(2))
                    .sum()
            };
            let distances: Vec<u32> = palette
                .colors()
                .iter()
                .map(|&entry| distance(entry))
                .collect();
            let least = distances.iter().min().unwrap();
            assert_eq!(
                distances.iter().position(|d| d == least),
                Some(index.into())
            );
        }
    }

    #[test]
    fn a_color_that_its_own_bytes_serve_worse_than_its_entry_asks_for_no_other() {
        // An alpha just above the middle between two bytes, in 16 bits.
        let pixels = [[16_416, 0, 57_969, 65_407], [57_969, 0, 0, 65_407]];
        let picture = Picture::from_pixels(2, 1, Pixels::Rgba16(pixels.to_vec())).unwrap();
        for space in [Space::Srgb, Space::Linear, Space::Lab, Space::Oklab] {
            let (colors, _) = Colors::<4>::in_space(&picture, space);
            let own = picture.to_rgba8();
            let own = own.iter().map(|&[r, g, b, _]| [r, g, b, 254]).collect();
            let palette = Palette::new(own).unwrap();
            for k in [2, 3, 65] {
                let completed = complete_nearest(&colors, &palette, 0, k, space).unwrap();
                assert_eq!(completed, palette);
            }
        }
    }

    /// A palette of `k` colors of pixels that all have its first one so far, and the entry of each pixel.
    fn completed(pixels: &[[u8; 4]], first: [u8; 4], k: usize) -> (Palette, Vec<u8>) {
        let width = pixels.len() as u32;
        let picture = Picture::from_pixels(width, 1, Pixels::Rgba8(pixels.to_vec())).unwrap();
        let (colors, color_of_pixel) = Colors::<4>::in_space(&picture, Space::Srgb);
        let palette = Palette::new(vec![first]).unwrap();
        let entries = vec![0; colors.len()];
        let (palette, entries) = complete(&colors, &palette, entries, 0, k, Space::Srgb).unwrap();
        (palette, color_of_pixel.expand(&entries))
    }

    #[test]
    fn a_color_as_near_to_the_new_entry_as_to_its_own_stays() {
        let gray = |value| [value, value, value, 255];
        let (palette, entries) = completed(&[gray(0), gray(10), gray(20)], gray(0), 2);
        assert_eq!(palette.colors(), [gray(0), gray(20)]);
        assert_eq!(entries, [0, 0, 1]);
    }

    #[test]
    fn many_pixels_that_are_somewhat_off_are_served_worse_than_one_that_is_far_off() {
        let mut pixels = vec![[5, 0, 0, 255]; 50];
        pixels.push([0, 10, 0, 255]);
        let (palette, _) = completed(&pixels, [0, 0, 0, 255], 2);
        assert_eq!(palette.colors()[1], pixels[0]);
    }

    #[test]
    fn an_opaque_color_is_not_taken_along_by_an_entry_that_is_not() {
        let pixels = [
            [200, 0, 0, 254],
            [200, 0, 0, 254],
            [190, 0, 0, 255],
            [0, 0, 0, 255],
        ];
        let (palette, entries) = completed(&pixels, [0, 0, 0, 255], 2);
        assert_eq!(palette.colors()[1], pixels[0]);
        assert_eq!(entries, [1, 1, 0, 0]);
    }

    #[test]
    fn entries_that_are_not_there_and_more_than_256_are_refused() {
        let (colors, _) = Colors::of(&noise(40, 30, 4));
        let palette = gray();
        let with = |entries, k| complete(&colors, &palette, entries, 0, k, Space::Srgb);
        let n = colors.len();
        assert!(n > 256);
        assert!(with(vec![0; n - 1], 2).is_err());
        assert!(with(vec![2; n], 2).is_err());
        assert_eq!(with(vec![0; n], 256).unwrap().0.len(), 256);
        for k in [257, usize::MAX] {
            assert!(with(vec![0; n], k).is_err());
        }
    }

    fn gray() -> Palette {
        Palette::opaque(&[[9; 3], [200; 3]]).unwrap()
    }

    #[test]
    fn entries_out_of_use_go_to_the_colors_that_are_served_worst() {
        let picture = noise(40, 30, 2);
        let (colors, _) = Colors::of(&picture);
        // Two that are alike, one that nothing is near to, and one that is pinned there.
        let palette = [[0, 0, 255], [9, 9, 9], [9, 9, 9], [255, 0, 0]];
        let palette = Palette::opaque(&palette).unwrap();
        for k in [2, 4, 20, 64, 100] {
            let entries = vec![1; colors.len()];
            let completed = complete(&colors, &palette, entries, 1, k, Space::Srgb);
            let (completed, entries) = completed.unwrap();
            let pixels: std::collections::BTreeSet<_> = entries.iter().collect();
            // 64 colors in the picture, and the pinned one.
            let in_use = pixels.len() + usize::from(!pixels.contains(&0));
            assert_eq!(in_use, k.min(65));
            assert_eq!(completed.colors()[0], [0, 0, 255, 255]);
        }
    }
}
