//! Lists of many pages: whole, in bounded memory, in nobody's way, also where the server is killed.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::StreamExt;
use tower::ServiceExt;

use super::*;
use crate::server::{Server, on_both_servers};

on_both! {
    async fn pages_join_without_a_gap_in_every_order(app) {
        let festival = app.festival(None, &[]).await;
        // Two pages and a bit.
        crowd(&app.url, &festival.activity, &festival.session, 8_005).await;
        for (sort, key) in [("LIST", "n"), ("PINYIN", "n * 7919 % 1000000"), ("STROKES", "n * 7919 % 1000000")] {
            let input = json!({"activityId": festival.activity, "sort": sort, "columns": ["nth", "name", "attendance"]});
            let made = made(app.organiser(), input).await;
            let rows = of_csv(&get(&app, &made["url"], &[]).await.body);
            let mut expected: Vec<u64> = (1..=8_005).collect();
            if key != "n" {
                expected.sort_by_key(|n| n * 7919 % 1_000_000);
            }
            let expected: Vec<String> = expected.iter().map(|n| format!("人{n}")).collect();
            assert_eq!(column(&rows, "姓名"), expected, "{sort}");
            assert_eq!(column(&rows, "序号").last(), Some(&"8005"));
            assert_eq!(column(&rows, "签到状态").iter().filter(|it| **it == "出勤").count(), 4_002);
        }
    }

    async fn what_a_browser_asks_for_comes_compressed_and_to_its_end(app) {
        let festival = app.festival(None, &[]).await;
        crowd(&app.url, &festival.activity, &festival.session, 300).await;
        for format in ["CSV", "XLSX"] {
            let made = made(app.organiser(), json!({"activityId": festival.activity, "format": format})).await;
            let got = get(&app, &made["url"], &[("accept-encoding", "gzip, deflate, br")]).await;
            let gzip = got.headers.get("content-encoding").is_some_and(|it| it == "gzip");
            assert_eq!(gzip, format == "CSV");
            // A workbook is compressed in itself.
            assert!(got.body.starts_with(if gzip { b"\x1f\x8b" } else { b"PK" }));
            assert!(got.body.len() > 1000);
        }
    }

    async fn slow_readers_hold_no_connection(app) {
        let festival = app.festival(None, &[]).await;
        crowd(&app.url, &festival.activity, &festival.session, 20_000).await;
        let mut slow = Vec::new();
        // More than there are connections to read by.
        for _ in 0..40 {
            let made = made(app.organiser(), json!({"activityId": festival.activity})).await;
            let request = Request::get(text(&made["url"])).body(Body::empty()).unwrap();
            let answer = app.router.clone().oneshot(request).await.unwrap();
            let mut body = answer.into_body().into_data_stream();
            assert!(body.next().await.unwrap().unwrap().len() > 1000);
            slow.push(body);
        }
        // All of them have read ahead as far as they do.
        for _ in 0..20 {
            assert_eq!(festival.seats_taken(&app).await, 0);
        }
        for mut body in slow {
            let mut last = Vec::new();
            while let Some(piece) = body.next().await {
                last = piece.unwrap().to_vec();
            }
            assert!(String::from_utf8_lossy(&last).contains("注："));
        }
    }
}

/// The most memory that a process has held, in KiB.
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|it| it.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

on_both_servers! {
    async fn memory_is_bounded_whatever_the_length_of_the_list(home) {
        let (server, organiser) = home.open().await;
        // The first fills the caches of the database, the second is four times as long.
        let mut peaks = Vec::new();
        for rows in [40_000, 160_000] {
            let festival = organiser.festival(None).await;
            crowd(&home.url, &festival.activity, &festival.session, rows).await;
            for format in ["CSV", "XLSX"] {
                let input = json!({"activityId": festival.activity, "format": format, "purpose": "活动总结"});
                let made = organiser.run("create_export", json!({"input": input})).await;
                // A workbook of so many rows is made in the background.
                let url = loop {
                    let id = &made["createExport"]["export"]["id"];
                    let export = organiser.run("export", json!({"id": id})).await["export"].take();
                    if !export["url"].is_null() {
                        break text(&export["url"]);
                    }
                    assert_eq!((format, rows), ("XLSX", 160_000));
                    tokio::task::yield_now().await;
                };
                let mut body = organiser.fetch(&url).await.bytes_stream();
                let mut lines = 0;
                while let Some(piece) = body.next().await {
                    lines += piece.unwrap().split(|it| *it == b'\n').count() - 1;
                }
                if format == "CSV" {
                    assert_eq!(lines, rows + 2);
                }
            }
            peaks.push(most_memory(server.id()));
        }
        // All rows at once would be 100 MB.
        assert!(peaks[1] < peaks[0] + 50_000, "{peaks:?} KiB");
    }

    async fn a_file_that_was_under_way_is_made_anew_when_the_server_is_killed(home) {
        let (mut server, mut organiser) = home.open().await;
        let festival = organiser.festival(None).await;
        crowd(&home.url, &festival.activity, &festival.session, 60_000).await;
        // A dead server's work is taken up after a second.
        let start = || Server::start(home.command(&["serve", "--job-lease", "1"]));
        server.kill();
        server = start();
        organiser = organiser.at(&server);
        let input = json!({"activityId": festival.activity, "format": "CSV", "purpose": "活动总结", "background": true});
        let made = organiser.run("create_export", json!({"input": input})).await;
        let id = made["createExport"]["export"]["id"].clone();
        let look = async |client: &crate::server::Remote| {
            client.run("export", json!({"id": id})).await["export"].take()
        };
        let mut kills = 0;
        for part in [1, 20_000, 40_000] {
            loop {
                let export = look(&organiser).await;
                if export["rowsDone"].as_u64().unwrap() >= part || export["state"] == "READY" {
                    break;
                }
                tokio::task::yield_now().await;
            }
            server.kill();
            if home.count("SELECT count(*) FROM export WHERE state = 'MAKING'").await == 1 {
                kills += 1;
                server = start();
                organiser = organiser.at(&server);
                // Half a file is never offered.
                let export = look(&organiser).await;
                assert!(export["state"] == "READY" || export["url"].is_null(), "{export}");
            } else {
                server = start();
                organiser = organiser.at(&server);
            }
        }
        assert!(kills > 0, "the file was made before anybody was killed");
        let export = loop {
            let export = look(&organiser).await;
            if export["state"] == "READY" {
                break export;
            }
            tokio::task::yield_now().await;
        };
        let answer = organiser.fetch(&text(&export["url"])).await;
        let body = answer.bytes().await.unwrap();
        assert_eq!(body.len() as u64, export["size"].as_u64().unwrap());
        assert_eq!(export["sha256"], api::digest::hex(digest(&SHA256, &body).as_ref()));
        let rows = of_csv(&body);
        let names: BTreeSet<&str> = column(&rows, "姓名").into_iter().collect();
        assert_eq!((rows.len(), names.len()), (60_001, 60_000));
    }
}
