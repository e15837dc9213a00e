//! Notices between the servers on one PostgreSQL: LISTEN and NOTIFY, on a connection of their own.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgListener, PgNotification},
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Live, Notice};
use crate::{app::App, db::Db};

const CHANNEL: &str = "qinglan";
/// How long notices are gathered before they are sent together.
const GATHER: Duration = Duration::from_millis(20);
/// How many notices go into one message, which PostgreSQL bounds at 8000 bytes.
const TOGETHER: usize = 40;
/// How often a server sends itself a sign that it hears, and how long it may miss it: a connection may be dead, or a pooler
/// in between that does not pass on what is sent to listeners.
const PULSE: Duration = Duration::from_secs(10);
const MISSED: Duration = Duration::from_secs(25);
/// How long a statement may take.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
struct Message {
    server: Uuid,
    notices: Vec<Notice>,
}

/// Exchanges notices with the other servers on the database until `stopping`, if there can be any. What could not be heard
/// for a while is made good by a notice that some were lost.
pub async fn run(app: Arc<App>, stopping: CancellationToken) {
    let Some(url) = app.db.shared() else { return };
    while !stopping.is_cancelled() {
        let ended = app.live.exchange(url, &stopping).await;
        app.live.hears.store(false, Ordering::SeqCst);
        if let Err(error) = ended {
            tracing::warn!("what other servers say is not heard: {error}");
            tokio::select! {
                () = stopping.cancelled() => {},
                () = sleep(Duration::from_secs(1)) => {},
            }
        }
    }
}

/// Tells all servers on a database something. For the command line, which is no server.
pub async fn tell_servers(db: &Db, notice: Notice) -> Result<(), sqlx::Error> {
    let Some(url) = db.shared() else { return Ok(()) };
    let mut connection = PgConnection::connect(url).await?;
    for message in messages(Uuid::now_v7(), &[notice]) {
        notify(message).execute(&mut connection).await?;
    }
    connection.close().await
}

impl Live {
    /// Sends and hears until `stopping`, when it sends what is left, or until the connection fails.
    async fn exchange(&self, url: &str, stopping: &CancellationToken) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect(url).await?;
        // What a crash loses here was about to be forgotten; nobody waits for the disk for it.
        sqlx::query("SET synchronous_commit = off").execute(&mut listener).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        loop {
            tokio::select! {
                () = stopping.cancelled() => {
                    let notices = self.gathered();
                    return self.send(&mut listener, &notices).await;
                }
                heard = listener.try_recv() => match heard? {
                    Some(notification) if self.hear(&notification) => heard_at = Instant::now(),
                    Some(_) => {}
                    None => return Err(sqlx::Error::WorkerCrashed),
                },
                _ = pulse.tick() => {
                    if heard_at.elapsed() > MISSED {
                        return Err(sqlx::Error::PoolTimedOut);
                    }
                    self.send(&mut listener, &[]).await?;
                }
                () = self.bell.notified() => {
                    sleep(GATHER).await;
                    let notices = self.gathered();
                    self.send(&mut listener, &notices).await?;
                }
            }
        }
    }

    /// Takes in what a server said, and tells whether it was this one.
    fn hear(&self, notification: &PgNotification) -> bool {
        match serde_json::from_str::<Message>(notification.payload()) {
            Ok(message) if message.server == self.server => {
                if !self.hears.swap(true, Ordering::SeqCst) {
                    self.take(Notice::Lost);
                }
                true
            }
            Ok(message) => {
                message.notices.into_iter().for_each(|it| self.take(it));
                false
            }
            Err(error) => {
                // Of a server of another version, say.
                tracing::debug!("a notice that is not understood: {error}");
                self.take(Notice::Lost);
                false
            }
        }
    }

    /// What is to be sent, each once.
    fn gathered(&self) -> Vec<Notice> {
        let Some(outgoing) = &self.outgoing else { return Vec::new() };
        let mut notices = mem::take(&mut *outgoing.lock().unwrap_or_else(PoisonError::into_inner));
        let mut seen = HashSet::new();
        notices.retain(|it| seen.insert(*it));
        notices
    }

    async fn send(&self, listener: &mut PgListener, notices: &[Notice]) -> Result<(), sqlx::Error> {
        for message in messages(self.server, notices) {
            timeout(ANSWER, notify(message).execute(&mut *listener))
                .await
                .map_err(|_| sqlx::Error::PoolTimedOut)??;
        }
        Ok(())
    }
}

/// Notices as they are sent; without any, one message that says nothing.
fn messages(server: Uuid, notices: &[Notice]) -> Vec<String> {
    let chunks: Vec<&[Notice]> =
        if notices.is_empty() { vec![&[]] } else { notices.chunks(TOGETHER).collect() };
    let text = |notices: &[Notice]| {
        // Ids always have a JSON form.
        serde_json::to_string(&Message { server, notices: notices.to_vec() }).unwrap_or_default()
    };
    chunks.into_iter().map(text).collect()
}

fn notify(
    message: String,
) -> sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments> {
    sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(message)
}
