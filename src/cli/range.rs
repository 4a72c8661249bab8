//! Numbers of the command line, checked against what they may be. clap's own messages say what is
//! wrong with one, but not what would be right.

use std::{num::NonZeroUsize, ops::RangeInclusive, str::FromStr};

use quantize::palette;

use super::args::Clusters;

pub fn clusters(value: &str) -> Result<Clusters, String> {
    if value == "auto" {
        return Ok(Clusters::Auto);
    }
    within(
        value,
        1..=256,
        "-k takes a whole number from 1 to 256, or auto",
    )
    .map(Clusters::Number)
}

/// Decibels that an error can be told in: 0 is noise all over, and 8 bits end near 60.
pub fn decibels(value: &str) -> Result<f64, String> {
    within(
        value,
        0.0..=200.0,
        "--min-psnr takes a number of decibels from 0 to 200",
    )
}

pub fn bytes(value: &str) -> Result<u64, String> {
    let bytes = size_in_bytes(value).filter(|&bytes| bytes >= 1);
    bytes.ok_or_else(|| "--max-bytes takes a size of at least 1, such as 40000 or 40K".to_owned())
}

/// Like #2b3a1e; a color without any alpha is black.
pub fn color(value: &str) -> Result<[u8; 4], String> {
    match palette::parse_hex(value) {
        Some([_, _, _, 0]) => Ok([0; 4]),
        Some(color) => Ok(color),
        None => Err(
            "--keep-color takes #rrggbb, #rgb or #rrggbbaa, with commas between them".to_owned(),
        ),
    }
}

pub fn max_k(value: &str) -> Result<usize, String> {
    within(value, 1..=256, "--max-k takes a whole number from 1 to 256")
}

/// Like 640x480.
pub fn size(value: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| text.parse().ok().filter(|&side: &u32| side > 0);
    value
        .split_once('x')
        .and_then(|(width, height)| Some((side(width)?, side(height)?)))
        .ok_or_else(|| "--size takes a width and a height of at least 1, like 640x480".to_owned())
}

pub fn n_init(value: &str) -> Result<usize, String> {
    within(
        value,
        1..=usize::MAX,
        "--n-init takes a whole number of at least 1",
    )
}

pub fn max_iter(value: &str) -> Result<usize, String> {
    within(
        value,
        1..=usize::MAX,
        "--max-iter takes a whole number of at least 1",
    )
}

pub fn seed(value: &str) -> Result<u64, String> {
    within(
        value,
        0..=u64::MAX,
        "--seed takes a whole number from 0 to 18446744073709551615",
    )
}

pub fn threads(value: &str) -> Result<NonZeroUsize, String> {
    let range = NonZeroUsize::MIN..=NonZeroUsize::MIN.saturating_add(1023);
    within(value, range, "-j takes a whole number from 1 to 1024")
}

pub fn memory(value: &str) -> Result<u64, String> {
    let bytes = size_in_bytes(value).filter(|&bytes| bytes >= 1 << 20);
    bytes.ok_or_else(|| "--max-memory takes a size from 1M up, such as 512M or 2G".to_owned())
}

/// A number of bytes, with K, M or G for powers of 1024.
fn size_in_bytes(value: &str) -> Option<u64> {
    let (digits, shift) = match value.as_bytes().last()? {
        b'K' | b'k' => (&value[..value.len() - 1], 10),
        b'M' | b'm' => (&value[..value.len() - 1], 20),
        b'G' | b'g' => (&value[..value.len() - 1], 30),
        _ => (value, 0),
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift)
}

pub fn tol(value: &str) -> Result<f64, String> {
    within(
        value,
        0.0..=f64::MAX,
        "--tol takes a number that is not negative",
    )
}

pub fn reg_covar(value: &str) -> Result<f64, String> {
    within(value, 0.0..=1e6, "--reg-covar takes a number from 0 to 1e6")
}

fn within<T: FromStr + PartialOrd>(
    value: &str,
    range: RangeInclusive<T>,
    what_is_right: &str,
) -> Result<T, String> {
    value
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| what_is_right.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_counted_in_powers_of_1024() {
        assert_eq!(memory("2G"), Ok(2 << 30));
        assert_eq!(memory("512m"), Ok(512 << 20));
        assert_eq!(memory("2048K"), Ok(2 << 20));
        assert_eq!(memory("1048576"), Ok(1 << 20));
        for wrong in ["", "G", "-1", "1.5G", "2GB", "1K", "99999999999G", "é"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
        assert_eq!(bytes("40k"), Ok(40 << 10));
        assert_eq!(bytes("40000"), Ok(40_000));
        for wrong in ["", "0", "0K", "-1", "40KB", "99999999999G"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
