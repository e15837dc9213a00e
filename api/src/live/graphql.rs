//! Subscriptions: figures and scans as they change.

use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject, Subscription};
use entity::id::{ActivityId, ScanId, SessionId};
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{BoxStream, unfold},
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, timeout_at},
};

use super::{
    Notice,
    figures::{AGAIN, watch},
};
use crate::{
    app::App,
    attendance::{self, graphql::Scan},
    authz::{
        Gate,
        policy::{ViewActivity, ViewAttendance, ViewSession},
    },
    capacity,
    error::Failure,
    graphql::{Gid, Viewer},
    session::{
        self,
        graphql::{Session, SessionSummary},
    },
};

/// How an activity stands.
#[derive(Clone, PartialEq, SimpleObject)]
pub struct ActivityFigures {
    /// How many seats are held.
    seats_taken: i32,
    /// Its sessions, in the order in which they take place.
    sessions: Vec<SessionFigures>,
}

/// How a session of an activity stands.
#[derive(Clone, PartialEq, SimpleObject)]
pub struct SessionFigures {
    /// Which one.
    session: Session,
    /// How many are expected, and what is known of them.
    summary: SessionSummary,
}

impl ActivityFigures {
    async fn look(app: &App, gate: &Gate, id: ActivityId) -> Result<Self, Failure> {
        let db = app.db.read();
        let permit = gate.permit::<ViewActivity>(id).await?;
        let pools = capacity::of(db, [id]).await?.remove(&id).unwrap_or_default();
        let whole =
            pools.iter().find(|it| it.category_id.is_none() && it.organisation_id.is_none());
        let sessions = session::figures::summaries(db, &permit, app.now()).await?;
        let sessions = sessions
            .into_iter()
            .map(|(row, it)| SessionFigures { session: Session(row), summary: it.into() })
            .collect();
        Ok(Self { seats_taken: whole.map_or(0, |it| it.taken), sessions })
    }
}

#[derive(Default)]
pub struct LiveSubscription;

#[Subscription]
impl LiveSubscription {
    /// How a session stands: at once, and then whenever it changes, at most three times a second; the last state always
    /// comes. For those who may see the session. It ends with an error when they may no longer.
    async fn session_figures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which session.")] session_id: Gid<SessionId>,
    ) -> Result<BoxStream<'static, Result<SessionSummary, Failure>>> {
        let viewer = Viewer::of(ctx);
        let (app, gate, id) = (viewer.app.clone(), viewer.gate.clone(), session_id.0);
        let changes = app.live.changes();
        let activity = gate.permit::<ViewSession>(id).await?.on().activity_id;
        let concerns = move |notice: &Notice| match notice {
            Notice::Scan(_, session, _) => *session == id,
            Notice::Activity(changed) => *changed == activity,
            Notice::Access(_) | Notice::Lost => true,
        };
        let look = move || {
            let (app, gate) = (app.clone(), gate.clone());
            async move {
                let permit = gate.permit::<ViewSession>(id).await?;
                session::figures::summary(app.db.read(), &permit, app.now()).await
            }
        };
        Ok(watch(changes, concerns, look).map_ok(SessionSummary::from).boxed())
    }

    /// How an activity and its sessions stand: at once, and then whenever it changes, at most three times a second; the
    /// last state always comes. For those who may see the activity. It ends with an error when they may no longer.
    async fn activity_figures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
    ) -> Result<BoxStream<'static, Result<ActivityFigures, Failure>>> {
        let viewer = Viewer::of(ctx);
        let (app, gate, id) = (viewer.app.clone(), viewer.gate.clone(), activity_id.0);
        let changes = app.live.changes();
        gate.permit::<ViewActivity>(id).await?;
        let concerns = move |notice: &Notice| match notice {
            Notice::Scan(activity, ..) | Notice::Activity(activity) => *activity == id,
            Notice::Access(_) | Notice::Lost => true,
        };
        let look = move || {
            let (app, gate) = (app.clone(), gate.clone());
            async move { ActivityFigures::look(&app, &gate, id).await }
        };
        Ok(watch(changes, concerns, look).boxed())
    }

    /// Each scan at the door of a session as it is taken, whatever came of it. Each comes at most once: what was missed,
    /// while the connection was down, say, is in `session.scans`, newest first, to be read after this has begun. For
    /// ORG_ADMIN and ORGANISER. It ends with an error when they may no longer see them, and with CONFLICT when scans were
    /// missed because there were more than the client took.
    async fn scan_feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which session.")] session_id: Gid<SessionId>,
    ) -> Result<BoxStream<'static, Result<Scan, Failure>>> {
        let viewer = Viewer::of(ctx);
        let (app, gate, session) = (viewer.app.clone(), viewer.gate.clone(), session_id.0);
        let changes = app.live.changes();
        gate.permit::<ViewAttendance>(session).await?;
        let due = Instant::now() + AGAIN;
        let feed = Feed { app, gate, session, changes, due, has_failed: false };
        Ok(unfold(feed, Feed::next).boxed())
    }
}

struct Feed {
    app: Arc<App>,
    gate: Gate,
    session: SessionId,
    changes: Receiver<Notice>,
    /// When the right to see the session's scans is asked anew.
    due: Instant,
    has_failed: bool,
}

impl Feed {
    async fn next(mut self) -> Option<(Result<Scan, Failure>, Self)> {
        if self.has_failed {
            return None;
        }
        let scan = match self.following().await {
            Ok(id) => attendance::scan::find(self.app.db.read(), id).await.map(Scan),
            Err(failure) => Err(failure),
        };
        self.has_failed = scan.is_err();
        Some((scan, self))
    }

    async fn following(&mut self) -> Result<ScanId, Failure> {
        loop {
            let heard = timeout_at(self.due, self.changes.recv()).await;
            if self.due <= Instant::now() {
                self.gate.permit::<ViewAttendance>(self.session).await?;
                self.due = Instant::now() + AGAIN;
            }
            match heard {
                Ok(Ok(Notice::Scan(_, session, scan))) if session == self.session => {
                    return Ok(scan);
                }
                Ok(Ok(Notice::Lost) | Err(RecvError::Lagged(_))) => {
                    return Err(Failure::Conflict(
                        "错过了部分扫码记录：请重新订阅，并用 session.scans 补齐",
                        "scans were missed: subscribe again, and catch up by session.scans",
                    ));
                }
                Ok(Err(RecvError::Closed)) => return Err(Failure::internal("no more notices")),
                Ok(Ok(_)) | Err(_) => {}
            }
        }
    }
}
