//! How inputs are read: what is converted, what is kept, what is refused and what is warned of.

use std::{fs, path::PathBuf};

use crate::common::{Folder, indexed, picture, stderr, stdout};

/// A folder of the collection of pictures that may lie beside the repository.
fn shared(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/images");
    Some(folder.join(name)).filter(|folder| folder.exists())
}

/// A gray PNG of a pixel with what `describe` says about it.
fn pixel(describe: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
    describe(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[55]).unwrap();
    writer.finish().unwrap();
    bytes
}

fn contains(bytes: &[u8], name: &[u8]) -> bool {
    bytes.windows(name.len()).any(|window| window == name)
}

#[test]
fn linear_colors_are_converted_or_kept_with_their_meaning_or_stripped_of_it() {
    let folder = Folder::new();
    let linear = pixel(|encoder| {
        encoder.set_source_gamma(png::ScaledFloat::new(1.0));
        encoder
            .add_text_chunk("Author".to_owned(), "Ada".to_owned())
            .unwrap();
    });
    folder.write("a.png", &linear);
    for (options, value, has_gamma, has_text) in [
        ("", 128, false, true),
        ("--no-icc", 55, true, true),
        ("--strip", 128, false, false),
        ("--no-icc --strip", 55, false, false),
    ] {
        folder
            .run(&format!("kmeans -f -o b.png {options} a.png"))
            .success();
        let png = folder.read("b.png");
        assert_eq!(indexed(&png).1.into_raw(), [value; 3], "{options}");
        assert_eq!(contains(&png, b"gAMA"), has_gamma, "{options}");
        assert_eq!(contains(&png, b"Author\0Ada"), has_text, "{options}");
    }
}

#[test]
fn a6_a_cut_jpeg_fails_and_is_read_with_a_warning_where_that_is_allowed() {
    let folder = Folder::new();
    let jpeg = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/china.jpg")).unwrap();
    folder.write("cut.jpg", &jpeg[..jpeg.len() / 2]);
    let run = folder.run("kmeans -k 2 cut.jpg").code(1);
    assert!(stderr(&run).contains("truncated"), "{}", stderr(&run));
    assert!(stderr(&run).contains("--allow-truncated"));
    assert_eq!(folder.names(), ["cut.jpg"]);

    let allowed = "kmeans -k 2 --effort fast --allow-truncated -f --report json cut.jpg";
    let run = folder.run(allowed).success();
    assert!(
        stderr(&run).starts_with("quantize: 'cut.jpg': warning: truncated"),
        "{}",
        stderr(&run)
    );
    assert!(stdout(&run).contains(r#""warnings":["truncated"#));
    let run = folder.run(&format!("{allowed} -q")).success();
    assert_eq!(stderr(&run), "");
}

#[test]
fn a4_what_needs_more_memory_is_refused_and_names_the_option() {
    let folder = Folder::with(&["a.png"]);
    folder
        .run("kmeans --max-memory 1M -o b.png a.png")
        .success();
    let bomb = b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01\0\0;";
    folder.write("bomb.gif", bomb);
    let run = folder.run("kmeans --max-memory 2048M bomb.gif").code(1);
    let text = stderr(&run);
    assert!(text.starts_with("quantize: 'bomb.gif': needs "), "{text}");
    assert!(text.contains(" MiB of 2048 MiB (--max-memory)"), "{text}");
    folder.run("kmeans --max-memory 1T a.png").code(2);
}

#[test]
fn a6_what_is_cut_short_is_told_in_the_programs_words() {
    use image::ImageFormat::{Bmp, Jpeg, Png};
    let folder = Folder::new();
    let truncated = "truncated: the end of the picture is missing\n";
    let without_size = "a JPEG that does not tell its size: broken, or cut short\n";
    for (name, format, missing, expected) in [
        ("end.png", Png, 30, truncated),
        ("end.bmp", Bmp, 300, truncated),
        ("data.png", Png, usize::MAX, truncated),
        ("size.jpg", Jpeg, usize::MAX, without_size),
    ] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture(9).write_to(&mut bytes, format).unwrap();
        let bytes = bytes.into_inner();
        // What is left of the shortest ends before a JPEG's size and a PNG's pixels.
        let left = bytes.len().saturating_sub(missing).max(35);
        folder.write(name, &bytes[..left]);
        let run = folder.run(&format!("kmeans {name}")).code(1);
        let said = stderr(&run);
        let expected = format!("quantize: '{name}': {expected}");
        assert!(said.starts_with(&expected), "{said}");
    }
}

#[test]
fn a3_a_palette_that_makes_the_decoder_panic_fails_its_picture_alone() {
    let folder = Folder::with(&["a.png", "z.png"]);
    let mut encoded = Vec::new();
    let mut encoder = png::Encoder::new(&mut encoded, 1, 1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(vec![1, 2, 3, 4]);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[1]).unwrap();
    writer.finish().unwrap();
    folder.write("bad.png", &encoded);
    let failed = "quantize: 'bad.png': the decoder failed on this picture\n";
    let run = folder.run("kmeans -k 2 bad.png").code(1);
    let alone = format!("{failed}0 written, 0 skipped, 1 failed\n");
    assert_eq!(stderr(&run), alone);
    let run = folder.run("kmeans -k 2 a.png bad.png z.png").code(1);
    let text = stderr(&run);
    assert!(text.starts_with(failed), "{text}");
    assert!(text.ends_with("2 written, 0 skipped, 1 failed\n"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a8_the_first_frame_is_taken_with_a_warning() {
    let Some(formats) = shared("formats") else {
        return;
    };
    let folder = Folder::new();
    for name in ["animated-apng.png", "animated.gif", "animated.webp"] {
        fs::copy(formats.join(name), folder.path(name)).unwrap();
        let run = folder
            .run(&format!("kmeans -k 4 {name} -o {name}.png"))
            .success();
        let text = stderr(&run);
        assert!(text.contains("warning: more than one frame"), "{text}");
    }
}

#[test]
fn a9_pictures_stored_in_any_orientation_come_out_upright() {
    let Some(exif) = shared("exif") else {
        return;
    };
    let folder = Folder::new();
    for name in [
        "Landscape_1.jpg",
        "Landscape_3.jpg",
        "Landscape_6.jpg",
        "Landscape_8.jpg",
    ] {
        fs::copy(exif.join(name), folder.path(name)).unwrap();
        folder
            .run(&format!("kmeans -k 4 --effort fast -f -o out.png {name}"))
            .success();
        let (_, picture) = indexed(&folder.read("out.png"));
        assert_eq!(picture.dimensions(), (1800, 1200));
        // The sky is above.
        let brightness = |y| -> u64 {
            (0..1800)
                .map(|x| {
                    picture
                        .get_pixel(x, y)
                        .0
                        .iter()
                        .map(|&v| u64::from(v))
                        .sum::<u64>()
                })
                .sum()
        };
        assert!(brightness(100) > brightness(1100), "{name}");
    }
}

#[test]
fn a_wide_gamut_is_brought_to_srgb() {
    let Some(formats) = shared("formats") else {
        return;
    };
    let folder = Folder::new();
    let of = |options: &str| {
        let name = formats.join("rec2020.png");
        let mut command = folder.quantize();
        command.args("kmeans -k 8 --effort fast -f -o out.png".split(' '));
        command
            .args(options.split_whitespace())
            .arg(name)
            .assert()
            .success();
        folder.read("out.png")
    };
    let (converted, kept) = (of(""), of("--no-icc"));
    assert!(!contains(&converted, b"iCCP"));
    assert!(contains(&kept, b"iCCP"));
    assert_ne!(indexed(&converted).1, indexed(&kept).1);
}

#[test]
fn a10_the_suite_of_pngs_is_read_and_its_broken_ones_fail() {
    let Some(suite) = shared("formats/pngsuite") else {
        return;
    };
    let folder = Folder::new();
    let mut command = folder.quantize();
    command.args(["kmeans", "-k", "8", "--effort", "fast", "-o", "./"]);
    for entry in fs::read_dir(suite).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "png") {
            command.arg(path);
        }
    }
    let run = command.assert().code(1);
    assert!(
        stderr(&run).ends_with("161 written, 0 skipped, 14 failed\n"),
        "{}",
        stderr(&run)
    );
}
