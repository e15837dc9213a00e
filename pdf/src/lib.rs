//! Paper: sign-in sheets (签到表), name badges (胸卡), table cards (桌牌) and certificates (结业证书), from values to the
//! bytes of a PDF. No database, no async, no clock, no environment.
//!
//! Typesetting is typst's, which takes longer to build than everything else together. So it is behind the feature
//! `typst`; without it the same functions are here and say that they cannot ([`AVAILABLE`]).
//!
//! What people wrote reaches a template as JSON and is set as text, whatever it contains. A character that no font has
//! is set as □ with its number, and the text it stands in is reported: nothing is ever left blank.

mod sheet;

#[cfg(feature = "typst")]
mod font;
#[cfg(feature = "typst")]
mod press;
#[cfg(feature = "typst")]
pub use {font::Fonts, press::Document};

#[cfg(not(feature = "typst"))]
mod without;
#[cfg(not(feature = "typst"))]
pub use without::{Document, Fonts};

pub use sheet::{
    Badge, BadgeSize, Badges, Certificate, Certificates, Fact, Group, Line, Sheet, SignInSheet,
    TableCard, TableCards,
};

/// Whether this build can make documents.
pub const AVAILABLE: bool = cfg!(feature = "typst");

/// A finished document.
#[derive(Debug)]
pub struct Made {
    /// The bytes of the PDF.
    pub pdf: Vec<u8>,
    /// How many pages it has.
    pub pages: usize,
    /// The texts that could not be shown whole, each once, in the order they came.
    pub missing: Vec<Missing>,
}

/// A text with characters that no font has. It stands in the document with □ and a number in their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The text, as it was given.
    pub text: String,
    /// The characters, each once.
    pub characters: Vec<char>,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The build has no typesetting.
    #[error("this build makes no PDF documents: it was built without the feature `pdf`")]
    LeftOut,
    /// The fonts that the templates name are not there.
    #[error(
        "fonts for PDF documents are missing: {lacking} (looked in {folders}): install fonts-noto-cjk, or name a \
         folder that has them in QINGLAN_FONTS_DIR"
    )]
    Fonts {
        /// Families, with their weight.
        lacking: String,
        /// Where they were looked for.
        folders: String,
    },
    /// A template is wrong, which is a fault of this crate.
    #[error("a template failed: {0}")]
    Template(String),
}
