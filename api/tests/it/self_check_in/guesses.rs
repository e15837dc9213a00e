//! Wrong codes are limited, and right ones are not: a guesser shuts out nobody but themselves.

use super::*;

/// So many devices send a wrong code each from one address; what the last was told.
async fn flood(app: &TestApp, client: &Client, session: &str, count: usize) -> String {
    let guess = wrong(&code(app, session).await);
    let mut last = String::new();
    for nth in 0..count {
        last = outcome(&exchange(client, session, &guess, &format!("假{nth}")).await);
    }
    last
}

on_both! {
    async fn a_device_may_be_wrong_five_times(app) {
        let festival = offered(&app).await;
        let nobody = app.anonymous();
        let (right, old) = {
            let old = code(&app, &festival.session).await;
            *app.clock() += TimeDelta::seconds(60);
            (code(&app, &festival.session).await, old)
        };
        // Who is slow does not guess.
        for _ in 0..7 {
            assert_eq!(outcome(&exchange(&nobody, &festival.session, &old, "甲").await), "CODE_OLD");
        }
        assert_eq!(app.count("SELECT count(*) FROM wrong_code").await, 0);
        for _ in 0..5 {
            assert_eq!(outcome(&exchange(&nobody, &festival.session, &wrong(&right), "甲").await), "CODE_WRONG");
        }
        *app.clock() += TimeDelta::seconds(10);
        let refused = exchange(&nobody, &festival.session, &wrong(&right), "甲").await;
        assert_eq!(outcome(&refused), "TOO_OFTEN");
        assert!(text(&refused["userErrors"][0]["message"]).contains("290"), "{refused}");
        let right = code(&app, &festival.session).await;
        assert_eq!(outcome(&exchange(&nobody, &festival.session, &right, "甲").await), "TOO_OFTEN");
        // Everybody else in the hall goes on, and so does the device elsewhere.
        assert_eq!(outcome(&exchange(&nobody, &festival.session, &right, "乙").await), "ok");
        let other = offered(&app).await;
        let there = code(&app, &other.session).await;
        assert_eq!(outcome(&exchange(&nobody, &other.session, &there, "甲").await), "ok");

        *app.clock() += TimeDelta::seconds(290);
        let right = code(&app, &festival.session).await;
        assert_eq!(outcome(&exchange(&nobody, &festival.session, &right, "甲").await), "ok");
        assert_eq!(outcome(&exchange(&nobody, &festival.session, &wrong(&right), "甲").await), "CODE_WRONG");
        let wrong = app.count("SELECT CAST(sum(wrong) AS bigint) FROM wrong_code").await;
        assert_eq!(wrong, 2, "counted from nothing again, for the device and for the address");
    }

    async fn guesses_at_once_are_all_counted(app) {
        let festival = offered(&app).await;
        let guess = wrong(&code(&app, &festival.session).await);
        let second = Client { router: http::router(app.second().await), ..app.anonymous() };
        let mut all = tokio::task::JoinSet::new();
        for nth in 0..12 {
            let client = if nth % 2 == 0 { app.anonymous() } else { second.clone() };
            let (session, guess) = (festival.session.clone(), guess.clone());
            all.spawn(async move { outcome(&exchange(&client, &session, &guess, "甲").await) });
        }
        let told = all.join_all().await;
        assert_eq!(told.iter().filter(|it| *it == "CODE_WRONG").count(), 5, "{told:?}");
        assert_eq!(told.iter().filter(|it| *it == "TOO_OFTEN").count(), 7, "{told:?}");
    }

    async fn who_signs_in_is_not_shut_out_by_a_guesser_at_the_same_address(app) {
        let festival = offered(&app).await;
        let nobody = app.anonymous();
        assert_eq!(flood(&app, &nobody, &festival.session, 300).await, "CODE_WRONG");
        let right = code(&app, &festival.session).await;
        assert_eq!(flood(&app, &nobody, &festival.session, 1).await, "TOO_OFTEN");
        assert_eq!(outcome(&exchange(&nobody, &festival.session, &right, "乙").await), "TOO_OFTEN");
        let elsewhere = json!({"sessionId": festival.session, "code": right, "deviceId": "乙"});
        assert_eq!(outcome(&from(&nobody, "192.0.2.2:1000", "claim_check_in", elsewhere).await), "ok");
        let me = attendee(&app, PHONE).await;
        assert_eq!(outcome(&exchange(&me, &festival.session, &right, "乙").await), "ok");
        // Who has proven a phone guesses no better by it.
        for nth in 0..20 {
            let payload = exchange(&me, &festival.session, &wrong(&right), &format!("新{nth}")).await;
            assert_eq!(outcome(&payload), "CODE_WRONG");
        }
        assert_eq!(outcome(&exchange(&me, &festival.session, &right, "乙").await), "TOO_OFTEN");
        *app.clock() += TimeDelta::minutes(5);
        let right = code(&app, &festival.session).await;
        assert_eq!(outcome(&exchange(&me, &festival.session, &right, "乙").await), "ok");
        assert_eq!(outcome(&exchange(&nobody, &festival.session, &right, "丙").await), "ok");
        api::housekeeping::keep_house(&app.app).await.unwrap();
        assert_eq!(app.count("SELECT count(*) FROM wrong_code").await, 0);
    }

    async fn behind_a_proxy_addresses_do_not_count(app) {
        let festival = offered(&app).await;
        let behind = app.with(&["--codes-per-address", "0"]).await;
        assert_eq!(flood(&behind, &behind.anonymous(), &festival.session, 301).await, "CODE_WRONG");
    }
}
