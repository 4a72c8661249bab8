//! The command line as clap reads it: names, defaults, ranges and the texts of `--help`.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use quantize::{gmm, kmeans, palette::Order};

use super::{
    dither::{Spread, SpreadParser},
    plan::Extra,
    range,
    reading::ReadingArgs,
    targets::Targets,
};

/// Reduce pictures to k colors by k-means or by a Gaussian mixture.
#[derive(Debug, Parser)]
#[command(name = "quantize", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Cluster the colors by k-means, write the picture with k colors
    #[command(after_help = KMEANS_EXAMPLES)]
    Kmeans(KmeansArgs),
    /// Cluster the colors by a Gaussian mixture, write the picture with k colors
    #[command(after_help = GMM_EXAMPLES)]
    Gmm(GmmArgs),
    /// Draw a picture from a saved mixture
    #[command(after_help = SAMPLE_EXAMPLES)]
    Sample(SampleArgs),
    /// Print what makes a shell complete commands and options
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual, for man -l - and the like
    Man,
    /// Write the picture in the colors of a palette that is given
    #[command(after_help = REMAP_EXAMPLES)]
    Remap(RemapArgs),
    /// Count the colors of all inputs together, for --counts and other programs
    #[command(after_help = COUNTS_EXAMPLES)]
    Counts(CountsArgs),
    /// Say how far apart two pictures are, and show them side by side
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
}

const EXAMPLES: &str = "\
Examples:
  quantize kmeans -k 5 flower.jpg           flower-kmeans5.png beside it, with 5 colors
  quantize gmm -k 5 --sample out.png        the built-in picture, and a draw from its mixture
  quantize kmeans -r photos -o small/       a folder and all below it (small/ exists)
  quantize kmeans --help                    all options of a method

Exit status: 0 all done, 1 an input failed and the others are written,
2 the command makes no sense and nothing is written.";

const KMEANS_EXAMPLES: &str = "\
Examples:
  quantize kmeans -k 5 flower.jpg                      flower-kmeans5.png beside it
  quantize kmeans -k 5 --compare both.png flower.jpg   also before and after side by side
  quantize kmeans -r photos -o small/                  a folder and all below it (small/ exists)
  quantize kmeans -k 256 --in-place --skip-if-larger . PNG files, where it pays
  quantize kmeans -o 'small/{stem}.png' *.jpg          names of one's own
  quantize kmeans -k 32 - < in.png > out.png           in a pipe";

const GMM_EXAMPLES: &str = "\
Examples:
  quantize gmm -k 5 --sample out.png                   also a draw from the mixture
  quantize gmm -k 5 --sample s.png --sample-mode posterior --compare all.png flower.jpg
  quantize gmm --report json *.jpg | jq .bic           the mixtures as JSON, one line a picture";

const SAMPLE_EXAMPLES: &str = "\
Examples:
  quantize gmm -k 8 --save-model model.json photo.jpg
  quantize sample --model model.json --size 640x480 -o noise.png";

#[derive(Args, Debug)]
pub struct SampleArgs {
    /// A mixture that quantize gmm --save-model wrote
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,

    /// Width and height in pixels, like 640x480
    #[arg(long, value_name = "WxH", value_parser = range::size)]
    pub size: (u32, u32),

    /// The picture, a file or - for stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Decides every random choice
    #[arg(long, value_name = "N", value_parser = range::seed, default_value = "0")]
    #[arg(allow_negative_numbers = true)]
    pub seed: u64,

    /// Replace a file that exists
    #[arg(short, long)]
    pub force: bool,
}
const REMAP_EXAMPLES: &str = "\
Examples:
  quantize remap --palette windows.gpl flower.jpg      flower-remap.png beside it
  quantize remap --palette logo.png *.jpg              in the colors of another picture
  quantize remap --palette '#000,#fff,#d00' flower.jpg";

const COMPARE_EXAMPLES: &str = "\
Examples:
  quantize compare flower.jpg flower-kmeans16.png
  quantize compare flower.jpg flower-kmeans16.png -o both.png --report json";

#[derive(Args, Debug)]
pub struct KmeansArgs {
    #[command(flatten)]
    pub fit: FitArgs,

    #[command(flatten)]
    pub common: CommonArgs,

    /// How far the search for a better optimum goes
    #[arg(long, value_name = "HOW", default_value = "balanced")]
    #[arg(help_heading = MODEL)]
    pub effort: Effort,

    /// Stop when no centroid moves farther (0..255); 0: when no color changes its cluster
    #[arg(long, value_name = "X", value_parser = range::tol, default_value = "0")]
    #[arg(help_heading = MODEL, allow_hyphen_values = true)]
    pub tol: f64,

    /// Most iterations after the search; --effort fast makes only 1
    #[arg(long, value_name = "N", value_parser = range::max_iter, default_value = "300")]
    #[arg(help_heading = MODEL, allow_negative_numbers = true)]
    pub max_iter: usize,
}

#[derive(Args, Debug)]
pub struct GmmArgs {
    #[command(flatten)]
    pub fit: FitArgs,

    #[command(flatten)]
    pub common: CommonArgs,

    /// What the covariances have in common: full, tied, diag or spherical
    #[arg(
        long,
        value_name = "TYPE",
        default_value = "full",
        conflicts_with = "load_model"
    )]
    #[arg(help_heading = MODEL, hide_possible_values = true)]
    pub covariance: Covariance,

    /// How far the search for a greater likelihood goes
    #[arg(long, value_name = "HOW", default_value = "balanced")]
    #[arg(help_heading = MODEL)]
    pub effort: Effort,

    /// Stop when the mean log-likelihood changes by less (absolute, in nats, as in scikit-learn)
    #[arg(long, value_name = "X", value_parser = range::tol, default_value = "1e-6")]
    #[arg(help_heading = MODEL, allow_hyphen_values = true)]
    pub tol: f64,

    /// Most iterations of a start
    #[arg(long, value_name = "N", value_parser = range::max_iter, default_value = "1000")]
    #[arg(help_heading = MODEL, allow_negative_numbers = true)]
    pub max_iter: usize,

    /// Added to the diagonal of every covariance, colors on [0, 1]
    #[arg(long, value_name = "X", value_parser = range::reg_covar, default_value = "1e-6")]
    #[arg(help_heading = MODEL, allow_hyphen_values = true)]
    pub reg_covar: f64,

    /// What -k auto minimizes: bic or aic [default: bic]
    #[arg(long, value_name = "WHICH", conflicts_with = "load_model")]
    #[arg(help_heading = MODEL, hide_possible_values = true)]
    pub criterion: Option<Criterion>,

    /// Also write each pixel's posterior mean, a smooth picture in full color
    #[arg(long, value_name = "PATH", help_heading = OUTPUT)]
    pub soft: Option<PathBuf>,

    /// Also write a picture of the input's size drawn from the mixture
    ///
    /// Every pixel is drawn independently, so what one sees is noise: the distribution of colors
    /// is kept, all structure is gone. With --sample-mode posterior each pixel draws from a
    /// component chosen by that pixel's own responsibilities, which keeps the picture.
    #[arg(long, value_name = "PATH", help_heading = OUTPUT)]
    pub sample: Option<PathBuf>,

    /// iid: component by weight; posterior: by the pixel's own responsibilities
    #[arg(long, value_name = "MODE", default_value = "iid", requires = "sample")]
    #[arg(help_heading = OUTPUT, hide_possible_values = true)]
    pub sample_mode: SampleMode,
}

#[derive(Args, Debug)]
pub struct RemapArgs {
    #[command(flatten)]
    pub common: CommonArgs,

    /// A palette file, a PNG (its palette, or its colors if at most 256), or #rrggbb,#rrggbb,...
    ///
    /// Files are gpl, hex, txt (Paint.NET), json (also a report of this program), css, act, aco, ase
    /// and pal (JASC, RIFF), told by their extension.
    #[arg(long, value_name = "PALETTE", help_heading = MODEL)]
    pub palette: PathBuf,
}

const COUNTS_EXAMPLES: &str = "\
Examples:
  quantize counts -r photos -o photos.parquet
  quantize kmeans -k 64 --counts photos.parquet --save-palette photos.gpl";

#[derive(Args, Debug)]
pub struct CountsArgs {
    #[command(flatten)]
    pub input: InputArgs,

    /// The table, a Parquet file: color (int32, 0xRRGGBB) and count (int64), sorted by color
    ///
    /// Pictures with transparency are refused; 16 bits a channel are counted as the nearest 8.
    #[arg(short, long, value_name = "FILE", help_heading = OUTPUT)]
    pub output: PathBuf,

    /// Replace the file if it exists
    #[arg(short, long, help_heading = OUTPUT)]
    pub force: bool,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// Threads, 1 to 1024, which do not change the result [default: all cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = range::threads)]
    #[arg(help_heading = PROGRAM, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,

    /// text for people, or json: an object a line for each picture, then one for the table
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(help_heading = PROGRAM, hide_possible_values = true)]
    pub report: Format,

    /// Say nothing but errors; --report json still reports
    #[arg(short, long, help_heading = PROGRAM)]
    pub quiet: bool,
}

#[derive(Args, Debug)]
pub struct CompareArgs {
    /// A file, - for stdin, builtin:flower.jpg or builtin:china.jpg
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// Another one of the same size
    #[arg(value_name = "B")]
    pub b: PathBuf,

    /// Also write the two side by side under their names: a file, or - for stdout
    #[arg(short, long, value_name = "FILE", help_heading = OUTPUT)]
    pub output: Option<PathBuf>,

    /// Replace the file if it exists
    #[arg(short, long, requires = "output", help_heading = OUTPUT)]
    pub force: bool,

    /// text for people, or json: one object on a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(help_heading = PROGRAM, hide_possible_values = true)]
    pub report: Format,
}

pub const INPUT: &str = "Input";
const OUTPUT: &str = "Output";
pub const MODEL: &str = "Model";
pub const PROGRAM: &str = "Program";

/// What both models take.
#[derive(Args, Debug)]
pub struct FitArgs {
    /// Colors of the result, 1 to 256, or auto: as many as the picture asks for, up to --max-k
    /// [default: 16; with --min-psnr or --max-bytes 256]
    #[arg(short = 'k', long = "colors", value_name = "N")]
    #[arg(value_parser = range::clusters, help_heading = MODEL, allow_negative_numbers = true)]
    pub k: Option<Clusters>,

    /// The most colors that -k auto chooses, 1 to 256 [default: 32]
    #[arg(long, value_name = "N", value_parser = range::max_k)]
    #[arg(help_heading = MODEL, allow_negative_numbers = true)]
    max_k: Option<usize>,

    /// The fewest colors up to -k whose picture, before any dithering, reaches this PSNR
    ///
    /// For gmm about the fewest: with one more color a mixture's error may rise, and not all are tried.
    #[arg(long, value_name = "DB", value_parser = range::decibels)]
    #[arg(help_heading = MODEL, allow_negative_numbers = true)]
    pub min_psnr: Option<f64>,

    /// The most colors up to -k whose file is not larger, such as 40000 or 40K (of 1024)
    ///
    /// With --min-psnr the fewest that reach that, if they fit. If a target is not reached, the best
    /// that there is is written, with a warning.
    #[arg(long, value_name = "SIZE", value_parser = range::bytes)]
    #[arg(help_heading = MODEL, allow_negative_numbers = true)]
    pub max_bytes: Option<u64>,

    /// Have these colors in the palette as they are, among the k: #rrggbb,#rrggbb,...
    #[arg(long, value_name = "HEX,...", value_delimiter = ',', value_parser = range::color)]
    #[arg(help_heading = MODEL)]
    pub keep_color: Vec<[u8; 4]>,

    /// Where the first centroids come from, k-means++ or random
    #[arg(long, value_name = "HOW", default_value = "k-means++")]
    #[arg(help_heading = MODEL, hide_possible_values = true)]
    pub init: Init,

    /// Starts, of which the best is kept [default: by method, effort and k]
    #[arg(long, value_name = "N", value_parser = range::n_init)]
    #[arg(help_heading = MODEL, allow_negative_numbers = true)]
    pub n_init: Option<usize>,

    /// Decides every random choice
    #[arg(long, value_name = "N", value_parser = range::seed, default_value = "0")]
    #[arg(help_heading = MODEL, allow_negative_numbers = true)]
    pub seed: u64,

    /// Fit one model to all inputs together, and write each with it
    ///
    /// The inputs are read twice: to count their colors, then to be written. --save-palette and
    /// --save-model write one file. Memory does not depend on how many inputs there are.
    #[arg(long, conflicts_with_all = ["load_model", "min_psnr", "max_bytes"])]
    #[arg(help_heading = MODEL)]
    pub shared_palette: bool,

    /// Fit to tables that quantize counts wrote, or files like them; folders: all .parquet in them
    ///
    /// Equal colors are added up. INPUTs, which stand before this option, are written with the model;
    /// without any there are only its report, --save-palette and --save-model.
    #[arg(long, value_name = "TABLE", num_args = 1.., help_heading = MODEL)]
    #[arg(conflicts_with_all = ["load_model", "shared_palette", "min_psnr", "max_bytes"])]
    pub counts: Vec<PathBuf>,

    /// Also write the fitted model as JSON
    #[arg(long, value_name = "PATH", help_heading = OUTPUT)]
    pub save_model: Option<PathBuf>,

    /// Use a saved model, with its k and its space, instead of fitting one
    #[arg(long, value_name = "FILE", help_heading = MODEL)]
    #[arg(conflicts_with_all = ["k", "max_k", "space", "min_psnr", "max_bytes", "keep_color"])]
    #[arg(conflicts_with_all = ["init", "n_init", "effort", "tol", "max_iter"])]
    pub load_model: Option<PathBuf>,

    /// Also write the number of each pixel's cluster or component as 8-bit gray
    #[arg(long, value_name = "PATH", help_heading = OUTPUT)]
    pub labels: Option<PathBuf>,
}

/// What pictures are taken.
#[derive(Args, Debug)]
pub struct InputArgs {
    /// Files, folders, - for stdin, builtin:flower.jpg, builtin:china.jpg [default: the flower]
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Take the pictures in all folders below, too, but for hidden ones; results keep the tree
    #[arg(short, long, help_heading = INPUT)]
    pub recursive: bool,

    /// Take the inputs that a file lists, one a line; - for a list on stdin
    #[arg(long, value_name = "LIST", help_heading = INPUT)]
    pub files_from: Option<PathBuf>,

    /// Names in the list end in a zero byte, as those of find -print0
    #[arg(short = '0', long, requires = "files_from", help_heading = INPUT)]
    pub null: bool,
}

/// What all methods take.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct CommonArgs {
    #[command(flatten)]
    pub input: InputArgs,

    /// Show what would be written of which input, and do nothing
    #[arg(long, help_heading = INPUT)]
    pub dry_run: bool,

    /// Where distances are measured: srgb, linear, lab or oklab
    #[arg(long, value_name = "SPACE", default_value = "srgb")]
    #[arg(help_heading = MODEL, hide_possible_values = true)]
    pub space: Space,

    /// floyd-steinberg, bayer, blue-noise or adaptive, with =0..1 for less; or none
    ///
    /// Spreads what single pixels are off by over their neighbors, so that few colors look like
    /// many; the file gets larger. adaptive spreads as much as a region needs: none in flat areas
    /// that the palette has and in text, little at hard edges. kmeans also chooses its palette for it.
    #[arg(long, value_name = "METHOD[=0..1]", value_parser = SpreadParser, default_value = "none")]
    #[arg(help_heading = MODEL, hide_possible_values = true)]
    pub dither: Spread,

    /// A file, - for stdout, a folder, or a pattern like out/{stem}.png [default: see --help]
    ///
    /// By default a name like flower-kmeans5.png beside the input; in the current folder for the
    /// built-in pictures; stdout for stdin. In a folder the same names. In a pattern {stem} is the
    /// input's name without its extension, {name} the name with it, {ext} the extension, {dir} the
    /// input's folder below the one that was given. --compare, --sample and the like take the same
    /// kinds of path.
    #[arg(short, long, value_name = "PATH", help_heading = OUTPUT)]
    pub output: Option<PathBuf>,

    /// Also write the result and the original side by side under titles
    #[arg(long, value_name = "PATH", help_heading = OUTPUT)]
    pub compare: Option<PathBuf>,

    /// Also write one page on all pictures for any browser: before and after, palettes, figures
    #[arg(long, value_name = "PATH", help_heading = OUTPUT)]
    pub html: Option<PathBuf>,

    /// Smallest files, slower
    #[arg(long, help_heading = OUTPUT)]
    pub optimize: bool,
    /// Also write the palette: gpl, hex, txt, json, css, act, aco, ase, pal or png by extension
    ///
    /// In a folder and on stdout it is a GIMP palette. json has the number of pixels of each color;
    /// hex, txt, json, css and png keep alpha.
    #[arg(long, value_name = "PATH", help_heading = OUTPUT)]
    pub save_palette: Option<PathBuf>,

    /// Order of the palette in reports and palette files: count, luminance or hue
    #[arg(long, value_name = "ORDER", default_value = "count")]
    #[arg(help_heading = OUTPUT, hide_possible_values = true)]
    pub sort: Sort,

    /// Replace files that exist
    #[arg(short, long, help_heading = OUTPUT)]
    pub force: bool,

    /// Replace the inputs themselves, which have to be PNG files
    #[arg(long, conflicts_with = "output", help_heading = OUTPUT)]
    pub in_place: bool,

    /// Leave out what would not become a smaller file
    #[arg(long, help_heading = OUTPUT)]
    pub skip_if_larger: bool,

    /// Drop the metadata: resolution, text of a PNG and, with --no-icc, the profile
    ///
    /// EXIF, XMP and time stamps are never kept; the orientation that EXIF says is applied.
    #[arg(long, help_heading = OUTPUT)]
    pub strip: bool,

    #[command(flatten)]
    pub reading: ReadingArgs,

    /// Threads, 1 to 1024, which do not change the result [default: all cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = range::threads)]
    #[arg(help_heading = PROGRAM, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,

    /// text for people, or json: one object a line and picture
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(help_heading = PROGRAM, hide_possible_values = true)]
    pub report: Format,

    /// Say nothing but errors; --report json still reports
    #[arg(short, long, help_heading = PROGRAM)]
    pub quiet: bool,

    /// Say more: the time of each stage, what -k auto tried, all of a mixture; of many pictures each
    #[arg(short, long, conflicts_with = "quiet", help_heading = PROGRAM)]
    pub verbose: bool,

    #[arg(help = "Colors in the report: auto (see NO_COLOR), always or never")]
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    #[arg(help_heading = PROGRAM, hide_possible_values = true)]
    pub color: ColorChoice,
}

/// How many clusters or components are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clusters {
    /// As many as a criterion chooses.
    Auto,
    Number(usize),
}

/// [`gmm::Criterion`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Criterion {
    /// The Bayesian information criterion
    Bic,
    /// Akaike's information criterion
    Aic,
}

impl From<Criterion> for gmm::Criterion {
    fn from(criterion: Criterion) -> Self {
        match criterion {
            Criterion::Bic => Self::Bic,
            Criterion::Aic => Self::Aic,
        }
    }
}

/// [`gmm::CovarianceType`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Covariance {
    /// Each component has a covariance of its own
    Full,
    /// All components share one
    Tied,
    /// Variances by channel, without covariances
    Diag,
    /// One variance for each component
    Spherical,
}

impl From<Covariance> for gmm::CovarianceType {
    fn from(covariance: Covariance) -> Self {
        match covariance {
            Covariance::Full => Self::Full,
            Covariance::Tied => Self::Tied,
            Covariance::Diag => Self::Diag,
            Covariance::Spherical => Self::Spherical,
        }
    }
}

/// [`quantize::Space`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Space {
    /// As the picture has them: the least error in the usual measure
    Srgb,
    /// Linear light
    Linear,
    /// CIELAB
    Lab,
    /// Oklab
    Oklab,
}

impl From<Space> for quantize::Space {
    fn from(space: Space) -> Self {
        match space {
            Space::Srgb => Self::Srgb,
            Space::Linear => Self::Linear,
            Space::Lab => Self::Lab,
            Space::Oklab => Self::Oklab,
        }
    }
}

/// [`Order`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Sort {
    /// The most frequent color first
    Count,
    /// From dark to light
    Luminance,
    /// Grays, then around the circle of hues from red
    Hue,
}

impl From<Sort> for Order {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Count => Self::Count,
            Sort::Luminance => Self::Luminance,
            Sort::Hue => Self::Hue,
        }
    }
}

/// [`quantize::Effort`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Effort {
    /// Little search (gmm: none), for kmeans 1 iteration on the colors, and a quicker deflate
    Fast,
    /// A search on boxes of colors, then iterations until they have converged
    Balanced,
    /// More starts and a finer search, for some times the work
    Best,
}

impl From<Effort> for quantize::Effort {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Fast => Self::Fast,
            Effort::Balanced => Self::Balanced,
            Effort::Best => Self::Best,
        }
    }
}

/// [`kmeans::Init`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Init {
    /// Greedy k-means++: far from those already chosen
    #[value(name = "k-means++")]
    KMeansPlusPlus,
    /// Pixels drawn at random
    Random,
}

impl From<Init> for kmeans::Init {
    fn from(init: Init) -> Self {
        match init {
            Init::KMeansPlusPlus => Self::KMeansPlusPlus,
            Init::Random => Self::Random,
        }
    }
}

impl InputArgs {
    /// Whether there are any.
    pub fn are_given(&self) -> bool {
        !self.inputs.is_empty() || self.files_from.is_some()
    }
}

impl CommonArgs {
    /// What all methods can write besides the picture, and where.
    pub fn extras(&self) -> Vec<(Extra, &Path)> {
        named([
            (Extra::Comparison, self.compare.as_deref()),
            (Extra::Palette, self.save_palette.as_deref()),
        ])
    }
}

/// Those that are to be written.
fn named<const N: usize>(extras: [(Extra, Option<&Path>); N]) -> Vec<(Extra, &Path)> {
    let paths = extras.into_iter();
    paths
        .filter_map(|(extra, path)| Some((extra, path?)))
        .collect()
}

impl FitArgs {
    /// How many clusters or components there are to be, at most where a target decides.
    pub fn clusters(&self) -> Clusters {
        let default = if self.targets().is_some() { 256 } else { 16 };
        self.k.unwrap_or(Clusters::Number(default))
    }

    /// The most of them where the picture decides.
    pub fn max_k(&self) -> usize {
        self.max_k.unwrap_or(32)
    }

    /// Whether that was given.
    pub fn has_max_k(&self) -> bool {
        self.max_k.is_some()
    }

    /// What decides how many there are.
    pub fn targets(&self) -> Option<Targets> {
        let targets = Targets {
            min_psnr: self.min_psnr,
            max_bytes: self.max_bytes,
        };
        (targets != Targets::default()).then_some(targets)
    }

    /// What both models can write besides the picture, and where.
    fn extras(&self) -> Vec<(Extra, &Path)> {
        named([
            (Extra::Labels, self.labels.as_deref()),
            (Extra::Model, self.save_model.as_deref()),
        ])
    }
}

impl KmeansArgs {
    /// What is to be written besides the picture, and where.
    pub fn extras(&self) -> Vec<(Extra, &Path)> {
        [self.common.extras(), self.fit.extras()].concat()
    }

    pub fn options(&self, k: usize) -> kmeans::Options {
        kmeans::Options {
            k,
            init: self.fit.init.into(),
            n_init: self.fit.n_init,
            effort: self.effort.into(),
            tol: self.tol,
            max_iter: self.max_iter,
            seed: self.fit.seed,
            ..kmeans::Options::default()
        }
    }
}

impl GmmArgs {
    /// What the picture decides by how many components there are.
    pub fn criterion(&self) -> gmm::Criterion {
        self.criterion
            .map_or_else(gmm::Criterion::default, Into::into)
    }

    /// What is to be written besides the picture, and where.
    pub fn extras(&self) -> Vec<(Extra, &Path)> {
        let mut extras = [self.common.extras(), self.fit.extras()].concat();
        extras.extend(named([
            (Extra::Sample, self.sample.as_deref()),
            (Extra::Soft, self.soft.as_deref()),
        ]));
        extras
    }

    pub fn options<const D: usize>(&self, k: usize) -> gmm::Options<D> {
        gmm::Options {
            k,
            init: gmm::Init::KMeans(self.fit.init.into()),
            covariance_type: self.covariance.into(),
            effort: self.effort.into(),
            n_init: self.fit.n_init,
            tol: self.tol,
            max_iter: self.max_iter,
            reg_covar: self.reg_covar,
            seed: self.fit.seed,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SampleMode {
    /// By the weights of the mixture: colors without structure
    Iid,
    /// By the pixel's own responsibilities: the picture in drawn colors
    Posterior,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_are_the_librarys() {
        let Command::Gmm(gmm) = Cli::parse_from(["quantize", "gmm"]).command else {
            panic!("gmm was asked for")
        };
        let Command::Kmeans(kmeans) = Cli::parse_from(["quantize", "kmeans"]).command else {
            panic!("kmeans was asked for")
        };
        assert_eq!(gmm.options(16), gmm::Options::<3>::default());
        assert_eq!(gmm.fit.clusters(), Clusters::Number(16));
        assert_eq!(gmm.criterion(), gmm::Criterion::default());
        assert_eq!(kmeans.options(16), kmeans::Options::default());
        assert_eq!(kmeans.fit.clusters(), Clusters::Number(16));
    }
}
