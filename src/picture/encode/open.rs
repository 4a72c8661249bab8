//! Deflate streams that others may follow.
//!
//! A deflate stream is a row of blocks, and the first bit of each says whether it is the last (RFC
//! 1951, section 3.2.3). Where no block says so, and the stream fills its bytes, the bytes of another
//! stream may follow, and the two are one. (So does Adler, "gzjoin", with gzip files.)
//!
//! Where a block begins is known to who decodes the one before. `miniz_oxide` does, and what it
//! decodes is compared with what was compressed.

use std::io;

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags},
};

use super::failed;
use crate::{Error, Result};

/// To stop after each block, without an end of the stream.
const FLAGS: u32 = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
    | inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
    | inflate_flags::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;

/// Bits of a block's header.
const HEADER: usize = 3;

/// What follows the header of a stored block without bytes: their number, and its complement.
const NO_BYTES: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// The deflate stream of `data` as one that another may follow.
///
/// # Errors
/// When the stream is not one of `data`.
pub fn open(mut stream: Vec<u8>, data: &[u8]) -> Result<Vec<u8>> {
    let bits = take_end(&mut stream, data)?;
    if !bits.is_multiple_of(8) {
        // A stored block begins at a byte. The bits that are left of the last one are zeros, as the
        // header of a stored block is.
        stream.resize((bits + HEADER).div_ceil(8), 0);
        stream.extend(NO_BYTES);
    }
    Ok(stream)
}

/// Makes the last block of `data`'s stream one that others follow; returns the bits of all blocks.
fn take_end(stream: &mut [u8], data: &[u8]) -> Result<usize> {
    let mut decoder = DecompressorOxide::new();
    let mut decoded = vec![0; data.len()];
    let (mut read, mut written) = (0, 0);
    // Bits of the bytes read that belong to the next block.
    let mut ahead = 0;
    let mut was_last = false;
    while !was_last {
        was_last = clear_bit(stream, 8 * read - ahead);
        if was_last && let Some(mut state) = decoder.block_boundary_state() {
            // The decoder may hold the bit already, as the lowest of those ahead.
            state.bit_buf &= !1;
            decoder = DecompressorOxide::from_block_boundary_state(&state);
        }
        let (status, more_read, more_written) =
            decompress(&mut decoder, &stream[read..], &mut decoded, written, FLAGS);
        (read, written) = (read + more_read, written + more_written);
        ahead = match decoder.block_boundary_state() {
            Some(state) if status == TINFLStatus::BlockBoundary => usize::from(state.num_bits),
            _ => return Err(of_other_bytes()),
        };
    }
    if decoded != data {
        return Err(of_other_bytes());
    }
    Ok(8 * read - ahead)
}

/// Whether the bit is set, lowest bits of a byte first; it no longer is.
fn clear_bit(stream: &mut [u8], bit: usize) -> bool {
    let mask = 1 << (bit % 8);
    stream.get_mut(bit / 8).is_some_and(|byte| {
        let was_set = *byte & mask != 0;
        *byte &= !mask;
        was_set
    })
}

fn of_other_bytes() -> Error {
    failed(io::Error::other("deflate gave a stream of other bytes"))
}

#[cfg(test)]
mod tests {
    use libdeflater::{CompressionLvl, Compressor, Decompressor};

    use super::*;

    fn deflated(data: &[u8], level: i32) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut stream = vec![0; compressor.deflate_compress_bound(data.len())];
        let length = compressor.deflate_compress(data, &mut stream).unwrap();
        stream.truncate(length);
        stream
    }

    fn numbers(count: u64, range: u64) -> Vec<u8> {
        let number = |i: u64| ((i * i * 7919) >> 9) % range;
        (0..count).map(|i| number(i) as u8).collect()
    }

    #[test]
    fn streams_that_follow_each_other_are_one_stream_of_their_bytes_in_turn() {
        // Stored blocks, fixed and dynamic codes, several blocks, and ends at all bits of a byte.
        let mut ends = [false; 8];
        for level in [0, 1, 6, 10] {
            let (mut all, mut data) = (Vec::new(), Vec::new());
            for i in 1..60 {
                let part = numbers(i * i * 60 % 70_000 + i, 1 << (i % 9));
                let stream = deflated(&part, level);
                ends[take_end(&mut stream.clone(), &part).unwrap() % 8] = true;
                all.extend(open(stream, &part).unwrap());
                data.extend(part);
            }
            all.extend(deflated(&[7; 9], level));
            data.extend([7; 9]);
            let mut decoded = vec![0; data.len()];
            let length = Decompressor::new().deflate_decompress(&all, &mut decoded);
            assert_eq!(length, Ok(data.len()));
            assert!(decoded == data, "level {level}");
        }
        assert_eq!(ends, [true; 8]);
    }

    #[test]
    fn a_stream_of_other_bytes_is_refused() {
        let data = numbers(1000, 200);
        let stream = deflated(&data, 6);
        assert!(open(stream.clone(), &data).is_ok());
        assert!(open(stream.clone(), &data[1..]).is_err());
        assert!(open(stream.clone(), &numbers(1000, 100)).is_err());
        assert!(open(stream.clone(), &numbers(1001, 200)).is_err());
        assert!(open(stream[..stream.len() / 2].to_vec(), &data).is_err());
        assert!(open(Vec::new(), &[]).is_err());
    }
}
