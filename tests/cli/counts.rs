//! Tables of counted colors.

use std::{fs, sync::Arc};

use image::{ImageBuffer, Rgb, Rgba, RgbaImage};
use parquet::{
    data_type::{DoubleType, Int32Type, Int64Type},
    file::{
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
        writer::SerializedFileWriter,
    },
    record::RowAccessor,
    schema::parser::parse_message_type,
};
use serde_json::Value;

use crate::common::{Folder, stderr, stdout};

const NAMES: [&str; 3] = ["in/a.png", "in/bcd.png", "in/efghi.png"];

/// The rows of a table, by another reader than the program's own.
fn rows(folder: &Folder, name: &str) -> Vec<(i32, i64)> {
    let reader = SerializedFileReader::new(fs::File::open(folder.path(name)).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<_> = schema.get_fields().iter().map(|f| f.name()).collect();
    assert_eq!(names, ["color", "count"]);
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        (row.get_int(0).unwrap(), row.get_long(1).unwrap())
    });
    rows.collect()
}

/// A table of whole numbers whose columns may have no value, as engines write it.
fn table(folder: &Folder, name: &str, rows: &[(i32, i64)]) {
    let schema = "message t { optional int64 count; optional int32 color; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = fs::File::create(folder.path(name)).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    for rows in rows.chunks(2) {
        let levels = vec![1; rows.len()];
        let mut group = writer.next_row_group().unwrap();
        let counts: Vec<_> = rows.iter().map(|row| row.1).collect();
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<Int64Type>();
        typed.write_batch(&counts, Some(&levels), None).unwrap();
        column.close().unwrap();
        let colors: Vec<_> = rows.iter().map(|row| row.0).collect();
        let mut column = group.next_column().unwrap().unwrap();
        let typed = column.typed::<Int32Type>();
        typed.write_batch(&colors, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn a_table_has_each_color_once_in_order_whoever_counts() {
    let folder = Folder::with(&NAMES);
    folder.run("counts in -o one.parquet -j 1 -q").code(0);
    let backwards = format!("counts {} {} {}", NAMES[2], NAMES[1], NAMES[0]);
    folder
        .run(&format!("{backwards} -o two.parquet -j 4 -q"))
        .code(0);
    assert_eq!(folder.read("one.parquet"), folder.read("two.parquet"));
    let mut expected = std::collections::BTreeMap::new();
    for name in NAMES {
        let picture = image::load_from_memory(&folder.read(name))
            .unwrap()
            .to_rgb8();
        for Rgb([r, g, b]) in picture.pixels() {
            let color = i32::from_be_bytes([0, *r, *g, *b]);
            *expected.entry(color).or_insert(0) += 1;
        }
    }
    assert_eq!(
        rows(&folder, "one.parquet"),
        expected.into_iter().collect::<Vec<_>>()
    );
}

#[test]
fn a_fit_on_tables_is_that_on_the_pictures() {
    let folder = Folder::with(&NAMES);
    fs::create_dir(folder.path("tables")).unwrap();
    folder
        .run("counts in/a.png in/bcd.png -o tables/part-0.parquet -q")
        .code(0);
    folder
        .run("counts in/efghi.png -o tables/part-1.parquet -q")
        .code(0);
    folder.write("tables/_SUCCESS", b"");
    fs::create_dir(folder.path("out")).unwrap();
    for method in ["kmeans", "gmm"] {
        let fit = format!("{method} -k 5 -q --save-model {method}");
        folder
            .run(&format!(
                "{fit}-s.json --save-palette {method}-s.hex --shared-palette in -o out"
            ))
            .code(0);
        folder
            .run(&format!(
                "{fit}-c.json --save-palette {method}-c.hex --counts tables"
            ))
            .code(0);
        for ending in [".json", ".hex"] {
            let [a, b] = ["s", "c"].map(|x| folder.read(format!("{method}-{x}{ending}")));
            assert_eq!(a, b, "{method}{ending}");
        }
        let run = folder
            .run(&format!("{method} -k 5 in/a.png --counts tables"))
            .code(0);
        assert!(stdout(&run).starts_with("palette of 2 tables\n"));
        let written = folder.read(format!("in/a-{method}5.png"));
        assert_eq!(written, folder.read(format!("out/a-{method}5.png")));
        fs::remove_file(folder.path(format!("in/a-{method}5.png"))).unwrap();
    }
}

#[test]
fn equal_colors_of_foreign_tables_are_added_up() {
    let folder = Folder::new();
    table(
        &folder,
        "a.parquet",
        &[(0xff_0000, 3), (255, 1), (0xff_0000, 4)],
    );
    table(&folder, "b.parquet", &[(255, 2), (0, 0)]);
    let run = folder
        .run("kmeans -k 2 --report json --counts a.parquet b.parquet")
        .code(0);
    let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
    assert_eq!(line["palette"][0]["count"], 7);
    assert_eq!(line["palette"][1]["count"], 3);
    assert_eq!(
        (&line["pixels"], &line["distinct_colors"]),
        (&10.into(), &2.into())
    );
    assert_eq!((&line["tables"], &line["mse"]), (&2.into(), &0.0.into()));
}

#[test]
fn what_is_no_table_of_counts_is_refused_in_a_line() {
    let folder = Folder::with(&["a.png"]);
    fs::create_dir(folder.path("empty")).unwrap();
    table(&folder, "negative.parquet", &[(1, 5), (2, -1)]);
    table(&folder, "range.parquet", &[(0x0100_0000, 5)]);
    table(&folder, "below.parquet", &[(-1, 5)]);
    table(&folder, "much.parquet", &[(1, i64::MAX), (2, i64::MAX)]);
    table(&folder, "nothing.parquet", &[(1, 0)]);
    let schema = Arc::new(
        parse_message_type("message t { required double count; required int32 color; }").unwrap(),
    );
    let file = fs::File::create(folder.path("double.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<DoubleType>()
        .write_batch(&[1.0], None, None)
        .unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<Int32Type>()
        .write_batch(&[1], None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    table(&folder, "cut.parquet", &[(1, 5), (2, 1)]);
    let whole = folder.read("cut.parquet");
    folder.write("cut.parquet", &whole[..whole.len() / 2]);
    let before = folder.names();
    for (table, part) in [
        ("none.parquet", "none.parquet': No such file"),
        ("empty", "empty': no .parquet files in this folder"),
        ("a.png", "a.png': not a Parquet file"),
        ("cut.parquet", "cut.parquet': not a Parquet file"),
        ("negative.parquet", "the count of the color 2 is -1"),
        (
            "range.parquet",
            "a color is 16777216; they are 0 to 16777215",
        ),
        ("below.parquet", "a color is -1"),
        ("much.parquet", "more than 2^63 - 1 pixels"),
        ("double.parquet", "the column 'count' is DOUBLE"),
        ("nothing.parquet", "there are no colors"),
    ] {
        let run = folder
            .run(&format!(
                "kmeans -k 2 --save-palette p.gpl --counts {table}"
            ))
            .code(2);
        assert!(stderr(&run).contains(part), "{}", stderr(&run));
        assert_eq!(stderr(&run).lines().count(), 1, "{}", stderr(&run));
    }
    folder
        .run("kmeans -o x.png --counts negative.parquet")
        .code(2);
    assert_eq!(folder.names(), before);
}

#[test]
fn pictures_that_cannot_be_counted_are_listed_and_the_others_counted() {
    let folder = Folder::with(&["a.png"]);
    folder.write("b.png", b"this is text");
    let soft = RgbaImage::from_fn(9, 8, |x, _| Rgba([200, 0, 7, (x * 20) as u8]));
    soft.save(folder.path("c.png")).unwrap();
    let fine = ImageBuffer::<Rgb<u16>, _>::from_pixel(3, 3, Rgb([0, 257 * 9 + 100, 65_535]));
    fine.save(folder.path("d.png")).unwrap();
    let run = folder
        .run("counts a.png b.png c.png d.png -o t.parquet --report json")
        .code(1);
    let said = stderr(&run);
    let lines: Vec<_> = said.lines().collect();
    for (line, part) in lines.iter().zip([
        "'b.png': not a picture",
        "'c.png': has transparency",
        "'d.png': warning: 16 bits a channel are counted as the nearest 8",
        "2 counted, 2 failed",
    ]) {
        assert!(line.contains(part), "{line}");
    }
    let reports: Vec<Value> = stdout(&run)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let status: Vec<_> = reports.iter().map(|report| &report["status"]).collect();
    assert_eq!(
        status,
        ["counted", "failed", "failed", "counted", "written"]
    );
    assert_eq!(reports[4]["pixels"], 24 * 16 + 9);
    assert!(rows(&folder, "t.parquet").contains(&(0x00_09ff, 9)));

    let run = folder.run("counts a.png -o t.parquet").code(1);
    assert!(stderr(&run).contains("exists already; --force replaces it"));
    folder.run("counts b.png -o none.parquet").code(1);
    folder.run("counts a.png -o a.png -f").code(2);
    assert!(!folder.path("none.parquet").exists());
}
