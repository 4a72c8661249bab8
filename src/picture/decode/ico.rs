//! Icons: the same picture in several sizes, each a PNG or a headless BMP.

use std::borrow::Cow;

use super::Format;
use crate::{Error, Result, picture::is_png};

const HEADER: usize = 6;
const ENTRY: usize = 16;

/// The largest picture of an icon (of equals the one with the most bits a pixel, then the first):
/// a PNG, or an icon that holds it alone. So the choice is made here, and a PNG in an icon is read
/// within the same bounds as any other.
pub fn largest(icon: &[u8]) -> Result<(Format, Cow<'_, [u8]>)> {
    let count = usize::from(u16_at(icon, 4).unwrap_or(0));
    let entries = icon.get(HEADER..).unwrap_or_default();
    let chosen = entries
        .as_chunks::<ENTRY>()
        .0
        .iter()
        .take(count)
        .rev()
        .max_by_key(|entry| {
            let bits = u16::from_le_bytes([entry[6], entry[7]]);
            (side(entry[0]) * side(entry[1]), bits)
        })
        .ok_or(Error::NotAPicture)?;
    let size = u32_at(chosen, 8)? as usize;
    let offset = u32_at(chosen, 12)? as usize;
    let end = offset.saturating_add(size).min(icon.len());
    let picture = icon.get(offset..end).ok_or(Error::NotAPicture)?;
    if is_png(picture) {
        return Ok((Format::Png, Cow::Borrowed(picture)));
    }
    let mut alone = icon[..4].to_vec();
    alone.extend(1u16.to_le_bytes());
    alone.extend(&chosen[..12]);
    alone.extend(((HEADER + ENTRY) as u32).to_le_bytes());
    alone.extend(picture);
    Ok((Format::Ico, Cow::Owned(alone)))
}

/// 0 stands for 256.
fn side(byte: u8) -> u32 {
    match byte {
        0 => 256,
        byte => byte.into(),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk);
    four.map(|&four| u32::from_le_bytes(four))
        .ok_or(Error::NotAPicture)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::chunks::SIGNATURE;

    /// An icon of pictures with these sides, bits and bytes.
    fn icon(pictures: &[(u8, u8, &[u8])]) -> Vec<u8> {
        let mut icon = vec![0, 0, 1, 0, pictures.len() as u8, 0];
        let mut offset = HEADER + ENTRY * pictures.len();
        for (side, bits, bytes) in pictures {
            icon.extend([*side, *side, 0, 0, 1, 0, *bits, 0]);
            icon.extend((bytes.len() as u32).to_le_bytes());
            icon.extend((offset as u32).to_le_bytes());
            offset += bytes.len();
        }
        icon.extend(pictures.iter().flat_map(|(_, _, bytes)| *bytes));
        icon
    }

    #[test]
    fn the_largest_is_taken_as_a_png_or_as_an_icon_of_its_own() {
        let png = [&SIGNATURE[..], b"rest"].concat();
        let both = icon(&[(16, 32, b"small"), (0, 32, &png), (32, 32, b"large")]);
        assert_eq!(largest(&both).unwrap(), (Format::Png, png.into()));

        let bits = icon(&[(16, 8, b"few"), (16, 32, b"many"), (16, 32, b"later")]);
        let alone = icon(&[(16, 32, b"many")]);
        assert_eq!(largest(&bits).unwrap(), (Format::Ico, alone.into()));
    }

    #[test]
    fn an_icon_without_a_picture_is_none() {
        assert!(largest(&[0, 0, 1, 0, 0, 0]).is_err());
        assert!(largest(&[0, 0, 1, 0]).is_err());
        let mut outside = icon(&[(16, 32, b"small")]);
        outside[HEADER + 12..HEADER + 16].fill(255);
        assert!(largest(&outside).is_err());
    }
}
