//! Acts on many registrations as GraphQL shows them.

use std::collections::HashMap;

use async_graphql::{
    Context, Enum, InputObject, Object, OneofObject, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, Utc};
use entity::{
    bulk_act, bulk_row,
    id::{ActivityId, BulkActId, RegistrationId},
    registration,
};

use super::{Registration, RegistrationFilter};
use crate::{
    activity::graphql::Activity,
    authz::policy::{ChangeRegistrations, RegisterAttendee, ViewBulkAct},
    error::Refusal,
    graphql::{Gid, Viewer, settle, wants},
    page::Slice,
    payloads,
    registration::{
        RegistrationErrorCode,
        bulk::{
            self, Act, ChangeRegistrationsErrorCode as Code, ChangeRegistrationsUserError, Which,
        },
    },
    text::Check,
    write::Note,
};

/// How far an act on many registrations is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "bulk_act::State")]
pub enum BulkActState {
    /// Goes on in the background.
    Running,
    /// Every row has its outcome.
    Done,
    /// All or nothing was asked for, and a row was refused: nothing was done.
    Refused,
}

/// What came of one registration.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "bulk_row::Outcome")]
pub enum BulkOutcome {
    /// Not looked at yet.
    Waiting,
    /// Done.
    Done,
    /// A rule stood against it; nothing was changed.
    Refused,
    /// Would have been done, but another was refused and all or nothing was asked for.
    Undone,
}

pub struct BulkAct(pub bulk_act::Model);

/// One act on many registrations of an activity.
#[Object]
impl BulkAct {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<BulkActId> {
        Gid(self.0.id)
    }

    /// Of which activity the registrations are.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Activity> {
        Ok(Activity::from(Viewer::of(ctx).row(self.0.activity_id).await?))
    }

    /// How far it is.
    async fn state(&self) -> BulkActState {
        self.0.state.into()
    }

    /// Whether one refusal undoes it all.
    async fn all_or_nothing(&self) -> bool {
        self.0.all_or_nothing
    }

    /// On how many registrations it is.
    async fn total(&self) -> i32 {
        self.0.total
    }

    /// How many were done; none where all or nothing was asked for and one was refused.
    async fn done(&self) -> i32 {
        self.0.done
    }

    /// How many were refused.
    async fn refused(&self) -> i32 {
        self.0.refused
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When the last row had its outcome.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// What came of each, in the order asked for.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn rows(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Those with this outcome.")] outcome: Option<BulkOutcome>,
    ) -> Result<Connection<String, BulkRow>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit_on::<ViewBulkAct>(self.0.clone()).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let db = viewer.db.read();
        let page = bulk::rows(db, &permit, outcome.map(Into::into), slice).await?;
        let mut found: HashMap<RegistrationId, registration::Model> = HashMap::new();
        if wants(ctx, "registration") {
            let there = bulk::of_rows(db, &page.rows).await?;
            found = there.into_iter().map(|it| (it.id, it)).collect();
        }
        let lang = viewer.lang;
        let node = |row: bulk_row::Model| {
            let code = row.code.as_deref().and_then(bulk::code_named);
            let of = row.result_id.unwrap_or(row.registration_id);
            BulkRow {
                row: row.row,
                outcome: row.outcome.into(),
                code,
                message: code.map(|it| it.message(lang).replace("{}", "")),
                registration: found.remove(&of).map(|it| Registration::new(it, true)),
            }
        };
        Ok(page.connection(|it| it.row, node))
    }
}

/// One registration of an act on many.
#[derive(SimpleObject)]
pub struct BulkRow {
    /// Its place in the order asked for, from 1.
    row: i32,
    /// What came of it.
    outcome: BulkOutcome,
    /// Why it was refused.
    code: Option<RegistrationErrorCode>,
    /// The same in the language of the request.
    message: Option<String>,
    /// The registration as it is now, or the one that came of it in another activity; null where it is gone.
    registration: Option<Registration>,
}

/// Approves each at the step it waits at.
#[derive(InputObject)]
pub struct ApproveActInput {
    /// Why; at most 500 characters.
    reason: Option<String>,
}

/// Declines each: one that waits for approval, at its step; another live one, whatever it waits for or holds.
#[derive(InputObject)]
pub struct DeclineActInput {
    /// Why; at most 500 characters.
    reason: String,
}

/// Asks each to come and to answer: those without a seat here, or all of them to another activity.
#[derive(InputObject)]
pub struct InviteActInput {
    /// By when an answer is asked for.
    reply_by: Option<DateTime<Utc>>,
    /// To another activity; they stay as they are here. Those who are registered there are refused.
    to_activity_id: Option<Gid<ActivityId>>,
}

/// Moves each to another category or activity, as `moveRegistration` does.
#[derive(InputObject)]
pub struct MoveActInput {
    /// The name of another category of the same activity.
    category: Option<String>,
    /// Another activity, instead of `category`.
    to_activity_id: Option<Gid<ActivityId>>,
}

/// Cancels each, as `cancelRegistration` does.
#[derive(InputObject)]
pub struct CancelActInput {
    /// Why; at most 500 characters.
    reason: Option<String>,
}

/// What is done to each registration: one of these.
#[derive(OneofObject)]
pub enum RegistrationActInput {
    /// Approves each at the step it waits at.
    Approve(ApproveActInput),
    /// Declines each.
    Decline(DeclineActInput),
    /// Asks each to come and to answer.
    Invite(InviteActInput),
    /// Moves each to another category or activity.
    Move(MoveActInput),
    /// Cancels each.
    Cancel(CancelActInput),
}

/// What `changeRegistrations` takes.
#[derive(InputObject)]
pub struct ChangeRegistrationsInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// What is done to each.
    act: RegistrationActInput,
    /// Which ones; at most 20,000. One that is there twice counts once.
    registration_ids: Option<Vec<Gid<RegistrationId>>>,
    /// Those that this narrows the activity's to when it is asked for, instead of `registrationIds`; at most 20,000.
    filter: Option<RegistrationFilter>,
    /// Whether one refusal undoes it all.
    #[graphql(default)]
    all_or_nothing: bool,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

payloads! {
    /// What `changeRegistrations` gives.
    ChangeRegistrationsPayload { bulk_act: BulkAct, ChangeRegistrationsUserError }
}

#[derive(Default)]
pub struct BulkQuery;

#[Object]
impl BulkQuery {
    /// An act on many registrations, with its progress. For ORG_ADMIN and ORGANISER of the activity.
    async fn bulk_act(&self, ctx: &Context<'_>, id: Gid<BulkActId>) -> Result<Option<BulkAct>> {
        let permit = Viewer::of(ctx).gate.permit::<ViewBulkAct>(id.0).await?;
        Ok(Some(BulkAct(permit.into_row())))
    }
}

#[derive(Default)]
pub struct BulkMutation;

#[Object]
impl BulkMutation {
    /// Does one act on many registrations of an activity, with an outcome for each. Up to 200 are done at once; more go
    /// on in the background, to be followed by `bulkAct`, and the rights are asked again there. For ORG_ADMIN and
    /// ORGANISER, of both activities where there are two.
    async fn change_registrations(
        &self,
        ctx: &Context<'_>,
        input: ChangeRegistrationsInput,
    ) -> Result<ChangeRegistrationsPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ChangeRegistrations>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let (reason, act) = read(viewer, permit.on().id, input.act, &mut check).await?;
        if let Some(to) = act.as_ref().and_then(Act::target) {
            viewer.gate.permit::<RegisterAttendee>(to).await?;
        }
        let which = match (input.registration_ids, input.filter) {
            (Some(ids), None) => Some(Which::These(ids.into_iter().map(|it| it.0).collect())),
            (None, Some(filter)) => Some(Which::All(filter.into())),
            _ => {
                check.refuse(Code::WhichUnclear.at(["registrationIds"]));
                None
            }
        };
        let note = note.because(reason.as_deref());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                let (Some(act), Some(which)) = (act, which) else {
                    return Err(Code::WhichUnclear.at(["registrationIds"]).into());
                };
                bulk::begin(tx, &permit, &act, which, input.all_or_nothing, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(ChangeRegistrationsPayload { bulk_act: row.map(BulkAct), user_errors })
    }
}

/// The act that is asked for, and why; none where something is wrong with it.
async fn read(
    viewer: &Viewer,
    activity: ActivityId,
    input: RegistrationActInput,
    check: &mut Check<Code>,
) -> Result<(Option<String>, Option<Act>)> {
    let optional = |check: &mut Check<Code>, reason: Option<String>, act: &str| {
        check.optional(reason.as_deref(), 500, &["act", act, "reason"])
    };
    Ok(match input {
        RegistrationActInput::Approve(it) => {
            let reason = optional(check, it.reason, "approve");
            (reason.clone(), Some(Act::Approve { reason }))
        }
        RegistrationActInput::Decline(it) => {
            let path = ["act", "decline", "reason"];
            let reason = check.required(&it.reason, 500, &path, Code::ReasonMissing);
            (Some(reason.clone()), Some(Act::Decline { reason }))
        }
        RegistrationActInput::Invite(it) => {
            if it.reply_by.is_some_and(|by| by <= viewer.now) {
                check.refuse(Code::ReplyByPast.at(["act", "invite", "replyBy"]));
            }
            let to = it.to_activity_id.map(|it| it.0);
            (None, Some(Act::Invite { reply_by: it.reply_by, to }))
        }
        RegistrationActInput::Move(it) => {
            let path = ["act", "move", "category"];
            let act = match (check.optional(it.category.as_deref(), 50, &path), it.to_activity_id) {
                (None, Some(to)) => Some(Act::Transfer { to: to.0 }),
                (Some(name), None) => {
                    let db = viewer.db.read();
                    let found = crate::activity::category_named(db, activity, &name).await?;
                    if found.is_none() {
                        check.refuse(Code::CategoryUnknown.at(path).about(&name));
                    }
                    found.map(|it| Act::Recategorise { category: it.id })
                }
                _ => {
                    check.refuse(Code::TargetUnclear.at(path));
                    None
                }
            };
            (None, act)
        }
        RegistrationActInput::Cancel(it) => {
            let reason = optional(check, it.reason, "cancel");
            (reason.clone(), Some(Act::Cancel { reason }))
        }
    })
}
