//! Lists that are taken out: kinds, columns, filters, views, the watermark, and files made in the background.

mod background;
mod credit;
mod kinds;
mod large;
mod paper;
mod unmasked;
mod views;

use std::io::Cursor;

use axum::{body::Body, http::Request};
use calamine::{Data, Reader, Xlsx};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

use crate::{
    app::{Answer, Client, TestApp, on_both},
    fixture::text,
    lists,
};

/// Rows of texts: the headings, then the rows. The watermark is left out, and must be there.
type Rows = Vec<Vec<String>>;

/// Asks for an export; the payload.
async fn ask(client: &Client, input: Value) -> Value {
    let mut with = json!({"format": "CSV", "purpose": "活动总结"});
    with.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    client.run("create_export", json!({"input": with})).await["createExport"].take()
}

/// Asks for an export, which must be made; the export.
async fn made(client: &Client, input: Value) -> Value {
    let mut done = ask(client, input).await;
    assert_eq!(done["userErrors"], json!([]), "{done}");
    done["export"].take()
}

async fn get(app: &TestApp, url: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(text(url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.anonymous().request(request, Body::empty()).await
}

/// Takes a list out in both formats, which must agree; its rows, each after the name of its part where there is one.
pub async fn taken(app: &TestApp, input: Value) -> Rows {
    let mut both = Vec::new();
    for format in ["CSV", "XLSX"] {
        let mut input = input.clone();
        input["format"] = json!(format);
        let made = made(app.organiser(), input).await;
        let answer = get(app, &made["url"], &[]).await;
        assert_eq!(answer.status.as_u16(), 200);
        both.push(if format == "CSV" { of_csv(&answer.body) } else { of_xlsx(&answer.body) });
    }
    let xlsx = both.pop().unwrap();
    let csv = both.pop().unwrap();
    // Sheets have no column that names them.
    let by_part = csv[0][0] == "场次";
    let without: Rows = csv.iter().map(|it| it[usize::from(by_part)..].to_vec()).collect();
    assert_eq!(without, xlsx);
    csv
}

fn of_csv(bytes: &[u8]) -> Rows {
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").expect("a byte order mark");
    // Not flexible: every row has all columns.
    let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(body).into_records();
    let mut rows: Rows = rows
        .by_ref()
        .map(|it| it.unwrap().iter().map(|it| it.trim_start_matches('\'').to_owned()).collect())
        .collect();
    assert!(rows.pop().unwrap()[0].starts_with("注："));
    rows
}

/// The rows of all sheets, which have the same headings, written as CSV has them.
fn of_xlsx(bytes: &[u8]) -> Rows {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes.to_vec())).unwrap();
    let mut all: Rows = Vec::new();
    for name in book.sheet_names() {
        let sheet = book.worksheet_range(&name).unwrap();
        let mut rows = sheet.rows().skip(1);
        let headings = rows.next().unwrap().iter().map(shown).collect();
        if all.is_empty() {
            all.push(headings);
        } else {
            assert_eq!(all[0], headings);
        }
        let rows: Vec<_> = rows.collect();
        let (mark, rows) = rows.split_last().unwrap();
        assert!(mark[0].to_string().starts_with("注："), "{mark:?}");
        let (gap, rows) = rows.split_last().unwrap();
        assert!(gap.iter().all(|it| *it == Data::Empty), "{gap:?}");
        all.extend(rows.iter().map(|row| row.iter().map(shown).collect()));
    }
    all
}

fn shown(cell: &Data) -> String {
    match cell {
        Data::DateTime(at) => at.as_datetime().unwrap().format("%Y-%m-%d %H:%M:%S").to_string(),
        // No count of these tests is between 0 and 1.
        Data::Float(share) if *share > 0.0 && *share < 1.0 => format!("{:.1}%", share * 100.0),
        other => other.to_string(),
    }
}

/// Everything but the number that a list begins with.
fn column<'a>(rows: &'a Rows, heading: &str) -> Vec<&'a str> {
    let at = rows[0].iter().position(|it| it == heading);
    let at = at.unwrap_or_else(|| panic!("no {heading}: {:?}", rows[0]));
    rows[1..].iter().map(|it| it[at].as_str()).collect()
}

/// People with a seat on an activity, straight into the tables, and their attendance of a session.
async fn crowd(url: &str, activity: &str, session: &str, count: usize) {
    let is_sqlite = url.starts_with("sqlite");
    let id = |gid: &str| {
        let hex = gid.split_once('_').unwrap().1;
        if is_sqlite { format!("x'{hex}'") } else { format!("'{hex}'::uuid") }
    };
    let (activity, session) = (id(activity), id(session));
    // Crowds of two sizes are two crowds.
    let base = 14_200_000_000 + 1000 * count;
    let (series, random, made, bytes) = if is_sqlite {
        (
            format!(
                "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count})"
            ),
            "randomblob(16)",
            "'2026-11-01T00:00:00+00:00'",
            "CAST(printf('%08d', (n * 7919) % 1000000) AS blob)",
        )
    } else {
        (
            format!("WITH s(n) AS (SELECT generate_series(1, {count}))"),
            "gen_random_uuid()",
            "'2026-11-01T00:00:00Z'::timestamptz",
            "convert_to(lpad(((n * 7919) % 1000000)::text, 8, '0'), 'UTF8')",
        )
    };
    let connection = Database::connect(url).await.unwrap();
    for sql in [
        format!("CREATE TABLE crowd AS {series} SELECT n, {random} AS person, {random} AS registration FROM s"),
        format!(
            "INSERT INTO person (id, name, pinyin, pinyin_key, stroke_key, phone, home_id, created_at)
             SELECT person, '人' || n, 'ren', {bytes}, {bytes}, CAST({base} + n AS text),
               (SELECT id FROM organisation WHERE parent_id IS NULL), {made} FROM crowd"
        ),
        format!(
            "INSERT INTO registration (id, activity_id, person_id, status, ticket_code, organisation_name, title, details,
               list_key, list_row, registered_at, status_at)
             SELECT registration, {activity}, person, 'CONFIRMED', 'CROWD{count}-' || n, '温州市第' || (n % 97) || '机械有限公司',
               '董事长', '{{\"note\": \"桌\"}}', {activity}, n, {made}, {made} FROM crowd"
        ),
        format!(
            "INSERT INTO attendance (id, session_id, registration_id, status, by_scans, first_in_at, first_gate, is_inside,
               is_corrected, has_conflict)
             SELECT {random}, {session}, registration, 'PRESENT', 'PRESENT', {made}, '3号门', true, false, false FROM crowd WHERE n % 2 = 0"
        ),
        "DROP TABLE crowd".to_owned(),
    ] {
        connection.execute_unprepared(&sql).await.unwrap();
    }
    connection.close().await.unwrap();
}

on_both! {
    async fn columns_are_chosen_by_name_and_order(app) {
        let festival = app.festival(None, &[("企业家", None)]).await;
        festival.register(&app, "张三丰", "13800000001").await;
        let offered = app.organiser().run("export_columns", json!({"activityId": festival.activity})).await;
        let keys: Vec<String> = offered["exportColumns"].as_array().unwrap().iter().map(|it| text(&it["key"])).collect();
        for key in ["name", "phone", "attendance", "note"] {
            assert!(keys.contains(&key.to_owned()), "{keys:?}");
        }
        let of = |columns: Value| json!({"activityId": festival.activity, "columns": columns});
        let rows = taken(&app, of(json!(["phone", "attendance", "name"]))).await;
        assert_eq!(rows, [["场次", "手机号码", "签到状态", "姓名"], ["开幕式", "138****0001", "未到", "张三丰"]]);
        // All that is offered can be asked for, and what is usual is what one gets.
        let all = taken(&app, of(json!(keys))).await;
        assert_eq!(all[0].len(), keys.len() + 1);
        let usual = offered["exportColumns"].as_array().unwrap().iter().filter(|it| it["isUsual"] == true).count();
        assert_eq!(taken(&app, of(json!([]))).await[0].len(), usual + 1);
        for (columns, code, path) in [
            (json!(["name", "salary"]), "COLUMN_UNKNOWN", json!(["input", "columns", "1"])),
            (json!(["name", "name"]), "COLUMN_TWICE", json!(["input", "columns", "1"])),
            (json!([""]), "COLUMN_UNKNOWN", json!(["input", "columns", "0"])),
        ] {
            let before = app.count("SELECT count(*) FROM export").await;
            let refused = ask(app.organiser(), of(columns)).await;
            assert_eq!((&refused["userErrors"][0]["code"], &refused["userErrors"][0]["path"]), (&json!(code), &path));
            assert_eq!(app.count("SELECT count(*) FROM export").await, before);
        }
    }

    async fn filters_narrow_as_in_the_lists(app) {
        let festival = app.festival(None, &[("企业家", None), ("媒体", None)]).await;
        let register = async |name: &str, nth: usize, category: &str| {
            let person = json!({"name": name, "phone": lists::phone(nth)});
            let input = json!({"activityId": festival.activity, "person": person, "category": category});
            let done = app.organiser().run("register_attendee", json!({"input": input})).await;
            text(&done["registerAttendee"]["registration"]["ticketCode"])
        };
        let first = register("张三丰", 1, "企业家").await;
        register("张无忌", 2, "媒体").await;
        register("李四光", 3, "企业家").await;
        let input = json!({"sessionId": festival.session, "ticketCode": first, "scanId": app.uuid()});
        app.organiser().run("check_in", json!({"input": input})).await;
        let names = async |narrow: Value| {
            let mut input = json!({"activityId": festival.activity, "columns": ["name"]});
            input.as_object_mut().unwrap().extend(narrow.as_object().unwrap().clone());
            let rows = taken(&app, input).await;
            column(&rows, "姓名").into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(names(json!({"filter": {"category": "企业家"}})).await, ["张三丰", "李四光"]);
        assert_eq!(names(json!({"filter": {"search": "张"}})).await, ["张三丰", "张无忌"]);
        assert_eq!(names(json!({"filter": {"search": "张", "category": "媒体"}})).await, ["张无忌"]);
        assert_eq!(names(json!({"filter": {"search": "张"}, "sort": "PINYIN"})).await, ["张三丰", "张无忌"]);
        // A list of who holds a seat stays one.
        assert!(names(json!({"filter": {"status": ["CANCELLED"]}})).await.is_empty());
        assert_eq!(names(json!({"attendance": ["PRESENT"]})).await, ["张三丰"]);
        assert!(names(json!({"attendance": ["ABSENT"]})).await.is_empty());
        *app.clock() += chrono::TimeDelta::hours(24);
        let app = app.with(&[]).await;
        let client = app.anew(app.organiser()).await;
        let input = json!({"activityId": festival.activity, "columns": ["name"], "attendance": ["ABSENT"]});
        let made = made(&client, input).await;
        let rows = of_csv(&get(&app, &made["url"], &[]).await.body);
        assert_eq!(column(&rows, "姓名"), ["张无忌", "李四光"]);
    }

    async fn a_session_alone_is_taken_out_and_none_of_another_activity(app) {
        let festival = app.festival(None, &[]).await;
        let other = app.festival(None, &[]).await;
        festival.register(&app, "张三丰", "13800000001").await;
        let at = |minutes| (app.now() + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
        let session = json!({"title": "分论坛", "startsAt": at(200), "endsAt": at(280)});
        let input = json!({"activityId": festival.activity, "session": session});
        app.organiser().run("create_session", json!({"input": input})).await;
        let both = taken(&app, json!({"activityId": festival.activity})).await;
        assert_eq!(column(&both, "场次"), ["开幕式", "分论坛"]);
        let one = taken(&app, json!({"activityId": festival.activity, "sessionId": festival.session})).await;
        assert_eq!(column(&one, "场次"), ["开幕式"]);
        let refused = ask(app.organiser(), json!({"activityId": festival.activity, "sessionId": other.session})).await;
        assert_eq!((&refused["userErrors"][0]["code"], &refused["export"]), (&json!("SESSION_UNKNOWN"), &Value::Null));
    }

    async fn the_watermark_says_who_when_and_what_for_and_is_no_person(app) {
        let festival = app.festival(None, &[]).await;
        festival.register(&app, "张三丰", "13800000001").await;
        festival.register(&app, "李四光", "13800000002").await;
        for (format, name) in [("CSV", "名单.csv"), ("XLSX", "名单.xlsx")] {
            let input = json!({"activityId": festival.activity, "format": format, "purpose": "=上报市委", "unmasked": true});
            let made = made(app.organiser(), input).await;
            let body = get(&app, &made["url"], &[]).await.body;
            let mark = if format == "CSV" {
                let body = String::from_utf8(body.clone()).unwrap();
                body.trim_end().lines().last().unwrap().to_owned()
            } else {
                let mut book: Xlsx<_> = Xlsx::new(Cursor::new(body.clone())).unwrap();
                let sheet = book.worksheet_range_at(0).unwrap().unwrap();
                sheet.rows().next_back().unwrap()[0].to_string()
            };
            for word in ["注：", "user0", "2026-11-01 09:00", "=上报市委", &text(&made["id"])] {
                assert!(mark.contains(word), "{word}: {mark}");
            }
            // Read again, the list has the two people and nobody else.
            let upload = app.organiser().upload(name, &body).await;
            let input = json!({"activityId": festival.activity, "uploadId": upload, "profile": "EVENT"});
            let staged = app.organiser().run("stage_roster", json!({"input": input})).await;
            assert_eq!(staged["stageRoster"]["batch"]["counts"]["persons"], 2, "{staged}");
        }
    }
}
