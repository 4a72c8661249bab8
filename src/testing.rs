//! Pictures for tests.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Colors, Picture, picture};

/// Random pixels whose channels have this many bits.
pub(crate) fn noise(width: u32, height: u32, bits: u32) -> Picture {
    let mut rgb = vec![0; (width * height * 3) as usize];
    ChaCha8Rng::seed_from_u64(u64::from(bits)).fill_bytes(&mut rgb);
    for byte in &mut rgb {
        *byte >>= 8 - bits;
    }
    Picture::new(width, height, rgb).expect("three bytes a pixel")
}

/// The colors of some rows of the built-in flower.
pub(crate) fn flower(rows: usize) -> Colors<3> {
    let whole = picture::builtin("flower.jpg").expect("it is built in");
    let width = whole.width();
    let from = 100 * width as usize;
    let rgb = whole.over_white()[from..from + rows * width as usize]
        .as_flattened()
        .to_vec();
    Colors::of(&Picture::new(width, rows as u32, rgb).expect("whole rows")).0
}
