//! The E-step on the colors: responsibilities and what the M-step needs of them, in one pass and
//! without keeping anything of size n x k.

use super::{
    Gaussian,
    statistics::{LaneSums, Statistics},
};
use crate::{
    Colors,
    colors::{Chunk, Node},
    density::{
        Bounds, Candidates, Component, Corners, Identity, Rule, Triangular, Visit, Walk, Whitening,
        candidates_of_blocks, largest, log_sum_exp, vectors, walk_blocks,
    },
    simd::Vector,
};

/// What EM can run on.
pub(super) trait Expectation<const D: usize>: Sync {
    /// The mean log-likelihood per pixel of `gaussians`, colors on [0, 1], and their statistics
    /// under their responsibilities.
    fn e_step(&self, gaussians: &[Gaussian<D>]) -> (f64, Vec<Statistics<D>>);
}

impl<const D: usize> Expectation<D> for Colors<D> {
    /// Components whose share of a box's likelihood is [`negligible`] are left out there, which
    /// changes no pixel's log-likelihood by more than 2^-53.
    fn e_step(&self, gaussians: &[Gaussian<D>]) -> (f64, Vec<Statistics<D>>) {
        let components: Vec<_> = gaussians.iter().map(Gaussian::component).collect();
        let rule = Bounds {
            margin: negligible(components.len()),
        };
        let (sum, statistics) = sum_up::<_, _, Soft, D>(self, &components, rule);
        (
            sum / self.total() + D as f64 * libm::log(self.unit()),
            statistics,
        )
    }
}

/// The margin below the best of k components, in nats, at which one's share is below 2^-53 / k.
pub(super) fn negligible(k: usize) -> f64 {
    53.0 * std::f64::consts::LN_2 + libm::log(k as f64)
}

/// The statistics of the clusters around `centroids`: each color belongs to the nearest.
pub(super) fn clusters<const D: usize>(
    colors: &Colors<D>,
    centroids: &[[f64; D]],
) -> Vec<Statistics<D>> {
    let components = Component::centroids(centroids);
    sum_up::<_, _, Hard, D>(colors, &components, Corners).1
}

/// The sum over pixels of what `S` says of a color's scores, and each component's statistics.
fn sum_up<W: Whitening<D>, R: Rule<W, D>, S: Share<W, D>, const D: usize>(
    colors: &Colors<D>,
    components: &[Component<W, D>],
    rule: R,
) -> (f64, Vec<Statistics<D>>) {
    let walk = Walk { colors, rule };
    let ids = candidates_of_blocks(walk, components);
    let tasks = (0..ids.len()).map(|block| (block, ())).collect();
    let found = walk_blocks(walk, components, &ids, tasks, |(), m| {
        BlockVisit::<S, D>::new(m)
    });
    let mut total = 0.0;
    let mut statistics: Vec<_> = components
        .iter()
        .map(|component| Statistics::about(component.mean))
        .collect();
    for (ids, (sum, found)) in ids.iter().zip(found) {
        total += sum;
        for (&id, found) in ids.iter().zip(found) {
            statistics[id as usize].add(&found);
        }
    }
    (total, statistics)
}

/// How the pixels of a color are shared among its candidates.
trait Share<W: Whitening<D>, const D: usize>: Send {
    /// Puts each candidate's share of each color of the chunk into `shares` and returns the color's
    /// own part of the objective.
    fn shares(candidates: &Candidates<W, D>, chunk: &Chunk<D>, shares: &mut Vec<Vector>) -> Vector;
}

/// All to the nearest.
struct Hard;

impl<const D: usize> Share<Identity, D> for Hard {
    #[inline(always)]
    fn shares(
        candidates: &Candidates<Identity, D>,
        chunk: &Chunk<D>,
        shares: &mut Vec<Vector>,
    ) -> Vector {
        let (places, scores) = largest(candidates, &chunk.x);
        shares.clear();
        shares.extend(
            (0..candidates.len())
                .map(|j| Vector(places.map(|place| if place == j as u32 { 1.0 } else { 0.0 }))),
        );
        Vector(scores)
    }
}

/// By responsibility (Bishop, equation 9.23).
struct Soft;

impl<const D: usize> Share<Triangular<D>, D> for Soft {
    #[inline(always)]
    fn shares(
        candidates: &Candidates<Triangular<D>, D>,
        chunk: &Chunk<D>,
        shares: &mut Vec<Vector>,
    ) -> Vector {
        log_sum_exp(candidates, &chunk.x, shares)
    }
}

/// Sums up a block.
struct BlockVisit<S, const D: usize> {
    objective: Vector,
    sums: Vec<LaneSums<D>>,
    shares: Vec<Vector>,
    share: std::marker::PhantomData<S>,
}

impl<S, const D: usize> BlockVisit<S, D> {
    fn new(candidates: usize) -> Self {
        Self {
            objective: Vector::ZERO,
            sums: vec![LaneSums::ZERO; candidates],
            shares: Vec::with_capacity(candidates),
            share: std::marker::PhantomData,
        }
    }
}

impl<W: Whitening<D>, S: Share<W, D>, const D: usize> Visit<W, D> for BlockVisit<S, D> {
    type Found = (f64, Vec<LaneSums<D>>);

    #[inline(always)]
    fn settled(&mut self, node: &Node<D>, candidate: &Candidates<W, D>) {
        let mean = node.mean();
        // The sum over the box of |W^T (x - mean)|^2 is the trace of W^T scatter W.
        let half_whitened: [[f64; D]; D] =
            std::array::from_fn(|l| candidate.whiten(0, node.scatter[l]));
        let mut trace = 0.0;
        for i in 0..D {
            trace += candidate.whiten(0, std::array::from_fn(|l| half_whitened[l][i]))[i];
        }
        self.objective.0[0] += node.count * candidate.score(0, mean) - 0.5 * trace;

        self.sums[candidate.ids()[0] as usize].add_box(node, candidate.mean(0));
    }

    #[inline(always)]
    fn chunk(&mut self, chunk: &Chunk<D>, candidates: &Candidates<W, D>) {
        let counts = Vector(chunk.counts);
        let x = vectors(&chunk.x);
        self.objective += counts * S::shares(candidates, chunk, &mut self.shares);
        for (j, (&id, &share)) in candidates.ids().iter().zip(&self.shares).enumerate() {
            self.sums[id as usize].add_points(counts * share, x, candidates.mean(j));
        }
    }

    #[inline(always)]
    fn finish(self) -> Self::Found {
        (self.objective.sum(), self.sums)
    }
}
