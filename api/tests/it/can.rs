//! What a front-end shows buttons for is what a permit would be given for.

use api::{
    authz::{
        self, Gate, Who,
        policy::{
            AnswerRegistration, CancelRegistration, CheckIn, CreateActivity, CreatePerson,
            CreateProgramme, DecideRegistration, GrantOnActivity, GrantOnOrganisation,
            GrantOnProgramme, ListRegistrations, RecommendAttendee, RegisterWalkIn, ReissueTicket,
            RequestLeave, SetPriority, UpdateActivity, UpdateOrganisation, UpdatePerson,
            UpdateSession, ViewAttendance,
        },
    },
    graphql::Gid,
};
use entity::role_grant::Role;
use sea_orm::EntityTrait;
use serde_json::json;

use crate::{
    app::{Client, TestApp, on_both},
    fixture::{Level, Things},
};

/// The gate of an account, as a request opens it.
async fn gate(app: &TestApp, client: &Client) -> Gate {
    let db = &app.app.db;
    let account = entity::account::Entity::find_by_id(client.account).one(db.read()).await;
    let grants = authz::grants_of(db.read(), client.account, app.now()).await.unwrap();
    Gate::new(
        Some(Who {
            account: account.unwrap().unwrap(),
            sign_in: None,
            grants,
            duty: None,
            key: None,
        }),
        db.clone(),
    )
}

/// Compares the fields of one thing with the permits; how many of them were true, none where the viewer does not see it.
macro_rules! agree {
    ($client:expr, $gate:expr, $root:literal, $id:expr, { $($field:literal: $action:ident),+ }) => {{
        let fields = [$($field),+].join(" ");
        let document = format!("query($id: ID!) {{ {}(id: $id) {{ viewerCan {{ {fields} }} }} }}", $root);
        let answer = $client.send(&document, json!({"id": $id})).await;
        let mut true_ones = 0;
        if answer.get("errors").is_none() {
            let can = &answer["data"][$root]["viewerCan"];
            $(
                let id = Gid::decode($id).unwrap().0;
                let permitted = $gate.permit::<$action>(id).await.is_ok();
                assert_eq!(can[$field], permitted, "{} {}", $root, $field);
                true_ones += usize::from(permitted);
            )+
        }
        true_ones
    }};
}

on_both! {
    async fn a_button_is_shown_where_the_act_is_permitted(app) {
        let it = Things::make(&app).await;
        let mut shown = 0;
        for role in [Role::SecurityAdmin, Role::OrgAdmin, Role::Organiser, Role::Liaison, Role::DoorStaff, Role::Viewer] {
            for level in [Level::Organisation, Level::Programme, Level::Activity] {
                for inside in [true, false] {
                    let is_narrow = matches!(role, Role::Organiser | Role::DoorStaff | Role::Viewer);
                    if !is_narrow && !matches!(level, Level::Organisation) {
                        continue;
                    }
                    let client = it.actor(&app, role, level, inside).await;
                    let gate = gate(&app, &client).await;
                    shown += agree!(client, gate, "organisation", &it.organisation, {
                        "update": UpdateOrganisation, "createPerson": CreatePerson, "createProgramme": CreateProgramme,
                        "grantRole": GrantOnOrganisation, "recommend": RecommendAttendee
                    });
                    shown += agree!(client, gate, "programme", &it.programme, {
                        "createActivity": CreateActivity, "grantRole": GrantOnProgramme
                    });
                    shown += agree!(client, gate, "activity", &it.activity, {
                        "update": UpdateActivity, "listRegistrations": ListRegistrations, "grantRole": GrantOnActivity
                    });
                    shown += agree!(client, gate, "session", &it.session, {
                        "update": UpdateSession, "checkIn": CheckIn, "registerWalkIn": RegisterWalkIn, "viewAttendance": ViewAttendance
                    });
                    shown += agree!(client, gate, "person", &it.person, { "update": UpdatePerson });
                    for registration in [&it.registration, &it.pending, &it.returned] {
                        shown += agree!(client, gate, "registration", registration, {
                            "cancel": CancelRegistration, "answer": AnswerRegistration, "decide": DecideRegistration,
                            "requestLeave": RequestLeave, "setPriority": SetPriority, "reissueTicket": ReissueTicket
                        });
                    }
                }
            }
        }
        assert!(shown > 50, "{shown} buttons were shown at all");
    }
}
