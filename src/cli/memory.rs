//! One budget of memory over all workers, and what becomes of memory that is freed.

use std::{
    hint::black_box,
    sync::{Condvar, Mutex, PoisonError},
};

/// The largest piece that has an effect below: glibc's bound is 32 MiB, headers included.
const LARGE: usize = (32 << 20) - (64 << 10);

/// Makes memory that is freed stay with the process. glibc gives large pieces back to the system, and the
/// next stage would get its memory page by page anew. What is large, from 128 KiB on at first, is told by
/// the largest piece that was freed (mallopt(3), `M_MMAP_THRESHOLD`), so such a piece is freed here. Other
/// allocators take no notice.
pub fn keep_what_is_freed() {
    let mut piece = Vec::<u8>::new();
    // Nothing is written to it, so it takes no memory; if even the addresses are refused, nothing is lost.
    let _ = piece.try_reserve_exact(LARGE);
    drop(black_box(piece));
}

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

impl Claim<'_> {
    /// Whether it holds `bytes` now, or all of the budget, if that is less: what it lacks is had at
    /// once or not at all. To wait for it while holding the rest, as others may do at the same time,
    /// could take forever; so who gets a no drops the claim, and all that it stands for, and
    /// [claims](Budget::claim) `bytes` from the start.
    #[must_use]
    pub fn grow(&mut self, bytes: u64) -> bool {
        let more = bytes.min(self.budget.total).saturating_sub(self.bytes);
        let free = &self.budget.free;
        let mut free = free.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = more <= *free;
        if is_free {
            *free -= more;
            self.bytes += more;
        }
        is_free
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

    #[test]
    fn a_claim_grows_by_what_is_free_and_gives_all_of_it_back() {
        let budget = Budget::new(10);
        let mut claim = budget.claim(3);
        let other = budget.claim(4);
        assert!(!claim.grow(7));
        assert!(claim.grow(6));
        assert!(claim.grow(2), "it holds more");
        drop(other);
        assert!(claim.grow(99), "there is no more than all");
        drop(claim);
        assert!(budget.claim(0).grow(10));
    }
}
