//! Signing in by another system, which is npm's oidc-provider with its own pages.

mod browser;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use api::{graphql::Gid, http::Peer};
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use entity::{id::AccountId, role_grant::Role};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use self::browser::Browser;
use super::{code, outcome, somebody, with};
use crate::{
    app::{Client, TestApp, document, on_both},
    contract::Script,
    fixture::{give, organisation, text},
};

const PUBLIC: &str = "http://127.0.0.1:8000";
const CALLBACK: &str = "http://127.0.0.1:8000/auth/sso";
const PAGE: &str = "http://localhost:5173/signed-in?from=desk";

/// A provider of its own for one test. It ends when its standard input does.
struct Provider {
    issuer: String,
    child: Child,
    /// Kept open: whoever says something to nobody dies of it.
    _said: BufReader<ChildStdout>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Provider {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
        assert!(
            folder.join("node_modules/oidc-provider").is_dir(),
            "the clients of npm are not installed: scripts/setup clients (it takes Node 20 or newer)"
        );
        let mut child = Command::new("node")
            .arg("provider.mjs")
            .args([CALLBACK, "qinglan", "a secret of thirty-two letters!!"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node, 20 or newer: see scripts/setup clients");
        let mut issuer = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut issuer).unwrap();
        Self { issuer: issuer.trim().to_owned(), child, _said: said }
    }

    /// From now on it lies in one way; see `provider.mjs`.
    async fn lies(&self, how: &str) {
        let url = format!("{}/mode?is={how}", self.issuer);
        assert_eq!(reqwest::Client::new().post(url).send().await.unwrap().status().as_u16(), 204);
    }

    /// The same service, told of this provider.
    async fn known_to(&self, app: &TestApp, link_by_phone: bool) -> TestApp {
        self.known(app, link_by_phone, &[]).await
    }

    /// The same with more flags.
    async fn known(&self, app: &TestApp, link_by_phone: bool, more: &[&str]) -> TestApp {
        let entry = json!([{
            "name": "sso", "title": "统一身份认证", "kind": "OIDC", "linkByPhone": link_by_phone,
            "issuer": self.issuer, "clientId": "qinglan", "clientSecret": "a secret of thirty-two letters!!", "scopes": ["phone"],
        }]);
        let file = app.folder().join("providers.json");
        std::fs::write(&file, entry.to_string()).unwrap();
        let flags = ["--sign-in-providers", file.to_str().unwrap(), "--public-url", PUBLIC];
        app.with(&[&flags[..], more].concat()).await
    }
}

/// The way there: what the page got.
async fn begun(app: &TestApp) -> Value {
    let input = json!({"input": {"provider": "sso", "returnTo": PAGE}});
    let begun =
        app.anonymous().run("begin_provider_sign_in", input).await["beginProviderSignIn"].take();
    assert_eq!(outcome(&begun), "ok");
    begun
}

/// A browser at the callback; what the page is told then.
async fn back(app: &TestApp, callback: &str) -> (StatusCode, String) {
    let path = callback.strip_prefix(PUBLIC).unwrap();
    let answer = app.anonymous().request(Request::get(path), Body::empty()).await;
    let to = answer.headers.get(header::LOCATION).map(|it| it.to_str().unwrap().to_owned());
    (answer.status, to.unwrap_or_default())
}

/// The whole way of somebody whom the provider knows by `login`; the payload of the end.
async fn signed_in(app: &TestApp, login: &str) -> Value {
    let begun = begun(app).await;
    let callback = Browser::default().signs_in(&text(&begun["address"]), login, CALLBACK).await;
    let (status, page) = back(app, &callback).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    ended(app, &page, &begun, None).await
}

/// What the page gets for what it was told and what it kept.
async fn ended(app: &TestApp, page: &str, begun: &Value, code: Option<&str>) -> Value {
    let input =
        json!({"input": {"providerCode": told(page), "secret": begun["secret"], "code": code}});
    app.anonymous().run("sign_in_by_provider", input).await["signInByProvider"].take()
}

/// The code that a page was told.
fn told(page: &str) -> &str {
    page.strip_prefix(&format!("{PAGE}&code=")).unwrap_or_else(|| panic!("{page}"))
}

/// Links by the root's administrator; the payload.
async fn linked(app: &TestApp, account: AccountId, subject: &str) -> Value {
    let input = json!({"accountId": Gid(account).to_string(), "provider": "sso", "subject": subject, "reason": "他的统一身份"});
    app.organiser().run("link_identity", json!({"input": input})).await["linkIdentity"].take()
}

/// The account of a person with this phone.
async fn of_phone(app: &TestApp, phone: &str) -> Client {
    let (client, _) = somebody(app).await;
    let input =
        json!({"input": {"organisationId": app.root_id(), "name": "张三丰", "phone": phone}});
    let made = app.organiser().run("create_person", input).await;
    let person = Gid::<entity::id::PersonId>::decode(&text(&made["createPerson"]["person"]["id"]))
        .unwrap()
        .0;
    app.by_hand(async |tx| {
        let row = entity::account::ActiveModel {
            id: sea_orm::ActiveValue::Unchanged(client.account),
            person_id: sea_orm::ActiveValue::Set(Some(person)),
            ..Default::default()
        };
        sea_orm::EntityTrait::update(row).exec(tx).await?;
        Ok(())
    })
    .await;
    client
}

/// The documents of signing in so, for the contract's tests: somebody is linked, comes, and is not any more.
pub async fn lives(it: &Script<'_>, account: &Value) {
    let provider = Provider::start();
    let app = provider.known_to(it.app, false).await;
    it.run(&app.anonymous(), "sign_in_providers", json!({})).await;
    let input = json!({"input": {"accountId": account, "provider": "sso", "subject": "zhang", "reason": "他的统一身份"}});
    let made = it.run(app.organiser(), "link_identity", input).await["identity"]["id"].take();
    let input = json!({"input": {"provider": "sso", "returnTo": PAGE}});
    let begun = it.run(&app.anonymous(), "begin_provider_sign_in", input).await;
    let callback = Browser::default().signs_in(&text(&begun["address"]), "zhang", CALLBACK).await;
    let (_, page) = back(&app, &callback).await;
    let input = json!({"input": {"providerCode": told(&page), "secret": begun["secret"]}});
    let done = it.run(&app.anonymous(), "sign_in_by_provider", input).await;
    assert_eq!(done["viewer"]["account"]["id"], *account);
    let input = json!({"input": {"identityId": made, "reason": "已离职"}});
    let left = it.run(app.organiser(), "unlink_identity", input).await;
    assert_eq!(left["account"]["identities"], json!([]));
}

on_both! {
    async fn whoever_is_linked_signs_in_by_the_other_system(app) {
        let provider = Provider::start();
        let app = provider.known_to(&app, false).await;
        let shown = app.anonymous().run("sign_in_providers", json!({})).await;
        assert_eq!(shown["signInProviders"], json!([{"name": "sso", "title": "统一身份认证"}]));
        let (client, name) = somebody(&app).await;

        // Nobody is linked yet: they are told who they are, for an administrator to link.
        let refused = signed_in(&app, "zhang").await;
        assert_eq!(outcome(&refused), "NOT_LINKED");
        assert!(text(&refused["userErrors"][0]["message"]).contains("zhang"));
        assert!(refused["tokens"].is_null() && refused["viewer"].is_null());
        let made = linked(&app, client.account, "zhang").await;
        assert_eq!(outcome(&made), "ok");
        assert_eq!(linked(&app, client.account, "zhang").await["identity"]["id"], made["identity"]["id"]);

        let done = signed_in(&app, "zhang").await;
        assert_eq!(outcome(&done), "ok");
        assert_eq!(done["viewer"]["account"]["username"], name.as_str());
        let own = with(&app, &done);
        let seen = own.ask("{ viewer { account { identities { provider subject linkedBy } } signIns { isCurrent provider } } }", json!({})).await;
        assert_eq!(seen["viewer"]["account"]["identities"][0]["subject"], "zhang");
        assert!(seen["viewer"]["account"]["identities"][0]["linkedBy"].is_string());
        assert_eq!(seen["viewer"]["signIns"][0], json!({"isCurrent": true, "provider": "sso"}));
        assert_eq!(outcome(&signed_in(&app, "li").await), "NOT_LINKED");
        for (action, outcome, count) in [("LinkIdentity", "DONE", 2), ("SignInByProvider", "DONE", 1), ("SignInByProvider", "REFUSED", 2)] {
            let sql = format!("SELECT count(*) FROM audit_event WHERE action = '{action}' AND outcome = '{outcome}'");
            assert_eq!(app.count(&sql).await, count, "{action} {outcome}");
        }

        // Unlinked, what came by it is over, and nothing else.
        let input = json!({"input": {"identityId": made["identity"]["id"], "reason": "已离职"}});
        let left = app.organiser().run("unlink_identity", input.clone()).await["unlinkIdentity"].take();
        assert_eq!((outcome(&left), &left["account"]["identities"]), ("ok", &json!([])));
        assert_eq!(own.fail("{ viewer { account { id } } }", json!({})).await, "UNAUTHENTICATED");
        client.ask("{ viewer { account { id } } }", json!({})).await;
        assert_eq!(outcome(&signed_in(&app, "zhang").await), "NOT_LINKED");
        let gone = document("unlink_identity");
        assert_eq!(app.organiser().fail(&gone, input).await, "NOT_FOUND");
    }

    async fn every_half_works_once_and_with_its_other_half(app) {
        let provider = Provider::start();
        let app = provider.known_to(&app, false).await;
        let (client, _) = somebody(&app).await;
        linked(&app, client.account, "zhang").await;
        let way = begun(&app).await;
        let callback = Browser::default().signs_in(&text(&way["address"]), "zhang", CALLBACK).await;
        // A state of nobody's, or at another system's address, leads nowhere.
        for wrong in [format!("{CALLBACK}?code=x&state=y"), format!("{CALLBACK}?code=x"), CALLBACK.to_owned()] {
            assert_eq!(back(&app, &wrong).await, (StatusCode::BAD_REQUEST, String::new()));
        }
        let elsewhere = callback.replace("/auth/sso", "/auth/other");
        assert_eq!(back(&app, &elsewhere).await.0, StatusCode::NOT_FOUND);
        let (_, page) = back(&app, &callback).await;
        assert_eq!(back(&app, &callback).await, (StatusCode::BAD_REQUEST, String::new()), "a second time");
        // The page of somebody else has another secret.
        let others = begun(&app).await;
        assert_eq!(outcome(&ended(&app, &page, &others, None).await), "PROVIDER_CODE_INVALID");
        assert_eq!(outcome(&ended(&app, &page, &way, None).await), "ok");
        assert_eq!(outcome(&ended(&app, &page, &way, None).await), "PROVIDER_CODE_INVALID", "a second time");

        // Each has its time.
        let way = begun(&app).await;
        let callback = Browser::default().signs_in(&text(&way["address"]), "zhang", CALLBACK).await;
        *app.clock() += TimeDelta::minutes(10);
        assert_eq!(back(&app, &callback).await.0, StatusCode::BAD_REQUEST);
        let way = begun(&app).await;
        let callback = Browser::default().signs_in(&text(&way["address"]), "zhang", CALLBACK).await;
        let (_, page) = back(&app, &callback).await;
        *app.clock() += TimeDelta::minutes(5);
        assert_eq!(outcome(&ended(&app, &page, &way, None).await), "PROVIDER_CODE_INVALID");
        app.work().await;
        api::housekeeping::keep_house(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM provider_trip").await, 0);
    }

    async fn a_page_is_told_why_nobody_came(app) {
        let provider = Provider::start();
        let app = provider.known_to(&app, false).await;
        let way = begun(&app).await;
        let callback = Browser::default().gives_up(&text(&way["address"]), CALLBACK).await;
        assert_eq!(back(&app, &callback).await.1, format!("{PAGE}&error=access_denied"));
        // A text for the page to show is none of an error's words.
        let way = begun(&app).await;
        let state = text(&way["address"]).split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let (_, page) = back(&app, &format!("{CALLBACK}?error=Call%20this%20number&state={state}")).await;
        assert_eq!(page, format!("{PAGE}&error=provider_unfit"));
        // Whoever begins sends browsers to pages that are known, by systems that are.
        for (name, page, expected) in [
            ("sso", "https://evil.example.org/", "RETURN_TO_REFUSED"),
            ("sso", "http://localhost:5173/#x", "RETURN_TO_REFUSED"),
            ("sso", "http://u:p@localhost:5173/", "RETURN_TO_REFUSED"),
            ("sso", "/signed-in", "RETURN_TO_REFUSED"),
            ("sso", "javascript:alert(1)", "RETURN_TO_REFUSED"),
            ("other", PAGE, "PROVIDER_UNKNOWN"),
        ] {
            let input = json!({"input": {"provider": name, "returnTo": page}});
            let payload = app.anonymous().run("begin_provider_sign_in", input).await["beginProviderSignIn"].take();
            assert_eq!(outcome(&payload), expected, "{page}");
            assert!(payload["address"].is_null() && payload["secret"].is_null());
        }
    }

    async fn what_another_signed_is_nobody(app) {
        let provider = Provider::start();
        let app = provider.known_to(&app, false).await;
        let (client, _) = somebody(&app).await;
        linked(&app, client.account, "zhang").await;
        for how in ["nonce", "audience", "issuer", "expired", "key", "secret", "none", "down", "honest"] {
            provider.lies("honest").await;
            let way = begun(&app).await;
            let callback = Browser::default().signs_in(&text(&way["address"]), "zhang", CALLBACK).await;
            provider.lies(how).await;
            let (_, page) = back(&app, &callback).await;
            if how == "honest" {
                assert_eq!(outcome(&ended(&app, &page, &way, None).await), "ok");
            } else {
                assert_eq!(page, format!("{PAGE}&error=provider_unfit"), "{how}");
            }
        }
        // Who has the code of the other system and not the verifier of this way gets nothing for it: the state of another.
        provider.lies("honest").await;
        let (mine, theirs) = (begun(&app).await, begun(&app).await);
        let callback = Browser::default().signs_in(&text(&mine["address"]), "zhang", CALLBACK).await;
        let state = |it: &str| it.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
        let crossed = callback.replace(&state(&callback), &state(&text(&theirs["address"])));
        assert_eq!(back(&app, &crossed).await.1, format!("{PAGE}&error=provider_unfit"));
    }

    async fn a_verified_phone_links_whoever_has_it(app) {
        let provider = Provider::start();
        let off = provider.known_to(&app, false).await;
        let client = of_phone(&off, "13800000001").await;
        assert_eq!(outcome(&signed_in(&off, "zhang+8613800000001").await), "NOT_LINKED", "it is not wanted");
        let app = provider.known_to(&off, true).await;
        assert_eq!(outcome(&signed_in(&app, "zhang-8613800000001").await), "NOT_LINKED", "it is not verified");
        assert_eq!(outcome(&signed_in(&app, "zhang+8613800000002").await), "NOT_LINKED", "nobody has it");
        let done = signed_in(&app, "zhang+8613800000001").await;
        assert_eq!(outcome(&done), "ok");
        assert_eq!(done["viewer"]["account"]["id"], Gid(client.account).to_string());
        let by_phone = "SELECT count(*) FROM audit_event WHERE action = 'LinkIdentityByPhone' AND outcome = 'DONE'";
        assert_eq!(app.count(by_phone).await, 1);
        // It stays linked, whatever becomes of the phone.
        let moved = "UPDATE person SET phone = '13800000009' WHERE phone = '13800000001'";
        app.by_hand(async |tx| Ok(tx.execute_unprepared(moved).await.map(drop)?)).await;
        assert_eq!(outcome(&signed_in(&app, "zhang+8613800000001").await), "ok");
        assert_eq!(outcome(&signed_in(&app, "wang+8613800000001").await), "NOT_LINKED", "nobody has it now");
        assert_eq!(app.count("SELECT count(*) FROM linked_identity WHERE created_by IS NULL").await, 1);

        // Not an administrator's: whoever may set a phone on a record could let themselves in.
        let admin = of_phone(&app, "13800000003").await;
        give(&app, admin.account, Role::OrgAdmin, organisation(&app.root_id())).await;
        assert_eq!(outcome(&signed_in(&app, "li+8613800000003").await), "NOT_LINKED");
        // Nor where two have it.
        let pair = [of_phone(&app, "13800000004").await, somebody(&app).await.0];
        let sql = "UPDATE account SET person_id = (SELECT person_id FROM account WHERE id = $1) WHERE id = $2";
        let ids = pair.iter().map(|it| it.account.0.into()).collect::<Vec<_>>();
        app.by_hand(async |tx| {
            tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, ids)).await?;
            Ok(())
        }).await;
        assert_eq!(outcome(&signed_in(&app, "zhao+8613800000004").await), "NOT_LINKED");
    }

    async fn what_stands_behind_an_account_counts_here_too(app) {
        let provider = Provider::start();
        let app = provider.known_to(&app, false).await;
        // A password that was set by somebody else need not be known.
        let input = json!({"input": {"organisationId": app.root_id(), "username": "xiaoli", "password": "correct horse battery"}});
        let made = app.organiser().run("create_account", input).await["createAccount"]["account"].take();
        let account = Gid::<AccountId>::decode(&text(&made["id"])).unwrap().0;
        linked(&app, account, "li").await;
        let done = signed_in(&app, "li").await;
        assert_eq!((outcome(&done), &done["viewer"]["duty"]), ("ok", &Value::Null));
        let own = with(&app, &done);
        own.run("api_keys", json!({})).await;

        // The second factor is asked for, and a wrong one uses nothing up.
        let secret = own.run("enrol_second_factor", json!({})).await["enrolSecondFactor"]["secret"].take();
        let confirm = json!({"input": {"code": code(&text(&secret), app.now())}});
        own.run("confirm_second_factor", confirm).await;
        *app.clock() += TimeDelta::minutes(1);
        let way = begun(&app).await;
        let callback = Browser::default().signs_in(&text(&way["address"]), "li", CALLBACK).await;
        let (_, page) = back(&app, &callback).await;
        assert_eq!(outcome(&ended(&app, &page, &way, None).await), "SECOND_FACTOR_NEEDED");
        assert_eq!(outcome(&ended(&app, &page, &way, Some("000000")).await), "SECOND_FACTOR_WRONG");
        let right = code(&text(&secret), app.now());
        assert_eq!(outcome(&ended(&app, &page, &way, Some(&right)).await), "ok");

        // Wrong ones are counted as those of a password are.
        let way = begun(&app).await;
        let callback = Browser::default().signs_in(&text(&way["address"]), "li", CALLBACK).await;
        let (_, page) = back(&app, &callback).await;
        for _ in 0..5 {
            assert_eq!(outcome(&ended(&app, &page, &way, Some("000000")).await), "SECOND_FACTOR_WRONG");
        }
        let refused = ended(&app, &page, &way, Some("000000")).await;
        assert_eq!(outcome(&refused), "TOO_MANY_ATTEMPTS");
        assert_eq!(refused["userErrors"][0]["path"], json!(["input", "providerCode"]));

        let input = json!({"input": {"accountId": Gid(account).to_string()}});
        app.organiser().run("disable_account", input).await;
        assert_eq!(outcome(&signed_in(&app, "li").await), "NOT_LINKED", "out of use");
    }

    async fn who_links_whom_is_a_matter_of_grants(app) {
        let provider = Provider::start();
        let app = provider.known_to(&app, false).await;
        let (one, _) = somebody(&app).await;
        let (two, _) = somebody(&app).await;
        assert_eq!(outcome(&linked(&app, one.account, "zhang").await), "ok");
        assert_eq!(outcome(&linked(&app, two.account, "zhang").await), "SUBJECT_TAKEN");
        let above = app.account(Role::PlatformAdmin, organisation(&app.root_id())).await;
        assert_eq!(outcome(&linked(&app, above.account, "wang").await), "ABOVE_OWN");
        let linking = document("link_identity");
        let input = json!({"accountId": Gid(two.account).to_string(), "provider": "sso", "subject": "li", "reason": "x"});
        assert_eq!(one.fail(&linking, json!({"input": input})).await, "NOT_FOUND");
        for (field, value, expected) in [
            ("provider", "other", "PROVIDER_UNKNOWN"),
            ("subject", " ", "SUBJECT_MISSING"),
            ("subject", &"x".repeat(256), "TEXT_TOO_LONG"),
            ("reason", "", "REASON_MISSING"),
        ] {
            let mut input = input.clone();
            input[field] = value.into();
            let payload = app.organiser().run("link_identity", json!({"input": input})).await["linkIdentity"].take();
            assert_eq!(outcome(&payload), expected);
        }
        // One's own one takes back without a reason; somebody else's not at all, without a grant.
        let list = app.organiser().ask("query($id: ID!) { account(id: $id) { identities { id } } }", json!({"id": Gid(one.account).to_string()})).await;
        let input = json!({"input": {"identityId": list["account"]["identities"][0]["id"]}});
        let unlinking = document("unlink_identity");
        assert_eq!(two.fail(&unlinking, input.clone()).await, "NOT_FOUND");
        let payload = app.organiser().run("unlink_identity", input.clone()).await["unlinkIdentity"].take();
        assert_eq!(outcome(&payload), "REASON_MISSING");
        assert_eq!(outcome(&one.run("unlink_identity", input).await["unlinkIdentity"]), "ok");
        assert_eq!(app.count("SELECT count(*) FROM linked_identity").await, 0);
    }

    async fn where_the_other_system_does_not_answer_it_is_told(app) {
        let provider = Provider::start();
        let app = provider.known_to(&app, false).await;
        drop(provider);
        let input = json!({"input": {"provider": "sso", "returnTo": PAGE}});
        for _ in 0..2 {
            let payload = app.anonymous().run("begin_provider_sign_in", input.clone()).await["beginProviderSignIn"].take();
            assert_eq!(outcome(&payload), "PROVIDER_UNREACHABLE");
            assert!(payload["address"].is_null() && payload["secret"].is_null());
        }
        assert_eq!(app.count("SELECT count(*) FROM provider_trip").await, 0);
    }

    async fn nobody_begins_without_end(app) {
        let provider = Provider::start();
        let app = provider.known(&app, false, &["--requests-per-address", "1000"]).await;
        let input = json!({"provider": "sso", "returnTo": PAGE});
        let begin = async |address: &str| {
            let body = json!({"query": document("begin_provider_sign_in"), "variables": {"input": input}}).to_string();
            let request = Request::post("/graphql").header("content-type", "application/json").extension(Peer(format!("{address}:50000").parse().unwrap()));
            let answer = app.anonymous().request(request, body.into()).await.json();
            answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("ok").to_owned()
        };
        for _ in 0..60 {
            assert_eq!(begin("192.0.2.1").await, "ok");
        }
        assert_eq!(begin("192.0.2.1").await, "RATE_LIMITED");
        assert_eq!(begin("192.0.2.2").await, "ok");
        assert_eq!(app.count("SELECT count(*) FROM provider_trip").await, 61);
    }
}
