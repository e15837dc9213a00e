//! Tickets as GraphQL shows them.

use async_graphql::{Context, InputObject, Object, Result};
use entity::{
    id::{ActivityId, RegistrationId},
    registration,
};

use super::{Secret, SerialOf, TicketErrorCode, TicketUserError};
use crate::{
    authn::TicketOpener,
    authz::policy::{ReissueTicket, RevokeTicket},
    error::Failure,
    graphql::{Gid, Viewer, settle},
    payloads,
    registration::graphql::Registration,
    text::Check,
    write::Note,
};

/// The ticket of a registration, for those who may see its code.
pub struct Ticket {
    pub row: registration::Model,
    /// Who may open the addresses that are given out.
    pub opener: TicketOpener,
}

impl Ticket {
    fn url(&self, viewer: &Viewer, kind: &str) -> Result<String, Failure> {
        let token = viewer.app.keys.ticket(self.row.id, self.opener, viewer.now)?;
        Ok(format!("/tickets/{}.{kind}?token={token}", Gid(self.row.id)))
    }

    fn picture(&self, viewer: &Viewer, kind: &str, signed: bool) -> Result<Option<String>> {
        if super::shown_code(&self.row).is_none() {
            return Ok(None);
        }
        let url = self.url(viewer, kind)?;
        Ok(Some(if signed { format!("{url}&signed=true") } else { url }))
    }
}

/// What gets a person in (参会码): a code, and the same signed for doors without a network. Addresses are relative to the
/// server, work without a header for an hour, and for as long as whoever got them may see the ticket.
#[Object]
impl Ticket {
    /// Which of the registration's tickets it is, from 1: one more for each that was revoked.
    async fn serial(&self, ctx: &Context<'_>) -> Result<i32> {
        let serial = Viewer::of(ctx).load.load_one(SerialOf(self.row.id)).await?;
        Ok(i32::from(serial.ok_or_else(|| Failure::internal("no serial"))?))
    }

    /// The code. Null where it was revoked.
    async fn code(&self) -> Option<&str> {
        super::code(&self.row)
    }

    /// The signed token: 159 characters of base 32 (RFC 4648), 99 bytes. Byte 0 is 1; then the UUID of the activity (16
    /// bytes), the UUID of the registration (16), the serial (2, big-endian), and the Ed25519 signature (64) of the 35
    /// bytes before it, by the key whose public half is the activity's `ticketKey`. `checkIn` takes it as `ticketCode`.
    /// Null unless the registration is CONFIRMED, and where the ticket was revoked.
    async fn token(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        if super::shown_code(&self.row).is_none() {
            return Ok(None);
        }
        let viewer = Viewer::of(ctx);
        let secret = viewer.load.load_one(Secret).await?;
        let serial = viewer.load.load_one(SerialOf(self.row.id)).await?;
        let both = secret.zip(serial).ok_or_else(|| Failure::internal("no secret or serial"))?;
        Ok(Some(super::sign(&both.0, &self.row, both.1)?))
    }

    /// Where the QR code is as SVG. Null unless the registration is CONFIRMED, and where the ticket was revoked.
    async fn svg_url(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "Whether the QR code holds the token instead of the code.")]
        signed: bool,
    ) -> Result<Option<String>> {
        self.picture(Viewer::of(ctx), "svg", signed)
    }

    /// Where the QR code is as PNG. Null unless the registration is CONFIRMED, and where the ticket was revoked.
    async fn png_url(
        &self,
        ctx: &Context<'_>,
        #[graphql(default, desc = "Whether the QR code holds the token instead of the code.")]
        signed: bool,
    ) -> Result<Option<String>> {
        self.picture(Viewer::of(ctx), "png", signed)
    }

    /// Where the sessions are for a calendar (iCalendar, RFC 5545): CONFIRMED, TENTATIVE or CANCELLED as the
    /// registration stands.
    async fn ics_url(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(self.url(Viewer::of(ctx), "ics")?)
    }
}

/// The public key of an activity.
pub async fn public_key(viewer: &Viewer, activity: ActivityId) -> Result<String> {
    let secret = viewer.load.load_one(Secret).await?;
    let secret = secret.ok_or_else(|| Failure::internal("no secret"))?;
    Ok(super::public_key(&secret, activity)?)
}

/// What `reissueTicket` takes.
#[derive(InputObject)]
pub struct ReissueTicketInput {
    /// Whose.
    registration_id: Gid<RegistrationId>,
    /// Why; at most 500 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `revokeTicket` takes.
#[derive(InputObject)]
pub struct RevokeTicketInput {
    /// Whose.
    registration_id: Gid<RegistrationId>,
    /// Why; at most 500 characters.
    reason: String,
}

payloads! {
    /// What `reissueTicket` gives.
    ReissueTicketPayload { registration: Registration, TicketUserError }
    /// What `revokeTicket` gives.
    RevokeTicketPayload { registration: Registration, TicketUserError }
}

fn reason(check: &mut Check<TicketErrorCode>, text: &str) -> String {
    check.required(text, 500, &["reason"], TicketErrorCode::ReasonMissing)
}

#[derive(Default)]
pub struct TicketMutation;

#[Object]
impl TicketMutation {
    /// Revokes the ticket of a live registration and makes a new one: the door answers UNKNOWN_CODE to the old code and
    /// the old token from now on. Refused for a registration that is not live. For ORG_ADMIN and ORGANISER.
    async fn reissue_ticket(
        &self,
        ctx: &Context<'_>,
        input: ReissueTicketInput,
    ) -> Result<ReissueTicketPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ReissueTicket>(input.registration_id.0).await?;
        let mut check = Check::new(TicketErrorCode::TooLong);
        let reason = reason(&mut check, &input.reason);
        let note = Note::keyed(input.idempotency_key.clone(), &input).because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::reissue(tx, &permit, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(ReissueTicketPayload { registration, user_errors })
    }

    /// Revokes the ticket of a registration: the door answers UNKNOWN_CODE to it from now on, and the registration has
    /// none until `reissueTicket`. The registration stays as it is. For ORG_ADMIN and ORGANISER.
    async fn revoke_ticket(
        &self,
        ctx: &Context<'_>,
        input: RevokeTicketInput,
    ) -> Result<RevokeTicketPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RevokeTicket>(input.registration_id.0).await?;
        let mut check = Check::new(TicketErrorCode::TooLong);
        let reason = reason(&mut check, &input.reason);
        let note = Note::default().because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                super::revoke(tx, &permit, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(RevokeTicketPayload { registration, user_errors })
    }
}
