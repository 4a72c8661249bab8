//! PNG: any picture's palette in, swatches out.

use std::{collections::BTreeMap, io::Cursor};

use crate::{Error, error::guarded, picture};

/// Pixels of a swatch's side, and swatches in a row.
const SIDE: usize = 32;
const COLUMNS: usize = 16;

/// The colors of the PLTE chunk with the alpha of tRNS; of a picture without it, its colors by
/// falling number of pixels (ties: by color), if there are at most 256.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    if !picture::is_png(bytes) {
        return Err("it does not begin as a PNG".into());
    }
    let own = guarded(|| Ok(palette_chunks(bytes))).map_err(|error| error.to_string())??;
    own.map_or_else(|| picture_colors(bytes), Ok)
}

/// The colors of PLTE and tRNS; `None` when they are not what the pixels refer to.
fn palette_chunks(bytes: &[u8]) -> Result<Option<Vec<[u8; 4]>>, String> {
    let reader = png::Decoder::new(Cursor::new(bytes))
        .read_info()
        .map_err(|error| error.to_string())?;
    let info = reader.info();
    if info.color_type != png::ColorType::Indexed {
        return Ok(None);
    }
    let (colors, incomplete) = info.palette.as_deref().unwrap_or_default().as_chunks();
    if colors.is_empty() || !incomplete.is_empty() {
        return Err("its PLTE chunk is not whole colors".into());
    }
    let alpha = info.trns.as_deref().unwrap_or_default().iter().copied();
    let alpha = alpha.chain(std::iter::repeat(255));
    let colors = colors.iter().zip(alpha);
    Ok(Some(colors.map(|(&[r, g, b], a)| [r, g, b, a]).collect()))
}

fn picture_colors(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let decoded = picture::decode(bytes, None, &picture::DecodeOptions::default());
    let picture = decoded.map_err(|error| error.to_string())?.picture;
    let mut counts = BTreeMap::new();
    for pixel in picture.to_rgba8() {
        *counts.entry(pixel).or_insert(0u64) += 1;
        if counts.len() > 256 {
            return Err("it is a picture of more than 256 colors".into());
        }
    }
    let mut colors: Vec<_> = counts.into_iter().collect();
    // The sort is stable: colors of equal counts stay in their order.
    colors.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    Ok(colors.into_iter().map(|(color, _)| color).collect())
}

/// The bytes of a picture of squares in rows of 16, whose palette is in the order of `colors`. The
/// squares of the last row share its width.
///
/// # Errors
/// [`Error::Encode`] when the encoder fails.
pub fn save(colors: &[[u8; 4]]) -> Result<Vec<u8>, Error> {
    let width = SIDE * colors.len().min(COLUMNS);
    let mut indices = Vec::new();
    for (row, swatches) in colors.chunks(COLUMNS).enumerate() {
        let line: Vec<u8> = (0..width)
            .map(|x| (row * COLUMNS + x * swatches.len() / width) as u8)
            .collect();
        indices.extend(line.repeat(SIDE));
    }
    let mut bytes = Vec::new();
    let height = indices.len() / width;
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(
        colors
            .iter()
            .flat_map(|&[r, g, b, _]| [r, g, b])
            .collect::<Vec<u8>>(),
    );
    if colors.iter().any(|color| color[3] < 255) {
        encoder.set_trns(colors.iter().map(|color| color[3]).collect::<Vec<u8>>());
    }
    let mut writer = encoder.write_header().map_err(Error::Encode)?;
    writer.write_image_data(&indices).map_err(Error::Encode)?;
    writer.finish().map_err(Error::Encode)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Picture;

    #[test]
    fn the_colors_of_a_picture_without_a_palette_come_by_their_number_of_pixels() {
        let rgb = [[1, 2, 3], [7, 8, 9], [7, 8, 9], [0, 2, 3]].concat();
        let bytes = Picture::new(4, 1, rgb)
            .unwrap()
            .encode_png(picture::EncodeOptions::default())
            .unwrap();
        assert_eq!(
            load(&bytes).unwrap(),
            [[7, 8, 9, 255], [0, 2, 3, 255], [1, 2, 3, 255]]
        );
    }

    #[test]
    fn a_picture_of_more_than_256_colors_is_refused() {
        let of = |colors: u32| {
            let rgb = (0..colors).flat_map(|i| [(i % 256) as u8, (i / 256) as u8, 0]);
            let picture = Picture::new(colors, 1, rgb.collect()).unwrap();
            load(
                &picture
                    .encode_png(picture::EncodeOptions::default())
                    .unwrap(),
            )
        };
        assert_eq!(of(256).unwrap().len(), 256);
        for colors in [257, 300] {
            assert!(of(colors).unwrap_err().contains("more than 256"));
        }
    }

    #[test]
    fn every_color_of_the_palette_has_a_swatch() {
        for colors in [1u8, 15, 16, 17, 37, 200] {
            let palette: Vec<_> = (0..colors).map(|i| [i, 0, 7, 255]).collect();
            let swatches = picture::decode(
                &save(&palette).unwrap(),
                None,
                &picture::DecodeOptions::default(),
            )
            .unwrap()
            .picture;
            let rows = u32::from(colors).div_ceil(16);
            let size = (32 * u32::from(colors.min(16)), 32 * rows);
            assert_eq!((swatches.width(), swatches.height()), size);
            let seen: std::collections::BTreeSet<_> = swatches.to_rgba8().into_iter().collect();
            assert!(seen.into_iter().eq(palette), "{colors}");
        }
    }

    #[test]
    fn only_what_is_not_opaque_needs_alpha() {
        for (alpha, expected) in [(255, 0), (254, 1)] {
            let bytes = save(&[[1, 2, 3, 255], [4, 5, 6, alpha]]).unwrap();
            let chunks = bytes.windows(4).filter(|name| name == b"tRNS");
            assert_eq!(chunks.count(), expected);
        }
    }

    #[test]
    fn a_palette_that_is_not_whole_colors_is_refused() {
        let mut bytes = save(&[[1, 2, 3, 255], [4, 5, 6, 255]]).unwrap();
        // The length of the PLTE chunk, 6, becomes 4 and its checksum is that of the rest.
        let plte = bytes.windows(4).position(|name| name == b"PLTE").unwrap();
        let chunk = [b"PLTE".as_slice(), &[1, 2, 3, 4]].concat();
        let crc = crc32(&chunk).to_be_bytes();
        let replacement = [&4u32.to_be_bytes(), chunk.as_slice(), &crc].concat();
        bytes.splice(plte - 4..plte + 4 + 6 + 4, replacement);
        assert!(load(&bytes).is_err());
    }

    /// The checksum of a PNG chunk (PNG specification, annex D).
    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, &byte: &u8| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
            })
        };
        !bytes.iter().fold(u32::MAX, step)
    }
}
