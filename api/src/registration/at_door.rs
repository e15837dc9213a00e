//! Who stands at the door of a session: found among the registered by a code, by digits of a phone, or by a name.

use std::collections::HashMap;

use entity::{
    attendance,
    id::{ActivityId, RegistrationId},
    person, person_term,
    registration::{self, Column, Status},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr},
};

use crate::{
    authz::{Permit, policy::FindAtDoor},
    db::within,
    error::Failure,
    person::name,
    ticket,
};

/// The most that are shown at once: a door asks for more letters, and nobody reads a list of people off it.
pub const MOST: u64 = 20;

/// What was typed, if it tells people apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The last four digits of a phone.
    LastFour(String),
    /// A whole phone, without what leads out of the country.
    Phone(String),
    /// The beginning of a name, of its pinyin or of its initials.
    Name(name::Query),
}

impl Typed {
    /// Names of two characters are many, so two Chinese characters do; of letters it takes three.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match name::query(text)? {
            name::Query::Phone(digits) if digits.len() == 4 => Some(Self::LastFour(digits)),
            name::Query::Phone(digits) if digits.len() >= 7 => Some(Self::Phone(digits)),
            name::Query::Han(it) if it.chars().count() >= 2 => {
                Some(Self::Name(name::Query::Han(it)))
            }
            name::Query::Latin(it) if it.chars().count() >= 3 => {
                Some(Self::Name(name::Query::Latin(it)))
            }
            _ => None,
        }
    }

    fn people(&self) -> SimpleExpr {
        let mut people = Query::select();
        match self {
            // The expression of the index `person_last_four`, word for word.
            Self::LastFour(digits) => people
                .column(person::Column::Id)
                .from(person::Entity)
                .and_where(Expr::cust("substr(phone, length(phone) - 3)").eq(digits.as_str())),
            Self::Phone(digits) => people
                .column(person::Column::Id)
                .from(person::Entity)
                .and_where(person::Column::Phone.is_in([format!("+{digits}"), digits.clone()])),
            Self::Name(name) => {
                let (from, to) = name.range();
                people
                    .column(person_term::Column::PersonId)
                    .from(person_term::Entity)
                    .and_where(person_term::Column::Term.gte(from))
                    .and_where(person_term::Column::Term.lt(to))
            }
        };
        // Said to be distinct, they are looked up once. PostgreSQL would otherwise ask for each registration while it has no
        // statistics of them, as after a list was committed.
        Column::PersonId.in_subquery(people.distinct().to_owned())
    }
}

/// Those of an activity who match, whoever has a seat first.
#[must_use]
pub fn query(activity: ActivityId, typed: &Typed, most: u64) -> Select<registration::Entity> {
    registration::Entity::find()
        .filter(Column::ActivityId.eq(activity))
        .filter(typed.people())
        .order_by_desc(Column::Status.eq(Status::Confirmed))
        .order_by_asc(Column::Id)
        .limit(most)
}

/// Somebody found, and what is known of them at the session.
pub struct Found {
    pub registration: registration::Model,
    pub attendance: Option<attendance::Model>,
}

/// Those who are registered for the activity of the permit's session, and match what was typed or read.
pub async fn find(
    db: &impl ConnectionTrait,
    permit: &Permit<FindAtDoor>,
    text: &str,
    most: u64,
) -> Result<Vec<Found>, Failure> {
    let activity = permit.on().activity_id;
    let presented = ticket::presented(db, &[text]).await?;
    let by_code = presented.into_iter().flatten().find(|it| it.activity_id == activity);
    let rows = match (by_code, Typed::read(text)) {
        (Some(row), _) => vec![row],
        (None, Some(typed)) => query(activity, &typed, Ord::min(most, MOST)).all(db).await?,
        (None, None) => return Err(TOO_SHORT),
    };
    let mut there: HashMap<RegistrationId, attendance::Model> = attendance::Entity::find()
        .filter(attendance::Column::SessionId.eq(permit.on().id))
        .filter(within(
            (attendance::Entity, attendance::Column::RegistrationId),
            rows.iter().map(|it| it.id),
        ))
        .all(db)
        .await?
        .into_iter()
        .map(|it| (it.registration_id, it))
        .collect();
    Ok(rows
        .into_iter()
        .map(|registration| {
            let attendance = there.remove(&registration.id);
            Found { registration, attendance }
        })
        .collect())
}

const TOO_SHORT: Failure = Failure::BadInput(
    "请输入参会码、手机号后四位，或姓名的至少两个汉字、拼音或首字母的至少三个字母",
    "give a code, the last four digits of a phone, two Chinese characters of a name, or three letters of its pinyin or initials",
);
