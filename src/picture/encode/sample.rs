//! Some rows of a picture that speak for all.

use std::borrow::Cow;

/// Bytes of a sample by which candidates are judged, of a picture of so many: a large one has longer
/// rows, of which a few tell little.
pub fn to_judge(bytes: usize) -> usize {
    (bytes / 6).clamp(64 << 10, 128 << 10)
}

/// Bytes that tell which entries are neighbors: more, because each of up to 256 entries must be
/// seen beside its own neighbors.
pub const TO_ORDER: usize = 1 << 20;

/// Stretches of rows that a sample is taken from. Within one the rows follow each other as in the
/// picture, which is what filters and deflate live on; the stretches lie all over the picture.
const STRETCHES: usize = 8;

/// About `bytes` of the rows in `data`, which have `row_bytes` each; all rows if there are no more.
pub fn of_rows(data: &[u8], row_bytes: usize, bytes: usize) -> Cow<'_, [u8]> {
    let rows = data.len() / row_bytes;
    let sampled = (bytes / row_bytes).max(1);
    if rows <= sampled {
        return Cow::Borrowed(data);
    }
    // Where rows are long there are fewer, of two rows at least, because filters look at the row above.
    let stretches = STRETCHES.min(sampled / 2).max(1);
    let per_stretch = sampled / stretches;
    let stretches = (0..stretches).flat_map(|stretch| {
        let first = (rows - per_stretch) * stretch / (stretches - 1).max(1);
        &data[first * row_bytes..(first + per_stretch) * row_bytes]
    });
    Cow::Owned(stretches.copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_whole_rows_from_the_first_to_the_last() {
        let data: Vec<u8> = (0..200).flat_map(|row| [row; 10]).collect();
        let sample = of_rows(&data, 10, 500);
        assert!(sample.len() <= 500 && sample.len() > 300);
        assert!(
            sample
                .chunks(10)
                .all(|row| row.iter().all(|&v| v == row[0]))
        );
        assert_eq!((sample[0], sample[sample.len() - 1]), (0, 199));
    }

    #[test]
    fn a_small_picture_is_its_own_sample_and_a_long_row_is_not_cut() {
        assert_eq!(&*of_rows(&[1, 2, 3, 4], 2, 4), [1, 2, 3, 4]);
        assert_eq!(&*of_rows(&[1, 2, 3, 4], 2, 1), [1, 2]);
    }
}
