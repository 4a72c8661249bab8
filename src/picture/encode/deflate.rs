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

/// How many parts so many bytes have that deflate to about `estimated`.
fn parts(bytes: usize, estimated: usize) -> usize {
    let shorter = if estimated >= bytes / HARDLY_REPEATS {
        2
    } else {
        1
    };
    let parts = usize::min(bytes / FEWEST_BYTES, estimated / FEWEST_DEFLATED);
    (shorter * parts).clamp(1, MOST_PARTS)
}

/// `data`, of at least one byte, as a zlib stream (RFC 1950), as small as its size and the effort let it
/// be in good time, which depends on what it is `estimated` to deflate to.
///
/// # Errors
/// When deflate fails.
pub fn best(data: &[u8], estimated: usize, effort: Effort) -> Result<Vec<u8>> {
    let level = level(data.len(), estimated, effort);
    let part = data.len().div_ceil(parts(data.len(), estimated));
    let parts: Vec<&[u8]> = data.chunks(part).collect();
    // Whoever is free takes the next part, so that no thread is left with several at the end.
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
            assert_eq!(parts(size, usize::MAX), count);
            for effort in [Effort::Fast, Effort::Balanced] {
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
        let many = 100 * FEWEST_BYTES;
        assert_eq!(parts(many, 2 * FEWEST_DEFLATED - 1), 1);
        assert_eq!(parts(many, 2 * FEWEST_DEFLATED), 2);
        let bytes = 6 * FEWEST_BYTES;
        let border = bytes / HARDLY_REPEATS;
        assert_eq!(
            [border - 1, border].map(|deflated| parts(bytes, deflated)),
            [4, 8]
        );
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
