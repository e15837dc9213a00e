//! Content negotiation: what a client prefers, by RFC 9110 §12.

/// The values of an `Accept…` header, most wanted first; what has a weight of 0 is left out.
pub(super) fn by_preference(header: &str) -> Vec<&str> {
    let mut wanted: Vec<(f32, &str)> = header
        .split(',')
        .filter_map(|part| {
            let mut pieces = part.split(';').map(str::trim);
            let value = pieces.next().filter(|it| !it.is_empty())?;
            let weight = pieces
                .find_map(|it| it.strip_prefix("q="))
                .map_or(Some(1.0), |q| q.parse().ok())?;
            (weight > 0.0).then_some((weight, value))
        })
        .collect();
    // Stable: of equally wanted ones the first stays first.
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
    wanted.into_iter().map(|it| it.1).collect()
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
    /// expect.
    pub(super) fn negotiate(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept.filter(|it| !it.trim().is_empty()) else {
            return Some(Self::Json);
        };
        by_preference(accept).into_iter().find_map(|media| {
            match media.to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => Some(Self::GraphQl),
                "application/json" | "application/*" | "*/*" => Some(Self::Json),
                _ => None,
            }
        })
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
            (Some("text/html"), None),
            (Some("application/json;q=0"), None),
        ] {
            assert_eq!(Media::negotiate(accept), media, "{accept:?}");
        }
    }
}
