//! The stages of a mixture on the built-in flower (640 x 427 pixels, 62,989 distinct colors):
//! `cargo bench --bench gmm`.

use divan::{Bencher, black_box};
use quantize::{Colors, Effort, gmm, picture};

fn main() {
    divan::main();
}

fn flower() -> Colors<3> {
    Colors::of(&picture::builtin("flower.jpg").expect("it is built in")).0
}

fn fit(colors: &Colors<3>, options: &gmm::Options<3>) -> gmm::Fit<3> {
    gmm::fit(colors, options).expect("the options are sound")
}

fn fast(k: usize) -> gmm::Options<3> {
    gmm::Options {
        k,
        effort: Effort::Fast,
        ..Default::default()
    }
}

/// One E-step.
#[divan::bench(args = [5, 16, 64])]
fn e_step(bencher: Bencher, k: usize) {
    let colors = flower();
    let mixture = fit(&colors, &fast(k)).mixture;
    bencher.bench(|| gmm::score(black_box(&colors), &mixture, 1e-6));
}

/// Two E-steps and the M-step between them: what an iteration costs, less the E-step alone, is the
/// M-step with what surrounds it.
#[divan::bench(args = [5, 16, 64])]
fn one_iteration(bencher: Bencher, k: usize) {
    let colors = flower();
    let options = gmm::Options {
        init: gmm::Init::Mixture(fit(&colors, &fast(k)).mixture),
        max_iter: 1,
        ..fast(k)
    };
    bencher.bench(|| fit(black_box(&colors), &options));
}

/// Search and EM until it has converged.
#[divan::bench(args = [5, 16], sample_count = 5)]
fn whole(bencher: Bencher, k: usize) {
    let colors = flower();
    let options = gmm::Options {
        k,
        ..Default::default()
    };
    bencher.bench(|| fit(black_box(&colors), &options));
}

/// Choosing k among 1 to 16.
#[divan::bench(sample_count = 3)]
fn choose(bencher: Bencher) {
    let colors = flower();
    let options = gmm::Options::default();
    bencher.bench(|| gmm::choose(black_box(&colors), &options, 16, gmm::Criterion::Bic));
}
