//! Pixels to distinct colors in linear time, without a hash table and without a sort.
//!
//! A bitmap with one bit for each of the 2^24 colors, in Morton order, is filled from the pixels.
//! The number of bits set before a color's own is that color's rank (Jacobson, "Space-efficient
//! static trees and graphs", FOCS 1989: a count per word, the rest by counting bits), and ranks are
//! the rows of the distinct colors in Morton order.

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::{Picture, simd::vectorize};

/// Words of the bitmap.
const WORDS: usize = 1 << 18;

/// Each thread fills a bitmap of 2 MiB of its own: not worth it for fewer pixels, and no more of
/// them than this.
const MIN_PIXELS_PER_PART: usize = 1 << 16;
const MAX_PARTS: usize = 16;

/// `SPREAD[v]` has bit b of the byte v at place 3b.
const SPREAD: [u32; 256] = {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[value] |= ((value as u32 >> bit) & 1) << (3 * bit);
            bit += 1;
        }
        value += 1;
    }
    table
};

/// The Morton key of a color: bit b of red, green and blue at the places 3b + 2, 3b + 1 and 3b.
#[inline(always)]
fn key_of([r, g, b]: [u8; 3]) -> u32 {
    SPREAD[usize::from(r)] << 2 | SPREAD[usize::from(g)] << 1 | SPREAD[usize::from(b)]
}

/// The color of a Morton key.
pub(super) fn color_of(key: u32) -> [u8; 3] {
    [2, 1, 0].map(|place| {
        let bits = (key >> place) & 0x0024_9249;
        let bits = (bits | bits >> 2) & 0x000c_30c3;
        let bits = (bits | bits >> 4) & 0x0000_f00f;
        (bits | bits >> 8) as u8
    })
}

/// The Morton keys of the distinct colors, ascending; how many pixels have each; and the place of
/// each pixel's color among them.
pub(super) fn distinct(pixels: &[[u8; 3]]) -> (Vec<u32>, Vec<f64>, Vec<u32>) {
    let parts =
        (pixels.len() / MIN_PIXELS_PER_PART).clamp(1, rayon::current_num_threads().min(MAX_PARTS));
    let part = pixels.len().div_ceil(parts);
    let mut color_of_pixel = vec![0; pixels.len()];

    let bitmaps: Vec<Vec<u64>> = pixels
        .par_chunks(part)
        .zip(color_of_pixel.par_chunks_mut(part))
        .map(|(pixels, keys)| {
            let mut bitmap = vec![0u64; WORDS];
            for (&pixel, key) in pixels.iter().zip(keys) {
                *key = key_of(pixel);
                bitmap[*key as usize >> 6] |= 1 << (*key & 63);
            }
            bitmap
        })
        .collect();
    let mut bitmaps = bitmaps.into_iter();
    let mut bitmap = bitmaps.next().expect("a picture has a pixel");
    for other in bitmaps {
        bitmap
            .par_iter_mut()
            .with_min_len(WORDS / 8)
            .zip(other)
            .for_each(|(word, other)| *word |= other);
    }

    let (keys, ranks) = vectorize(Rank { bitmap: &bitmap });
    let n = keys.len();
    let counts_of_parts: Vec<Vec<u32>> = color_of_pixel
        .par_chunks_mut(part)
        .map(|keys| {
            vectorize(Place {
                bitmap: &bitmap,
                ranks: &ranks,
                n,
                keys,
            })
        })
        .collect();
    let mut counts = vec![0.0; n];
    for part in counts_of_parts {
        for (total, count) in counts.iter_mut().zip(part) {
            *total += f64::from(count);
        }
    }
    (keys, counts, color_of_pixel)
}

/// The distinct colors of a picture of any kind, with or without alpha, on the scale 0 to 255; how many
/// pixels have each; and the place of each pixel's color among them. Their keys are too many for a
/// bitmap, so they are sorted. Without alpha an invisible color is black, as it is with alpha.
pub(super) fn of_any_kind(picture: &Picture, alpha: bool) -> (Vec<[f64; 4]>, Vec<f64>, Vec<u32>) {
    let key = |pixel: usize| {
        let [r, g, b, a] = picture
            .rgba(pixel)
            .map(|value| (value * 257.0).round() as u64);
        match a {
            0 if alpha => 0,
            0 => 0xffff,
            _ => r << 48 | g << 32 | b << 16 | if alpha { a } else { 0xffff },
        }
    };
    let keys = || (0..picture.len()).into_par_iter().map(key);
    let mut sorted: Vec<u64> = keys().collect();
    sorted.par_sort_unstable();
    let (mut distinct, mut counts) = (Vec::new(), Vec::<f64>::new());
    for key in sorted {
        if distinct.last() == Some(&key) {
            *counts.last_mut().expect("each color has a count") += 1.0;
        } else {
            distinct.push(key);
            counts.push(1.0);
        }
    }
    let place = |key| distinct.binary_search(&key).expect("every color is listed") as u32;
    let color_of_pixel = keys().map(place).collect();
    let channel = |key: u64, shift: u32| f64::from((key >> shift) as u16) / 257.0;
    let color = |&key: &u64| [48, 32, 16, 0].map(|shift| channel(key, shift));
    (distinct.iter().map(color).collect(), counts, color_of_pixel)
}

/// All keys in the bitmap, ascending, and for each word how many bits are set before it.
struct Rank<'a> {
    bitmap: &'a [u64],
}

impl NullaryFnOnce for Rank<'_> {
    type Output = (Vec<u32>, Vec<u32>);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut ranks = Vec::with_capacity(self.bitmap.len());
        let mut rank = 0;
        for word in self.bitmap {
            ranks.push(rank);
            rank += word.count_ones();
        }
        let mut keys = Vec::with_capacity(rank as usize);
        for (i, &word) in self.bitmap.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                keys.push((i as u32) << 6 | rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
        (keys, ranks)
    }
}

/// Replaces each key by its rank, and counts how often each rank occurs.
struct Place<'a> {
    bitmap: &'a [u64],
    ranks: &'a [u32],
    n: usize,
    keys: &'a mut [u32],
}

impl NullaryFnOnce for Place<'_> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn call(self) -> Vec<u32> {
        let mut counts = vec![0; self.n];
        for key in self.keys {
            let word = *key as usize >> 6;
            let before = self.bitmap[word] & ((1 << (*key & 63)) - 1);
            *key = self.ranks[word] + before.count_ones();
            counts[*key as usize] += 1;
        }
        counts
    }
}
