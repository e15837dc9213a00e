//! `Content-Disposition`, by RFC 6266: what a file is called, read and written.

use axum::http::HeaderValue;

/// The longest name that is kept, in characters.
const LONGEST: usize = 200;

/// The file's name: `filename*` before `filename`, and never more than a name. Empty where there is none.
pub(super) fn file_name(header: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(header.as_bytes());
    let (mut plain, mut extended) = (None, None);
    for (key, value) in parameters(&text) {
        match key.to_ascii_lowercase().as_str() {
            "filename" => plain = plain.or(Some(value)),
            "filename*" => extended = extended.or_else(|| decoded(&value)),
            _ => {}
        }
    }
    let name = extended.or(plain).unwrap_or_default();
    let name = crate::text::line(name.rsplit(['/', '\\']).next().unwrap_or_default());
    name.chars().take(LONGEST).collect()
}

/// The header of a file that is sent.
pub(super) fn attachment(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{}", percent_encoded(name))).ok()
}

/// What follows the type, each `key=value`. A semicolon within quotes ends nothing.
fn parameters(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = text.split_once(';').map_or("", |it| it.1);
    while let Some((key, after)) = rest.split_once('=') {
        // A parameter without a value is passed over.
        let key = key.rsplit(';').next().unwrap_or_default().trim();
        let after = after.trim_start();
        let (value, end) = if let Some(quoted) = after.strip_prefix('"') {
            let (value, end) = unquoted(quoted);
            (value, 1 + end)
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].trim().to_owned(), end)
        };
        found.push((key, value));
        rest = after[end..].split_once(';').map_or("", |it| it.1);
    }
    found
}

/// The text up to the closing quote, and where that ends.
fn unquoted(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, chars.peek()) {
            ('"', _) => return (value, at + 1),
            // Only these two are escaped: old browsers send paths of Windows as they are.
            ('\\', Some(&(_, next @ ('"' | '\\')))) => {
                value.push(next);
                chars.next();
            }
            _ => value.push(c),
        }
    }
    (value, text.len())
}

/// An extended value of RFC 8187: a character set, a language, and bytes in percent encoding.
fn decoded(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (set, _, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decoded(encoded);
    match set.to_ascii_lowercase().as_str() {
        "utf-8" => Some(String::from_utf8_lossy(&bytes).into_owned()),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let coded = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = coded {
            bytes.push(high * 16 + low);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_clients_send_it_and_is_never_a_path() {
        for (header, name) in [
            ("attachment", ""),
            ("attachment; filename", ""),
            ("attachment; filename=list.xlsx", "list.xlsx"),
            ("attachment; FileName = \"list.xlsx\" ; size=3", "list.xlsx"),
            (r#"attachment; filename="a;b.xlsx""#, "a;b.xlsx"),
            (r#"attachment; filename="a;filename=b.xlsx""#, "a;filename=b.xlsx"),
            (r#"attachment; filename="say \"hi\".xlsx""#, r#"say "hi".xlsx"#),
            (r#"attachment; filename="open"#, "open"),
            ("attachment; x; filename=b.xlsx", "b.xlsx"),
            ("attachment; filename=\"名单.xlsx\"", "名单.xlsx"),
            ("attachment; filename*=UTF-8''%E5%90%8D%E5%8D%95.xlsx", "名单.xlsx"),
            ("attachment; filename*=utf-8'zh'%e5%90%8d.csv; filename=x", "名.csv"),
            ("attachment; filename=x; filename*=ISO-8859-1''caf%E9.csv", "café.csv"),
            ("attachment; filename=x; filename*=GBK''%C3%FB.csv", "x"),
            ("attachment; filename=x; filename*=broken", "x"),
            ("attachment; filename*=UTF-8''100%25%zz%4", "100%%zz%4"),
            ("attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
            (r#"attachment; filename="C:\Users\me\list.xlsx""#, "list.xlsx"),
            ("attachment; filename*=UTF-8''a%00b%0Ac.csv", "ab c.csv"),
        ] {
            let header = HeaderValue::from_bytes(header.as_bytes()).unwrap();
            assert_eq!(file_name(&header), name, "{header:?}");
        }
        let long = format!("attachment; filename={}", "长".repeat(5000));
        let long = HeaderValue::from_bytes(long.as_bytes()).unwrap();
        assert_eq!(file_name(&long).chars().count(), LONGEST);
    }

    #[test]
    fn what_is_sent_can_be_read_again() {
        let name = "开幕式; \"签到\".xlsx";
        assert_eq!(file_name(&attachment(name).unwrap()), name);
    }
}
