//! The page of `--html`.

use crate::common::{Folder, stderr, stdout};

fn text(folder: &Folder, name: &str) -> String {
    String::from_utf8(folder.read(name)).unwrap()
}

#[test]
fn a_page_shows_the_picture_as_it_was_written_its_palette_and_the_command() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let folder = Folder::with(&["a.png"]);
    let run = folder.run("kmeans -k 3 a.png --html a.html").code(0);
    assert!(stdout(&run).ends_with("page -> a.html\n"));
    let page = text(&folder, "a.html");
    let written = BASE64_STANDARD.encode(folder.read("a-kmeans3.png"));
    assert!(page.contains(&written));
    assert!(page.contains("<code>quantize kmeans -k 3 a.png</code>"));
    assert_eq!(page.matches("data-copy=\"#").count(), 3);
}

#[test]
fn every_method_makes_a_page() {
    let folder = Folder::with(&["a.png"]);
    folder.run("kmeans -k 2 a.png --html .").code(0);
    folder.run("gmm -k 2 a.png --html .").code(0);
    folder
        .run("remap --palette #000,#fff a.png --html .")
        .code(0);
    for name in ["a-kmeans2.html", "a-gmm2.html", "a-remap.html"] {
        assert!(text(&folder, name).contains("a.png in 2 colors"));
    }
}

#[test]
fn many_pictures_share_a_page_with_a_table_that_names_those_that_failed() {
    let folder = Folder::with(&["a.png", "b.png"]);
    folder.write("c.png", b"no picture");
    folder
        .run("kmeans -k 2 a.png b.png c.png --html all.html")
        .code(1);
    let page = text(&folder, "all.html");
    assert!(page.contains("<title>3 pictures</title>"));
    assert_eq!(page.matches("<article").count(), 2);
    assert!(page.contains("href=\"#picture-2\"") && page.contains("not a picture"));
    assert!(page.contains("2 pictures, 1 failed"));
}

#[test]
fn a_page_that_exists_is_refused_before_any_work() {
    let folder = Folder::with(&["a.png"]);
    folder.write("a.html", b"mine");
    let run = folder.run("kmeans -k 2 a.png --html a.html").code(2);
    assert!(stderr(&run).contains("--force replaces it"));
    assert_eq!(folder.names(), ["a.html", "a.png"]);
    folder.run("kmeans -k 2 a.png --html a.html -f").code(0);
    assert!(text(&folder, "a.html").starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_page_that_collides_or_depends_on_several_names_is_refused() {
    let folder = Folder::with(&["a.png", "b.png"]);
    for arguments in [
        "kmeans a.png --html x.png -o x.png",
        "kmeans a.png --html - -o -",
        "kmeans a.png --html a.png",
        "kmeans a.png b.png --html {stem}.html",
        "kmeans a.png --html missing/",
    ] {
        folder.run(arguments).code(2);
    }
    assert_eq!(folder.names(), ["a.png", "b.png"]);
}

#[test]
fn a_page_goes_to_stdout_and_then_the_report_does_not() {
    let folder = Folder::with(&["a.png"]);
    let run = folder.run("kmeans -k 2 a.png --html -").code(0);
    assert!(stdout(&run).starts_with("<!DOCTYPE html>"));
    assert!(stdout(&run).trim_end().ends_with("</html>"));
    assert!(stderr(&run).contains("palette"));
}

#[test]
fn the_plan_names_the_page() {
    let folder = Folder::with(&["a.png"]);
    let run = folder.run("kmeans -k 2 a.png --html . --dry-run").code(0);
    assert!(stdout(&run).contains("page -> ./a-kmeans2.html"));
    assert_eq!(folder.names(), ["a.png"]);
}

#[test]
fn without_any_picture_there_is_no_page() {
    let folder = Folder::new();
    folder.write("a.png", b"no picture");
    folder.run("kmeans a.png --html a.html").code(1);
    assert_eq!(folder.names(), ["a.png"]);
}
