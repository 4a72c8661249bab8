//! Modes, links, devices and names as only Unix has them.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink},
    process::Command,
};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::common::{Folder, indexed, stderr, stdout};

fn mode(folder: &Folder, name: &str) -> u32 {
    fs::metadata(folder.path(name))
        .unwrap()
        .permissions()
        .mode()
        & 0o7777
}

#[test]
fn a_new_file_has_the_mode_that_the_umask_leaves() {
    let folder = Folder::with(&["a.png"]);
    for (umask, expected) in [("022", 0o644), ("077", 0o600), ("002", 0o664)] {
        let program = cargo_bin!("quantize");
        let script = format!("umask {umask}; exec \"$0\" kmeans -k 2 -q a.png -o {umask}.png");
        let run = Command::new("sh")
            .args([OsStr::new("-c"), OsStr::new(&script), program.as_os_str()])
            .current_dir(folder.path(""))
            .status()
            .unwrap();
        assert!(run.success());
        assert_eq!(mode(&folder, &format!("{umask}.png")), expected);
    }
}

#[test]
fn c1_a_replaced_file_keeps_its_mode() {
    let folder = Folder::with(&["a.png"]);
    folder.write("out.png", b"old");
    fs::set_permissions(folder.path("out.png"), Permissions::from_mode(0o600)).unwrap();
    folder.run("kmeans -k 2 a.png -o out.png -f").code(0);
    assert_eq!(mode(&folder, "out.png"), 0o600);
    indexed(&folder.read("out.png"));
}

#[test]
fn c8_a_link_as_output_is_never_written_through() {
    let folder = Folder::with(&["a.png"]);
    folder.write("victim", b"precious");
    symlink("victim", folder.path("planted.png")).unwrap();
    symlink("nowhere", folder.path("dangling.png")).unwrap();
    for link in ["planted.png", "dangling.png"] {
        folder.run(&format!("kmeans -k 2 a.png -o {link}")).code(1);
        assert!(folder.path(link).is_symlink());
        folder
            .run(&format!("kmeans -k 2 a.png -o {link} -f"))
            .code(0);
        assert!(!folder.path(link).is_symlink());
        indexed(&folder.read(link));
    }
    assert_eq!(folder.read("victim"), b"precious");
    assert!(!folder.path("nowhere").exists());
}

#[test]
fn c7_unreadable_inputs_and_folders_that_cannot_be_written_fail_with_the_systems_reason() {
    let folder = Folder::with(&["a.png", "secret.png", "sub/b.png"]);
    fs::set_permissions(folder.path("secret.png"), Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(folder.path("sub"), Permissions::from_mode(0o555)).unwrap();
    if fs::read(folder.path("secret.png")).is_ok() {
        // The superuser may do everything, so there is nothing to see.
        return;
    }
    let run = folder.run("kmeans -k 2 secret.png sub/b.png a.png").code(1);
    let said = stderr(&run);
    assert!(
        said.starts_with("quantize: 'secret.png': Permission denied\n"),
        "{said}"
    );
    assert!(
        said.contains("cannot write 'sub/b-kmeans2.png': Permission denied\n"),
        "{said}"
    );
    assert!(folder.path("a-kmeans2.png").exists());
    fs::set_permissions(folder.path("sub"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn d3_what_is_no_regular_file_is_not_read() {
    let folder = Folder::new();
    symlink("/dev/zero", folder.path("zero.png")).unwrap();
    let run = folder.run("kmeans zero.png").code(1);
    assert!(stderr(&run).starts_with("quantize: 'zero.png': not a regular file\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn c4_a_full_stdout_is_a_failure() {
    let folder = Folder::with(&["a.png"]);
    for arguments in [&["-o", "-"][..], &["--report", "json"], &[]] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let run = Command::new(cargo_bin!("quantize"))
            .args(["kmeans", "-f", "a.png"])
            .args(arguments)
            .current_dir(folder.path(""))
            .stdout(full)
            .output()
            .unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.contains("No space left on device\n"),
            "{arguments:?}: {said}"
        );
    }
}

// Other systems refuse names that are not UTF-8.
#[cfg(target_os = "linux")]
#[test]
fn d4_a_name_that_is_not_utf8_is_processed() {
    let folder = Folder::new();
    let name = OsStr::from_bytes(b"caf\xe9.png");
    folder.add(name);
    let mut quantize = folder.quantize();
    let run = quantize
        .args(["kmeans", "-k", "2", "--report", "json"])
        .arg(name)
        .assert()
        .code(0);
    let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
    assert_eq!(line["input"], "caf\u{fffd}.png");
    indexed(&folder.read(OsStr::from_bytes(b"caf\xe9-kmeans2.png")));

    fs::create_dir(folder.path("out")).unwrap();
    let mut quantize = folder.quantize();
    quantize
        .args(["kmeans", "-o", "out/{stem}.png"])
        .arg(name)
        .assert()
        .code(0);
    indexed(&folder.read(OsStr::from_bytes(b"out/caf\xe9.png")));
}

#[test]
fn d5_no_control_character_of_a_name_reaches_the_terminal() {
    let folder = Folder::new();
    let name = "a\u{1b}[31m\n\u{7f}\u{9b}2Jb.png";
    folder.add(name);
    fs::write(folder.path(format!("broken{name}")), b"text").unwrap();
    let broken = format!("broken{name}");
    let controls = |text: &str| {
        text.chars()
            .filter(|&c| c.is_control() && c != '\n')
            .count()
    };
    for arguments in [
        &["kmeans", "-f", "--color", "never", name, &broken][..],
        &["kmeans", "-f", "--report", "json", name, &broken],
        &["kmeans", "-f", "--max-iter", "1", "--color", "never", name],
        &[
            "kmeans",
            "-f",
            "--color",
            "never",
            name,
            "builtin:flower.jpg",
        ],
        &["kmeans", "--dry-run", name],
        &["kmeans", "--files-from", name],
        &["kmeans", name, name],
        &["kmeans", name, "-o", name],
        &["kmeans", name, "-o", &format!("{broken}/x")],
        &["kmeans", &format!("builtin:{name}")],
        &["kmeans", &format!("--{name}")],
        &["kmeans", "-k", name],
        &[name],
    ] {
        let run = folder.quantize().args(arguments).assert();
        assert_eq!(
            controls(&stdout(&run)),
            0,
            "{arguments:?}: {:?}",
            stdout(&run)
        );
        assert_eq!(
            controls(&stderr(&run)),
            0,
            "{arguments:?}: {:?}",
            stderr(&run)
        );
    }
}
