//! The width of the machine's vectors, chosen while the program runs.
//!
//! Every kernel is written over [`LANES`] virtual lanes and without fused multiply-add, so that it
//! computes the same bits whatever the width.

use std::ops::{Add, AddAssign, Mul, Sub};

use pulp::{Arch, NullaryFnOnce};

/// Virtual lanes: one AVX-512 register of doubles, two of AVX2.
pub(crate) const LANES: usize = 8;

/// One double a lane.
pub(crate) type Lanes = [f64; LANES];

/// Virtual lanes of single precision, as wide as [`LANES`] doubles.
pub(crate) const WIDE: usize = 2 * LANES;

/// One single a lane.
pub(crate) type Wide = [f32; WIDE];

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

/// The least value so far in each lane, and what has it; of several the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Least {
    pub value: Vector,
    pub name: Vector,
}

impl Least {
    /// Of nothing yet.
    pub(crate) const NONE: Self = Self {
        value: Vector([f64::INFINITY; LANES]),
        name: Vector::ZERO,
    };

    /// Looks at the value that something has in each lane.
    #[inline(always)]
    pub(crate) fn see(&mut self, value: Vector, name: f64) {
        for lane in 0..LANES {
            let is_less = value.0[lane] < self.value.0[lane];
            self.name.0[lane] = if is_less { name } else { self.name.0[lane] };
            self.value.0[lane] = if is_less {
                value.0[lane]
            } else {
                self.value.0[lane]
            };
        }
    }
}

/// Runs `kernel`, whose `call` must be `#[inline(always)]` with all that it calls, compiled for the
/// widest vectors that this machine has.
#[inline]
pub(crate) fn vectorize<K: NullaryFnOnce>(kernel: K) -> K::Output {
    #[cfg(test)]
    let kernel = match level::run(kernel) {
        Ok(result) => return result,
        Err(kernel) => kernel,
    };
    Arch::new().dispatch(Call(kernel))
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

/// Narrower vectors, for tests which show that results do not depend on them.
#[cfg(test)]
pub(crate) mod level {
    use std::sync::{
        Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    };

    use pulp::NullaryFnOnce;

    /// Which instructions kernels may use.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Level {
        /// The widest that this machine has.
        Widest,
        /// Those that every processor of the target has.
        Scalar,
        /// AVX2, where the machine has it, otherwise scalar.
        Avx2,
        /// AVX-512, where the machine has it, otherwise scalar.
        Avx512,
    }

    impl Level {
        pub(crate) const ALL: [Self; 4] = [Self::Scalar, Self::Avx2, Self::Avx512, Self::Widest];
    }

    static LEVEL: AtomicU8 = AtomicU8::new(Level::Widest as u8);
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    /// What `work` returns with all kernels at `level`.
    pub(crate) fn at_level<R>(level: Level, work: impl FnOnce() -> R) -> R {
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        LEVEL.store(level as u8, Ordering::Relaxed);
        let result = work();
        LEVEL.store(Level::Widest as u8, Ordering::Relaxed);
        result
    }

    /// Runs `kernel` at the level that is set; gives it back where that is the widest.
    pub(super) fn run<K: NullaryFnOnce>(kernel: K) -> Result<K::Output, K> {
        let set = LEVEL.load(Ordering::Relaxed);
        if set == Level::Widest as u8 {
            return Err(kernel);
        }
        #[cfg(target_arch = "x86_64")]
        if set == Level::Avx2 as u8
            && let Some(v3) = pulp::x86::V3::try_new()
        {
            return Ok(pulp::Simd::vectorize(v3, super::Call(kernel)));
        }
        #[cfg(target_arch = "x86_64")]
        if set == Level::Avx512 as u8
            && let Some(v4) = pulp::x86::V4::try_new()
        {
            return Ok(pulp::Simd::vectorize(v4, super::Call(kernel)));
        }
        Ok(kernel.call())
    }
}
