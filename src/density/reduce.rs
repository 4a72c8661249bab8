//! What becomes of the scores of a color: the largest, or the log of the sum of their exponentials.

use super::{
    Candidates, Component, Rule, Visit, Walk, Whitening, candidates_of_blocks,
    elementary::{exp, ln},
    rows_of_blocks, walk_blocks,
};
use crate::{
    Colors,
    colors::{Chunk, Node},
    simd::{LANES, Lanes, Vector},
};

/// For each color of the chunk the place of the component with the largest score (the first of
/// several), and that score.
#[inline(always)]
pub(crate) fn largest<W: Whitening<D>, const D: usize>(
    components: &Candidates<W, D>,
    x: &[Lanes; D],
) -> ([u32; LANES], Lanes) {
    let x = vectors(x);
    let mut place = Vector::ZERO;
    let mut best = components.score(0, x);
    for j in 1..components.len() {
        let scores = components.score(j, x);
        for lane in 0..LANES {
            let better = scores.0[lane] > best.0[lane];
            place.0[lane] = if better { j as f64 } else { place.0[lane] };
            best.0[lane] = if better { scores.0[lane] } else { best.0[lane] };
        }
    }
    (place.0.map(|place| place as u32), best.0)
}

/// `ln sum_j exp score_j` for each color of the chunk, stably (the largest score taken out), and in
/// `responsibilities` what each candidate's exponential is as a share of the sum.
#[inline(always)]
pub(crate) fn log_sum_exp<W: Whitening<D>, const D: usize>(
    candidates: &Candidates<W, D>,
    x: &[Lanes; D],
    responsibilities: &mut Vec<Vector>,
) -> Vector {
    let x = vectors(x);
    responsibilities.resize(candidates.len(), Vector::ZERO);
    for (j, score) in responsibilities.iter_mut().enumerate() {
        *score = candidates.score(j, x);
    }
    softmax(responsibilities)
}

/// Replaces scores by what their exponentials are as shares of the exponentials' sum, and returns
/// the logarithm of that sum. The largest score is taken out first, so that nothing overflows.
#[inline(always)]
pub(crate) fn softmax(scores: &mut [Vector]) -> Vector {
    let mut best = Vector([f64::NEG_INFINITY; LANES]);
    for &score in scores.iter() {
        best = score.max(best);
    }
    let mut sum = Vector::ZERO;
    for score in scores.iter_mut() {
        *score = exp(*score - best);
        sum += *score;
    }
    let inverse = sum.each(|sum| 1.0 / sum);
    for score in scores {
        *score = *score * inverse;
    }
    ln(sum) + best
}

/// The channels of a chunk as vectors.
#[inline(always)]
pub(crate) fn vectors<const D: usize>(x: &[Lanes; D]) -> [Vector; D] {
    let mut vectors = [Vector::ZERO; D];
    for d in 0..D {
        vectors[d] = Vector(x[d]);
    }
    vectors
}

/// The component with the largest score for each distinct color; of several, the first.
pub(crate) fn argmax<W: Whitening<D>, R: Rule<W, D>, const D: usize>(
    colors: &Colors<D>,
    components: &[Component<W, D>],
    rule: R,
) -> Vec<u32> {
    let walk = Walk { colors, rule };
    let ids = candidates_of_blocks(walk, components);
    let mut places = vec![0; colors.len()];
    let tasks = rows_of_blocks(colors, &mut places)
        .zip(&ids)
        .map(|((first_row, own), ids)| (own, first_row, ids))
        .enumerate()
        .collect();
    walk_blocks(
        walk,
        components,
        &ids,
        tasks,
        |(places, first_row, ids), _| Label {
            places,
            first_row,
            ids,
        },
    );
    places
}

/// Notes each color's best component.
struct Label<'a> {
    places: &'a mut [u32],
    first_row: usize,
    ids: &'a [u32],
}

impl<W: Whitening<D>, const D: usize> Visit<W, D> for Label<'_> {
    type Found = ();

    #[inline(always)]
    fn settled(&mut self, node: &Node<D>, candidate: &Candidates<W, D>) {
        let rows = node.rows();
        self.places[rows.start - self.first_row..rows.end - self.first_row]
            .fill(self.ids[candidate.ids()[0] as usize]);
    }

    #[inline(always)]
    fn chunk(&mut self, chunk: &Chunk<D>, candidates: &Candidates<W, D>) {
        let (places, _) = largest(candidates, &chunk.x);
        for lane in 0..chunk.len {
            self.places[chunk.start - self.first_row + lane] =
                self.ids[candidates.ids()[places[lane] as usize] as usize];
        }
    }

    #[inline(always)]
    fn finish(self) {}
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{
        density::{Bounds, Corners, Identity, Triangular},
        simd::level::{Level, at_level},
        testing::{flower, noise},
    };

    fn brute_force<W: Whitening<D>, const D: usize>(
        colors: &Colors<D>,
        components: &[Component<W, D>],
    ) -> Vec<u32> {
        let all = Candidates::numbered(components, 0..components.len());
        let best = |row: usize| {
            let score = |j: &u32| all.score(*j as usize, colors.point(row));
            (1..components.len() as u32)
                .fold(0, |best, j| if score(&j) > score(&best) { j } else { best })
        };
        (0..colors.len()).map(best).collect()
    }

    fn pictures() -> Vec<Colors<3>> {
        vec![
            Colors::of(&noise(90, 70, 8)).0,
            Colors::of(&noise(200, 100, 4)).0,
            flower(30),
        ]
    }

    fn centroids(k: usize, step: f64) -> Vec<Component<Identity, 3>> {
        let mut generator = ChaCha8Rng::seed_from_u64(k as u64);
        let mut value = || libm::floor(generator.random::<f64>() * 256.0 / step) * step;
        (0..k)
            .map(|_| Component::centroid([value(), value(), value()]))
            .collect()
    }

    #[test]
    fn boxes_find_the_same_nearest_centroids_as_brute_force_on_every_level() {
        for colors in pictures() {
            for k in [1, 2, 7, 64, 256] {
                // Steps of 8 make many centroids equal and many colors equally far from several.
                for step in [8.0, 0.01] {
                    let centroids = centroids(k, step);
                    let expected = brute_force(&colors, &centroids);
                    for level in Level::ALL {
                        at_level(level, || {
                            let corners = argmax(&colors, &centroids, Corners);
                            assert_eq!(corners, expected, "{level:?}");
                            let bounds = argmax(&colors, &centroids, Bounds { margin: 0.0 });
                            assert_eq!(bounds, expected, "{level:?}");
                        });
                    }
                }
            }
        }
    }

    #[test]
    fn boxes_find_the_same_most_probable_components_as_brute_force() {
        let mut generator = ChaCha8Rng::seed_from_u64(5);
        for colors in pictures() {
            for k in [1, 3, 40] {
                let components: Vec<_> = (0..k)
                    .map(|_| Component {
                        offset: generator.random::<f64>(),
                        mean: [0; 3].map(|_| 256.0 * generator.random::<f64>()),
                        whitening: Triangular(
                            [0; 3].map(|_| [0; 3].map(|_| 0.1 * (generator.random::<f64>() - 0.3))),
                        ),
                    })
                    .collect();
                assert_eq!(
                    argmax(&colors, &components, Bounds { margin: 0.0 }),
                    brute_force(&colors, &components)
                );
            }
        }
    }

    #[test]
    fn the_log_of_the_sum_of_exponentials_survives_scores_that_exp_would_not() {
        let far = |mean: f64| Component {
            offset: -1.0,
            mean: [mean; 3],
            whitening: Triangular([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        };
        let candidates = Candidates::numbered(&[far(0.0), far(1.0)], 0..2);
        let mut shares = Vec::new();
        let found = log_sum_exp(&candidates, &[[100.0; LANES]; 3], &mut shares).0[0];
        let (a, b) = (-1.0 - 15_000.0, -1.0 - 0.5 * 3.0 * 99.0 * 99.0);
        assert!((found - (b + libm::log1p(libm::exp(a - b)))).abs() < 1e-10);
        assert!((shares[0].0[0] + shares[1].0[0] - 1.0).abs() < 1e-12);
        assert!(shares[0].0[0] > 0.0);
    }
}
