//! ID numbers and the files that are full of them are kept sealed: nowhere in the database, and by keys that change.

use api::{
    error::Failure,
    vault::{self, Place, Ring, Unfit, Vault},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::json;

use crate::{
    app::{Festival, TestApp, on_both},
    life::done,
    lists,
    server::Home,
};

const NUMBER: &str = "11010519491231002X";
const QUESTION: &str = "330302199001011235";

fn list() -> String {
    format!("姓名,单位,职务,手机,身份证号\n张一,甲厂,厂长,{},{NUMBER}\n", lists::phone(1))
}

/// Stages the list; the batch.
async fn stage(app: &TestApp, festival: &Festival) -> String {
    let upload = app.organiser().upload("list.csv", list().as_bytes()).await;
    let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT", "eventDate": "2026-11-01"});
    let staged = app.organiser().run("stage_roster", json!({"input": input})).await;
    assert_eq!(staged["stageRoster"]["userErrors"], json!([]));
    staged["stageRoster"]["batch"]["id"].as_str().unwrap().to_owned()
}

async fn commit(app: &TestApp, batch: &str) -> [i64; 3] {
    let document = "mutation($input: CommitRosterInput!) { commitRoster(input: $input) {
        batch { registered updated unchanged } userErrors { code } } }";
    let done = app.organiser().ask(document, json!({"input": {"batchId": batch}})).await;
    let batch = &done["commitRoster"]["batch"];
    ["registered", "updated", "unchanged"].map(|it| batch[it].as_i64().unwrap())
}

/// Registers somebody who answers with an ID number; the registration.
async fn answered(app: &TestApp, festival: &Festival) -> String {
    let question = json!({"key": "idno", "kind": "ID_NUMBER", "label": "身份证号", "purpose": "住宿", "keptFor": 30});
    let input = json!({"activityId": festival.activity, "questions": [question]});
    done(app.organiser(), "set_questions", input).await;
    let person = json!({"name": "李四光", "phone": lists::phone(2)});
    let input = json!({"activityId": festival.activity, "person": person, "answers": [{"key": "idno", "text": QUESTION}]});
    let made = done(app.organiser(), "register_attendee", input).await;
    made["registration"]["id"].as_str().unwrap().to_owned()
}

async fn shown(app: &TestApp, registration: &str) -> String {
    let document = "query($id: ID!) { registration(id: $id) { answers { text } } }";
    let data = app.organiser().ask(document, json!({"id": registration})).await;
    data["registration"]["answers"][0]["text"].as_str().unwrap().to_owned()
}

/// All of the database as text, bytes in hexadecimal digits.
async fn everything(app: &TestApp) -> String {
    let db = Database::connect(&app.url).await.unwrap();
    let backend = db.get_database_backend();
    let names = match backend {
        DbBackend::Postgres => {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
    };
    let mut all = String::new();
    for table in texts(&db, names).await {
        let rows = match backend {
            DbBackend::Postgres => format!("SELECT t::text FROM \"{table}\" t"),
            _ => {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let each = texts(&db, &columns).await.into_iter().map(|it| {
                    format!("CASE typeof(\"{it}\") WHEN 'blob' THEN hex(\"{it}\") ELSE coalesce(\"{it}\", '') END")
                });
                format!("SELECT {} FROM \"{table}\"", each.collect::<Vec<_>>().join(" || ' ' || "))
            }
        };
        all += &texts(&db, &rows).await.join("\n");
    }
    db.close().await.unwrap();
    all.to_lowercase()
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|it| it.try_get_by_index::<String>(0).unwrap()).collect()
}

fn in_hex(text: &str) -> String {
    api::digest::hex(text.as_bytes())
}

async fn assert_nowhere(app: &TestApp, number: &str) {
    let all = everything(app).await;
    assert!(all.contains("sealed:"), "nothing is sealed");
    assert!(!all.contains(&number.to_lowercase()), "{number} is kept plain");
    assert!(!all.contains(&in_hex(number)), "{number} is kept plain, as bytes");
}

async fn sql(app: &TestApp, sql: &str) {
    let db = Database::connect(&app.url).await.unwrap();
    let done = db.execute_unprepared(sql).await;
    db.close().await.unwrap();
    done.unwrap();
}

on_both! {
    async fn an_id_number_is_kept_nowhere_plain(app) {
        let festival = app.festival(None, &[]).await;
        let batch = stage(&app, &festival).await;
        assert_eq!(commit(&app, &batch).await, [1, 0, 0]);
        let registration = answered(&app, &festival).await;
        assert_nowhere(&app, NUMBER).await;
        assert_nowhere(&app, QUESTION).await;
        assert_eq!(shown(&app, &registration).await, "330302********1235");
        // It is known again, though the name is another.
        let renamed = app.organiser().upload("list.csv", list().replace("张一", "张壹").as_bytes()).await;
        let input = json!({"activityId": festival.activity, "uploadId": renamed, "profile": "EVENT", "eventDate": "2026-11-01"});
        let staged = app.organiser().run("stage_roster", json!({"input": input})).await;
        let again = staged["stageRoster"]["batch"]["id"].as_str().unwrap();
        assert_eq!(commit(&app, again).await, [0, 0, 1]);
    }

    async fn what_was_kept_plain_is_sealed_once(app) {
        let festival = app.festival(None, &[]).await;
        commit(&app, &stage(&app, &festival).await).await;
        let other = app.festival(None, &[]).await;
        let waiting = stage(&app, &other).await;
        let registration = answered(&app, &festival).await;
        // As a database from before there were keys has it.
        sql(&app, &format!("UPDATE person SET id_no = '{NUMBER}', id_mark = NULL WHERE id_no IS NOT NULL")).await;
        sql(&app, &format!("UPDATE answer SET value = '{{\"text\": \"{QUESTION}\"}}'")).await;
        let record = if app.url.starts_with("sqlite") {
            format!("json_set(record, '$.id_no', '{NUMBER}')")
        } else {
            format!("jsonb_set(record, '{{id_no}}', '\"{NUMBER}\"')")
        };
        sql(&app, &format!("UPDATE roster_row SET record = {record}")).await;
        assert!(everything(&app).await.contains(&NUMBER.to_lowercase()));
        assert_eq!(shown(&app, &registration).await, "330302********1235");

        let (db, keys) = (&app.app.db, &app.app.vault);
        vault::check_keys(db, keys, app.now()).await.unwrap();
        assert_eq!(vault::seal_once(db, keys, app.now()).await.unwrap(), 4);
        assert_nowhere(&app, NUMBER).await;
        assert_nowhere(&app, QUESTION).await;
        assert_eq!(vault::reseal(db, keys).await.unwrap(), 0);
        assert_eq!(vault::seal_once(db, keys, app.now()).await.unwrap(), 0);
        assert_eq!(shown(&app, &registration).await, "330302********1235");
        assert_eq!(commit(&app, &waiting).await, [1, 0, 0]);
        assert_eq!(app.count("SELECT count(*) FROM person WHERE id_mark IS NOT NULL").await, 1);
    }

    async fn keys_change_while_servers_serve(app) {
        let festival = app.festival(None, &[]).await;
        let registration = answered(&app, &festival).await;
        let path = app.app.config.data_key();
        let (db, old) = (&app.app.db, app.app.vault.ring().id().to_owned());
        vault::check_keys(db, &app.app.vault, app.now()).await.unwrap();
        let new = Ring::rotate(&path).unwrap();
        // A server that was started since seals by the new key, and what it sealed opens at the one before it.
        let second = app.second().await;
        vault::check_keys(&second.db, &second.vault, app.now()).await.unwrap();
        assert!(matches!(vault::drop_key(db, &second.vault, &new).await, Err(Unfit::NotThere(_))));
        assert!(matches!(vault::drop_key(db, &second.vault, &old).await, Err(Unfit::InUse(1))));
        assert_eq!(shown(&app, &registration).await, "330302********1235");
        assert_eq!(app.app.vault.ring().id(), new);
        vault::drop_key(db, &second.vault, &old).await.unwrap();
        let left = Ring::read(&path).unwrap();
        assert!(left.has(&new) && !left.has(&old));
        assert_eq!(shown(&app, &registration).await, "330302********1235");
        assert_eq!(app.count("SELECT count(*) FROM data_key").await, 2);
    }

    async fn a_server_with_other_keys_is_kept_out(app) {
        vault::check_keys(&app.app.db, &app.app.vault, app.now()).await.unwrap();
        let other = Vault::load(&app.folder().join("other/keys")).unwrap();
        let refused = vault::check_keys(&app.app.db, &other, app.now()).await;
        assert!(matches!(refused, Err(Unfit::Foreign(..))), "{refused:?}");
        assert_eq!(app.count("SELECT count(*) FROM data_key").await, 2);
    }
}

#[tokio::test]
async fn what_is_sealed_opens_only_where_it_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let vault = Vault::load(&path).unwrap();
    let (here, there) = (Place::of("person.id_no", 1), Place::of("person.id_no", 2));
    let sealed = vault.seal_text(&here, NUMBER).unwrap();
    assert_ne!(sealed, vault.seal_text(&here, NUMBER).unwrap());
    assert_eq!(vault.open_text(&here, &sealed).unwrap(), NUMBER);
    assert!(matches!(vault.open_text(&there, &sealed), Err(Failure::Internal(_))));
    let mut bytes = vault.seal(&here, NUMBER.as_bytes()).unwrap();
    assert_eq!(vault.open(&here, bytes.clone()).unwrap(), NUMBER.as_bytes());
    *bytes.last_mut().unwrap() ^= 1;
    assert!(vault.open(&here, bytes).is_err());
    assert_eq!(format!("{:?}", vault.id_number(NUMBER.to_owned())), "110105********002X");
    // The same file gives the same marks, another one others.
    let mark = vault.mark(NUMBER);
    assert_eq!(Vault::load(&path).unwrap().mark(NUMBER), mark);
    assert_ne!(Vault::load(&folder.path().join("others")).unwrap().mark(NUMBER), mark);
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(&path).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    }
    // Half a file is none.
    std::fs::write(&path, "key 00000000 AAAA\n").unwrap();
    assert!(Vault::load(&path).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_looked_after_by_command() {
    let home = Home::sqlite();
    let (server, _organiser) = home.open().await;
    let keys = home.data_dir().join("data-keys");
    let old = Ring::read(&keys).unwrap().id().to_owned();
    let run = |arguments: &[&str]| {
        let done = home.run(arguments, "");
        (done.status.success(), String::from_utf8(done.stderr).unwrap())
    };
    assert!(run(&["key", "rotate"]).0);
    assert!(run(&["key", "reseal"]).0);
    let new = Ring::read(&keys).unwrap().id().to_owned();
    assert_ne!(old, new);
    let (is_done, said) = run(&["key", "drop", &new]);
    assert!(!is_done && said.contains("is the one that seals"), "{said}");
    assert!(run(&["key", "drop", &old]).0);
    assert!(!Ring::read(&keys).unwrap().has(&old));
    drop(server);
    // Without its keys a database is not served.
    std::fs::remove_file(&keys).unwrap();
    let (is_done, said) = run(&["serve"]);
    assert!(!is_done && said.contains("all servers on one database have the same file"), "{said}");
}
