//! A year of a synthetic federation, the same each time: what `qinglan demo` fills an empty database with.
//!
//! The year is 2026, and up to its 20 November things have happened; neither depends on when it is run. Names, phones,
//! statuses, counts and times are the same in every run; ids, ticket codes and the password are made anew, as they are
//! or go with secrets. Everything is written by the domains' own functions in one transaction, so a run that is cut
//! off leaves nothing behind.

mod academy;
mod calendar;
mod chance;
mod class;
mod festival;
mod held;
mod names;
mod people;
mod relay;
mod tree;

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, OrganisationId, PersonId},
    organisation as organisation_row, person, programme as programme_row,
    programme::Kind,
    role_grant::Role,
};
use indicatif::ProgressBar;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

pub use self::names::SEGMENTS;
use self::{chance::Chance, tree::Tree};
use crate::{
    account::{self, AccountErrorCode, grant::Over},
    authn,
    db::Db,
    error::{Error, Failure, Lang, Refusal},
    organisation,
    person::name::Namer,
    programme,
};

/// Why a database was not filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoErrorCode {
    /// It holds people, programmes or organisations below the root.
    NotEmpty,
    /// It has an account with a name that the demo's accounts have.
    UsernameTaken,
}

impl Refusal for DemoErrorCode {
    fn message(self, lang: Lang) -> &'static str {
        match self {
            Self::NotEmpty => lang.pick(
                "数据库不是空的，未作任何更改",
                "the database is not empty, and nothing was changed: there are people, programmes or organisations in it",
            ),
            Self::UsernameTaken => lang.pick(
                "已有名为 organiser、liaison、door1、door2 或 viewer 的账号，未作任何更改",
                "nothing was changed: there is an account named organiser, liaison, door1, door2 or viewer",
            ),
        }
    }
}

/// An account that was made for trying out.
pub struct Made {
    pub username: &'static str,
    pub role: Role,
    /// What it may do, for whoever tries it.
    pub about: String,
}

/// The tools that everything is made with.
struct Demo<'a> {
    chance: Chance,
    namer: Namer,
    /// Who holds the scanner at every door.
    door: AccountId,
    progress: &'a ProgressBar,
}

/// How many steps `progress` takes: a chamber or an activity each.
const STEPS: u64 = 155 + 16 + 48 + 58;

/// Fills a database that holds no more than a root organisation and accounts, or refuses and changes nothing.
///
/// The accounts that it makes all have `password`. An administrator, `admin`, is among them if there was no account.
pub async fn fill(
    db: &Db,
    organisation: &str,
    password: &str,
    now: DateTime<Utc>,
    progress: &ProgressBar,
) -> Result<Vec<Made>, Error<DemoErrorCode>> {
    progress.set_length(STEPS);
    let mut made = Vec::new();
    db.by_command("FillDemo", now, async |tx| {
        if !is_empty(tx).await? {
            return Err(DemoErrorCode::NotEmpty.into());
        }
        let first = !account::any(tx).await?;
        let root = organisation::ensure_root(tx, organisation, now).await?;
        let mut accounts = Accounts { password, now, made: Vec::new() };
        let over = Over::Organisation(root.id);
        if first {
            let about = format!("{} and everything below it", root.name);
            accounts.make(tx, ("admin", Role::OrgAdmin), root.id, None, over, about).await?;
        }
        let about = format!("checks in everywhere; the door of {} is open", festival::DRILL);
        let door = accounts
            .make(tx, ("door1", Role::DoorStaff), root.id, None, over, about.clone())
            .await?;
        accounts.make(tx, ("door2", Role::DoorStaff), root.id, None, over, about).await?;
        let about = "figures without people".to_owned();
        accounts.make(tx, ("viewer", Role::Viewer), root.id, None, over, about).await?;

        let demo = Demo {
            chance: Chance::new(0x9752_5E84),
            namer: Namer::new().map_err(Failure::internal)?,
            door,
            progress,
        };
        Box::pin(year(tx, demo, root, &mut accounts)).await?;
        made = accounts.made;
        Ok(door)
    })
    .await?;
    Ok(made)
}

/// Whether there is nothing but what a first start makes.
async fn is_empty(db: &impl ConnectionTrait) -> Result<bool, Failure> {
    let below = organisation_row::Column::ParentId.is_not_null();
    Ok(person::Entity::find().one(db).await?.is_none()
        && programme_row::Entity::find().one(db).await?.is_none()
        && organisation_row::Entity::find().filter(below).one(db).await?.is_none())
}

/// Everything of the year.
async fn year(
    tx: &DatabaseTransaction,
    mut demo: Demo<'_>,
    root: organisation_row::Model,
    accounts: &mut Accounts<'_>,
) -> Result<(), Error<DemoErrorCode>> {
    let tree: Tree = tree::plant(tx, root).await?;
    let everyone = people::settle(tx, &mut demo, &tree).await?;

    let root = tree.root.id;
    let begun = calendar::at(calendar::day(1, 8), 9, 0);
    let programme = async |kind, title: &str| {
        let draft = programme::Draft { kind, title: title.to_owned(), year: calendar::YEAR };
        programme::insert(tx, root, draft, begun).await
    };
    let academy = programme(Kind::Academy, "温州民营经济学院2026年度培训").await?;
    let relay = programme(Kind::Relay, "青蓝接力2026年度活动").await?;
    let festival = programme(Kind::Festival, "2026温州民营企业家节").await?;

    let about = format!("everything on {}", festival.title);
    let over = Over::Programme(festival.id);
    accounts.make(tx, ("organiser", Role::Organiser), root, None, over, about).await?;
    let chamber = &tree.chambers[0].row;
    let about = format!("the people of {}", chamber.name);
    let (person, over) = (Some(everyone.liaison(0).id), Over::Organisation(chamber.id));
    accounts.make(tx, ("liaison", Role::Liaison), chamber.id, person, over, about).await?;

    academy::teach(tx, &mut demo, &everyone, &academy, &tree).await?;
    relay::run(tx, &mut demo, &everyone, &relay, &tree).await?;
    festival::celebrate(tx, &mut demo, &everyone, &festival, &tree.root).await?;
    demo.progress.finish_and_clear();
    Ok(())
}

/// Makes the accounts for trying out.
struct Accounts<'a> {
    password: &'a str,
    now: DateTime<Utc>,
    made: Vec<Made>,
}

impl Accounts<'_> {
    async fn make(
        &mut self,
        tx: &DatabaseTransaction,
        (username, role): (&'static str, Role),
        home: OrganisationId,
        person: Option<PersonId>,
        over: Over,
        about: String,
    ) -> Result<AccountId, Error<DemoErrorCode>> {
        let hash = authn::hash_password_now(self.password)?;
        let row = account::insert(tx, username.to_owned(), hash, home, person, self.now)
            .await
            .map_err(|error| match error {
                Error::<AccountErrorCode>::Refused(_) => DemoErrorCode::UsernameTaken.into(),
                Error::Failed(failure) => Error::Failed(failure),
            })?;
        account::grant::insert(tx, row.id, role, over, None, None, self.now).await?;
        self.made.push(Made { username, role, about });
        Ok(row.id)
    }
}
