//! Lloyd's iterations.

use super::assign::{Assignment, Clusters};
use crate::{
    Colors,
    density::{Component, Corners, argmax, squared_distance},
};

pub(super) use super::assign::Work;

/// When iterations end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// When no centroid is farther than this from the mean of its cluster.
    Move(f64),
    /// When an iteration lessens the inertia by a smaller share of it than this.
    Gain(f64),
}

/// How far centroids go in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steps {
    /// To the means of their clusters: Lloyd's iterations as they are defined.
    ToMeans,
    /// Beyond the means and on in the direction of the step before, as long as that gains much, then to
    /// the means. It takes fewer iterations.
    BeyondMeans,
}

/// A step beyond the mean goes so far, where the mean is at 1, and so much of the step before is added to
/// it: the heavy ball (Polyak, "Some methods of speeding up the convergence of iteration methods", USSR
/// Computational Mathematics and Mathematical Physics 4(5), 1964). Where clusters shift slowly past each
/// other, steps in one direction add up.
const BEYOND: f64 = 2.0;
const MOMENTUM: f64 = 0.55;

/// While an iteration gains this share of the inertia, steps go beyond the means.
const MUCH_GAINED: f64 = 1e-6;

/// The state of a run.
#[derive(Clone)]
pub(super) struct Lloyd<'a, const D: usize> {
    pub centroids: Vec<[f64; D]>,
    /// How many of them, the first ones, never move.
    pinned: usize,
    assignment: Assignment<'a, D>,
}

impl<'a, const D: usize> Lloyd<'a, D> {
    pub(super) fn new(
        colors: &'a Colors<D>,
        centroids: Vec<[f64; D]>,
        pinned: usize,
        work: &'a Work,
    ) -> Self {
        Self {
            centroids,
            pinned,
            assignment: Assignment::new(colors, work),
        }
    }

    /// Iterates until that holds, at most `max_iter` times; returns the inertia that each iteration
    /// began with, and whether it came to that.
    ///
    /// A step beyond the means is taken back where it does not gain at all (Salakhutdinov and Roweis,
    /// "Adaptive overrelaxed bound optimization methods", ICML 2003). The last steps go to the means.
    pub(super) fn run(&mut self, steps: Steps, until: Until, max_iter: usize) -> (Vec<f64>, bool) {
        let mut history = Vec::new();
        let mut goes_beyond = steps == Steps::BeyondMeans;
        let mut taken_back_to = None;
        let mut last_steps = vec![[0.0; D]; self.centroids.len()];
        let mut converged = false;
        while !converged && history.len() < max_iter {
            let clusters = self.assign();
            let inertia = clusters.inertia;
            let before = history.last().copied().unwrap_or(f64::INFINITY);
            if let Some(means) = taken_back_to.take()
                && inertia > before
            {
                self.centroids = means;
                last_steps.fill([0.0; D]);
                continue;
            }
            // Below the precision of an inertia plain steps may seem to lose.
            history.push(inertia.min(before));
            let gains = |share: f64| before - inertia >= share * inertia;
            let means = self.means(&clusters);
            converged = match until {
                Until::Move(tol) => self.farthest_from(&means) <= tol,
                Until::Gain(share) => !gains(share),
            };
            goes_beyond &= gains(MUCH_GAINED) && !converged && history.len() < max_iter;
            if goes_beyond {
                self.go_beyond(&means, &clusters.counts, &mut last_steps);
                taken_back_to = Some(means);
            } else {
                self.centroids = means;
            }
        }
        (history, converged)
    }

    /// Moves centroids beyond the means of their clusters, or to where an empty cluster is to be. `steps`
    /// has the step before of each and is told this one.
    fn go_beyond(&mut self, means: &[[f64; D]], counts: &[f64], steps: &mut [[f64; D]]) {
        let clusters = means.iter().zip(counts).zip(steps);
        for (centroid, ((mean, &count), step)) in self.centroids.iter_mut().zip(clusters) {
            if count == 0.0 {
                (*centroid, *step) = (*mean, [0.0; D]);
                continue;
            }
            for d in 0..D {
                step[d] = BEYOND * (mean[d] - centroid[d]) + MOMENTUM * step[d];
                centroid[d] += step[d];
            }
        }
    }

    /// The largest distance of a centroid from where `targets` has it.
    fn farthest_from(&self, targets: &[[f64; D]]) -> f64 {
        let distances = self.centroids.iter().zip(targets);
        distances
            .map(|(&from, &to)| squared_distance(from, to))
            .fold(0.0, f64::max)
            .sqrt()
    }

    /// The inertia of the centroids as they are.
    pub(super) fn inertia(&mut self) -> f64 {
        self.assign().inertia
    }

    /// Puts a centroid elsewhere.
    pub(super) fn place(&mut self, j: usize, centroid: [f64; D]) {
        self.centroids[j] = centroid;
    }

    /// Assigns every color to its nearest centroid.
    pub(super) fn assign(&mut self) -> Clusters<D> {
        self.assignment.update(&self.centroids)
    }

    /// The centroid that each color was assigned to last.
    pub(super) fn nearest(&self) -> Vec<u32> {
        self.assignment.nearest()
    }

    /// The mean of each cluster, or a badly served color for one that is empty; pinned centroids as they
    /// are.
    pub(super) fn means(&self, clusters: &Clusters<D>) -> Vec<[f64; D]> {
        let empty = clusters.counts[self.pinned..]
            .iter()
            .filter(|&&count| count == 0.0)
            .count();
        let mut badly_served = if empty > 0 {
            self.worst_served(empty)
        } else {
            Vec::new()
        };
        let mean = |j: usize| {
            let count = clusters.counts[j];
            if j < self.pinned {
                self.centroids[j]
            } else if count > 0.0 {
                clusters.sums[j].map(|sum| sum / count)
            } else {
                badly_served.pop().unwrap_or(self.centroids[j])
            }
        };
        (0..self.centroids.len()).map(mean).collect()
    }

    /// The `n` colors whose pixels together lie farthest, in squared distance, from their
    /// centroids; the worst last.
    fn worst_served(&self, n: usize) -> Vec<[f64; D]> {
        let colors = self.assignment.colors;
        let components = Component::centroids(&self.centroids);
        let clusters = argmax(colors, &components, Corners);
        let error = |row: usize| {
            colors.counts()[row]
                * squared_distance(colors.point(row), self.centroids[clusters[row] as usize])
        };
        let mut rows: Vec<(f64, usize)> = (0..colors.len())
            .map(|row| (error(row), row))
            .filter(|&(error, _)| error > 0.0)
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        rows.truncate(n);
        rows.into_iter()
            .rev()
            .map(|(_, row)| colors.point(row))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::{
        kmeans::seed,
        testing::{flower, noise},
    };

    /// Compares each assignment of a run with one that knows nothing of those before, and less work than
    /// theirs where it `skips` some.
    fn assignments_are_those_of_fresh_runs<const D: usize>(
        colors: &Colors<D>,
        k: usize,
        exact: bool,
        skips: bool,
    ) {
        let (work, other_work) = (Work::default(), Work::default());
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let seeds = seed::k_means_plus_plus(colors, k, Vec::new(), &mut generator);
        let mut lloyd = Lloyd::new(colors, seeds, 0, &work);
        for _ in 0..200 {
            let clusters = lloyd.assign();
            let mut other = Lloyd::new(colors, lloyd.centroids.clone(), 0, &other_work);
            let fresh = other.assign();
            assert!(lloyd.nearest() == other.nearest());
            assert_eq!(clusters.counts, fresh.counts);
            if exact {
                assert_eq!(clusters.sums, fresh.sums);
            }
            assert!((clusters.inertia - fresh.inertia).abs() <= 1e-12 * fresh.inertia);
            let means = lloyd.means(&clusters);
            if lloyd.centroids == means {
                break;
            }
            lloyd.centroids = means;
        }
        assert!(!skips || work.assigned() < other_work.assigned());
    }

    #[test]
    fn what_is_kept_changes_no_assignment() {
        let bytes = flower(60);
        for k in [8, 16, 100] {
            assignments_are_those_of_fresh_runs(&bytes, k, true, true);
        }
        // More centroids in a run than have a bit.
        assignments_are_those_of_fresh_runs(&Colors::of(&noise(20, 20, 8)).0, 150, true, false);
        let points = bytes.points().mapv(|value| libm::sqrt(value) / 16.0);
        for scale in [1.0, 1e-15, 1e-20, 1e-22, 1e-25, 1e-50, 1e12, 1e20, 1e50] {
            let points = points.mapv(|value| scale * value);
            let (others, _) = Colors::<3>::from_points(&points, bytes.counts(), scale).unwrap();
            let decides = (1e-18..=1e12).contains(&scale);
            assignments_are_those_of_fresh_runs(&others, 30, false, decides);
        }
    }

    #[test]
    fn what_is_kept_changes_no_assignment_wherever_centroids_go() {
        let mut generator = ChaCha8Rng::seed_from_u64(3);
        for (colors, k) in [(flower(40), 12), (Colors::of(&noise(60, 60, 6)).0, 40)] {
            let (work, other_work) = (Work::default(), Work::default());
            let seeds = seed::k_means_plus_plus(&colors, k, Vec::new(), &mut generator);
            let mut lloyd = Lloyd::new(&colors, seeds, 0, &work);
            let mut nearest = vec![u32::MAX; colors.len()];
            for round in 1..=60 {
                let assigned = work.assigned();
                let clusters = lloyd.assign();
                let mut fresh = Lloyd::new(&colors, lloyd.centroids.clone(), 0, &other_work);
                let expected = fresh.assign();
                assert_eq!(lloyd.nearest(), fresh.nearest());
                assert_eq!(clusters.counts, expected.counts);
                assert_eq!(clusters.sums, expected.sums);
                // Each color that has changed its cluster was assigned, none twice, and all by who knows of
                // nothing.
                let before = std::mem::replace(&mut nearest, lloyd.nearest());
                let changed = before.iter().zip(&nearest).filter(|(a, b)| a != b).count();
                let assigned = work.assigned() - assigned;
                assert!((changed..=colors.len()).contains(&(assigned as usize)));
                assert_eq!(other_work.assigned(), round * colors.len() as u64);
                // Most centroids stay, some move a little, and a few go elsewhere.
                for centroid in &mut lloyd.centroids {
                    match generator.random_range(0..12) {
                        0 => *centroid = colors.point(generator.random_range(0..colors.len())),
                        1..4 => *centroid = centroid.map(|x| x + generator.random_range(-4.0..4.0)),
                        _ => {}
                    }
                }
            }
        }
    }

    /// A run from seeds, its history and whether it converged.
    fn run(steps: Steps, until: Until, max_iter: usize) -> (Vec<[f64; 3]>, Vec<f64>, bool) {
        let (colors, work) = (flower(30), Work::default());
        let mut generator = ChaCha8Rng::seed_from_u64(5);
        let seeds = seed::k_means_plus_plus(&colors, 24, Vec::new(), &mut generator);
        let mut lloyd = Lloyd::new(&colors, seeds, 0, &work);
        let (history, converged) = lloyd.run(steps, until, max_iter);
        (lloyd.centroids, history, converged)
    }

    #[test]
    fn the_last_step_goes_to_the_means_and_there_are_no_more_than_asked_for() {
        let [to_means, beyond] =
            [Steps::ToMeans, Steps::BeyondMeans].map(|steps| run(steps, Until::Move(0.0), 1));
        assert_eq!(to_means, beyond);
        assert_eq!((to_means.1.len(), to_means.2), (1, false));
        let more = run(Steps::BeyondMeans, Until::Move(0.0), 7);
        assert_eq!((more.1.len(), more.2), (7, false));
    }

    #[test]
    fn steps_beyond_the_means_are_fewer() {
        let [to_means, beyond] =
            [Steps::ToMeans, Steps::BeyondMeans].map(|steps| run(steps, Until::Move(0.0), 1000));
        assert!(to_means.2 && beyond.2);
        assert!(beyond.1.len() * 4 < to_means.1.len() * 3);
    }

    #[test]
    fn it_ends_when_an_iteration_gains_a_smaller_share_than_asked_for() {
        let (_, history, converged) = run(Steps::ToMeans, Until::Gain(0.01), 1000);
        assert!(converged && history.len() > 3);
        let pays = |pair: &[f64]| pair[0] - pair[1] >= 0.01 * pair[1];
        let (last, others) = history[..]
            .split_last_chunk::<2>()
            .map(|(_, last)| (last, &history[..history.len() - 1]))
            .unwrap();
        assert!(!pays(last) && others.windows(2).all(pays));
    }

    #[test]
    fn steps_beyond_the_means_add_up_and_one_to_where_an_empty_cluster_is_to_be_goes_no_farther() {
        let (colors, work) = (flower(1), Work::default());
        let mut lloyd = Lloyd::new(&colors, vec![[10.0; 3], [100.0; 3]], 0, &work);
        let mut steps = vec![[0.0; 3]; 2];
        lloyd.go_beyond(&[[20.0, 10.0, 0.0], [50.0; 3]], &[5.0, 0.0], &mut steps);
        assert_eq!(lloyd.centroids, [[30.0, 10.0, -10.0], [50.0; 3]]);
        assert_eq!(lloyd.farthest_from(&[[30.0, 13.0, -6.0], [50.0; 3]]), 5.0);
        // Twice 10, and 0.55 of 20, 0 and -20.
        lloyd.go_beyond(&[[40.0, 20.0, 0.0], [50.0; 3]], &[5.0, 1.0], &mut steps);
        assert_eq!(lloyd.centroids, [[61.0, 30.0, -1.0], [50.0; 3]]);
    }

    #[test]
    fn empty_clusters_go_to_the_colors_served_worst_as_far_as_there_are_any() {
        let points = array![
            [0.0, 0.0, 0.0],
            [10.0, 0.0, 0.0],
            [30.0, 0.0, 0.0],
            [100.0, 0.0, 0.0]
        ];
        let (colors, _) = Colors::<3>::from_points(&points, &[1.0, 1.0, 20.0, 1.0], 255.0).unwrap();
        let work = Work::default();
        let means = |centroids: &[f64]| {
            let centroids = centroids.iter().map(|&x| [x, 0.0, 0.0]).collect();
            let mut lloyd = Lloyd::new(&colors, centroids, 0, &work);
            let clusters = lloyd.assign();
            let means = lloyd.means(&clusters);
            means.into_iter().map(|mean| mean[0]).collect::<Vec<_>>()
        };
        // 20 pixels with an error of 900 each, and one of 10,000.
        assert_eq!(means(&[0.0, -900.0, -800.0]), [710.0 / 23.0, 30.0, 100.0]);
        let found = means(&[0.0, 10.0, 31.0, 100.0, 900.0, 901.0]);
        assert_eq!(found, [0.0, 10.0, 30.0, 100.0, 30.0, 901.0]);
    }
}
