//! Lists that can be printed: what they say as lists, and as documents where the build makes these (`make paper`).

use super::*;
use crate::app::{Festival, Ticket};

/// An activity of a morning, an afternoon and the next day, with people of two categories.
async fn class(app: &TestApp) -> Festival {
    let mut festival = app.festival(None, &[]).await;
    let session = |title: &str, from: &str, until: &str| json!({"title": title, "startsAt": format!("2026-11-{from}:00+08:00"), "endsAt": format!("2026-11-{until}:00+08:00")});
    let input = json!({
        "programmeId": festival.programme, "title": "新生代温商研修班", "venue": "温州市委党校",
        "categories": [{"name": "学员"}, {"name": "工作人员"}],
        "sessions": [
            session("第一课", "02T09:00", "02T11:30"),
            session("第二课", "02T14:00", "02T16:30"),
            session("第三课", "03T09:00", "03T11:30"),
        ],
    });
    let made = app.organiser().run("create_activity", json!({"input": input})).await;
    let activity = &made["createActivity"]["activity"];
    festival.activity = text(&activity["id"]);
    festival.session = text(&activity["sessions"][0]["id"]);
    let input = json!({"activityId": festival.activity});
    app.organiser().run("publish_activity", json!({"input": input})).await;
    festival
}

async fn register(
    app: &TestApp,
    festival: &Festival,
    name: &str,
    nth: usize,
    category: &str,
) -> Ticket {
    let person = json!({
        "name": name, "phone": lists::phone(nth), "organisation": "瓯海机械有限公司", "title": "董事长",
    });
    let input = json!({"activityId": festival.activity, "person": person, "category": category});
    let done = app.organiser().run("register_attendee", json!({"input": input})).await;
    let it = &done["registerAttendee"]["registration"];
    Ticket {
        registration: text(&it["id"]),
        code: text(&it["ticketCode"]),
        status: text(&it["status"]),
    }
}

on_both! {
    async fn a_list_to_be_printed_is_a_table_as_well(app) {
        let festival = class(&app).await;
        let first = register(&app, &festival, "张三丰", 1, "学员").await;
        register(&app, &festival, "李四光", 2, "工作人员").await;
        let of = |kind: &str| json!({"activityId": festival.activity, "sessionId": festival.session, "kind": kind});
        assert_eq!(taken(&app, of("SIGN_IN_SHEET")).await, [
            ["场次", "序号", "姓名", "单位", "职务", "签名", "备注"],
            ["第一课", "1", "张三丰", "瓯海机械有限公司", "董事长", "", ""],
            ["第一课", "2", "李四光", "瓯海机械有限公司", "董事长", "", ""],
        ]);
        assert_eq!(taken(&app, of("TABLE_CARDS")).await, [["序号", "姓名"], ["1", "张三丰"], ["2", "李四光"]]);
        let badges = taken(&app, of("BADGES")).await;
        assert_eq!(column(&badges, "参会码")[0], first.code);
        assert_eq!(column(&badges, "参会类别"), ["学员", "工作人员"]);
        // A code that was revoked is on no badge.
        let input = json!({"registrationId": first.registration, "reason": "手机丢失"});
        app.organiser().run("revoke_ticket", json!({"input": input})).await;
        assert_eq!(column(&taken(&app, of("BADGES")).await, "参会码")[0], "");
    }

    async fn sheets_are_for_a_day_where_that_is_asked_for(app) {
        let festival = class(&app).await;
        register(&app, &festival, "张三丰", 1, "学员").await;
        let of = |sheets: &str| json!({"activityId": festival.activity, "kind": "SIGN_IN_SHEET", "layout": {"sheets": sheets}});
        let by_session = taken(&app, of("SESSION")).await;
        assert_eq!(column(&by_session, "场次"), ["第一课", "第二课", "第三课"]);
        let by_day = taken(&app, of("DAY")).await;
        assert_eq!(column(&by_day, "场次"), ["2026年11月2日", "第三课"]);
        for blank in [-1, 101] {
            let mut input = of("DAY");
            input["layout"]["blankLines"] = json!(blank);
            let refused = ask(app.organiser(), input).await;
            let error = &refused["userErrors"][0];
            assert_eq!(
                (&error["code"], &error["path"]),
                (&json!("BLANK_LINES_OUT_OF_RANGE"), &json!(["input", "layout", "blankLines"])),
            );
        }
    }
}

#[cfg(not(feature = "pdf"))]
on_both! {
    async fn a_build_without_typesetting_says_so(app) {
        let festival = class(&app).await;
        let input = json!({"activityId": festival.activity, "kind": "BADGES", "format": "PDF"});
        let refused = ask(app.organiser(), input).await;
        assert_eq!((&refused["userErrors"][0]["code"], &refused["export"]), (&json!("PDF_LEFT_OUT"), &Value::Null));
        assert_eq!(app.count("SELECT count(*) FROM export").await, 0);
        assert_eq!(app.count("SELECT count(*) FROM job WHERE kind = 'EXPORT'").await, 0);
    }
}

#[cfg(feature = "pdf")]
mod documents {
    use std::process::Command;

    use super::*;
    use crate::school::{self, Class};

    /// Has a document made; the export, and its bytes.
    async fn document(app: &TestApp, input: Value) -> (Value, Vec<u8>) {
        let mut with = json!({"format": "PDF"});
        with.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let asked = made(app.organiser(), with).await;
        assert_eq!((&asked["url"], app.work().await > 0), (&Value::Null, true));
        let export =
            app.organiser().run("export", json!({"id": asked["id"]})).await["export"].take();
        assert_eq!(export["state"], "READY", "{export}");
        let answer = get(app, &export["url"], &[]).await;
        assert_eq!(answer.headers["content-type"], "application/pdf");
        assert!(answer.headers["content-disposition"].to_str().unwrap().contains(".pdf"));
        (export, answer.body)
    }

    /// What one of poppler's tools makes of a document, by the options before its name and what comes after it.
    fn poppler(tool: &str, before: &[&str], after: &[&str], document: &[u8]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("made.pdf");
        std::fs::write(&file, document).unwrap();
        let output = Command::new(tool).args(before).arg(&file).args(after).output();
        let output = output.unwrap_or_else(|error| panic!("{tool} (poppler-utils): {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The text of each page, without spaces.
    fn pages(document: &[u8]) -> Vec<String> {
        let text = String::from_utf8(poppler("pdftotext", &["-raw"], &["-"], document)).unwrap();
        text.split_terminator('\u{c}').map(|it| it.split_whitespace().collect()).collect()
    }

    on_both! {
        async fn a_sign_in_sheet_says_who_where_and_when(app) {
            let festival = class(&app).await;
            register(&app, &festival, "张三丰", 1, "学员").await;
            register(&app, &festival, "李四光", 2, "工作人员").await;
            register(&app, &festival, "王\u{3fffd}明", 3, "学员").await;
            let layout = json!({"sheets": "DAY", "groups": "CATEGORY", "phones": true, "blankLines": 2});
            let input = json!({"activityId": festival.activity, "kind": "SIGN_IN_SHEET", "layout": layout});
            let (export, document) = document(&app, input).await;
            let pages = pages(&document);
            assert_eq!(pages.len(), 2);
            let phone = api::mask::phone(&lists::phone(1));
            for word in [
                "新生代温商研修班签到表", "2026年11月2日09:00–16:30", "温州市委党校", "主办：温州市工商业联合会", "上午", "下午",
                "学员（2人）", "张三丰", "瓯海机械有限公司董事长", &phone, "工作人员（1人）", "王□(U+3FFFD)明", "应到3人",
                "用途：活动总结", "第1页，共1页",
            ] {
                assert!(pages[0].contains(word), "{word}: {}", pages[0]);
            }
            assert!(!pages[0].contains(&lists::phone(1)));
            assert!(pages[1].contains("新生代温商研修班第三课签到表"), "{}", pages[1]);
            assert_eq!(export["unshown"], json!([{"text": "王\u{3fffd}明", "characters": ["\u{3fffd}"]}]));
            assert_eq!((&export["rowsDone"], &export["rowsTotal"]), (&json!(6), &json!(6)));
        }

        async fn a_thousand_badges_are_made_and_each_code_opens_the_door(app) {
            let festival = class(&app).await;
            crowd(&app.url, &festival.activity, &festival.session, 999).await;
            let one = register(&app, &festival, "䶮𠅤", 1, "工作人员").await;
            let input = json!({"activityId": festival.activity, "kind": "BADGES", "sort": "LIST"});
            let (export, document) = document(&app, input).await;
            assert_eq!((&export["rowsDone"], &export["unshown"]), (&json!(1000), &json!([])));
            let pages = pages(&document);
            assert_eq!(pages.len(), 100);
            let all = pages.concat();
            assert!((1..1000).all(|nth| all.contains(&format!("人{nth}"))));
            // Whoever was registered by hand comes after the list, whose order begins with the activity's older id.
            assert!(pages[99].contains("䶮𠅤"), "{}", pages[99]);
            let narrow = json!({"activityId": festival.activity, "kind": "BADGES", "filter": {"category": "工作人员"}});
            let (_, document) = self::document(&app, narrow).await;
            assert_eq!(scanned(&document), one.code);
        }

        async fn table_cards_have_a_sheet_for_each(app) {
            let festival = class(&app).await;
            register(&app, &festival, "张伟", 1, "学员").await;
            register(&app, &festival, "欧阳建国", 2, "学员").await;
            let (_, document) = document(&app, json!({"activityId": festival.activity, "kind": "TABLE_CARDS"})).await;
            let pages = pages(&document);
            assert_eq!(pages.len(), 2);
            assert_eq!(pages[0].matches('张').count(), 2);
        }

        async fn certificates_say_what_they_say_to_whoever_verifies_them(app) {
            let class = Class::make(&app, "新生代温商传承研修班", &[("2026-10-26T01:00:00Z", 180, "4")]).await;
            let who = class.enrol(&app, 0).await;
            class.mark(&app, &who, 0, "PRESENT").await;
            class.close(&app, 0).await;
            let pattern = json!({"activityId": class.id, "pattern": "温民院结字〔{year}〕第{seq:3}号", "issuer": "温州民营经济学院"});
            school::made(&app, "set_certificate_pattern", pattern).await;
            school::made(&app, "issue_certificates", json!({"activityId": class.id})).await;
            let (_, document) = document(&app, json!({"activityId": class.id, "kind": "CERTIFICATES"})).await;
            let pages = pages(&document);
            assert_eq!(pages.len(), 1);
            for word in [
                "结业证书", "温民院结字〔2026〕第001号", &lists::name(0), "于2026年10月26日", "新生代温商传承研修班", "共4学时",
                "温州民营经济学院", "2026年11月1日",
            ] {
                assert!(pages[0].contains(word), "{word}: {}", pages[0]);
            }
            let address = scanned(&document);
            assert!(address.starts_with(&format!("{}/certificates/", app.app.config.public_url)), "{address}");
        }

        async fn what_is_not_for_paper_is_refused(app) {
            let festival = class(&app).await;
            for kind in ["ATTENDANCE_LIST", "ATTENDANCE_MATRIX", "SCAN_LOG", "REGISTRATIONS"] {
                let input = json!({"activityId": festival.activity, "kind": kind, "format": "PDF"});
                let refused = ask(app.organiser(), input).await;
                assert_eq!(refused["userErrors"][0]["code"], "NOT_ON_PAPER");
            }
            crowd(&app.url, &festival.activity, &festival.session, 1700).await;
            // A sheet for each of three sessions: 5,100 lines.
            let input = json!({"activityId": festival.activity, "kind": "SIGN_IN_SHEET", "format": "PDF"});
            let refused = ask(app.organiser(), input).await;
            assert_eq!(refused["userErrors"][0]["code"], "TOO_MANY_ON_PAPER");
            assert_eq!(app.count("SELECT count(*) FROM export").await, 0);
        }

        async fn a_server_without_fonts_says_so(app) {
            let festival = class(&app).await;
            let empty = tempfile::tempdir().unwrap();
            let app = app.with(&["--fonts-dir", &empty.path().display().to_string()]).await;
            let client = app.anew(app.organiser()).await;
            let input = json!({"activityId": festival.activity, "kind": "BADGES", "format": "PDF"});
            let refused = ask(&client, input).await;
            assert_eq!(refused["userErrors"][0]["code"], "FONTS_MISSING");
            assert_eq!(app.count("SELECT count(*) FROM export").await, 0);
        }
    }

    /// What the QR code on the first page says.
    fn scanned(document: &[u8]) -> String {
        let picture = poppler("pdftoppm", &["-gray", "-r", "300", "-l", "1"], &[], document);
        // P5, width and height, 255: three lines, then a byte for each point.
        let mut lines = picture.splitn(4, |it| *it == b'\n');
        let (_, size) =
            (lines.next().unwrap(), std::str::from_utf8(lines.next().unwrap()).unwrap());
        let (width, height) = size.split_once(' ').unwrap();
        let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
        let points = &picture[picture.len() - width * height..];
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            points[y * width + x]
        });
        image.detect_grids()[0].decode().unwrap().1
    }
}
