//! Clients of npm against the service: the audits of GraphQL over HTTP, and the client of graphql-transport-ws.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{app::TestApp, socket::serve};

/// Runs a script of `tests/node/`, which must end well; what it said. It ends with the test, whatever becomes of that.
async fn node(script: &str, arguments: Vec<String>) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
    assert!(
        folder.join("node_modules").is_dir(),
        "the clients of npm are not installed: scripts/setup clients (it takes Node 20 or newer)"
    );
    let script = folder.join(script);
    let run = move || {
        let mut command = Command::new("node");
        command.arg(script).args(arguments).current_dir(folder).stdin(Stdio::null());
        command.output().expect("node, 20 or newer: see scripts/setup clients")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_must_and_should_of_graphql_over_http_is_kept() {
    for flags in [&[][..], &["--production", "true"]] {
        let app = TestApp::with_flags(flags).await;
        let server = serve(app.router.clone()).await;
        let said = node("audit.mjs", vec![format!("http://{}/graphql", server.address)]).await;
        assert!(said.contains(" audits"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_of_graphql_ws_follows_subscriptions() {
    let app = TestApp::sqlite().await;
    let festival = app.festival(None, &[]).await;
    let server = serve(app.router.clone()).await;
    let url = format!("ws://{}/graphql/ws", server.address);
    let token = app.organiser().token.clone().unwrap();
    let said = node("sockets.mjs", vec![url, token, festival.session.clone()]).await;
    assert!(said.contains(" claims"), "{said}");
    let alive = app.organiser().ask("{ __typename }", json!({})).await;
    assert_eq!(alive["__typename"], "Query");
}
