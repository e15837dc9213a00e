//! The little of XML that workbooks need.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read};

use quick_xml::Reader;
use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesStart, Event};

use crate::Unreadable;

/// A reader of a part. Names of end tags are not checked, empty elements come as a start and an end.
pub(super) fn reader<R: Read>(part: R) -> Reader<BufReader<R>> {
    let mut reader = Reader::from_reader(BufReader::with_capacity(64 * 1024, part));
    let config = reader.config_mut();
    config.check_end_names = false;
    config.check_comments = false;
    config.expand_empty_elements = true;
    reader
}

/// The next event.
pub(super) fn next<'b, R: BufRead>(
    xml: &mut Reader<R>,
    buffer: &'b mut Vec<u8>,
) -> Result<Event<'b>, Unreadable> {
    buffer.clear();
    xml.read_event_into(buffer).map_err(|_| Unreadable::Damaged)
}

/// The attributes of an element as local name and value, entities resolved; malformed ones are passed over.
pub(super) fn attributes<'e>(
    element: &'e BytesStart<'_>,
) -> impl Iterator<Item = (&'e str, Cow<'e, str>)> {
    let mut attributes = element.attributes();
    attributes.with_checks(false);
    attributes.flatten().map(|attribute| {
        let name = attribute.key.into_inner();
        let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
        let value = match attribute.value {
            Cow::Borrowed(raw) => unescape(raw).unwrap_or(Cow::Borrowed(raw)),
            Cow::Owned(raw) => {
                Cow::Owned(unescape(&raw).map_or_else(|_| raw.clone(), Cow::into_owned))
            }
        };
        (local, value)
    })
}

/// One attribute by its local name.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    attributes(element).find(|(local, _)| *local == name).map(|(_, value)| value.into_owned())
}

/// Whether an attribute says yes.
pub(super) fn says_yes(value: &str) -> bool {
    value == "1" || value == "true"
}

/// Adds what an event is as text: characters, CDATA, or an entity.
pub(super) fn push_text(event: &Event<'_>, text: &mut String) {
    match event {
        Event::Text(part) => text.push_str(&part.xml10_content()),
        Event::CData(part) => text.push_str(&part.xml10_content()),
        Event::GeneralRef(entity) => match entity.resolve_char_ref() {
            Ok(Some(c)) => text.push(c),
            _ => text.push_str(resolve_xml_entity(entity).unwrap_or_default()),
        },
        _ => {}
    }
}

/// Reads rich or plain text up to the end of the element `closing`: its runs joined, without phonetics.
pub(super) fn rich_text<R: BufRead>(
    xml: &mut Reader<R>,
    buffer: &mut Vec<u8>,
    closing: &str,
    text: &mut String,
) -> Result<(), Unreadable> {
    let mut in_text = false;
    let mut in_phonetic = false;
    loop {
        match next(xml, buffer)? {
            Event::Start(element) => match element.local_name().into_inner() {
                "t" => in_text = true,
                "rPh" => in_phonetic = true,
                _ => {}
            },
            Event::End(element) => match element.local_name().into_inner() {
                "t" => in_text = false,
                "rPh" => in_phonetic = false,
                name if name == closing => return Ok(()),
                _ => {}
            },
            Event::Eof => return Err(Unreadable::Damaged),
            event if in_text && !in_phonetic => push_text(&event, text),
            _ => {}
        }
    }
}

/// Resolves `_x000D_`, which is how Excel writes characters XML cannot hold.
pub(super) fn resolve_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("_x") {
        out.push_str(before);
        let escaped = after
            .get(..4)
            .filter(|_| after[4..].starts_with('_'))
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        if let Some(c) = escaped {
            out.push(c);
            rest = &after[5..];
        } else {
            out.push_str("_x");
            rest = after;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_excel_are_resolved() {
        for (raw, text) in [
            ("a_x000D_b", "a\rb"),
            ("_x005F_x000D_", "_x000D_"),
            ("_x12_x", "_x12_x"),
            ("_x中文字符_", "_x中文字符_"),
            ("_xD83D_", "_xD83D_"),
            ("plain", "plain"),
        ] {
            assert_eq!(resolve_escapes(raw), text);
        }
    }
}
