//! The number of clusters.

use ndarray::Array2;
use rayon::prelude::*;

use super::{Fit, Init, Options, fit, hidden_scatter};
use crate::{
    Colors, Effort, Error, Result,
    choice::{Choice, Trial},
};

/// Coarse boxes to a cluster, and to how many clusters at least.
const BOXES_PER_CLUSTER: usize = 32;
const FEWEST_CLUSTERS: usize = 32;

/// k-means with as many clusters, 1 to `max_k`, as where the curve of k against the error in decibels
/// has its knee; `options.k` is not looked at.
///
/// More clusters always have a smaller error, so that its own minimum says nothing. The knee is where
/// the curve stands highest above the line from its first to its last point (Satopää, Albrecht, Irwin
/// and Raghavan, "Finding a Kneedle in a haystack", ICDCS Workshops 2011): up to there a cluster more
/// gains more than the average cluster, and after it less. The scale is logarithmic because that is
/// the one on which distortion has to do with the number of code words (Sugar and James, "Finding the
/// number of clusters in a data set: an information theoretic approach", JASA 98, 2003), and 1/12 of a
/// byte squared, what rounding to bytes costs a channel anyway, is added to the error: a picture of a
/// few flat colors reaches that at once, and its knee is their number. (Tried on photos and left:
/// Calinski and Harabasz, the jump of Sugar and James, f(K) of Pham et al. and the classification
/// likelihood all choose 2 or as many as are allowed on most of them.)
///
/// The errors are those of fits on coarse boxes, which cost some milliseconds each; only the fit for
/// the k that was chosen is on the colors, with as many at least as are pinned.
///
/// # Errors
/// When `max_k` is 0, the start is given and so has its own k, or for the reasons of [`fit`].
pub fn choose<const D: usize>(
    colors: &Colors<D>,
    options: &Options,
    max_k: usize,
) -> Result<Choice<Fit>> {
    if max_k == 0 || matches!(options.init, Init::Centroids(_)) {
        return Err(Error::Invalid(format!(
            "k is chosen from 1 to a greatest of at least 1, not {max_k}, and from no start of its own k"
        )));
    }
    let boxes = BOXES_PER_CLUSTER.saturating_mul(max_k.max(FEWEST_CLUSTERS));
    let coarse = colors.coarse(boxes);
    let hidden = hidden_scatter(colors, &coarse);
    let inertias = (1..=max_k.min(colors.len()))
        .into_par_iter()
        .map(|k| {
            let options = Options {
                k,
                pinned: Array2::default((0, 0)),
                effort: Effort::Fast,
                ..options.clone()
            };
            Ok(fit(&coarse, &options)?.inertia + hidden)
        })
        .collect::<Result<Vec<_>>>()?;
    let byte = colors.unit() / 255.0;
    let floor = D as f64 * byte * byte / 12.0;
    let decibels = |inertia: f64| -10.0 * libm::log10(inertia / colors.total() + floor);
    let trials = knee(&inertias, max_k, decibels);
    let chosen = highest(&trials);
    let k = chosen.k.max(options.pinned.nrows());
    let fit = fit(
        colors,
        &Options {
            k,
            ..options.clone()
        },
    )?;
    Ok(Choice {
        k,
        fit,
        capped: chosen.k == max_k && colors.len() > max_k,
        trials,
    })
}

/// The trial where the curve is highest; of several the one of fewest clusters.
fn highest(trials: &[Trial]) -> Trial {
    trials
        .iter()
        .copied()
        .reduce(|best, trial| {
            if trial.criterion > best.criterion {
                trial
            } else {
                best
            }
        })
        .expect("a picture has a color")
}

/// How high the curve of decibels stands above the line from k = 1 to k = `max_k`, as a share of how
/// far it rises, at each k. Where there are fewer colors than that the curve goes on level.
fn knee(inertias: &[f64], max_k: usize, decibels: impl Fn(f64) -> f64) -> Vec<Trial> {
    let mut least = f64::INFINITY;
    let curve: Vec<f64> = inertias
        .iter()
        .map(|&inertia| {
            // A fit that is worse than one with fewer clusters was unlucky.
            least = inertia.min(least);
            decibels(least)
        })
        .collect();
    let rise = curve[curve.len() - 1] - curve[0];
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let heights = curve
        .iter()
        .enumerate()
        .map(|(i, here)| share(here - curve[0], rise) - share(i as f64, (max_k - 1) as f64));
    heights
        .zip(inertias)
        .enumerate()
        .map(|(i, (criterion, &objective))| Trial {
            k: i + 1,
            objective,
            criterion,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Picture, testing::flower};

    fn chosen<const D: usize>(colors: &Colors<D>, max_k: usize) -> Choice<Fit> {
        choose(colors, &Options::default(), max_k).unwrap()
    }

    /// A picture of `n` flat colors that differ in how many pixels have them.
    fn flat(n: u32) -> Colors<3> {
        let rgb: Vec<u8> = (0..n)
            .flat_map(|i| {
                let color = [
                    (i * 37 % 256) as u8,
                    (i * 101 % 256) as u8,
                    (i * 173 % 256) as u8,
                ];
                std::iter::repeat_n(color, 10 + 90 * (i as usize % 3))
            })
            .flatten()
            .collect();
        Colors::of(&Picture::new(rgb.len() as u32 / 3, 1, rgb).unwrap()).0
    }

    #[test]
    fn flat_colors_are_counted() {
        for n in [1, 2, 3, 5, 12] {
            let choice = chosen(&flat(n), 32);
            assert_eq!(
                (choice.k, choice.fit.inertia, choice.capped),
                (n as usize, 0.0, false)
            );
            assert_eq!(choice.trials.len(), n as usize);
        }
    }

    #[test]
    fn a_photo_gets_a_few_colors_and_the_fit_that_k_gets() {
        let colors = flower(60);
        let choice = chosen(&colors, 32);
        assert!(
            (3..=16).contains(&choice.k) && !choice.capped,
            "{}",
            choice.k
        );
        let options = Options {
            k: choice.k,
            ..Options::default()
        };
        assert_eq!(choice.fit, fit(&colors, &options).unwrap());
        // Coarse boxes tell the error well.
        let estimated = choice.trials[choice.k - 1].objective;
        assert!((estimated / choice.fit.inertia - 1.0).abs() < 0.1);
        // And that about the mean of all exactly.
        let mean = Options {
            k: 1,
            ..Options::default()
        };
        let exact = fit(&colors, &mean).unwrap().inertia;
        assert!((choice.trials[0].objective / exact - 1.0).abs() < 1e-9);
    }

    #[test]
    fn criteria_are_heights_of_the_curve_of_decibels_in_any_unit() {
        // Inertias of 866 2/3, of 50 with 0 and 10 in one cluster, and of 0.
        let decibels = |inertia: f64| -10.0 * (inertia / 3.0 + 3.0 / 12.0).log10();
        let height = |k: usize, inertia: f64| {
            let (first, last) = (decibels(2600.0 / 3.0), decibels(0.0));
            (decibels(inertia) - first) / (last - first) - (k - 1) as f64 / 4.0
        };
        let expected = [0.0, height(2, 50.0), height(3, 0.0)];
        for unit in [1.0, 255.0] {
            let points = Array2::from_shape_fn((3, 3), |(row, d)| {
                if d == 0 {
                    [0.0, 10.0, 40.0][row] * unit / 255.0
                } else {
                    0.0
                }
            });
            let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 3], unit).unwrap();
            let found = chosen(&colors, 5).trials;
            assert_eq!(found.len(), 3);
            for (trial, expected) in found.iter().zip(expected) {
                assert!(
                    (trial.criterion - expected).abs() < 1e-9,
                    "{trial:?} {expected}"
                );
            }
        }
    }

    #[test]
    fn of_equal_heights_the_fewest_clusters_are_chosen() {
        let trial = |k, criterion| Trial {
            k,
            objective: 0.0,
            criterion,
        };
        let trials = [trial(1, 0.0), trial(2, 0.5), trial(3, 0.5), trial(4, 0.2)];
        assert_eq!(highest(&trials).k, 2);
    }

    #[test]
    fn a_single_color_is_level_and_not_capped() {
        for max_k in [1, 9] {
            let choice = chosen(&flat(1), max_k);
            assert_eq!((choice.k, choice.capped), (1, false));
            assert_eq!(choice.trials[0].criterion, 0.0);
        }
    }

    #[test]
    fn there_are_as_many_clusters_as_are_pinned_and_trials_know_of_none() {
        let pinned = Array2::from_shape_fn((3, 3), |(row, d)| (40 * row + d) as f64);
        let options = Options {
            pinned: pinned.clone(),
            ..Options::default()
        };
        let choice = choose(&flat(2), &options, 9).unwrap();
        assert_eq!(choice.trials, chosen(&flat(2), 9).trials);
        assert_eq!(choice.k, 3);
        assert_eq!(choice.fit.centroids, pinned);
    }

    #[test]
    fn a_cap_of_one_decides_alone() {
        let choice = chosen(&flat(5), 1);
        assert!(choice.k == 1 && choice.capped && choice.trials.len() == 1);
        assert!(choose(&flat(5), &Options::default(), 0).is_err());
    }

    #[test]
    fn no_cap_is_too_large() {
        assert_eq!(chosen(&flat(5), usize::MAX).k, 5);
    }
}
