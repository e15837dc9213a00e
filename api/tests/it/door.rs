//! The door: every call a scan, every scan once.

use serde_json::json;

use crate::app::on_both;

on_both! {
    async fn the_same_scan_is_one_scan(app) {
        let festival = app.festival(Some(10), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000000").await;
        let scan = json!({"sessionId": festival.session, "ticketCode": ticket.code, "scanId": app.uuid(), "gate": "东门"});
        let first = app.organiser().run("check_in", json!({"input": scan})).await;
        assert_eq!(first["checkIn"]["outcome"], "ADMITTED");
        assert_eq!(first["checkIn"]["replayed"], false);
        let again = app.organiser().run("check_in", json!({"input": scan})).await;
        assert_eq!(again["checkIn"]["replayed"], true);
        assert_eq!(again["checkIn"]["scan"], first["checkIn"]["scan"]);
        assert_eq!(again["checkIn"]["outcome"], "ADMITTED");
    }
}
