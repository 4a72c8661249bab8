//! `quantize compare`: two pictures in figures and side by side.

use serde_json::Value;

use crate::common::{Folder, stderr, stdout};

#[test]
fn a_result_and_its_original_are_compared_in_figures() {
    let folder = Folder::with(&["a.png"]);
    let report = stdout(&folder.run("kmeans -k 5 a.png --report json").code(0));
    let report: Value = serde_json::from_str(&report).unwrap();
    let run = folder
        .run("compare a.png a-kmeans5.png --report json")
        .code(0);
    let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
    for figure in ["mse", "psnr_db", "width", "height"] {
        assert_eq!(line[figure], report[figure], "{figure}");
    }
    assert_eq!(
        line["inputs"],
        serde_json::json!(["a.png", "a-kmeans5.png"])
    );
    assert_eq!(line["colors"], serde_json::json!([96, 5]));
    let bytes = ["a.png", "a-kmeans5.png"].map(|name| folder.read(name).len());
    assert_eq!(line["bytes"], serde_json::json!(bytes));
    let [mean, max] = ["mean", "max"].map(|name| line[format!("ciede2000_{name}")].as_f64());
    assert!(
        mean > Some(1.0) && mean < max && max < Some(100.0),
        "{line}"
    );
    assert_eq!(folder.names(), ["a-kmeans5.png", "a.png"]);
}

#[test]
fn the_report_for_people_has_the_same_figures() {
    let folder = Folder::with(&["a.png", "bb.png"]);
    let text = stdout(&folder.run("compare a.png bb.png").code(0));
    assert!(text.starts_with("a.png and bb.png\n"), "{text}");
    for part in [
        "24 x 16 pixels",
        "MSE 100.00, PSNR",
        "CIEDE2000",
        "96 and 96",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = stdout(&folder.run("compare a.png a.png").code(0));
    assert!(text.contains("the pictures are equal"), "{text}");
}

#[test]
fn the_two_are_shown_side_by_side() {
    let folder = Folder::with(&["a.png", "bb.png"]);
    folder.run("compare a.png bb.png -o both.png").code(0);
    let figure = image::load_from_memory(&folder.read("both.png"))
        .unwrap()
        .to_rgb8();
    for blue in [50, 60] {
        assert!(figure.pixels().any(|pixel| pixel.0 == [0, 0, blue]));
    }
    let run = folder.run("compare a.png bb.png -o both.png").code(1);
    assert!(stderr(&run).contains("exists already; --force replaces it"));
    folder.run("compare a.png bb.png -o both.png -f").code(0);
    let run = folder.run("compare a.png bb.png -o -").code(0);
    assert_eq!(run.get_output().stdout, folder.read("both.png"));
    assert!(stderr(&run).contains("MSE 100.00"));
}

#[test]
fn what_cannot_be_compared_is_said_in_one_line() {
    let folder = Folder::with(&["a.png", "b.png"]);
    folder.write("text.png", b"text");
    for (arguments, code, part) in [
        (
            "a.png builtin:flower.jpg",
            1,
            "'a.png' is of 24x16 pixels and 'builtin:flower.jpg' of 640x427; pictures of one size are compared",
        ),
        ("a.png text.png", 1, "'text.png': not a picture"),
        ("missing.png a.png", 1, "'missing.png': No such file"),
        ("- -", 2, "only once"),
        ("a.png b.png -o ./b.png -f", 2, "would replace an input"),
        ("a.png b.png -o no/c.png", 2, "does not exist"),
        ("a.png", 2, "<B>"),
        ("a.png b.png -f", 2, "--output"),
    ] {
        let run = folder.run(&format!("compare {arguments}")).code(code);
        let said = stderr(&run);
        assert!(said.contains(part), "{arguments}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert_eq!(folder.names(), ["a.png", "b.png", "text.png"]);
}

#[test]
fn color_differences_are_reported_on_request() {
    let folder = Folder::with(&["a.png"]);
    let run = folder.run("kmeans -k 5 a.png --report json -v").code(0);
    let report: Value = serde_json::from_str(&stdout(&run)).unwrap();
    let run = folder
        .run("compare a.png a-kmeans5.png --report json")
        .code(0);
    let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
    for figure in ["ciede2000_mean", "ciede2000_max"] {
        assert!(report[figure].is_f64());
        assert_eq!(report[figure], line[figure]);
    }
    let text = |option: &str| {
        stdout(
            &folder
                .run(&format!("kmeans -k 5 a.png -f {option}"))
                .code(0),
        )
    };
    assert!(text("-v").contains("CIEDE2000   mean "));
    assert!(!text("").contains("CIEDE2000"));
    folder.run("kmeans a.png -q -v").code(2);
}
