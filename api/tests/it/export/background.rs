//! Files that are made in the background, fetched in parts, called off, and gone after a day.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::Method;
use chrono::TimeDelta;
use entity::role_grant::Role;

use super::*;
use crate::{app::Festival, fixture::an_activity};

async fn state(client: &Client, export: &Value) -> Value {
    client.run("export", json!({"id": export["id"]})).await["export"].take()
}

/// A file of some chunks, made in the background.
async fn ready(app: &TestApp, rows: usize) -> (Festival, Value) {
    let festival = app.festival(None, &[]).await;
    crowd(&app.url, &festival.activity, &festival.session, rows).await;
    let asked =
        made(app.organiser(), json!({"activityId": festival.activity, "background": true})).await;
    assert_eq!(asked["url"], Value::Null);
    app.work().await;
    let ready = state(app.organiser(), &asked).await;
    assert_eq!((&ready["state"], &ready["progress"]), (&json!("READY"), &json!(100)), "{ready}");
    (festival, ready)
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |it| it.to_str().unwrap())
}

on_both! {
    async fn a_file_is_made_in_the_background_and_fetched_in_parts(app) {
        let (_, export) = ready(&app, 20_000).await;
        let (url, size) = (&export["url"], export["size"].as_u64().unwrap());
        assert!(size > 3 << 19, "{size} bytes are one chunk");
        assert_eq!((&export["rowsDone"], &export["rowsTotal"]), (&json!(20_000), &json!(20_000)));
        let whole = get(&app, url, &[]).await;
        assert_eq!(whole.status.as_u16(), 200);
        assert_eq!(whole.body.len() as u64, size);
        assert_eq!(header(&whole, "content-length"), size.to_string());
        assert_eq!(header(&whole, "accept-ranges"), "bytes");
        // Each time that somebody fetches it is on record, a part of it too.
        let fetched = "SELECT count(*) FROM audit_event WHERE action = 'FetchExport' AND subject_kind = 'export'";
        assert_eq!(app.count(fetched).await, 1);
        get(&app, url, &[("range", "bytes=1-")]).await;
        assert_eq!(app.count(fetched).await, 2);
        let wrong = json!(text(url).replace("token=", "token=x"));
        assert_eq!(get(&app, &wrong, &[]).await.status.as_u16(), 404);
        assert_eq!(app.count(fetched).await, 2);
        let sum = api::digest::hex(digest(&SHA256, &whole.body).as_ref());
        assert_eq!(export["sha256"], sum);
        let tag = header(&whole, "etag").to_owned();
        assert_eq!(tag, format!("\"{sum}\""));
        assert_eq!(of_csv(&whole.body).len(), 20_001);
        // It is the same bytes for whoever would have them compressed.
        assert_eq!(get(&app, url, &[("accept-encoding", "gzip")]).await.body, whole.body);

        // The first half, and the rest of the very same file.
        let half = size / 2;
        let first = get(&app, url, &[("range", &format!("bytes=0-{}", half - 1))]).await;
        assert_eq!((first.status.as_u16(), first.body.len() as u64), (206, half));
        assert_eq!(header(&first, "content-range"), format!("bytes 0-{}/{size}", half - 1));
        let rest = get(&app, url, &[("range", &format!("bytes={half}-")), ("if-range", &tag)]).await;
        assert_eq!(rest.status.as_u16(), 206);
        assert_eq!(header(&rest, "content-length"), (size - half).to_string());
        assert_eq!([first.body, rest.body].concat(), whole.body);
        // Over the edge of two chunks, a byte on each side.
        let edge = get(&app, url, &[("range", "bytes=1048575-1048576")]).await;
        assert_eq!(edge.body, whole.body[1_048_575..=1_048_576]);
        let last = get(&app, url, &[("range", "bytes=-5")]).await;
        assert_eq!((last.status.as_u16(), &last.body[..]), (206, &whole.body[whole.body.len() - 5..]));
        // Of another version all is sent; beyond the end there is nothing.
        let other = get(&app, url, &[("range", &format!("bytes={half}-")), ("if-range", "\"other\"")]).await;
        assert_eq!((other.status.as_u16(), other.body.len() as u64), (200, size));
        let beyond = get(&app, url, &[("range", &format!("bytes={size}-"))]).await;
        assert_eq!((beyond.status.as_u16(), beyond.body.len()), (416, 0));
        assert_eq!(header(&beyond, "content-range"), format!("bytes */{size}"));
        let request = Request::builder().method(Method::HEAD).uri(text(url));
        let head = app.anonymous().request(request, Body::empty()).await;
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        assert_eq!((header(&head, "content-length"), header(&head, "etag")), (size.to_string().as_str(), tag.as_str()));
    }

    async fn a_workbook_is_made_in_the_background_as_well(app) {
        let festival = app.festival(None, &[]).await;
        festival.register(&app, "张三丰", "13800000001").await;
        let input = json!({"activityId": festival.activity, "format": "XLSX", "background": true});
        let asked = made(app.organiser(), input).await;
        assert_eq!(state(app.organiser(), &asked).await["state"], "WAITING");
        app.work().await;
        let export = state(app.organiser(), &asked).await;
        let body = get(&app, &export["url"], &[]).await.body;
        assert_eq!(column(&of_xlsx(&body), "姓名"), ["张三丰"]);
    }

    async fn a_file_is_there_for_a_day_and_then_dropped(app) {
        let (_, export) = ready(&app, 10).await;
        assert_eq!(get(&app, &export["url"], &[]).await.status.as_u16(), 200);
        let chunks = "SELECT count(*) FROM export_chunk";
        assert_eq!(app.count(chunks).await, 1);
        *app.clock() += TimeDelta::hours(24) - TimeDelta::seconds(1);
        assert_eq!(get(&app, &export["url"], &[]).await.status.as_u16(), 200);
        *app.clock() += TimeDelta::seconds(1);
        assert_eq!(get(&app, &export["url"], &[]).await.status.as_u16(), 404);
        let client = app.anew(app.organiser()).await;
        let gone = state(&client, &export).await;
        assert_eq!((&gone["state"], &gone["url"]), (&json!("EXPIRED"), &Value::Null));
        api::housekeeping::begin(&app.app).await.unwrap();
        app.work().await;
        assert_eq!(app.count(chunks).await, 0);
        // What was taken out stays on record.
        assert_eq!(state(&client, &export).await["sha256"], export["sha256"]);
    }

    async fn whoever_may_not_export_any_more_gets_nothing_made_and_nothing_sent(app) {
        let festival = app.festival(None, &[]).await;
        festival.register(&app, "张三丰", "13800000001").await;
        let of = json!({"activityId": festival.activity, "background": true});
        let maker = app.account(Role::Organiser, an_activity(&festival.activity)).await;
        let (before, after) = (made(&maker, of.clone()).await, async || made(&maker, of.clone()).await);
        app.work().await;
        let url = state(&maker, &before).await["url"].take();
        assert_eq!(get(&app, &url, &[]).await.status.as_u16(), 200);
        // Nobody but the maker is given the address.
        assert_eq!(state(app.organiser(), &before).await["url"], Value::Null);
        let waiting = after().await;
        let viewer = maker.run("viewer", json!({})).await["viewer"].take();
        let input = json!({"grantId": viewer["grants"][0]["id"]});
        app.organiser().run("revoke_grant", json!({"input": input})).await;
        app.work().await;
        assert_eq!(state(app.organiser(), &waiting).await["state"], "FAILED");
        assert_eq!(get(&app, &url, &[]).await.status.as_u16(), 404);
        assert_eq!(app.count("SELECT count(DISTINCT export_id) FROM export_chunk").await, 1);
    }

    async fn what_is_called_off_is_not_made(app) {
        let (festival, done) = ready(&app, 10).await;
        let of = json!({"activityId": festival.activity, "background": true});
        let cancel = async |export: &Value| {
            let input = json!({"input": {"exportId": export["id"]}});
            app.organiser().run("cancel_export", input).await["cancelExport"].take()
        };
        let waiting = made(app.organiser(), of).await;
        for _ in 0..2 {
            assert_eq!(cancel(&waiting).await["export"]["state"], "CANCELLED");
        }
        app.work().await;
        let after = state(app.organiser(), &waiting).await;
        assert_eq!((&after["state"], &after["rowsDone"], &after["url"]), (&json!("CANCELLED"), &json!(0), &Value::Null));
        let at_once = made(app.organiser(), json!({"activityId": festival.activity})).await;
        for export in [&done, &at_once] {
            assert_eq!(cancel(export).await["userErrors"][0]["code"], "NOT_UNDER_WAY");
        }
        assert_eq!(get(&app, &done["url"], &[]).await.status.as_u16(), 200);
    }

    async fn what_is_called_off_on_its_way_leaves_nothing(app) {
        let festival = app.festival(None, &[]).await;
        crowd(&app.url, &festival.activity, &festival.session, 40_000).await;
        let export = made(app.organiser(), json!({"activityId": festival.activity, "background": true})).await;
        let working = {
            let app = app.app.clone();
            tokio::spawn(async move { api::job::run::work(&app).await.unwrap() })
        };
        while state(app.organiser(), &export).await["rowsDone"] == 0 {
            tokio::task::yield_now().await;
        }
        let under_way = state(app.organiser(), &export).await;
        assert_eq!((&under_way["state"], &under_way["url"]), (&json!("MAKING"), &Value::Null), "it was over too soon");
        assert!(under_way["progress"].as_i64().unwrap() < 100);
        let input = json!({"input": {"exportId": export["id"]}});
        app.organiser().run("cancel_export", input).await;
        working.await.unwrap();
        let after = state(app.organiser(), &export).await;
        assert_eq!((&after["state"], &after["sha256"]), (&json!("CANCELLED"), &Value::Null));
        assert_eq!(app.count("SELECT count(*) FROM export_chunk").await, 0);
    }
}
