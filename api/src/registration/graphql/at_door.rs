//! Whoever is found at the door, as GraphQL shows them.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::{id::SessionId, registration};

use super::{Registration, wanted};
use crate::{
    attendance::graphql::Attendance,
    authz::{Permit, policy::FindAtDoor},
    error::Failure,
    graphql::{Gid, Viewer},
    registration::at_door::{self, MOST},
};

/// Somebody who was found at the door of a session.
#[derive(SimpleObject)]
pub struct DoorMatch {
    /// Who, with the phone masked and without the ticket code.
    registration: Registration,
    /// What is known of them at this session; null where they are not in, and nothing else is.
    attendance: Option<Attendance>,
}

#[derive(Default)]
pub struct AtDoorQuery;

#[Object]
impl AtDoorQuery {
    /// Finds who stands at the door of a session among those registered: by the ticket code; by the last four digits of the
    /// phone, or the whole of it; by the beginning of the name, of two Chinese characters or more; or by three letters or
    /// more of its pinyin or initials. Those with a seat come first, then the others, whose `status` says why they have
    /// none. For ORG_ADMIN, ORGANISER and DOOR_STAFF, and for devices; all see phones masked and no ticket codes.
    #[graphql(complexity = "crate::schema::list_cost(Some(first), None, child_complexity)")]
    async fn find_at_door(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At which session's door.")] session_id: Gid<SessionId>,
        #[graphql(desc = "As it was typed or scanned.")] text: String,
        #[graphql(desc = "So many at most, from 1 to 20.", default = 10)] first: i32,
    ) -> Result<Vec<DoorMatch>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<FindAtDoor>(session_id.0).await?;
        found(ctx, &permit, &text, first).await
    }
}

/// Those who are found, with all that is selected of them fetched once.
async fn found(
    ctx: &Context<'_>,
    permit: &Permit<FindAtDoor>,
    text: &str,
    first: i32,
) -> Result<Vec<DoorMatch>> {
    let db = Viewer::of(ctx).db.read();
    let most = u64::try_from(first).ok().filter(|it| (1..=MOST).contains(it));
    let most = most.ok_or(Failure::BadInput("一次1至20条", "1 to 20 at once"))?;
    let found = at_door::find(db, permit, text, most).await?;
    let rows: Vec<registration::Model> = found.iter().map(|it| it.registration.clone()).collect();
    let ahead = [ctx.look_ahead().field("registration")];
    let beside = Arc::new(crate::registration::beside(db, &rows, wanted(&ahead)).await?);
    Ok(found
        .into_iter()
        .map(|it| {
            let beside = Some(beside.clone());
            let registration = Registration { row: it.registration, is_open: false, beside };
            let attendance = it.attendance.map(|row| Attendance {
                session: Some(permit.on().clone()),
                registration: Some(registration.clone()),
                row,
            });
            DoorMatch { registration, attendance }
        })
        .collect())
}
