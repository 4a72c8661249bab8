//! JASC palettes, of Paint Shop Pro: text with the number of colors before them.

use std::fmt::Write;

use super::text::{decimal_color, decode, lines, quoted};

const SIGNATURE: &str = "JASC-PAL";
const VERSION: &str = "0100";

/// The colors in the order of the file.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let text = decode(bytes);
    let mut lines = lines(&text);
    for expected in [SIGNATURE, VERSION] {
        let line = lines.next().map_or("", |(_, line)| line);
        if line != expected {
            return Err(format!("{expected:?} was expected, not {}", quoted(line)));
        }
    }
    let claim = lines.next().map_or("", |(_, line)| line);
    let colors = lines
        .map(|(number, line)| decimal_color(number, line))
        .collect::<Result<Vec<_>, _>>()?;
    if claim.parse() != Ok(colors.len()) {
        return Err(format!(
            "line 3 should be the number of colors, {}, not {}",
            colors.len(),
            quoted(claim)
        ));
    }
    Ok(colors)
}

/// The file's text. Its lines end as on Windows, where the format is from.
pub fn save(colors: &[[u8; 4]]) -> String {
    let mut text = format!("{SIGNATURE}\r\n{VERSION}\r\n{}\r\n", colors.len());
    for [r, g, b, _] in colors {
        let _ = write!(text, "{r} {g} {b}\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_with_either_ending_of_lines() {
        let text = "JASC-PAL\r\n0100\r\n2\r\n0 10 255\r\n1 2 3\r\n";
        let colors = [[0, 10, 255, 255], [1, 2, 3, 255]];
        assert_eq!(load(text.as_bytes()).unwrap(), colors);
        assert_eq!(load(text.replace('\r', "").as_bytes()).unwrap(), colors);
        assert_eq!(save(&colors), text);
    }

    #[test]
    fn a_wrong_number_of_colors_is_refused_whatever_it_claims() {
        for claim in ["1", "3", "18446744073709551615", "-2", "two", ""] {
            let text = format!("JASC-PAL\n0100\n{claim}\n0 0 0\n1 2 3\n");
            assert!(load(text.as_bytes()).is_err(), "{claim}");
        }
        assert!(load(b"GIMP Palette").unwrap_err().contains("JASC-PAL"));
    }
}
