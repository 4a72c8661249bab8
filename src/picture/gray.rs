//! Gray pictures, for numbers rather than for eyes.

use crate::{Error, Result};

/// A PNG of 8-bit gray whose values are these, one a pixel, row by row.
///
/// # Errors
/// When there are not exactly `width * height` values, or the PNG encoder fails.
pub fn encode_gray(width: u32, height: u32, values: &[u8]) -> Result<Vec<u8>> {
    if values.len() as u64 != u64::from(width) * u64::from(height) {
        return Err(Error::Invalid(format!(
            "a picture of {width}x{height} has not {} pixels",
            values.len()
        )));
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    // Values that are names: differences between neighbors mean nothing to deflate.
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(Error::Encode)?;
    writer.write_image_data(values).map_err(Error::Encode)?;
    writer.finish().map_err(Error::Encode)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_decoder_finds_gray_of_the_same_values() {
        let values = [0, 1, 7, 255, 3, 2];
        let bytes = encode_gray(3, 2, &values).unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        assert_eq!(picture.color(), image::ColorType::L8);
        assert_eq!(picture.as_bytes(), values);
        assert!(encode_gray(2, 2, &values).is_err());
    }
}
