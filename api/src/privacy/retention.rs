//! How long data are kept: by what they are, and by the kind of the activity that they were taken for.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    activity, organisation,
    programme::Kind,
    retention_rule::{self, Class, Column},
};
use sea_orm::{
    ActiveModelTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, Iterable,
    sea_query::{Expr, ExprTrait, Func, OnConflict, SimpleExpr},
};

use crate::{
    authz::{Permit, policy::SetRetention},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why a time of keeping was not set.
    SetRetentionErrorCode, SetRetentionUserError {
        /// The days are not from 1 to 36,500.
        DaysOutOfRange = "天数须在1至36500之间", "days are from 1 to 36,500";
        /// How long answers are kept is said question by question (`keptFor`).
        ByQuestion = "答案的保存期限由每个问题规定", "answers are kept as long as each question says";
        /// The reason is missing.
        ReasonMissing = "请填写原因", "say why";
        /// The reason is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// How long a class is kept where nothing else was said, in days; none where each question says it.
#[must_use]
pub fn usual(class: Class) -> Option<i32> {
    match class {
        Class::Details => Some(30),
        Class::Answers => None,
        Class::Places | Class::Messages | Class::Rosters => Some(180),
        Class::Contact | Class::Identity => Some(365),
        Class::Records => Some(3_650),
    }
}

/// How long data are kept, as it was set.
pub struct Rules(HashMap<(Kind, Class), retention_rule::Model>);

/// How long the data of a class are kept after an activity of a kind.
pub struct Rule {
    pub kind: Kind,
    pub class: Class,
    pub days: Option<i32>,
    /// When it was set; none where it is the usual time.
    pub set_at: Option<DateTime<Utc>>,
}

pub async fn rules(db: &impl ConnectionTrait) -> Result<Rules, Failure> {
    let rows = retention_rule::Entity::find().all(db).await?;
    Ok(Rules(rows.into_iter().map(|it| ((it.kind, it.class), it)).collect()))
}

impl Rules {
    #[must_use]
    pub fn rule(&self, kind: Kind, class: Class) -> Rule {
        let set = self.0.get(&(kind, class));
        let days = set.map(|it| it.days).or(usual(class));
        Rule { kind, class, days, set_at: set.map(|it| it.set_at) }
    }

    /// All of them, kind by kind.
    pub fn all(&self) -> impl Iterator<Item = Rule> + '_ {
        let of_kind = move |kind| Class::iter().map(move |class| self.rule(kind, class));
        Kind::iter().flat_map(of_kind)
    }

    /// Whether the time of a class is over at `now` for an activity: the condition on its row.
    #[must_use]
    pub fn over(&self, class: Class, now: DateTime<Utc>) -> Condition {
        Kind::iter().fold(Condition::any(), |any, kind| {
            let Some(days) = self.rule(kind, class).days else { return any };
            let of_kind = Expr::col((activity::Entity, activity::Column::Kind)).eq(kind);
            any.add(of_kind.and(ended().lt(now - TimeDelta::days(i64::from(days)))))
        })
    }
}

/// The end of an activity's last session; of one that never had any, when it was set up.
#[must_use]
pub fn ended() -> SimpleExpr {
    let column = |it: activity::Column| Expr::col((activity::Entity, it));
    let either = [column(activity::Column::EndsAt), column(activity::Column::CreatedAt)];
    Expr::expr(Func::coalesce(either))
}

/// Says how long a class is kept after an activity of a kind; none for the usual time.
pub async fn set(
    tx: &DatabaseTransaction,
    permit: &Permit<SetRetention>,
    kind: Kind,
    class: Class,
    days: Option<i32>,
    now: DateTime<Utc>,
) -> Result<organisation::Model, Error<SetRetentionErrorCode>> {
    use SetRetentionErrorCode as Code;
    if usual(class).is_none() {
        return Err(Code::ByQuestion.at(["dataClass"]).into());
    }
    let Some(days) = days else {
        retention_rule::Entity::delete_by_id((kind, class)).exec(tx).await?;
        return Ok(permit.on().clone());
    };
    if !(1..=36_500).contains(&days) {
        return Err(Code::DaysOutOfRange.at(["days"]).into());
    }
    let account_id = permit.actor();
    let row = retention_rule::Model { kind, class, days, set_at: now, account_id };
    let again = OnConflict::columns([Column::Kind, Column::Class])
        .update_columns([Column::Days, Column::SetAt, Column::AccountId])
        .to_owned();
    retention_rule::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(again)
        .exec_without_returning(tx)
        .await?;
    Ok(permit.on().clone())
}
