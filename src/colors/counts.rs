//! Distinct colors of many pictures, added up.

use std::{collections::BTreeMap, sync::Arc};

use super::distinct::{Distinct, Keys};
use crate::{
    Error, Result,
    morton::{color_of, key_of},
};

/// Opaque colors of 8 bits a channel.
const BYTE_COLORS: usize = 1 << 24;

/// The most pixels that are counted: those that a signed integer of 64 bits, as tables have it, can
/// hold.
const MAX_TOTAL: u64 = i64::MAX as u64;

/// How many pixels have each color, of any number of pictures.
///
/// Colors that are added in another order, or by way of other tables, give the same counts. Memory is
/// bounded by the distinct colors: 128 MiB for all opaque ones of 8 bits a channel, of which the system
/// gives what is used; some tens of bytes for each of the others.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Of opaque colors of 8 bits a channel, by Morton key; empty as long as there are none.
    bytes: Vec<u64>,
    /// Of all other colors, by key.
    words: BTreeMap<u64, u64>,
    total: u64,
}

impl Counts {
    /// Adds the pixels of `distinct`.
    ///
    /// # Errors
    /// When that makes more than 2^63 - 1 pixels; nothing is added then.
    pub fn add(&mut self, distinct: &Distinct) -> Result<()> {
        // Whole numbers, of pixels that were in memory.
        let counts = distinct.counts().iter().map(|&count| count as u64);
        self.grow(counts.clone().sum())?;
        match &distinct.keys {
            Keys::Bytes(keys) => {
                let bytes = self.bytes();
                for (&key, count) in keys.iter().zip(counts) {
                    bytes[key as usize] += count;
                }
            }
            Keys::Words(keys) => {
                for (&key, count) in keys.iter().zip(counts) {
                    match opaque_bytes(key) {
                        Some(color) => self.bytes()[key_of(color) as usize] += count,
                        None => *self.words.entry(key).or_default() += count,
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds `count` pixels of an opaque color.
    ///
    /// # Errors
    /// When that makes more than 2^63 - 1 pixels; nothing is added then.
    pub fn add_color(&mut self, color: [u8; 3], count: u64) -> Result<()> {
        self.grow(count)?;
        self.bytes()[key_of(color) as usize] += count;
        Ok(())
    }

    /// Pixels.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What has been counted.
    ///
    /// # Errors
    /// When that is nothing.
    pub fn into_distinct(self) -> Result<Distinct> {
        if self.total == 0 {
            return Err(Error::Invalid("there are no colors".to_owned()));
        }
        let bytes = self.bytes.iter().enumerate();
        let bytes = bytes.filter(|&(_, &count)| count > 0);
        if self.words.is_empty() {
            let (keys, counts): (Vec<_>, _) = bytes
                .map(|(key, &count)| (key as u32, count as f64))
                .unzip();
            return Ok(Distinct::new(Keys::Bytes(Arc::new(keys)), counts));
        }
        let mut words = self.words;
        words.extend(bytes.map(|(key, &count)| (words_of(color_of(key as u32)), count)));
        let counts = words.values().map(|&count| count as f64).collect();
        let keys = Keys::Words(words.into_keys().collect());
        Ok(Distinct::new(keys, counts))
    }

    fn bytes(&mut self) -> &mut [u64] {
        if self.bytes.is_empty() {
            self.bytes = vec![0; BYTE_COLORS];
        }
        &mut self.bytes
    }

    fn grow(&mut self, pixels: u64) -> Result<()> {
        let total = self.total.checked_add(pixels);
        self.total = total.filter(|&total| total <= MAX_TOTAL).ok_or_else(|| {
            Error::Invalid("more than 2^63 - 1 pixels, which cannot be counted".to_owned())
        })?;
        Ok(())
    }
}

/// The color of a key, if it is opaque and 8 bits a channel say it all.
fn opaque_bytes(key: u64) -> Option<[u8; 3]> {
    let [r, g, b, a] = [48, 32, 16, 0].map(|shift| (key >> shift) as u16);
    let is_byte = |value: u16| value.is_multiple_of(257);
    (a == u16::MAX && [r, g, b].into_iter().all(is_byte)).then(|| [r, g, b].map(|v| (v >> 8) as u8))
}

/// The key of 16 bits a channel of an opaque color.
fn words_of(color: [u8; 3]) -> u64 {
    let [r, g, b] = color.map(|value| u64::from(value) * 257);
    r << 48 | g << 32 | b << 16 | 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colors, Picture, Space, picture::Pixels, testing::noise};

    /// 30 x 20 pixels, of 16 bits a channel where `fine`, not all opaque.
    fn soft(bits: u32, fine: bool) -> Picture {
        let noise = noise(30, 20, bits);
        let pixels = noise.over_white().into_owned().into_iter();
        let soft = pixels.map(|[r, g, b]| [r, g, b, (b & 3) * 85]);
        let pixels = if fine {
            Pixels::Rgba16(
                soft.map(|pixel| pixel.map(|value| u16::from(value) * 255))
                    .collect(),
            )
        } else {
            Pixels::Rgba8(soft.collect())
        };
        Picture::from_pixels(30, 20, pixels).unwrap()
    }

    /// A picture with the pixels of both.
    fn joined(a: &Picture, b: &Picture) -> Picture {
        let pixels = [a, b].map(|picture| {
            (0..picture.len()).map(|i| picture.rgba(i).map(|value| (value * 257.0).round() as u16))
        });
        let pixels: Vec<_> = pixels.into_iter().flatten().collect();
        Picture::from_pixels(pixels.len() as u32, 1, Pixels::Rgba16(pixels)).unwrap()
    }

    fn counted(pictures: &[&Picture]) -> Distinct {
        let mut counts = Counts::default();
        for picture in pictures {
            counts.add(&Distinct::of(picture)).unwrap();
        }
        counts.into_distinct().unwrap()
    }

    fn assert_colors_agree<const D: usize>(distinct: &Distinct, whole: &Picture) {
        for space in [Space::Srgb, Space::Oklab] {
            let (colors, place) = Colors::<D>::of_distinct(distinct.clone(), space);
            let (expected, _) = Colors::<D>::in_space(whole, space);
            assert_eq!(colors.points(), expected.points());
            assert_eq!(colors.counts(), expected.counts());
            for (i, (color, _)) in distinct.colors().enumerate() {
                let row = place.as_ref().map_or(i, |place| place[i] as usize);
                assert_eq!(colors.point(row), space.point::<D>(color));
            }
        }
    }

    #[test]
    fn counts_of_pictures_are_those_of_one_picture_with_all_the_pixels() {
        let opaque = [noise(60, 50, 4), noise(70, 20, 8)];
        let fine = Pixels::Rgb16(vec![[1, 2, 3], [257, 514, 0], [1, 2, 3]]);
        let fine = Picture::from_pixels(3, 1, fine).unwrap();
        for (a, b) in [
            (&opaque[0], &opaque[1]),
            (&opaque[0], &fine),
            (&soft(4, false), &soft(3, true)),
            (&soft(2, false), &opaque[1]),
        ] {
            let whole = joined(a, b);
            let distinct = counted(&[a, b]);
            assert_eq!(distinct.has_alpha(), whole.has_alpha());
            assert_colors_agree::<3>(&distinct, &whole);
            assert_colors_agree::<4>(&distinct, &whole);
            let backwards = counted(&[b, a]);
            assert!(distinct.colors().eq(backwards.colors()));
        }
    }

    #[test]
    fn colors_of_a_table_are_those_of_the_picture_that_it_was_made_of() {
        let picture = noise(40, 40, 3);
        let mut counts = Counts::default();
        for &pixel in picture.over_white().iter() {
            counts.add_color(pixel, 1).unwrap();
        }
        assert_eq!(counts.total(), 1600);
        assert_colors_agree::<3>(&counts.into_distinct().unwrap(), &picture);
    }

    #[test]
    fn what_cannot_be_counted_is_refused_and_so_is_nothing() {
        let mut counts = Counts::default();
        assert!(counts.clone().into_distinct().is_err());
        counts.add_color([1, 2, 3], MAX_TOTAL).unwrap();
        assert!(counts.add_color([1, 2, 3], 1).is_err());
        assert!(counts.add(&Distinct::of(&noise(1, 1, 8))).is_err());
        assert_eq!(counts.total(), MAX_TOTAL);
        assert!(counts.add_color([0; 3], u64::MAX).is_err());
    }
}
