//! The fonts, which are files beside the program: the two that the templates name, and others for what these lack.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use typst::{
    foundations::Bytes,
    text::{Font, FontBook, FontInfo, FontStretch, FontStyle, FontVariant, FontWeight},
    utils::LazyHash,
};

use crate::Error;

/// Where a system keeps fonts.
const FOLDERS: &[&str] = &["/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts"];

/// The files that are looked for there, and which of their faces is the one for simplified Chinese. The last two have
/// the rare characters of plane 2, and are used for nothing else.
const KNOWN: &[(&str, u32)] = &[
    ("NotoSerifCJK-Regular.ttc", 2),
    ("NotoSerifCJK-Bold.ttc", 2),
    ("NotoSansCJK-Regular.ttc", 2),
    ("NotoSansCJK-Bold.ttc", 2),
    ("HanaMinA.ttf", 0),
    ("HanaMinB.ttf", 0),
];

/// What the templates name. Typst thickens nothing by itself, so that the bold face must be there.
const NEEDED: &[(&str, FontWeight)] = &[
    ("Noto Serif CJK SC", FontWeight::REGULAR),
    ("Noto Serif CJK SC", FontWeight::BOLD),
    ("Noto Sans CJK SC", FontWeight::REGULAR),
    ("Noto Sans CJK SC", FontWeight::BOLD),
];

/// How deep folders are searched, which ends where links go in circles.
const DEPTH: usize = 4;

/// The fonts that documents are set in. What they cover is known at once, their outlines are read when they are used.
pub struct Fonts {
    pub(crate) book: LazyHash<FontBook>,
    faces: Vec<Face>,
}

struct Face {
    file: PathBuf,
    index: u32,
    font: OnceLock<Option<Font>>,
}

impl Fonts {
    /// Finds the fonts: all there are in a folder and below it, or the known ones where a system keeps them.
    ///
    /// # Errors
    /// When one that the templates name is not among them.
    pub fn find(folder: Option<&Path>) -> Result<Self, Error> {
        let folders = match folder {
            Some(folder) => vec![folder.to_owned()],
            None => FOLDERS.iter().map(PathBuf::from).collect(),
        };
        let mut files = Vec::new();
        for it in &folders {
            search(it, DEPTH, &mut files);
        }
        files.sort();
        let mut infos = Vec::new();
        let mut faces = Vec::new();
        for file in files {
            let name = file.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            let known = KNOWN.iter().find(|it| it.0 == name);
            // A folder that was named is taken as a whole.
            let indices = match (known, folder) {
                (Some(known), _) => known.1..known.1 + 1,
                (None, Some(_)) => 0..u32::MAX,
                (None, None) => continue,
            };
            let Ok(bytes) = std::fs::read(&file) else { continue };
            for index in indices {
                let Some(info) = FontInfo::new(&bytes, index) else { break };
                infos.push(info);
                faces.push(Face { file: file.clone(), index, font: OnceLock::new() });
            }
        }
        let book = FontBook::from_infos(infos);
        let lacking: Vec<_> = NEEDED
            .iter()
            .filter(|(family, weight)| !has(&book, family, *weight))
            .map(|(family, weight)| format!("{family} {}", weight.to_number()))
            .collect();
        if !lacking.is_empty() {
            let folders: Vec<_> = folders.iter().map(|it| it.display().to_string()).collect();
            return Err(Error::Fonts { lacking: lacking.join(", "), folders: folders.join(", ") });
        }
        Ok(Self { book: LazyHash::new(book), faces })
    }

    /// A face by its place in the book.
    pub(crate) fn face(&self, at: usize) -> Option<Font> {
        let face = self.faces.get(at)?;
        let read = || Font::new(Bytes::new(std::fs::read(&face.file).ok()?), face.index);
        face.font.get_or_init(read).clone()
    }

    /// Whether some font has the character.
    pub(crate) fn has(&self, character: char) -> bool {
        let covers =
            |at| self.book.info(at).is_some_and(|it| it.coverage.contains(character.into()));
        (0..self.faces.len()).any(covers)
    }
}

fn has(book: &FontBook, family: &str, weight: FontWeight) -> bool {
    let variant = FontVariant::new(FontStyle::Normal, weight, FontStretch::NORMAL);
    book.select(&family.to_lowercase(), variant)
        .and_then(|at| book.info(at))
        .is_some_and(|it| it.variant.weight == weight)
}

fn search(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|it| it.path()) {
        if path.is_dir() {
            if depth > 0 {
                search(&path, depth - 1, files);
            }
        } else if path
            .extension()
            .and_then(|it| it.to_str())
            .is_some_and(|it| ["ttf", "otf", "ttc", "otc"].contains(&it.to_lowercase().as_str()))
        {
            files.push(path);
        }
    }
}
