//! The GraphQL-over-HTTP specification: methods, media types, statuses.

use axum::{body::Body, http::Request};
use serde_json::json;

use super::{GRAPHQL, assert_is_error, code, post, send};
use crate::app::{Answer, TestApp};

async fn get(app: &TestApp, query: &str, accept: &str) -> Answer {
    let request = Request::get(format!("/graphql?{query}")).header("accept", accept);
    app.anonymous().request(request, Body::empty()).await
}

fn media(answer: &Answer) -> &str {
    answer.headers["content-type"].to_str().unwrap()
}

#[tokio::test]
async fn the_answer_has_the_media_type_that_is_asked_for() {
    let app = TestApp::sqlite().await;
    let body = json!({"query": "{ __typename }"}).to_string();
    for (accept, expected) in [
        ("", "application/json; charset=utf-8"),
        ("*/*", "application/json; charset=utf-8"),
        ("application/json", "application/json; charset=utf-8"),
        (GRAPHQL, "application/graphql-response+json; charset=utf-8"),
        ("*/*, application/json;q=0", "application/graphql-response+json; charset=utf-8"),
    ] {
        let answer = post(&app, accept, body.clone()).await;
        assert_eq!((answer.status.as_u16(), media(&answer)), (200, expected), "{accept}");
        assert_eq!(answer.json(), json!({"data": {"__typename": "Query"}}));
    }
    let answer = post(&app, "text/html", body).await;
    assert_eq!(answer.status.as_u16(), 406);
    assert_is_error(&answer);
}

#[tokio::test]
async fn the_status_tells_what_came_of_a_request() {
    let app = TestApp::sqlite().await;
    let chars = |n| json!({"query": format!("{{__typename}}{}", " ".repeat(n))}).to_string();
    for (body, graphql, json, code) in [
        ("{".to_owned(), 400, 400, "BAD_USER_INPUT"),
        ("[]".to_owned(), 400, 400, "BAD_USER_INPUT"),
        ("[{\"query\":\"{__typename}\"}]".to_owned(), 400, 400, "BAD_USER_INPUT"),
        ("{}".to_owned(), 400, 400, "BAD_USER_INPUT"),
        (json!({"query": 1}).to_string(), 400, 400, "BAD_USER_INPUT"),
        (
            json!({"query": "{__typename}", "variables": [1]}).to_string(),
            400,
            400,
            "BAD_USER_INPUT",
        ),
        (
            json!({"query": "{__typename}", "operationName": 1}).to_string(),
            400,
            400,
            "BAD_USER_INPUT",
        ),
        (
            json!({"query": "{__typename}", "extensions": "x"}).to_string(),
            400,
            400,
            "BAD_USER_INPUT",
        ),
        (json!({"query": "{"}).to_string(), 400, 200, "GRAPHQL_PARSE_FAILED"),
        (json!({"query": "{ nothing }"}).to_string(), 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        (
            json!({"query": "{__typename}", "operationName": "B"}).to_string(),
            400,
            200,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (json!({"query": "subscription { x }"}).to_string(), 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        (
            json!({"query": "query($i: ID!) { activity(id: $i) { id } }"}).to_string(),
            400,
            200,
            "BAD_USER_INPUT",
        ),
        (chars(20 * 1024), 400, 200, "QUERY_TOO_COMPLEX"),
        (chars(256 * 1024), 413, 413, "BAD_USER_INPUT"),
    ] {
        let short: String = body.chars().take(80).collect();
        for (accept, status) in [(GRAPHQL, graphql), ("application/json", json)] {
            let answer = post(&app, accept, body.clone()).await;
            assert_eq!(answer.status.as_u16(), status, "{accept}: {short}");
            assert_eq!(super::code(&answer), code, "{short}");
            assert!(media(&answer).starts_with(accept), "{}", media(&answer));
            assert!(answer.json().get("data").is_none(), "a request error has no data: {short}");
            assert_is_error(&answer);
        }
    }
    // What fails in a field is an answer all the same, with data.
    let answer = send(
        &app.anonymous(),
        "{ viewer { account { id } } activities { nodes { id } } }",
        json!({}),
    )
    .await;
    assert_eq!(answer.status.as_u16(), 200);
    assert!(answer.json().get("data").is_some(), "{}", answer.json());
}

#[tokio::test]
async fn only_json_in_utf_8_is_taken() {
    let app = TestApp::sqlite().await;
    let body = json!({"query": "{ __typename }"}).to_string();
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON;charset=\"UTF-8\"", 200),
        ("application/json; charset=gbk", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/graphql", 415),
        ("", 415),
    ] {
        let request = Request::post("/graphql").header("content-type", content_type);
        let answer = app.anonymous().request(request, body.clone().into()).await;
        assert_eq!(answer.status.as_u16(), status, "{content_type}");
    }
    let none = app.anonymous().request(Request::post("/graphql"), body.clone().into()).await;
    assert_eq!(none.status.as_u16(), 415);
    let packed = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip");
    assert_eq!(app.anonymous().request(packed, body.into()).await.status.as_u16(), 415);
}

#[tokio::test]
async fn queries_go_by_get_and_nothing_else_does() {
    let app = TestApp::sqlite().await;
    let answer = get(&app, "query=%7B__typename%7D", GRAPHQL).await;
    assert_eq!(answer.json(), json!({"data": {"__typename": "Query"}}));
    let two = "query=query%20A%7B__typename%7Dmutation%20B%7BsignOut%7B__typename%7D%7D";
    let answer = get(&app, &format!("{two}&operationName=A"), GRAPHQL).await;
    assert_eq!(answer.json()["data"]["__typename"], "Query");
    for query in [
        "query=mutation%7BsignOut%7B__typename%7D%7D".to_owned(),
        format!("{two}&operationName=B"),
        "query=subscription%7Bx%7D".to_owned(),
    ] {
        let answer = get(&app, &query, GRAPHQL).await;
        assert_eq!(answer.status.as_u16(), 405, "{query}");
        assert_eq!(answer.headers["allow"], "POST");
        assert_is_error(&answer);
    }
    let named = "query=query($n:String!)%7B__type(name:$n)%7Bname%7D%7D";
    let answer = get(&app, &format!("{named}&variables=%7B%22n%22:%22Query%22%7D"), GRAPHQL).await;
    assert_eq!(answer.json()["data"]["__type"]["name"], "Query");
    for query in ["", "query=%7B__typename%7D&variables=x", "query=%7B__typename%7D&extensions=3"] {
        let answer = get(&app, query, GRAPHQL).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer).as_str()),
            (400, "BAD_USER_INPUT"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn other_methods_and_addresses_are_refused_in_the_same_shape() {
    let app = TestApp::sqlite().await;
    for (method, path, status, allow) in [
        ("PUT", "/graphql", 405, Some("POST")),
        ("DELETE", "/graphql", 405, Some("GET")),
        ("GET", "/uploads", 405, Some("POST")),
        ("POST", "/exports/x", 405, Some("GET")),
        ("GET", "/nowhere", 404, None),
        ("GET", "/exports/x", 404, None),
        ("GET", "/exports/%FF?token=%FF", 404, None),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = app.anonymous().request(request, Body::empty()).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        assert_is_error(&answer);
        if let Some(allow) = allow {
            assert!(
                answer.headers["allow"].to_str().unwrap().contains(allow),
                "{:?}",
                answer.headers
            );
        }
    }
}

#[tokio::test]
async fn a_false_token_is_as_good_as_none() {
    let app = TestApp::sqlite().await;
    let client = crate::app::Client { token: Some("no.such.token".into()), ..app.anonymous() };
    let answer = send(&client, "{ __typename activities { nodes { id } } }", json!({})).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(code(&answer), "UNAUTHENTICATED");
}

#[tokio::test]
async fn every_answer_says_how_it_is_to_be_treated() {
    let app = TestApp::sqlite().await;
    for path in
        ["/graphql?query=%7B__typename%7D", "/healthz", "/readyz", "/metrics", "/nowhere", "/"]
    {
        let answer = app.anonymous().request(Request::get(path), Body::empty()).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        assert_eq!(answer.headers["x-request-id"].len(), 36, "{path}");
        assert!(answer.headers.get("access-control-allow-origin").is_none());
    }
}

#[tokio::test]
async fn chinese_is_spoken_unless_english_is_asked_for() {
    let app = TestApp::sqlite().await;
    for (wanted, is_english) in [
        ("", false),
        ("zh-CN", false),
        ("fr", false),
        ("*", false),
        ("en", true),
        ("en-GB, zh;q=0.5", true),
        ("zh, en;q=0.9", false),
        ("fr, EN-us;q=0.2", true),
        ("en;q=0", false),
        ("enm", false),
    ] {
        let ask = async |document: &str| {
            let request = Request::post("/graphql")
                .header("content-type", "application/json")
                .header("accept-language", wanted);
            let body = json!({"query": document}).to_string();
            app.organiser().request(request, body.into()).await.json()
        };
        for (document, at) in [
            ("{", "/errors/0/message"),
            ("{ nothing }", "/errors/0/message"),
            ("{ activity(id: \"x\") { id } }", "/errors/0/message"),
            ("{ activities(first: 0) { nodes { id } } }", "/errors/0/message"),
            (
                "mutation { signIn(input: {username: \"nobody\", password: \"no\"}) { userErrors { message } } }",
                "/data/signIn/userErrors/0/message",
            ),
        ] {
            let answer = ask(document).await;
            let message =
                answer.pointer(at).unwrap_or_else(|| panic!("{answer}")).as_str().unwrap();
            assert_eq!(message.is_ascii(), is_english, "{wanted}: {message}");
        }
    }
}
