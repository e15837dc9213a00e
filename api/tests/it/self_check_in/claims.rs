//! What a claim is worth: the moment of scanning, for one session, for whoever signs in with it.

use super::*;

/// Who came in by themselves: name and flags.
async fn listed(app: &TestApp, session: &str, only_flagged: bool) -> Vec<(String, Vec<String>)> {
    let client = app.anew(app.organiser()).await;
    let variables = json!({"sessionId": session, "onlyFlagged": only_flagged});
    let data = client.run("self_check_ins", variables).await;
    let edges = data["selfCheckIns"]["edges"].as_array().unwrap().clone();
    let of = |it: &Value| {
        let flags = it["node"]["flags"].as_array().unwrap().iter().map(text).collect();
        (text(&it["node"]["registration"]["person"]["name"]), flags)
    };
    edges.iter().map(of).collect()
}

/// How many scans are on record, and how many came.
async fn on_record(app: &TestApp) -> (i64, i64) {
    (
        app.count("SELECT count(*) FROM scan").await,
        app.count("SELECT count(*) FROM attendance WHERE first_in_at IS NOT NULL").await,
    )
}

on_both! {
    async fn a_claim_made_in_time_counts_at_its_moment(app) {
        let festival = offered(&app).await;
        let ticket = festival.register(&app, "张三丰", PHONE).await;
        festival.register(&app, "周芷若", OTHER).await;
        // A minute before whoever comes is late.
        *app.clock() += TimeDelta::minutes(39);
        let scanned = app.now();
        let claim = claim(&app, &festival.session, "甲").await;
        *app.clock() += TimeDelta::minutes(8);
        let me = attendee(&app, PHONE).await;
        let payload = come(&app, &me, &claim, json!({})).await;
        assert_eq!((&payload["outcome"], &payload["status"]), (&json!("ADMITTED"), &json!("PRESENT")), "{payload}");
        assert_eq!(instant(&payload["firstInAt"]), scanned);
        assert_eq!(payload["registration"]["id"], ticket.registration);
        let document = "query($id: ID!) { session(id: $id) { scans { nodes { outcome scannedAt receivedAt clock deviceAt } } } }";
        let admin = app.anew(app.organiser()).await;
        let scan = admin.ask(document, json!({"id": festival.session})).await["session"]["scans"]["nodes"][0].take();
        assert_eq!(instant(&scan["scannedAt"]), scanned);
        assert_eq!(instant(&scan["receivedAt"]), app.now());
        assert_eq!((&scan["clock"], &scan["deviceAt"]), (&json!("SERVER"), &Value::Null));
        // Whoever scans now is late.
        let claim = self::claim(&app, &festival.session, "乙").await;
        let other = attendee(&app, OTHER).await;
        let payload = come(&app, &other, &claim, json!({})).await;
        assert_eq!((&payload["outcome"], &payload["status"]), (&json!("ADMITTED"), &json!("LATE")), "{payload}");
    }

    async fn the_same_sent_again_is_the_same_scan_and_the_same_person_is_in_already(app) {
        let festival = offered(&app).await;
        festival.register(&app, "张三丰", PHONE).await;
        let me = attendee(&app, PHONE).await;
        let claim = claim(&app, &festival.session, "甲").await;
        let scan_id = app.uuid();
        let first = come(&app, &me, &claim, json!({"scanId": scan_id})).await;
        assert_eq!((&first["outcome"], &first["replayed"]), (&json!("ADMITTED"), &json!(false)));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (me, input) = (me.clone(), json!({"claim": claim, "scanId": scan_id}));
            all.spawn(async move { from(&me, HALL, "check_myself_in", input).await });
        }
        for again in all.join_all().await {
            assert_eq!((&again["outcome"], &again["replayed"]), (&json!("ADMITTED"), &json!(true)));
        }
        assert_eq!(on_record(&app).await, (1, 1));
        let again = come(&app, &me, &claim, json!({})).await;
        assert_eq!((&again["outcome"], &again["replayed"]), (&json!("ALREADY_IN"), &json!(false)));
        let later = self::claim(&app, &festival.session, "甲").await;
        assert_eq!(come(&app, &me, &later, json!({})).await["outcome"], "ALREADY_IN");
        assert_eq!(on_record(&app).await, (3, 1));
        // One person on one device is nothing to look at.
        assert!(listed(&app, &festival.session, true).await.is_empty());
        let festival = offered(&app).await;
        festival.register(&app, "周芷若", OTHER).await;
        let other = attendee(&app, OTHER).await;
        let claim = self::claim(&app, &festival.session, "甲").await;
        assert_eq!(come(&app, &other, &claim, json!({"scanId": scan_id})).await["outcome"], "ADMITTED");
        assert!(listed(&app, &festival.session, true).await.is_empty());
    }

    async fn a_claim_is_refused_that_is_old_forged_or_of_something_else(app) {
        let festival = offered(&app).await;
        festival.register(&app, "张三丰", PHONE).await;
        let scanned = app.now();
        let claim = claim(&app, &festival.session, "甲").await;
        let me = attendee(&app, PHONE).await;
        // The claim of another service, and what is signed for something else.
        let folder = tempfile::TempDir::new().unwrap();
        let keys = api::authn::Keys::load(folder.path(), &app.app.config.public_url).unwrap();
        let what = app.app.keys.claimed(&claim, app.now()).unwrap();
        let forged = keys.claim(&what).unwrap();
        let (head, body) = claim.rsplit_once('.').unwrap();
        let broken = format!("{head}.{}", body.chars().rev().collect::<String>());
        let token = me.token.clone().unwrap();
        for it in ["", "x", &forged, &broken, &token] {
            assert_eq!(outcome(&come(&app, &me, it, json!({})).await), "CLAIM_INVALID");
        }
        // A claim proves no phone.
        let pretender = Client { token: Some(claim.clone()), ..app.anonymous() };
        let input = json!({"input": {"claim": claim, "scanId": app.uuid()}});
        for client in [&pretender, &app.anonymous(), app.organiser()] {
            assert_eq!(client.fail(&document("check_myself_in"), input.clone()).await, "UNAUTHENTICATED");
        }
        *app.clock() = scanned + TimeDelta::minutes(10);
        assert_eq!(outcome(&come(&app, &me, &claim, json!({})).await), "CLAIM_INVALID");
        assert_eq!(on_record(&app).await, (0, 0));
        *app.clock() = scanned + TimeDelta::seconds(599);
        assert_eq!(come(&app, &me, &claim, json!({})).await["outcome"], "ADMITTED");
    }

    async fn a_claim_is_for_its_own_session(app) {
        let festival = offered(&app).await;
        let ticket = festival.register(&app, "张三丰", PHONE).await;
        let other = offered(&app).await;
        let me = attendee(&app, PHONE).await;
        let claim = claim(&app, &other.session, "甲").await;
        assert_eq!(outcome(&come(&app, &me, &claim, json!({})).await), "NOT_REGISTERED");
        let named = json!({"registrationId": ticket.registration});
        assert_eq!(outcome(&come(&app, &me, &claim, named).await), "NOT_REGISTERED");
        assert_eq!(on_record(&app).await, (0, 0));
        other.register(&app, "张三丰", PHONE).await;
        assert_eq!(come(&app, &me, &claim, json!({})).await["outcome"], "ADMITTED");
        let came = "SELECT count(DISTINCT session_id) FROM attendance";
        assert_eq!(app.count(came).await, 1);
        assert_eq!(listed(&app, &festival.session, false).await.len(), 0);
        assert_eq!(listed(&app, &other.session, false).await.len(), 1);
    }

    async fn a_device_for_two_people_lets_both_in_and_is_flagged(app) {
        let festival = offered(&app).await;
        for (name, phone) in [("张三丰", PHONE), ("周芷若", OTHER), ("赵敏敏", "13800000003"), ("谢逊", "13800000004")] {
            festival.register(&app, name, phone).await;
        }
        let (one, two) = (attendee(&app, PHONE).await, attendee(&app, OTHER).await);
        let (three, four) = (attendee(&app, "13800000003").await, attendee(&app, "13800000004").await);
        let passed_on = claim(&app, &festival.session, "甲").await;
        let same_device = claim(&app, &festival.session, "甲").await;
        let own_device = claim(&app, &festival.session, "乙").await;
        // At once, so that neither is there before the other.
        let mut all = tokio::task::JoinSet::new();
        for (client, claim) in [(one, &passed_on), (two, &passed_on), (three, &same_device), (four, &own_device)] {
            let input = json!({"claim": claim, "scanId": app.uuid()});
            all.spawn(async move { from(&client, HALL, "check_myself_in", input).await });
        }
        for payload in all.join_all().await {
            assert_eq!(payload["outcome"], "ADMITTED", "{payload}");
        }
        let mut flagged = listed(&app, &festival.session, true).await;
        flagged.sort();
        let both = vec!["DEVICE_SHARED".to_owned(), "CLAIM_SHARED".to_owned()];
        let shared = vec!["DEVICE_SHARED".to_owned()];
        let expected = [("周芷若", both.clone()), ("张三丰", both), ("赵敏敏", shared)];
        let expected = expected.map(|(name, flags)| (name.to_owned(), flags));
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(flagged, expected);
        let all = listed(&app, &festival.session, false).await;
        assert_eq!(all.len(), 4);
        assert!(all.contains(&("谢逊".to_owned(), Vec::new())));
        let client = app.anew(app.organiser()).await;
        let summary = client.run("attendance_summary", json!({"sessionId": festival.session})).await;
        assert_eq!(summary["session"]["summary"]["present"], 4);
    }

    async fn who_has_no_seat_is_told_so_and_not_let_in(app) {
        let festival = app.festival(Some(1), &[]).await;
        offer(&app, &festival.session).await;
        let me = attendee(&app, OTHER).await;
        let claim = claim(&app, &festival.session, "甲").await;
        let nobody = come(&app, &me, &claim, json!({})).await;
        assert_eq!(outcome(&nobody), "NOT_REGISTERED");
        assert!(nobody["outcome"].is_null());
        let seated = festival.register(&app, "张三丰", PHONE).await;
        let waiting = festival.register(&app, "周芷若", OTHER).await;
        assert_eq!(waiting.status, "WAITLISTED");
        assert_eq!(come(&app, &me, &claim, json!({})).await["outcome"], "NOT_CONFIRMED");
        let cancel = json!({"input": {"registrationId": waiting.registration}});
        app.organiser().run("cancel_registration", cancel).await;
        let payload = come(&app, &me, &claim, json!({})).await;
        assert_eq!((&payload["outcome"], &payload["status"]), (&json!("CANCELLED"), &Value::Null));
        assert_eq!(on_record(&app).await, (2, 0));
        assert_eq!(app.count("SELECT count(*) FROM self_scan").await, 0);
        // Nor by the registration of somebody else.
        let input = json!({"input": {"claim": claim, "scanId": app.uuid(), "registrationId": seated.registration}});
        assert_eq!(me.fail(&document("check_myself_in"), input).await, "NOT_FOUND");
        assert_eq!(on_record(&app).await, (2, 0));
        // Nor where it is not offered any more.
        let owner = attendee(&app, PHONE).await;
        app.organiser().run("cancel_activity", json!({"input": {"activityId": festival.activity, "reason": "台风"}})).await;
        assert_eq!(outcome(&come(&app, &owner, &claim, json!({})).await), "NOT_OFFERED");
        assert_eq!(on_record(&app).await, (2, 0));
    }

    async fn a_phone_for_several_people_says_who_comes(app) {
        let festival = offered(&app).await;
        let one = festival.register(&app, "张三丰", PHONE).await;
        let two = festival.register(&app, "周芷若", PHONE).await;
        let me = attendee(&app, PHONE).await;
        let claim = claim(&app, &festival.session, "甲").await;
        assert_eq!(outcome(&come(&app, &me, &claim, json!({})).await), "UNCLEAR");
        let scan_id = app.uuid();
        let named = |it: &crate::app::Ticket| json!({"registrationId": it.registration, "scanId": scan_id});
        let payload = come(&app, &me, &claim, named(&two)).await;
        assert_eq!((&payload["outcome"], &payload["registration"]["name"]), (&json!("ADMITTED"), &json!("周芷若")));
        assert_eq!(outcome(&come(&app, &me, &claim, named(&one)).await), "SCAN_ID_REUSED");
        assert_eq!(on_record(&app).await, (1, 1));
        let named = json!({"registrationId": one.registration});
        assert_eq!(come(&app, &me, &claim, named).await["outcome"], "ADMITTED");
        assert_eq!(listed(&app, &festival.session, true).await.len(), 2);
        // Whoever is cancelled does not make it unclear.
        let other = offered(&app).await;
        let gone = other.register(&app, "张三丰", PHONE).await;
        let stays = other.register(&app, "周芷若", PHONE).await;
        app.organiser().run("cancel_registration", json!({"input": {"registrationId": gone.registration}})).await;
        let claim = self::claim(&app, &other.session, "甲").await;
        assert_eq!(come(&app, &me, &claim, json!({})).await["registration"]["id"], stays.registration);
    }

    async fn what_is_used_after_a_session_was_closed_is_an_amendment(app) {
        let festival = offered(&app).await;
        festival.register(&app, "张三丰", PHONE).await;
        festival.register(&app, "周芷若", OTHER).await;
        *app.clock() += TimeDelta::minutes(31);
        let admin = app.anew(app.organiser()).await;
        let me = attendee(&app, PHONE).await;
        let scanned = claim(&app, &festival.session, "甲").await;
        let code = code(&app, &festival.session).await;
        let closed = admin.run("close_session", json!({"input": {"sessionId": festival.session}})).await;
        assert_eq!(closed["closeSession"]["userErrors"], json!([]));
        assert_eq!(shown(&admin, &festival.session).await, Value::Null);
        assert_eq!(outcome(&exchange(&app.anonymous(), &festival.session, &code, "乙").await), "NOT_OPEN");
        let payload = come(&app, &me, &scanned, json!({})).await;
        assert_eq!((&payload["outcome"], &payload["status"]), (&json!("ADMITTED"), &json!("PRESENT")), "{payload}");
        let summary = admin.run("attendance_summary", json!({"sessionId": festival.session})).await;
        let it = &summary["session"]["summary"];
        assert_eq!((&it["present"], &it["absent"]), (&json!(1), &json!(1)), "{it}");
        let amended = "SELECT count(*) FROM attendance WHERE amended_at IS NOT NULL";
        assert_eq!(app.count(amended).await, 1);
    }

    async fn a_scan_says_whether_somebody_took_it_by_themselves(app) {
        let festival = offered(&app).await;
        let ticket = festival.register(&app, "张三丰", PHONE).await;
        let me = attendee(&app, PHONE).await;
        let claim = claim(&app, &festival.session, "甲").await;
        come(&app, &me, &claim, json!({})).await;
        let input = json!({"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid()});
        app.organiser().run("check_in", json!({"input": input})).await;
        let document = "query($id: ID!) { session(id: $id) { scans { nodes { outcome selfCheckIn { device flags scan { outcome } } } } } }";
        let data = app.organiser().ask(document, json!({"id": festival.session})).await;
        let own = json!({"device": "甲", "flags": [], "scan": {"outcome": "ADMITTED"}});
        let scans = json!([{"outcome": "ALREADY_IN", "selfCheckIn": null}, {"outcome": "ADMITTED", "selfCheckIn": own}]);
        assert_eq!(data["session"]["scans"]["nodes"], scans);
    }

    async fn a_long_list_costs_as_many_statements_as_a_short_one(app) {
        let festival = offered(&app).await;
        let me = attendee(&app, PHONE).await;
        let claim = claim(&app, &festival.session, "甲").await;
        let mut statements = Vec::new();
        for nth in 0..30 {
            let it = festival.register(&app, &format!("张{nth}"), PHONE).await;
            let named = json!({"registrationId": it.registration});
            assert_eq!(come(&app, &me, &claim, named).await["outcome"], "ADMITTED");
            if [2, 29].contains(&nth) {
                let before = app.app.db.statements();
                let all = listed(&app, &festival.session, true).await;
                statements.push(app.app.db.statements() - before);
                assert_eq!(all.len(), std::cmp::min(nth + 1, 20));
            }
        }
        assert_eq!(statements[0], statements[1]);
    }
}
