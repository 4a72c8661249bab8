//! The distinct colors of a picture.
use ndarray::Array2;
use crate::Picture;
/// Distinct colors, how many pixels have each, and the boxes of color space that hold them.
#[derive(Clone, Debug)]
pub struct Colors<const D: usize> {
    points: Array2<f64>,
    counts: Vec<f64>,
}
impl Colors<3> {
    /// The distinct colors of `picture`, and for each pixel which of them it has.
    pub fn of(picture: &Picture) -> (Self, Vec<u32>) {
        let _ = picture;
        todo!()
    }
}
impl<const D: usize> Colors<D> {
    /// How many distinct colors there are.
    pub fn len(&self) -> usize { self.counts.len() }
    /// Colors (n, D).
    pub fn points(&self) -> &Array2<f64> { &self.points }
}
