//! Content negotiation: what a client prefers, by RFC 9110 §12.

use std::cmp::Ordering;

/// The values of an `Accept…` header, each with its weight, in the order they came.
fn weighted(header: &str) -> impl Iterator<Item = (&str, f32)> {
    header.split(',').filter_map(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let value = pieces.next().filter(|it| !it.is_empty())?;
        let weight = pieces
            .find_map(|it| it.strip_prefix("q=").or_else(|| it.strip_prefix("Q=")))
            .map_or(Some(1.0), |q| q.parse().ok().filter(|it| (0.0..=1.0).contains(it)))?;
        Some((value, weight))
    })
}

/// The values of an `Accept…` header, most wanted first; what has a weight of 0 is left out.
pub(super) fn by_preference(header: &str) -> Vec<&str> {
    let mut wanted: Vec<_> = weighted(header).filter(|it| it.1 > 0.0).collect();
    // Stable: of equally wanted ones the first stays first.
    wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
    wanted.into_iter().map(|it| it.0).collect()
}

/// The two media types in which a GraphQL response can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status tells whether the request was one.
    GraphQl,
    /// `application/json`: a well-formed request gets 200, whatever came of it.
    Json,
}

impl Media {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// What to answer with; none where nothing that we have is acceptable. Without the header: JSON, as older clients
    /// expect. Of two that are wanted alike the one that is named comes first, then the one named first, then JSON.
    pub(super) fn negotiate(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept.filter(|it| !it.trim().is_empty()) else {
            return Some(Self::Json);
        };
        let ranges: Vec<(String, f32)> =
            weighted(accept).map(|(value, weight)| (value.to_ascii_lowercase(), weight)).collect();
        // What names a type most closely decides about it: `*/*, application/json;q=0` does not take JSON.
        let wish = |names: [&str; 3]| {
            let named = names.into_iter().enumerate().find_map(|(vagueness, name)| {
                let at = ranges.iter().position(|it| it.0 == name)?;
                Some((ranges[at].1, vagueness, at))
            });
            named.filter(|it| it.0 > 0.0)
        };
        let graphql = wish(["application/graphql-response+json", "application/*", "*/*"]);
        let json = wish(["application/json", "application/*", "*/*"]);
        match (graphql, json) {
            (None, None) => None,
            (Some(_), None) => Some(Self::GraphQl),
            (None, Some(_)) => Some(Self::Json),
            (Some(graphql), Some(json)) => {
                let by_place = (graphql.1, graphql.2).cmp(&(json.1, json.2));
                match json.0.total_cmp(&graphql.0).then(by_place) {
                    Ordering::Less => Some(Self::GraphQl),
                    Ordering::Equal | Ordering::Greater => Some(Self::Json),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_decides_among_what_there_is() {
        for (accept, media) in [
            (None, Some(Media::Json)),
            (Some(""), Some(Media::Json)),
            (Some("*/*"), Some(Media::Json)),
            (Some("application/graphql-response+json"), Some(Media::GraphQl)),
            (
                Some("application/graphql-response+json; charset=utf-8, application/json;q=0.9"),
                Some(Media::GraphQl),
            ),
            (Some("application/graphql-response+json;q=0.5, application/json"), Some(Media::Json)),
            (
                Some("application/json;q=0, application/graphql-response+json;q=0.1"),
                Some(Media::GraphQl),
            ),
            (Some("application/json, application/graphql-response+json"), Some(Media::Json)),
            (Some("application/graphql-response+json, application/json"), Some(Media::GraphQl)),
            (Some("*/*, application/graphql-response+json"), Some(Media::GraphQl)),
            (Some("application/graphql-response+json;q=0.5, */*;q=0.4"), Some(Media::GraphQl)),
            (Some("*/*, application/json;q=0"), Some(Media::GraphQl)),
            (Some("application/*;q=0, */*"), None),
            (Some("Application/JSON; Q=1"), Some(Media::Json)),
            (Some("application/json;q=2"), None),
            (Some("application/json;q=NaN"), None),
            (Some("text/html"), None),
            (Some("application/json;q=0"), None),
        ] {
            assert_eq!(Media::negotiate(accept), media, "{accept:?}");
        }
    }
}
