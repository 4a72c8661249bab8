//! Bytes to a picture within 16 MiB, in two ways of treating profiles and cut JPEGs; what is read goes
//! through a PNG with all its metadata unchanged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use quantize::picture::{DecodeOptions, EncodeOptions, decode, memory_needed};
use quantize_fuzz::{forgive_decoders, small, visible};

fuzz_target!(init: forgive_decoders(), |bytes: &[u8]| {
    // What no signature tells is TGA. The length chooses, so that seeds are files as they are.
    let extension = Some("tga");
    let options = DecodeOptions {
        convert_to_srgb: bytes.len() % 2 == 0,
        allow_truncated: bytes.len() % 3 == 0,
        ..small()
    };
    let Ok(decoded) = decode(bytes, extension, &options) else {
        return;
    };
    let picture = decoded.picture;
    assert!(memory_needed(bytes, extension).unwrap() <= options.max_memory);
    assert_eq!(picture.len() as u64, u64::from(picture.width()) * u64::from(picture.height()));
    if picture.len() > 1 << 12 {
        return;
    }
    let png = picture.encode_png(EncodeOptions::default()).unwrap();
    let png = decoded.metadata.put_into(png).unwrap();
    let kept = DecodeOptions { convert_to_srgb: false, ..small() };
    let again = decode(&png, None, &kept).unwrap();
    assert_eq!(visible(&again.picture), visible(&picture));
    assert_eq!(again.metadata, decoded.metadata);
});
