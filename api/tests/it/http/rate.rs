//! How often somebody may ask.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use api::{account::grant::Over, http::Peer};
use axum::{body::Body, http::Request};
use entity::role_grant::Role;
use serde_json::json;

use super::{assert_is_error, code};
use crate::{
    app::{Answer, Client, TestApp},
    socket::serve,
};

const FEW: [&str; 6] =
    ["--requests-per-account", "20", "--requests-per-door", "60", "--requests-per-address", "10"];

async fn ask(client: &Client, document: &str, from: Option<&str>) -> Answer {
    ask_by(client, document, from, None).await
}

async fn ask_by(
    client: &Client,
    document: &str,
    from: Option<&str>,
    forwarded: Option<&str>,
) -> Answer {
    let mut request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "application/json");
    if let Some(from) = from {
        request = request.extension(Peer(from.parse::<SocketAddr>().unwrap()));
    }
    if let Some(forwarded) = forwarded {
        request = request.header("x-forwarded-for", forwarded);
    }
    client.request(request, json!({"query": document}).to_string().into()).await
}

/// How many of so many requests are answered before the first is refused.
async fn until_refused(most: usize, send: impl AsyncFn() -> Answer) -> (usize, Option<Answer>) {
    for at in 0..most {
        let answer = send().await;
        if answer.status.as_u16() == 429 {
            return (at, Some(answer));
        }
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.json());
    }
    (most, None)
}

/// So many are let through at once; a slow machine gives one or two back meanwhile.
fn assert_about(count: usize, wanted: usize) {
    assert!((wanted..=wanted + 5).contains(&count), "{count}, not {wanted}");
}

#[tokio::test]
async fn an_account_may_ask_so_often_and_another_is_not_the_worse_for_it() {
    let app = TestApp::with_flags(&FEW).await;
    let (count, refused) =
        until_refused(40, async || ask(app.organiser(), "{ __typename }", None).await).await;
    assert_about(count, 20);
    let refused = refused.unwrap();
    assert_is_error(&refused);
    assert_eq!(code(&refused), "RATE_LIMITED");
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=4).contains(&wait), "{wait}");
    assert_eq!(refused.json()["errors"][0]["extensions"]["retryAfter"], wait);
    // What is no GraphQL counts as well, and is refused in the same shape.
    let answer = app.organiser().request(Request::post("/uploads"), "x".into()).await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (429, "RATE_LIMITED"));
    assert!(answer.headers.contains_key("retry-after"));
    assert_is_error(&answer);
    // So does what does not even parse.
    assert_eq!(ask(app.organiser(), "{", None).await.status.as_u16(), 429);
    let other = app.bare_account().await;
    assert_eq!(ask(&other, "{ __typename }", None).await.status.as_u16(), 200);
    // The same account by another sign-in is the same account.
    let again = app.anew(app.organiser()).await;
    assert_eq!(ask(&again, "{ __typename }", None).await.status.as_u16(), 429);
}

#[tokio::test]
async fn what_was_used_up_comes_back() {
    // One in 25 ms.
    let app = TestApp::with_flags(&["--requests-per-account", "2400"]).await;
    let send = async || ask(app.organiser(), "{ __typename }", None).await;
    let (_, refused) = until_refused(20_000, send).await;
    assert_eq!(refused.unwrap().headers["retry-after"], "1");
    let started = Instant::now();
    while send().await.status.as_u16() == 429 {
        assert!(started.elapsed() < Duration::from_secs(10), "it does not come back");
    }
}

#[tokio::test]
async fn doors_are_counted_apart_and_let_many_through() {
    let app = TestApp::with_flags(&FEW).await;
    let festival = app.festival(None, &[]).await;
    let door = app.account(Role::DoorStaff, Over::Organisation(app.root)).await;
    let scan = || {
        format!(
            "mutation {{ checkIn(input: {{sessionId: \"{}\", ticketCode: \"0000000000\", scanId: \"{}\"}}) {{ outcome }} }}",
            festival.session,
            app.uuid()
        )
    };
    let (count, _) = until_refused(50, async || ask(&door, &scan(), None).await).await;
    assert_eq!(count, 50);
    let (count, _) = until_refused(40, async || ask(&door, "{ __typename }", None).await).await;
    assert_about(count, 20);
    // And is let in nevertheless.
    assert_eq!(ask(&door, &scan(), None).await.status.as_u16(), 200);
    // A scan with anything beside it is not a door's request.
    let mixed = scan().replacen("mutation { ", "mutation { __typename ", 1);
    assert_eq!(ask(&door, &mixed, None).await.status.as_u16(), 429);
}

#[tokio::test]
async fn strangers_are_counted_by_their_address() {
    let app = TestApp::with_flags(&FEW).await;
    let nobody = app.anonymous();
    let from = |address: &'static str| {
        let nobody = &nobody;
        async move || ask(nobody, "{ __typename }", Some(address)).await
    };
    let (count, refused) = until_refused(30, from("192.0.2.1:1")).await;
    assert_about(count, 10);
    assert_is_error(&refused.unwrap());
    assert_eq!(from("192.0.2.2:1")().await.status.as_u16(), 200);
    // IPv6 by the network of a household.
    let (count, _) = until_refused(30, from("[2001:db8::1]:1")).await;
    assert_about(count, 10);
    assert_eq!(from("[2001:db8::ffff:0:0:2]:1")().await.status.as_u16(), 429);
    assert_eq!(from("[2001:db8:0:1::1]:1")().await.status.as_u16(), 200);
    // So are those who bring false tokens, and those who fetch by address.
    let false_one = Client { token: Some("no.such.token".into()), ..app.anonymous() };
    let answer = ask(&false_one, "{ __typename }", Some("192.0.2.1:2")).await;
    assert_eq!(answer.status.as_u16(), 429);
    for path in ["/exports/x", "/tickets/x", "/certificates/x", "/graphql/ws"] {
        let peer = Peer("192.0.2.1:3".parse().unwrap());
        let request = Request::get(path).extension(peer);
        let answer = nobody.request(request, Body::empty()).await;
        assert_eq!(answer.status.as_u16(), 429, "{path}");
        assert_is_error(&answer);
    }
    // Whoever is known is not shut out by strangers behind the same address, once they are known.
    let known = app.bare_account().await;
    assert_eq!(ask(&known, "{ __typename }", Some("192.0.2.3:1")).await.status.as_u16(), 200);
    assert_about(until_refused(30, from("192.0.2.3:2")).await.0, 9);
    assert_eq!(ask(&known, "{ __typename }", Some("192.0.2.3:1")).await.status.as_u16(), 200);
    let alive = Request::get("/healthz").extension(Peer("192.0.2.1:1".parse().unwrap()));
    assert_eq!(nobody.request(alive, Body::empty()).await.status.as_u16(), 200);
}

#[tokio::test]
async fn what_a_trusted_proxy_says_of_addresses_is_believed_and_nobody_else() {
    let mut flags = FEW.to_vec();
    flags.extend(["--trusted-proxies", "10.0.0.0/8, 192.0.2.9"]);
    let app = TestApp::with_flags(&flags).await;
    let nobody = app.anonymous();
    let by = |from: &'static str, forwarded: &'static str| {
        let nobody = &nobody;
        async move || ask_by(nobody, "{ __typename }", Some(from), Some(forwarded)).await
    };
    assert_about(until_refused(30, by("10.1.1.1:1", "198.51.100.1")).await.0, 10);
    // What stands before the last address that a proxy saw is anybody's word.
    let (count, _) = until_refused(5, by("10.1.1.1:1", "203.0.113.5, 198.51.100.1")).await;
    assert_eq!(count, 0);
    let (count, _) = until_refused(5, by("192.0.2.9:1", "198.51.100.1, 10.2.2.2")).await;
    assert_eq!(count, 0);
    assert_eq!(until_refused(5, by("10.1.1.1:1", "198.51.100.2")).await.0, 5);
    // Of the proxy itself where the header is no list of addresses.
    assert_about(until_refused(30, by("10.1.1.1:1", "unknown")).await.0, 10);
    // A stranger who says to be a proxy is not believed.
    assert_about(until_refused(30, by("192.0.2.10:1", "198.51.100.77")).await.0, 10);
    assert_eq!(by("192.0.2.10:1", "198.51.100.78")().await.status.as_u16(), 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_of_a_socket_are_counted_as_well() {
    let app = TestApp::with_flags(&["--requests-per-account", "5"]).await;
    let server = serve(app.router.clone()).await;
    let mut socket = server.of(app.organiser()).await;
    for at in 0..5 {
        let id = at.to_string();
        socket.ask(&id, "{ __typename }", json!({})).await;
        socket.data(&id).await;
        assert_eq!(socket.next().await["type"], "complete");
    }
    socket.ask("x", "{ __typename }", json!({})).await;
    assert_eq!(socket.error("x").await, "RATE_LIMITED");
}

/// With what holds unless it is configured otherwise.
#[tokio::test]
async fn nobody_who_works_meets_a_limit() {
    let app = TestApp::with_flags(&["--requests-per-account", "1200"]).await;
    let from = Some("192.0.2.1:1");
    for _ in 0..1_000 {
        let answer = ask(app.organiser(), "{ __typename }", from).await;
        assert_eq!(answer.status.as_u16(), 200);
    }
    // A hall that checks itself in behind one address.
    for _ in 0..3_000 {
        let answer = ask(&app.anonymous(), "{ __typename }", from).await;
        assert_eq!(answer.status.as_u16(), 200);
    }
}
