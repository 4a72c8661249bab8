//! Inputs that fail: one line each, exit code 1, and the others are written.

use std::fs;

use crate::common::{Folder, indexed, stderr, stdout};

#[test]
fn a1_one_broken_input_fails_alone() {
    let folder = Folder::with(&["a.png", "z.png"]);
    folder.write("broken.png", b"this is text");
    folder.write("empty.png", b"");
    let random: Vec<u8> = (1..500u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    folder.write("random.png", &random);
    let run = folder
        .run("kmeans -k 2 a.png broken.png missing.png empty.png random.png z.png")
        .code(1);
    assert_eq!(
        folder.names(),
        [
            "a-kmeans2.png",
            "a.png",
            "broken.png",
            "empty.png",
            "random.png",
            "z-kmeans2.png",
            "z.png"
        ]
    );
    let lines: Vec<_> = stderr(&run).lines().map(str::to_owned).collect();
    assert!(
        lines[0].starts_with("quantize: 'broken.png': not a picture"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("quantize: 'missing.png': "),
        "{lines:?}"
    );
    assert!(!lines[1].contains("os error"), "{lines:?}");
    for (line, name) in [(&lines[2], "empty"), (&lines[3], "random")] {
        let said = format!("quantize: '{name}.png': not a picture");
        assert!(line.starts_with(&said), "{lines:?}");
    }
    assert_eq!(lines[4..], ["2 written, 0 skipped, 4 failed"]);
}

#[test]
fn c1_an_existing_output_is_kept_unless_forced() {
    let folder = Folder::with(&["a.png", "b.png"]);
    folder.write("a-kmeans2.png", b"precious");
    let run = folder.run("kmeans -k 2 a.png b.png").code(1);
    assert!(
        stderr(&run).starts_with(
            "quantize: 'a.png': cannot write 'a-kmeans2.png': exists already; --force replaces it\n"
        ),
        "{}",
        stderr(&run)
    );
    assert_eq!(folder.read("a-kmeans2.png"), b"precious");
    assert_eq!(indexed(&folder.read("b-kmeans2.png")).0, 2);

    folder.run("kmeans -k 2 a.png b.png --force").code(0);
    assert_eq!(indexed(&folder.read("a-kmeans2.png")).0, 2);
}

#[test]
fn an_input_of_whose_outputs_one_exists_is_not_written_at_all() {
    let folder = Folder::with(&["a.png"]);
    for exists in ["out.png", "compare.png", "sample.png"] {
        folder.write(exists, b"precious");
        folder
            .run("gmm -k 2 a.png -o out.png --compare compare.png --sample sample.png")
            .code(1);
        assert_eq!(folder.read(exists), b"precious");
        fs::remove_file(folder.path(exists)).unwrap();
        assert_eq!(folder.names(), ["a.png"]);
    }
}

#[test]
fn c7_a_name_that_is_too_long_fails_with_the_systems_reason() {
    let folder = Folder::with(&["a.png"]);
    let name = "n".repeat(300);
    for arguments in [
        format!("-o {name}"),
        format!("-f -o {name}"),
        format!("--compare {name}"),
    ] {
        let run = folder
            .run(&format!("kmeans -k 2 a.png {arguments}"))
            .code(1);
        assert!(stderr(&run).contains("cannot write"), "{}", stderr(&run));
        #[cfg(target_os = "linux")]
        assert!(
            stderr(&run).contains("File name too long\n"),
            "{}",
            stderr(&run)
        );
        assert_eq!(folder.names(), ["a.png"]);
    }
}

#[test]
fn a_fit_that_does_not_converge_is_written_with_a_warning() {
    let folder = Folder::with(&[]);
    for method in ["kmeans", "gmm"] {
        let command = format!("{method} -k 7 builtin:flower.jpg --max-iter 1");
        let run = folder.run(&command).code(0);
        let warning = "quantize: 'builtin:flower.jpg': not converged within --max-iter 1; \
                       raise it or --tol\n";
        assert_eq!(stderr(&run), warning);
        assert!(stdout(&run).contains("1, not converged"));
        let run = folder.run(&format!("{command} -f -q")).code(0);
        assert_eq!(stderr(&run), "");
    }
}
