//! Models from files: what `--load-model` and `sample` take.

use std::{fs, io::Read, path::Path};

use anyhow::{Result, anyhow, ensure};
use os_display::Quotable;
use quantize::{
    Space,
    model::{self, Model, Parameters},
};

use super::message::reason;

/// Bytes of a model that are read at most; one of 256 components has a hundred thousand.
const MAX_BYTES: u64 = 64 << 20;

/// A model that has been read once and found sound.
#[derive(Debug)]
pub struct Saved {
    json: String,
    method: &'static str,
    /// Where its distances are measured.
    pub space: Space,
    /// How many channels its colors have: 3, or 4 with alpha.
    pub channels: usize,
    /// Its clusters or components.
    pub k: usize,
}

impl Saved {
    /// The model in the file at `path`.
    ///
    /// # Errors
    /// The system's reason, or why it is no model of at most 256 colors.
    pub fn load(path: &Path) -> Result<Self> {
        let saved = read(path).and_then(Self::from_json);
        saved.map_err(|error| anyhow!("{}: {}", path.quote(), reason(&error)))
    }

    fn from_json(json: String) -> Result<Self> {
        let saved = match model::channels(&json)? {
            4 => Self::of(&Model::<4>::from_json(&json)?, json),
            _ => Self::of(&Model::<3>::from_json(&json)?, json),
        };
        ensure!(
            saved.k <= 256,
            "the saved model has {} colors, and a palette at most 256",
            saved.k
        );
        Ok(saved)
    }

    fn of<const D: usize>(model: &Model<D>, json: String) -> Self {
        Self {
            json,
            method: match model.parameters {
                Parameters::KMeans { .. } => "kmeans",
                Parameters::Mixture(_) => "gmm",
            },
            space: model.space,
            channels: D,
            k: model.k(),
        }
    }

    /// The same model, if it is one of the method of this name.
    ///
    /// # Errors
    /// When it is of the other one.
    pub fn of_method(self, method: &str, path: &Path) -> Result<Self> {
        ensure!(
            self.method == method,
            "{}: the saved model is one of {}, not of {method}",
            path.quote(),
            self.method
        );
        Ok(self)
    }

    /// The model for colors of D channels.
    ///
    /// # Errors
    /// When it has another number of channels.
    pub fn model<const D: usize>(&self) -> Result<Model<D>> {
        Ok(Model::from_json(&self.json)?)
    }
}

fn read(path: &Path) -> Result<String> {
    ensure!(fs::metadata(path)?.is_file(), "not a regular file");
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() as u64 <= MAX_BYTES,
        "larger than {} MiB",
        MAX_BYTES >> 20
    );
    String::from_utf8(bytes).map_err(|_| anyhow!("not a saved model: it is not UTF-8"))
}
