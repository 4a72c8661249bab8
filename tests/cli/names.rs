//! Names of files that are unlike those one expects.

use image::ImageFormat;

use crate::common::{Folder, picture};

#[test]
fn d4_unusual_names_are_processed() {
    let folder = Folder::new();
    for name in ["-k.png", "with space.png", "🌻.png"] {
        folder.add(name);
        let mut quantize = folder.quantize();
        quantize
            .args(["kmeans", "-k", "2", "--", name])
            .assert()
            .code(0);
    }
    assert!(folder.names().contains(&"-k-kmeans2.png".to_owned()));
    assert!(folder.names().contains(&"🌻-kmeans2.png".to_owned()));
}

#[test]
fn a7_the_format_is_told_by_the_content_and_not_by_the_name() {
    let folder = Folder::new();
    picture(0)
        .save_with_format(folder.path("jpeg.png"), ImageFormat::Jpeg)
        .unwrap();
    picture(0)
        .save_with_format(folder.path("png"), ImageFormat::Png)
        .unwrap();
    folder.run("kmeans -k 2 jpeg.png png").code(0);
    assert!(folder.names().contains(&"png-kmeans2.png".to_owned()));
}
