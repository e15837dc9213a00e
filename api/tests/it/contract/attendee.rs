//! The documents of those without an account, and of tickets.

use serde_json::{Value, json};

use super::Script;
use crate::app::Client;

/// Somebody registers by the public page, has another mind twice, and loses the phone.
pub async fn themselves(it: &Script<'_>, programme: &Value) {
    let at = |minutes| (it.app.now() + chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let session = json!({"title": "公开课", "startsAt": at(1500), "endsAt": at(1600)});
    let input = json!({"programmeId": programme, "title": "公开课", "categories": [{"name": "企业家"}], "sessions": [session]});
    let activity = it.make("create_activity", input).await["activity"]["id"].take();
    it.make("publish_activity", json!({"activityId": activity})).await;
    let notice = it.make("publish_notice", json!({"activityId": activity, "text": "告知书"})).await;
    let version = notice["notice"]["version"].clone();
    let input = json!({"activityId": activity, "allowed": true, "categories": ["企业家"], "closesAt": at(1400)});
    it.make("set_self_registration", input).await;

    let anyone = it.app.anonymous();
    it.run(&anyone, "public_activity", json!({"id": activity})).await;
    let phone = "13900000077";
    it.run(&anyone, "request_code", json!({"input": {"phone": phone}})).await;
    let code = it.app.codes().last().unwrap().1.clone();
    let input = json!({"input": {"phone": phone, "code": code}});
    let token = it.run(&anyone, "redeem_code", input).await["token"]["token"].take();
    let me = Client { token: Some(token.as_str().unwrap().to_owned()), ..anyone.clone() };
    let input = json!({"activityId": activity, "name": "谢逊", "category": "企业家", "noticeVersion": version});
    let made = it.run(&me, "register_myself", json!({"input": input})).await;
    let own = made["registration"]["id"].clone();
    let input =
        json!({"registrationId": own, "organisation": "温州某某有限公司", "title": "董事长"});
    it.run(&me, "change_my_registration", json!({"input": input})).await;
    let input = json!({"registrationId": own, "stage": "REGISTRATION", "answers": []});
    it.run(&me, "answer_my_form", json!({"input": input})).await;
    let shown = it.run(&me, "me", json!({})).await;
    assert_eq!(shown["registrations"][0]["title"], "董事长");
    it.run(&anyone, "public_notice", json!({"version": version})).await;
    let agreed = json!({"registrationId": own, "purposes": ["MESSAGES"], "noticeVersion": version});
    it.run(&me, "give_my_consent", json!({"input": agreed})).await;
    let against = json!({"registrationId": own, "purpose": "SHARING"});
    it.run(&me, "withdraw_my_consent", json!({"input": against})).await;
    let paper = json!({"registrationId": own, "purposes": ["PHOTOS"], "noticeVersion": version, "channel": "PAPER"});
    let agreed = it.make("record_consent", paper).await["registration"].take();
    assert_eq!(agreed["privacy"]["consents"].as_array().unwrap().len(), 3);
    let against = json!({"registrationId": own, "purpose": "PHOTOS", "reason": "来电"});
    it.make("withdraw_consent", against).await;
    let people = it.run(&me, "my_data", json!({})).await["people"].take();
    let asked = json!({"personId": people[0]["id"], "name": "谢逊之"});
    let request =
        it.run(&me, "request_correction", json!({"input": asked})).await["request"].take();
    let taken_back = json!({"input": {"requestId": request["id"]}});
    it.run(&me, "withdraw_data_request", taken_back).await;
    it.run(&me, "request_correction", json!({"input": asked})).await;
    let waiting = it.ask("data_requests", json!({"state": "OPEN"})).await;
    let decided =
        json!({"requestId": waiting["nodes"][0]["id"], "verdict": "REFUSE", "reason": "请携证件"});
    it.make("decide_data_request", decided).await;
    it.make("reissue_ticket", json!({"registrationId": own, "reason": "手机丢失"})).await;
    it.make("revoke_ticket", json!({"registrationId": own, "reason": "冒用"})).await;
    it.run(&me, "cancel_my_registration", json!({"input": {"registrationId": own}})).await;
    let person = json!({"name": "谢逊", "phone": phone});
    let invited =
        it.make("invite_attendee", json!({"activityId": activity, "person": person})).await;
    let input = json!({"registrationId": invited["registration"]["id"], "attending": false});
    it.run(&me, "answer_my_registration", json!({"input": input})).await;
    let asked = json!({"input": {"personId": people[0]["id"]}});
    it.run(&me, "request_erasure", asked).await;

    let session =
        json!({"title": "夜校", "startsAt": at(30), "endsAt": at(100), "selfCheckIn": true});
    let input = json!({"programmeId": programme, "title": "夜校", "sessions": [session]});
    let evening = it.make("create_activity", input).await["activity"].take();
    it.make("publish_activity", json!({"activityId": evening["id"]})).await;
    it.make("register_attendee", json!({"activityId": evening["id"], "person": person})).await;
    let session = evening["sessions"][0]["id"].clone();
    let shown = it.ask("self_check_in_code", json!({"sessionId": session})).await;
    let input = json!({"sessionId": session, "code": shown["code"], "deviceId": "手机"});
    let anyone = it.app.anonymous();
    let claim = it.run(&anyone, "claim_check_in", json!({"input": input})).await;
    let input = json!({"claim": claim["claim"]["token"], "scanId": it.app.uuid()});
    let came = it.run(&me, "check_myself_in", json!({"input": input})).await;
    assert_eq!(came["outcome"], "ADMITTED");
    let listed = it.ask("self_check_ins", json!({"sessionId": session})).await;
    assert_eq!(listed["edges"][0]["node"]["registration"]["person"]["name"], "谢逊");
}
