//! Where people sit, as a mutation.

use async_graphql::{Context, InputObject, Object, Result};
use entity::id::{ActivityId, RegistrationId};

use crate::{
    activity::graphql::Activity,
    authz::policy::SetSeats,
    error::Failure,
    graphql::{Gid, Viewer, settle},
    payloads,
    registration::{RegistrationErrorCode as Code, RegistrationUserError, seat},
    text::Check,
    write::Note,
};

/// Where somebody sits.
#[derive(InputObject)]
pub struct SeatInput {
    /// Who; of the activity, each once.
    registration_id: Gid<RegistrationId>,
    /// At most 50 characters, such as 5桌3号 or A12. Null takes the seat away.
    seat: Option<String>,
}

/// What `setSeats` takes.
#[derive(InputObject)]
pub struct SetSeatsInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// 1 to 500; whoever is not named keeps the seat they have.
    seats: Vec<SeatInput>,
}

payloads! {
    /// What `setSeats` gives.
    SetSeatsPayload { activity: Activity, RegistrationUserError }
}

#[derive(Default)]
pub struct SeatMutation;

#[Object]
impl SeatMutation {
    /// Says where people sit: all that is given, or nothing. Doors show it, with a network and
    /// without. Two people may have the same, as of one table. For ORG_ADMIN and ORGANISER.
    async fn set_seats(&self, ctx: &Context<'_>, input: SetSeatsInput) -> Result<SetSeatsPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<SetSeats>(input.activity_id.0).await?;
        if !(1..=seat::MOST).contains(&input.seats.len()) {
            return Err(Failure::BadInput("每次须为1至500人", "1 to 500 people at a time").into());
        }
        let mut check = Check::new(Code::TooLong);
        let mut seats = Vec::with_capacity(input.seats.len());
        for (at, it) in input.seats.iter().enumerate() {
            let at = at.to_string();
            let text = check.optional(it.seat.as_deref(), seat::LONGEST, &["seats", &at, "seat"]);
            seats.push((it.registration_id.0, text));
        }
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                seat::set(tx, &permit, seats).await
            })
            .await;
        let (activity, user_errors) = settle(done, viewer.lang)?;
        Ok(SetSeatsPayload { activity: activity.map(Into::into), user_errors })
    }
}
