//! Where requests come from: the client behind proxies, and the pages of other origins that may ask.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderName, Method, header};
use ipnet::IpNet;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::REQUEST_ID;
use crate::app::App;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a connection from `peer`: the last address that a trusted proxy was asked by, and that is no trusted
/// proxy itself. What stands before it in the header anybody may have written.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |it: &IpAddr| {
        let it = it.to_canonical();
        trusted.iter().any(|net| net.contains(&it))
    };
    if !is_trusted(&peer) {
        return peer;
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let hops = lines.filter_map(|it| it.to_str().ok()).flat_map(|it| it.rsplit(','));
    let mut client = peer;
    for hop in hops {
        // Whoever is before something that is no address cannot be told.
        let Ok(address) = hop.trim().parse() else { break };
        client = address;
        if !is_trusted(&client) {
            break;
        }
    }
    client
}

/// Lets browsers give pages of the origins that were named the answers that they ask for. A page never acts by cookies:
/// there are none.
pub(super) fn cors(app: &Arc<App>) -> CorsLayer {
    let app = app.clone();
    let admitted = AllowOrigin::predicate(move |origin, _| {
        app.config.outside.admits(origin, &app.config.public_url)
    });
    CorsLayer::new()
        .allow_origin(admitted)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::ACCEPT,
            header::ACCEPT_LANGUAGE,
            header::AUTHORIZATION,
            header::CONTENT_DISPOSITION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            header::RANGE,
        ])
        .expose_headers([
            header::ACCEPT_RANGES,
            header::CONTENT_DISPOSITION,
            header::CONTENT_RANGE,
            header::ETAG,
            header::RETRY_AFTER,
            REQUEST_ID,
        ])
        .max_age(Duration::from_hours(24))
}

/// Whether a WebSocket may be opened. A browser says which page opens it; other clients say nothing.
pub(super) fn may_open_socket(app: &App, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN);
    origin.is_none_or(|it| app.config.outside.admits(it, &app.config.public_url))
}
