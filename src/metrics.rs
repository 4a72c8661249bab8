//! How far apart two pictures are.

use crate::{Error, Picture, Result};

/// The mean over pixels of the squared distance in 8-bit sRGB, summed over the three channels: the
/// color quantization literature's MSE.
///
/// # Errors
/// When the pictures differ in size.
pub fn mse(a: &Picture, b: &Picture) -> Result<f64> {
    if (a.width(), a.height()) != (b.width(), b.height()) {
        return Err(Error::Invalid(format!(
            "pictures of one size are compared, not {}x{} and {}x{}",
            a.width(),
            a.height(),
            b.width(),
            b.height()
        )));
    }
    let sum: u64 = a
        .as_bytes()
        .iter()
        .zip(b.as_bytes())
        .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
        .sum();
    Ok(sum as f64 / a.pixels().len() as f64)
}

/// 10 log10(255² / (`mse` / 3)) in decibels; `None` when nothing differs.
pub fn psnr_db(mse: f64) -> Option<f64> {
    (mse > 0.0).then(|| 10.0 * libm::log10(255.0 * 255.0 / (mse / 3.0)))
}
