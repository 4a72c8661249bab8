//! exp and ln over lanes: polynomials without branches or fused operations, so that every machine
//! computes the same bits.

use crate::simd::{LANES, Vector};

/// Adding this to a double of moderate size leaves its nearest integer in the lowest bits of the
/// sum.
const ROUNDER: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52

/// ln 2 in two parts, the first short enough that a multiple of it up to 1100 is exact (fdlibm's
/// split).
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// Below this, e^x counts as 0: before the results become subnormal.
const EXP_LOWEST: f64 = -708.0;

/// The second, fourth and eighth power.
#[inline(always)]
fn powers(x: Vector) -> [Vector; 3] {
    let x2 = x * x;
    let x4 = x2 * x2;
    [x2, x4, x4 * x4]
}

/// e^x for x <= 0, within 1e-15 of it relatively; 0 below -708.
#[inline(always)]
pub(crate) fn exp(x: Vector) -> Vector {
    // Never below, so that the bit pattern of the exponent stays in range.
    let inside = x.max(Vector([EXP_LOWEST; LANES]));
    let shifted = inside * std::f64::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = (inside - n * LN_2_HIGH) - n * LN_2_LOW;
    // Taylor's series: for |r| <= ln 2 / 2 the first term left out is below 4e-18. Its terms are
    // paired (Estrin's scheme), because a chain of them would have to wait for each product.
    let [r2, r4, r8] = powers(r);
    let pair = |high: f64, low: f64| r * high + low;
    let terms_0_to_3 = pair(1.0 / 6.0, 0.5) * r2 + pair(1.0, 1.0);
    let terms_4_to_7 = pair(1.0 / 5_040.0, 1.0 / 720.0) * r2 + pair(1.0 / 120.0, 1.0 / 24.0);
    let terms_8_to_11 =
        pair(1.0 / 39_916_800.0, 1.0 / 3_628_800.0) * r2 + pair(1.0 / 362_880.0, 1.0 / 40_320.0);
    let terms_12_and_13 = pair(1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0);
    let p = (terms_12_and_13 * r4 + terms_8_to_11) * r8 + (terms_4_to_7 * r4 + terms_0_to_3);
    let scale =
        shifted.each(|n| f64::from_bits((n.to_bits() << 52).wrapping_add(1.0f64.to_bits())));
    (p * scale).with(x, |result, x| if x > EXP_LOWEST { result } else { 0.0 })
}

/// ln x for positive, normal x, within 1e-15 of max(1, |ln x|).
#[inline(always)]
pub(crate) fn ln(x: Vector) -> Vector {
    // x = 2^n m with m in [1 / sqrt 2, sqrt 2).
    let exponent = |x: f64| {
        x.to_bits()
            .wrapping_sub(std::f64::consts::FRAC_1_SQRT_2.to_bits())
            & 0xfff0_0000_0000_0000
    };
    let m = x.each(|x| f64::from_bits(x.to_bits().wrapping_sub(exponent(x))));
    // The exponent, signed, becomes a double by way of the lowest bits of ROUNDER.
    let n = x.each(|x| {
        let n = (exponent(x).cast_signed() >> 52).cast_unsigned();
        f64::from_bits(ROUNDER.to_bits().wrapping_add(n)) - ROUNDER
    });
    // ln m = 2 artanh s; with |s| <= 0.1716 the first term left out is below 1e-18.
    let s = (m - 1.0).with(m + 1.0, |a, b| a / b);
    let t = s * s;
    let [t2, t4, t8] = powers(t);
    let pair = |high: f64, low: f64| t * high + low;
    let terms_0_to_3 = pair(1.0 / 9.0, 1.0 / 7.0) * t2 + pair(1.0 / 5.0, 1.0 / 3.0);
    let terms_4_to_7 = pair(1.0 / 17.0, 1.0 / 15.0) * t2 + pair(1.0 / 13.0, 1.0 / 11.0);
    let terms_8_and_9 = pair(1.0 / 21.0, 1.0 / 19.0);
    let p = terms_8_and_9 * t8 + (terms_4_to_7 * t4 + terms_0_to_3);
    n * LN_2_HIGH + (n * LN_2_LOW + (s * 2.0 + s * 2.0 * t * p))
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
            let (ours, theirs) = (exp(Vector([x; LANES])).0[0], libm::exp(x));
            assert!(
                (ours - theirs).abs() <= 1e-15 * theirs,
                "exp({x}) = {theirs}, not {ours}"
            );
        }
    }

    #[test]
    fn exp_of_what_is_too_small_is_zero() {
        assert_eq!(
            exp(Vector([
                -708.1,
                -1e6,
                f64::NEG_INFINITY,
                f64::MIN,
                -708.0,
                -709.0,
                -1e300,
                -750.0
            ]))
            .0,
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
            let (ours, theirs) = (ln(Vector([x; LANES])).0[0], libm::log(x));
            assert!(
                (ours - theirs).abs() <= 1e-15 * theirs.abs().max(1.0),
                "ln({x}) = {theirs}, not {ours}"
            );
        }
    }
}
