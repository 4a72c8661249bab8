//! Pictures with transparency.

use image::{Rgba, RgbaImage};

use crate::common::{Folder, stderr};

/// A disc on nothing with a shadow that fades, its colors from left to right.
fn icon(size: u32) -> RgbaImage {
    RgbaImage::from_fn(size, size, |x, y| {
        let middle = f64::from(size) / 2.0;
        let distance = |dy: f64| (f64::from(x) - middle).hypot(f64::from(y) - middle + dy);
        let inside = 80.0 * (middle - 3.0 - distance(2.0));
        let shadow = 20.0 * (middle - 2.0 - distance(-2.0));
        let shade = (200 * x / size) as u8;
        if inside > 0.0 {
            Rgba([shade, 80, 200 - shade / 2, inside.min(255.0) as u8])
        } else {
            Rgba([0, 0, 0, shadow.clamp(0.0, 120.0) as u8])
        }
    })
}

/// A folder with icons.
fn folder() -> Folder {
    let folder = Folder::new();
    icon(24).save(folder.path("a.png")).unwrap();
    icon(20).save(folder.path("b.png")).unwrap();
    folder
}

/// Checks that no pixel of alpha 0 or 255 has another alpha in the result.
fn assert_kept(folder: &Folder, input: &str, output: &str, what: &str) {
    let [before, after] =
        [input, output].map(|name| image::open(folder.path(name)).unwrap().to_rgba8());
    let pairs = before.pixels().zip(after.pixels());
    for (before, after) in pairs.filter(|(before, _)| [0, 255].contains(&before[3])) {
        assert_eq!(before[3], after[3], "{what}");
    }
}

#[test]
fn what_is_transparent_or_opaque_stays_so_by_any_method_and_dither() {
    let folder = folder();
    for command in ["kmeans", "kmeans --space oklab", "gmm", "gmm --space lab"] {
        for dither in ["none", "floyd-steinberg", "bayer", "blue-noise", "adaptive"] {
            for k in [2, 7] {
                let arguments = format!("{command} -k {k} --dither {dither} a.png -f -o o.png");
                folder.run(&arguments).code(0);
                assert_kept(&folder, "a.png", "o.png", &arguments);
            }
        }
    }
}

#[test]
fn pictures_of_one_palette_or_model_keep_their_alpha_and_so_do_those_of_a_mixture() {
    let folder = folder();
    for method in ["kmeans", "gmm"] {
        std::fs::create_dir(folder.path(method)).unwrap();
        let arguments = format!("{method} -k 7 --shared-palette a.png b.png -o {method}/");
        folder.run(&arguments).code(0);
        for name in ["a", "b"] {
            let output = format!("{method}/{name}-{method}7.png");
            assert_kept(&folder, &format!("{name}.png"), &output, &arguments);
        }
        let save = format!("{method} -k 7 a.png -f --save-model m.json");
        folder.run(&save).code(0);
        let load = format!("{method} --load-model m.json b.png -f -o o.png");
        folder.run(&load).code(0);
        assert_kept(&folder, "b.png", "o.png", &load);
    }
    let drawn = "gmm -k 7 a.png -f --soft soft.png --sample drawn.png --sample-mode posterior";
    folder.run(drawn).code(0);
    assert_kept(&folder, "a.png", "soft.png", drawn);
    assert_kept(&folder, "a.png", "drawn.png", drawn);
}

#[test]
fn a_model_of_colors_with_alpha_serves_opaque_pictures() {
    let folder = folder();
    folder.add("opaque.png");
    for method in ["kmeans", "gmm"] {
        let save = format!("{method} -k 7 a.png -f --save-model m.json");
        folder.run(&save).code(0);
        let load = format!("{method} --load-model m.json opaque.png -f -o o.png");
        folder.run(&load).code(0);
        assert_kept(&folder, "opaque.png", "o.png", &load);
    }
}

#[test]
fn a_palette_file_without_alpha_is_warned_of_with_those_that_have_it() {
    let folder = folder();
    let said = |arguments: &str| stderr(&folder.run(&format!("{arguments} -f")).code(0));
    for (command, name) in [
        ("kmeans -k 6 a.png", "p.gpl"),
        ("gmm -k 6 a.png", "p.pal"),
        ("kmeans -k 6 a.png b.png --shared-palette -o .", "p.act"),
    ] {
        let said = said(&format!("{command} --save-palette {name}"));
        let extension = &name[1..];
        let warning = format!(
            "warning: {extension} files do not keep the transparency of the palette; those that do: \
             .hex, .txt, .json, .css, .png\n"
        );
        assert_eq!(said.matches(&warning).count(), 1, "{said}");
    }
    assert_eq!(said("kmeans -k 6 a.png --save-palette p.css"), "");
    folder.add("opaque.png");
    assert_eq!(said("kmeans -k 6 opaque.png --save-palette p.gpl"), "");
}

#[test]
fn in_the_colors_of_an_opaque_palette_what_is_transparent_stays_so_if_there_is_room() {
    let folder = folder();
    folder.run("remap --palette #000,#fff,#36c a.png").code(0);
    assert_kept(&folder, "a.png", "a-remap.png", "three colors");
    let colors: Vec<_> = (0..256).map(|i| format!("{i:02x}8040\n")).collect();
    folder.write("full.hex", colors.concat().as_bytes());
    let full = folder.run("remap --palette full.hex a.png -f").code(0);
    assert!(
        stderr(&full).contains("warning: what is wholly transparent becomes visible"),
        "{}",
        stderr(&full)
    );
}
