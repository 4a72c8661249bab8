//! How often each byte occurs.

/// Counts to a byte, taken in turn: one that follows another of the same byte would have to wait for it.
const TURNS: usize = 4;

/// How often each byte occurs among these, fewer than 2^32.
pub fn histogram(bytes: &[u8]) -> [u32; 256] {
    let mut counts = [[0; TURNS]; 256];
    let (rounds, rest) = bytes.as_chunks::<TURNS>();
    for round in rounds {
        for turn in 0..TURNS {
            counts[usize::from(round[turn])][turn] += 1;
        }
    }
    for &byte in rest {
        counts[usize::from(byte)][0] += 1;
    }
    counts.map(|turns| turns.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_counted_wherever_it_stands() {
        for len in 0..20 {
            let bytes: Vec<u8> = (0..len).map(|i: u32| (i * i % 5 * 63) as u8).collect();
            let mut expected = [0; 256];
            for &byte in &bytes {
                expected[usize::from(byte)] += 1;
            }
            assert_eq!(histogram(&bytes), expected);
        }
    }
}
