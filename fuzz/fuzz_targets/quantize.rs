//! Small pictures of any kind, by either model, in every space and dither: a palette of at most k
//! colors, nothing lost where k is enough, and a PNG that says the same.

#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use quantize::{
    Colors, Dither, Effort, IndexedPicture, Palette, Picture, Space, alpha,
    dither::{self, Method},
    gmm::{self, CovarianceType},
    kmeans, map, metrics,
    picture::{DecodeOptions, EncodeOptions, Pixels, decode},
};
use quantize_fuzz::{SPACES, visible};

const EFFORTS: [Effort; 3] = [Effort::Fast, Effort::Balanced, Effort::Best];
const DITHERS: [Option<Method>; 5] = [
    None,
    Some(Method::FloydSteinberg),
    Some(Method::Bayer),
    Some(Method::BlueNoise),
    Some(Method::Adaptive),
];
const COVARIANCE_TYPES: [CovarianceType; 4] = [
    CovarianceType::Full,
    CovarianceType::Tied,
    CovarianceType::Diag,
    CovarianceType::Spherical,
];

#[derive(Arbitrary, Debug)]
struct Input {
    mixture: bool,
    random: bool,
    fine: bool,
    opaque: bool,
    keep_unused: bool,
    encode_effort: u8,
    k: u8,
    seed: u8,
    space: u8,
    effort: u8,
    dither: u8,
    strength: u8,
    covariance_type: u8,
    width: u8,
    pixels: Vec<[u8; 4]>,
}

/// One of `all`.
fn pick<T: Copy>(all: &[T], choice: u8) -> T {
    all[usize::from(choice) % all.len()]
}

impl Input {
    fn k(&self) -> usize {
        usize::from(self.k) + 1
    }

    /// Up to 512 pixels in rows of up to 32.
    fn picture(&self) -> Option<Picture> {
        let width = usize::from(self.width) % 32 + 1;
        let height = (self.pixels.len() / width).min(512 / width);
        let pixels = self.pixels[..width * height].iter();
        let opaque = |&[r, g, b, a]: &[u8; 4]| [r, g, b, if self.opaque { 255 } else { a }];
        // Multiples of 257 are bytes; these are not.
        let fine =
            |pixel: [u8; 4]| pixel.map(|value| u16::from(value) * 256 + u16::from(value / 2));
        let pixels = if self.fine {
            Pixels::Rgba16(pixels.map(opaque).map(fine).collect())
        } else {
            Pixels::Rgba8(pixels.map(opaque).collect())
        };
        Picture::from_pixels(width as u32, height as u32, pixels).ok()
    }

    fn space(&self) -> Space {
        pick(&SPACES, self.space)
    }

    fn dither(&self) -> Option<Dither> {
        let strength = f64::from(self.strength) / 255.0;
        pick(&DITHERS, self.dither).map(|method| Dither { method, strength })
    }

    fn palette_of_clusters<const D: usize>(&self, colors: &Colors<D>) -> Palette {
        let options = kmeans::Options {
            k: self.k(),
            seed: self.seed.into(),
            effort: pick(&EFFORTS, self.effort),
            init: if self.random {
                kmeans::Init::Random
            } else {
                kmeans::Init::KMeansPlusPlus
            },
            ..Default::default()
        };
        let fit = kmeans::fit(colors, &options).unwrap();
        assert!((1..=options.k).contains(&fit.centroids.nrows()));
        assert!(fit.centroids.iter().all(|value| value.is_finite()));
        assert!(fit.inertia.is_finite() && fit.inertia >= 0.0);
        let palette = if self.dither().is_some() {
            dither::palette(colors, &fit.centroids, 0, self.space())
        } else {
            kmeans::to_palette(colors, &fit.centroids, self.space())
        };
        map::complete_nearest(colors, &palette.unwrap(), 0, options.k, self.space()).unwrap()
    }

    fn palette_of_mixture<const D: usize>(&self, colors: &Colors<D>) -> Palette {
        let options = gmm::Options {
            k: self.k() % 12 + 1,
            seed: self.seed.into(),
            effort: pick(&EFFORTS, self.effort),
            covariance_type: pick(&COVARIANCE_TYPES, self.covariance_type),
            max_iter: 40,
            ..Default::default()
        };
        let fit = gmm::fit(colors, &options).unwrap();
        assert!((1..=options.k).contains(&fit.mixture.components()));
        assert!(fit.log_likelihood.is_finite());
        assert!((fit.mixture.weights.sum() - 1.0).abs() < 1e-12);
        let components = fit.mixture.predict(colors).unwrap();
        let means = &fit.mixture.means * self.space().unit();
        let mut means: Vec<[f64; D]> = means
            .rows()
            .into_iter()
            .map(|row| std::array::from_fn(|d| row[d]))
            .collect();
        alpha::settle(colors, &mut means, &components, 0);
        let means = ndarray::Array2::from(means);
        let (palette, entries) = Palette::from_means::<D>(&means, self.space()).unwrap();
        let entries = components
            .iter()
            .map(|&component| entries[component as usize])
            .collect();
        let completed = map::complete(colors, &palette, entries, 0, options.k, self.space());
        completed.unwrap().0
    }

    fn check<const D: usize>(&self, picture: &Picture) {
        let (width, height) = (picture.width(), picture.height());
        let (colors, color_of_pixel) = Colors::<D>::in_space(picture, self.space());
        let palette = if self.mixture {
            self.palette_of_mixture(&colors)
        } else {
            self.palette_of_clusters(&colors)
        };
        assert!(palette.len() <= self.k().max(12));
        let indices = match self.dither() {
            None => map::expand(
                &map::nearest(&colors, &palette, self.space()),
                &color_of_pixel,
            ),
            Some(dither) => {
                let width = width as usize;
                dither::dither(
                    &colors,
                    &color_of_pixel,
                    width,
                    &palette,
                    self.space(),
                    dither,
                )
                .unwrap()
            }
        };
        let result = IndexedPicture::new(width, height, palette, indices).unwrap();
        let result = result.sorted_by_count(&[]);
        let in_full = result.to_picture();
        assert!(metrics::mse(picture, &in_full).unwrap().is_finite());
        if colors.len() <= self.k() && !self.mixture && !self.fine {
            assert_eq!(visible(&in_full), visible(picture));
        }

        let options = EncodeOptions {
            // The best takes long.
            effort: match self.encode_effort {
                0 => Effort::Best,
                1..128 => Effort::Balanced,
                _ => Effort::Fast,
            },
            keep_unused: self.keep_unused,
        };
        let png = result.encode_png(options).unwrap();
        let read = decode(&png, None, &DecodeOptions::default()).unwrap();
        assert_eq!(visible(&read.picture), visible(&in_full));
    }
}

fuzz_target!(|input: Input| {
    match input.picture() {
        Some(picture) if picture.has_alpha() => input.check::<4>(&picture),
        Some(picture) => input.check::<3>(&picture),
        None => {}
    }
});
