//! Every palette format: the first byte says which, the rest is the file. What is read is written and
//! read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quantize::palette::{Format, load, save};
use quantize_fuzz::forgive_decoders;

fuzz_target!(init: forgive_decoders(), |bytes: &[u8]| {
    let Some((&first, file)) = bytes.split_first() else {
        return;
    };
    let format = Format::ALL[usize::from(first) % Format::ALL.len()];
    let Ok(palette) = load(file, Some(format.extension())) else {
        return;
    };
    assert!((1..=256).contains(&palette.len()));
    let counts = vec![1; palette.len()];
    let file = save(&palette, &counts, "name", format).unwrap();
    let again = load(&file, Some(format.extension())).unwrap();
    let kept = |[r, g, b, a]: [u8; 4]| {
        [r, g, b, if format.keeps_alpha(&palette) { a } else { 255 }]
    };
    let expected: Vec<_> = palette.colors().iter().copied().map(kept).collect();
    let opaque_where_dropped: Vec<_> = again
        .colors()
        .iter()
        .map(|&color| kept(color))
        .collect();
    assert_eq!(opaque_where_dropped, expected);
});
