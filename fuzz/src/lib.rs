//! What the targets have in common.

use std::panic;

use quantize::{Picture, Space, picture::DecodeOptions};

/// Where distances are measured.
pub const SPACES: [Space; 4] = [Space::Srgb, Space::Linear, Space::Lab, Space::Oklab];

/// Bounds within which a decoder is quick.
pub fn small() -> DecodeOptions {
    DecodeOptions {
        max_memory: 16 << 20,
        ..DecodeOptions::default()
    }
}

/// Lets panics of other crates pass, which the library promises to catch; the program's own are
/// findings, caught or not.
pub fn forgive_decoders() {
    let abort = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let foreign = |place: &panic::Location| place.file().contains("/registry/src/");
        if !panic.location().is_some_and(foreign) {
            abort(panic);
        }
    }));
}

/// RGBA with one color for what is invisible.
pub fn visible(picture: &Picture) -> Vec<[u8; 4]> {
    let mut pixels = picture.to_rgba8();
    for pixel in &mut pixels {
        if pixel[3] == 0 {
            *pixel = [0; 4];
        }
    }
    pixels
}
