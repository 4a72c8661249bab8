//! Whether a file holds more than the one frame or page that is taken.

use super::Format;
use crate::picture::chunks;

/// Whether there is a second frame or page. What is broken has none.
pub fn are_more_than_one(format: Format, bytes: &[u8]) -> bool {
    let found = match format {
        Format::Gif => gif(bytes),
        Format::Png => apng(bytes),
        Format::Tiff => tiff(bytes),
        Format::WebP => webp(bytes),
        _ => None,
    };
    found.unwrap_or(false)
}

/// A second image descriptor among the blocks (GIF 89a, appendix A).
fn gif(bytes: &[u8]) -> Option<bool> {
    let color_table = |flags: u8| match flags & 0x80 {
        0 => 0,
        _ => 3usize << ((flags & 7) + 1),
    };
    let mut at = 13 + color_table(*bytes.get(10)?);
    let mut frames = 0;
    loop {
        at += match bytes.get(at)? {
            // An extension has a label, an image its position, size and a byte of flags, both
            // before their sub-blocks; an image also the size of its codes.
            0x21 => 2,
            0x2c => {
                frames += 1;
                if frames == 2 {
                    return Some(true);
                }
                10 + color_table(*bytes.get(at + 9)?) + 1
            }
            _ => return Some(false),
        };
        loop {
            let length = *bytes.get(at)?;
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
        }
    }
}

/// The number of frames in the animation control.
fn apng(bytes: &[u8]) -> Option<bool> {
    let control = chunks::of(bytes)
        .take_while(|chunk| &chunk.name != b"IDAT")
        .find(|chunk| &chunk.name == b"acTL")?;
    Some(u32::from_be_bytes(*control.data.first_chunk()?) > 1)
}

/// A directory behind the first one.
fn tiff(bytes: &[u8]) -> Option<bool> {
    let is_little = bytes.first()? == &b'I';
    let number = |at: u64, size: u64| -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        let digits = bytes.get(at..at.checked_add(size as usize)?)?;
        let add = |sum: u64, &digit: &u8| sum << 8 | u64::from(digit);
        Some(if is_little {
            digits.iter().rev().fold(0, add)
        } else {
            digits.iter().fold(0, add)
        })
    };
    // BigTIFF (version 43) has wider offsets and counts.
    let (first, count_size, entry, offset_size) = match number(2, 2)? {
        43 => (number(8, 8)?, 8, 20, 8),
        _ => (number(4, 4)?, 2, 12, 4),
    };
    let entries = number(first, count_size)?;
    let next = entries
        .checked_mul(entry)?
        .checked_add(first)?
        .checked_add(count_size)?;
    Some(number(next, offset_size)? != 0)
}

/// A second chunk of animation.
fn webp(bytes: &[u8]) -> Option<bool> {
    let mut at = 12;
    let mut frames = 0;
    loop {
        let name: &[u8; 4] = bytes.get(at..)?.first_chunk()?;
        frames += u8::from(name == b"ANMF");
        if frames == 2 {
            return Some(true);
        }
        let size = u32::from_le_bytes(*bytes.get(at + 4..)?.first_chunk()?) as usize;
        at = at.checked_add(8 + size)?.checked_add(size % 2)?;
    }
}

#[cfg(test)]
mod tests {
    use image::{Frame, RgbaImage, codecs::gif::GifEncoder};

    use super::*;

    fn gif_of(frames: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        GifEncoder::new(&mut bytes)
            .encode_frames((0..frames).map(|i| Frame::new(RgbaImage::new(3, 2 + i as u32))))
            .unwrap();
        bytes
    }

    fn png_of(frames: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
        encoder.set_animated(frames, 0).unwrap();
        let mut writer = encoder.write_header().unwrap();
        for _ in 0..frames {
            writer.write_image_data(&[0]).unwrap();
        }
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn a_second_frame_is_found() {
        for (one, two) in [(false, 1), (true, 2), (true, 3)] {
            assert_eq!(are_more_than_one(Format::Gif, &gif_of(two)), one);
            assert_eq!(are_more_than_one(Format::Png, &png_of(two as u32)), one);
        }
        // The offset of the first directory, its number of entries, and the next one's offset.
        let tiff = |next| [&b"II*\0\x08\0\0\0\0\0"[..], &[next, 0, 0, 0]].concat();
        assert!(!are_more_than_one(Format::Tiff, &tiff(0)));
        assert!(are_more_than_one(Format::Tiff, &tiff(9)));
        let webp = |frames: usize| {
            [
                &b"RIFF\0\0\0\0WEBP"[..],
                &b"ANMF\x01\0\0\0xx".repeat(frames),
            ]
            .concat()
        };
        assert!(!are_more_than_one(Format::WebP, &webp(1)));
        assert!(are_more_than_one(Format::WebP, &webp(2)));
    }

    #[test]
    fn what_is_cut_has_no_second_frame() {
        let gif = gif_of(2);
        for length in [0, 5, 11, 14, 20, 30] {
            assert!(!are_more_than_one(Format::Gif, &gif[..length]));
        }
        for format in [
            Format::Gif,
            Format::Png,
            Format::Tiff,
            Format::WebP,
            Format::Bmp,
        ] {
            assert!(!are_more_than_one(format, b""));
        }
    }
}
