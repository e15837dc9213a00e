//! Somebody at the door who is on no list, as a mutation.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use entity::{
    id::{PersonId, SessionId},
    registration, session,
};
use uuid::Uuid;

use super::{
    Registration,
    ways::{Entered, over, whole},
};
use crate::{
    attendance::{
        graphql::{Attendance, CheckInOutcome, Scan},
        scan::Answer,
        walk_in::{self, AtDoor},
    },
    authz::{
        Permit,
        policy::{RegisterWalkIn, ViewAttendance},
    },
    error::{Error, Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    person::graphql::PersonInput,
    registration::{RegisterAttendeeErrorCode as Code, RegisterAttendeeUserError, ways::Form},
    text::Check,
    write::Note,
};

/// What `registerWalkIn` takes.
#[derive(InputObject)]
pub struct RegisterWalkInInput {
    /// At the door of which session.
    session_id: Gid<SessionId>,
    /// The device's own id of this scan. The same one sent again for the same person gets the first answer.
    scan_id: Uuid,
    /// The person as typed. Whoever has the same name and phone on record is the same person.
    person: Option<PersonInput>,
    /// Somebody on record, instead of `person`.
    person_id: Option<Gid<PersonId>>,
    /// The name of a category of the activity.
    category: Option<String>,
    /// At most 50 characters; where a device always stands if not given.
    gate: Option<String>,
    /// That somebody at the door says yes, where the session asks for that.
    #[graphql(default)]
    confirm: bool,
    /// Takes a seat though there is none left, for a reason. For ORG_ADMIN.
    #[graphql(default)]
    over_capacity: bool,
    /// Why, where it goes over; at most 500 characters.
    reason: Option<String>,
}

/// What `registerWalkIn` gives.
#[derive(SimpleObject)]
pub struct RegisterWalkInPayload {
    /// ADMITTED or ALREADY_IN; NEEDS_CONFIRMATION where the session asks and `confirm` was not said: nothing is on record
    /// then. Whoever is registered already is answered as by `checkIn`. Null where it was refused.
    outcome: Option<CheckInOutcome>,
    /// Whether this scan was on record already, and this is its first answer again.
    replayed: bool,
    /// What is on record of this call.
    scan: Option<Scan>,
    /// What is known of the person at this session.
    attendance: Option<Attendance>,
    /// The registration, made here or before.
    registration: Option<Registration>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<RegisterAttendeeUserError>,
}

#[derive(Default)]
pub struct WalkInMutation;

#[Object]
impl WalkInMutation {
    /// Finds or makes the person, registers them (`way` is WALK_IN) and checks them in, all or nothing. By the session's
    /// `walkIns`: REFUSE refuses, but for ORG_ADMIN and ORGANISER, whose session it is; ASK gives NEEDS_CONFIRMATION until
    /// it is sent again with `confirm`; ACCEPT does it. There is no waiting at a door: full is refused, unless
    /// `overCapacity`. Whoever has a live registration keeps it and is checked in by it. For ORG_ADMIN, ORGANISER and
    /// DOOR_STAFF, and for a device at this door.
    async fn register_walk_in(
        &self,
        ctx: &Context<'_>,
        input: RegisterWalkInInput,
    ) -> Result<RegisterWalkInPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RegisterWalkIn>(input.session_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let (activity, goes_over) = (permit.on().activity_id, input.over_capacity);
        let reason = over(viewer, &mut check, activity, goes_over, input.reason.as_deref()).await?;
        let gate = check.optional(input.gate.as_deref(), 50, &["gate"]);
        let gate = gate.or(viewer.gate.stands_at().map(str::to_owned));
        let entered = Entered {
            activity,
            person: input.person,
            person_id: input.person_id,
            category: input.category,
            allocation: None,
        };
        let form = entered.read(viewer, &mut check).await?;
        let at_door = AtDoor { client_id: input.scan_id, gate };
        let done = match whole(check, form) {
            Ok(form) => {
                let note = Note::default().because(reason.as_deref());
                come(viewer, &permit, form, at_door, (input.confirm, goes_over), note).await
            }
            Err(refused) => Err(refused),
        };
        let (answer, user_errors) = settle(done, viewer.lang)?;
        Ok(RegisterWalkInPayload::new(answer, permit.on(), user_errors))
    }
}

/// What somebody at the door is told: none where it has to be confirmed first.
async fn come(
    viewer: &Viewer,
    permit: &Permit<RegisterWalkIn>,
    form: Form,
    at_door: AtDoor,
    (confirmed, goes_over): (bool, bool),
    note: Note,
) -> Result<Option<Answer>, Error<Code>> {
    let whom = form.whom.clone();
    if let Some(first) = walk_in::first_answer(viewer.db.read(), permit, &at_door, &whom).await? {
        return Ok(Some(first));
    }
    match permit.on().walk_ins {
        session::WalkIns::Refuse if !permit.also::<ViewAttendance>() => {
            return Err(Code::WalkInsRefused.at(["sessionId"]).into());
        }
        session::WalkIns::Ask if !confirmed => return Ok(None),
        _ => {}
    }
    let mut answer = None;
    let done: Result<registration::Model, Error<Code>> = viewer
        .write(permit, note, async |tx| {
            let namer = &viewer.app.namer;
            // A walk over the desk and through a door: too long for the stack of a resolver.
            let came = walk_in::take(tx, permit, namer, form, goes_over, &at_door, viewer.now);
            let (row, came) = Box::pin(came).await?;
            answer = Some(came);
            Ok(row)
        })
        .await;
    match done {
        Ok(_) => {
            let session = permit.on();
            let new = answer.iter().map(|it| (session.activity_id, session.id, it.scan.id));
            viewer.app.live.scanned(new);
            Ok(answer)
        }
        // A rival sent the same: its answer is the first.
        Err(Error::Failed(Failure::Conflict(zh, en))) => {
            let first = walk_in::first_answer(viewer.db.read(), permit, &at_door, &whom).await?;
            first.map(Some).ok_or(Failure::Conflict(zh, en).into())
        }
        Err(error) => Err(error),
    }
}

impl RegisterWalkInPayload {
    /// `answer` is none where it was refused, and none within where it has to be confirmed.
    fn new(
        answer: Option<Option<Answer>>,
        session: &session::Model,
        user_errors: Vec<RegisterAttendeeUserError>,
    ) -> Self {
        let asked = matches!(answer, Some(None)).then_some(CheckInOutcome::NeedsConfirmation);
        let Some(answer) = answer.flatten() else {
            return Self {
                outcome: asked,
                replayed: false,
                scan: None,
                attendance: None,
                registration: None,
                user_errors,
            };
        };
        let session = Some(session.clone());
        Self {
            outcome: Some(answer.scan.outcome.into()),
            replayed: answer.replayed,
            scan: Some(Scan(answer.scan)),
            attendance: answer
                .attendance
                .map(|row| Attendance { session, ..Attendance::from(row) }),
            // Whoever works at a door sees phones masked, also of those who were just typed in.
            registration: answer.registration.map(|row| Registration::new(row, false)),
            user_errors,
        }
    }
}
