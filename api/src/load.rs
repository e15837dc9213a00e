//! Rows by their ids, for what no list fetched ahead: batched, never cached.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use entity::{
    account, activity, capacity_pool, category,
    id::{
        AccountId, ActivityId, AllocationId, CategoryId, OrganisationId, PersonId, ProgrammeId,
        RegistrationId, SessionId,
    },
    organisation, person, programme, registration, session,
};
use sea_orm::EntityTrait;

use crate::{
    db::{Db, within},
    error::Failure,
    graphql::Viewer,
};

macro_rules! by_id {
    ($($table:ident: $id:ident;)*) => {$(
        impl Loader<$id> for Db {
            type Value = $table::Model;
            type Error = Failure;

            async fn load(&self, ids: &[$id]) -> Result<HashMap<$id, $table::Model>, Failure> {
                let rows = sea_orm::QueryFilter::filter(
                    $table::Entity::find(),
                    within(($table::Entity, $table::Column::Id), ids.iter().copied()),
                );
                Ok(rows.all(self.read()).await?.into_iter().map(|it| (it.id, it)).collect())
            }
        }
    )*};
}

by_id! {
    account: AccountId;
    activity: ActivityId;
    capacity_pool: AllocationId;
    category: CategoryId;
    organisation: OrganisationId;
    person: PersonId;
    programme: ProgrammeId;
    registration: RegistrationId;
    session: SessionId;
}

impl Viewer {
    /// The row that another row's key points to. A key always has its row: the database sees to it.
    pub async fn row<K>(&self, id: K) -> Result<<Db as Loader<K>>::Value, Failure>
    where
        K: Send + Sync + std::hash::Hash + Eq + Clone + 'static,
        Db: Loader<K, Error = Failure>,
    {
        self.load.load_one(id).await?.ok_or_else(|| Failure::internal("a key without its row"))
    }
}
