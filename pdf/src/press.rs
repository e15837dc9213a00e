//! Typesetting: a document is set in pieces, which whoever makes it can count and stop between, and put together once.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde_json::Value;
use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult, SourceDiagnostic, Warned},
    foundations::{Bytes, Datetime, Duration, Smart},
    model::DocumentInfo,
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook, is_default_ignorable},
    utils::LazyHash,
};
use typst_layout::{Page, PagedDocument};
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::{Error, Fonts, Made, Missing, Sheet};

/// What all templates begin with.
const PRELUDE: &str = include_str!("../templates/prelude.typ");

/// The values that are pictures and not texts.
const PICTURE: &str = "qr";

/// A document being made.
pub struct Document {
    desk: Desk,
    about: DocumentInfo,
    at: Option<Timestamp>,
    pages: Vec<Page>,
    missing: Vec<Missing>,
}

impl Document {
    /// Begins a document. The title is what a reader shows on the window, the note where it shows the document's
    /// properties, and `at` is when it was made.
    #[must_use]
    pub fn new(fonts: Fonts, title: &str, note: &str, at: DateTime<Utc>) -> Self {
        let about = DocumentInfo {
            title: Some(title.into()),
            description: Some(note.into()),
            ..DocumentInfo::default()
        };
        let at = timestamp(at);
        Self { desk: Desk::new(fonts), about, at, pages: vec![], missing: vec![] }
    }

    /// Sets some pages and puts them after those that are there.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn add<S: Sheet>(&mut self, sheet: &S) -> Result<(), Error> {
        let mut data =
            serde_json::to_value(sheet).map_err(|error| Error::Template(error.to_string()))?;
        self.make_visible(&mut data);
        self.desk.lay(S::TEMPLATE, &data);
        let Warned { output, warnings } = typst::compile::<PagedDocument>(&self.desk);
        // What was worked out for these pages is not needed for the next, and would stay for ever.
        typst::comemo::evict(0);
        let set = output.map_err(|errors| wrong(&errors))?;
        if !warnings.is_empty() {
            return Err(wrong(&warnings));
        }
        self.pages.extend_from_slice(set.pages());
        Ok(())
    }

    /// Ends the document. It keeps to PDF/A-2u, whose rules refuse a glyph that is not there, and which archives take.
    ///
    /// # Errors
    /// When the rules are broken, which is a fault of the templates.
    pub fn finish(self) -> Result<Made, Error> {
        let pages = self.pages.len();
        let standards = PdfStandards::new(&[PdfStandard::A_2u])
            .map_err(|error| Error::Template(error.message().to_string()))?;
        let options = PdfOptions {
            creator: Smart::Custom(Some("Qinglan".to_owned())),
            timestamp: self.at,
            standards,
            // It is for paper; tags would be a third of the file.
            tagged: false,
            ..PdfOptions::default()
        };
        let document = PagedDocument::new(self.pages.into_iter().collect(), self.about);
        let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| wrong(&errors))?;
        typst::comemo::evict(0);
        Ok(Made { pdf, pages, missing: self.missing })
    }

    /// Puts something visible in the place of each character that no font has, and notes the texts.
    fn make_visible(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                let (visible, lacking) = visible(text, &self.desk.fonts);
                let given = std::mem::replace(text, visible);
                if !lacking.is_empty() && self.missing.iter().all(|it| it.text != given) {
                    self.missing.push(Missing { text: given, characters: lacking });
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|it| self.make_visible(it)),
            Value::Object(fields) => {
                let texts = fields.iter_mut().filter(|it| it.0 != PICTURE);
                texts.for_each(|it| self.make_visible(it.1));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// The text as it can be set, and the characters that it lacks.
fn visible(text: &str, fonts: &Fonts) -> (String, Vec<char>) {
    let mut visible = String::with_capacity(text.len());
    let mut lacking = Vec::new();
    for character in text.chars() {
        if character.is_whitespace() {
            visible.push(if character == '\u{3000}' { character } else { ' ' });
        } else if is_variant(character) {
            visible.push(character);
        } else if is_default_ignorable(character) {
            // Invisible by its nature; some of these would turn the text around.
        } else if is_private(character) || !fonts.has(character) {
            let number = format!("□(U+{:04X})", u32::from(character));
            visible.push_str(&number);
            if !lacking.contains(&character) {
                lacking.push(character);
            }
        } else {
            visible.push(character);
        }
    }
    (visible, lacking)
}

/// Which of its forms the character before it has.
fn is_variant(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// What such a character looks like is agreed on with one font and means something else in another.
fn is_private(character: char) -> bool {
    matches!(u32::from(character), 0xE000..=0xF8FF | 0xF_0000..)
}

fn timestamp(at: DateTime<Utc>) -> Option<Timestamp> {
    let small = |it: u32| u8::try_from(it).ok();
    let (day, hour) = (small(at.day())?, small(at.hour())?);
    let (month, minute, second) = (small(at.month())?, small(at.minute())?, small(at.second())?);
    Datetime::from_ymd_hms(at.year(), month, day, hour, minute, second).map(Timestamp::new_utc)
}

fn wrong(diagnostics: &[SourceDiagnostic]) -> Error {
    let all: Vec<_> = diagnostics.iter().map(|it| it.message.as_str()).collect();
    Error::Template(all.join("; "))
}

/// What typst sees of the world: a template, its values, the fonts. No files, no packages, no clock.
struct Desk {
    fonts: Fonts,
    library: LazyHash<Library>,
    template: Source,
    data: Bytes,
    data_id: FileId,
}

impl Desk {
    fn new(fonts: Fonts) -> Self {
        // Ids are kept by typst for ever, so there are just these two.
        let id = |name| {
            let path = VirtualPath::new(name).unwrap_or_else(|_| unreachable!("a plain name"));
            RootedPath::new(VirtualRoot::Project, path).intern()
        };
        Self {
            fonts,
            library: LazyHash::new(Library::default()),
            template: Source::new(id("main.typ"), String::new()),
            data: Bytes::new([]),
            data_id: id("data.json"),
        }
    }

    fn lay(&mut self, template: &str, data: &Value) {
        self.template.replace(&format!("{PRELUDE}{template}"));
        self.data = Bytes::new(data.to_string().into_bytes());
    }
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.fonts.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.template.id() {
            Ok(self.template.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.data_id { Ok(self.data.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, at: usize) -> Option<Font> {
        self.fonts.face(at)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
