//! The distinct colors of a picture, how many pixels have each, and the boxes of color space that
//! hold them.
//!
//! k-means and EM on the distinct colors, each weighted by its count, are exactly the computation
//! on the pixels, at a fraction of the work. The colors stand in Morton order (the bits of their
//! channels interleaved), so that every box of the octree over color space is a contiguous run of
//! them. That order depends on the colors alone: turning or shuffling a picture changes nothing.

mod boxes;
mod counts;
mod distinct;
mod of_pixel;
pub(crate) mod runs;

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    sync::{Arc, OnceLock},
};

use ndarray::{Array2, ArrayView2, Axis, ShapeBuilder, Slice};
use rayon::prelude::*;

pub(crate) use boxes::Node;
pub use counts::Counts;
pub use distinct::Distinct;
use distinct::{Column, Keys};
pub use of_pixel::ColorOfPixel;
use runs::Runs;

use crate::{
    Error, Picture, Result, Space,
    error::is_moderate,
    simd::{LANES, Lanes, vectorize},
};

/// Rows that are worth a parallel task.
const ROWS_PER_TASK: usize = 1 << 14;

/// n distinct colors with their counts, and the boxes of color space that hold them.
#[derive(Clone, Debug)]
pub struct Colors<const D: usize> {
    /// (n + LANES, D), column by column; the rows past n are zeros that vector loads may read.
    points: Array2<f64>,
    /// (n + LANES,), the last LANES of them zeros.
    counts: Arc<Vec<f64>>,
    total: f64,
    unit: f64,
    /// Whether all channels are bytes, and counts are whole.
    are_bytes: bool,
    /// Morton keys, ascending.
    keys: Arc<Vec<u32>>,
    nodes: Vec<Node<D>>,
    blocks: Vec<usize>,
    runs: OnceLock<Runs<D>>,
}

impl Colors<3> {
    /// The distinct colors of `picture` as sRGB on the scale 0 to 255, and which of them each pixel has.
    /// Alpha does not count.
    pub fn of(picture: &Picture) -> (Self, ColorOfPixel) {
        Self::in_space(picture, Space::Srgb)
    }
}

/// Points channel by channel.
fn compare<const D: usize>(a: &[f64; D], b: &[f64; D]) -> Ordering {
    let mut channels = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    channels
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Rows as `point` gives them, column by column, and LANES rows of zeros.
fn columns<const D: usize>(n: usize, point: impl Fn(usize) -> [f64; D] + Sync) -> Array2<f64> {
    let mut points = Array2::zeros((n + LANES, D).f());
    let all = points
        .as_slice_memory_order_mut()
        .expect("it is contiguous");
    let mut columns = all.chunks_mut(n + LANES);
    let columns: [_; D] = std::array::from_fn(|_| columns.next().expect("there are D columns"));
    fill(&mut columns.map(|column| &mut column[..n]), 0, &point);
    points
}

/// As [`columns`], of the colors with these Morton keys.
fn columns_of_bytes(keys: &[u32]) -> Array2<f64> {
    let mut points = Array2::zeros((keys.len() + LANES, 3).f());
    let all = points
        .as_slice_memory_order_mut()
        .expect("it is contiguous");
    for (channel, column) in all.chunks_mut(keys.len() + LANES).enumerate() {
        let tasks = column.par_chunks_mut(ROWS_PER_TASK);
        tasks
            .zip(keys.par_chunks(ROWS_PER_TASK))
            .for_each(|(column, keys)| {
                vectorize(Column {
                    channel,
                    keys,
                    values: column,
                });
            });
    }
    points
}

/// Fills the columns with the rows from `first` on, half by half in parallel where that pays.
fn fill<const D: usize>(
    columns: &mut [&mut [f64]; D],
    first: usize,
    point: &(impl Fn(usize) -> [f64; D] + Sync),
) {
    let n = columns[0].len();
    if n <= ROWS_PER_TASK {
        for row in 0..n {
            let point = point(first + row);
            for d in 0..D {
                columns[d][row] = point[d];
            }
        }
        return;
    }
    let mut halves = columns.each_mut().map(|column| column.split_at_mut(n / 2));
    let mut lower = halves.each_mut().map(|(lower, _)| std::mem::take(lower));
    let mut upper = halves.each_mut().map(|(_, upper)| std::mem::take(upper));
    rayon::join(
        || fill(&mut lower, first, point),
        || fill(&mut upper, first + n / 2, point),
    );
}

impl<const D: usize> Colors<D> {
    /// Bytes of a distinct color with all that is computed of it while models are fitted, measured
    /// on noise, which has the most boxes: in four channels they hold few colors each.
    const BYTES: u64 = if D == 3 { 96 } else { 200 };

    /// The distinct colors of `picture` as points of `space`, with alpha where D is 4 and without
    /// where it is 3, and which of them each pixel has. Pixels that are invisible have one color.
    pub fn in_space(picture: &Picture, space: Space) -> (Self, ColorOfPixel) {
        let (distinct, places) = Distinct::with_places(picture);
        let (colors, rows) = Self::of_distinct(distinct, space);
        let color_of_pixel = ColorOfPixel::new(picture, places, rows, &colors);
        (colors, color_of_pixel)
    }

    /// These colors as points of `space`, with alpha where D is 4 and without where it is 3: to the
    /// last bit those of one picture that has all the pixels. Also returned: for each of
    /// [`Distinct::colors`] its row in [`points`](Self::points), or `None` where that is its place.
    pub fn of_distinct(distinct: Distinct, space: Space) -> (Self, Option<Vec<u32>>) {
        let (keys, counts) = distinct.into_parts();
        match keys {
            Keys::Bytes(keys) if D == 3 && space == Space::Srgb => {
                let points = columns_of_bytes(&keys);
                let colors = Self {
                    are_bytes: true,
                    ..Self::in_order(keys, points, counts, space.unit())
                };
                (colors, None)
            }
            keys => {
                let point = |i| space.point(keys.color(i));
                let rows: Vec<[f64; D]> = (0..keys.len()).into_par_iter().map(point).collect();
                drop(keys);
                let (colors, place) = Self::sorted(rows, &counts, space.unit());
                (colors, Some(place))
            }
        }
    }

    /// Colors of any space: `points` (n, D) with their `counts` (n,); equal points become one color.
    /// `unit` is the value that counts as 1 where a mixture speaks of colors on [0, 1]: 255 for
    /// bytes, 1 for most other things. Also returned: for each row of `points` its place among the
    /// colors, which stand in an order of their own.
    ///
    /// # Errors
    /// When there is no point, the shapes do not agree, a coordinate is not a number or its
    /// magnitude exceeds 1e60 or 1e60 times `unit`, or a count or `unit` is not within 1e-60 to 1e60.
    pub fn from_points(
        points: &Array2<f64>,
        counts: &[f64],
        unit: f64,
    ) -> Result<(Self, Vec<u32>)> {
        let n = points.nrows();
        if n == 0 || points.ncols() != D || counts.len() != n || u32::try_from(n).is_err() {
            return Err(Error::Invalid(format!(
                "colors need points (n, {D}) and n counts, not ({n}, {}) and {}",
                points.ncols(),
                counts.len()
            )));
        }
        let is_size = |value: f64| (1e-60..=1e60).contains(&value);
        if !is_size(unit) {
            return Err(Error::Invalid(format!(
                "the unit is {unit}; it is within 1e-60 to 1e60"
            )));
        }
        let is_coordinate = |value: f64| is_moderate(value) && is_moderate(value / unit);
        if let Some(value) = points.iter().find(|&&value| !is_coordinate(value)) {
            return Err(Error::Invalid(format!(
                "a coordinate of a color is {value}; they are numbers up to 1e60, in units too"
            )));
        }
        if let Some(value) = counts.iter().find(|&&count| !is_size(count)) {
            return Err(Error::Invalid(format!(
                "a count is {value}; counts are positive, and within 1e-60 to 1e60"
            )));
        }
        let rows: Vec<[f64; D]> = points
            .rows()
            .into_iter()
            .map(|row| std::array::from_fn(|d| row[d]))
            .collect();
        Ok(Self::sorted(rows, counts, unit))
    }

    /// As [`from_points`](Self::from_points), of points that are known to be sound.
    fn sorted(rows: Vec<[f64; D]>, counts: &[f64], unit: f64) -> (Self, Vec<u32>) {
        let n = rows.len();
        let keys = boxes::morton_keys(&rows);
        let mut order: Vec<u32> = (0..n as u32).collect();
        // Equal rows by their place, because sums of counts may depend on the order.
        order.par_sort_unstable_by(|&i, &j| {
            let (a, b) = (i as usize, j as usize);
            keys[a]
                .cmp(&keys[b])
                .then_with(|| compare(&rows[a], &rows[b]))
                .then(i.cmp(&j))
        });
        let is_new = |i: usize| i == 0 || rows[order[i] as usize] != rows[order[i - 1] as usize];
        let mut firsts = Vec::with_capacity((0..n).filter(|&i| is_new(i)).count());
        let mut totals = Vec::with_capacity(firsts.capacity() + LANES);
        let mut place = vec![0; n];
        for (i, &row) in order.iter().enumerate() {
            if is_new(i) {
                firsts.push(row);
                totals.push(0.0);
            }
            place[row as usize] = firsts.len() as u32 - 1;
            totals[firsts.len() - 1] += counts[row as usize];
        }
        let keys = firsts.iter().map(|&row| keys[row as usize]);
        let keys = Arc::new(keys.collect());
        totals.resize(firsts.len() + LANES, 0.0);
        let points = columns(firsts.len(), |color| rows[firsts[color] as usize]);
        // The boxes take the memory that these leave.
        drop((rows, order, firsts));
        (Self::in_order(keys, points, Arc::new(totals), unit), place)
    }

    /// Colors that stand in the order of their Morton `keys` already; their counts are followed by LANES
    /// zeros.
    fn in_order(
        keys: Arc<Vec<u32>>,
        points: Array2<f64>,
        counts: Arc<Vec<f64>>,
        unit: f64,
    ) -> Self {
        let total = counts.iter().sum();
        let (nodes, blocks) = boxes::build(&keys, &points, &counts);
        Self {
            points,
            counts,
            total,
            unit,
            are_bytes: false,
            keys,
            nodes,
            blocks,
            runs: OnceLock::new(),
        }
    }

    /// The same colors in the same order, each channel times its `scale`.
    pub(crate) fn scaled(&self, scale: [f64; D]) -> Self {
        let point = |row: usize| -> [f64; D] {
            let point = self.point(row);
            std::array::from_fn(|d| point[d] * scale[d])
        };
        let points = columns(self.len(), point);
        Self::in_order(self.keys.clone(), points, self.counts.clone(), self.unit)
    }

    /// n, the number of distinct colors.
    #[expect(clippy::len_without_is_empty, reason = "there is always a color")]
    pub fn len(&self) -> usize {
        self.counts.len() - LANES
    }

    /// Bytes of memory that they take with all that is computed of them while models are fitted: an
    /// upper bound.
    pub fn memory_needed(&self) -> u64 {
        self.len() as u64 * Self::BYTES
    }

    /// The colors (n, D), in Fortran order: each channel contiguous.
    pub fn points(&self) -> ArrayView2<'_, f64> {
        self.points.slice_axis(Axis(0), Slice::from(..self.len()))
    }

    /// How many pixels have each color, (n,).
    pub fn counts(&self) -> &[f64] {
        &self.counts[..self.len()]
    }

    /// The sum of the counts: pixels.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The value that counts as 1 where a mixture speaks of colors on [0, 1].
    pub fn unit(&self) -> f64 {
        self.unit
    }

    /// Whether sums over any of the colors are exact in double precision: of bytes up to 2^53, of 10^13
    /// pixels.
    pub(crate) fn sums_are_exact(&self) -> bool {
        self.are_bytes && self.total <= (1_u64 << f64::MANTISSA_DIGITS) as f64 / 255.0
    }

    /// The color in row `i`.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn point(&self, i: usize) -> [f64; D] {
        std::array::from_fn(|d| self.points[[i, d]])
    }

    /// About `n` boxes, each as one color: its mean, with the pixels of all its colors. They are what
    /// is left when boxes are opened one by one, always the one whose colors scatter most about their
    /// mean; an opened leaf gives its colors.
    pub(crate) fn coarse(&self, n: usize) -> Self {
        let threshold = self.scatter_of_boxes_to_open(n);
        let most = n.min(self.len());
        let mut keys = Vec::with_capacity(most);
        let mut points = Vec::with_capacity(most);
        let mut counts = Vec::with_capacity(most + LANES);
        let mut at = 0;
        while at < self.nodes.len() {
            let node = &self.nodes[at];
            if node.total_scatter() < threshold {
                keys.push(self.keys[node.rows().start]);
                points.push(node.mean());
                counts.push(node.count);
                at = node.next as usize;
                continue;
            }
            if node.is_leaf(at) {
                for row in node.rows() {
                    keys.push(self.keys[row]);
                    points.push(self.point(row));
                    counts.push(self.counts[row]);
                }
            }
            at += 1;
        }
        counts.resize(keys.len() + LANES, 0.0);
        let points = columns(points.len(), |row| points[row]);
        Self::in_order(Arc::new(keys), points, Arc::new(counts), self.unit)
    }

    /// The scatter from which on boxes are opened, for `n` to be left. (A box scatters at least as much
    /// as each of those inside it.)
    fn scatter_of_boxes_to_open(&self, n: usize) -> f64 {
        let children = |place: usize| {
            let end = self.nodes[place].next as usize;
            let next = move |&child: &usize| {
                Some(self.nodes[child].next as usize).filter(|&next| next < end)
            };
            std::iter::successors(Some(place + 1), next)
        };
        let added = |place: usize| {
            let node = &self.nodes[place];
            if node.is_leaf(place) {
                return node.rows().len() - 1;
            }
            children(place).count() - 1
        };
        let scatter = |place: usize| self.nodes[place].total_scatter();
        let mut closed = BinaryHeap::from([Closed(scatter(0), 0)]);
        let mut left = 1;
        while let Some(Closed(scatter_of_box, place)) = closed.pop() {
            left += added(place);
            if left >= n {
                return scatter_of_box;
            }
            if !self.nodes[place].is_leaf(place) {
                closed.extend(children(place).map(|child| Closed(scatter(child), child)));
            }
        }
        0.0
    }

    /// The boxes, each before those inside it.
    pub(crate) fn nodes(&self) -> &[Node<D>] {
        &self.nodes
    }

    /// The boxes that are the units of parallel work: together they hold every color once, in
    /// order.
    pub(crate) fn blocks(&self) -> &[usize] {
        &self.blocks
    }

    /// The colors in runs, made when they are first asked for.
    pub(crate) fn runs(&self) -> &Runs<D> {
        // Made outside of the cell: a thread that waits in it for its tasks could take up another that waits
        // for the cell.
        if let Some(runs) = self.runs.get() {
            return runs;
        }
        let runs = Runs::of(self);
        self.runs.get_or_init(|| runs)
    }

    /// The LANES colors from row `start` on, of which those before row `end` count.
    #[inline(always)]
    pub(crate) fn chunk(&self, start: usize, end: usize) -> Chunk<D> {
        let rows = self.counts.len();
        let all = self
            .points
            .as_slice_memory_order()
            .expect("points are contiguous");
        let len = LANES.min(end - start);
        let mut chunk = Chunk {
            start,
            len,
            x: [[0.0; LANES]; D],
            counts: [0.0; LANES],
        };
        for d in 0..D {
            chunk.x[d].copy_from_slice(&all[d * rows + start..][..LANES]);
        }
        let counts = &self.counts[start..start + LANES];
        for lane in 0..LANES {
            chunk.counts[lane] = if lane < len { counts[lane] } else { 0.0 };
        }
        chunk
    }
}

/// A box that is not opened yet, by its scatter; of equal ones the first is the greatest.
struct Closed(f64, usize);

impl Ord for Closed {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(other.1.cmp(&self.1))
    }
}

impl PartialOrd for Closed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Closed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Closed {}

/// As many colors as there are lanes.
pub(crate) struct Chunk<const D: usize> {
    /// The row of the first of them.
    pub start: usize,
    /// How many there are; lanes from there on hold other colors, with a count of 0.
    pub len: usize,
    /// The colors by channel.
    pub x: [Lanes; D],
    /// Their pixels.
    pub counts: Lanes,
}

impl<const D: usize> Chunk<D> {
    /// The color in one lane.
    #[inline(always)]
    pub(crate) fn color(&self, lane: usize) -> [f64; D] {
        std::array::from_fn(|d| self.x[d][lane])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::{picture::Pixels, testing::noise};

    #[test]
    fn sums_are_exact_of_bytes_and_as_long_as_a_double_holds_them() {
        let noise = noise(30, 20, 4);
        let (bytes, _) = Colors::of(&noise);
        assert!(bytes.sums_are_exact());
        let counts = bytes.counts().to_vec();
        let (points, _) =
            Colors::<3>::from_points(&bytes.points().to_owned(), &counts, 255.0).unwrap();
        let (linear, _) = Colors::<3>::in_space(&noise, Space::Linear);
        for others in [points, linear, bytes.scaled([0.3; 3]), bytes.coarse(20)] {
            assert!(!others.sums_are_exact());
        }
        assert!(
            !Colors::<4>::in_space(&noise, Space::Srgb)
                .0
                .sums_are_exact()
        );
        // 2^53 / 255, rounded down.
        let most = 35_322_350_018_592;
        for (pixels, is_exact) in [(most, true), (most + 1, false)] {
            let mut counts = Counts::default();
            counts.add_color([255; 3], pixels).unwrap();
            let (colors, _) =
                Colors::<3>::of_distinct(counts.into_distinct().unwrap(), Space::Srgb);
            assert_eq!(colors.sums_are_exact(), is_exact);
        }
    }

    #[test]
    fn every_pixel_finds_its_color_and_counts_add_up() {
        for bits in [1, 3, 8] {
            let picture = noise(300, 200, bits);
            let (colors, color_of_pixel) = Colors::of(&picture);
            let mut counts = vec![0.0; colors.len()];
            for (pixel, &color) in picture
                .over_white()
                .iter()
                .zip(color_of_pixel.rows().iter())
            {
                assert_eq!(pixel.map(f64::from), colors.point(color as usize));
                counts[color as usize] += 1.0;
            }
            assert_eq!(counts, colors.counts());
            let pixels = picture.over_white();
            let set: std::collections::BTreeSet<_> = pixels.iter().collect();
            assert_eq!(set.len(), colors.len());
        }
    }

    #[test]
    fn every_pixel_finds_its_color_whatever_its_kind_and_the_space() {
        let noise = noise(40, 30, 3);
        let soft = |[r, g, b]: [u8; 3]| [r, g, b, (b & 3) * 80];
        let soft: Vec<_> = noise
            .over_white()
            .iter()
            .map(|&pixel| soft(pixel))
            .collect();
        let fine = |pixel: [u8; 4]| pixel.map(|value| u16::from(value) * 255);
        let fine = soft.iter().map(|&pixel| fine(pixel)).collect();
        for pixels in [Pixels::Rgba8(soft.clone()), Pixels::Rgba16(fine)] {
            let picture = Picture::from_pixels(40, 30, pixels).unwrap();
            for space in [Space::Srgb, Space::Linear, Space::Lab, Space::Oklab] {
                let (colors, color_of_pixel) = Colors::<4>::in_space(&picture, space);
                let (opaque, opaque_of_pixel) = Colors::<3>::in_space(&picture, space);
                let color_of_pixel = color_of_pixel.rows();
                let opaque_of_pixel = opaque_of_pixel.rows();
                for i in 0..picture.len() {
                    let point = space.point(picture.rgba(i));
                    assert_eq!(colors.point(color_of_pixel[i] as usize), point);
                    if picture.rgba(i)[3] > 0.0 {
                        let point = space.point(picture.rgba(i));
                        assert_eq!(opaque.point(opaque_of_pixel[i] as usize), point);
                    }
                }
                assert_eq!(colors.total(), 1200.0);
                let invisible = soft.iter().filter(|pixel| pixel[3] == 0).count();
                let row = (0..colors.len()).find(|&row| colors.point(row) == [0.0; 4]);
                assert_eq!(colors.counts()[row.unwrap()], invisible as f64);
            }
        }
    }

    #[test]
    fn shuffling_the_pixels_changes_no_color_and_no_count() {
        let picture = noise(64, 64, 5);
        let mut pixels = picture.over_white().into_owned();
        pixels.reverse();
        pixels.rotate_left(1234);
        let (a, _) = Colors::of(&picture);
        let (b, _) = Colors::of(&Picture::new(64, 64, pixels.into_flattened()).unwrap());
        assert_eq!((a.points(), a.counts()), (b.points(), b.counts()));
    }

    #[test]
    fn points_are_put_in_order_and_their_places_returned() {
        let points = array![[3.0, 1.0, 2.0], [-1.0, 0.5, 0.0], [3.0, 1.0, 1.0]];
        let (colors, place) = Colors::<3>::from_points(&points, &[1.0, 2.0, 3.0], 1.0).unwrap();
        for i in 0..3 {
            assert_eq!(colors.points().row(place[i] as usize), points.row(i));
            assert_eq!(colors.counts()[place[i] as usize], (i + 1) as f64);
        }
    }

    #[test]
    fn equal_points_become_one_color() {
        let points = array![[1.0, 2.0, 3.0], [0.0, 2.0, 3.0], [1.0, 2.0, 3.0]];
        let (colors, place) = Colors::<3>::from_points(&points, &[1.0, 2.0, 4.0], 1.0).unwrap();
        assert_eq!((colors.len(), colors.counts()), (2, &[2.0, 5.0][..]));
        assert_eq!(place, [1, 0, 1]);
    }

    #[test]
    fn points_that_are_no_colors_are_refused() {
        let one = [1.0];
        assert!(Colors::<3>::from_points(&array![[1.0, f64::NAN, 0.0]], &one, 1.0).is_err());
        assert!(Colors::<3>::from_points(&array![[1e61, 0.0, 0.0]], &one, 1.0).is_err());
        assert!(Colors::<3>::from_points(&array![[1.0, 0.0]], &one, 1.0).is_err());
        assert!(Colors::<3>::from_points(&array![[1.0, 0.0, 0.0]], &[0.0], 1.0).is_err());
        assert!(Colors::<3>::from_points(&Array2::zeros((0, 3)), &[], 1.0).is_err());
        for size in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-61, 1e61] {
            assert!(Colors::<3>::from_points(&array![[1.0, 0.0, 0.0]], &one, size).is_err());
            assert!(Colors::<3>::from_points(&array![[1.0, 0.0, 0.0]], &[size], 1.0).is_err());
        }
        // 1e61 units.
        assert!(Colors::<3>::from_points(&array![[1e21, 0.0, 0.0]], &one, 1e-40).is_err());
    }
}
