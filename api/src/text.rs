//! What people type, made fit to be kept: normalised, of one line, bounded, without control characters.

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::error::{Error, Refusal, Refused, refuse_if_any};

/// Composed (NFC), control characters dropped, white space collapsed and trimmed.
#[must_use]
pub fn line(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    let spaced: String = composed
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same line by line: the lines stay, without white space at their ends, and no two empty ones follow each other.
#[must_use]
pub fn lines(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for it in text.lines().map(line) {
        if !(it.is_empty() && out.last().is_none_or(String::is_empty)) {
            out.push(it);
        }
    }
    out.join("\n").trim_end().to_owned()
}

/// Gathers what is wrong with an input, so that the user is told everything at once.
pub struct Check<C> {
    refused: Vec<Refused<C>>,
    long: C,
}

impl<C: Refusal> Check<C> {
    /// `long` is the code for a text over its limit.
    pub fn new(long: C) -> Self {
        Self { refused: Vec::new(), long }
    }

    /// A text that must be there: at most `most` characters.
    pub fn required(&mut self, text: &str, most: usize, path: &[&str], missing: C) -> String {
        let text = self.bounded(text, most, path);
        if text.is_empty() {
            self.refuse(missing.at(path.iter().copied()));
        }
        text
    }

    /// A text that may be left out or empty.
    pub fn optional(&mut self, text: Option<&str>, most: usize, path: &[&str]) -> Option<String> {
        Some(self.bounded(text?, most, path)).filter(|it| !it.is_empty())
    }

    fn bounded(&mut self, text: &str, most: usize, path: &[&str]) -> String {
        let text = line(text);
        if text.chars().count() > most {
            let long = self.long.at(path.iter().copied()).about(most);
            self.refuse(long);
        }
        text
    }

    pub fn refuse(&mut self, refused: Refused<C>) {
        self.refused.push(refused);
    }

    /// Refuses the input if anything was wrong with it.
    pub fn done(self) -> Result<(), Error<C>> {
        refuse_if_any(self.refused)
    }
}
