//! How many pixels have each opaque color of 8 bits a channel: counted without a hash table and without a
//! sort, piece by piece while a picture is decoded.
//!
//! Color space is divided into cells of 64 colors that follow one another in Morton order. A word has a
//! bit for each color of a cell that some pixel has; their [ranks](crate::bits::Ranks) are the rows of the
//! colors in Morton order. The cells themselves are numbered in an order that takes less to compute for each
//! pixel, and are put in Morton order once at the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::PIXELS_PER_TASK;
use crate::{
    bits::{Ranks, ones},
    morton::{KEYS, key_of},
    simd::{LANES, vectorize},
};

/// Colors of a cell.
const CELL: usize = 64;

/// Pixels whose slots are computed at once.
const BATCH: usize = 256;

/// Batches that are worth a parallel task.
const BATCHES_PER_TASK: usize = PIXELS_PER_TASK / 4 / BATCH;

/// Cells that any picture may have, and pixels for each one more.
const CELLS_OF_ANY: usize = 1 << 13;
const PIXELS_PER_CELL: usize = 20;

/// Pixels for each color of a cell, used or not, that are worth a table of values.
const WORTH_A_TABLE: usize = 4;

/// Cells that are worth a parallel task.
const CELLS_PER_TASK: usize = 1 << 12;

/// The colors that some pixel has, and how many have them.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// For each cell of color space its place in the lists: 0 where no pixel has a color of it.
    places: Vec<u32>,
    /// For each cell a bit for each color that some pixel has.
    used: Ranks,
    keys: Arc<Vec<u32>>,
    counts: Arc<Vec<f64>>,
}

/// Cells that so many pixels may have: with more of them, which are touched for a pixel or two each, other
/// ways to count are faster and take less memory.
fn most_cells(pixels: usize) -> usize {
    (CELLS_OF_ANY + pixels / PIXELS_PER_CELL).min(KEYS / CELL)
}

impl Tally {
    /// Bytes of memory that the cells of so many pixels take, at most. (The places of all cells, a megabyte
    /// for any picture, are like the program itself.)
    pub fn memory_needed(pixels: u64) -> u64 {
        let of_cell = size_of::<Cell>() + size_of::<u64>() + 2 * size_of::<u32>();
        let cells = most_cells(pixels.try_into().unwrap_or(usize::MAX));
        (cells.min(pixels as usize) * of_cell) as u64
    }

    /// The Morton keys of the colors, ascending.
    pub fn keys(&self) -> &Arc<Vec<u32>> {
        &self.keys
    }

    /// How many pixels have each of these colors, and LANES zeros.
    pub fn counts(&self) -> &Arc<Vec<f64>> {
        &self.counts
    }

    /// For each of `pixels`, whose colors are in this tally, what `values` have for its color: one for each
    /// of [`keys`](Self::keys).
    ///
    /// # Panics
    /// When there are fewer values than colors.
    pub fn expand<T>(&self, values: &[T], pixels: &[[u8; 3]]) -> Vec<T>
    where
        T: Copy + Default + Send + Sync,
    {
        let words = self.used.words();
        if pixels.len() / WORTH_A_TABLE < words.len() * CELL {
            let tally = self;
            return expand(&Ranked { tally, values }, pixels);
        }
        let cells = (0..words.len()).into_par_iter().map(|place| {
            let mut cell = [T::default(); CELL];
            for (bit, rank) in self.used.of_word(place) {
                cell[bit as usize] = values[rank as usize];
            }
            cell
        });
        let cells: Vec<_> = cells.with_min_len(CELLS_PER_TASK).collect();
        let table = Table {
            places: &self.places,
            cells: &cells,
        };
        expand(&table, pixels)
    }
}

/// Colors with their counts while these grow. Cells are listed as their colors come.
struct Cells {
    /// For each cell of color space its place in the lists: 0 where no pixel has a color of it.
    places: Vec<u32>,
    /// The Morton key of the first color of each.
    first_keys: Vec<u32>,
    /// A bit for each color that some pixel has.
    used: Vec<u64>,
    /// How many pixels have each color, up to 255: what is small stays near the processor.
    counts: Vec<Cell>,
    /// How many times 255 more, where that is.
    carries: BTreeMap<u32, u32>,
    /// All that were counted.
    pixels: usize,
}

/// As large as what a processor loads at once, and aligned so.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Cell([u8; CELL]);

impl Cells {
    /// Without pixels, and with room for what so many may need: it costs nothing before it is used, and to
    /// grow into it later would take as much again.
    fn with_room(pixels: usize) -> Self {
        let cells = 1 + most_cells(pixels);
        let mut cells = Self {
            places: vec![0; KEYS / CELL],
            first_keys: Vec::with_capacity(cells),
            used: Vec::with_capacity(cells),
            counts: Vec::with_capacity(cells),
            carries: BTreeMap::new(),
            pixels: 0,
        };
        // What stands at place 0 is no cell, and has no colors.
        cells.list(0);
        cells
    }

    /// Lists the cell with this first key.
    fn list(&mut self, first_key: u32) {
        self.first_keys.push(first_key);
        self.used.push(0);
        self.counts.push(Cell([0; CELL]));
    }

    fn count(&mut self, pixels: &[[u8; 3]]) {
        self.pixels += pixels.len();
        vectorize(Count {
            cells: self,
            pixels,
        });
    }

    /// Whether pixels have more of them than is worth it.
    fn are_too_many(&self) -> bool {
        self.used.len() > 1 + most_cells(self.pixels)
    }

    /// The place of the cell of `color`, which has this slot, listed if it is not yet.
    #[inline(always)]
    fn place(&mut self, slot: u32, color: [u8; 3]) -> usize {
        let cell = slot as usize / CELL;
        if self.places[cell] == 0 {
            self.places[cell] = self.used.len() as u32;
            self.list(key_of(color) / CELL as u32 * CELL as u32);
        }
        self.places[cell] as usize
    }

    fn into_tally(self) -> Tally {
        let mut cells: Vec<(u32, usize)> = self.first_keys.into_iter().zip(0..).collect();
        cells.par_sort_unstable_by_key(|&(first_key, _)| first_key);
        let used = Ranks::new(self.used, cells.iter().map(|&(_, place)| place));

        let n = used.len();
        let mut keys = vec![0; n];
        let mut counts = vec![0.0; n + LANES];
        let (mut rest_of_keys, mut rest_of_counts) = (&mut keys[..], &mut counts[..n]);
        let tasks = cells.chunks(CELLS_PER_TASK).map(|cells| {
            let colors = cells
                .iter()
                .map(|&(_, place)| used.words()[place].count_ones() as usize);
            let n = colors.sum();
            let keys = rest_of_keys.split_off_mut(..n);
            let counts = rest_of_counts.split_off_mut(..n);
            (cells, keys.unwrap_or_default(), counts.unwrap_or_default())
        });
        let tasks: Vec<_> = tasks.collect();
        tasks.into_par_iter().for_each(|(cells, keys, counts)| {
            let mut rows = keys.iter_mut().zip(counts);
            for &(first_key, place) in cells {
                // The bits first: they have to end before a row is taken.
                for (i, (key, count)) in ones(used.words()[place]).zip(rows.by_ref()) {
                    *key = first_key + i;
                    *count = f64::from(self.counts[place].0[i as usize]);
                }
            }
        });
        for (&slot, &carry) in &self.carries {
            let place = self.places[slot as usize / CELL] as usize;
            counts[used.rank(place, slot) as usize] += 255.0 * f64::from(carry);
        }
        Tally {
            places: self.places,
            used,
            keys: Arc::new(keys),
            counts: Arc::new(counts),
        }
    }
}

/// The number of a color's cell, times 64, and its place there in Morton order. Cells are numbered channel by
/// channel, but 1024 neighbors after each other: so many places fill a page of memory, of which colors that are
/// like each other touch few.
#[inline(always)]
fn slot_of([r, g, b]: [u8; 3]) -> u32 {
    let in_cell = key_of([r & 3, g & 3, b & 3]);
    let [r, g, b] = [r, g, b].map(u32::from);
    let page = r >> 5 << 5 | g >> 5 << 2 | b >> 6;
    let in_page = (r >> 2 & 7) << 7 | (g >> 2 & 7) << 4 | b >> 2 & 15;
    page << 16 | in_page << 6 | in_cell
}

/// The slots of up to as many pixels as a batch has.
#[inline(always)]
fn slots_of<'a>(pixels: &[[u8; 3]], slots: &'a mut [u32; BATCH]) -> &'a [u32] {
    let slots = &mut slots[..pixels.len()];
    // Channel by channel, which the compiler makes vector loads of.
    for (slot, &[r, g, b]) in slots.iter_mut().zip(pixels) {
        *slot = slot_of([r, g, b]);
    }
    slots
}

/// Adds pixels to cells.
struct Count<'a> {
    cells: &'a mut Cells,
    pixels: &'a [[u8; 3]],
}

impl NullaryFnOnce for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let cells = self.cells;
        let mut slots = [0; BATCH];
        for pixels in self.pixels.chunks(BATCH) {
            for (&slot, &color) in slots_of(pixels, &mut slots).iter().zip(pixels) {
                let place = cells.place(slot, color);
                let i = slot as usize % CELL;
                let count = &mut cells.counts[place].0[i];
                let before = *count;
                *count = before.wrapping_add(1);
                if before == 0 {
                    cells.used[place] |= 1 << i;
                } else if before == u8::MAX {
                    *count = 1;
                    *cells.carries.entry(slot).or_default() += 1;
                }
            }
        }
    }
}

/// Tells the value of a slot.
trait Lookup: Sync {
    type Value: Copy + Default + Send;

    fn get(&self, slot: u32) -> Self::Value;
}

/// Values by the ranks of colors: takes little memory.
struct Ranked<'a, T> {
    tally: &'a Tally,
    values: &'a [T],
}

impl<T: Copy + Default + Send + Sync> Lookup for Ranked<'_, T> {
    type Value = T;

    #[inline(always)]
    fn get(&self, slot: u32) -> T {
        let place = self.tally.places[slot as usize / CELL] as usize;
        self.values[self.tally.used.rank(place, slot) as usize]
    }
}

/// Values of all colors of the cells that are used: takes little time.
struct Table<'a, T> {
    places: &'a [u32],
    cells: &'a [[T; CELL]],
}

impl<T: Copy + Default + Send + Sync> Lookup for Table<'_, T> {
    type Value = T;

    #[inline(always)]
    fn get(&self, slot: u32) -> T {
        self.cells[self.places[slot as usize / CELL] as usize][slot as usize % CELL]
    }
}

/// The value of each pixel.
fn expand<L: Lookup>(lookup: &L, pixels: &[[u8; 3]]) -> Vec<L::Value> {
    let batches = pixels.par_chunks(BATCH).with_min_len(BATCHES_PER_TASK);
    let values = batches.map(|pixels| vectorize(Expand { lookup, pixels }));
    let mut values = values.collect::<Vec<_>>().into_flattened();
    values.truncate(pixels.len());
    values
}

/// The values of a batch of pixels.
struct Expand<'a, L> {
    lookup: &'a L,
    pixels: &'a [[u8; 3]],
}

impl<L: Lookup> NullaryFnOnce for Expand<'_, L> {
    type Output = [L::Value; BATCH];

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut values = [L::Value::default(); BATCH];
        let mut slots = [0; BATCH];
        for (value, &slot) in values.iter_mut().zip(slots_of(self.pixels, &mut slots)) {
            *value = self.lookup.get(slot);
        }
        values
    }
}

/// Makes one tally of pixels that come piece by piece, on any threads, if they have few colors for their
/// number.
pub(crate) struct Counter<'a>(Mutex<Counting<'a>>);

struct Counting<'a> {
    /// Nobody has taken these yet.
    waiting: Vec<&'a [[u8; 3]]>,
    /// They are with the thread that is counting, if one is, and gone if there were too many.
    cells: Option<Cells>,
}

impl<'a> Counter<'a> {
    /// For so many pixels.
    pub fn new(pixels: usize) -> Self {
        Self(Mutex::new(Counting {
            waiting: Vec::new(),
            cells: Some(Cells::with_room(pixels)),
        }))
    }

    /// Counts `pixels`, or leaves them to the thread that is counting already: nobody waits for another.
    pub fn count(&self, pixels: &'a [[u8; 3]]) {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counting = lock();
        counting.waiting.push(pixels);
        let Some(mut cells) = counting.cells.take() else {
            return;
        };
        while let Some(pixels) = counting.waiting.pop() {
            drop(counting);
            cells.count(pixels);
            if cells.are_too_many() {
                return;
            }
            counting = lock();
        }
        counting.cells = Some(cells);
    }

    /// Of all pixels, once all calls have come back; nothing if they have too many colors.
    pub fn into_tally(self) -> Option<Tally> {
        let counting = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        Some(counting.cells?.into_tally())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        morton::{color_of, key_of},
        testing::noise,
    };

    fn check(parts: &[&[[u8; 3]]], tally: &Tally) {
        let mut expected = BTreeMap::<_, f64>::new();
        for &pixel in parts.iter().copied().flatten() {
            *expected.entry(key_of(pixel)).or_default() += 1.0;
        }
        assert!(tally.keys().iter().eq(expected.keys()));
        let zeros = [0.0; LANES];
        assert!(tally.counts().iter().eq(expected.values().chain(&zeros)));
        for &part in parts {
            let keys = tally.expand(tally.keys(), part);
            assert!(
                part.iter()
                    .zip(keys)
                    .all(|(&pixel, key)| key == key_of(pixel))
            );
        }
    }

    fn counted(parts: &[&[[u8; 3]]]) -> Option<Tally> {
        let counter = Counter::new(0);
        parts.par_iter().for_each(|part| counter.count(part));
        counter.into_tally()
    }

    #[test]
    fn all_pixels_are_counted_whoever_counts_them_and_however_many_have_a_color() {
        let (few, many) = (noise(90, 70, 1), noise(90, 70, 8));
        let (few, many) = (few.over_white(), many.over_white());
        for times in [1, 253, 254, 255, 256, 257, 509, 510, 511, 512, 70_000] {
            // The last color of a cell that has them all.
            let mut flat = vec![[7, 3, 255]; times];
            let offsets = (0..CELL as u8).map(|i| [i >> 4, i >> 2 & 3, i & 3]);
            flat.extend(offsets.map(|[r, g, b]| [4 + r, g, 252 + b]));
            check(&[&flat], &counted(&[&flat]).unwrap());
            let parts: [&[_]; 4] = [&flat, &many, &few, &flat];
            check(&parts, &counted(&parts).unwrap());
        }
        let parts: Vec<_> = many.chunks(77).chain(few.chunks(500)).collect();
        check(&parts, &counted(&parts).unwrap());
    }

    #[test]
    fn values_are_those_of_the_colors_by_ranks_and_by_a_table() {
        // Few pixels for their colors, and many.
        for (side, bits) in [(80, 8), (300, 3)] {
            let pixels = noise(side, side, bits).over_white().into_owned();
            let tally = counted(&[&pixels]).unwrap();
            let is_table = pixels.len() / WORTH_A_TABLE >= tally.used.words().len() * CELL;
            assert_eq!(is_table, bits == 3);
            let reds: Vec<u8> = tally.keys().iter().map(|&key| color_of(key)[0]).collect();
            let expanded = tally.expand(&reds, &pixels);
            assert!(
                pixels
                    .iter()
                    .zip(expanded)
                    .all(|(pixel, red)| pixel[0] == red)
            );
        }
    }

    #[test]
    fn cells_have_room_in_the_memory_that_is_claimed_for_them() {
        for pixels in [1 << 16, 1 << 20, 1 << 24] {
            let cells = Cells::with_room(pixels);
            let bytes = cells.counts.capacity() * size_of::<Cell>()
                + cells.used.capacity() * size_of::<u64>()
                + cells.first_keys.capacity() * size_of::<u32>();
            // What stands at place 0 is less than a hundred bytes.
            assert!(bytes as u64 <= Tally::memory_needed(pixels as u64) + 100);
        }
    }

    #[test]
    fn what_has_too_many_colors_is_given_up() {
        let pixels = noise(200, 100, 8).over_white().into_owned();
        let (first, rest) = pixels.split_at(1000);
        assert!(counted(&[first]).is_some());
        assert!(counted(&[first, rest]).is_none());
    }
}
