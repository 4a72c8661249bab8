//! Sets of numbers as bits of words of 64.

/// The places of the bits that are set, ascending.
#[inline(always)]
pub fn ones(word: u64) -> impl Iterator<Item = u32> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let place = rest.trailing_zeros();
        rest &= rest.wrapping_sub(1);
        (place < u64::BITS).then_some(place)
    })
}

/// Bits with their ranks: the number of bits that are set before each (Jacobson, "Space-efficient static
/// trees and graphs", FOCS 1989: a count for each word, the rest by counting bits).
#[derive(Clone, Debug)]
pub struct Ranks {
    words: Vec<u64>,
    /// How many bits are set in the words before each.
    before: Vec<u32>,
    len: usize,
}

impl Ranks {
    /// Of these words, which come one after the other in the order of their places in `order`; words that
    /// are not in it have no bit.
    #[inline(always)]
    pub fn new(words: Vec<u64>, order: impl Iterator<Item = usize>) -> Self {
        let mut before = vec![0; words.len()];
        let mut rank = 0;
        for place in order {
            before[place] = rank;
            rank += words[place].count_ones();
        }
        Self {
            words,
            before,
            len: rank as usize,
        }
    }

    /// How many bits are set.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The places of the bits that are set in the word at `place`, ascending, each with its rank.
    #[inline(always)]
    pub fn of_word(&self, place: usize) -> impl Iterator<Item = (u32, u32)> {
        ones(self.words[place]).zip(self.before[place]..)
    }

    /// The rank of the bit at `bit` modulo 64 of the word at `place`.
    #[inline(always)]
    pub fn rank(&self, place: usize, bit: u32) -> u32 {
        let below = self.words[place] & ((1 << (bit % u64::BITS)) - 1);
        self.before[place] + below.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_bits_that_are_set() {
        assert_eq!(ones(0).next(), None);
        assert!(ones(1 << 63 | 0b1001).eq([0, 3, 63]));
        assert!(ones(u64::MAX).eq(0..64));
    }

    #[test]
    fn ranks_count_the_bits_before_in_the_order_of_the_words() {
        let words = vec![0b110, 0, 1 << 63 | 1];
        let ranks = Ranks::new(words, [2, 0].into_iter());
        assert_eq!([0, 63].map(|bit| ranks.rank(2, bit)), [0, 1]);
        assert_eq!([1, 2, 66].map(|bit| ranks.rank(0, bit)), [2, 3, 3]);
        assert!(ranks.of_word(2).eq([(0, 0), (63, 1)]));
        assert!(ranks.of_word(0).eq([(1, 2), (2, 3)]));
        assert!(ranks.of_word(1).next().is_none());
    }
}
