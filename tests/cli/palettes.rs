//! Palette files: saved, sorted, and what is refused.

use serde_json::Value;

use crate::common::{Folder, indexed, stderr, stdout};

const EXTENSIONS: [&str; 10] = [
    "gpl", "hex", "txt", "json", "css", "act", "aco", "ase", "pal", "png",
];

#[test]
fn the_palette_is_saved_in_the_format_of_its_extension() {
    let folder = Folder::with(&["a.png"]);
    for extension in EXTENSIONS {
        folder
            .run(&format!(
                "kmeans -k 5 a.png -o {extension}.png --save-palette p.{extension}"
            ))
            .code(0);
    }
    let start = |extension: &str| folder.read(format!("p.{extension}"))[..4].to_vec();
    assert_eq!(start("gpl"), b"GIMP");
    let gimp = String::from_utf8(folder.read("p.gpl")).unwrap();
    assert_eq!(gimp.lines().nth(1), Some("Name: p"));
    assert_eq!(start("pal"), b"JASC");
    assert_eq!(start("ase"), b"ASEF");
    assert_eq!(start("png"), b"\x89PNG");
    assert_eq!(folder.read("p.act").len(), 772);
    let json: Value = serde_json::from_slice(&folder.read("p.json")).unwrap();
    let counts = json.as_array().unwrap().iter();
    let pixels: u64 = counts.map(|entry| entry["count"].as_u64().unwrap()).sum();
    assert_eq!(pixels, 24 * 16);
}

#[test]
fn every_method_saves_its_palette_and_a_folder_gets_a_gimp_palette() {
    let folder = Folder::with(&["a.png", "b.png", "out/c.png"]);
    folder
        .run("gmm -k 2 a.png b.png -o out --save-palette out/")
        .code(0);
    let names = [
        "a.png",
        "b.png",
        "out/a-gmm2.gpl",
        "out/a-gmm2.png",
        "out/b-gmm2.gpl",
        "out/b-gmm2.png",
        "out/c.png",
    ];
    assert_eq!(folder.names(), names);
}

#[test]
fn a_palette_of_no_known_format_is_refused_before_any_work() {
    let folder = Folder::with(&["a.png"]);
    for path in ["p.jpg", "p", "p.gplx"] {
        let run = folder
            .run(&format!("kmeans a.png --save-palette {path}"))
            .code(2);
        assert!(
            stderr(&run).contains(".gpl, .hex, .txt"),
            "{}",
            stderr(&run)
        );
    }
    assert_eq!(folder.names(), ["a.png"]);
}

#[test]
fn the_order_is_that_of_the_report_and_of_the_file_and_changes_no_pixel() {
    let folder = Folder::with(&["a.png"]);
    let colors = |sort: &str| -> Vec<String> {
        let run = folder
            .run(&format!(
                "kmeans -k 9 a.png -f -o {sort}.png --sort {sort} --save-palette {sort}.hex --report json"
            ))
            .code(0);
        let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
        let entries = line["palette"].as_array().unwrap();
        let hex = entries
            .iter()
            .map(|entry| entry["hex"].as_str().unwrap().to_owned());
        let hex: Vec<_> = hex.collect();
        let file = String::from_utf8(folder.read(format!("{sort}.hex"))).unwrap();
        assert!(file.lines().eq(hex.iter().map(|hex| &hex[1..])));
        hex
    };
    let [count, luminance, hue] = ["count", "luminance", "hue"].map(colors);
    assert_ne!(count, luminance);
    assert_ne!(luminance, hue);
    let sorted = |mut colors: Vec<String>| {
        colors.sort();
        colors
    };
    assert_eq!(sorted(count), sorted(luminance.clone()));
    assert_eq!(sorted(luminance), sorted(hue));
    assert_eq!(folder.read("count.png"), folder.read("hue.png"));
}

#[test]
fn a_picture_is_written_in_the_colors_of_a_palette_of_any_format() {
    let folder = Folder::with(&["a.png", "b.png"]);
    for extension in EXTENSIONS {
        let palette = format!("p.{extension}");
        folder
            .run(&format!("kmeans -k 5 a.png -f --save-palette {palette}"))
            .code(0);
        folder
            .run(&format!("remap --palette {palette} a.png b.png -f"))
            .code(0);
        // The palette is that of k-means, and each color takes its nearest entry in both.
        let [found, expected] = ["a-remap.png", "a-kmeans5.png"].map(|name| folder.read(name));
        assert_eq!(indexed(&found), indexed(&expected), "{extension}");
        indexed(&folder.read("b-remap.png"));
    }
}

#[test]
fn colors_on_the_command_line_and_those_of_a_picture_are_palettes() {
    let folder = Folder::with(&["a.png"]);
    let colors_of = |palette: &str| {
        folder
            .run(&format!("remap --palette {palette} a.png -f"))
            .code(0);
        let (_, picture) = indexed(&folder.read("a-remap.png"));
        let mut colors: Vec<_> = picture.pixels().map(|pixel| pixel.0).collect();
        colors.sort_unstable();
        colors.dedup();
        colors
    };
    assert_eq!(colors_of("#f00,#00ff00"), [[0, 255, 0], [255, 0, 0]]);
    assert_eq!(colors_of("102030"), [[16, 32, 48]]);
    assert_eq!(
        colors_of("a.png").len(),
        96,
        "its own colors change nothing"
    );
}

#[test]
fn the_report_on_a_given_palette_has_no_model() {
    let folder = Folder::with(&["a.png"]);
    let run = folder
        .run("remap --palette #000,#fff,#123 a.png --report json")
        .code(0);
    let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
    assert_eq!((&line["method"], &line["k"]), (&"remap".into(), &3.into()));
    assert!(line["inertia"].is_null() && line["log_likelihood"].is_null());
    assert!(line["n_iter"].is_null());
    let text = stdout(&folder.run("remap --palette #000,#fff a.png -f").code(0));
    assert!(!text.contains("iterations"), "{text}");
}

#[test]
fn a_palette_that_is_broken_or_missing_is_refused_in_one_line() {
    let folder = Folder::with(&["a.png"]);
    folder.write("broken.gpl", b"GIMP Palette\nred\n");
    folder.write("empty.act", b"");
    folder.write("a.xyz", b"#fff");
    for (palette, part) in [
        (
            "broken.gpl",
            "'broken.gpl': not a valid GIMP palette: line 2",
        ),
        ("empty.act", "should have 768 or 772 bytes, not 0"),
        ("a.xyz", "no extension of a palette file"),
        ("missing.gpl", "'missing.gpl': No such file"),
        ("#ff00", "colors are #rrggbb"),
    ] {
        let run = folder
            .quantize()
            .args(["remap", "--palette", palette, "a.png"])
            .assert()
            .code(2);
        let said = stderr(&run);
        assert!(said.contains(part), "{palette}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(stderr(&folder.run("remap a.png").code(2)).contains("--palette"));
    assert!(!folder.names().contains(&"a-remap.png".to_owned()));
}
