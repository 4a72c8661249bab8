//! How far a search goes.

/// How far the search for a better optimum goes, for both models. Work is counted, never timed, so
/// that the result does not depend on the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// A search on coarse boxes of color space, then a fixed amount of exact work.
    Fast,
    /// A search on finer boxes, then exact work until it has converged.
    #[default]
    Balanced,
    /// A search on the colors themselves until it no longer pays.
    Best,
}
