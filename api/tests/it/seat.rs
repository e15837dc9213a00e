//! Where people sit: set all at once or not at all, and shown at the door.

use serde_json::{Value, json};

use crate::{
    app::{Festival, TestApp, on_both},
    device::device,
    manifest::Kept,
};

/// The answer of `setSeats`.
async fn set(app: &TestApp, festival: &Festival, seats: Value) -> Value {
    let input = json!({"input": {"activityId": festival.activity, "seats": seats}});
    app.organiser().run("set_seats", input).await["setSeats"].take()
}

on_both! {
    async fn a_seat_is_shown_at_the_door_and_told_as_a_change(app) {
        let festival = app.festival(None, &[]).await;
        let guest = festival.register(&app, "张三丰", "13800000001").await;
        let other = festival.register(&app, "李四", "13800000002").await;
        let (door, _) = device(&app, &[&festival.activity]).await;
        let mut kept = Kept::default();
        assert_eq!(kept.follow(&door, &festival.session, 500).await, 2);
        assert_eq!(kept.entries[&guest.registration]["seat"], Value::Null);

        let done = set(&app, &festival, json!([{"registrationId": guest.registration, "seat": " 5桌 3号 "}])).await;
        assert_eq!(done["userErrors"], json!([]));
        kept.follow(&door, &festival.session, 500).await;
        assert_eq!(kept.entries[&guest.registration]["seat"], "5桌 3号");
        assert_eq!(kept.entries[&other.registration]["seat"], Value::Null);

        set(&app, &festival, json!([{"registrationId": guest.registration, "seat": null}])).await;
        kept.follow(&door, &festival.session, 500).await;
        assert_eq!(kept.entries[&guest.registration]["seat"], Value::Null);
    }

    async fn seats_are_set_all_or_none(app) {
        let (festival, elsewhere) = (app.festival(None, &[]).await, app.festival(None, &[]).await);
        let guest = festival.register(&app, "张三丰", "13800000001").await;
        let stranger = elsewhere.register(&app, "李四", "13800000002").await;
        let done = set(&app, &festival, json!([
            {"registrationId": guest.registration, "seat": "A1"},
            {"registrationId": stranger.registration, "seat": "A2"},
            {"registrationId": guest.registration, "seat": "A3"},
        ])).await;
        let wrong: Vec<_> = done["userErrors"].as_array().unwrap().iter().map(|it| (it["code"].clone(), it["path"].clone())).collect();
        assert_eq!(wrong, [
            (json!("NOT_THERE"), json!(["input", "seats", "1", "registrationId"])),
            (json!("NOT_THERE"), json!(["input", "seats", "2", "registrationId"])),
        ]);
        let long = "座".repeat(51);
        let done = set(&app, &festival, json!([{"registrationId": guest.registration, "seat": long}])).await;
        assert_eq!(done["userErrors"][0]["code"], "TOO_LONG");
        assert_eq!(done["userErrors"][0]["path"], json!(["input", "seats", "0", "seat"]));
        let seated = "SELECT count(*) FROM registration WHERE CAST(details AS text) LIKE '%seat%'";
        assert_eq!(app.count(seated).await, 0);
    }
}
