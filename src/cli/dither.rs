//! `--dither METHOD[=0..1]`.

use std::ffi::OsStr;

use clap::{
    Arg, Command,
    builder::{PossibleValue, TypedValueParser},
};
use quantize::{Dither, dither::Method};

/// How the error is spread, if it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread(pub Option<Dither>);

/// Reads [`Spread`], and tells shells the names of methods.
#[derive(Clone, Copy)]
pub struct SpreadParser;

impl TypedValueParser for SpreadParser {
    type Value = Spread;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Spread, clap::Error> {
        spread.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue>>> {
        let names = ["none", "floyd-steinberg", "bayer", "blue-noise", "adaptive"];
        Some(Box::new(names.into_iter().map(PossibleValue::new)))
    }
}

/// What an argument of `--dither` asks for.
///
/// # Errors
/// When it names no method, or its strength is no number from 0 to 1; in words for the user.
fn spread(value: &str) -> Result<Spread, String> {
    let (name, strength) = match value.split_once('=') {
        Some((name, strength)) => (name, Some(strength)),
        None => (value, None),
    };
    let method = match name {
        "none" if strength.is_none() => return Ok(Spread(None)),
        "floyd-steinberg" => Method::FloydSteinberg,
        "bayer" => Method::Bayer,
        "blue-noise" => Method::BlueNoise,
        "adaptive" => Method::Adaptive,
        _ => {
            return Err(
                "--dither takes none, or floyd-steinberg, bayer, blue-noise or adaptive, with a \
                 strength or without: adaptive=0.5"
                    .to_owned(),
            );
        }
    };
    let strength = match strength {
        None => 1.0,
        Some(strength) => strength
            .parse()
            .ok()
            .filter(|strength| (0.0..=1.0).contains(strength))
            .ok_or("--dither's strength is a number from 0 to 1, like adaptive=0.5")?,
    };
    Ok(Spread(
        (strength > 0.0).then_some(Dither { method, strength }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_comes_with_its_strength_or_with_all_of_it() {
        let dither = |method, strength| Ok(Spread(Some(Dither { method, strength })));
        assert_eq!(spread("none"), Ok(Spread(None)));
        assert_eq!(spread("bayer"), dither(Method::Bayer, 1.0));
        assert_eq!(spread("blue-noise=1"), dither(Method::BlueNoise, 1.0));
        assert_eq!(
            spread("floyd-steinberg=0.5"),
            dither(Method::FloydSteinberg, 0.5)
        );
        assert_eq!(spread("adaptive=0"), Ok(Spread(None)));
    }

    #[test]
    fn what_is_no_method_or_no_strength_is_refused() {
        for value in [
            "",
            "fs",
            "none=0.5",
            "bayer=",
            "bayer=1.5",
            "bayer=-0.1",
            "bayer=NaN",
        ] {
            assert!(spread(value).is_err(), "{value}");
        }
    }
}
