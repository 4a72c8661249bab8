//! How a fit came about: the runs of iterations that it consists of, those of its search too.

/// Iterations in a row, in a fit by k-means or of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The number of the start that it goes back to.
    pub start: usize,
    /// What it begins from.
    pub origin: Origin,
    /// The inertia, or the mean log-likelihood per pixel, after 0, 1, 2, ... iterations. What ran on
    /// boxes of colors has the inertia of the pixels that are assigned box by box, or a
    /// log-likelihood that is near that of the colors.
    pub objective: Vec<f64>,
    /// Whether the fit goes back to where it ended.
    pub kept: bool,
}

/// What a run begins from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// First centroids or components, drawn or given.
    Start,
    /// Where the search has got to, with some centroids or a component put elsewhere.
    Move,
    /// Where another run ended.
    Continuation,
}

impl Run {
    /// A run, for now kept, of which is known what each iteration began with and where the last ended.
    pub(crate) fn new(start: usize, origin: Origin, mut history: Vec<f64>, end: f64) -> Self {
        history.push(end);
        Self {
            start,
            origin,
            objective: history,
            kept: true,
        }
    }
}

/// Keeps of `runs` only what goes back to `start`.
pub(crate) fn keep_start(runs: &mut [Run], start: usize) {
    for run in runs {
        run.kept &= run.start == start;
    }
}
