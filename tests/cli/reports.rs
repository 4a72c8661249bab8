//! Reports as text and as JSON, and the help.

use std::{io::Read, process::Stdio};

use serde_json::Value;

use crate::common::{Folder, indexed, picture, stderr, stdout};

#[test]
fn the_report_is_plain_in_a_pipe_and_colored_on_request() {
    let folder = Folder::with(&["a.png"]);
    let report = |arguments: &str| {
        stdout(
            &folder
                .run(&format!("kmeans -k 2 -f a.png {arguments}"))
                .code(0),
        )
    };
    let plain = report("");
    assert!(plain.starts_with("a.png -> a-kmeans2.png\n"));
    for part in [
        "24 x 16 pixels",
        "96 -> 2",
        "MSE ",
        "PSNR ",
        " dB",
        "iterations",
        "#",
    ] {
        assert!(plain.contains(part), "{plain}");
    }
    assert!(!plain.contains('\u{1b}'));
    assert!(report("--color always").contains("\u{1b}[48;2;"));
    assert!(!report("--color never").contains('\u{1b}'));
}

#[test]
fn many_pictures_get_a_row_each_and_a_total() {
    let folder = Folder::with(&["a.png", "longer.png"]);
    folder.write("broken.png", b"this is text");
    let run = folder
        .run("kmeans -k 2 a.png broken.png longer.png")
        .code(1);
    let table = stdout(&run);
    let lines: Vec<_> = table.lines().collect();
    let begins: Vec<_> = lines
        .iter()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(begins, ["input", "a.png", "longer.png", "total"]);
    assert_eq!(lines[1].len(), lines[2].len(), "{table}");
    let written = folder.read("a-kmeans2.png").len() + folder.read("longer-kmeans2.png").len();
    assert!(lines[3].contains(&format!(" {written} ")), "{table}");
}

#[test]
fn verbose_adds_stages_and_covariances() {
    let folder = Folder::with(&["a.png", "b.png"]);
    for (arguments, more) in [("", false), ("-v", true)] {
        let report = stdout(
            &folder
                .run(&format!("gmm -k 2 -f a.png {arguments}"))
                .code(0),
        );
        assert_eq!(report.contains("(load "), more, "{report}");
        assert_eq!(report.contains("  covariance "), more, "{report}");
    }
    let report = stdout(&folder.run("kmeans -k 2 -v a.png b.png").code(0));
    assert_eq!(report.matches("iterations").count(), 2);
    folder.run("kmeans -k 2 -v -q a.png").code(2);
}

#[test]
fn a_typo_is_met_with_what_may_have_been_meant() {
    let folder = Folder::new();
    for (arguments, meant) in [
        ("kmean", "'kmeans'"),
        ("kmeans --compair x", "'--compare'"),
        ("gmm --covariance ful", "'full'"),
    ] {
        let said = stderr(&folder.run(arguments).code(2));
        assert!(said.contains("similar") && said.contains(meant), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn completions_and_the_manual_know_the_options() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = stdout(&folder.run(&format!("completions {shell}")).code(0));
        for word in ["covariance", "blue-noise", "posterior"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let manual = stdout(&folder.run("man").code(0));
    for part in ["quantize", "kmeans", "reg\\-covar", "Examples"] {
        assert!(manual.contains(part), "{part}");
    }
}

#[test]
fn the_report_on_a_mixture_has_its_components() {
    let folder = Folder::with(&["a.png"]);
    let report = stdout(&folder.run("gmm -k 2 a.png --sample s.png").code(0));
    for part in [
        "sample      s.png\n",
        "nats a pixel, BIC ",
        "AIC ",
        "weight 0.",
        "mean 0.",
    ] {
        assert!(report.contains(part), "{report}");
    }
}

#[test]
fn quiet_leaves_errors_and_nothing_else() {
    let folder = Folder::with(&["a.png", "b.png"]);
    let run = folder.run("kmeans -k 2 -q a.png b.png").code(0);
    assert_eq!((stdout(&run), stderr(&run)), (String::new(), String::new()));
    let run = folder.run("kmeans -k 2 -q a.png b.png").code(1);
    assert_eq!(stdout(&run), "");
    assert_eq!(stderr(&run).lines().count(), 3);
}

#[test]
fn several_pictures_end_in_a_count_and_one_that_went_well_does_not() {
    let folder = Folder::with(&["a.png", "b.png"]);
    assert_eq!(stderr(&folder.run("kmeans -k 2 a.png").code(0)), "");
    let run = folder.run("kmeans -k 3 a.png b.png").code(0);
    assert_eq!(stderr(&run), "2 written, 0 skipped, 0 failed\n");
    let run = folder.run("kmeans -k 3 a.png").code(1);
    assert!(stderr(&run).ends_with("\n0 written, 0 skipped, 1 failed\n"));
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_line_of_json_has_the_promised_fields() {
    let folder = Folder::with(&["a.png"]);
    let line = |arguments: &str| -> Value {
        let run = folder
            .run(&format!("{arguments} a.png --report json"))
            .code(0);
        let text = stdout(&run);
        assert_eq!(text.lines().count(), 1);
        serde_json::from_str(&text).unwrap()
    };
    let mut promised = vec![
        "aic",
        "bic",
        "bytes_in",
        "bytes_out",
        "colors",
        "converged",
        "distinct_colors",
        "height",
        "inertia",
        "input",
        "k",
        "log_likelihood",
        "method",
        "mse",
        "n_iter",
        "output",
        "palette",
        "psnr_db",
        "seconds",
        "status",
        "warnings",
        "width",
    ];
    let kmeans = line("kmeans -k 5");
    assert_eq!(keys(&kmeans), promised);
    assert_eq!(kmeans["input"], "a.png");
    assert_eq!(kmeans["output"], "a-kmeans5.png");
    assert_eq!(kmeans["method"], "kmeans");
    assert_eq!(kmeans["status"], "written");
    assert_eq!(
        (&kmeans["width"], &kmeans["height"]),
        (&24.into(), &16.into())
    );
    assert_eq!(
        (&kmeans["distinct_colors"], &kmeans["k"]),
        (&96.into(), &5.into())
    );
    assert_eq!(kmeans["bytes_in"], folder.read("a.png").len());
    assert_eq!(kmeans["bytes_out"], folder.read("a-kmeans5.png").len());
    assert_eq!(kmeans["converged"], true);
    for null in ["log_likelihood", "bic", "aic"] {
        assert!(kmeans[null].is_null(), "{null}");
    }
    let palette = kmeans["palette"].as_array().unwrap();
    assert_eq!(palette.len(), 5);
    assert_eq!(kmeans["colors"], 5);
    assert_eq!(keys(&palette[0]), ["count", "hex"]);
    let counts: Vec<_> = palette
        .iter()
        .map(|entry| entry["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), 24 * 16);
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
    assert_eq!(
        keys(&kmeans["seconds"]),
        ["colors", "encode", "fit", "load", "map", "total"]
    );

    promised.extend(["covariances", "floored", "means", "weights"]);
    promised.sort_unstable();
    let gmm = line("gmm -k 2");
    assert_eq!(keys(&gmm), promised);
    assert!(gmm["inertia"].is_null());
    assert!(gmm["log_likelihood"].is_f64() && gmm["bic"].is_f64() && gmm["aic"].is_f64());
    assert_eq!(gmm["weights"].as_array().unwrap().len(), 2);
    assert_eq!(gmm["means"][1].as_array().unwrap().len(), 3);
    assert_eq!(gmm["covariances"][1][2].as_array().unwrap().len(), 3);

    let unchanged = line("kmeans -k 256");
    assert_eq!(unchanged["mse"], 0.0);
    assert!(unchanged["psnr_db"].is_null());
}

#[test]
fn the_mse_of_the_report_is_that_of_the_file() {
    let folder = Folder::with(&["a.png"]);
    let run = folder.run("kmeans -k 5 a.png --report json").code(0);
    let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
    let (original, (_, written)) = (picture(50), indexed(&folder.read("a-kmeans5.png")));
    let squares: f64 = original
        .iter()
        .zip(written.iter())
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    assert!((line["mse"].as_f64().unwrap() - squares / (24.0 * 16.0)).abs() < 1e-9);
}

#[test]
fn json_has_a_line_for_each_input_in_their_order_and_failures_say_why() {
    let folder = Folder::with(&["b.png", "a.png"]);
    folder.write("broken.png", b"this is text");
    let run = folder
        .run("kmeans -k 2 b.png broken.png a.png --report json -q")
        .code(1);
    let lines: Vec<Value> = stdout(&run)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let inputs: Vec<_> = lines
        .iter()
        .map(|line| line["input"].as_str().unwrap())
        .collect();
    assert_eq!(inputs, ["b.png", "broken.png", "a.png"]);
    assert_eq!(keys(&lines[1]), ["error", "input", "output", "status"]);
    assert_eq!(lines[1]["status"], "failed");
    assert_eq!(lines[1]["output"], "broken-kmeans2.png");
    assert!(
        lines[1]["error"]
            .as_str()
            .unwrap()
            .starts_with("not a picture")
    );
}

#[test]
fn d6_files_are_finished_even_if_nobody_reads_the_report() {
    let folder = Folder::with(&["a.png", "b.png", "c.png"]);
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("quantize"))
        .args([
            "kmeans", "-k", "2", "a.png", "b.png", "c.png", "--report", "json",
        ])
        .current_dir(folder.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!(said, "3 written, 0 skipped, 0 failed\n");
    for name in ["a", "b", "c"] {
        indexed(&folder.read(format!("{name}-kmeans2.png")));
    }
}

#[test]
fn the_help_says_what_one_sees_in_a_sample() {
    let folder = Folder::new();
    let help = stdout(&folder.run("gmm --help").code(0));
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "the distribution of colors is kept, all structure is gone",
        "which keeps the picture",
    ] {
        assert!(help.contains(part), "{help}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let run = Folder::new().run("--version").code(0);
    assert_eq!(
        stdout(&run),
        format!("quantize {}\n", env!("CARGO_PKG_VERSION"))
    );
}
