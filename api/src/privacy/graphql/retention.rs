//! How long data are kept, and what was purged.

use async_graphql::{
    Context, Enum, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, Utc};
use entity::{id::OrganisationId, purge, retention_rule};

use crate::{
    activity::graphql::Activity,
    authz::policy::{SetRetention, ViewPurges, ViewRetention},
    error::Error,
    graphql::{Gid, Viewer, settle},
    organisation::{self, graphql::Organisation},
    page::Slice,
    payloads,
    privacy::{
        due::{Due, Line, Of, totals},
        purge as purges,
        retention::{Rule, SetRetentionErrorCode, SetRetentionUserError, rules, set},
    },
    programme::graphql::ProgrammeKind,
    text::Check,
    write::Note,
};

/// What is kept and dropped together. Registrations, attendance, credit hours and certificates stay, and so do all figures.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "retention_rule::Class")]
pub enum DataClass {
    /// What a list said beyond who comes: lodging, meals, arrival, plates. 30 days unless set otherwise.
    Details,
    /// Answers to the form with their files, each for as long as its question says (`keptFor`).
    Answers,
    /// At which gate a code was read, by which device of the person, and what was read. 180 days unless set otherwise.
    Places,
    /// Messages, with what they said and to whom. 180 days unless set otherwise.
    Messages,
    /// The rows of uploaded lists. 180 days unless set otherwise.
    Rosters,
    /// Phone and mail address of a person, after the last of their activities; not of who holds an office, has an
    /// account, or is on an activity whose time is not over. 365 days unless set otherwise.
    Contact,
    /// ID number, birth, ethnicity and political affiliation of a person, by the same rule. 365 days unless set otherwise.
    Identity,
    /// Who it was that registered and came, by the same rule: the name goes everywhere, as by an erasure, and what
    /// happened stays. 3,650 days unless set otherwise.
    Records,
}

pub struct RetentionRule(Rule);

/// How long the data of a class are kept after an activity of a kind.
#[Object]
impl RetentionRule {
    /// The kind of the activity's programme.
    async fn kind(&self) -> ProgrammeKind {
        self.0.kind.into()
    }

    /// What is kept.
    async fn data_class(&self) -> DataClass {
        self.0.class.into()
    }

    /// Days after the end of the activity's last session, or after it was set up if it has none. Null where each question
    /// says it.
    async fn days(&self) -> Option<i32> {
        self.0.days
    }

    /// When it was set; null where it is the usual time.
    async fn set_at(&self) -> Option<DateTime<Utc>> {
        self.0.set_at
    }
}

pub struct PurgeLine(Line);

/// So much of a class: of an activity, or of the people whose records an organisation keeps.
#[Object]
impl PurgeLine {
    /// What.
    async fn data_class(&self) -> DataClass {
        self.0.class.into()
    }

    /// How many: registrations of DETAILS, answers, scans of PLACES, messages, rows of lists, people of CONTACT, IDENTITY and RECORDS.
    async fn items(&self) -> i64 {
        self.0.items
    }

    /// Of which activity; null for what is a person's.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Option<Activity>> {
        let Of::Activity(id) = self.0.of else { return Ok(None) };
        Ok(Some(Viewer::of(ctx).row(id).await?.into()))
    }

    /// Which organisation keeps the records; null for what is an activity's.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        let Of::People(id) = self.0.of else { return Ok(None) };
        Ok(Some(Viewer::of(ctx).row(id).await?.into()))
    }
}

/// All of a class.
#[derive(SimpleObject)]
pub struct PurgeTotal {
    /// What.
    data_class: DataClass,
    /// How many; see `PurgeLine.items`.
    items: i64,
}

/// How many lines are shown; totals are of all.
const MOST_LINES: usize = 500;

/// What was, or would be, dropped.
#[derive(SimpleObject)]
pub struct PurgeReport {
    /// By class.
    totals: Vec<PurgeTotal>,
    /// By class, then by activity or organisation; the first 500.
    #[graphql(complexity = "20 * child_complexity + 1")]
    lines: Vec<PurgeLine>,
}

impl From<Vec<Line>> for PurgeReport {
    fn from(lines: Vec<Line>) -> Self {
        let total = |(class, items): (retention_rule::Class, i64)| PurgeTotal {
            data_class: class.into(),
            items,
        };
        Self {
            totals: totals(&lines).into_iter().map(total).collect(),
            lines: lines.into_iter().take(MOST_LINES).map(PurgeLine).collect(),
        }
    }
}

pub struct Purge {
    row: purge::Model,
    lines: Vec<Line>,
}

/// A purge of what was kept long enough, once a day.
#[Object]
impl Purge {
    /// The instant by which it judged what was kept long enough.
    async fn begun_at(&self) -> DateTime<Utc> {
        self.row.begun_at
    }

    /// When it was through; null while it is under way.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.row.ended_at
    }

    /// What it dropped of what stands below the organisation that was asked about.
    async fn report(&self) -> PurgeReport {
        self.lines.clone().into()
    }
}

/// What `setRetention` takes.
#[derive(InputObject)]
pub struct SetRetentionInput {
    /// After activities of which kind.
    kind: ProgrammeKind,
    /// What is kept.
    data_class: DataClass,
    /// From 1 to 36,500; the usual time if not given.
    days: Option<i32>,
    /// At most 500 characters.
    reason: String,
}

payloads! {
    /// What `setRetention` gives.
    SetRetentionPayload { rule: RetentionRule, SetRetentionUserError }
}

#[derive(Default)]
pub struct RetentionQuery;

#[Object]
impl RetentionQuery {
    /// How long data are kept, by the kind of the activity and by what they are. For ORG_ADMIN, ORGANISER and
    /// SECURITY_ADMIN.
    async fn retention_rules(&self, ctx: &Context<'_>) -> Result<Vec<RetentionRule>> {
        let viewer = Viewer::of(ctx);
        viewer.gate.reach::<ViewRetention>()?;
        let rules = rules(viewer.db.read()).await?;
        Ok(rules.all().map(RetentionRule).collect())
    }

    /// What a purge would drop now of the activities that an organisation and those below it hold, and of the people
    /// whose records they keep. Changes nothing. For ORG_ADMIN and SECURITY_ADMIN.
    #[graphql(complexity = "100 + child_complexity")]
    async fn purge_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose activities and people.")] organisation_id: Gid<OrganisationId>,
    ) -> Result<Option<PurgeReport>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewPurges>(organisation_id.0).await?;
        let db = viewer.db.read();
        let rules = rules(db).await?;
        let due = Due::at(db, &rules, viewer.now).await?;
        Ok(Some(due.lines(db, &permit.on().path).await?.into()))
    }

    /// The purges, newest first, with what they dropped of an organisation and those below it. For ORG_ADMIN and
    /// SECURITY_ADMIN.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn purges(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Whose activities and people.")] organisation_id: Gid<OrganisationId>,
    ) -> Result<Connection<String, Purge>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewPurges>(organisation_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let db = viewer.db.read();
        let page = purges::list(db, slice).await?;
        let ids = page.rows.iter().map(|it| it.id);
        let mut lines = purges::of(db, ids, &permit.on().path).await?;
        Ok(page.connection(
            |it| it.id,
            |row| Purge { lines: lines.remove(&row.id).unwrap_or_default(), row },
        ))
    }
}

#[derive(Default)]
pub struct RetentionMutation;

#[Object]
impl RetentionMutation {
    /// Says how long data of a class are kept after activities of a kind, for the whole service. It holds from the next
    /// purge on. For ORG_ADMIN and SECURITY_ADMIN of the root organisation.
    async fn set_retention(
        &self,
        ctx: &Context<'_>,
        input: SetRetentionInput,
    ) -> Result<SetRetentionPayload> {
        use SetRetentionErrorCode as Code;
        let viewer = Viewer::of(ctx);
        viewer.gate.signed_in()?;
        let root = organisation::root(viewer.db.read()).await?;
        let permit = viewer.gate.permit_on::<SetRetention>(root).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.required(&input.reason, 500, &["reason"], Code::ReasonMissing);
        let note = Note::default().because(Some(&reason));
        let (kind, class) = (input.kind.into(), input.data_class.into());
        let done: Result<_, Error<Code>> = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                set(tx, &permit, kind, class, input.days, viewer.now).await
            })
            .await;
        let (done, user_errors) = settle(done, viewer.lang)?;
        let rule = match done {
            Some(_) => Some(RetentionRule(rules(viewer.db.read()).await?.rule(kind, class))),
            None => None,
        };
        Ok(SetRetentionPayload { rule, user_errors })
    }
}
