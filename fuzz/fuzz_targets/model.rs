//! A saved model: what is read is written and read again, and does all that a model does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quantize::{
    Colors, Picture, gmm, kmeans,
    model::{Model, Parameters, channels},
    picture::Pixels,
};

/// Two rows of colors, opaque and not.
fn picture() -> Picture {
    let pixels = (0..32u8).map(|i| {
        [
            i * 8,
            255 - i,
            i.wrapping_mul(i),
            255 - i.saturating_sub(16) * 17,
        ]
    });
    Picture::from_pixels(16, 2, Pixels::Rgba8(pixels.collect())).unwrap()
}

fn used<const D: usize>(json: &str) {
    let Ok(model) = Model::<D>::from_json(json) else {
        return;
    };
    assert_eq!(
        Model::<D>::from_json(&model.to_json().unwrap()).unwrap(),
        model
    );
    let (picture, space) = (picture(), model.space);
    let (colors, _) = Colors::<D>::in_space(&picture, space);
    let components = match &model.parameters {
        Parameters::KMeans { centroids, .. } => {
            let fit = kmeans::score(&colors, centroids).unwrap();
            assert!(fit.inertia >= 0.0);
            if model.k() <= 256 {
                let palette = kmeans::to_palette(&colors, centroids, space).unwrap();
                assert!(palette.len() <= model.k());
            }
            kmeans::predict(&colors, centroids).unwrap()
        }
        Parameters::Mixture(mixture) => {
            let fit = gmm::score(&colors, mixture, 1e-6).unwrap();
            assert!(!fit.log_likelihood.is_nan());
            let points = &colors.points() / colors.unit();
            let responsibilities = mixture.responsibilities(&points).unwrap();
            for row in responsibilities.rows() {
                assert!((row.sum() - 1.0).abs() < 1e-9, "{row}");
            }
            let means = mixture.posterior_means(&colors).unwrap();
            assert!(means.iter().all(|mean| mean.is_finite()));
            mixture.posterior_colors(&colors, space).unwrap();
            mixture.sample(5, 3, space, 1).unwrap();
            mixture.sample_posterior(&picture, space, 1).unwrap();
            mixture.predict(&colors).unwrap()
        }
    };
    assert_eq!(components.len(), colors.len());
    assert!(
        components
            .iter()
            .all(|&component| (component as usize) < model.k())
    );
}

fuzz_target!(|json: &str| {
    match channels(json) {
        Ok(3) => used::<3>(json),
        Ok(4) => used::<4>(json),
        Ok(_) => assert!(Model::<3>::from_json(json).is_err()),
        Err(_) => {
            assert!(Model::<3>::from_json(json).is_err() && Model::<4>::from_json(json).is_err())
        }
    }
});
