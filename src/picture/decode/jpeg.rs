//! The markers of a JPEG (ITU-T T.81, annex B): what its header says, and whether its end is there.

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;

/// What the segments before the first scan say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JpegHeader {
    pub width: u16,
    pub height: u16,
    pub components: u8,
    /// Whether the whole picture is held as coefficients before the first pixel is there:
    /// progressive, or the components come in scans of their own.
    pub is_buffered: bool,
    /// Pixels per inch or centimeter.
    pub density: Option<Density>,
}

/// Resolution in a JFIF segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Density {
    pub x: u16,
    pub y: u16,
    pub per_inch: bool,
}

/// A segment's marker and what follows its length. Scans end it: what comes behind their header is
/// not in segments.
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Markers may be preceded by any number of 0xff, and decoders skip what is no marker.
        let marker = loop {
            let from = self.at + self.bytes.get(self.at..)?.iter().position(|&b| b == 0xff)?;
            let marker = from + self.bytes[from..].iter().position(|&b| b != 0xff)?;
            self.at = marker + 1;
            // Stuffed bytes, restarts and the start of the image have no segment.
            if !matches!(self.bytes[marker], 0 | 1 | 0xd0..=0xd8) {
                break self.bytes[marker];
            }
        };
        if marker == END_OF_IMAGE {
            return Some((marker, &[]));
        }
        let length = self.bytes.get(self.at..)?.first_chunk()?;
        let end = self.at + usize::from(u16::from_be_bytes(*length)).max(2);
        let segment = self.bytes.get(self.at + 2..end)?;
        self.at = end;
        Some((marker, segment))
    }
}

fn segments(bytes: &[u8]) -> Segments<'_> {
    Segments { bytes, at: 0 }
}

impl JpegHeader {
    /// The header, as far as it is there.
    pub fn read(bytes: &[u8]) -> Self {
        let mut header = Self::default();
        for (marker, segment) in segments(bytes) {
            match marker {
                0xe0 => header.density = density(segment).or(header.density),
                // All starts of frames; the three in between are tables.
                0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                    if let Some(&[_, h1, h0, w1, w0, components]) = segment.first_chunk() {
                        header.height = u16::from_be_bytes([h1, h0]);
                        header.width = u16::from_be_bytes([w1, w0]);
                        header.components = components;
                        header.is_buffered = marker == 0xc2;
                    }
                }
                START_OF_SCAN => {
                    header.is_buffered |= segment.first() != Some(&header.components);
                    break;
                }
                END_OF_IMAGE => break,
                _ => {}
            }
        }
        header
    }
}

/// Whether a JPEG has a scan and the marker that ends the picture behind it. Without it the file
/// was cut, and the decoder fills what is missing with gray.
pub fn is_complete(bytes: &[u8]) -> bool {
    let mut has_scan = false;
    for (marker, _) in segments(bytes) {
        has_scan |= marker == START_OF_SCAN;
        if marker == END_OF_IMAGE {
            return has_scan;
        }
    }
    false
}

fn density(segment: &[u8]) -> Option<Density> {
    let &[unit, x1, x0, y1, y0] = segment.strip_prefix(b"JFIF\0")?.get(2..)?.first_chunk()?;
    let (x, y) = (u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0]));
    let per_inch = match unit {
        1 => true,
        2 => false,
        _ => return None,
    };
    (x > 0 && y > 0).then_some(Density { x, y, per_inch })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::builtin_bytes;

    #[test]
    fn the_header_says_what_the_picture_is() {
        let header = JpegHeader::read(builtin_bytes("flower.jpg").unwrap());
        assert_eq!((header.width, header.height), (640, 427));
        assert_eq!((header.components, header.is_buffered), (3, false));
    }

    #[test]
    fn a_cut_picture_is_not_complete_wherever_it_is_cut() {
        let bytes = builtin_bytes("flower.jpg").unwrap();
        assert!(is_complete(bytes));
        for percent in [0, 1, 2, 10, 50, 99] {
            assert!(!is_complete(&bytes[..bytes.len() * percent / 100]));
        }
        assert!(!is_complete(&bytes[..bytes.len() - 2]));
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end_of_the_picture() {
        let bytes = builtin_bytes("flower.jpg").unwrap();
        let mut cut = vec![0xff, 0xd8, 0xff, 0xe1, 0, 8];
        cut.extend([0xff, 0xda, 0, 0, 0xff, 0xd9]);
        cut.extend(&bytes[2..bytes.len() / 2]);
        assert!(!is_complete(&cut));
    }

    #[test]
    fn density_is_that_of_jfif_where_it_has_a_unit() {
        let segment = |unit| [b"JFIF\0\x01\x02", &[unit, 0, 72, 1, 0, 0, 0][..]].concat();
        let density = |unit| density(&segment(unit));
        let expected = |per_inch| {
            Some(Density {
                x: 72,
                y: 256,
                per_inch,
            })
        };
        assert_eq!(density(0), None);
        assert_eq!(density(1), expected(true));
        assert_eq!(density(2), expected(false));
    }
}
