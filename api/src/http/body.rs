//! Bodies of requests: read whole, bounded in size and in time.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, header},
};
use futures_util::StreamExt;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    CutOff,
    TooLate,
}

/// The whole body, of at most `most` bytes, which must arrive within `time`.
pub(super) async fn whole(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    time: Duration,
) -> Result<Vec<u8>, Unread> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > most {
        let_in(headers, body);
        return Err(Unread::TooLarge);
    }
    let read = async {
        let mut stream = body.into_data_stream();
        // What is declared is not yet there: a client that sends nothing is given nothing.
        let mut content = Vec::with_capacity(declared.min(64 * 1024));
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|_| Unread::CutOff)?;
            if content.len() + piece.len() > most {
                let_in(headers, Body::from_stream(stream));
                return Err(Unread::TooLarge);
            }
            content.extend_from_slice(&piece);
        }
        Ok(content)
    };
    tokio::time::timeout(time, read).await.unwrap_or(Err(Unread::TooLate))
}

/// Reads on for a while what a refused client still sends, and forgets it. A connection that is closed on unread bytes is
/// reset, and the client would not see why it was refused.
pub(super) fn let_in(headers: &HeaderMap, body: Body) {
    const MOST: usize = 32 << 20;
    const TIME: Duration = Duration::from_secs(3);
    // This one waits for leave to send, which it does not get.
    if headers.contains_key(header::EXPECT) || body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(TIME, async move {
        let mut stream = body.into_data_stream();
        let mut left = MOST;
        while let Some(Ok(piece)) = stream.next().await
            && piece.len() <= left
        {
            left -= piece.len();
        }
    }));
}

/// Whether a body comes as it is, not compressed: nothing here unpacks one.
pub(super) fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_ENCODING)
        .is_none_or(|it| it.as_bytes().eq_ignore_ascii_case(b"identity"))
}
