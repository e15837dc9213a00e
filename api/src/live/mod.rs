//! What servers tell one another while they run: that something changed, and where. Never what, and nothing of a person.
//!
//! A notice is given after the commit of what it is about, to this server at once, and to the others on the same
//! PostgreSQL by NOTIFY, gathered for a moment. It comes at most once: whoever lives by notices looks anew from time to
//! time, and whenever some were [`Lost`](Notice::Lost).

mod exchange;
pub mod figures;
pub mod graphql;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use entity::id::{AccountId, ActivityId, ScanId, SessionId};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

pub use self::exchange::{run, tell_servers};

/// That something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Notice {
    /// A scan was taken at a session of an activity.
    Scan(ActivityId, SessionId, ScanId),
    /// Something of an activity changed that its figures may count: a registration, a correction, a session's times.
    Activity(ActivityId),
    /// What an account may do, or whether it is signed in. Where none is named it may be so of anybody, as when a device was
    /// revoked or an organisation moved.
    Access(Option<AccountId>),
    /// Notices were lost: anything may have changed.
    Lost,
}

/// How many notices may wait for a reader. One who falls behind further is told so, and looks anew.
const WAITING: usize = 4096;

pub struct Live {
    /// Tells the notices of this server from those of others.
    server: Uuid,
    changes: broadcast::Sender<Notice>,
    access: broadcast::Sender<Option<AccountId>>,
    /// Grows with every notice of access, before it is given.
    access_count: AtomicU64,
    /// Whether nothing that other servers say can be missed.
    hears: AtomicBool,
    /// For the other servers; none where there can be none.
    outgoing: Option<Mutex<Vec<Notice>>>,
    bell: Notify,
}

impl Live {
    /// `is_shared`: whether other servers may use the same database.
    #[must_use]
    pub fn new(is_shared: bool) -> Self {
        Self {
            server: Uuid::now_v7(),
            changes: broadcast::Sender::new(WAITING),
            access: broadcast::Sender::new(WAITING),
            access_count: AtomicU64::new(0),
            hears: AtomicBool::new(!is_shared),
            outgoing: is_shared.then(Mutex::default),
            bell: Notify::new(),
        }
    }

    /// Tells that scans were taken. To be called after their commit, whatever came of them.
    pub fn scanned(&self, taken: impl IntoIterator<Item = (ActivityId, SessionId, ScanId)>) {
        for (activity, session, scan) in taken {
            self.tell(Notice::Scan(activity, session, scan));
        }
    }

    /// Tells that something changed. To be called after its commit.
    pub fn tell(&self, notice: Notice) {
        self.take(notice);
        if let Some(outgoing) = &self.outgoing {
            let mut outgoing = outgoing.lock().unwrap_or_else(PoisonError::into_inner);
            if outgoing.len() >= WAITING {
                outgoing.clear();
                outgoing.push(Notice::Lost);
            }
            outgoing.push(notice);
            self.bell.notify_one();
        }
    }

    /// What changes from now on: scans, activities, and losses.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Notice> {
        self.changes.subscribe()
    }

    /// How many look on.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.changes.receiver_count()
    }

    /// Whose access changes from now on; none is anybody's.
    #[must_use]
    pub fn access_changes(&self) -> broadcast::Receiver<Option<AccountId>> {
        self.access.subscribe()
    }

    /// A number that another one follows whenever somebody's access may have changed, at once where this server changed
    /// it. What is remembered of access goes with the number that was read before it was looked up. None where nothing
    /// may be remembered: what other servers say is not heard.
    #[must_use]
    pub fn access(&self) -> Option<u64> {
        self.hears.load(Ordering::SeqCst).then(|| self.access_count.load(Ordering::SeqCst))
    }

    /// Passes a notice on within this server.
    fn take(&self, notice: Notice) {
        // Nobody may be listening, which is as well.
        match notice {
            Notice::Scan(..) | Notice::Activity(_) => drop(self.changes.send(notice)),
            Notice::Access(account) => {
                self.access_count.fetch_add(1, Ordering::SeqCst);
                let _ = self.access.send(account);
            }
            Notice::Lost => {
                let _ = self.changes.send(notice);
                self.take(Notice::Access(None));
            }
        }
    }
}
