//! Which centroids can be nearest to the colors of a run, from long runs to short ones.
//!
//! All of it is in single precision, with twice as many lanes as doubles would have. Positions are told
//! from the middle of the run, so that little is lost by rounding, and what lies closer together than
//! rounding may bring it counts as undecided.

use crate::{
    Colors,
    bits::ones,
    colors::runs::{FAN, Run, Runs},
    density::{squared_distance, squared_norm},
    simd::{WIDE, Wide},
};

/// The rounding errors of the formulas below come to less than this share of |c - m|^2 + |x - m|^2, of
/// the centroid c and the color x farthest from the middle m: a unit in the last place is 2^-24, and
/// no formula gathers more than 40 of them.
const ROUNDING: f64 = 1.0 / (1 << 18) as f64;

/// What underflow adds to them at most.
const UNDERFLOW: f32 = f32::MIN_POSITIVE;

/// Where these squares are larger, nothing is decided, lest something overflows.
const DECIDABLE: f64 = 1e30;

/// Some centroids, seen from the middle m of a box of colors.
///
/// Of a color x, |x - c|^2 - |x - m|^2 = |c - m|^2 - 2 (c - m) (x - m): a plane over the box for each
/// centroid, of which the lowest one tells the nearest.
#[derive(Debug)]
pub(super) struct Planes<const D: usize> {
    /// The centroids' numbers, ascending.
    ids: Vec<u32>,
    /// The middle.
    middle: [f64; D],
    /// [`WIDE`] planes at a time; those past the last lie at infinity.
    lanes: Vec<Plane<Wide, D>>,
    /// The same one at a time.
    each: Vec<Plane<f32, D>>,
    /// Two planes closer to each other than this are not told apart.
    margin: f32,
}

/// A plane, or one in each lane.
#[derive(Clone, Copy, Debug)]
struct Plane<T, const D: usize> {
    /// |c - m|^2.
    height: T,
    /// -2 (c - m).
    slope: [T; D],
}

impl<const D: usize> Planes<D> {
    fn with_room_for(k: usize) -> Self {
        Self {
            ids: Vec::with_capacity(k),
            middle: [0.0; D],
            lanes: Vec::with_capacity(k.div_ceil(WIDE)),
            each: Vec::with_capacity(k),
            margin: 0.0,
        }
    }

    /// Becomes the planes of the centroids that the ids name, over the box of `run`.
    #[inline(always)]
    fn lie_over(&mut self, run: &Run<D>, centroids: &[[f64; D]]) {
        self.middle = run.middle();
        let farthest = squared_norm::<f64, D>(run.half_width());
        let mut highest: f64 = 0.0;
        self.lanes.clear();
        self.each.clear();
        for ids in self.ids.chunks(WIDE) {
            let mut lanes = Plane {
                height: [f32::INFINITY; WIDE],
                slope: [[0.0; WIDE]; D],
            };
            for (lane, &id) in ids.iter().enumerate() {
                let centroid = &centroids[id as usize];
                let offset: [f64; D] = std::array::from_fn(|d| centroid[d] - self.middle[d]);
                let height = squared_norm::<f64, D>(offset);
                let plane = Plane {
                    height: height as f32,
                    slope: offset.map(|x| (-2.0 * x) as f32),
                };
                for d in 0..D {
                    lanes.slope[d][lane] = plane.slope[d];
                }
                lanes.height[lane] = plane.height;
                self.each.push(plane);
                highest = if height > highest { height } else { highest };
            }
            self.lanes.push(lanes);
        }
        let squares = highest + farthest;
        self.margin = if squares < DECIDABLE {
            (ROUNDING * squares) as f32 + UNDERFLOW
        } else {
            f32::INFINITY
        };
    }

    /// The planes of all `centroids`, over all colors.
    pub(super) fn of_all(centroids: &[[f64; D]], colors: &Colors<D>) -> Self {
        let mut planes = Self::with_room_for(centroids.len());
        planes.ids.extend(0..centroids.len() as u32);
        planes.lie_over(&Run::joined(&colors.runs().long), centroids);
        planes
    }

    /// Marks in `kept` those of the centroids that can be among the `RIVALS` nearest (1 or 2) to a color
    /// of a run in the box: one goes if each of the `RIVALS` lowest in the run's middle is lower than it at
    /// all corners of the run (Kanungo et al., "An efficient k-means clustering algorithm: analysis and
    /// implementation", IEEE PAMI 24(7), 2002). Returns by how much those that go lie above those rivals
    /// at least, beyond the margin. `scratch` has no meaning between calls.
    #[inline(always)]
    fn keep<const RIVALS: usize>(
        &self,
        run: &Run<D>,
        kept: &mut Kept,
        scratch: &mut Vec<Wide>,
    ) -> f32 {
        let half_width = run.half_width().map(|x| x as f32);
        let middle = run.middle();
        let at: [f32; D] = std::array::from_fn(|d| (middle[d] - self.middle[d]) as f32);
        scratch.clear();
        for planes in &self.lanes {
            let mut height = planes.height;
            for d in 0..D {
                for lane in 0..WIDE {
                    height[lane] += planes.slope[d][lane] * at[d];
                }
            }
            scratch.push(height);
        }
        let mut rivals = [(f32::INFINITY, 0); RIVALS];
        let mut beyond = f32::NEG_INFINITY;
        for rival in &mut rivals {
            *rival = lowest_beyond(scratch, beyond);
            beyond = rival.0;
        }
        let rivals = rivals.map(|(height, place)| (height + self.margin, self.each[place].slope));
        kept.0.clear();
        let mut spare = [f32::INFINITY; WIDE];
        let lanes = self.lanes.iter().zip(scratch.iter());
        for (c, (planes, height)) in lanes.enumerate() {
            let mut excess = [f32::INFINITY; WIDE];
            for (limit, slope) in rivals {
                let mut lowest = *height;
                for d in 0..D {
                    for lane in 0..WIDE {
                        lowest[lane] -= half_width[d] * (planes.slope[d][lane] - slope[d]).abs();
                    }
                }
                for lane in 0..WIDE {
                    let above = lowest[lane] - limit;
                    // Beside an infinite limit it is not a number, or less than any: it is kept.
                    excess[lane] = if excess[lane] < above {
                        excess[lane]
                    } else {
                        above
                    };
                }
            }
            let mut keeps = [0_u32; WIDE];
            for lane in 0..WIDE {
                let goes = excess[lane] > 0.0;
                let own = if goes { excess[lane] } else { f32::INFINITY };
                spare[lane] = if own < spare[lane] { own } else { spare[lane] };
                keeps[lane] = u32::from(!goes) << lane;
            }
            let shift = c * WIDE % u64::BITS as usize;
            if shift == 0 {
                kept.0.push(0);
            }
            if let Some(last) = kept.0.last_mut() {
                *last |= u64::from(reduce(keeps, |a, b| a | b)) << shift;
            }
        }
        kept.truncate(self.ids.len());
        least(spare)
    }
}

// Chunks end where words do.
const _: () = assert!((u64::BITS as usize).is_multiple_of(WIDE) && WIDE <= u32::BITS as usize);

/// Some of a list, by a bit for each place.
#[derive(Debug)]
struct Kept(Vec<u64>);

impl Kept {
    /// Drops what is past the end of a list of this length.
    #[inline(always)]
    fn truncate(&mut self, len: usize) {
        if let Some(last) = self.0.last_mut() {
            *last &= u64::MAX >> (len.next_multiple_of(u64::BITS as usize) - len);
        }
    }

    /// Calls `each` with their places, ascending.
    #[inline(always)]
    fn for_each(&self, mut each: impl FnMut(usize)) {
        for (first, &word) in (0..).step_by(u64::BITS as usize).zip(&self.0) {
            for place in ones(word) {
                each(first + place as usize);
            }
        }
    }

    /// All bits as one word; 0 where one is past its end.
    #[inline(always)]
    fn as_word(&self) -> u64 {
        match &self.0[..] {
            [word, rest @ ..] if rest.iter().all(|&word| word == 0) => *word,
            _ => 0,
        }
    }

    /// Puts into `some` those of `all` that are kept.
    #[inline(always)]
    fn pick_from(&self, all: &[u32], some: &mut Vec<u32>) {
        some.clear();
        self.for_each(|place| some.push(all[place]));
    }
}

/// All lanes by an operation, whose order does not matter.
#[inline(always)]
fn reduce<T: Copy>(mut lanes: [T; WIDE], operation: impl Fn(T, T) -> T) -> T {
    let mut half = WIDE / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = operation(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The least of all lanes.
#[inline(always)]
fn least(lanes: Wide) -> f32 {
    reduce(lanes, |a, b| if a < b { a } else { b })
}

/// The least of the `heights` above `beyond`, and the first place that has it; infinity and 0 if none has.
#[inline(always)]
fn lowest_beyond(heights: &[Wide], beyond: f32) -> (f32, usize) {
    let mut lowest = [f32::INFINITY; WIDE];
    let mut chunk = [0; WIDE];
    for (c, heights) in (0_u32..).zip(heights) {
        for lane in 0..WIDE {
            let height = if heights[lane] > beyond {
                heights[lane]
            } else {
                f32::INFINITY
            };
            let is_lowest = height < lowest[lane];
            chunk[lane] = if is_lowest { c } else { chunk[lane] };
            lowest[lane] = if is_lowest { height } else { lowest[lane] };
        }
    }
    let least = least(lowest);
    let mut places = [0; WIDE];
    for lane in 0..WIDE {
        let place = chunk[lane] * WIDE as u32 + lane as u32;
        places[lane] = if lowest[lane] == least {
            place
        } else {
            u32::MAX
        };
    }
    (least, reduce(places, u32::min) as usize)
}

/// The way from run to run, with the centroids that can be among the `RIVALS` nearest to their colors.
pub(super) struct Descent<'a, const RIVALS: usize, const D: usize> {
    runs: &'a Runs<D>,
    centroids: &'a [[f64; D]],
    of_all: &'a Planes<D>,
    /// The long run that the list after it is of.
    long: Option<usize>,
    of_long: Planes<D>,
    of_middle: Planes<D>,
    /// Which of the centroids of a run are left for the one that was looked at last inside it.
    kept: Kept,
    /// Those of the middle run's that are left for a short one: their places there, and their planes.
    places: Vec<u32>,
    planes: Vec<Plane<f32, D>>,
    /// No meaning between runs.
    scratch: Vec<Wide>,
}

impl<'a, const RIVALS: usize, const D: usize> Descent<'a, RIVALS, D> {
    /// A way down from `of_all`, the planes of all `centroids`.
    pub(super) fn new(
        colors: &'a Colors<D>,
        centroids: &'a [[f64; D]],
        of_all: &'a Planes<D>,
    ) -> Self {
        let k = centroids.len();
        Self {
            runs: colors.runs(),
            centroids,
            of_all,
            long: None,
            of_long: Planes::with_room_for(k),
            of_middle: Planes::with_room_for(k),
            kept: Kept(Vec::with_capacity(k.div_ceil(u64::BITS as usize))),
            places: Vec::with_capacity(k),
            planes: Vec::with_capacity(k),
            scratch: Vec::with_capacity(k.div_ceil(WIDE)),
        }
    }

    /// Puts into `ids` the centroids that are left for a middle run, ascending.
    #[inline(always)]
    pub(super) fn find(&mut self, middle: usize, ids: &mut Vec<u32>) {
        let (kept, scratch) = (&mut self.kept, &mut self.scratch);
        let long = middle / FAN;
        if self.long != Some(long) {
            self.long = Some(long);
            let run = &self.runs.long[long];
            self.of_all.keep::<RIVALS>(run, kept, scratch);
            kept.pick_from(&self.of_all.ids, &mut self.of_long.ids);
            self.of_long.lie_over(run, self.centroids);
        }
        let run = &self.runs.middle[middle];
        self.of_long.keep::<RIVALS>(run, kept, scratch);
        kept.pick_from(&self.of_long.ids, ids);
    }

    /// Goes to a middle run with the centroids that are left for it, or more.
    #[inline(always)]
    pub(super) fn enter_middle(&mut self, number: usize, ids: &[u32]) {
        let run = &self.runs.middle[number];
        self.of_middle.ids.clear();
        self.of_middle.ids.extend_from_slice(ids);
        self.of_middle.lie_over(run, self.centroids);
    }

    /// Goes to a short run of the middle one; returns how much planes may shift against each other before
    /// one of those that are not left for it can be among the `RIVALS` lowest over one of its colors.
    #[inline(always)]
    pub(super) fn enter_short(&mut self, number: usize) -> f32 {
        let run = &self.runs.short[number];
        let spare = self
            .of_middle
            .keep::<RIVALS>(run, &mut self.kept, &mut self.scratch);
        self.take_planes();
        spare - 2.0 * self.of_middle.margin
    }

    /// Goes to a short run for which centroids are left at the places that these bits name.
    #[inline(always)]
    pub(super) fn return_to_short(&mut self, left: u64) {
        self.kept.0.clear();
        self.kept.0.push(left);
        self.take_planes();
    }

    #[inline(always)]
    fn take_planes(&mut self) {
        let Self {
            kept,
            places,
            planes,
            of_middle,
            ..
        } = self;
        places.clear();
        kept.for_each(|place| places.push(place as u32));
        planes.clear();
        planes.extend(places.iter().map(|&place| of_middle.each[place as usize]));
    }

    /// The places among the middle run's centroids of those that are left for the short run, as bits; 0 where
    /// one is past the last bit.
    #[inline(always)]
    pub(super) fn left_as_bits(&self) -> u64 {
        self.kept.as_word()
    }

    /// The places among the middle run's centroids of those that are left for the short run, ascending.
    #[inline(always)]
    pub(super) fn left(&self) -> &[u32] {
        &self.places
    }

    /// What is nearest to the [`WIDE`] colors of the short run from row `start` on.
    #[inline(always)]
    pub(super) fn nearest(&self, start: usize) -> Nearest {
        let x = &self.runs.offsets[start / WIDE];
        Nearest::of::<RIVALS, D>(x, &self.places, &self.planes, self.of_middle.margin)
    }

    /// Of the centroids that are left for the short run, the nearest to `x` in double precision, of several
    /// the first: its place among the middle run's.
    pub(super) fn exactly_nearest(&self, x: [f64; D]) -> u32 {
        let mut least = f64::INFINITY;
        let mut nearest = self.places[0];
        for &place in &self.places {
            let id = self.of_middle.ids[place as usize];
            let distance = squared_distance(x, self.centroids[id as usize]);
            if distance < least {
                (least, nearest) = (distance, place);
            }
        }
        nearest
    }
}

/// By how much two planes over a run may have shifted against each other when centroids moved, at most;
/// 0 only where none has moved.
#[inline(always)]
pub(super) fn shift<const D: usize>(
    run: &Run<D>,
    ids: &[u32],
    before: &[[f64; D]],
    after: &[[f64; D]],
) -> f32 {
    let (middle, half_width) = (run.middle(), run.half_width());
    let mut most = [0.0; 2];
    for &id in ids {
        let (from, to) = (&before[id as usize], &after[id as usize]);
        let mut in_middle = 0.0;
        let mut beyond_it = 0.0;
        for d in 0..D {
            let step = to[d] - from[d];
            in_middle += step * ((from[d] - middle[d]) + (to[d] - middle[d]));
            beyond_it += step.abs() * half_width[d];
        }
        let own = in_middle.abs() + 2.0 * beyond_it;
        if own > most[0] {
            most = [own, most[0]];
        } else if own > most[1] {
            most[1] = own;
        }
    }
    if most[0] == 0.0 {
        return 0.0;
    }
    (most[0] + most[1]) as f32 * (1.0 + 4.0 * f32::EPSILON) + UNDERFLOW
}

/// The nearest centroids of each color of a chunk, named by their places among the middle run's.
pub(super) struct Nearest {
    pub first: [u32; WIDE],
    /// The one after it. Known with two rivals only.
    pub second: [u32; WIDE],
    /// Whether the first is sure to be the first.
    pub is_certain: [bool; WIDE],
    /// How much planes may shift against each other before another one can be the first.
    pub gap: f32,
}

impl Nearest {
    #[inline(always)]
    fn of<const RIVALS: usize, const D: usize>(
        x: &[Wide; D],
        places: &[u32],
        planes: &[Plane<f32, D>],
        margin: f32,
    ) -> Self {
        let mut lowest = [f32::INFINITY; WIDE];
        let mut next = [f32::INFINITY; WIDE];
        let mut first = [places[0]; WIDE];
        let mut second = first;
        for (&place, plane) in places.iter().zip(planes) {
            let mut height = [plane.height; WIDE];
            for d in 0..D {
                for lane in 0..WIDE {
                    height[lane] += plane.slope[d] * x[d][lane];
                }
            }
            if RIVALS > 1 {
                for lane in 0..WIDE {
                    let loser = if height[lane] < lowest[lane] {
                        first[lane]
                    } else {
                        place
                    };
                    let is_second = height[lane] < next[lane];
                    second[lane] = if is_second { loser } else { second[lane] };
                }
            }
            for lane in 0..WIDE {
                let (a, b) = (height[lane], lowest[lane]);
                let higher = if a < b { b } else { a };
                first[lane] = if a < b { place } else { first[lane] };
                lowest[lane] = if a < b { a } else { b };
                next[lane] = if higher < next[lane] {
                    higher
                } else {
                    next[lane]
                };
            }
        }
        let mut gaps = [0.0; WIDE];
        let mut is_certain = [true; WIDE];
        for lane in 0..WIDE {
            gaps[lane] = next[lane] - lowest[lane];
            is_certain[lane] = gaps[lane] > margin;
        }
        Self {
            first,
            second,
            is_certain,
            gap: least(gaps) - 2.0 * margin,
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{
        colors::runs::{MIDDLE, SHORT},
        testing::flower,
    };

    fn squared_distances(x: [f64; 3], centroids: &[[f64; 3]]) -> Vec<f64> {
        centroids.iter().map(|&c| squared_distance(x, c)).collect()
    }

    /// Looks at all colors; returns how many of them were told for certain.
    fn check<const RIVALS: usize>(colors: &Colors<3>, centroids: &[[f64; 3]]) -> usize {
        let of_all = Planes::of_all(centroids, colors);
        let mut descent = Descent::<RIVALS, 3>::new(colors, centroids, &of_all);
        let mut certain = 0;
        for row in 0..colors.len() {
            let mut ids = Vec::new();
            descent.find(row / MIDDLE, &mut ids);
            descent.enter_middle(row / MIDDLE, &ids);
            descent.enter_short(row / SHORT);
            let left: Vec<_> = descent
                .left()
                .iter()
                .map(|&place| ids[place as usize])
                .collect();
            let distances = squared_distances(colors.point(row), centroids);
            let mut order: Vec<_> = (0..centroids.len() as u32).collect();
            order.sort_by(|&i, &j| distances[i as usize].total_cmp(&distances[j as usize]));
            for j in &order[..RIVALS] {
                assert!(left.contains(j), "{j} of {distances:?} in {left:?}");
            }
            let nearest = descent.nearest(row / WIDE * WIDE);
            let lane = row % WIDE;
            if nearest.is_certain[lane] {
                certain += 1;
                assert_eq!(ids[nearest.first[lane] as usize], order[0]);
            }
            let exactly = descent.exactly_nearest(colors.point(row));
            assert_eq!(ids[exactly as usize], order[0]);
            if RIVALS == 2 && nearest.is_certain[lane] {
                let second = ids[nearest.second[lane] as usize];
                let [second, best] = [second, order[1]].map(|j| distances[j as usize]);
                // Told in single precision, where squares of all that is seen have a part.
                let squares: f64 = distances.iter().fold(0.0, |a, &b| a.max(b));
                assert!(second <= best + 1e-5 * squares);
            }
        }
        certain
    }

    #[test]
    fn no_centroid_that_is_nearest_is_lost_however_large_small_or_far_off_the_numbers_are() {
        let mut generator = ChaCha8Rng::seed_from_u64(2);
        for (scale, offset) in [
            (1.0, 0.0),
            (1e-50, 0.0),
            (1e-22, 0.0),
            (1e12, 1e12),
            (1.0, 1e9),
            (1e18, 0.0),
            (1e50, 1e50),
        ] {
            let mut random = || offset + scale * generator.random::<f64>();
            let points = Array2::from_shape_simple_fn((1500, 3), &mut random);
            let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 1500], 1.0).unwrap();
            let centroids: Vec<_> = (0..40).map(|_| [random(), random(), random()]).collect();
            let certain = check::<1>(&colors, &centroids);
            check::<2>(&colors, &centroids);
            // Nearly all, but where single precision cannot hold the squares.
            let is_decidable = (1e-18..1e15).contains(&scale);
            assert_eq!(certain > 1490, is_decidable, "{certain} at {scale}");
        }
    }

    #[test]
    fn planes_shift_no_farther_than_told() {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        let mut random = |size: f64| [0; 3].map(|_| size * generator.random_range(-1.0..1.0));
        for _ in 0..200 {
            let (a, b) = (random(20.0), random(20.0));
            let run = Run {
                low: std::array::from_fn(|d| f64::min(a[d], b[d])),
                high: std::array::from_fn(|d| f64::max(a[d], b[d])),
                count: 1.0,
                sum: a,
            };
            let before: Vec<_> = (0..5).map(|_| random(50.0)).collect();
            let moved = |c: &[f64; 3], step: [f64; 3]| std::array::from_fn(|d| c[d] + step[d]);
            let after: Vec<[f64; 3]> = before.iter().map(|c| moved(c, random(3.0))).collect();
            let told = f64::from(shift(&run, &[1, 2, 4], &before, &after));
            let mut farthest: f64 = 0.0;
            for corner in 0..8 {
                let end = |d: usize| [run.low[d], run.high[d]][corner >> d & 1];
                let x = std::array::from_fn(end);
                let rise = [1, 2, 4]
                    .map(|j| squared_distance(x, after[j]) - squared_distance(x, before[j]));
                for (i, j) in [(0, 1), (0, 2), (1, 2)] {
                    farthest = farthest.max((rise[i] - rise[j]).abs());
                }
            }
            assert!(
                farthest <= told && told <= 6.0 * farthest,
                "{farthest} {told}"
            );
        }
        let colors = flower(60);
        let run = &colors.runs().long[0];
        assert_eq!(shift(run, &[0], &[[0.0; 3]], &[[1e60; 3]]), f32::INFINITY);
    }

    #[test]
    fn places_are_bits_as_long_as_all_of_them_fit() {
        assert_eq!(Kept(vec![1 << 63 | 0b1001]).as_word(), 1 << 63 | 0b1001);
        assert_eq!(Kept(vec![0b1000, 1]).as_word(), 0);
        assert_eq!(Kept(vec![0, 1]).as_word(), 0);
        assert_eq!(Kept(vec![0b1000, 0]).as_word(), 0b1000);
        let mut kept = Kept(vec![u64::MAX; 2]);
        kept.truncate(67);
        let mut places = Vec::new();
        kept.for_each(|place| places.push(place));
        assert!(places.into_iter().eq(0..67));
    }

    #[test]
    fn ties_are_never_certain() {
        let points = Array2::from_shape_fn((27, 3), |(row, d)| {
            f64::from(row as u32 / 3_u32.pow(d as u32) % 3)
        });
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0; 27], 1.0).unwrap();
        let centroids = [[0.0, 1.0, 1.0], [2.0, 1.0, 1.0], [0.0, 1.0, 1.0]];
        let of_all = Planes::of_all(&centroids, &colors);
        let mut descent = Descent::<1, 3>::new(&colors, &centroids, &of_all);
        descent.enter_middle(0, &[0, 1, 2]);
        descent.enter_short(0);
        assert_eq!(descent.left(), [0, 1, 2]);
        for row in 0..27 {
            let x = colors.point(row);
            // The first centroid is there twice, and the middle is as far from the second.
            let is_certain = descent.nearest(row / WIDE * WIDE).is_certain[row % WIDE];
            assert_eq!(is_certain, x[0] == 2.0);
            assert_eq!(descent.exactly_nearest(x), u32::from(is_certain));
        }
    }
}
