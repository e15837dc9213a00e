//! Several servers on one database, and the real one.

use serde_json::json;

use crate::{
    app::PASSWORD,
    server::{on_both_servers, text},
    socket::{PROTOCOL, Socket},
};

on_both_servers! {
    async fn the_real_server_tells_and_ends_its_sockets(home) {
        let (mut server, organiser) = home.open().await;
        let festival = organiser.festival(None).await;
        let input = json!({"activityId": festival.activity, "person": {"name": "张三丰", "phone": "13800000000"}});
        let made = organiser.run("register_attendee", json!({"input": input})).await;
        let code = text(&made["registerAttendee"]["registration"]["ticketCode"]);
        let token = organiser.token.clone().unwrap();
        let of = json!({"sessionId": festival.session});
        let mut sockets = Vec::new();
        for _ in 0..2 {
            let mut socket = Socket::connect(&server.address, &[PROTOCOL], None).await.unwrap();
            socket.init(&token).await;
            assert_eq!(socket.next().await["type"], "connection_ack");
            socket.run("s", "session_figures", of.clone()).await;
            assert_eq!(socket.data("s").await["sessionFigures"]["present"], 0);
            sockets.push(socket);
        }
        let scan = entity::id::ScanId::generate().0.to_string();
        let input = json!({"sessionId": festival.session, "ticketCode": code, "scanId": scan});
        organiser.run("check_in", json!({"input": input})).await;
        for socket in &mut sockets {
            assert_eq!(socket.data("s").await["sessionFigures"]["present"], 1);
        }
        if home.url.starts_with("postgres") {
            // The command is heard by the server; on SQLite it is noticed when the socket asks again.
            let reset = ["admin", "reset-password", "--username", "organiser", "--password-stdin"];
            assert!(home.run(&reset, PASSWORD).status.success());
            for socket in &mut sockets {
                assert_eq!(socket.closed().await, 4401);
            }
        } else {
            server.terminate();
            for socket in &mut sockets {
                assert_eq!(socket.closed().await, 1001);
            }
            assert!(server.ended().await.success());
        }
    }
}

/// SQLite has one server, so that none of this is of it.
mod postgres {
    use std::sync::Arc;

    use api::{app::App, http, live};
    use sea_orm::{ConnectionTrait, Database};
    use serde_json::json;
    use tokio_util::sync::CancellationToken;

    use super::super::{of, organiser_of, scan, until};
    use crate::{
        app::TestApp,
        socket::{Served, Socket, serve},
    };

    /// Waits until a server hears the others.
    async fn hears(app: &App) {
        while app.live.access().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Two servers that hear one another.
    async fn two() -> (TestApp, Arc<App>, Served) {
        let app = TestApp::postgres().await;
        let second = app.second().await;
        for it in [&app.app, &second] {
            tokio::spawn(live::run(it.clone(), CancellationToken::new()));
            hears(it).await;
        }
        let served = serve(http::router(second.clone())).await;
        (app, second, served)
    }

    async fn watching(second: &App, socket: &mut Socket) {
        while second.live.watchers() == 0 {
            tokio::task::yield_now().await;
        }
        socket.send(json!({"type": "ping"})).await;
        assert_eq!(socket.next().await, json!({"type": "pong"}));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_scan_at_one_is_seen_at_the_other() {
        let (app, second, server) = two().await;
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let mut socket = server.of(app.organiser()).await;
        socket.run("f", "scan_feed", of(&festival)).await;
        watching(&second, &mut socket).await;
        let id = scan(&app, app.organiser(), &festival, &ticket.code).await;
        assert_eq!(socket.data("f").await["scanFeed"]["id"], json!(id));
        socket.run("s", "session_figures", of(&festival)).await;
        assert_eq!(socket.data("s").await["sessionFigures"]["present"], 1);
        festival.register(&app, "周芷若", "13800000001").await;
        assert_eq!(socket.data("s").await["sessionFigures"]["expected"], 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_taken_back_at_one_ends_at_the_other() {
        let (app, second, server) = two().await;
        let festival = app.festival(None, &[]).await;
        let (organiser, grant) = organiser_of(&app, &festival).await;
        let mut socket = server.of(&organiser).await;
        socket.run("s", "session_figures", of(&festival)).await;
        socket.data("s").await;
        let before = second.live.access().unwrap();
        app.organiser().run("revoke_grant", json!({"input": {"grantId": grant}})).await;
        assert_eq!(socket.error("s").await, "NOT_FOUND");
        assert!(before < second.live.access().unwrap());
        organiser.run("sign_out", json!({})).await;
        assert_eq!(socket.closed().await, 4401);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_missed_while_nothing_was_heard_is_made_good() {
        let (app, second, server) = two().await;
        let festival = app.festival(None, &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let mut figures = server.of(app.organiser()).await;
        figures.run("s", "session_figures", of(&festival)).await;
        figures.data("s").await;
        let mut feed = server.of(app.organiser()).await;
        feed.run("f", "scan_feed", of(&festival)).await;
        while second.live.watchers() < 2 {
            tokio::task::yield_now().await;
        }
        let connection = Database::connect(&app.url).await.unwrap();
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND query LIKE '%pg_notify%' AND pid <> pg_backend_pid()";
        connection.execute_unprepared(sql).await.unwrap();
        while second.live.access().is_some() {
            tokio::task::yield_now().await;
        }
        scan(&app, app.organiser(), &festival, &ticket.code).await;
        hears(&second).await;
        until(&mut figures, "s", 1).await;
        assert_eq!(feed.error("f").await, "CONFLICT");
    }
}
