//! Turning a picture upright.

use image::metadata::Orientation;

use super::Pixels;

/// Width, height and pixels of a picture that is stored in this orientation.
pub fn upright(
    width: u32,
    height: u32,
    pixels: Pixels,
    orientation: Orientation,
) -> (u32, u32, Pixels) {
    if orientation == Orientation::NoTransforms {
        return (width, height, pixels);
    }
    let turn = Turn::of(width as usize, height as usize, orientation);
    let pixels = match pixels {
        Pixels::Rgb8(pixels) => Pixels::Rgb8(turn.apply(&pixels)),
        Pixels::Rgba8(pixels) => Pixels::Rgba8(turn.apply(&pixels)),
        Pixels::Rgb16(pixels) => Pixels::Rgb16(turn.apply(&pixels)),
        Pixels::Rgba16(pixels) => Pixels::Rgba16(turn.apply(&pixels)),
    };
    if swaps_sides(orientation) {
        (height, width, pixels)
    } else {
        (width, height, pixels)
    }
}

/// Whether rows become columns.
pub fn swaps_sides(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(
        orientation,
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH
    )
}

/// The upright pixel (x, y) is stored at index `origin + x * along_row + y * along_column`.
struct Turn {
    width: usize,
    height: usize,
    origin: usize,
    along_row: isize,
    along_column: isize,
}

impl Turn {
    fn of(stored_width: usize, stored_height: usize, orientation: Orientation) -> Self {
        use Orientation::{
            FlipHorizontal, FlipVertical, NoTransforms, Rotate90, Rotate90FlipH, Rotate180,
            Rotate270, Rotate270FlipH,
        };
        let (right, down) = (1, stored_width.cast_signed());
        let (last_column, last_row) = (stored_width - 1, (stored_height - 1) * stored_width);
        let (origin, along_row, along_column) = match orientation {
            NoTransforms => (0, right, down),
            FlipHorizontal => (last_column, -right, down),
            Rotate180 => (last_row + last_column, -right, -down),
            FlipVertical => (last_row, right, -down),
            Rotate90FlipH => (0, down, right),
            Rotate90 => (last_row, -down, right),
            Rotate270FlipH => (last_row + last_column, -down, -right),
            Rotate270 => (last_column, down, -right),
        };
        let (width, height) = if swaps_sides(orientation) {
            (stored_height, stored_width)
        } else {
            (stored_width, stored_height)
        };
        Self {
            width,
            height,
            origin,
            along_row,
            along_column,
        }
    }

    fn apply<T: Copy>(&self, stored: &[T]) -> Vec<T> {
        let mut upright = Vec::with_capacity(stored.len());
        for y in 0..self.height {
            let start = self
                .origin
                .wrapping_add_signed(y.cast_signed() * self.along_column);
            upright.extend(
                (0..self.width)
                    .map(|x| stored[start.wrapping_add_signed(x.cast_signed() * self.along_row)]),
            );
        }
        upright
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, RgbImage};

    use super::*;

    #[test]
    fn each_of_the_eight_orientations_is_that_of_the_image_crate() {
        let bytes: Vec<u8> = (0..3 * 2 * 3).collect();
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap();
            let stored = RgbImage::from_raw(3, 2, bytes.clone()).unwrap();
            let mut expected = DynamicImage::from(stored);
            expected.apply_orientation(orientation);
            let pixels = Pixels::Rgb8(bytes.as_chunks().0.to_vec());
            let (width, height, pixels) = upright(3, 2, pixels, orientation);
            assert_eq!((width, height), (expected.width(), expected.height()));
            let expected = expected.into_rgb8().into_raw().as_chunks().0.to_vec();
            assert_eq!(pixels, Pixels::Rgb8(expected), "{exif}");
        }
    }
}
