//! Points, counts, centroids and mixtures of any numbers: what a function cannot use it refuses, and what
//! it returns is numbers.

#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use ndarray::{Array1, Array2, Array3};
use quantize::{
    Colors, Dither, Effort, Palette, Space,
    dither::{self, Method},
    gmm::{self, CovarianceType, Criterion, Mixture},
    kmeans, map,
};

#[derive(Arbitrary, Debug)]
enum Number {
    Byte(u8),
    Share(u16),
    Small(i8),
    Any(f64),
}

impl Number {
    fn value(&self) -> f64 {
        match *self {
            Self::Byte(value) => value.into(),
            Self::Share(value) => f64::from(value) / 65535.0,
            Self::Small(value) => f64::from(value) / 16.0,
            Self::Any(value) => value,
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    points: Vec<([Number; 3], Number)>,
    unit: Number,
    k: u8,
    n_init: u8,
    max_iter: u8,
    fast: bool,
    choose: bool,
    kind: u8,
    tol: Number,
    reg_covar: Number,
    strength: Number,
    pinned: Vec<[Number; 3]>,
    centroids: Vec<[Number; 3]>,
    start: Option<Vec<(Number, [Number; 3], [Number; 6])>>,
}

fn rows(rows: &[[Number; 3]]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), 3), |(i, d)| rows[i][d].value())
}

fn mixture(
    parts: &[(Number, [Number; 3], [Number; 6])],
    covariance_type: CovarianceType,
) -> Mixture<3> {
    /// Where the lower triangle has the entries of a symmetric matrix.
    const PLACE: [[usize; 3]; 3] = [[0, 1, 3], [1, 2, 4], [3, 4, 5]];
    let k = parts.len();
    Mixture {
        weights: Array1::from_shape_fn(k, |j| parts[j].0.value()),
        means: Array2::from_shape_fn((k, 3), |(j, d)| parts[j].1[d].value()),
        covariances: Array3::from_shape_fn((k, 3, 3), |(j, i, l)| parts[j].2[PLACE[i][l]].value()),
        covariance_type,
    }
}

fn use_mixture(mixture: &Mixture<3>, colors: &Colors<3>) {
    let points = colors.points().to_owned();
    if let Ok(components) = mixture.predict(colors) {
        assert!(
            components
                .iter()
                .all(|&j| (j as usize) < mixture.components())
        );
    }
    if let Ok(responsibilities) = mixture.responsibilities(&points) {
        assert!(
            responsibilities
                .rows()
                .into_iter()
                .all(|row| (row.sum() - 1.0).abs() < 1e-9)
        );
    }
    let _ = mixture.posterior_colors(colors, Space::Srgb);
    let _ = mixture.sample(3, 2, Space::Srgb, 0);
    if let Ok(fit) = gmm::score(colors, mixture, 1e-6) {
        assert!(!fit.log_likelihood.is_nan());
    }
    mixture.parameters();
}

fuzz_target!(|input: Input| {
    let (points, counts): (Vec<_>, Vec<_>) = input
        .points
        .iter()
        .map(|(point, count)| (point.each_ref().map(Number::value), count.value()))
        .unzip();
    let points = Array2::from(points);
    let Ok((colors, place)) = Colors::<3>::from_points(&points, &counts, input.unit.value()) else {
        return;
    };
    assert!(colors.len() <= points.nrows() && place.len() == points.nrows());
    if colors.len() > 64 {
        return;
    }
    let effort = if input.fast {
        Effort::Fast
    } else {
        Effort::Balanced
    };
    let centroids = rows(&input.centroids);
    let options = kmeans::Options {
        k: if input.choose {
            usize::from(input.k)
        } else {
            centroids.nrows()
        },
        init: if input.choose {
            kmeans::Init::default()
        } else {
            kmeans::Init::Centroids(centroids.clone())
        },
        pinned: rows(&input.pinned),
        n_init: Some(usize::from(input.n_init % 4)),
        effort,
        tol: input.tol.value(),
        max_iter: usize::from(input.max_iter % 32),
        seed: 0,
    };
    if let Ok(fit) = kmeans::fit(&colors, &options) {
        assert!(fit.inertia >= 0.0);
        assert!(fit.centroids.iter().all(|value| value.is_finite()));
        let pinned = usize::from(input.n_init);
        let _ = kmeans::to_palette_keeping(&colors, &fit.centroids, pinned, Space::Srgb);
        let _ = dither::palette(&colors, &fit.centroids, pinned, Space::Srgb);
    }
    let _ = kmeans::choose(&colors, &options, usize::from(input.k));
    if let Ok(clusters) = kmeans::predict(&colors, &centroids) {
        assert!(clusters.iter().all(|&j| (j as usize) < centroids.nrows()));
        assert!(kmeans::score(&colors, &centroids).unwrap().inertia >= 0.0);
    }
    if let Ok((palette, _)) = Palette::from_means::<3>(&centroids, Space::Oklab) {
        map::nearest(&colors, &palette, Space::Oklab);
        let methods = [
            Method::FloydSteinberg,
            Method::Bayer,
            Method::BlueNoise,
            Method::Adaptive,
        ];
        let method = methods[usize::from(input.kind) % 4];
        let strength = input.strength.value();
        let dither = Dither { method, strength };
        let width = usize::from(input.max_iter % 4);
        if let Ok(indices) = dither::dither(&colors, &place, width, &palette, Space::Srgb, dither) {
            let are_entries =
                |indices: &[u8]| indices.iter().all(|&i| usize::from(i) < palette.len());
            assert!(are_entries(&indices));
        }
    }

    let covariance_type = [
        CovarianceType::Full,
        CovarianceType::Tied,
        CovarianceType::Diag,
        CovarianceType::Spherical,
    ][usize::from(input.kind / 4) % 4];
    let start = input
        .start
        .as_ref()
        .map(|parts| mixture(parts, covariance_type));
    if let Some(mixture) = &start {
        use_mixture(mixture, &colors);
    }
    let options = gmm::Options {
        k: start
            .as_ref()
            .map_or(usize::from(input.k) % 8, Mixture::components),
        init: start.map_or(gmm::Init::KMeans(options.init), gmm::Init::Mixture),
        covariance_type,
        effort,
        n_init: options.n_init,
        tol: options.tol,
        max_iter: options.max_iter,
        reg_covar: input.reg_covar.value(),
        seed: 0,
    };
    if let Ok(fit) = gmm::fit(&colors, &options) {
        assert!(!fit.log_likelihood.is_nan());
        assert!(fit.mixture.components() >= 1);
        use_mixture(&fit.mixture, &colors);
    }
    if input.choose {
        let _ = gmm::choose(&colors, &options, usize::from(input.k) % 8, Criterion::Bic);
    }
});
