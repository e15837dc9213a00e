//! The one road for a write.
//!
//! It takes the permit, begins a transaction, looks up the idempotency key, does the work, leaves an audit event,
//! keeps the answer for whoever sends the same again, and commits. No operation can forget any of it, and whatever
//! fails leaves nothing behind. (A scan is its own event and its `scanId` its own key: see `attendance::scan`.)

mod itself;
mod key;
mod note;

use std::any::TypeId;

use chrono::{DateTime, Utc};
use entity::{
    account, activity, audit_event, bulk_act, capacity_pool, category, certificate, class_group,
    correction, data_request, device, export, export_view,
    id::{AccountId, DeviceId, Id},
    job, leave, linked_identity, make_up, message, message_template, notice, organisation, person,
    position, programme, registration, role_grant, roster_batch, series, session, transfer,
    webhook,
};
use sea_orm::DatabaseTransaction;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub use self::{key::drop_old_keys, note::Note};
use crate::{
    audit::{
        self, Details, Event, Origin,
        changes::{self, Changes},
    },
    authz::{Action, Actor, Guarded, Me, Permit},
    db::Db,
    error::{Error, Failure, Lang, Refusal},
    graphql::Viewer,
    live::Notice,
};

/// What comes out of a write: kept as the first answer, and named in the audit event.
pub trait Outcome: Serialize + DeserializeOwned + 'static {
    /// The prefix and the id of what was made or changed.
    fn thing(&self) -> (&'static str, Uuid);
    /// What is told of it to whoever looks on.
    fn notice(&self) -> Option<Notice> {
        None
    }
}

/// Behind a table stands what is told of a row of it, if anything is.
macro_rules! outcomes {
    ($($table:ident $(: |$it:ident| $notice:expr)?),* $(,)?) => {$(
        impl Outcome for $table::Model {
            fn thing(&self) -> (&'static str, Uuid) {
                fn named<T: Id>(id: T) -> (&'static str, Uuid) {
                    (T::PREFIX, id.uuid())
                }
                named(self.id)
            }

            fn notice(&self) -> Option<Notice> {
                None$(.or({
                    let $it = self;
                    Some($notice)
                }))?
            }
        }
    )*};
}
outcomes!(
    account: |it| Notice::Access(Some(it.id)),
    activity: |it| Notice::Activity(it.id),
    bulk_act: |it| Notice::Activity(it.activity_id),
    capacity_pool: |it| Notice::Activity(it.activity_id),
    category,
    certificate,
    class_group,
    correction,
    data_request,
    device: |_it| Notice::Access(None),
    export,
    export_view,
    job,
    leave,
    linked_identity,
    make_up,
    message,
    message_template,
    notice,
    organisation,
    person,
    position,
    programme,
    registration: |it| Notice::Activity(it.activity_id),
    role_grant: |it| Notice::Access(Some(it.account_id)),
    roster_batch: |it| Notice::Activity(it.activity_id),
    series,
    session: |it| Notice::Activity(it.activity_id),
    transfer,
    webhook
);

impl Viewer {
    /// Does `work` under `permit`, in one transaction with its audit event.
    pub async fn write<A: Action, T: Outcome, C>(
        &self,
        permit: &Permit<A>,
        note: Note,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, Error<C>>,
    ) -> Result<T, Error<C>> {
        let actor: Actor = permit.actor().into();
        let subject = (A::On::KIND, Some(permit.on().uuid()));
        let act = Act { keys_of: actor.uuid(), actor: Some(actor), action: A::NAME, subject };
        // Read again where it is what the work gives back: the permit's row is as old as the request.
        let is_changed = TypeId::of::<A::On>() == TypeId::of::<T>();
        let stood = async |tx: &DatabaseTransaction| {
            if is_changed { A::On::find(tx, permit.on().id()).await } else { Ok(None) }
        };
        self.road(act, note, stood, work).await
    }

    /// The same for what somebody does with a phone and without an account. `subject` is what it is done to.
    pub async fn write_mine<T: Outcome, C>(
        &self,
        me: &Me,
        action: &'static str,
        subject: (&'static str, Uuid),
        note: Note,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, Error<C>>,
    ) -> Result<T, Error<C>> {
        let subject = (subject.0, Some(subject.1));
        let act = Act { keys_of: me.actor(), actor: None, action, subject };
        self.road(act, note, unknown::<T>, work).await
    }

    /// The same for what a device does to itself, for which it holds no permit.
    pub async fn write_own<T: Outcome, C>(
        &self,
        device: DeviceId,
        action: &'static str,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, Error<C>>,
    ) -> Result<T, Error<C>> {
        let subject = (DeviceId::PREFIX, Some(device.0));
        let act = Act { keys_of: device.0, actor: Some(Actor::Device(device)), action, subject };
        self.road(act, Note::default(), unknown::<T>, work).await
    }

    async fn road<T: Outcome, B: Serialize, C>(
        &self,
        act: Act,
        mut note: Note,
        stood: impl AsyncFnOnce(&DatabaseTransaction) -> Result<Option<B>, Failure>,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, Error<C>>,
    ) -> Result<T, Error<C>> {
        if let Some(key) = &note.key {
            key.check()?;
        }
        let done = self
            .db
            .transaction(async |tx| {
                if let Some(key) = &note.key
                    && let Some(first) = key.claim(tx, act.keys_of, self.now).await?
                {
                    return serde_json::from_value(first).map_err(|error| {
                        Failure::internal(format!("kept answer: {error}")).into()
                    });
                }
                let before = stood(tx).await?;
                let done = work(tx).await?;
                let result = done.thing();
                note.details.changes.append(&mut told(act.subject, before.as_ref(), &done));
                let event = Event {
                    actor: act.actor,
                    action: act.action,
                    subject: act.subject,
                    result: Some(result),
                    outcome: audit_event::Outcome::Done,
                    reason: note.reason.as_deref(),
                    details: std::mem::take(&mut note.details),
                };
                audit::leave(tx, self.db.seal(), &self.origin(), event).await?;
                if let Some(key) = &note.key {
                    key.keep(tx, act.keys_of, &done).await?;
                }
                Ok(done)
            })
            .await;
        self.app.bell.notify_one();
        if let Some(notice) = done.as_ref().ok().and_then(Outcome::notice) {
            self.app.live.tell(notice);
        }
        done
    }

    /// Leaves an audit event of what somebody sees or takes along under `permit` and does not change.
    pub async fn leave_note<A: Action>(
        &self,
        permit: &Permit<A>,
        note: Note,
    ) -> Result<(), Failure> {
        let event = Event {
            actor: Some(permit.actor().into()),
            action: A::NAME,
            subject: (A::On::KIND, Some(permit.on().uuid())),
            result: None,
            outcome: audit_event::Outcome::Done,
            reason: note.reason.as_deref(),
            details: note.details,
        };
        self.db
            .transaction(async |tx| audit::leave(tx, self.db.seal(), &self.origin(), event).await)
            .await
    }

    /// Leaves an audit event of what somebody asked for and was refused, where that matters: a sign-in that failed, a token
    /// that was stolen, what is beyond one's grants. Whoever asks is named where they are known. `why` is a text of the
    /// code's own, and never what was typed.
    pub async fn leave_refusal(
        &self,
        action: &str,
        subject: (&str, Option<Uuid>),
        why: &str,
    ) -> Result<(), Failure> {
        let event = Event {
            actor: self.gate.actor(),
            action,
            subject,
            result: None,
            outcome: audit_event::Outcome::Refused,
            reason: Some(why),
            details: Details::default(),
        };
        self.db
            .transaction(async |tx| audit::leave(tx, self.db.seal(), &self.origin(), event).await)
            .await
    }

    /// The same of an act that was refused, by a rule or for want of a grant; nothing of one that was done, nor of somebody who
    /// is not signed in.
    pub async fn leave_if_refused<T, C: Refusal>(
        &self,
        action: &str,
        subject: (&str, Option<Uuid>),
        done: &Result<T, Error<C>>,
    ) -> Result<(), Failure> {
        let why = match done {
            Err(Error::Refused(all)) => {
                all.iter().map(|it| it.code.message(Lang::Zh)).collect::<Vec<_>>().join("；")
            }
            Err(Error::Failed(it @ (Failure::Forbidden | Failure::NotFound))) => {
                it.face(Lang::Zh).1.to_owned()
            }
            _ => return Ok(()),
        };
        if self.gate.actor().is_none() {
            return Ok(());
        }
        self.leave_refusal(action, subject, &why).await
    }

    /// The same road for the acts of nobody in particular: signing in and what follows from it.
    pub async fn write_unsigned<T, C>(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<(T, Option<AccountId>), Error<C>>,
    ) -> Result<T, Error<C>> {
        let done = self
            .db
            .transaction(async |tx| {
                let (done, account) = work(tx).await?;
                let mut event = on_account(action, account);
                event.actor = account.map(Actor::Account);
                audit::leave(tx, self.db.seal(), &self.origin(), event).await?;
                Ok(done)
            })
            .await;
        self.app.bell.notify_one();
        done
    }

    /// The same where it is refused, and what follows from that is kept: a wrong password is counted. `account` is whom it was
    /// about; nobody is known to have asked. `work` says why, in a text of the code's own.
    pub async fn refuse_unsigned<T>(
        &self,
        action: &'static str,
        account: Option<AccountId>,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<(&'static str, T), Failure>,
    ) -> Result<T, Failure> {
        let done = self
            .db
            .transaction(async |tx| {
                let (why, done) = work(tx).await?;
                let mut event = on_account(action, account);
                event.outcome = audit_event::Outcome::Refused;
                event.reason = Some(why);
                audit::leave(tx, self.db.seal(), &self.origin(), event).await?;
                Ok(done)
            })
            .await;
        self.app.bell.notify_one();
        done
    }

    fn origin(&self) -> Origin {
        Origin {
            at: self.now,
            request_id: self.request_id,
            address: self.address.clone(),
            key: self.gate.key(),
        }
    }
}

impl Db {
    /// The same road for the command line, whose user owns the machine and is asked for nothing. `work` says which
    /// account the act was on.
    pub async fn by_command<C>(
        &self,
        action: &'static str,
        now: DateTime<Utc>,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<AccountId, Error<C>>,
    ) -> Result<(), Error<C>> {
        self.transaction(async |tx| {
            let account = work(tx).await?;
            let origin = Origin { at: now, request_id: Uuid::now_v7(), address: None, key: None };
            audit::leave(tx, self.seal(), &origin, on_account(action, Some(account))).await?;
            Ok(())
        })
        .await
    }
}

/// Something that was done to an account.
fn on_account(action: &str, account: Option<AccountId>) -> Event<'_> {
    Event::by_itself(action, (AccountId::PREFIX, account.map(|it| it.0)))
}

/// What stood before, where nobody knows.
async fn unknown<T>(_tx: &DatabaseTransaction) -> Result<Option<T>, Failure> {
    Ok(None)
}

/// What changed of the subject, or what was made of it.
fn told<T: Outcome>(
    subject: (&str, Option<Uuid>),
    before: Option<&impl Serialize>,
    done: &T,
) -> Changes {
    let (kind, id) = done.thing();
    let is_subject = subject == (kind, Some(id));
    match before {
        Some(before) if is_subject => changes::between(kind, Some(before), done),
        None if is_subject => Changes::new(),
        _ => changes::between(kind, None::<&T>, done),
    }
}

/// Who does what to what.
struct Act {
    /// Whose idempotency keys count.
    keys_of: Uuid,
    /// None where it is somebody with a phone and no account.
    actor: Option<Actor>,
    action: &'static str,
    subject: (&'static str, Option<Uuid>),
}
