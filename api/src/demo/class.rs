//! What makes an activity a class: its number in a series, who teaches, groups, leave.

use std::collections::HashSet;

use chrono::TimeDelta;
use entity::{
    activity, attendance,
    class::{self, CoHosts},
    id::{OrganisationId, RegistrationId},
    leave::Kind,
    registration::{self, Status},
    series, session,
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};

use super::{
    calendar::{at, day, today},
    chance::Chance,
    held::odd,
    people::Everyone,
};
use crate::{
    class::{
        self as classes, SeriesDraft,
        divide::{self, Division},
        trainer::{self, Draft},
    },
    error::Failure,
    leave::{self, Verdict, span::HalfDay},
    session as sessions,
};

/// A group has about so many.
const GROUP: usize = 12;

/// The series of the academy, in the order of their titles.
pub(super) async fn series(
    tx: &DatabaseTransaction,
    owner: OrganisationId,
    titles: &[&str],
) -> Result<Vec<series::Model>, Failure> {
    let begun = at(day(1, 8), 9, 30);
    let mut made = Vec::with_capacity(titles.len());
    for (title, nth) in titles.iter().zip(1..) {
        let code = Some(format!("XY{nth:02}"));
        let draft = SeriesDraft { title: (*title).to_owned(), code, ladder: None };
        made.push(classes::insert_series(tx, owner, draft, begun).await.map_err(odd)?);
    }
    Ok(made)
}

/// Which run of which series a class is.
pub(super) struct Run<'a> {
    pub(super) series: &'a series::Model,
    pub(super) number: usize,
}

/// Numbers a class, says who looks after it and who teaches, and divides it into groups.
pub(super) async fn equip(
    tx: &DatabaseTransaction,
    chance: &mut Chance,
    everyone: &Everyone,
    class: &activity::Model,
    run: Run<'_>,
) -> Result<(), Failure> {
    let members = Everyone::members();
    let somebody = |chance: &mut Chance| everyone.all[*chance.one_of(&members)].id;
    let row = class::Model {
        activity_id: class.id,
        series_id: Some(run.series.id),
        run_number: i32::try_from(run.number).ok(),
        teacher_id: Some(somebody(chance)),
        co_hosts: CoHosts::default(),
        teacher_half_days: None,
        academic_half_days: None,
    };
    classes::keep(tx, row).await?;
    for it in sessions::schedule(tx, class.id).await? {
        let role = Some("主讲".to_owned());
        let taught = Draft { person: somebody(chance), topic: Some(it.title.clone()), role };
        trainer::keep(tx, it.id, vec![taught]).await?;
    }
    divide::divide_into(tx, class, Division::BySize(GROUP), false).await.map_err(odd)
}

/// Some of those who did not come had asked for leave, which was granted; where the class is still to come, some ask.
pub(super) async fn excuse(
    tx: &DatabaseTransaction,
    chance: &mut Chance,
    class: &activity::Model,
    trainees: &[registration::Model],
) -> Result<(), Failure> {
    let zone = leave::zone_of(class)?;
    for session in sessions::schedule(tx, class.id).await? {
        let is_over = session.ends_at <= today();
        let came = if is_over { came_to(tx, &session).await? } else { HashSet::new() };
        let mut away: Vec<&registration::Model> = trainees
            .iter()
            .filter(|it| it.status == Status::Confirmed && !came.contains(&it.id))
            .collect();
        chance.shuffle(&mut away);
        for it in away.into_iter().take(if is_over { 2 } else { 1 }) {
            let half = HalfDay::of(session.starts_at, zone);
            let (kind, reason) = *chance.one_of(&[
                (Kind::Official, "参加市里会议"),
                (Kind::Sick, "感冒发烧"),
                (Kind::Personal, "外地客户来访"),
            ]);
            let draft = leave::Draft { kind, from: half, until: half, reason: reason.to_owned() };
            let asked_at = session.starts_at.min(today()) - TimeDelta::hours(20);
            let asked = leave::ask_for(tx, it, None, false, draft, asked_at).await.map_err(odd)?;
            if is_over {
                let now = asked_at + TimeDelta::hours(2);
                let yes = Verdict::Approve;
                leave::decide_on(tx, it, asked, None, yes, None, now).await.map_err(odd)?;
            }
        }
    }
    Ok(())
}

async fn came_to(
    tx: &DatabaseTransaction,
    session: &session::Model,
) -> Result<HashSet<RegistrationId>, Failure> {
    let came: Vec<RegistrationId> = attendance::Entity::find()
        .select_only()
        .column(attendance::Column::RegistrationId)
        .filter(attendance::Column::SessionId.eq(session.id))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(came.into_iter().collect())
}
