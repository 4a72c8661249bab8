//! How much work deflate does.
//!
//! Levels are `libdeflate`'s. From level 10 on it looks for a nearly optimal parse, which on
//! indices is worth 6 to 7 % over level 9 for about a third more time: well spent on a picture
//! for a page, too long on one of many megapixels.

use libdeflater::{CompressionLvl, Compressor};

use super::failed;
use crate::{Effort, Result};

/// Sees differences between candidates, in a millisecond.
const LEVEL_TO_JUDGE: i32 = 5;

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
    zlib(data, LEVEL_TO_JUDGE).map_or(usize::MAX >> 32, |stream| stream.len())
}

/// `data` as a zlib stream, as small as its size and the effort let it be in good time.
///
/// # Errors
/// When deflate fails.
pub fn best(data: &[u8], effort: Effort) -> Result<Vec<u8>> {
    zlib(data, level(data.len(), effort))
}

fn zlib(data: &[u8], level: i32) -> Result<Vec<u8>> {
    let level = CompressionLvl::new(level).unwrap_or_default();
    let mut compressor = Compressor::new(level);
    let mut stream = vec![0; compressor.zlib_compress_bound(data.len())];
    let length = compressor
        .zlib_compress(data, &mut stream)
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
