//! Certificates (结业证书): numbered without gaps, never twice, and verified by anybody at a public address.

pub mod face;
pub mod forget;
pub mod graphql;
pub mod pattern;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    activity, certificate, certificate_counter, certificate_face,
    id::{AccountId, ActivityId, CertificateId, Id, PersonId, RegistrationId},
    person, registration,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    authn,
    authz::{
        Permit,
        policy::{IssueCertificates, ListCertificates, ReissueCertificate, RevokeCertificate},
    },
    credit::{self, class::Class, completion, rule::Standing},
    db::{CHUNK, is_duplicate, within},
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    refusals,
    write::Outcome,
};

refusals! {
    /// Why certificates were not issued.
    IssueCertificatesErrorCode, IssueCertificatesUserError {
        /// The activity has no such confirmed registration.
        NotThere = "活动没有这条已确认的报名", "the activity has no such confirmed registration";
        /// Somebody has not completed the class.
        NotCompleted = "“{}”未达到结业条件", "“{}” has not completed the class";
        /// The pattern needs the number of a run, and the activity is no run of a series.
        RunMissing = "编号规则含期次，但活动不属于任何班次", "the pattern needs a run, and the activity is none";
        /// By another pattern the same number was given out already.
        NumberTaken = "编号与已发证书重复，请修改编号规则", "such a number was given out by another pattern; change the pattern";
        /// More than 1,000 are named at once.
        TooMany = "一次最多{}项", "at most {} at once";
    }
}

refusals! {
    /// Why a certificate was not revoked or issued anew.
    CertificateErrorCode, CertificateUserError {
        /// A reason is needed.
        ReasonMissing = "请填写原因", "give a reason";
        /// The name is missing.
        NameMissing = "姓名不能为空", "the name is missing";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// It was revoked.
        Revoked = "证书已作废", "the certificate was revoked";
    }
}

/// The most that are named at once.
pub const MOST_NAMED: usize = 1000;

/// What came of issuing.
#[derive(Serialize, Deserialize)]
pub struct Issued {
    pub activity: activity::Model,
    /// How many are new.
    pub count: i32,
}

impl Outcome for Issued {
    fn thing(&self) -> (&'static str, Uuid) {
        (ActivityId::PREFIX, self.activity.id.uuid())
    }
}

/// Issues certificates for all who completed an activity, or for those that are named.
pub async fn issue(
    tx: &DatabaseTransaction,
    permit: &Permit<IssueCertificates>,
    named: Option<&[RegistrationId]>,
    now: DateTime<Utc>,
) -> Result<Issued, Error<IssueCertificatesErrorCode>> {
    issue_on(tx, permit.on().id, permit.actor(), named, now).await
}

/// The same without a permit, for what makes a class of the past.
///
/// Whoever has a valid certificate keeps it and gets no other. Whoever had one revoked gets another, under another number,
/// only by being named. The activity is locked, so that nothing changes who completed it, and then the counter, so that
/// numbers have no gaps: they are given out in the transaction that keeps the certificates, or not at all.
pub async fn issue_on(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    by: AccountId,
    named: Option<&[RegistrationId]>,
    now: DateTime<Utc>,
) -> Result<Issued, Error<IssueCertificatesErrorCode>> {
    let locked = activity::Entity::find_by_id(activity).lock_exclusive().one(tx).await?;
    let activity = locked.ok_or(Failure::NotFound)?;
    let judged = completion::of_activity(tx, activity.id).await?;
    if let Some(named) = named {
        refuse_unfit(tx, named, &judged).await?;
    }
    let mut had: HashMap<RegistrationId, bool> = HashMap::new();
    for it in of_activity(tx, activity.id).await? {
        *had.entry(it.registration_id).or_default() |= it.revoked_at.is_none();
    }
    let named: Option<HashSet<RegistrationId>> = named.map(|ids| ids.iter().copied().collect());
    let gets_one = |row: &registration::Model| match (&named, had.get(&row.id)) {
        (_, Some(true)) => false,
        (Some(named), _) => named.contains(&row.id),
        (None, had) => had.is_none(),
    };
    let mut rows: Vec<registration::Model> = judged
        .into_iter()
        .filter(|(row, it)| it.standing == Standing::Completed && gets_one(row))
        .map(|it| it.0)
        .collect();
    if rows.is_empty() {
        return Ok(Issued { activity, count: 0 });
    }
    // In the order of the list, as they are called up.
    rows.sort_by_key(|it| (it.list_key, it.list_row, it.id));
    let count = give(tx, &activity, &rows, by, now).await?;
    Ok(Issued { activity, count })
}

/// Gives a certificate to each of some registrations of an activity, which is locked, in their order; how many those are.
async fn give(
    tx: &DatabaseTransaction,
    activity: &activity::Model,
    rows: &[registration::Model],
    by: AccountId,
    now: DateTime<Utc>,
) -> Result<i32, Error<IssueCertificatesErrorCode>> {
    use IssueCertificatesErrorCode as Code;
    let numbering = pattern::nearest(tx, activity).await?;
    let class = Class::of(tx, activity.id).await?;
    let today = class.day_of(now);
    let year = chrono::Datelike::year(&today);
    let stem = pattern::stem(&numbering.pattern, year, numbering.run)?;
    let stem = stem.ok_or_else(|| Code::RunMissing.at(["activityId"]))?;
    let names = names(tx, rows.iter().map(|it| it.person_id)).await?;
    let hours = credit::totals(tx, rows.iter().map(|it| it.id)).await?;

    let count = i32::try_from(rows.len()).map_err(Failure::internal)?;
    let before = count_on(tx, &stem, count).await?;
    let mut certificates = Vec::with_capacity(rows.len());
    let mut faces = Vec::with_capacity(rows.len());
    for (row, seq) in rows.iter().zip(before + 1..) {
        let it = certificate::Model {
            id: CertificateId::generate(),
            registration_id: row.id,
            activity_id: activity.id,
            number: pattern::number(&stem, seq)?,
            stem: stem.clone(),
            seq,
            version: 1,
            account_id: by,
            issued_at: now,
            revoked_at: None,
            revoked_by: None,
            revoke_reason: None,
        };
        faces.push(certificate_face::Model {
            certificate_id: it.id,
            version: 1,
            token: authn::certificate_token()?,
            name: names.get(&row.person_id).cloned().unwrap_or_default(),
            title: activity.title.clone(),
            run: numbering.run,
            issuer: numbering.issuer.clone(),
            starts_on: activity.starts_at.map(|at| class.day_of(at)),
            ends_on: activity.ends_at.map(|at| class.day_of(at)),
            centihours: hours.get(&row.id).copied().unwrap_or_default(),
            issued_on: today,
            reason: None,
            account_id: by,
            made_at: now,
        });
        certificates.push(it);
    }
    for chunk in certificates.chunks(CHUNK) {
        let rows = chunk.iter().map(|it| certificate::ActiveModel::from(it.clone()).reset_all());
        let kept = certificate::Entity::insert_many(rows).exec_without_returning(tx).await;
        if let Err(error) = kept {
            let taken = is_duplicate(&error);
            return Err(if taken {
                Code::NumberTaken.at(["activityId"]).into()
            } else {
                error.into()
            });
        }
    }
    for chunk in faces.chunks(CHUNK) {
        let rows =
            chunk.iter().map(|it| certificate_face::ActiveModel::from(it.clone()).reset_all());
        certificate_face::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(count)
}

/// Refuses where somebody who is named is not there or has not completed.
async fn refuse_unfit(
    tx: &impl ConnectionTrait,
    named: &[RegistrationId],
    judged: &[(registration::Model, credit::rule::Completion)],
) -> Result<(), Error<IssueCertificatesErrorCode>> {
    use IssueCertificatesErrorCode as Code;
    let known: HashMap<RegistrationId, _> = judged.iter().map(|it| (it.0.id, it)).collect();
    let people = names(tx, judged.iter().map(|it| it.0.person_id)).await?;
    let mut refused = Vec::new();
    for (at, id) in named.iter().enumerate() {
        let path = ["registrationIds".to_owned(), at.to_string()];
        match known.get(id) {
            None => refused.push(Code::NotThere.at(path)),
            Some((row, it)) if it.standing != Standing::Completed => {
                let name = people.get(&row.person_id).map(String::as_str).unwrap_or_default();
                refused.push(Code::NotCompleted.at(path).about(name));
            }
            Some(_) => {}
        }
    }
    crate::error::refuse_if_any(refused)
}

async fn names(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = PersonId>,
) -> Result<HashMap<PersonId, String>, Failure> {
    let ids: Vec<PersonId> = ids.collect();
    let mut names = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let rows = person::Entity::find()
            .filter(within((person::Entity, person::Column::Id), chunk.iter().copied()))
            .all(db)
            .await?;
        names.extend(rows.into_iter().map(|it| (it.id, it.name)));
    }
    Ok(names)
}

/// Takes the next numbers of a series, which stays locked; the last one that was taken before.
async fn count_on(tx: &DatabaseTransaction, stem: &str, count: i32) -> Result<i32, Failure> {
    use certificate_counter::{ActiveModel, Column, Entity};
    let first = ActiveModel { stem: Set(stem.to_owned()), last: Set(0) };
    Entity::insert(first)
        .on_conflict(OnConflict::column(Column::Stem).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let row = Entity::find_by_id(stem).lock_exclusive().one(tx).await?;
    let row = row.ok_or_else(|| Failure::internal("a counter vanished"))?;
    let before = row.last;
    let mut row: ActiveModel = row.into();
    row.last = Set(before + count);
    row.update(tx).await?;
    Ok(before)
}

async fn locked(
    tx: &DatabaseTransaction,
    id: CertificateId,
) -> Result<certificate::Model, Failure> {
    certificate::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Failure::NotFound)
}

/// Revokes a certificate for a reason. Its number is never given out again.
pub async fn revoke(
    tx: &DatabaseTransaction,
    permit: &Permit<RevokeCertificate>,
    reason: String,
    now: DateTime<Utc>,
) -> Result<certificate::Model, Error<CertificateErrorCode>> {
    let row = locked(tx, permit.on().id).await?;
    if row.revoked_at.is_some() {
        return Err(CertificateErrorCode::Revoked.at(["certificateId"]).into());
    }
    let mut row: certificate::ActiveModel = row.into();
    row.revoked_at = Set(Some(now));
    row.revoked_by = Set(Some(permit.actor()));
    row.revoke_reason = Set(Some(reason));
    Ok(row.update(tx).await?)
}

/// Issues a certificate anew under its number, as a further version: with another name if one is given, and with what is on
/// record now. The version before stays on record, and its address says that it was replaced.
pub async fn reissue(
    tx: &DatabaseTransaction,
    permit: &Permit<ReissueCertificate>,
    name: Option<String>,
    reason: String,
    now: DateTime<Utc>,
) -> Result<certificate::Model, Error<CertificateErrorCode>> {
    let row = locked(tx, permit.on().id).await?;
    if row.revoked_at.is_some() {
        return Err(CertificateErrorCode::Revoked.at(["certificateId"]).into());
    }
    let last = face::face_of(tx, &row).await?;
    let class = Class::of(tx, row.activity_id).await?;
    let name = match name {
        Some(name) => name,
        None => {
            let holder = crate::registration::by_id(tx, row.registration_id).await?.person_id;
            names(tx, std::iter::once(holder)).await?.remove(&holder).unwrap_or(last.name)
        }
    };
    let hours = credit::totals(tx, [row.registration_id]).await?;
    let numbering = pattern::nearest(tx, &class.activity).await?;
    let anew = certificate_face::Model {
        certificate_id: row.id,
        version: row.version + 1,
        token: authn::certificate_token()?,
        name,
        title: class.activity.title.clone(),
        run: numbering.run,
        issuer: numbering.issuer,
        starts_on: class.activity.starts_at.map(|at| class.day_of(at)),
        ends_on: class.activity.ends_at.map(|at| class.day_of(at)),
        centihours: hours.get(&row.registration_id).copied().unwrap_or_default(),
        issued_on: class.day_of(now),
        reason: Some(reason),
        account_id: permit.actor(),
        made_at: now,
    };
    certificate_face::Entity::insert(certificate_face::ActiveModel::from(anew.clone()).reset_all())
        .exec_without_returning(tx)
        .await?;
    let mut row: certificate::ActiveModel = row.into();
    row.version = Set(anew.version);
    Ok(row.update(tx).await?)
}

/// The certificates of an activity, in the order of their numbers.
async fn of_activity(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<certificate::Model>, Failure> {
    Ok(certificate::Entity::find()
        .filter(certificate::Column::ActivityId.eq(activity))
        .order_by_asc(certificate::Column::Stem)
        .order_by_asc(certificate::Column::Seq)
        .all(db)
        .await?)
}

/// The certificates of the permit's activity, in the order in which they were issued.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<ListCertificates>,
    slice: Slice<CertificateId>,
) -> Result<Page<certificate::Model>, Failure> {
    let rows = certificate::Entity::find()
        .filter(certificate::Column::ActivityId.eq(permit.on().id))
        .cursor_by(certificate::Column::Id);
    slice.of(rows, db).await
}

/// The certificate of each of some registrations that has one: the valid one, or else the last that was revoked.
pub async fn of_registrations(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = RegistrationId>,
) -> Result<HashMap<RegistrationId, certificate::Model>, Failure> {
    let rows = certificate::Entity::find()
        .filter(within((certificate::Entity, certificate::Column::RegistrationId), ids))
        .order_by_asc(certificate::Column::Id)
        .all(db)
        .await?;
    // The valid one, if there is any, is the last.
    Ok(rows.into_iter().map(|it| (it.registration_id, it)).collect())
}
