//! Photoshop color tables: 256 times three bytes, then how many of them count and which one is
//! transparent.
//!
//! Source: Adobe Photoshop File Formats Specification, "Color Table".

use super::fields::Fields;

/// Bytes of the table, and of a file that has all fields.
const TABLE: usize = 256 * 3;
const WHOLE: usize = TABLE + 4;

/// The colors in the order of the file; a table without a number has all 256.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    if bytes.len() != TABLE && bytes.len() != WHOLE {
        return Err(format!(
            "it should have {TABLE} or {WHOLE} bytes, not {}",
            bytes.len()
        ));
    }
    let (table, rest) = bytes.split_at(TABLE);
    let (triples, _) = table.as_chunks();
    let mut colors: Vec<_> = triples.iter().map(|&[r, g, b]| [r, g, b, 255]).collect();
    if !rest.is_empty() {
        let mut fields = Fields(rest);
        let count = usize::from(fields.u16()?);
        if !(1..=256).contains(&count) {
            return Err(format!("it says that {count} of its 256 colors count"));
        }
        colors.truncate(count);
        let transparent = usize::from(fields.u16()?);
        if let Some(color) = colors.get_mut(transparent) {
            color[3] = 0;
        }
    }
    Ok(colors)
}

/// The bytes of a file. The first color that is fully transparent stays so, of the others only what
/// is opaque is kept.
pub fn save(colors: &[[u8; 4]]) -> Vec<u8> {
    let mut bytes: Vec<u8> = colors.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
    bytes.resize(TABLE, 0);
    bytes.extend((colors.len() as u16).to_be_bytes());
    let transparent = colors.iter().position(|color| color[3] == 0);
    bytes.extend(transparent.map_or(u16::MAX, |i| i as u16).to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_without_a_number_has_256_colors() {
        let bytes: Vec<u8> = (0..TABLE).map(|i| (i / 3) as u8).collect();
        let colors = load(&bytes).unwrap();
        assert_eq!((colors.len(), colors[200]), (256, [200, 200, 200, 255]));
    }

    #[test]
    fn the_number_and_the_transparent_color_stand_at_the_end() {
        let bytes = save(&[[1, 2, 3, 255], [4, 5, 6, 0]]);
        assert_eq!(bytes.len(), 772);
        assert_eq!(bytes[768..], [0, 2, 0, 1]);
        assert_eq!(save(&[[1, 2, 3, 255]])[768..], [0, 1, 255, 255]);
        assert_eq!(load(&bytes).unwrap(), [[1, 2, 3, 255], [4, 5, 6, 0]]);
    }

    #[test]
    fn a_wrong_length_and_a_wrong_number_are_refused() {
        assert!(load(&[0; 771]).unwrap_err().contains("not 771"));
        for count in [0u16, 257, u16::MAX] {
            let mut bytes = vec![0; TABLE];
            bytes.extend(count.to_be_bytes());
            bytes.extend([255; 2]);
            assert!(load(&bytes).is_err(), "{count}");
        }
    }
}
