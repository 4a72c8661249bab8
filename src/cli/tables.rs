//! Tables of counted colors as Parquet files, for programs that add them up: `color` (an integer,
//! 0xRRGGBB) and `count` (how many pixels have it).

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Result, anyhow, bail, ensure};
use os_display::Quotable;
use parquet::{
    basic::{Compression, Encoding, Type},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{DataType, Int32Type, Int64Type},
    file::{
        properties::WriterProperties,
        reader::{FileReader, RowGroupReader, SerializedFileReader},
        writer::SerializedFileWriter,
    },
    schema::parser::parse_message_type,
};
use quantize::colors::Counts;
use rayon::prelude::*;

use super::{message::reason, panics};

const SCHEMA: &str = "message colors { required int32 color; required int64 count; }";

/// Rows that are written together, and read as parts: what Parquet's writers usually do.
const ROWS_OF_GROUP: usize = 1 << 20;

/// Rows that are read at a time.
const ROWS_OF_BATCH: usize = 1 << 14;

/// The Parquet file of opaque colors of 8 bits a channel and their counts, sorted by color.
///
/// # Errors
/// When the writer fails.
pub fn to_bytes(mut rows: Vec<([u8; 3], i64)>) -> Result<Vec<u8>> {
    rows.par_sort_unstable();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_column_encoding("color".into(), Encoding::DELTA_BINARY_PACKED)
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    for rows in rows.chunks(ROWS_OF_GROUP) {
        let colors: Vec<i32> = rows.iter().map(|&(color, _)| to_number(color)).collect();
        let counts: Vec<i64> = rows.iter().map(|&(_, count)| count).collect();
        let mut group = writer.next_row_group()?;
        if let Some(mut column) = group.next_column()? {
            column
                .typed::<Int32Type>()
                .write_batch(&colors, None, None)?;
            column.close()?;
        }
        if let Some(mut column) = group.next_column()? {
            column
                .typed::<Int64Type>()
                .write_batch(&counts, None, None)?;
            column.close()?;
        }
        group.close()?;
    }
    Ok(writer.into_inner()?)
}

fn to_number([r, g, b]: [u8; 3]) -> i32 {
    i32::from(r) << 16 | i32::from(g) << 8 | i32::from(b)
}

/// Adds the tables at `path` to `counts`: a file, or all `.parquet` files of a folder. Returned: how many
/// files they are.
///
/// # Errors
/// The system's reason, or why a file is no table of counts, with its name.
pub fn add(path: &Path, counts: &mut Counts) -> Result<usize> {
    let named = |path: &Path, error: anyhow::Error| anyhow!("{}: {}", path.quote(), reason(&error));
    let files = files(path).map_err(|error| named(path, error))?;
    for file in &files {
        let added = panics::of_decoder(|| add_file(file, counts));
        let added = added.unwrap_or_else(|_| bail!("the reader failed on this table"));
        added.map_err(|error| named(file, error))?;
    }
    Ok(files.len())
}

/// `path` itself, or the tables in it if it is a folder. Names with `.` and `_` in front are those of
/// what engines put beside them.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(['.', '_']) && file.extension().is_some_and(|e| e == "parquet") {
            files.push(file);
        }
    }
    ensure!(!files.is_empty(), "no .parquet files in this folder");
    files.sort();
    Ok(files)
}

fn add_file(path: &Path, counts: &mut Counts) -> Result<()> {
    // Asked before opening, because opening a FIFO waits for somebody to write.
    ensure!(fs::metadata(path)?.is_file(), "not a regular file");
    let reader = readable(SerializedFileReader::new(fs::File::open(path)?))?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let place = |name: &str| {
        let mut columns = (0..schema.num_columns()).map(|i| schema.column(i).path().string());
        columns
            .position(|column| column == name)
            .ok_or_else(|| anyhow!("not a table of counts: it has no column '{name}'"))
    };
    let (color, count) = (place("color")?, place("count")?);
    for i in 0..reader.num_row_groups() {
        let group = readable(reader.get_row_group(i))?;
        let mut color = Integers::of(&*group, color, "color")?;
        let mut count = Integers::of(&*group, count, "count")?;
        loop {
            let (colors, numbers) = (color.batch()?, count.batch()?);
            ensure!(
                colors.len() == numbers.len(),
                "the columns differ in their number of rows"
            );
            if colors.is_empty() {
                break;
            }
            for (&color, &number) in colors.iter().zip(&numbers) {
                add_row(counts, color, number)?;
            }
        }
    }
    Ok(())
}

/// What the reader says, in our words.
fn readable<T>(read: parquet::errors::Result<T>) -> Result<T> {
    read.map_err(|error| anyhow!("not a Parquet file that can be read: {error}"))
}

fn add_row(counts: &mut Counts, color: i64, count: i64) -> Result<()> {
    let [0, r, g, b] = u32::try_from(color).unwrap_or(u32::MAX).to_be_bytes() else {
        bail!("a color is {color}; they are 0 to 16777215 (0xRRGGBB)");
    };
    let Ok(number) = u64::try_from(count) else {
        bail!("the count of the color {color} is {count}; counts are not negative");
    };
    Ok(counts.add_color([r, g, b], number)?)
}

/// A column of whole numbers.
enum Integers {
    Int32(ColumnReaderImpl<Int32Type>),
    Int64(ColumnReaderImpl<Int64Type>),
}

impl Integers {
    /// The column of `group` at this place.
    fn of(group: &dyn RowGroupReader, place: usize, name: &str) -> Result<Self> {
        match readable(group.get_column_reader(place))? {
            ColumnReader::Int32ColumnReader(column) => Ok(Self::Int32(column)),
            ColumnReader::Int64ColumnReader(column) => Ok(Self::Int64(column)),
            _ => bail!(
                "the column '{name}' is {}, not int32 or int64 (in SQL: CAST({name} AS BIGINT))",
                physical_type(group, place)
            ),
        }
    }

    /// Some more of its numbers; none at its end.
    fn batch(&mut self) -> Result<Vec<i64>> {
        match self {
            Self::Int32(column) => Ok(batch(column)?.into_iter().map(i64::from).collect()),
            Self::Int64(column) => batch(column),
        }
    }
}

fn physical_type(group: &dyn RowGroupReader, place: usize) -> Type {
    group.metadata().column(place).column_type()
}

fn batch<T: DataType>(column: &mut ColumnReaderImpl<T>) -> Result<Vec<T::T>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let read = column.read_records(ROWS_OF_BATCH, Some(&mut levels), None, &mut values);
    let (rows, numbers, _) = readable(read)?;
    ensure!(rows == numbers, "a row has no color or no count");
    Ok(values)
}
