//! Trainers: who teaches what, as GraphQL shows it.

use async_graphql::{Context, InputObject, Object, Result, connection::Connection};
use entity::{
    id::{PersonId, SessionId},
    session, trainer,
};

use super::sees_trainers;
use crate::{
    authz::policy::{SetTrainers, ViewPerson, ViewTrainers},
    class::trainer::{self as trainers, Draft, MOST, TrainersErrorCode, TrainersUserError},
    error::Refusal,
    graphql::{Gid, Viewer, settle},
    page::Slice,
    payloads,
    person::graphql::Person,
    session::graphql::Session,
    text::Check,
    write::Note,
};

pub struct Trainer(trainer::Model);

/// Somebody who teaches at a session (师资).
#[Object]
impl Trainer {
    /// Who; the phone is masked.
    async fn person(&self, ctx: &Context<'_>) -> Result<Person> {
        Ok(Person::new(Viewer::of(ctx).row(self.0.person_id).await?, false))
    }

    /// At which session.
    async fn session(&self, ctx: &Context<'_>) -> Result<Session> {
        Ok(Session(Viewer::of(ctx).row(self.0.session_id).await?))
    }

    /// What they speak of, if it was said.
    async fn topic(&self) -> Option<&str> {
        self.0.topic.as_deref()
    }

    /// As what: 主讲, 主持, 点评 …
    async fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }
}

/// Names who teaches at a session, for the loader.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TrainersOf(pub SessionId);

/// Who teaches at a session, for those who may see that.
pub async fn trainers_of(ctx: &Context<'_>, session: &session::Model) -> Result<Vec<Trainer>> {
    let viewer = Viewer::of(ctx);
    let rows = viewer.load.load_one(TrainersOf(session.id)).await?.unwrap_or_default();
    if rows.is_empty() || !sees_trainers(viewer, &viewer.row(session.activity_id).await?).await? {
        return Ok(Vec::new());
    }
    Ok(rows.into_iter().map(Trainer).collect())
}

/// What somebody taught and is to teach, as far as the viewer's scope goes.
pub async fn taught_by(
    ctx: &Context<'_>,
    person: PersonId,
    slice: Slice<SessionId>,
) -> Result<Connection<String, Trainer>> {
    let viewer = Viewer::of(ctx);
    let reach = viewer.gate.reach::<ViewTrainers>()?;
    let page = trainers::taught_by(viewer.db.read(), &reach, person, slice).await?;
    Ok(page.connection(|it| it.session_id, Trainer))
}

/// Somebody who is to teach.
#[derive(InputObject)]
pub struct TrainerInput {
    /// Who.
    person_id: Gid<PersonId>,
    /// What they speak of; at most 200 characters.
    topic: Option<String>,
    /// As what: 主讲, 主持, 点评 …; at most 50 characters.
    role: Option<String>,
}

/// What `setTrainers` takes.
#[derive(InputObject)]
pub struct SetTrainersInput {
    /// At which session.
    session_id: Gid<SessionId>,
    /// All who teach there, in their order; at most 20.
    trainers: Vec<TrainerInput>,
}

payloads! {
    /// What `setTrainers` gives.
    SetTrainersPayload { session: Session, TrainersUserError }
}

#[derive(Default)]
pub struct TrainerMutation;

#[Object]
impl TrainerMutation {
    /// Says who teaches at a session, whole: who is not named does not teach there any more. For ORG_ADMIN and ORGANISER
    /// who see the people that they add.
    async fn set_trainers(
        &self,
        ctx: &Context<'_>,
        input: SetTrainersInput,
    ) -> Result<SetTrainersPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetTrainers>(input.session_id.0).await?;
        let db = viewer.db.read();
        let mut known = trainers::of_sessions(db, [permit.on().id]).await?;
        let known = known.remove(&permit.on().id).unwrap_or_default();
        let mut check = Check::new(TrainersErrorCode::TooLong);
        if input.trainers.len() > MOST {
            check.refuse(TrainersErrorCode::TooMany.at(["trainers"]).about(MOST));
        }
        let mut drafts: Vec<Draft> = Vec::with_capacity(input.trainers.len().min(MOST));
        for (at, it) in input.trainers.into_iter().take(MOST).enumerate() {
            let at = at.to_string();
            let path = |field| ["trainers", at.as_str(), field];
            let id = it.person_id.0;
            // Who teaches here already need not be seen anew.
            let person = if known.iter().any(|it| it.person_id == id) {
                viewer.row(id).await?
            } else {
                viewer.gate.permit::<ViewPerson>(id).await?.into_row()
            };
            if drafts.iter().any(|it| it.person == id) {
                let twice = TrainersErrorCode::Twice.at(path("personId"));
                check.refuse(twice.about(&person.name));
            }
            drafts.push(Draft {
                person: id,
                topic: check.optional(it.topic.as_deref(), 200, &path("topic")),
                role: check.optional(it.role.as_deref(), 50, &path("role")),
            });
        }
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                trainers::set(tx, &permit, drafts).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(SetTrainersPayload { session: row.map(Session), user_errors })
    }
}
