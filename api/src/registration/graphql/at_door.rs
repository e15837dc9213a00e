//! Whoever is found at the door, as GraphQL shows them.

use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use entity::{registration, session};

use super::{Registration, wanted};
use crate::{
    attendance::graphql::Attendance,
    authz::policy::FindAtDoor,
    error::Failure,
    graphql::Viewer,
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

/// Those who are found, with all that is selected of them fetched once.
pub async fn found(
    ctx: &Context<'_>,
    session: &session::Model,
    text: &str,
    first: i32,
) -> Result<Vec<DoorMatch>> {
    let viewer = Viewer::of(ctx);
    let db = viewer.db.read();
    let permit = viewer.gate.permit_on::<FindAtDoor>(session.clone()).await?;
    let most = u64::try_from(first).ok().filter(|it| (1..=MOST).contains(it));
    let most = most.ok_or(Failure::BadInput("一次1至20条", "1 to 20 at once"))?;
    let found = at_door::find(db, &permit, text, most).await?;
    let rows: Vec<registration::Model> = found.iter().map(|it| it.registration.clone()).collect();
    let ahead = [ctx.look_ahead().field("registration")];
    let beside = Arc::new(crate::registration::beside(db, &rows, wanted(&ahead)).await?);
    Ok(found
        .into_iter()
        .map(|it| {
            let beside = Some(beside.clone());
            let registration = Registration { row: it.registration, is_open: false, beside };
            let attendance = it.attendance.map(|row| Attendance {
                session: Some(session.clone()),
                registration: Some(registration.clone()),
                row,
            });
            DoorMatch { registration, attendance }
        })
        .collect())
}
