//! What is to be made: an export with all that stands beside its rows.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::{Asia::Shanghai, Tz};
use entity::{
    account, activity, attendance, category,
    export::{self, Format},
    id::{AccountId, CategoryId},
    organisation, question,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait},
};
use serde::{Deserialize, Serialize};

use super::kind::{List, with_list};
use crate::{
    app::App,
    attendance::book::{Held, held},
    error::Failure,
    graphql::Gid,
    mask::{self, Shown},
    registration,
    vault::Vault,
};

/// What an export is narrowed to, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    pub registrations: registration::Filter,
    /// Those who attended so, where there is a session to ask of. All if empty.
    pub attendance: Vec<attendance::Status>,
}

pub struct Brief {
    pub export: export::Model,
    pub filter: Filter,
    /// None where it is of a year of an organisation.
    activity: Option<activity::Model>,
    /// Of an organisation whose people are listed: where it stands among all.
    pub path: String,
    /// What the activity is called, or the organisation.
    pub title: String,
    /// All of the activity, or the one that is asked for, in the order in which they take place.
    pub sessions: Vec<Held>,
    categories: Vec<category::Model>,
    /// The questions whose answers are columns.
    pub form: Vec<question::Model>,
    /// The name by which whoever takes it out signs in.
    by: String,
    zone: Tz,
    pub now: DateTime<Utc>,
    /// Where this server is found, which certificates say; empty until it is told.
    pub public_url: String,
    /// What opens ID numbers; none until it is told.
    vault: Option<Arc<Vault>>,
}

impl Brief {
    /// Gathers what an export needs beside its rows.
    pub async fn new(
        db: &impl ConnectionTrait,
        export: export::Model,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        if let Some(id) = export.organisation_id {
            let of = organisation::Entity::find_by_id(id).one(db).await?;
            return Self::of_year(db, export, of.ok_or(Failure::NotFound)?, now).await;
        }
        let id = export.activity_id.ok_or(Failure::NotFound)?;
        let activity = activity::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
        let mut sessions = crate::session::schedule(db, id).await?;
        sessions.retain(|it| export.session_id.is_none_or(|asked| asked == it.id));
        let mut held = held(db, sessions.iter().map(|it| it.id)).await?;
        let sessions = sessions.iter().filter_map(|it| held.remove(&it.id)).collect();
        let mut form = crate::form::questions(db, id).await?;
        form.retain(|it| it.archived_at.is_none());
        let categories = category::Entity::find()
            .filter(category::Column::ActivityId.eq(id))
            .order_by_asc(category::Column::Position)
            .all(db)
            .await?;
        let by = username(db, export.account_id).await?;
        let filter = serde_json::from_value(export.filter.clone()).map_err(Failure::internal)?;
        let zone = activity.time_zone.parse().map_err(Failure::internal)?;
        Ok(Self {
            export,
            filter,
            path: String::new(),
            title: activity.title.clone(),
            activity: Some(activity),
            sessions,
            categories,
            form,
            by,
            zone,
            now,
            public_url: String::new(),
            vault: None,
        })
    }

    async fn of_year(
        db: &impl ConnectionTrait,
        export: export::Model,
        of: organisation::Model,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let by = username(db, export.account_id).await?;
        Ok(Self {
            export,
            filter: Filter::default(),
            activity: None,
            path: of.path,
            title: of.name,
            sessions: Vec::new(),
            categories: Vec::new(),
            form: Vec::new(),
            by,
            zone: Shanghai,
            now,
            public_url: String::new(),
            vault: None,
        })
    }

    /// The activity whose people are listed.
    pub fn activity(&self) -> Result<&activity::Model, Failure> {
        self.activity.as_ref().ok_or(Failure::internal("a list of an activity without one"))
    }

    /// The registrations that it is narrowed to; none where there is no activity.
    #[must_use]
    pub fn registrations(&self) -> Condition {
        match &self.activity {
            Some(it) => registration::condition(it.id, self.filter.registrations.clone()),
            None => Condition::all().add(Expr::val(1).eq(0)),
        }
    }

    /// The same, to be made by this server.
    #[must_use]
    pub fn by(mut self, app: &App) -> Self {
        self.public_url.clone_from(&app.config.public_url);
        self.vault = Some(app.vault.clone());
        self
    }

    /// How it shows personal data.
    #[must_use]
    pub fn shown(&self) -> Shown {
        if self.export.is_unmasked { Shown::Whole } else { Shown::Masked }
    }

    /// A phone as it shows it.
    #[must_use]
    pub fn phone(&self, phone: Option<String>) -> Option<String> {
        match self.shown() {
            Shown::Masked => phone.as_deref().map(mask::phone),
            Shown::Whole => phone,
        }
    }

    /// What opens ID numbers.
    pub fn vault(&self) -> Result<&Vault, Failure> {
        self.vault.as_deref().ok_or(Failure::internal("a file is made by no server"))
    }

    /// What the file is called when it is saved.
    #[must_use]
    pub fn file_name(&self) -> String {
        let ending = match self.export.format {
            Format::Xlsx => "xlsx",
            Format::Csv => "csv",
            Format::Pdf => "pdf",
        };
        let title = with_list!(self.export.kind, L => L::TITLE);
        let at = self.export.finished_at.unwrap_or(self.now).with_timezone(&self.zone);
        format!("{}-{title}-{}.{ending}", self.title, at.format("%Y%m%d-%H%M"))
    }

    /// By the wall clock of the activity; of an organisation by that of Asia/Shanghai.
    #[must_use]
    pub fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    #[must_use]
    pub fn category(&self, id: Option<CategoryId>) -> Option<&String> {
        self.category_place(id).map(|at| &self.categories[at].name)
    }

    /// The place of a category among those of the activity, from 0.
    #[must_use]
    pub fn category_place(&self, id: Option<CategoryId>) -> Option<usize> {
        let id = id?;
        self.categories.iter().position(|it| it.id == id)
    }

    /// Who took the list out, when and what for: the watermark (水印) of every file. It begins as a footnote does, which
    /// lists that are read again pass over.
    #[must_use]
    pub fn watermark(&self) -> String {
        format!(
            "注：{} 于 {} 导出，用途：{}，编号：{}",
            self.by,
            self.local(self.now).format("%Y-%m-%d %H:%M"),
            self.export.purpose,
            Gid(self.export.id),
        )
    }
}

async fn username(db: &impl ConnectionTrait, id: AccountId) -> Result<String, Failure> {
    let account = account::Entity::find_by_id(id).one(db).await?;
    Ok(account.ok_or(Failure::NotFound)?.username)
}
