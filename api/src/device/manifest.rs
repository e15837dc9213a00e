//! The list by which a door without a network answers: whole, and what of it changed since.
//!
//! What changed is told by the numbers of changes that the database gives (`entity::change_horizon`): at least once, and
//! nothing is missed.

use std::collections::{BTreeSet, HashMap};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use entity::{
    attendance, category,
    change_horizon::{self, CHANGED_IN},
    id::{CategoryId, PersonId, RegistrationId},
    person, registration, registration_gone, session,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, UnionType},
};

use crate::{
    authz::{Permit, policy::TakeManifest},
    db::within,
    error::Failure,
    page::{Page, Slice},
    ticket,
};

/// How many that are gone are named at most; where there are more, the device begins anew.
const MOST_GONE: u64 = 1000;

/// From which change on somebody asks, as they keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since(i64);

impl Since {
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(i64::from_be_bytes(bytes.try_into().ok()?)))
    }

    #[must_use]
    pub fn show(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.to_be_bytes())
    }
}

/// What is asked for and what there is to say of it as a whole.
pub struct Manifest {
    /// From which change on; none for the whole list.
    pub since: Option<Since>,
    /// From where to ask the next time. Read before the list is, so that nothing falls in between.
    pub next: Since,
    pub gone: Vec<RegistrationId>,
    /// Whether what changed cannot be told, so that the whole list is to be taken again.
    pub start_over: bool,
    pub key: ticket::hash::CodeKey,
}

/// Begins to read the list of a session's door.
pub async fn open(
    db: &impl ConnectionTrait,
    permit: &Permit<TakeManifest>,
    since: Option<Since>,
) -> Result<Manifest, Failure> {
    let horizon = change_horizon::Entity::find().one(db).await?;
    let horizon = horizon.ok_or_else(|| Failure::internal("no horizon of changes"))?.number;
    let activity = permit.on().activity_id;
    let key = ticket::code_key(db, activity).await?;
    let mut manifest =
        Manifest { since, next: Since(horizon), gone: Vec::new(), start_over: false, key };
    if let Some(Since(from)) = since {
        use registration_gone::Column;
        manifest.gone = registration_gone::Entity::find()
            .select_only()
            .column(Column::RegistrationId)
            .filter(Column::ActivityId.eq(activity))
            .filter(Column::ChangedIn.gte(from))
            .limit(MOST_GONE + 1)
            .into_tuple()
            .all(db)
            .await?;
        // A number that is not reached yet is another database's.
        manifest.start_over = horizon < from || MOST_GONE < manifest.gone.len() as u64;
        if manifest.start_over {
            manifest.gone.clear();
        }
    }
    Ok(manifest)
}

/// One registration as a door needs it.
pub struct Entry {
    pub row: registration::Model,
    pub name: String,
    pub category: Option<String>,
    pub attendance: Option<attendance::Model>,
    pub serial: u16,
    pub code_hash: Option<String>,
}

/// The registrations of the session's activity, or those of which something changed.
pub async fn entries(
    db: &impl ConnectionTrait,
    permit: &Permit<TakeManifest>,
    manifest: &Manifest,
    slice: Slice<RegistrationId>,
) -> Result<Page<Entry>, Failure> {
    let session = permit.on();
    let mut rows = registration::Entity::find()
        .filter(registration::Column::ActivityId.eq(session.activity_id));
    if let Some(Since(from)) = manifest.since {
        // Where the device is to begin anew there is nothing to tell of changes.
        let from = if manifest.start_over { i64::MAX } else { from };
        rows = rows.filter(registration::Column::Id.in_subquery(changed(session, from)));
    }
    let page = slice.of(rows.cursor_by(registration::Column::Id), db).await?;
    let ids = page.rows.iter().map(|it| it.id);
    if page.rows.is_empty() {
        return Ok(page.map(Vec::new()));
    }

    let people: HashMap<PersonId, String> = person::Entity::find()
        .select_only()
        .columns([person::Column::Id, person::Column::Name])
        .filter(within(
            (person::Entity, person::Column::Id),
            page.rows.iter().map(|it| it.person_id),
        ))
        .into_tuple::<(PersonId, String)>()
        .all(db)
        .await?
        .into_iter()
        .collect();
    let categories: BTreeSet<CategoryId> =
        page.rows.iter().filter_map(|it| it.category_id).collect();
    let categories: HashMap<CategoryId, String> = category::Entity::find()
        .filter(within((category::Entity, category::Column::Id), categories))
        .all(db)
        .await?
        .into_iter()
        .map(|it| (it.id, it.name))
        .collect();
    let mut attendances: HashMap<RegistrationId, attendance::Model> = attendance::Entity::find()
        .filter(attendance::Column::SessionId.eq(session.id))
        .filter(within((attendance::Entity, attendance::Column::RegistrationId), ids))
        .all(db)
        .await?
        .into_iter()
        .map(|it| (it.registration_id, it))
        .collect();
    let serials = ticket::serials(db, &page.rows).await?;
    let entry = |row: &registration::Model| Entry {
        name: people.get(&row.person_id).cloned().unwrap_or_default(),
        category: row.category_id.and_then(|it| categories.get(&it)).cloned(),
        attendance: attendances.remove(&row.id),
        serial: serials.get(&row.id).copied().unwrap_or(1),
        code_hash: ticket::code(row).map(|it| manifest.key.hash(it)),
        row: row.clone(),
    };
    let entries = page.rows.iter().map(entry).collect();
    Ok(page.map(entries))
}

/// The registrations of an activity of which something changed that a door of the session goes by.
fn changed(session: &session::Model, from: i64) -> SelectStatement {
    let later = |table: &str| Expr::col((Alias::new(table), Alias::new(CHANGED_IN))).gte(from);
    let mut itself = Query::select()
        .column((registration::Entity, registration::Column::Id))
        .from(registration::Entity)
        .and_where(registration::Column::ActivityId.eq(session.activity_id))
        .and_where(later("registration"))
        .to_owned();
    let renamed = Query::select()
        .column((registration::Entity, registration::Column::Id))
        .from(person::Entity)
        .inner_join(
            registration::Entity,
            Expr::col((registration::Entity, registration::Column::PersonId))
                .equals((person::Entity, person::Column::Id)),
        )
        .and_where(registration::Column::ActivityId.eq(session.activity_id))
        .and_where(later("person"))
        .to_owned();
    let attended = Query::select()
        .column((attendance::Entity, attendance::Column::RegistrationId))
        .from(attendance::Entity)
        .and_where(attendance::Column::SessionId.eq(session.id))
        .and_where(later("attendance"))
        .to_owned();
    itself.union(UnionType::Distinct, renamed).union(UnionType::Distinct, attended).to_owned()
}
