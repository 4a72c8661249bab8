//! Commands that make no sense: exit code 2, and nothing is written.

use std::fs;

use crate::common::{Folder, stderr};

#[test]
fn b2_numbers_out_of_range_are_refused_with_the_option_and_its_range() {
    let folder = Folder::with(&["a.png"]);
    let whole = "takes a whole number";
    for (arguments, option, range) in [
        ("-k 0", "-k", "from 1 to 256"),
        ("-k 257", "-k", "from 1 to 256"),
        ("-k -1", "-k", "from 1 to 256"),
        ("-k abc", "-k", "from 1 to 256"),
        ("-k 2.5", "-k", "from 1 to 256"),
        ("--colors=-1", "-k", "from 1 to 256"),
        ("--seed x", "--seed", "from 0 to 18446744073709551615"),
        ("--seed -1", "--seed", "from 0 to 18446744073709551615"),
        ("--n-init 0", "--n-init", "of at least 1"),
        ("--max-iter 0", "--max-iter", "of at least 1"),
        ("-j 0", "-j", "from 1 to 1024"),
        ("-j 99999", "-j", "from 1 to 1024"),
    ] {
        for method in ["kmeans", "gmm"] {
            let run = folder.run(&format!("{method} a.png {arguments}")).code(2);
            let message = format!("{option} {whole} {range}");
            assert!(
                stderr(&run).contains(&message),
                "{arguments}: {}",
                stderr(&run)
            );
        }
    }
    for value in ["-1", "-1e-9", "nan", "inf", "-inf", "x"] {
        let run = folder.run(&format!("gmm a.png --tol {value}")).code(2);
        assert!(stderr(&run).contains("--tol takes a number that is not negative"));
        let run = folder
            .run(&format!("gmm a.png --reg-covar {value}"))
            .code(2);
        assert!(stderr(&run).contains("--reg-covar takes a number from 0 to 1e6"));
    }
    assert_eq!(folder.names(), ["a.png"]);
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let folder = Folder::with(&["a.png"]);
    folder.run("kmeans a.png --sample s.png").code(2);
    folder.run("kmeans a.png --reg-covar 1").code(2);
    folder.run("gmm a.png --sample-mode iid").code(2);
    assert_eq!(folder.names(), ["a.png"]);
}

#[test]
fn c2_an_output_that_is_an_input_is_refused_by_any_path() {
    let folder = Folder::with(&["a.png", "b.png", "sub/c.png"]);
    fs::hard_link(folder.path("a.png"), folder.path("hard.png")).unwrap();
    let mut outputs = vec!["a.png", "./a.png", "sub/../a.png", "hard.png"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a.png", folder.path("soft.png")).unwrap();
        outputs.push("soft.png");
    }
    let (before, names) = (folder.read("a.png"), folder.names());
    for output in outputs {
        for force in ["", "-f"] {
            for option in ["-o", "--compare"] {
                let run = folder.run(&format!("kmeans b.png a.png {option} {output} {force}"));
                assert!(stderr(&run.code(2)).contains("a.png"), "{output}");
            }
            let run = folder
                .run(&format!("kmeans a.png -o {output} {force}"))
                .code(2);
            assert!(
                stderr(&run).contains("would replace the input 'a.png'"),
                "{output}"
            );
        }
    }
    assert_eq!(folder.read("a.png"), before);
    assert_eq!(folder.names(), names);
}

#[test]
fn d2_outputs_that_collide_are_refused_with_both_names() {
    let folder = Folder::with(&["a/x.png", "b/x.png", "a/x.jpg"]);
    fs::create_dir(folder.path("out")).unwrap();
    let before = folder.names();
    for (arguments, first, second) in [
        ("a/x.png b/x.png -o out/", "'a/x.png'", "'b/x.png'"),
        ("a/x.png a/x.jpg", "'a/x.png'", "'a/x.jpg'"),
        ("a/x.png b/x.png -o out/y.png", "'a/x.png'", "'b/x.png'"),
        ("a/x.png b/x.png -o -", "'a/x.png'", "'b/x.png'"),
        ("a/x.png a/x.png", "'a/x.png' is named twice", "'a/x.png'"),
        (
            "a/x.png a/../a/x.png",
            "'a/x.png' is named twice",
            "'a/../a/x.png'",
        ),
        ("a/x.png a/x.jpg", "'a/x.jpg'", "-o 'DIR/{name}.png'"),
        ("a", "'a/x.jpg'", "-o 'DIR/{name}.png'"),
        (
            "a/x.png -o out/y.png --compare out/../out/y.png",
            "picture",
            "comparison",
        ),
    ] {
        let run = folder.run(&format!("kmeans -k 2 -f {arguments}")).code(2);
        assert!(stderr(&run).contains(first), "{}", stderr(&run));
        assert!(stderr(&run).contains(second), "{}", stderr(&run));
    }
    assert_eq!(folder.names(), before);
}

#[test]
fn c7_a_folder_that_is_missing_or_a_file_is_refused() {
    let folder = Folder::with(&["a.png", "b.png"]);
    for (output, message) in [
        ("missing/x.png", "folder 'missing' does not exist"),
        (
            "missing/",
            "folder 'missing' does not exist; mkdir -p makes it",
        ),
        ("{stem}/x.png", "folder 'a' does not exist"),
        ("b.png/x.png", "'b.png' is not a folder"),
        ("b.png/", "'b.png' is not a folder"),
    ] {
        let run = folder.run(&format!("kmeans a.png -o {output}")).code(2);
        assert!(stderr(&run).contains(message), "{}", stderr(&run));
        folder.run(&format!("gmm a.png --sample {output}")).code(2);
    }
    assert_eq!(folder.names(), ["a.png", "b.png"]);
}

#[test]
fn a_path_that_is_no_pattern_and_names_of_other_formats_are_refused() {
    let folder = Folder::with(&["a.png", "b.jpg"]);
    for (arguments, part) in [
        (
            "kmeans a.png -o {nam}.png",
            "there is no {nam}; what stands for parts of an input's name is {stem}, {name}, {ext}, {dir}",
        ),
        ("kmeans a.png --save-palette {}.gpl", "there is no {};"),
        ("kmeans a.png --html {x}.html", "there is no {x};"),
        (
            "kmeans a.png -o ok.gif",
            "'ok.gif': what is written is a PNG",
        ),
        (
            "gmm a.png --sample s.JPG",
            "so that its name should end in .png",
        ),
        ("kmeans a.png b.jpg -o {name} -f", "should end in .png"),
        ("compare a.png a.png -o both.jpg", "should end in .png"),
    ] {
        let run = folder.run(arguments).code(2);
        assert!(stderr(&run).contains(part), "{}", stderr(&run));
        assert_eq!(stderr(&run).lines().count(), 1, "{}", stderr(&run));
    }
    assert_eq!(folder.names(), ["a.png", "b.jpg"]);
    folder.run("kmeans a.png -o part.tmp").code(0);
}

#[test]
fn a_mistaken_command_is_answered_with_what_was_meant() {
    let folder = Folder::with(&["a.png"]);
    for (arguments, part) in [
        (
            "a.png",
            "the command is missing; such as: quantize kmeans a.png",
        ),
        (
            "no.jpg",
            "the command is missing; such as: quantize kmeans no.jpg",
        ),
        (
            "-k 5 a.png",
            "-k stands after a command, such as: quantize kmeans -k",
        ),
        (
            "kmeans --covariance tied a.png",
            "--covariance belongs to gmm",
        ),
        (
            "remap -k 5 a.png --palette #fff",
            "-k belongs to kmeans and gmm",
        ),
        ("kmean a.png", "'kmeans'"),
        ("kmeans --dithre bayer a.png", "'--dither'"),
        ("kmeans -k 5 --max-k 9 a.png", "--max-k is for -k auto"),
        ("gmm --criterion aic a.png", "--criterion is for -k auto"),
        (
            "kmeans --load-model m.json --effort best a.png",
            "cannot be used with",
        ),
        (
            "gmm --load-model m.json --covariance tied a.png",
            "cannot be used with",
        ),
    ] {
        let run = folder.run(arguments).code(2);
        assert!(stderr(&run).contains(part), "{arguments}: {}", stderr(&run));
        assert_eq!(stderr(&run).lines().count(), 1, "{}", stderr(&run));
    }
    assert_eq!(folder.names(), ["a.png"]);
}

#[test]
fn inputs_that_make_no_sense_are_refused() {
    let folder = Folder::with(&["sub/a.png"]);
    for (arguments, message) in [
        (".", "'.': no pictures in this folder; -r looks below"),
        ("- --files-from -", "stdin can be read only once"),
        ("--files-from missing", "'missing': "),
        ("- --in-place", "--in-place replaces files"),
        ("sub/a.png --in-place -o x.png", "cannot be used with"),
        ("sub/a.png -0", "--files-from"),
        (
            "builtin:cat.jpg",
            "builtin:flower.jpg and builtin:china.jpg",
        ),
        ("- - -o {stem}.png", "stdin can be read only once"),
    ] {
        let run = folder.run(&format!("kmeans {arguments}")).code(2);
        assert!(stderr(&run).contains(message), "{}", stderr(&run));
    }
    assert_eq!(folder.names(), ["sub/a.png"]);
}

#[test]
fn a_command_that_makes_no_sense_gets_one_line() {
    let folder = Folder::with(&[]);
    for arguments in [
        "kmeans -k 0",
        "kmeans --dithre",
        "kmeans --tol",
        "kmean",
        "gmm --init foo",
        "gmm --sample-mode iid",
    ] {
        let run = folder.run(arguments).code(2);
        let line = stderr(&run);
        assert!(line.starts_with("quantize: "), "{line}");
        assert!(line.ends_with('\n') && line.lines().count() == 1, "{line}");
    }
}
