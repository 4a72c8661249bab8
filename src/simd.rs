//! The width of the machine's vectors, chosen while the program runs.
//!
//! Every kernel is written over [`LANES`] virtual lanes and without fused multiply-add, so that it
//! computes the same bits whatever the width.

use std::{
    ops::{Add, AddAssign, Mul, Sub},
    sync::atomic::{AtomicU8, Ordering},
};

use pulp::{Arch, NullaryFnOnce};

/// Virtual lanes: one AVX-512 register of doubles, two of AVX2.
pub(crate) const LANES: usize = 8;

/// One double a lane.
pub(crate) type Lanes = [f64; LANES];

/// One double a lane, with arithmetic lane by lane.
///
/// Formulas written operation by operation over all lanes become vector instructions. A loop over
/// lanes around a formula that has loops of its own does not: the inner loops come first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector(pub Lanes);

impl Vector {
    pub(crate) const ZERO: Self = Self([0.0; LANES]);

    /// `operation` in each lane.
    #[inline(always)]
    pub(crate) fn each(self, operation: impl Fn(f64) -> f64) -> Self {
        let mut result = self;
        for lane in 0..LANES {
            result.0[lane] = operation(self.0[lane]);
        }
        result
    }

    /// `operation` in each lane of both.
    #[inline(always)]
    pub(crate) fn with(self, other: Self, operation: impl Fn(f64, f64) -> f64) -> Self {
        let mut result = self;
        for lane in 0..LANES {
            result.0[lane] = operation(self.0[lane], other.0[lane]);
        }
        result
    }

    /// The larger in each lane; `other` where something is not a number.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { a } else { b })
    }

    /// All lanes added, in order.
    #[inline(always)]
    pub(crate) fn sum(self) -> f64 {
        self.0.iter().sum()
    }
}

impl Add for Vector {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl AddAssign for Vector {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Vector {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
}

impl Mul for Vector {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
}

impl Add<f64> for Vector {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: f64) -> Self {
        self.each(|a| a + other)
    }
}

impl Sub<f64> for Vector {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: f64) -> Self {
        self.each(|a| a - other)
    }
}

impl Mul<f64> for Vector {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        self.each(|a| a * other)
    }
}

/// Which instructions kernels may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Level {
    /// The widest that this machine has.
    Widest,
    /// Those that every processor of the target has.
    Scalar,
    /// AVX2, where the machine has it, otherwise scalar.
    Avx2,
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Widest as u8);

/// Makes all kernels use `level` from now on. Results do not depend on it: this is how tests show
/// that.
#[doc(hidden)]
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Runs `kernel`, whose `call` must be `#[inline(always)]` with all that it calls, compiled for the
/// widest vectors allowed.
#[inline]
pub(crate) fn vectorize<K: NullaryFnOnce>(kernel: K) -> K::Output {
    match LEVEL.load(Ordering::Relaxed) {
        level if level == Level::Scalar as u8 => kernel.call(),
        #[cfg(target_arch = "x86_64")]
        level if level == Level::Avx2 as u8 => match pulp::x86::V3::try_new() {
            Some(v3) => pulp::Simd::vectorize(v3, Call(kernel)),
            None => kernel.call(),
        },
        _ => Arch::new().dispatch(Call(kernel)),
    }
}

/// A kernel as pulp wants it.
struct Call<K>(K);

impl<K: NullaryFnOnce> pulp::WithSimd for Call<K> {
    type Output = K::Output;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> K::Output {
        self.0.call()
    }
}
