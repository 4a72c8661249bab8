//! What choosing k comes to, for both models.

/// The fit for the k that was chosen, and what the choice was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice<F> {
    /// The number of clusters or components that was chosen.
    pub k: usize,
    /// The fit for it.
    pub fit: F,
    /// What was tried, by ascending k.
    pub trials: Vec<Trial>,
    /// Whether the chosen k is the greatest that was allowed, though there are colors for more: the
    /// cap has decided, not the criterion.
    pub capped: bool,
}

/// A k that was tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// The number of clusters or components.
    pub k: usize,
    /// k-means: the inertia. Mixtures: the mean log-likelihood per pixel.
    pub objective: f64,
    /// What is compared. k-means: the height of the knee; greater is better. Mixtures: BIC or AIC;
    /// smaller is better.
    pub criterion: f64,
}
