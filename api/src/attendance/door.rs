//! The door of a server: scans that come at the same time are taken together and share one commit.
//!
//! While one batch is on its way to the disk the next one gathers, so that nobody waits for company; on PostgreSQL two may
//! be on their way. Each scan is answered after its commit. A batch that fails is taken again scan by scan, so that none
//! fails for another.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::{
    plain,
    scan::{self, Answer, Attempt, CheckInErrorCode},
};
use crate::{
    db::Db,
    error::{Error, Failure},
    live::Live,
    registration::{self, Wanted},
};

/// How many scans share a commit at most.
const TOGETHER: usize = 256;

type Taken = Result<Answer, Error<CheckInErrorCode>>;

struct Waiting {
    attempt: Attempt,
    now: DateTime<Utc>,
    answer: oneshot::Sender<Taken>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Where somebody is taking scans, and will take these too.
    busy: Vec<bool>,
}

impl Queue {
    /// Where nobody is taking scans, of so many places.
    fn free(&mut self, places: usize) -> Option<usize> {
        self.busy.resize(places, false);
        let place = self.busy.iter().position(|it| !it)?;
        self.busy[place] = true;
        Some(place)
    }
}

/// Where scans wait to be taken together.
pub struct Door {
    queue: Mutex<Queue>,
    /// Who looks on is told of each scan after its commit.
    live: Arc<Live>,
    /// What lets in most of them, where that is one statement.
    statement: Arc<str>,
}

impl Door {
    #[must_use]
    pub fn new(live: Arc<Live>) -> Self {
        Self { queue: Mutex::default(), live, statement: plain::statement() }
    }

    /// Takes a scan, together with those that wait beside it. What was begun is finished, even if the caller goes away.
    pub async fn take(self: &Arc<Self>, db: &Db, attempt: Attempt, now: DateTime<Utc>) -> Taken {
        let (answer, taken) = oneshot::channel();
        let free = {
            let mut queue = self.queue();
            queue.waiting.push(Waiting { attempt, now, answer });
            queue.free(db.lanes().max(1))
        };
        if let Some(place) = free {
            tokio::spawn(serve(self.clone(), db.clone(), place));
        }
        taken.await.map_err(|_| Failure::internal("a scan was not answered"))?
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who wait; none if there is nobody, and then somebody else begins with the next one.
    fn next(&self, place: usize) -> Vec<Waiting> {
        let mut queue = self.queue();
        let some = queue.waiting.len().min(TOGETHER);
        let batch: Vec<Waiting> = queue.waiting.drain(..some).collect();
        queue.busy[place] = !batch.is_empty();
        batch
    }
}

/// Takes batch after batch until nobody waits.
async fn serve(door: Arc<Door>, db: Db, place: usize) {
    loop {
        let batch = door.next(place);
        if batch.is_empty() {
            return;
        }
        let attempts: Vec<Attempt> = batch.iter().map(|it| it.attempt.clone()).collect();
        let now = batch.iter().map(|it| it.now).max().unwrap_or_default();
        match together(&door, &db, place, &attempts, now).await {
            Ok(answers) => {
                for (it, answer) in batch.into_iter().zip(answers) {
                    // Whoever asked may have gone; the scan is on record all the same.
                    let _ = it.answer.send(answer);
                }
            }
            Err(_) => {
                for it in batch {
                    let _ = it.answer.send(alone(&door, &db, place, it.attempt, it.now).await);
                }
            }
        }
    }
}

/// Takes one scan. A rival that took the same one at the same moment has committed by the second try.
async fn alone(door: &Door, db: &Db, place: usize, attempt: Attempt, now: DateTime<Utc>) -> Taken {
    let attempts = [attempt];
    let first = match together(door, db, place, &attempts, now).await {
        Err(Failure::Conflict(..)) => together(door, db, place, &attempts, now).await?,
        taken => taken?,
    };
    first.into_iter().next().ok_or_else(|| Failure::internal("a scan without an answer"))?
}

/// Takes some scans and fetches what doors ask for beside each.
async fn together(
    door: &Door,
    db: &Db,
    place: usize,
    attempts: &[Attempt],
    now: DateTime<Utc>,
) -> Result<Vec<Taken>, Failure> {
    let mut admitted = plain::admit(db, place, &door.statement, attempts, now).await?;
    let others: Vec<Attempt> = (0..attempts.len())
        .filter(|at| !admitted.contains_key(at))
        .map(|at| attempts[at].clone())
        .collect();
    let mut others = if others.is_empty() {
        Vec::new()
    } else {
        let mut taken = db.transaction(async |tx| scan::take(tx, &others, now).await).await?;
        with_people(db, &mut taken).await?;
        taken
    }
    .into_iter();
    let answers = (0..attempts.len()).map(|at| match admitted.remove(&at) {
        Some(answer) => Ok(answer),
        None => match others.next() {
            Some(taken) => taken.map_err(Error::from),
            None => Err(Failure::internal("a scan without an answer").into()),
        },
    });
    let answers: Vec<Taken> = answers.collect();
    let new = attempts.iter().zip(&answers).filter_map(|(attempt, answer)| {
        let scan = &answer.as_ref().ok().filter(|it| !it.replayed)?.scan;
        Some((attempt.activity, scan.session_id, scan.id))
    });
    door.live.scanned(new);
    Ok(answers)
}

/// Fetches who they are and as what they come, once for all.
async fn with_people(db: &Db, taken: &mut scan::Answers) -> Result<(), Failure> {
    let rows: Vec<_> = taken.iter().flatten().filter_map(|it| it.registration.clone()).collect();
    let wanted = Wanted { people: true, categories: true, ..Wanted::default() };
    let beside = Arc::new(registration::beside(db.read(), &rows, wanted).await?);
    for it in taken.iter_mut().flatten() {
        it.beside = Some(beside.clone());
    }
    Ok(())
}
