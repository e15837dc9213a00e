//! Where each guarded row stands.

use entity::{
    account, activity, audit_event, bulk_act, capacity_pool, category, certificate, class,
    class_group, data_request, device, device_activity, export, export_view,
    id::Id as _,
    id::{
        AccountId, ActivityId, AllocationId, AuditEventId, BulkActId, CategoryId, CertificateId,
        DataRequestId, DeviceId, ExportId, ExportViewId, GrantId, GroupId, JobId, LeaveId,
        MakeUpId, MessageId, MessageTemplateId, OrganisationId, PersonId, PositionId, ProgrammeId,
        RegistrationId, RosterBatchId, SeriesId, SessionId, TransferId, WebhookId,
    },
    job,
    leave::{self, Rung},
    make_up, message, message_template, organisation, person, position, programme, registration,
    role_grant,
    role_grant::Role::{
        self, Auditor, DoorStaff, Liaison, OrgAdmin, Organiser, PlatformAdmin, SecurityAdmin,
        Viewer,
    },
    roster_batch, series, session, transfer, webhook,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{Guarded, Near, Place};
use crate::error::Failure;

/// Whoever works with an activity.
const STAFF: &[Role] = &[SecurityAdmin, OrgAdmin, Organiser, Liaison, DoorStaff, Viewer];

macro_rules! guarded {
    ($($table:ident: $id:ident, $seen_by:expr, |$row:ident, $db:ident, $near:ident| $place:expr;)*) => {$(
        impl Guarded for $table::Model {
            type Id = $id;
            const SEEN_BY: &'static [Role] = $seen_by;

            fn id(&self) -> $id {
                self.id
            }

            async fn find(db: &impl ConnectionTrait, id: $id) -> Result<Option<Self>, Failure> {
                Ok($table::Entity::find_by_id(id).one(db).await?)
            }

            async fn place(
                &self,
                $db: &impl ConnectionTrait,
                $near: bool,
            ) -> Result<Place, Failure> {
                let $row = self;
                $place
            }
        }
    )*};
}

guarded! {
    organisation: OrganisationId, &[PlatformAdmin, SecurityAdmin, OrgAdmin, Organiser, Liaison, Viewer], |it, _db, _near| {
        Ok(Place { organisations: vec![it.path.clone()], ..Place::default() })
    };
    person: PersonId, &[OrgAdmin, Organiser, Liaison, DoorStaff], |it, db, near| {
        of_person(db, it, near).await
    };
    position: PositionId, &[OrgAdmin, Liaison], |it, db, _near| {
        of_organisation(db, it.organisation_id).await
    };
    account: AccountId, &[PlatformAdmin, SecurityAdmin, OrgAdmin], |it, db, _near| {
        of_organisation(db, it.home_id).await
    };
    role_grant: GrantId, &[PlatformAdmin, SecurityAdmin, OrgAdmin, Organiser], |it, db, _near| {
        of_grant(db, it).await
    };
    programme: ProgrammeId, STAFF, |it, db, near| {
        let mut place = of_organisation(db, it.owner_id).await?;
        // The organisations below the owner hold activities in it, and whoever works on an activity sees what it is of.
        if near {
            place.near.below.clone_from(&place.organisations);
            place.near.activities = activities_of(db, it.id).await?;
        }
        place.programmes.push(it.id);
        Ok(place)
    };
    activity: ActivityId, STAFF, |it, db, near| of_activity(db, it, near).await;
    session: SessionId, STAFF, |it, db, near| of_activity_id(db, it.activity_id, near).await;
    category: CategoryId, STAFF, |it, db, near| of_activity_id(db, it.activity_id, near).await;
    registration: RegistrationId, &[OrgAdmin, Organiser, Liaison, DoorStaff], |it, db, near| {
        let mut place = inside_activity(db, it.activity_id).await?;
        // A liaison officer has to do with those whom the own organisation recommends, wherever they go.
        place.closed_to = &[Liaison];
        for id in [it.recommender_id, it.waits_for_id].into_iter().flatten().filter(|_| near) {
            place.near.parties.append(&mut of_organisation(db, id).await?.organisations);
        }
        Ok(place)
    };
    capacity_pool: AllocationId, &[OrgAdmin, Organiser, Liaison], |it, db, near| {
        let mut place = inside_activity(db, it.activity_id).await?;
        place.closed_to = &[Liaison];
        if let Some(id) = it.organisation_id.filter(|_| near) {
            place.near.below = of_organisation(db, id).await?.organisations;
        }
        Ok(place)
    };
    series: SeriesId, STAFF, |it, db, near| {
        let mut place = of_organisation(db, it.organisation_id).await?;
        // The organisations below the owner hold runs of it.
        if near {
            place.near.below.clone_from(&place.organisations);
            (place.near.programmes, place.near.activities) = around_series(db, it).await?;
        }
        Ok(place)
    };
    class_group: GroupId, &[OrgAdmin, Organiser], |it, db, _near| inside_activity(db, it.activity_id).await;
    leave: LeaveId, &[OrgAdmin, Organiser, Liaison], |it, db, _near| of_leave(db, it).await;
    bulk_act: BulkActId, &[OrgAdmin, Organiser], |it, db, _near| inside_activity(db, it.activity_id).await;
    roster_batch: RosterBatchId, &[OrgAdmin, Organiser], |it, db, _near| inside_activity(db, it.activity_id).await;
    export: ExportId, &[OrgAdmin, Organiser], |it, db, _near| {
        match (it.activity_id, it.organisation_id) {
            (Some(id), _) => inside_activity(db, id).await,
            (None, Some(id)) => of_organisation(db, id).await,
            (None, None) => Err(Failure::internal("an export of nothing")),
        }
    };
    export_view: ExportViewId, &[OrgAdmin, Organiser], |it, db, _near| inside_activity(db, it.activity_id).await;
    certificate: CertificateId, &[OrgAdmin, Organiser], |it, db, _near| inside_activity(db, it.activity_id).await;
    make_up: MakeUpId, &[OrgAdmin, Organiser], |it, db, _near| {
        let home = registration::Entity::find_by_id(it.registration_id).one(db).await?;
        inside_activity(db, home.ok_or(Failure::NotFound)?.activity_id).await
    };
    device: DeviceId, &[OrgAdmin, Organiser], |it, db, _near| of_device(db, it).await;
    message: MessageId, &[OrgAdmin, Organiser], |it, db, _near| inside_activity(db, it.activity_id).await;
    message_template: MessageTemplateId, &[OrgAdmin, Organiser], |it, db, _near| {
        match (it.activity_id, it.organisation_id) {
            (Some(id), _) => inside_activity(db, id).await,
            (None, Some(id)) => of_organisation(db, id).await,
            (None, None) => Err(Failure::internal("a template of nobody")),
        }
    };
    data_request: DataRequestId, &[OrgAdmin], |it, db, _near| of_organisation(db, it.organisation_id).await;
    transfer: TransferId, &[OrgAdmin, Organiser], |it, db, _near| inside_activity(db, it.activity_id).await;
    webhook: WebhookId, &[OrgAdmin], |it, db, _near| of_organisation(db, it.organisation_id).await;
    audit_event: AuditEventId, &[Auditor], |it, db, _near| of_audit_event(db, it).await;
    job: JobId, &[PlatformAdmin], |_it, db, _near| of_root(db).await;
}

/// An event belongs where the account is looked after that did it, and where the one is to which it was done; what nobody
/// with an account did belongs to the service as a whole.
async fn of_audit_event(
    db: &impl ConnectionTrait,
    it: &audit_event::Model,
) -> Result<Place, Failure> {
    let done_to = it.subject_id.filter(|_| it.subject_kind == AccountId::PREFIX).map(AccountId);
    let accounts = account::Entity::find()
        .filter(account::Column::Id.is_in([it.account_id, done_to].into_iter().flatten()))
        .all(db)
        .await?;
    let mut place = of_root(db).await?;
    for account in accounts {
        place.organisations.append(&mut of_organisation(db, account.home_id).await?.organisations);
    }
    Ok(place)
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

async fn of_activity(
    db: &impl ConnectionTrait,
    it: &activity::Model,
    near: bool,
) -> Result<Place, Failure> {
    let mut place = of_organisation(db, it.host_id).await?;
    if near {
        place.near.below = open_to(db, it, &place.organisations).await?;
    }
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

async fn of_activity_id(
    db: &impl ConnectionTrait,
    id: ActivityId,
    near: bool,
) -> Result<Place, Failure> {
    let row = activity::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
    of_activity(db, &row, near).await
}

/// Not everybody who sees an activity sees what is inside.
async fn inside_activity(db: &impl ConnectionTrait, id: ActivityId) -> Result<Place, Failure> {
    of_activity_id(db, id, false).await
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
        (_, _, Some(id)) => of_activity_id(db, id, true).await,
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

/// The programmes of a series' owner and those of its runs, and the runs.
async fn around_series(
    db: &impl ConnectionTrait,
    it: &series::Model,
) -> Result<(Vec<ProgrammeId>, Vec<ActivityId>), Failure> {
    let mut programmes: Vec<ProgrammeId> = programme::Entity::find()
        .select_only()
        .column(programme::Column::Id)
        .filter(programme::Column::OwnerId.eq(it.organisation_id))
        .into_tuple()
        .all(db)
        .await?;
    let runs = sea_orm::sea_query::Query::select()
        .column(class::Column::ActivityId)
        .from(class::Entity)
        .and_where(class::Column::SeriesId.eq(it.id))
        .to_owned();
    let runs: Vec<(ActivityId, ProgrammeId)> = activity::Entity::find()
        .select_only()
        .columns([activity::Column::Id, activity::Column::ProgrammeId])
        .filter(activity::Column::Id.in_subquery(runs))
        .into_tuple()
        .all(db)
        .await?;
    programmes.extend(runs.iter().map(|it| it.1));
    Ok((programmes, runs.into_iter().map(|it| it.0).collect()))
}

/// Leave stands as high as its length asks for: at the class, at its programme, or at the organisations alone. Whoever
/// works with the class, or recommends the trainee, is near it.
async fn of_leave(db: &impl ConnectionTrait, it: &leave::Model) -> Result<Place, Failure> {
    let class = inside_activity(db, it.activity_id).await?;
    let row = registration::Entity::find_by_id(it.registration_id).one(db).await?;
    let sender = match row.ok_or(Failure::NotFound)?.recommender_id {
        Some(id) => of_organisation(db, id).await?.organisations,
        None => Vec::new(),
    };
    let near = Near {
        hosts: class.organisations.clone(),
        parties: sender.clone(),
        programmes: class.programmes.clone(),
        activities: class.activities.clone(),
        ..Near::default()
    };
    // A liaison officer has to do with those whom the own organisation recommends.
    let place = Place { near, closed_to: &[Liaison], ..class };
    Ok(match it.rung {
        Rung::Teacher => place,
        Rung::Academic => Place { activities: Vec::new(), ..place },
        Rung::Head => Place {
            organisations: place.organisations.into_iter().chain(sender).collect(),
            programmes: Vec::new(),
            activities: Vec::new(),
            closed_to: &[Liaison, Organiser],
            ..place
        },
    })
}

/// A person belongs where the record is kept, and is seen wherever they are registered.
async fn of_person(
    db: &impl ConnectionTrait,
    it: &person::Model,
    near: bool,
) -> Result<Place, Failure> {
    let mut place = of_organisation(db, it.home_id).await?;
    if !near {
        return Ok(place);
    }
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
