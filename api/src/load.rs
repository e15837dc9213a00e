//! Rows by their ids, for what no list fetched ahead: batched, never cached.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use entity::{
    account, activity, capacity_pool, category,
    id::{
        AccountId, ActivityId, AllocationId, CategoryId, OrganisationId, PersonId, ProgrammeId,
        RegistrationId, ScanId, SessionId,
    },
    organisation, person, programme, question, registration, scan, self_registration, session,
};
use sea_orm::EntityTrait;

use crate::{
    attendee::RulesOf,
    db::{Db, within},
    error::Failure,
    form::Form,
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
    scan: ScanId;
    session: SessionId;
}

impl Loader<Form> for Db {
    type Value = Vec<question::Model>;
    type Error = Failure;

    async fn load(&self, forms: &[Form]) -> Result<HashMap<Form, Vec<question::Model>>, Failure> {
        let found = crate::form::of_activities(self.read(), forms.iter().map(|it| it.0)).await?;
        Ok(found.into_iter().map(|(id, rows)| (Form(id), rows)).collect())
    }
}

impl Loader<RulesOf> for Db {
    type Value = self_registration::Model;
    type Error = Failure;

    async fn load(&self, of: &[RulesOf]) -> Result<HashMap<RulesOf, Self::Value>, Failure> {
        let column = (self_registration::Entity, self_registration::Column::ActivityId);
        let rows = within(column, of.iter().map(|it| it.0));
        let found = sea_orm::QueryFilter::filter(self_registration::Entity::find(), rows)
            .all(self.read())
            .await?;
        Ok(found.into_iter().map(|it| (RulesOf(it.activity_id), it)).collect())
    }
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
