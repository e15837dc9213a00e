//! The documents by which personal data are seen whole: one by one, and in a file that takes two.

use api::account::grant::Over;
use entity::role_grant::Role;
use serde_json::{Value, json};

use super::Script;

pub async fn unmasked(it: &Script<'_>, activity: &Value, person: &Value) {
    let asked = json!({"personId": person, "fields": ["PHONE"], "purpose": "联系本人"});
    let seen = it.make("reveal_person", asked).await;
    assert_eq!(seen["revealed"]["phone"], "13800000001");

    // Here even one row takes two.
    let strict = it.app.with(&["--unmasked-rows", "0"]).await;
    let second = it.app.account(Role::OrgAdmin, Over::Organisation(it.app.root)).await;
    for operation in ["approve_export", "refuse_export"] {
        let input = json!({"activityId": activity, "format": "CSV", "purpose": "活动总结", "unmasked": true});
        let mut made = strict.organiser().run("create_export", json!({"input": input})).await;
        let made = made["createExport"]["export"].take();
        let listed = it.ask("exports_to_approve", json!({"activityId": activity})).await;
        assert_eq!(listed["nodes"][0]["id"], made["id"]);
        let input = json!({"exportId": made["id"], "reason": "与用途不符"});
        it.run(&second, operation, json!({"input": input})).await;
    }
}
