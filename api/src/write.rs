//! The one road for a write.
//!
//! It takes the permit, begins a transaction, looks up the idempotency key, does the work, leaves an audit event,
//! keeps the answer for whoever sends the same again, and commits. No operation can forget any of it, and whatever
//! fails leaves nothing behind. (A scan is its own event and its `scanId` its own key: see `attendance::scan`.)

use async_graphql::InputType;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account, activity, audit_event, bulk_act, capacity_pool, category, certificate, class_group,
    correction, device, export, export_view,
    id::{AccountId, AuditEventId, DeviceId, Id},
    idempotency_key, job, leave, make_up, message, message_template, notice, organisation, person,
    position, programme, registration, role_grant, roster_batch, series, session, webhook,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    authz::{Action, Actor, Guarded, Me, Permit},
    db::Db,
    error::{Error, Failure},
    graphql::Viewer,
    live::Notice,
};

/// What comes out of a write: kept as the first answer, and named in the audit event.
pub trait Outcome: Serialize + DeserializeOwned {
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
    device: |_it| Notice::Access(None),
    export,
    export_view,
    job,
    leave,
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
    webhook
);

/// What tells whether the same is sent again.
struct Key {
    /// The name of the mutation's input. One mutation may be several actions, and its keys are one set all the same.
    input: String,
    text: String,
    hash: Vec<u8>,
}

/// What goes with a write besides its permit.
#[derive(Default)]
pub struct Note {
    reason: Option<String>,
    key: Option<Key>,
}

impl Note {
    /// For an act that takes an idempotency key; `input` is what is hashed to tell whether it is the same act.
    pub fn keyed<I: InputType>(key: Option<String>, input: &I) -> Self {
        let key = key.map(|key| {
            let text = input.to_value().to_string();
            let hash = digest(&SHA256, text.as_bytes()).as_ref().to_vec();
            Key { input: I::type_name().into_owned(), text: key, hash }
        });
        Self { reason: None, key }
    }

    /// Says why, for the audit event.
    #[must_use]
    pub fn because(mut self, reason: Option<&str>) -> Self {
        self.reason = reason.map(str::to_owned);
        self
    }
}

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
        self.road(act, note, work).await
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
        self.road(Act { keys_of: me.actor(), actor: None, action, subject }, note, work).await
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
        self.road(act, Note::default(), work).await
    }

    async fn road<T: Outcome, C>(
        &self,
        act: Act,
        note: Note,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, Error<C>>,
    ) -> Result<T, Error<C>> {
        if let Some(Key { text: key, .. }) = &note.key
            && !(1..=200).contains(&key.chars().count())
        {
            return Err(Failure::BadInput(
                "幂等键须为1至200个字符",
                "an idempotency key has 1 to 200 characters",
            )
            .into());
        }
        let done = self
            .db
            .transaction(async |tx| {
                if let Some(key) = &note.key
                    && let Some(first) = claim(tx, act.keys_of, key, self.now).await?
                {
                    return serde_json::from_value(first).map_err(|error| {
                        Failure::internal(format!("kept answer: {error}")).into()
                    });
                }
                let done = work(tx).await?;
                let result = done.thing();
                let reason = note.reason.as_deref();
                leave_trail(
                    tx,
                    &self.origin(),
                    act.actor,
                    act.action,
                    act.subject,
                    Some(result),
                    reason,
                )
                .await?;
                if let Some(key) = &note.key {
                    keep(tx, act.keys_of, key, &done).await?;
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

    /// Leaves an audit event of what somebody takes along under `permit` and does not change.
    pub async fn leave_note<A: Action>(&self, permit: &Permit<A>) -> Result<(), Failure> {
        let actor: Actor = permit.actor().into();
        let subject = (A::On::KIND, Some(permit.on().uuid()));
        self.db
            .transaction(async |tx| {
                leave_trail(tx, &self.origin(), Some(actor), A::NAME, subject, None, None).await
            })
            .await
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
                let subject = (AccountId::PREFIX, account.map(|it| it.0));
                let actor = account.map(Actor::Account);
                leave_trail(tx, &self.origin(), actor, action, subject, None, None).await?;
                Ok(done)
            })
            .await;
        self.app.bell.notify_one();
        done
    }

    fn origin(&self) -> Origin {
        Origin { at: self.now, request_id: self.request_id, address: self.address.clone() }
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
            let origin = Origin { at: now, request_id: Uuid::now_v7(), address: None };
            leave_trail(
                tx,
                &origin,
                None,
                action,
                (AccountId::PREFIX, Some(account.0)),
                None,
                None,
            )
            .await?;
            Ok(())
        })
        .await
    }
}

impl Db {
    /// The same road for what the service does by itself, to `on`.
    pub async fn by_itself<T: Id>(
        &self,
        action: &'static str,
        on: T,
        reason: Option<&str>,
        now: DateTime<Utc>,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.transaction(async |tx| {
            work(tx).await?;
            let origin = Origin { at: now, request_id: Uuid::now_v7(), address: None };
            let subject = (T::PREFIX, Some(on.uuid()));
            leave_trail(tx, &origin, None, action, subject, None, reason).await
        })
        .await
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

/// When and where an act comes from.
struct Origin {
    at: DateTime<Utc>,
    request_id: Uuid,
    address: Option<String>,
}

async fn leave_trail(
    tx: &impl ConnectionTrait,
    origin: &Origin,
    actor: Option<Actor>,
    action: &str,
    subject: (&str, Option<Uuid>),
    result: Option<(&str, Uuid)>,
    reason: Option<&str>,
) -> Result<(), Failure> {
    let result = result.filter(|(_, id)| subject.1 != Some(*id));
    let event = audit_event::ActiveModel {
        id: Set(AuditEventId::generate()),
        at: Set(origin.at),
        account_id: Set(actor.and_then(Actor::account)),
        device_id: Set(actor.and_then(Actor::device)),
        action: Set(action.to_owned()),
        subject_kind: Set(subject.0.to_owned()),
        subject_id: Set(subject.1),
        result_kind: Set(result.map(|it| it.0.to_owned())),
        result_id: Set(result.map(|it| it.1)),
        reason: Set(reason.map(str::to_owned)),
        request_id: Set(origin.request_id),
        address: Set(origin.address.clone()),
    };
    audit_event::Entity::insert(event).exec_without_returning(tx).await?;
    Ok(())
}

/// How long a key is kept at least.
const KEY_KEPT: TimeDelta = TimeDelta::hours(48);

/// Drops the keys that were kept long enough.
pub async fn drop_old_keys(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    idempotency_key::Entity::delete_many()
        .filter(idempotency_key::Column::CreatedAt.lt(now - KEY_KEPT))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes the key for this act, or gives the first answer to it.
///
/// The insert waits for a rival that holds the same key, so that of two sent at once one acts and the other answers.
async fn claim(
    tx: &impl ConnectionTrait,
    actor: Uuid,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Option<serde_json::Value>, Failure> {
    let row = idempotency_key::ActiveModel {
        actor_id: Set(actor),
        action: Set(key.input.clone()),
        key: Set(key.text.clone()),
        input_hash: Set(key.hash.clone()),
        answer: Set(None),
        created_at: Set(now),
    };
    let mine = idempotency_key::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    if mine == 1 {
        return Ok(None);
    }
    let first = idempotency_key::Entity::find_by_id((actor, key.input.clone(), key.text.clone()))
        .one(tx)
        .await?
        .ok_or_else(|| Failure::internal("idempotency key vanished"))?;
    if first.input_hash != key.hash {
        return Err(Failure::Conflict(
            "这个幂等键已用于不同的内容",
            "this idempotency key was used with another input",
        ));
    }
    Ok(first.answer)
}

async fn keep(
    tx: &impl ConnectionTrait,
    actor: Uuid,
    key: &Key,
    done: &impl Serialize,
) -> Result<(), Failure> {
    let answer = serde_json::to_value(done).map_err(Failure::internal)?;
    idempotency_key::Entity::update_many()
        .col_expr(idempotency_key::Column::Answer, sea_orm::sea_query::Expr::value(answer))
        .filter(idempotency_key::Column::ActorId.eq(actor))
        .filter(idempotency_key::Column::Action.eq(key.input.as_str()))
        .filter(idempotency_key::Column::Key.eq(key.text.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}
