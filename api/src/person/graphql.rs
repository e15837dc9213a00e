//! People and positions as GraphQL shows them.

mod found;
mod history;
mod reveal;

use std::sync::Arc;

use async_graphql::{
    Context, Enum, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use chrono::NaiveDate;
use entity::{
    id::{OrganisationId, PersonId, PositionId},
    organisation, person, position,
};
use futures_util::FutureExt;

pub use self::{history::*, reveal::*};
use super::{Entry, PersonErrorCode, PersonUserError, PositionErrorCode, PositionUserError};
use crate::{
    authz::policy::{
        CreatePerson, CreatePosition, EndPosition, UpdatePerson, ViewPerson, ViewPhone,
    },
    can::PersonCan,
    class::graphql::Trainer,
    credit::graphql::{self as credit, PersonCredits},
    error::Refusal,
    graphql::{Gid, Viewer, settle, wants},
    mask,
    organisation::graphql::Organisation,
    page::Slice,
    text::Check,
    write::Note,
};

/// As GB/T 2261.1 names them.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "person::Gender")]
pub enum Gender {
    /// 男
    Male,
    /// 女
    Female,
}

pub struct Person {
    pub row: Arc<person::Model>,
    /// Whether the viewer sees more of them than a door does.
    pub is_open: bool,
    /// What a list fetched ahead.
    titles: Option<Vec<Title>>,
}

/// A position with its organisation.
type Title = (position::Model, organisation::Model);

impl Person {
    #[must_use]
    pub fn new(row: impl Into<Arc<person::Model>>, is_open: bool) -> Self {
        Self { row: row.into(), is_open, titles: None }
    }
}

/// One human being (人员), with or without an account.
#[Object]
impl Person {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<PersonId> {
        Gid(self.row.id)
    }

    /// What the viewer may do with it, for what a front-end shows buttons for.
    async fn viewer_can(&self, ctx: &Context<'_>) -> Result<PersonCan> {
        Ok(PersonCan::of(Viewer::of(ctx), &self.row).await?)
    }

    /// As it was entered.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// Syllables without tones, the surname read right: `shan xiao ming`.
    async fn pinyin(&self) -> &str {
        &self.row.pinyin
    }

    /// If it is known.
    async fn gender(&self) -> Option<Gender> {
        self.row.gender.map(Into::into)
    }

    /// The phone with its middle hidden: `138****0000`. `revealPerson` shows it whole.
    async fn masked_phone(&self) -> Option<String> {
        self.row.phone.as_deref().map(mask::phone)
    }

    /// The mail address with most of its name hidden: `z***@example.org`. Null for DOOR_STAFF and devices.
    async fn masked_email(&self) -> Option<String> {
        self.row.email.as_deref().filter(|_| self.is_open).map(mask::email)
    }

    /// The ID number without the birthday: `330302********1234`; of a passport and the like, its first and last two
    /// characters. Null for DOOR_STAFF and devices, and where none is known.
    async fn masked_id_number(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        if !self.is_open {
            return Ok(None);
        }
        let number = super::sealed::id_number(&Viewer::of(ctx).app.vault, &self.row)?;
        Ok(number.as_deref().map(mask::id_number))
    }

    /// The phone with its middle hidden. Null for DOOR_STAFF and devices.
    #[graphql(deprecation = "`maskedPhone` says the same, and `revealPerson` shows it whole.")]
    async fn phone(&self) -> Option<String> {
        self.row.phone.as_deref().filter(|_| self.is_open).map(mask::phone)
    }

    /// The mail address with most of its name hidden. Null for DOOR_STAFF and devices.
    #[graphql(deprecation = "`maskedEmail` says the same, and `revealPerson` shows it whole.")]
    async fn email(&self) -> Option<String> {
        self.row.email.as_deref().filter(|_| self.is_open).map(mask::email)
    }

    /// The credit hours (学时) of a year, by the local days of the sessions, of all classes. Null for
    /// DOOR_STAFF and devices.
    #[graphql(complexity = "5 + child_complexity")]
    async fn credits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A calendar year, 1949 to 2100.")] year: i32,
    ) -> Result<Option<PersonCredits>> {
        if !self.is_open {
            return Ok(None);
        }
        Ok(credit::of_year(ctx, &[self.row.id], year).boxed().await?.pop())
    }

    /// Every activity that they are or were on and that the viewer may see, newest first. For ORG_ADMIN, ORGANISER and
    /// LIAISON; a liaison officer sees those for which the own organisation recommended them.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Those that began in this year, in Asia/Shanghai.")] year: Option<i32>,
    ) -> Result<Connection<String, PersonActivity>> {
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        connection(ctx, &self.row, year, slice).boxed().await
    }

    /// What they attended in a year, as far as the viewer may see it. For ORG_ADMIN, ORGANISER and LIAISON.
    async fn figures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From 1990 to 2100.")] year: i32,
    ) -> Result<PersonYear> {
        PersonYear::read(ctx, &self.row, year, self.is_open).boxed().await
    }

    /// The titles they have and had.
    async fn positions(&self, ctx: &Context<'_>) -> Result<Vec<Position>> {
        let rows = match &self.titles {
            Some(rows) => rows.clone(),
            None => {
                let mut rows =
                    super::positions(Viewer::of(ctx).db.read(), [self.row.id]).boxed().await?;
                rows.remove(&self.row.id).unwrap_or_default()
            }
        };
        Ok(rows.into_iter().map(|(row, organisation)| Position { row, organisation }).collect())
    }

    /// What they taught and are to teach (师资) at sessions in the viewer's scope, the newest first. For ORG_ADMIN,
    /// ORGANISER and DOOR_STAFF.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn teaching(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, Trainer>> {
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        crate::class::graphql::taught_by(ctx, self.row.id, slice).boxed().await
    }
}

pub struct Position {
    pub row: position::Model,
    pub organisation: organisation::Model,
}

/// A person's title in an organisation (任职), from a day, to a day.
#[Object]
impl Position {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<PositionId> {
        Gid(self.row.id)
    }

    /// As it was entered: 会长, 副会长 …
    async fn title(&self) -> &str {
        &self.row.title
    }

    /// Where.
    async fn organisation(&self) -> Organisation {
        self.organisation.clone().into()
    }

    /// The first day, if it is known.
    async fn from_on(&self) -> Option<NaiveDate> {
        self.row.from_on
    }

    /// The last day; null while it lasts.
    async fn until_on(&self) -> Option<NaiveDate> {
        self.row.until_on
    }
}

/// A person as somebody typed it.
#[derive(InputObject)]
pub struct PersonInput {
    /// Cleaned as a roster's names are; at most 100 characters.
    pub name: String,
    /// One number. Cleaned as a roster's phones are: `+86`, spaces and full-width digits may be there.
    pub phone: Option<String>,
    /// The employer, as it is to be shown; at most 200 characters.
    pub organisation: Option<String>,
    /// The title there; at most 100 characters.
    pub title: Option<String>,
    /// If it is known.
    pub gender: Option<Gender>,
    /// A mail address, if one is known.
    pub email: Option<String>,
}

/// Reads a mail address that may be left out or empty. `None` where it is, or where it is none, which is then in
/// `check`.
pub fn email<C: Refusal>(
    check: &mut Check<C>,
    path: &[&str],
    typed: Option<&str>,
    invalid: C,
) -> Option<String> {
    let typed = typed.map(str::trim).filter(|it| !it.is_empty())?;
    let read = super::read_email(typed);
    if read.is_none() {
        let typed = crate::text::line(typed);
        check.refuse(invalid.at(path.iter().copied()).about(mask::text(&typed)));
    }
    read
}

/// Cleans a name and a phone as a roster's are. `None` where the cleaning found a fault, which is then in `check`.
pub fn clean<C: Refusal>(
    check: &mut Check<C>,
    path: &[&str],
    name: &str,
    phone: Option<&str>,
    codes: &CleanCodes<C>,
) -> Entry {
    let at = |leaf: &str| path.iter().copied().chain([leaf]).map(str::to_owned).collect::<Vec<_>>();
    let read = roster::clean::name(name);
    let value = read.value.unwrap_or_default();
    if read.codes.contains(&roster::Code::TestRow) {
        check.refuse(codes.name_is_test.at(at("name")).about(&value));
    } else if value.is_empty() {
        check.refuse(codes.name_missing.at(at("name")));
    } else if value.chars().count() > 100 {
        check.refuse(codes.too_long.at(at("name")).about(100));
    }
    let typed = phone.unwrap_or_default();
    let number = roster::clean::phone(typed, "0577");
    if number.value.is_none() {
        let fault = if typed.trim().is_empty() {
            codes.phone_missing.at(at("phone"))
        } else {
            codes.phone_invalid.at(at("phone")).about(mask::typed(&crate::text::line(typed)))
        };
        check.refuse(fault);
    }
    Entry { name: value, phone: number.value.unwrap_or_default(), ..Entry::default() }
}

/// What a mutation calls the faults of a name and a phone.
pub struct CleanCodes<C> {
    pub name_missing: C,
    pub name_is_test: C,
    pub phone_missing: C,
    pub phone_invalid: C,
    pub too_long: C,
}

const CODES: CleanCodes<PersonErrorCode> = CleanCodes {
    name_missing: PersonErrorCode::NameMissing,
    name_is_test: PersonErrorCode::NameIsTest,
    phone_missing: PersonErrorCode::PhoneMissing,
    phone_invalid: PersonErrorCode::PhoneInvalid,
    too_long: PersonErrorCode::TooLong,
};

/// What `createPerson` takes.
#[derive(InputObject)]
pub struct CreatePersonInput {
    /// The organisation that keeps the record.
    organisation_id: Gid<OrganisationId>,
    /// Cleaned as a roster's names are; at most 100 characters.
    name: String,
    /// One number. Cleaned as a roster's phones are.
    phone: Option<String>,
    /// If it is known.
    gender: Option<Gender>,
    /// A mail address, if one is known.
    email: Option<String>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `updatePerson` takes.
#[derive(InputObject)]
pub struct UpdatePersonInput {
    /// Which one.
    person_id: Gid<PersonId>,
    /// Cleaned as a roster's names are; at most 100 characters.
    name: Option<String>,
    /// One number. Cleaned as a roster's phones are.
    phone: Option<String>,
    /// A mail address; empty to take away the one on record.
    email: Option<String>,
}

/// What `createPosition` takes.
#[derive(InputObject)]
pub struct CreatePositionInput {
    /// Who; somebody in the viewer's scope.
    person_id: Gid<PersonId>,
    /// Where.
    organisation_id: Gid<OrganisationId>,
    /// At most 100 characters.
    title: String,
    /// The first day, if it is known.
    from_on: Option<NaiveDate>,
    /// The last day, if it has ended; not before the first.
    until_on: Option<NaiveDate>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `endPosition` takes.
#[derive(InputObject)]
pub struct EndPositionInput {
    /// Which one.
    position_id: Gid<PositionId>,
    /// The last day.
    until_on: NaiveDate,
}

/// What `createPerson` gives.
#[derive(SimpleObject)]
pub struct CreatePersonPayload {
    /// What was made or changed; null where it was refused.
    person: Option<Person>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<PersonUserError>,
}

/// What `updatePerson` gives.
#[derive(SimpleObject)]
pub struct UpdatePersonPayload {
    /// What was made or changed; null where it was refused.
    person: Option<Person>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<PersonUserError>,
}

/// What `createPosition` gives.
#[derive(SimpleObject)]
pub struct CreatePositionPayload {
    /// What was made or changed; null where it was refused.
    position: Option<Position>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<PositionUserError>,
}

/// What `endPosition` gives.
#[derive(SimpleObject)]
pub struct EndPositionPayload {
    /// What was made or changed; null where it was refused.
    position: Option<Position>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<PositionUserError>,
}

#[derive(Default)]
pub struct PersonQuery;

#[Object]
impl PersonQuery {
    /// One person whose record is kept, or who is registered, in the viewer's scope.
    async fn person(&self, ctx: &Context<'_>, id: Gid<PersonId>) -> Result<Option<Person>> {
        let permit = Viewer::of(ctx).gate.permit::<ViewPerson>(id.0).await?;
        let is_open = permit.also::<ViewPhone>();
        Ok(Some(Person::new(permit.into_row(), is_open)))
    }

    /// The people in the viewer's scope, in the order in which they were recorded. `search` finds by the beginning of
    /// the name, of its pinyin (with or without spaces) or of its initials, or by a whole phone number; and, for ORG_ADMIN and
    /// ORGANISER, by a whole ID number. DOOR_STAFF must search by three or more characters.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn people(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(
            desc = "The beginning of a name, of its pinyin or of its initials, a whole phone number, or a whole ID number."
        )]
        search: Option<String>,
    ) -> Result<Connection<String, Person>> {
        let viewer = Viewer::of(ctx);
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let search = search.as_deref();
        let (page, is_open) = found::found(viewer, search, slice).await?;
        let mut titles = if wants(ctx, "positions") {
            let ids = page.rows.iter().map(|it| it.id);
            Some(super::positions(viewer.db.read(), ids).await?)
        } else {
            None
        };
        let node = |row: person::Model| Person {
            titles: titles.as_mut().map(|it| it.remove(&row.id).unwrap_or_default()),
            row: row.into(),
            is_open,
        };
        Ok(page.connection(|it| it.id, node))
    }
}

#[derive(Default)]
pub struct PersonMutation;

#[Object]
impl PersonMutation {
    /// Makes a person's record at an organisation. For ORG_ADMIN and LIAISON there.
    async fn create_person(
        &self,
        ctx: &Context<'_>,
        input: CreatePersonInput,
    ) -> Result<CreatePersonPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreatePerson>(input.organisation_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(PersonErrorCode::TooLong);
        let mut entry = clean(&mut check, &[], &input.name, input.phone.as_deref(), &CODES);
        entry.gender = input.gender.map(Into::into);
        entry.email =
            email(&mut check, &["email"], input.email.as_deref(), PersonErrorCode::EmailInvalid);
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::create(tx, &permit, &viewer.app.namer, entry, viewer.now).await
            })
            .await;
        let (person, user_errors) = settle(done, viewer.lang)?;
        Ok(CreatePersonPayload { person: person.map(|row| Person::new(row, true)), user_errors })
    }

    /// Corrects a person's name, phone or mail address. For ORG_ADMIN and LIAISON of the organisation that keeps the record.
    async fn update_person(
        &self,
        ctx: &Context<'_>,
        input: UpdatePersonInput,
    ) -> Result<UpdatePersonPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UpdatePerson>(input.person_id.0).await?;
        let mut check = Check::new(PersonErrorCode::TooLong);
        let row = permit.on();
        let entry = clean(
            &mut check,
            &[],
            input.name.as_deref().unwrap_or(&row.name),
            input.phone.as_deref().or(row.phone.as_deref()),
            &CODES,
        );
        let name = input.name.map(|_| entry.name);
        let phone = input.phone.map(|_| entry.phone);
        let email = input.email.map(|typed| {
            email(&mut check, &["email"], Some(&typed), PersonErrorCode::EmailInvalid)
                .unwrap_or_default()
        });
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                super::update(tx, &permit, &viewer.app.namer, name, phone, email).await
            })
            .await;
        let (person, user_errors) = settle(done, viewer.lang)?;
        Ok(UpdatePersonPayload { person: person.map(|row| Person::new(row, true)), user_errors })
    }

    /// Records that a person has a title in an organisation. For ORG_ADMIN and LIAISON there.
    async fn create_position(
        &self,
        ctx: &Context<'_>,
        input: CreatePositionInput,
    ) -> Result<CreatePositionPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreatePosition>(input.organisation_id.0).await?;
        let person = viewer.gate.permit::<ViewPerson>(input.person_id.0).await?.into_row();
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(PositionErrorCode::TooLong);
        let title = check.required(&input.title, 100, &["title"], PositionErrorCode::Required);
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::take_position(tx, &permit, &person, title, input.from_on, input.until_on)
                    .await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let position = row.map(|row| Position { row, organisation: permit.on().clone() });
        Ok(CreatePositionPayload { position, user_errors })
    }

    /// Says which day was a position's last. For ORG_ADMIN and LIAISON of its organisation.
    async fn end_position(
        &self,
        ctx: &Context<'_>,
        input: EndPositionInput,
    ) -> Result<EndPositionPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<EndPosition>(input.position_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                super::end_position(tx, &permit, input.until_on).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let position = match row {
            Some(row) => {
                Some(Position { organisation: viewer.row(row.organisation_id).await?, row })
            }
            None => None,
        };
        Ok(EndPositionPayload { position, user_errors })
    }
}
