//! Models that outlive the run: what k-means or a mixture found, as JSON and back.
//!
//! The file is one object, here of a mixture of k = 2 components:
//!
//! ```json
//! {
//!   "format": "quantize-model",
//!   "version": 1,
//!   "program": "quantize 0.1.0",
//!   "space": "srgb",
//!   "channels": 3,
//!   "k": 2,
//!   "method": "gmm",
//!   "covariance_type": "spherical",
//!   "weights": [0.75, 0.25],
//!   "means": [[0.5, 0.25, 0.0], [1.0, 1.0, 0.5]],
//!   "covariances": [
//!     [[0.01, 0.0, 0.0], [0.0, 0.01, 0.0], [0.0, 0.0, 0.01]],
//!     [[0.02, 0.0, 0.0], [0.0, 0.02, 0.0], [0.0, 0.0, 0.02]]
//!   ]
//! }
//! ```
//!
//! | field | is |
//! | --- | --- |
//! | `format`, `version` | always `quantize-model`, and 1 |
//! | `program` | what wrote the file; nothing depends on it |
//! | `space` | where distances are measured: `srgb`, `linear`, `lab` or `oklab` ([`Space`]) |
//! | `channels` | D: 3, or 4 with alpha as the last and the others premultiplied by it |
//! | `k` | components or centroids |
//! | `method` | `kmeans` or `gmm`, which decides what follows |
//! | `centroids` (kmeans) | (k, D), on the scale of the space: 0 to 255 for `srgb` |
//! | `palette` (kmeans) | the 8-bit colors that they became, `#rrggbb` or `#rrggbbaa`; without it they are rounded anew for each picture |
//! | `covariance_type` (gmm) | `full`, `tied`, `diag` or `spherical` |
//! | `weights` (gmm) | (k,), positive, sum 1 |
//! | `means` (gmm) | (k, D), on [0, 1]: coordinates of the space divided by its [unit](crate::Colors::unit) |
//! | `covariances` (gmm) | (k, D, D), on the same scale, of any type written out in full |
//!
//! Numbers have as many digits as bring back the same double. Readers ignore fields that they do
//! not know; a change that they must know of raises `version`. In Python `json.load` and
//! `numpy.array` are all it takes; the arrays are those of scikit-learn's `GaussianMixture` of type
//! `full`, whatever the type.

use std::io;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};
use serde_json::{
    error::Category,
    ser::{Formatter, Serializer},
};

use crate::{
    Error, Palette, Result, Space,
    gmm::{CovarianceType, Mixture},
    kmeans,
    palette::{digits, parse_hex},
};

/// What says that a file is a model of this program.
const FORMAT: &str = "quantize-model";

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// A model of colors with D channels, and the space in which it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Model<const D: usize> {
    /// Where its distances are measured.
    pub space: Space,
    /// What was found.
    pub parameters: Parameters<D>,
}

/// What was found, by either method.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters<const D: usize> {
    /// Those of k-means.
    KMeans {
        /// The centroids (k, D), on the scale of the space.
        centroids: Array2<f64>,
        /// The palette that they became, if that is known.
        palette: Option<Palette>,
    },
    /// A mixture over colors on [0, 1].
    Mixture(Mixture<D>),
}

impl<const D: usize> Model<D> {
    /// k, the number of components or centroids.
    pub fn k(&self) -> usize {
        match &self.parameters {
            Parameters::KMeans { centroids, .. } => centroids.nrows(),
            Parameters::Mixture(mixture) => mixture.components(),
        }
    }

    /// The model as JSON, as the documentation of this module describes it.
    ///
    /// # Errors
    /// When it is none: centroids that are not (k, D) moderate numbers, arrays that do not make a
    /// mixture.
    pub fn to_json(&self) -> Result<String> {
        self.check()?;
        let body = match &self.parameters {
            Parameters::KMeans { centroids, palette } => Body::KMeans {
                centroids: nested(centroids),
                palette: palette.as_ref().map(|palette| {
                    let colors = palette.colors().iter().copied();
                    colors.map(|color| format!("#{}", digits(color))).collect()
                }),
            },
            Parameters::Mixture(mixture) => Body::Gmm {
                covariance_type: mixture.covariance_type,
                weights: mixture.weights.to_vec(),
                means: nested(&mixture.means),
                covariances: mixture
                    .covariances
                    .outer_iter()
                    .map(|matrix| nested(&matrix.to_owned()))
                    .collect(),
            },
        };
        let file = File {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
            space: self.space,
            channels: D,
            k: self.k(),
            body,
        };
        Ok(written(&file))
    }

    /// The model that `json` describes.
    ///
    /// # Errors
    /// When it is no JSON, no model, of another version or of another number of channels than D, or
    /// a number or a shape in it is not what it must be.
    pub fn from_json(json: &str) -> Result<Self> {
        let file = read(json)?;
        if file.channels != D {
            return Err(invalid(format!(
                "has {}, and colors of {} were asked for",
                counted(file.channels, "channel"),
                counted(D, "channel")
            )));
        }
        let k = file.k;
        let parameters = match file.body {
            Body::KMeans { centroids, palette } => Parameters::KMeans {
                centroids: matrix("centroids", &centroids, [k, D])?,
                palette: palette.map(|palette| colors(&palette)).transpose()?,
            },
            Body::Gmm {
                covariance_type,
                weights,
                means,
                covariances,
            } => {
                let weights = vector("weights", &weights, k)?;
                Parameters::Mixture(Mixture {
                    weights: weights.into(),
                    means: matrix("means", &means, [k, D])?,
                    covariances: matrices("covariances", &covariances, [k, D, D])?,
                    covariance_type,
                })
            }
        };
        let model = Self {
            space: file.space,
            parameters,
        };
        model.check()?;
        Ok(model)
    }

    fn check(&self) -> Result<()> {
        match &self.parameters {
            Parameters::KMeans { centroids, .. } => kmeans::check_centroids::<D>(centroids),
            Parameters::Mixture(mixture) => mixture.check(self.space.unit()),
        }
    }
}

/// How many channels the model has that `json` describes: which D to read it with.
///
/// # Errors
/// When it is no JSON, no model, or of another version.
pub fn channels(json: &str) -> Result<usize> {
    Ok(read(json)?.channels)
}

/// The text of the file.
fn written(file: &File) -> String {
    let mut bytes = Vec::new();
    file.serialize(&mut Serializer::with_formatter(
        &mut bytes,
        Layout::default(),
    ))
    .expect("nothing in it can fail to be serialized");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// The file as it stands, its shapes unchecked.
fn read(json: &str) -> Result<File> {
    let head: Head = serde_json::from_str(json).map_err(|error| broken(&error))?;
    if head.format.as_deref() != Some(FORMAT) {
        return Err(Error::Invalid(format!(
            "not a saved model: its \"format\" is not \"{FORMAT}\""
        )));
    }
    if head.version != VERSION {
        return Err(Error::Invalid(format!(
            "the saved model is of version {}, and this program reads version {VERSION}; \
             save it anew, or use the program that wrote it",
            head.version
        )));
    }
    serde_json::from_str(json).map_err(|error| broken(&error))
}

/// Why a text is no model, by line and column.
fn broken(error: &serde_json::Error) -> Error {
    let place = format!("line {}, column {}", error.line(), error.column());
    let words = error.to_string();
    let what = match error.classify() {
        Category::Eof => "it ends too soon",
        Category::Data => words.split(" at line ").next().unwrap_or_default(),
        Category::Syntax | Category::Io => "it is no JSON",
    };
    Error::Invalid(format!("not a saved model: {what} ({place})"))
}

fn invalid(what: impl std::fmt::Display) -> Error {
    Error::Invalid(format!("the saved model {what}"))
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    #[serde(default)]
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u64,
    #[serde(default)]
    program: String,
    #[serde(with = "SpaceName")]
    space: Space,
    channels: usize,
    k: usize,
    #[serde(flatten)]
    body: Body,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
enum Body {
    KMeans {
        centroids: Vec<Vec<f64>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        palette: Option<Vec<String>>,
    },
    Gmm {
        #[serde(with = "CovarianceName")]
        covariance_type: CovarianceType,
        weights: Vec<f64>,
        means: Vec<Vec<f64>>,
        covariances: Vec<Vec<Vec<f64>>>,
    },
}

/// [`Space`] by name.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Space", rename_all = "lowercase")]
enum SpaceName {
    Srgb,
    Linear,
    Lab,
    Oklab,
}

/// [`CovarianceType`] by name.
#[derive(Serialize, Deserialize)]
#[serde(remote = "CovarianceType", rename_all = "lowercase")]
enum CovarianceName {
    Full,
    Tied,
    Diag,
    Spherical,
}

fn nested(array: &Array2<f64>) -> Vec<Vec<f64>> {
    array.rows().into_iter().map(|row| row.to_vec()).collect()
}

/// `values`, if there are `len` of them.
fn vector(name: &str, values: &[f64], len: usize) -> Result<Vec<f64>> {
    if values.len() != len {
        return Err(invalid(format!(
            "has {} {name} where {len} belong",
            values.len()
        )));
    }
    Ok(values.to_vec())
}

/// The palette of these colors.
fn colors(palette: &[String]) -> Result<Palette> {
    let color = |text: &String| {
        let color = parse_hex(text);
        color.ok_or_else(|| invalid(format!("has a palette with {text:?}, which is no color")))
    };
    Palette::new(palette.iter().map(color).collect::<Result<_>>()?)
}

/// The rows as an array of this shape.
fn matrix(name: &str, rows: &[Vec<f64>], shape: [usize; 2]) -> Result<Array2<f64>> {
    let [n, m] = shape;
    if rows.len() != n || rows.iter().any(|row| row.len() != m) {
        return Err(invalid(format!("has {name} that are not ({n}, {m})")));
    }
    Ok(Array2::from_shape_fn(shape, |(i, l)| rows[i][l]))
}

/// The matrices as an array of this shape.
fn matrices(name: &str, values: &[Vec<Vec<f64>>], shape: [usize; 3]) -> Result<Array3<f64>> {
    let [k, n, m] = shape;
    let fits =
        |matrix: &Vec<Vec<f64>>| matrix.len() == n && matrix.iter().all(|row| row.len() == m);
    if values.len() != k || !values.iter().all(fits) {
        return Err(invalid(format!("has {name} that are not ({k}, {n}, {m})")));
    }
    Ok(Array3::from_shape_fn(shape, |(j, i, l)| values[j][i][l]))
}

/// JSON with a field on each line, and each row of an array.
#[derive(Default)]
struct Layout {
    /// Arrays that are open.
    arrays: usize,
}

impl Formatter for Layout {
    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"\n  " } else { b",\n  " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n}")
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.arrays += 1;
        writer.write_all(b"[")
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(match (self.arrays, first) {
            (1, true) => b"\n    ",
            (1, false) => b",\n    ",
            (_, true) => b"",
            (_, false) => b", ",
        })
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.arrays -= 1;
        writer.write_all(if self.arrays == 0 { b"\n  ]" } else { b"]" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{gmm, testing::flower};

    fn mixture(covariance_type: CovarianceType) -> Model<3> {
        let options = gmm::Options {
            k: 3,
            covariance_type,
            max_iter: 5,
            ..gmm::Options::default()
        };
        Model {
            space: Space::Srgb,
            parameters: Parameters::Mixture(gmm::fit(&flower(10), &options).unwrap().mixture),
        }
    }

    fn centroids() -> Model<3> {
        let options = kmeans::Options {
            k: 4,
            ..kmeans::Options::default()
        };
        Model {
            space: Space::Lab,
            parameters: Parameters::KMeans {
                centroids: kmeans::fit(&flower(10), &options).unwrap().centroids,
                palette: Some(Palette::new(vec![[1, 2, 3, 255], [250, 9, 8, 7]]).unwrap()),
            },
        }
    }

    /// What is wrong with `model`, changed.
    fn refusal(model: &Model<3>, change: impl FnOnce(&mut Value)) -> String {
        let mut value = serde_json::from_str(&model.to_json().unwrap()).unwrap();
        change(&mut value);
        Model::<3>::from_json(&value.to_string())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_read_is_what_was_written_to_the_last_bit() {
        for covariance_type in [
            CovarianceType::Full,
            CovarianceType::Tied,
            CovarianceType::Diag,
            CovarianceType::Spherical,
        ] {
            let model = mixture(covariance_type);
            let json = model.to_json().unwrap();
            assert_eq!(Model::from_json(&json).unwrap(), model);
            assert_eq!(channels(&json).unwrap(), 3);
        }
        let model = centroids();
        assert_eq!(Model::from_json(&model.to_json().unwrap()).unwrap(), model);
    }

    #[test]
    fn a_file_has_a_line_for_each_field_and_row() {
        let model = Model::<3> {
            space: Space::Srgb,
            parameters: Parameters::KMeans {
                centroids: ndarray::array![[0.0, 1.5, 255.0], [3.0, 4.0, 0.1]],
                palette: None,
            },
        };
        let expected = format!(
            r#"{{
  "format": "quantize-model",
  "version": 1,
  "program": "quantize {}",
  "space": "srgb",
  "channels": 3,
  "k": 2,
  "method": "kmeans",
  "centroids": [
    [0.0, 1.5, 255.0],
    [3.0, 4.0, 0.1]
  ]
}}
"#,
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(model.to_json().unwrap(), expected);
    }

    #[test]
    fn what_is_no_model_is_refused_with_the_reason() {
        for json in [
            "",
            "{",
            "[]",
            "3",
            "{}",
            "nonsense",
            r#"{"format":"other","version":1}"#,
        ] {
            let message = Model::<3>::from_json(json).unwrap_err().to_string();
            assert!(message.starts_with("not a saved model: "), "{message}");
            assert!(channels(json).is_err());
        }
        let nested = "[".repeat(100_000);
        assert!(Model::<3>::from_json(&nested).is_err());
    }

    #[test]
    fn another_version_is_refused_before_its_fields_are_read() {
        let json = r#"{"format": "quantize-model", "version": 2, "blobs": 7}"#;
        let message = Model::<3>::from_json(json).unwrap_err().to_string();
        assert!(message.contains("version 2"), "{message}");
    }

    #[test]
    fn another_number_of_channels_is_refused() {
        let json = centroids().to_json().unwrap();
        let message = Model::<4>::from_json(&json).unwrap_err().to_string();
        assert!(message.contains("3 channels"), "{message}");
    }

    #[test]
    fn shapes_and_numbers_that_are_wrong_are_refused() {
        let model = mixture(CovarianceType::Diag);
        let wrong_shape: [fn(&mut Value); 6] = [
            |file| file["k"] = json!(1_000_000_000_000_u64),
            |file| file["k"] = json!(2),
            |file| file["weights"] = json!([1.0]),
            |file| file["means"][1] = json!([1.0]),
            |file| file["covariances"][2][0] = json!([]),
            |file| file["covariances"] = json!([]),
        ];
        for change in wrong_shape {
            let message = refusal(&model, change);
            assert!(message.starts_with("the saved model has "), "{message}");
        }
        let wrong: [fn(&mut Value); 10] = [
            |file| file["k"] = json!(-1),
            |file| file["channels"] = json!(u64::MAX),
            |file| file["method"] = json!("magic"),
            |file| file["space"] = json!("cmyk"),
            |file| file["covariance_type"] = json!("round"),
            |file| file["covariance_type"] = json!("spherical"),
            |file| file["weights"][0] = json!(0.0),
            |file| file["means"][0][0] = json!(null),
            |file| file["means"][0][0] = json!(1e300),
            |file| file["covariances"][0][0][0] = json!(-1.0),
        ];
        for change in wrong {
            refusal(&model, change);
        }
        refusal(&centroids(), |file| file["centroids"][0][0] = json!(1e300));
        refusal(&centroids(), |file| {
            file["k"] = json!(0);
            file["centroids"] = json!([]);
        });
        let infinite = centroids()
            .to_json()
            .unwrap()
            .replacen("[\n    [", "[\n    [1e999, ", 1);
        assert!(Model::<3>::from_json(&infinite).is_err());
    }

    #[test]
    fn fields_that_are_unknown_are_ignored() {
        let json = centroids().to_json().unwrap();
        let more = json.replacen('{', "{\"remark\": [1, {}],", 1);
        assert_eq!(Model::from_json(&more).unwrap(), centroids());
    }

    #[test]
    fn what_is_no_mixture_is_not_written() {
        let mut model = mixture(CovarianceType::Full);
        if let Parameters::Mixture(mixture) = &mut model.parameters {
            mixture.weights[0] = f64::NAN;
        }
        assert!(model.to_json().is_err());
    }

    #[test]
    fn a_mixture_that_is_read_can_be_used_on_the_colors_of_its_space() {
        let colors = flower(10);
        let mut model = mixture(CovarianceType::Full);
        // On the scale of bytes more than 1e60, on [0, 1] less.
        for (mean, is_usable) in [(0.9e60 / 255.0, true), (1.1e60 / 255.0, false)] {
            if let Parameters::Mixture(mixture) = &mut model.parameters {
                mixture.means[[0, 0]] = mean;
                assert_eq!(gmm::score(&colors, mixture, 1e-6).is_ok(), is_usable);
            }
            assert_eq!(model.to_json().is_ok(), is_usable, "{mean}");
        }
    }
}
