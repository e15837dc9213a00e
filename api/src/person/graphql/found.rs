//! Finding people for a viewer.

use entity::{id::PersonId, person};

use crate::{
    authz::policy::{FindPeople, ListPeople, ViewIdNumber},
    error::Failure,
    graphql::Viewer,
    page::{Page, Slice},
    person::find,
};

/// The people in the viewer's scope who match, and whether more is seen of them than a door does.
pub(super) async fn found(
    viewer: &Viewer,
    search: Option<&str>,
    slice: Slice<PersonId>,
) -> Result<(Page<person::Model>, bool), Failure> {
    let (gate, db) = (&viewer.gate, viewer.db.read());
    // Only where the whole number may be seen does it tell whose it is.
    if let Some(number) = search.and_then(|it| roster::clean::id_no(it).value)
        && let Ok(reach) = gate.reach::<ViewIdNumber>()
    {
        let mark = viewer.app.vault.mark(&number);
        return Ok((find::marked(db, &reach, mark, slice).await?, true));
    }
    match gate.reach::<ListPeople>() {
        Ok(reach) => Ok((find::list(db, &reach, search, slice).await?, true)),
        Err(Failure::Forbidden) => {
            let reach = gate.reach::<FindPeople>()?;
            if !find::is_narrow(search) {
                return Err(Failure::BadInput(
                    "请输入至少3个字符",
                    "search by three or more characters",
                ));
            }
            Ok((find::list(db, &reach, search, slice).await?, false))
        }
        Err(failure) => Err(failure),
    }
}
