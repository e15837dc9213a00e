//! One act on many registrations of an activity: an outcome for each, all or nothing if so asked.
//!
//! Up to [`AT_ONCE`] are done in the transaction that asks for it. More are done in the background, a part at a time,
//! each part in one transaction with its outcomes: whenever the server dies, every row has been done once or waits.

mod each;

use std::{collections::HashSet, sync::Arc};

use async_graphql::resolver_utils::EnumType;
use chrono::{DateTime, Utc};
use entity::{
    bulk_act::{self, State},
    bulk_row::{self, Column, Outcome},
    id::{ActivityId, BulkActId, CategoryId, RegistrationId},
    job::Kind,
    registration,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, TransactionTrait, sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};

use super::{Filter, RegistrationErrorCode as Code, condition};
use crate::{
    app::App,
    authn,
    authz::{
        Gate, Permit,
        policy::{ChangeRegistrations, RegisterAttendee, ViewBulkAct},
    },
    db::{CHUNK, within},
    error::{Error, Failure, Refusal},
    job,
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why an act on many registrations was not begun.
    ChangeRegistrationsErrorCode, ChangeRegistrationsUserError {
        /// Neither or both of `registrationIds` and `filter` are given.
        WhichUnclear = "registrationIds 与 filter 须且只能给出一个", "give either registrationIds or filter";
        /// More than 20,000 registrations, or none.
        TooMany = "须为1至20000条报名", "an act is on 1 to 20,000 registrations";
        /// Neither or both of `category` and `toActivityId` are given.
        TargetUnclear = "category 与 toActivityId 须且只能给出一个", "give either category or toActivityId";
        /// The activity has no category of this name.
        CategoryUnknown = "没有名为“{}”的类别", "there is no category “{}”";
        /// The reply-by time is over already.
        ReplyByPast = "回复截止时间须在将来", "the reply-by time is over already";
        /// A reason is needed.
        ReasonMissing = "请填写原因", "give a reason";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// How many are done in the request that asks for it.
pub const AT_ONCE: usize = 200;
/// The most that one act is on.
pub const MOST: usize = 20_000;
/// How many are done in one transaction in the background.
const PART: u64 = 100;

/// What is done to each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Act {
    Approve {
        reason: Option<String>,
    },
    Decline {
        reason: String,
    },
    /// Asked to come: here, or to another activity, and then it stays as it is here.
    Invite {
        reply_by: Option<DateTime<Utc>>,
        to: Option<ActivityId>,
    },
    Recategorise {
        category: CategoryId,
    },
    Transfer {
        to: ActivityId,
    },
    Cancel {
        reason: Option<String>,
    },
}

impl Act {
    /// The other activity that it has to do with.
    #[must_use]
    pub fn target(&self) -> Option<ActivityId> {
        match self {
            Self::Transfer { to } | Self::Invite { to: Some(to), .. } => Some(*to),
            _ => None,
        }
    }
}

/// Which registrations.
pub enum Which {
    These(Vec<RegistrationId>),
    All(Filter),
}

/// Begins an act, and does it at once where it is on few.
pub async fn begin(
    tx: &DatabaseTransaction,
    permit: &Permit<ChangeRegistrations>,
    act: &Act,
    which: Which,
    all_or_nothing: bool,
    now: DateTime<Utc>,
) -> Result<bulk_act::Model, Error<ChangeRegistrationsErrorCode>> {
    let ids = match which {
        Which::These(ids) => {
            let mut seen = HashSet::new();
            ids.into_iter().filter(|it| seen.insert(*it)).collect()
        }
        Which::All(filter) => {
            registration::Entity::find()
                .select_only()
                .column(registration::Column::Id)
                .filter(condition(permit.on().id, filter))
                .order_by_asc(registration::Column::Id)
                .limit(MOST as u64 + 1)
                .into_tuple::<RegistrationId>()
                .all(tx)
                .await?
        }
    };
    if !(1..=MOST).contains(&ids.len()) {
        return Err(ChangeRegistrationsErrorCode::TooMany.at::<String>([]).into());
    }
    let row = bulk_act::Model {
        id: BulkActId::generate(),
        activity_id: permit.on().id,
        account_id: permit.actor(),
        act: serde_json::to_value(act).map_err(Failure::internal)?,
        all_or_nothing,
        state: State::Running,
        total: i32::try_from(ids.len()).map_err(Failure::internal)?,
        done: 0,
        refused: 0,
        created_at: now,
        finished_at: None,
    };
    let new = bulk_act::ActiveModel::from(row.clone()).reset_all();
    bulk_act::Entity::insert(new).exec_without_returning(tx).await?;
    let rows: Vec<bulk_row::Model> = (1..)
        .zip(&ids)
        .map(|(nth, id)| bulk_row::Model {
            bulk_id: row.id,
            row: nth,
            registration_id: *id,
            outcome: Outcome::Waiting,
            code: None,
            result_id: None,
        })
        .collect();
    keep(tx, &rows).await?;
    if ids.len() <= AT_ONCE {
        return Ok(go_on(tx, row, act, rows, now).await?);
    }
    let about = serde_json::json!({ "bulk": row.id });
    job::enqueue(tx, Kind::Bulk, about, Some(row.id.0.to_string()), now, now).await?;
    Ok(row)
}

/// Does what is left of an act, part by part. Begun anew after any of them, it goes on with the next.
pub async fn run(app: &Arc<App>, id: BulkActId) -> Result<(), Failure> {
    loop {
        let now = app.now();
        let is_over = app
            .db
            .transaction(async |tx| {
                let it = locked(tx, id).await?;
                if it.state != State::Running {
                    return Ok(true);
                }
                let act: Act = serde_json::from_value(it.act.clone()).map_err(Failure::internal)?;
                let part = if it.all_or_nothing { MOST as u64 } else { PART };
                let rows = bulk_row::Entity::find()
                    .filter(Column::BulkId.eq(id))
                    .filter(Column::Outcome.eq(Outcome::Waiting))
                    .order_by_asc(Column::Row)
                    .limit(part)
                    .all(tx)
                    .await?;
                let it = if may_still(app, &it, &act, now).await? {
                    go_on(tx, it, &act, rows, now).await?
                } else {
                    give_up(tx, it, now).await?
                };
                Ok::<_, Failure>(it.state != State::Running)
            })
            .await?;
        if is_over {
            return Ok(());
        }
    }
}

/// Whether who asked for it may still do so: what was granted may have been taken back since.
async fn may_still(
    app: &App,
    it: &bulk_act::Model,
    act: &Act,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let Some(who) = authn::signer(app, it.account_id, now).await? else { return Ok(false) };
    let gate = Gate::new(Some(who), app.db.clone());
    let mut asked = vec![gate.permit::<ChangeRegistrations>(it.activity_id).await.map(drop)];
    if let Some(to) = act.target() {
        asked.push(gate.permit::<RegisterAttendee>(to).await.map(drop));
    }
    for answer in asked {
        match answer {
            Ok(()) => {}
            Err(Failure::NotFound | Failure::Forbidden) => return Ok(false),
            Err(failure) => return Err(failure),
        }
    }
    Ok(true)
}

/// Refuses all that is left.
async fn give_up(
    tx: &DatabaseTransaction,
    mut it: bulk_act::Model,
    now: DateTime<Utc>,
) -> Result<bulk_act::Model, Failure> {
    let mut rows = bulk_row::Entity::find()
        .filter(Column::BulkId.eq(it.id))
        .filter(Column::Outcome.eq(Outcome::Waiting))
        .all(tx)
        .await?;
    for row in &mut rows {
        (row.outcome, row.code) = (Outcome::Refused, Some(name_of(Code::NotAllowed)));
    }
    keep(tx, &rows).await?;
    it.refused = it.total - it.done;
    finish(tx, it, now).await
}

/// Does some rows and puts on record what came of them.
async fn go_on(
    tx: &DatabaseTransaction,
    mut it: bulk_act::Model,
    act: &Act,
    mut rows: Vec<bulk_row::Model>,
    now: DateTime<Utc>,
) -> Result<bulk_act::Model, Failure> {
    // Within, so that what was done is taken back alone where it is all or nothing.
    let part = tx.begin().await?;
    each::do_rows(&part, &it, act, &mut rows, now).await?;
    let is_refused = rows.iter().any(|it| it.outcome == Outcome::Refused);
    if it.all_or_nothing && is_refused {
        part.rollback().await?;
        for row in rows.iter_mut().filter(|it| it.outcome == Outcome::Done) {
            (row.outcome, row.result_id) = (Outcome::Undone, None);
        }
    } else {
        part.commit().await?;
    }
    keep(tx, &rows).await?;
    let count = |outcome| rows.iter().filter(|it| it.outcome == outcome).count();
    it.done += i32::try_from(count(Outcome::Done)).map_err(Failure::internal)?;
    it.refused += i32::try_from(count(Outcome::Refused)).map_err(Failure::internal)?;
    if it.done + it.refused == it.total || it.all_or_nothing {
        return finish(tx, it, now).await;
    }
    let row = bulk_act::ActiveModel::from(it.clone()).reset_all();
    bulk_act::Entity::update(row).exec_without_returning(tx).await?;
    Ok(it)
}

async fn finish(
    tx: &DatabaseTransaction,
    mut it: bulk_act::Model,
    now: DateTime<Utc>,
) -> Result<bulk_act::Model, Failure> {
    let is_refused = it.all_or_nothing && it.refused > 0;
    it.state = if is_refused { State::Refused } else { State::Done };
    it.finished_at = Some(now);
    let row = bulk_act::ActiveModel::from(it.clone()).reset_all();
    bulk_act::Entity::update(row).exec_without_returning(tx).await?;
    Ok(it)
}

async fn keep(tx: &impl ConnectionTrait, rows: &[bulk_row::Model]) -> Result<(), Failure> {
    for chunk in rows.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| bulk_row::ActiveModel::from(row.clone()).reset_all());
        bulk_row::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([Column::BulkId, Column::Row])
                    .update_columns([Column::Outcome, Column::Code, Column::ResultId])
                    .to_owned(),
            )
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

async fn locked(tx: &DatabaseTransaction, id: BulkActId) -> Result<bulk_act::Model, Failure> {
    bulk_act::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Failure::NotFound)
}

/// The code as the schema has it.
fn name_of(code: Code) -> String {
    let found = Code::items().iter().find(|it| it.value == code);
    found.map(|it| it.name.to_owned()).unwrap_or_default()
}

/// The code that has this name in the schema.
#[must_use]
pub fn code_named(name: &str) -> Option<Code> {
    Code::items().iter().find(|it| it.name == name).map(|it| it.value)
}

/// The rows of an act, in the order asked for.
pub async fn rows(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewBulkAct>,
    outcome: Option<Outcome>,
    slice: Slice<i32>,
) -> Result<Page<bulk_row::Model>, Failure> {
    let mut query = bulk_row::Entity::find().filter(Column::BulkId.eq(permit.on().id));
    if let Some(outcome) = outcome {
        query = query.filter(Column::Outcome.eq(outcome));
    }
    slice.of(query.cursor_by(Column::Row), db).await
}

/// The registrations of some rows that are still there.
pub async fn of_rows(
    db: &impl ConnectionTrait,
    rows: &[bulk_row::Model],
) -> Result<Vec<registration::Model>, Failure> {
    let ids: Vec<_> = rows.iter().map(|it| it.result_id.unwrap_or(it.registration_id)).collect();
    Ok(registration::Entity::find()
        .filter(within((registration::Entity, registration::Column::Id), ids))
        .all(db)
        .await?)
}
