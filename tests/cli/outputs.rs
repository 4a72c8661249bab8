//! What is written, and where.

use std::fs;

use serde_json::Value;

use crate::common::{Folder, indexed, picture, stderr, stdout};

#[test]
fn the_result_is_an_indexed_png_beside_the_input() {
    let folder = Folder::with(&["sub/a.b.png"]);
    folder.run("kmeans -k 5 sub/a.b.png").code(0);
    assert_eq!(folder.names(), ["sub/a.b-kmeans5.png", "sub/a.b.png"]);
    let (colors, pixels) = indexed(&folder.read("sub/a.b-kmeans5.png"));
    assert_eq!(colors, 5);
    assert_eq!(pixels.dimensions(), (24, 16));
}

#[test]
fn both_methods_take_16_colors_unless_told_otherwise() {
    let folder = Folder::with(&["a.png"]);
    folder.run("kmeans a.png").code(0);
    folder.run("gmm a.png").code(0);
    assert_eq!(folder.names(), ["a-gmm16.png", "a-kmeans16.png", "a.png"]);
    assert_eq!(indexed(&folder.read("a-kmeans16.png")).0, 16);
}

#[test]
fn a_picture_with_no_more_colors_than_asked_for_is_unchanged() {
    let folder = Folder::with(&["a.png"]);
    folder.run("kmeans -k 256 a.png").code(0);
    let (colors, pixels) = indexed(&folder.read("a-kmeans256.png"));
    assert_eq!(colors, 96);
    assert_eq!(pixels, picture(50));
}

#[test]
fn without_input_the_built_in_flower_is_taken_and_a_line_says_so() {
    let folder = Folder::new();
    let run = folder.run("kmeans -k 2").code(0);
    assert_eq!(folder.names(), ["flower-kmeans2.png"]);
    assert!(stderr(&run).contains("builtin:flower.jpg is taken"));

    let run = folder.run("kmeans -k 2 -f -q").code(0);
    assert_eq!(stderr(&run), "");
}

#[test]
fn the_result_goes_to_a_file_a_folder_or_by_a_pattern() {
    let folder = Folder::with(&["a.png", "b.png"]);
    fs::create_dir(folder.path("out")).unwrap();
    folder.run("kmeans -k 2 a.png -o named.png").code(0);
    folder.run("kmeans -k 2 a.png b.png -o out").code(0);
    folder.run("kmeans -k 3 a.png -o out/").code(0);
    folder
        .run("kmeans -k 2 a.png b.png -o {dir}/out/{stem}-{ext}-{name}")
        .code(0);
    let expected = [
        "a.png",
        "b.png",
        "named.png",
        "out/a-kmeans2.png",
        "out/a-kmeans3.png",
        "out/a-png-a.png",
        "out/b-kmeans2.png",
        "out/b-png-b.png",
    ];
    assert_eq!(folder.names(), expected);
}

#[test]
fn stdin_goes_to_stdout_and_the_report_then_to_stderr() {
    let folder = Folder::with(&["a.png"]);
    let mut quantize = folder.quantize();
    let run = quantize
        .args(["kmeans", "-k", "3", "-"])
        .write_stdin(folder.read("a.png"));
    let run = run.assert().code(0);
    assert_eq!(indexed(&run.get_output().stdout).0, 3);
    assert!(stderr(&run).starts_with("- -> -\n"));

    let mut quantize = folder.quantize();
    let run = quantize
        .args(["kmeans", "-", "-o", "{stem}.png"])
        .write_stdin(folder.read("a.png"));
    assert!(stdout(&run.assert().code(0)).starts_with("- -> stdin.png\n"));
}

#[test]
fn a_sample_has_the_size_of_the_input_and_more_colors_than_the_palette() {
    let folder = Folder::with(&["a.png"]);
    folder.run("gmm -k 3 a.png --sample iid.png").code(0);
    folder.run("gmm -k 3 a.png --sample again.png -f").code(0);
    folder
        .run("gmm -k 3 a.png --sample posterior.png --sample-mode posterior -f")
        .code(0);
    let iid = image::load_from_memory(&folder.read("iid.png")).unwrap();
    assert_eq!(iid.color(), image::ColorType::Rgb8);
    assert_eq!((iid.width(), iid.height()), (24, 16));
    assert_eq!(folder.read("iid.png"), folder.read("again.png"));
    assert_ne!(folder.read("iid.png"), folder.read("posterior.png"));
}

#[test]
fn a_comparison_is_wider_with_a_sample_in_it() {
    let folder = Folder::with(&["a.png"]);
    folder.run("gmm -k 3 a.png --compare two.png").code(0);
    folder
        .run("gmm -k 3 a.png --compare three.png --sample sample.png -f")
        .code(0);
    let width = |name| image::load_from_memory(&folder.read(name)).unwrap().width();
    assert!(width("two.png") >= 2 * 24);
    assert!(width("three.png") > width("two.png"));
}

#[test]
fn all_outputs_of_an_input_go_into_one_folder_under_different_names() {
    let folder = Folder::with(&["a.png"]);
    fs::create_dir(folder.path("out")).unwrap();
    folder
        .run("gmm -k 3 a.png -o out --sample out --compare out")
        .code(0);
    let expected = [
        "a.png",
        "out/a-gmm3-compare.png",
        "out/a-gmm3-sample.png",
        "out/a-gmm3.png",
    ];
    assert_eq!(folder.names(), expected);
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let folder = Folder::with(&["a.png"]);
    for method in ["kmeans", "gmm"] {
        let bytes = ["1", "2", "8"].map(|threads| {
            let run = folder.run(&format!("{method} -k 7 a.png -o - -q -j {threads}"));
            run.code(0).get_output().stdout.clone()
        });
        assert_eq!(bytes[0], bytes[1], "{method}");
        assert_eq!(bytes[0], bytes[2], "{method}");
    }
}

#[test]
fn the_options_of_the_fit_have_their_effect() {
    let folder = Folder::with(&["a.png"]);
    let fit = |arguments: &str| {
        let command = "kmeans -k 40 builtin:flower.jpg -f --report json";
        let run = folder.run(&format!("{command} {arguments}"));
        let line: Value = serde_json::from_str(&stdout(&run.code(0))).unwrap();
        let n_iter = line["n_iter"].as_u64().unwrap();
        (line["inertia"].as_f64().unwrap(), n_iter)
    };
    let (inertia, n_iter) = fit("--seed 0");
    for other in ["--seed 0 --init random", "--seed 1"] {
        assert_ne!(fit(other).0, inertia, "{other}");
    }
    assert!(fit("--seed 0 --n-init 1").0 > inertia);
    assert!(fit("--tol 0.5").1 < n_iter);
    assert_eq!(fit("--max-iter 2").1, 2);
    assert_eq!(fit("--effort fast").1, 1);

    let floored = |arguments: &str| {
        let run = folder.run(&format!("gmm -k 2 a.png -f --report json {arguments}"));
        let line: Value = serde_json::from_str(&stdout(&run.code(0))).unwrap();
        line["covariances"][0][2][2].as_f64().unwrap()
    };
    // All pixels have one blue.
    assert!((floored("--reg-covar 0.01") - 0.01).abs() < 1e-9);
    assert!((floored("--reg-covar 0.25") - 0.25).abs() < 1e-9);
}
