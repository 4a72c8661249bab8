//! `--min-psnr`, `--max-bytes` and `--keep-color`.

use serde_json::Value;

use crate::common::{Folder, indexed, stderr, stdout};

/// The report of a run that goes well.
fn report(folder: &Folder, arguments: &str) -> Value {
    let run = folder.run(&format!("{arguments} -f --report json")).code(0);
    serde_json::from_str(&stdout(&run)).unwrap()
}

#[test]
fn the_fewest_colors_that_reach_a_psnr_are_chosen_without_dithering() {
    let folder = Folder::with(&["a.png"]);
    for command in ["kmeans", "gmm"] {
        let found = report(&folder, &format!("{command} --min-psnr 18 a.png"));
        assert_eq!(found["output"], format!("a-{command}.png"));
        let k = found["k"].as_u64().unwrap();
        assert!(found["psnr_db"].as_f64().unwrap() >= 18.0);
        if command == "kmeans" {
            let fewer = report(&folder, &format!("{command} -k {} a.png", k - 1));
            assert!(fewer["psnr_db"].as_f64().unwrap() < 18.0, "{k}");
        }
        let dithered = format!("{command} --min-psnr 18 --dither floyd-steinberg a.png");
        assert_eq!(report(&folder, &dithered)["k"], k);
    }
}

#[test]
fn the_most_colors_whose_file_is_not_larger_are_chosen() {
    let folder = Folder::with(&["a.png"]);
    // Pictures whose files grow with k: dithered ones of few pixels do not always.
    for (dither, picture) in [("none", "a.png"), ("adaptive", "builtin:flower.jpg")] {
        let with = |arguments: &str| {
            let arguments = format!("kmeans --dither {dither} {arguments} {picture} -o b.png");
            let report = report(&folder, &arguments);
            assert_eq!(report["bytes_out"], folder.read("b.png").len());
            (
                report["k"].as_u64().unwrap(),
                report["bytes_out"].as_u64().unwrap(),
            )
        };
        let (_, limit) = with("-k 12");
        let (k, bytes) = with(&format!("--max-bytes {limit}"));
        assert!(k >= 12 && bytes <= limit);
        assert!(with(&format!("-k {}", k + 1)).1 > limit);
        assert_eq!(with(&format!("-k 9 --max-bytes {limit}")).0, 9);
    }
}

#[test]
fn both_targets_are_met_with_the_fewest_colors() {
    let folder = Folder::with(&["a.png"]);
    let alone = report(&folder, "kmeans --min-psnr 28 a.png");
    let both = report(&folder, "kmeans --min-psnr 28 --max-bytes 100000 a.png");
    assert_eq!(alone["k"], both["k"]);
    assert_eq!(both["warnings"], Value::Array(Vec::new()));
}

#[test]
fn a_target_that_is_not_reached_is_warned_of_and_the_best_is_written() {
    let folder = Folder::with(&["a.png"]);
    let warning = |arguments: &str| {
        let run = folder
            .run(&format!("kmeans {arguments} a.png -f -o b.png"))
            .code(0);
        let (colors, _) = indexed(&folder.read("b.png"));
        (colors, stderr(&run))
    };
    let (colors, said) = warning("-k 7 --min-psnr 90");
    assert_eq!(colors, 7);
    assert!(
        said.contains("warning: --min-psnr 90 is not reached: 7 colors have "),
        "{said}"
    );
    let (colors, said) = warning("--max-bytes 20");
    assert_eq!(colors, 1);
    assert!(
        said.contains("warning: --max-bytes 20 is not reached: 1 color has "),
        "{said}"
    );
    let (colors, said) = warning("--min-psnr 40 --max-bytes 200");
    assert!(folder.read("b.png").len() <= 200);
    let expected = format!(
        "warning: --min-psnr 40 is not reached within --max-bytes 200: {colors} colors have "
    );
    assert!(said.contains(&expected), "{said}");
    let (colors, said) = warning("-k 9 --min-psnr 90 --max-bytes 20");
    assert_eq!(colors, 1);
    for target in ["--min-psnr 90", "--max-bytes 20"] {
        let expected = format!("warning: {target} is not reached");
        assert!(said.contains(&expected), "{said}");
    }
    assert_eq!(said.matches(": 1 color has ").count(), 2, "{said}");
}

#[test]
fn pictures_that_a_search_for_a_size_holds_count_as_memory() {
    let folder = Folder::new();
    let picture = image::RgbImage::from_pixel(2000, 1500, image::Rgb([9, 99, 199]));
    picture.save(folder.path("large.png")).unwrap();
    // The least that does, in steps of what two pictures with a byte a pixel take.
    let steps = |arguments: &str| {
        let serves = |step: &u32| {
            let memory = 6_000_000 * step;
            let run = format!("kmeans -f --max-memory {memory} {arguments} large.png");
            let run = folder.quantize().args(run.split_whitespace()).output();
            run.unwrap().status.success()
        };
        (1..40).find(serves).unwrap()
    };
    let plain = steps("");
    assert_eq!(steps("--max-bytes 1G"), plain + 2);
    assert_eq!(steps("--min-psnr 20"), plain);
}

#[test]
fn a_size_may_have_a_unit() {
    let folder = Folder::with(&["a.png"]);
    let found = report(&folder, "kmeans --max-bytes 1K a.png");
    assert!(found["bytes_out"].as_u64().unwrap() <= 1024);
    let same = report(&folder, "kmeans --max-bytes 1024 a.png");
    assert_eq!(found["k"], same["k"]);
}

#[test]
fn colors_that_are_kept_are_in_the_palette_though_no_pixel_has_them() {
    let folder = Folder::with(&["a.png"]);
    let of_picture = "#287832";
    for command in [
        "kmeans",
        "gmm",
        "kmeans --dither adaptive",
        "kmeans --optimize",
    ] {
        let keep = format!("{command} -k 6 --keep-color {of_picture},#ff00ff a.png -o b.png");
        let report = report(&folder, &keep);
        let palette = report["palette"].as_array().unwrap();
        assert_eq!(palette.len(), 6, "{command}");
        let count = |hex: &str| {
            palette
                .iter()
                .find(|e| e["hex"] == hex)
                .map(|e| &e["count"])
        };
        assert_eq!(count("#ff00ff"), Some(&Value::from(0)), "{command}");
        assert!(count(of_picture).unwrap().as_u64().unwrap() > 0);
        assert_eq!(indexed(&folder.read("b.png")).0, 6);
    }
    let text = stdout(
        &folder
            .run("gmm -k 3 --keep-color #ff00ff,#123456 a.png -f")
            .code(0),
    );
    assert!(
        text.contains("\n  kept        #ff00ff    #123456\n"),
        "{text}"
    );
    let soft = report(
        &folder,
        "kmeans -k 3 --keep-color #ff00ff80 a.png -o soft.png",
    );
    assert!(soft["palette"].to_string().contains("#ff00ff80"));
}

#[test]
fn numbers_of_colors_that_contradict_each_other_are_refused() {
    let folder = Folder::with(&["a.png"]);
    for (arguments, reason) in [
        (
            "kmeans -k 1 --keep-color #000,#fff",
            "names 2 colors, more than the 1",
        ),
        (
            "gmm -k 2 --keep-color #000,#fff",
            "leaves no color for the mixture",
        ),
        ("kmeans --keep-color #00", "--keep-color takes #rrggbb"),
        (
            "kmeans -k auto --max-bytes 9",
            "-k auto chooses the number of colors itself",
        ),
        (
            "kmeans --min-psnr -1",
            "--min-psnr takes a number of decibels from 0 to 200",
        ),
        (
            "kmeans --max-bytes 0",
            "--max-bytes takes a size of at least 1, such as 40000 or 40K",
        ),
    ] {
        let run = folder.run(&format!("{arguments} a.png")).code(2);
        assert!(stderr(&run).contains(reason), "{}", stderr(&run));
    }
    assert_eq!(folder.names(), ["a.png"]);
}

#[test]
fn a_picture_has_as_many_colors_as_are_asked_for_if_it_has_them() {
    let folder = Folder::with(&["a.png"]);
    for command in [
        "kmeans",
        "gmm",
        "gmm --covariance tied",
        "kmeans --space lab",
    ] {
        for k in [1, 5, 40, 95, 96, 97, 256] {
            let report = report(&folder, &format!("{command} -k {k} a.png -o b.png"));
            assert_eq!(report["colors"], k.min(96), "{command} {k}");
            if k >= 96 {
                assert_eq!(report["mse"], 0.0, "{command} {k}");
            }
        }
    }
}
