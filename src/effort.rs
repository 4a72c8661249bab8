//! How far a search goes.

/// How far the search for a better optimum goes, for both models. Work is counted, never timed, so
/// that the result does not depend on the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// k-means: a search on coarse boxes of color space, then a fixed number of exact iterations.
    /// Mixtures: EM from k-means, on boxes and then on the colors.
    Fast,
    /// A search on boxes, then exact iterations until they have converged.
    #[default]
    Balanced,
    /// k-means: more starts, and a search on the colors themselves until it no longer pays.
    /// Mixtures: more starts and swaps on finer boxes.
    Best,
}
