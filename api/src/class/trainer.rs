//! Who teaches at which session (师资).

use std::collections::HashMap;

use entity::{
    activity,
    id::{PersonId, SessionId},
    session,
    trainer::{self, Column},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    authz::{
        Permit, Reach,
        policy::{SetTrainers, ViewTrainers},
    },
    db::within,
    error::{Error, Failure},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why the trainers of a session were not set.
    TrainersErrorCode, TrainersUserError {
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// More than 20.
        TooMany = "最多{}人", "at most {}";
        /// A person is there twice.
        Twice = "“{}”重复", "“{}” is there twice";
    }
}

/// The most trainers of one session.
pub const MOST: usize = 20;

/// Somebody who is to teach.
pub struct Draft {
    pub person: PersonId,
    pub topic: Option<String>,
    pub role: Option<String>,
}

/// Sets who teaches at a session, whole and in this order.
pub async fn set(
    tx: &DatabaseTransaction,
    permit: &Permit<SetTrainers>,
    drafts: Vec<Draft>,
) -> Result<session::Model, Error<TrainersErrorCode>> {
    let session = permit.on();
    // Of two that set them at once, one comes after the other.
    crate::activity::locked(tx, session.activity_id).await?;
    trainer::Entity::delete_many().filter(Column::SessionId.eq(session.id)).exec(tx).await?;
    keep(tx, session.id, drafts).await?;
    Ok(session.clone())
}

/// Keeps who teaches at a session that nobody teaches at yet.
pub async fn keep(
    tx: &impl ConnectionTrait,
    session: SessionId,
    drafts: Vec<Draft>,
) -> Result<(), Failure> {
    let rows: Vec<_> = drafts
        .into_iter()
        .zip(0..)
        .map(|(it, position)| trainer::Model {
            session_id: session,
            person_id: it.person,
            position,
            topic: it.topic,
            role: it.role,
        })
        .map(|row| trainer::ActiveModel::from(row).reset_all())
        .collect();
    if !rows.is_empty() {
        trainer::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Who teaches at some sessions, in their order.
pub async fn of_sessions(
    db: &impl ConnectionTrait,
    sessions: impl IntoIterator<Item = SessionId>,
) -> Result<HashMap<SessionId, Vec<trainer::Model>>, Failure> {
    let rows = trainer::Entity::find()
        .filter(within((trainer::Entity, Column::SessionId), sessions))
        .order_by_asc(Column::Position)
        .all(db)
        .await?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        found.entry(row.session_id).or_default().push(row);
    }
    Ok(found)
}

/// What somebody taught and is to teach at sessions in reach, the newest first.
pub async fn taught_by(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewTrainers>,
    person: PersonId,
    slice: Slice<SessionId>,
) -> Result<Page<trainer::Model>, Failure> {
    let activities = Query::select()
        .column((activity::Entity, activity::Column::Id))
        .from(activity::Entity)
        .cond_where(crate::activity::hosted_in(reach))
        .to_owned();
    let sessions = Query::select()
        .column(session::Column::Id)
        .from(session::Entity)
        .and_where(Expr::col(session::Column::ActivityId).in_subquery(activities))
        .to_owned();
    let rows = trainer::Entity::find()
        .filter(Column::PersonId.eq(person))
        .filter(Column::SessionId.in_subquery(sessions));
    let mut cursor = rows.cursor_by(Column::SessionId);
    cursor.desc();
    slice.of(cursor, db).await
}

/// Those of some people who teach, or look after a class.
pub async fn teachers_among(
    db: &impl ConnectionTrait,
    people: &[PersonId],
) -> Result<Vec<PersonId>, Failure> {
    use entity::class;
    let mut found: Vec<PersonId> = trainer::Entity::find()
        .select_only()
        .column(Column::PersonId)
        .filter(within((trainer::Entity, Column::PersonId), people.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    let teachers: Vec<Option<PersonId>> = class::Entity::find()
        .select_only()
        .column(class::Column::TeacherId)
        .filter(
            Condition::all()
                .add(within((class::Entity, class::Column::TeacherId), people.iter().copied())),
        )
        .into_tuple()
        .all(db)
        .await?;
    found.extend(teachers.into_iter().flatten());
    Ok(found)
}
