//! Samples of any color type, as decoders give them, to pixels of RGB or RGBA.

use image::ColorType;

use super::Pixels;
use crate::Result;

/// `count` pixels of this type, which `read` puts into a buffer: bytes, or numbers of two or four
/// bytes in the machine's order.
pub fn pixels(
    color_type: ColorType,
    count: usize,
    read: impl FnOnce(&mut [u8]) -> Result<()>,
) -> Result<Pixels> {
    // The two that are frequent need no second buffer.
    match color_type {
        ColorType::Rgb8 => {
            let mut pixels = vec![[0; 3]; count];
            read(pixels.as_flattened_mut())?;
            return Ok(Pixels::Rgb8(pixels));
        }
        ColorType::Rgba8 => {
            let mut pixels = vec![[0; 4]; count];
            read(pixels.as_flattened_mut())?;
            return Ok(Pixels::Rgba8(pixels));
        }
        _ => {}
    }
    let mut bytes = vec![0; count * usize::from(color_type.bytes_per_pixel())];
    read(&mut bytes)?;
    Ok(expand(color_type, &bytes))
}

fn expand(color_type: ColorType, bytes: &[u8]) -> Pixels {
    match color_type {
        ColorType::L8 => Pixels::Rgb8(bytes.iter().map(|&v| [v; 3]).collect()),
        ColorType::La8 => Pixels::Rgba8(each(bytes, |[v, a]: [u8; 2]| [v, v, v, a])),
        ColorType::L16 => Pixels::Rgb16(each(bytes, |[v]| [v; 3])),
        ColorType::La16 => Pixels::Rgba16(each(bytes, |[v, a]| [v, v, v, a])),
        ColorType::Rgb16 => Pixels::Rgb16(each(bytes, |rgb| rgb)),
        ColorType::Rgba16 => Pixels::Rgba16(each(bytes, |rgba| rgba)),
        ColorType::Rgb32F => Pixels::Rgb16(each(bytes, |rgb: [f32; 3]| rgb.map(to_u16))),
        ColorType::Rgba32F => Pixels::Rgba16(each(bytes, |rgba: [f32; 4]| rgba.map(to_u16))),
        // The list of types may grow with the `image` crate.
        _ => unreachable!("no decoder of these formats has {color_type:?}"),
    }
}

fn to_u16(value: f32) -> u16 {
    // The cast clamps.
    (value * 65535.0).round() as u16
}

/// What `pixel` makes of each `N` samples.
fn each<S: Sample, T, const N: usize>(bytes: &[u8], pixel: impl Fn([S; N]) -> T) -> Vec<T> {
    let size = size_of::<S>();
    bytes
        .chunks_exact(size * N)
        .map(|bytes| pixel(std::array::from_fn(|i| S::from_bytes(&bytes[i * size..]))))
        .collect()
}

trait Sample {
    /// The sample that `bytes` begin with.
    fn from_bytes(bytes: &[u8]) -> Self;
}

impl Sample for u8 {
    fn from_bytes(bytes: &[u8]) -> Self {
        bytes[0]
    }
}

impl Sample for u16 {
    fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_ne_bytes([bytes[0], bytes[1]])
    }
}

impl Sample for f32 {
    fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(color_type: ColorType, samples: &[u8]) -> Pixels {
        let count = samples.len() / usize::from(color_type.bytes_per_pixel());
        pixels(color_type, count, |buffer| {
            buffer.copy_from_slice(samples);
            Ok(())
        })
        .unwrap()
    }

    #[test]
    fn gray_becomes_three_equal_channels_and_alpha_stays() {
        assert_eq!(
            read(ColorType::L8, &[1, 2]),
            Pixels::Rgb8(vec![[1; 3], [2; 3]])
        );
        assert_eq!(
            read(ColorType::La8, &[1, 2, 3, 4]),
            Pixels::Rgba8(vec![[1, 1, 1, 2], [3, 3, 3, 4]])
        );
    }

    #[test]
    fn sixteen_bits_keep_their_value() {
        let samples: Vec<u8> = [258u16, 3, 65535, 7]
            .into_iter()
            .flat_map(u16::to_ne_bytes)
            .collect();
        assert_eq!(
            read(ColorType::La16, &samples),
            Pixels::Rgba16(vec![[258, 258, 258, 3], [65535, 65535, 65535, 7]])
        );
        assert_eq!(
            read(ColorType::Rgba16, &samples),
            Pixels::Rgba16(vec![[258, 3, 65535, 7]])
        );
        assert_eq!(
            read(ColorType::Rgb16, &samples[..6]),
            Pixels::Rgb16(vec![[258, 3, 65535]])
        );
    }

    #[test]
    fn floating_point_is_clamped_to_the_range_of_colors() {
        let samples: Vec<u8> = [-1.0f32, 0.5, 7.0, f32::NAN, 1.0, 0.0]
            .into_iter()
            .flat_map(f32::to_ne_bytes)
            .collect();
        assert_eq!(
            read(ColorType::Rgb32F, &samples),
            Pixels::Rgb16(vec![[0, 32768, 65535], [0, 65535, 0]])
        );
    }
}
