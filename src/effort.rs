//! How far the search for a better optimum goes.

/// How much work a search may do. It is counted in work, never in time, so that the result is the
/// same on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// A single start, as other implementations do.
    Fast,
    /// A search that pays for itself: most of the gain at little cost.
    #[default]
    Balanced,
    /// A search until little more can be expected.
    Best,
}
