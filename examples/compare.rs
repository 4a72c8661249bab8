//! Writes a picture in 5 colors, and as it was, side by side to compared.png.
//!
//! `cargo run --release --example compare [PICTURE]`

use std::{env, path::Path};

use quantize::figure::{Panel, side_by_side};
use quantize::picture::{self, EncodeOptions, Existing, IndexedPicture};
use quantize::{Colors, Result, Space, kmeans, map, metrics};

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
    let compressed = compressed.to_picture();

    let panels = [("In 5 colors", &compressed), ("Original", &original)];
    let figure = side_by_side(&panels.map(|(title, picture)| Panel { title, picture }))?;
    let output = Path::new("compared.png");
    let png = figure.encode_png(EncodeOptions::default())?;
    picture::write(output, &png, Existing::Replace)?;

    let mse = metrics::mse(&compressed, &original)?;
    println!("{}: MSE {mse:.1}", output.display());
    Ok(())
}
