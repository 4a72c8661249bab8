//! Models that are saved, loaded and drawn from, k that is chosen, and what a model says of pixels.

use serde_json::Value;

use crate::common::{Folder, indexed, stderr, stdout};

fn report(folder: &Folder, arguments: &str) -> Value {
    serde_json::from_str(&stdout(&folder.run(arguments).code(0))).unwrap()
}

#[test]
fn a_loaded_model_gives_the_picture_and_the_figures_that_it_was_saved_with() {
    for (method, figure) in [("gmm", "log_likelihood"), ("kmeans", "inertia")] {
        let folder = Folder::with(&["a.png", "longer.png"]);
        let fitted = report(
            &folder,
            &format!("{method} -k 3 a.png -o fitted.png --save-model m.json --report json"),
        );
        let load = format!("{method} --load-model m.json --report json");
        let loaded = report(&folder, &format!("{load} a.png"));
        let output = format!("a-{method}3.png");
        assert_eq!(loaded["output"], output.as_str());
        assert_eq!(folder.read(&output), folder.read("fitted.png"));
        let (a, b) = (&fitted[figure], &loaded[figure]);
        let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
        assert!((a - b).abs() <= 1e-9 * a.abs(), "{a} {b}");
        assert_eq!((&loaded["k"], &loaded["n_iter"]), (&3.into(), &0.into()));
        let other = report(&folder, &format!("{load} longer.png"));
        assert_ne!(other[figure], fitted[figure]);
    }
}

#[test]
fn a_loaded_model_of_k_means_has_the_same_palette_for_every_picture() {
    let folder = Folder::with(&["a.png"]);
    // Its colors are those of a.png and more of some of them, so that means of bytes lie elsewhere.
    let lower = image::RgbImage::from_fn(24, 40, |x, y| {
        image::Rgb([
            (x / 2 * 20) as u8,
            (y.saturating_sub(24) / 2 * 30) as u8,
            40,
        ])
    });
    lower.save(folder.path("b.png")).unwrap();
    for dither in ["none", "adaptive"] {
        let model = format!("kmeans -k 7 --dither {dither} a.png -f --save-model m.json");
        let palette = |arguments: &str| {
            let report = report(&folder, &format!("{arguments} --report json"));
            let entries = report["palette"].as_array().unwrap().clone();
            let mut colors: Vec<_> = entries
                .iter()
                .map(|entry| entry["hex"].to_string())
                .collect();
            colors.sort();
            colors
        };
        let own = palette(&model);
        let other = palette(&format!(
            "kmeans --load-model m.json --dither {dither} b.png -f"
        ));
        assert!(
            !other.is_empty() && other.iter().all(|color| own.contains(color)),
            "{own:?} {other:?}"
        );
    }
}

#[test]
fn a_model_that_does_not_serve_is_refused_before_any_work() {
    let folder = Folder::with(&["a.png"]);
    folder
        .run("kmeans -k 2 a.png --save-model m.json -q")
        .code(0);
    folder.write(
        "broken.json",
        b"{\"format\": \"quantize-model\", \"version\": 9}",
    );
    folder.write("cut.json", b"{\"format\": \"q");
    folder.write("other.json", b"{\"a\": 1}");
    folder.write("notes.json", b"notes");
    let before = folder.names();
    for (arguments, part) in [
        (
            "gmm --load-model m.json a.png",
            "is one of kmeans, not of gmm",
        ),
        ("kmeans --load-model broken.json a.png", "version 9"),
        ("kmeans --load-model a.png a.png", "UTF-8"),
        (
            "kmeans --load-model none.json a.png",
            "'none.json': No such file or directory\n",
        ),
        (
            "kmeans --load-model cut.json a.png",
            "'cut.json': not a saved model: it ends too soon (line 1, column 13)",
        ),
        (
            "kmeans --load-model other.json a.png",
            "not a saved model: its \"format\" is not",
        ),
        (
            "kmeans --load-model notes.json a.png",
            "not a saved model: it is no JSON (line 1, column 2)",
        ),
        (
            "kmeans --load-model m.json -k 4 a.png",
            "cannot be used with",
        ),
        (
            "sample --model m.json --size 4x4 -o s.png",
            "is one of kmeans",
        ),
        ("sample --model m.json --size 4x0 -o s.png", "like 640x480"),
    ] {
        let run = folder.run(arguments).code(2);
        assert!(stderr(&run).contains(part), "{}", stderr(&run));
        assert_eq!(stderr(&run).lines().count(), 1, "{}", stderr(&run));
    }
    assert_eq!(folder.names(), before);
}

#[test]
fn a_picture_is_drawn_from_a_saved_mixture_by_the_seed() {
    let folder = Folder::with(&["a.png"]);
    folder.run("gmm -k 2 a.png --save-model m.json -q").code(0);
    let draw = |more: &str| {
        folder
            .run(&format!("sample --model m.json --size 9x5 {more}"))
            .code(0);
    };
    draw("-o one.png");
    draw("-o two.png --seed 1");
    let one = image::load_from_memory(&folder.read("one.png")).unwrap();
    assert_eq!((one.width(), one.height()), (9, 5));
    assert_ne!(folder.read("one.png"), folder.read("two.png"));
    folder
        .run("sample --model m.json --size 9x5 -o one.png")
        .code(1);
    draw("-o two.png -f");
    assert_eq!(folder.read("one.png"), folder.read("two.png"));
    folder
        .run("sample --model m.json --size 9x5 -f -o m.json")
        .code(2);
}

#[test]
fn auto_chooses_k_and_says_how() {
    let folder = Folder::with(&["a.png"]);
    let report = report(&folder, "kmeans -k auto a.png --report json");
    assert_eq!(report["output"], "a-kmeans.png");
    let k = report["k"].as_u64().unwrap();
    assert_eq!(indexed(&folder.read("a-kmeans.png")).0 as u64, k);
    assert_eq!(report["choice"]["trials"].as_array().unwrap().len(), 32);

    let text = stdout(
        &folder
            .run("gmm -k auto --max-k 2 --criterion aic -v a.png")
            .code(0),
    );
    assert!(text.starts_with("a.png -> a-gmm.png\n"), "{text}");
    for part in [
        "k = 2 by AIC, and --max-k decided",
        "nats a pixel",
        "\n                1  ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn labels_are_gray_numbers_of_components_and_soft_is_in_between() {
    let folder = Folder::with(&["a.png"]);
    folder
        .run("gmm -k 3 a.png --labels l.png --soft s.png -q")
        .code(0);
    let labels = image::load_from_memory(&folder.read("l.png")).unwrap();
    assert_eq!(labels.color(), image::ColorType::L8);
    let labels = labels.to_luma8();
    let (_, hard) = indexed(&folder.read("a-gmm3.png"));
    for (a, b) in labels.pixels().zip(hard.pixels()) {
        assert!(a.0[0] < 3);
        let mut same = labels
            .pixels()
            .zip(hard.pixels())
            .filter(|(label, _)| *label == a);
        assert!(
            same.all(|(_, color)| color == b),
            "a component has one color"
        );
    }
    let soft = image::load_from_memory(&folder.read("s.png"))
        .unwrap()
        .to_rgb8();
    assert_eq!(soft.dimensions(), (24, 16));
    for d in 0..3 {
        let range = |picture: &image::RgbImage| {
            let values = || picture.pixels().map(move |pixel| pixel.0[d]);
            (values().min(), values().max())
        };
        let (hard, soft) = (range(&hard), range(&soft));
        assert!(
            soft.0 >= hard.0 && soft.1 <= hard.1,
            "means lie between means"
        );
    }
}
