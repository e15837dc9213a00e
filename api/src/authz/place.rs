//! Where each guarded row stands.

use entity::{
    account, activity, bulk_act, capacity_pool, category, device, device_activity, export,
    export_view,
    id::{
        AccountId, ActivityId, AllocationId, BulkActId, CategoryId, DeviceId, ExportId,
        ExportViewId, GrantId, JobId, MessageId, MessageTemplateId, OrganisationId, PersonId,
        PositionId, ProgrammeId, RegistrationId, RosterBatchId, SessionId, WebhookId,
    },
    job, message, message_template, organisation, person, position, programme, registration,
    role_grant,
    role_grant::Role::{
        self, DoorStaff, Liaison, OrgAdmin, Organiser, PlatformAdmin, SecurityAdmin, Viewer,
    },
    roster_batch, session, webhook,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{Guarded, Near, Place};
use crate::error::Failure;

/// Whoever works with an activity.
const STAFF: &[Role] = &[SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];

macro_rules! guarded {
    ($($table:ident: $id:ident, $seen_by:expr, |$row:ident, $db:ident| $place:expr;)*) => {$(
        impl Guarded for $table::Model {
            type Id = $id;
            const SEEN_BY: &'static [Role] = $seen_by;

            fn id(&self) -> $id {
                self.id
            }

            async fn find(db: &impl ConnectionTrait, id: $id) -> Result<Option<Self>, Failure> {
                Ok($table::Entity::find_by_id(id).one(db).await?)
            }

            async fn place(&self, $db: &impl ConnectionTrait) -> Result<Place, Failure> {
                let $row = self;
                $place
            }
        }
    )*};
}

guarded! {
    organisation: OrganisationId, &[PlatformAdmin, SecurityAdmin, OrgAdmin, Organiser, Liaison, Viewer], |it, _db| {
        Ok(Place { organisations: vec![it.path.clone()], ..Place::default() })
    };
    person: PersonId, &[OrgAdmin, Organiser, Liaison, DoorStaff], |it, db| {
        of_person(db, it).await
    };
    position: PositionId, &[OrgAdmin, Liaison], |it, db| {
        of_organisation(db, it.organisation_id).await
    };
    account: AccountId, &[PlatformAdmin, SecurityAdmin, OrgAdmin], |it, db| {
        of_organisation(db, it.home_id).await
    };
    role_grant: GrantId, &[PlatformAdmin, SecurityAdmin, OrgAdmin, Organiser], |it, db| {
        of_grant(db, it).await
    };
    programme: ProgrammeId, STAFF, |it, db| {
        let mut place = of_organisation(db, it.owner_id).await?;
        // The organisations below the owner hold activities in it, and whoever works on an activity sees what it is of.
        place.near.below.clone_from(&place.organisations);
        place.near.activities = activities_of(db, it.id).await?;
        place.programmes.push(it.id);
        Ok(place)
    };
    activity: ActivityId, STAFF, |it, db| of_activity(db, it).await;
    session: SessionId, STAFF, |it, db| of_activity_id(db, it.activity_id).await;
    category: CategoryId, STAFF, |it, db| of_activity_id(db, it.activity_id).await;
    registration: RegistrationId, &[OrgAdmin, Organiser, Liaison, DoorStaff], |it, db| {
        let mut place = inside_activity(db, it.activity_id).await?;
        // A liaison officer has to do with those whom the own organisation recommends, wherever they go.
        place.closed_to = &[Liaison];
        for id in [it.recommender_id, it.waits_for_id].into_iter().flatten() {
            place.near.parties.append(&mut of_organisation(db, id).await?.organisations);
        }
        Ok(place)
    };
    capacity_pool: AllocationId, &[OrgAdmin, Organiser, Liaison], |it, db| {
        let mut place = inside_activity(db, it.activity_id).await?;
        place.closed_to = &[Liaison];
        if let Some(id) = it.organisation_id {
            place.near.below = of_organisation(db, id).await?.organisations;
        }
        Ok(place)
    };
    bulk_act: BulkActId, &[OrgAdmin, Organiser], |it, db| inside_activity(db, it.activity_id).await;
    roster_batch: RosterBatchId, &[OrgAdmin, Organiser], |it, db| inside_activity(db, it.activity_id).await;
    export: ExportId, &[OrgAdmin, Organiser], |it, db| {
        match (it.activity_id, it.organisation_id) {
            (Some(id), _) => inside_activity(db, id).await,
            (None, Some(id)) => of_organisation(db, id).await,
            (None, None) => Err(Failure::internal("an export of nothing")),
        }
    };
    export_view: ExportViewId, &[OrgAdmin, Organiser], |it, db| inside_activity(db, it.activity_id).await;
    device: DeviceId, &[OrgAdmin, Organiser], |it, db| of_device(db, it).await;
    message: MessageId, &[OrgAdmin, Organiser], |it, db| inside_activity(db, it.activity_id).await;
    message_template: MessageTemplateId, &[OrgAdmin, Organiser], |it, db| {
        match (it.activity_id, it.organisation_id) {
            (Some(id), _) => inside_activity(db, id).await,
            (None, Some(id)) => of_organisation(db, id).await,
            (None, None) => Err(Failure::internal("a template of nobody")),
        }
    };
    webhook: WebhookId, &[OrgAdmin], |it, db| of_organisation(db, it.organisation_id).await;
    job: JobId, &[PlatformAdmin], |_it, db| of_root(db).await;
}

async fn of_organisation(db: &impl ConnectionTrait, id: OrganisationId) -> Result<Place, Failure> {
    let row = organisation::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
    Ok(Place { organisations: vec![row.path], ..Place::default() })
}

/// What belongs to the service as a whole.
async fn of_root(db: &impl ConnectionTrait) -> Result<Place, Failure> {
    let root = organisation::Entity::find()
        .filter(organisation::Column::ParentId.is_null())
        .one(db)
        .await?
        .ok_or(Failure::NotFound)?;
    Ok(Place { organisations: vec![root.path], ..Place::default() })
}

async fn of_activity(db: &impl ConnectionTrait, it: &activity::Model) -> Result<Place, Failure> {
    let mut place = of_organisation(db, it.host_id).await?;
    place.near.below = open_to(db, it, &place.organisations).await?;
    place.programmes.push(it.programme_id);
    place.activities.push(it.id);
    Ok(place)
}

/// An activity that is past being set up is seen by the organisations that have seats set aside, and where it takes
/// recommendations by all below its host.
async fn open_to(
    db: &impl ConnectionTrait,
    it: &activity::Model,
    host: &[String],
) -> Result<Vec<String>, Failure> {
    if it.status == activity::Status::Draft {
        return Ok(Vec::new());
    }
    if !it.approval.0.is_empty() {
        return Ok(host.to_vec());
    }
    let set_aside = sea_orm::sea_query::Query::select()
        .column(capacity_pool::Column::OrganisationId)
        .from(capacity_pool::Entity)
        .and_where(capacity_pool::Column::ActivityId.eq(it.id))
        .and_where(capacity_pool::Column::OrganisationId.is_not_null())
        .to_owned();
    Ok(organisation::Entity::find()
        .select_only()
        .column(organisation::Column::Path)
        .filter(organisation::Column::Id.in_subquery(set_aside))
        .into_tuple()
        .all(db)
        .await?)
}

async fn of_activity_id(db: &impl ConnectionTrait, id: ActivityId) -> Result<Place, Failure> {
    let row = activity::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
    of_activity(db, &row).await
}

/// Not everybody who sees an activity sees what is inside.
async fn inside_activity(db: &impl ConnectionTrait, id: ActivityId) -> Result<Place, Failure> {
    let place = of_activity_id(db, id).await?;
    Ok(Place { near: Near::default(), ..place })
}

/// Whoever has one of the activities at whose doors it stands has to do with it.
async fn of_device(db: &impl ConnectionTrait, it: &device::Model) -> Result<Place, Failure> {
    let links = device_activity::Entity::find()
        .filter(device_activity::Column::DeviceId.eq(it.id))
        .all(db)
        .await?;
    let mut all = Place::default();
    for link in links {
        let mut one = inside_activity(db, link.activity_id).await?;
        all.organisations.append(&mut one.organisations);
        all.programmes.append(&mut one.programmes);
        all.activities.append(&mut one.activities);
    }
    Ok(all)
}

async fn of_grant(db: &impl ConnectionTrait, it: &role_grant::Model) -> Result<Place, Failure> {
    match (it.organisation_id, it.programme_id, it.activity_id) {
        (Some(id), _, _) => of_organisation(db, id).await,
        (_, Some(id), _) => {
            let row = programme::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
            let mut place = of_organisation(db, row.owner_id).await?;
            place.programmes.push(row.id);
            Ok(place)
        }
        (_, _, Some(id)) => of_activity_id(db, id).await,
        (None, None, None) => Err(Failure::internal("a grant without a scope")),
    }
}

async fn activities_of(
    db: &impl ConnectionTrait,
    id: ProgrammeId,
) -> Result<Vec<ActivityId>, Failure> {
    Ok(activity::Entity::find()
        .select_only()
        .column(activity::Column::Id)
        .filter(activity::Column::ProgrammeId.eq(id))
        .into_tuple()
        .all(db)
        .await?)
}

/// A person belongs where the record is kept, and is seen wherever they are registered.
async fn of_person(db: &impl ConnectionTrait, it: &person::Model) -> Result<Place, Failure> {
    let mut place = of_organisation(db, it.home_id).await?;
    let on = activity::Entity::find()
        .filter(
            activity::Column::Id.in_subquery(
                sea_orm::sea_query::Query::select()
                    .column(registration::Column::ActivityId)
                    .from(registration::Entity)
                    .and_where(registration::Column::PersonId.eq(it.id))
                    .to_owned(),
            ),
        )
        .all(db)
        .await?;
    let hosts = organisation::Entity::find()
        .select_only()
        .column(organisation::Column::Path)
        .filter(organisation::Column::Id.is_in(on.iter().map(|it| it.host_id)))
        .into_tuple::<String>()
        .all(db)
        .await?;
    place.near.hosts = hosts;
    place.near.programmes = on.iter().map(|it| it.programme_id).collect();
    place.near.activities = on.iter().map(|it| it.id).collect();
    Ok(place)
}
