//! GIMP palettes, which Inkscape, Krita and Aseprite read too: text, a color a line.
//!
//! Source: GIMP, `app/core/gimppalette-load.c`.

use std::fmt::Write;

use super::{
    hex,
    text::{decimal_color, decode, lines, quoted},
};

const SIGNATURE: &str = "GIMP Palette";

/// The colors in the order of the file.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let text = decode(bytes);
    let mut lines = lines(&text);
    match lines.next() {
        Some((_, SIGNATURE)) => {}
        first => {
            let line = first.map_or("", |(_, line)| line);
            return Err(format!(
                "it should begin with {SIGNATURE:?}, not {}",
                quoted(line)
            ));
        }
    }
    lines
        .filter(|(_, line)| !is_header(line) && !line.starts_with('#'))
        .map(|(number, line)| decimal_color(number, line))
        .collect()
}

/// Whether a line is `Key: value`. No color is: colors begin with a digit.
fn is_header(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_alphabetic()) && line.contains(':')
}

/// The file's text; each color is named by its hexadecimal digits. What would break the line is left
/// out of the palette's `name`.
pub fn save(colors: &[[u8; 4]], name: &str) -> String {
    let columns = colors.len().min(16);
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = match name.trim() {
        "" => "quantize",
        name => name,
    };
    let mut text = format!("{SIGNATURE}\nName: {name}\nColumns: {columns}\n#\n");
    for &[r, g, b, _] in colors {
        let name = hex::digits([r, g, b, 255]);
        let _ = writeln!(text, "{r:3} {g:3} {b:3}\t#{name}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_gimp_writes_it_is_read() {
        let text = "GIMP Palette\r\nName: Two\r\nColumns: 0\r\n#\r\n# a comment\r\n  \
                    0  10 255\tBlue: sky\r\n\r\n255 255 255\r\n";
        assert_eq!(
            load(text.as_bytes()).unwrap(),
            [[0, 10, 255, 255], [255; 4]]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let load = |text: &str| load(text.as_bytes()).unwrap_err();
        assert_eq!(
            load("GIMP palette\n"),
            "it should begin with \"GIMP Palette\", not \"GIMP palette\""
        );
        assert_eq!(
            load("GIMP Palette\n0 0 256"),
            "line 2 should begin with three numbers from 0 to 255, not \"0 0 256\""
        );
        assert!(load("GIMP Palette\n#\n1 2\n").contains("line 3"));
        assert!(load("GIMP Palette\nred\n").contains("\"red\""));
    }

    #[test]
    fn a_file_has_the_header_that_gimp_asks_for() {
        assert_eq!(
            save(&[[0, 10, 255, 255]], "Sky"),
            "GIMP Palette\nName: Sky\nColumns: 1\n#\n  0  10 255\t#000aff\n"
        );
    }

    #[test]
    fn a_name_is_one_line_without_control_characters_and_never_empty() {
        for (name, written) in [
            ("été 2", "été 2"),
            (" a\n0 0 0\u{1b}[31m\r", "a0 0 0[31m"),
            ("\t\n", "quantize"),
            ("", "quantize"),
        ] {
            let text = save(&[[1, 2, 3, 255]], name);
            assert_eq!(text.lines().nth(1), Some(&*format!("Name: {written}")));
            assert_eq!(load(text.as_bytes()).unwrap(), [[1, 2, 3, 255]]);
        }
    }
}
