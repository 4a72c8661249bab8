//! How long things take.

use std::time::Instant;

/// Seconds of one stage after the other.
pub struct Stopwatch {
    start: Instant,
    lap: Instant,
}

impl Stopwatch {
    pub fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            lap: now,
        }
    }

    /// Since the last lap.
    pub fn lap(&mut self) -> f64 {
        let now = Instant::now();
        (now - std::mem::replace(&mut self.lap, now)).as_secs_f64()
    }

    /// Since the start.
    pub fn total(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
