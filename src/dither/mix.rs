//! Mixes: entries of a palette that have a color as their mean.

use nalgebra::{SMatrix, SVector};
use pulp::NullaryFnOnce;

use crate::{
    alpha::is_opaque,
    density::squared_norm,
    simd::{LANES, Least, Vector, vectorize},
};

/// Entries in a mix at most: D + 1, of which one leaves when another one comes.
pub(super) const PARTS: usize = 6;

/// All of them but one.
const OTHERS: usize = PARTS - 1;

/// A gain that a mix is not changed for, of colors on [0, 1] and squared: that of a quarter of a byte.
const TOLERANCE: f64 = 1e-6;

/// Entries to mix.
pub(super) struct Mixer<const D: usize> {
    unit: f64,
    /// Those that are opaque, and all.
    opaque: Usable<D>,
    all: Usable<D>,
}

/// Some of the entries.
struct Usable<const D: usize> {
    entries: Vec<u8>,
    /// Their points, of colors on [0, 1], LANES of them at a time.
    points: Vec<[Vector; D]>,
}

impl<const D: usize> Usable<D> {
    fn new(entries: Vec<u8>, points: &[[f64; D]], unit: f64) -> Self {
        let mut lanes = vec![[Vector::ZERO; D]; entries.len().div_ceil(LANES)];
        for (place, &entry) in entries.iter().enumerate() {
            for d in 0..D {
                lanes[place / LANES][d].0[place % LANES] = points[usize::from(entry)][d] / unit;
            }
        }
        Self {
            entries,
            points: lanes,
        }
    }
}

impl<const D: usize> Mixer<D> {
    /// Mixes of 1 to 256 `entries`, whose coordinates are on the scale of `unit`.
    pub(super) fn new(entries: &[[f64; D]], unit: f64) -> Self {
        let all: Vec<u8> = (0..=u8::MAX).take(entries.len()).collect();
        let is_opaque: Vec<bool> = entries
            .iter()
            .map(|&point| is_opaque(point, unit))
            .collect();
        let mut opaque = all.clone();
        opaque.retain(|&entry| is_opaque[usize::from(entry)]);
        Self {
            unit,
            opaque: Usable::new(opaque, entries, unit),
            all: Usable::new(all, entries, unit),
        }
    }

    /// The entries of the best mix for `color` and their shares, of sum 1: the one with the least squared
    /// error of its mean plus the mean of what `contrast` says that the distances between the color and
    /// the entries cost, all of colors on [0, 1]. What is opaque and has an opaque entry is mixed of such.
    ///
    /// Where contrast costs next to nothing, but more the more there is of it, these entries are the
    /// simplex of a triangulation in which the color lies: that of Delaunay, where it costs the squared
    /// distance (V. T. Rajan, "Optimality of the Delaunay triangulation in R^d", Discrete & Computational
    /// Geometry 12, 1994).
    pub(super) fn mix(&self, color: [f64; D], contrast: impl Fn(f64) -> f64) -> Vec<(u8, f64)> {
        let only_opaque = is_opaque(color, self.unit) && !self.opaque.entries.is_empty();
        vectorize(BestMix {
            usable: if only_opaque { &self.opaque } else { &self.all },
            color: color.map(|value| value / self.unit),
            contrast,
        })
    }
}

/// Finds the entries of the best mix and their shares.
///
/// It is found by an active set (J. Nocedal and S. Wright, "Numerical Optimization", 16.5), from the entry on
/// that alone costs least: entries that lessen the cost come in one by one, and leave when nothing is left of
/// their share.
struct BestMix<'a, F, const D: usize> {
    usable: &'a Usable<D>,
    /// On [0, 1].
    color: [f64; D],
    contrast: F,
}

/// An entry that a color may be mixed of.
#[derive(Clone, Copy)]
struct Candidate<const D: usize> {
    entry: u8,
    /// From the color to the entry.
    offset: [f64; D],
    /// What its contrast costs.
    cost: f64,
}

/// LANES entries that a color may be mixed of.
#[derive(Clone, Copy)]
struct Candidates<const D: usize> {
    offset: [Vector; D],
    cost: Vector,
}

impl<F: Fn(f64) -> f64, const D: usize> NullaryFnOnce for BestMix<'_, F, D> {
    type Output = Vec<(u8, f64)>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let candidates = self.candidates();
        let candidate = |place: usize| {
            let Candidates { offset, cost } = candidates[place / LANES];
            Candidate {
                entry: self.usable.entries[place],
                offset: offset.map(|offset| offset.0[place % LANES]),
                cost: cost.0[place % LANES],
            }
        };
        let alone = |one: &Candidates<D>| squared_norm(one.offset) + one.cost;
        let mut parts = vec![(candidate(least(&candidates, alone)), 1.0)];
        while parts.len() < PARTS {
            let mean: [f64; D] = std::array::from_fn(|d| {
                parts
                    .iter()
                    .map(|(part, share)| share * part.offset[d])
                    .sum()
            });
            // The derivative of the cost by the share.
            let slope =
                |candidate: &Candidate<D>| 2.0 * dot(mean, candidate.offset) + candidate.cost;
            let slopes = |candidates: &Candidates<D>| {
                let mut slopes = candidates.cost;
                for d in 0..D {
                    slopes += candidates.offset[d] * (2.0 * mean[d]);
                }
                slopes
            };
            let best = candidate(least(&candidates, slopes));
            let has = |entry: u8| parts.iter().any(|(part, _)| part.entry == entry);
            if slope(&best) >= slope(&parts[0].0) - TOLERANCE || has(best.entry) {
                break;
            }
            parts.push((best, 0.0));
            while let Some(shares) = best_shares(&parts) {
                // As far towards these shares as none of them is negative.
                let (mut step, mut empty) = (1.0, None);
                for (part, (&(_, share), &best)) in parts.iter().zip(&shares).enumerate() {
                    if best < 0.0 && share < step * (share - best) {
                        (step, empty) = (share / (share - best), Some(part));
                    }
                }
                for ((_, share), &best) in parts.iter_mut().zip(&shares) {
                    *share += step * (best - *share);
                }
                match empty {
                    Some(part) => parts.remove(part),
                    None => break,
                };
            }
        }
        let parts = parts.into_iter().map(|(part, share)| (part.entry, share));
        parts.collect()
    }
}

impl<F: Fn(f64) -> f64, const D: usize> BestMix<'_, F, D> {
    /// What the color may be mixed of. Lanes that are left over cost more than anything.
    #[inline(always)]
    fn candidates(&self) -> Vec<Candidates<D>> {
        let nothing = Candidates {
            offset: [Vector::ZERO; D],
            cost: Vector::ZERO,
        };
        let mut candidates = vec![nothing; self.usable.points.len()];
        for (candidates, point) in candidates.iter_mut().zip(&self.usable.points) {
            for d in 0..D {
                candidates.offset[d] = point[d] - self.color[d];
            }
            let squared = squared_norm(candidates.offset);
            candidates.cost = squared.each(|squared| (self.contrast)(squared.sqrt()));
        }
        for place in self.usable.entries.len()..LANES * candidates.len() {
            candidates[place / LANES].cost.0[place % LANES] = f64::INFINITY;
        }
        candidates
    }
}

/// The place of the candidate of which `measure` is least; of several the first.
#[inline(always)]
fn least<const D: usize>(
    candidates: &[Candidates<D>],
    measure: impl Fn(&Candidates<D>) -> Vector,
) -> usize {
    let mut least = Least::NONE;
    for (i, candidates) in candidates.iter().enumerate() {
        least.see(measure(candidates), (i * LANES) as f64);
    }
    let Least { value, name } = least;
    let place = |lane: usize| name.0[lane] as usize + lane;
    let mut best = 0;
    for lane in 1..LANES {
        let (new, old) = (value.0[lane], value.0[best]);
        if new < old || new == old && place(lane) < place(best) {
            best = lane;
        }
    }
    place(best)
}

/// The shares, of sum 1 and of either sign, at which the cost of a mix of these parts is least; the first
/// ones are theirs.
fn best_shares<const D: usize>(parts: &[(Candidate<D>, f64)]) -> Option<[f64; PARTS]> {
    // The first one has what the others leave: normal equations in the directions from it to them.
    let first = parts[0].0;
    let direction = |part: usize| -> [f64; D] {
        std::array::from_fn(|d| parts[part].0.offset[d] - first.offset[d])
    };
    let mut squares = SMatrix::<f64, OTHERS, OTHERS>::identity();
    let mut right = SVector::<f64, OTHERS>::zeros();
    for i in 1..parts.len() {
        let a = direction(i);
        right[i - 1] = -dot(a, first.offset) - 0.5 * (parts[i].0.cost - first.cost);
        for j in 1..parts.len() {
            squares[(i - 1, j - 1)] = dot(a, direction(j));
        }
        // More than D directions depend on each other, and then one is to leave.
        squares[(i - 1, i - 1)] *= 1.0 + 1e-9;
    }
    let others = squares.cholesky()?.solve(&right);
    let mut shares = [0.0; PARTS];
    shares[1..].copy_from_slice(others.as_slice());
    shares[0] = 1.0 - others.sum();
    Some(shares)
}

fn dot<const D: usize>(a: [f64; D], b: [f64; D]) -> f64 {
    (0..D).map(|d| a[d] * b[d]).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn mean<const D: usize>(entries: &[[f64; D]], mix: &[(u8, f64)]) -> [f64; D] {
        let part =
            |d: usize| move |&(entry, share): &(u8, f64)| share * entries[usize::from(entry)][d];
        std::array::from_fn(|d| mix.iter().map(part(d)).sum())
    }

    /// The corners of the unit cube.
    fn corners<const D: usize>() -> Vec<[f64; D]> {
        let corner = |i: usize| std::array::from_fn(|d| (i >> d & 1) as f64);
        (0..1 << D).map(corner).collect()
    }

    fn colors_are_mixed_of_corners<const D: usize>(colors: &[[f64; D]]) {
        let entries = corners::<D>();
        let mixer = Mixer::new(&entries, 1.0);
        for &color in colors {
            // With next to no price for contrast.
            let mix = mixer.mix(color, |distance| 1e-4 * distance * distance);
            assert!(mix.len() <= D + 1, "{mix:?}");
            assert!(mix.iter().all(|&(_, share)| share > 0.0), "{mix:?}");
            let mean = mean(&entries, &mix);
            for d in 0..D {
                assert!((mean[d] - color[d]).abs() < 2e-3, "{color:?}: {mix:?}");
            }
        }
    }

    #[test]
    fn few_entries_have_the_color_as_their_mean() {
        let picture = noise(30, 30, 8);
        let rgb = picture.over_white();
        let colors: Vec<_> = rgb
            .iter()
            .map(|&rgb| rgb.map(|value| f64::from(value) / 255.0))
            .collect();
        colors_are_mixed_of_corners(&colors);
        // The first corner of the fourth channel is transparent, whatever there is in the others.
        let with_alpha = colors.iter().map(|&[r, g, b]| [r, g, b, 0.25 + g / 2.0]);
        colors_are_mixed_of_corners(&with_alpha.collect::<Vec<_>>());
    }

    #[test]
    fn no_other_shares_of_any_entries_cost_less() {
        let picture = noise(16, 4, 8);
        let points: Vec<[f64; 3]> = picture
            .over_white()
            .iter()
            .map(|&rgb| rgb.map(|value| f64::from(value) / 255.0))
            .collect();
        let (entries, colors) = points.split_at(24);
        let mixer = Mixer::new(entries, 1.0);
        for price in [0.02, 0.3, 3.0] {
            for &color in colors {
                let square = |entry: usize| {
                    (0..3)
                        .map(|d| (entries[entry][d] - color[d]).powi(2))
                        .sum::<f64>()
                };
                let cost = |shares: &[f64]| {
                    let mean = |d: usize| {
                        shares
                            .iter()
                            .zip(entries)
                            .map(|(share, entry)| share * entry[d])
                            .sum::<f64>()
                    };
                    let error: f64 = (0..3).map(|d| (mean(d) - color[d]).powi(2)).sum();
                    error
                        + price
                            * (0..24)
                                .map(|entry| shares[entry] * square(entry))
                                .sum::<f64>()
                };
                let mut shares = [0.0; 24];
                for (entry, share) in mixer.mix(color, |distance| price * distance * distance) {
                    shares[usize::from(entry)] = share;
                }
                let found = cost(&shares);
                // The cost is convex: if no small move of share from one to another pays, nothing does.
                for from in (0..24).filter(|&from| shares[from] > 0.0) {
                    for to in 0..24 {
                        let mut moved = shares;
                        let part = shares[from].min(1e-3);
                        moved[from] -= part;
                        moved[to] += part;
                        assert!(
                            cost(&moved) > found - 1e-6 * part - 1e-12,
                            "{price} {color:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn where_contrast_is_dear_the_nearest_entry_is_alone() {
        let entries = corners::<3>();
        let mixer = Mixer::new(&entries, 1.0);
        let mix = mixer.mix([0.4, 0.3, 0.6], |distance| 1e6 * distance);
        assert_eq!(mix, [(4, 1.0)]);
    }
}
