//! Whoever can write SQL and has not the key changes, removes and inserts no event unnoticed.

use api::{
    audit::{
        chain::{self, Seal},
        purge::purge,
        verify::{How, verify},
    },
    db::Db,
    graphql::Gid,
};
use chrono::TimeDelta;
use entity::id::AuditEventId;
use migration::Migrator;
use sea_orm::{ConnectionTrait, Database};
use sea_orm_migration::MigratorTrait;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::{run_sql, statement};
use crate::{
    app::{TestApp, on_both},
    life::done,
    server::{Home, on_both_servers},
};

/// Takes the database's own guard away, as its owner can.
pub async fn disarm(app: &TestApp) {
    let all = if app.url.starts_with("sqlite") {
        &["DROP TRIGGER audit_event_no_update", "DROP TRIGGER audit_event_no_delete"][..]
    } else {
        &["ALTER TABLE audit_event DISABLE TRIGGER USER"]
    };
    for sql in all {
        run_sql(app, sql).await.unwrap();
    }
}

/// Broken links as (place, id, how); at most one per chain.
async fn broken(app: &TestApp) -> Vec<(i64, Option<AuditEventId>, How)> {
    let report = verify(&app.app.db).await.unwrap();
    report.broken.into_iter().map(|it| (it.place, it.event, it.how)).collect()
}

/// The chain, the place and the id of an event that matches.
async fn event(app: &TestApp, condition: &str) -> (i32, i64, AuditEventId) {
    let sql = format!("SELECT chain, place, id FROM audit_event WHERE {condition} LIMIT 1");
    let row = app.app.db.read().query_one_raw(statement(app, &sql)).await.unwrap().unwrap();
    let id: Uuid = row.try_get_by_index(2).unwrap();
    (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), AuditEventId(id))
}

/// An act that leaves an event.
async fn act(app: &TestApp, nth: usize) -> Value {
    let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": format!("商会{nth}")});
    done(app.organiser(), "create_organisation", input).await["organisation"]["id"].take()
}

/// Forty acts, so that no chain is short.
async fn acts(app: &TestApp) {
    for nth in 0..40 {
        act(app, nth).await;
    }
}

on_both! {
    async fn events_of_acts_at_once_are_each_in_a_chain(app) {
        let festival = app.festival(Some(100), &[]).await;
        let all = (0..60).map(|nth| {
            let (app, festival) = (&app, &festival);
            async move { festival.register(app, "张三", &format!("138000001{nth:02}")).await }
        });
        futures_util::future::join_all(all).await;
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'RegisterAttendee'").await, 60);
        let report = verify(&app.app.db).await.unwrap();
        assert!(report.broken.is_empty(), "{report:?}");
        assert_eq!(i64::try_from(report.events).unwrap(), app.count("SELECT count(*) FROM audit_event").await);
        assert!(app.count("SELECT count(DISTINCT chain) FROM audit_event").await > 1);
    }

    async fn the_database_refuses_to_change_or_remove_an_event(app) {
        act(&app, 0).await;
        let all = if app.url.starts_with("sqlite") { 2 } else { 3 };
        let refused = ["UPDATE audit_event SET action = 'Nothing'", "DELETE FROM audit_event", "TRUNCATE audit_event"];
        for sql in &refused[..all] {
            let error = run_sql(&app, sql).await.unwrap_err().to_string();
            assert!(error.contains("append-only"), "{sql}: {error}");
        }
        assert_eq!(broken(&app).await, []);
    }

    async fn a_changed_event_is_named(app) {
        acts(&app).await;
        disarm(&app).await;
        let (chain, place, id) = event(&app, "action = 'CreateOrganisation' AND place > 1").await;
        let here = format!("WHERE chain = {chain} AND place = {place}");
        for (column, other) in [
            ("reason", "'另有原因'"), ("action", "'ViewOrganisation'"), ("outcome", "'REFUSED'"), ("account_id", "NULL"),
            ("details", "NULL"), ("address", "'192.0.2.1'"), ("subject_id", "NULL"), ("subject_kind", "'person'"),
            ("result_kind", "NULL"), ("result_id", "NULL"), ("at", "'2026-10-31T01:00:00+00:00'"), ("hash", "NULL"),
        ] {
            let keep = format!("CREATE TABLE kept AS SELECT * FROM audit_event {here}");
            run_sql(&app, &keep).await.unwrap();
            run_sql(&app, &format!("UPDATE audit_event SET {column} = {other} {here}")).await.unwrap();
            assert_eq!(broken(&app).await, [(place, Some(id), How::Changed)], "{column}");
            // Put back, all is well again.
            run_sql(&app, &format!("UPDATE audit_event SET {column} = (SELECT {column} FROM kept) {here}")).await.unwrap();
            assert_eq!(broken(&app).await, [], "{column}");
            run_sql(&app, "DROP TABLE kept").await.unwrap();
        }
    }

    async fn a_removed_event_is_named_and_the_last_one_too(app) {
        acts(&app).await;
        disarm(&app).await;
        let (chain, place, _) = event(&app, "action = 'CreateOrganisation' AND place > 1 AND place < (SELECT place FROM audit_head WHERE chain = audit_event.chain)").await;
        run_sql(&app, &format!("DELETE FROM audit_event WHERE chain = {chain} AND place = {place}")).await.unwrap();
        assert_eq!(broken(&app).await, [(place, None, How::Removed)]);

        // Of another chain the end, and then its head as well.
        let (chain, last, _) = event(&app, &format!("chain <> {chain} AND place > 2 AND place = (SELECT place FROM audit_head WHERE chain = audit_event.chain)")).await;
        run_sql(&app, &format!("DELETE FROM audit_event WHERE chain = {chain} AND place = {last}")).await.unwrap();
        assert!(broken(&app).await.contains(&(last, None, How::Removed)));
        let back = format!(
            "UPDATE audit_head SET place = {0}, hash = (SELECT hash FROM audit_event WHERE chain = {chain} AND place = {0}) WHERE chain = {chain}",
            last - 1,
        );
        run_sql(&app, &back).await.unwrap();
        assert!(broken(&app).await.contains(&(last - 1, None, How::Head)));
    }

    async fn an_inserted_event_is_named(app) {
        acts(&app).await;
        let (chain, place, _) = event(&app, "place = (SELECT place FROM audit_head WHERE chain = audit_event.chain)").await;
        let columns = "at, account_id, device_id, action, subject_kind, subject_id, result_kind, result_id, reason, request_id, address, outcome, details, chain, hash";
        let new = if app.url.starts_with("sqlite") { "randomblob(16)" } else { "gen_random_uuid()" };
        let copy = |to: i64| format!("INSERT INTO audit_event (id, place, {columns}) SELECT {new}, {to}, {columns} FROM audit_event WHERE chain = {chain} AND place = {place}");
        run_sql(&app, &copy(place + 1)).await.unwrap();
        let all = broken(&app).await;
        assert!(matches!(all[..], [(at, Some(_), How::Inserted)] if at == place + 1), "{all:?}");
        // In a place that is taken there is room for none.
        assert!(run_sql(&app, &copy(place)).await.is_err());
    }

    async fn what_cannot_be_put_on_record_is_not_done(app) {
        let festival = app.festival(None, &[]).await;
        for sql in if app.url.starts_with("sqlite") {
            &["CREATE TRIGGER full_disk BEFORE INSERT ON audit_event BEGIN SELECT RAISE(ABORT, 'no space left'); END"][..]
        } else {
            &[
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left'; END $$",
                "CREATE TRIGGER full_disk BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION full_disk()",
            ]
        } {
            run_sql(&app, sql).await.unwrap();
        }
        let state = "SELECT (SELECT count(*) FROM registration) + 1000 * (SELECT count(*) FROM person) + 1000000 * (SELECT count(*) FROM activity WHERE title = '开幕式')";
        let before = app.count(state).await;
        let person = json!({"name": "张三", "phone": "13800000001"});
        let input = json!({"input": {"activityId": festival.activity, "person": person}});
        let document = crate::app::document("register_attendee");
        assert_eq!(app.organiser().fail(&document, input).await, "INTERNAL_SERVER_ERROR");
        let input = json!({"input": {"activityId": festival.activity, "title": "论坛"}});
        let document = crate::app::document("update_activity");
        assert_eq!(app.organiser().fail(&document, input).await, "INTERNAL_SERVER_ERROR");
        assert_eq!(app.count(state).await, before);
        // Nobody signs in unrecorded either.
        let name = json!({"input": {"username": "user0", "password": crate::app::PASSWORD}});
        let document = crate::app::document("sign_in");
        assert_eq!(app.anonymous().fail(&document, name).await, "INTERNAL_SERVER_ERROR");
    }

    async fn what_is_old_is_dropped_and_the_rest_verifies(app) {
        let app = app.with(&["--audit-days", "190"]).await;
        acts(&app).await;
        let old = app.count("SELECT count(*) FROM audit_event").await;
        *app.clock() += TimeDelta::days(190);
        purge(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM audit_event").await, old, "nothing is older than 190 days yet");
        let admin = app.anew(app.organiser()).await;
        let input = json!({"parentId": app.root_id(), "kind": "CHAMBER", "name": "新商会"});
        done(&admin, "create_organisation", input).await;
        *app.clock() += TimeDelta::days(1);
        purge(&app.app).await.unwrap();
        let purged = "SELECT count(*) FROM audit_event WHERE action = 'PurgeAudit'";
        assert_eq!(app.count(purged).await, 1);
        assert_eq!(app.count("SELECT count(*) FROM audit_event").await, 3, "the new one, its sign-in, and the purge");
        assert_eq!(broken(&app).await, []);
        // A purge that has nothing to do says nothing.
        purge(&app.app).await.unwrap();
        assert_eq!(app.count(purged).await, 1);
        // What an anchor does not cover stays, and an anchor that nobody sealed is named.
        assert!(run_sql(&app, "DELETE FROM audit_event").await.is_err());
        let (chain, place, _) = event(&app, "action = 'PurgeAudit'").await;
        run_sql(&app, &format!("UPDATE audit_anchor SET place = {place} WHERE chain = {chain}")).await.unwrap();
        assert!(run_sql(&app, &format!("DELETE FROM audit_event WHERE chain = {chain}")).await.unwrap() > 0);
        assert!(broken(&app).await.contains(&(place, None, How::Anchor)));
    }
}

on_both_servers! {
    async fn the_command_names_the_first_broken_link(home) {
        let run = |home: &Home| home.run(&["audit", "verify"], "");
        let (mut server, organiser) = home.open().await;
        organiser.festival(None).await;
        server.kill();
        let whole = run(&home);
        assert!(whole.status.success(), "{whole:?}");
        let connection = Database::connect(&home.url).await.unwrap();
        let guard = if home.url.starts_with("sqlite") { "DROP TRIGGER audit_event_no_update" } else { "ALTER TABLE audit_event DISABLE TRIGGER USER" };
        connection.execute_unprepared(guard).await.unwrap();
        connection.execute_unprepared("UPDATE audit_event SET address = '192.0.2.7' WHERE action = 'CreateActivity'").await.unwrap();
        connection.close().await.unwrap();
        let broken = run(&home);
        let printed = String::from_utf8_lossy(&broken.stdout).into_owned();
        assert_eq!(broken.status.code(), Some(1), "{broken:?}");
        assert!(printed.contains("auditEvent_") && printed.contains(": changed"), "{printed}");
        // Less than half a year is refused, whatever the command.
        assert!(!home.run(&["--audit-days", "189", "audit", "verify"], "").status.success());
    }
}

/// The events of a database from before there were chains are sealed at the first start since.
#[tokio::test]
async fn events_of_before_are_sealed() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("old.db").display());
    let connection = Database::connect(&url).await.unwrap();
    let all = Migrator::migrations();
    let before = all.iter().position(|it| it.name() == "m2026_11_26_000001_audit").unwrap();
    Migrator::up(&connection, Some(before.try_into().unwrap())).await.unwrap();
    for nth in 0..5 {
        let sql = format!(
            "INSERT INTO audit_event (id, at, action, subject_kind, request_id) VALUES (x'{:032x}', '2026-11-01T01:00:00+00:00', 'Old{nth}', 'account', x'{:032x}')",
            100 + nth,
            7
        );
        connection.execute_unprepared(&sql).await.unwrap();
    }
    let db = Db::connect(&url, Seal::load(None, folder.path()).unwrap()).await.unwrap();
    db.migrate().await.unwrap();
    assert!(!verify(&db).await.unwrap().broken.is_empty(), "nothing vouches for them yet");
    chain::begin(&db).await.unwrap();
    let report = verify(&db).await.unwrap();
    assert!(report.broken.is_empty() && report.events == 5, "{report:?}");
    connection.execute_unprepared("DROP TRIGGER audit_event_no_update").await.unwrap();
    connection
        .execute_unprepared("UPDATE audit_event SET action = 'Other' WHERE action = 'Old2'")
        .await
        .unwrap();
    let broken = verify(&db).await.unwrap().broken;
    let id = Gid(AuditEventId(Uuid::from_u128(102))).to_string();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].to_string(), format!("chain 0, place 3, {id}: changed"));
    // Another key vouches for nothing.
    let other =
        Db::connect(&url, Seal::load(None, TempDir::new().unwrap().path()).unwrap()).await.unwrap();
    assert_eq!(verify(&other).await.unwrap().broken.len(), 8);
}
