//! The groups of a class, as GraphQL shows them.

use async_graphql::{Context, InputObject, Object, Result};
use entity::{
    activity, class_group, class_member,
    id::{ActivityId, GroupId, RegistrationId},
    registration,
};

use crate::{
    activity::graphql::Activity,
    authz::policy::{
        CreateGroup, DivideClass, RemoveGroup, UpdateGroup, UpdateTrainee, ViewGroups,
    },
    class::{
        divide::{self, Division},
        group::{self as groups, Change, GroupErrorCode as Code, GroupUserError},
    },
    error::Refusal,
    graphql::{Gid, Viewer, settle},
    payloads,
    registration::graphql::Registration,
    text::Check,
    write::Note,
};

pub struct ClassGroup {
    row: class_group::Model,
    /// What a list fetched ahead.
    size: Option<i64>,
}

impl From<class_group::Model> for ClassGroup {
    fn from(row: class_group::Model) -> Self {
        Self { row, size: None }
    }
}

/// A group of a class (小组). Its members are listed by the class' `registrations` with `filter.groupId`.
#[Object]
impl ClassGroup {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<GroupId> {
        Gid(self.row.id)
    }

    /// Its place among the groups of the class, from 1; a group that was removed leaves a gap.
    async fn number(&self) -> i32 {
        self.row.number
    }

    /// Unique in the class.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// Who leads it (组长), without the ticket code, and with the phone masked.
    async fn leader(&self, ctx: &Context<'_>) -> Result<Option<Registration>> {
        let Some(id) = self.row.leader_id else { return Ok(None) };
        Ok(Some(Registration::new(Viewer::of(ctx).row(id).await?, false)))
    }

    /// How many of it hold a seat.
    async fn member_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let size = match self.size {
            Some(size) => size,
            None => {
                let found = groups::sizes(Viewer::of(ctx).db.read(), [self.row.id]).await?;
                found.get(&self.row.id).copied().unwrap_or(0)
            }
        };
        Ok(i32::try_from(size).unwrap_or(i32::MAX))
    }
}

/// The groups of a class, in their order.
pub async fn groups_of(ctx: &Context<'_>, it: &activity::Model) -> Result<Vec<ClassGroup>> {
    let viewer = Viewer::of(ctx);
    let permit = viewer.gate.permit_on::<ViewGroups>(it.clone()).await?;
    let db = viewer.db.read();
    let rows = groups::groups(db, permit.on().id).await?;
    let sizes = if ctx.look_ahead().field("memberCount").exists() {
        Some(groups::sizes(db, rows.iter().map(|it| it.id)).await?)
    } else {
        None
    };
    let size = |it: &class_group::Model| {
        sizes.as_ref().map(|sizes| sizes.get(&it.id).copied().unwrap_or(0))
    };
    Ok(rows.into_iter().map(|row| ClassGroup { size: size(&row), row }).collect())
}

/// Names what a trainee is in a class, for the loader.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemberOf(pub RegistrationId);

pub struct ClassMember {
    row: Option<class_member::Model>,
    /// What a list said, as long as nothing else is.
    listed_no: Option<String>,
}

/// What a trainee is in a class.
#[Object]
impl ClassMember {
    /// The group they are in.
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<ClassGroup>> {
        let Some(id) = self.row.as_ref().and_then(|it| it.group_id) else { return Ok(None) };
        Ok(Some(ClassGroup::from(Viewer::of(ctx).row(id).await?)))
    }

    /// The student number (学号); as the list said it, until it is set or the class is divided.
    async fn student_no(&self) -> Option<&str> {
        let set = self.row.as_ref().and_then(|it| it.student_no.as_deref());
        set.or(self.listed_no.as_deref())
    }

    /// The post on the class committee (班委): 班长, 副班长 …
    async fn post(&self) -> Option<&str> {
        self.row.as_ref()?.post.as_deref()
    }
}

/// What a registration's person is in the class.
pub async fn member_of(ctx: &Context<'_>, it: &registration::Model) -> Result<ClassMember> {
    let row = Viewer::of(ctx).load.load_one(MemberOf(it.id)).await?;
    Ok(ClassMember { row, listed_no: groups::said(it, "studentNo") })
}

/// What `createGroup` takes.
#[derive(InputObject)]
pub struct CreateGroupInput {
    /// Of which class.
    activity_id: Gid<ActivityId>,
    /// Unique in the class; at most 50 characters.
    name: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `updateGroup` takes.
#[derive(InputObject)]
pub struct UpdateGroupInput {
    /// Which one.
    group_id: Gid<GroupId>,
    /// Unique in the class; at most 50 characters. What is not given stays.
    name: Option<String>,
    /// One of its members. What is not given stays.
    leader_id: Option<Gid<RegistrationId>>,
}

/// What `removeGroup` takes.
#[derive(InputObject)]
pub struct RemoveGroupInput {
    /// Which one.
    group_id: Gid<GroupId>,
}

/// What `divideClass` takes.
#[derive(InputObject)]
pub struct DivideClassInput {
    /// Which class.
    activity_id: Gid<ActivityId>,
    /// How many in a group at most, from 2 to 200; as the uploaded lists say it (小组) if not given.
    size: Option<i32>,
    /// Whether the groups that are there go.
    #[graphql(default)]
    anew: bool,
}

/// What `updateTrainee` takes.
#[derive(InputObject)]
pub struct UpdateTraineeInput {
    /// Which one; CONFIRMED.
    registration_id: Gid<RegistrationId>,
    /// A group of the class. What is not given stays.
    group_id: Option<Gid<GroupId>>,
    /// Whether they leave the group that they are in, instead of `groupId`.
    #[graphql(default)]
    no_group: bool,
    /// The student number, unique in the class; at most 50 characters. What is not given stays, an empty one is none.
    student_no: Option<String>,
    /// The post on the class committee; at most 50 characters. What is not given stays, an empty one is none.
    post: Option<String>,
}

payloads! {
    /// What `createGroup` gives.
    CreateGroupPayload { group: ClassGroup, GroupUserError }
    /// What `updateGroup` gives.
    UpdateGroupPayload { group: ClassGroup, GroupUserError }
    /// What `removeGroup` gives.
    RemoveGroupPayload { activity: Activity, GroupUserError }
    /// What `divideClass` gives.
    DivideClassPayload { activity: Activity, GroupUserError }
    /// What `updateTrainee` gives.
    UpdateTraineePayload { registration: Registration, GroupUserError }
}

#[derive(Default)]
pub struct GroupMutation;

#[Object]
impl GroupMutation {
    /// Makes a group of a class behind those that are there, at most 100. For ORG_ADMIN and ORGANISER.
    async fn create_group(
        &self,
        ctx: &Context<'_>,
        input: CreateGroupInput,
    ) -> Result<CreateGroupPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateGroup>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let name = check.required(&input.name, 50, &["name"], Code::Required);
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                groups::create(tx, &permit, name).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CreateGroupPayload { group: row.map(Into::into), user_errors })
    }

    /// Gives a group another name, or says who leads it. For ORG_ADMIN and ORGANISER.
    async fn update_group(
        &self,
        ctx: &Context<'_>,
        input: UpdateGroupInput,
    ) -> Result<UpdateGroupPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UpdateGroup>(input.group_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let name = input.name.as_deref();
        let name = name.map(|it| check.required(it, 50, &["name"], Code::Required));
        let leader = input.leader_id.map(|it| it.0);
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                groups::update(tx, &permit, name, leader).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(UpdateGroupPayload { group: row.map(Into::into), user_errors })
    }

    /// Removes a group; its members stay in the class. For ORG_ADMIN and ORGANISER.
    async fn remove_group(
        &self,
        ctx: &Context<'_>,
        input: RemoveGroupInput,
    ) -> Result<RemoveGroupPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RemoveGroup>(input.group_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| groups::remove(tx, &permit).await)
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RemoveGroupPayload { activity: row.map(Into::into), user_errors })
    }

    /// Divides the trainees of a class who hold a seat into groups: by `size` in the order of the list, in as few groups
    /// as are needed, or as the uploaded lists say (小组). Student numbers (学号) of the lists are taken over for those
    /// who have none. Refused where there are groups, unless `anew`. For ORG_ADMIN and ORGANISER.
    async fn divide_class(
        &self,
        ctx: &Context<'_>,
        input: DivideClassInput,
    ) -> Result<DivideClassPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<DivideClass>(input.activity_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let division = match input.size {
            None => Division::AsListed,
            Some(size) => {
                let sane = usize::try_from(size).ok().filter(|it| (2..=200).contains(it));
                if sane.is_none() {
                    check.refuse(Code::SizeOutOfRange.at(["size"]));
                }
                Division::BySize(sane.unwrap_or(2))
            }
        };
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                divide::divide(tx, &permit, division, input.anew).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(DivideClassPayload { activity: row.map(Into::into), user_errors })
    }

    /// Puts a trainee into a group of the class, or says the student number or a post on the class committee (班委).
    /// Whoever leaves a group leads it no more. For ORG_ADMIN and ORGANISER.
    async fn update_trainee(
        &self,
        ctx: &Context<'_>,
        input: UpdateTraineeInput,
    ) -> Result<UpdateTraineePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<UpdateTrainee>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let group = input.group_id.map(|it| it.0);
        if group.is_some() && input.no_group {
            check.refuse(Code::GroupUnknown.at(["groupId"]));
        }
        let mut text = |typed: &Option<String>, field| {
            typed.as_deref().map(|it| check.optional(Some(it), 50, &[field]))
        };
        let (student_no, post) = (text(&input.student_no, "studentNo"), text(&input.post, "post"));
        let group = if input.no_group { Some(None) } else { group.map(Some) };
        let change = Change { group, student_no, post };
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                check.done()?;
                groups::update_trainee(tx, &permit, change).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|row| Registration::new(row, true));
        Ok(UpdateTraineePayload { registration, user_errors })
    }
}
