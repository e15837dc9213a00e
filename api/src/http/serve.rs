//! The server's loop: hyper driven by hand, because axum's own keeps slow headers for ever.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::{Peer, stall::Impatient};

/// How long a client may take to send the headers of a request, or leave a connection idle, at most.
const HEADERS: Duration = Duration::from_secs(10);

/// Serves until `stop` resolves, then takes nothing new and lets what is under way finish, for `patience` at most.
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
    let under_way = GracefulShutdown::new();
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
        let service = router.clone().map_request(
            move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                request
            },
        );
        let connection = http.serve_connection(
            TokioIo::new(Impatient::new(stream, patience)),
            TowerToHyperService::new(service),
        );
        let watched = under_way.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!("connection: {error}");
            }
        });
    }
    drop(listener);
    tracing::info!("stopping: letting {} connections finish", under_way.count());
    if tokio::time::timeout(patience, under_way.shutdown()).await.is_err() {
        tracing::warn!("some connections did not finish in time");
    }
    Ok(())
}
