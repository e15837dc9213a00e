//! The list of a door as GraphQL shows it.

use async_graphql::{Context, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use entity::id::{RegistrationId, SessionId};

use crate::{
    authz::{Permit, policy::TakeManifest},
    device::manifest::{self, Entry, Manifest, Since},
    error::Failure,
    graphql::{Gid, Viewer},
    page::Slice,
    registration::{graphql::RegistrationStatus, seat},
    session::graphql::Session,
    ticket,
    write::Note,
};

pub struct ManifestEntry(Entry);

/// One registration as a door needs it to answer alone. There is no phone and no code in it.
#[Object]
impl ManifestEntry {
    /// What `registrationId` of a scan is.
    async fn registration_id(&self) -> Gid<RegistrationId> {
        Gid(self.0.row.id)
    }

    /// By which a code that was read is found: the first 16 bytes of HMAC-SHA256, in base64url without padding, by the
    /// bytes of the manifest's `codeKey`, over the code as UTF-8. The code is taken as it was read without white space
    /// and dashes, in capitals, with 1 in place of I and L, and 0 in place of O. Null where the ticket was revoked.
    async fn code_hash(&self) -> Option<&str> {
        self.0.code_hash.as_deref()
    }

    /// The number of the ticket that is good: a signed token with another serial was revoked.
    async fn serial(&self) -> i32 {
        i32::from(self.0.serial)
    }

    /// Only CONFIRMED is let in.
    async fn status(&self) -> RegistrationStatus {
        self.0.row.status.into()
    }

    /// Whose it is.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The name of the category.
    async fn category(&self) -> Option<&str> {
        self.0.category.as_deref()
    }

    /// The organisation as it was given for this activity.
    async fn organisation_name(&self) -> Option<&str> {
        self.0.row.organisation_name.as_deref()
    }

    /// The title as it was given for this activity.
    async fn title(&self) -> Option<&str> {
        self.0.row.title.as_deref()
    }

    /// Where the person sits (座位, 桌号), if that was said.
    async fn seat(&self) -> Option<&str> {
        seat::of(&self.0.row)
    }

    /// The group (小组) that the list put the person in.
    async fn group(&self) -> Option<&str> {
        self.0.row.details.0.get("group").and_then(|it| it.as_str())
    }

    /// Whether the person is inside at this session, as far as the server knows.
    async fn is_inside(&self) -> bool {
        self.0.attendance.as_ref().is_some_and(|it| it.is_inside)
    }

    /// When the person first came in at this session.
    async fn first_in_at(&self) -> Option<DateTime<Utc>> {
        self.0.attendance.as_ref().and_then(|it| it.first_in_at)
    }

    /// By which gate the person first came in.
    async fn first_gate(&self) -> Option<&str> {
        self.0.attendance.as_ref().and_then(|it| it.first_gate.as_deref())
    }
}

pub struct DoorManifest {
    permit: Permit<TakeManifest>,
    manifest: Manifest,
}

/// What a device at the door of a session needs to answer alone (签到清单).
///
/// Take the list whole, page by page, and keep the `changes` of its first page. Then ask again and again with
/// `changedSince`: `entries` and `removed` are then what changed since, and `changes` is from where to go on. A change is
/// told at least once, perhaps more often, and none is missed, also those that happen while the pages are read: what
/// comes is the present state of an entry, and simply takes the place of what was known of it.
#[Object]
impl DoorManifest {
    /// The session, with the times and the rules of its door.
    async fn session(&self) -> Session {
        Session(self.permit.on().clone())
    }

    /// The server's clock now, for how far the device's is off.
    async fn server_time(&self, ctx: &Context<'_>) -> DateTime<Utc> {
        Viewer::of(ctx).now
    }

    /// The public key that verifies the signed tokens of tickets: the activity's `ticketKey`.
    async fn ticket_key(&self, ctx: &Context<'_>) -> Result<String> {
        ticket::graphql::public_key(Viewer::of(ctx), self.permit.on().activity_id).await
    }

    /// The key of `codeHash`: 32 bytes in base64url without padding. Each activity has its own, for ever.
    async fn code_key(&self) -> String {
        self.manifest.key.shown()
    }

    /// What `changedSince` is next. Opaque.
    async fn changes(&self) -> String {
        self.manifest.next.show()
    }

    /// Whether what changed cannot be told, so that the list is to be taken whole again, without `changedSince`; all
    /// that is known is to be dropped.
    async fn start_over(&self) -> bool {
        self.manifest.start_over
    }

    /// The registrations that are not there any more, because the list that had brought them was taken back: their codes
    /// are unknown now. At most 1,000; where there are more, `startOver` says so. Empty without `changedSince`.
    async fn removed(&self) -> Vec<Gid<RegistrationId>> {
        self.manifest.gone.iter().copied().map(Gid).collect()
    }

    /// The registrations of the activity, whatever their status, or those of which something changed: the registration,
    /// its ticket, the person's name, or whether the person is inside. A page holds up to 500.
    #[graphql(complexity = "crate::schema::long_list_cost(first, last, child_complexity)")]
    async fn entries(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Connection<String, ManifestEntry>> {
        let viewer = Viewer::of(ctx);
        let slice = Slice::parse_long(first, after.as_deref(), last, before.as_deref())?;
        if self.manifest.since.is_none() && slice.is_first() {
            viewer.leave_note(&self.permit, Note::default()).await?;
        }
        let page = manifest::entries(viewer.db.read(), &self.permit, &self.manifest, slice).await?;
        Ok(page.connection(|it| it.row.id, ManifestEntry))
    }
}

#[derive(Default)]
pub struct ManifestQuery;

#[Object]
impl ManifestQuery {
    /// What a device at the door of a session needs to answer alone. Taking the list whole leaves an audit event. For
    /// ORG_ADMIN, ORGANISER and DOOR_STAFF, and for a device at this door.
    async fn door_manifest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which session's door.")] session_id: Gid<SessionId>,
        #[graphql(desc = "The `changes` of an earlier answer, for what changed since.")]
        changed_since: Option<String>,
    ) -> Result<Option<DoorManifest>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<TakeManifest>(session_id.0).await?;
        let since = match changed_since {
            None => None,
            Some(text) => Some(Since::read(&text).ok_or(Failure::BadInput(
                "changedSince 不是清单给出的值",
                "changedSince is not what a manifest gave",
            ))?),
        };
        let manifest = manifest::open(viewer.db.read(), &permit, since).await?;
        Ok(Some(DoorManifest { permit, manifest }))
    }
}
