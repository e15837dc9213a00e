//! What an entry of a list or a form adds to a record that is there.

use std::collections::BTreeMap;

use entity::person::{self, Column};
use sea_orm::{DatabaseTransaction, IdenStatic};

use super::{Entry, sealed};
use crate::{db::many, error::Failure};

/// Adds what each entry knows and the record does not. What is on record stays.
pub async fn fill(
    tx: &DatabaseTransaction,
    people: impl IntoIterator<Item = (&person::Model, &Entry)>,
) -> Result<(), Failure> {
    // Nothing is written but what is added, so those to whom the same is added go together.
    let mut filled: BTreeMap<Vec<&str>, (Vec<Column>, Vec<person::Model>)> = BTreeMap::new();
    for (person, entry) in people.into_iter().filter(|(person, entry)| entry.adds_to(person)) {
        let (row, added) = filled_by(person, entry)?;
        let names = added.iter().map(IdenStatic::as_str).collect();
        filled.entry(names).or_insert((added, Vec::new())).1.push(row);
    }
    for (added, mut rows) in filled.into_values() {
        rows.sort_unstable_by_key(|it| it.id);
        many::update::<person::Entity>(tx, &rows, &added).await?;
    }
    Ok(())
}

/// The record with what the entry adds to it, and which columns those are.
fn filled_by(
    person: &person::Model,
    entry: &Entry,
) -> Result<(person::Model, Vec<Column>), Failure> {
    fn add<T: Clone>(to: &mut Option<T>, known: Option<&T>) -> bool {
        let adds = to.is_none() && known.is_some();
        if adds {
            *to = known.cloned();
        }
        adds
    }
    let mut row = person.clone();
    let mut added = Vec::new();
    if let (None, Some(number)) = (&row.id_no, &entry.id_no) {
        row.id_no = Some(number.sealed(&sealed::place(row.id))?);
        row.id_mark = Some(number.mark().to_vec());
        added.extend([Column::IdNo, Column::IdMark]);
    }
    let others = [
        (Column::Email, add(&mut row.email, entry.email.as_ref())),
        (Column::Gender, add(&mut row.gender, entry.gender.as_ref())),
        (Column::Birth, add(&mut row.birth, entry.birth.as_ref())),
        (Column::Ethnicity, add(&mut row.ethnicity, entry.ethnicity.as_ref())),
        (Column::Political, add(&mut row.political, entry.political.as_ref())),
    ];
    added.extend(others.into_iter().filter(|it| it.1).map(|it| it.0));
    Ok((row, added))
}
