//! Pictures from their sources into memory, within the budget that all share.

use anyhow::Result;
use quantize::{
    Picture,
    picture::{self, Decoded, Metadata},
};

use super::{
    memory::{Budget, Claim},
    progress,
    reading::{self, ReadingArgs},
    source::Source,
    stopwatch::Stopwatch,
};

/// How pictures are loaded.
pub struct Loader<'a> {
    pub reading: &'a ReadingArgs,
    /// Whether metadata are dropped.
    strip: bool,
    /// What all pictures that are under way may take together.
    memory: Budget,
}

/// A picture in memory.
pub struct Loaded<'a> {
    pub picture: Picture,
    pub metadata: Metadata,
    pub warnings: Vec<String>,
    /// Whether its file is a PNG.
    pub is_png: bool,
    pub bytes_in: usize,
    /// Bytes of memory that its journey takes but for the distinct colors.
    pub memory: u64,
    pub claim: Claim<'a>,
    /// Seconds it took.
    pub load: f64,
    pub watch: Stopwatch,
}

/// What came of work within a claim on memory.
pub enum Attempt<T> {
    Done(T),
    /// So many bytes would do, and others have them.
    Needs(u64),
}

impl<'a> Loader<'a> {
    pub fn new(reading: &'a ReadingArgs, strip: bool) -> Self {
        Self {
            reading,
            strip,
            memory: Budget::new(reading.max_memory),
        }
    }

    /// The same, if something else takes so many bytes of the budget throughout.
    pub fn beside(self, bytes: u64) -> Self {
        let left = self.reading.max_memory.saturating_sub(bytes);
        Self {
            memory: Budget::new(left),
            ..self
        }
    }

    /// What comes of `work` on the picture of `source`, done anew with more memory where it needs that.
    ///
    /// # Errors
    /// Those of `work`, and why the picture cannot be read, in words for the user.
    pub fn with<'b, T>(
        &'b self,
        source: &Source,
        work: impl Fn(Loaded<'b>) -> Result<Attempt<T>>,
    ) -> Result<T> {
        let mut needed = source.length();
        loop {
            let claim = self.memory.claim(needed);
            let attempt = match self.load(source, claim)? {
                Attempt::Done(loaded) => work(loaded)?,
                Attempt::Needs(bytes) => Attempt::Needs(bytes),
            };
            match attempt {
                Attempt::Done(done) => return Ok(done),
                Attempt::Needs(bytes) => needed = bytes,
            }
        }
    }

    /// The picture of `source` within `claim`, which holds what reading the file takes and grows by
    /// what is learned.
    fn load<'b>(&self, source: &Source, mut claim: Claim<'b>) -> Result<Attempt<Loaded<'b>>> {
        let mut watch = Stopwatch::start();
        progress::stage("load");
        let bytes = source.read()?;
        let memory = reading::memory_needed(source, &bytes);
        if !claim.grow(memory) {
            return Ok(Attempt::Needs(memory));
        }
        let Decoded {
            picture,
            metadata,
            warnings,
        } = self.reading.decode(source, &bytes)?;
        let load = watch.lap();
        Ok(Attempt::Done(Loaded {
            picture,
            metadata: if self.strip {
                Metadata::default()
            } else {
                metadata
            },
            warnings: warnings.iter().map(ToString::to_string).collect(),
            is_png: picture::is_png(&bytes),
            bytes_in: bytes.len(),
            memory,
            claim,
            load,
            watch,
        }))
    }
}
