//! ID numbers on record, which are sealed.

use std::sync::Arc;

use entity::{
    id::PersonId,
    person::{self, Column},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{
    db::{CHUNK, Db},
    error::Failure,
    refusals,
    vault::{Place, Vault},
};

refusals! {
    /// Why nothing was shown whole.
    RevealPersonErrorCode, RevealPersonUserError {
        /// No field is named.
        FieldsMissing = "请选择要查看的内容", "say what is to be shown";
        /// What it is for is not said, in three characters or more.
        PurposeMissing = "请填写查看用途（至少3个字）", "say what for, in three characters or more";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// Where the ID number of a person is kept.
#[must_use]
pub fn place(id: PersonId) -> Place {
    Place::of("person.id_no", id.0)
}

/// The whole ID number of a person, if it is known.
pub fn id_number(vault: &Vault, person: &person::Model) -> Result<Option<String>, Failure> {
    person.id_no.as_deref().map(|it| vault.open_text(&place(person.id), it)).transpose()
}

/// Seals by the newest key what is plain, or was sealed by another; how many those were.
pub async fn reseal(db: &Db, vault: &Arc<Vault>) -> Result<u64, Failure> {
    let (mut after, mut done) = (None::<PersonId>, 0);
    loop {
        let behind =
            after.map_or_else(Condition::all, |it| Condition::all().add(Column::Id.gt(it)));
        let rows = person::Entity::find()
            .filter(Column::IdNo.is_not_null())
            .filter(behind)
            .order_by_asc(Column::Id)
            .limit(CHUNK as u64)
            .all(db.read())
            .await?;
        let Some(last) = rows.last() else { return Ok(done) };
        after = Some(last.id);
        let is_stale = |it: &&person::Model| {
            it.id_mark.is_none() || !it.id_no.as_deref().is_some_and(|it| vault.is_fresh(it))
        };
        let stale: Vec<&person::Model> = rows.iter().filter(is_stale).collect();
        if stale.is_empty() {
            continue;
        }
        done += db
            .transaction(async |tx| {
                let mut changed = 0;
                for row in stale {
                    let Some(number) = id_number(vault, row)? else { continue };
                    let number = vault.id_number(number);
                    // Whoever changed it since has sealed it.
                    changed += person::Entity::update_many()
                        .col_expr(Column::IdNo, Expr::value(number.sealed(&place(row.id))?))
                        .col_expr(Column::IdMark, Expr::value(number.mark().to_vec()))
                        .filter(Column::Id.eq(row.id))
                        .filter(Column::IdNo.eq(row.id_no.clone()))
                        .exec(tx)
                        .await?
                        .rows_affected;
                }
                Ok::<_, Failure>(changed)
            })
            .await?;
    }
}
