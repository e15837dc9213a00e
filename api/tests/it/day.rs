//! A day's work through the API alone, as a front-end would do it, and the list that is taken out in the evening.

use std::{collections::BTreeMap, io::Cursor};

use api::account::grant::Over;
use axum::http::{Request, StatusCode};
use calamine::{Data, Reader, Xlsx};
use chrono::TimeDelta;
use entity::{id::ScanId, role_grant::Role};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Answer, Client, Festival, TestApp, on_both},
    lists,
    server::{Remote, on_both_servers, text},
};

const GATES: usize = 8;

/// A table that was taken out: the headings, and the rows by heading.
struct Table(Vec<BTreeMap<String, String>>);

impl Table {
    fn of(headings: &[String], rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        Self(rows.into_iter().map(|row| headings.iter().cloned().zip(row).collect()).collect())
    }

    /// Reads a workbook of one sheet. Its phones must be texts.
    fn of_xlsx(bytes: Vec<u8>) -> Self {
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
        let names = book.sheet_names();
        assert_eq!(names, ["开幕式"], "a sheet per session");
        let range = book.worksheet_range(&names[0]).unwrap();
        let mut rows = range.rows();
        assert!(rows.next().unwrap()[0].to_string().contains("签到名单"), "a title");
        let headings: Vec<String> = rows.next().unwrap().iter().map(ToString::to_string).collect();
        let phone = headings.iter().position(|it| it == "手机号码").unwrap();
        // Below an empty row, the watermark.
        let rows = rows.take_while(|row| !matches!(row[0], Data::Empty)).map(|row| {
            assert!(matches!(&row[phone], Data::String(_)), "{:?}", row[phone]);
            row.iter().map(ToString::to_string).collect()
        });
        Self::of(&headings, rows)
    }

    /// Reads a CSV as Excel in China would: marked as UTF-8, lines ended by CRLF.
    fn of_csv(bytes: &[u8]) -> Self {
        let body = bytes.strip_prefix(b"\xEF\xBB\xBF").expect("a byte order mark");
        let whole = std::str::from_utf8(body).unwrap();
        assert!(whole.ends_with("\r\n"));
        assert_eq!(whole.matches('\n').count(), whole.matches("\r\n").count());
        let mut rows =
            csv::ReaderBuilder::new().has_headers(false).from_reader(body).into_records();
        let cells = |row: csv::StringRecord| row.iter().map(str::to_owned).collect::<Vec<_>>();
        let headings = cells(rows.next().unwrap().unwrap());
        let mut rows: Vec<Vec<String>> = rows.map(|row| cells(row.unwrap())).collect();
        assert!(rows.pop().unwrap()[0].starts_with("注："), "a watermark");
        Self::of(&headings, rows)
    }

    fn column(&self, heading: &str) -> Vec<&str> {
        self.0.iter().map(|row| row[heading].as_str()).collect()
    }

    fn count(&self, heading: &str, value: &str) -> usize {
        self.column(heading).iter().filter(|it| **it == value).count()
    }
}

async fn export(organiser: &Remote, festival: &Festival, format: &str) -> Vec<u8> {
    let input = json!({"activityId": festival.activity, "format": format, "purpose": "活动总结"});
    let made = organiser.run("create_export", json!({"input": input})).await;
    let url = text(&made["createExport"]["export"]["url"]);
    let answer = organiser.fetch(&url).await;
    assert_eq!(answer.status().as_u16(), 200);
    answer.bytes().await.unwrap().to_vec()
}

on_both_servers! {
    async fn a_day_of_the_festival_ends_with_a_list_whose_counts_agree(home) {
        let (_server, organiser) = home.open().await;
        let festival = organiser.festival(Some(350)).await;
        let sample = std::fs::read(lists::sample(lists::SAMPLE_A)).unwrap();
        let batch = organiser.stage(&festival, lists::SAMPLE_A, sample).await;
        assert_eq!(batch["counts"]["persons"], 290);
        assert_eq!(organiser.commit(&batch).await["registered"], 281);
        // Two more by hand, whose names a spreadsheet would run.
        for (name, organisation) in [("=HYPERLINK(\"http://evil\")", "+1 公司"), ("@陈", "-2+3")] {
            let person = json!({"name": name, "phone": lists::phone(name.len()), "organisation": organisation});
            let input = json!({"activityId": festival.activity, "person": person});
            let done = organiser.run("register_attendee", json!({"input": input})).await;
            assert_eq!(done["registerAttendee"]["userErrors"], json!([]));
        }
        let guests: Vec<String> = organiser.registrations(&festival).await.iter()
            .filter(|it| it["status"] == "CONFIRMED").map(|it| text(&it["ticketCode"])).collect();
        assert_eq!(guests.len(), 283);

        // 200 come in by eight gates; the network is bad, so that every scan is sent twice.
        let mut gates = JoinSet::new();
        for gate in 0..GATES {
            let (device, session) = (organiser.clone(), festival.session.clone());
            let codes: Vec<String> = guests[..200].iter().skip(gate).step_by(GATES).cloned().collect();
            gates.spawn(async move {
                for code in codes {
                    let scan = ScanId::generate().0.to_string();
                    let input = json!({"input": {"sessionId": session, "ticketCode": code, "scanId": scan, "gate": format!("{gate}号门")}});
                    let (one, other) = tokio::join!(device.run("check_in", input.clone()), device.run("check_in", input));
                    let (one, other) = (&one["checkIn"], &other["checkIn"]);
                    assert_eq!((&one["outcome"], &other["outcome"]), (&json!("ADMITTED"), &json!("ADMITTED")));
                    assert_eq!(one["scan"], other["scan"]);
                    assert_ne!(one["replayed"], other["replayed"], "one is the scan and one its echo");
                }
            });
        }
        gates.join_all().await;
        assert_eq!(organiser.scans(&festival).await.len(), 200);
        let summary = organiser.summary(&festival).await;
        assert_eq!(summary, json!({"expected": 283, "present": 200, "late": 0, "excused": 0, "absent": 0, "notYet": 83}));

        let book = Table::of_xlsx(export(&organiser, &festival, "XLSX").await);
        let list = Table::of_csv(&export(&organiser, &festival, "CSV").await);
        for table in [&book, &list] {
            assert_eq!(table.0.len(), 283);
            assert_eq!(table.count("签到状态", "出勤"), 200);
            assert_eq!(table.count("签到状态", "未到"), 83);
            for gate in 0..GATES {
                assert_eq!(table.count("签到口", &format!("{gate}号门")), 25);
            }
            assert_eq!(table.column("签到时间").iter().filter(|it| !it.is_empty()).count(), 200);
        }
        assert_eq!(book.column("手机号码").len(), 283);
        // Nobody's phone is taken out whole unless that is asked for.
        assert!(list.column("手机号码").iter().all(|it| it.is_empty() || it.contains("***")));
        // A workbook holds texts as they are; a CSV keeps them from being run.
        assert_eq!(book.count("姓名", "=HYPERLINK(\"http://evil\")"), 1);
        assert_eq!(list.count("姓名", "'=HYPERLINK(\"http://evil\")"), 1);
        assert_eq!(list.count("单位", "'+1 公司"), 1);
        assert_eq!(list.count("单位", "'-2+3"), 1);
        assert_eq!(list.count("姓名", "'@陈"), 1);
        // Both in the order of the list.
        let plain = |it: &&str| it.trim_start_matches('\'').to_owned();
        assert_eq!(book.column("姓名").iter().map(plain).collect::<Vec<_>>(), list.column("姓名").iter().map(plain).collect::<Vec<_>>());
    }
}

/// Takes a list out; its address.
async fn address(client: &Client, festival: &Festival, format: &str, sort: &str) -> String {
    let document = "mutation($input: CreateExportInput!) { createExport(input: $input) { export { id url } userErrors { code } } }";
    let input = json!({"activityId": festival.activity, "format": format, "sort": sort, "purpose": "活动总结"});
    let made = client.ask(document, json!({"input": input})).await;
    text(&made["createExport"]["export"]["url"])
}

async fn open(app: &TestApp, address: &str) -> Answer {
    app.anonymous().request(Request::get(address), axum::body::Body::empty()).await
}

async fn names(app: &TestApp, festival: &Festival, sort: &str) -> Vec<String> {
    let mut orders = Vec::new();
    for format in ["CSV", "XLSX"] {
        let answer = open(app, &address(app.organiser(), festival, format, sort).await).await;
        assert_eq!(answer.status, StatusCode::OK);
        let table =
            if format == "CSV" { Table::of_csv(&answer.body) } else { Table::of_xlsx(answer.body) };
        orders.push(table.column("姓名").into_iter().map(str::to_owned).collect::<Vec<_>>());
    }
    assert_eq!(orders[0], orders[1]);
    orders.remove(0)
}

on_both! {
    async fn people_stand_by_pinyin_by_strokes_or_as_listed(app) {
        let festival = app.festival(None, &[]).await;
        let listed = ["陶一", "单雄", "戴宏", "沈周", "安心", "丁一", "王二", "单雄信"];
        for (nth, name) in listed.iter().enumerate() {
            festival.register(&app, name, &lists::phone(nth)).await;
        }
        // 单 is Shàn as a surname, and has eight strokes; 沈 has seven, 安 six, 陶 ten.
        assert_eq!(names(&app, &festival, "PINYIN").await, ["安心", "戴宏", "丁一", "单雄", "单雄信", "沈周", "陶一", "王二"]);
        assert_eq!(names(&app, &festival, "STROKES").await, ["丁一", "王二", "安心", "沈周", "单雄", "单雄信", "陶一", "戴宏"]);
        assert_eq!(names(&app, &festival, "LIST").await, listed);
    }

    async fn whoever_has_no_seat_is_not_taken_out(app) {
        let festival = app.festival(Some(2), &[]).await;
        let first = festival.register(&app, "张一", &lists::phone(1)).await;
        festival.register(&app, "张二", &lists::phone(2)).await;
        assert_eq!(festival.register(&app, "张三丰", &lists::phone(3)).await.status, "WAITLISTED");
        let input = json!({"input": {"registrationId": first.registration}});
        app.organiser().run("cancel_registration", input).await;
        assert_eq!(names(&app, &festival, "LIST").await, ["张二"]);
    }

    async fn the_address_of_a_list_opens_that_list_for_an_hour(app) {
        let festival = app.festival(None, &[]).await;
        festival.register(&app, "张三丰", "13800000000").await;
        let mine = address(app.organiser(), &festival, "CSV", "LIST").await;
        let other = address(app.organiser(), &festival, "XLSX", "LIST").await;
        let answer = open(&app, &mine).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(open(&app, &other).await.status, StatusCode::OK);

        let closed = async |address: &str| {
            let answer = open(&app, address).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
            assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "NOT_FOUND");
        };
        // Each character of the token counts.
        let (path, token) = mine.split_once("?token=").unwrap();
        for at in (0..token.len()).step_by(17) {
            let mut changed = token.to_owned();
            let other = if &token[at..=at] == "A" { "B" } else { "A" };
            changed.replace_range(at..=at, other);
            closed(&format!("{path}?token={changed}")).await;
        }
        let (other_path, _) = other.split_once('?').unwrap();
        closed(&format!("{other_path}?token={token}")).await;
        closed(path).await;
        closed(&format!("{path}?token=")).await;
        closed(&format!("{path}?token={}", app.organiser().token.as_ref().unwrap())).await;
        // Nor is the token of an address a token to act by.
        let stranger = Client { token: Some(token.to_owned()), ..app.anonymous() };
        assert_eq!(stranger.send("{ viewer { account { id } } }", json!({})).await["data"]["viewer"], Value::Null);

        let then = app.now() + TimeDelta::minutes(60);
        *app.clock() = then - TimeDelta::seconds(1);
        assert_eq!(open(&app, &mine).await.status, StatusCode::OK);
        *app.clock() = then;
        closed(&mine).await;
    }

    async fn the_address_of_a_list_closes_with_the_right_of_who_made_it(app) {
        let festival = app.festival(None, &[]).await;
        festival.register(&app, "张三丰", "13800000000").await;
        let activity = api::graphql::Gid::decode(&festival.activity).unwrap().0;
        let disable = "mutation($input: DisableAccountInput!) { disableAccount(input: $input) { account { id } userErrors { code } } }";
        let revoke = "mutation($input: RevokeGrantInput!) { revokeGrant(input: $input) { grant { id } userErrors { code } } }";
        for nth in 0..2 {
            let maker = app.account(Role::Organiser, Over::Activity(activity)).await;
            let made = address(&maker, &festival, "CSV", "LIST").await;
            assert_eq!(open(&app, &made).await.status, StatusCode::OK);
            let viewer = maker.run("viewer", json!({})).await["viewer"].take();
            let (document, input) = if nth == 0 {
                (revoke, json!({"grantId": viewer["grants"][0]["id"]}))
            } else {
                (disable, json!({"accountId": viewer["account"]["id"]}))
            };
            let done = app.organiser().send(document, json!({"input": input})).await;
            assert!(done.get("errors").is_none(), "{done}");
            assert_eq!(open(&app, &made).await.status, StatusCode::NOT_FOUND);
        }
    }
}
