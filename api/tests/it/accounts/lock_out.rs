//! Wrong passwords are counted, and nobody can keep others out by being wrong.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{from, outcome, somebody};
use crate::{
    app::{PASSWORD, TestApp, on_both},
    fixture::text,
};

const HOME: &str = "192.0.2.1";
const WRONG: &str = "not the password";

async fn sign_in_from(app: &TestApp, address: &str, username: &str, password: &str) -> Value {
    let input = json!({"username": username, "password": password});
    from(&app.anonymous(), address, "sign_in_on_device", input).await
}

/// How many failures one after the other are taken before it is refused to look.
async fn taken(app: &TestApp, address: &str, username: &str) -> usize {
    for number in 0.. {
        let payload = sign_in_from(app, address, username, WRONG).await;
        match outcome(&payload) {
            "INVALID_CREDENTIALS" => {}
            "TOO_MANY_ATTEMPTS" => return number,
            other => panic!("{other}"),
        }
    }
    unreachable!()
}

on_both! {
    async fn a_guesser_gets_five_and_then_one_every_three_minutes(app) {
        let (_, name) = somebody(&app).await;
        assert_eq!(taken(&app, HOME, &name).await, 5);
        let refused = sign_in_from(&app, HOME, &name, PASSWORD).await;
        assert_eq!(outcome(&refused), "TOO_MANY_ATTEMPTS");
        assert!(refused["tokens"].is_null());
        assert!(text(&refused["userErrors"][0]["message"]).contains("180"), "{refused}");
        *app.clock() += TimeDelta::seconds(180);
        assert_eq!(taken(&app, HOME, &name).await, 1);
        *app.clock() += TimeDelta::seconds(180);
        // Who is right is in, and has the whole number again.
        assert_eq!(outcome(&sign_in_from(&app, HOME, &name, PASSWORD).await), "ok");
        assert_eq!(taken(&app, HOME, &name).await, 5);
        *app.clock() += TimeDelta::minutes(15);
        assert_eq!(taken(&app, HOME, &name).await, 5);
    }

    async fn a_name_that_there_is_not_looks_the_same(app) {
        let (_, name) = somebody(&app).await;
        for _ in 0..7 {
            let there = sign_in_from(&app, HOME, &name, WRONG).await;
            assert_eq!(sign_in_from(&app, HOME, "nobody.at.all", WRONG).await, there);
        }
        // Names and addresses are not kept as they were typed.
        let sql = "SELECT count(*) FROM attempt WHERE key LIKE '%nobody%' OR key LIKE '%192.0.2%'";
        assert_eq!(app.count(sql).await, 0);
    }

    async fn of_many_at_once_no_more_count_than_one_after_the_other(app) {
        let (_, name) = somebody(&app).await;
        let tries = (0..12).map(|_| sign_in_from(&app, HOME, &name, WRONG));
        let answers = futures_util::future::join_all(tries).await;
        let looked = answers.iter().filter(|it| outcome(it) == "INVALID_CREDENTIALS").count();
        assert_eq!(looked, 5);
    }

    async fn guessing_elsewhere_keeps_nobody_out_who_was_here_before(app) {
        let (_, name) = somebody(&app).await;
        assert_eq!(outcome(&sign_in_from(&app, HOME, &name, PASSWORD).await), "ok");
        // From many addresses, until the account is closed to strangers.
        let mut all = 0;
        for number in 1..=11 {
            all += taken(&app, &format!("198.51.100.{number}"), &name).await;
        }
        assert_eq!(all, 50);
        let stranger = sign_in_from(&app, "203.0.113.9", &name, PASSWORD).await;
        assert_eq!(outcome(&stranger), "TOO_MANY_ATTEMPTS");
        assert_eq!(outcome(&sign_in_from(&app, HOME, &name, PASSWORD).await), "ok");
        // Strangers wait for seconds, and not for ever.
        *app.clock() += TimeDelta::seconds(18);
        assert_eq!(outcome(&sign_in_from(&app, "203.0.113.9", &name, PASSWORD).await), "ok");
    }

    async fn a_device_that_was_here_before_shares_with_nobody(app) {
        let (_, name) = somebody(&app).await;
        let first = sign_in_from(&app, HOME, &name, PASSWORD).await;
        let device = text(&first["deviceToken"]);
        assert_eq!(taken(&app, HOME, &name).await, 5);
        let by_device = |name: &str, password: &str| {
            json!({"username": name, "password": password, "deviceToken": device})
        };
        let payload = from(&app.anonymous(), HOME, "sign_in_on_device", by_device(&name, PASSWORD)).await;
        assert_eq!(outcome(&payload), "ok");
        assert_eq!(payload["deviceToken"], device);
        // It is counted as well.
        for _ in 0..5 {
            let payload = from(&app.anonymous(), HOME, "sign_in_on_device", by_device(&name, WRONG)).await;
            assert_eq!(outcome(&payload), "INVALID_CREDENTIALS");
        }
        let payload = from(&app.anonymous(), HOME, "sign_in_on_device", by_device(&name, PASSWORD)).await;
        assert_eq!(outcome(&payload), "TOO_MANY_ATTEMPTS");
        // To another account it is a stranger.
        let (_, other) = somebody(&app).await;
        assert_eq!(taken(&app, HOME, &other).await, 5);
        let payload = from(&app.anonymous(), HOME, "sign_in_on_device", by_device(&other, PASSWORD)).await;
        assert_eq!(outcome(&payload), "TOO_MANY_ATTEMPTS");
    }

    async fn one_address_does_not_try_all_accounts(app) {
        let mut all = 0;
        for number in 1..=21 {
            all += taken(&app, HOME, &format!("nobody.{number}")).await;
        }
        assert_eq!(all, 100);
        let (_, name) = somebody(&app).await;
        assert_eq!(taken(&app, HOME, &name).await, 0);
        assert_eq!(taken(&app, "203.0.113.9", &name).await, 5);
    }

    async fn failures_are_on_record(app) {
        let (_, name) = somebody(&app).await;
        taken(&app, HOME, &name).await;
        taken(&app, "203.0.113.9", "nobody.at.all").await;
        let events = "SELECT count(*) FROM audit_event WHERE action = 'SignIn' AND outcome = 'REFUSED' AND account_id IS NULL";
        assert_eq!(app.count(events).await, 10);
        assert_eq!(app.count(&format!("{events} AND subject_id IS NOT NULL AND address = '192.0.2.1'")).await, 5);
        assert_eq!(app.count(&format!("{events} AND reason = 'wrong, and no more are taken for a while'")).await, 2);
    }
}
