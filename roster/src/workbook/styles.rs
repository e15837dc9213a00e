//! Which cell styles show a number as a date.

use std::collections::HashSet;
use std::io::Read;

use quick_xml::events::Event;

use super::xml;
use crate::Unreadable;

/// By the index of a cell's style: whether it shows a date.
pub(super) fn read(part: Option<impl Read>) -> Result<Vec<bool>, Unreadable> {
    let mut styles = Vec::new();
    let Some(part) = part else { return Ok(styles) };
    let mut reader = xml::reader(part);
    let mut buffer = Vec::new();
    let mut own_dates: HashSet<u32> = HashSet::new();
    let mut own_others: HashSet<u32> = HashSet::new();
    let mut in_cell_styles = false;
    loop {
        match xml::next(&mut reader, &mut buffer)? {
            Event::Start(element) => {
                let id = || xml::attribute(&element, "numFmtId")?.parse().ok();
                match element.local_name().into_inner() {
                    "numFmt" => {
                        let code = xml::attribute(&element, "formatCode").unwrap_or_default();
                        if let Some(id) = id() {
                            let set = if is_date(&code) { &mut own_dates } else { &mut own_others };
                            set.insert(id);
                        }
                    }
                    "cellXfs" => in_cell_styles = true,
                    "xf" if in_cell_styles => {
                        let id = id().unwrap_or(0);
                        let is_date = own_dates.contains(&id)
                            || (is_built_in_date(id) && !own_others.contains(&id));
                        styles.push(is_date);
                    }
                    _ => {}
                }
            }
            Event::End(element) if element.local_name().into_inner() == "cellXfs" => {
                in_cell_styles = false;
            }
            Event::Eof => return Ok(styles),
            _ => {}
        }
    }
}

/// The formats every Excel knows by number, those of East Asian ones included.
fn is_built_in_date(id: u32) -> bool {
    matches!(id, 14..=22 | 27..=36 | 45..=47 | 50..=58 | 71..=81)
}

/// Whether a format has a letter of a date or time outside quotes and brackets.
fn is_date(code: &str) -> bool {
    if code.eq_ignore_ascii_case("general") || code.eq_ignore_ascii_case("standard") {
        return false;
    }
    let mut chars = code.chars();
    let mut bracket: Option<String> = None;
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match (&mut bracket, c) {
            (_, '"') => quoted = !quoted,
            _ if quoted => {}
            (Some(inside), ']') => {
                // `[h]` counts hours; `[Red]` and `[$-804]` are no date.
                if matches!(
                    inside.to_ascii_lowercase().as_str(),
                    "h" | "hh" | "m" | "mm" | "s" | "ss"
                ) {
                    return true;
                }
                bracket = None;
            }
            (Some(inside), c) => inside.push(c),
            (None, '[') => bracket = Some(String::new()),
            // What follows is shown as it is, left out, or repeated.
            (None, '\\' | '_' | '*') => {
                chars.next();
            }
            (None, ';') => return false,
            (None, 'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S') => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_dates_are_told_from_others() {
        for code in [
            "yyyy-mm-dd",
            "m/d/yy h:mm",
            "yyyy\"年\"m\"月\"",
            "[$-804]aaaa, d",
            "[h]:mm",
            "[DBNum1]yyyy年m月",
        ] {
            assert!(is_date(code), "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0_);[Red](#,##0)",
            "\"第\"0\"day\"",
            "@",
            "0\\d",
            "0_d",
            "Standard",
            "0;yy",
        ] {
            assert!(!is_date(code), "{code}");
        }
    }
}
