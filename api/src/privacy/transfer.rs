//! Putting on record that data were given to somebody else.

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    activity,
    consent::Purpose,
    id::{ExportId, TransferId},
    organisation,
    transfer::{self, Column, Fields},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction,
    EntityTrait, QueryFilter, sea_query::Query,
};

use super::consent::refusers;
use crate::{
    authz::{
        Permit,
        policy::{ConfirmDeletion, RecordTransfer, ViewTransfers},
    },
    db::{CHUNK, begins_with},
    error::{Error, Failure, Refusal},
    export::{self, whose},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why a transfer was not put on record.
    TransferErrorCode, TransferUserError {
        /// A text that is needed is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long, or there are more than 100 fields.
        TooLong = "不能超过{}", "at most {}";
        /// It is no SHA-256 in hexadecimal, or there is neither one nor an export whose file has one.
        HashInvalid = "请填写文件的SHA-256（64位十六进制）", "give the SHA-256 of the file in hexadecimal";
        /// The file of the export has another SHA-256.
        HashDiffers = "与导出文件的SHA-256不一致", "the file of the export has another SHA-256";
        /// There is no such export of the activity.
        ExportUnknown = "活动没有这次导出", "the activity has no such export";
        /// There is a negative number of rows, or none is given and no export tells.
        RowsInvalid = "请填写行数", "say how many rows there are";
        /// It is to be deleted before it was given.
        DayInvalid = "日期不能早于今天", "the day is before today";
        /// The receiver has said so already.
        AlreadyDeleted = "已登记删除", "it was deleted already";
        /// A receiver deletes after it was given, and not in future.
        DeletedInvalid = "删除日期须在移交之后，且不晚于今天", "the day is before it was given, or in future";
    }
}

/// What was given.
pub struct Draft {
    pub export: Option<ExportId>,
    pub receiver: String,
    pub purpose: String,
    pub fields: Vec<String>,
    pub rows: Option<i64>,
    pub sha256: Option<Vec<u8>>,
    pub delete_by: NaiveDate,
}

fn today(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&chrono_tz::Asia::Shanghai).date_naive()
}

/// Puts it on record.
pub async fn record(
    tx: &DatabaseTransaction,
    permit: &Permit<RecordTransfer>,
    draft: Draft,
    now: DateTime<Utc>,
) -> Result<transfer::Model, Error<TransferErrorCode>> {
    use TransferErrorCode as Code;
    let activity = permit.on().id;
    if draft.delete_by < today(now) {
        return Err(Code::DayInvalid.at(["deleteBy"]).into());
    }
    let (mut rows, mut sha256, mut refused) = (draft.rows, draft.sha256, 0);
    if let Some(id) = draft.export {
        let found = export::find_in(tx, id).await?.filter(|it| it.activity_id == Some(activity));
        let found = found.ok_or_else(|| Code::ExportUnknown.at(["exportId"]))?;
        if let (Some(given), Some(made)) = (&sha256, &found.sha256)
            && given != made
        {
            return Err(Code::HashDiffers.at(["sha256"]).into());
        }
        rows = rows.or(Some(found.rows_total).filter(|it| *it > 0));
        sha256 = sha256.or(found.sha256);
        for people in whose::all(tx, id).await?.chunks(CHUNK) {
            refused += refusers(tx, people.iter().copied(), Purpose::Sharing).await?.len();
        }
    }
    let rows = rows.filter(|it| *it >= 0).ok_or_else(|| Code::RowsInvalid.at(["rows"]))?;
    let row = transfer::ActiveModel {
        id: Set(TransferId::generate()),
        activity_id: Set(activity),
        export_id: Set(draft.export),
        receiver: Set(draft.receiver),
        purpose: Set(draft.purpose),
        fields: Set(Fields(draft.fields)),
        rows: Set(rows),
        sha256: Set(sha256.ok_or_else(|| Code::HashInvalid.at(["sha256"]))?),
        delete_by: Set(draft.delete_by),
        deleted_on: Set(None),
        refusers: Set(i64::try_from(refused).map_err(Failure::internal)?),
        account_id: Set(permit.actor()),
        recorded_at: Set(now),
    };
    Ok(row.insert(tx).await?)
}

/// Puts on record that the receiver has deleted it.
pub async fn deleted(
    tx: &DatabaseTransaction,
    permit: &Permit<ConfirmDeletion>,
    on: NaiveDate,
    now: DateTime<Utc>,
) -> Result<transfer::Model, Error<TransferErrorCode>> {
    use TransferErrorCode as Code;
    let given = permit.on();
    if on < today(given.recorded_at) || on > today(now) {
        return Err(Code::DeletedInvalid.at(["deletedOn"]).into());
    }
    // Of two at once, one says it.
    let said = transfer::Entity::update_many()
        .col_expr(Column::DeletedOn, sea_orm::sea_query::Expr::value(on))
        .filter(Column::Id.eq(given.id))
        .filter(Column::DeletedOn.is_null())
        .exec(tx)
        .await?;
    if said.rows_affected == 0 {
        return Err(Code::AlreadyDeleted.at(["transferId"]).into());
    }
    let mut row = given.clone();
    row.deleted_on = Some(on);
    Ok(row)
}

/// What was given of the activities that an organisation and those below it hold, the newest first. `overdue` are those
/// that should be deleted by now and are not.
pub async fn list(
    db: &impl ConnectionTrait,
    permit: &Permit<ViewTransfers>,
    overdue: bool,
    now: DateTime<Utc>,
    slice: Slice<TransferId>,
) -> Result<Page<transfer::Model>, Failure> {
    let hosts = Query::select()
        .column(organisation::Column::Id)
        .from(organisation::Entity)
        .and_where(begins_with(
            (organisation::Entity, organisation::Column::Path),
            &permit.on().path,
        ))
        .to_owned();
    let activities = Query::select()
        .column(activity::Column::Id)
        .from(activity::Entity)
        .and_where(activity::Column::HostId.in_subquery(hosts))
        .to_owned();
    let mut query = transfer::Entity::find().filter(Column::ActivityId.in_subquery(activities));
    if overdue {
        query = query.filter(Column::DeletedOn.is_null()).filter(Column::DeleteBy.lt(today(now)));
    }
    let mut cursor = query.cursor_by(Column::Id);
    cursor.desc();
    slice.of(cursor, db).await
}
