//! Numbers of the command line, checked against what they may be. clap's own messages say what is
//! wrong with one, but not what would be right.

use std::{num::NonZeroUsize, ops::RangeInclusive, str::FromStr};

pub fn colors(value: &str) -> Result<usize, String> {
    within(value, 1..=256, "-k takes a whole number from 1 to 256")
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
