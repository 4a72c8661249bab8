//! What becomes of the scores of a color: the largest, or the log of the sum of their exponentials.

use super::{
    Candidates, Component, Rule, Visit, Walk, Whitening, candidates_of_blocks,
    elementary::{exp, ln},
    walk_blocks,
};
use crate::{
    Colors,
    colors::{Chunk, Node},
    simd::{LANES, Lanes},
};

/// For each color of the chunk the place of the candidate with the largest score (the first of
/// several), and that score.
#[inline(always)]
pub(crate) fn largest<W: Whitening<D>, const D: usize>(
    candidates: &Candidates<W, D>,
    x: &[Lanes; D],
) -> ([u64; LANES], Lanes) {
    let mut place = [0; LANES];
    let mut best = candidates.scores(0, x);
    for j in 1..candidates.len() {
        let scores = candidates.scores(j, x);
        for lane in 0..LANES {
            let better = scores[lane] > best[lane];
            best[lane] = if better { scores[lane] } else { best[lane] };
            place[lane] = if better { j as u64 } else { place[lane] };
        }
    }
    (place, best)
}

/// For each color of the chunk the place of the candidate with the largest score (the first of
/// several), that score, and the largest among the others.
#[inline(always)]
pub(crate) fn two_largest<W: Whitening<D>, const D: usize>(
    candidates: &Candidates<W, D>,
    x: &[Lanes; D],
) -> ([u64; LANES], Lanes, Lanes) {
    let mut place = [0; LANES];
    let mut best = candidates.scores(0, x);
    let mut second = [f64::NEG_INFINITY; LANES];
    for j in 1..candidates.len() {
        let scores = candidates.scores(j, x);
        for lane in 0..LANES {
            let score = scores[lane];
            let better = score > best[lane];
            let loser = if better { best[lane] } else { score };
            second[lane] = if loser > second[lane] {
                loser
            } else {
                second[lane]
            };
            best[lane] = if better { score } else { best[lane] };
            place[lane] = if better { j as u64 } else { place[lane] };
        }
    }
    (place, best, second)
}

/// `ln sum_j exp score_j` for each color of the chunk, stably (the largest score taken out), and in
/// `exponentials` what each candidate's exponential is as a share of the sum: the responsibilities.
#[inline(always)]
pub(crate) fn log_sum_exp<W: Whitening<D>, const D: usize>(
    candidates: &Candidates<W, D>,
    x: &[Lanes; D],
    responsibilities: &mut Vec<Lanes>,
) -> Lanes {
    responsibilities.clear();
    let mut best = [f64::NEG_INFINITY; LANES];
    for j in 0..candidates.len() {
        let scores = candidates.scores(j, x);
        for lane in 0..LANES {
            best[lane] = if scores[lane] > best[lane] {
                scores[lane]
            } else {
                best[lane]
            };
        }
        responsibilities.push(scores);
    }
    let mut sum = [0.0; LANES];
    for scores in responsibilities.iter_mut() {
        let mut difference = [0.0; LANES];
        for lane in 0..LANES {
            difference[lane] = scores[lane] - best[lane];
        }
        *scores = exp(difference);
        for lane in 0..LANES {
            sum[lane] += scores[lane];
        }
    }
    let mut inverse = [0.0; LANES];
    for lane in 0..LANES {
        inverse[lane] = 1.0 / sum[lane];
    }
    for share in responsibilities.iter_mut() {
        for lane in 0..LANES {
            share[lane] *= inverse[lane];
        }
    }
    let mut result = ln(sum);
    for lane in 0..LANES {
        result[lane] += best[lane];
    }
    result
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
    let mut rest = places.as_mut_slice();
    let mut tasks = Vec::with_capacity(ids.len());
    for (block, ids) in ids.iter().enumerate() {
        let rows = colors.nodes()[colors.blocks()[block]].rows();
        let (own, after) = rest.split_at_mut(rows.len());
        rest = after;
        tasks.push((block, (own, rows.start, ids)));
    }
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
        Level,
        density::{Bounds, Corners, Identity, Triangular},
        set_level,
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
                    for level in [Level::Scalar, Level::Avx2, Level::Widest] {
                        set_level(level);
                        assert_eq!(argmax(&colors, &centroids, Corners::<1>), expected);
                        assert_eq!(
                            argmax(&colors, &centroids, Bounds { margin: 0.0 }),
                            expected
                        );
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
        let found = log_sum_exp(&candidates, &[[100.0; LANES]; 3], &mut shares)[0];
        let (a, b) = (-1.0 - 15_000.0, -1.0 - 0.5 * 3.0 * 99.0 * 99.0);
        assert!((found - (b + libm::log1p(libm::exp(a - b)))).abs() < 1e-10);
        assert!((shares[0][0] + shares[1][0] - 1.0).abs() < 1e-12);
        assert!(shares[0][0] > 0.0);
    }
}
