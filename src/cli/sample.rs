//! `quantize sample`: a picture drawn from a saved mixture.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::{Result, bail, ensure};
use os_display::Quotable;
use quantize::{
    Error, Picture,
    model::Parameters,
    picture::{self, EncodeOptions},
};

use super::{
    Outcome,
    args::SampleArgs,
    existing,
    message::{reason, say, say_of},
    saved::Saved,
};

/// Draws the picture and writes it.
///
/// # Errors
/// When the command makes no sense; nothing is written then.
pub fn sample(args: &SampleArgs) -> Result<Outcome> {
    let saved = Saved::load(&args.model)?.of_method("gmm", &args.model)?;
    let stdout = args.output == Path::new("-");
    if !stdout
        && let (Ok(a), Ok(b)) = (
            fs::canonicalize(&args.output),
            fs::canonicalize(&args.model),
        )
    {
        ensure!(a != b, "{}: the output is the model", args.output.quote());
    }
    let picture = match saved.channels {
        4 => draw::<4>(&saved, args)?,
        _ => draw::<3>(&saved, args)?,
    };
    let png = picture.encode_png(EncodeOptions::default())?;
    if stdout {
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(&png).and_then(|()| stdout.flush()) {
            say(format_args!("cannot write to stdout: {}", reason(&error)));
            return Ok(Outcome::SomeFailed);
        }
        return Ok(Outcome::Complete);
    }
    match picture::write(&args.output, &png, existing(args.force)) {
        Ok(()) => Ok(Outcome::Complete),
        Err(error) => {
            let cure = match error {
                Error::Exists => "; --force replaces it",
                _ => "",
            };
            say_of(
                args.output.as_os_str(),
                format_args!("cannot be written: {}{cure}", reason(&error)),
            );
            Ok(Outcome::SomeFailed)
        }
    }
}

fn draw<const D: usize>(saved: &Saved, args: &SampleArgs) -> Result<Picture> {
    let (width, height) = args.size;
    match saved.model::<D>()?.parameters {
        Parameters::Mixture(mixture) => {
            Ok(mixture.sample(width, height, saved.space, args.seed)?)
        }
        Parameters::KMeans(_) => bail!("k-means has nothing to draw from"),
    }
}
