//! How far apart two pictures are.

mod ciede2000;

pub use ciede2000::{ColorDifference, ciede2000};

use std::ops::Range;

use rayon::prelude::*;

use crate::{
    Colors, Error, IndexedPicture, Palette, Picture, Result, Space,
    density::squared_distance,
    map,
    picture::{PIXELS_PER_TASK, Pixels},
};

/// The mean over pixels of the squared distance in 8-bit sRGB, summed over the three channels: the
/// color quantization literature's MSE. With alpha, color is premultiplied and alpha a fourth channel.
///
/// # Errors
/// When the pictures differ in size.
pub fn mse(a: &Picture, b: &Picture) -> Result<f64> {
    check_sizes(size(a), size(b))?;
    Ok(match (a.pixels(), b.pixels()) {
        (Pixels::Rgb8(a), Pixels::Rgb8(b)) => mean(a.len(), |pixels| {
            of_bytes(&a[pixels.clone()], &b[pixels]) as f64
        }),
        _ => mean(a.len(), |pixels| {
            let point = |picture: &Picture, i| Space::Srgb.point::<4>(picture.rgba(i));
            let squares = pixels.map(|i| squared_distance(point(a, i), point(b, i)));
            squares.sum()
        }),
    })
}

/// [`mse`] of a picture and an indexed one, which is not made in full color for that.
///
/// # Errors
/// When the pictures differ in size.
pub fn mse_of_indexed(a: &Picture, b: &IndexedPicture) -> Result<f64> {
    check_sizes(size(a), (b.width(), b.height()))?;
    let entries = b.palette().colors();
    let indices = b.indices();
    Ok(match a.pixels() {
        Pixels::Rgb8(a) if !b.palette().has_alpha() => {
            let mut colors = [[0; 3]; 256];
            for (color, &[red, green, blue, _]) in colors.iter_mut().zip(entries) {
                *color = [red, green, blue];
            }
            mean(a.len(), |pixels| {
                let indices = indices[pixels.clone()].iter();
                let b: Vec<_> = indices.map(|&index| colors[usize::from(index)]).collect();
                of_bytes(&a[pixels], &b) as f64
            })
        }
        _ => {
            let point = |entry: &[u8; 4]| Space::Srgb.point::<4>(entry.map(f64::from));
            let entries: Vec<[f64; 4]> = entries.iter().map(point).collect();
            mean(a.len(), |pixels| {
                let squares = pixels.map(|i| {
                    let point = Space::Srgb.point::<4>(a.rgba(i));
                    squared_distance(point, entries[usize::from(indices[i])])
                });
                squares.sum()
            })
        }
    })
}

/// [`mse`] of a picture whose distinct colors these are and one in which each of them has become an entry of
/// `palette`: the same number as [`mse_of_indexed`], in a time that does not depend on how many pixels there
/// are. `None` where only that can tell it: where the colors are not [`Colors::of`] an opaque picture of 8 bits
/// a channel, or the palette has alpha.
///
/// # Errors
/// When not each color has one of the entries.
pub fn mse_of_entries<const D: usize>(
    colors: &Colors<D>,
    palette: &Palette,
    entry_of_color: &[u8],
) -> Result<Option<f64>> {
    map::check_entries(colors.len(), palette, entry_of_color)?;
    if !colors.sums_are_exact() || palette.has_alpha() {
        return Ok(None);
    }
    let mut sum = 0.0;
    for (row, &entry) in entry_of_color.iter().enumerate() {
        let entry = palette.colors()[usize::from(entry)];
        let entry = std::array::from_fn(|d| f64::from(entry[d]));
        sum += colors.counts()[row] * squared_distance(colors.point(row), entry);
    }
    Ok(Some(sum / colors.total()))
}

/// The mean over so many pixels, where `sum` tells the sum over some of them. Parts are always the same
/// and added in order: it does not depend on threads.
fn mean(pixels: usize, sum: impl Fn(Range<usize>) -> f64 + Sync) -> f64 {
    let parts: Vec<f64> = (0..pixels.div_ceil(PIXELS_PER_TASK))
        .into_par_iter()
        .map(|part| sum(part * PIXELS_PER_TASK..pixels.min((part + 1) * PIXELS_PER_TASK)))
        .collect();
    parts.iter().sum::<f64>() / pixels as f64
}

/// The sum of the squared distances between the colors of each pair.
fn of_bytes(a: &[[u8; 3]], b: &[[u8; 3]]) -> u64 {
    // Squares of so many pixels fit in 32 bits, 3 * 255^2 each.
    let parts = a.chunks(1 << 12).zip(b.chunks(1 << 12));
    let squares = parts.map(|(a, b)| {
        let bytes = a.as_flattened().iter().zip(b.as_flattened());
        let squares = bytes.map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2));
        squares.sum::<u32>()
    });
    squares.map(u64::from).sum()
}

fn size(picture: &Picture) -> (u32, u32) {
    (picture.width(), picture.height())
}

fn check_sizes(a: (u32, u32), b: (u32, u32)) -> Result<()> {
    if a != b {
        return Err(Error::Invalid(format!(
            "pictures of one size are compared, not {}x{} and {}x{}",
            a.0, a.1, b.0, b.1
        )));
    }
    Ok(())
}

/// 10 log10(255² / (`mse` / 3)) in decibels; `None` when nothing differs.
pub fn psnr_db(mse: f64) -> Option<f64> {
    (mse > 0.0).then(|| 10.0 * libm::log10(255.0 * 255.0 / (mse / 3.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn picture(width: u32, rgb: &[u8]) -> Picture {
        Picture::new(width, 1, rgb.to_vec()).unwrap()
    }

    #[test]
    fn colors_with_their_counts_tell_to_the_last_bit_what_pixels_do_where_they_are_bytes() {
        let noise = noise(40, 30, 3);
        let palette = [[0, 190, 40, 255], [255, 0, 0, 255], [9, 9, 9, 255]];
        let opaque = Palette::new(palette.to_vec()).unwrap();
        let (colors, color_of_pixel) = Colors::of(&noise);
        let entries: Vec<u8> = (0..colors.len()).map(|row| (row * row % 3) as u8).collect();
        let indices = color_of_pixel.expand(&entries);
        let indexed = IndexedPicture::new(40, 30, opaque.clone(), indices).unwrap();
        let expected = mse_of_indexed(&noise, &indexed).unwrap();
        let told = |entries: &[u8]| mse_of_entries(&colors, &opaque, entries);
        assert_eq!(told(&entries).unwrap(), Some(expected));
        assert!(told(&entries[1..]).is_err());
        assert!(told(&vec![3; colors.len()]).is_err());

        let soft = Palette::new(vec![[0; 4], palette[0], palette[1]]).unwrap();
        assert_eq!(mse_of_entries(&colors, &soft, &entries).unwrap(), None);
        let (premultiplied, _) = Colors::<4>::in_space(&noise, Space::Srgb);
        let told = mse_of_entries(&premultiplied, &opaque, &entries);
        assert_eq!(told.unwrap(), None);
    }

    #[test]
    fn the_error_is_summed_over_channels_and_averaged_over_pixels() {
        let a = picture(2, &[0, 0, 0, 255, 10, 10]);
        let b = picture(2, &[3, 4, 0, 255, 10, 15]);
        assert_eq!(mse(&a, &b).unwrap(), f64::from(9 + 16 + 25) / 2.0);
        assert_eq!(mse(&b, &a).unwrap(), 25.0);
        assert!(mse(&a, &picture(1, &[0; 3])).is_err());
    }

    #[test]
    fn with_alpha_the_error_is_that_of_what_one_sees_and_of_alpha() {
        let soft = |pixel| Picture::from_pixels(1, 1, Pixels::Rgba8(vec![pixel])).unwrap();
        let invisible = soft([255, 9, 9, 0]);
        assert_eq!(mse(&invisible, &soft([0, 255, 0, 0])).unwrap(), 0.0);
        assert_eq!(mse(&invisible, &soft([0, 0, 0, 100])).unwrap(), 10_000.0);
        let half = mse(&soft([100, 0, 0, 51]), &soft([50, 0, 0, 51])).unwrap();
        assert!((half - 100.0).abs() < 1e-9);
    }

    #[test]
    fn an_indexed_picture_is_as_far_off_as_it_is_in_full_color() {
        let opaque = vec![[0, 0, 0, 255], [200, 30, 9, 255], [90, 90, 90, 255]];
        let soft = vec![[0, 0, 0, 255], [200, 30, 9, 100], [90, 90, 90, 0]];
        let (width, height) = (300, 400);
        let byte = |i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8;
        let pixels = width * height;
        let rgb = (0..pixels).map(|i| [i, i + 7, i * 3].map(byte)).collect();
        let rgba = (0..pixels)
            .map(|i| [i, i + 7, i * 3, i * 5].map(byte))
            .collect();
        for pixels in [Pixels::Rgb8(rgb), Pixels::Rgba8(rgba)] {
            let original = Picture::from_pixels(width, height, pixels).unwrap();
            for colors in [&opaque, &soft] {
                let palette = Palette::new(colors.clone()).unwrap();
                let indices = (0..original.len()).map(|i| (i * i % 7 % 3) as u8).collect();
                let indexed = IndexedPicture::new(width, height, palette, indices).unwrap();
                let expected = mse(&original, &indexed.to_picture()).unwrap();
                let found = mse_of_indexed(&original, &indexed).unwrap();
                assert!((found - expected).abs() <= 1e-12 * expected);
                assert!(mse_of_indexed(&picture(1, &[0; 3]), &indexed).is_err());
            }
        }
    }

    #[test]
    fn black_is_as_far_from_white_in_any_number_of_pixels_and_on_any_number_of_threads() {
        for pixels in [1, 5000, 70_000, 200_001] {
            let [black, white] = [0, 255].map(|v| picture(pixels, &vec![v; 3 * pixels as usize]));
            let palette = Palette::opaque(&[[9; 3], [255; 3]]).unwrap();
            let whites = vec![1; pixels as usize];
            let indexed = IndexedPicture::new(pixels, 1, palette, whites).unwrap();
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                pool.build().unwrap().install(|| {
                    assert_eq!(mse(&black, &white).unwrap(), 3.0 * 65025.0);
                    assert_eq!(mse_of_indexed(&black, &indexed).unwrap(), 3.0 * 65025.0);
                });
            }
        }
    }

    #[test]
    fn equal_pictures_have_no_ratio_and_opposite_ones_have_none_in_decibels() {
        assert_eq!(psnr_db(0.0), None);
        assert!(psnr_db(3.0 * 255.0 * 255.0).unwrap().abs() < 1e-12);
        assert!((psnr_db(3.0 * 255.0 * 2.55).unwrap() - 20.0).abs() < 1e-12);
    }
}
