//! What holds for every picture, tried on random small ones (reliability: numbers, B1, B3).
//!
//! `PROPTEST_CASES=10000 cargo test --release --test properties` tries more.

use ndarray::{Array2, Axis};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use quantize::{
    Colors, Effort, IndexedPicture, Palette, Picture, Space,
    colors::ColorOfPixel,
    gmm::{self, CovarianceType},
    kmeans, map, metrics,
    picture::{self, Pixels},
    trace::Origin,
};

/// 256 cases, or as the environment says. A finding becomes a test of its own, not a file of seeds.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Samples of few values, of close ones, or any.
fn sample() -> impl Strategy<Value = u8> {
    prop_oneof![select(vec![0, 1, 128, 255]), 100_u8..110, any::<u8>(),]
}

/// Up to 12 x 12 pixels of bytes, opaque or not.
fn pictures() -> impl Strategy<Value = Picture> {
    (1_u32..=12, 1_u32..=12, any::<bool>()).prop_flat_map(|(width, height, opaque)| {
        vec(
            [sample(), sample(), sample(), sample()],
            (width * height) as usize,
        )
        .prop_map(move |mut pixels| {
            if opaque {
                for pixel in &mut pixels {
                    pixel[3] = 255;
                }
            }
            Picture::from_pixels(width, height, Pixels::Rgba8(pixels)).unwrap()
        })
    })
}

fn opaque_pictures() -> impl Strategy<Value = Picture> {
    pictures().prop_map(|picture| {
        let rgb = picture
            .to_rgba8()
            .iter()
            .flat_map(|&[r, g, b, _]| [r, g, b])
            .collect();
        Picture::new(picture.width(), picture.height(), rgb).unwrap()
    })
}

fn efforts() -> impl Strategy<Value = Effort> {
    select(vec![Effort::Fast, Effort::Balanced, Effort::Best])
}

fn spaces() -> impl Strategy<Value = Space> {
    select(vec![Space::Srgb, Space::Linear, Space::Lab, Space::Oklab])
}

fn covariance_types() -> impl Strategy<Value = CovarianceType> {
    select(vec![
        CovarianceType::Full,
        CovarianceType::Tied,
        CovarianceType::Diag,
        CovarianceType::Spherical,
    ])
}

/// The picture in k colors by k-means.
fn compressed<const D: usize>(
    picture: &Picture,
    k: usize,
    space: Space,
    effort: Effort,
) -> IndexedPicture {
    let (colors, color_of_pixel) = Colors::<D>::in_space(picture, space);
    let options = kmeans::Options {
        k,
        effort,
        ..Default::default()
    };
    let fit = kmeans::fit(&colors, &options).unwrap();
    let palette = kmeans::to_palette(&colors, &fit.centroids, space).unwrap();
    indexed(picture, &colors, &color_of_pixel, palette, space)
}

fn indexed<const D: usize>(
    picture: &Picture,
    colors: &Colors<D>,
    color_of_pixel: &ColorOfPixel,
    palette: Palette,
    space: Space,
) -> IndexedPicture {
    let entries = map::nearest(colors, &palette, space);
    let (width, height) = (picture.width(), picture.height());
    IndexedPicture::of_colors(width, height, palette, color_of_pixel, &entries).unwrap()
}

fn compressed_with_any_alpha(
    picture: &Picture,
    k: usize,
    space: Space,
    effort: Effort,
) -> IndexedPicture {
    if picture.has_alpha() {
        compressed::<4>(picture, k, space, effort)
    } else {
        compressed::<3>(picture, k, space, effort)
    }
}

/// RGBA with one color for what is invisible.
fn visible(pixels: &[[u8; 4]]) -> Vec<[u8; 4]> {
    let one = |&[r, g, b, a]: &[u8; 4]| if a == 0 { [0; 4] } else { [r, g, b, a] };
    pixels.iter().map(one).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_picture_of_k_colors_is_unchanged(picture in pictures(), space in spaces(), effort in efforts()) {
        let pixels = visible(&picture.to_rgba8());
        let mut distinct = pixels.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let result = compressed_with_any_alpha(&picture, distinct.len(), space, effort);
        prop_assert_eq!(visible(&result.to_picture().to_rgba8()), pixels);
    }

    #[test]
    fn quantizing_twice_changes_nothing(picture in pictures(), k in 1_usize..20, effort in efforts()) {
        let once = compressed_with_any_alpha(&picture, k, Space::Srgb, effort);
        prop_assert!(once.palette().len() <= k);
        let twice = compressed_with_any_alpha(&once.to_picture(), k, Space::Srgb, effort);
        prop_assert_eq!(visible(&once.to_picture().to_rgba8()), visible(&twice.to_picture().to_rgba8()));
    }

    #[test]
    fn the_order_of_the_pixels_changes_no_palette(
        picture in pictures(),
        k in 1_usize..9,
        effort in efforts(),
        swaps in vec(any::<(Index, Index)>(), 50),
    ) {
        let mut pixels = picture.to_rgba8();
        for (a, b) in swaps {
            let (a, b) = (a.index(pixels.len()), b.index(pixels.len()));
            pixels.swap(a, b);
        }
        // Turned, too: its height is its width.
        let shuffled = Picture::from_pixels(picture.height(), picture.width(), Pixels::Rgba8(pixels)).unwrap();
        let palette = |picture| compressed_with_any_alpha(picture, k, Space::Srgb, effort).palette().clone();
        prop_assert_eq!(palette(&picture), palette(&shuffled));
    }

    #[test]
    fn what_is_written_is_what_other_decoders_read(picture in pictures(), k in 1_usize..40, optimize: bool) {
        let result = compressed_with_any_alpha(&picture, k, Space::Srgb, Effort::Fast);
        let effort = if optimize { Effort::Best } else { Effort::Fast };
        let options = picture::EncodeOptions { effort, ..Default::default() };
        let read = image::load_from_memory(&result.encode_png(options).unwrap()).unwrap().into_rgba8();
        let read: Vec<[u8; 4]> = read.pixels().map(|pixel| pixel.0).collect();
        prop_assert_eq!(visible(&read), visible(&result.to_picture().to_rgba8()));
    }

    #[test]
    fn the_inertia_never_rises_and_is_at_most_that_about_one_mean(picture in opaque_pictures(), k in 1_usize..9, seed: u64) {
        let (colors, _) = Colors::of(&picture);
        let options = |k| kmeans::Options { k, seed, ..Default::default() };
        let fit = kmeans::fit(&colors, &options(k)).unwrap();
        prop_assert!(fit.history.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12)));
        let one = kmeans::fit(&colors, &options(1)).unwrap();
        prop_assert!(fit.inertia <= one.inertia * (1.0 + 1e-12));
        // Steiner: the inertia about the mean is the sum of squares less n times the mean's square.
        let pixels = picture.to_rgba8();
        let n = pixels.len() as f64;
        let mut expected = 0.0;
        for channel in 0..3 {
            let values = || pixels.iter().map(|pixel| f64::from(pixel[channel]));
            let (sum, squares) = (values().sum::<f64>(), values().map(|v| v * v).sum::<f64>());
            expected += squares - sum * sum / n;
        }
        prop_assert!((one.inertia - expected).abs() <= 1e-9 * expected + 1e-6, "{} {}", one.inertia, expected);
    }

    #[test]
    fn the_winner_of_fewer_starts_stays_a_candidate_among_more(picture in opaque_pictures(), k in 2_usize..9, seed: u64) {
        let (colors, _) = Colors::of(&picture);
        // How each start went, before the best of them is followed.
        let starts = |n_init| {
            let options = kmeans::Options { k, seed, n_init: Some(n_init), ..Default::default() };
            let runs = kmeans::fit(&colors, &options).unwrap().trace.into_iter();
            let runs = runs.filter(|run| run.origin != Origin::Continuation);
            runs.map(|run| (run.start, run.objective)).collect::<Vec<_>>()
        };
        let (two, five) = (starts(2), starts(5));
        prop_assert_eq!(&five[..two.len()], &two[..]);
    }

    #[test]
    fn counts_equal_repetition(
        colors in vec(([sample(), sample(), sample()], 1_u8..4), 2..30),
        k in 1_usize..5,
        covariance_type in covariance_types(),
    ) {
        let rows: Vec<[f64; 3]> = colors.iter().map(|(color, _)| color.map(f64::from)).collect();
        let counts: Vec<f64> = colors.iter().map(|&(_, count)| count.into()).collect();
        let (weighted, _) = Colors::<3>::from_points(&Array2::from(rows.clone()), &counts, 255.0).unwrap();
        let repeated: Vec<[f64; 3]> = rows
            .iter()
            .zip(&colors)
            .flat_map(|(&row, &(_, count))| std::iter::repeat_n(row, count.into()))
            .collect();
        let ones = vec![1.0; repeated.len()];
        let (repeated, _) = Colors::<3>::from_points(&Array2::from(repeated), &ones, 255.0).unwrap();
        let kmeans = |colors| kmeans::fit(colors, &kmeans::Options { k, ..Default::default() }).unwrap();
        prop_assert_eq!(kmeans(&weighted), kmeans(&repeated));
        let gmm = |colors| gmm::fit(colors, &gmm::Options { k, covariance_type, ..Default::default() }).unwrap();
        prop_assert_eq!(gmm(&weighted), gmm(&repeated));
    }

    #[test]
    fn a_mixture_is_one_and_its_responsibilities_sum_to_1(
        picture in opaque_pictures(),
        k in 1_usize..7,
        covariance_type in covariance_types(),
        effort in efforts(),
        space in spaces(),
    ) {
        let (colors, _) = Colors::<3>::in_space(&picture, space);
        let options = gmm::Options { k, covariance_type, effort, max_iter: 60, ..Default::default() };
        let fit = gmm::fit(&colors, &options).unwrap();
        prop_assert!(fit.log_likelihood.is_finite());
        let mixture = &fit.mixture;
        prop_assert!((1..=k).contains(&mixture.components()));
        prop_assert!((mixture.weights.sum() - 1.0).abs() < 1e-12);
        for covariance in mixture.covariances.outer_iter() {
            // 1e-6 at least in each direction, so on the diagonal too.
            prop_assert!(covariance.diag().iter().all(|&variance| variance >= 1e-6 * (1.0 - 1e-9)));
        }
        let points = &colors.points() / colors.unit();
        let responsibilities = mixture.responsibilities(&points).unwrap();
        for sum in responsibilities.sum_axis(Axis(1)) {
            prop_assert!((sum - 1.0).abs() < 1e-12, "{}", sum);
        }
        let weights = ndarray::Array1::from(colors.counts().to_vec());
        let mean = (mixture.log_densities(&points).unwrap() * &weights).sum() / weights.sum();
        prop_assert!((mean - fit.log_likelihood).abs() <= 1e-9 * (1.0 + mean.abs()), "{} {}", mean, fit.log_likelihood);
    }

    #[test]
    fn of_falling_log_likelihoods_the_best_is_kept(
        picture in opaque_pictures(),
        k in 1_usize..5,
        covariance_type in covariance_types(),
        seed: u64,
    ) {
        let (colors, _) = Colors::of(&picture);
        let options = gmm::Options {
            k, covariance_type, seed, effort: Effort::Fast, n_init: Some(1), tol: 1e-9, max_iter: 30, reg_covar: 1e-3,
            ..Default::default()
        };
        let fit = gmm::fit(&colors, &options).unwrap();
        // With a floor it may fall, and the best parameters seen are kept.
        let best = fit.history.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(fit.log_likelihood >= best - options.tol, "{} {}", fit.log_likelihood, best);
    }

    #[test]
    fn the_mse_is_0_exactly_where_nothing_is_lost(picture in pictures(), k in 1_usize..30) {
        let result = compressed_with_any_alpha(&picture, k, Space::Srgb, Effort::Fast).to_picture();
        let mse = metrics::mse(&picture, &result).unwrap();
        let same = visible(&picture.to_rgba8()) == visible(&result.to_rgba8());
        prop_assert_eq!(mse == 0.0, same);
    }
}
