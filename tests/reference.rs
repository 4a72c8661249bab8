//! The models against what scikit-learn computes from the same starting points.
//!
//! `reference/reference.json` and the script that wrote it lie beside this file. The tolerances are
//! absolute on colors from 0 to 1 (relative for inertia, BIC and AIC).

use std::{fs, path::Path};

use ndarray::{Array1, Array2, Array3};
use quantize::{
    Colors, IndexedPicture, Space, colors::ColorOfPixel, gmm, kmeans, map, metrics, picture,
};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference");

/// A picture of the reference, and what was computed for it.
struct Subject {
    name: String,
    expected: Value,
    colors: Colors<3>,
    color_of_pixel: ColorOfPixel,
}

fn subjects() -> Vec<Subject> {
    let text = fs::read_to_string(Path::new(FOLDER).join("reference.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let pictures = reference["pictures"].as_object().unwrap();
    let subjects: Vec<_> = pictures
        .iter()
        .map(|(name, expected)| {
            let picture = picture::load(&Path::new(FOLDER).join(name)).unwrap();
            let (colors, color_of_pixel) = Colors::of(&picture);
            assert_eq!(
                color_of_pixel.len() as u64,
                expected["pixels"].as_u64().unwrap()
            );
            assert_eq!(
                colors.len() as u64,
                expected["distinct_colors"].as_u64().unwrap()
            );
            Subject {
                name: name.clone(),
                expected: expected.clone(),
                colors,
                color_of_pixel,
            }
        })
        .collect();
    assert_eq!(subjects.len(), 2);
    subjects
}

impl Subject {
    /// The stated start (k, 3) on colors from 0 to 1.
    fn start(&self, k: usize) -> Array2<f64> {
        let start = numbers(&self.expected["starts"][k.to_string()]);
        Array2::from_shape_vec((k, 3), start).unwrap()
    }

    /// How many pixels have each of `k` indices, given the index of each distinct color.
    fn counts(&self, k: usize, index: impl Fn(usize) -> usize) -> Vec<f64> {
        let indices: Vec<_> = (0..self.colors.len()).map(index).collect();
        let mut counts = vec![0.0; k];
        for &color in self.color_of_pixel.rows().iter() {
            counts[indices[color as usize]] += 1.0;
        }
        counts
    }
}

/// All numbers in an array of any depth, in order.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().expect("the reference holds numbers")],
    }
}

fn integer(value: &Value) -> usize {
    value
        .as_u64()
        .expect("the reference holds a whole number here") as usize
}

fn covariance_type(name: &Value) -> gmm::CovarianceType {
    match name.as_str() {
        Some("full") => gmm::CovarianceType::Full,
        Some("tied") => gmm::CovarianceType::Tied,
        Some("diag") => gmm::CovarianceType::Diag,
        Some("spherical") => gmm::CovarianceType::Spherical,
        _ => panic!("the reference knows no covariances {name}"),
    }
}

/// Collects what deviates, so that one failing case does not hide the others.
#[derive(Default)]
struct Comparison {
    case: String,
    deviations: Vec<String>,
}

impl Comparison {
    fn absolute(&mut self, what: &str, found: &[f64], expected: &Value, tolerance: f64) {
        self.compare(what, found, expected, tolerance, |_| 1.0);
    }

    fn relative(&mut self, what: &str, found: f64, expected: &Value, tolerance: f64) {
        self.compare(what, &[found], expected, tolerance, f64::abs);
    }

    fn compare(
        &mut self,
        what: &str,
        found: &[f64],
        expected: &Value,
        tolerance: f64,
        scale: fn(f64) -> f64,
    ) {
        let expected = numbers(expected);
        assert_eq!(found.len(), expected.len(), "{}: {what}", self.case);
        let deviations = found
            .iter()
            .zip(&expected)
            .map(|(&f, &e)| (f - e).abs() / scale(e));
        let deviations: Vec<_> = deviations.collect();
        let worst = deviations.iter().copied().fold(0.0, f64::max);
        println!("{}: {what} within {worst:.1e}", self.case);
        // Asked this way, because every comparison with NaN is false.
        if !deviations.iter().all(|&deviation| deviation <= tolerance) {
            self.deviations.push(format!(
                "{}: {what} deviates by {worst:e}, allowed is {tolerance:e}",
                self.case
            ));
        }
    }

    fn finish(self) {
        assert!(
            self.deviations.is_empty(),
            "\n{}",
            self.deviations.join("\n")
        );
    }
}

#[test]
fn kmeans_from_the_stated_starts_finds_what_scikit_learn_finds() {
    let mut comparison = Comparison::default();
    for subject in subjects() {
        for case in subject.expected["kmeans"].as_array().unwrap() {
            let (k, max_iter) = (integer(&case["k"]), integer(&case["max_iter"]));
            comparison.case = format!("{} k={k} max_iter={max_iter}", subject.name);
            let options = kmeans::Options {
                k,
                init: kmeans::Init::Centroids(subject.start(k) * 255.0),
                n_init: Some(1),
                tol: 0.0,
                max_iter,
                ..Default::default()
            };
            let fit = kmeans::fit(&subject.colors, &options).unwrap();

            let points = subject.colors.points();
            let nearest = |color: usize| {
                let distance = |j: &usize| {
                    (0..3)
                        .map(|c| (points[(color, c)] - fit.centroids[(*j, c)]).powi(2))
                        .sum::<f64>()
                };
                (0..k)
                    .min_by(|i, j| distance(i).total_cmp(&distance(j)))
                    .unwrap()
            };
            let centroids: Vec<_> = fit.centroids.iter().map(|value| value / 255.0).collect();
            comparison.absolute("centroids", &centroids, &case["centroids"], 1e-6);
            comparison.relative(
                "inertia",
                fit.inertia / (255.0 * 255.0),
                &case["inertia"],
                1e-6,
            );
            comparison.absolute("counts", &subject.counts(k, nearest), &case["counts"], 0.0);
            comparison.absolute("n_iter", &[fit.n_iter as f64], &case["n_iter"], 0.0);
            assert_eq!(fit.converged, max_iter == 1000, "{}", comparison.case);
        }
    }
    comparison.finish();
}

#[test]
fn the_mixture_from_the_stated_starts_finds_what_scikit_learn_finds() {
    let mut comparison = Comparison::default();
    for subject in subjects() {
        for case in subject.expected["gmm"].as_array().unwrap() {
            let (k, max_iter) = (integer(&case["k"]), integer(&case["max_iter"]));
            comparison.case = format!(
                "{} {} k={k} max_iter={max_iter}",
                subject.name, case["covariance"]
            );
            let covariance_type = covariance_type(&case["covariance"]);
            let start = gmm::Mixture {
                covariance_type,
                weights: Array1::from_elem(k, 1.0 / k as f64),
                means: subject.start(k),
                covariances: Array3::from_shape_fn(
                    (k, 3, 3),
                    |(_, r, c)| if r == c { 0.02 } else { 0.0 },
                ),
            };
            let options = gmm::Options {
                k,
                init: gmm::Init::Mixture(start),
                covariance_type,
                tol: 0.0,
                max_iter,
                reg_covar: 1e-6,
                ..Default::default()
            };
            let fit = gmm::fit(&subject.colors, &options).unwrap();

            let pixels = subject.color_of_pixel.len() as f64;
            let predicted = fit.mixture.predict(&subject.colors).unwrap();
            let counts = subject.counts(k, |color| predicted[color] as usize);
            comparison.absolute(
                "weights",
                &fit.mixture.weights.to_vec(),
                &case["weights"],
                1e-5,
            );
            comparison.absolute(
                "means",
                &fit.mixture.means.flatten().to_vec(),
                &case["means"],
                1e-5,
            );
            comparison.absolute(
                "covariances",
                &fit.mixture.covariances.flatten().to_vec(),
                &case["covariances"],
                1e-5,
            );
            comparison.absolute(
                "log-likelihood",
                &[fit.log_likelihood],
                &case["log_likelihood"],
                1e-6,
            );
            comparison.relative("BIC", fit.bic(pixels), &case["bic"], 1e-6);
            comparison.relative("AIC", fit.aic(pixels), &case["aic"], 1e-6);
            comparison.absolute("counts", &counts, &case["counts"], 0.0);
            comparison.absolute("n_iter", &[fit.n_iter as f64], &case["n_iter"], 0.0);
        }
    }
    comparison.finish();
}

/// scikit-learn's `KMeans(5)` on the pixels of flower.jpg, its centroids rounded to bytes, has an MSE
/// of 717.3.
#[test]
fn five_colors_of_the_flower_have_the_error_that_scikit_learn_has_from_any_seed() {
    let flower = picture::builtin("flower.jpg").unwrap();
    let (colors, color_of_pixel) = Colors::of(&flower);
    for seed in 0..10 {
        let options = kmeans::Options {
            k: 5,
            seed,
            ..Default::default()
        };
        let fit = kmeans::fit(&colors, &options).unwrap();
        let palette = kmeans::to_palette(&colors, &fit.centroids, Space::Srgb).unwrap();
        let entries = map::nearest(&colors, &palette, Space::Srgb);
        let indices = color_of_pixel.expand(&entries);
        let (width, height) = (flower.width(), flower.height());
        let indexed = IndexedPicture::new(width, height, palette, indices).unwrap();
        let mse = metrics::mse(&flower, &indexed.to_picture()).unwrap();
        assert!((717.0..=720.0).contains(&mse), "seed {seed}: {mse}");
    }
}
