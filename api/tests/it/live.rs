//! What changes is seen as it changes, by those who may see it.

mod between;
mod protocol;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Instant,
};

use api::{
    account::grant::Over,
    graphql::Gid,
    live::{Live, Notice, figures::watch},
};
use chrono::TimeDelta;
use entity::{id::ActivityId, role_grant::Role};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::{
    app::{Client, Festival, TestApp, on_both},
    fixture::an_activity,
    socket::{Came, Socket, serve},
};

/// Sends a scan; its id.
async fn scan(app: &TestApp, client: &Client, festival: &Festival, code: &str) -> String {
    let input = json!({"sessionId": festival.session, "ticketCode": code, "scanId": app.uuid()});
    let done = client.run("check_in", json!({"input": input})).await;
    done["checkIn"]["scan"]["id"].as_str().unwrap_or_else(|| panic!("{done}")).to_owned()
}

fn of(festival: &Festival) -> Value {
    json!({"sessionId": festival.session})
}

/// An organiser of one activity, and the id of the grant.
async fn organiser_of(app: &TestApp, festival: &Festival) -> (Client, Value) {
    let client = app.bare_account().await;
    let input = json!({"accountId": Gid(client.account).to_string(), "reason": "值班", "role": "ORGANISER", "activityId": festival.activity});
    let done = app.organiser().run("grant_role", json!({"input": input})).await;
    (client, done["grantRole"]["grant"]["id"].clone())
}

/// Waits until so many subscriptions look on.
pub async fn begun(app: &TestApp, count: usize) {
    while app.app.live.watchers() < count {
        tokio::task::yield_now().await;
    }
}

/// Figures until they are so.
async fn until(socket: &mut Socket, id: &str, present: i64) -> usize {
    for messages in 1.. {
        let figures = socket.data(id).await["sessionFigures"].take();
        if figures["present"] == present {
            return messages;
        }
    }
    unreachable!()
}

on_both! {
    async fn figures_come_at_once_and_when_they_change(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let server = serve(app.router.clone()).await;
        let mut socket = server.of(app.organiser()).await;
        socket.run("s", "session_figures", of(&festival)).await;
        let whole = |expected: i64, present: i64| json!({"sessionFigures": {
            "expected": expected, "present": present, "late": 0, "leftEarly": 0, "excused": 0, "absent": 0,
            "notYet": expected - present, "inside": present,
        }});
        assert_eq!(socket.data("s").await, whole(1, 0));
        scan(&app, app.organiser(), &festival, &ticket.code).await;
        assert_eq!(socket.data("s").await, whole(1, 1));
        festival.register(&app, "周芷若", "13800000001").await;
        assert_eq!(socket.data("s").await, whole(2, 1));

        socket.run("a", "activity_figures", json!({"activityId": festival.activity})).await;
        let figures = socket.data("a").await["activityFigures"].take();
        assert_eq!(figures["seatsTaken"], 2);
        assert_eq!(figures["sessions"][0]["session"]["id"], json!(festival.session));
        assert_eq!(figures["sessions"][0]["summary"]["present"], 1);
        socket.send(json!({"id": "s", "type": "complete"})).await;
        festival.register(&app, "赵敏敏", "13800000002").await;
        assert_eq!(socket.data("a").await["activityFigures"]["seatsTaken"], 3);
    }

    async fn many_scans_are_few_messages_and_the_last_is_right(app) {
        let festival = app.festival(None, &[]).await;
        let mut codes = Vec::new();
        for nth in 0..50 {
            codes.push(festival.register(&app, "张三丰", &format!("138000000{nth:02}")).await.code);
        }
        let server = serve(app.router.clone()).await;
        let mut socket = server.of(app.organiser()).await;
        socket.run("s", "session_figures", of(&festival)).await;
        assert_eq!(socket.data("s").await["sessionFigures"]["present"], 0);
        let began = Instant::now();
        let scans = async {
            for code in &codes {
                scan(&app, app.organiser(), &festival, code).await;
            }
        };
        let (messages, ()) = tokio::join!(until(&mut socket, "s", 50), scans);
        let most = began.elapsed().as_millis() / 334 + 2;
        assert!(messages as u128 <= most, "{messages} messages in {:?}", began.elapsed());
        assert!(messages < 50, "every scan was told of");
    }

    async fn scans_are_fed_one_by_one_to_those_who_may_see_them(app) {
        let (festival, elsewhere) = (app.festival(None, &[]).await, app.festival(None, &[]).await);
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let stranger = elsewhere.register(&app, "周芷若", "13800000001").await;
        let server = serve(app.router.clone()).await;
        let door = app.account(Role::DoorStaff, an_activity(&festival.activity)).await;
        let viewer = app.account(Role::Viewer, Over::Organisation(app.root)).await;
        for client in [&door, &viewer] {
            let mut socket = server.of(client).await;
            socket.run("f", "scan_feed", of(&festival)).await;
            assert_eq!(socket.error("f").await, "FORBIDDEN");
            socket.run("f", "session_figures", of(&festival)).await;
            socket.data("f").await;
        }
        let nobody = app.bare_account().await;
        let mut socket = server.of(&nobody).await;
        for operation in ["session_figures", "scan_feed"] {
            socket.run("f", operation, of(&festival)).await;
            assert_eq!(socket.error("f").await, "NOT_FOUND");
        }

        let mut socket = server.of(&organiser_of(&app, &festival).await.0).await;
        socket.run("f", "scan_feed", of(&festival)).await;
        begun(&app, 1).await;
        scan(&app, &door, &festival, &stranger.code).await;
        let mut fed = vec![socket.data("f").await["scanFeed"].take()];
        scan(&app, app.organiser(), &elsewhere, &stranger.code).await;
        for _ in 0..2 {
            scan(&app, &door, &festival, &ticket.code).await;
            fed.push(socket.data("f").await["scanFeed"].take());
        }
        let outcomes: Vec<&str> = fed.iter().map(|it| it["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["WRONG_ACTIVITY", "ADMITTED", "ALREADY_IN"]);
        fed.reverse();
        let document = "query($id: ID!) { session(id: $id) { scans { nodes {
            id scanId direction outcome scannedAt receivedAt gate
            registration { id person { name maskedPhone } category { name } organisationName title } } } } }";
        let kept = app.organiser().ask(document, json!({"id": festival.session})).await;
        assert_eq!(kept["session"]["scans"]["nodes"], json!(fed));
    }

    async fn a_scan_sent_again_is_not_told_again(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let mut changes = app.app.live.changes();
        let input = json!({"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid()});
        for _ in 0..2 {
            app.organiser().run("check_in", json!({"input": input})).await;
        }
        assert!(matches!(changes.try_recv().unwrap(), Notice::Scan(..)));
        assert!(changes.try_recv().is_err());
    }

    async fn what_is_taken_back_ends(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let (organiser, grant) = organiser_of(&app, &festival).await;
        let server = serve(app.router.clone()).await;
        let mut socket = server.of(&organiser).await;
        socket.run("f", "scan_feed", of(&festival)).await;
        begun(&app, 1).await;
        app.organiser().run("revoke_grant", json!({"input": {"grantId": grant}})).await;
        scan(&app, app.organiser(), &festival, &ticket.code).await;
        assert_eq!(socket.error("f").await, "NOT_FOUND");
        socket.run("s", "session_figures", of(&festival)).await;
        assert_eq!(socket.error("s").await, "NOT_FOUND");
    }

    async fn what_is_granted_in_part_goes_on_in_part(app) {
        let festival = app.festival(None, &[]).await;
        let (organiser, grant) = organiser_of(&app, &festival).await;
        let account = Gid(organiser.account).to_string();
        let server = serve(app.router.clone()).await;
        let mut socket = server.of(&organiser).await;
        socket.run("s", "session_figures", of(&festival)).await;
        socket.data("s").await;
        // Begins anew by the new grants, and so tells the figures again.
        let input = json!({"accountId": account, "reason": "值班", "role": "VIEWER", "activityId": festival.activity});
        app.organiser().run("grant_role", json!({"input": input})).await;
        socket.data("s").await;
        app.organiser().run("revoke_grant", json!({"input": {"grantId": grant}})).await;
        socket.data("s").await;
        socket.run("f", "scan_feed", of(&festival)).await;
        assert_eq!(socket.error("f").await, "FORBIDDEN");
    }

    async fn a_socket_ends_with_its_sign_in(app) {
        let festival = app.festival(None, &[]).await;
        let server = serve(app.router.clone()).await;
        let client = app.account(Role::Organiser, an_activity(&festival.activity)).await;
        let mut socket = server.of(&client).await;
        socket.run("s", "session_figures", of(&festival)).await;
        socket.data("s").await;
        let mut idle = server.of(&client).await;
        let mut anothers = server.of(app.organiser()).await;
        client.run("sign_out", json!({})).await;
        assert_eq!(socket.closed().await, 4401);
        assert_eq!(idle.closed().await, 4401);
        anothers.run("s", "session_figures", of(&festival)).await;
        anothers.data("s").await;

        let client = app.account(Role::Organiser, an_activity(&festival.activity)).await;
        let mut socket = server.of(&client).await;
        let input = json!({"accountId": Gid(client.account).to_string()});
        app.organiser().run("disable_account", json!({"input": input})).await;
        assert_eq!(socket.closed().await, 4401);
    }

    async fn a_socket_ends_with_its_token(app) {
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let server = serve(app.router.clone()).await;
        let (mut silent, mut socket) = (server.of(app.organiser()).await, server.of(app.organiser()).await);
        socket.run("s", "session_figures", of(&festival)).await;
        socket.data("s").await;
        let then = app.now() + TimeDelta::minutes(16);
        *app.clock() = then;
        let later = app.anew(app.organiser()).await;
        scan(&app, &later, &festival, &ticket.code).await;
        // Nothing is told any more, and nothing asked.
        assert!(matches!(socket.came().await, Came::Close(4401, _)));
        silent.run("s", "session_figures", of(&festival)).await;
        assert_eq!(silent.closed().await, 4401);
    }
}

#[tokio::test]
async fn whoever_looks_slowly_sees_the_newest() {
    let live = Live::new(false);
    let now = Arc::new(AtomicI32::new(0));
    let seen = now.clone();
    let look = move || {
        let seen = seen.clone();
        async move { Ok(seen.load(Ordering::SeqCst)) }
    };
    let mut figures = Box::pin(watch(live.changes(), |_| true, look));
    assert_eq!(figures.next().await.unwrap().unwrap(), 0);
    let activity = ActivityId::generate();
    for value in 1..=9000 {
        now.store(value, Ordering::SeqCst);
        live.tell(Notice::Activity(activity));
    }
    assert_eq!(figures.next().await.unwrap().unwrap(), 9000);
    now.store(1, Ordering::SeqCst);
    live.tell(Notice::Activity(activity));
    assert_eq!(figures.next().await.unwrap().unwrap(), 1);
}
