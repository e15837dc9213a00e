//! The figures of sessions, kept and not counted: each change of an attendance adds to them what it changes.

use std::collections::{BTreeMap, HashMap};

use entity::{
    attendance::{self, Status},
    id::{ActivityId, SessionId},
    session,
    tally::{self, Column},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, JoinType,
    QueryFilter, QuerySelect, RelationTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::{
    db::{CHUNK, within},
    error::Failure,
};

/// Into how many parts the figures of a session go.
pub const SHARDS: u8 = 8;

/// The figures of a session by its attendances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct Figures {
    pub present: i32,
    pub late: i32,
    pub left_early: i32,
    pub excused: i32,
    pub absent: i32,
    pub unexpected: i32,
    pub inside: i32,
}

impl Figures {
    /// How many came, and belong there.
    #[must_use]
    pub fn came(&self) -> i32 {
        self.present + self.late + self.left_early
    }

    /// Adds an attendance `by` times: 1, or -1 to take it away.
    pub fn add(&mut self, it: &attendance::Model, by: i32) {
        self.inside += by * i32::from(it.is_inside);
        let figure = match it.status {
            _ if it.expected == Some(false) => &mut self.unexpected,
            Status::Present => &mut self.present,
            Status::Late => &mut self.late,
            Status::LeftEarly => &mut self.left_early,
            Status::Excused => &mut self.excused,
            Status::Absent => &mut self.absent,
        };
        *figure += by;
    }
}

/// What changes in the figures of some sessions in one transaction. Written at its end, in one order, so that
/// transactions do not lock each other out.
#[derive(Default)]
pub struct Changes(BTreeMap<(SessionId, i16), Figures>);

impl Changes {
    /// An attendance became another one, came to be, or is gone.
    pub fn note(&mut self, before: Option<&attendance::Model>, after: Option<&attendance::Model>) {
        for (it, by) in [(before, -1), (after, 1)] {
            if let Some(it) = it {
                self.0.entry((it.session_id, shard(it))).or_default().add(it, by);
            }
        }
    }

    /// Writes them.
    pub async fn keep(self, tx: &DatabaseTransaction) -> Result<(), Failure> {
        let changed: Vec<_> =
            self.0.into_iter().filter(|(_, it)| *it != Figures::default()).collect();
        let add = |column: Column| {
            Expr::col((tally::Entity, column)).add(Expr::col(("excluded", column)))
        };
        for chunk in changed.chunks(CHUNK) {
            let rows = chunk.iter().map(|((session, shard), it)| row(*session, *shard, it));
            let mut sum = OnConflict::columns([Column::SessionId, Column::Shard]);
            for column in FIGURES {
                sum.value(column, add(column));
            }
            tally::Entity::insert_many(rows).on_conflict(sum).exec_without_returning(tx).await?;
        }
        Ok(())
    }
}

const FIGURES: [Column; 7] = [
    Column::Present,
    Column::Late,
    Column::LeftEarly,
    Column::Excused,
    Column::Absent,
    Column::Unexpected,
    Column::Inside,
];

fn row(session: SessionId, shard: i16, it: &Figures) -> tally::ActiveModel {
    tally::ActiveModel {
        session_id: Set(session),
        shard: Set(shard),
        present: Set(it.present),
        late: Set(it.late),
        left_early: Set(it.left_early),
        excused: Set(it.excused),
        absent: Set(it.absent),
        unexpected: Set(it.unexpected),
        inside: Set(it.inside),
    }
}

/// The part of the figures that a registration counts in. The last bits of its id are random.
fn shard(it: &attendance::Model) -> i16 {
    i16::from(it.registration_id.0.as_bytes()[15] % SHARDS)
}

/// The figures of some sessions; those of whom nothing is known are left out.
pub async fn of(
    db: &impl ConnectionTrait,
    sessions: impl IntoIterator<Item = SessionId>,
) -> Result<HashMap<SessionId, Figures>, Failure> {
    let rows = tally::Entity::find()
        .filter(within((tally::Entity, Column::SessionId), sessions))
        .all(db)
        .await?;
    let mut all: HashMap<SessionId, Figures> = HashMap::new();
    for it in rows {
        let sum = all.entry(it.session_id).or_default();
        sum.present += it.present;
        sum.late += it.late;
        sum.left_early += it.left_early;
        sum.excused += it.excused;
        sum.absent += it.absent;
        sum.unexpected += it.unexpected;
        sum.inside += it.inside;
    }
    Ok(all)
}

/// The figures of some activities, over all their sessions.
pub async fn by_activity(
    db: &impl ConnectionTrait,
    activities: impl IntoIterator<Item = ActivityId>,
) -> Result<HashMap<ActivityId, Figures>, Failure> {
    #[derive(FromQueryResult)]
    struct Summed {
        activity_id: ActivityId,
        present: i64,
        late: i64,
        left_early: i64,
        inside: i64,
    }
    let summed = tally::Entity::find()
        .select_only()
        .column(session::Column::ActivityId)
        .column_as(Column::Present.sum(), "present")
        .column_as(Column::Late.sum(), "late")
        .column_as(Column::LeftEarly.sum(), "left_early")
        .column_as(Column::Inside.sum(), "inside")
        .join(JoinType::InnerJoin, tally::Relation::Session.def())
        .filter(within((session::Entity, session::Column::ActivityId), activities))
        .group_by(session::Column::ActivityId)
        .into_model::<Summed>()
        .all(db)
        .await?;
    let figures = |it: Summed| {
        let short = |it: i64| i32::try_from(it).unwrap_or(i32::MAX);
        let figures = Figures {
            present: short(it.present),
            late: short(it.late),
            left_early: short(it.left_early),
            inside: short(it.inside),
            ..Figures::default()
        };
        (it.activity_id, figures)
    };
    Ok(summed.into_iter().map(figures).collect())
}
