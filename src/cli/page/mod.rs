//! The page of `--html`: all pictures of a run in one file that needs nothing else. What it looks like
//! and does is in `templates/`; here its data are put together.

mod curve;
mod plot;
mod recipe;
mod room;
mod section;
mod table;
mod views;

pub use curve::Curve;
pub use plot::{Center, Plot};
pub use recipe::{Recipe, quoted};
pub use room::{Room, Rooms};
pub use views::Views;

use askama::Template;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{message::visible, plan::Job, report::Results, source::Source};
use section::Section;
use table::Table;

const STYLE: &str = include_str!("../../../templates/page.css");
const SCRIPT: &str = include_str!("../../../templates/page.js");

/// A page that grows by a picture at a time.
pub struct Page {
    rooms: Rooms,
    recipe: Recipe,
    /// The command of the whole run.
    command: String,
    title: String,
    table: Table,
    sections: Vec<String>,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Document<'a> {
    policy: String,
    style: &'a str,
    script: &'a str,
    title: &'a str,
    /// For more than one picture.
    table: Option<&'a Table>,
    sections: &'a [String],
    command: &'a str,
    version: &'a str,
}

impl Page {
    /// A page without pictures yet, to be made by this `command`.
    pub fn new(rooms: Rooms, recipe: Recipe, command: String) -> Self {
        let title = format!("{} pictures", rooms.pictures());
        Self {
            table: Table::new(rooms.left_out()),
            rooms,
            recipe,
            command,
            title,
            sections: Vec::new(),
        }
    }

    /// Adds the next picture, that of `job`.
    pub fn add(&mut self, job: &Job, outcome: &Result<Results, String>) {
        let views = outcome
            .as_ref()
            .ok()
            .and_then(|results| results.views.as_ref());
        let mut anchor = None;
        if let (Ok(results), Some(part)) = (outcome, views.and_then(|views| views.part.as_ref())) {
            let number = self.sections.len() + 1;
            let section = Section::of(job, results, part, &self.recipe, number, self.is_of_one());
            if self.is_of_one() {
                self.title = section.title();
            }
            anchor = Some(section.anchor());
            self.sections.push(text_of(&section));
        }
        if self.rooms.of_picture(self.table.pictures()).row {
            self.table.add(job, outcome, views, anchor);
        } else {
            self.table.leave_out(outcome);
        }
    }

    fn is_of_one(&self) -> bool {
        self.rooms.pictures() == 1
    }

    /// Whether no picture went well, so that there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.table.done() == 0
    }

    /// The whole of it.
    pub fn render(&self) -> String {
        text_of(&Document {
            policy: policy(),
            style: STYLE,
            script: SCRIPT,
            title: &self.title,
            table: (!self.is_of_one()).then_some(&self.table),
            sections: &self.sections,
            command: &self.command,
            version: env!("CARGO_PKG_VERSION"),
        })
    }
}

fn text_of(template: &impl Template) -> String {
    template.render().expect("text can always be put together")
}

/// `value` as JSON that can stand in a script element: what could end that, or a line in old scripts, is
/// written as an escape.
fn json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("nothing in it can fail to be serialized");
    // They occur in strings only.
    ['<', '>', '&', '\u{2028}', '\u{2029}']
        .into_iter()
        .fold(json, |json, c| {
            json.replace(c, &format!("\\u{:04x}", u32::from(c)))
        })
}

/// The name of a picture as people read it, without control characters.
fn name(source: &Source) -> String {
    visible(&source.argument().to_string_lossy())
}

/// The Content-Security-Policy: nothing comes from the network or goes there, and nothing runs but the
/// script of the template, whatever else the page may hold.
fn policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
         base-uri 'none'; form-action 'none'"
    )
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, path::Path};

    use quantize::{
        Colors, Picture, Space,
        picture::{EncodeOptions, Pixels},
    };

    use super::{
        views::{Pair, Part},
        *,
    };
    use crate::cli::{
        plan::Target,
        report::{Entry, Hex, ModelResults, Seconds, Status},
    };

    fn job(name: &str) -> Job {
        Job {
            source: Source::File(name.into()),
            output: Target::File(Path::new("out.png").into()),
            extras: Vec::new(),
        }
    }

    fn results(room: Room) -> Results {
        let picture = Picture::from_pixels(2, 1, Pixels::Rgb8(vec![[1, 2, 3], [9, 8, 7]])).unwrap();
        let png = picture.encode_png(EncodeOptions::default()).unwrap();
        let entry = |hex| Entry { hex, count: 1 };
        Results {
            status: Status::Written,
            method: "kmeans",
            width: 2,
            height: 1,
            distinct_colors: 2,
            k: 2,
            colors: 2,
            palette: [Hex([1, 2, 3, 255]), Hex([9, 8, 7, 255])].map(entry).into(),
            mse: 0.0,
            psnr_db: None,
            difference: None,
            model: ModelResults {
                inertia: Some(0.0),
                log_likelihood: None,
                bic: None,
                aic: None,
                n_iter: Some(1),
                converged: Some(true),
                choice: None,
                mixture: None,
            },
            warnings: vec!["<b>warned</b>".to_owned()],
            bytes_in: 10,
            bytes_out: png.len(),
            seconds: Seconds {
                load: 0.0,
                colors: 0.0,
                fit: 0.0,
                map: 0.0,
                encode: 0.0,
                total: 0.0,
            },
            views: Some(Views {
                thumbnail: room.thumbnail.then(|| "data:image/jpeg;base64,".to_owned()),
                part: room.section.map(|bytes| Part {
                    pair: Pair::of(&picture, &picture, &png, bytes).unwrap(),
                    curve: None,
                    plot: Plot::of(&Colors::of(&picture).0, Space::Srgb, &[], bytes),
                }),
            }),
        }
    }

    /// A page on pictures of these names, the last of which failed if there are several.
    fn page(names: &[&str]) -> String {
        let rooms = Rooms::of(names.len());
        let recipe = Recipe::default();
        let mut page = Page::new(rooms, recipe, quoted([OsStr::new(names[0])]));
        for (i, name) in names.iter().enumerate() {
            let outcome = if i > 0 && i + 1 == names.len() {
                Err(visible(&format!("<i>{name}</i>")))
            } else {
                Ok(results(rooms.of_picture(i)))
            };
            page.add(&job(name), &outcome);
        }
        page.render()
    }

    /// The names of all elements and attributes of a page, with the attributes that hold none.
    fn tags(page: &str) -> Vec<&str> {
        page.split('<')
            .skip(1)
            .map(|rest| rest.split(['>', ' ', '\n']).next().unwrap())
            .collect()
    }

    #[test]
    fn names_stay_text_in_elements_and_attributes() {
        let hostile = "a\"'><img src=x onerror=alert(1)></script><!--&amp;\u{1b}\u{2028}.png";
        for names in [&["a"][..], &["a", "b", "c"]] {
            let tame = page(names);
            let with = page(&vec![hostile; names.len()]);
            assert_eq!(tags(&with), tags(&tame));
            assert!(!with.contains("onerror=alert(1)>"));
            assert!(with.contains("&#38;amp;") && !with.contains('\u{1b}'));
        }
    }

    #[test]
    fn json_cannot_end_its_script_and_reads_as_what_it_was() {
        let name = "</script><!--&\u{2028}\u{2029}\"\\é";
        let text = json(&name);
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), name);
    }

    #[test]
    fn reasons_and_warnings_stay_text() {
        let page = page(&["a", "b", "c"]);
        assert!(!page.contains("<i>") && !page.contains("<b>"));
        assert!(page.contains("warned") && page.contains("&#60;i&#62;c"));
    }

    #[test]
    fn the_policy_allows_the_script_and_the_style_that_are_there_and_no_network() {
        let page = page(&["a"]);
        let between = |start, end| {
            let rest = page.split_once(start).unwrap().1;
            rest.split_once(end).unwrap().0
        };
        for (start, end) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let hash = BASE64_STANDARD.encode(Sha256::digest(between(start, end)));
            let escaped = hash.replace('/', "&#47;").replace('+', "&#43;");
            assert!(page.contains(&hash) || page.contains(&escaped));
        }
        assert!(page.contains("default-src &#39;none&#39;"));
        assert!(!page.contains("http:") && !page.contains("https:"));
    }

    #[test]
    fn a_page_on_pictures_that_all_failed_is_empty() {
        let mut page = Page::new(Rooms::of(1), Recipe::default(), String::new());
        page.add(&job("a"), &Err("no picture".to_owned()));
        assert!(page.is_empty());
    }
}
