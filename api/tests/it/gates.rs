//! A day at eight gates with a bad network: two of them are offline for a while, one of these by a wrong clock, everything
//! is sent at least twice, and the server is killed twice. No scan is lost, none is double, conflicts are marked.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::ScanId;
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::{
    app::{Festival, document},
    lists, manifest,
    server::{Home, Remote, Server, now, on_both_servers, text},
};

const PEOPLE: usize = 1000;
const GATES: usize = 8;
/// The gates that are offline for a while are the last two.
const ONLINE: usize = GATES - 2;
/// How many come by an offline gate whom the first gate had let in, and how many by both of the offline ones.
const TWICE: usize = 20;
/// How far the clock of the last gate is ahead.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// A device, which finds its server again wherever that serves now.
#[derive(Clone)]
struct Device {
    remote: Remote,
    serving: watch::Receiver<String>,
}

impl Device {
    async fn new(
        organiser: &Remote,
        festival: &Festival,
        gate: usize,
        serving: watch::Receiver<String>,
    ) -> Self {
        let input = json!({"activityIds": [festival.activity], "name": format!("{gate}号机"), "gate": format!("{gate}号门")});
        let made = organiser.run("create_device", json!({"input": input})).await;
        let input = json!({"code": made["createDevice"]["code"]});
        let anonymous = Remote { token: None, ..organiser.clone() };
        let redeemed = anonymous.run("redeem_device", json!({"input": input})).await;
        let token = Some(text(&redeemed["redeemDevice"]["token"]));
        Self { remote: Remote { token, ..organiser.clone() }, serving }
    }

    /// Sends a document until an answer comes, wherever from; its data.
    async fn send(&self, operation: &str, variables: Value) -> Value {
        let mut serving = self.serving.clone();
        loop {
            let base = serving.borrow_and_update().clone();
            let remote = Remote { base: base.clone(), ..self.remote.clone() };
            if let Ok(mut answer) = remote.send(&document(operation), variables.clone()).await {
                assert!(answer.get("errors").is_none(), "{answer}");
                return answer["data"].take();
            }
            // The server is gone: there will be another.
            if *serving.borrow() == base {
                serving.changed().await.unwrap();
            }
        }
    }

    /// The same twice at once, as a device does that has not heard; both answers.
    async fn send_twice(&self, operation: &str, variables: Value) -> [Value; 2] {
        let (one, other) =
            tokio::join!(self.send(operation, variables.clone()), self.send(operation, variables));
        [one, other]
    }
}

/// A scan that a gate made: whose code, and when it truly was.
#[derive(Clone)]
struct Made {
    code: String,
    at: DateTime<Utc>,
}

/// What all gates together know.
#[derive(Default)]
struct Known {
    made: Mutex<HashMap<String, Made>>,
    answered: AtomicUsize,
    more: Notify,
}

impl Known {
    fn make(&self, code: &str) -> (String, DateTime<Utc>) {
        let (scan, at) = (ScanId::generate().0.to_string(), now());
        self.made.lock().unwrap().insert(scan.clone(), Made { code: code.to_owned(), at });
        (scan, at)
    }

    fn hear(&self, answers: usize) {
        self.answered.fetch_add(answers, Ordering::SeqCst);
        self.more.notify_one();
    }

    async fn heard(&self, answers: usize) {
        while self.answered.load(Ordering::SeqCst) < answers {
            self.more.notified().await;
        }
    }
}

/// A gate with a network.
async fn online(device: Device, session: String, codes: Vec<String>, known: Arc<Known>) {
    for code in codes {
        let (scan, _) = known.make(&code);
        let input = json!({"input": {"sessionId": session, "ticketCode": code, "scanId": scan}});
        let [one, other] = device.send_twice("check_in", input).await;
        for it in [&one, &other] {
            assert_eq!(it["checkIn"]["outcome"], "ADMITTED", "{it}");
            assert_eq!(it["checkIn"]["scan"]["id"], one["checkIn"]["scan"]["id"]);
        }
        known.hear(1);
    }
}

/// What a gate knows before its network is gone: the registrations by the hashes of their codes.
async fn list(device: &Device, session: &str) -> (String, BTreeSet<String>) {
    let (mut key, mut hashes, mut after) = (String::new(), BTreeSet::new(), Value::Null);
    loop {
        let asked = json!({"sessionId": session, "first": 500, "after": after});
        let answer = device.send("door_manifest", asked).await;
        let manifest = &answer["doorManifest"];
        key = if key.is_empty() { text(&manifest["codeKey"]) } else { key };
        for edge in manifest["entries"]["edges"].as_array().unwrap() {
            assert_eq!(edge["node"]["status"], "CONFIRMED");
            hashes.insert(text(&edge["node"]["codeHash"]));
        }
        if manifest["entries"]["pageInfo"]["hasNextPage"] == false {
            return (key, hashes);
        }
        after = manifest["entries"]["pageInfo"]["endCursor"].clone();
    }
}

/// A gate without a network: it answers by its list and keeps what it scanned, by its own clock.
fn offline(
    known: &Known,
    codes: &[String],
    (key, hashes): &(String, BTreeSet<String>),
    ahead: TimeDelta,
) -> Vec<Value> {
    let scan = |code: &String| {
        assert!(hashes.contains(&manifest::hash(key, code)), "a code that is not on the list");
        let (scan, at) = known.make(code);
        json!({"scanId": scan, "ticketCode": code, "scannedAt": (at + ahead).to_rfc3339(), "told": "ADMITTED"})
    };
    codes.iter().map(scan).collect()
}

/// The gate has its network again and sends what it kept, in any order, each part twice.
async fn sync(
    device: Device,
    session: String,
    mut kept: Vec<Value>,
    ahead: TimeDelta,
    known: Arc<Known>,
) {
    kept.sort_by_key(|it| text(&it["ticketCode"]));
    for part in kept.chunks(50) {
        let input =
            json!({"sessionId": session, "deviceNow": (now() + ahead).to_rfc3339(), "scans": part});
        for answer in device.send_twice("sync_scans", json!({"input": input})).await {
            for it in answer["syncScans"]["synced"]["results"].as_array().unwrap() {
                assert!(
                    ["ADMITTED", "ALREADY_IN"].contains(&it["outcome"].as_str().unwrap_or("none")),
                    "{it}"
                );
            }
        }
        known.hear(part.len());
    }
}

/// Ends the server as a power cut would and starts another.
fn killed(home: &Home, server: &mut Server, serving: &watch::Sender<String>) {
    server.kill();
    *server = home.start();
    serving.send_replace(format!("http://{}", server.address));
}

on_both_servers! {
    async fn eight_gates_with_a_bad_network_lose_nothing(home) {
        let (mut server, mut organiser) = home.open().await;
        let festival = organiser.festival(None).await;
        let batch = organiser.stage(&festival, "来宾.csv", lists::list(0..PEOPLE)).await;
        assert_eq!(organiser.commit(&batch).await["registered"], PEOPLE);
        let codes: Vec<String> = organiser.registrations(&festival).await.iter().map(|it| text(&it["ticketCode"])).collect();
        let (serving, finds) = watch::channel(format!("http://{}", server.address));
        let mut devices = Vec::new();
        for gate in 0..GATES {
            devices.push(Device::new(&organiser, &festival, gate, finds.clone()).await);
        }
        let mut queues: Vec<Vec<String>> =
            (0..GATES).map(|gate| codes.iter().skip(gate).step_by(GATES).cloned().collect()).collect();
        let known = Arc::new(Known::default());
        let session = festival.session.clone();

        // In the first half two gates are offline. Some come to one of them whom the first gate has let in already, and
        // some to both.
        let lists = [list(&devices[ONLINE], &session).await, list(&devices[ONLINE + 1], &session).await];
        let mut gates = JoinSet::new();
        for gate in 0..ONLINE {
            let half = queues[gate].len() / 2;
            let first = queues[gate].drain(..half).collect();
            gates.spawn(online(devices[gate].clone(), session.clone(), first, known.clone()));
        }
        let again: Vec<String> = codes.iter().step_by(GATES).take(TWICE).cloned().collect();
        let both: Vec<String> = queues[ONLINE][..TWICE].to_vec();
        queues[ONLINE].extend(again.clone());
        queues[ONLINE + 1].extend(both.clone());
        let kept = [
            offline(&known, &queues[ONLINE], &lists[0], TimeDelta::zero()),
            offline(&known, &queues[ONLINE + 1], &lists[1], AHEAD),
        ];
        known.heard(PEOPLE / GATES).await;
        killed(&home, &mut server, &serving);
        gates.join_all().await;

        // In the second half they have their network again.
        let before = known.answered.load(Ordering::SeqCst);
        let mut gates = JoinSet::new();
        for (gate, queue) in queues.into_iter().take(ONLINE).enumerate() {
            gates.spawn(online(devices[gate].clone(), session.clone(), queue, known.clone()));
        }
        for ((gate, kept), ahead) in (ONLINE..GATES).zip(kept).zip([TimeDelta::zero(), AHEAD]) {
            gates.spawn(sync(devices[gate].clone(), session.clone(), kept, ahead, known.clone()));
        }
        known.heard(before + PEOPLE / GATES).await;
        killed(&home, &mut server, &serving);
        gates.join_all().await;
        organiser = organiser.at(&server);

        // Every scan that was made is there, once, at the time when it was made.
        let document = "query($id: ID!, $after: String) { session(id: $id) { scans(first: 100, after: $after) {
            nodes { id scanId outcome scannedAt gate isConflict conflictsWithId } pageInfo { hasNextPage endCursor } } } }";
        let scans = organiser.all(document, &festival.session, "/session/scans").await;
        let made = known.made.lock().unwrap().clone();
        assert_eq!(made.len(), PEOPLE + 2 * TWICE);
        assert_eq!(scans.len(), made.len());
        let ids: BTreeSet<String> = scans.iter().map(|it| text(&it["scanId"])).collect();
        assert_eq!(ids, made.keys().cloned().collect());
        let mut by_code: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for it in &scans {
            let of = &made[it["scanId"].as_str().unwrap()];
            let off = text(&it["scannedAt"]).parse::<DateTime<Utc>>().unwrap() - of.at;
            assert!(off.abs() < AHEAD / 4, "{it} was made at {}", of.at);
            by_code.entry(&of.code).or_default().push(it);
        }
        // Who was let in by two gates is marked, and nobody else.
        let twice: BTreeSet<&str> = again.iter().chain(&both).map(String::as_str).collect();
        for (code, scans) in &by_code {
            let count = |key: &str, value: Value| scans.iter().filter(|it| it[key] == value).count();
            assert_eq!(count("outcome", json!("ADMITTED")), 1, "{scans:?}");
            assert_eq!(count("isConflict", json!(true)), usize::from(twice.contains(code)), "{scans:?}");
        }
        // Every person came once, and the figures are those of the record.
        let attendances = organiser.attendances(&festival).await;
        let came: BTreeSet<String> = attendances.iter().map(|it| text(&it["registration"]["id"])).collect();
        assert_eq!((attendances.len(), came.len()), (PEOPLE, PEOPLE));
        let summary = organiser.summary(&festival).await;
        assert_eq!((&summary["expected"], &summary["present"]), (&json!(PEOPLE), &json!(PEOPLE)));
        let anew = home.run(&["recompute"], "");
        assert!(anew.status.success(), "{anew:?}");
    }
}
