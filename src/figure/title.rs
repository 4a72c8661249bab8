//! A line of text in the embedded font.

use ab_glyph::{Font, FontRef, GlyphId, OutlinedGlyph, PxScale, point};

/// Open Sans; assets/README.md tells its source and license.
const FONT: &[u8] = include_bytes!("../../assets/OpenSans-Regular-subset.ttf");

/// The embedded font. Its lengths are in ems.
pub struct Typeface {
    font: FontRef<'static>,
    units_per_em: f64,
}

impl Typeface {
    pub fn embedded() -> Self {
        let font = FontRef::try_from_slice(FONT).expect("the embedded font is valid");
        let units_per_em = f64::from(
            font.units_per_em()
                .expect("the embedded font states its units"),
        );
        Self { font, units_per_em }
    }

    /// The width of `text`.
    pub fn width(&self, text: &str) -> f64 {
        self.pens(text).1
    }

    /// `text` with `em` pixels to the em.
    pub fn set(&self, text: &str, em: f64) -> Title {
        // The scale of ab_glyph is the height of a line.
        let scale = PxScale::from((self.ems(self.font.height_unscaled()) * em) as f32);
        let glyphs: Vec<_> = self
            .pens(text)
            .0
            .into_iter()
            .map(|(glyph, pen)| glyph.with_scale_and_position(scale, point((pen * em) as f32, 0.0)))
            .filter_map(|glyph| self.font.outline_glyph(glyph))
            .collect();
        let left = glyphs
            .iter()
            .map(|glyph| glyph.px_bounds().min.x)
            .fold(f32::INFINITY, f32::min);
        let right = glyphs
            .iter()
            .map(|glyph| glyph.px_bounds().max.x)
            .fold(left, f32::max);
        let ascent = (self.ems(self.font.ascent_unscaled()) * em).ceil();
        let descent = (self.ems(-self.font.descent_unscaled()) * em).ceil();
        Title {
            top: -ascent as f32,
            left,
            width: if glyphs.is_empty() {
                0
            } else {
                (right - left) as usize
            },
            height: (ascent + descent) as usize,
            glyphs,
        }
    }

    /// Where each glyph of `text` begins, and where the text ends.
    fn pens(&self, text: &str) -> (Vec<(GlyphId, f64)>, f64) {
        let mut pens = Vec::new();
        let mut end = 0.0;
        for character in text.chars() {
            let glyph = self.font.glyph_id(character);
            if let Some(&(previous, _)) = pens.last() {
                end += self.ems(self.font.kern_unscaled(previous, glyph));
            }
            pens.push((glyph, end));
            end += self.ems(self.font.h_advance_unscaled(glyph));
        }
        (pens, end)
    }

    fn ems(&self, units: f32) -> f64 {
        f64::from(units) / self.units_per_em
    }
}

/// A line of text as outlines, and the pixels that it takes.
pub struct Title {
    glyphs: Vec<OutlinedGlyph>,
    /// Where the first ink and the line begin, from where the pen started on the baseline.
    left: f32,
    top: f32,
    width: usize,
    height: usize,
}

impl Title {
    /// From the first column of pixels with ink to the last.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The height of a line, the same for every text.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Calls `ink(x, y, coverage)` for the pixels of the text, from the upper left corner of its
    /// line. Where the boxes of glyphs overlap, a pixel has several calls.
    pub fn draw(&self, mut ink: impl FnMut(usize, usize, f32)) {
        for glyph in &self.glyphs {
            let corner = glyph.px_bounds().min;
            let (left, top) = (
                (corner.x - self.left) as usize,
                (corner.y - self.top) as usize,
            );
            glyph.draw(|x, y, coverage| ink(left + x as usize, top + y as usize, coverage));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_glyph_of_the_font_leaves_its_line() {
        let typeface = Typeface::embedded();
        let em = 100.0;
        let mut glyphs = 0;
        for (_, character) in typeface.font.codepoint_ids() {
            let title = typeface.set(&character.to_string(), em);
            assert!(
                title
                    .glyphs
                    .iter()
                    .all(|glyph| glyph.px_bounds().min.y >= title.top)
            );
            title.draw(|x, y, _| {
                assert!(
                    x < title.width() && y < title.height(),
                    "{character:?} has ink at {x}, {y}"
                );
            });
            glyphs += 1;
        }
        assert!(
            glyphs > 190,
            "printable Latin-1 has 191 characters, the font {glyphs}"
        );
    }

    #[test]
    fn text_is_as_wide_as_the_em_says() {
        let typeface = Typeface::embedded();
        let text = "Compressed to 5 colors";
        for em in [16.0, 23.5, 220.0] {
            let advance = typeface.width(text) * em;
            let ink = typeface.set(text, em).width() as f64;
            assert!(
                (ink - advance).abs() < 0.2 * em,
                "{ink} pixels of ink for {advance}"
            );
        }
        assert_eq!(typeface.set(" ", 16.0).width(), 0);
        assert_eq!(typeface.set("", 16.0).width(), 0);
    }

    #[test]
    fn pairs_of_letters_are_kerned() {
        let typeface = Typeface::embedded();
        assert!(typeface.width("AV") < typeface.width("A") + typeface.width("V"));
    }
}
