//! How much work deflate does.
//!
//! Levels are `libdeflate`'s. From level 10 on it looks for a nearly optimal parse, which on
//! indices is worth 6 to 7 % over level 9 for about a third more time: well spent on a picture
//! for a page, too long on one of many megapixels.
//!
//! Parts are compressed side by side and [put after each other](open()); none looks back into the
//! one before.

use std::sync::atomic::{AtomicUsize, Ordering};

use libdeflater::{CompressionLvl, Compressor, adler32};
use rayon::prelude::*;

use super::{failed, open::open};
use crate::{Effort, Result};

/// Sees differences between candidates, in a millisecond.
const LEVEL_TO_JUDGE: i32 = 5;

/// Bytes of a part at least, and bytes that it deflates to, about. Each part begins with nothing to look
/// back to: up to the window of 32 KiB, text and patterns have to be spelled out once more.
const FEWEST_BYTES: usize = 96 << 10;
const FEWEST_DEFLATED: usize = 32 << 10;

/// What deflates to no less than a quarter, as photos do, has little to look back to: its parts may have
/// half of these bytes.
const HARDLY_REPEATS: usize = 4;

/// Where parts deflate to less, what cuts cost is [measured](cost_of_cuts): down to these bytes, at so many
/// places, and a part of 200 is what they may cost.
const FEWEST_WHERE_CUTS_ARE_CHEAP: usize = 8 << 10;
const CUTS_TO_JUDGE: usize = 4;
const CHEAP: usize = 200;

/// How far deflate looks back.
const WINDOW: usize = 32 << 10;

/// Bytes that deflate to fewer than this take little time for their number.
const LITTLE: usize = 1_000_000;

/// More threads than these parts are rare, and each cut costs.
const MOST_PARTS: usize = 16;

/// Deflate with a window of 32 KiB (RFC 1950, section 2.2). The second byte also speaks of the level,
/// which nobody asks for.
const ZLIB_HEADER: [u8; 2] = [0x78, 0xDA];

/// The level at which so many bytes take some tenths of a second at most; in haste some hundredths. Of
/// bytes that deflate to little, more can be had in the same time: for the most bytes level 6 takes hardly
/// longer than 3, whatever the haste.
fn level(bytes: usize, estimated: usize, effort: Effort) -> i32 {
    let is_little = estimated < LITTLE;
    match bytes {
        ..1_000_000 if effort == Effort::Fast => 7,
        ..1_000_000 => 10,
        1_000_000..4_000_000 => 8,
        4_000_000..16_000_000 if is_little && effort > Effort::Fast => 8,
        4_000_000..16_000_000 => 6,
        _ if is_little => 6,
        _ => 3,
    }
}

/// About how many bytes `data` deflates to.
pub fn estimate(data: &[u8]) -> usize {
    // What cannot be judged is not chosen; libdeflate never fails with room for its bound.
    deflate(data, LEVEL_TO_JUDGE).map_or(usize::MAX >> 32, |stream| stream.len())
}

/// How many parts `data` has, which deflates to about `estimated` bytes.
fn parts(data: &[u8], estimated: usize, effort: Effort) -> usize {
    let parts = |fewest_bytes, fewest_deflated| {
        let parts = usize::min(data.len() / fewest_bytes, estimated / fewest_deflated);
        parts.clamp(1, MOST_PARTS)
    };
    if estimated >= data.len() / HARDLY_REPEATS {
        return parts(FEWEST_BYTES / 2, FEWEST_DEFLATED / 2);
    }
    let usual = parts(FEWEST_BYTES, FEWEST_DEFLATED);
    let more = parts(FEWEST_BYTES, FEWEST_WHERE_CUTS_ARE_CHEAP);
    let is_worth_asking = more > usual && effort > Effort::Fast;
    if is_worth_asking && cost_of_cuts(data, more) <= estimated / CHEAP {
        return more;
    }
    usual
}

/// About how many bytes more `data` deflates to in so many parts, at least two.
fn cost_of_cuts(data: &[u8], parts: usize) -> usize {
    let cuts = parts - 1;
    let judged = cuts.min(CUTS_TO_JUDGE);
    let part = data.len().div_ceil(parts);
    let cost = |i: usize| {
        let cut = part * (1 + i * cuts / judged);
        let (first, end) = (cut.saturating_sub(WINDOW), data.len().min(cut + WINDOW));
        let apart = estimate(&data[first..cut]) + estimate(&data[cut..end]);
        apart.saturating_sub(estimate(&data[first..end]))
    };
    (0..judged).into_par_iter().map(cost).sum::<usize>() * cuts / judged
}

/// `data`, of at least one byte, as a zlib stream (RFC 1950), as small as its size and the effort let it
/// be in good time, which depends on what it is `estimated` to deflate to.
///
/// # Errors
/// When deflate fails.
pub fn best(data: &[u8], estimated: usize, effort: Effort) -> Result<Vec<u8>> {
    let level = level(data.len(), estimated, effort);
    let part = data.len().div_ceil(parts(data, estimated, effort));
    let parts: Vec<&[u8]> = data.chunks(part).collect();
    // Whoever is free takes the next part: in order, threads end closer to each other than where each
    // has its half and takes from the other's.
    let next = AtomicUsize::new(0);
    let mut streams = parts
        .par_iter()
        .with_max_len(1)
        .map(|_| {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let part = parts[i];
            let stream = deflate(part, level)?;
            let is_last = i + 1 == parts.len();
            Ok((i, if is_last { stream } else { open(stream, part)? }))
        })
        .collect::<Result<Vec<(usize, Vec<u8>)>>>()?;
    streams.sort_unstable_by_key(|&(i, _)| i);
    let checksum = adler32(data).to_be_bytes();
    let deflated: usize = streams.iter().map(|(_, stream)| stream.len()).sum();
    let mut stream = Vec::with_capacity(ZLIB_HEADER.len() + deflated + checksum.len());
    stream.extend(ZLIB_HEADER);
    for (_, part) in streams {
        stream.extend(part);
    }
    stream.extend(checksum);
    Ok(stream)
}

fn deflate(data: &[u8], level: i32) -> Result<Vec<u8>> {
    let level = CompressionLvl::new(level).unwrap_or_default();
    let mut compressor = Compressor::new(level);
    let mut stream = vec![0; compressor.deflate_compress_bound(data.len())];
    let length = compressor
        .deflate_compress(data, &mut stream)
        .map_err(failed)?;
    stream.truncate(length);
    // Those of all parts are there at a time.
    stream.shrink_to_fit();
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use libdeflater::Decompressor;

    use super::*;

    /// What does not deflate at all.
    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let byte = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        (0..bytes).map(byte).collect()
    }

    #[test]
    fn the_parts_of_data_of_any_size_are_one_stream() {
        let byte = |i: usize| (i / 7 * (i % 77) % 251) as u8;
        let data: Vec<u8> = (0..40 * FEWEST_BYTES + 7).map(byte).collect();
        for (size, count) in [
            (1, 1),
            (FEWEST_BYTES - 1, 1),
            (FEWEST_BYTES, 2),
            (5 * FEWEST_BYTES + 3, 10),
            (data.len(), MOST_PARTS),
        ] {
            let data = &data[..size];
            for effort in [Effort::Fast, Effort::Balanced] {
                assert_eq!(parts(data, usize::MAX, effort), count);
                let [many, one] = [usize::MAX, 0].map(|estimated| best(data, estimated, effort));
                let (many, one) = (many.unwrap(), one.unwrap());
                let mut decoded = vec![0; size];
                // The checksum is compared, too.
                let length = Decompressor::new().zlib_decompress(&many, &mut decoded);
                assert_eq!(length, Ok(size));
                assert!(decoded == data, "{size} bytes");
                assert_eq!(many != one, count > 1);
            }
        }
    }

    #[test]
    fn what_deflates_to_little_has_few_parts() {
        let parts_of = |data: &[u8], deflated: &[usize]| -> Vec<usize> {
            let parts = |&deflated| parts(data, deflated, Effort::Fast);
            deflated.iter().map(parts).collect()
        };
        let deflated = [2 * FEWEST_DEFLATED - 1, 2 * FEWEST_DEFLATED];
        assert_eq!(parts_of(&noise(100 * FEWEST_BYTES), &deflated), [1, 2]);
        let data = noise(6 * FEWEST_BYTES);
        let border = data.len() / HARDLY_REPEATS;
        assert_eq!(parts_of(&data, &[border - 1, border]), [4, 9]);
    }

    #[test]
    fn cuts_that_cost_nothing_are_made_and_those_that_tear_what_repeats_are_not() {
        let noise = noise(6 * FEWEST_BYTES);
        let tile = &noise[..WINDOW / 2];
        let tiles: Vec<u8> = tile.iter().copied().cycle().take(noise.len()).collect();
        let estimated = 3 * FEWEST_WHERE_CUTS_ARE_CHEAP;
        let parts = |data, effort| parts(data, estimated, effort);
        assert_eq!(parts(&noise, Effort::Balanced), 3);
        assert_eq!(parts(&tiles, Effort::Balanced), 1);
        assert_eq!(parts(&noise, Effort::Fast), 1, "not asked in haste");
        // Each part has the tile anew.
        let cost = cost_of_cuts(&tiles, 3) as f64 / 2.0 / tile.len() as f64;
        assert!((0.9..1.1).contains(&cost), "{cost}");
    }

    #[test]
    fn more_bytes_and_more_haste_mean_less_work_for_each() {
        let sizes = [900_000, 2_000_000, 8_000_000, 100_000_000];
        let of_noise = |bytes, effort| level(bytes, bytes, effort);
        let levels = sizes.map(|bytes| of_noise(bytes, Effort::Balanced));
        assert!(levels.is_sorted_by(|more, less| more > less), "{levels:?}");
        assert!(
            sizes
                .iter()
                .all(|&bytes| of_noise(bytes, Effort::Best) == of_noise(bytes, Effort::Balanced))
        );
        assert!(of_noise(1, Effort::Fast) < of_noise(1, Effort::Balanced));
        assert!(of_noise(1, Effort::Fast) >= LEVEL_TO_JUDGE);
    }

    #[test]
    fn of_many_bytes_those_that_deflate_to_little_are_worth_more_work() {
        let levels =
            |bytes, effort| [LITTLE - 1, LITTLE].map(|deflated| level(bytes, deflated, effort));
        for effort in [Effort::Fast, Effort::Balanced] {
            let [little, much] = levels(100_000_000, effort);
            assert!(little > much);
        }
        let [little, much] = levels(8_000_000, Effort::Balanced);
        assert!(little > much);
        let [little, much] = levels(8_000_000, Effort::Fast);
        assert_eq!(little, much);
    }
}
