//! The number of components.

use std::collections::BTreeMap;

use super::{
    Fit, Gaussian, Init, Options,
    boxes::Boxes,
    em::{Em, Run},
    expectation, search,
};
use crate::{
    Colors, Error, Result,
    choice::{Choice, Trial},
    trace::{self, Origin},
};

/// What is minimized over k.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Criterion {
    /// The Bayesian information criterion, [`Fit::bic`].
    #[default]
    Bic,
    /// Akaike's information criterion, [`Fit::aic`].
    Aic,
}

impl Criterion {
    /// Its value for `fit` on `n` pixels; smaller is better.
    pub fn of<const D: usize>(self, fit: &Fit<D>, n: f64) -> f64 {
        match self {
            Self::Bic => fit.bic(n),
            Self::Aic => fit.aic(n),
        }
    }
}

/// Every k up to here is tried, then steps of a quarter of k.
const EVERY_K: usize = 8;

/// Parts of the picture that mixtures grow on, at least; more where a component would have less than
/// so many.
const PARTS: usize = 1000;
const PARTS_PER_COMPONENT: usize = 16;

/// The mixture of 1 to `max_k` components that minimizes `criterion`; `options.k` is not looked at.
///
/// Mixtures grow: that of k components is the one of k - 1 with the best of several newcomers and EM
/// (Verbeek, Vlassis and Kröse, "Efficient greedy learning of Gaussian mixture models", Neural
/// Computation 15, 2003). They do so on coarse parts of the picture; on a grid of k some iterations on
/// the colors follow, which the criterion is computed from, and the grid becomes finer about its
/// minimum. For the k that wins, that mixture is followed to its end, [`fit`](super::fit) searches for
/// a better one, and the better of the two is kept.
///
/// The N of BIC is pixels. With the hundreds of thousands of a photo, which is no sample of a mixture,
/// nearly any component more pays: then `max_k` decides, and [`Choice::capped`] says so.
///
/// # Errors
/// When `max_k` is 0, the start is given and so has its own k, or for the reasons of
/// [`fit`](super::fit).
pub fn choose<const D: usize>(
    colors: &Colors<D>,
    options: &Options<D>,
    max_k: usize,
    criterion: Criterion,
) -> Result<Choice<Fit<D>>> {
    let Init::KMeans(init @ (crate::kmeans::Init::KMeansPlusPlus | crate::kmeans::Init::Random)) =
        &options.init
    else {
        return Err(Error::Invalid(
            "k is chosen from no start of its own k".to_owned(),
        ));
    };
    let of_k = |k: usize| Options {
        k,
        init: Init::KMeans(init.clone()),
        ..options.clone()
    };
    super::check(&of_k(max_k))?;
    let plain = Em::new(options, colors.unit());
    let em = Em {
        accelerated: true,
        ..plain
    };
    let grown = grow(colors, em, max_k.min(colors.len()), options.seed);
    let mut tried: BTreeMap<usize, (Trial, Run<D>)> = BTreeMap::new();
    let mut next = grid(grown.len());
    while !next.is_empty() {
        for k in next {
            let run = em.tried(colors, grown[k - 1].clone());
            let fit = Fit::of(&run, plain, colors.unit());
            let trial = Trial {
                k,
                objective: fit.log_likelihood,
                criterion: criterion.of(&fit, colors.total()),
            };
            tried.insert(k, (trial, run));
        }
        next = between(tried.values().map(|(trial, _)| trial));
    }
    let trials: Vec<Trial> = tried.values().map(|(trial, _)| *trial).collect();
    let (k, run) = winner(tried);
    let followed = em.run(colors, run.gaussians);
    let (searched, mut trace) = super::best_run(colors, &of_k(k))?;
    let grown = trace.len();
    trace.push(followed.traced(grown, Origin::Start));
    let run = if search::is_better(colors, &followed, &searched) {
        trace::keep_start(&mut trace, grown);
        followed
    } else {
        trace[grown].kept = false;
        searched
    };
    Ok(Choice {
        k,
        fit: Fit {
            trace,
            ..Fit::of(&run, plain, colors.unit())
        },
        trials,
        capped: k == max_k && colors.len() > max_k,
    })
}

/// Mixtures of 1, 2, ..., `most` components, as found on coarse parts of the colors.
fn grow<const D: usize>(
    colors: &Colors<D>,
    em: Em,
    most: usize,
    seed: u64,
) -> Vec<Vec<Gaussian<D>>> {
    let boxes = Boxes::of(colors, PARTS.max(PARTS_PER_COMPONENT * most));
    let all = em.m_step(&expectation::clusters(colors, &[colors.nodes()[0].mean()]));
    let mut grown = vec![all];
    while grown.len() < most {
        let before = &grown[grown.len() - 1];
        grown.push(search::grown(colors, &boxes, em, before, seed));
    }
    grown
}

/// Every k up to 8, then steps of a quarter, up to `most`.
fn grid(most: usize) -> Vec<usize> {
    let mut grid: Vec<usize> = (1..=most.min(EVERY_K)).collect();
    while let Some(&last) = grid.last()
        && last < most
    {
        grid.push((last + last / 4).min(most));
    }
    grid
}

/// The trial with the least criterion; of equals the one of fewest components.
fn best<'a>(trials: impl Iterator<Item = &'a Trial>) -> &'a Trial {
    trials
        .reduce(|best, trial| {
            if trial.criterion < best.criterion {
                trial
            } else {
                best
            }
        })
        .expect("k = 1 is tried")
}

/// The best k and what was found for it.
fn winner<const D: usize>(mut tried: BTreeMap<usize, (Trial, Run<D>)>) -> (usize, Run<D>) {
    let k = best(tried.values().map(|(trial, _)| trial)).k;
    let (_, run) = tried.remove(&k).expect("it was tried");
    (k, run)
}

/// The middles between the best k and those that were tried next to it.
fn between<'a>(trials: impl Iterator<Item = &'a Trial> + Clone) -> Vec<usize> {
    let k = best(trials.clone()).k;
    let below = trials
        .clone()
        .map(|trial| trial.k)
        .filter(|&other| other < k)
        .max();
    let above = trials.map(|trial| trial.k).filter(|&other| other > k).min();
    [below, above]
        .into_iter()
        .flatten()
        .filter(|other| other.abs_diff(k) > 1)
        .map(|other| usize::midpoint(other, k))
        .collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;
    use crate::{
        Picture,
        gmm::{CovarianceType, Mixture},
        testing::flower,
    };

    fn trial(k: usize, criterion: f64) -> Trial {
        Trial {
            k,
            objective: 0.0,
            criterion,
        }
    }

    #[test]
    fn the_grid_begins_with_every_k_and_ends_with_the_last() {
        assert_eq!(grid(1), [1]);
        assert_eq!(grid(5), [1, 2, 3, 4, 5]);
        assert_eq!(
            grid(32),
            [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27, 32]
        );
        assert_eq!(grid(9), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn the_grid_becomes_finer_about_its_minimum() {
        let trials = [
            trial(8, 3.0),
            trial(12, 1.0),
            trial(18, 1.0),
            trial(20, 2.0),
        ];
        assert_eq!(best(trials.iter()).k, 12);
        assert_eq!(between(trials.iter()), [10, 15]);
        assert!(between([trial(1, 2.0), trial(2, 1.0)].iter()).is_empty());
    }

    /// A picture whose pixels are drawn from 4 round components far apart.
    fn four() -> Colors<3> {
        let means = [
            [0.2, 0.2, 0.2],
            [0.8, 0.2, 0.3],
            [0.3, 0.8, 0.7],
            [0.7, 0.7, 0.2],
        ];
        let mixture = Mixture::<3> {
            weights: vec![0.4, 0.3, 0.2, 0.1].into(),
            means: Array2::from_shape_fn((4, 3), |(j, d)| means[j][d]),
            covariances: Array3::from_shape_fn(
                (4, 3, 3),
                |(_, i, l)| {
                    if i == l { 0.0009 } else { 0.0 }
                },
            ),
            covariance_type: CovarianceType::Spherical,
        };
        let sampler = mixture.sampler().unwrap();
        let mut generator = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(4);
        let draw = |_| rand_distr::Distribution::sample(&sampler, &mut generator);
        let drawn: Vec<[f64; 3]> = (0..6000).map(draw).collect();
        let points = Array2::from_shape_fn((6000, 3), |(row, d)| drawn[row][d]);
        Colors::from_points(&points, &vec![1.0; 6000], 1.0)
            .unwrap()
            .0
    }

    #[test]
    fn the_components_of_a_known_mixture_are_counted() {
        let colors = four();
        for covariance_type in [CovarianceType::Full, CovarianceType::Spherical] {
            let options = Options {
                covariance_type,
                ..Options::default()
            };
            let choice = choose(&colors, &options, 9, Criterion::Bic).unwrap();
            assert_eq!((choice.k, choice.capped), (4, false));
            assert_eq!(choice.fit.mixture.components(), 4);
            let bic = choice.fit.bic(colors.total());
            assert!(
                choice
                    .trials
                    .iter()
                    .all(|trial| bic <= trial.criterion + 1e-6)
            );
        }
    }

    #[test]
    fn the_cap_decides_on_a_photo_and_says_so() {
        let colors = flower(20);
        let choice = choose(&colors, &Options::default(), 3, Criterion::Aic).unwrap();
        assert_eq!((choice.k, choice.capped, choice.trials.len()), (3, true, 3));
        let criteria = choice.trials.windows(2);
        assert!(
            criteria
                .clone()
                .all(|pair| pair[1].criterion < pair[0].criterion)
        );
    }

    #[test]
    fn degenerate_pictures_get_no_more_components_than_colors() {
        for (n, rgb) in [
            (1, vec![7; 3]),
            (4, vec![0, 0, 0, 0, 0, 0, 9, 9, 9, 200, 9, 9]),
        ] {
            let colors = Colors::of(&Picture::new(n, 1, rgb).unwrap()).0;
            let choice = choose(&colors, &Options::default(), 32, Criterion::Bic).unwrap();
            assert!(choice.k <= colors.len() && !choice.capped);
            assert!(choice.fit.log_likelihood.is_finite());
            let most = colors.len();
            let choice = choose(&colors, &Options::default(), most, Criterion::Bic).unwrap();
            assert!(!choice.capped);
            assert!(choice.fit.trace.iter().any(|run| run.kept));
        }
    }

    #[test]
    fn the_search_for_the_k_that_was_chosen_is_that_of_a_fit_from_the_same_start() {
        let colors = flower(20);
        let objectives = |trace: &[trace::Run]| -> Vec<Vec<f64>> {
            trace.iter().map(|run| run.objective.clone()).collect()
        };
        let [plus_plus, random] = [
            crate::kmeans::Init::KMeansPlusPlus,
            crate::kmeans::Init::Random,
        ]
        .map(|init| {
            let options = Options::<3> {
                k: 7,
                init: Init::KMeans(init),
                effort: crate::Effort::Fast,
                ..Options::default()
            };
            let fit = crate::gmm::fit(&colors, &options).unwrap();
            let choice = choose(&colors, &options, 7, Criterion::Aic).unwrap();
            assert_eq!(choice.k, 7);
            let (grown, searched) = choice.fit.trace.split_last().unwrap();
            assert_eq!(objectives(searched), objectives(&fit.trace));
            assert_eq!(grown.origin, Origin::Start);
            objectives(searched)
        });
        assert_ne!(plus_plus, random);
    }

    #[test]
    fn what_the_choice_goes_back_to_is_kept_in_its_trace_and_nothing_else() {
        let colors = flower(20);
        let mut from_growth = 0;
        let choices = [2, 4, 6, 9].map(|max_k| {
            let options = Options::<3> {
                effort: crate::Effort::Fast,
                ..Options::default()
            };
            choose(&colors, &options, max_k, Criterion::Aic).unwrap()
        });
        for choice in &choices {
            let trace = &choice.fit.trace;
            let kept: Vec<&trace::Run> = trace.iter().filter(|run| run.kept).collect();
            assert!(kept.iter().all(|run| run.start == kept[0].start));
            let end = kept.last().unwrap().objective.last().unwrap();
            assert!((end - choice.fit.log_likelihood).abs() < 1e-9);
            // The mixture that grew has a start of its own.
            let (grown, searched) = trace.split_last().unwrap();
            assert!(searched.iter().all(|run| run.start != grown.start));
            from_growth += usize::from(grown.kept);
        }
        assert!((1..choices.len()).contains(&from_growth), "{from_growth}");
    }

    #[test]
    fn a_cap_of_zero_and_a_start_of_its_own_k_are_refused() {
        let colors = four();
        assert!(choose(&colors, &Options::default(), 0, Criterion::Bic).is_err());
        let centroids = crate::kmeans::Init::Centroids(Array2::zeros((2, 3)));
        let options = Options {
            init: Init::KMeans(centroids),
            ..Options::default()
        };
        assert!(choose(&colors, &options, 4, Criterion::Bic).is_err());
    }
}
