//! The server's loop: hyper driven by hand, because axum's own keeps slow headers for ever.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{Peer, stall::Impatient};

/// What is open: connections, and the sockets that some of them became.
#[derive(Clone, Default)]
pub(super) struct Open {
    /// Tells them to end.
    pub(super) stopping: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// How long a client may take to send the headers of a request, or leave a connection idle, at most.
const HEADERS: Duration = Duration::from_secs(10);

/// Serves until `stop` resolves, then takes nothing new, ends open sockets, and lets what is under way finish, for
/// `patience` at most.
/// Nor is a client waited for longer than that which is slow with its headers or takes nothing of its answer.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
    patience: Duration,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS.min(patience)).max_buf_size(64 << 10);
    let http = Arc::new(http);
    let open = Open::default();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, say: those that are served will give some back.
                    tracing::warn!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let given = open.clone();
        let service = router.clone().map_request(
            move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                request.extensions_mut().insert(given.clone());
                request
            },
        );
        let connection = http
            .serve_connection(
                TokioIo::new(Impatient::new(stream, patience)),
                TowerToHyperService::new(service),
            )
            .with_upgrades();
        let stopping = open.stopping.clone();
        open.tasks.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!("connection: {error}");
            }
        });
    }
    drop(listener);
    tracing::info!("stopping: letting {} connections finish", open.tasks.len());
    open.stopping.cancel();
    open.tasks.close();
    if tokio::time::timeout(patience, open.tasks.wait()).await.is_err() {
        tracing::warn!("some connections did not finish in time");
    }
    Ok(())
}
