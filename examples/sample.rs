//! Fits a mixture of 5 Gaussians to a picture's colors, and writes a draw from it to sampled.png.
//!
//! `cargo run --release --example sample [PICTURE]`

use std::{env, path::Path};

use quantize::picture::{self, EncodeOptions, Existing};
use quantize::{Colors, Result, Space, gmm};

fn main() -> Result<()> {
    let original = match env::args_os().nth(1) {
        Some(path) => picture::load(path.as_ref())?,
        None => picture::builtin("flower.jpg")?,
    };
    let (colors, _) = Colors::of(&original);
    let options = gmm::Options {
        k: 5,
        ..Default::default()
    };
    let fit = gmm::fit(&colors, &options)?;

    let (width, height, seed) = (original.width(), original.height(), 0);
    let sampled = fit.mixture.sample(width, height, Space::Srgb, seed)?;
    let output = Path::new("sampled.png");
    picture::write(
        output,
        &sampled.encode_png(EncodeOptions::default())?,
        Existing::Replace,
    )?;

    println!("{}: {} iterations", output.display(), fit.n_iter);
    println!("log-likelihood {:.4} nats a pixel", fit.log_likelihood);
    println!("weights {:.3}", fit.mixture.weights);
    println!("means, colors from 0 to 1\n{:.3}", fit.mixture.means);
    Ok(())
}
