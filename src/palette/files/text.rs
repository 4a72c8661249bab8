//! What the text formats have in common: lines with numbers in them.

use std::borrow::Cow;

/// The text in `bytes` without a byte order mark. Names may be in any encoding; bytes that are not
/// UTF-8 become U+FFFD.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// The lines of `text` that are not blank, without space around them, each with its number from 1.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .map(|(i, line)| (i + 1, line))
        .filter(|(_, line)| !line.is_empty())
}

/// The opaque color whose red, green and blue begin `line` as decimal numbers; what follows is a
/// name.
///
/// # Errors
/// When they are not three numbers from 0 to 255.
pub fn decimal_color(number: usize, line: &str) -> Result<[u8; 4], String> {
    let mut fields = line.split_ascii_whitespace().map(str::parse);
    match (fields.next(), fields.next(), fields.next()) {
        (Some(Ok(r)), Some(Ok(g)), Some(Ok(b))) => Ok([r, g, b, 255]),
        _ => Err(format!(
            "line {number} should begin with three numbers from 0 to 255, not {}",
            quoted(line)
        )),
    }
}

/// The start of foreign text, in quotes and without control characters.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 24;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_any_ending() {
        let text = decode(b"\xef\xbb\xbfa\r\n\r\n b \n\xe4");
        assert_eq!(
            lines(&text).collect::<Vec<_>>(),
            [(1, "a"), (3, "b"), (4, "\u{fffd}")]
        );
    }

    #[test]
    fn a_quotation_is_short_and_without_control_characters() {
        assert_eq!(quoted("\u{1b}[1m"), "\"\\u{1b}[1m\"");
        assert_eq!(
            quoted(&"é".repeat(25)),
            format!("\"{}\"...", "é".repeat(24))
        );
    }
}
