//! The finer points of who may do what: guests, shared programmes, what hangs on other things, and who outranks whom.

use api::graphql::Gid;
use entity::role_grant::Role;
use serde_json::{Value, json};

use crate::{
    app::{Client, PASSWORD, TestApp, document, on_both},
    fixture::{Level, Things, an_activity, give, organisation, programme, text},
};

async fn code_of(client: &Client, operation: &str, variables: Value) -> String {
    let answer = client.send(&document(operation), variables).await;
    match answer["errors"][0]["extensions"]["code"].as_str() {
        Some(code) => code.to_owned(),
        None => {
            let mut payloads = answer["data"].as_object().unwrap().values();
            let payload = payloads.next().unwrap();
            payload["userErrors"][0]["code"]
                .as_str()
                .map_or("ok".to_owned(), |it| format!("user:{it}"))
        }
    }
}

async fn person_at(app: &TestApp, home: &str, name: &str, phone: &str) -> String {
    let input = json!({"input": {"organisationId": home, "name": name, "phone": phone}});
    text(&app.organiser().run("create_person", input).await["createPerson"]["person"]["id"])
}

async fn finds(client: &Client, person: &str) -> bool {
    client.run("people", json!({"first": 100})).await.to_string().contains(person)
}

on_both! {
    /// A person of B is on an activity of A.
    async fn a_guest_is_seen_by_the_hosts_and_corrected_at_home(app) {
        let it = Things::make(&app).await;
        let guest = person_at(&app, &it.neighbour, "杨小过", "13700000000").await;
        let input = json!({"input": {"activityId": it.activity, "personId": guest}});
        assert_eq!(code_of(app.organiser(), "register_attendee", input).await, "ok");
        let update = json!({"input": {"personId": guest, "phone": "13700000001"}});
        let show = json!({"id": guest});

        let host = it.actor(&app, Role::OrgAdmin, Level::Organisation, true).await;
        assert_eq!(code_of(&host, "person", show.clone()).await, "ok");
        assert!(finds(&host, &guest).await);
        assert_eq!(code_of(&host, "update_person", update.clone()).await, "FORBIDDEN");

        let liaison = it.actor(&app, Role::Liaison, Level::Organisation, true).await;
        assert_eq!(code_of(&liaison, "person", show.clone()).await, "NOT_FOUND");
        assert!(!finds(&liaison, &guest).await);
        assert!(finds(&liaison, &it.person).await);
        assert_eq!(code_of(&liaison, "update_person", update.clone()).await, "NOT_FOUND");
        let input = json!({"input": {"personId": guest, "organisationId": it.organisation, "title": "会长"}});
        assert_eq!(code_of(&liaison, "create_position", input).await, "NOT_FOUND");

        let organiser = it.actor(&app, Role::Organiser, Level::Activity, true).await;
        assert_eq!(code_of(&organiser, "update_person", update.clone()).await, "FORBIDDEN");
        let person = app.organiser().run("person", show.clone()).await;
        assert_eq!(person["person"]["maskedPhone"], "137****0000", "a refusal changed it");

        let home = it.actor(&app, Role::Liaison, Level::Organisation, false).await;
        assert_eq!(code_of(&home, "update_person", update).await, "ok");
        assert!(finds(&home, &guest).await);
    }

    /// The programme is the root's; A is below it.
    async fn a_shared_programme_is_joined_and_not_ruled_from_below(app) {
        let it = Things::make(&app).await;
        let festival = app.festival(None, &[]).await;
        let below = it.actor(&app, Role::OrgAdmin, Level::Organisation, true).await;
        assert_eq!(code_of(&below, "programme", json!({"id": festival.programme})).await, "ok");
        let hold = |host: Option<&str>| json!({"input": {"programmeId": festival.programme, "title": "分会场", "hostId": host}});
        assert_eq!(code_of(&below, "create_activity", hold(None)).await, "FORBIDDEN");
        assert_eq!(code_of(&below, "create_activity", hold(Some(&app.root_id()))).await, "FORBIDDEN");
        assert_eq!(code_of(&below, "create_activity", hold(Some(&it.neighbour))).await, "NOT_FOUND");
        assert_eq!(code_of(&below, "create_activity", hold(Some(&it.organisation))).await, "ok");
        let grant = json!({"input": {"accountId": it.account, "reason": "值班", "role": "ORGANISER", "programmeId": festival.programme}});
        assert_eq!(code_of(&below, "grant_role", grant).await, "FORBIDDEN");
        assert_eq!(code_of(&below, "activity", json!({"id": festival.activity})).await, "NOT_FOUND");
    }

    async fn an_activity_shows_its_programme_to_whoever_works_on_it(app) {
        let it = Things::make(&app).await;
        let door = it.actor(&app, Role::DoorStaff, Level::Activity, true).await;
        assert_eq!(code_of(&door, "programme", json!({"id": it.programme})).await, "ok");
        let organiser = it.actor(&app, Role::Organiser, Level::Activity, true).await;
        let input = json!({"input": {"programmeId": it.programme, "title": "论坛"}});
        assert_eq!(code_of(&organiser, "create_activity", input).await, "FORBIDDEN");
        let grant = json!({"input": {"accountId": it.account, "reason": "值班", "role": "DOOR_STAFF", "programmeId": it.programme}});
        assert_eq!(code_of(&organiser, "grant_role", grant).await, "FORBIDDEN");
    }

    async fn the_door_sees_no_phone_and_no_code(app) {
        let it = Things::make(&app).await;
        let door = it.actor(&app, Role::DoorStaff, Level::Activity, true).await;
        let mut seen = String::new();
        for (operation, variables) in [
            ("person", json!({"id": it.person})),
            ("people", json!({"search": "张三丰"})),
            ("registration", json!({"id": it.registration})),
            ("registrations", json!({"activityId": it.activity, "filter": {"search": "张三丰"}})),
            ("check_in", json!({"input": {"sessionId": it.session, "registrationId": it.registration, "scanId": app.uuid()}})),
        ] {
            let answer = door.run(operation, variables).await.to_string();
            assert!(answer.contains("张三丰"), "{operation}: {answer}");
            seen += &answer;
        }
        let deep = "query($id: ID!) { node(id: $id) { ... on Registration { ticketCode person { phone maskedPhone }
            attendances { registration { ticketCode person { phone } } } } } }";
        seen += &door.ask(deep, json!({"id": it.registration})).await.to_string();
        let deep = "query($id: ID!) { activity(id: $id) { registrations(filter: {search: \"13800000001\"}) {
            nodes { ticketCode person { phone maskedPhone } } } } }";
        seen += &door.ask(deep, json!({"id": it.activity})).await.to_string();
        assert!(seen.contains("138****0001"));
        assert!(!seen.contains("13800000001"), "a whole phone: {seen}");
        assert!(!seen.contains(&it.code), "a ticket code: {seen}");
    }

    async fn the_door_searches_by_three_characters_that_count(app) {
        let it = Things::make(&app).await;
        let door = it.actor(&app, Role::DoorStaff, Level::Activity, true).await;
        for search in ["", "张", "张三", "z s", "张--", "张..", "张\u{200b}\u{200b}", "a''", "   ", "%%%", "__张"] {
            let people = code_of(&door, "people", json!({"search": search})).await;
            assert_eq!(people, "BAD_USER_INPUT", "people by {search:?}");
            let variables = json!({"activityId": it.activity, "filter": {"search": search}});
            let registrations = code_of(&door, "registrations", variables).await;
            assert_eq!(registrations, "BAD_USER_INPUT", "registrations by {search:?}");
        }
    }

    async fn another_activitys_registration_is_not_shown_at_this_door(app) {
        let it = Things::make(&app).await;
        let festival = app.festival(None, &[]).await;
        let other = festival.register(&app, "杨小过", "13700000000").await;
        let door = it.actor(&app, Role::DoorStaff, Level::Activity, true).await;
        for shown in [json!({"registrationId": other.registration}), json!({"ticketCode": other.code})] {
            let mut input = shown;
            input["sessionId"] = json!(it.session);
            input["scanId"] = json!(app.uuid());
            let answer = door.run("check_in", json!({"input": input})).await;
            assert_eq!(answer["checkIn"]["outcome"], "WRONG_ACTIVITY");
            assert!(answer["checkIn"]["registration"].is_null());
            assert!(!answer.to_string().contains("杨小过"));
        }
    }

    /// Whoever sets a password can act in its account's place.
    async fn nobody_takes_over_an_account_that_outranks_them(app) {
        let it = Things::make(&app).await;
        let admin = it.actor(&app, Role::OrgAdmin, Level::Organisation, true).await;
        let input_for = |name: &str| json!({"input": {"organisationId": it.organisation, "username": name, "password": PASSWORD}});
        let mut taken_over = Vec::new();
        for (name, role, over) in [
            ("plain", None, organisation(&it.organisation)),
            ("equal", Some(Role::OrgAdmin), organisation(&it.organisation)),
            ("above", Some(Role::OrgAdmin), organisation(&app.root_id())),
            ("beside", Some(Role::Organiser), organisation(&it.neighbour)),
            ("security", Some(Role::SecurityAdmin), organisation(&it.organisation)),
            ("platform", Some(Role::PlatformAdmin), organisation(&it.organisation)),
        ] {
            let made = admin.run("create_account", input_for(name)).await;
            let id = made["createAccount"]["account"]["id"].clone();
            if let Some(role) = role {
                give(&app, Gid::decode(id.as_str().unwrap()).unwrap().0, role, over).await;
            }
            let input = json!({"input": {"accountId": id, "password": "battery staple"}});
            let reset = code_of(&admin, "reset_password", input).await;
            let input = json!({"input": {"accountId": id}});
            let disabled = code_of(&admin, "disable_account", input).await;
            assert_eq!(reset, disabled, "{name}");
            taken_over.push((name, reset));
        }
        let no = || "user:ABOVE_OWN".to_owned();
        let (yes, expected) = ("ok".to_owned(), ["above", "beside", "security", "platform"]);
        assert_eq!(taken_over[..2], [("plain", yes.clone()), ("equal", yes)]);
        assert_eq!(taken_over[2..], expected.map(|it| (it, no())));
    }

    async fn a_grant_hides_what_it_is_over_from_those_who_may_not_see_that(app) {
        let it = Things::make(&app).await;
        let festival = app.festival(None, &[]).await;
        let account = Gid::decode(&it.account).unwrap().0;
        give(&app, account, Role::Viewer, an_activity(&festival.activity)).await;
        give(&app, account, Role::Viewer, programme(&festival.programme)).await;
        give(&app, account, Role::Viewer, organisation(&it.neighbour)).await;
        let asked = "query($id: ID!) { account(id: $id) { grants { role scope { ... on FestivalActivity { id }
            ... on Programme { id } ... on Organisation { id } } } } }";
        let admin = it.actor(&app, Role::OrgAdmin, Level::Organisation, true).await;
        let seen = admin.ask(asked, json!({"id": it.account})).await;
        let scopes: Vec<&Value> =
            seen["account"]["grants"].as_array().unwrap().iter().map(|it| &it["scope"]["id"]).collect();
        // The programme is shared with what is below its owner.
        assert_eq!(json!(scopes), json!([it.activity, null, festival.programme, null]));

        let input = json!({"input": {"username": it.username, "password": PASSWORD}});
        let own = app.anonymous().run("sign_in", input).await;
        let own = own["signIn"]["viewer"]["grants"].as_array().unwrap().clone();
        assert!(own.len() == 4 && own.iter().all(|it| !it["scope"].is_null()), "{own:?}");
    }

    async fn nobody_grants_to_oneself_or_above_oneself(app) {
        let it = Things::make(&app).await;
        let admin = it.actor(&app, Role::SecurityAdmin, Level::Organisation, true).await;
        let own = Gid(admin.account).to_string();
        let input = json!({"input": {"accountId": own, "reason": "值班", "role": "ORG_ADMIN", "organisationId": it.organisation}});
        assert_eq!(code_of(&admin, "grant_role", input).await, "user:OWN_ACCOUNT");
        let input = json!({"input": {"accountId": it.account, "reason": "值班", "role": "DOOR_STAFF"}});
        assert_eq!(code_of(&admin, "grant_role", input.clone()).await, "user:SCOPE_UNCLEAR");
        assert_eq!(code_of(&app.anonymous(), "grant_role", input).await, "UNAUTHENTICATED");
    }
}
