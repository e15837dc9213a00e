//! The server killed at its work, and stopped at it: what was answered is on record, and nothing is there by halves.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use entity::id::ScanId;
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::Notify, task::JoinSet};

use crate::{
    app::{Festival, document},
    lists,
    server::{Home, Remote, Server, on_both_servers, text},
};

const GATES: usize = 12;
const PEOPLE: usize = 360;

/// One scan of a device: its own id, and whose code it read.
#[derive(Clone)]
struct Attempt {
    scan: String,
    code: String,
}

/// What the gates know: what they sent, and what was answered.
#[derive(Default)]
struct Known {
    sent: Mutex<HashMap<String, String>>,
    acknowledged: Mutex<HashSet<String>>,
    unanswered: Mutex<Vec<Attempt>>,
    count: AtomicUsize,
    more: Notify,
}

fn variables(festival: &Festival, attempt: &Attempt, gate: usize) -> Value {
    json!({"input": {"sessionId": festival.session, "ticketCode": attempt.code, "scanId": attempt.scan, "gate": format!("{gate}号门")}})
}

/// A gate scans one code after another until all are scanned or the server is gone.
async fn gate(
    at: usize,
    device: Remote,
    festival: Arc<Festival>,
    codes: Vec<String>,
    known: Arc<Known>,
) {
    let document = document("check_in");
    for code in codes {
        let attempt = Attempt { scan: ScanId::generate().0.to_string(), code };
        known.sent.lock().unwrap().insert(attempt.scan.clone(), attempt.code.clone());
        match device.send(&document, variables(&festival, &attempt, at)).await {
            Ok(answer) => {
                assert_eq!(answer["data"]["checkIn"]["outcome"], "ADMITTED", "{answer}");
                known.acknowledged.lock().unwrap().insert(attempt.scan);
                known.count.fetch_add(1, Ordering::SeqCst);
                known.more.notify_one();
            }
            Err(_) => known.unanswered.lock().unwrap().push(attempt),
        }
    }
}

/// Sends the list of the door's guests; their codes.
async fn guests(organiser: &Remote, festival: &Festival) -> Vec<String> {
    let batch = organiser.stage(festival, "来宾.csv", lists::list(0..PEOPLE)).await;
    assert_eq!(organiser.commit(&batch).await["registered"], PEOPLE);
    let registrations = organiser.registrations(festival).await;
    registrations.iter().map(|it| text(&it["ticketCode"])).collect()
}

/// The record agrees with itself and with what the gates know.
async fn check_record(organiser: &Remote, festival: &Festival, known: &Known) {
    let scans = organiser.scans(festival).await;
    let ids: HashSet<String> = scans.iter().map(|it| text(&it["scanId"])).collect();
    assert_eq!(ids.len(), scans.len(), "a scan is double");
    let sent = known.sent.lock().unwrap().clone();
    assert!(ids.iter().all(|it| sent.contains_key(it)));
    let lost: Vec<_> =
        known.acknowledged.lock().unwrap().difference(&ids).cloned().collect::<Vec<_>>();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    // Everybody is scanned once here, so that each scan is an attendance, and each attendance a scan.
    assert!(scans.iter().all(|it| it["outcome"] == "ADMITTED"));
    let attendances = organiser.attendances(festival).await;
    let when = |all: &[Value], key: &str| {
        let mut all: Vec<String> = all.iter().map(|it| text(&it[key])).collect();
        all.sort();
        all
    };
    assert_eq!(when(&attendances, "firstInAt"), when(&scans, "scannedAt"));
    let present = organiser.summary(festival).await["present"].clone();
    assert_eq!(present, attendances.len());
}

on_both_servers! {
    async fn a_scan_that_was_answered_survives_the_kill_of_the_server(home) {
        let (mut server, mut organiser) = home.open().await;
        let festival = Arc::new(organiser.festival(None).await);
        let mut codes = guests(&organiser, &festival).await;
        let known = Arc::new(Known::default());
        for _ in 0..3 {
            // The server dies when a third of the next guests have been answered, with twelve gates at work.
            let part: Vec<String> = codes.split_off(codes.len() - PEOPLE / 3);
            let until = known.count.load(Ordering::SeqCst) + part.len() / 3;
            let mut gates = JoinSet::new();
            for at in 0..GATES {
                let codes = part.iter().skip(at).step_by(GATES).cloned().collect();
                gates.spawn(gate(at, organiser.at(&server), festival.clone(), codes, known.clone()));
            }
            while known.count.load(Ordering::SeqCst) < until {
                known.more.notified().await;
            }
            server.kill();
            gates.join_all().await;
            assert!(!known.unanswered.lock().unwrap().is_empty(), "the kill met nobody at work");

            server = home.start();
            // The key is in the data directory: the token of before holds.
            organiser = organiser.at(&server);
            check_record(&organiser, &festival, &known).await;

            // The devices send again what was not answered.
            let unanswered = std::mem::take(&mut *known.unanswered.lock().unwrap());
            for attempt in unanswered {
                let answer = organiser.run("check_in", variables(&festival, &attempt, 0)).await;
                assert_eq!(answer["checkIn"]["outcome"], "ADMITTED");
                known.acknowledged.lock().unwrap().insert(attempt.scan);
                known.count.fetch_add(1, Ordering::SeqCst);
            }
            check_record(&organiser, &festival, &known).await;
        }
        assert_eq!(organiser.summary(&festival).await["present"], PEOPLE);
    }

    async fn a_list_is_committed_whole_or_not_at_all_when_the_server_is_killed(home) {
        const ROWS: usize = 2000;
        let (mut server, mut organiser) = home.open().await;
        let mut halves = 0;
        // After so many statements the server dies: early, in the middle, and late.
        for (nth, statements) in [4, 12, 20, 28].into_iter().enumerate() {
            let festival = organiser.festival(None).await;
            let list = lists::list(nth * ROWS..(nth + 1) * ROWS);
            let batch = organiser.stage(&festival, "名单.csv", list).await;
            let input = json!({"input": {"batchId": batch["id"], "category": "企业家", "idempotencyKey": format!("第{nth}次")}});
            let before = organiser.statements().await;
            let people = home.count("SELECT count(*) FROM person").await;
            let committing = {
                let (organiser, input) = (organiser.clone(), input.clone());
                tokio::spawn(async move { organiser.send(&document("commit_roster"), input).await })
            };
            let watcher = organiser.at(&server);
            while watcher.statements().await < before + statements && !committing.is_finished() {
                tokio::task::yield_now().await;
            }
            server.kill();
            let answered = committing.await.unwrap().ok();
            let answered = answered.is_some_and(|it| it["data"]["commitRoster"]["batch"].is_object());

            server = home.start();
            organiser = organiser.at(&server);
            let stands = organiser.run("roster_rows", json!({"id": batch["id"], "first": 1})).await;
            let status = text(&stands["rosterBatch"]["status"]);
            let there = organiser.registrations(&festival).await.len();
            let made = home.count("SELECT count(*) FROM person").await - people;
            let events = home.count("SELECT count(*) FROM audit_event WHERE action = 'CommitRoster'").await;
            match status.as_str() {
                "COMMITTED" => assert_eq!((there, made), (ROWS, 2000)),
                "STAGED" => {
                    assert!(!answered, "what was answered is gone");
                    assert_eq!((there, made), (0, 0), "half a list");
                    halves += 1;
                }
                other => panic!("{other}"),
            }
            // The same sent again ends the same, whether the first was kept or lost.
            let done = organiser.run("commit_roster", input).await;
            assert_eq!(done["commitRoster"]["batch"]["status"], "COMMITTED", "{done}");
            assert_eq!(done["commitRoster"]["batch"]["registered"], ROWS);
            assert_eq!(organiser.registrations(&festival).await.len(), ROWS);
            let after = home.count("SELECT count(*) FROM audit_event WHERE action = 'CommitRoster'").await;
            assert_eq!(after - events, i64::from(status == "STAGED"));
        }
        assert!(halves > 0, "no kill met a commit on its way");
    }

    async fn a_server_that_is_told_to_stop_answers_what_is_under_way(home) {
        let (mut server, organiser) = home.open().await;
        let festival = organiser.festival(None).await;
        let batch = organiser.stage(&festival, "名单.csv", lists::list(0..2000)).await;
        let before = organiser.statements().await;
        let committing = {
            let (organiser, batch) = (organiser.clone(), batch.clone());
            tokio::spawn(async move { organiser.commit(&batch).await })
        };
        // A connection that asks for nothing does not keep the server.
        let idle = TcpStream::connect(&server.address).await.unwrap();
        let watcher = organiser.at(&server);
        while watcher.statements().await < before + 6 {
            tokio::task::yield_now().await;
        }
        assert!(!committing.is_finished());
        server.terminate();
        server.logged("stopping").await;
        let refused = TcpStream::connect(&server.address).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        assert_eq!(committing.await.unwrap()["registered"], 2000);
        assert_eq!(server.ended().await.code(), Some(0));
        drop(idle);
        server = home.start();
        assert_eq!(organiser.at(&server).registrations(&festival).await.len(), 2000);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_can_be_told_to_stop_as_soon_as_it_serves() {
    let home = Home::sqlite();
    for _ in 0..5 {
        let mut server: Server = home.start();
        server.terminate();
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.log());
    }
}
