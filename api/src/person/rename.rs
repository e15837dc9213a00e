//! Another name for a person, with all that follows from it.

use entity::{
    person::{self, Column},
    person_term,
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter,
};

use super::{name::Namer, terms_of};
use crate::{db::many, error::Failure};

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
    person_term::Entity::delete_many()
        .filter(person_term::Column::PersonId.eq(person.id))
        .exec(tx)
        .await?;
    let terms: Vec<_> = terms_of(person.id, reading.keys).collect();
    many::insert_absent::<person_term::Entity>(tx, &terms).await?;
    let row = person::ActiveModel {
        id: Unchanged(person.id),
        name: Set(name),
        pinyin: Set(reading.pinyin),
        pinyin_key: Set(reading.pinyin_key),
        stroke_key: Set(reading.stroke_key),
        ..Default::default()
    };
    person::Entity::update(row).exec(tx).await?;
    Ok(true)
}
