//! Which part of a file is asked for (RFC 9110, `Range` and `If-Range`).

use axum::http::{HeaderMap, header};

/// What is asked for of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Span {
    Whole,
    /// From one place up to another, of which there is at least a byte.
    Part(u64, u64),
    /// Nothing that is there.
    Nowhere,
}

/// What is asked for of a file of this size, whose entity tag is `tag`. Several ranges at once are answered by the whole,
/// as is what cannot be read, and a range of another version of the file.
pub(super) fn asked(headers: &HeaderMap, tag: &str, size: u64) -> Span {
    let mut ranges = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Span::Whole };
    if headers.get(header::IF_RANGE).is_some_and(|it| it.as_bytes() != tag.as_bytes()) {
        return Span::Whole;
    }
    range.to_str().ok().and_then(|it| read(it, size)).unwrap_or(Span::Whole)
}

fn read(range: &str, size: u64) -> Option<Span> {
    let (unit, span) = range.split_once('=')?;
    let (first, last) = span.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || last.contains(',') {
        return None;
    }
    let (from, until) = match (first, last) {
        ("", count) => (size.saturating_sub(number(count)?), size),
        (first, "") => (number(first)?, size),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(size))
        }
    };
    Some(if from < until { Span::Part(from, until) } else { Span::Nowhere })
}

/// Digits alone; what is too large for a number is beyond any file.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, condition: Option<&str>) -> Span {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        if let Some(condition) = condition {
            headers.insert(header::IF_RANGE, condition.parse().unwrap());
        }
        asked(&headers, "\"abc\"", 100)
    }

    #[test]
    fn one_range_is_read_and_all_else_is_the_whole() {
        for (range, span) in [
            ("bytes=0-0", Span::Part(0, 1)),
            ("bytes=0-", Span::Part(0, 100)),
            ("Bytes=50-60", Span::Part(50, 61)),
            ("bytes=99-", Span::Part(99, 100)),
            ("bytes=90-1000", Span::Part(90, 100)),
            ("bytes=90-99999999999999999999999", Span::Part(90, 100)),
            ("bytes=-1", Span::Part(99, 100)),
            ("bytes=-1000", Span::Part(0, 100)),
            ("bytes=100-", Span::Nowhere),
            ("bytes=99999999999999999999999-", Span::Nowhere),
            ("bytes=-0", Span::Nowhere),
            ("bytes=2-1", Span::Whole),
            ("bytes=0-1,3-4", Span::Whole),
            ("bytes=-", Span::Whole),
            ("bytes=a-b", Span::Whole),
            ("bytes=+1-2", Span::Whole),
            ("bytes", Span::Whole),
            ("lines=0-1", Span::Whole),
        ] {
            assert_eq!(of(range, None), span, "{range}");
        }
        assert_eq!(asked(&HeaderMap::new(), "\"abc\"", 100), Span::Whole);
    }

    #[test]
    fn a_part_of_another_version_is_not_given() {
        assert_eq!(of("bytes=1-2", Some("\"abc\"")), Span::Part(1, 3));
        for other in ["\"abd\"", "W/\"abc\"", "abc", "Wed, 25 Nov 2026 00:00:00 GMT"] {
            assert_eq!(of("bytes=1-2", Some(other)), Span::Whole, "{other}");
        }
    }
}
