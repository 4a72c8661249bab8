//! How much each centroid would be missed, and how its colors scatter.

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::nearby::{Descent, Planes};
use crate::{
    Colors,
    colors::runs::{MIDDLE, RUNS_PER_TASK, SHORT},
    density::squared_norm,
    simd::{WIDE, vectorize},
};

/// What is known of a centroid's cluster.
#[derive(Clone, Debug)]
pub(super) struct Cluster<const D: usize> {
    /// Pixels.
    pub count: f64,
    /// By how much the inertia would rise if its colors went to their second-nearest centroids.
    pub cost: f64,
    /// Sum over pixels of (x - centroid)(x - centroid)^T.
    pub scatter: [[f64; D]; D],
}

impl<const D: usize> Cluster<D> {
    const EMPTY: Self = Self {
        count: 0.0,
        cost: 0.0,
        scatter: [[0.0; D]; D],
    };

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.cost += other.cost;
        for i in 0..D {
            for l in 0..D {
                self.scatter[i][l] += other.scatter[i][l];
            }
        }
    }
}

/// The clusters of at least two centroids. Which two are the nearest to a color is told in single
/// precision: near enough, because nothing but the choice of a move depends on it.
pub(super) fn missing<const D: usize>(
    colors: &Colors<D>,
    centroids: &[[f64; D]],
) -> Vec<Cluster<D>> {
    let of_all = Planes::of_all(centroids, colors);
    let descent = || Descent::new(colors, centroids, &of_all);
    let parts: Vec<_> = (0..colors.runs().middle.len())
        .into_par_iter()
        .with_min_len(RUNS_PER_TASK)
        .map_init(descent, |descent, number| {
            vectorize(OfMiddleRun {
                colors,
                centroids,
                descent,
                number,
            })
        })
        .collect();
    let mut clusters = vec![Cluster::EMPTY; centroids.len()];
    for (id, part) in parts.iter().flatten() {
        clusters[*id as usize].add(part);
    }
    clusters
}

/// Sums up a middle run: centroids and their parts of it.
struct OfMiddleRun<'a, 'b, const D: usize> {
    colors: &'a Colors<D>,
    centroids: &'a [[f64; D]],
    descent: &'a mut Descent<'b, 2, D>,
    number: usize,
}

impl<const D: usize> NullaryFnOnce for OfMiddleRun<'_, '_, D> {
    type Output = Vec<(u32, Cluster<D>)>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut ids = Vec::new();
        self.descent.find(self.number, &mut ids);
        self.descent.enter_middle(self.number, &ids);
        let mut clusters: Vec<_> = ids.iter().map(|&id| (id, Cluster::EMPTY)).collect();
        let rows = self.number * MIDDLE..self.colors.len().min((self.number + 1) * MIDDLE);
        for start in rows.clone().step_by(WIDE) {
            if start % SHORT == 0 {
                self.descent.enter_short(start / SHORT);
            }
            let nearest = self.descent.nearest(start);
            for row in start..rows.end.min(start + WIDE) {
                let [first, second] =
                    [&nearest.first, &nearest.second].map(|places| places[row - start] as usize);
                let x = self.colors.point(row);
                let count = self.colors.counts()[row];
                let offset = |place: usize| -> [f64; D] {
                    let centroid = &self.centroids[clusters[place].0 as usize];
                    std::array::from_fn(|d| x[d] - centroid[d])
                };
                let (own, other) = (offset(first), offset(second));
                let cluster = &mut clusters[first].1;
                cluster.count += count;
                cluster.cost +=
                    count * (squared_norm::<f64, D>(other) - squared_norm::<f64, D>(own));
                for i in 0..D {
                    for l in 0..D {
                        cluster.scatter[i][l] += count * own[i] * own[l];
                    }
                }
            }
        }
        clusters
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_centroid_costs_what_its_colors_are_farther_from_the_second_nearest() {
        let points = array![[0.0, 0.0, 0.0], [2.0, 1.0, 0.0], [10.0, 0.0, 0.0]];
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0, 2.0, 1.0], 255.0).unwrap();
        let found = missing(&colors, &[[1.0, 0.0, 0.0], [10.0, 0.0, 0.0]]);
        // 100 - 1, and twice 64 + 1 - (1 + 1).
        assert_eq!((found[0].count, found[0].cost), (3.0, 225.0));
        let scatter = [[3.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0; 3]];
        assert_eq!(found[0].scatter, scatter);
        assert_eq!((found[1].count, found[1].cost), (1.0, 81.0));
        assert_eq!(found[1].scatter, [[0.0; 3]; 3]);
    }
}
