//! Photoshop swatches: the colors, then once more with names.
//!
//! Source: Adobe Photoshop File Formats Specification, "Color Swatches".

use super::{
    fields::{Fields, utf16},
    hex,
};
use crate::palette::to_byte;

/// Color spaces by their numbers.
const RGB: u16 = 0;
const HSB: u16 = 1;
const CMYK: u16 = 2;
const LAB: u16 = 7;
const GRAY: u16 = 8;

/// The colors in the order of the file. RGB, HSB and gray can be told without a profile.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let mut fields = Fields(bytes);
    let version = fields.u16()?;
    if version != 1 && version != 2 {
        return Err(format!("it should be of version 1 or 2, not {version}"));
    }
    let count = fields.u16()?;
    let mut colors = Vec::new();
    for _ in 0..count {
        let space = fields.u16()?;
        let values = [fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?];
        colors.push(color(space, values)?);
        if version == 2 {
            let units = fields.u32()? as usize;
            fields.bytes(units.saturating_mul(2))?;
        }
    }
    Ok(colors)
}

fn color(space: u16, [a, b, c, _]: [u16; 4]) -> Result<[u8; 4], String> {
    let unit = |value: u16| f64::from(value) / 65535.0;
    let [r, g, b] = match space {
        RGB => [a, b, c].map(unit),
        HSB => hsb(unit(a), unit(b), unit(c)),
        GRAY => [f64::from(a) / 10_000.0; 3],
        CMYK => return Err(without_profile("CMYK")),
        LAB => return Err(without_profile("Lab")),
        other => return Err(format!("it has a color of the unknown space {other}")),
    };
    Ok([
        to_byte(r * 255.0),
        to_byte(g * 255.0),
        to_byte(b * 255.0),
        255,
    ])
}

fn without_profile(space: &str) -> String {
    format!("it has a color in {space}; save it with RGB swatches")
}

/// Red, green and blue of a hue, where 1 is the whole circle, a saturation and a brightness.
fn hsb(hue: f64, saturation: f64, brightness: f64) -> [f64; 3] {
    // Each channel falls from the brightness as its hue is left: Smith 1978, written without cases.
    [5.0, 3.0, 1.0].map(|shift| {
        let position = (shift + 6.0 * hue) % 6.0;
        let fall = position.min(4.0 - position).clamp(0.0, 1.0);
        brightness * (1.0 - saturation * fall)
    })
}

/// The bytes of a file, each color named by its hexadecimal digits.
pub fn save(colors: &[[u8; 4]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for version in [1u16, 2] {
        bytes.extend(version.to_be_bytes());
        bytes.extend((colors.len() as u16).to_be_bytes());
        for &[r, g, b, _] in colors {
            let [red, green, blue] = [r, g, b].map(|byte| u16::from(byte) * 257);
            bytes.extend([RGB, red, green, blue, 0].map(u16::to_be_bytes).concat());
            if version == 2 {
                let name = utf16(&format!("#{}", hex::digits([r, g, b, 255])));
                bytes.extend((name.len() as u32 / 2).to_be_bytes());
                bytes.extend(name);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1 with one color.
    fn file(space: u16, values: [u16; 4]) -> Vec<u8> {
        [[1, 1, space].as_slice(), &values]
            .concat()
            .iter()
            .flat_map(|field| field.to_be_bytes())
            .collect()
    }

    #[test]
    fn spaces_that_need_no_profile_are_read() {
        let third = 21845;
        for (space, values, color) in [
            (RGB, [65535, 0, 0x8080, 0], [255, 0, 128]),
            (HSB, [0, 65535, 65535, 0], [255, 0, 0]),
            (HSB, [third, 65535, 65535, 0], [0, 255, 0]),
            (HSB, [2 * third, 65535, 65535, 0], [0, 0, 255]),
            (HSB, [third / 2, 65535, 65535, 0], [255, 255, 0]),
            (HSB, [5000, 0, 0x4040, 0], [64, 64, 64]),
            (GRAY, [2_000, 0, 0, 0], [51, 51, 51]),
            (GRAY, [10_000, 0, 0, 0], [255, 255, 255]),
            (GRAY, [65535, 0, 0, 0], [255, 255, 255]),
        ] {
            let [r, g, b, a] = load(&file(space, values)).unwrap()[0];
            assert_eq!(([r, g, b], a), (color, 255), "{space} {values:?}");
        }
    }

    #[test]
    fn spaces_that_need_a_profile_are_named() {
        assert!(load(&file(CMYK, [0; 4])).unwrap_err().contains("CMYK"));
        assert!(load(&file(LAB, [0; 4])).unwrap_err().contains("Lab"));
        assert!(load(&file(99, [0; 4])).unwrap_err().contains("99"));
    }

    #[test]
    fn a_file_that_begins_with_names_is_read() {
        let bytes = save(&[[1, 2, 3, 255], [4, 5, 6, 255]]);
        let first = 4 + 2 * 10;
        assert_eq!(bytes[first..first + 4], [0, 2, 0, 2]);
        let name = b"\0\0\0\x08\0#\x000\x001\x000\x002\x000\x003\0\0";
        assert_eq!(bytes[first + 14..][..name.len()], *name);
        assert_eq!(
            load(&bytes[first..]).unwrap(),
            [[1, 2, 3, 255], [4, 5, 6, 255]]
        );
    }

    #[test]
    fn a_name_that_claims_more_than_there_is_is_an_end_in_the_middle() {
        let mut bytes = file(RGB, [0; 4]);
        bytes[1] = 2;
        bytes.extend(u32::MAX.to_be_bytes());
        assert!(load(&bytes).unwrap_err().contains("ends"));
    }
}
