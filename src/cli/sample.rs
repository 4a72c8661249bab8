//! `quantize sample`: a picture drawn from a saved mixture.

use anyhow::{Result, bail};
use quantize::{Picture, model::Parameters, picture::EncodeOptions};

use super::{
    Outcome,
    args::SampleArgs,
    existing,
    message::say,
    output,
    plan::{self, Target},
    saved::Saved,
    source::Source,
};

/// Draws the picture and writes it.
///
/// # Errors
/// When the command makes no sense; nothing is written then.
pub fn sample(args: &SampleArgs) -> Result<Outcome> {
    let saved = Saved::load(&args.model)?.of_method("gmm", &args.model)?;
    let target = Target::named(&args.output);
    plan::check_picture(&target)?;
    plan::refuse_shared(&target, &[Source::File(args.model.clone())])?;
    let picture = match saved.channels {
        4 => draw::<4>(&saved, args)?,
        _ => draw::<3>(&saved, args)?,
    };
    let png = picture.encode_png(EncodeOptions::default())?;
    Ok(
        match output::write(&[(&target, png)], existing(args.force)) {
            Ok(()) => Outcome::Complete,
            Err(error) => {
                say(error);
                Outcome::SomeFailed
            }
        },
    )
}

fn draw<const D: usize>(saved: &Saved, args: &SampleArgs) -> Result<Picture> {
    let (width, height) = args.size;
    match saved.model::<D>()?.parameters {
        Parameters::Mixture(mixture) => {
            Ok(mixture.sample(width, height, saved.space, args.seed)?)
        }
        Parameters::KMeans { .. } => bail!("k-means has nothing to draw from"),
    }
}
