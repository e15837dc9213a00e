//! Devices as GraphQL shows them.

mod manifest;
mod mutation;

use async_graphql::{Context, Enum, Object, Result, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{
    activity, device,
    id::{ActivityId, DeviceId},
};

pub use self::{manifest::*, mutation::*};
use super::State;
use crate::{
    activity::graphql::Activity,
    authz::policy::{ViewActivity, ViewDevices},
    error::Failure,
    graphql::{Gid, Viewer, wants},
    page::Slice,
};

/// How far a device is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "State")]
pub enum DeviceState {
    /// Its code waits to be used.
    Waiting,
    /// Nobody used its code in time.
    Lapsed,
    /// It acts by its token.
    InUse,
    /// Its time is over.
    Expired,
    /// It was taken out of use.
    Revoked,
}

pub struct Device {
    pub row: device::Model,
    /// What a list fetched ahead.
    pub activities: Option<Vec<activity::Model>>,
}

impl From<device::Model> for Device {
    fn from(row: device::Model) -> Self {
        Self { row, activities: None }
    }
}

/// A device at the doors of some activities (签到设备). With its token in `Authorization: Bearer …` it may do what
/// DOOR_STAFF of these activities may, and nothing else; it has no account.
#[Object]
impl Device {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<DeviceId> {
        Gid(self.row.id)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// At which gate it always stands, if it does: what `gate` of a scan is where the scan says none.
    async fn gate(&self) -> Option<&str> {
        self.row.gate.as_deref()
    }

    /// What it says that it is.
    async fn model(&self) -> Option<&str> {
        self.row.model.as_deref()
    }

    /// How far it is.
    async fn state(&self, ctx: &Context<'_>) -> DeviceState {
        super::state(&self.row, Viewer::of(ctx).now).into()
    }

    /// Those at whose doors it stands and which the viewer may see.
    async fn activities(&self, ctx: &Context<'_>) -> Result<Vec<Activity>> {
        let rows = match &self.activities {
            Some(rows) => rows.clone(),
            None => {
                seen(Viewer::of(ctx), [self.row.id]).await?.into_iter().map(|it| it.1).collect()
            }
        };
        Ok(rows.into_iter().map(Activity::from).collect())
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When it came into use.
    async fn redeemed_at(&self) -> Option<DateTime<Utc>> {
        self.row.redeemed_at
    }

    /// Until when its token is good.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.row.expires_at
    }

    /// When it was taken out of use.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.row.revoked_at
    }

    /// When it last asked for something, to the minute.
    async fn last_seen_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_seen_at
    }

    /// How far its clock was behind the server's when `syncScans` last measured it, in milliseconds.
    async fn clock_offset_ms(&self) -> Option<i64> {
        self.row.clock_offset_ms
    }
}

/// The activities of some devices that the viewer may see.
async fn seen(
    viewer: &Viewer,
    devices: impl IntoIterator<Item = DeviceId>,
) -> Result<super::Doors, Failure> {
    let db = viewer.db.read();
    let doors = super::doors(db, devices).await?;
    let reach = viewer.gate.reach::<ViewActivity>()?;
    let rows = crate::activity::seen(db, &reach, doors.iter().map(|it| it.1)).await?;
    let of = |id: ActivityId| rows.iter().find(|it| it.id == id);
    Ok(doors.into_iter().filter_map(|(device, id)| Some((device, of(id)?.clone()))).collect())
}

#[derive(Default)]
pub struct DeviceQuery;

#[Object]
impl DeviceQuery {
    /// The device that asks, by its token. FORBIDDEN to an account.
    async fn this_device(&self, ctx: &Context<'_>) -> Result<Option<Device>> {
        Ok(Some(Viewer::of(ctx).gate.doorkeeper()?.row.clone().into()))
    }

    /// The devices at the doors of an activity, also those that are not in use any more, newest first.
    /// For ORG_ADMIN and ORGANISER.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn devices(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
    ) -> Result<Connection<String, Device>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ViewDevices>(activity_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let page = super::list(viewer.db.read(), &permit, slice).await?;
        let doors = if wants(ctx, "activities") {
            Some(seen(viewer, page.rows.iter().map(|it| it.id)).await?)
        } else {
            None
        };
        let of = |id: DeviceId, doors: &super::Doors| {
            doors.iter().filter(|it| it.0 == id).map(|it| it.1.clone()).collect()
        };
        Ok(page.connection(
            |it| it.id,
            |row| Device { activities: doors.as_ref().map(|it| of(row.id, it)), row },
        ))
    }
}
