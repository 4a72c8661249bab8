//! Colors in hexadecimal, as designers and style sheets write them.

/// The color that `text` names: `rgb`, `rrggbb` or `rrggbbaa`, with or without `#` before it, in
/// either case of letters; `None` when it is none of these. `rgb` is short for `rrggbb` with each
/// digit twice (CSS Color 4, section 5.2).
pub fn parse(text: &str) -> Option<[u8; 4]> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let digits: Vec<u8> = digits
        .chars()
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let byte = |i: usize| digits[2 * i] << 4 | digits[2 * i + 1];
    match digits.len() {
        3 => Some([digits[0] * 17, digits[1] * 17, digits[2] * 17, 255]),
        6 => Some([byte(0), byte(1), byte(2), 255]),
        8 => Some([byte(0), byte(1), byte(2), byte(3)]),
        _ => None,
    }
}

/// `rrggbb`, or `rrggbbaa` for a color that is not opaque, in small letters.
pub fn digits([r, g, b, a]: [u8; 4]) -> String {
    match a {
        255 => format!("{r:02x}{g:02x}{b:02x}"),
        _ => format!("{r:02x}{g:02x}{b:02x}{a:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_read_in_every_way_that_they_are_written() {
        assert_eq!(parse("#0aF"), Some([0, 170, 255, 255]));
        assert_eq!(parse("2b3A1e"), Some([0x2b, 0x3a, 0x1e, 255]));
        assert_eq!(parse("#2b3a1e80"), Some([0x2b, 0x3a, 0x1e, 128]));
        for wrong in [
            "", "#", "12", "12345", "1234567", "12345g", "##123", "+12345", "é12345",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn alpha_is_written_where_it_says_something() {
        assert_eq!(digits([0, 171, 255, 255]), "00abff");
        assert_eq!(digits([0, 171, 255, 0]), "00abff00");
    }
}
