//! The stages of k-means on the built-in flower (640 x 427 pixels, 62,989 distinct colors):
//! `cargo bench --bench kmeans`.

use divan::{Bencher, black_box};
use ndarray::Array2;
use quantize::{Colors, Effort, Palette, Picture, Space, kmeans, map, picture};

fn main() {
    divan::main();
}

const KS: [usize; 4] = [5, 16, 64, 256];

fn flower() -> Picture {
    picture::builtin("flower.jpg").expect("it is built in")
}

fn fit(colors: &Colors<3>, options: &kmeans::Options) -> Array2<f64> {
    kmeans::fit(colors, options)
        .expect("the options are sound")
        .centroids
}

/// Pixels to distinct colors and their boxes.
#[divan::bench]
fn distinct_colors(bencher: Bencher) {
    let flower = flower();
    bencher.bench(|| Colors::of(black_box(&flower)));
}

/// One assignment and one update from centroids that have converged, and the last assignment.
#[divan::bench(args = KS)]
fn one_iteration(bencher: Bencher, k: usize) {
    let (colors, _) = Colors::of(&flower());
    let start = fit(
        &colors,
        &kmeans::Options {
            k,
            ..Default::default()
        },
    );
    let init = kmeans::Init::Centroids(start);
    let options = kmeans::Options {
        k,
        init,
        max_iter: 1,
        ..Default::default()
    };
    bencher.bench(|| fit(black_box(&colors), &options));
}

/// Seeding, search and iterations.
#[divan::bench(args = KS, consts = [0, 1, 2])]
fn whole<const EFFORT: usize>(bencher: Bencher, k: usize) {
    let effort = [Effort::Fast, Effort::Balanced, Effort::Best][EFFORT];
    let (colors, _) = Colors::of(&flower());
    let options = kmeans::Options {
        k,
        effort,
        ..Default::default()
    };
    bencher.bench(|| fit(black_box(&colors), &options));
}

/// Real-valued centroids to a palette of bytes.
#[divan::bench(args = KS)]
fn to_palette(bencher: Bencher, k: usize) {
    let (colors, _) = Colors::of(&flower());
    let centroids = fit(
        &colors,
        &kmeans::Options {
            k,
            ..Default::default()
        },
    );
    bencher.bench(|| kmeans::to_palette(&colors, black_box(&centroids), Space::Srgb));
}

/// Pixels to palette indices.
#[divan::bench(args = KS)]
fn mapping(bencher: Bencher, k: usize) {
    let (colors, color_of_pixel) = Colors::of(&flower());
    let centroids = fit(
        &colors,
        &kmeans::Options {
            k,
            ..Default::default()
        },
    );
    let (palette, _) =
        Palette::from_means::<3>(&centroids, Space::Srgb).expect("at most 256 colors");
    bencher
        .bench(|| color_of_pixel.expand(&map::nearest(&colors, black_box(&palette), Space::Srgb)));
}
