//! What stands in for typesetting where it was left out: nobody can have fonts, so nobody can begin a document.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::{Error, Made, Sheet};

/// The fonts that documents are set in. This build has none.
pub enum Fonts {}

/// A document being made. This build makes none.
pub enum Document {}

impl Fonts {
    /// Finds the fonts.
    ///
    /// # Errors
    /// Always: typesetting was left out.
    pub fn find(_folder: Option<&Path>) -> Result<Self, Error> {
        Err(Error::LeftOut)
    }
}

impl Document {
    /// Begins a document.
    #[must_use]
    pub fn new(fonts: Fonts, _title: &str, _note: &str, _at: DateTime<Utc>) -> Self {
        match fonts {}
    }

    /// Sets some pages.
    pub fn add(&mut self, _sheet: &impl Sheet) -> Result<(), Error> {
        match *self {}
    }

    /// Ends the document.
    pub fn finish(self) -> Result<Made, Error> {
        match self {}
    }
}
