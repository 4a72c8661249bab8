//! Windows palettes: a RIFF file of form `PAL ` whose `data` chunk is a LOGPALETTE (Microsoft and IBM,
//! "Multimedia Programming Interface and Data Specifications 1.0", 1991, "Palette File Format").

/// What each file begins with.
pub const SIGNATURE: &[u8] = b"RIFF";
/// That, the length of the file, and the form.
const HEADER: usize = 12;
const FORM: &[u8] = b"PAL ";

/// The colors in the order of the file.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    if bytes.get(SIGNATURE.len() + 4..HEADER) != Some(FORM) {
        return Err("it is a RIFF file, but not one of a palette".into());
    }
    let mut rest = &bytes[HEADER..];
    while let Some((&[i, d, e, n, length @ ..], chunk)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes(length) as usize;
        if [i, d, e, n] == *b"data" {
            return colors(chunk.get(..length).unwrap_or(chunk));
        }
        // Chunks begin at even places.
        rest = chunk.get(length + length % 2..).unwrap_or_default();
    }
    Err("it is a RIFF file without a chunk of colors".into())
}

/// The colors of a LOGPALETTE: version, number, and red, green, blue and flags of each.
fn colors(data: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let entries = match data {
        [_, _, low, high, entries @ ..] => {
            entries.get(..4 * usize::from(u16::from_le_bytes([*low, *high])))
        }
        _ => None,
    };
    let entries = entries.ok_or("it ends before its last color")?;
    let colors = entries.chunks_exact(4);
    Ok(colors
        .map(|entry| [entry[0], entry[1], entry[2], 255])
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with another chunk of an odd length before the colors.
    const FILE: &[u8] = b"RIFF\x28\0\0\0PAL offs\x01\0\0\0x\0data\x0c\0\0\0\x00\x03\x02\0\
        \x01\x02\x03\x04\xff\x80\0\0";

    #[test]
    fn colors_are_read_and_their_flags_are_no_alpha() {
        assert_eq!(load(FILE).unwrap(), [[1, 2, 3, 255], [255, 128, 0, 255]]);
    }

    #[test]
    fn what_is_cut_or_holds_no_colors_is_refused() {
        for end in SIGNATURE.len()..FILE.len() {
            assert!(load(&FILE[..end]).is_err(), "{end}");
        }
        assert!(load(b"RIFF\x04\0\0\0WAVE").unwrap_err().contains("RIFF"));
        let mut number = FILE.to_vec();
        number[FILE.len() - 9] = 255;
        assert!(load(&number).unwrap_err().contains("ends"));
    }
}
