//! What was kept long enough: a select per class, by which it is counted, and by which it is dropped.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    account, activity, answer,
    erasure::{self, Extent},
    id::{ActivityId, OrganisationId, QuestionId},
    message, organisation, person, position, question,
    registration::{self, Details},
    retention_rule::Class,
    roster_batch, roster_row, scan, self_scan, session, trainer,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Iterable, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, IntoColumnRef, Query, SelectStatement, SimpleExpr},
};

use super::retention::{Rules, ended};
use crate::{db::begins_with, error::Failure};

/// Where what is dropped belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    Activity(ActivityId),
    /// The people whose records an organisation keeps.
    People(OrganisationId),
}

/// So much of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub class: Class,
    pub of: Of,
    pub items: i64,
}

/// What is due, and to what.
pub struct Due<'a> {
    rules: &'a Rules,
    now: DateTime<Utc>,
    /// The questions whose answers were kept as long as they say.
    questions: Vec<QuestionId>,
}

impl<'a> Due<'a> {
    pub async fn at(
        db: &impl ConnectionTrait,
        rules: &'a Rules,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        Ok(Self { rules, now, questions: questions(db, now).await? })
    }

    /// How much of each class is due: by activity, and by the organisation that keeps people's records. `below` is the
    /// path of the organisation whose own and whose members' it is.
    pub async fn lines(
        &self,
        db: &impl ConnectionTrait,
        below: &str,
    ) -> Result<Vec<Line>, Failure> {
        let mut lines = Vec::new();
        for class in Class::iter() {
            let Some(mut select) = self.select(class) else { continue };
            let (of, host): (SimpleExpr, _) = if is_of_people(class) {
                let home = (person::Entity, person::Column::HomeId);
                (Expr::col(home), home.into_column_ref())
            } else {
                let host = (activity::Entity, activity::Column::HostId);
                (Expr::col((activity::Entity, activity::Column::Id)), host.into_column_ref())
            };
            select
                .inner_join(
                    organisation::Entity,
                    Expr::col((organisation::Entity, organisation::Column::Id)).eq(Expr::col(host)),
                )
                .and_where(begins_with((organisation::Entity, organisation::Column::Path), below))
                .expr_as(of.clone(), "of")
                .expr_as(Expr::cust("count(*)"), "items")
                .add_group_by([of]);
            for row in db.query_all(&select).await? {
                let of = if is_of_people(class) {
                    Of::People(row.try_get("", "of")?)
                } else {
                    Of::Activity(row.try_get("", "of")?)
                };
                lines.push(Line { class, of, items: row.try_get("", "items")? });
            }
        }
        lines.sort_by_key(|it| (it.class, it.of));
        Ok(lines)
    }

    /// The rows of a class that are due and belong somewhere, at most so many; the caller says which columns of them.
    #[must_use]
    pub fn some(&self, class: Class, of: Of, most: u64) -> Option<SelectStatement> {
        let mut select = self.select(class)?;
        select.limit(most).and_where(match of {
            Of::Activity(id) => Expr::col((activity::Entity, activity::Column::Id)).eq(id),
            Of::People(id) => Expr::col((person::Entity, person::Column::HomeId)).eq(id),
        });
        Some(select)
    }

    /// The rows of a class that are due. None where nothing can be.
    #[expect(clippy::too_many_lines, reason = "a case for each class")]
    fn select(&self, class: Class) -> Option<SelectStatement> {
        let mut select = Query::select();
        let to_activity = |id: (registration::Entity, registration::Column)| {
            Expr::col(id).equals((activity::Entity, activity::Column::Id))
        };
        let of_registration = (registration::Entity, registration::Column::ActivityId);
        match class {
            Class::Details => {
                select
                    .from(registration::Entity)
                    .inner_join(activity::Entity, to_activity(of_registration))
                    .and_where(registration::Column::Details.ne(Details::default()));
            }
            Class::Answers => {
                let id = (answer::Entity, answer::Column::QuestionId);
                if self.questions.is_empty() {
                    return None;
                }
                select
                    .from(answer::Entity)
                    .inner_join(
                        question::Entity,
                        Expr::col(id).equals((question::Entity, question::Column::Id)),
                    )
                    .inner_join(
                        activity::Entity,
                        Expr::col((question::Entity, question::Column::ActivityId))
                            .equals((activity::Entity, activity::Column::Id)),
                    )
                    .and_where(crate::db::within(id, self.questions.iter().copied()));
                return Some(select);
            }
            Class::Places => {
                let by_themselves = Query::select()
                    .column(self_scan::Column::ScanId)
                    .from(self_scan::Entity)
                    .to_owned();
                select
                    .from(scan::Entity)
                    .inner_join(
                        session::Entity,
                        Expr::col((scan::Entity, scan::Column::SessionId))
                            .equals((session::Entity, session::Column::Id)),
                    )
                    .inner_join(
                        activity::Entity,
                        Expr::col((session::Entity, session::Column::ActivityId))
                            .equals((activity::Entity, activity::Column::Id)),
                    )
                    .cond_where(
                        Condition::any()
                            .add(scan::Column::Gate.is_not_null())
                            .add(scan::Column::Code.is_not_null())
                            .add(scan::Column::Id.in_subquery(by_themselves)),
                    );
            }
            Class::Messages => {
                select.from(message::Entity).inner_join(
                    activity::Entity,
                    Expr::col((message::Entity, message::Column::ActivityId))
                        .equals((activity::Entity, activity::Column::Id)),
                );
            }
            Class::Rosters => {
                select
                    .from(roster_row::Entity)
                    .inner_join(
                        roster_batch::Entity,
                        Expr::col((roster_row::Entity, roster_row::Column::BatchId))
                            .equals((roster_batch::Entity, roster_batch::Column::Id)),
                    )
                    .inner_join(
                        activity::Entity,
                        Expr::col((roster_batch::Entity, roster_batch::Column::ActivityId))
                            .equals((activity::Entity, activity::Column::Id)),
                    )
                    .cond_where(crate::roster::is_known());
            }
            Class::Contact => {
                self.people(&mut select, class).cond_where(
                    Condition::any()
                        .add(person::Column::Phone.is_not_null())
                        .add(person::Column::Email.is_not_null()),
                );
                return Some(select);
            }
            Class::Identity => {
                self.people(&mut select, class).cond_where(crate::person::forget::has_identity());
                return Some(select);
            }
            Class::Records => {
                let erased = Query::select()
                    .column(erasure::Column::PersonId)
                    .from(erasure::Entity)
                    .and_where(erasure::Column::Extent.eq(Extent::Erased))
                    .to_owned();
                self.people(&mut select, class)
                    .and_where(person::Column::Id.not_in_subquery(erased));
                return Some(select);
            }
        }
        select.cond_where(self.rules.over(class, self.now));
        Some(select)
    }

    /// People who were on activities and are on none whose time is not over, hold no office, teach nowhere that is not
    /// over, and have no account.
    fn people<'s>(&self, select: &'s mut SelectStatement, class: Class) -> &'s mut SelectStatement {
        let is_still_on = self.rules.over(class, self.now).not();
        let of_person = |entity: SimpleExpr| entity.equals((person::Entity, person::Column::Id));
        let on = |registration: Condition| {
            Query::select()
                .expr(Expr::val(1))
                .from(registration::Entity)
                .inner_join(
                    activity::Entity,
                    Expr::col((registration::Entity, registration::Column::ActivityId))
                        .equals((activity::Entity, activity::Column::Id)),
                )
                .and_where(of_person(Expr::col((
                    registration::Entity,
                    registration::Column::PersonId,
                ))))
                .cond_where(registration)
                .to_owned()
        };
        let teaches = Query::select()
            .expr(Expr::val(1))
            .from(trainer::Entity)
            .inner_join(
                session::Entity,
                Expr::col((trainer::Entity, trainer::Column::SessionId))
                    .equals((session::Entity, session::Column::Id)),
            )
            .inner_join(
                activity::Entity,
                Expr::col((session::Entity, session::Column::ActivityId))
                    .equals((activity::Entity, activity::Column::Id)),
            )
            .and_where(of_person(Expr::col((trainer::Entity, trainer::Column::PersonId))))
            .cond_where(is_still_on.clone())
            .to_owned();
        let office = Query::select()
            .expr(Expr::val(1))
            .from(position::Entity)
            .and_where(of_person(Expr::col((position::Entity, position::Column::PersonId))))
            .cond_where(
                Condition::any()
                    .add(position::Column::UntilOn.is_null())
                    .add(position::Column::UntilOn.gte(self.now.date_naive())),
            )
            .to_owned();
        let signs_in = Query::select()
            .expr(Expr::val(1))
            .from(account::Entity)
            .and_where(of_person(Expr::col((account::Entity, account::Column::PersonId))))
            .to_owned();
        select
            .from(person::Entity)
            .and_where(Expr::exists(on(Condition::all())))
            .and_where(Expr::exists(on(Condition::all().add(is_still_on))).not())
            .and_where(Expr::exists(teaches).not())
            .and_where(Expr::exists(office).not())
            .and_where(Expr::exists(signs_in).not())
    }
}

/// Whether what is dropped of a class is a person's and not a registration's.
#[must_use]
pub fn is_of_people(class: Class) -> bool {
    matches!(class, Class::Contact | Class::Identity | Class::Records)
}

/// The questions whose answers were kept for as long as they say, by the end of their activity.
async fn questions(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<Vec<QuestionId>, Failure> {
    let spans: Vec<i32> = question::Entity::find()
        .select_only()
        .column(question::Column::KeptFor)
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    let mut due = Vec::new();
    for days in spans {
        let over = Query::select()
            .column(activity::Column::Id)
            .from(activity::Entity)
            .and_where(ended().lt(now - TimeDelta::days(i64::from(days))))
            .to_owned();
        let answered =
            Query::select().column(answer::Column::QuestionId).from(answer::Entity).to_owned();
        let found: Vec<QuestionId> = question::Entity::find()
            .select_only()
            .column(question::Column::Id)
            .filter(question::Column::KeptFor.eq(days))
            .filter(question::Column::ActivityId.in_subquery(over))
            .filter(question::Column::Id.in_subquery(answered))
            .into_tuple()
            .all(db)
            .await?;
        due.extend(found);
    }
    Ok(due)
}

/// The lines summed up by their class.
#[must_use]
pub fn totals(lines: &[Line]) -> BTreeMap<Class, i64> {
    lines.iter().fold(BTreeMap::new(), |mut sums, it| {
        *sums.entry(it.class).or_default() += it.items;
        sums
    })
}
