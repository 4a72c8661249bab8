//! Folders, lists, and results that replace their inputs.

use std::fs;

use serde_json::Value;

use crate::common::{Folder, indexed, stderr, stdout};

#[test]
fn a_folder_stands_for_the_pictures_in_it() {
    let folder = Folder::with(&["in/b.png", "in/a.png", "in/deep/c.png"]);
    folder.write("in/notes.txt", b"text");
    fs::create_dir(folder.path("out")).unwrap();
    let run = folder.run("kmeans -k 2 in -o out --report json").code(0);
    let inputs: Vec<Value> = stdout(&run)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["input"].clone())
        .collect();
    assert_eq!(inputs, ["in/a.png", "in/b.png"]);
    assert!(folder.path("out/a-kmeans2.png").exists());
}

#[test]
fn hidden_folders_are_taken_only_when_they_are_named() {
    let folder = Folder::with(&["in/a.png", "in/.git/b.png", "in/x/.cache/c.png"]);
    let before = fs::read(folder.path("in/.git/b.png")).unwrap();
    folder.run("kmeans -k 2 -r in --in-place -q").code(0);
    assert_eq!(fs::read(folder.path("in/.git/b.png")).unwrap(), before);
    folder.run("kmeans -k 2 -r in/.git --in-place -q").code(0);
    assert_ne!(fs::read(folder.path("in/.git/b.png")).unwrap(), before);
}

#[test]
fn below_a_folder_the_tree_is_kept() {
    let folder = Folder::with(&["in/a.png", "in/x/y/a.png"]);
    fs::create_dir(folder.path("out")).unwrap();
    folder.run("kmeans -k 2 -r in -o out/ -q").code(0);
    folder
        .run("gmm -k 2 -r in -o out/{dir}/{name} --sample out/{dir}/s.png -q")
        .code(0);
    let expected = [
        "in/a.png",
        "in/x/y/a.png",
        "out/a-kmeans2.png",
        "out/a.png",
        "out/s.png",
        "out/x/y/a-kmeans2.png",
        "out/x/y/a.png",
        "out/x/y/s.png",
    ];
    assert_eq!(folder.names(), expected);
}

#[test]
fn d2_a_name_that_stands_in_two_folders_is_refused_for_one() {
    let folder = Folder::with(&["a/x.png", "b/x.png"]);
    fs::create_dir(folder.path("out")).unwrap();
    let run = folder.run("kmeans a b -o out").code(2);
    for name in ["'a/x.png'", "'b/x.png'"] {
        assert!(stderr(&run).contains(name), "{}", stderr(&run));
    }
    assert_eq!(folder.names(), ["a/x.png", "b/x.png"]);
}

#[test]
fn d3_own_outputs_are_not_taken_as_inputs() {
    let folder = Folder::with(&["a.png", "sub/b.png"]);
    fs::create_dir(folder.path("out")).unwrap();
    for command in [
        "kmeans -k 2 -r . -o out/ --compare out/",
        "kmeans -k 2 -r . -o out/{dir}/{name}",
        "kmeans -k 2 -r .",
    ] {
        folder.run(&format!("{command} -q")).code(0);
        let names = folder.names();
        if command.contains("out") {
            folder.run(&format!("{command} -q -f")).code(0);
            assert_eq!(folder.names(), names, "{command}");
            fs::remove_dir_all(folder.path("out")).unwrap();
            fs::create_dir(folder.path("out")).unwrap();
        } else {
            // Beside the inputs, a second run finds that they exist already.
            let run = folder.run(&format!("{command} -q")).code(1);
            assert!(stderr(&run).ends_with("0 written, 0 skipped, 2 failed\n"));
        }
    }
}

#[test]
fn results_of_earlier_runs_are_no_inputs_unless_they_are_named() {
    let folder = Folder::with(&["a.png", "b.png", "sub/c.png"]);
    folder.run("gmm -k 2 . --sample ./ -q").code(0);
    let run = folder.run("kmeans -k 3 -r . --report json").code(0);
    assert_eq!(stdout(&run).lines().count(), 3);
    let said = "'./a-gmm2-sample.png' and 3 more are earlier results and no inputs";
    assert!(stderr(&run).contains(said), "{}", stderr(&run));
    folder.run("kmeans -k 2 a-kmeans3.png -q").code(0);
    assert!(folder.path("a-kmeans3-kmeans2.png").exists());
    // The same command twice: nothing new, and nothing is lost.
    let before = folder.names();
    folder.run("kmeans -k 3 -r . -q -f").code(0);
    assert_eq!(folder.names(), before);
}

#[cfg(unix)]
#[test]
fn d3_cycles_and_what_is_no_file_are_passed_by() {
    use std::{os::unix::fs::symlink, process::Command};
    let folder = Folder::with(&["in/a.png"]);
    symlink(".", folder.path("in/cycle")).unwrap();
    symlink("/dev/zero", folder.path("in/zero.png")).unwrap();
    let fifo = Command::new("mkfifo")
        .arg(folder.path("in/fifo.png"))
        .status();
    assert!(fifo.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("in/socket.png")).unwrap();
    folder.run("kmeans -k 2 -r in -q").code(0);
    assert!(folder.path("in/a-kmeans2.png").exists());
}

#[test]
fn a_list_names_the_inputs() {
    let folder = Folder::with(&["a b.png", "c.png", "d/e.png"]);
    folder.write("list", b"a b.png\nd\n");
    folder.run("kmeans -k 2 --files-from list c.png -q").code(0);
    for name in ["a b", "c", "d/e"] {
        indexed(&folder.read(format!("{name}-kmeans2.png")));
    }
    let mut quantize = folder.quantize();
    quantize
        .args(["kmeans", "-k", "3", "-q", "--files-from", "-", "-0"])
        .write_stdin(&b"a b.png\0./c.png\0"[..])
        .assert()
        .code(0);
    assert!(folder.path("c-kmeans3.png").exists());
}

#[test]
fn an_empty_list_is_no_input_and_no_mistake() {
    let folder = Folder::new();
    folder.write("list", b"");
    let run = folder.run("kmeans --files-from list").code(0);
    assert_eq!(stderr(&run), "0 written, 0 skipped, 0 failed\n");
    assert_eq!(folder.names(), ["list"]);
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let folder = Folder::with(&["a.png", "b.png"]);
    let run = folder.run("gmm -k 2 . --sample . --dry-run").code(0);
    let expected = "\
./a.png -> ./a-gmm2.png
  sample      ./a-gmm2-sample.png
./b.png -> ./b-gmm2.png
  sample      ./b-gmm2-sample.png
";
    assert_eq!(stdout(&run), expected);
    let run = folder.run("kmeans -k 2 a.png --html . --compare . --dry-run --report json");
    let line: Value = serde_json::from_str(&stdout(&run.code(0))).unwrap();
    let expected = serde_json::json!({
        "input": "a.png",
        "output": "a-kmeans2.png",
        "status": "skipped",
        "dry_run": true,
        "outputs": {
            "picture": "a-kmeans2.png",
            "comparison": "./a-kmeans2-compare.png",
            "page": "./a-kmeans2.html",
        },
    });
    assert_eq!(line, expected);
    assert_eq!(folder.names(), ["a.png", "b.png"]);
}

#[test]
fn a_dry_run_says_what_would_fail_because_it_exists() {
    let folder = Folder::with(&["a.png", "b.png"]);
    folder.write("b-kmeans2.png", b"mine");
    let plan = |more: &str| {
        stdout(
            &folder
                .run(&format!("kmeans -k 2 . --dry-run {more}"))
                .code(0),
        )
    };
    let expected = "\
./a.png -> ./a-kmeans2.png
./b.png -> ./b-kmeans2.png
  would fail  cannot write './b-kmeans2.png': exists already; --force replaces it
";
    assert_eq!(plan(""), expected);
    assert!(!plan("-f").contains("would fail"));
    let line: Value = serde_json::from_str(plan("--report json").lines().last().unwrap()).unwrap();
    assert_eq!(line["status"], "failed");
    assert!(line["error"].as_str().unwrap().contains("exists already"));
    folder.write("all.gpl", b"mine");
    let all = plan("--shared-palette --save-palette all.gpl");
    let expected = "\
all inputs together
  palette     all.gpl
  would fail  cannot write 'all.gpl': exists already; --force replaces it
";
    assert!(all.ends_with(expected), "{all}");
}

#[test]
fn in_place_png_files_are_replaced_and_no_others() {
    let folder = Folder::with(&["in/a.png"]);
    crate::common::picture(3)
        .save(folder.path("in/b.jpg"))
        .unwrap();
    folder.run("kmeans -k 2 in --in-place -q").code(0);
    assert_eq!(folder.names(), ["in/a.png", "in/b.jpg"]);
    assert_eq!(indexed(&folder.read("in/a.png")).0, 2);
    let before = folder.read("in/b.jpg");
    let run = folder.run("kmeans -k 2 in/b.jpg --in-place").code(1);
    assert!(stderr(&run).contains("not a PNG file"), "{}", stderr(&run));
    assert_eq!(folder.read("in/b.jpg"), before);
}

#[test]
fn what_does_not_shrink_is_skipped_on_request() {
    let folder = Folder::with(&["a.png"]);
    folder.run("kmeans -k 2 a.png -o small.png -q").code(0);
    let run = folder
        .run("kmeans -k 2 small.png a.png -o {stem}-2.png --skip-if-larger --report json")
        .code(0);
    let status: Vec<Value> = stdout(&run)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone())
        .collect();
    assert_eq!(status, ["skipped", "written"]);
    assert_eq!(stderr(&run), "1 written, 1 skipped, 0 failed\n");
    let run = folder
        .run("kmeans -k 2 small.png -o x.png --save-palette x.gpl --skip-if-larger")
        .code(0);
    let text = stdout(&run);
    assert!(text.starts_with("small.png\n"), "{text}");
    assert!(!text.contains("x.png") && !text.contains("x.gpl"), "{text}");
    assert!(text.contains("  skipped     nothing is written"), "{text}");
    assert_eq!(folder.names(), ["a-2.png", "a.png", "small.png"]);
}
