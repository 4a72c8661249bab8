//! JSON: the list that reports have as `palette`.

use serde_json::Value;

use super::{hex, text::quoted};

/// The colors in the order of the list. A color is `"#rrggbb"`, an object with such a `hex`, or a
/// list of three or four bytes; the list may be the value of `palette` or `colors`, so that a
/// report is a palette too.
pub fn load(bytes: &[u8]) -> Result<Vec<[u8; 4]>, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let list = ["palette", "colors"]
        .into_iter()
        .filter_map(|key| value.get(key))
        .find(|value| value.is_array())
        .unwrap_or(&value);
    let Value::Array(list) = list else {
        return Err("it should be a list of colors, or have one as \"palette\"".into());
    };
    let color = |value| {
        color(value).ok_or_else(|| {
            format!(
                "a color is \"#rrggbb\" or {{\"hex\": \"#rrggbb\"}}, not {}",
                quoted(&value.to_string())
            )
        })
    };
    list.iter().map(color).collect()
}

fn color(value: &Value) -> Option<[u8; 4]> {
    match value {
        Value::String(text) => hex::parse(text),
        Value::Object(_) => hex::parse(value.get("hex")?.as_str()?),
        Value::Array(channels) => {
            let byte = |channel: &Value| u8::try_from(channel.as_u64()?).ok();
            match channels.iter().map(byte).collect::<Option<Vec<_>>>()?[..] {
                [r, g, b] => Some([r, g, b, 255]),
                [r, g, b, a] => Some([r, g, b, a]),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The text of a list with `hex` and `count` of each color.
pub fn save(colors: &[[u8; 4]], counts: &[u64]) -> String {
    let entries: Vec<_> = colors
        .iter()
        .zip(counts)
        .map(|(&color, count)| {
            let digits = hex::digits(color);
            format!("  {{\"hex\": \"#{digits}\", \"count\": {count}}}")
        })
        .collect();
    format!("[\n{}\n]\n", entries.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_the_ways_that_programs_write_them() {
        let colors = [[0, 170, 255, 255], [1, 2, 3, 4]];
        for text in [
            r##"["#0aF", "#01020304"]"##,
            r##"[{"hex": "00aaff", "count": 3}, {"hex": "#01020304"}]"##,
            "[[0, 170, 255], [1, 2, 3, 4]]",
            r##"{"colors": 2, "palette": ["#00aaff", "#01020304"]}"##,
            r#"{"name": "two", "colors": ["00aaff", "01020304"]}"#,
        ] {
            assert_eq!(load(text.as_bytes()).unwrap(), colors, "{text}");
        }
    }

    #[test]
    fn what_is_no_color_is_quoted() {
        for (text, part) in [
            ("[[0, 170, 256]]", "\"[0,170,256]\""),
            ("[[1, 2]]", "[1,2]"),
            (r#"["red"]"#, "red"),
            ("[null]", "null"),
            ("3", "list of colors"),
            ("{}", "list of colors"),
            ("[", "EOF"),
        ] {
            let error = load(text.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(load("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_list_has_the_counts() {
        assert_eq!(
            save(&[[1, 2, 3, 255], [1, 2, 3, 4]], &[9, 7]),
            "[\n  {\"hex\": \"#010203\", \"count\": 9},\n  {\"hex\": \"#01020304\", \"count\": 7}\n]\n"
        );
    }
}
