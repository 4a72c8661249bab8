//! Writes a picture with 5 colors, found by k-means, to compressed.png.
//!
//! `cargo run --release --example compress [PICTURE]`

use std::{env, path::Path};

use quantize::picture::{self, EncodeOptions, Existing, IndexedPicture};
use quantize::{Colors, Result, Space, kmeans, map};

fn main() -> Result<()> {
    let original = match env::args_os().nth(1) {
        Some(path) => picture::load(path.as_ref())?,
        None => picture::builtin("flower.jpg")?,
    };
    let (colors, color_of_pixel) = Colors::of(&original);
    let options = kmeans::Options {
        k: 5,
        ..Default::default()
    };
    let fit = kmeans::fit(&colors, &options)?;

    let palette = kmeans::to_palette(&colors, &fit.centroids, Space::Srgb)?;
    let entries = map::nearest(&colors, &palette, Space::Srgb);
    let (width, height) = (original.width(), original.height());
    let compressed = IndexedPicture::of_colors(width, height, palette, &color_of_pixel, &entries)?;
    let output = Path::new("compressed.png");
    picture::write(
        output,
        &compressed.encode_png(EncodeOptions::default())?,
        Existing::Replace,
    )?;

    println!("{}: {} iterations", output.display(), fit.n_iter);
    println!("{:?}", compressed.palette().colors());
    Ok(())
}
