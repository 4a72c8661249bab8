//! How far apart two pictures are.

mod ciede2000;

pub use ciede2000::{ColorDifference, ciede2000};

use crate::{Error, Picture, Result, Space, picture::Pixels};

/// The mean over pixels of the squared distance in 8-bit sRGB, summed over the three channels: the
/// color quantization literature's MSE. With alpha, color is premultiplied and alpha a fourth channel.
///
/// # Errors
/// When the pictures differ in size.
pub fn mse(a: &Picture, b: &Picture) -> Result<f64> {
    check_sizes(a, b)?;
    let sum: f64 = match (a.pixels(), b.pixels()) {
        (Pixels::Rgb8(a), Pixels::Rgb8(b)) => {
            let square = |(&a, &b): (&u8, &u8)| u64::from(a.abs_diff(b)).pow(2);
            let bytes = a.as_flattened().iter().zip(b.as_flattened());
            bytes.map(square).sum::<u64>() as f64
        }
        _ => (0..a.len())
            .map(|i| {
                let [a, b] = [a, b].map(|picture| Space::Srgb.point::<4>(picture.rgba(i)));
                (0..4).map(|d| (a[d] - b[d]) * (a[d] - b[d])).sum::<f64>()
            })
            .sum(),
    };
    Ok(sum / a.len() as f64)
}

fn check_sizes(a: &Picture, b: &Picture) -> Result<()> {
    if (a.width(), a.height()) != (b.width(), b.height()) {
        return Err(Error::Invalid(format!(
            "pictures of one size are compared, not {}x{} and {}x{}",
            a.width(),
            a.height(),
            b.width(),
            b.height()
        )));
    }
    Ok(())
}

/// 10 log10(255² / (`mse` / 3)) in decibels; `None` when nothing differs.
pub fn psnr_db(mse: f64) -> Option<f64> {
    (mse > 0.0).then(|| 10.0 * libm::log10(255.0 * 255.0 / (mse / 3.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, rgb: &[u8]) -> Picture {
        Picture::new(width, 1, rgb.to_vec()).unwrap()
    }

    #[test]
    fn the_error_is_summed_over_channels_and_averaged_over_pixels() {
        let a = picture(2, &[0, 0, 0, 255, 10, 10]);
        let b = picture(2, &[3, 4, 0, 255, 10, 15]);
        assert_eq!(mse(&a, &b).unwrap(), f64::from(9 + 16 + 25) / 2.0);
        assert_eq!(mse(&b, &a).unwrap(), 25.0);
        assert!(mse(&a, &picture(1, &[0; 3])).is_err());
    }

    #[test]
    fn with_alpha_the_error_is_that_of_what_one_sees_and_of_alpha() {
        let soft = |pixel| Picture::from_pixels(1, 1, Pixels::Rgba8(vec![pixel])).unwrap();
        let invisible = soft([255, 9, 9, 0]);
        assert_eq!(mse(&invisible, &soft([0, 255, 0, 0])).unwrap(), 0.0);
        assert_eq!(mse(&invisible, &soft([0, 0, 0, 100])).unwrap(), 10_000.0);
        let half = mse(&soft([100, 0, 0, 51]), &soft([50, 0, 0, 51])).unwrap();
        assert!((half - 100.0).abs() < 1e-9);
    }

    #[test]
    fn equal_pictures_have_no_ratio_and_opposite_ones_have_none_in_decibels() {
        assert_eq!(psnr_db(0.0), None);
        assert!(psnr_db(3.0 * 255.0 * 255.0).unwrap().abs() < 1e-12);
        assert!((psnr_db(3.0 * 255.0 * 2.55).unwrap() - 20.0).abs() < 1e-12);
    }
}
