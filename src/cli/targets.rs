//! The number of colors that a target asks for.

use std::ops::RangeInclusive;

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
    /// The picture in as many colors, within `range`, as the targets ask for; or the best that there is,
    /// and which target it misses.
    pub fn search<const D: usize>(
        self,
        range: RangeInclusive<usize>,
        compressor: &mut Compressor<D>,
    ) -> Result<(Compressed<D>, Option<String>)> {
        let (least, most) = range.into_inner();
        // More colors than that change nothing.
        let most = most.min(least.saturating_add(compressor.distinct_colors()));
        let (found, missed) = match self.min_psnr {
            Some(min_psnr) => reaching(min_psnr, least..=most, compressor)?,
            None => (compressor.with(Clusters::Number(most))?, None),
        };
        let Some(max_bytes) = self.max_bytes.filter(|&bytes| size(&found) > bytes) else {
            return Ok((found, missed));
        };
        let (found, too_large) = within(max_bytes, found, least, compressor)?;
        let missed = too_large.or(missed).or_else(|| {
            let min_psnr = self.min_psnr?;
            let colors = found.picture.palette().len();
            Some(format!(
                "--min-psnr {min_psnr} needs more than --max-bytes {max_bytes}; {colors} colors fit"
            ))
        });
        Ok((found, missed))
    }
}

/// The picture in the fewest colors that reach so many decibels; or in the most, with a warning.
fn reaching<const D: usize>(
    min_psnr: f64,
    range: RangeInclusive<usize>,
    compressor: &mut Compressor<D>,
) -> Result<(Compressed<D>, Option<String>)> {
    let (mut enough, mut last) = (None, None);
    fewest(range, |k| {
        let model = compressor.fit(Clusters::Number(k))?;
        let psnr_db = compressor.psnr_db(&model)?;
        let reaches = psnr_db.is_none_or(|psnr_db| psnr_db >= min_psnr);
        let tried = if reaches { &mut enough } else { &mut last };
        *tried = Some((model, psnr_db));
        Ok(reaches)
    })?;
    let missed = match (&enough, &last) {
        (None, Some((model, Some(psnr_db)))) => Some(format!(
            "--min-psnr {min_psnr} is not reached: {} colors have {psnr_db:.2} dB",
            model.k
        )),
        _ => None,
    };
    let (model, _) = enough.or(last).expect("the range is not empty");
    Ok((compressor.of(model)?, missed))
}

/// The picture in the most colors, fewer than those of `found`, whose file has no more than `max_bytes`;
/// or in the fewest, with a warning.
fn within<const D: usize>(
    max_bytes: u64,
    found: Compressed<D>,
    least: usize,
    compressor: &mut Compressor<D>,
) -> Result<(Compressed<D>, Option<String>)> {
    let (mut small_enough, mut smallest) = (None, found);
    fewest(least..=smallest.model.k - 1, |k| {
        let compressed = compressor.with(Clusters::Number(k))?;
        let too_large = size(&compressed) > max_bytes;
        if too_large {
            smallest = compressed;
        } else {
            small_enough = Some(compressed);
        }
        Ok(too_large)
    })?;
    if let Some(compressed) = small_enough {
        return Ok((compressed, None));
    }
    let size = size(&smallest);
    let missed = format!("--max-bytes {max_bytes} is not reached: the file has {size}");
    Ok((smallest, Some(missed)))
}

fn size<const D: usize>(compressed: &Compressed<D>) -> u64 {
    compressed.png.len() as u64
}

/// The least number within `range` that `is_enough`, if the last one is; a greater number than one that
/// is enough is taken to be enough, too. What costs most is asked last: the greatest numbers.
fn fewest(
    range: RangeInclusive<usize>,
    mut is_enough: impl FnMut(usize) -> Result<bool>,
) -> Result<Option<usize>> {
    let (least, most) = range.into_inner();
    let (mut enough, mut from) = (most + 1, least);
    while from < enough {
        // The geometric mean: errors and files go with the logarithm of the number of colors.
        let k = (from * enough).isqrt().clamp(from, enough - 1);
        if is_enough(k)? {
            enough = k;
        } else {
            from = k + 1;
        }
    }
    Ok((enough <= most).then_some(enough))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_are_found_in_few_questions() {
        for least in [1, 3] {
            for answer in least..=257 {
                let mut asked = Vec::new();
                let found = fewest(least..=256, |k| {
                    asked.push(k);
                    Ok(k >= answer)
                });
                assert_eq!(found.unwrap(), (answer <= 256).then_some(answer));
                assert!(asked.len() <= 12, "{answer}: {asked:?}");
            }
        }
    }

    #[test]
    fn of_an_empty_range_nothing_is_asked() {
        #[expect(clippy::reversed_empty_ranges, reason = "that is the point")]
        let found = fewest(2..=1, |_| panic!("there is nothing to ask"));
        assert_eq!(found.unwrap(), None);
    }
}
