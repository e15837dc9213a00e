//! What stands in for typesetting where it was left out: nobody can have fonts, and no document is made.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::{Error, Made, Sheet};

/// The fonts that documents are set in. This build finds none.
pub struct Fonts;

/// A document being made. This build makes none.
pub struct Document;

impl Fonts {
    /// Finds the fonts.
    ///
    /// # Errors
    /// Always: typesetting was left out.
    pub fn find(_folder: Option<&Path>) -> Result<Self, Error> {
        Err(Error::LeftOut)
    }
}

#[expect(clippy::unused_self, reason = "it stands in for one that is made")]
impl Document {
    /// Begins a document.
    #[must_use]
    pub fn new(_fonts: Fonts, _title: &str, _note: &str, _at: DateTime<Utc>) -> Self {
        Self
    }

    /// Sets some pages.
    ///
    /// # Errors
    /// Always: typesetting was left out.
    pub fn add(&mut self, _sheet: &impl Sheet) -> Result<(), Error> {
        Err(Error::LeftOut)
    }

    /// Ends the document.
    ///
    /// # Errors
    /// Always: typesetting was left out.
    pub fn finish(self) -> Result<Made, Error> {
        Err(Error::LeftOut)
    }
}
