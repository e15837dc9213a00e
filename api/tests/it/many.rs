//! Many rows written at once are the rows that were given, on both databases.

use api::db::many;
use chrono::{TimeDelta, TimeZone, Utc};
use entity::{
    id::{OrganisationId, PersonId},
    person::{self, Gender},
    person_term,
};
use sea_orm::{EntityTrait, QueryOrder};

use crate::app::{TestApp, on_both};

/// More than one statement takes on either database.
const ROWS: usize = many::ROWS + 100;

/// People of whom one column or another is empty, or full of what a statement might stumble over.
fn people(home: OrganisationId) -> Vec<person::Model> {
    let some = |nth: usize, of: usize, text: &str| (!nth.is_multiple_of(of)).then(|| text.into());
    let person = |nth: usize| person::Model {
        id: PersonId::generate(),
        name: format!("解'\"\\{{{nth}}}, NULL"),
        pinyin: String::new(),
        pinyin_key: vec![0, u8::try_from(nth % 251).unwrap(), b'\\'],
        stroke_key: Vec::new(),
        phone: some(nth, 3, &format!("142{nth:08}")),
        email: None,
        gender: nth.is_multiple_of(2).then_some(Gender::Female),
        birth: some(nth, 5, "NULL"),
        ethnicity: some(nth, ROWS, "汉"),
        political: None,
        id_no: None,
        id_mark: nth.is_multiple_of(7).then(|| nth.to_be_bytes().to_vec()),
        home_id: home,
        created_at: Utc.timestamp_opt(1_600_000_000, 0).unwrap()
            + TimeDelta::microseconds(i64::try_from(nth).unwrap()),
    };
    (0..ROWS).map(person).collect()
}

on_both! {
    async fn what_is_inserted_is_what_was_given(app) {
        let rows = people(app.root);
        app.by_hand(async |tx| {
            many::insert::<person::Entity>(tx, &rows[..1]).await?;
            many::insert::<person::Entity>(tx, &rows[1..]).await?;
            Ok(many::insert::<person::Entity>(tx, &[]).await?)
        }).await;
        assert_kept(&app, rows).await;
    }

    async fn what_is_there_is_left_out(app) {
        let rows = people(app.root);
        let term = |it: &person::Model| person_term::Model { term: "x".into(), person_id: it.id };
        let terms: Vec<_> = rows.iter().map(term).collect();
        let inserted = app.by_hand(async |tx| {
            many::insert::<person::Entity>(tx, &rows).await?;
            let some = many::insert_absent::<person_term::Entity>(tx, &terms[50..60]).await?;
            let none = many::insert_absent::<person_term::Entity>(tx, &terms[59..60]).await?;
            Ok([some, none, many::insert_absent::<person_term::Entity>(tx, &terms).await?])
        }).await;
        assert_eq!(inserted, [10, 0, ROWS as u64 - 10]);
        assert_eq!(app.count("SELECT count(*) FROM person_term").await, i64::try_from(ROWS).unwrap());
    }

    async fn an_update_changes_its_columns_of_its_rows(app) {
        let before = people(app.root);
        let mut after = before.clone();
        for (nth, it) in after.iter_mut().enumerate().skip(1).take(ROWS - 2) {
            it.phone = (nth % 2 == 0).then(|| format!("143{nth:08}"));
            it.birth = None;
            it.email = Some("a@b.cn".into());
        }
        // What is not named stays, and so does who is not.
        let given: Vec<_> =
            after[1..ROWS - 1].iter().map(|it| person::Model { name: "别".into(), ..it.clone() }).collect();
        let columns = [person::Column::Phone, person::Column::Birth, person::Column::Email];
        app.by_hand(async |tx| {
            many::insert::<person::Entity>(tx, &before).await?;
            many::update::<person::Entity>(tx, &given[..1], &columns).await?;
            Ok(many::update::<person::Entity>(tx, &given[1..], &columns).await?)
        }).await;
        assert_kept(&app, after).await;
    }
}

async fn assert_kept(app: &TestApp, mut expected: Vec<person::Model>) {
    expected.sort_by_key(|it| it.id);
    let kept = person::Entity::find().order_by_asc(person::Column::Id);
    let kept = kept.all(app.app.db.read()).await.unwrap();
    assert_eq!(kept.len(), expected.len());
    let other = kept.iter().zip(&expected).find(|(one, other)| one != other);
    assert_eq!(other, None);
}
