//! One model for all inputs together.

use std::fs;

use image::{ImageBuffer, Rgba, RgbaImage};
use serde_json::Value;

use crate::common::{Folder, indexed, picture, stderr, stdout};

const NAMES: [&str; 4] = ["in/a.png", "in/bcd.png", "in/efghi.png", "in/jklmnop.png"];

/// The lines of `--report json`.
fn lines(folder: &Folder, arguments: &str) -> Vec<Value> {
    let run = folder.run(&format!("{arguments} --report json")).code(0);
    let lines = stdout(&run);
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The names and bytes of what lies in a folder of `folder`.
fn files(folder: &Folder, below: &str) -> Vec<(String, Vec<u8>)> {
    let names = folder.names().into_iter();
    let names = names.filter_map(|name| Some(name.strip_prefix(below)?.to_owned()));
    names
        .map(|name| (name.clone(), folder.read(format!("{below}{name}"))))
        .collect()
}

#[test]
fn the_palette_is_that_of_one_picture_with_all_the_pixels() {
    let folder = Folder::with(&["a.png", "longer.png"]);
    let [a, b] = ["a.png", "longer.png"].map(|name| picture(10 * name.len() as u8));
    let both = image::RgbImage::from_fn(48, 16, |x, y| {
        *if x < 24 { &a } else { &b }.get_pixel(x % 24, y)
    });
    both.save(folder.path("both.png")).unwrap();
    for (method, figure) in [("kmeans", "inertia"), ("gmm", "log_likelihood")] {
        for space in ["srgb", "oklab"] {
            let fit = format!("{method} -k 6 --space {space}");
            let shared = lines(
                &folder,
                &format!("{fit} --shared-palette a.png longer.png --save-palette s.hex -f"),
            );
            let whole = lines(&folder, &format!("{fit} both.png --save-palette w.hex -f"));
            assert_eq!(folder.read("s.hex"), folder.read("w.hex"));
            assert_eq!(shared[0][figure], whole[0][figure]);
            assert_eq!(shared[0]["palette"], whole[0]["palette"]);
            assert_eq!(shared[0]["mse"], whole[0]["mse"]);
            assert_eq!(shared[0]["pixels"], 768);
            assert_eq!(shared[0]["pictures"], 2);
            let keys = shared[0].as_object().unwrap();
            assert!(keys["input"].is_null() && keys["output"].is_null());
            assert!(!keys.contains_key("status"));
            for figure in ["n_iter", "converged", "inertia"] {
                assert!(shared[1][figure].is_null(), "{}", shared[1]);
            }
            let mse = |line: usize| shared[line]["mse"].as_f64().unwrap();
            let mean = f64::midpoint(mse(1), mse(2));
            assert!((mse(0) - mean).abs() < 1e-9 * mean, "{} {mean}", mse(0));
        }
    }
}

#[test]
fn who_maps_with_the_saved_palette_or_mixture_gets_the_same_bytes() {
    let folder = Folder::with(&NAMES);
    let out = ["shared", "alone"].map(|name| folder.path(name));
    for (method, save, apply) in [
        ("kmeans", "--save-palette m.gpl", "remap --palette m.gpl"),
        ("gmm", "--save-model m.json", "gmm --load-model m.json"),
    ] {
        for out in &out {
            fs::create_dir(out).unwrap();
        }
        folder
            .run(&format!(
                "{method} -k 5 --shared-palette in -o shared/{{name}} {save} -q"
            ))
            .code(0);
        for name in NAMES {
            folder
                .run(&format!("{apply} {name} -o alone/{{name}} -q"))
                .code(0);
        }
        let shared = files(&folder, "shared/");
        assert_eq!(shared.len(), 4);
        assert_eq!(shared, files(&folder, "alone/"));
        for out in &out {
            fs::remove_dir_all(out).unwrap();
        }
    }
}

#[test]
fn neither_threads_nor_the_order_of_the_inputs_decide() {
    let folder = Folder::with(&NAMES);
    let run = |out: &str, inputs: &str, threads: usize| {
        fs::create_dir(folder.path(out)).unwrap();
        folder
            .run(&format!(
                "kmeans -k 7 --shared-palette {inputs} -o {out} --save-palette {out}/all.gpl \
                 --save-model {out}/all.json --labels {out}/ --compare {out}/ -j {threads} -q"
            ))
            .code(0);
        files(&folder, &format!("{out}/"))
    };
    let forth = run("forth", &NAMES.join(" "), 1);
    let mut names = NAMES;
    names.reverse();
    let back = run("back", &names.join(" "), 5);
    assert_eq!(forth.len(), 2 + 3 * 4);
    assert_eq!(forth, back);
}

#[test]
fn a_broken_picture_is_listed_and_does_not_count() {
    let folder = Folder::with(&NAMES);
    folder
        .run("kmeans -k 5 --shared-palette in -o - --save-palette all.json -q --files-from no")
        .code(2);
    folder
        .run("kmeans -k 5 --shared-palette in --save-palette all.json -q")
        .code(0);
    for name in folder.names() {
        if name.contains("kmeans5") {
            fs::remove_file(folder.path(name)).unwrap();
        }
    }
    folder.write("in/c.png", b"this is text");
    let run = folder
        .run("kmeans -k 5 --shared-palette in --save-palette other.json")
        .code(1);
    let said = stderr(&run);
    assert!(
        said.starts_with("quantize: 'in/c.png': not a picture"),
        "{said}"
    );
    assert!(said.ends_with("4 written, 0 skipped, 1 failed\n"), "{said}");
    assert!(stdout(&run).starts_with("palette of 4 pictures\n"));
    assert_eq!(folder.read("all.json"), folder.read("other.json"));

    let run = folder.run("kmeans -k 5 --shared-palette in/c.png").code(1);
    assert!(stderr(&run).contains("not a picture"));
    assert_eq!(stdout(&run), "");
}

#[test]
fn pictures_with_alpha_and_of_16_bits_share_a_palette_too() {
    let folder = Folder::with(&["a.png"]);
    let soft = RgbaImage::from_fn(9, 8, |x, y| Rgba([200, 0, (y * 9) as u8, (x * 31) as u8]));
    soft.save(folder.path("soft.png")).unwrap();
    let fine = ImageBuffer::<Rgba<u16>, _>::from_fn(9, 8, |x, _| {
        Rgba([0, 65_535, (x * 301) as u16, 65_535 - (x * 77) as u16])
    });
    fine.save(folder.path("fine.png")).unwrap();
    let lines = lines(
        &folder,
        "kmeans -k 9 --shared-palette a.png soft.png fine.png --save-palette all.hex",
    );
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["pixels"], 24 * 16 + 2 * 72);
    assert_eq!(lines[0]["colors"], 9);
    let all = String::from_utf8(folder.read("all.hex")).unwrap();
    for line in &lines[1..] {
        let name = line["output"].as_str().unwrap();
        let picture = image::load_from_memory(&folder.read(name)).unwrap();
        for Rgba([r, g, b, a]) in picture.to_rgba8().pixels() {
            let hex = match a {
                255 => format!("{r:02x}{g:02x}{b:02x}\n"),
                a => format!("{r:02x}{g:02x}{b:02x}{a:02x}\n"),
            };
            assert!(all.contains(&hex), "{name}: {hex} is not in {all}");
        }
    }
    let (colors, _) = indexed(&folder.read("a-kmeans9.png"));
    assert!(colors < 9, "an opaque picture needs no others' colors");
}

#[test]
fn what_is_written_once_has_a_name_of_its_own_and_is_no_input() {
    let folder = Folder::with(&["a.png", "longer.png"]);
    let plan = folder
        .run("kmeans -k 3 --shared-palette . --save-palette all.png --save-model ./ --dry-run")
        .code(0);
    let expected =
        "all inputs together\n  palette     all.png\n  model       ./shared-kmeans3-model.json\n";
    assert!(stdout(&plan).ends_with(expected), "{}", stdout(&plan));
    for _ in 0..2 {
        folder
            .run("kmeans -k 3 --shared-palette . --save-palette all.png -q -f")
            .code(0);
        let mut names = ["a.png", "a-kmeans3.png", "all.png", "longer.png"].to_vec();
        names.push("longer-kmeans3.png");
        names.sort_unstable();
        assert_eq!(folder.names(), names);
    }
}

#[test]
fn what_makes_no_sense_or_would_be_replaced_is_refused_before_any_work() {
    let folder = Folder::with(&["a.png", "b.png"]);
    folder.write("all.gpl", b"mine");
    let before = folder.names();
    for (arguments, code, part) in [
        (
            "kmeans --shared-palette --load-model m.json a.png",
            2,
            "cannot be used with",
        ),
        (
            "kmeans --shared-palette a.png b.png --save-palette a.png",
            2,
            "the palette of all inputs would replace the input",
        ),
        (
            "kmeans --shared-palette a.png b.png --save-palette x.png -o x.png",
            2,
            "would both be written to",
        ),
        (
            "kmeans --shared-palette a.png b.png --save-palette all.gpl",
            1,
            "all.gpl': exists already; --force replaces it",
        ),
    ] {
        let run = folder.run(arguments).code(code);
        assert!(stderr(&run).contains(part), "{}", stderr(&run));
        assert_eq!(stderr(&run).lines().count(), 1, "{}", stderr(&run));
    }
    assert_eq!(folder.names(), before);
    assert_eq!(folder.read("all.gpl"), b"mine");
}
