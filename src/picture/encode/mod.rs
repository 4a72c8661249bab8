//! Pixels to the bytes of a PNG file that is small for the time it takes.
//!
//! A PNG's pixels are filtered (each byte less a guess from its neighbors) and then deflated. What
//! can be chosen is the number that each palette entry gets, the color type and depth, the filter of
//! each row, and how hard deflate searches. None of it changes a pixel, and no single choice serves
//! all pictures: where neighbors in the picture have near numbers, filters leave small
//! differences; where areas repeat, plain numbers repeat too, and filters would only hide it.
//!
//! So a handful of [candidates](layout) that are each the best for some pictures are tried on a
//! sample of rows with a fast deflate, and the best one is deflated in full. [`order`] says which numberings are tried, [`filter`] which filters, [`deflate`] how
//! much work each size of picture and each effort is worth. The best effort asks `oxipng` too, which
//! tries more of each.
//!
//! Estimates and sizes are integers and ties go to the earlier candidate: the bytes depend on the
//! pixels and the options alone.

mod container;
mod deflate;
mod filter;
mod layout;
mod open;
mod optimize;
mod order;
mod rows;
mod sample;

use std::io;

use rayon::prelude::*;

use self::{
    container::Container,
    filter::Filter,
    layout::{Color, Layout},
    rows::Rows,
};
use crate::{Effort, Error, IndexedPicture, Result};

/// How a PNG file is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    /// How far the search for a small file goes. Fast files are some 8 % larger, the best ones take
    /// some times as long. Default: balanced.
    pub effort: Effort,
    /// Whether palette entries that no pixel has stay in the palette. Default: no.
    pub keep_unused: bool,
}

/// The bytes of a PNG file of this picture.
///
/// # Errors
/// When the picture is larger than PNG holds.
pub fn indexed(picture: &IndexedPicture, options: EncodeOptions) -> Result<Vec<u8>> {
    let (width, height) = (picture.width(), picture.height());
    let indices = picture.indices();
    let layouts = layout::candidates(picture, options.keep_unused);
    let sample = sample::of_rows(indices, width as usize, sample::to_judge(indices.len()));
    let tried: Vec<(&Layout, Filter)> = layouts
        .iter()
        .flat_map(|layout| Filter::FOR_INDICES.map(|filter| (layout, filter)))
        .collect();
    let estimates: Vec<u64> = tried
        .par_iter()
        .map(|&(layout, filter)| {
            let rows = layout.rows(&sample, width as usize);
            estimate(&rows, filter, &layout.color, indices.len(), sample.len())
        })
        .collect();

    let best = first_least(&estimates);
    let ((layout, filter), estimated) = (tried[best], estimates[best] as usize);
    let filtered = filter.apply(&layout.rows(indices, width as usize));
    let plain = file(width, height, layout, &filtered, estimated, options.effort)?;
    if options.effort < Effort::Best {
        return Ok(plain);
    }
    let optimized = optimize::file(width, height, layout, indices, options.keep_unused)?;
    Ok(shorter(plain, optimized))
}

/// The bytes of a PNG file of 8 bits a channel; `pixels` are RGB, or RGBA with straight alpha where
/// `has_alpha`, row by row. There is at least one pixel.
///
/// # Errors
/// When the picture is larger than PNG holds.
pub fn full_color(
    width: u32,
    height: u32,
    has_alpha: bool,
    pixels: &[u8],
    options: EncodeOptions,
) -> Result<Vec<u8>> {
    let layout = Layout::of_channels(has_alpha);
    let row_bytes = width as usize * layout.bytes_per_pixel();
    let sample = sample::of_rows(pixels, row_bytes, sample::to_judge(pixels.len()));
    let estimates: Vec<u64> = Filter::FOR_CHANNELS
        .into_par_iter()
        .map(|filter| {
            let rows = Rows::of_channels(&sample, row_bytes, layout.bytes_per_pixel());
            estimate(&rows, filter, &layout.color, pixels.len(), sample.len())
        })
        .collect();
    let best = first_least(&estimates);
    let (filter, estimated) = (Filter::FOR_CHANNELS[best], estimates[best] as usize);
    let rows = Rows::of_channels(pixels, row_bytes, layout.bytes_per_pixel());
    let filtered = filter.apply(&rows);
    let plain = file(width, height, &layout, &filtered, estimated, options.effort)?;
    if options.effort < Effort::Best {
        return Ok(plain);
    }
    let optimized = optimize::file(width, height, &layout, pixels, false)?;
    Ok(shorter(plain, optimized))
}

/// The bytes that a file of these rows' kind would have if all were like the sample, of which
/// `sampled` of `total` values stand in `rows`.
fn estimate(rows: &Rows<'_>, filter: Filter, color: &Color, total: usize, sampled: usize) -> u64 {
    let deflated = deflate::estimate(&filter.apply(rows)) as u64;
    deflated * total as u64 / sampled as u64 + container::palette_bytes(color) as u64
}

/// What went wrong in a library, as the error of this one.
fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Encode(io::Error::other(error).into())
}

/// The file of the rows so laid out and `filtered`, which is `estimated` to have so many bytes.
fn file(
    width: u32,
    height: u32,
    layout: &Layout,
    filtered: &[u8],
    estimated: usize,
    effort: Effort,
) -> Result<Vec<u8>> {
    let mut container = Container::new(width, height, layout)?;
    container.palette(&layout.color);
    Ok(container.finish(&deflate::best(filtered, estimated, effort)?))
}

/// Where the first of the smallest numbers stands.
fn first_least(numbers: &[u64]) -> usize {
    (0..numbers.len())
        .min_by_key(|&i| numbers[i])
        .unwrap_or_default()
}

fn shorter(a: Vec<u8>, b: Vec<u8>) -> Vec<u8> {
    if b.len() < a.len() { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Palette,
        picture::{DecodeOptions, Picture, decode},
    };

    const PLAIN: EncodeOptions = EncodeOptions {
        effort: Effort::Balanced,
        keep_unused: false,
    };
    const FAST: EncodeOptions = EncodeOptions {
        effort: Effort::Fast,
        keep_unused: false,
    };
    const OPTIMIZED: EncodeOptions = EncodeOptions {
        effort: Effort::Best,
        keep_unused: false,
    };

    /// A chunk's data, if the file has one of that name.
    fn chunk(file: &[u8], name: [u8; 4]) -> Option<&[u8]> {
        let at = file.windows(4).position(|window| *window == name)?;
        let length = u32::from_be_bytes(file[at - 4..at].try_into().unwrap());
        Some(&file[at + 4..][..length as usize])
    }

    fn picture(width: u32, height: u32, colors: &[[u8; 4]], indices: &[u8]) -> IndexedPicture {
        let palette = Palette::new(colors.to_vec()).unwrap();
        IndexedPicture::new(width, height, palette, indices.to_vec()).unwrap()
    }

    fn indexed(
        width: u32,
        height: u32,
        colors: &[[u8; 4]],
        indices: &[u8],
        options: EncodeOptions,
    ) -> Result<Vec<u8>> {
        super::indexed(&picture(width, height, colors, indices), options)
    }

    /// The pixels as another library reads them.
    fn decoded(file: &[u8]) -> Vec<[u8; 4]> {
        let picture = image::load_from_memory_with_format(file, image::ImageFormat::Png).unwrap();
        picture.into_rgba8().pixels().map(|pixel| pixel.0).collect()
    }

    /// A slope that rises and falls through so many colors with a little noise on it, which is what
    /// photos are for an encoder. Colors that are near have numbers far apart.
    fn slope(width: usize, height: usize, colors: usize) -> Vec<u8> {
        let value = |i: usize| {
            let (x, y) = (i % width, i / width);
            let noise = (i * i * 7919 + i * 104_729) >> 7 & 3;
            let height = ((x + 2 * y) / 3 + noise) % (2 * colors);
            (height.min(2 * colors - 1 - height) * 101 % colors) as u8
        };
        (0..width * height).map(value).collect()
    }

    fn some_colors(count: usize, alpha: impl Fn(usize) -> u8) -> Vec<[u8; 4]> {
        let color = |i: usize| [(i * 53) as u8, (i * 7) as u8, (255 - i) as u8, alpha(i)];
        (0..count).map(color).collect()
    }

    fn agrees(width: usize, height: usize, colors: &[[u8; 4]], indices: &[u8]) {
        let expected: Vec<[u8; 4]> = indices.iter().map(|&i| colors[usize::from(i)]).collect();
        for options in [FAST, PLAIN, OPTIMIZED] {
            let file = indexed(width as u32, height as u32, colors, indices, options).unwrap();
            assert_eq!(decoded(&file), expected, "{width}x{height}, {options:?}");
        }
    }

    #[test]
    fn pixels_are_the_same_for_every_depth_with_and_without_alpha() {
        for count in [1, 2, 3, 4, 5, 16, 17, 255, 256] {
            for (width, height) in [(1, 1), (1, 9), (23, 1), (61, 40)] {
                let indices = slope(width, height, count);
                agrees(width, height, &some_colors(count, |_| 255), &indices);
                agrees(
                    width,
                    height,
                    &some_colors(count, |i| (i * 31) as u8),
                    &indices,
                );
            }
        }
    }

    #[test]
    fn pixels_are_the_same_for_grays_of_every_depth() {
        for step in [255, 85, 17, 1] {
            let colors: Vec<[u8; 4]> = (0..=255 / step)
                .map(|i| [i * step, i * step, i * step, 255])
                .collect();
            let ramp = |i: usize| (i / 61 + i % 61) * colors.len() / 101;
            let indices: Vec<u8> = (0..61 * 40).map(|i| ramp(i) as u8).collect();
            agrees(61, 40, &colors, &indices);
            let file = indexed(61, 40, &colors, &indices, PLAIN).unwrap();
            assert_eq!(file[25], 0, "color type 0 is gray");
        }
    }

    #[test]
    fn grays_that_would_need_more_bits_without_a_palette_keep_it() {
        let colors: Vec<[u8; 4]> = (0..16).map(|i| [i * 3, i * 3, i * 3, 255]).collect();
        let file = indexed(61, 40, &colors, &slope(61, 40, 16), PLAIN).unwrap();
        assert_eq!((file[24], file[25]), (4, 3));
    }

    #[test]
    fn entries_that_are_not_opaque_come_first_and_only_they_have_alpha() {
        let colors = some_colors(200, |i| if i % 40 == 7 { 90 } else { 255 });
        let indices: Vec<u8> = (0..61 * 40).map(|i| (i % 200) as u8).collect();
        let file = indexed(61, 40, &colors, &indices, PLAIN).unwrap();
        assert_eq!(chunk(&file, *b"tRNS"), Some(&[90; 5][..]));
        let opaque = indexed(61, 40, &some_colors(200, |_| 255), &indices, PLAIN);
        assert_eq!(chunk(&opaque.unwrap(), *b"tRNS"), None);
    }

    #[test]
    fn entries_that_no_pixel_has_are_left_out() {
        let file = indexed(2, 1, &some_colors(256, |_| 255), &[9, 200], PLAIN).unwrap();
        assert_eq!(file[24], 1);
        assert_eq!(chunk(&file, *b"PLTE").map(<[u8]>::len), Some(6));
    }

    #[test]
    fn the_file_does_not_depend_on_the_order_of_the_palette() {
        let colors = some_colors(64, |i| if i < 3 { 100 } else { 255 });
        let indices = slope(200, 150, 64);
        let backwards: Vec<[u8; 4]> = colors.iter().rev().copied().collect();
        let renumbered: Vec<u8> = indices.iter().map(|&i| 63 - i).collect();
        assert_eq!(
            indexed(200, 150, &colors, &indices, PLAIN).unwrap(),
            indexed(200, 150, &backwards, &renumbered, PLAIN).unwrap()
        );
    }

    #[test]
    fn a_slope_gets_smaller_by_order_and_by_optimizing() {
        let colors = some_colors(128, |_| 255);
        let indices = slope(300, 200, 128);
        let rows = Rows::of_channels(&indices, 300, 1);
        let as_it_came = deflate::best(&Filter::None.apply(&rows), 0, Effort::Balanced)
            .unwrap()
            .len();
        let plain = indexed(300, 200, &colors, &indices, PLAIN).unwrap().len();
        let optimized = indexed(300, 200, &colors, &indices, OPTIMIZED)
            .unwrap()
            .len();
        assert!(
            optimized <= plain && plain * 10 < as_it_came * 9,
            "{optimized} {plain} {as_it_came}"
        );
    }

    #[test]
    fn effort_makes_files_smaller() {
        let size = |options| {
            let file = indexed(
                300,
                200,
                &some_colors(128, |_| 255),
                &slope(300, 200, 128),
                options,
            );
            file.unwrap().len()
        };
        assert!(size(OPTIMIZED) < size(PLAIN) && size(PLAIN) < size(FAST));
        let size = |options| {
            let file = full_color(100, 200, false, &slope(300, 200, 256), options);
            file.unwrap().len()
        };
        assert!(size(OPTIMIZED) <= size(PLAIN) && size(PLAIN) < size(FAST));
        assert_eq!(shorter(vec![1, 2], vec![3]), [3]);
        assert_eq!(shorter(vec![1], vec![2, 3]), [1]);
    }

    /// A tile without any pattern, again and again.
    fn tiles(width: usize, height: usize, colors: usize) -> Vec<u8> {
        let value = |i: usize| (i % width % 40 + i / width % 40 * 40).pow(3) * 7919 / 64 % colors;
        (0..width * height).map(|i| value(i) as u8).collect()
    }

    #[test]
    fn of_the_candidates_the_one_is_taken_that_makes_the_smallest_file() {
        for indices in [slope(200, 150, 100), tiles(200, 150, 100)] {
            let colors = some_colors(100, |_| 255);
            let layouts = layout::candidates(&picture(200, 150, &colors, &indices), false);
            let sizes = layouts.iter().flat_map(|layout| {
                let rows = layout.rows(&indices, 200);
                Filter::FOR_INDICES.map(|filter| {
                    let file = file(200, 150, layout, &filter.apply(&rows), 0, Effort::Balanced);
                    file.unwrap().len()
                })
            });
            let sizes: Vec<_> = sizes.collect();
            let found = indexed(200, 150, &colors, &indices, PLAIN).unwrap().len();
            // It is judged by a fast deflate.
            assert!(found * 100 <= sizes.into_iter().min().unwrap() * 102);
        }
        for pixels in [slope(300, 150, 256), tiles(300, 150, 256)] {
            let sizes = Filter::FOR_CHANNELS.map(|filter| {
                let layout = Layout::of_channels(false);
                let rows = Rows::of_channels(&pixels, 300, 3);
                let file = file(100, 150, &layout, &filter.apply(&rows), 0, Effort::Balanced);
                file.unwrap().len()
            });
            let found = full_color(100, 150, false, &pixels, PLAIN).unwrap().len();
            assert!(found * 100 <= sizes.into_iter().min().unwrap() * 102);
        }
    }

    #[test]
    fn what_repeats_over_many_rows_is_not_cut_into_parts_that_each_spell_it_out() {
        let tile = |i: usize| i % 800 % 400 + i / 800 % 40 * 400;
        let texture = |i: usize| ((tile(i).pow(3) * 7919) >> 16) as u8 % 16;
        let indices: Vec<u8> = (0..800 * 600).map(texture).collect();
        let colors = some_colors(16, |_| 255);
        let found = indexed(800, 600, &colors, &indices, PLAIN).unwrap().len();
        let sizes = layout::candidates(&picture(800, 600, &colors, &indices), false);
        let sizes = sizes.iter().map(|layout| {
            let filtered = Filter::None.apply(&layout.rows(&indices, 800));
            let whole = file(800, 600, layout, &filtered, 0, Effort::Balanced);
            whole.unwrap().len()
        });
        assert!(found * 100 <= sizes.min().unwrap() * 102);
    }

    #[test]
    fn a_sample_counts_for_the_whole_and_a_palette_once() {
        let rows = Rows::of_channels(&[1, 2, 3, 4, 5, 6], 3, 1);
        let of = |color: &Color, total| estimate(&rows, Filter::None, color, total, 100);
        assert!(of(&Color::Gray, 100) > 0);
        assert_eq!(of(&Color::Gray, 300), 3 * of(&Color::Gray, 100));
        // Length, name and checksum, and three bytes for each entry.
        let palette = Color::Indexed(some_colors(5, |_| 255));
        assert_eq!(of(&palette, 300), of(&Color::Gray, 300) + 12 + 15);
    }

    #[test]
    fn grays_have_a_palette_where_an_order_that_suits_the_picture_is_worth_it() {
        let grays: Vec<[u8; 4]> = (0..=255).map(|i| [i, i, i, 255]).collect();
        // Neighbors on the slope, whose numbers are 101 apart, become grays far from each other.
        let gray = |number: u8| number.wrapping_mul(109).reverse_bits();
        let indices: Vec<u8> = slope(300, 200, 256).into_iter().map(gray).collect();
        let file = indexed(300, 200, &grays, &indices, PLAIN).unwrap();
        assert_eq!(file[25], 3, "color type 3 is indexed");
    }

    #[test]
    fn a_file_is_the_same_for_any_number_of_threads() {
        let in_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let colors = some_colors(128, |_| 255);
            let indices = slope(300, 200, 128);
            pool.unwrap().install(|| {
                [PLAIN, OPTIMIZED]
                    .map(|options| indexed(300, 200, &colors, &indices, options).unwrap())
            })
        };
        assert_eq!(in_threads(1), in_threads(3));
    }

    #[test]
    fn full_color_pixels_are_the_same_with_and_without_alpha() {
        for (width, height) in [(1, 1), (1, 7), (9, 1), (50, 33)] {
            for channels in [3, 4] {
                let pixels = slope(width * channels, height, 256);
                let expected: Vec<[u8; 4]> = pixels
                    .chunks(channels)
                    .map(|p| [p[0], p[1], p[2], if channels == 4 { p[3] } else { 255 }])
                    .collect();
                for options in [PLAIN, OPTIMIZED] {
                    let (width, height) = (width as u32, height as u32);
                    let file = full_color(width, height, channels == 4, &pixels, options);
                    assert_eq!(decoded(&file.unwrap()), expected);
                }
            }
        }
    }

    #[test]
    fn a_picture_larger_than_png_holds_is_refused() {
        let layout = Layout::of_channels(false);
        let error = Container::new(1 << 31, 1, &layout).err().unwrap();
        assert!(error.to_string().contains("at most 2147483647 pixels"));
    }

    #[test]
    fn what_is_written_is_what_this_library_reads() {
        let picture = Picture::new(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(
            decode(
                &picture.encode_png(PLAIN).unwrap(),
                None,
                &DecodeOptions::default()
            )
            .unwrap()
            .picture,
            picture
        );
    }
}
