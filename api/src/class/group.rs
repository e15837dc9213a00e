//! The groups of a class (小组), and what a trainee is in it.
//!
//! A list may say 小组 and 学号 of each trainee; that stays with the registration until the class is divided, which
//! takes it over. From then on what counts is what is kept here.

use std::collections::HashMap;

use entity::{
    activity,
    class_group::{self, Column},
    class_member,
    id::{ActivityId, GroupId, RegistrationId},
    programme,
    registration::{self, Status},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, RelationTrait,
    sea_query::{Expr, OnConflict},
};

use crate::{
    authz::{
        Permit,
        policy::{CreateGroup, RemoveGroup, UpdateGroup, UpdateTrainee},
    },
    db::{is_duplicate, within},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why groups were not made or changed.
    GroupErrorCode, GroupUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// The activity is not of an academy's programme.
        NotAClass = "只有学院项目的活动才有小组", "only an activity of an academy's programme has groups";
        /// The class has a group of this name.
        NameTaken = "已有名为“{}”的小组", "there is a group “{}” already";
        /// More than 100 groups.
        TooMany = "小组最多{}个", "at most {} groups";
        /// The size is not from 2 to 200.
        SizeOutOfRange = "每组人数须在2至200之间", "a group has from 2 to 200 members";
        /// The class has groups, and it was not said that they shall go.
        GroupsExist = "班级已分组", "the class has groups already";
        /// Nobody has a seat, or no list said anybody's group.
        NobodyToDivide = "没有可分组的学员", "there is nobody to divide";
        /// The registration is not of this class, or holds no seat.
        NotATrainee = "此人不是本班学员", "this person is no trainee of the class";
        /// The leader is none of its members.
        NotAMember = "组长须为本组成员", "the leader must be a member of the group";
        /// The class has no such group.
        GroupUnknown = "本班没有这个小组", "the class has no such group";
        /// Somebody else in the class has this number.
        StudentNoTaken = "学号“{}”已被使用", "the student number “{}” is in use";
    }
}

/// The most groups of a class.
pub const MOST: usize = 100;

/// The groups of a class, in their order.
pub async fn groups(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Vec<class_group::Model>, Failure> {
    Ok(class_group::Entity::find()
        .filter(Column::ActivityId.eq(activity))
        .order_by_asc(Column::Number)
        .all(db)
        .await?)
}

/// How many of each group hold a seat.
pub async fn sizes(
    db: &impl ConnectionTrait,
    groups: impl IntoIterator<Item = GroupId>,
) -> Result<HashMap<GroupId, i64>, Failure> {
    let rows: Vec<(GroupId, i64)> = class_member::Entity::find()
        .select_only()
        .column(class_member::Column::GroupId)
        .column_as(class_member::Column::RegistrationId.count(), "count")
        .filter(within((class_member::Entity, class_member::Column::GroupId), groups))
        .join(sea_orm::JoinType::InnerJoin, class_member::Relation::Registration.def())
        .filter(registration::Column::Status.eq(Status::Confirmed))
        .group_by(class_member::Column::GroupId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// What some trainees are in their classes.
pub async fn members(
    db: &impl ConnectionTrait,
    registrations: impl IntoIterator<Item = RegistrationId>,
) -> Result<HashMap<RegistrationId, class_member::Model>, Failure> {
    let rows = class_member::Entity::find()
        .filter(within((class_member::Entity, class_member::Column::RegistrationId), registrations))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|it| (it.registration_id, it)).collect())
}

/// Makes a group behind those that are there.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateGroup>,
    name: String,
) -> Result<class_group::Model, Error<GroupErrorCode>> {
    let activity = locked(tx, permit.on().id).await?;
    let there = groups(tx, activity.id).await?;
    if there.len() >= MOST {
        return Err(GroupErrorCode::TooMany.at(["activityId"]).about(MOST).into());
    }
    let number = there.last().map_or(1, |it| it.number + 1);
    insert(tx, activity.id, number, name).await
}

pub(super) async fn insert(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    number: i32,
    name: String,
) -> Result<class_group::Model, Error<GroupErrorCode>> {
    let row = class_group::ActiveModel {
        id: Set(GroupId::generate()),
        activity_id: Set(activity),
        number: Set(number),
        name: Set(name.clone()),
        leader_id: Set(None),
    };
    row.insert(tx).await.map_err(|error| name_taken(error, &name))
}

fn name_taken(error: sea_orm::DbErr, name: &str) -> Error<GroupErrorCode> {
    if is_duplicate(&error) {
        GroupErrorCode::NameTaken.at(["name"]).about(name).into()
    } else {
        error.into()
    }
}

/// Gives a group another name or leader; what is none stays.
pub async fn update(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdateGroup>,
    name: Option<String>,
    leader: Option<RegistrationId>,
) -> Result<class_group::Model, Error<GroupErrorCode>> {
    let activity = locked(tx, permit.on().activity_id).await?;
    let found = class_group::Entity::find_by_id(permit.on().id).one(tx).await?;
    let mut row: class_group::ActiveModel = found.ok_or(Failure::NotFound)?.into();
    if let Some(leader) = leader {
        let member = class_member::Entity::find_by_id(leader).one(tx).await?;
        if member.is_none_or(|it| it.group_id != Some(permit.on().id)) {
            return Err(GroupErrorCode::NotAMember.at(["leaderId"]).into());
        }
        trainee(tx, &activity, leader, "leaderId").await?;
        row.leader_id = Set(Some(leader));
    }
    let said = name.clone().unwrap_or_default();
    if let Some(name) = name {
        row.name = Set(name);
    }
    row.update(tx).await.map_err(|error| name_taken(error, &said))
}

/// Removes a group. Its members stay in the class, in no group.
pub async fn remove(
    tx: &DatabaseTransaction,
    permit: &Permit<RemoveGroup>,
) -> Result<activity::Model, Error<GroupErrorCode>> {
    let activity = locked(tx, permit.on().activity_id).await?;
    empty(tx, class_member::Column::GroupId.eq(permit.on().id)).await?;
    class_group::Entity::delete_by_id(permit.on().id).exec(tx).await?;
    Ok(activity)
}

pub(super) async fn empty(
    tx: &DatabaseTransaction,
    of: sea_orm::sea_query::SimpleExpr,
) -> Result<(), Failure> {
    class_member::Entity::update_many()
        .col_expr(class_member::Column::GroupId, Expr::value(None::<GroupId>))
        .filter(of)
        .exec(tx)
        .await?;
    Ok(())
}

/// What a list said of a trainee.
#[must_use]
pub fn said(it: &registration::Model, key: &str) -> Option<String> {
    let said = it.details.0.get(key)?.as_str()?;
    Some(crate::text::line(said).chars().take(50).collect()).filter(|it: &String| !it.is_empty())
}

pub(super) fn nothing_yet(it: &registration::Model) -> class_member::Model {
    class_member::Model {
        registration_id: it.id,
        activity_id: it.activity_id,
        group_id: None,
        student_no: None,
        post: None,
    }
}

pub(super) async fn put(
    tx: &DatabaseTransaction,
    rows: Vec<class_member::ActiveModel>,
) -> Result<(), sea_orm::DbErr> {
    use class_member::Column as Of;
    class_member::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::column(Of::RegistrationId)
                .update_columns([Of::GroupId, Of::StudentNo, Of::Post])
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// What a trainee shall be; what is not given stays, what is given empty is taken back.
#[derive(Default)]
pub struct Change {
    pub group: Option<Option<GroupId>>,
    pub student_no: Option<Option<String>>,
    pub post: Option<Option<String>>,
}

/// Puts a trainee into a group, or says the student number or a post on the class committee.
pub async fn update_trainee(
    tx: &DatabaseTransaction,
    permit: &Permit<UpdateTrainee>,
    change: Change,
) -> Result<registration::Model, Error<GroupErrorCode>> {
    let activity = locked(tx, permit.on().activity_id).await?;
    let it = trainee(tx, &activity, permit.on().id, "registrationId").await?;
    let known = class_member::Entity::find_by_id(it.id).one(tx).await?;
    let mut row = known.unwrap_or_else(|| nothing_yet(&it));
    if let Some(group) = change.group {
        if let Some(group) = group {
            let found = class_group::Entity::find_by_id(group).one(tx).await?;
            if found.is_none_or(|it| it.activity_id != activity.id) {
                return Err(GroupErrorCode::GroupUnknown.at(["groupId"]).into());
            }
        }
        if row.group_id != group {
            // Whoever led the group that they leave leads it no more.
            class_group::Entity::update_many()
                .col_expr(Column::LeaderId, Expr::value(None::<RegistrationId>))
                .filter(Column::LeaderId.eq(it.id))
                .exec(tx)
                .await?;
        }
        row.group_id = group;
    }
    let number = change.student_no.clone().flatten().unwrap_or_default();
    row.student_no = change.student_no.unwrap_or(row.student_no);
    row.post = change.post.unwrap_or(row.post);
    put(tx, vec![class_member::ActiveModel::from(row).reset_all()]).await.map_err(|error| {
        if is_duplicate(&error) {
            Error::from(GroupErrorCode::StudentNoTaken.at(["studentNo"]).about(number))
        } else {
            error.into()
        }
    })?;
    Ok(it)
}

/// A trainee of a class, who holds a seat.
async fn trainee(
    tx: &DatabaseTransaction,
    activity: &activity::Model,
    id: RegistrationId,
    field: &str,
) -> Result<registration::Model, Error<GroupErrorCode>> {
    let found = crate::registration::by_ids(tx, vec![id]).await?.remove(&id);
    let it = found.ok_or(Failure::NotFound)?;
    if it.activity_id == activity.id && it.status == Status::Confirmed {
        Ok(it)
    } else {
        Err(GroupErrorCode::NotATrainee.at([field]).into())
    }
}

/// The class, locked: groups are made and filled by one at a time.
pub(super) async fn locked(
    tx: &DatabaseTransaction,
    id: ActivityId,
) -> Result<activity::Model, Error<GroupErrorCode>> {
    let it = crate::activity::locked(tx, id).await?;
    if it.kind == programme::Kind::Academy {
        Ok(it)
    } else {
        Err(GroupErrorCode::NotAClass.at(["activityId"]).into())
    }
}

/// Drops what some registrations are in their classes, but for the group.
pub async fn forget(tx: &DatabaseTransaction, of: &[RegistrationId]) -> Result<(), Failure> {
    class_member::Entity::update_many()
        .col_expr(class_member::Column::StudentNo, Expr::value(None::<String>))
        .col_expr(class_member::Column::Post, Expr::value(None::<String>))
        .filter(within(
            (class_member::Entity, class_member::Column::RegistrationId),
            of.iter().copied(),
        ))
        .exec(tx)
        .await?;
    Ok(())
}
