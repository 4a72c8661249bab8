//! Folders with pictures in them, and the program to run there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::{Command, assert::Assert, cargo::cargo_bin_cmd};
use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// A folder of its own, removed in the end.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a picture of each of the names.
    pub fn with(names: &[&str]) -> Self {
        let folder = Self::new();
        for name in names {
            folder.add(name);
        }
        folder
    }

    /// Adds a picture of 24 x 16 pixels, whose colors depend on the length of the name.
    pub fn add(&self, name: impl AsRef<Path>) {
        let path = self.path(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let blue = 10 * name.as_ref().as_os_str().len() as u8;
        picture(blue)
            .save_with_format(path, image::ImageFormat::Png)
            .unwrap();
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Everything in the folder by name, sorted; of folders below it also what is in them.
    pub fn names(&self) -> Vec<String> {
        fn collect(root: &Path, folder: &Path, names: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(root, &path, names);
                } else {
                    let name = path.strip_prefix(root).unwrap();
                    names.push(name.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        let mut names = Vec::new();
        collect(self.0.path(), self.0.path(), &mut names);
        names.sort();
        names
    }

    /// The program, with this folder as the current one.
    pub fn quantize(&self) -> Command {
        let mut command = cargo_bin_cmd!("quantize");
        command.current_dir(self.0.path()).env_remove("NO_COLOR");
        command
    }

    /// Runs `quantize` with these arguments, split at spaces.
    pub fn run(&self, arguments: &str) -> Assert {
        self.quantize().args(arguments.split_whitespace()).assert()
    }
}

/// 96 colors; those of red and green are the same for all `blue`.
pub fn picture(blue: u8) -> RgbImage {
    RgbImage::from_fn(24, 16, |x, y| {
        Rgb([(x / 2 * 20) as u8, (y / 2 * 30) as u8, blue])
    })
}

/// How many colors the indexed PNG in `bytes` has, and its pixels in full color.
pub fn indexed(bytes: &[u8]) -> (usize, RgbImage) {
    let reader = png::Decoder::new(std::io::Cursor::new(bytes))
        .read_info()
        .unwrap();
    assert_eq!(reader.info().color_type, png::ColorType::Indexed);
    let colors = reader.info().palette.as_ref().unwrap().len() / 3;
    (colors, image::load_from_memory(bytes).unwrap().to_rgb8())
}

pub fn stdout(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

pub fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}
