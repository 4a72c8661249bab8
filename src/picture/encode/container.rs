//! The chunks of a PNG file (PNG specification, section 5).

use super::layout::{Color, Layout};
use crate::{Error, Result, picture::chunks::SIGNATURE};

/// Length, type and checksum.
const CHUNK_OVERHEAD: usize = 12;

/// The largest number in a PNG file, of pixels in a row as of bytes in a chunk.
const LARGEST: u32 = (1 << 31) - 1;

/// A PNG file in the making.
pub struct Container {
    bytes: Vec<u8>,
}

impl Container {
    /// A file that begins with the header of a picture of this size and layout.
    ///
    /// # Errors
    /// When a dimension is larger than PNG holds.
    pub fn new(width: u32, height: u32, layout: &Layout) -> Result<Self> {
        if width.max(height) > LARGEST {
            return Err(Error::Invalid(format!(
                "PNG pictures have at most {LARGEST} pixels to a side, not {width}x{height}"
            )));
        }
        let mut header = Vec::with_capacity(13);
        header.extend(width.to_be_bytes());
        header.extend(height.to_be_bytes());
        let color_type = match layout.color {
            Color::Gray => 0,
            Color::Rgb => 2,
            Color::Indexed(_) => 3,
            Color::Rgba => 6,
        };
        // Deflate, the five filters, not interlaced: the only methods there are, and the smallest.
        header.extend([layout.depth, color_type, 0, 0, 0]);
        let mut container = Self {
            bytes: SIGNATURE.to_vec(),
        };
        container.chunk(*b"IHDR", &header);
        Ok(container)
    }

    /// Adds a chunk.
    pub fn chunk(&mut self, name: [u8; 4], data: &[u8]) {
        self.bytes.extend((data.len() as u32).to_be_bytes());
        let checked = self.bytes.len();
        self.bytes.extend(name);
        self.bytes.extend(data);
        let checksum = libdeflater::crc32(&self.bytes[checked..]);
        self.bytes.extend(checksum.to_be_bytes());
    }

    /// Adds PLTE, and tRNS as far as entries are not opaque, for a picture that has them.
    pub fn palette(&mut self, color: &Color) {
        if let Color::Indexed(entries) = color {
            let rgb: Vec<u8> = entries.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
            self.chunk(*b"PLTE", &rgb);
            let alpha: Vec<u8> = entries[..translucent(entries)]
                .iter()
                .map(|entry| entry[3])
                .collect();
            if !alpha.is_empty() {
                self.chunk(*b"tRNS", &alpha);
            }
        }
    }

    /// The file, with the zlib stream of its pixels.
    pub fn finish(mut self, stream: &[u8]) -> Vec<u8> {
        for part in stream.chunks(LARGEST as usize) {
            self.chunk(*b"IDAT", part);
        }
        self.chunk(*b"IEND", &[]);
        self.bytes
    }
}

/// How many bytes PLTE and tRNS take.
pub fn palette_bytes(color: &Color) -> usize {
    let Color::Indexed(entries) = color else {
        return 0;
    };
    let alpha = match translucent(entries) {
        0 => 0,
        entries => CHUNK_OVERHEAD + entries,
    };
    CHUNK_OVERHEAD + 3 * entries.len() + alpha
}

/// How many entries tRNS must name: up to the last that is not opaque.
fn translucent(entries: &[[u8; 4]]) -> usize {
    let last = entries.iter().rposition(|entry| entry[3] < 255);
    last.map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_palette_takes_as_many_bytes_as_are_said() {
        let opaque = [[7, 7, 7, 255]; 5];
        let with_alpha = [[7, 7, 7, 9], [7, 7, 7, 255], [7, 7, 7, 0], [7, 7, 7, 255]];
        for color in [
            Color::Gray,
            Color::Indexed(opaque.to_vec()),
            Color::Indexed(with_alpha.to_vec()),
        ] {
            let mut container = Container { bytes: Vec::new() };
            container.palette(&color);
            assert_eq!(container.bytes.len(), palette_bytes(&color));
        }
    }
}
