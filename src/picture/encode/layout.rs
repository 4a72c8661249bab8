//! Which number stands for which color, and in how many bits.

use super::{
    order::{self, Neighbors},
    rows::Rows,
    sample,
};
use crate::IndexedPicture;

/// What the numbers of pixels mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Color {
    /// An entry of this palette, straight alpha.
    Indexed(Vec<[u8; 4]>),
    /// A gray value.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, straight alpha.
    Rgba,
}

/// A way to write pixels as numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub color: Color,
    /// Bits of each number: 1, 2, 4 or 8.
    pub depth: u8,
    /// The number that each palette index of the picture becomes. Empty for channels.
    pub numbers: Vec<u8>,
}

/// The layouts of an indexed picture that are worth a try; entries that no pixel has are left out unless
/// `keep_unused`. They do not depend on the order of the colors, as long as those are distinct.
pub fn candidates(picture: &IndexedPicture, keep_unused: bool) -> Vec<Layout> {
    let colors = picture.palette().colors();
    let width = picture.width() as usize;
    let entries = by_luminance(colors, picture.counts(), keep_unused);
    let sample = sample::of_rows(picture.indices(), width, sample::TO_ORDER);
    let mut place = vec![0; colors.len()];
    for (i, &entry) in entries.iter().enumerate() {
        place[entry] = i;
    }
    let neighbors = Neighbors::count(entries.len(), width, &sample, &place);
    let gray = Layout::gray(colors, &entries);
    let indexed = order::candidates(&neighbors)
        .into_iter()
        .map(|order| Layout::indexed(colors, order.into_iter().map(|i| entries[i]).collect()));
    // First, so that it wins a tie.
    gray.into_iter().chain(indexed).collect()
}

impl Layout {
    /// The layout of 8-bit channels.
    pub fn of_channels(has_alpha: bool) -> Self {
        Self {
            color: if has_alpha { Color::Rgba } else { Color::Rgb },
            depth: 8,
            numbers: Vec::new(),
        }
    }

    /// The layout that numbers the entries in this order, but those that are not opaque before
    /// those that are: tRNS names alphas from entry 0 up to the last that needs one.
    fn indexed(colors: &[[u8; 4]], mut order: Vec<usize>) -> Self {
        order.sort_by_key(|&entry| colors[entry][3] == 255);
        let mut numbers = vec![0; colors.len()];
        for (number, &entry) in order.iter().enumerate() {
            numbers[entry] = number as u8;
        }
        Self {
            color: Color::Indexed(order.iter().map(|&entry| colors[entry]).collect()),
            depth: depth_of(order.len()),
            numbers,
        }
    }

    /// The layout without a palette, if all entries are opaque grays that need no more bits so.
    fn gray(colors: &[[u8; 4]], entries: &[usize]) -> Option<Self> {
        let is_gray = |&entry: &usize| {
            let [r, g, b, alpha] = colors[entry];
            r == g && g == b && alpha == 255
        };
        if !entries.iter().all(is_gray) {
            return None;
        }
        let (depth, step) = [1, 2, 4, 8]
            .map(|depth| (depth, gray_step(depth)))
            .into_iter()
            .find(|(_, step)| entries.iter().all(|&e| colors[e][0].is_multiple_of(*step)))?;
        (depth <= depth_of(entries.len())).then(|| Self {
            color: Color::Gray,
            depth,
            numbers: colors.iter().map(|color| color[0] / step).collect(),
        })
    }

    /// The gray values of the layout as bytes, if it is gray: one for each palette index.
    pub fn grays(&self) -> Vec<u8> {
        let step = gray_step(self.depth);
        self.numbers.iter().map(|number| number * step).collect()
    }

    /// Bytes of a pixel, at least one: the distance at which filters look to the left.
    pub fn bytes_per_pixel(&self) -> usize {
        match self.color {
            Color::Indexed(_) | Color::Gray => 1,
            Color::Rgb => 3,
            Color::Rgba => 4,
        }
    }

    /// The rows of a picture of palette indices.
    pub fn rows<'a>(&self, indices: &'a [u8], width: usize) -> Rows<'a> {
        Rows::of_indices(indices, width, &self.numbers, self.depth)
    }
}

/// The distance of neighboring grays: with d bits they are 0, s, 2 s .. 255 with
/// s = 255 / (2^d - 1).
fn gray_step(depth: u8) -> u8 {
    255 / (255 >> (8 - depth))
}

/// The fewest bits that number so many entries.
fn depth_of(entries: usize) -> u8 {
    match entries {
        0..=2 => 1,
        3..=4 => 2,
        5..=16 => 4,
        _ => 8,
    }
}

/// The entries that pixels have by their `counts`, or all, from dark to bright.
fn by_luminance(colors: &[[u8; 4]], counts: &[u64], keep_unused: bool) -> Vec<usize> {
    let is_kept = |&entry: &usize| keep_unused || counts[entry] > 0;
    let mut entries: Vec<usize> = (0..colors.len()).filter(is_kept).collect();
    // Rec. 601 luma in thousandths, as good as any to put like beside like.
    let luminance =
        |[r, g, b, _]: [u8; 4]| 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b);
    entries.sort_by_key(|&entry| (luminance(colors[entry]), colors[entry]));
    entries
}
