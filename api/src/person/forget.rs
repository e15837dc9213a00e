//! What is dropped of a person's record while it stays: registrations refer to it.

use entity::{
    id::PersonId,
    person::{self, Column, Gender},
    person_term, position,
    retention_rule::Class,
};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, UpdateMany,
    sea_query::{Expr, SelectStatement, SimpleExpr},
};

use super::name::Namer;
use crate::error::Failure;

/// What stands where a name was.
pub const ERASED: &str = "已删除";

/// Whether a record says more of who somebody is than the name.
#[must_use]
pub fn has_identity() -> Condition {
    [Column::IdNo, Column::Birth, Column::Ethnicity, Column::Political]
        .into_iter()
        .fold(Condition::any(), |any, it| any.add(it.is_not_null()))
}

fn nothing() -> SimpleExpr {
    Expr::value(None::<String>)
}

/// Takes out how somebody is reached.
fn without_contact(update: UpdateMany<person::Entity>) -> UpdateMany<person::Entity> {
    update.col_expr(Column::Phone, nothing()).col_expr(Column::Email, nothing())
}

/// Takes out what says more of who somebody is than the name.
fn without_identity(update: UpdateMany<person::Entity>) -> UpdateMany<person::Entity> {
    [Column::IdNo, Column::Birth, Column::Ethnicity, Column::Political]
        .into_iter()
        .fold(update, |update, it| update.col_expr(it, nothing()))
        .col_expr(Column::IdMark, Expr::value(None::<Vec<u8>>))
}

/// Drops a class of data of some people, whom the caller has claimed. `which` selects from people.
pub async fn of_people(
    tx: &DatabaseTransaction,
    class: Class,
    people: &[PersonId],
    mut which: SelectStatement,
) -> Result<u64, Failure> {
    which
        .column((person::Entity, Column::Id))
        .and_where(crate::db::within((person::Entity, Column::Id), people.iter().copied()));
    let update = person::Entity::update_many().filter(Column::Id.in_subquery(which));
    let update = match class {
        Class::Contact => without_contact(update),
        _ => without_identity(update),
    };
    Ok(update.exec(tx).await?.rows_affected)
}

/// Drops all of a record but the organisation that keeps it, and the name where that has to stay. Nobody finds it any more.
pub async fn of_one(
    tx: &DatabaseTransaction,
    namer: &Namer,
    it: &person::Model,
    keeps_name: bool,
) -> Result<(), Failure> {
    person_term::Entity::delete_many()
        .filter(person_term::Column::PersonId.eq(it.id))
        .exec(tx)
        .await?;
    position::Entity::delete_many().filter(position::Column::PersonId.eq(it.id)).exec(tx).await?;
    let update = without_identity(without_contact(person::Entity::update_many()))
        .col_expr(Column::Gender, Expr::value(None::<Gender>));
    let update = if keeps_name {
        update
    } else {
        let reading = namer.read(ERASED);
        update
            .col_expr(Column::Name, Expr::value(ERASED))
            .col_expr(Column::Pinyin, Expr::value(""))
            .col_expr(Column::PinyinKey, Expr::value(reading.pinyin_key))
            .col_expr(Column::StrokeKey, Expr::value(reading.stroke_key))
    };
    update.filter(Column::Id.eq(it.id)).exec(tx).await?;
    Ok(())
}
