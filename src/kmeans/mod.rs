//! k-means: seeding, Lloyd's iterations, and the best of several starts.
//!
//! All of it runs on distinct colors weighted by their counts, which is exactly the computation on
//! the pixels (Bishop, "Pattern Recognition and Machine Learning", 9.1; Lloyd, "Least squares
//! quantization in PCM", IEEE Trans. Information Theory 28(2), 1982).

mod assign;
mod bytes;
mod choose;
mod lloyd;
mod missing;
mod nearby;
mod search;
mod seed;

use ndarray::Array2;

pub(crate) use bytes::rounded;
pub use bytes::{to_palette, to_palette_keeping};
use lloyd::{Lloyd, Steps, Until, Work};
use search::{Boxes, Search};

pub use choose::choose;

use crate::{
    Colors, Effort, Error, Result, density,
    error::is_moderate,
    trace::{self, Origin, Run},
};

/// Where the first centroids come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Init {
    /// Greedy k-means++: each is drawn with the probability of its squared distance from those
    /// before, the best of 2 + ln k draws (Arthur and Vassilvitskii, "k-means++: the advantages of
    /// careful seeding", SODA 2007, with the greedy choice of their section 7).
    #[default]
    KMeansPlusPlus,
    /// k different colors drawn at random, each with the probability of its pixels.
    Random,
    /// These, (k, D), with plain iterations of Lloyd's from there: each goes to the means and no farther.
    Centroids(Array2<f64>),
}

/// What to fit and how far to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Clusters, at least 1. Default: 16.
    pub k: usize,
    /// Where the first centroids come from. Default: greedy k-means++.
    pub init: Init,
    /// Centroids that never move, (p, D) with p up to k: the first p of those that are found, in place
    /// of the first p of [`Init::Centroids`]. Default: none.
    pub pinned: Array2<f64>,
    /// Starts of the search, of which the one with the least inertia is kept, at least 1. Default:
    /// `None`, by effort and k.
    pub n_init: Option<usize>,
    /// How far the search goes. [`Init::Centroids`] is not searched from. Default: balanced.
    pub effort: Effort,
    /// The largest move of a centroid, on the scale of the colors, that counts as converged. Default:
    /// 0, until no color changes its cluster.
    pub tol: f64,
    /// The most iterations after the search, at least 1; [`Effort::Fast`] makes only 1.
    /// Default: 300.
    pub max_iter: usize,
    /// Decides every random choice. Default: 0.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            k: 16,
            init: Init::default(),
            pinned: Array2::default((0, 0)),
            n_init: None,
            effort: Effort::default(),
            tol: 0.0,
            max_iter: 300,
            seed: 0,
        }
    }
}

/// The iterations of [`Effort::Fast`] after its search: what later ones gain is about 1 %.
const FAST_ITERATIONS: usize = 1;

/// [`Effort::Best`] tries so many times as many starts as the others.
const BEST_STARTS: usize = 2;

/// What was found and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The centroids (k, D), on the scale of the colors, first those that were pinned; of fewer distinct
    /// colors than that each one.
    pub centroids: Array2<f64>,
    /// The sum over pixels of the squared distance to the nearest centroid.
    pub inertia: f64,
    /// The inertia that each iteration after the search began with, its colors assigned anew; never
    /// rising.
    pub history: Vec<f64>,
    /// Iterations after the search.
    pub n_iter: usize,
    /// Whether it ended by `tol`.
    pub converged: bool,
    /// The runs of the search, each start followed by its moves, and those on the colors, in which
    /// several centroids are moved at a time. Empty where nothing is iterated.
    pub trace: Vec<Run>,
    /// How many times a color, or a box of colors in its place, has been assigned to a centroid, the
    /// search included: the work done.
    pub assigned: u64,
}

/// k-means on `colors`: a search for a good optimum, then Lloyd's iterations to it, of which the first
/// go beyond the means as long as that pays.
///
/// With no more distinct colors than k, these colors are the centroids and the inertia is 0. A
/// centroid that no color is nearest to moves to the color that is served worst.
///
/// # Errors
/// When `k`, `n_init` or `max_iter` is 0, `tol` is negative or not a number, [`Init::Centroids`] is
/// not a (k, D) array of numbers up to 1e60, or more centroids than k are pinned, or not such.
pub fn fit<const D: usize>(colors: &Colors<D>, options: &Options) -> Result<Fit> {
    check::<D>(options)?;
    let pinned = rows(&options.pinned);
    if let Some(centroids) = all_colors(colors, &pinned, options.k) {
        return Ok(Fit {
            centroids: to_array(&centroids),
            inertia: 0.0,
            history: Vec::new(),
            n_iter: 0,
            converged: true,
            trace: Vec::new(),
            assigned: 0,
        });
    }
    // In the pool: from outside, its threads would have to be woken for each iteration.
    Ok(rayon::scope(|_| {
        search_and_iterate(colors, options, &pinned)
    }))
}

/// As [`fit`], of more colors than centroids.
fn search_and_iterate<const D: usize>(
    colors: &Colors<D>,
    options: &Options,
    pinned: &[[f64; D]],
) -> Fit {
    let work = Work::default();
    if let Init::Centroids(centroids) = &options.init {
        let mut start = rows(centroids);
        start[..pinned.len()].copy_from_slice(pinned);
        let lloyd = Lloyd::new(colors, start, pinned.len(), &work);
        let given = Polished::from(lloyd, 0, Steps::ToMeans, options.tol, options.max_iter);
        let run = given.traced(Origin::Start);
        return given.into_fit(vec![run], &work);
    }
    let max_iter = match options.effort {
        Effort::Fast => options.max_iter.min(FAST_ITERATIONS),
        Effort::Balanced | Effort::Best => options.max_iter,
    };
    let search = Search::new(colors, options, &work);
    let mut trace = Vec::new();
    let polish = |lloyd, start, trace: &mut Vec<Run>| {
        let polished = Polished::from(lloyd, start, Steps::BeyondMeans, options.tol, max_iter);
        trace.push(polished.traced(Origin::Continuation));
        polished
    };
    let starts = options.n_init.unwrap_or_else(|| search.starts());
    let (found, fine) = rayon::join(
        || search.best_of(0..starts, &mut trace),
        || {
            let fine = Boxes::fine(colors, options.k);
            // What the iterations after the search begin with.
            colors.runs();
            fine
        },
    );
    let finish = |(start, mut centroids), trace: &mut Vec<Run>| {
        if let Some(fine) = &fine {
            centroids = search.refined(fine, start, centroids, trace);
        }
        let lloyd = Lloyd::new(colors, centroids, pinned.len(), &work);
        polish(lloyd, start, trace)
    };
    let mut best = finish(found, &mut trace);
    if options.effort == Effort::Best {
        if options.n_init.is_none() {
            let found = search.best_of(starts..BEST_STARTS * starts, &mut trace);
            best = best.or(finish(found, &mut trace));
        }
        let searched = trace.len();
        let moved = search.move_centroids(best.lloyd.clone(), best.start, &mut trace);
        let moved = polish(moved, best.start, &mut trace);
        if moved.inertia < best.inertia {
            best = moved;
        } else {
            trace[searched..]
                .iter_mut()
                .for_each(|run| run.kept = false);
        }
    }
    trace::keep_start(&mut trace, best.start);
    best.into_fit(trace, &work)
}

/// `pinned` and all other colors, if these are no more than k together.
fn all_colors<const D: usize>(
    colors: &Colors<D>,
    pinned: &[[f64; D]],
    k: usize,
) -> Option<Vec<[f64; D]>> {
    if colors.len() > k {
        return None;
    }
    let others = (0..colors.len()).map(|row| colors.point(row));
    let mut all = pinned.to_vec();
    all.extend(others.filter(|color| !pinned.contains(color)));
    (all.len() <= k).then_some(all)
}

/// A run of Lloyd's iterations on the colors, done.
struct Polished<'a, const D: usize> {
    lloyd: Lloyd<'a, D>,
    /// The number of the start that it goes back to.
    start: usize,
    inertia: f64,
    history: Vec<f64>,
    converged: bool,
}

impl<'a, const D: usize> Polished<'a, D> {
    fn from(
        mut lloyd: Lloyd<'a, D>,
        start: usize,
        steps: Steps,
        tol: f64,
        max_iter: usize,
    ) -> Self {
        let (history, converged) = lloyd.run(steps, Until::Move(tol), max_iter);
        Self {
            inertia: lloyd.inertia(),
            lloyd,
            start,
            history,
            converged,
        }
    }

    /// The better of the two; of equals the first.
    fn or(self, other: Self) -> Self {
        if other.inertia < self.inertia {
            other
        } else {
            self
        }
    }

    fn traced(&self, origin: Origin) -> Run {
        Run::new(self.start, origin, self.history.clone(), self.inertia)
    }

    fn into_fit(self, trace: Vec<Run>, work: &Work) -> Fit {
        Fit {
            centroids: to_array(&self.lloyd.centroids),
            inertia: self.inertia,
            n_iter: self.history.len(),
            history: self.history,
            converged: self.converged,
            trace,
            assigned: work.assigned(),
        }
    }
}

/// How much more inertia about any centroids the pixels of `colors` have than those of `coarse`, which
/// are the means of boxes of them: what scatters within the boxes.
fn hidden_scatter<const D: usize>(colors: &Colors<D>, coarse: &Colors<D>) -> f64 {
    let scatter = |colors: &Colors<D>| colors.nodes()[0].total_scatter();
    if coarse.len() == colors.len() {
        0.0
    } else {
        (scatter(colors) - scatter(coarse)).max(0.0)
    }
}

/// The centroids as the rows of an array.
fn to_array<const D: usize>(centroids: &[[f64; D]]) -> Array2<f64> {
    Array2::from_shape_fn((centroids.len(), D), |(j, d)| centroids[j][d])
}

/// The rows of `centroids`, which has D columns.
pub(crate) fn rows<const D: usize>(centroids: &Array2<f64>) -> Vec<[f64; D]> {
    centroids
        .rows()
        .into_iter()
        .map(|row| std::array::from_fn(|d| row[d]))
        .collect()
}

fn check<const D: usize>(options: &Options) -> Result<()> {
    if options.k == 0 || options.n_init == Some(0) || options.max_iter == 0 {
        return Err(Error::Invalid(format!(
            "k, n_init and max_iter are at least 1, not {}, {:?} and {}",
            options.k, options.n_init, options.max_iter
        )));
    }
    if options.tol.is_nan() || options.tol < 0.0 {
        return Err(Error::Invalid(format!(
            "tol is 0 or more, not {}",
            options.tol
        )));
    }
    let pinned = &options.pinned;
    if pinned.nrows() > options.k
        || (pinned.nrows() > 0 && pinned.ncols() != D)
        || pinned.iter().any(|&value| !is_moderate(value))
    {
        return Err(Error::Invalid(format!(
            "pinned centroids are up to {} rows of {D} numbers up to 1e60, not {:?}",
            options.k,
            pinned.dim()
        )));
    }
    if let Init::Centroids(centroids) = &options.init
        && (centroids.dim() != (options.k, D) || centroids.iter().any(|&value| !is_moderate(value)))
    {
        return Err(Error::Invalid(format!(
            "the first centroids are ({}, {D}) numbers up to 1e60, not {:?}",
            options.k,
            centroids.dim()
        )));
    }
    Ok(())
}

/// The cluster of each distinct color: the row of the nearest of `centroids` (k, D), of several the
/// first.
///
/// # Errors
/// When there is no centroid, they have not D channels, or a coordinate is not a number or its
/// magnitude exceeds 1e60.
pub fn predict<const D: usize>(colors: &Colors<D>, centroids: &Array2<f64>) -> Result<Vec<u32>> {
    check_centroids::<D>(centroids)?;
    let components = density::Component::centroids(&rows(centroids));
    Ok(density::argmax(colors, &components, density::Corners))
}

/// `centroids` (k, D) as they are, and the inertia of `colors` about them: nothing moves.
///
/// # Errors
/// As for [`predict`].
pub fn score<const D: usize>(colors: &Colors<D>, centroids: &Array2<f64>) -> Result<Fit> {
    check_centroids::<D>(centroids)?;
    let work = Work::default();
    let mut lloyd = Lloyd::new(colors, rows(centroids), 0, &work);
    Ok(Fit {
        centroids: centroids.clone(),
        inertia: lloyd.inertia(),
        history: Vec::new(),
        n_iter: 0,
        converged: true,
        trace: Vec::new(),
        assigned: work.assigned(),
    })
}

/// Refuses what are no centroids (k, D).
pub(crate) fn check_centroids<const D: usize>(centroids: &Array2<f64>) -> Result<()> {
    let numbers = centroids.iter().all(|&value| is_moderate(value));
    if centroids.nrows() == 0 || centroids.ncols() != D || !numbers {
        return Err(Error::Invalid(format!(
            "centroids are (k, {D}) numbers up to 1e60 with at least one row, not {:?}",
            centroids.dim()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::{
        Picture,
        simd::level::{Level, at_level},
        testing::{flower, noise},
    };

    #[test]
    fn inertia_never_rises_and_is_that_of_the_centroids() {
        for (colors, k) in [
            (flower(40), 16),
            (Colors::of(&noise(60, 60, 8)).0, 40),
            (flower(10), 256),
        ] {
            let fit = fit(
                &colors,
                &Options {
                    k,
                    ..Options::default()
                },
            )
            .unwrap();
            assert!(fit.converged && fit.n_iter == fit.history.len());
            assert!(fit.history.windows(2).all(|pair| pair[1] <= pair[0]));
            let clusters = predict(&colors, &fit.centroids).unwrap();
            let mut inertia = 0.0;
            for (row, &cluster) in clusters.iter().enumerate() {
                let difference = &colors.points().row(row) - &fit.centroids.row(cluster as usize);
                inertia += colors.counts()[row] * difference.dot(&difference);
            }
            assert!((fit.inertia - inertia).abs() < 1e-9 * inertia);
            assert_eq!(fit.inertia, *fit.history.last().unwrap());
        }
    }

    #[test]
    fn the_trace_leads_from_starts_by_moves_to_where_the_fit_ends() {
        for effort in [Effort::Fast, Effort::Balanced, Effort::Best] {
            let options = Options {
                k: 12,
                effort,
                ..Options::default()
            };
            let fit = fit(&flower(20), &options).unwrap();
            let starts = fit.trace.iter().filter(|run| run.origin == Origin::Start);
            let starts: Vec<usize> = starts.map(|run| run.start).collect();
            assert!(starts.iter().copied().eq(0..starts.len()));
            let kept: Vec<&Run> = fit.trace.iter().filter(|run| run.kept).collect();
            assert!(kept.iter().all(|run| run.start == kept[0].start));
            assert_eq!(kept[0].origin, Origin::Start);
            let [.., last] = kept[..] else {
                panic!("something is kept")
            };
            assert_eq!(last.origin, Origin::Continuation);
            // On boxes the whole box goes to one centroid, so that going on with the colors gains.
            for pair in kept.windows(2) {
                let (end, start) = (pair[0].objective.last(), pair[1].objective.first());
                assert!(pair[1].origin == Origin::Move || start <= end);
            }
            assert_eq!(last.objective.last(), Some(&fit.inertia));
            // What is searched on boxes counts as pixels.
            let plausible = fit.inertia * (1.0 - 1e-12)..2.0 * fit.inertia;
            let mut ends = fit.trace.iter().filter_map(|run| run.objective.last());
            assert!(ends.all(|end| plausible.contains(end)));
        }
    }

    #[test]
    fn of_all_that_was_followed_to_its_end_the_best_is_kept() {
        let colors = flower(10);
        let mut moved = 0;
        for seed in 0..8 {
            for n_init in [None, Some(1)] {
                let options = Options {
                    k: 20,
                    n_init,
                    effort: Effort::Best,
                    seed,
                    ..Options::default()
                };
                let fit = fit(&colors, &options).unwrap();
                let ends = fit.trace.iter().filter_map(|run| run.objective.last());
                let least = ends.copied().fold(f64::INFINITY, f64::min);
                assert!(fit.inertia <= least * (1.0 + 1e-12));
                let last = fit.trace.last().unwrap();
                moved += usize::from(last.kept);
            }
        }
        // In some of them moves on the colors have gained, in others not.
        assert!((1..16).contains(&moved), "{moved}");
    }

    #[test]
    fn no_more_colors_than_k_come_back_as_they_are() {
        for k in [8, 9, 256] {
            let colors = Colors::of(&noise(40, 40, 1)).0;
            let fit = fit(
                &colors,
                &Options {
                    k,
                    ..Options::default()
                },
            )
            .unwrap();
            assert_eq!((fit.centroids.view(), fit.inertia), (colors.points(), 0.0));
        }
    }

    #[test]
    fn one_cluster_is_the_mean() {
        let colors = flower(5);
        let fit = fit(
            &colors,
            &Options {
                k: 1,
                ..Options::default()
            },
        )
        .unwrap();
        let weighted = &colors.points()
            * &ndarray::ArrayView::from(colors.counts()).insert_axis(ndarray::Axis(1));
        let mean = weighted.sum_axis(ndarray::Axis(0)) / colors.total();
        assert!(
            (&fit.centroids.row(0) - &mean)
                .iter()
                .all(|difference| difference.abs() < 1e-10)
        );
    }

    #[test]
    fn an_empty_cluster_goes_to_the_color_that_is_served_worst() {
        let points = array![
            [0.0, 0.0, 0.0],
            [1.0, 0.0, 0.0],
            [100.0, 0.0, 0.0],
            [140.0, 0.0, 0.0]
        ];
        let (colors, _) = Colors::<3>::from_points(&points, &[5.0, 5.0, 1.0, 1.0], 255.0).unwrap();
        let start = array![[0.5, 0.0, 0.0], [110.0, 0.0, 0.0], [255.0, 255.0, 255.0]];
        let fit = fit(
            &colors,
            &Options {
                k: 3,
                init: Init::Centroids(start),
                ..Options::default()
            },
        )
        .unwrap();
        let mut found: Vec<f64> = fit.centroids.column(0).to_vec();
        found.sort_by(f64::total_cmp);
        assert_eq!(found, [0.5, 100.0, 140.0]);
    }

    #[test]
    fn pinned_centroids_stay_and_the_others_make_the_best_of_it() {
        let colors = flower(20);
        let pinned = array![[0.0, 0.0, 255.0], [200.0, 30.0, 40.0]];
        let default = |k| Options {
            k,
            ..Options::default()
        };
        let free = |k| fit(&colors, &default(k)).unwrap();
        let (twelve, ten) = (free(12), free(10));
        for (init, effort) in [
            (Init::KMeansPlusPlus, Effort::Best),
            (Init::Random, Effort::Fast),
            (Init::Centroids(twelve.centroids), Effort::Balanced),
        ] {
            let options = Options {
                init,
                pinned: pinned.clone(),
                effort,
                ..default(12)
            };
            let found = fit(&colors, &options).unwrap();
            assert_eq!(found.centroids.nrows(), 12);
            let first = ndarray::Slice::from(..2);
            assert_eq!(found.centroids.slice_axis(ndarray::Axis(0), first), pinned);
            // Two that may not move do not lessen the error, and ten that may make up for that.
            assert!(found.inertia >= 0.99 * twelve.inertia);
            assert!(found.inertia <= 1.3 * ten.inertia);
        }
    }

    #[test]
    fn pinned_colors_of_the_picture_count_as_its_own_and_too_many_are_refused() {
        let colors = Colors::of(&noise(40, 40, 1)).0;
        let options = |k, pinned| Options {
            k,
            pinned,
            ..Options::default()
        };
        let own = array![[1.0, 0.0, 0.0], [9.0, 9.0, 9.0]];
        assert!(
            colors
                .points()
                .rows()
                .into_iter()
                .any(|row| row == own.row(0))
        );
        let found = fit(&colors, &options(9, own.clone())).unwrap();
        assert_eq!((found.centroids.nrows(), found.inertia), (9, 0.0));
        assert!(fit(&colors, &options(8, own.clone())).unwrap().inertia > 0.0);
        assert_eq!(
            fit(&colors, &options(2, own.clone())).unwrap().centroids,
            own
        );
        assert!(fit(&colors, &options(1, own)).is_err());
        assert!(fit(&colors, &options(4, Array2::zeros((1, 4)))).is_err());
    }

    #[test]
    fn weights_equal_repetition() {
        let picture = noise(20, 20, 3);
        let bytes = picture.over_white().repeat(2).into_flattened();
        let twice = Picture::new(20, 40, bytes).unwrap();
        let options = Options {
            k: 10,
            ..Options::default()
        };
        let once = fit(&Colors::of(&picture).0, &options).unwrap();
        let twice = fit(&Colors::of(&twice).0, &options).unwrap();
        assert_eq!(
            (once.centroids, 2.0 * once.inertia),
            (twice.centroids, twice.inertia)
        );
    }

    #[test]
    fn the_unit_of_color_changes_nothing_but_the_scale() {
        let colors = flower(20);
        for effort in [Effort::Fast, Effort::Balanced, Effort::Best] {
            let of_unit = |unit: f64| {
                let points = colors
                    .points()
                    .mapv(|value| unit * libm::sqrt(value) / 16.0);
                let (colors, _) = Colors::<3>::from_points(&points, colors.counts(), unit).unwrap();
                let options = Options {
                    k: 12,
                    n_init: Some(2),
                    effort,
                    ..Options::default()
                };
                let found = fit(&colors, &options).unwrap();
                (found.centroids / unit, found.assigned)
            };
            // Powers of 2, for which all arithmetic is the same.
            assert_eq!(of_unit(1.0), of_unit(1.0 / 64.0));
        }
    }

    #[test]
    fn plain_iterations_are_one_after_the_other() {
        let colors = flower(20);
        let after = |centroids: &Array2<f64>, max_iter| {
            let options = Options {
                k: 12,
                init: Init::Centroids(centroids.clone()),
                max_iter,
                ..Options::default()
            };
            fit(&colors, &options).unwrap().centroids
        };
        let start = Array2::from_shape_fn((12, 3), |(row, d)| (20 * row + 5 * d) as f64);
        let one_by_one = (0..5).fold(start.clone(), |centroids, _| after(&centroids, 1));
        assert_eq!(after(&start, 5), one_by_one);
    }

    #[test]
    fn random_starts_end_near_where_k_means_plus_plus_ends() {
        let colors = flower(20);
        let [greedy, random] = [Init::KMeansPlusPlus, Init::Random].map(|init| {
            fit(
                &colors,
                &Options {
                    k: 12,
                    init,
                    ..Options::default()
                },
            )
            .unwrap()
        });
        assert!((random.inertia - greedy.inertia).abs() < 0.05 * greedy.inertia);
        assert_ne!(random.centroids, greedy.centroids);
    }

    #[test]
    fn more_effort_is_more_work_and_less_error() {
        for (colors, k) in [
            (flower(30), 24),
            (flower(40), 60),
            (Colors::of(&noise(90, 90, 8)).0, 12),
        ] {
            // A single start can be lucky: medians over seeds are compared.
            let mut inertias = [Effort::Fast, Effort::Balanced, Effort::Best].map(|_| Vec::new());
            for seed in 0..3 {
                let mut less = 0;
                for (effort, inertias) in [Effort::Fast, Effort::Balanced, Effort::Best]
                    .into_iter()
                    .zip(&mut inertias)
                {
                    let options = Options {
                        k,
                        effort,
                        seed,
                        ..Options::default()
                    };
                    let fit = fit(&colors, &options).unwrap();
                    assert!(fit.assigned > less);
                    less = fit.assigned;
                    if effort == Effort::Fast {
                        assert!(fit.n_iter <= FAST_ITERATIONS);
                    } else {
                        assert!(fit.converged);
                    }
                    inertias.push(fit.inertia);
                }
            }
            let [fast, balanced, best] = inertias.map(|mut inertias| {
                inertias.sort_by(f64::total_cmp);
                inertias[1]
            });
            assert!(fast > balanced && balanced >= best);
        }
    }

    #[test]
    fn four_channels_are_clustered_like_three() {
        let three = flower(10);
        let four = ndarray::Array2::from_shape_fn((three.len(), 4), |(row, d)| {
            if d < 3 { three.points()[[row, d]] } else { 7.0 }
        });
        let (four, _) = Colors::<4>::from_points(&four, three.counts(), 255.0).unwrap();
        let options = Options {
            k: 8,
            effort: Effort::Best,
            ..Options::default()
        };
        let (a, b) = (
            fit(&three, &options).unwrap(),
            fit(&four, &options).unwrap(),
        );
        assert!((a.inertia - b.inertia).abs() < 0.02 * a.inertia);
        let clusters = predict(&four, &b.centroids).unwrap();
        assert!((0..8).all(|j| clusters.contains(&j)));
        assert!(b.centroids.column(3).iter().all(|&value| value == 7.0));
    }

    #[test]
    fn neither_threads_nor_the_width_of_vectors_change_a_bit() {
        let colors = flower(60);
        let options = Options {
            k: 40,
            ..Options::default()
        };
        let expected = fit(&colors, &options).unwrap();
        for threads in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            assert_eq!(pool.install(|| fit(&colors, &options).unwrap()), expected);
        }
        for level in Level::ALL {
            assert_eq!(
                at_level(level, || fit(&colors, &options).unwrap()),
                expected
            );
        }
        let points = colors.points().mapv(|value| libm::sqrt(value) / 16.0);
        let (others, _) = Colors::<3>::from_points(&points, colors.counts(), 1.0).unwrap();
        let expected = fit(&others, &options).unwrap();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .build()
            .unwrap();
        for level in Level::ALL {
            let found = at_level(level, || pool.install(|| fit(&others, &options).unwrap()));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn points_that_lie_on_each_other_are_one_color_from_any_start() {
        for distinct in 1..4 {
            let points =
                ndarray::Array2::from_shape_fn((40, 3), |(row, _)| (row % distinct) as f64);
            let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 40], 1.0).unwrap();
            for init in [Init::KMeansPlusPlus, Init::Random] {
                for effort in [Effort::Fast, Effort::Balanced, Effort::Best] {
                    let options = Options {
                        k: 4,
                        init: init.clone(),
                        effort,
                        ..Options::default()
                    };
                    let fit = fit(&colors, &options).unwrap();
                    assert_eq!((fit.centroids.nrows(), fit.inertia), (distinct, 0.0));
                }
            }
        }
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let colors = flower(1);
        let refused = |options: Options| assert!(fit(&colors, &options).is_err());
        refused(Options {
            k: 0,
            ..Options::default()
        });
        refused(Options {
            n_init: Some(0),
            ..Options::default()
        });
        refused(Options {
            max_iter: 0,
            ..Options::default()
        });
        refused(Options {
            tol: f64::NAN,
            ..Options::default()
        });
        refused(Options {
            tol: -1.0,
            ..Options::default()
        });
        refused(Options {
            k: 2,
            init: Init::Centroids(array![[0.0, 0.0, 0.0]]),
            ..Options::default()
        });
        refused(Options {
            k: 1,
            init: Init::Centroids(array![[0.0, f64::NAN, 0.0]]),
            ..Options::default()
        });
        assert!(predict(&colors, &ndarray::Array2::zeros((0, 3))).is_err());
        assert!(predict(&colors, &array![[0.0, 0.0, 0.0], [f64::NAN, 0.0, 0.0]]).is_err());
        assert!(predict(&colors, &array![[1e200, 0.0, 0.0]]).is_err());
    }

    #[test]
    fn centroids_score_the_colors_that_they_were_fitted_to_as_their_fit_does() {
        let colors = flower(20);
        let options = Options {
            k: 7,
            ..Options::default()
        };
        let fitted = fit(&colors, &options).unwrap();
        let scored = score(&colors, &fitted.centroids).unwrap();
        assert!((scored.inertia - fitted.inertia).abs() < 1e-9 * fitted.inertia);
        assert_eq!((scored.centroids, scored.n_iter), (fitted.centroids, 0));
    }
}
