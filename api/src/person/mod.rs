//! People, their positions, and how the same one is known again.
//!
//! A phone is no identity: namesakes and shared phones are never merged by themselves. Two records are one person
//! when both have an ID number and it is equal, or else when name and phone are equal (the import specification, §4).

pub mod sealed;

pub mod fill;
pub mod find;
pub mod forget;
pub mod graphql;
pub mod history;
pub mod name;
pub mod rename;

pub use self::fill::fill;

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    id::{OrganisationId, PersonId, PositionId},
    organisation,
    person::{self, Column, Gender},
    person_term, position,
};
use name::Namer;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
    sea_query::{LockBehavior, LockType},
};

use crate::{
    authz::{
        Permit,
        policy::{CreatePerson, CreatePosition, EndPosition, UpdatePerson},
    },
    db::{CHUNK, many},
    error::{Error, Failure, Refusal},
    refusals,
    vault::IdNumber,
};

refusals! {
    /// Why a person's record was not made or changed.
    PersonErrorCode, PersonUserError {
        /// The name is missing.
        NameMissing = "姓名不能为空", "the name is missing";
        /// The name is a placeholder, such as 测试.
        NameIsTest = "“{}”不像是姓名", "“{}” is no name";
        /// The phone is missing.
        PhoneMissing = "电话不能为空", "the phone is missing";
        /// The phone is not a number that can be called.
        PhoneInvalid = "“{}”不是有效的电话号码", "“{}” is not a valid phone number";
        /// The mail address is none.
        EmailInvalid = "“{}”不是有效的邮箱地址", "“{}” is not a mail address";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// There is a record of this name and phone already.
        AlreadyKept = "已有姓名和电话相同的人员", "a person of this name and phone is on record already";
    }
}

refusals! {
    /// Why a position was not recorded or ended.
    PositionErrorCode, PositionUserError {
        /// The title is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The last day is before the first.
        EndsBeforeStart = "结束日期早于开始日期", "the last day is before the first";
    }
}

/// What is known of a person from one entry of a list or a form.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub name: String,
    pub phone: String,
    pub email: Option<String>,
    pub id_no: Option<IdNumber>,
    pub gender: Option<Gender>,
    pub birth: Option<String>,
    pub ethnicity: Option<String>,
    pub political: Option<String>,
}

impl Entry {
    /// Whether the entry is about this person, whose ID number has the mark.
    #[must_use]
    pub fn is(&self, person: &person::Model, mark: Option<&[u8]>) -> bool {
        match (self.mark(), mark) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => self.name == person.name && person.phone.as_deref() == Some(self.phone.as_str()),
        }
    }

    fn mark(&self) -> Option<&[u8]> {
        self.id_no.as_ref().map(IdNumber::mark)
    }

    /// Whether the entry says something that the record does not have yet.
    #[must_use]
    pub fn adds_to(&self, person: &person::Model) -> bool {
        (person.id_no.is_none() && self.id_no.is_some())
            || (person.email.is_none() && self.email.is_some())
            || (person.gender.is_none() && self.gender.is_some())
            || (person.birth.is_none() && self.birth.is_some())
            || (person.ethnicity.is_none() && self.ethnicity.is_some())
            || (person.political.is_none() && self.political.is_some())
    }
}

/// The person that each entry is about, where there is one on record.
pub async fn recognise(
    db: &impl ConnectionTrait,
    entries: &[Entry],
) -> Result<Vec<Option<person::Model>>, Failure> {
    among(db, entries, |query| query).await
}

/// The same, for whoever goes on to refer to these people: they stay on record until the transaction ends.
async fn recognise_and_hold(
    tx: &DatabaseTransaction,
    entries: &[Entry],
) -> Result<Vec<Option<person::Model>>, Failure> {
    among(tx, entries, |query| query.lock(LockType::KeyShare)).await
}

async fn among(
    db: &impl ConnectionTrait,
    entries: &[Entry],
    held: impl Fn(Select<person::Entity>) -> Select<person::Entity>,
) -> Result<Vec<Option<person::Model>>, Failure> {
    let mut found = Vec::with_capacity(entries.len());
    // The ID numbers that entries bring to people who had none: from then on it tells them from namesakes.
    let mut brought: HashMap<PersonId, &[u8]> = HashMap::new();
    for chunk in entries.chunks(many::ROWS) {
        let phones = chunk.iter().map(|it| it.phone.as_str());
        let by_phone = person::Entity::find()
            .filter(crate::db::among(db, (person::Entity, Column::Phone), phones))
            .order_by_asc(Column::Id);
        let mut known = held(by_phone).all(db).await?;
        let marks: Vec<Vec<u8>> = chunk.iter().filter_map(Entry::mark).map(Vec::from).collect();
        if !marks.is_empty() {
            let by_id = person::Entity::find()
                .filter(crate::db::among(db, (person::Entity, Column::IdMark), marks))
                .order_by_asc(Column::Id);
            // First, because an equal ID number settles it.
            known.splice(0..0, held(by_id).all(db).await?);
        }
        let mut index: HashMap<&[u8], Vec<&person::Model>> = HashMap::new();
        for person in &known {
            let phone = person.phone.as_deref().map(str::as_bytes);
            for key in [person.id_mark.as_deref(), phone].into_iter().flatten() {
                index.entry(key).or_default().push(person);
            }
        }
        found.extend(chunk.iter().map(|entry| {
            let by_id = entry.mark().and_then(|it| index.get(it));
            let by_phone = index.get(entry.phone.as_bytes());
            let mut candidates = by_id.into_iter().chain(by_phone).flatten();
            let person = candidates
                .find(|it| entry.is(it, it.id_mark.as_deref().or(brought.get(&it.id).copied())))?;
            if let (None, Some(mark)) = (&person.id_mark, entry.mark()) {
                brought.insert(person.id, mark);
            }
            Some((*person).clone())
        }));
    }
    Ok(found)
}

/// The person that each entry is about, made where there is none; in the order of the entries, with whether it was made.
///
/// A rival that makes the same person first is waited for, and its record used: the unique index on name and phone
/// tells.
pub async fn recognise_or_make(
    tx: &DatabaseTransaction,
    namer: &Namer,
    home: OrganisationId,
    entries: &[Entry],
    now: DateTime<Utc>,
) -> Result<Vec<(person::Model, bool)>, Failure> {
    let mut found = recognise_and_hold(tx, entries).await?;
    let mut made = vec![false; entries.len()];
    let mut missing: Vec<usize> = (0..entries.len()).filter(|&at| found[at].is_none()).collect();
    // In one order for all, so that two lists with the same new people wait for one another and never cross.
    missing.sort_by_key(|&at| (&entries[at].phone, &entries[at].name));
    for chunk in missing.chunks(many::ROWS) {
        let (mut drafts, mut keys) = (Vec::with_capacity(chunk.len()), Vec::new());
        for &at in chunk {
            let (row, of_row) = draft(namer, home, &entries[at], now)?;
            drafts.push(row);
            keys.push(of_row);
        }
        let all_mine =
            many::insert_absent::<person::Entity>(tx, &drafts).await? == chunk.len() as u64;
        let there = if all_mine {
            Vec::new()
        } else {
            let again: Vec<Entry> = chunk.iter().map(|&at| entries[at].clone()).collect();
            recognise_and_hold(tx, &again).await?
        };
        let mut terms = Vec::new();
        for (nth, (row, keys)) in drafts.into_iter().zip(keys).enumerate() {
            let at = chunk[nth];
            let mine = row.id;
            let stored = if all_mine {
                row
            } else {
                there[nth].clone().ok_or(Failure::Conflict(
                    "人员资料刚被更改，请重试",
                    "the person's record was just changed; try again",
                ))?
            };
            made[at] = stored.id == mine;
            if made[at] {
                terms.extend(terms_of(mine, keys));
            }
            found[at] = Some(stored);
        }
        // By neighbours: the index is gone through once. Nobody made just now has any.
        terms.sort_unstable_by(|one, other| one.term.cmp(&other.term));
        many::insert::<person_term::Entity>(tx, &terms).await?;
    }
    found
        .into_iter()
        .zip(made)
        .map(|(person, made)| {
            person.map(|it| (it, made)).ok_or_else(|| Failure::internal("a person was not made"))
        })
        .collect()
}

/// Makes the record of one person. Refused where one of the same name and phone is there.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreatePerson>,
    namer: &Namer,
    entry: Entry,
    now: DateTime<Utc>,
) -> Result<person::Model, Error<PersonErrorCode>> {
    let made = recognise_or_make(tx, namer, permit.on().id, &[entry], now).await?;
    match made.into_iter().next() {
        Some((person, true)) => Ok(person),
        _ => Err(PersonErrorCode::AlreadyKept.at(["name"]).into()),
    }
}

/// Corrects a record: what is given is changed. An empty mail address takes the one on record away.
pub async fn update(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdatePerson>,
    namer: &Namer,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
) -> Result<person::Model, Error<PersonErrorCode>> {
    let mut row: person::ActiveModel = permit.on().clone().into();
    let mut keys = None;
    if let Some(name) = name {
        let reading = namer.read(&name);
        keys = Some(reading.keys);
        row.pinyin = Set(reading.pinyin);
        row.pinyin_key = Set(reading.pinyin_key);
        row.stroke_key = Set(reading.stroke_key);
        row.name = Set(name);
    }
    if let Some(phone) = phone {
        row.phone = Set(Some(phone));
    }
    if let Some(email) = email {
        row.email = Set(Some(email).filter(|it| !it.is_empty()));
    }
    let done = match row.update(tx).await {
        Err(error) if crate::db::is_duplicate(&error) => {
            return Err(PersonErrorCode::AlreadyKept.at(["name"]).into());
        }
        done => done?,
    };
    if let Some(keys) = keys {
        change_terms(tx, done.id, keys).await?;
    }
    Ok(done)
}

/// Records a title that a person has in the permit's organisation.
pub async fn take_position(
    tx: &DatabaseTransaction,
    permit: &Permit<CreatePosition>,
    person: &person::Model,
    title: String,
    from_on: Option<NaiveDate>,
    until_on: Option<NaiveDate>,
) -> Result<position::Model, Error<PositionErrorCode>> {
    if from_on.zip(until_on).is_some_and(|(from, until)| until < from) {
        return Err(PositionErrorCode::EndsBeforeStart.at(["untilOn"]).into());
    }
    let row = position::ActiveModel {
        id: Set(PositionId::generate()),
        person_id: Set(person.id),
        organisation_id: Set(permit.on().id),
        title: Set(title),
        from_on: Set(from_on),
        until_on: Set(until_on),
    };
    Ok(row.insert(tx).await?)
}

/// Keeps positions of many people. For the command line, which asks nobody.
pub async fn insert_positions(
    tx: &DatabaseTransaction,
    rows: Vec<position::Model>,
) -> Result<(), Failure> {
    Ok(many::insert::<position::Entity>(tx, &rows).await?)
}

/// Says which day was a position's last.
pub async fn end_position(
    tx: &DatabaseTransaction,
    permit: &Permit<EndPosition>,
    until_on: NaiveDate,
) -> Result<position::Model, Error<PositionErrorCode>> {
    if permit.on().from_on.is_some_and(|from| until_on < from) {
        return Err(PositionErrorCode::EndsBeforeStart.at(["untilOn"]).into());
    }
    let mut row: position::ActiveModel = permit.on().clone().into();
    row.until_on = Set(Some(until_on));
    Ok(row.update(tx).await?)
}

/// The positions of some people, with their organisations, in the order in which they were recorded.
pub async fn positions(
    db: &impl ConnectionTrait,
    people: impl IntoIterator<Item = PersonId>,
) -> Result<HashMap<PersonId, Vec<(position::Model, organisation::Model)>>, Failure> {
    let rows = position::Entity::find()
        .filter(crate::db::within((position::Entity, position::Column::PersonId), people))
        .find_also_related(organisation::Entity)
        .order_by_asc(position::Column::Id)
        .all(db)
        .await?;
    let mut positions: HashMap<PersonId, Vec<_>> = HashMap::new();
    for (row, organisation) in rows {
        if let Some(organisation) = organisation {
            positions.entry(row.person_id).or_default().push((row, organisation));
        }
    }
    Ok(positions)
}

/// Those of some people whom no rival is about to refer to, locked so that none will until the transaction ends. The
/// others are passed over: to wait for them could be for ever.
pub async fn claim(
    tx: &DatabaseTransaction,
    people: &[PersonId],
) -> Result<Vec<PersonId>, Failure> {
    let mut mine = Vec::with_capacity(people.len());
    for chunk in people.chunks(CHUNK) {
        let free = person::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(crate::db::within((person::Entity, Column::Id), chunk.iter().copied()))
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .into_tuple::<PersonId>();
        mine.extend(free.all(tx).await?);
    }
    Ok(mine)
}

/// Takes away the records of people who are on no list any more. For the undo of what made them.
pub async fn forget(tx: &DatabaseTransaction, people: &[PersonId]) -> Result<(), Failure> {
    for chunk in people.chunks(CHUNK) {
        person::Entity::delete_many()
            .filter(crate::db::within((person::Entity, Column::Id), chunk.iter().copied()))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// A mail address, if the text is one that mail servers take without extensions: ASCII, with a domain of two parts.
#[must_use]
pub fn read_email(text: &str) -> Option<String> {
    let text = crate::text::line(text);
    let (name, domain) = text.rsplit_once('@')?;
    let part = |it: &str, beside: &str| {
        !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || beside.contains(c))
    };
    let parts = |it: &str, beside: &str| it.split('.').all(|it| part(it, beside));
    let fits = text.len() <= 254
        && name.len() <= 64
        && parts(name, "!#$%&'*+-/=?^_`{|}~")
        && parts(domain, "-")
        && domain.contains('.');
    fits.then_some(text)
}

fn draft(
    namer: &Namer,
    home: OrganisationId,
    entry: &Entry,
    now: DateTime<Utc>,
) -> Result<(person::Model, Vec<String>), Failure> {
    let reading = namer.read(&entry.name);
    let id = PersonId::generate();
    let id_no = entry.id_no.as_ref().map(|it| it.sealed(&sealed::place(id))).transpose()?;
    let row = person::Model {
        id,
        name: entry.name.clone(),
        pinyin: reading.pinyin,
        pinyin_key: reading.pinyin_key,
        stroke_key: reading.stroke_key,
        phone: Some(entry.phone.clone()).filter(|it| !it.is_empty()),
        email: entry.email.clone(),
        gender: entry.gender,
        birth: entry.birth.clone(),
        ethnicity: entry.ethnicity.clone(),
        political: entry.political.clone(),
        id_no,
        id_mark: entry.mark().map(Vec::from),
        home_id: home,
        created_at: now,
    };
    Ok((row, reading.keys))
}

/// Puts other texts in place of those that somebody is found by.
async fn change_terms(
    tx: &DatabaseTransaction,
    person: PersonId,
    keys: Vec<String>,
) -> Result<(), Failure> {
    person_term::Entity::delete_many()
        .filter(person_term::Column::PersonId.eq(person))
        .exec(tx)
        .await?;
    let terms: Vec<_> = terms_of(person, keys).collect();
    many::insert_absent::<person_term::Entity>(tx, &terms).await?;
    Ok(())
}

/// The texts that a person is found by.
fn terms_of(person: PersonId, keys: Vec<String>) -> impl Iterator<Item = person_term::Model> {
    keys.into_iter().map(move |term| person_term::Model { term, person_id: person })
}
