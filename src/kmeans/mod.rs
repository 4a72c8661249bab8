//! k-means: seeding, Lloyd's iterations, and the best of several starts.
//!
//! All of it runs on distinct colors weighted by their counts, which is exactly the computation on
//! the pixels (Bishop, "Pattern Recognition and Machine Learning", 9.1; Lloyd, "Least squares
//! quantization in PCM", IEEE Trans. Information Theory 28(2), 1982).

mod lloyd;
mod missing;
mod search;
mod seed;

use ndarray::Array2;

use lloyd::Lloyd;

use crate::{Colors, Effort, Error, Result, density};

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
    /// These, (k, D).
    Centroids(Array2<f64>),
}

/// What to fit and how far to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Clusters, at least 1. Default: 16.
    pub k: usize,
    /// Where the first centroids come from. Default: greedy k-means++.
    pub init: Init,
    /// Starts of the search, of which the one with the least inertia is kept, at least 1. Default:
    /// `None`, by effort and k.
    pub n_init: Option<usize>,
    /// How far the search goes. [`Init::Centroids`] is not searched from. Default: balanced.
    pub effort: Effort,
    /// The largest move of a centroid, on the scale of the colors, that counts as converged; 0 = until
    /// no color changes its cluster. Default: 0.
    pub tol: f64,
    /// The most iterations after the search, at least 1; [`Effort::Fast`] never needs more than 4.
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
            n_init: None,
            effort: Effort::default(),
            tol: 0.0,
            max_iter: 300,
            seed: 0,
        }
    }
}

/// The iterations of [`Effort::Fast`] after its search: what later ones gain is below 1 %.
const FAST_ITERATIONS: usize = 4;

/// What was found and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The centroids (k, D), on the scale of the colors; the distinct colors themselves when there are
    /// no more of them than k.
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
    /// How many times a color, or a box of colors in its place, has been assigned to a centroid, the
    /// search included: the work done.
    pub assigned: u64,
}

/// k-means on `colors`: a search for a good optimum, then Lloyd's iterations to it.
///
/// With no more distinct colors than k, these colors are the centroids and the inertia is 0. A
/// centroid that no color is nearest to moves to the color that is served worst.
///
/// # Errors
/// When `k`, `n_init` or `max_iter` is 0, `tol` is negative or not a number, or [`Init::Centroids`] is
/// not a (k, D) array of finite numbers.
pub fn fit<const D: usize>(colors: &Colors<D>, options: &Options) -> Result<Fit> {
    check::<D>(options)?;
    if colors.len() <= options.k {
        return Ok(Fit {
            centroids: colors.points().to_owned(),
            inertia: 0.0,
            history: Vec::new(),
            n_iter: 0,
            converged: true,
            assigned: 0,
        });
    }
    let (centroids, searched) = match &options.init {
        Init::Centroids(centroids) => (rows(centroids), 0),
        _ => search::search(colors, options),
    };
    let max_iter = match (&options.init, options.effort) {
        (Init::KMeansPlusPlus | Init::Random, Effort::Fast) => {
            options.max_iter.min(FAST_ITERATIONS)
        }
        _ => options.max_iter,
    };
    let mut lloyd = Lloyd::new(colors, centroids);
    let (history, converged) = lloyd.run(options.tol, max_iter);
    Ok(Fit {
        inertia: lloyd.inertia(),
        centroids: Array2::from_shape_fn((lloyd.centroids.len(), D), |(j, d)| {
            lloyd.centroids[j][d]
        }),
        n_iter: history.len(),
        history,
        converged,
        assigned: searched + lloyd.assigned,
    })
}

/// The rows of `centroids`, which has D columns.
fn rows<const D: usize>(centroids: &Array2<f64>) -> Vec<[f64; D]> {
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
    if let Init::Centroids(centroids) = &options.init
        && (centroids.dim() != (options.k, D) || centroids.iter().any(|value| !value.is_finite()))
    {
        return Err(Error::Invalid(format!(
            "the first centroids are ({}, {D}) finite numbers, not {:?}",
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
/// When there is no centroid, or they have not D channels.
pub fn predict<const D: usize>(colors: &Colors<D>, centroids: &Array2<f64>) -> Result<Vec<u32>> {
    if centroids.nrows() == 0 || centroids.ncols() != D {
        return Err(Error::Invalid(format!(
            "centroids are (k, {D}) with at least one row, not {:?}",
            centroids.dim()
        )));
    }
    let components: Vec<_> = centroids
        .rows()
        .into_iter()
        .map(|row| density::Component::centroid(std::array::from_fn(|d| row[d])))
        .collect();
    Ok(density::argmax(colors, &components, density::Corners::<1>))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::{
        Picture,
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
    fn weights_equal_repetition() {
        let picture = noise(20, 20, 3);
        let twice =
            Picture::new(20, 40, [picture.as_bytes(), picture.as_bytes()].concat()).unwrap();
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
    fn more_starts_are_never_worse_and_random_ones_work() {
        let colors = flower(20);
        for init in [Init::KMeansPlusPlus, Init::Random] {
            let inertia = |n_init| {
                fit(
                    &colors,
                    &Options {
                        k: 12,
                        init: init.clone(),
                        n_init: Some(n_init),
                        ..Options::default()
                    },
                )
                .unwrap()
                .inertia
            };
            assert!(inertia(5) <= inertia(2) && inertia(2) <= inertia(1));
        }
    }

    #[test]
    fn points_that_lie_on_each_other_give_fewer_centroids() {
        let points = ndarray::Array2::from_shape_fn((10, 3), |(row, _)| (row % 2) as f64);
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 10], 1.0).unwrap();
        let fit = fit(
            &colors,
            &Options {
                k: 4,
                ..Options::default()
            },
        )
        .unwrap();
        assert_eq!((fit.centroids.nrows(), fit.inertia), (2, 0.0));
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
    }
}
