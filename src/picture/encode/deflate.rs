//! How much work deflate does.
//!
//! Levels are `libdeflate`'s. From level 10 on it looks for a nearly optimal parse, which on
//! indices is worth 6 to 7 % over level 9 for about a third more time: well spent on a picture
//! for a page, too long on one of many megapixels.
//!
//! Parts are compressed side by side and [put after each other](open()); none looks back into the
//! one before.

use libdeflater::{CompressionLvl, Compressor, adler32};
use rayon::prelude::*;

use super::{failed, open::open};
use crate::{Effort, Result};

/// Sees differences between candidates, in a millisecond.
const LEVEL_TO_JUDGE: i32 = 5;

/// Bytes of a part at least, and the most parts: enough for several threads from a quarter of a
/// megapixel on, and few enough that files of photos are 0.2 % larger than in one part.
const FEWEST_BYTES: usize = 128 << 10;
const MOST_PARTS: usize = 16;

/// Deflate with a window of 32 KiB, compressed as well as can be (RFC 1950, section 2.2).
const ZLIB_HEADER: [u8; 2] = [0x78, 0xDA];

/// The level at which so many bytes take some tenths of a second at most; in haste some hundredths.
fn level(bytes: usize, effort: Effort) -> i32 {
    match bytes {
        ..1_000_000 if effort == Effort::Fast => 7,
        ..1_000_000 => 10,
        1_000_000..4_000_000 => 8,
        4_000_000..16_000_000 => 6,
        _ => 3,
    }
}

/// About how many bytes `data` deflates to.
pub fn estimate(data: &[u8]) -> usize {
    // What cannot be judged is not chosen; libdeflate never fails with room for its bound.
    deflate(data, LEVEL_TO_JUDGE).map_or(usize::MAX >> 32, |stream| stream.len())
}

/// `data` as a zlib stream (RFC 1950), as small as its size and the effort let it be in good time.
///
/// # Errors
/// When deflate fails.
pub fn best(data: &[u8], effort: Effort) -> Result<Vec<u8>> {
    let level = level(data.len(), effort);
    let parts = data.len().div_ceil(FEWEST_BYTES).clamp(1, MOST_PARTS);
    let parts: Vec<&[u8]> = data.chunks(data.len().div_ceil(parts).max(1)).collect();
    let streams: Vec<Vec<u8>> = parts
        .par_iter()
        .enumerate()
        .map(|(i, part)| {
            let stream = deflate(part, level)?;
            if i + 1 < parts.len() {
                open(stream, part)
            } else {
                Ok(stream)
            }
        })
        .collect::<Result<_>>()?;
    let mut stream = ZLIB_HEADER.to_vec();
    stream.extend(streams.into_iter().flatten());
    stream.extend(adler32(data).to_be_bytes());
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
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_bytes_and_more_haste_mean_less_work_for_each() {
        let sizes = [900_000, 2_000_000, 8_000_000, 100_000_000];
        let levels = sizes.map(|bytes| level(bytes, Effort::Balanced));
        assert!(levels.is_sorted_by(|more, less| more > less), "{levels:?}");
        assert!(
            sizes
                .iter()
                .all(|&bytes| level(bytes, Effort::Best) == level(bytes, Effort::Balanced))
        );
        assert!(level(1, Effort::Fast) < level(1, Effort::Balanced));
        assert!(level(1, Effort::Fast) >= LEVEL_TO_JUDGE);
    }
}
