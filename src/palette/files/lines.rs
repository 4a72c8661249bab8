//! Hexadecimal colors, one a line: `hex` as Lospec has it, and the `txt` of Paint.NET, which puts
//! alpha first.

use super::{
    hex,
    text::{decode, lines, quoted},
};

/// The colors in the order of the file: `rrggbb` or `rrggbbaa`, with or without `#`.
pub fn load_hex(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    load(bytes, hex::parse)
}

/// The colors in the order of the file: `AARRGGBB` or `rrggbb`; with `#` before it a color of eight
/// digits has its alpha last, as everywhere else.
pub fn load_paint_net(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    load(bytes, |line| match hex::parse(line) {
        Some([a, r, g, b]) if line.len() == 8 && !line.starts_with('#') => Some([r, g, b, a]),
        color => color,
    })
}

/// The color of each line; those that begin with a semicolon are comments.
fn load(bytes: &[u8], color: impl Fn(&str) -> Option<[u8; 4]>) -> Result<Vec<[u8; 4]>, String> {
    let text = decode(bytes);
    let colors: Vec<_> = lines(&text)
        .filter(|(_, line)| !line.starts_with(';'))
        .map(|(number, line)| {
            // Three digits are what is left of six in a file that was cut.
            let is_whole = line.trim_start_matches('#').len() > 3;
            color(line).filter(|_| is_whole).ok_or_else(|| {
                format!(
                    "line {number} should be a color like 2b3a1e, not {}",
                    quoted(line)
                )
            })
        })
        .collect::<Result<_, _>>()?;
    if colors.is_empty() {
        return Err("there is no color in it".into());
    }
    Ok(colors)
}

/// The text of a `hex` file.
pub fn save_hex(colors: &[[u8; 4]]) -> String {
    let lines = colors.iter().map(|&color| hex::digits(color) + "\n");
    lines.collect()
}

/// The text of a Paint.NET palette.
pub fn save_paint_net(colors: &[[u8; 4]]) -> String {
    let lines = colors
        .iter()
        .map(|[r, g, b, a]| format!("{a:02X}{r:02X}{g:02X}{b:02X}\n"));
    std::iter::once("; paint.net Palette File\n".to_owned())
        .chain(lines)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_as_lospec_has_it_is_read() {
        assert_eq!(
            load_hex(b"140c1c\r\n#442434\r\n30346d80\r\n").unwrap(),
            [
                [20, 12, 28, 255],
                [0x44, 0x24, 0x34, 255],
                [0x30, 0x34, 0x6d, 128]
            ]
        );
    }

    #[test]
    fn paint_net_puts_alpha_first() {
        let text = b";paint.net Palette File\n;Colors: 3\nFF140c1c\n80442434\n30346d\n#14141480\n";
        assert_eq!(
            load_paint_net(text).unwrap(),
            [
                [20, 12, 28, 255],
                [0x44, 0x24, 0x34, 128],
                [0x30, 0x34, 0x6d, 255],
                [20, 20, 20, 128]
            ]
        );
        assert_eq!(
            save_paint_net(&[[20, 12, 28, 255]]),
            "; paint.net Palette File\nFF140C1C\n"
        );
    }

    #[test]
    fn a_line_that_is_no_color_is_named() {
        assert_eq!(
            load_hex(b"140c1c\n\nred\n").unwrap_err(),
            "line 3 should be a color like 2b3a1e, not \"red\""
        );
        assert_eq!(
            load_hex(b"140c1c\n442").unwrap_err(),
            "line 2 should be a color like 2b3a1e, not \"442\""
        );
        assert_eq!(
            load_hex(b"; nothing\n").unwrap_err(),
            "there is no color in it"
        );
    }
}
