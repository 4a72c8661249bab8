//! `--dither`.

use crate::common::{Folder, indexed, stderr};

#[test]
fn every_dither_writes_an_indexed_picture_with_the_colors_asked_for() {
    let folder = Folder::with(&["a.png"]);
    for command in ["kmeans", "gmm"] {
        let run = |dither: &str, name: &str| {
            folder
                .run(&format!("{command} -k 3 --dither {dither} a.png -o {name}"))
                .code(0);
            indexed(&folder.read(name))
        };
        let plain = run("none", &format!("{command}-none.png"));
        for dither in ["floyd-steinberg", "bayer", "blue-noise", "adaptive"] {
            let (colors, picture) = run(dither, &format!("{command}-{dither}.png"));
            assert_eq!(colors, 3, "{dither}");
            assert_ne!(picture, plain.1, "{dither}");
        }
    }
}

#[test]
fn a_dither_that_does_not_exist_is_refused_with_those_that_do() {
    let folder = Folder::with(&["a.png"]);
    let refused = folder.run("kmeans --dither riemersma a.png").code(2);
    assert!(stderr(&refused).contains("floyd-steinberg, bayer, blue-noise or adaptive"));
    let refused = folder.run("kmeans --dither bayer=2 a.png").code(2);
    assert!(stderr(&refused).contains("a number from 0 to 1"));
    assert_eq!(folder.names(), ["a.png"]);
}
