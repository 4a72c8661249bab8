//! One budget of memory over all workers.

use std::sync::{Condvar, Mutex, PoisonError};

/// Bytes that pictures may take together.
pub struct Budget {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// Bytes of a budget that a picture holds until it is dropped.
pub struct Claim<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self {
            total,
            free: Mutex::new(total),
            freed: Condvar::new(),
        }
    }

    /// `bytes` of it, as soon as others have left so many; all of it, if that is less. A worker
    /// must not hold one claim and ask for another.
    pub fn claim(&self, bytes: u64) -> Claim<'_> {
        let bytes = bytes.min(self.total);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_while(free, |free| *free < bytes);
        *waited.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Claim {
            budget: self,
            bytes,
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let free = &self.budget.free;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn claims_never_exceed_the_budget_and_all_are_met() {
        let budget = Budget::new(10);
        let (held, met) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for bytes in [3, 4, 5, 6, 7, 10, 99] {
                let (budget, held, met) = (&budget, &held, &met);
                scope.spawn(move || {
                    let claim = budget.claim(bytes);
                    assert!(held.fetch_add(claim.bytes, Ordering::SeqCst) + claim.bytes <= 10);
                    thread::sleep(Duration::from_millis(2));
                    held.fetch_sub(claim.bytes, Ordering::SeqCst);
                    met.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(met.into_inner(), 7);
    }
}
