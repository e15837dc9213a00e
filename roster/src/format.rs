//! What a file is, going by its bytes and never by its name.

use crate::report::Parts;
use crate::{MAX_BYTES, Options, Unreadable, delimited, workbook};

const ZIP: &[u8] = b"PK\x03\x04";
const EMPTY_ZIP: &[u8] = b"PK\x05\x06";
/// The compound file of old Excel, and the box around an encrypted new one.
const COMPOUND: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// How much of a text is searched for the marks of a web page.
const OPENING: usize = 1024;

/// Reads a list from bytes of whatever format they are.
pub(crate) fn read(bytes: &[u8], options: &Options) -> Result<Parts, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    if bytes.starts_with(ZIP) || bytes.starts_with(EMPTY_ZIP) {
        return workbook::read(bytes, options);
    }
    if bytes.starts_with(COMPOUND) {
        let is_encrypted = contains(bytes, &utf16("EncryptedPackage"));
        return Err(if is_encrypted { Unreadable::Encrypted } else { Unreadable::OldExcel });
    }
    if is_markup(bytes) {
        return Err(Unreadable::WebPage);
    }
    delimited::read(bytes, options)
}

/// Whether bytes can be a list at all: a workbook, or text. Only [`read`] says whether they are one.
pub(crate) fn may_be_list(bytes: &[u8]) -> bool {
    let is_boxed = [ZIP, EMPTY_ZIP, COMPOUND].iter().any(|it| bytes.starts_with(it));
    let is_wide = [b"\xFF\xFE", b"\xFE\xFF"].iter().any(|it| bytes.starts_with(*it));
    is_boxed || is_wide || !bytes.contains(&0)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A page or an XML document: it begins with a tag.
fn is_markup(bytes: &[u8]) -> bool {
    let opening: Vec<u8> = bytes
        .iter()
        .take(OPENING)
        .filter(|b| b.is_ascii() && **b != 0)
        .map(u8::to_ascii_lowercase)
        .skip_while(u8::is_ascii_whitespace)
        .collect();
    ["<html", "<!doctype", "<?xml", "<table", "<meta", "<head", "<body", "<style", "<!--", "<div"]
        .iter()
        .any(|tag| opening.starts_with(tag.as_bytes()))
        // A message part of a web archive, as some systems export.
        || opening.starts_with(b"mime-version:")
}
