//! The number of colors that a target asks for.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::RangeInclusive,
};

use anyhow::Result;

use super::{
    args::Clusters,
    compressor::{Compressed, Compressor},
};

/// What decides how many colors there are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Targets {
    /// The fewest that reach so many decibels.
    pub min_psnr: Option<f64>,
    /// The most whose file has no more bytes.
    pub max_bytes: Option<u64>,
}

impl Targets {
    /// How many pictures of few colors the search holds beside the one that is under way: the best one
    /// that is small enough, and the smallest that is not.
    pub fn pictures_held(self) -> u64 {
        self.max_bytes.map_or(0, |_| 2)
    }

    /// The picture in as many colors, within `range`, as the targets ask for; or the best that there is,
    /// and which targets it misses.
    pub fn search<const D: usize>(
        self,
        range: RangeInclusive<usize>,
        compressor: &mut Compressor<D>,
    ) -> Result<(Compressed<D>, Vec<String>)> {
        let (least, most) = range.into_inner();
        // More colors than that change nothing.
        let most = most.min(least.saturating_add(compressor.distinct_colors()));
        let found = match (self.min_psnr, self.max_bytes) {
            (None, Some(max_bytes)) => within(max_bytes, least..=most, None, compressor)?,
            (None, None) => compressor.with(Clusters::Number(most))?,
            (Some(min_psnr), max_bytes) => {
                let found = reaching(min_psnr, least..=most, compressor)?;
                match max_bytes {
                    Some(max_bytes) if size(&found) > max_bytes => {
                        let fewer = least..=found.model.k - 1;
                        within(max_bytes, fewer, Some(found), compressor)?
                    }
                    _ => found,
                }
            }
        };
        let missed = self.missed(&found, compressor)?;
        Ok((found, missed))
    }

    /// Which targets `found` misses, in words for the user.
    fn missed<const D: usize>(
        self,
        found: &Compressed<D>,
        compressor: &mut Compressor<D>,
    ) -> Result<Vec<String>> {
        let colors = match found.mapped.picture.palette().len() {
            1 => "1 color has".to_owned(),
            colors => format!("{colors} colors have"),
        };
        let mut missed = Vec::new();
        if let Some(min_psnr) = self.min_psnr
            && let Some(psnr_db) = compressor.psnr_db(&found.model)?
            && psnr_db < min_psnr
        {
            let within = self
                .max_bytes
                .map(|bytes| format!(" within --max-bytes {bytes}"));
            let within = within.unwrap_or_default();
            missed.push(format!(
                "--min-psnr {min_psnr} is not reached{within}: {colors} {psnr_db:.2} dB"
            ));
        }
        if let Some(max_bytes) = self.max_bytes
            && size(found) > max_bytes
        {
            missed.push(format!(
                "--max-bytes {max_bytes} is not reached: {colors} {} bytes",
                size(found)
            ));
        }
        Ok(missed)
    }
}

/// The picture in the fewest colors that reach so many decibels, or in the most. The error of a mixture
/// does not fall with every color, and its fits take long, so that the first one that reaches them serves.
fn reaching<const D: usize>(
    min_psnr: f64,
    range: RangeInclusive<usize>,
    compressor: &mut Compressor<D>,
) -> Result<Compressed<D>> {
    let (mut enough, mut last) = (None, None);
    let ends = if compressor.is_mixture() {
        Ends::AtFirst
    } else {
        Ends::AtFewest
    };
    fewest(range, ends, |k, accuracy| {
        let model = match accuracy {
            Accuracy::Draft => compressor.draft(k)?,
            Accuracy::Exact => compressor.fit(Clusters::Number(k))?,
        };
        let psnr_db = compressor.psnr_db(&model)?;
        let margin = psnr_db.map_or(f64::INFINITY, |psnr_db| psnr_db - min_psnr);
        if accuracy == Accuracy::Exact {
            let tried = if margin >= 0.0 {
                &mut enough
            } else {
                &mut last
            };
            *tried = Some(model);
        }
        Ok(margin)
    })?;
    compressor.of(enough.or(last).expect("the range is not empty"))
}

/// The picture in the most colors whose file has no more than `max_bytes`, or in the fewest: of those
/// in `range`, or else `more`, one in more colors that is too large.
fn within<const D: usize>(
    max_bytes: u64,
    range: RangeInclusive<usize>,
    more: Option<Compressed<D>>,
    compressor: &mut Compressor<D>,
) -> Result<Compressed<D>> {
    let (mut small_enough, mut smallest) = (None, more);
    // The fewest colors that are too many.
    fewest(range, Ends::AtFewest, |k, accuracy| {
        let bytes = match accuracy {
            Accuracy::Draft => compressor.draft_size(k)?,
            Accuracy::Exact => {
                let compressed = compressor.with(Clusters::Number(k))?;
                let bytes = size(&compressed);
                let tried = if bytes > max_bytes {
                    &mut smallest
                } else {
                    &mut small_enough
                };
                *tried = Some(compressed);
                bytes
            }
        };
        Ok(bytes as f64 - (max_bytes as f64 + 1.0))
    })?;
    let found = small_enough.or(smallest);
    Ok(found.expect("the range is not empty, or there is one in more colors"))
}

fn size<const D: usize>(compressed: &Compressed<D>) -> u64 {
    compressed.png.len() as u64
}

/// How well a question is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Accuracy {
    /// Nearly right, and soon.
    Draft,
    /// As what is written in the end.
    Exact,
}

/// When a search for the fewest ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// With a number that is enough, when the one below is known not to be.
    AtFewest,
    /// With the first one that is enough, which drafts have led to.
    AtFirst,
}

/// Exact questions that drafts say where to ask. A draft that is wrong by the same everywhere needs
/// three; after more it is no guide.
const GUIDED: usize = 5;

/// The least number within `range` whose exact margin is not negative, if there is one; with more than
/// are enough it is taken to stay so. Or, as `ends` says, one that may not be the least.
///
/// Drafts say where to ask, corrected by what the last one was wrong by. It is the exact margins that
/// decide: the one of the number that comes back is not negative, and the one of the number below is.
fn fewest(
    range: RangeInclusive<usize>,
    ends: Ends,
    mut margin: impl FnMut(usize, Accuracy) -> Result<f64>,
) -> Result<Option<usize>> {
    let (least, most) = range.into_inner();
    let (mut from, mut enough) = (least, most + 1);
    let mut known = BTreeMap::new();
    let mut margin = |k, accuracy| -> Result<f64> {
        Ok(match known.entry((k, accuracy)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(margin(k, accuracy)?),
        })
    };
    let mut error = 0.0;
    for _ in 0..GUIDED {
        if from == enough {
            break;
        }
        // If even the last is not enough, the others need not be asked.
        let last = enough - 1;
        let k = if margin(last, Accuracy::Draft)? + error < 0.0 {
            last
        } else {
            let is_enough = |k| Ok(margin(k, Accuracy::Draft)? + error >= 0.0);
            bisect(from, last, is_enough)?
        };
        let exact = margin(k, Accuracy::Exact)?;
        let difference = exact - margin(k, Accuracy::Draft)?;
        if difference.is_finite() {
            error = difference;
        }
        if exact >= 0.0 {
            enough = k;
            if ends == Ends::AtFirst {
                return Ok(Some(k));
            }
        } else {
            from = k + 1;
        }
    }
    let enough = bisect(from, enough, |k| Ok(margin(k, Accuracy::Exact)? >= 0.0))?;
    Ok((enough <= most).then_some(enough))
}

/// The least number from `from` on that `is_enough`, where `enough` is known to be: a greater one than
/// one that is enough is taken to be enough, too.
fn bisect(
    mut from: usize,
    mut enough: usize,
    mut is_enough: impl FnMut(usize) -> Result<bool>,
) -> Result<usize> {
    while from < enough {
        // The geometric mean: errors and files go with the logarithm of the number of colors.
        let k = (from * enough).isqrt().clamp(from, enough - 1);
        if is_enough(k)? {
            enough = k;
        } else {
            from = k + 1;
        }
    }
    Ok(enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `fewest` finds in `range` when margins are such, and which numbers were asked exactly.
    fn found(
        range: RangeInclusive<usize>,
        exact: impl Fn(usize) -> f64,
        draft: impl Fn(usize) -> f64,
    ) -> (Option<usize>, Vec<usize>) {
        let mut asked = Vec::new();
        let found = fewest(range, Ends::AtFewest, |k, accuracy| {
            Ok(match accuracy {
                Accuracy::Draft => draft(k),
                Accuracy::Exact => {
                    asked.push(k);
                    exact(k)
                }
            })
        });
        (found.unwrap(), asked)
    }

    fn decibels(k: usize) -> f64 {
        10.0 + 7.0 * (k as f64).log10()
    }

    #[test]
    fn the_fewest_are_found_whatever_drafts_say() {
        let drafts: [fn(usize) -> f64; 4] =
            [|k| k as f64, |_| 0.0, |_| f64::INFINITY, |k| -(k as f64)];
        for least in [1, 3] {
            for answer in least..=257 {
                let expected = (answer <= 256).then_some(answer);
                let exact = |k: usize| k as f64 - answer as f64;
                for draft in drafts {
                    let (found, asked) = found(least..=256, exact, draft);
                    assert_eq!(found, expected);
                    assert!(asked.len() <= GUIDED + 11, "{answer}: {asked:?}");
                }
            }
        }
    }

    #[test]
    fn a_draft_that_is_worse_by_the_same_everywhere_leaves_three_exact_questions() {
        for answer in 3..=256 {
            let exact = |k| decibels(k) - decibels(answer);
            let (found, asked) = found(1..=256, exact, |k| exact(k) - 0.15);
            assert_eq!(found, Some(answer));
            assert!(asked.len() <= 3, "{answer}: {asked:?}");
        }
    }

    #[test]
    fn the_first_that_is_enough_takes_two_exact_questions_by_a_draft_that_is_better_everywhere() {
        for answer in 3..=128 {
            let exact = |k| decibels(k) - decibels(answer);
            let mut asked = 0;
            let found = fewest(1..=256, Ends::AtFirst, |k, accuracy| {
                asked += usize::from(accuracy == Accuracy::Exact);
                Ok(match accuracy {
                    Accuracy::Draft => exact(k) + 1.5,
                    Accuracy::Exact => exact(k),
                })
            });
            assert_eq!((found.unwrap(), asked), (Some(answer), 2));
        }
    }

    #[test]
    fn what_cannot_be_reached_is_asked_once_with_the_most() {
        let (found, asked) = found(1..=256, |k| decibels(k) - 90.0, |k| decibels(k) - 90.1);
        assert_eq!((found, asked), (None, vec![256]));
    }

    #[test]
    fn of_an_empty_range_nothing_is_asked() {
        #[expect(clippy::reversed_empty_ranges, reason = "that is the point")]
        let found = fewest(2..=1, Ends::AtFewest, |_, _| {
            panic!("there is nothing to ask")
        });
        assert_eq!(found.unwrap(), None);
    }
}
