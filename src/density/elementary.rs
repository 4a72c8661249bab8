//! exp and ln over lanes: polynomials without branches or fused operations, so that every machine
//! computes the same bits.

use crate::simd::{LANES, Lanes};

/// Adding this to a double of moderate size leaves its nearest integer in the lowest bits of the
/// sum.
const ROUNDER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// ln 2 in two parts, the first short enough that a multiple of it up to 1100 is exact (fdlibm's
/// split).
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Below this, e^x counts as 0: before the results become subnormal.
const EXP_LOWEST: f64 = -708.0;

/// e^x for x <= 0, within 1e-15 of it relatively; 0 below -708.
#[inline(always)]
pub(crate) fn exp(x: Lanes) -> Lanes {
    let mut result = [0.0; LANES];
    for lane in 0..LANES {
        // NaN is not to be had here, and max lets the bit pattern of the exponent stay in range.
        let inside = if x[lane] > EXP_LOWEST {
            x[lane]
        } else {
            EXP_LOWEST
        };
        let shifted = inside * std::f64::consts::LOG2_E + ROUNDER;
        let n = shifted - ROUNDER;
        let r = (inside - n * LN_2_HIGH) - n * LN_2_LOW;
        // Taylor's series: for |r| <= ln 2 / 2 the first term left out is below 4e-18.
        let mut p = 1.0 / 6_227_020_800.0;
        p = p * r + 1.0 / 479_001_600.0;
        p = p * r + 1.0 / 39_916_800.0;
        p = p * r + 1.0 / 3_628_800.0;
        p = p * r + 1.0 / 362_880.0;
        p = p * r + 1.0 / 40_320.0;
        p = p * r + 1.0 / 5_040.0;
        p = p * r + 1.0 / 720.0;
        p = p * r + 1.0 / 120.0;
        p = p * r + 1.0 / 24.0;
        p = p * r + 1.0 / 6.0;
        p = p * r + 0.5;
        p = p * r + 1.0;
        p = p * r + 1.0;
        let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0f64.to_bits()));
        result[lane] = if x[lane] > EXP_LOWEST { p * scale } else { 0.0 };
    }
    result
}

/// ln x for positive, normal x, within 1e-15 of max(1, |ln x|).
#[inline(always)]
pub(crate) fn ln(x: Lanes) -> Lanes {
    let mut result = [0.0; LANES];
    for lane in 0..LANES {
        // x = 2^n m with m in [1 / sqrt 2, sqrt 2).
        let bits = x[lane]
            .to_bits()
            .wrapping_sub(std::f64::consts::FRAC_1_SQRT_2.to_bits());
        let exponent = bits & 0xfff0_0000_0000_0000;
        let m = f64::from_bits(x[lane].to_bits().wrapping_sub(exponent));
        // The exponent, signed, becomes a double by way of the lowest bits of ROUNDER.
        let n = f64::from_bits(
            ROUNDER
                .to_bits()
                .wrapping_add((exponent.cast_signed() >> 52).cast_unsigned()),
        ) - ROUNDER;
        // ln m = 2 artanh s; with |s| <= 0.1716 the first term left out is below 1e-18.
        let s = (m - 1.0) / (m + 1.0);
        let t = s * s;
        let mut p = 1.0 / 21.0;
        p = p * t + 1.0 / 19.0;
        p = p * t + 1.0 / 17.0;
        p = p * t + 1.0 / 15.0;
        p = p * t + 1.0 / 13.0;
        p = p * t + 1.0 / 11.0;
        p = p * t + 1.0 / 9.0;
        p = p * t + 1.0 / 7.0;
        p = p * t + 1.0 / 5.0;
        p = p * t + 1.0 / 3.0;
        result[lane] = n * LN_2_HIGH + (n * LN_2_LOW + (2.0 * s + 2.0 * s * t * p));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from `low` to `high` in steps that visit many fractions.
    fn grid(low: f64, high: f64, n: usize) -> impl Iterator<Item = f64> {
        (0..n).map(move |i| low + (high - low) * (i as f64 + 0.37) / n as f64)
    }

    #[test]
    fn exp_agrees_with_libm_over_the_whole_range() {
        for x in grid(-708.0, 0.0, 1_000_000)
            .chain(grid(-1.0, 0.0, 100_000))
            .chain([0.0, -0.0, -f64::MIN_POSITIVE])
        {
            let (ours, theirs) = (exp([x; LANES])[0], libm::exp(x));
            assert!(
                (ours - theirs).abs() <= 1e-15 * theirs,
                "exp({x}) = {theirs}, not {ours}"
            );
        }
    }

    #[test]
    fn exp_of_what_is_too_small_is_zero() {
        assert_eq!(
            exp([
                -708.1,
                -1e6,
                f64::NEG_INFINITY,
                f64::MIN,
                -708.0,
                -709.0,
                -1e300,
                -750.0
            ]),
            [0.0; LANES]
        );
    }

    #[test]
    fn ln_agrees_with_libm_over_the_whole_range() {
        let wide = grid(-300.0, 300.0, 1_000_000).map(libm::exp10);
        for x in wide
            .chain(grid(0.5, 2.0, 100_000))
            .chain(grid(1.0, 256.0, 100_000))
            .chain([1.0, f64::MIN_POSITIVE, f64::MAX])
        {
            let (ours, theirs) = (ln([x; LANES])[0], libm::log(x));
            assert!(
                (ours - theirs).abs() <= 1e-15 * theirs.abs().max(1.0),
                "ln({x}) = {theirs}, not {ours}"
            );
        }
    }
}
