//! The strings that cells share.

use std::io::Read;

use quick_xml::events::Event;

use super::xml;
use crate::Unreadable;

/// Shared strings, one behind the other in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Strings {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Strings {
    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.text.get(start..*self.ends.get(index)?)
    }
}

/// Reads the shared strings of a workbook; it may have none.
pub(super) fn read(part: Option<impl Read>) -> Result<Strings, Unreadable> {
    let mut strings = Strings::default();
    let Some(part) = part else { return Ok(strings) };
    let mut reader = xml::reader(part);
    let mut buffer = Vec::new();
    loop {
        match xml::next(&mut reader, &mut buffer)? {
            Event::Start(element) if element.local_name().into_inner() == "si" => {
                xml::rich_text(&mut reader, &mut buffer, "si", &mut strings.text)?;
                strings.ends.push(strings.text.len());
            }
            Event::Eof => return Ok(strings),
            _ => {}
        }
    }
}
