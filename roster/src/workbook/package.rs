//! The zip archive a workbook is, within bounds, and the parts in it.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use quick_xml::events::Event;
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::xml;
use crate::Unreadable;

/// What all parts together may unzip to: 400 MB.
const MAX_INFLATED: u64 = 400 * 1024 * 1024;
/// How many times its own size an archive, or a part, may unzip to.
const MAX_RATIO: u64 = 100;
/// Small parts may well be a hundred times smaller when zipped, and do no harm: 1 MB.
const ALWAYS_FINE: u64 = 1024 * 1024;
/// Parts of a workbook; one with a picture in every row has thousands.
const MAX_PARTS: usize = 20_000;
const RELATIONSHIPS: &str = "_rels/.rels";

/// A workbook's parts by name.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// By path in lower case, with slashes and without the first one.
    places: HashMap<String, usize>,
}

/// What the workbook says of itself.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) sheets: Vec<Sheet>,
    pub(super) is_1904: bool,
    pub(super) strings: Option<String>,
    pub(super) styles: Option<String>,
}

#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) is_visible: bool,
    /// `None` for what is no worksheet, like a chart.
    pub(super) path: Option<String>,
}

impl<'a> Package<'a> {
    /// Opens an archive after unzipping every part once to see how far it goes: declared sizes lie.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
        if archive.len() > MAX_PARTS {
            return Err(Unreadable::NotAWorkbook);
        }
        let mut places = HashMap::new();
        let mut sink = vec![0; 64 * 1024];
        let mut total = 0;
        for at in 0..archive.len() {
            let mut part = match archive.by_index(at) {
                Ok(part) => part,
                Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                    return Err(Unreadable::Encrypted);
                }
                // A part in a way we cannot unzip; missed below if it was needed.
                Err(_) => continue,
            };
            if let Ok(name) = part.name() {
                places.insert(plain_path(&name), at);
            }
            let packed = part.compressed_size();
            let mut inflated = 0;
            // A part that breaks off is reported when it is read.
            while let Ok(count @ 1..) = part.read(&mut sink) {
                inflated += count as u64;
                total += count as u64;
                if total > MAX_INFLATED {
                    return Err(Unreadable::InflatesTooFar);
                }
                let is_bomb = |size: u64, packed: u64| {
                    size > ALWAYS_FINE && size > packed.saturating_mul(MAX_RATIO)
                };
                if is_bomb(inflated, packed) || is_bomb(total, bytes.len() as u64) {
                    return Err(Unreadable::Bomb);
                }
            }
        }
        Ok(Self { archive, places })
    }

    /// A part by its path; `None` when there is none.
    pub(super) fn part(
        &mut self,
        path: Option<&str>,
    ) -> Result<Option<ZipFile<'_, Cursor<&'a [u8]>>>, Unreadable> {
        match path.and_then(|path| self.places.get(&plain_path(path))) {
            Some(&at) => self.archive.by_index(at).map(Some).map_err(|_| Unreadable::Damaged),
            None => Ok(None),
        }
    }

    /// Reads which sheets there are and where its other parts lie.
    pub(super) fn book(&mut self) -> Result<Book, Unreadable> {
        let path = self
            .relations(RELATIONSHIPS, "")?
            .into_iter()
            .find(|relation| relation.kind == "officeDocument")
            .map_or_else(|| "xl/workbook.xml".to_owned(), |relation| relation.target);
        if path.to_ascii_lowercase().ends_with(".bin") {
            return Err(Unreadable::NotAWorkbook);
        }
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
        let relations = self.relations(&format!("{folder}/_rels/{file}.rels"), folder)?;
        let mut book = Book::default();
        let of_kind =
            |kind: &str| relations.iter().find(|r| r.kind == kind).map(|r| r.target.clone());
        book.strings = of_kind("sharedStrings");
        book.styles = of_kind("styles");

        let part = self.part(Some(&path))?.ok_or(Unreadable::NotAWorkbook)?;
        let mut reader = xml::reader(part);
        let mut buffer = Vec::new();
        let mut is_workbook = false;
        loop {
            match xml::next(&mut reader, &mut buffer)? {
                Event::Start(element) => match element.local_name().into_inner() {
                    "workbook" => is_workbook = true,
                    "workbookPr" => {
                        if let Some(value) = xml::attribute(&element, "date1904") {
                            book.is_1904 = xml::says_yes(&value);
                        }
                    }
                    "sheet" => {
                        let id = xml::attribute(&element, "id").unwrap_or_default();
                        let relation = relations.iter().find(|relation| relation.id == id);
                        book.sheets.push(Sheet {
                            name: xml::attribute(&element, "name").unwrap_or_default(),
                            is_visible: xml::attribute(&element, "state")
                                .is_none_or(|state| state == "visible"),
                            path: relation
                                .filter(|relation| relation.kind == "worksheet")
                                .map(|relation| relation.target.clone()),
                        });
                    }
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        if is_workbook { Ok(book) } else { Err(Unreadable::NotAWorkbook) }
    }

    /// The relations a part of the archive lists; targets are paths from its root.
    fn relations(&mut self, path: &str, folder: &str) -> Result<Vec<Relation>, Unreadable> {
        let Some(part) = self.part(Some(path))? else { return Ok(Vec::new()) };
        let mut reader = xml::reader(part);
        let mut buffer = Vec::new();
        let mut relations = Vec::new();
        loop {
            match xml::next(&mut reader, &mut buffer)? {
                Event::Start(element) if element.local_name().into_inner() == "Relationship" => {
                    let read = |name| xml::attribute(&element, name).unwrap_or_default();
                    let kind = read("Type");
                    relations.push(Relation {
                        id: read("Id"),
                        kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
                        target: resolve(folder, &read("Target")),
                    });
                }
                Event::Eof => return Ok(relations),
                _ => {}
            }
        }
    }
}

struct Relation {
    id: String,
    /// The last segment of its type.
    kind: String,
    target: String,
}

fn plain_path(path: &str) -> String {
    path.replace('\\', "/").trim_start_matches('/').to_lowercase()
}

/// A target relative to a folder, or from the root when it begins with a slash.
fn resolve(folder: &str, target: &str) -> String {
    let mut path: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        path.extend(folder.split('/').filter(|segment| !segment.is_empty()));
    }
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            segment => path.push(segment),
        }
    }
    path.join("/")
}
