//! Style sheets: each color a custom property of the root.

use std::fmt::Write;

use super::{
    hex,
    text::{decode, quoted},
};

/// Functions that make colors (CSS Color Module Level 4, section 4).
const FUNCTIONS: [&str; 10] = [
    "rgb(", "rgba(", "hsl(", "hsla(", "hwb(", "lab(", "lch(", "oklab(", "oklch(", "color(",
];

/// Every value that begins with `#`, in the order of the file; this takes variables of Sass too. What
/// functions make is refused, because the palette would lack it, and other values pass.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let text = without_comments(&decode(bytes));
    let colors = text
        .split(':')
        .skip(1)
        .map(str::trim_start)
        .filter(|value| value.starts_with('#') || is_function(value))
        .map(|value| {
            if is_function(value) {
                let end = value.find(')').map_or(value.len(), |end| end + 1);
                let function = quoted(&value[..end]);
                return Err(format!("{function} is not read; write it as #rrggbb"));
            }
            let end = value[1..]
                .find(|c: char| !c.is_alphanumeric())
                .map_or(value.len(), |end| end + 1);
            let color = &value[..end];
            hex::parse(color)
                .ok_or_else(|| format!("a color is #rrggbb or #rrggbbaa, not {}", quoted(color)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if colors.is_empty() {
        return Err("there is no color like #2b3a1e in it".into());
    }
    Ok(colors)
}

fn is_function(value: &str) -> bool {
    let start = value
        .chars()
        .take(6)
        .collect::<String>()
        .to_ascii_lowercase();
    FUNCTIONS.iter().any(|name| start.starts_with(name))
}

/// `text` with a space for each comment, of which one may lack its end.
fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let before = parts.next().unwrap_or_default();
    let after = parts.map(|part| part.split_once("*/").map_or("", |(_, after)| after));
    let kept: Vec<_> = std::iter::once(before).chain(after).collect();
    kept.join(" ")
}

/// The text of a style sheet with the properties `--color-1` and so on.
pub fn save(colors: &[[u8; 4]]) -> String {
    let mut text = ":root {\n".to_owned();
    for (i, &color) in colors.iter().enumerate() {
        let _ = writeln!(text, "  --color-{}: #{};", i + 1, hex::digits(color));
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_the_values_and_neither_selectors_nor_comments() {
        let text = "/* was: #000000; */ #top, a:hover { color:#Fff; margin: 0 }\n\
                    :root { --sky: #2b3a1e80; /* #111 */ --x: 1px solid }\n$leaf: #00ff00;";
        assert_eq!(
            load(text.as_bytes()).unwrap(),
            [[255; 4], [0x2b, 0x3a, 0x1e, 128], [0, 255, 0, 255]]
        );
    }

    #[test]
    fn a_color_that_is_none_is_quoted() {
        assert_eq!(
            load(b"a { color: #ff00 }").unwrap_err(),
            "a color is #rrggbb or #rrggbbaa, not \"#ff00\""
        );
        assert!(load(b"a { color: red }").unwrap_err().contains("no color"));
    }

    #[test]
    fn a_color_that_a_function_makes_is_refused_and_not_left_out() {
        let text = b":root { --a: #00f; --b: RGB(255 0 0 / 50%); --c: #0f0 }";
        assert_eq!(
            load(text).unwrap_err(),
            "\"RGB(255 0 0 / 50%)\" is not read; write it as #rrggbb"
        );
        assert_eq!(load(b"a { --x: #00f; --y: calc(1px) }").unwrap().len(), 1);
    }

    #[test]
    fn a_style_sheet_has_a_property_for_each_color() {
        assert_eq!(
            save(&[[1, 2, 3, 255], [1, 2, 3, 4]]),
            ":root {\n  --color-1: #010203;\n  --color-2: #01020304;\n}\n"
        );
    }
}
