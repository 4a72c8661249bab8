//! Morton keys of colors of 8 bits a channel: the bits of their channels interleaved, so that the keys of
//! a box of the octree over color space follow one another.

use pulp::NullaryFnOnce;

/// How many keys there are.
pub const KEYS: usize = 1 << 24;

/// Bit b of the byte at place 3b.
#[inline(always)]
fn spread(byte: u8) -> u32 {
    let bits = u32::from(byte);
    let bits = (bits | bits << 8) & 0x0000_f00f;
    let bits = (bits | bits << 4) & 0x000c_30c3;
    (bits | bits << 2) & 0x0024_9249
}

/// The Morton key of a color: bit b of red, green and blue at the places 3b + 2, 3b + 1 and 3b.
#[inline(always)]
pub fn key_of([r, g, b]: [u8; 3]) -> u32 {
    spread(r) << 2 | spread(g) << 1 | spread(b)
}

/// Fills a list with the keys of as many pixels.
pub struct Keys<'a> {
    pub pixels: &'a [[u8; 3]],
    pub keys: &'a mut [u32],
}

impl NullaryFnOnce for Keys<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (key, &pixel) in self.keys.iter_mut().zip(self.pixels) {
            *key = key_of(pixel);
        }
    }
}

/// The color of a Morton key.
pub fn color_of(key: u32) -> [u8; 3] {
    [0, 1, 2].map(|channel| channel_of(key, channel) as u8)
}

/// One channel of that color: 0 is red.
#[inline(always)]
pub fn channel_of(key: u32, channel: usize) -> u32 {
    let bits = (key >> (2 - channel)) & 0x0024_9249;
    let bits = (bits | bits >> 2) & 0x000c_30c3;
    let bits = (bits | bits >> 4) & 0x0000_f00f;
    (bits | bits >> 8) & 0xff
}
