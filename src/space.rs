//! Color spaces: where distances are measured.

use ::palette::{FromColor, Lab, LinSrgb, Oklab, Srgb, white_point::D65};

/// A space whose coordinates are the points that models are fitted to.
///
/// With alpha (D = 4) coordinates are multiplied by it, so that a color weighs as much as one sees of
/// it, and alpha itself is the fourth, on the scale of [`unit`](Self::unit) (Porter and Duff,
/// "Compositing digital images", SIGGRAPH 1984, section 4: premultiplied color).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Space {
    /// sRGB as it is encoded, 0 to 255: what most measures of error in the literature refer to.
    /// Default.
    #[default]
    Srgb,
    /// Linear light, 0 to 1: where light adds up.
    Linear,
    /// CIELAB (1976) under D65, lightness 0 to 100.
    Lab,
    /// Oklab (Ottosson, "A perceptual color space for image processing", 2020), lightness 0 to 1.
    Oklab,
}

impl Space {
    /// The coordinate that counts as 1 where a mixture speaks of colors on [0, 1].
    pub fn unit(self) -> f64 {
        match self {
            Self::Srgb => 255.0,
            Self::Lab => 100.0,
            Self::Linear | Self::Oklab => 1.0,
        }
    }

    /// The coordinates of an sRGB color with straight alpha, all four on the scale 0 to 255. D is 3
    /// (alpha does not count) or 4.
    pub fn point<const D: usize>(self, [r, g, b, a]: [f64; 4]) -> [f64; D] {
        const { assert!(D == 3 || D == 4, "a color has three channels, or alpha too") };
        let coordinates = self.opaque([r, g, b]);
        let alpha = if D == 4 { a / 255.0 } else { 1.0 };
        std::array::from_fn(|d| match coordinates.get(d) {
            Some(coordinate) => coordinate * alpha,
            None => alpha * self.unit(),
        })
    }

    /// The sRGB color with straight alpha, all four on the scale 0 to 255, at these coordinates; out
    /// of that range where no screen shows the color. Without any alpha the color is black.
    pub fn color<const D: usize>(self, point: [f64; D]) -> [f64; 4] {
        const { assert!(D == 3 || D == 4, "a color has three channels, or alpha too") };
        let alpha = point
            .get(3)
            .map_or(1.0, |alpha| (alpha / self.unit()).min(1.0));
        if alpha <= 0.0 {
            return [0.0; 4];
        }
        let coordinates = [point[0], point[1], point[2]].map(|coordinate| coordinate / alpha);
        let [r, g, b] = self.visible(coordinates);
        [r, g, b, 255.0 * alpha]
    }

    fn opaque(self, rgb: [f64; 3]) -> [f64; 3] {
        let srgb = || Srgb::from(rgb.map(|value| value / 255.0));
        match self {
            Self::Srgb => rgb,
            Self::Linear => srgb().into_linear().into(),
            Self::Lab => Lab::<D65, f64>::from_color(srgb()).into(),
            Self::Oklab => Oklab::from_color(srgb()).into(),
        }
    }

    fn visible(self, coordinates: [f64; 3]) -> [f64; 3] {
        let linear: LinSrgb<f64> = match self {
            Self::Srgb => return coordinates,
            Self::Linear => coordinates.into(),
            Self::Lab => LinSrgb::from_color(Lab::<D65, f64>::from(coordinates)),
            Self::Oklab => LinSrgb::from_color(Oklab::from(coordinates)),
        };
        let rgb: [f64; 3] = Srgb::from_linear(linear).into();
        rgb.map(|value| value * 255.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACES: [Space; 4] = [Space::Srgb, Space::Linear, Space::Lab, Space::Oklab];

    fn close(a: &[f64], b: &[f64], within: f64) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= within)
    }

    #[test]
    fn every_color_comes_back() {
        for space in SPACES {
            for i in 0..4096u32 {
                let [r, g, b] = [i >> 8, i >> 4 & 15, i & 15].map(|v| f64::from(17 * v));
                let back = space.color(space.point::<3>([r, g, b, 255.0]));
                assert!(close(&back, &[r, g, b, 255.0], 1e-3), "{space:?} {back:?}");
                let soft = [r, g, b, f64::from(1 + i % 255)];
                assert!(close(&space.color(space.point::<4>(soft)), &soft, 1e-2));
            }
        }
    }

    #[test]
    fn coordinates_are_those_of_the_definitions() {
        // CIELAB and Oklab of sRGB's red, from the definitions' own tables.
        let red = [255.0, 0.0, 0.0, 255.0];
        let lab = Space::Lab.point::<3>(red);
        assert!(close(&lab, &[53.24, 80.09, 67.20], 0.02), "{lab:?}");
        let oklab = Space::Oklab.point::<3>(red);
        assert!(close(&oklab, &[0.628, 0.225, 0.126], 0.001), "{oklab:?}");
        let middle = Space::Linear.point::<3>([188.0, 188.0, 188.0, 0.0]);
        assert!(close(&middle, &[0.5; 3], 0.005));
    }

    #[test]
    fn what_is_invisible_is_one_point_and_white_is_the_unit() {
        for space in SPACES {
            assert_eq!(space.point::<4>([9.0, 200.0, 3.0, 0.0]), [0.0; 4]);
            assert_eq!(space.color([0.0; 4]), [0.0; 4]);
            let white = space.point::<4>([255.0; 4]);
            assert!((white[0] - space.unit()).abs() < 1e-3 * space.unit());
            assert_eq!(white[3], space.unit());
        }
    }
}
