//! Approval step by step (逐级审核): the chamber, the district, the city, as the activity says.
//!
//! A step whose organisation is the one that recommends counts as said, and one that has no organisation above the
//! recommender is left out. Whoever organises the activity may have the say at any step.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    activity::{self, Step},
    decision::{self, Verdict},
    id::{AccountId, DecisionId, OrganisationId, RegistrationId},
    organisation,
    registration::{self, Status},
};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};

use super::{RegistrationErrorCode, desk::Desk};
use crate::{
    authz::{
        Permit,
        policy::{DecideRegistration, ResubmitRegistration},
    },
    db::within,
    error::{Error, Failure, Refusal},
    organisation::line_of,
};

/// Whose say a registration waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub step: Step,
    pub organisation: OrganisationId,
}

/// The first step that a registration has to pass; none where nobody has to approve it.
pub async fn first(
    db: &impl ConnectionTrait,
    activity: &activity::Model,
    recommender: Option<OrganisationId>,
) -> Result<Option<Wait>, Failure> {
    Ok(steps(db, activity, recommender).await?.into_iter().next())
}

/// The steps that a registration has to pass, in their order.
async fn steps(
    db: &impl ConnectionTrait,
    activity: &activity::Model,
    recommender: Option<OrganisationId>,
) -> Result<Vec<Wait>, Failure> {
    if activity.approval.0.is_empty() {
        return Ok(Vec::new());
    }
    let line = line_of(db, recommender.unwrap_or(activity.host_id)).await?;
    let nearest = |wanted: &dyn Fn(&organisation::Model) -> bool| {
        line.iter().rev().find(|it| wanted(it)).map(|it| it.id)
    };
    let of = |step: Step| match (step, recommender) {
        (Step::City, _) => line.first().map(|it| it.id),
        // Whoever comes by nobody's recommendation is looked at by the last step alone.
        (_, None) => None,
        (Step::Chamber, _) => nearest(&|it| it.kind == organisation::Kind::Chamber),
        (Step::District, _) => {
            nearest(&|it| it.kind == organisation::Kind::Federation && it.parent_id.is_some())
        }
    };
    Ok(activity
        .approval
        .0
        .iter()
        .filter_map(|&step| of(step).map(|organisation| Wait { step, organisation }))
        .filter(|it| Some(it.organisation) != recommender)
        .collect())
}

/// Says yes, no, or back at the step that a registration waits at. The last yes takes a seat, or a place on the
/// waiting list.
pub async fn decide(
    tx: &DatabaseTransaction,
    permit: &Permit<DecideRegistration>,
    verdict: Verdict,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<RegistrationErrorCode>> {
    let mut desk = Desk::open(tx, permit.on().activity_id, now).await?;
    let it = desk.locked(permit.on().id).await?;
    if (it.step, it.waits_for_id) != (permit.on().step, permit.on().waits_for_id) {
        // The permit was given for another step than the one it is at now.
        return Err(RegistrationErrorCode::WrongStatus.at(["registrationId"]).into());
    }
    let row = decide_on(&mut desk, it, permit.actor(), verdict, reason).await?;
    Ok(desk.close_with(row).await?)
}

/// The same at an open desk.
pub(super) async fn decide_on(
    desk: &mut Desk<'_>,
    mut it: registration::Model,
    actor: AccountId,
    verdict: Verdict,
    reason: Option<String>,
) -> Result<registration::Model, Error<RegistrationErrorCode>> {
    let (Status::Pending, Some(step)) = (it.status, it.step) else {
        return Err(RegistrationErrorCode::WrongStatus.at(["registrationId"]).into());
    };
    if !desk.is_open() {
        return Err(RegistrationErrorCode::ActivityNotOpen.at(["registrationId"]).into());
    }
    if verdict != Verdict::Approve && reason.is_none() {
        return Err(RegistrationErrorCode::ReasonMissing.at(["reason"]).into());
    }
    let said = decision::Model {
        id: DecisionId::generate(),
        registration_id: it.id,
        step,
        organisation_id: it.waits_for_id,
        account_id: Some(actor),
        verdict,
        reason: reason.clone(),
        at: desk.now,
    };
    match verdict {
        Verdict::Approve => {
            let steps = steps(desk.tx, &desk.activity, it.recommender_id).await?;
            let next = steps.into_iter().skip_while(|it| it.step != step).nth(1);
            match next {
                Some(wait) => desk.ask(&mut it, wait),
                None => desk.seat(&mut it),
            }
        }
        // Without a step it is with who recommended it.
        Verdict::Return => desk.mark(&mut it, Status::Pending, reason),
        Verdict::Decline => desk.turn(&mut it, Status::Declined, reason),
    }
    desk.save(&it).await?;
    let said = decision::ActiveModel::from(said).reset_all();
    decision::Entity::insert(said).exec_without_returning(desk.tx).await?;
    Ok(it)
}

/// Sends what was returned to its first step again.
pub async fn resubmit(
    tx: &DatabaseTransaction,
    permit: &Permit<ResubmitRegistration>,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<RegistrationErrorCode>> {
    let mut desk = Desk::open(tx, permit.on().activity_id, now).await?;
    let mut it = desk.locked(permit.on().id).await?;
    if it.status != Status::Pending || it.step.is_some() {
        return Err(RegistrationErrorCode::WrongStatus.at(["registrationId"]).into());
    }
    if !desk.is_open() {
        return Err(RegistrationErrorCode::ActivityNotOpen.at(["registrationId"]).into());
    }
    match first(tx, &desk.activity, it.recommender_id).await? {
        Some(wait) => desk.ask(&mut it, wait),
        None => desk.seat(&mut it),
    }
    desk.save(&it).await?;
    Ok(desk.close_with(it).await?)
}

/// What was said of some registrations, in the order in which it was.
pub async fn decisions(
    db: &impl ConnectionTrait,
    registrations: impl IntoIterator<Item = RegistrationId>,
) -> Result<HashMap<RegistrationId, Vec<decision::Model>>, Failure> {
    let rows = decision::Entity::find()
        .filter(within((decision::Entity, decision::Column::RegistrationId), registrations))
        .order_by_asc(decision::Column::Id)
        .all(db)
        .await?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        found.entry(row.registration_id).or_default().push(row);
    }
    Ok(found)
}
