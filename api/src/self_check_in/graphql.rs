//! Checking oneself in, as displays, phones and organisers see it.

use std::collections::HashMap;

use async_graphql::{
    Context, Enum, InputObject, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, Utc};
use entity::{
    id::{RegistrationId, ScanId, SessionId},
    scan,
};
use uuid::Uuid;

use super::{
    CheckMyselfInErrorCode, CheckMyselfInUserError, ClaimCheckInErrorCode, ClaimCheckInUserError,
    Scanned,
    flags::{self, Seen},
    guesses::Counted,
};
use crate::{
    attendance::graphql::{AttendanceStatus, CheckInOutcome, Scan},
    attendee::graphql::{MyRegistration, PublicSession},
    authz::policy::{ShowSelfCheckInCode, ViewAttendance},
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    page::Slice,
    payloads, qr,
    registration::graphql::{self as registration, Registration},
    text::Check,
};

/// What a display shows at this moment: one code, and nothing by which others could be known.
pub struct SelfCheckInCode {
    session: SessionId,
    shown: super::Shown,
}

impl SelfCheckInCode {
    fn link(&self, viewer: &Viewer) -> String {
        viewer.app.config.self_check_in_link(&Gid(self.session).to_string(), &self.shown.code)
    }
}

/// The code by which people check themselves in at a session, at this moment.
#[Object]
impl SelfCheckInCode {
    /// 8 characters, to be typed where there is no camera.
    async fn code(&self) -> &str {
        &self.shown.code
    }

    /// The page that opens by the code: what the QR code says.
    async fn url(&self, ctx: &Context<'_>) -> String {
        self.link(Viewer::of(ctx))
    }

    /// `url` as a QR code, an SVG document.
    async fn svg(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(qr::svg(&self.link(Viewer::of(ctx)))?)
    }

    /// When the next code takes its place: ask again then. Each code is taken for as long again as it was shown.
    async fn shown_until(&self) -> DateTime<Utc> {
        self.shown.until
    }

    /// The server's clock, by which a display that goes wrong reckons `shownUntil`.
    async fn server_time(&self, ctx: &Context<'_>) -> DateTime<Utc> {
        Viewer::of(ctx).now
    }
}

/// What organisers should look at.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum SelfCheckInFlag {
    /// Somebody else came in at the session on the same device.
    DeviceShared,
    /// Somebody else came in by the same claim: the code was scanned once for both.
    ClaimShared,
}

/// That somebody came in by themselves.
pub struct SelfCheckIn {
    seen: Seen,
    /// What a list fetched ahead.
    scan: Option<scan::Model>,
    registration: Option<Registration>,
}

impl SelfCheckIn {
    /// What is known of a scan, if somebody took it by themselves.
    pub async fn of(ctx: &Context<'_>, scan: &scan::Model) -> Result<Option<Self>> {
        // At a door somebody else did.
        if scan.account_id.is_some() || scan.device_id.is_some() {
            return Ok(None);
        }
        let seen = Viewer::of(ctx).load.load_one(flags::OfScan(scan.id)).await?;
        Ok(seen.map(|seen| Self { seen, scan: Some(scan.clone()), registration: None }))
    }
}

/// That somebody came in by themselves (自助签到).
#[Object]
impl SelfCheckIn {
    /// What the device calls itself: the same for all who came in on it.
    async fn device(&self) -> &str {
        &self.seen.row.device
    }

    /// What organisers should look at; it kept nobody out.
    async fn flags(&self) -> Vec<SelfCheckInFlag> {
        let all = [
            (self.seen.shares_device, SelfCheckInFlag::DeviceShared),
            (self.seen.shares_claim, SelfCheckInFlag::ClaimShared),
        ];
        all.into_iter().filter_map(|(is, flag)| is.then_some(flag)).collect()
    }

    /// The scan at the door, at the moment at which the code was scanned.
    async fn scan(&self, ctx: &Context<'_>) -> Result<Scan> {
        match &self.scan {
            Some(row) => Ok(Scan(row.clone())),
            None => Ok(Scan(Viewer::of(ctx).row(self.seen.row.scan_id).await?)),
        }
    }

    /// Who. Without the ticket code, and with the phone masked.
    async fn registration(&self, ctx: &Context<'_>) -> Result<Registration> {
        match &self.registration {
            Some(it) => Ok(it.clone()),
            None => {
                let row = Viewer::of(ctx).row(self.seen.row.registration_id).await?;
                Ok(Registration::new(row, false))
            }
        }
    }
}

/// What a phone has to show for having been there.
#[derive(SimpleObject)]
pub struct CheckInClaim {
    /// Goes into `checkMyselfIn`, by whoever has signed in since.
    token: String,
    /// The moment of scanning: when whoever uses the claim came.
    scanned_at: DateTime<Utc>,
    /// 10 minutes after it.
    good_until: DateTime<Utc>,
    /// Where.
    session: PublicSession,
}

/// What `claimCheckIn` takes.
#[derive(InputObject)]
pub struct ClaimCheckInInput {
    /// At which session.
    session_id: Gid<SessionId>,
    /// The code as it was read or typed; spaces, dashes and lower case do not matter.
    code: String,
    /// What the device calls itself, always the same, as a random UUID that it keeps; at most 100 characters.
    device_id: String,
}

/// What `checkMyselfIn` takes.
#[derive(InputObject)]
pub struct CheckMyselfInInput {
    /// The `token` of `claimCheckIn`.
    claim: String,
    /// Who comes, where several people with the same phone are registered.
    registration_id: Option<Gid<RegistrationId>>,
    /// The device's own id of this scan. The same one sent again is the same scan and gets the first answer.
    scan_id: Uuid,
}

payloads! {
    /// What `claimCheckIn` gives.
    ClaimCheckInPayload { claim: CheckInClaim, ClaimCheckInUserError }
}

/// What `checkMyselfIn` gives.
#[derive(SimpleObject)]
pub struct CheckMyselfInPayload {
    /// As a door says it. Null only when there are `userErrors`: then nothing is on record.
    outcome: Option<CheckInOutcome>,
    /// Whether this scan was on record already, and this is its first answer again.
    replayed: bool,
    /// How they attended, as far as is known; null for whoever did not come in.
    status: Option<AttendanceStatus>,
    /// When they first came in.
    first_in_at: Option<DateTime<Utc>>,
    /// Who.
    registration: Option<MyRegistration>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CheckMyselfInUserError>,
}

#[derive(Default)]
pub struct SelfCheckInQuery;

#[Object]
impl SelfCheckInQuery {
    /// The code that a display at a session shows at this moment; all displays of a session show the same. Null where
    /// people do not check themselves in (`selfCheckIn` of the session), where the activity is a draft or was called off,
    /// and when the door or the session has closed. For ORG_ADMIN, ORGANISER, DOOR_STAFF, and devices at its door.
    async fn self_check_in_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At which session.")] session_id: Gid<SessionId>,
    ) -> Result<Option<SelfCheckInCode>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ShowSelfCheckInCode>(session_id.0).await?;
        let shown = super::shown(viewer.db.read(), &permit, viewer.now).await?;
        Ok(shown.map(|shown| SelfCheckInCode { session: session_id.0, shown }))
    }

    /// Who came in at a session by themselves, the earliest first. For ORG_ADMIN and ORGANISER.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "four are those of every connection")]
    async fn self_check_ins(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "At which session.")] session_id: Gid<SessionId>,
        #[graphql(default, desc = "Only those who share a device with somebody else.")]
        only_flagged: bool,
    ) -> Result<Connection<String, SelfCheckIn>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewAttendance>(session_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = flags::list(viewer.db.read(), &permit, only_flagged, slice).await?;
        let here = ctx.look_ahead();
        let ahead = [here.field("edges").field("node"), here.field("nodes")]
            .map(|it| it.field("registration"));
        let registrations = if ahead.iter().any(async_graphql::Lookahead::exists) {
            let ids = page.rows.iter().map(|it| it.row.registration_id).collect();
            registration::of_attendances(viewer, ids, &ahead).await?
        } else {
            HashMap::default()
        };
        let wants_scans = crate::graphql::wants(ctx, "scan");
        let scans: HashMap<ScanId, scan::Model> = if wants_scans {
            viewer.load.load_many(page.rows.iter().map(|it| it.row.scan_id)).await?
        } else {
            HashMap::default()
        };
        let node = |seen: Seen| SelfCheckIn {
            scan: scans.get(&seen.row.scan_id).cloned(),
            registration: registrations.get(&seen.row.registration_id).cloned(),
            seen,
        };
        Ok(page.connection(|it| it.row.scan_id, node))
    }
}

#[derive(Default)]
pub struct SelfCheckInMutation;

#[Object]
impl SelfCheckInMutation {
    /// Exchanges the code that a display shows for a claim to have been there at this moment, to be used within 10
    /// minutes by `checkMyselfIn`. The code of this moment is taken, and those just before and after it. For everybody,
    /// without signing in. Within 5 minutes a device may send 5 wrong codes at a session; whoever has proven a phone 20,
    /// and all others together at one address 300. Right codes and old ones do not count.
    async fn claim_check_in(
        &self,
        ctx: &Context<'_>,
        input: ClaimCheckInInput,
    ) -> Result<ClaimCheckInPayload> {
        use ClaimCheckInErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let mut check = Check::new(Code::TooLong);
        let session = input.session_id.0;
        let device = check.required(&input.device_id, 100, &["deviceId"], Code::DeviceMissing);
        let code = check.optional(Some(&input.code), 100, &["code"]).unwrap_or_default();
        let addresses_tell = viewer.app.config.codes_per_address > 0;
        let address = viewer.address.as_deref().filter(|_| addresses_tell);
        let counted = Counted::of(session, &device, viewer.gate.me().ok(), address);
        let exchanged = match check.done() {
            Ok(()) => {
                let scanned = Scanned { session, code, device };
                super::public_exchange(viewer.db.read(), &counted, scanned, viewer.now).await
            }
            Err(error) => Err(error),
        };
        let done = match exchanged {
            Ok(Some(done)) => Ok(done),
            Ok(None) => {
                // What was counted stays counted.
                let count = viewer.write_unsigned("ClaimCheckIn", async |tx| {
                    counted.count(tx, viewer.now).await.map(|()| ((), None))
                });
                count.await.and_then(|()| Err(Error::from(Code::CodeWrong.at(["code"]))))
            }
            Err(error) => Err(error),
        };
        let (made, user_errors) = settle(done, viewer.lang)?;
        let claim = match made {
            Some((session, claim)) => Some(CheckInClaim {
                token: viewer.app.keys.claim(&claim)?,
                scanned_at: claim.at,
                good_until: claim.good_until(),
                session: PublicSession(session),
            }),
            None => None,
        };
        Ok(ClaimCheckInPayload { claim, user_errors })
    }

    /// Comes in by oneself, by a claim of `claimCheckIn`: a scan at the door of the claim's session, at the moment at
    /// which the code was scanned, for a registration of somebody with the phone that was proven. Whoever has no seat is
    /// told so by `outcome`, and is not let in. A second person on the same device comes in as well, and organisers see
    /// it. NOT_FOUND for registrations of others. For the holder of a token of `redeemCode`.
    async fn check_myself_in(
        &self,
        ctx: &Context<'_>,
        input: CheckMyselfInInput,
    ) -> Result<CheckMyselfInPayload> {
        use CheckMyselfInErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let me = viewer.gate.me()?;
        let named = match input.registration_id {
            Some(id) => Some(viewer.gate.mine(id.0).await?.row.id),
            None => None,
        };
        let found = match viewer.app.keys.claimed(&input.claim, viewer.now) {
            Some(claim) => super::own(viewer.db.read(), me, &claim, named)
                .await
                .map(|(session, id)| (claim, session, id)),
            None => Err(Code::ClaimInvalid.at(["claim"]).into()),
        };
        let done = match found {
            Ok((claim, session, id)) => {
                let mine = viewer.gate.mine(id).await?;
                let (scan_id, now) = (input.scan_id, viewer.now);
                let done = viewer
                    .db
                    .transaction(async |tx| {
                        super::check_in(tx, &mine, &session, &claim, scan_id, now).await
                    })
                    .await;
                if let Some(it) = done.as_ref().ok().filter(|it| !it.replayed) {
                    viewer.app.live.scanned([(session.activity_id, session.id, it.scan.id)]);
                }
                done
            }
            Err(error) => Err(error),
        };
        let (answer, user_errors) = settle(done, viewer.lang)?;
        let attendance = answer.as_ref().and_then(|it| it.attendance.as_ref());
        Ok(CheckMyselfInPayload {
            outcome: answer.as_ref().map(|it| it.scan.outcome.into()),
            replayed: answer.as_ref().is_some_and(|it| it.replayed),
            status: attendance.map(|it| it.status.into()),
            first_in_at: attendance.and_then(|it| it.first_in_at),
            registration: answer.and_then(|it| it.registration).map(Into::into),
            user_errors,
        })
    }
}
