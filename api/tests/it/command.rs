//! The command line, by the real binary.

use std::process::Output;

use serde_json::{Value, json};

use crate::{
    app::PASSWORD,
    lists,
    server::{Home, Server, on_both_servers, text},
};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

on_both_servers! {
    async fn an_account_is_made_with_a_role_over_an_organisation_without_a_terminal(home) {
        let (server, organiser) = home.open().await;
        let root = organiser.run("viewer", json!({})).await["viewer"]["grants"][0]["scope"]["id"].take();
        let document = "mutation($input: CreateOrganisationInput!) { createOrganisation(input: $input) { organisation { id } userErrors { code } } }";
        let input = json!({"parentId": root, "kind": "CHAMBER", "name": "温州市服装商会"});
        let made = organiser.ask(document, json!({"input": input})).await;
        let chamber = text(&made["createOrganisation"]["organisation"]["id"]);
        // Beside a running server.
        let made = home.run(
            &["admin", "create", "--username", "door.one", "--role", "DOOR_STAFF", "--scope", &chamber, "--password-stdin"],
            &format!("{PASSWORD}\nnot this\n"),
        );
        assert_eq!(printed(&made), "account: door.one\n");
        let door = server.client().sign_in("door.one", PASSWORD).await;
        let viewer = door.run("viewer", json!({})).await["viewer"].take();
        assert_eq!(viewer["grants"].as_array().unwrap().len(), 1);
        assert_eq!(viewer["grants"][0]["role"], "DOOR_STAFF");
        assert_eq!(viewer["grants"][0]["scope"]["id"], chamber);

        let again = home.run(&["admin", "create", "--username", "Door.One", "--password-stdin"], PASSWORD);
        assert!(!again.status.success());
        let no_such = "organisation_00000000000000000000000000000000";
        for (arguments, input, fault) in [
            (&["--username", "door.two", "--scope", no_such][..], PASSWORD, "no"),
            (&["--username", "door.two", "--scope", "nowhere"], PASSWORD, "nowhere is not the id of an organisation"),
            (&["--username", "a b", "--password-stdin"], PASSWORD, "username"),
            (&["--username", "door.two", "--password-stdin"], "short", "12 to 200"),
            (&["--username", "door.two", "--password-stdin"], "", "no password on standard input"),
            (&["--username", "door.two", "--role", "KING"], PASSWORD, "KING"),
        ] {
            let failed = home.run(&[&["admin", "create"], arguments].concat(), input);
            assert!(!failed.status.success(), "{arguments:?}");
            assert!(said(&failed).to_lowercase().contains(&fault.to_lowercase()), "{}", said(&failed));
        }
        assert_eq!(home.count("SELECT count(*) FROM account").await, 2);
    }

    async fn the_tables_are_brought_up_to_date_as_often_as_one_likes(home) {
        for _ in 0..2 {
            assert_eq!(printed(&home.run(&["migrate"], "")), "");
        }
        assert_eq!(home.count("SELECT count(*) FROM account").await, 0);
    }

    async fn the_first_start_makes_one_administrator_who_can_sign_in(home) {
        let mut server: Server = home.start();
        let shown = server.printed();
        let of = |key: &str| {
            let line = shown.lines().find_map(|it| it.trim().strip_prefix(key));
            line.unwrap_or_else(|| panic!("{shown}")).trim().to_owned()
        };
        let (username, password) = (of("username:"), of("password:"));
        assert!(password.len() >= 20);
        let admin = server.client().sign_in(&username, &password).await;
        let viewer = admin.run("viewer", json!({})).await;
        assert_eq!(viewer["viewer"]["grants"][0]["role"], "ORG_ADMIN");
        assert!(!server.log().contains(&password), "the password is in the log");
        server.kill();

        let server = home.start();
        assert_eq!(server.printed(), "", "nothing is made on a database that has accounts");
        server.client().sign_in(&username, &password).await;
        drop(server);

        // Who forgot it gets another, and the first is no good any more.
        let reset = home.run(&["admin", "reset-password", "--username", &username, "--password-stdin"], PASSWORD);
        assert!(reset.status.success(), "{reset:?}");
        let server = home.start();
        server.client().sign_in(&username, PASSWORD).await;
        let input = json!({"input": {"username": username, "password": password}});
        let refused = server.client().run("sign_in", input).await;
        assert_eq!(refused["signIn"]["tokens"], Value::Null);
        // Elsewhere it is another.
        let other = Home::sqlite();
        assert!(!other.start().printed().contains(&password));
    }
}

#[test]
fn a_wrong_value_is_named_and_refused_at_the_start() {
    let home = Home::sqlite();
    let file = home.data_dir().join("a-file");
    std::fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    for (name, value, named) in [
        ("DATABASE_URL", "mysql://qinglan:Geheim123@127.0.0.1/qinglan", "DATABASE_URL"),
        ("DATABASE_URL", "qinglan.db", "DATABASE_URL"),
        ("DATABASE_URL", "", "DATABASE_URL"),
        ("DATABASE_URL", "postgres://qinglan:Geheim123@127.0.0.1:1/none", "database"),
        ("QINGLAN_LISTEN", "8000", "--listen"),
        ("QINGLAN_LISTEN", "192.0.2.1:8000", "192.0.2.1:8000"),
        ("QINGLAN_DATA_DIR", file, "a-file"),
        ("QINGLAN_PUBLIC_URL", "qinglan.example.org", "--public-url"),
        ("QINGLAN_LOG", "info,api=loud", "--log"),
        ("QINGLAN_ORGANISATION", "", "--organisation"),
        ("QINGLAN_INTROSPECTION", "maybe", "--introspection"),
        ("QINGLAN_REQUEST_TIMEOUT", "0", "--request-timeout"),
        ("QINGLAN_ORIGINS", "desk.example.org", "--origins"),
        ("QINGLAN_ORIGINS", "*", "--origins"),
        ("QINGLAN_TRUSTED_PROXIES", "10.0.0.0/99", "--trusted-proxies"),
        ("QINGLAN_TRUSTED_ONLY", "true", "QINGLAN_TRUSTED_DOCUMENTS"),
        ("QINGLAN_TRUSTED_DOCUMENTS", file, "QINGLAN_TRUSTED_DOCUMENTS"),
    ] {
        let output = home.command(&["serve"]).env(name, value).output().unwrap();
        assert!(!output.status.success(), "{name}={value}");
        let said = said(&output);
        assert!(said.contains(named), "{name}={value}: {said}");
        assert!(!said.contains("panicked") && !said.contains("Geheim123"), "{said}");
    }
}

#[test]
fn each_setting_is_told_by_the_help() {
    let help = printed(&Home::sqlite().run(&["serve", "--help"], ""));
    for name in [
        "DATABASE_URL",
        "QINGLAN_LISTEN",
        "QINGLAN_DATA_DIR",
        "QINGLAN_PUBLIC_URL",
        "QINGLAN_LOG",
        "QINGLAN_ORGANISATION",
    ] {
        assert!(help.contains(name), "{name}");
    }
}

#[test]
fn a_check_of_each_sample_is_the_report_that_is_expected() {
    let home = Home::sqlite();
    for (file, profile, day, expected) in [
        (lists::SAMPLE_A, "event", "2019-11-01", "A.expected.json"),
        ("B-民营经济学院学员名册.csv", "class", "2019-09-16", "B.expected.json"),
        ("C-青蓝接力报名导出.xlsx", "form", "2019-10-20", "C.expected.json"),
    ] {
        let path = lists::sample(file);
        let checked = home.run(
            &["roster", "check", path.to_str().unwrap(), "--profile", profile, "--event-date", day],
            "",
        );
        let report: Value = serde_json::from_str(&printed(&checked)).unwrap();
        let expected: Value =
            serde_json::from_slice(&std::fs::read(lists::sample(expected)).unwrap()).unwrap();
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&report[key], value, "{file}: {key}");
        }
        assert_eq!(report, expected);
    }
    assert!(!home.data_dir().join("qinglan.db").exists(), "a check needs no database");
}

#[test]
fn a_check_of_what_is_no_list_says_why() {
    let home = Home::sqlite();
    let path = home.data_dir().join("名单.xls");
    std::fs::write(&path, "<html><table>").unwrap();
    let path = path.to_str().unwrap();
    let checked = home
        .run(&["roster", "check", path, "--profile", "event", "--event-date", "2019-11-01"], "");
    assert!(!checked.status.success() && checked.stdout.is_empty());
    assert!(
        said(&checked).contains("WEB_PAGE") && said(&checked).contains("网页"),
        "{}",
        said(&checked)
    );
    let missing = home.run(
        &["roster", "check", "没有.csv", "--profile", "event", "--event-date", "2019-11-01"],
        "",
    );
    assert!(!missing.status.success() && said(&missing).contains("没有.csv"));
}

#[test]
fn the_schema_is_printed_without_a_database() {
    let home = Home::sqlite();
    let schema = printed(&home.run(&["schema"], ""));
    assert!(schema.contains("checkIn(input: CheckInInput!): CheckInPayload!"));
    async_graphql::parser::parse_schema(&schema).unwrap();
    assert_eq!(std::fs::read_dir(home.data_dir()).unwrap().count(), 0);
}
