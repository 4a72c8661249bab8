//! How much of the page each picture gets, so that a page on a thousand pictures still opens.

/// Bytes that the pictures of a page take together at most, and one of them.
const PAGE_BYTES: usize = 48 << 20;
const MOST_BYTES: usize = 16 << 20;

/// With less than this a picture shows too little to look at.
const FEWEST_BYTES: usize = 256 << 10;

/// Rows of the table with a thumbnail, and rows at all.
const THUMBNAILS: usize = 2000;
const ROWS: usize = 10_000;

/// Bytes that a row of the table and a thumbnail take at most, about.
const ROW_BYTES: usize = 1 << 10;
const THUMBNAIL_BYTES: usize = 16 << 10;

/// Bytes of a pixel that is encoded anew: its color, and what the encoder makes of it.
const PIXEL_BYTES: usize = 8;

/// What there is room for on a page about so many pictures. It depends on their number alone, so that
/// a picture can be prepared before those in front of it are done.
#[derive(Clone, Copy, Debug)]
pub struct Rooms {
    pictures: usize,
}

/// What there is room for of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub row: bool,
    pub thumbnail: bool,
    /// Bytes of its own part of the page, if it has one.
    pub section: Option<usize>,
}

impl Rooms {
    pub fn of(pictures: usize) -> Self {
        Self { pictures }
    }

    /// How many pictures there are.
    pub fn pictures(self) -> usize {
        self.pictures
    }

    /// The room of picture `i`.
    pub fn of_picture(self, i: usize) -> Room {
        let share = PAGE_BYTES / self.sections();
        Room {
            row: i < ROWS,
            thumbnail: self.pictures > 1 && i < THUMBNAILS,
            section: (i < self.sections()).then_some(share.min(MOST_BYTES)),
        }
    }

    /// Bytes of memory that the page takes while it grows and when it is put together, which copies it.
    pub fn memory_needed(self) -> u64 {
        let rows = self.pictures.min(ROWS) * ROW_BYTES;
        let thumbnails = self.pictures.min(THUMBNAILS) * THUMBNAIL_BYTES;
        let room = |i| self.of_picture(i).section.unwrap_or(0);
        let sections: usize = (0..self.sections()).map(room).sum();
        2 * (rows + thumbnails + sections) as u64
    }

    /// Pictures that have a part of their own.
    fn sections(self) -> usize {
        self.pictures.clamp(1, PAGE_BYTES / FEWEST_BYTES)
    }

    /// What is left out, in words.
    pub fn left_out(self) -> Option<String> {
        let (pictures, sections) = (self.pictures, self.sections());
        if pictures <= sections {
            return None;
        }
        let mut parts = vec![format!(
            "Of {pictures} pictures the first {sections} follow the table"
        )];
        if pictures > ROWS {
            parts.push(format!("which lists the first {ROWS}"));
        }
        if pictures > THUMBNAILS {
            parts.push(format!("the first {THUMBNAILS} with a thumbnail"));
        }
        Some(parts.join(", ") + ": all of them would be too much for a browser.")
    }
}

impl Room {
    /// Bytes of memory that it takes to fill it from a picture of so many pixels: a copy of these, and the
    /// files of original and result before and after they are text.
    pub fn memory_needed(self, pixels: usize) -> u64 {
        let files = self.section.map_or(0, |section| 4 * section);
        (PIXEL_BYTES * pixels + files) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded_whatever_the_number_of_pictures() {
        for pictures in [1, 2, 3, 7, 100, 192, 193, 1000, 50_000] {
            let rooms = Rooms::of(pictures);
            let each: Vec<_> = (0..pictures).map(|i| rooms.of_picture(i)).collect();
            let bytes: usize = each.iter().filter_map(|room| room.section).sum();
            assert!(bytes <= PAGE_BYTES);
            assert!(each.iter().filter(|room| room.thumbnail).count() <= THUMBNAILS);
            assert!(each[0].section >= Some(FEWEST_BYTES));
            let all = each.iter().all(|room| room.section.is_some());
            assert_eq!(rooms.left_out().is_none(), all);
        }
    }

    #[test]
    fn the_memory_of_a_page_grows_with_its_pictures_and_is_bounded() {
        let needed = |pictures| Rooms::of(pictures).memory_needed();
        assert!(needed(1) >= MOST_BYTES as u64);
        assert!(needed(1) < needed(1000) && needed(1000) < needed(50_000));
        assert!(needed(1_000_000) < 256 << 20);
    }

    #[test]
    fn what_is_left_out_is_said() {
        let text = Rooms::of(50_000).left_out().unwrap();
        for number in ["50000", "192", "2000", "10000"] {
            assert!(text.contains(number), "{text}");
        }
        assert!(!Rooms::of(1000).left_out().unwrap().contains("2000"));
    }
}
