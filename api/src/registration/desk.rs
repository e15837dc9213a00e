//! The registration desk of one activity: open for one transaction, with the pools locked.
//!
//! Every change of a registration's status goes over it, so that seats, the waiting list and whoever is to be told
//! follow by themselves. Closing it offers what was freed to those who wait, in the same transaction.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::{
    activity,
    id::{ActivityId, OrganisationId, PersonId, RegistrationId, RosterBatchId},
    message::Occasion,
    registration::{self, Column, Details, Status, Way},
};
use sea_orm::{DatabaseTransaction, EntityTrait, QuerySelect};

use super::{approval::Wait, lapse};
use crate::{
    attendance, authn,
    capacity::{Pools, Seat},
    db::many,
    error::Failure,
    outbox,
};

/// A registration to be.
pub struct New {
    pub person: PersonId,
    pub seat: Seat,
    pub organisation_name: Option<String>,
    pub title: Option<String>,
    pub details: Details,
    pub start: Start,
    pub way: Way,
    /// The organisation that recommends the person.
    pub recommender: Option<OrganisationId>,
    /// The batch and the row that list it, if a roster does.
    pub listed: Option<(RosterBatchId, i32)>,
}

/// How a registration begins.
#[derive(Clone, Copy)]
pub enum Start {
    /// Takes a seat, or waits for one.
    Comes,
    /// Takes a seat though there is none left. The caller holds a permit for that.
    ComesOver,
    /// Will not come: on record, without a seat.
    Declines,
    /// Is asked to come, and to answer by then.
    Invited(Option<DateTime<Utc>>),
    /// Waits for approval.
    Asks(Wait),
}

/// Registrations that changed, as they are now.
pub type Changed = BTreeMap<RegistrationId, registration::Model>;

/// What the desk and lists change of a registration that is there.
const SAVED: [Column; 16] = [
    Column::CategoryId,
    Column::AllocationId,
    Column::Status,
    Column::StatusAt,
    Column::StatusReason,
    Column::OrganisationName,
    Column::Title,
    Column::Details,
    Column::Priority,
    Column::QueuedAt,
    Column::ReplyBy,
    Column::RemindedAt,
    Column::Step,
    Column::WaitsForId,
    Column::EnrolledOn,
    Column::WithdrawnOn,
];

/// The desk. What was changed over it is in the database once it was closed.
#[must_use = "a desk that is not closed takes no seats"]
pub struct Desk<'a> {
    pub(super) tx: &'a DatabaseTransaction,
    pub pools: Pools,
    /// As it stands now: a rival may have closed or cancelled it since the permit was given.
    pub activity: activity::Model,
    pub(super) now: DateTime<Utc>,
    changed: Changed,
    /// Those who are to be reminded that an answer is due.
    pub(super) reminded: Vec<registration::Model>,
    /// Those in whose place somebody else came.
    pub(super) replaced: BTreeSet<RegistrationId>,
    /// Those that were there before, and of whom something may be known at sessions.
    saved: BTreeSet<RegistrationId>,
}

impl<'a> Desk<'a> {
    /// Locks the pools, which every change needs first, and reads the activity.
    pub async fn open(
        tx: &'a DatabaseTransaction,
        activity: ActivityId,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let mut pools = Pools::lock(tx, activity).await?;
        // Whether the job that does so came by already makes no difference.
        pools.release_overdue(now);
        let activity = activity::Entity::find_by_id(activity)
            .lock_shared()
            .one(tx)
            .await?
            .ok_or(Failure::NotFound)?;
        Ok(Self {
            tx,
            pools,
            activity,
            now,
            changed: Changed::new(),
            reminded: Vec::new(),
            replaced: BTreeSet::new(),
            saved: BTreeSet::new(),
        })
    }

    /// Whether people can be registered: organisers begin while the activity is a draft. A template never is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let open = [activity::Status::Draft, activity::Status::Published];
        open.contains(&self.activity.status) && !self.activity.is_template
    }

    /// A registration of this activity as it is now, locked.
    pub async fn locked(&self, id: RegistrationId) -> Result<registration::Model, Failure> {
        super::locked(self.tx, id).await
    }

    /// Registers people: the one routine behind every way in, in the order given. What breaks the rule of one live
    /// registration per person comes out as the database's error.
    pub async fn enrol(&mut self, people: Vec<New>) -> Result<Vec<registration::Model>, Failure> {
        let mut rows = Vec::with_capacity(people.len());
        for it in people {
            let start = it.start;
            let mut row = self.blank(it)?;
            match start {
                Start::Comes => self.seat(&mut row),
                Start::ComesOver => self.seat_over(&mut row),
                // Who said so on a list need not be told so.
                Start::Declines => {
                    self.turn(&mut row, Status::Declined, None);
                    self.forget(&[row.id]);
                }
                Start::Invited(reply_by) => self.invite(&mut row, reply_by),
                Start::Asks(wait) => self.ask(&mut row, wait),
            }
            rows.push(row);
        }
        many::insert::<registration::Entity>(self.tx, &rows).await?;
        Ok(rows)
    }

    /// Holds no seat yet, whatever its status says.
    fn blank(&self, it: New) -> Result<registration::Model, Failure> {
        let id = RegistrationId::generate();
        let (list_key, list_row) = it.listed.map_or((id.0, 0), |(batch, row)| (batch.0, row));
        Ok(registration::Model {
            id,
            activity_id: self.activity.id,
            person_id: it.person,
            category_id: it.seat.category,
            status: Status::Pending,
            ticket_code: authn::ticket_code()?,
            organisation_name: it.organisation_name,
            title: it.title,
            details: it.details,
            list_key,
            list_row,
            batch_id: it.listed.map(|(batch, _)| batch),
            registered_at: self.now,
            status_at: self.now,
            status_reason: None,
            allocation_id: it.seat.allocation,
            priority: 0,
            queued_at: None,
            way: it.way,
            reply_by: None,
            reminded_at: None,
            replaces_id: None,
            recommender_id: it.recommender,
            step: None,
            waits_for_id: None,
            enrolled_on: None,
            withdrawn_on: None,
        })
    }

    /// Gives a seat to who has none, or a place on the waiting list.
    pub fn seat(&mut self, it: &mut registration::Model) {
        it.allocation_id = self.pools.seat_of(it).allocation;
        let is_seated = self.pools.take(Seat::from(&*it));
        self.mark(it, if is_seated { Status::Confirmed } else { Status::Waitlisted }, None);
    }

    /// Gives a seat to who has none, though there is none left.
    pub fn seat_over(&mut self, it: &mut registration::Model) {
        it.allocation_id = self.pools.seat_of(it).allocation;
        if !self.pools.take(Seat::from(&*it)) {
            self.pools.take_over(Seat::from(&*it));
        }
        self.mark(it, Status::Confirmed, None);
    }

    /// Asks somebody to come. No seat is held for the answer.
    pub fn invite(&mut self, it: &mut registration::Model, reply_by: Option<DateTime<Utc>>) {
        self.turn(it, Status::Invited, None);
        it.reply_by = reply_by;
        self.note(it);
    }

    /// Puts a registration before whoever has a say in it.
    pub fn ask(&mut self, it: &mut registration::Model, wait: Wait) {
        self.turn(it, Status::Pending, None);
        (it.step, it.waits_for_id) = (Some(wait.step), Some(wait.organisation));
        self.note(it);
    }

    /// Gives a registration a status that holds no seat, and frees the one that it held.
    pub fn turn(&mut self, it: &mut registration::Model, to: Status, reason: Option<String>) {
        if it.status.holds_seat() {
            self.pools.free(Seat::from(&*it));
        }
        self.mark(it, to, reason);
    }

    /// Gives a registration a status; the seats are as they are to be.
    pub(super) fn mark(
        &mut self,
        it: &mut registration::Model,
        to: Status,
        reason: Option<String>,
    ) {
        it.status = to;
        it.status_at = self.now;
        it.status_reason = reason;
        it.queued_at = match to {
            Status::Waitlisted => it.queued_at.or(Some(self.now)),
            Status::Offered => it.queued_at,
            _ => None,
        };
        (it.reply_by, it.reminded_at) = (None, None);
        (it.step, it.waits_for_id) = (None, None);
        // Only who withdraws (退班) leaves on a day.
        it.withdrawn_on = None;
        self.note(it);
    }

    /// Remembers who is to be told. What changed twice is told of once, as it came out.
    pub(super) fn note(&mut self, it: &registration::Model) {
        self.changed.insert(it.id, it.clone());
    }

    /// Tells nobody of registrations that are about to be removed altogether.
    pub fn forget(&mut self, gone: &[RegistrationId]) {
        for id in gone {
            self.changed.remove(id);
        }
    }

    /// Writes what the desk and lists change of a registration that is there.
    pub async fn save(&mut self, it: &registration::Model) -> Result<(), Failure> {
        self.save_all(std::slice::from_ref(it)).await
    }

    /// The same of many.
    pub async fn save_all(&mut self, rows: &[registration::Model]) -> Result<(), Failure> {
        many::update::<registration::Entity>(self.tx, rows, &SAVED).await?;
        self.saved.extend(rows.iter().map(|it| it.id));
        Ok(())
    }

    /// Offers what is free to those who wait, and writes what was taken and freed. Everything that changed, as it came
    /// out.
    pub async fn close(mut self) -> Result<Changed, Failure> {
        self.offer_free_seats().await?;
        self.tell().await?;
        let releases = self.pools.next_release();
        self.pools.settle(self.tx).await?;
        let followed = std::mem::take(&mut self.saved);
        attendance::follow(self.tx, followed, self.now).await?;
        let answers = self.changed.values().filter_map(lapse::next_of);
        if let Some(due_at) = answers.chain(releases).min() {
            lapse::look_again(self.tx, self.activity.id, due_at, self.now).await?;
        }
        Ok(self.changed)
    }

    /// Writes down what is to be said to whom.
    async fn tell(&self) -> Result<(), Failure> {
        let mut said: BTreeMap<Occasion, Vec<&registration::Model>> = BTreeMap::new();
        for it in self.changed.values() {
            if let Some(occasion) = self.occasion_of(it) {
                said.entry(occasion).or_default().push(it);
            }
        }
        for (occasion, rows) in said {
            outbox::tell(self.tx, occasion, rows, self.now).await?;
        }
        outbox::tell(self.tx, Occasion::Reminder, &self.reminded, self.now).await
    }

    /// What there is to say to somebody whose registration changed; none where nobody need know.
    fn occasion_of(&self, it: &registration::Model) -> Option<Occasion> {
        Some(match it.status {
            Status::Invited => Occasion::Invited,
            // With who recommended it again; on its way up it is nobody's news.
            Status::Pending if it.step.is_none() => Occasion::Returned,
            Status::Pending => return None,
            Status::Confirmed => Occasion::Confirmed,
            Status::Waitlisted => Occasion::Waitlisted,
            Status::Offered => Occasion::Offered,
            Status::Declined => Occasion::Declined,
            Status::Expired => Occasion::Expired,
            Status::Cancelled if self.replaced.contains(&it.id) => Occasion::Replaced,
            Status::Cancelled => Occasion::Cancelled,
        })
    }

    /// Closes the desk; the registration as it came out.
    pub async fn close_with(self, it: registration::Model) -> Result<registration::Model, Failure> {
        Ok(self.close().await?.remove(&it.id).unwrap_or(it))
    }
}
