//! What the M-step needs of a component.

use crate::{colors::Node, simd::Vector};

/// Sums over pixels, weighted by the component's share of each, of 1, x - `about` and (x -
/// `about`)(x - `about`)^T, the last in its lower triangle. `about` is the component's mean before
/// the step: near enough to the one after that nothing cancels.
#[derive(Clone, Debug)]
pub(super) struct Statistics<const D: usize> {
    pub about: [f64; D],
    pub weight: f64,
    pub first: [f64; D],
    pub second: [[f64; D]; D],
}

impl<const D: usize> Statistics<D> {
    pub(super) fn about(about: [f64; D]) -> Self {
        Self {
            about,
            weight: 0.0,
            first: [0.0; D],
            second: [[0.0; D]; D],
        }
    }

    pub(super) fn add(&mut self, other: &LaneSums<D>) {
        self.weight += other.weight.sum();
        for i in 0..D {
            self.first[i] += other.first[i].sum();
            for l in 0..=i {
                self.second[i][l] += other.second[i][l].sum();
            }
        }
    }

    /// The same sums about another point.
    pub(super) fn moved_to(&self, about: [f64; D]) -> Self {
        let shift: [f64; D] = std::array::from_fn(|d| self.about[d] - about[d]);
        let mut moved = Self::about(about);
        moved.weight = self.weight;
        for i in 0..D {
            moved.first[i] = self.first[i] + self.weight * shift[i];
            for l in 0..=i {
                moved.second[i][l] = self.second[i][l]
                    + self.first[i] * shift[l]
                    + shift[i] * self.first[l]
                    + self.weight * shift[i] * shift[l];
            }
        }
        moved
    }

    /// Applies `combine` to each number of these three, which must be about the same point.
    pub(super) fn combined(parts: [&Self; 3], combine: impl Fn([f64; 3]) -> f64) -> Self {
        let mut result = Self::about(parts[0].about);
        result.weight = combine(parts.map(|part| part.weight));
        for i in 0..D {
            result.first[i] = combine(parts.map(|part| part.first[i]));
            for l in 0..=i {
                result.second[i][l] = combine(parts.map(|part| part.second[i][l]));
            }
        }
        result
    }
}

/// [`Statistics`] lane by lane; what belongs to a whole box goes to the first lane.
#[derive(Clone)]
pub(super) struct LaneSums<const D: usize> {
    pub weight: Vector,
    pub first: [Vector; D],
    pub second: [[Vector; D]; D],
}

impl<const D: usize> LaneSums<D> {
    pub(super) const ZERO: Self = Self {
        weight: Vector::ZERO,
        first: [Vector::ZERO; D],
        second: [[Vector::ZERO; D]; D],
    };

    /// Adds points at `x` with these weights.
    #[inline(always)]
    pub(super) fn add_points(&mut self, weight: Vector, x: [Vector; D], about: [f64; D]) {
        let mut shift = x;
        for d in 0..D {
            shift[d] = x[d] - about[d];
        }
        self.weight += weight;
        for i in 0..D {
            let weighted = weight * shift[i];
            self.first[i] += weighted;
            // Not 0..=i: a loop whose length is known is unrolled, and its lanes become vectors.
            for l in 0..D {
                if l <= i {
                    self.second[i][l] += weighted * shift[l];
                }
            }
        }
    }

    /// Adds points with these weights whose covariance about the points added before is
    /// `covariance`.
    #[inline(always)]
    pub(super) fn add_covariances(&mut self, weight: Vector, covariance: &[[Vector; D]; D]) {
        for i in 0..D {
            for l in 0..D {
                if l <= i {
                    self.second[i][l] += weight * covariance[i][l];
                }
            }
        }
    }

    /// Adds all colors of a box.
    #[inline(always)]
    pub(super) fn add_box(&mut self, node: &Node<D>, about: [f64; D]) {
        let mean = node.mean();
        let shift: [f64; D] = std::array::from_fn(|d| mean[d] - about[d]);
        self.weight.0[0] += node.count;
        for i in 0..D {
            self.first[i].0[0] += node.count * shift[i];
            for l in 0..=i {
                self.second[i][l].0[0] += node.scatter[i][l] + node.count * shift[i] * shift[l];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colors, simd::LANES, testing::flower};

    /// The statistics of all pixels about a point, by definition.
    fn defined(colors: &Colors<3>, about: [f64; 3]) -> Statistics<3> {
        let mut sums = Statistics::about(about);
        for row in 0..colors.len() {
            let count = colors.counts()[row];
            let shift: [f64; 3] = std::array::from_fn(|d| colors.point(row)[d] - about[d]);
            sums.weight += count;
            for i in 0..3 {
                sums.first[i] += count * shift[i];
                for l in 0..=i {
                    sums.second[i][l] += count * shift[i] * shift[l];
                }
            }
        }
        sums
    }

    fn agree(a: &Statistics<3>, b: &Statistics<3>) {
        let near =
            |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * (a.abs() + b.abs()), "{a} {b}");
        assert_eq!(a.about, b.about);
        near(a.weight, b.weight);
        for i in 0..3 {
            near(a.first[i], b.first[i]);
            for l in 0..3 {
                near(a.second[i][l], b.second[i][l]);
            }
        }
    }

    fn added(sums: &LaneSums<3>, about: [f64; 3]) -> Statistics<3> {
        let mut statistics = Statistics::about(about);
        statistics.add(sums);
        statistics
    }

    #[test]
    fn sums_about_one_point_become_those_about_another() {
        let colors = flower(2);
        let (here, there) = ([90.0, 80.0, 30.0], [20.0, 110.0, 77.0]);
        agree(
            &defined(&colors, here).moved_to(there),
            &defined(&colors, there),
        );
    }

    #[test]
    fn points_and_boxes_and_what_scatters_within_add_up_to_the_same() {
        let colors = flower(2);
        let about = [90.0, 80.0, 30.0];
        let expected = defined(&colors, about);
        let all = &colors.nodes()[0];

        let mut points = LaneSums::ZERO;
        for start in (0..colors.len()).step_by(LANES) {
            let chunk = colors.chunk(start, colors.len());
            points.add_points(Vector(chunk.counts), chunk.x.map(Vector), about);
        }
        agree(&added(&points, about), &expected);

        // Twice, so that what is there already counts.
        let mut boxes = LaneSums::ZERO;
        boxes.add_box(all, about);
        agree(&added(&boxes, about), &expected);
        boxes.add_box(all, about);
        let mut twice = added(&boxes, about);
        assert_eq!(twice.weight, 2.0 * colors.total());
        twice.add(&points);
        agree(
            &twice,
            &Statistics::combined([&expected; 3], |[a, b, c]| a + b + c),
        );

        let lanes = |value: f64| {
            let mut vector = Vector::ZERO;
            vector.0[0] = value;
            vector
        };
        let covariance = all
            .scatter
            .map(|row| row.map(|value| lanes(value / all.count)));
        let mut means = LaneSums::ZERO;
        means.add_points(lanes(all.count), all.mean().map(lanes), about);
        means.add_covariances(lanes(all.count), &covariance);
        agree(&added(&means, about), &expected);
    }
}
