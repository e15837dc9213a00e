//! Number plates.

use super::{half_width, text};

/// Upper case, without spaces and without the dot in `浙C·12345`.
#[must_use]
pub fn plate(raw: &str) -> Option<String> {
    let plate: String = half_width(&text(raw)?)
        .to_uppercase()
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '·' | '•' | '・'))
        .collect();
    (!plate.is_empty()).then_some(plate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plates_are_spelt_one_way() {
        for (raw, clean) in
            [("浙cd5795", "浙CD5795"), ("浙C·H1470", "浙CH1470"), ("浙C Ａ９364", "浙CA9364")]
        {
            assert_eq!(plate(raw).as_deref(), Some(clean));
        }
        assert_eq!(plate("无"), None);
    }
}
