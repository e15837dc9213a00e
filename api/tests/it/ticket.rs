//! Tickets: the picture decodes, the token holds without the server, what is revoked lets nobody in, and calendars read
//! what is meant for them.

use api::account::grant::Over;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use entity::role_grant::Role;
use serde_json::{Value, json};

use crate::app::{Answer, Client, Festival, TestApp, Ticket, on_both};

const SHOWN: &str = "query($id: ID!) { registration(id: $id) { ticketCode activity { id ticketKey }
    ticket { serial code token svgUrl pngUrl signedSvgUrl: svgUrl(signed: true) signedPngUrl: pngUrl(signed: true) icsUrl } } }";

async fn shown(client: &Client, ticket: &Ticket) -> Value {
    client.ask(SHOWN, json!({"id": ticket.registration})).await["registration"].take()
}

fn text(it: &Value) -> &str {
    it.as_str().unwrap_or_else(|| panic!("no text: {it}"))
}

async fn fetch(app: &TestApp, url: &str) -> Answer {
    app.anonymous().request(Request::get(url), Body::empty()).await
}

/// Reads a picture as a camera would, and says how many modules wide it is.
fn decode(width: usize, dark: impl FnMut(usize, usize) -> bool) -> (String, usize) {
    let mut dark = dark;
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(
            width,
            width,
            |x, y| {
                if dark(x, y) { 0 } else { 255 }
            },
        );
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    let (meta, text) = grids[0].decode().unwrap();
    // M, as rqrr counts.
    assert_eq!(meta.ecc_level, 0, "{meta:?}");
    (text, meta.version.to_size())
}

fn decode_png(file: &[u8]) -> (String, usize) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::One));
    let width = info.width as usize;
    let dark = |x: usize, y: usize| pixels[y * info.line_size + x / 8] >> (7 - x % 8) & 1 == 0;
    for at in 0..width {
        for margin in 0..32 {
            assert!(!dark(at, margin) && !dark(margin, at), "the quiet zone is not quiet");
            assert!(!dark(at, width - 1 - margin) && !dark(width - 1 - margin, at));
        }
    }
    decode(width, dark)
}

/// Draws the rectangles of the second path, four pixels a unit.
fn decode_svg(file: &[u8]) -> (String, usize) {
    let file = std::str::from_utf8(file).unwrap();
    let size: usize =
        file.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let path = file.rsplit("d=\"").next().unwrap().split('"').next().unwrap();
    let mut dark = vec![false; size * size];
    for run in path.split('M').skip(1) {
        let numbers: Vec<usize> = run
            .split(|c: char| !c.is_ascii_digit())
            .filter(|it| !it.is_empty())
            .map(|it| it.parse().unwrap())
            .collect();
        let (x, y, wide) = (numbers[0], numbers[1], numbers[2]);
        dark[y * size + x..y * size + x + wide].fill(true);
    }
    decode(size * 4, |x, y| dark[y / 4 * size + x / 4])
}

/// Base 32 as RFC 4648 has it, by the book.
fn base32(text: &str) -> Vec<u8> {
    let bits: String = text
        .chars()
        .map(|c| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap())
        .flat_map(|digit| format!("{digit:05b}").into_bytes())
        .map(char::from)
        .collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|it| u8::from_str_radix(std::str::from_utf8(it).unwrap(), 2).unwrap())
        .collect()
}

/// A verifier as a stranger writes it who has the manual only: activity, registration and serial.
fn verify(key: &str, token: &str) -> Option<(String, String, u16)> {
    let bytes = base32(token);
    assert_eq!(bytes.len(), 99);
    assert_eq!(bytes[0], 1);
    let key = BASE64_URL_SAFE_NO_PAD.decode(key).unwrap();
    UnparsedPublicKey::new(&ED25519, key).verify(&bytes[..35], &bytes[35..]).ok()?;
    let hex = |bytes: &[u8]| uuid::Uuid::from_slice(bytes).unwrap().simple().to_string();
    Some((
        format!("activity_{}", hex(&bytes[1..17])),
        format!("registration_{}", hex(&bytes[17..33])),
        u16::from_be_bytes([bytes[33], bytes[34]]),
    ))
}

async fn scan(app: &TestApp, festival: &Festival, code: &str) -> String {
    let input = json!({"sessionId": festival.session, "ticketCode": code, "scanId": app.uuid()});
    let done = app.organiser().run("check_in", json!({"input": input})).await;
    text(&done["checkIn"]["outcome"]).to_owned()
}

on_both! {
    async fn a_picture_shows_the_code_or_the_token(app) {
        let festival = app.festival(Some(10), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let it = shown(app.organiser(), &ticket).await;
        let token = text(&it["ticket"]["token"]);
        assert_eq!(it["ticket"]["code"], ticket.code.as_str());
        for (url, media, says, modules) in [
            ("pngUrl", "image/png", ticket.code.as_str(), 21),
            ("svgUrl", "image/svg+xml", &ticket.code, 21),
            ("signedPngUrl", "image/png", token, 45),
            ("signedSvgUrl", "image/svg+xml", token, 45),
        ] {
            let answer = fetch(&app, text(&it["ticket"][url])).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(answer.headers["content-type"], media);
            assert_eq!(answer.headers["cache-control"], "no-store");
            let read = if media == "image/png" { decode_png(&answer.body) } else { decode_svg(&answer.body) };
            assert_eq!(read, (says.to_owned(), modules), "{url}");
        }
    }

    async fn an_address_opens_its_own_ticket_while_its_right_lasts(app) {
        let festival = app.festival(Some(10), &[]).await;
        let first = festival.register(&app, "张三丰", "13800000001").await;
        let second = festival.register(&app, "周芷若", "13800000002").await;
        let organiser = app.account(Role::Organiser, Over::Organisation(app.root)).await;
        let it = shown(&organiser, &first).await;
        let url = text(&it["ticket"]["pngUrl"]).to_owned();
        let ics = text(&it["ticket"]["icsUrl"]).to_owned();
        assert_eq!(fetch(&app, &url).await.status, StatusCode::OK);
        assert_eq!(fetch(&app, &ics).await.status, StatusCode::OK);

        for wrong in [
            url.replace(&first.registration, &second.registration),
            url.replace(".png", ".gif"),
            url.split('?').next().unwrap().to_owned(),
            url.replace("token=", "token=x"),
            format!("/tickets/x.png?token={}", organiser.token.as_deref().unwrap()),
            format!("/tickets/{}.png?token={}", first.registration, organiser.token.as_deref().unwrap()),
        ] {
            assert_eq!(fetch(&app, &wrong).await.status, StatusCode::NOT_FOUND, "{wrong}");
        }
        // And the address is no token to sign in by.
        let token = url.split("token=").nth(1).unwrap().to_owned();
        let thief = Client { token: Some(token), ..app.anonymous() };
        assert_eq!(thief.fail("{ viewer { account { id } } }", json!({})).await, "UNAUTHENTICATED");

        *app.clock() += TimeDelta::minutes(59);
        assert_eq!(fetch(&app, &url).await.status, StatusCode::OK);
        *app.clock() += TimeDelta::minutes(1);
        assert_eq!(fetch(&app, &url).await.status, StatusCode::NOT_FOUND);

        let url = text(&shown(&app.account(Role::Organiser, Over::Organisation(app.root)).await, &first).await["ticket"]["pngUrl"]).to_owned();
        assert_eq!(fetch(&app, &url).await.status, StatusCode::OK);
    }

    async fn an_address_of_somebody_whose_grant_is_taken_back_opens_nothing(app) {
        let festival = app.festival(Some(10), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let organiser = app.bare_account().await;
        let input = json!({"accountId": api::graphql::Gid(organiser.account).to_string(), "reason": "值班", "role": "ORGANISER", "activityId": festival.activity});
        let granted = app.organiser().run("grant_role", json!({"input": input})).await;
        let url = text(&shown(&organiser, &ticket).await["ticket"]["pngUrl"]).to_owned();
        assert_eq!(fetch(&app, &url).await.status, StatusCode::OK);
        let id = &granted["grantRole"]["grant"]["id"];
        app.organiser().run("revoke_grant", json!({"input": {"grantId": id}})).await;
        assert_eq!(fetch(&app, &url).await.status, StatusCode::NOT_FOUND);
    }

    async fn the_door_never_sees_a_ticket(app) {
        let festival = app.festival(Some(10), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let door = app.account(Role::DoorStaff, Over::Organisation(app.root)).await;
        let it = shown(&door, &ticket).await;
        assert_eq!((&it["ticket"], &it["ticketCode"]), (&Value::Null, &Value::Null));
        for operation in ["reissue_ticket", "revoke_ticket"] {
            let input = json!({"registrationId": ticket.registration, "reason": "丢失"});
            let answer = door.send(&crate::app::document(operation), json!({"input": input})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM ticket_revocation").await, 0);
        assert_eq!(scan(&app, &festival, &ticket.code).await, "ADMITTED");
    }

    async fn a_token_holds_without_the_server(app) {
        let festival = app.festival(Some(1), &[]).await;
        let other = app.festival(Some(1), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let it = shown(app.organiser(), &ticket).await;
        let (key, token) = (text(&it["activity"]["ticketKey"]), text(&it["ticket"]["token"]));
        assert_eq!(token.len(), 159);
        let says = (festival.activity.clone(), ticket.registration.clone(), 1);
        assert_eq!(verify(key, token), Some(says));

        let others = other.register(&app, "周芷若", "13800000002").await;
        let foreign = shown(app.organiser(), &others).await;
        assert_ne!(foreign["activity"]["ticketKey"], key);
        assert_eq!(verify(text(&foreign["activity"]["ticketKey"]), token), None);
        // Whoever waits for a seat has no token that a door without a network would believe.
        let waiting = festival.register(&app, "赵敏敏", "13800000003").await;
        assert_eq!(waiting.status, "WAITLISTED");
        let waits = shown(app.organiser(), &waiting).await;
        for field in ["token", "svgUrl", "pngUrl"] {
            assert_eq!(waits["ticket"][field], Value::Null);
        }

        // A server more on the same database, with files of its own, has the same key.
        let db = api::db::Db::connect(&app.url, app.app.db.seal().clone()).await.unwrap();
        let id = api::graphql::Gid::decode(&festival.activity).unwrap().0;
        assert_eq!(api::ticket::public_key_of(db.read(), id).await.unwrap(), key);
        db.close().await;

        // The door takes it instead of the code, however it is typed.
        assert_eq!(scan(&app, &other, token).await, "WRONG_ACTIVITY");
        for at in [3, 40, 60, 158] {
            let mut forged: Vec<char> = token.chars().collect();
            forged[at] = if forged[at] == 'A' { 'B' } else { 'A' };
            let forged: String = forged.into_iter().collect();
            assert_eq!(scan(&app, &festival, &forged).await, "UNKNOWN_CODE", "{at}");
        }
        assert_eq!(scan(&app, &festival, &token[..158]).await, "UNKNOWN_CODE");
        assert_eq!(scan(&app, &festival, &token.to_lowercase()).await, "ADMITTED");
        assert_eq!(scan(&app, &festival, token).await, "ALREADY_IN");
        assert_eq!(scan(&app, &festival, &ticket.code).await, "ALREADY_IN");
    }

    async fn what_is_revoked_lets_nobody_in(app) {
        let festival = app.festival(Some(10), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let old = text(&shown(app.organiser(), &ticket).await["ticket"]["token"]).to_owned();
        let input = json!({"registrationId": ticket.registration, "reason": "手机丢失", "idempotencyKey": "1"});
        let done = app.organiser().run("reissue_ticket", json!({"input": input})).await;
        let made = done["reissueTicket"]["registration"].clone();
        assert_eq!(made["ticket"]["serial"], 2);
        let (code, token) = (text(&made["ticketCode"]), text(&made["ticket"]["token"]));
        assert_ne!(code, ticket.code);
        // Sent again it changes nothing.
        let again = app.organiser().run("reissue_ticket", json!({"input": input})).await;
        assert_eq!(again["reissueTicket"]["registration"]["ticketCode"], code);
        assert_eq!(app.count("SELECT COUNT(*) FROM ticket_revocation").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM audit_event WHERE action = 'ReissueTicket' AND reason = '手机丢失'").await, 1);

        assert_eq!(scan(&app, &festival, &ticket.code).await, "UNKNOWN_CODE");
        assert_eq!(scan(&app, &festival, &old).await, "UNKNOWN_CODE");
        assert_eq!(scan(&app, &festival, code).await, "ADMITTED");
        assert_eq!(scan(&app, &festival, token).await, "ALREADY_IN");
        assert_eq!(verify(text(&shown(app.organiser(), &ticket).await["activity"]["ticketKey"]), token).unwrap().2, 2);

        let url = text(&shown(app.organiser(), &ticket).await["ticket"]["svgUrl"]).to_owned();
        let input = json!({"registrationId": ticket.registration, "reason": "冒用"});
        let done = app.organiser().run("revoke_ticket", json!({"input": input})).await;
        assert_eq!(done["revokeTicket"]["registration"]["ticketCode"], Value::Null);
        assert_eq!(fetch(&app, &url).await.status, StatusCode::NOT_FOUND);
        let bare = shown(app.organiser(), &ticket).await;
        assert_eq!((&bare["ticket"]["token"], &bare["ticket"]["code"]), (&Value::Null, &Value::Null));
        for shown in [ticket.code.as_str(), code, token, &old, &format!("-{}", &ticket.registration[13..])] {
            assert_eq!(scan(&app, &festival, shown).await, "UNKNOWN_CODE");
        }
        let draft = json!({"activityId": festival.activity, "channel": "SMS", "text": "{{姓名}}：{{参会码}}，{{链接}}。"});
        let sample = app.organiser().run("message_preview", json!({"input": draft})).await;
        assert_eq!(sample["messagePreview"]["samples"][0]["text"], "张三丰：，。");
        let again = app.organiser().run("revoke_ticket", json!({"input": input})).await;
        assert_eq!(again["revokeTicket"]["userErrors"][0]["code"], "REVOKED_ALREADY");
        assert_eq!(app.count("SELECT COUNT(*) FROM ticket_revocation").await, 2);

        let done = app.organiser().run("reissue_ticket", json!({"input": input})).await;
        let third = &done["reissueTicket"]["registration"]["ticket"];
        assert_eq!(third["serial"], 3);
        assert_eq!(scan(&app, &festival, text(&third["token"])).await, "ALREADY_IN");
    }

    async fn no_ticket_is_made_anew_for_who_is_not_coming(app) {
        let festival = app.festival(Some(10), &[]).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let code = async |reason: &str| {
            let input = json!({"registrationId": ticket.registration, "reason": reason});
            let done = app.organiser().run("reissue_ticket", json!({"input": input})).await;
            text(&done["reissueTicket"]["userErrors"][0]["code"]).to_owned()
        };
        assert_eq!(code(" ").await, "REASON_MISSING");
        assert_eq!(code(&"长".repeat(501)).await, "TOO_LONG");
        app.organiser().run("cancel_registration", json!({"input": {"registrationId": ticket.registration}})).await;
        assert_eq!(code("丢失").await, "NOT_LIVE");
        assert_eq!(app.count("SELECT COUNT(*) FROM ticket_revocation").await, 0);
        assert_eq!(scan(&app, &festival, &ticket.code).await, "CANCELLED");
    }

    async fn a_calendar_has_every_session_of_a_registration(app) {
        let festival = app.festival(Some(1), &[]).await;
        let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
        let title = "分论坛一；民营经济高质量发展与“青蓝接力”新生代企业家培育工程的经验交流, 第二场 \\ 下午";
        let session = json!({"title": title, "venue": "三楼;报告厅", "startsAt": at(1440), "endsAt": at(1500)});
        app.organiser().run("create_session", json!({"input": {"activityId": festival.activity, "session": session}})).await;
        let ticket = festival.register(&app, "张三丰", "13800000001").await;
        let url = text(&shown(app.organiser(), &ticket).await["ticket"]["icsUrl"]).to_owned();
        let answer = fetch(&app, &url).await;
        assert_eq!(answer.headers["content-type"], "text/calendar; charset=utf-8");
        let events = events(&answer.body);
        assert_eq!(events.len(), 2);
        assert_eq!(events[0]["DTSTART"], "20261101T013000Z");
        assert_eq!(events[0]["DTEND"], "20261101T040000Z");
        assert_eq!(events[0]["STATUS"], "CONFIRMED");
        assert_eq!(events[0]["LOCATION"], "温州大剧院");
        assert_eq!(events[1]["SUMMARY"], format!("开幕式：{title}"));
        assert_eq!(events[1]["LOCATION"], "三楼;报告厅");
        assert!(!String::from_utf8_lossy(&answer.body).contains("张三丰"));

        // A session that was moved is the same event, newer.
        *app.clock() += TimeDelta::minutes(5);
        let moved = json!({"sessionId": festival.session, "session": {"title": "开幕式", "startsAt": at(60), "endsAt": at(180)}});
        app.organiser().run("update_session", json!({"input": moved})).await;
        let newer = self::events(&fetch(&app, &url).await.body);
        assert_eq!(newer[0]["UID"], events[0]["UID"]);
        assert_eq!(newer[1], events[1]);
        let number = |it: &std::collections::BTreeMap<String, String>| it["SEQUENCE"].parse::<i64>().unwrap();
        assert!(number(&newer[0]) > number(&events[0]));
        assert!(newer[0]["DTSTAMP"] > events[0]["DTSTAMP"]);

        let waiting = festival.register(&app, "周芷若", "13800000002").await;
        let waits = text(&shown(app.organiser(), &waiting).await["ticket"]["icsUrl"]).to_owned();
        assert_eq!(self::events(&fetch(&app, &waits).await.body)[0]["STATUS"], "TENTATIVE");
        *app.clock() += TimeDelta::minutes(5);
        app.organiser().run("cancel_registration", json!({"input": {"registrationId": ticket.registration}})).await;
        let last = self::events(&fetch(&app, &url).await.body);
        assert_eq!(last[0]["STATUS"], "CANCELLED");
        assert_eq!(last[0]["UID"], events[0]["UID"]);
        assert!(number(&last[0]) > number(&newer[0]) && number(&last[1]) > number(&newer[1]));
    }

    async fn the_feed_has_what_is_published_here_and_below(app) {
        let festival = app.festival(Some(1), &[]).await;
        let draft = json!({"programmeId": festival.programme, "title": "还没有公布", "sessions": [
            {"title": "一", "startsAt": app.now().to_rfc3339(), "endsAt": (app.now() + TimeDelta::hours(1)).to_rfc3339()}]});
        app.organiser().run("create_activity", json!({"input": draft})).await;
        let district = app.organiser().run("create_organisation", json!({"input": {"parentId": app.root_id(), "kind": "FEDERATION", "name": "鹿城区工商联"}})).await;
        let district = text(&district["createOrganisation"]["organisation"]["id"]).to_owned();
        let mut held = draft.clone();
        held["title"] = json!("区里的活动");
        held["hostId"] = json!(district);
        let held = app.organiser().run("create_activity", json!({"input": held})).await;
        let held = text(&held["createActivity"]["activity"]["id"]).to_owned();
        let feed = async |id: &str| fetch(&app, &format!("/organisations/{id}/calendar.ics")).await;
        let titles = |answer: &Answer| {
            events(&answer.body).iter().map(|it| it["SUMMARY"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(titles(&feed(&app.root_id()).await), ["开幕式"]);
        app.organiser().run("publish_activity", json!({"input": {"activityId": held}})).await;
        let all = feed(&app.root_id()).await;
        assert_eq!(titles(&all), ["区里的活动", "开幕式"]);
        assert_eq!(titles(&feed(&district).await), ["区里的活动"]);

        let tag = all.headers["etag"].to_str().unwrap().to_owned();
        let url = format!("/organisations/{}/calendar.ics", app.root_id());
        let ask = async |tag: &str| {
            let request = Request::get(&url).header("if-none-match", tag);
            app.anonymous().request(request, Body::empty()).await
        };
        let same = ask(&tag).await;
        assert_eq!(same.status, StatusCode::NOT_MODIFIED);
        assert!(same.body.is_empty());
        app.organiser().run("update_activity", json!({"input": {"activityId": held, "title": "改了名"}})).await;
        assert_eq!(ask(&tag).await.status, StatusCode::OK);
        app.organiser().run("cancel_activity", json!({"input": {"activityId": held, "reason": "台风"}})).await;
        assert_eq!(titles(&feed(&app.root_id()).await), ["开幕式"]);
        assert_eq!(feed("organisation_00000000000000000000000000000000").await.status, StatusCode::NOT_FOUND);
        *app.clock() += TimeDelta::days(93);
        assert_eq!(titles(&feed(&app.root_id()).await), [""; 0]);
    }
}

/// Reads a calendar by RFC 5545, strictly, and gives the properties of its events.
fn events(body: &[u8]) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = std::str::from_utf8(body).unwrap();
    let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
    assert!(lines.iter().all(|it| it.len() <= 75 && !it.contains(['\r', '\n'])), "{text}");
    let mut unfolded: Vec<String> = Vec::new();
    for line in lines {
        match line.strip_prefix(' ') {
            Some(more) => unfolded.last_mut().unwrap().push_str(more),
            None => unfolded.push(line.to_owned()),
        }
    }
    assert_eq!(unfolded.first().unwrap(), "BEGIN:VCALENDAR");
    assert_eq!(unfolded[1], "VERSION:2.0");
    assert!(unfolded[2].starts_with("PRODID:"));
    assert_eq!(unfolded.last().unwrap(), "END:VCALENDAR");
    let mut events = Vec::new();
    for line in &unfolded {
        let (name, value) = line.split_once(':').unwrap();
        match (name, value) {
            ("BEGIN", "VEVENT") => events.push(std::collections::BTreeMap::new()),
            _ if events.is_empty() => {}
            _ => {
                let mut read = String::new();
                let mut chars = value.chars();
                while let Some(c) = chars.next() {
                    assert!(c != ';' && c != ',', "unescaped: {line}");
                    match if c == '\\' { chars.next().unwrap() } else { '\0' } {
                        '\0' => read.push(c),
                        'n' => read.push('\n'),
                        c => {
                            assert!(";,\\".contains(c));
                            read.push(c);
                        }
                    }
                }
                let event = events.last_mut().unwrap();
                if name != "END" {
                    assert_eq!(event.insert(name.to_owned(), read), None, "{name} twice");
                }
            }
        }
    }
    for event in &events {
        for name in ["UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS", "SUMMARY"] {
            assert!(event.contains_key(name), "{event:?}");
        }
    }
    events
}
