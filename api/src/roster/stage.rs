//! Reading an uploaded list for review. Nobody is registered by it.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    id::{ActivityId, PersonId, RosterBatchId},
    person, registration,
    registration::Status,
    roster_batch::{self, Profile},
    roster_row::{self, Outcome},
    upload,
};
use roster::{Options, Report};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};
use serde_json::json;

use super::{listed::Listed, sealed};
use crate::{
    app::App,
    authz::{Permit, policy::StageRoster},
    db::{among, many},
    error::{Error, Failure, Lang, Refusal},
    person::{Entry, recognise},
    roster::StageRosterErrorCode,
    vault::{Place, Vault},
};

/// Reads the file off the threads that serve; one at a time, because a list takes memory.
pub async fn read(
    app: &App,
    upload: upload::Model,
    profile: Profile,
    event_date: NaiveDate,
    lang: Lang,
) -> Result<Report, Error<StageRosterErrorCode>> {
    let _turn = app.reading.acquire().await.map_err(Failure::internal)?;
    let task = move || {
        let options = Options::new(own_profile(profile), event_date);
        roster::read(&upload.content, &upload.file_name, &options)
    };
    let read = tokio::task::spawn_blocking(task).await.map_err(Failure::internal)?;
    read.map_err(|why| {
        let lang = match lang {
            Lang::Zh => roster::Lang::Zh,
            Lang::En => roster::Lang::En,
        };
        StageRosterErrorCode::Unreadable.at(["uploadId"]).about(why.message(lang)).into()
    })
}

/// The profile as the reader calls it.
#[must_use]
pub fn own_profile(profile: Profile) -> roster::Profile {
    match profile {
        Profile::Event => roster::Profile::Event,
        Profile::Class => roster::Profile::Class,
        Profile::Form => roster::Profile::Form,
    }
}

/// Keeps what was read, with what each row would do as things stand.
pub async fn stage(
    tx: &DatabaseTransaction,
    permit: &Permit<StageRoster>,
    vault: &Arc<Vault>,
    report: &Report,
    profile: Profile,
    now: DateTime<Utc>,
) -> Result<roster_batch::Model, Error<StageRosterErrorCode>> {
    let activity = permit.on().id;
    let listed: Vec<Listed> = report.kept().map(|row| Listed::from(&row.record)).collect();
    let id = RosterBatchId::generate();
    let outcomes = foresee(tx, activity, vault, &listed).await?;
    let batch = roster_batch::Model {
        id,
        activity_id: activity,
        account_id: permit.actor(),
        file_name: report.file.clone(),
        sheet: match &report.source {
            roster::Source::Workbook { sheet, .. } => Some(sheet.clone()),
            roster::Source::Text { .. } => None,
        },
        profile,
        event_date: report.event_date,
        status: roster_batch::Status::Staged,
        report: json!({
            "counts": report.counts(),
            "unmappedColumns": report.unmapped_columns,
            "source": report.source,
            "skipped": report.skipped,
            "headerRows": report.header_rows,
        }),
        registered: 0,
        waitlisted: 0,
        declined: 0,
        updated: 0,
        unchanged: 0,
        created_at: now,
        committed_at: None,
    };
    roster_batch::Entity::insert(roster_batch::ActiveModel::from(batch.clone()).reset_all())
        .exec_without_returning(tx)
        .await?;

    let numbers: Vec<u32> = report.kept().map(|row| row.number).collect();
    let mut kept = listed.iter().zip(outcomes);
    for chunk in report.rows.chunks(many::ROWS) {
        let mut rows = Vec::with_capacity(chunk.len());
        for row in chunk {
            let (outcome, record, merged_into) = match &row.outcome {
                roster::Outcome::Kept { .. } => {
                    let (listed, (outcome, same_as)) =
                        kept.next().ok_or_else(|| Failure::internal("a kept row too many"))?;
                    let place = sealed::place(id, number(row.number)?);
                    let record = listed.sealed(vault, &place)?;
                    let record = serde_json::to_value(record).map_err(Failure::internal)?;
                    let merged_into = same_as.map(|first| number(numbers[first])).transpose()?;
                    (outcome, Some(record), merged_into)
                }
                roster::Outcome::Merged { into } => (Outcome::Merged, None, Some(number(*into)?)),
                roster::Outcome::Rejected => (Outcome::Rejected, None, None),
            };
            rows.push(roster_row::Model {
                batch_id: batch.id,
                row: number(row.number)?,
                outcome,
                codes: json!(row.codes),
                name: row.record.name.clone(),
                phone: row.record.phone.clone(),
                organisation: row.record.org.clone(),
                title: row.record.title.clone(),
                record,
                merged_into,
                registration_id: None,
                undo: None,
            });
        }
        many::insert::<roster_row::Entity>(tx, &rows).await?;
    }
    Ok(batch)
}

fn number(row: u32) -> Result<i32, Failure> {
    i32::try_from(row).map_err(Failure::internal)
}

/// What each row would do as things stand. Rows that are about one person on record, though the list cannot tell, are
/// one: the later ones are merged into the first, whose place among the rows goes with them.
async fn foresee(
    db: &impl ConnectionTrait,
    activity: ActivityId,
    vault: &Arc<Vault>,
    listed: &[Listed],
) -> Result<Vec<(Outcome, Option<usize>)>, Failure> {
    let nowhere = Place::of("roster_row.record", "");
    let entries = listed.iter().map(|it| it.entry(vault, &nowhere));
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
    let people = recognise(db, &entries).await?;
    let known: Vec<&person::Model> = people.iter().flatten().collect();
    let standing = standing(db, activity, &known).await?;
    let mut first: HashMap<PersonId, usize> = HashMap::new();
    let outcome =
        |(at, ((listed, entry), person)): (usize, ((&Listed, &Entry), &Option<person::Model>))| {
            let Some(person) = person else { return (Outcome::New, None) };
            let first = *first.entry(person.id).or_insert(at);
            if first != at {
                return (Outcome::Merged, Some(first));
            }
            let outcome = match standing.get(&person.id) {
                None => Outcome::New,
                Some(it) if listed.changes(it).is_empty() && !entry.adds_to(person) => {
                    Outcome::Unchanged
                }
                Some(_) => Outcome::Updates,
            };
            (outcome, None)
        };
    Ok(listed.iter().zip(&entries).zip(&people).enumerate().map(outcome).collect())
}

/// The registration that each person has on an activity: the live one, or else the latest that was declined.
/// What was cancelled or has lapsed does not count: whoever is listed again is registered anew.
pub async fn standing(
    db: &impl ConnectionTrait,
    activity: ActivityId,
    people: &[&person::Model],
) -> Result<HashMap<PersonId, registration::Model>, Failure> {
    let mut found: HashMap<_, registration::Model> = HashMap::new();
    let statuses = Status::LIVE.into_iter().chain([Status::Declined]);
    for chunk in people.chunks(many::ROWS) {
        let rows = registration::Entity::find()
            .filter(registration::Column::ActivityId.eq(activity))
            .filter(among(
                db,
                (registration::Entity, registration::Column::PersonId),
                chunk.iter().map(|it| it.id),
            ))
            .filter(registration::Column::Status.is_in(statuses.clone()))
            .all(db)
            .await?;
        for row in rows {
            let rank = |it: &registration::Model| (it.status.is_live(), it.id);
            match found.get(&row.person_id) {
                Some(there) if rank(&row) <= rank(there) => {}
                _ => {
                    found.insert(row.person_id, row);
                }
            }
        }
    }
    Ok(found)
}
