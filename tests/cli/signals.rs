//! Signals, limits of the system, and processes that compete.

use std::{
    ffi::OsStr,
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use assert_cmd::cargo::cargo_bin;

use crate::common::{Folder, indexed, picture};

/// Runs a shell script that calls the program as `"$0"`.
fn script(folder: &Folder, script: &str) -> std::process::Output {
    let program = cargo_bin!("quantize");
    Command::new("sh")
        .args([OsStr::new("-c"), OsStr::new(script), program.as_os_str()])
        .current_dir(folder.path(""))
        .output()
        .unwrap()
}

#[test]
fn c4_a_file_larger_than_the_limit_is_a_failure_and_leaves_nothing() {
    let folder = Folder::new();
    let run = script(&folder, "ulimit -f 8; \"$0\" kmeans builtin:flower.jpg");
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("File too large\n"), "{said}");
    assert!(folder.names().is_empty());
}

#[test]
fn c6_a_signal_ends_a_batch_at_once_and_leaves_only_complete_files() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let folder = Folder::new();
        fs::create_dir(folder.path("in")).unwrap();
        for i in 0..200 {
            fs::copy("assets/flower.jpg", folder.path(format!("in/{i:03}.jpg"))).unwrap();
        }
        fs::create_dir(folder.path("out")).unwrap();
        let mut child = Command::new(cargo_bin!("quantize"))
            .args(["kmeans", "-q", "in", "-o", "out"])
            .current_dir(folder.path(""))
            .spawn()
            .unwrap();
        while fs::read_dir(folder.path("out")).unwrap().next().is_none() {
            thread::sleep(Duration::from_millis(5));
        }
        let start = Instant::now();
        let kill = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        // A second, and what a busy machine may add.
        assert!(start.elapsed() < Duration::from_secs(5));
        let written = fs::read_dir(folder.path("out")).unwrap();
        let names: Vec<_> = written.map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.len() < 200);
        for name in names {
            assert!(
                name.to_str().unwrap().ends_with("-kmeans16.png"),
                "{name:?}"
            );
            indexed(&folder.read(folder.path("out").join(name)));
        }
    }
}

#[test]
fn c9_of_two_processes_with_one_output_one_writes_it() {
    let folder = Folder::with(&["a.png", "b.png"]);
    for _ in 0..50 {
        let start = |input| {
            Command::new(cargo_bin!("quantize"))
                .args(["kmeans", "-k", "5", "-q", "-o", "out.png", input])
                .current_dir(folder.path(""))
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let runs = ["a.png", "b.png"].map(start);
        let outputs = runs.map(|child| child.wait_with_output().unwrap());
        let mut codes = outputs
            .each_ref()
            .map(|output| output.status.code().unwrap());
        codes.sort_unstable();
        assert_eq!(codes, [0, 1]);
        let said = outputs
            .map(|output| String::from_utf8(output.stderr).unwrap())
            .concat();
        assert!(said.contains("exists already"), "{said}");
        assert_eq!(indexed(&folder.read("out.png")).0, 5);
        assert_eq!(folder.names(), ["a.png", "b.png", "out.png"]);
        fs::remove_file(folder.path("out.png")).unwrap();
    }
}

#[test]
fn d6_closed_streams_do_no_harm() {
    let folder = Folder::with(&["a.png", "b.png"]);
    let run = script(&folder, "\"$0\" kmeans -k 2 a.png b.png <&- >&- 2>&-");
    assert_eq!(run.status.code(), Some(0));
    assert_eq!(folder.names().len(), 4);
    let run = script(
        &folder,
        "\"$0\" kmeans -q builtin:china.jpg -o - | head -c 1",
    );
    assert_eq!(String::from_utf8(run.stderr).unwrap(), "");
}

#[test]
fn d8_many_files_need_few_descriptors() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    picture(9).save(folder.path("in/0.png")).unwrap();
    let bytes = folder.read("in/0.png");
    for i in 1..300 {
        fs::write(folder.path(format!("in/{i}.png")), &bytes).unwrap();
    }
    fs::create_dir(folder.path("out")).unwrap();
    let run = script(
        &folder,
        "ulimit -n 64; \"$0\" kmeans -k 2 -q in -o out -j 8",
    );
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(0), "{said}");
    assert_eq!(fs::read_dir(folder.path("out")).unwrap().count(), 300);
}
