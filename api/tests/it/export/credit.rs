//! The credit hours of a year, worked out by hand.

use api::graphql::Gid;

use super::*;
use crate::school::{self, Class};

async fn district(app: &TestApp, name: &str) -> String {
    let input = json!({"parentId": app.root_id(), "kind": "FEDERATION", "name": name});
    text(&school::made(app, "create_organisation", input).await["organisation"]["id"])
}

/// Registers somebody whose record is kept there: the registration and the person.
async fn enrol(
    app: &TestApp,
    class: &Class,
    home: &str,
    name: &str,
    nth: usize,
) -> (String, String) {
    let input = json!({"organisationId": home, "name": name, "phone": lists::phone(nth)});
    let person = text(&school::made(app, "create_person", input).await["person"]["id"]);
    (again(app, class, &person).await, person)
}

async fn again(app: &TestApp, class: &Class, person: &str) -> String {
    let input = json!({"activityId": class.id, "personId": person});
    text(&school::made(app, "register_attendee", input).await["registration"]["id"])
}

fn of_year(organisation: &str, year: i32) -> Value {
    json!({"organisationId": organisation, "year": year, "kind": "CREDIT_HOURS"})
}

on_both! {
    async fn the_hours_of_a_year_are_those_of_the_ledger(app) {
        let (a, b) = (district(&app, "鹿城区").await, district(&app, "瑞安市").await);
        // The second lesson of the first class is on New Year's Day in Shanghai, and the third is of the year before.
        let lessons = [("2026-10-26T01:00:00Z", 180, "4"), ("2025-12-31T16:30:00Z", 60, "2"), ("2025-12-31T10:00:00Z", 60, "1.5")];
        let home = Class::make(&app, "研修班", &lessons).await;
        let other = Class::make(&app, "补课班", &[("2026-10-27T01:00:00Z", 180, "4")]).await;
        let rule = json!({"late": "1/2", "leftEarly": "1/3"});
        home.set_rule(&app, rule.clone()).await;
        other.set_rule(&app, rule).await;
        let (zhang, zhang_person) = enrol(&app, &home, &a, "张三丰", 1).await;
        let (li, li_person) = enrol(&app, &home, &a, "李四光", 2).await;
        let (zhou, _) = enrol(&app, &home, &b, "周伯通", 3).await;
        enrol(&app, &home, &a, "王重阳", 4).await;
        for (who, marks) in [(&zhang, ["LATE", "PRESENT", "PRESENT"]), (&li, ["ABSENT", "PRESENT", "ABSENT"]), (&zhou, ["PRESENT", "ABSENT", "ABSENT"])] {
            for (session, status) in marks.into_iter().enumerate() {
                home.mark(&app, who, session, status).await;
            }
        }
        let guest = again(&app, &other, &li_person).await;
        other.mark(&app, &guest, 0, "PRESENT").await;
        for session in 0..3 {
            home.close(&app, session).await;
        }
        other.close(&app, 0).await;
        let missed = json!({"registrationId": li, "missedSessionId": home.sessions[0], "attendedSessionId": other.sessions[0], "reason": "同一主题"});
        school::made(&app, "record_make_up", missed).await;
        let by_hand = json!({"registrationId": guest, "hours": "1.25", "reason": "补登"});
        school::made(&app, "adjust_credits", by_hand).await;

        // 李四光: 2 attended, 4 made up, 1.25 by hand in the other class. 张三丰: half of 4 and 2; the 1.5 are of 2025.
        let rows = taken(&app, of_year(&a, 2026)).await;
        assert_eq!(rows, [
            ["序号", "姓名", "所属组织", "学时合计", "听课学时", "补课学时", "调整学时", "班次数"],
            ["1", "李四光", "鹿城区", "7.25", "2", "4", "1.25", "2"],
            ["2", "张三丰", "鹿城区", "4", "4", "0", "0", "1"],
        ]);
        let rows = taken(&app, of_year(&app.root_id(), 2026)).await;
        assert_eq!(column(&rows, "姓名"), ["李四光", "张三丰", "周伯通"]);
        assert_eq!(column(&rows, "学时合计"), ["7.25", "4", "4"]);
        let rows = taken(&app, of_year(&a, 2025)).await;
        assert_eq!((column(&rows, "姓名"), column(&rows, "学时合计")), (vec!["张三丰"], vec!["1.5"]));
        assert_eq!(taken(&app, of_year(&b, 2024)).await.len(), 1);

        let document = "query($id: ID!, $year: Int!) { person(id: $id) { figures(year: $year) { creditHours } } }";
        for (person, year, hours) in [(&li_person, 2026, "7.25"), (&zhang_person, 2026, "4"), (&zhang_person, 2025, "1.5"), (&li_person, 2025, "0")] {
            let found = school::asked(&app, document, json!({"id": person, "year": year})).await;
            assert_eq!(found["person"]["figures"]["creditHours"], hours);
        }
    }

    async fn a_year_is_taken_out_by_its_administrators_alone(app) {
        let (a, b) = (district(&app, "鹿城区").await, district(&app, "瑞安市").await);
        let admin = app.bare_account().await;
        let input = json!({"accountId": Gid(admin.account).to_string(), "reason": "值班", "role": "ORG_ADMIN", "organisationId": a});
        let grant = school::made(&app, "grant_role", input).await["grant"]["id"].take();
        let document = crate::app::document("create_export");
        let mut input = of_year(&b, 2026);
        input["format"] = json!("CSV");
        input["purpose"] = json!("年报");
        for beyond in [b, app.root_id()] {
            input["organisationId"] = json!(beyond);
            let answer = admin.send(&document, json!({"input": input})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND", "{answer}");
        }
        // Whoever is no administrator any more does not get what was asked for before.
        let done = made(&admin, of_year(&a, 2026)).await;
        assert_eq!(get(&app, &done["url"], &[]).await.status.as_u16(), 200);
        school::made(&app, "revoke_grant", json!({"grantId": grant})).await;
        assert_eq!(get(&app, &done["url"], &[]).await.status.as_u16(), 404);
    }

    async fn a_year_is_of_an_organisation_and_a_list_of_an_activity(app) {
        let festival = app.festival(None, &[]).await;
        let (activity, root) = (&festival.activity, app.root_id());
        for (input, code, at) in [
            (json!({}), "WHOSE_UNCLEAR", "activityId"),
            (json!({"activityId": activity, "organisationId": root}), "WHOSE_UNCLEAR", "activityId"),
            (json!({"activityId": activity, "kind": "CREDIT_HOURS"}), "KIND_ELSEWHERE", "kind"),
            (json!({"activityId": activity, "year": 2026}), "YEAR_UNCLEAR", "year"),
            (json!({"organisationId": root, "year": 2026}), "KIND_ELSEWHERE", "kind"),
            (json!({"organisationId": root, "kind": "CREDIT_HOURS"}), "YEAR_UNCLEAR", "year"),
            (of_year(&root, 1948), "YEAR_OUT_OF_RANGE", "year"),
            (json!({"organisationId": root, "year": 2026, "kind": "CREDIT_HOURS", "sessionId": festival.session}), "NOT_OF_ACTIVITY", "sessionId"),
            (json!({"organisationId": root, "year": 2026, "kind": "CREDIT_HOURS", "filter": {"search": "张"}}), "NOT_OF_ACTIVITY", "filter"),
        ] {
            let refused = ask(app.organiser(), input).await;
            let first = &refused["userErrors"][0];
            assert_eq!((&first["code"], &first["path"]), (&json!(code), &json!(["input", at])), "{refused}");
        }
        assert_eq!(app.count("SELECT count(*) FROM export").await, 0);
    }
}
