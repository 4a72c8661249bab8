//! Pixels to distinct colors.

use std::sync::Arc;

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use crate::{
    Picture,
    morton::{channel_of, color_of},
    picture::Pixels,
    simd::LANES,
};

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

    /// The distinct colors of `picture`, and the place of each pixel's color among them where the tally of
    /// the picture does not tell it. Keys of any kind are too many for a tally, so they are sorted.
    pub(super) fn with_places(picture: &Picture) -> (Self, Option<Vec<u32>>) {
        if let Pixels::Rgb8(pixels) = picture.pixels() {
            let tally = picture.tally_of(pixels);
            let distinct = Self {
                keys: Keys::Bytes(tally.keys().clone()),
                counts: tally.counts().clone(),
            };
            return (distinct, None);
        }
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
        (Self::new(keys, counts), Some(color_of_pixel))
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
