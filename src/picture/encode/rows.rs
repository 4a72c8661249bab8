//! The rows of a picture as the bytes that PNG filters and deflates, made one at a time where they are
//! asked for: all of them together would take as much memory as the picture.

/// Rows of values, which are palette indices or channels.
pub struct Rows<'a> {
    values: &'a [u8],
    /// Values in a row.
    row_values: usize,
    /// How far back the pixel to the left is, in bytes.
    bytes_per_pixel: usize,
    numbers: Option<Numbers>,
}

/// What stands for palette indices.
struct Numbers {
    of_index: [u8; 256],
    /// Bits of each: 1, 2, 4 or 8.
    depth: u8,
}

impl<'a> Rows<'a> {
    /// Rows of channels, so many bytes in each row and in each pixel.
    pub fn of_channels(channels: &'a [u8], row_bytes: usize, bytes_per_pixel: usize) -> Self {
        Self {
            values: channels,
            row_values: row_bytes,
            bytes_per_pixel,
            numbers: None,
        }
    }

    /// Rows of so many palette indices each, which become these `numbers` of `depth` bits: `8 / depth`
    /// to a byte, the leftmost pixel in the highest bits, each row starting a byte (PNG specification,
    /// section 7.2).
    pub fn of_indices(indices: &'a [u8], width: usize, numbers: &[u8], depth: u8) -> Self {
        let mut of_index = [0; 256];
        of_index[..numbers.len()].copy_from_slice(numbers);
        Self {
            values: indices,
            row_values: width,
            bytes_per_pixel: 1,
            numbers: Some(Numbers { of_index, depth }),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.row_values
    }

    /// Bytes of each.
    pub fn row_bytes(&self) -> usize {
        match &self.numbers {
            None => self.row_values,
            Some(numbers) => self.row_values.div_ceil(usize::from(8 / numbers.depth)),
        }
    }

    /// How far back the pixel to the left is, in bytes.
    pub fn bytes_per_pixel(&self) -> usize {
        self.bytes_per_pixel
    }

    /// Fills `bytes` with row `i`.
    pub fn write(&self, i: usize, bytes: &mut [u8]) {
        let values = &self.values[i * self.row_values..][..self.row_values];
        match &self.numbers {
            None => bytes.copy_from_slice(values),
            Some(numbers) => numbers.pack(values, bytes),
        }
    }
}

impl Numbers {
    fn pack(&self, indices: &[u8], bytes: &mut [u8]) {
        match self.depth {
            1 => self.pack_by::<8>(indices, bytes),
            2 => self.pack_by::<4>(indices, bytes),
            4 => self.pack_by::<2>(indices, bytes),
            _ => self.pack_by::<1>(indices, bytes),
        }
    }

    /// As [`pack`](Self::pack), with so many pixels to a byte.
    fn pack_by<const N: usize>(&self, indices: &[u8], bytes: &mut [u8]) {
        let byte = |pixels: &[u8]| {
            let numbers = pixels.iter().map(|&i| self.of_index[usize::from(i)]);
            let places = (0..N).rev().map(|place| place * (8 / N));
            numbers
                .zip(places)
                .fold(0, |byte, (number, place)| byte | number << place)
        };
        let (whole, rest) = indices.as_chunks::<N>();
        for (out, pixels) in bytes.iter_mut().zip(whole) {
            *out = byte(pixels);
        }
        if !rest.is_empty() {
            bytes[whole.len()] = byte(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(rows: &Rows) -> Vec<Vec<u8>> {
        let row = |i| {
            let mut bytes = vec![0; rows.row_bytes()];
            rows.write(i, &mut bytes);
            bytes
        };
        (0..rows.len()).map(row).collect()
    }

    #[test]
    fn numbers_are_packed_from_the_highest_bits_and_each_row_starts_a_byte() {
        let numbers: Vec<u8> = (0..16).rev().collect();
        let packed = |indices: &[u8], width, depth: u8| {
            let last = &numbers[16 - (1 << depth)..];
            bytes(&Rows::of_indices(indices, width, last, depth))
        };
        let ones = [0, 1, 0, 0, 1, 1, 1, 0, 0, 1];
        assert_eq!(packed(&ones, 5, 1), [[0b1011_0000], [0b0011_0000]]);
        assert_eq!(packed(&ones, 10, 1), [[0b1011_0001, 0b1000_0000]]);
        assert_eq!(
            packed(&[0, 1, 2, 3, 0, 1], 3, 2),
            [[0b1110_0100], [0b0011_1000]]
        );
        assert_eq!(
            packed(&[0, 1, 2, 12, 13, 14], 3, 4),
            [[0xfe, 0xd0], [0x32, 0x10]]
        );
        assert_eq!(
            bytes(&Rows::of_indices(&[0, 1, 2, 2], 2, &numbers, 8)),
            [[15, 14], [13, 13]]
        );
    }

    #[test]
    fn channels_stay_what_they_are() {
        let rows = Rows::of_channels(&[1, 2, 3, 4, 5, 6], 3, 3);
        assert_eq!(bytes(&rows), [[1, 2, 3], [4, 5, 6]]);
    }
}
