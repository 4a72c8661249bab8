//! Many pictures at a time.

use std::fs;

use crate::common::{Folder, stderr, stdout};

#[test]
fn d1_broken_files_among_many_fail_in_the_order_of_the_inputs() {
    let folder = Folder::new();
    let mut broken = Vec::new();
    for i in 0..200 {
        let name = format!("in/{i:03}.png");
        folder.add(&name);
        if i % 11 == 5 {
            folder.write(&name, b"this is text");
            broken.push(format!("quantize: '{name}': not a picture"));
        }
    }
    fs::create_dir(folder.path("out")).unwrap();
    let run = folder.run("kmeans -k 2 in -o out -j 8").code(1);
    let said = stderr(&run);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), broken.len() + 1);
    for (line, expected) in lines.iter().zip(&broken) {
        assert!(line.starts_with(expected), "{line}");
    }
    assert_eq!(lines[broken.len()], "182 written, 0 skipped, 18 failed");
    assert_eq!(fs::read_dir(folder.path("out")).unwrap().count(), 182);
}

#[test]
fn the_bytes_are_those_of_each_picture_alone() {
    let names: Vec<_> = (0..12)
        .map(|i| format!("in/{}.png", "x".repeat(i + 1)))
        .collect();
    let folder = Folder::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for method in ["kmeans", "gmm"] {
        folder
            .run(&format!("{method} -k 7 in -j 5 -q -o {{dir}}"))
            .code(0);
        for name in &names {
            let alone = folder
                .run(&format!("{method} -k 7 {name} -o - -q -j 1"))
                .code(0);
            let stem = name.trim_start_matches("in/").trim_end_matches(".png");
            let together = folder.read(format!("{stem}-{method}7.png"));
            assert_eq!(alone.get_output().stdout, together, "{name}");
        }
    }
}

#[test]
fn reports_come_in_the_order_of_the_inputs() {
    let folder = Folder::with(&["a.png", "z.png"]);
    // It takes the longest, and comes first.
    let run = folder
        .run("kmeans -k 9 builtin:china.jpg z.png a.png -j 3 --report json")
        .code(0);
    let inputs: Vec<serde_json::Value> = stdout(&run)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["input"].clone())
        .collect();
    assert_eq!(inputs, ["builtin:china.jpg", "z.png", "a.png"]);
}
