//! PNG's filters: each byte of a row less a guess from bytes before it (PNG specification,
//! section 9).

use std::{mem, sync::LazyLock};

use rayon::prelude::*;

use super::rows::Rows;
use crate::picture::histogram::histogram;

/// How the filter of each row is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// No row is filtered: for numbers that are names, and for noise.
    None,
    /// All rows less the pixel to the left.
    Sub,
    /// All rows less the row above.
    Up,
    /// The filter that leaves the least sum of differences, each taken as a signed byte: for
    /// amounts (PNG specification, section 12.7).
    LeastSum,
    /// The filter that leaves the least entropy of a row's bytes: for numbers of palette entries,
    /// where a difference of 40 is as cheap as one of 1 if it comes as often.
    LeastEntropy,
}

/// Filtered bytes that are worth a parallel task.
const BYTES_PER_TASK: usize = 1 << 16;

/// The types of filter that a row names, in the order of their numbers.
const TYPES: [u8; 5] = [0, 1, 2, 3, 4];

impl Filter {
    /// What is worth a try for palette indices.
    pub const FOR_INDICES: [Self; 3] = [Self::LeastEntropy, Self::None, Self::Sub];

    /// What is worth a try for 24 and 32-bit pixels.
    pub const FOR_CHANNELS: [Self; 4] = [Self::LeastSum, Self::None, Self::Sub, Self::Up];

    /// The rows filtered, each behind its type of filter.
    pub fn apply(self, rows: &Rows<'_>) -> Vec<u8> {
        let line = rows.row_bytes() + 1;
        let lines_per_task = BYTES_PER_TASK.div_ceil(line);
        let mut filtered = vec![0; rows.len() * line];
        let tasks = filtered.par_chunks_mut(line * lines_per_task).enumerate();
        tasks.for_each(|(task, lines)| self.apply_from(task * lines_per_task, rows, lines));
        filtered
    }

    /// Fills `lines` with the rows from the `first` on.
    fn apply_from(self, first: usize, rows: &Rows<'_>, lines: &mut [u8]) {
        let row_bytes = rows.row_bytes();
        let (mut row, mut above) = (vec![0; row_bytes], vec![0; row_bytes]);
        let mut scratch = vec![0; row_bytes + 1];
        if first > 0 {
            rows.write(first - 1, &mut above);
        }
        for (i, out) in (first..).zip(lines.chunks_mut(row_bytes + 1)) {
            rows.write(i, &mut row);
            let filter = |kind, out: &mut [u8]| {
                filter_row(kind, &row, &above, rows.bytes_per_pixel(), out);
            };
            match self {
                Self::None => filter(0, out),
                Self::Sub => filter(1, out),
                Self::Up => filter(2, out),
                Self::LeastSum => least(filter, sum, &mut scratch, out),
                Self::LeastEntropy => least(filter, entropy, &mut scratch, out),
            }
            mem::swap(&mut row, &mut above);
        }
    }
}

/// Fills `out` with the row in the filter of the least cost, the first of several.
fn least(
    filter: impl Fn(u8, &mut [u8]),
    cost: fn(&[u8]) -> u64,
    scratch: &mut [u8],
    out: &mut [u8],
) {
    let mut least = u64::MAX;
    for kind in TYPES {
        filter(kind, scratch);
        let cost = cost(scratch);
        if cost < least {
            least = cost;
            out.copy_from_slice(scratch);
        }
    }
}

/// Fills `out` with the type of filter and the row so filtered.
fn filter_row(kind: u8, row: &[u8], above: &[u8], bytes_per_pixel: usize, out: &mut [u8]) {
    let (first, out) = out.split_at_mut(1);
    first[0] = kind;
    let n = row.len();
    // The first pixel has none to its left: it reads as 0 there.
    let near = bytes_per_pixel.min(n);
    let left = &row[..n - near];
    let above_left = &above[..n - near];
    let (start, rest) = out.split_at_mut(near);
    let zeros = &[0; 8][..near];
    match kind {
        0 => {
            start.copy_from_slice(&row[..near]);
            rest.copy_from_slice(&row[near..]);
        }
        1 => {
            start.copy_from_slice(&row[..near]);
            subtract(rest, &row[near..], left, left, left, |a, _, _| a);
        }
        2 => {
            subtract(
                start,
                &row[..near],
                zeros,
                &above[..near],
                zeros,
                |_, b, _| b,
            );
            subtract(rest, &row[near..], left, &above[near..], left, |_, b, _| b);
        }
        3 => {
            let average = |a, b, _| u16::midpoint(u16::from(a), u16::from(b)) as u8;
            subtract(start, &row[..near], zeros, &above[..near], zeros, average);
            subtract(rest, &row[near..], left, &above[near..], left, average);
        }
        _ => {
            subtract(start, &row[..near], zeros, &above[..near], zeros, paeth);
            subtract(rest, &row[near..], left, &above[near..], above_left, paeth);
        }
    }
}

/// Fills `out` with the values less the guess from what is to the left, above, and above left.
#[inline(always)]
fn subtract(
    out: &mut [u8],
    values: &[u8],
    left: &[u8],
    above: &[u8],
    above_left: &[u8],
    guess: impl Fn(u8, u8, u8) -> u8,
) {
    let corners = left.iter().zip(above).zip(above_left);
    for ((out, value), ((&a, &b), &c)) in out.iter_mut().zip(values).zip(corners) {
        *out = value.wrapping_sub(guess(a, b, c));
    }
}

/// The neighbor nearest to a + b - c; of equals the left one, then the one above.
#[inline(always)]
fn paeth(a: u8, b: u8, c: u8) -> u8 {
    let [wide_a, wide_b, wide_c] = [a, b, c].map(i16::from);
    let to_a = (wide_b - wide_c).abs();
    let to_b = (wide_a - wide_c).abs();
    let to_c = (wide_a + wide_b - 2 * wide_c).abs();
    let above = if to_b <= to_c { b } else { c };
    if to_a <= to_b && to_a <= to_c {
        a
    } else {
        above
    }
}

/// The sum of the bytes, each taken as a signed amount.
fn sum(filtered: &[u8]) -> u64 {
    let amounts = filtered[1..]
        .iter()
        .map(|&byte| u64::from(byte.cast_signed().unsigned_abs()));
    amounts.sum()
}

/// The entropy of the bytes times their number, in units of 2^-16 bits.
fn entropy(filtered: &[u8]) -> u64 {
    // sum c log2(n / c) = n log2 n - sum c log2 c
    let all = weighted_log(filtered.len());
    let logs: &[u64; LOGS] = &WEIGHTED_LOGS;
    let each: u64 = histogram(filtered)
        .iter()
        .map(|&count| match logs.get(count as usize) {
            Some(log) => *log,
            None => weighted_log(count as usize),
        })
        .sum();
    all.saturating_sub(each)
}

/// Nearly all counts are below this.
const LOGS: usize = 1 << 10;

/// The weighted logarithms of these counts.
static WEIGHTED_LOGS: LazyLock<[u64; LOGS]> = LazyLock::new(|| std::array::from_fn(weighted_log));

/// count * log2(count) in units of 2^-16.
fn weighted_log(count: usize) -> u64 {
    if count < 2 {
        return 0;
    }
    let bits = libm::log2(count as f64);
    (count as f64 * bits * 65536.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The neighbor nearest to p, as the specification puts it.
    fn predicted(a: u8, b: u8, c: u8) -> u8 {
        let p = i32::from(a) + i32::from(b) - i32::from(c);
        let nearest = [a, b, c].into_iter().min_by_key(|&x| p.abs_diff(x.into()));
        nearest.unwrap()
    }

    /// What a decoder makes of filtered rows (PNG specification, section 9.2).
    fn reversed(filtered: &[u8], row_bytes: usize, bytes_per_pixel: usize) -> Vec<u8> {
        let mut above = vec![0; row_bytes];
        let mut bytes = Vec::new();
        for line in filtered.chunks(row_bytes + 1) {
            let mut row = Vec::new();
            for i in 0..row_bytes {
                let at = |row: &[u8]| i.checked_sub(bytes_per_pixel).map_or(0, |left| row[left]);
                let (a, b, c) = (at(&row), above[i], at(&above));
                let guess = match line[0] {
                    0 => 0,
                    1 => a,
                    2 => b,
                    3 => u32::midpoint(u32::from(a), u32::from(b)) as u8,
                    _ => predicted(a, b, c),
                };
                row.push(line[1 + i].wrapping_add(guess));
            }
            bytes.extend(&row);
            above = row;
        }
        bytes
    }

    #[test]
    fn every_type_of_filter_can_be_reversed_for_rows_of_any_length() {
        for (bytes_per_pixel, row_bytes) in [(1, 1), (1, 7), (3, 3), (3, 21), (4, 4), (4, 40)] {
            let noise = (0..row_bytes * 2).map(|i| (i * i * 37 + i * 91) as u8);
            let noise: Vec<u8> = noise.collect();
            let (above, row) = noise.split_at(row_bytes);
            for kind in TYPES {
                let mut out = vec![0; 2 * (row_bytes + 1)];
                out[1..=row_bytes].copy_from_slice(above);
                filter_row(kind, row, above, bytes_per_pixel, &mut out[row_bytes + 1..]);
                assert_eq!(reversed(&out, row_bytes, bytes_per_pixel), noise);
            }
        }
    }

    #[test]
    fn rows_of_many_tasks_can_be_reversed() {
        // Steps of one to the right and downwards, which leave the least sum when they are filtered.
        let steps: Vec<u8> = (0..300 * 700).map(|i| (i % 300 + i / 300) as u8).collect();
        assert!(steps.len() > 3 * BYTES_PER_TASK);
        for bytes_per_pixel in [1, 3] {
            let rows = Rows::of_channels(&steps, 300, bytes_per_pixel);
            for filter in [
                Filter::None,
                Filter::Sub,
                Filter::Up,
                Filter::LeastSum,
                Filter::LeastEntropy,
            ] {
                let filtered = filter.apply(&rows);
                assert!(
                    reversed(&filtered, 300, bytes_per_pixel) == steps,
                    "{filter:?}"
                );
            }
        }
    }

    #[test]
    fn a_ramp_is_filtered_and_noise_is_not() {
        let ramp: Vec<u8> = (0..=255).collect();
        let filtered = Filter::LeastEntropy.apply(&Rows::of_channels(&ramp, 256, 1));
        assert_eq!(filtered[..3], [1, 0, 1]);
        let filtered = Filter::LeastSum.apply(&Rows::of_channels(&[0, 0, 0, 0], 4, 1));
        assert_eq!(filtered, [0; 5]);
        let filtered = Filter::LeastSum.apply(&Rows::of_channels(&[10, 20, 30, 40], 4, 1));
        assert_eq!(filtered, [1, 10, 10, 10, 10]);
        // 255 is -1: 2 in all as they are.
        let filtered = Filter::LeastSum.apply(&Rows::of_channels(&[0, 255, 0, 255], 4, 1));
        assert_eq!(filtered, [0, 0, 255, 0, 255]);
    }

    #[test]
    fn entropy_counts_bits() {
        assert_eq!(entropy(&[7; 32]), 0);
        assert_eq!(entropy(&[0, 1, 0, 1]), 4 << 16);
        assert_eq!(entropy(&[0, 1, 2, 3]), 8 << 16);
    }
}
