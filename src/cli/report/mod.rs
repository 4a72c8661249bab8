//! What came of each picture, for people and for programs.

mod json;
mod table;
mod text;

pub use json::object;
pub use text::{facts, grouped, percent};

use std::{
    fmt,
    io::{self, Write},
};

use anstream::AutoStream;
use anyhow::anyhow;
use quantize::{Choice, metrics::ColorDifference, picture::Existing};
use serde::{Serialize, Serializer};

use super::{
    args::{CommonArgs, Format},
    message::{reason, say},
    output,
    page::Views,
    plan::{Job, Plan, Target},
    progress,
};

/// What is known of a picture that did not fail. Serialized, it is the middle of a line of
/// `--report json`, whose fields are added to over time, not renamed.
#[derive(Serialize)]
pub struct Results {
    pub status: Status,
    pub method: &'static str,
    pub width: u32,
    pub height: u32,
    pub distinct_colors: usize,
    /// Colors asked for.
    pub k: usize,
    /// Colors in the palette that was written.
    pub colors: usize,
    pub palette: Vec<Entry>,
    pub mse: f64,
    pub psnr_db: Option<f64>,
    /// With `-v`.
    #[serde(flatten)]
    pub difference: Option<Difference>,
    #[serde(flatten)]
    pub model: ModelResults,
    /// What the user should know of the input and of the result.
    pub warnings: Vec<String>,
    pub bytes_in: usize,
    pub bytes_out: usize,
    pub seconds: Seconds,
    /// What the page shows of it.
    #[serde(skip)]
    pub views: Option<Views>,
}

/// What became of a picture that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Written,
    /// It did not shrink, and was to be left out then.
    Skipped,
}

/// How different two pictures look.
#[derive(Serialize)]
pub struct Difference {
    ciede2000_mean: f64,
    ciede2000_max: f64,
}

impl From<ColorDifference> for Difference {
    fn from(difference: ColorDifference) -> Self {
        Self {
            ciede2000_mean: difference.mean,
            ciede2000_max: difference.max,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            ciede2000_mean,
            ciede2000_max,
        } = self;
        write!(f, "mean {ciede2000_mean:.2}, largest {ciede2000_max:.2}")
    }
}

/// A color of the palette and how many pixels have it.
#[derive(Serialize)]
pub struct Entry {
    pub hex: Hex,
    pub count: u64,
}

/// The model in figures; null is what the method does not have.
#[derive(Serialize)]
pub struct ModelResults {
    pub inertia: Option<f64>,
    pub log_likelihood: Option<f64>,
    pub bic: Option<f64>,
    pub aic: Option<f64>,
    pub n_iter: Option<usize>,
    pub converged: Option<bool>,
    /// How `-k auto` chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<ChoiceResults>,
    #[serde(flatten)]
    pub mixture: Option<MixtureResults>,
}

impl ModelResults {
    /// Those of a picture that no model was fitted to.
    pub const NONE: Self = Self {
        inertia: None,
        log_likelihood: None,
        bic: None,
        aic: None,
        n_iter: None,
        converged: None,
        choice: None,
        mixture: None,
    };
}

/// How k was chosen, and among what.
#[derive(Clone, Serialize)]
pub struct ChoiceResults {
    pub criterion: &'static str,
    /// Whether `--max-k` decided.
    pub capped: bool,
    pub trials: Vec<TrialResults>,
}

/// A k that was tried: the inertia or the log-likelihood there, and what was compared.
#[derive(Clone, Serialize)]
pub struct TrialResults {
    pub k: usize,
    pub objective: f64,
    pub value: f64,
}

impl ChoiceResults {
    pub fn of<F>(criterion: &'static str, choice: &Choice<F>) -> Self {
        let trials = choice.trials.iter().map(|trial| TrialResults {
            k: trial.k,
            objective: trial.objective,
            value: trial.criterion,
        });
        Self {
            criterion,
            capped: choice.capped,
            trials: trials.collect(),
        }
    }
}

/// A mixture's components, colors on [0, 1].
#[derive(Serialize)]
pub struct MixtureResults {
    pub weights: Vec<f64>,
    pub means: Vec<Vec<f64>>,
    pub covariances: Vec<Vec<Vec<f64>>>,
    pub floored: usize,
    /// The means as bytes.
    #[serde(skip)]
    pub colors: Vec<Hex>,
    /// Colors that are in the palette beside them.
    #[serde(skip)]
    pub pinned: Vec<Hex>,
}

/// What is known of a model that many pictures share. Serialized, it is a line of `--report json`
/// before those of the pictures.
#[derive(Serialize)]
pub struct SharedResults {
    /// It is of no single picture, so that both are null.
    pub input: Option<String>,
    pub output: Option<String>,
    /// What was counted.
    #[serde(flatten)]
    pub inputs: Inputs,
    pub method: &'static str,
    pub pixels: u64,
    /// Of all pictures together.
    pub distinct_colors: usize,
    pub k: usize,
    pub colors: usize,
    pub palette: Vec<Entry>,
    /// Over all pixels.
    pub mse: f64,
    pub psnr_db: Option<f64>,
    #[serde(flatten)]
    pub model: ModelResults,
    /// What the user should know of the result.
    pub warnings: Vec<String>,
    pub seconds: SharedSeconds,
}

/// How many inputs the colors are of.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Inputs {
    Pictures(usize),
    /// Files of tables.
    Tables(usize),
}

/// What each stage before the pictures took, in seconds.
#[derive(Serialize)]
pub struct SharedSeconds {
    /// Reading the inputs and counting their colors.
    pub count: f64,
    pub fit: f64,
}

/// What each stage took, in seconds.
#[derive(Serialize)]
pub struct Seconds {
    pub load: f64,
    pub colors: f64,
    pub fit: f64,
    pub map: f64,
    pub encode: f64,
    pub total: f64,
}

/// A color that is shown like `#2b3a1e`, or `#2b3a1e80` when it is not opaque.
#[derive(Clone, Copy)]
pub struct Hex(pub [u8; 4]);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self([r, g, b, a]) = self;
        write!(f, "#{r:02x}{g:02x}{b:02x}")?;
        if *a < 255 {
            write!(f, "{a:02x}")?;
        }
        Ok(())
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Prints a report that is all in one. That nobody reads it is the reader's choice.
///
/// # Errors
/// When the system does not take it.
pub fn print(text: &str, to_stderr: bool) -> anyhow::Result<()> {
    let printed = progress::aside(|| {
        if to_stderr {
            io::stderr().lock().write_all(text.as_bytes())
        } else {
            io::stdout().lock().write_all(text.as_bytes())
        }
    });
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow!("cannot write the report: {}", reason(&error)))
        }
        _ => Ok(()),
    }
}

/// Prints a report on each picture as it is done.
pub struct Reporter {
    style: Style,
    stream: Stream,
    color: anstream::ColorChoice,
    health: Health,
}

/// What a report looks like.
enum Style {
    Json,
    /// A block of lines for each picture.
    Blocks {
        swatches: text::Swatches,
        verbose: bool,
    },
    /// A row for each of many pictures.
    Table(table::Table),
    Silent,
}

enum Stream {
    Stdout,
    /// Where reports go when a picture goes to stdout.
    Stderr,
}

/// Whether reports arrive.
#[derive(PartialEq, Eq)]
enum Health {
    Fine,
    /// Nobody reads any more, which is the reader's good right (`| head -1`).
    Unread,
    /// The system refused to take a report.
    Failed,
}

impl Reporter {
    pub fn new(common: &CommonArgs, plan: &Plan) -> Self {
        let jobs = &plan.jobs;
        let stream = if plan.uses_stdout() {
            Stream::Stderr
        } else {
            Stream::Stdout
        };
        let color = match (common.color, &stream) {
            (clap::ColorChoice::Always, _) => anstream::ColorChoice::Always,
            (clap::ColorChoice::Never, _) => anstream::ColorChoice::Never,
            (clap::ColorChoice::Auto, Stream::Stdout) => AutoStream::choice(&io::stdout()),
            (clap::ColorChoice::Auto, Stream::Stderr) => AutoStream::choice(&io::stderr()),
        };
        let swatches = if color == anstream::ColorChoice::Never {
            text::Swatches::None
        } else {
            text::Swatches::Colored
        };
        let style = match (common.report, common.quiet) {
            (Format::Json, _) => Style::Json,
            (Format::Text, true) => Style::Silent,
            (Format::Text, false) if jobs.len() > 1 && !common.verbose => {
                Style::Table(table::Table::new(jobs, swatches))
            }
            (Format::Text, false) => Style::Blocks {
                swatches,
                verbose: common.verbose,
            },
        };
        Self {
            style,
            stream,
            color,
            health: Health::Fine,
        }
    }

    /// Reports on `job`: its results, or the reason why it failed.
    pub fn report(&mut self, job: &Job, outcome: &Result<Results, String>) {
        let report = match (&mut self.style, outcome) {
            (Style::Json, _) => json::line(job, outcome),
            (Style::Blocks { swatches, verbose }, Ok(results)) => {
                text::block(job, results, *swatches, *verbose)
            }
            (Style::Table(table), Ok(results)) => table.row(job, results),
            // Failures are told on stderr.
            (Style::Blocks { .. } | Style::Table(_), Err(_)) | (Style::Silent, _) => return,
        };
        self.deliver(&report);
    }

    /// Reports on the model that all pictures share.
    pub fn report_shared(&mut self, results: &SharedResults) {
        let report = match &self.style {
            Style::Json => json::object(results),
            Style::Blocks { swatches, verbose } => text::shared(results, *swatches, *verbose),
            Style::Table(table) => text::shared(results, table.swatches(), false),
            Style::Silent => return,
        };
        self.deliver(&report);
    }

    /// Sums up, when there is more than one picture to sum up.
    pub fn finish(&mut self) {
        if let Style::Table(table) = &self.style {
            let total = table.total();
            self.deliver(&total);
        }
    }

    /// Says where the page on all pictures is, or would be.
    pub fn page(&mut self, target: &Target) {
        if let Style::Blocks { .. } | Style::Table(_) = self.style {
            self.deliver(&text::page(target));
        }
    }

    /// Shows what would be written of which input, and what would fail because something lies there.
    pub fn plan(&mut self, plan: &Plan, existing: Existing) {
        let refusal = |targets: &mut dyn Iterator<Item = &Target>| {
            let refused = output::refuse_existing(targets, existing);
            refused.err().map(|error| error.to_string())
        };
        let shared = &mut plan.shared.iter().map(|(_, target)| target);
        let of_all = refusal(shared);
        for job in &plan.jobs {
            let of_job = refusal(&mut job.targets().map(|(_, target)| target));
            self.deliver(&match self.style {
                Style::Json => json::planned(job, plan, of_all.as_deref().or(of_job.as_deref())),
                _ => text::planned(job, of_job.as_deref()),
            });
        }
        if !matches!(self.style, Style::Json) && !plan.shared.is_empty() {
            self.deliver(&text::planned_of_all(&plan.shared, of_all.as_deref()));
        }
        if let Some(target) = &plan.page {
            self.page(target);
        }
    }

    fn deliver(&mut self, report: &str) {
        if self.health != Health::Fine {
            return;
        }
        if let Err(error) = self.print(report) {
            if error.kind() == io::ErrorKind::BrokenPipe {
                self.health = Health::Unread;
            } else {
                say(format_args!("cannot write the report: {}", reason(&error)));
                self.health = Health::Failed;
            }
        }
    }

    /// Whether the system refused to take a report.
    pub fn failed(&self) -> bool {
        self.health == Health::Failed
    }

    fn print(&self, report: &str) -> io::Result<()> {
        fn print_to(mut stream: impl Write, report: &str) -> io::Result<()> {
            stream.write_all(report.as_bytes())?;
            stream.flush()
        }
        progress::aside(|| match self.stream {
            Stream::Stdout => print_to(AutoStream::new(io::stdout().lock(), self.color), report),
            Stream::Stderr => print_to(AutoStream::new(io::stderr().lock(), self.color), report),
        })
    }
}
