//! What somebody wants to learn.

use super::text;

/// The topics of a cell that holds several, divided by `┋`.
#[must_use]
pub fn topics(raw: &str) -> Vec<String> {
    let mut topics: Vec<String> = Vec::new();
    for topic in text(raw).unwrap_or_default().split('┋').filter_map(text) {
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_divided() {
        assert_eq!(topics("品牌营销┋ 国际贸易┋┋品牌营销"), ["品牌营销", "国际贸易"]);
        assert!(topics("(空)").is_empty());
    }
}
