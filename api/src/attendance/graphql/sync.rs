//! Scans that devices send later, as a mutation.

use std::collections::BTreeMap;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use entity::id::{RegistrationId, SessionId};
use uuid::Uuid;

use super::{CheckInInput, CheckInOutcome, Scan, ScanDirection};
use crate::{
    attendance::{
        scan::{Attempt, CheckInErrorCode, CheckInUserError},
        sync::{self, Synced},
    },
    authz::{Permit, policy::CheckIn},
    device,
    error::{Error, Failure, Refusal, Refused},
    graphql::{Gid, UserError, Viewer},
    refusals,
};

refusals! {
    /// Why none of the scans was looked at.
    SyncScansErrorCode, SyncScansUserError {
        /// There are none, or more than 500.
        ScansUnfit = "一次须为1至500条扫码", "send 1 to 500 scans at once";
    }
}

/// What `syncScans` takes.
#[derive(InputObject)]
pub struct SyncScansInput {
    /// What the device's clock says as it sends this. How far it is off is taken into account for all its scans.
    device_now: DateTime<Utc>,
    /// At which session, for the scans that name none.
    session_id: Option<Gid<SessionId>>,
    /// 1 to 500, in any order.
    scans: Vec<SyncedScanInput>,
}

/// A scan that a device took without a network.
#[derive(InputObject)]
pub struct SyncedScanInput {
    /// The device's own id of this scan. The same one sent again is the same scan and gets the first answer.
    scan_id: Uuid,
    /// At which session; that of the whole if not given.
    session_id: Option<Gid<SessionId>>,
    /// The code or the signed token as it was read or typed; spaces, dashes and lower case do not matter.
    ticket_code: Option<String>,
    /// A registration that was looked up, instead of `ticketCode`.
    registration_id: Option<Gid<RegistrationId>>,
    /// What the device's clock said. Corrected by how far that is off, it is believed from 14 days before to 2 minutes
    /// after the server's; otherwise the scan goes by the server's clock.
    scanned_at: DateTime<Utc>,
    /// At most 50 characters; where the device always stands if not given.
    gate: Option<String>,
    /// ENTRY if not given; EXIT where the session takes exits.
    direction: Option<ScanDirection>,
    /// What the device told the person.
    told: CheckInOutcome,
}

/// What came of one scan that was sent later.
#[derive(SimpleObject)]
pub struct SyncedScan {
    /// The device's own id of it.
    scan_id: Uuid,
    /// What the server says of it. Null only when there are `userErrors`: then nothing is on record.
    outcome: Option<CheckInOutcome>,
    /// Whether it was on record already, and this is its first answer again.
    replayed: bool,
    /// What is on record of it; `isConflict` says whether somebody was let in who should not have been.
    scan: Option<Scan>,
    /// Why it was refused, all reasons at once; empty where it was taken.
    user_errors: Vec<CheckInUserError>,
}

/// What came of scans that were sent later.
#[derive(SimpleObject)]
pub struct SyncedScans {
    /// In the order in which they were sent.
    results: Vec<SyncedScan>,
    /// The server's clock.
    server_time: DateTime<Utc>,
    /// How far the device's clock is behind the server's, in milliseconds; less than nothing where it is ahead.
    clock_offset_ms: i64,
}

/// What `syncScans` gives.
#[derive(SimpleObject)]
pub struct SyncScansPayload {
    /// Null where none was looked at.
    synced: Option<SyncedScans>,
    /// Why none was looked at; what is wrong with one scan is said of that one.
    user_errors: Vec<SyncScansUserError>,
}

#[derive(Default)]
pub struct SyncMutation;

#[Object]
impl SyncMutation {
    /// Takes the scans that a device took without a network: up to 500 at once, in any order, days late. Each stands
    /// alone and has its own outcome; one that is refused keeps none of the others out. The same `scanId` sent again
    /// changes nothing and gets its first answer, so send all again until an answer comes. Two gates that both let the
    /// same person in are both kept, and the one that is sent later is marked as a conflict; so is whoever was let in
    /// though cancelled, not confirmed or unknown. For ORG_ADMIN, ORGANISER and DOOR_STAFF, and for a device at the
    /// door of each session.
    async fn sync_scans(
        &self,
        ctx: &Context<'_>,
        input: SyncScansInput,
    ) -> Result<SyncScansPayload> {
        let viewer = Viewer::of(ctx);
        viewer.gate.signed_in()?;
        if !(1..=sync::MOST).contains(&input.scans.len()) {
            let refused = SyncScansErrorCode::ScansUnfit.at(["scans"]);
            let user_errors = vec![SyncScansUserError::show(refused, viewer.lang)];
            return Ok(SyncScansPayload { synced: None, user_errors });
        }
        let offset = viewer.now - input.device_now.trunc_subsecs(6);
        let doors = Doors::open(viewer, &input).await?;
        let ids: Vec<Uuid> = input.scans.iter().map(|it| it.scan_id).collect();
        let read: Vec<Result<Attempt, Error<CheckInErrorCode>>> = input
            .scans
            .into_iter()
            .map(|it| it.attempt(&doors, input.session_id, offset, viewer.gate.stands_at()))
            .collect();
        let attempts: Vec<Attempt> =
            read.iter().filter_map(|it| it.as_ref().ok().cloned()).collect();
        let mut taken = sync::take(&viewer.db, &attempts, viewer.now).await.into_iter();
        if let Ok(doorkeeper) = viewer.gate.doorkeeper() {
            device::note_clock(&viewer.db, doorkeeper, offset).await?;
        }
        let mut results = Vec::with_capacity(ids.len());
        let mut new = Vec::new();
        for (nth, (scan_id, read)) in ids.into_iter().zip(read).enumerate() {
            let came = match read {
                Ok(_) => taken.next().unwrap_or(Synced::Later),
                Err(Error::Refused(all)) => {
                    results.push(refused(scan_id, all, nth, viewer));
                    continue;
                }
                Err(Error::Failed(failure)) => return Err(failure.into()),
            };
            results.push(match came {
                Synced::Taken(answer) => {
                    let (session, id) = (answer.scan.session_id, answer.scan.id);
                    let door = doors.0.get(&session).filter(|_| !answer.replayed);
                    new.extend(door.map(|it| (it.on().activity_id, session, id)));
                    SyncedScan {
                        scan_id,
                        outcome: Some(answer.scan.outcome.into()),
                        replayed: answer.replayed,
                        scan: Some(Scan(answer.scan)),
                        user_errors: Vec::new(),
                    }
                }
                Synced::Refused(why) => refused(scan_id, vec![why], nth, viewer),
                Synced::Later => {
                    let later = CheckInErrorCode::TryAgain.at::<String>([]);
                    refused(scan_id, vec![later], nth, viewer)
                }
            });
        }
        viewer.app.live.scanned(new);
        let clock_offset_ms = offset.num_milliseconds();
        let synced = SyncedScans { results, server_time: viewer.now, clock_offset_ms };
        Ok(SyncScansPayload { synced: Some(synced), user_errors: Vec::new() })
    }
}

/// The `nth` scan, which was refused.
fn refused(
    scan_id: Uuid,
    why: Vec<Refused<CheckInErrorCode>>,
    nth: usize,
    viewer: &Viewer,
) -> SyncedScan {
    let user_errors = why
        .into_iter()
        .map(|mut it| {
            // From `input` on: the way leads over the list.
            it.path.splice(1..1, ["scans".to_owned(), nth.to_string()]);
            CheckInUserError::show(it, viewer.lang)
        })
        .collect();
    SyncedScan { scan_id, outcome: None, replayed: false, scan: None, user_errors }
}

/// The sessions that are named and at whose doors the viewer may stand.
struct Doors(BTreeMap<SessionId, Permit<CheckIn>>);

impl Doors {
    async fn open(viewer: &Viewer, input: &SyncScansInput) -> Result<Self, Failure> {
        let mut doors = BTreeMap::new();
        let mut closed = Vec::new();
        for it in &input.scans {
            let Some(Gid(id)) = it.session_id.or(input.session_id) else { continue };
            if doors.contains_key(&id) || closed.contains(&id) {
                continue;
            }
            match viewer.gate.permit::<CheckIn>(id).await {
                Ok(permit) => {
                    doors.insert(id, permit);
                }
                Err(Failure::NotFound | Failure::Forbidden) => closed.push(id),
                Err(failure) => return Err(failure),
            }
        }
        Ok(Self(doors))
    }
}

impl SyncedScanInput {
    fn attempt(
        self,
        doors: &Doors,
        session: Option<Gid<SessionId>>,
        offset: TimeDelta,
        stands_at: Option<&str>,
    ) -> Result<Attempt, Error<CheckInErrorCode>> {
        let session = self.session_id.or(session);
        let door = session.and_then(|it| Some((it, doors.0.get(&it.0)?)));
        let Some((session_id, permit)) = door else {
            return Err(CheckInErrorCode::SessionUnknown.at(["sessionId"]).into());
        };
        let scan = CheckInInput {
            session_id,
            ticket_code: self.ticket_code,
            registration_id: self.registration_id,
            scan_id: self.scan_id,
            gate: self.gate,
            scanned_at: Some(self.scanned_at),
            direction: self.direction,
        };
        let mut attempt = scan.attempt(permit, stands_at)?;
        attempt.clock_offset = Some(offset);
        attempt.believed_before = sync::BELIEVED_BEFORE;
        attempt.told = Some(self.told.into());
        Ok(attempt)
    }
}
