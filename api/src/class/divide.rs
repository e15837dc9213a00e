//! A class divided into groups: as the uploaded lists say, or by size in their order.

use std::collections::{BTreeMap, HashMap};

use entity::{
    activity,
    class_group::{self, Column},
    class_member,
    id::{ActivityId, GroupId, RegistrationId},
    programme,
    registration::{self, Status},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
};

use super::group::{GroupErrorCode, MOST, empty, groups, insert, locked, nothing_yet, put, said};
use crate::{
    authz::{Permit, policy::DivideClass},
    db::CHUNK,
    error::{Error, Refusal},
};

/// How a class is divided.
pub enum Division {
    /// As the list says: a group for each name, in the order in which they come.
    AsListed,
    /// Into groups of about so many, in the order of the list.
    BySize(usize),
}

/// Divides the trainees who hold a seat into groups, and takes over the student numbers that the list said of those who
/// have none. The groups that are there go if that is said.
pub async fn divide(
    tx: &DatabaseTransaction,
    permit: &Permit<DivideClass>,
    division: Division,
    anew: bool,
) -> Result<activity::Model, Error<GroupErrorCode>> {
    let activity = locked(tx, permit.on().id).await?;
    divide_into(tx, &activity, division, anew).await?;
    Ok(activity)
}

/// The same of a class whose activity is locked.
pub async fn divide_into(
    tx: &DatabaseTransaction,
    activity: &activity::Model,
    division: Division,
    anew: bool,
) -> Result<(), Error<GroupErrorCode>> {
    if activity.kind != programme::Kind::Academy {
        return Err(GroupErrorCode::NotAClass.at(["activityId"]).into());
    }
    let there = groups(tx, activity.id).await?;
    if !there.is_empty() {
        if !anew {
            return Err(GroupErrorCode::GroupsExist.at(["activityId"]).into());
        }
        empty(tx, class_member::Column::ActivityId.eq(activity.id)).await?;
        class_group::Entity::delete_many()
            .filter(Column::ActivityId.eq(activity.id))
            .exec(tx)
            .await?;
    }
    let trainees = registration::Entity::find()
        .filter(registration::Column::ActivityId.eq(activity.id))
        .filter(registration::Column::Status.eq(Status::Confirmed))
        .order_by_asc(registration::Column::ListKey)
        .order_by_asc(registration::Column::ListRow)
        .order_by_asc(registration::Column::Id)
        .all(tx)
        .await?;
    let named = match division {
        Division::AsListed => as_listed(&trainees),
        Division::BySize(size) => by_size(&trainees, size),
    };
    if named.is_empty() {
        return Err(GroupErrorCode::NobodyToDivide.at(["activityId"]).into());
    }
    if named.len() > MOST {
        return Err(GroupErrorCode::TooMany.at(["activityId"]).about(MOST).into());
    }
    let mut grouped = HashMap::new();
    for ((name, members), number) in named.into_iter().zip(1..) {
        let group = insert(tx, activity.id, number, name).await?;
        grouped.extend(members.into_iter().map(|it| (it, group.id)));
    }
    keep(tx, activity.id, &trainees, &grouped).await
}

/// A group to be: its name and who is in it.
type Named = (String, Vec<RegistrationId>);

fn as_listed(trainees: &[registration::Model]) -> Vec<Named> {
    let mut named: Vec<Named> = Vec::new();
    for it in trainees {
        let Some(name) = said(it, "group") else { continue };
        match named.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(it.id),
            None => named.push((name, vec![it.id])),
        }
    }
    named
}

/// As few groups as are needed, whose sizes differ by at most one.
fn by_size(trainees: &[registration::Model], size: usize) -> Vec<Named> {
    let count = trainees.len().div_ceil(size.max(1));
    let mut rest = trainees;
    (0..count)
        .map(|at| {
            let (members, behind) = rest.split_at(rest.len().div_ceil(count - at));
            rest = behind;
            (format!("第{}组", at + 1), members.iter().map(|it| it.id).collect())
        })
        .collect()
}

/// Keeps who is in which group, with the student numbers of the list where there is none yet. Of two who have the same
/// on the list, the first gets it.
async fn keep(
    tx: &DatabaseTransaction,
    activity: ActivityId,
    trainees: &[registration::Model],
    grouped: &HashMap<RegistrationId, GroupId>,
) -> Result<(), Error<GroupErrorCode>> {
    let known = class_member::Entity::find()
        .filter(class_member::Column::ActivityId.eq(activity))
        .all(tx)
        .await?;
    let mut taken: std::collections::HashSet<String> =
        known.iter().filter_map(|it| it.student_no.clone()).collect();
    let mut known: BTreeMap<RegistrationId, class_member::Model> =
        known.into_iter().map(|it| (it.registration_id, it)).collect();
    let rows: Vec<_> = trainees
        .iter()
        .map(|it| {
            let mut row = known.remove(&it.id).unwrap_or_else(|| nothing_yet(it));
            row.group_id = grouped.get(&it.id).copied();
            if row.student_no.is_none() {
                row.student_no = said(it, "studentNo").filter(|it| taken.insert(it.clone()));
            }
            class_member::ActiveModel::from(row).reset_all()
        })
        .collect();
    for chunk in rows.chunks(CHUNK) {
        put(tx, chunk.to_vec()).await?;
    }
    Ok(())
}
