//! Colors to sRGB, from what a file says they are.

use std::{ops::RangeInclusive, sync::Arc};

use moxcms::{
    Chromaticity, CicpProfile, CmsError, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics, TransformExecutor,
    TransformOptions,
};
use rayon::prelude::*;

use super::{PIXELS_PER_TASK, Pixels};

/// The gAMA that PNG gives to sRGB: 1 / 2.2. Its real curve is another, and meant.
const GAMMA_OF_SRGB: u32 = 45455;

/// Values of gAMA that a display or a camera could have.
const GAMMAS: RangeInclusive<u32> = 1_000..=1_000_000;

/// What the numbers of pixels mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ColorDescription {
    /// Colors of sRGB.
    #[default]
    Srgb,
    /// What this ICC profile says.
    Icc(Vec<u8>),
    /// Light to this power, of lamps of these colors (PNG's gAMA and cHRM).
    Gamma {
        /// The exponent, times 100,000.
        gamma: u32,
        /// The lamps; those of sRGB where nothing is said.
        chromaticities: Option<Chromaticities>,
    },
    /// Code points of ITU-T H.273 (PNG's cICP): primaries, transfer function, matrix, full range.
    Cicp([u8; 4]),
}

/// The CIE 1931 chromaticities x and y, times 100,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chromaticities {
    pub white: (u32, u32),
    pub red: (u32, u32),
    pub green: (u32, u32),
    pub blue: (u32, u32),
}

impl Chromaticities {
    /// Those of sRGB (IEC 61966-2-1).
    const SRGB: Self = Self {
        white: (31270, 32900),
        red: (64000, 33000),
        green: (30000, 60000),
        blue: (15000, 6000),
    };

    fn all(&self) -> [(u32, u32); 4] {
        [self.white, self.red, self.green, self.blue]
    }

    /// Whether no coordinate is farther from that of sRGB than a thousandth.
    fn is_srgb(&self) -> bool {
        let pairs = self.all().into_iter().zip(Self::SRGB.all());
        pairs
            .flat_map(|(a, b)| [a.0.abs_diff(b.0), a.1.abs_diff(b.1)])
            .all(|difference| difference <= 100)
    }

    /// Whether the lamps span a triangle, and white is a color.
    fn is_sound(&self) -> bool {
        let [_, r, g, b] = self
            .all()
            .map(|(x, y)| (f64::from(x) / 1e5, f64::from(y) / 1e5));
        let area = (g.0 - r.0) * (b.1 - r.1) - (b.0 - r.0) * (g.1 - r.1);
        let is_color = |(x, y): (u32, u32)| y > 0 && x <= 200_000 && y <= 200_000;
        area.abs() > 1e-3 && self.all().into_iter().all(is_color)
    }
}

impl From<png::SourceChromaticities> for Chromaticities {
    fn from(source: png::SourceChromaticities) -> Self {
        let scaled =
            |(x, y): (png::ScaledFloat, png::ScaledFloat)| (x.into_scaled(), y.into_scaled());
        Self {
            white: scaled(source.white),
            red: scaled(source.red),
            green: scaled(source.green),
            blue: scaled(source.blue),
        }
    }
}

impl From<Chromaticities> for png::SourceChromaticities {
    fn from(chromaticities: Chromaticities) -> Self {
        let scaled = |(x, y)| {
            (
                png::ScaledFloat::from_scaled(x),
                png::ScaledFloat::from_scaled(y),
            )
        };
        Self {
            white: scaled(chromaticities.white),
            red: scaled(chromaticities.red),
            green: scaled(chromaticities.green),
            blue: scaled(chromaticities.blue),
        }
    }
}

/// What became of the colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are sRGB, as they were.
    Srgb,
    /// They are sRGB now.
    Converted,
    /// Their profile cannot be read, and they are as they were.
    Broken,
    /// Their profile is for other pixels, and they are as they were.
    Ignored,
    /// They are brighter than sRGB can say, and as they were.
    HighDynamicRange,
}

/// Converts `pixels` from what `color` says they are to sRGB, with the precision that they have.
/// `is_gray` says that the file can hold nothing but gray, so that a profile of gray is for it.
pub fn to_srgb(pixels: &mut Pixels, is_gray: bool, color: &ColorDescription) -> Outcome {
    let profile = match source_profile(color, is_gray) {
        Ok(Some(profile)) => profile,
        Ok(None) => return Outcome::Srgb,
        Err(outcome) => return outcome,
    };
    let is_gray = match profile.color_space {
        DataColorSpace::Rgb => false,
        DataColorSpace::Gray if is_gray => true,
        _ => return Outcome::Ignored,
    };
    match convert(pixels, &profile, is_gray) {
        Ok(outcome) => outcome,
        Err(_) => Outcome::Broken,
    }
}

/// The profile of a description, or nothing where it is sRGB.
fn source_profile(
    color: &ColorDescription,
    is_gray: bool,
) -> Result<Option<ColorProfile>, Outcome> {
    match color {
        ColorDescription::Srgb => Ok(None),
        ColorDescription::Icc(bytes) => {
            let profile = ColorProfile::new_from_slice(bytes).map_err(|_| Outcome::Broken)?;
            match &profile.cicp {
                Some(codes) if is_high_dynamic_range(codes) => Err(Outcome::HighDynamicRange),
                _ => Ok(Some(profile)),
            }
        }
        ColorDescription::Gamma {
            gamma,
            chromaticities,
        } => {
            let is_srgb = gamma.abs_diff(GAMMA_OF_SRGB) <= GAMMA_OF_SRGB / 100
                && (is_gray || chromaticities.is_none_or(|c| c.is_srgb()));
            if is_srgb {
                Ok(None)
            } else {
                gamma_profile(*gamma, *chromaticities, is_gray).map(Some)
            }
        }
        ColorDescription::Cicp(codes) => cicp_profile(*codes).map(Some),
    }
}

fn gamma_profile(
    gamma: u32,
    chromaticities: Option<Chromaticities>,
    is_gray: bool,
) -> Result<ColorProfile, Outcome> {
    if !GAMMAS.contains(&gamma) {
        return Err(Outcome::Broken);
    }
    let exponent = 1e5 / gamma as f32;
    if is_gray {
        return Ok(ColorProfile::new_gray_with_gamma(exponent));
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some(chromaticities) = chromaticities {
        if !chromaticities.is_sound() {
            return Err(Outcome::Broken);
        }
        let [white, red, green, blue] = chromaticities
            .all()
            .map(|(x, y)| Chromaticity::new(x as f32 / 1e5, y as f32 / 1e5));
        profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
    }
    let curve = Some(ToneReprCurve::Parametric(vec![exponent]));
    profile.red_trc.clone_from(&curve);
    profile.green_trc.clone_from(&curve);
    profile.blue_trc = curve;
    // It would say that the curve is that of sRGB.
    profile.cicp = None;
    Ok(profile)
}

fn cicp_profile(
    [primaries, transfer, matrix, full_range]: [u8; 4],
) -> Result<ColorProfile, Outcome> {
    // PNG has RGB in full range, or it is no PNG.
    if (matrix, full_range) != (0, 1) {
        return Err(Outcome::Ignored);
    }
    let ignored = |_| Outcome::Ignored;
    let codes = CicpProfile {
        color_primaries: primaries.try_into().map_err(ignored)?,
        transfer_characteristics: transfer.try_into().map_err(ignored)?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    if is_high_dynamic_range(&codes) {
        return Err(Outcome::HighDynamicRange);
    }
    let profile = ColorProfile::new_from_cicp(codes);
    match profile.red_trc {
        Some(_) => Ok(profile),
        None => Err(Outcome::Ignored),
    }
}

fn is_high_dynamic_range(codes: &CicpProfile) -> bool {
    use TransferCharacteristics::{Hlg, Smpte2084};
    matches!(codes.transfer_characteristics, Hlg | Smpte2084)
}

fn convert(
    pixels: &mut Pixels,
    profile: &ColorProfile,
    is_gray: bool,
) -> Result<Outcome, CmsError> {
    if describes_srgb(profile, is_gray)? {
        return Ok(Outcome::Srgb);
    }
    match pixels {
        Pixels::Rgb8(pixels) => transform(pixels, profile, is_gray),
        Pixels::Rgba8(pixels) => transform(pixels, profile, is_gray),
        Pixels::Rgb16(pixels) => transform(pixels, profile, is_gray),
        Pixels::Rgba16(pixels) => transform(pixels, profile, is_gray),
    }?;
    Ok(Outcome::Converted)
}

/// Whether the profile leaves colors of 8 bits as they are, rounded. Many files carry a profile of sRGB
/// itself, and rounding would be all that it does. (Of 16 bits it would take ten times as long to ask, for
/// tables of 65,536 values.)
fn describes_srgb(profile: &ColorProfile, is_gray: bool) -> Result<bool, CmsError> {
    let grays = (0..=u8::MAX).map(|v| [v; 3]);
    let cube = (0..729).map(|i| [i / 81, i / 9 % 9, i % 9].map(|v| (v * 255 / 8) as u8));
    let before: Vec<[u8; 3]> = if is_gray {
        grays.collect()
    } else {
        grays.chain(cube).collect()
    };
    let mut after = before.clone();
    transform(&mut after, profile, is_gray)?;
    Ok(after == before)
}

/// Colors of `profile` to sRGB; of gray the first channel is read. A fourth channel is alpha.
fn transform<S: Depth, const N: usize>(
    pixels: &mut [[S; N]],
    profile: &ColorProfile,
    is_gray: bool,
) -> Result<(), CmsError> {
    let has_alpha = N == 4;
    let to = if has_alpha { Layout::Rgba } else { Layout::Rgb };
    let from = match (is_gray, has_alpha) {
        (true, true) => Layout::GrayAlpha,
        (true, false) => Layout::Gray,
        (false, _) => to,
    };
    let executor = S::executor(profile, from, to)?;
    pixels.par_chunks_mut(PIXELS_PER_TASK).try_for_each(|part| {
        let source: Vec<S> = match from {
            Layout::Gray => part.iter().map(|pixel| pixel[0]).collect(),
            Layout::GrayAlpha => part.iter().flat_map(|p| [p[0], p[N - 1]]).collect(),
            _ => part.as_flattened().to_vec(),
        };
        executor.transform(&source, part.as_flattened_mut())
    })
}

/// Bits of a sample.
trait Depth: Copy + Default + Send + Sync {
    fn executor(
        profile: &ColorProfile,
        from: Layout,
        to: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError>;
}

impl Depth for u8 {
    fn executor(
        profile: &ColorProfile,
        from: Layout,
        to: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError> {
        profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, options())
    }
}

impl Depth for u16 {
    fn executor(
        profile: &ColorProfile,
        from: Layout,
        to: Layout,
    ) -> Result<Arc<dyn TransformExecutor<Self> + Send + Sync>, CmsError> {
        profile.create_transform_16bit(from, &ColorProfile::new_srgb(), to, options())
    }
}

/// Exact arithmetic: the library's default trades precision for speed.
fn options() -> TransformOptions {
    TransformOptions {
        prefer_fixed_point: false,
        ..TransformOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sRGB transfer function (IEC 61966-2-1) of light, on 0 to 1.
    fn encoded(light: f64) -> f64 {
        if light <= 0.003_130_8 {
            12.92 * light
        } else {
            1.055 * light.powf(1.0 / 2.4) - 0.055
        }
    }

    fn gamma(gamma: u32) -> ColorDescription {
        ColorDescription::Gamma {
            gamma,
            chromaticities: None,
        }
    }

    #[test]
    fn linear_light_is_encoded_within_a_step_of_eight_bits_and_finer_in_sixteen() {
        for is_gray in [true, false] {
            let mut eight = Pixels::Rgb8((0..=255).map(|v| [v; 3]).collect());
            let outcome = to_srgb(&mut eight, is_gray, &gamma(100_000));
            assert_eq!(outcome, Outcome::Converted);
            let Pixels::Rgb8(eight) = eight else {
                panic!("bits changed")
            };
            for (v, after) in eight.iter().enumerate() {
                let expected = 255.0 * encoded(v as f64 / 255.0);
                for channel in after {
                    assert!(
                        (f64::from(*channel) - expected).abs() <= 1.0,
                        "{v} {after:?}"
                    );
                }
            }
            let mut sixteen = Pixels::Rgb16((0..=u16::MAX).step_by(97).map(|v| [v; 3]).collect());
            to_srgb(&mut sixteen, is_gray, &gamma(100_000));
            let Pixels::Rgb16(sixteen) = sixteen else {
                panic!("bits changed")
            };
            for (i, after) in sixteen.iter().enumerate() {
                let expected = 65535.0 * encoded(i as f64 * 97.0 / 65535.0);
                for channel in after {
                    assert!(
                        (f64::from(*channel) - expected).abs() <= 64.0,
                        "{i} {after:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_gamma_of_srgb_changes_nothing_and_a_mad_one_is_broken() {
        let before = Pixels::Rgba8(vec![[1, 20, 200, 7], [0, 255, 3, 255]]);
        let mut pixels = before.clone();
        for near in [45_455, 45_454, 45_470] {
            assert_eq!(to_srgb(&mut pixels, false, &gamma(near)), Outcome::Srgb);
        }
        assert_eq!(to_srgb(&mut pixels, false, &gamma(0)), Outcome::Broken);
        let on_a_line = Chromaticities {
            red: (30000, 60000),
            ..Chromaticities::SRGB
        };
        let color = ColorDescription::Gamma {
            gamma: 45_455,
            chromaticities: Some(on_a_line),
        };
        assert_eq!(to_srgb(&mut pixels, false, &color), Outcome::Broken);
        assert_eq!(pixels, before);
    }

    #[test]
    fn wide_gamuts_become_srgb_by_profile_and_by_code_points() {
        // By the matrices of Display P3 and sRGB to XYZ.
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        for color in [
            ColorDescription::Icc(p3),
            ColorDescription::Cicp([12, 13, 0, 1]),
        ] {
            let mut pixels = Pixels::Rgba8(vec![[100, 50, 50, 9], [128, 128, 128, 255]]);
            assert_eq!(to_srgb(&mut pixels, false, &color), Outcome::Converted);
            assert_eq!(
                pixels,
                Pixels::Rgba8(vec![[108, 46, 48, 9], [128, 128, 128, 255]])
            );
        }
    }

    #[test]
    fn a_profile_of_srgb_changes_no_bit() {
        let mut pixels = Pixels::Rgb8((0..=255).map(|v| [v, 255 - v, v / 3]).collect());
        let before = pixels.clone();
        let profile = ColorDescription::Icc(ColorProfile::new_srgb().encode().unwrap());
        assert_eq!(to_srgb(&mut pixels, false, &profile), Outcome::Srgb);
        assert_eq!(pixels, before);
    }

    #[test]
    fn what_cannot_be_converted_stays_and_says_why() {
        let before = Pixels::Rgb8(vec![[9, 8, 7]]);
        let gray = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        for (color, expected) in [
            (ColorDescription::Icc(vec![1; 200]), Outcome::Broken),
            (ColorDescription::Icc(Vec::new()), Outcome::Broken),
            (ColorDescription::Icc(gray), Outcome::Ignored),
            (
                ColorDescription::Cicp([9, 16, 0, 1]),
                Outcome::HighDynamicRange,
            ),
            (ColorDescription::Cicp([1, 13, 1, 1]), Outcome::Ignored),
            (ColorDescription::Cicp([1, 2, 0, 1]), Outcome::Ignored),
        ] {
            let mut pixels = before.clone();
            assert_eq!(to_srgb(&mut pixels, false, &color), expected, "{color:?}");
            assert_eq!(pixels, before);
        }
    }
}
