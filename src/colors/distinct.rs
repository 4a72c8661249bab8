//! Pixels to distinct colors: of 8-bit RGB in linear time, without a hash table and without a sort.
//!
//! Where no decoder has made a [tally](crate::picture::Tally), a bitmap with one bit for each of the 2^24
//! colors, in Morton order, is filled from the pixels. The [ranks](crate::bits::Ranks) of the bits are the
//! rows of the distinct colors.

use std::sync::Arc;

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::{
    Picture,
    bits::{Ranks, ones},
    morton::{self, KEYS, channel_of, color_of},
    picture::Pixels,
    simd::{LANES, vectorize},
};

/// Words of the bitmap.
const WORDS: usize = KEYS / 64;

/// Words of a page of it, which has the colors of a cube of 32 to a side. Memory that nothing was written
/// to costs nothing as long as it is not read either: pages without a color, most of a picture's, are
/// passed over.
const PAGE: usize = 1 << 9;

/// Pixels whose keys are computed at once.
const BATCH: usize = 1 << 10;

/// Each thread fills a bitmap of 2 MiB of its own: not worth it for fewer pixels, and no more of
/// them than this.
const MIN_PIXELS_PER_PART: usize = 1 << 16;
const MAX_PARTS: usize = 16;

/// Distinct colors, ascending by keys of one of two kinds.
#[derive(Clone, Debug)]
pub(super) enum Keys {
    /// Of opaque colors with 8 bits a channel, in Morton order.
    Bytes(Arc<Vec<u32>>),
    /// Of colors of any kind: 16 bits each of red, green, blue and alpha, the first the highest. All
    /// that is invisible has the key 0.
    Words(Vec<u64>),
}

impl Keys {
    /// The color of the key at `i`, on the scale 0 to 255.
    pub(super) fn color(&self, i: usize) -> [f64; 4] {
        match self {
            Self::Bytes(keys) => color_of_bytes(keys[i]),
            Self::Words(keys) => color_of_words(keys[i]),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(keys) => keys.len(),
            Self::Words(keys) => keys.len(),
        }
    }
}

/// Distinct colors, at least one, and how many pixels have each: of a picture, or of many that
/// [`Counts`](super::Counts) added up.
#[derive(Clone, Debug)]
pub struct Distinct {
    pub(super) keys: Keys,
    /// (n + LANES,), the last LANES of them zeros.
    counts: Arc<Vec<f64>>,
}

impl Distinct {
    /// Of these keys and their `counts`.
    pub(super) fn new(keys: Keys, mut counts: Vec<f64>) -> Self {
        counts.resize(keys.len() + LANES, 0.0);
        let counts = Arc::new(counts);
        Self { keys, counts }
    }

    /// The distinct colors of `picture`.
    pub fn of(picture: &Picture) -> Self {
        Self::with_places(picture).0
    }

    /// The distinct colors of `picture`, and the place of each pixel's color among them, where no tally of
    /// the picture tells it.
    pub(super) fn with_places(picture: &Picture) -> (Self, Option<Vec<u32>>) {
        if let Some((tally, _)) = picture.tally() {
            let distinct = Self {
                keys: Keys::Bytes(tally.keys().clone()),
                counts: tally.counts().clone(),
            };
            return (distinct, None);
        }
        let (distinct, places) = match picture.pixels() {
            Pixels::Rgb8(pixels) => of_bytes(pixels),
            _ => of_any_kind(picture),
        };
        (distinct, Some(places))
    }

    /// How many colors there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always a color")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many pixels have each color.
    pub(super) fn counts(&self) -> &[f64] {
        &self.counts[..self.len()]
    }

    /// The keys, and the counts with LANES zeros.
    pub(super) fn into_parts(self) -> (Keys, Arc<Vec<f64>>) {
        (self.keys, self.counts)
    }

    /// Whether some color is not opaque.
    pub fn has_alpha(&self) -> bool {
        match &self.keys {
            Keys::Bytes(_) => false,
            Keys::Words(keys) => keys.iter().any(|key| key & 0xffff < 0xffff),
        }
    }

    /// The colors as sRGB with straight alpha, all four on the scale 0 to 255, and the pixels of
    /// each.
    pub fn colors(&self) -> impl Iterator<Item = ([f64; 4], f64)> {
        let counts = self.counts().iter().enumerate();
        counts.map(|(i, &count)| (self.keys.color(i), count))
    }
}

/// The color of a key of 16 bits a channel, on the scale 0 to 255.
fn color_of_words(key: u64) -> [f64; 4] {
    [48, 32, 16, 0].map(|shift| f64::from((key >> shift) as u16) / 257.0)
}

/// The color of a Morton key, on the scale 0 to 255.
fn color_of_bytes(key: u32) -> [f64; 4] {
    let [r, g, b] = color_of(key).map(f64::from);
    [r, g, b, 255.0]
}

/// Fills the first rows of a column with one channel of the colors of Morton keys.
pub(super) struct Column<'a> {
    pub channel: usize,
    pub keys: &'a [u32],
    pub values: &'a mut [f64],
}

impl NullaryFnOnce for Column<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (value, &key) in self.values.iter_mut().zip(self.keys) {
            *value = f64::from(channel_of(key, self.channel));
        }
    }
}

fn of_bytes(pixels: &[[u8; 3]]) -> (Distinct, Vec<u32>) {
    let parts =
        (pixels.len() / MIN_PIXELS_PER_PART).clamp(1, rayon::current_num_threads().min(MAX_PARTS));
    let part = pixels.len().div_ceil(parts);
    let mut color_of_pixel = vec![0; pixels.len()];

    let bitmaps: Vec<Bitmap> = pixels
        .par_chunks(part)
        .zip(color_of_pixel.par_chunks_mut(part))
        .map(|(pixels, keys)| {
            let mut bitmap = Bitmap::empty();
            let batches = pixels.chunks(BATCH).zip(keys.chunks_mut(BATCH));
            for (pixels, keys) in batches {
                vectorize(morton::Keys { pixels, keys });
                for &mut key in keys {
                    bitmap.insert(key);
                }
            }
            bitmap
        })
        .collect();
    let mut bitmaps = bitmaps.into_iter();
    let mut bitmap = bitmaps.next().expect("a picture has a pixel");
    for other in bitmaps {
        bitmap.insert_all(&other);
    }

    let (keys, ranks) = vectorize(Rank { bitmap });
    let counts_of_parts: Vec<Vec<u32>> = color_of_pixel
        .par_chunks_mut(part)
        .map(|keys| {
            vectorize(Place {
                ranks: &ranks,
                keys,
            })
        })
        .collect();
    let mut counts = vec![0.0; keys.len() + LANES];
    for part in counts_of_parts {
        for (total, count) in counts.iter_mut().zip(part) {
            *total += f64::from(count);
        }
    }
    let keys = Keys::Bytes(Arc::new(keys));
    (Distinct::new(keys, counts), color_of_pixel)
}

/// Such keys are too many for a bitmap, so they are sorted.
fn of_any_kind(picture: &Picture) -> (Distinct, Vec<u32>) {
    let key = |pixel: usize| {
        let [r, g, b, a] = picture
            .rgba(pixel)
            .map(|value| (value * 257.0).round() as u64);
        match a {
            0 => 0,
            _ => r << 48 | g << 32 | b << 16 | a,
        }
    };
    let keys = || (0..picture.len()).into_par_iter().map(key);
    let mut sorted: Vec<u64> = keys().collect();
    sorted.par_sort_unstable();
    let runs = || sorted.chunk_by(|a, b| a == b);
    let mut counts = Vec::with_capacity(runs().count() + LANES);
    counts.extend(runs().map(|run| run.len() as f64));
    let mut distinct = sorted;
    distinct.dedup();
    distinct.shrink_to_fit();
    let place = |key| distinct.binary_search(&key).expect("every color is listed") as u32;
    let color_of_pixel = keys().map(place).collect();
    let keys = Keys::Words(distinct);
    (Distinct::new(keys, counts), color_of_pixel)
}

/// A set of Morton keys: a bit for each.
struct Bitmap {
    words: Vec<u64>,
    /// Whether there is a key in a page.
    is_used: Vec<bool>,
}

impl Bitmap {
    fn empty() -> Self {
        Self {
            words: vec![0; WORDS],
            is_used: vec![false; WORDS / PAGE],
        }
    }

    fn insert(&mut self, key: u32) {
        let word = key as usize >> 6;
        self.words[word] |= 1 << (key & 63);
        self.is_used[word / PAGE] = true;
    }

    fn insert_all(&mut self, other: &Self) {
        let others = other.words.par_chunks(PAGE).zip(&other.is_used);
        let pages = self.words.par_chunks_mut(PAGE).zip(&mut self.is_used);
        let pages = pages.zip(others).with_min_len(WORDS / PAGE / 8);
        pages.for_each(|((page, is_used), (other, other_is_used))| {
            if *other_is_used {
                *is_used = true;
                for (word, other) in page.iter_mut().zip(other) {
                    *word |= other;
                }
            }
        });
    }
}

/// All keys in the bitmap, ascending, and their ranks.
struct Rank {
    bitmap: Bitmap,
}

impl NullaryFnOnce for Rank {
    type Output = (Vec<u32>, Ranks);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let Bitmap { words, is_used } = self.bitmap;
        let pages = is_used.iter().enumerate();
        let used = pages.filter(|(_, is_used)| **is_used);
        let order = used.flat_map(|(page, _)| page * PAGE..(page + 1) * PAGE);
        let ranks = Ranks::new(words, order.clone());
        let mut keys = Vec::with_capacity(ranks.len());
        for word in order {
            let first = (word as u32) << 6;
            keys.extend(ones(ranks.words()[word]).map(|bit| first | bit));
        }
        (keys, ranks)
    }
}

/// Replaces each key by its rank, and counts how often each rank occurs.
struct Place<'a> {
    ranks: &'a Ranks,
    keys: &'a mut [u32],
}

impl NullaryFnOnce for Place<'_> {
    type Output = Vec<u32>;

    #[inline(always)]
    fn call(self) -> Vec<u32> {
        let mut counts = vec![0; self.ranks.len()];
        for key in self.keys {
            *key = self.ranks.rank(*key as usize >> 6, *key);
            counts[*key as usize] += 1;
        }
        counts
    }
}
