//! Another name for a person, with all that follows from it.

use entity::person::{self, Column};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::{change_terms, name::Namer};
use crate::error::Failure;

/// Gives a person another name; false where there is a record of that name and the same phone.
pub async fn rename(
    tx: &DatabaseTransaction,
    namer: &Namer,
    person: &person::Model,
    name: String,
) -> Result<bool, Failure> {
    let taken = person::Entity::find()
        .filter(Column::Name.eq(&name))
        .filter(Column::Phone.eq(person.phone.clone()))
        .filter(Column::Id.ne(person.id))
        .one(tx)
        .await?;
    if taken.is_some() {
        return Ok(false);
    }
    let reading = namer.read(&name);
    let row = person::ActiveModel {
        id: Unchanged(person.id),
        name: Set(name),
        pinyin: Set(reading.pinyin),
        pinyin_key: Set(reading.pinyin_key),
        stroke_key: Set(reading.stroke_key),
        ..Default::default()
    };
    // The person first: the lock keeps others from the terms, and whoever is gone by now gets none.
    person::Entity::update(row).exec(tx).await?;
    change_terms(tx, person.id, reading.keys).await?;
    Ok(true)
}
