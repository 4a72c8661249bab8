//! Adobe Swatch Exchange: blocks of named colors, in groups.

use super::{
    fields::{Fields, utf16},
    hex,
};
use crate::palette::to_byte;

const SIGNATURE: &[u8] = b"ASEF";
/// Aseprite's pictures have the same extension, and this in bytes 4 and 5.
const ASEPRITE: [u8; 2] = [0xe0, 0xa5];
const COLOR: u16 = 1;
/// A color that is neither global nor a spot color.
const NORMAL: u16 = 2;

/// The colors in the order of the file. RGB and gray can be told without a profile.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let mut fields = Fields(bytes);
    if fields.bytes(SIGNATURE.len()) != Ok(SIGNATURE) {
        return Err(match bytes.get(4..6) {
            Some(magic) if magic == ASEPRITE => {
                "it is a picture of Aseprite, which exports palettes as .gpl or .png".into()
            }
            _ => "it should begin with \"ASEF\"".into(),
        });
    }
    let _version = fields.u32()?;
    let blocks = fields.u32()?;
    let mut colors = Vec::new();
    for _ in 0..blocks {
        let kind = fields.u16()?;
        let length = fields.u32()? as usize;
        let block = fields.bytes(length)?;
        if kind == COLOR {
            colors.push(color(Fields(block))?);
        }
    }
    Ok(colors)
}

fn color(mut block: Fields) -> Result<[u8; 4], String> {
    let units = usize::from(block.u16()?);
    block.bytes(2 * units)?;
    let channels = match block.bytes(4)? {
        b"RGB " => [block.f32()?, block.f32()?, block.f32()?],
        b"Gray" | b"GRAY" => [block.f32()?; 3],
        other => {
            return Err(format!(
                "it has a color in {:?}; save it with RGB swatches",
                String::from_utf8_lossy(other).trim_end()
            ));
        }
    };
    if channels.iter().any(|value| !value.is_finite()) {
        return Err("it has a color that is not a number".into());
    }
    let [r, g, b] = channels.map(|value| to_byte(f64::from(value) * 255.0));
    Ok([r, g, b, 255])
}

/// The bytes of a file, each color named by its hexadecimal digits.
pub fn save(colors: &[[u8; 4]]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([1u16, 0].map(u16::to_be_bytes).concat());
    bytes.extend((colors.len() as u32).to_be_bytes());
    for &[r, g, b, _] in colors {
        let name = utf16(&format!("#{}", hex::digits([r, g, b, 255])));
        let mut block = (name.len() as u16 / 2).to_be_bytes().to_vec();
        block.extend(name);
        block.extend(b"RGB ");
        for channel in [r, g, b] {
            block.extend((f32::from(channel) / 255.0).to_be_bytes());
        }
        block.extend(NORMAL.to_be_bytes());
        bytes.extend(COLOR.to_be_bytes());
        bytes.extend((block.len() as u32).to_be_bytes());
        bytes.extend(block);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of these blocks.
    fn file(blocks: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = b"ASEF\0\x01\0\0".to_vec();
        bytes.extend((blocks.len() as u32).to_be_bytes());
        for (kind, block) in blocks {
            bytes.extend(kind.to_be_bytes());
            bytes.extend((block.len() as u32).to_be_bytes());
            bytes.extend(block);
        }
        bytes
    }

    /// A color without a name.
    fn block(model: [u8; 4], values: &[f32]) -> Vec<u8> {
        let values = values.iter().flat_map(|value| value.to_be_bytes());
        [0, 0]
            .into_iter()
            .chain(model)
            .chain(values)
            .chain([0, 2])
            .collect()
    }

    #[test]
    fn colors_are_read_in_and_out_of_groups() {
        let bytes = file(&[
            (0xC001, vec![0, 1, 0, 0]),
            (COLOR, block(*b"RGB ", &[1.0, 0.5, 0.0])),
            (0xC002, Vec::new()),
            (COLOR, block(*b"Gray", &[0.2])),
        ]);
        assert_eq!(
            load(&bytes).unwrap(),
            [[255, 128, 0, 255], [51, 51, 51, 255]]
        );
    }

    #[test]
    fn what_cannot_be_told_is_named() {
        let cmyk = file(&[(COLOR, block(*b"CMYK", &[0.0; 4]))]);
        assert!(load(&cmyk).unwrap_err().contains("\"CMYK\""));
        let nan = file(&[(COLOR, block(*b"RGB ", &[f32::NAN; 3]))]);
        assert!(load(&nan).unwrap_err().contains("not a number"));
        assert!(load(b"GIMP Palette").unwrap_err().contains("\"ASEF\""));
        assert!(
            load(b"\x30\0\0\0\xe0\xa5\x01\0")
                .unwrap_err()
                .contains("Aseprite")
        );
    }

    #[test]
    fn claims_of_more_than_there_is_are_an_end_in_the_middle() {
        let mut blocks = file(&[]);
        blocks[8..].fill(255);
        assert!(load(&blocks).unwrap_err().contains("ends"));
        let mut length = file(&[(COLOR, block(*b"RGB ", &[0.0; 3]))]);
        length[14..18].fill(255);
        assert!(load(&length).unwrap_err().contains("ends"));
    }
}
