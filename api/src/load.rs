//! Rows by their ids, for what no list fetched ahead: batched, never cached.

use std::collections::HashMap;

use async_graphql::dataloader::Loader;
use entity::{
    account, activity, capacity_pool, category, class, class_group, class_member,
    id::{
        AccountId, ActivityId, AllocationId, CategoryId, GroupId, OrganisationId, PersonId,
        ProgrammeId, RegistrationId, ScanId, SeriesId, SessionId,
    },
    leave, organisation, person, programme, question, registration, scan, self_registration,
    series, session, trainer,
};
use sea_orm::EntityTrait;

use crate::{
    attendee::RulesOf,
    class::{
        self as classes,
        graphql::{ClassOf, MemberOf, TrainersOf},
    },
    db::{Db, within},
    error::Failure,
    form::Form,
    graphql::Viewer,
    leave::graphql::LeaveOf,
    privacy::consent::{Standing, StandingOf, standing},
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
    class_group: GroupId;
    organisation: OrganisationId;
    person: PersonId;
    programme: ProgrammeId;
    registration: RegistrationId;
    scan: ScanId;
    series: SeriesId;
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

impl Loader<ClassOf> for Db {
    type Value = class::Model;
    type Error = Failure;

    async fn load(&self, of: &[ClassOf]) -> Result<HashMap<ClassOf, Self::Value>, Failure> {
        let found = classes::of_activities(self.read(), of.iter().map(|it| it.0)).await?;
        Ok(found.into_iter().map(|(id, it)| (ClassOf(id), it)).collect())
    }
}

impl Loader<TrainersOf> for Db {
    type Value = Vec<trainer::Model>;
    type Error = Failure;

    async fn load(&self, of: &[TrainersOf]) -> Result<HashMap<TrainersOf, Self::Value>, Failure> {
        let found = classes::trainer::of_sessions(self.read(), of.iter().map(|it| it.0)).await?;
        Ok(found.into_iter().map(|(id, all)| (TrainersOf(id), all)).collect())
    }
}

impl Loader<MemberOf> for Db {
    type Value = class_member::Model;
    type Error = Failure;

    async fn load(&self, of: &[MemberOf]) -> Result<HashMap<MemberOf, Self::Value>, Failure> {
        let found = classes::group::members(self.read(), of.iter().map(|it| it.0)).await?;
        Ok(found.into_iter().map(|(id, it)| (MemberOf(id), it)).collect())
    }
}

impl Loader<LeaveOf> for Db {
    type Value = Vec<leave::Model>;
    type Error = Failure;

    async fn load(&self, of: &[LeaveOf]) -> Result<HashMap<LeaveOf, Self::Value>, Failure> {
        let rows =
            crate::leave::list::of_registrations(self.read(), of.iter().map(|it| it.0)).await?;
        let mut found: HashMap<LeaveOf, Vec<leave::Model>> = HashMap::new();
        for row in rows {
            found.entry(LeaveOf(row.registration_id)).or_default().push(row);
        }
        Ok(found)
    }
}

impl Loader<StandingOf> for Db {
    type Value = Standing;
    type Error = Failure;

    async fn load(&self, of: &[StandingOf]) -> Result<HashMap<StandingOf, Standing>, Failure> {
        standing(self.read(), of).await
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
