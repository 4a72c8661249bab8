//! Which of the distinct colors each pixel has.

use std::{borrow::Cow, sync::Arc};

use rayon::prelude::*;

use super::{Colors, ROWS_PER_TASK};
use crate::{Picture, picture::Tally, simd::LANES};

/// For each pixel of a picture, row by row, the row of its color in
/// [`Colors::points`](super::Colors::points).
#[derive(Clone, Debug)]
pub struct ColorOfPixel {
    source: Source,
    /// How many pixels have each color, and LANES zeros.
    counts: Arc<Vec<f64>>,
}

#[derive(Clone, Debug)]
enum Source {
    /// Colors are looked up in the tally of the picture. For each of them its row, where that is not its
    /// place in the tally.
    Tally(Picture, Option<Vec<u32>>),
    /// Rows of the pixels.
    Rows(Vec<u32>),
}

impl ColorOfPixel {
    /// Of a picture whose distinct colors have these places, where it has no tally; the rows of the places
    /// and the colors are what [`Colors::of_distinct`] made of them.
    pub(super) fn new<const D: usize>(
        picture: &Picture,
        places: Option<Vec<u32>>,
        rows: Option<Vec<u32>>,
        colors: &Colors<D>,
    ) -> Self {
        let source = match (places, rows) {
            (None, rows) => Source::Tally(picture.clone(), rows),
            (Some(places), None) => Source::Rows(places),
            (Some(places), Some(rows)) => Source::Rows(gathered(&rows, &places)),
        };
        Self {
            source,
            counts: colors.counts.clone(),
        }
    }

    /// How many pixels there are.
    #[expect(clippy::len_without_is_empty, reason = "a picture has a pixel")]
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Tally(picture, _) => picture.len(),
            Source::Rows(rows) => rows.len(),
        }
    }

    /// How many pixels have each color, row by row of the colors.
    pub(crate) fn counts(&self) -> &[f64] {
        &self.counts[..self.counts.len() - LANES]
    }

    /// The row of each pixel's color; a list that is made, four bytes a pixel, where there is none.
    pub fn rows(&self) -> Cow<'_, [u32]> {
        match &self.source {
            Source::Tally(picture, rows) => {
                let (tally, pixels) = tally_of(picture);
                let rows = match rows {
                    Some(rows) => Cow::Borrowed(rows),
                    None => Cow::Owned((0..tally.keys().len() as u32).collect()),
                };
                Cow::Owned(tally.expand(&rows, pixels))
            }
            Source::Rows(rows) => Cow::Borrowed(rows),
        }
    }

    /// For each pixel what `of_row` has for the row of its color.
    ///
    /// # Panics
    /// When there are fewer than the colors that this was made with.
    pub fn expand<T: Copy + Default + Send + Sync>(&self, of_row: &[T]) -> Vec<T> {
        match &self.source {
            Source::Tally(picture, rows) => {
                let (tally, pixels) = tally_of(picture);
                let of_color = match rows {
                    Some(rows) => Cow::Owned(gathered(of_row, rows)),
                    None => Cow::Borrowed(of_row),
                };
                tally.expand(&of_color, pixels)
            }
            Source::Rows(rows) => gathered(of_row, rows),
        }
    }
}

fn gathered<T: Copy + Send + Sync>(of_row: &[T], rows: &[u32]) -> Vec<T> {
    rows.par_iter()
        .with_min_len(ROWS_PER_TASK)
        .map(|&row| of_row[row as usize])
        .collect()
}

fn tally_of(picture: &Picture) -> (&Tally, &[[u8; 3]]) {
    picture.tally().expect("it was asked for one before")
}
