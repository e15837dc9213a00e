//! Certificates: numbers without gaps, whoever asks and whatever breaks off; and what strangers learn of them.

use std::collections::BTreeSet;

use api::{certificate, error::Error, graphql::Gid};
use axum::http::{Request, StatusCode};
use entity::id::{AccountId, ActivityId, RegistrationId};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    app::{Answer, TestApp, document, on_both},
    fixture::text,
    lists,
    school::{Class, asked, made, refused},
};

/// A class of which the first `completed` of `people` attended its only session.
async fn held(app: &TestApp, people: usize, completed: usize) -> (Class, Vec<String>) {
    let class =
        Class::make(app, "新生代温商传承研修班", &[("2026-10-26T01:00:00Z", 180, "4")]).await;
    let mut rows = Vec::new();
    for nth in 0..people {
        let who = class.enrol(app, nth).await;
        class.mark(app, &who, 0, if nth < completed { "PRESENT" } else { "ABSENT" }).await;
        rows.push(who);
    }
    class.close(app, 0).await;
    (class, rows)
}

/// The certificates of a class, in the order in which they were issued.
async fn listed(app: &TestApp, class: &Class) -> Vec<Value> {
    let found =
        asked(app, &document("certificates"), json!({"activityId": class.id, "first": 100})).await;
    let edges = found["certificates"]["edges"].as_array().unwrap();
    edges.iter().map(|it| it["node"].clone()).collect()
}

async fn issue(app: &TestApp, class: &Class) -> i64 {
    made(app, "issue_certificates", json!({"activityId": class.id})).await["issued"]
        .as_i64()
        .unwrap()
}

async fn pattern(app: &TestApp, class: &Class, pattern: &str) {
    let input = json!({"activityId": class.id, "pattern": pattern, "issuer": "温州民营经济学院"});
    made(app, "set_certificate_pattern", input).await;
}

/// What the address of a certificate shows.
async fn shown(app: &TestApp, url: &str, accept: &str) -> Answer {
    let path = url.strip_prefix(app.app.config.public_url.as_str()).unwrap();
    let request = Request::get(path).header("accept", accept);
    app.anonymous().request(request, axum::body::Body::empty()).await
}

on_both! {
    async fn numbers_have_no_gaps_and_are_given_once(app) {
        let (class, rows) = held(&app, 5, 4).await;
        pattern(&app, &class, "温民院结字〔{year}〕第{seq:3}号").await;
        assert_eq!(issue(&app, &class).await, 4);
        assert_eq!(issue(&app, &class).await, 0);
        let all = listed(&app, &class).await;
        let numbers: Vec<String> = all.iter().map(|it| text(&it["number"])).collect();
        assert_eq!(numbers, ["温民院结字〔2026〕第001号", "温民院结字〔2026〕第002号", "温民院结字〔2026〕第003号", "温民院结字〔2026〕第004号"]);
        let first = &all[0];
        assert_eq!((&first["name"], &first["issuer"], &first["hours"]), (&json!(lists::name(0)), &json!("温州民营经济学院"), &json!("4")));
        assert_eq!((&first["startsOn"], &first["issuedOn"]), (&json!("2026-10-26"), &json!("2026-11-01")));

        // Whoever did not complete gets none, and nobody does who is named beside.
        let input = json!({"activityId": class.id, "registrationIds": [rows[0], rows[4]]});
        let found = refused(&app, "issue_certificates", input).await;
        assert_eq!(found, ("NOT_COMPLETED".to_owned(), json!(["input", "registrationIds", "1"])));
        class.mark(&app, &rows[4], 0, "PRESENT").await;
        assert_eq!(issue(&app, &class).await, 1);
        assert_eq!(listed(&app, &class).await[4]["number"], "温民院结字〔2026〕第005号");

        // Another class whose numbers differ in nothing else is counted on.
        let (other, _) = held(&app, 2, 2).await;
        pattern(&app, &other, "温民院结字〔{year}〕第{seq:3}号").await;
        assert_eq!(issue(&app, &other).await, 2);
        assert_eq!(listed(&app, &other).await[0]["number"], "温民院结字〔2026〕第006号");
        // And by a pattern that makes the same number in another way, none is given.
        let (third, _) = held(&app, 2, 2).await;
        pattern(&app, &third, "温民院结字〔{year}〕第00{seq:1}号").await;
        assert_eq!(refused(&app, "issue_certificates", json!({"activityId": third.id})).await.0, "NUMBER_TAKEN");
        pattern(&app, &third, "第{run}期{seq}号").await;
        assert_eq!(refused(&app, "issue_certificates", json!({"activityId": third.id})).await.0, "RUN_MISSING");
        assert_eq!(listed(&app, &third).await, Vec::<Value>::new());
    }

    async fn many_who_issue_at_once_give_each_one_number(app) {
        const PEOPLE: usize = 30;
        let (class, rows) = held(&app, PEOPLE, PEOPLE).await;
        pattern(&app, &class, "{seq}").await;
        let client = app.anew(app.organiser()).await;
        let mut tasks = JoinSet::new();
        for nth in 0..40 {
            // Ten of them each, so that everybody is in several.
            let named: Vec<String> = (0..10).map(|at| rows[(nth * 7 + at) % PEOPLE].clone()).collect();
            let input = json!({"activityId": class.id, "registrationIds": named});
            let client = client.clone();
            tasks.spawn(async move { client.send(&document("issue_certificates"), json!({"input": input})).await });
        }
        let mut issued = 0;
        while let Some(answer) = tasks.join_next().await {
            let answer = answer.unwrap();
            issued += answer["data"]["issueCertificates"]["issued"].as_i64().unwrap_or_else(|| panic!("{answer}"));
        }
        assert_eq!(issued, 30);
        let all = listed(&app, &class).await;
        let numbers: BTreeSet<u32> = all.iter().map(|it| text(&it["number"]).parse().unwrap()).collect();
        assert_eq!(numbers, (1..=30).collect::<BTreeSet<u32>>());
        let holders: BTreeSet<String> = all.iter().map(|it| text(&it["registration"]["id"])).collect();
        assert_eq!(holders, rows.into_iter().collect::<BTreeSet<String>>());
    }

    async fn what_breaks_off_leaves_no_gap(app) {
        let (class, rows) = held(&app, 3, 3).await;
        pattern(&app, &class, "{seq}").await;
        let activity = Gid::<ActivityId>::decode(&class.id).unwrap().0;
        let first = [Gid::<RegistrationId>::decode(&rows[0]).unwrap().0];
        let by = app.organiser().account;
        let now = app.now();
        // The numbers were taken and the certificates written when the transaction breaks off.
        let broken: Result<(), Error<certificate::IssueCertificatesErrorCode>> = app
            .app
            .db
            .by_command("Test", now, async |tx| {
                let done = certificate::issue_on(tx, activity, by, Some(&first), now).await?;
                assert_eq!(done.count, 1);
                Err::<AccountId, _>(api::error::Failure::internal("broken off").into())
            })
            .await;
        assert!(broken.is_err());
        assert_eq!(app.count("SELECT count(*) FROM certificate_counter").await, 0);
        assert_eq!(issue(&app, &class).await, 3);
        let numbers: Vec<String> = listed(&app, &class).await.iter().map(|it| text(&it["number"])).collect();
        assert_eq!(numbers, ["1", "2", "3"]);
    }

    async fn revoked_and_issued_anew(app) {
        let (class, rows) = held(&app, 2, 2).await;
        pattern(&app, &class, "结{seq:2}").await;
        assert_eq!(issue(&app, &class).await, 2);
        let all = listed(&app, &class).await;
        let (first, second) = (&all[0], &all[1]);
        let url = text(&first["verifyUrl"]);

        let input = json!({"certificateId": first["id"], "name": "欧阳修文", "reason": "姓名更正"});
        let anew = made(&app, "reissue_certificate", input).await["certificate"].take();
        assert_eq!((&anew["number"], &anew["version"], &anew["name"]), (&first["number"], &json!(2), &json!("欧阳修文")));
        assert_eq!(anew["versions"][0]["name"], lists::name(0));
        assert_eq!(anew["versions"][1]["reason"], "姓名更正");
        let new_url = text(&anew["verifyUrl"]);
        assert_ne!(new_url, url);
        let json_of = async |url: &str| shown(&app, url, "application/json").await.json();
        assert_eq!(json_of(&url).await["status"], "REPLACED");
        assert_eq!(json_of(&new_url).await["maskedName"], "欧阳**");

        let why = json!({"certificateId": first["id"], "reason": "成绩有误"});
        let revoked = made(&app, "revoke_certificate", why.clone()).await["certificate"].take();
        assert_eq!((&revoked["status"], &revoked["revokeReason"]), (&json!("REVOKED"), &json!("成绩有误")));
        assert_eq!(json_of(&url).await["status"], "REVOKED");
        assert_eq!(json_of(&new_url).await["status"], "REVOKED");
        assert_eq!(refused(&app, "revoke_certificate", why.clone()).await.0, "REVOKED");
        assert_eq!(refused(&app, "reissue_certificate", why).await.0, "REVOKED");

        // It stays revoked until somebody means it, and its number is gone.
        assert_eq!(issue(&app, &class).await, 0);
        let named = json!({"activityId": class.id, "registrationIds": [rows[0], rows[1]]});
        assert_eq!(made(&app, "issue_certificates", named).await["issued"], 1);
        let all = listed(&app, &class).await;
        assert_eq!(all.len(), 3);
        assert_eq!((&all[2]["number"], &all[2]["registration"]["id"]), (&json!("结03"), &json!(rows[0])));
        assert_eq!(all[1]["number"], second["number"]);
        let found = asked(&app, "query($id: ID!) { registration(id: $id) { certificate { number } } }", json!({"id": rows[0]})).await;
        assert_eq!(found["registration"]["certificate"]["number"], "结03");
    }

    async fn strangers_learn_no_more_than_they_need(app) {
        let (class, rows) = held(&app, 1, 1).await;
        let person = "query($id: ID!) { registration(id: $id) { person { id name phone } organisationName } }";
        let who = asked(&app, person, json!({"id": rows[0]})).await["registration"]["person"].take();
        assert_eq!(issue(&app, &class).await, 1);
        let it = listed(&app, &class).await.remove(0);
        let url = text(&it["verifyUrl"]);
        let token = url.rsplit('/').next().unwrap();
        assert_eq!(token.len(), 22, "128 bits in base64url");
        let masked: String = lists::name(0).chars().take(1).chain(['*', '*']).collect();

        let page = shown(&app, &url, "text/html,application/xhtml+xml,*/*;q=0.8").await;
        assert_eq!(page.status, StatusCode::OK);
        let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with("text/html"));
        assert_eq!(header("x-robots-tag"), "noindex, nofollow");
        assert_eq!(header("cache-control"), "no-store");
        let page = String::from_utf8(page.body).unwrap();
        for there in [masked.as_str(), "新生代温商传承研修班", "证书有效", "2026年11月1日", text(&it["number"]).as_str()] {
            assert!(page.contains(there), "{there} is not in {page}");
        }
        let told = shown(&app, &url, "application/json").await.json();
        let expected = json!({"number": it["number"], "maskedName": masked, "classTitle": "新生代温商传承研修班",
            "issuedOn": "2026-11-01", "status": "VALID"});
        assert_eq!(told, expected);
        let asked = app.anonymous().run("public_certificate", json!({"token": token})).await;
        assert_eq!(asked["publicCertificate"], expected);
        for secret in [text(&who["name"]), text(&who["phone"]), text(&who["id"]), rows[0].clone(), text(&it["id"])] {
            assert!(!page.contains(&secret) && !told.to_string().contains(&secret), "{secret} is told");
        }

        // Of what there is not, all answers are alike: a number, half a token, something longer.
        let base = url.strip_suffix(token).unwrap();
        let long = "a".repeat(300);
        let mut answers = BTreeSet::new();
        for wrong in ["1", &token[..21], &token.to_lowercase(), long.as_str()] {
            let answer = shown(&app, &format!("{base}{wrong}"), "text/html").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
            answers.insert(answer.body);
            let answer = shown(&app, &format!("{base}{wrong}"), "application/json").await;
            assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "NOT_FOUND");
            let asked = app.anonymous().run("public_certificate", json!({"token": wrong})).await;
            assert_eq!(asked["publicCertificate"], Value::Null);
        }
        assert_eq!(answers.len(), 1);
    }

    async fn the_nearest_pattern_holds(app) {
        let (class, _) = held(&app, 1, 1).await;
        let of = async || {
            let document = "query($id: ID!) { activity(id: $id) { certificatePattern { pattern issuer } } }";
            asked(&app, document, json!({"id": class.id})).await["activity"]["certificatePattern"].clone()
        };
        let usual = json!({"pattern": "温州市工商业联合会结字〔{year}〕第{seq:4}号", "issuer": "温州市工商业联合会"});
        assert_eq!(of().await, usual);
        let root = json!({"organisationId": app.root_id(), "pattern": "温{seq}"});
        made(&app, "set_certificate_pattern", root).await;
        assert_eq!(of().await, json!({"pattern": "温{seq}", "issuer": "温州市工商业联合会"}));
        pattern(&app, &class, "班{seq}").await;
        assert_eq!(of().await, json!({"pattern": "班{seq}", "issuer": "温州民营经济学院"}));
        let copied = made(&app, "copy_activity", json!({"activityId": class.id, "firstDay": "2027-03-01"})).await;
        let document = "query($id: ID!) { activity(id: $id) { certificatePattern { pattern } } }";
        let copy = asked(&app, document, json!({"id": copied["activity"]["id"]})).await;
        assert_eq!(copy["activity"]["certificatePattern"]["pattern"], "班{seq}");
        made(&app, "set_certificate_pattern", json!({"activityId": class.id, "pattern": null})).await;
        assert_eq!(of().await["pattern"], "温{seq}");
        let both = json!({"activityId": class.id, "organisationId": app.root_id(), "pattern": "{seq}"});
        assert_eq!(refused(&app, "set_certificate_pattern", both).await.0, "PLACE_UNCLEAR");
        for (wrong, code) in [("结字", "SEQ_MISSING"), ("{seq}{month}", "VARIABLE_UNKNOWN"), (" ", "REQUIRED")] {
            let input = json!({"activityId": class.id, "pattern": wrong});
            assert_eq!(refused(&app, "set_certificate_pattern", input).await, (code.to_owned(), json!(["input", "pattern"])));
        }
    }
}
