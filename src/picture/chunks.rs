//! The chunks of a PNG file (PNG specification, third edition, section 5.3).

/// What every PNG begins with.
pub const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Whether these are the bytes of a PNG file, by what they begin with.
pub fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Length, name and checksum around the data.
const FRAME: usize = 12;

#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    pub name: [u8; 4],
    pub data: &'a [u8],
    /// All its bytes, from its length to its checksum.
    pub whole: &'a [u8],
}

impl Chunk<'_> {
    /// Whether its checksum is that of its name and data.
    pub fn is_intact(&self) -> bool {
        let (body, checksum) = self.whole[4..].split_at(4 + self.data.len());
        checksum == crc32fast::hash(body).to_be_bytes()
    }
}

/// The complete chunks of a PNG, in their order.
pub fn of(png: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = png.strip_prefix(&SIGNATURE).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let (whole, behind) = rest.split_at_checked(length.checked_add(FRAME)?)?;
        rest = behind;
        Some(Chunk {
            name: *whole[4..].first_chunk()?,
            data: &whole[8..8 + length],
            whole,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_png_is_its_signature_and_its_chunks() {
        let png = testing::noise(9, 9, 8)
            .encode_png(crate::picture::EncodeOptions::default())
            .unwrap();
        let chunks: Vec<Chunk> = of(&png).collect();
        assert_eq!(&chunks[0].name, b"IHDR");
        assert_eq!(&chunks.last().unwrap().name, b"IEND");
        assert!(chunks.iter().all(Chunk::is_intact));
        let bytes: usize = chunks.iter().map(|chunk| chunk.whole.len()).sum();
        assert_eq!(SIGNATURE.len() + bytes, png.len());
    }

    #[test]
    fn what_is_cut_is_no_chunk_and_what_is_changed_is_not_intact() {
        let mut png = testing::noise(9, 9, 8)
            .encode_png(crate::picture::EncodeOptions::default())
            .unwrap();
        png.pop();
        assert!(of(&png).all(|chunk| &chunk.name != b"IEND"));
        png[20] ^= 1;
        assert!(!of(&png).next().unwrap().is_intact());
        assert_eq!(of(b"text").count(), 0);
    }
}
