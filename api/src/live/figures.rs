//! What is looked at again and again while somebody looks on: as often as it changes, and no oftener than eyes follow.

use std::time::Duration;

use futures_util::{Stream, stream::unfold};
use tokio::{
    sync::broadcast::{Receiver, error::TryRecvError},
    time::{Instant, sleep_until, timeout},
};

use super::Notice;
use crate::error::Failure;

/// The least time between two looks: three a second.
const PACE: Duration = Duration::from_millis(334);
/// How long is waited for a notice at most: what no notice tells is seen after that, and the right to look is asked anew.
pub const AGAIN: Duration = Duration::from_secs(10);

/// What `look` sees: at once, and whenever it sees something else. It looks after notices that `concern` it, and from time
/// to time without any. The last state is always seen: whoever takes it slowly misses what was in between. The first
/// failure is the end.
pub fn watch<T, L>(
    changes: Receiver<Notice>,
    concerns: impl Fn(&Notice) -> bool + Send,
    look: impl Fn() -> L + Send,
) -> impl Stream<Item = Result<T, Failure>> + Send
where
    T: Clone + PartialEq + Send,
    L: Future<Output = Result<T, Failure>> + Send,
{
    let begin =
        Watch { changes, concerns, look, seen: None, due: Instant::now(), has_failed: false };
    unfold(begin, Watch::next)
}

struct Watch<T, C, L> {
    changes: Receiver<Notice>,
    concerns: C,
    look: L,
    seen: Option<T>,
    /// Before then there is no other look.
    due: Instant,
    has_failed: bool,
}

impl<T, C, L, F> Watch<T, C, L>
where
    T: Clone + PartialEq,
    C: Fn(&Notice) -> bool,
    L: Fn() -> F,
    F: Future<Output = Result<T, Failure>>,
{
    async fn next(mut self) -> Option<(Result<T, Failure>, Self)> {
        if self.has_failed {
            return None;
        }
        loop {
            if self.seen.is_some() {
                // Whether something stirred or not: it is looked at.
                let _ = timeout(AGAIN, self.stirred()).await;
                sleep_until(self.due).await;
                self.forget();
            }
            self.due = Instant::now() + PACE;
            match (self.look)().await {
                Ok(now) if self.seen.as_ref() == Some(&now) => {}
                Ok(now) => {
                    self.seen = Some(now.clone());
                    return Some((Ok(now), self));
                }
                Err(failure) => {
                    self.has_failed = true;
                    return Some((Err(failure), self));
                }
            }
        }
    }

    /// Waits for a notice that concerns it, or for the news that some were missed.
    async fn stirred(&mut self) {
        while let Ok(notice) = self.changes.recv().await {
            if (self.concerns)(&notice) {
                return;
            }
        }
    }

    /// Forgets the notices so far: the next look sees all that they are about.
    fn forget(&mut self) {
        while !matches!(self.changes.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
    }
}
