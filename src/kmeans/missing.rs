//! How much each centroid would be missed, and how its colors scatter.

use crate::{
    Colors,
    colors::{Chunk, Node},
    density::{
        Candidates, Component, Corners, Identity, Visit, Walk, candidates_of_blocks, two_largest,
        walk_blocks,
    },
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

/// The clusters of at least two centroids.
pub(super) fn missing<const D: usize>(
    colors: &Colors<D>,
    centroids: &[[f64; D]],
) -> Vec<Cluster<D>> {
    let components = Component::centroids(centroids);
    let walk = Walk {
        colors,
        rule: Corners::<2>,
    };
    let ids = candidates_of_blocks(walk, &components);
    let tasks = (0..ids.len()).map(|block| (block, ())).collect();
    let found = walk_blocks(walk, &components, &ids, tasks, |(), m| BlockVisit {
        clusters: vec![Cluster::EMPTY; m],
    });
    let mut clusters = vec![Cluster::EMPTY; centroids.len()];
    for (ids, found) in ids.iter().zip(found) {
        for (&id, found) in ids.iter().zip(found) {
            clusters[id as usize].add(&found);
        }
    }
    clusters
}

/// Sums up a block.
struct BlockVisit<const D: usize> {
    clusters: Vec<Cluster<D>>,
}

impl<const D: usize> Visit<Identity, D> for BlockVisit<D> {
    type Found = Vec<Cluster<D>>;

    #[inline(always)]
    fn settled(&mut self, _: &Node<D>, _: &Candidates<Identity, D>) {
        unreachable!("the two nearest of two or more centroids are two");
    }

    #[inline(always)]
    fn chunk(&mut self, chunk: &Chunk<D>, candidates: &Candidates<Identity, D>) {
        let (places, best, second) = two_largest(candidates, &chunk.x);
        for lane in 0..chunk.len {
            let place = places[lane] as usize;
            let cluster = &mut self.clusters[candidates.ids()[place] as usize];
            let count = chunk.counts[lane];
            cluster.count += count;
            // Scores are -1/2 of squared distances.
            cluster.cost += 2.0 * count * (best[lane] - second[lane]);
            let centroid = candidates.mean(place);
            let x = chunk.color(lane);
            for i in 0..D {
                for l in 0..D {
                    cluster.scatter[i][l] += count * (x[i] - centroid[i]) * (x[l] - centroid[l]);
                }
            }
        }
    }

    #[inline(always)]
    fn finish(self) -> Self::Found {
        self.clusters
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
