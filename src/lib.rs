//! Reduces a picture to k colors by k-means++ or by a Gaussian mixture, and draws new pictures from
//! the mixture.
//!
//! The modules stand in the order in which a picture flows through them:
//!
//! 1. [`picture`] decodes bytes into a [`Picture`];
//! 2. [`colors`] lists its distinct colors in a [`Space`], how many pixels have each, and the boxes
//!    of color space that hold them;
//! 3. `density` is the log-space kernel that both models share;
//! 4. [`kmeans`] and [`gmm`] fit a model to the colors, which [`model`] saves and loads, and [`trace`]
//!    tells how they came to it;
//! 5. [`palette`] rounds what they found to bytes;
//! 6. [`map`] gives each pixel its palette entry, or [`dither`] does, and [`alpha`] sees to it that what is
//!    opaque or wholly transparent stays so;
//! 7. [`figure`] puts pictures side by side, [`metrics`] says how far apart they are, and
//!    [`picture`] encodes and writes them.
//!
//! ```
//! use quantize::{Colors, IndexedPicture, Space, kmeans, map, picture};
//!
//! let original = picture::builtin("flower.jpg")?;
//! let (colors, color_of_pixel) = Colors::of(&original);
//! let fit = kmeans::fit(&colors, &kmeans::Options { k: 5, ..Default::default() })?;
//! let palette = kmeans::to_palette(&colors, &fit.centroids, Space::Srgb)?;
//! let entries = map::nearest(&colors, &palette, Space::Srgb);
//! let (width, height) = (original.width(), original.height());
//! let compressed =
//!     IndexedPicture::of_colors(width, height, palette, &color_of_pixel, &entries)?;
//! assert_eq!(compressed.palette().len(), 5);
//! # Ok::<(), quantize::Error>(())
//! ```

mod bits;
mod error;
mod morton;
mod simd;

pub mod picture;

mod space;

pub mod colors;

mod choice;
mod effort;

pub mod trace;

mod density;

pub mod alpha;

pub mod kmeans;

pub mod gmm;

pub mod model;

pub mod palette;

pub mod map;

pub mod dither;

pub mod figure;
pub mod metrics;

#[cfg(test)]
mod testing;

pub use choice::{Choice, Trial};
pub use colors::Colors;
pub use dither::Dither;
pub use effort::Effort;
pub use error::{Error, Result};
pub use palette::Palette;
pub use picture::{IndexedPicture, Picture};
pub use space::Space;
