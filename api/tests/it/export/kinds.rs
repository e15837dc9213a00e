//! What each kind of list says, worked out by hand.

use chrono::TimeDelta;

use super::*;
use crate::app::Festival;

/// An activity with three sessions, the last of which is tomorrow.
async fn class(app: &TestApp) -> (Festival, Vec<String>) {
    let mut festival = app.festival(None, &[]).await;
    let at = |minutes| (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
    let session = |title: &str, from: i64, until: i64| json!({"title": title, "startsAt": at(from), "endsAt": at(until)});
    let input = json!({
        "programmeId": festival.programme, "title": "研修班",
        "sessions": [session("第一课", 30, 90), session("第二课", 400, 460), session("第三课", 2000, 2060)],
    });
    let made = app.organiser().run("create_activity", json!({"input": input})).await;
    let activity = &made["createActivity"]["activity"];
    festival.activity = text(&activity["id"]);
    app.organiser()
        .run("publish_activity", json!({"input": {"activityId": festival.activity}}))
        .await;
    let sessions =
        activity["sessions"].as_array().unwrap().iter().map(|it| text(&it["id"])).collect();
    (festival, sessions)
}

async fn check_in(app: &TestApp, session: &str, code: &str, gate: &str, minutes: i64) {
    let at = (app.now() + TimeDelta::minutes(minutes)).to_rfc3339();
    let input = json!({"sessionId": session, "ticketCode": code, "scanId": app.uuid(), "gate": gate, "scannedAt": at});
    let client = app.anew(app.organiser()).await;
    let done = client.run("check_in", json!({"input": input})).await;
    assert_eq!(done["checkIn"]["userErrors"], json!([]), "{done}");
}

on_both! {
    async fn the_matrix_counts_what_a_hand_counts(app) {
        let (festival, sessions) = class(&app).await;
        let mut codes = Vec::new();
        for (nth, name) in ["张三丰", "李四光", "王重阳", "周伯通"].into_iter().enumerate() {
            codes.push(festival.register(&app, name, &lists::phone(nth)).await.code);
        }
        // The first: all are in time but 李四光, who is late, and 周伯通, who does not come.
        check_in(&app, &sessions[0], &codes[0], "1", 0).await;
        check_in(&app, &sessions[0], &codes[2], "1", 0).await;
        *app.clock() += TimeDelta::minutes(60);
        check_in(&app, &sessions[0], &codes[1], "2", 0).await;
        // The second: 张三丰 alone.
        *app.clock() += TimeDelta::minutes(340);
        check_in(&app, &sessions[1], &codes[0], "1", 0).await;
        // After both doors have closed, before the third opens.
        *app.clock() += TimeDelta::minutes(600);
        let client = app.anew(app.organiser()).await;
        let made = made(&client, json!({"activityId": festival.activity, "kind": "ATTENDANCE_MATRIX"})).await;
        let rows = of_csv(&get(&app, &made["url"], &[]).await.body);
        let from = rows[0].iter().position(|it| it.starts_with("第一课")).unwrap();
        let table: Vec<Vec<&str>> = rows[1..].iter()
            .map(|row| std::iter::once(row[1].as_str()).chain(row[from..].iter().map(String::as_str)).collect()).collect();
        assert_eq!(rows[0][from + 3..], ["应到场次", "实到", "其中迟到", "其中早退", "请假", "缺席", "出勤率", "出勤率（不计请假）"]);
        assert_eq!(table, [
            ["张三丰", "出勤", "出勤", "未到", "2", "2", "0", "0", "0", "0", "100.0%", "100.0%"],
            ["李四光", "迟到", "缺席", "未到", "2", "1", "1", "0", "0", "1", "50.0%", "50.0%"],
            ["王重阳", "出勤", "缺席", "未到", "2", "1", "0", "0", "0", "1", "50.0%", "50.0%"],
            ["周伯通", "缺席", "缺席", "未到", "2", "0", "0", "0", "0", "2", "0.0%", "0.0%"],
        ]);
    }

    async fn the_log_has_every_scan_in_its_order(app) {
        let festival = app.festival(None, &[]).await;
        let one = festival.register(&app, "张三丰", "13800000001").await;
        check_in(&app, &festival.session, &one.code, "1", 0).await;
        check_in(&app, &festival.session, &one.code, "2", 0).await;
        check_in(&app, &festival.session, "NOBODYSCODE", "3", -1).await;
        let of = json!({"activityId": festival.activity, "kind": "SCAN_LOG", "columns": ["gate", "outcome", "name", "phone", "clock", "by"]});
        let rows = taken(&app, of).await;
        assert_eq!(rows[1..], [
            ["开幕式", "1", "入场", "张三丰", "138****0001", "设备", "user0"],
            ["开幕式", "2", "已入场", "张三丰", "138****0001", "设备", "user0"],
            ["开幕式", "3", "无此码", "", "", "设备", "user0"],
        ]);
        // A filter is of people, and leaves out what nobody was.
        let of = json!({"activityId": festival.activity, "kind": "SCAN_LOG", "filter": {"search": "张三"}});
        assert_eq!(taken(&app, of).await.len(), 3);
    }

    async fn all_registrations_are_listed_however_they_stand(app) {
        let festival = app.festival(Some(1), &[]).await;
        let question = json!({"key": "diet", "kind": "TEXT", "label": "忌口", "purpose": "用餐", "keptFor": 30});
        let input = json!({"activityId": festival.activity, "questions": [question]});
        app.organiser().run("set_questions", json!({"input": input})).await;
        let first = festival.register(&app, "张三丰", "13800000001").await;
        let second = festival.register(&app, "李四光", "13800000002").await;
        let third = festival.register(&app, "王重阳", "13800000003").await;
        assert_eq!((second.status.as_str(), third.status.as_str()), ("WAITLISTED", "WAITLISTED"));
        let answers = json!([{"key": "diet", "text": "=花生"}]);
        let input = json!({"registrationId": first.registration, "stage": "REGISTRATION", "answers": answers});
        app.organiser().run("answer_form", json!({"input": input})).await;
        let input = json!({"registrationId": third.registration, "reason": "出差"});
        app.organiser().run("cancel_registration", json!({"input": input})).await;
        let columns = ["name", "status", "statusReason", "way", "answer:diet"];
        let of = |filter: Value| json!({"activityId": festival.activity, "kind": "REGISTRATIONS", "columns": columns, "filter": filter});
        assert_eq!(taken(&app, of(json!({}))).await, [
            ["姓名", "报名状态", "状态原因", "报名方式", "忌口"],
            ["张三丰", "已确认", "", "主办方录入", "=花生"],
            ["李四光", "候补", "", "主办方录入", ""],
            ["王重阳", "已取消", "出差", "主办方录入", ""],
        ]);
        let some = taken(&app, of(json!({"status": ["WAITLISTED", "CANCELLED"]}))).await;
        assert_eq!(column(&some, "姓名"), ["李四光", "王重阳"]);
    }
}

/// The first sheet of a workbook as LibreOffice shows it; none where there is no LibreOffice.
fn by_libreoffice(workbook: &[u8]) -> Option<Rows> {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("list.xlsx");
    std::fs::write(&file, workbook).unwrap();
    let profile = format!("-env:UserInstallation=file://{}/profile", folder.path().display());
    // Separated by commas, quoted, UTF-8.
    let format = "csv:Text - txt - csv (StarCalc):44,34,76,1";
    let done = std::process::Command::new("soffice")
        .args([&profile, "--headless", "--convert-to", format, "--outdir"])
        .arg(folder.path())
        .arg(&file)
        .output()
        .ok()?;
    assert!(done.status.success(), "{done:?}");
    let text = std::fs::read(folder.path().join("list.csv")).unwrap();
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&text[..]);
    Some(reader.records().map(|it| it.unwrap().iter().map(str::to_owned).collect()).collect())
}

#[tokio::test]
async fn libreoffice_shows_the_workbook_as_it_was_written() {
    let app = TestApp::sqlite().await;
    let festival = app.festival(None, &[]).await;
    for (nth, name) in ["䶮𠅤", "=1+1", "阿不都·热西提", "013"].into_iter().enumerate() {
        festival.register(&app, name, &lists::phone(nth)).await;
    }
    let of = |format: &str| json!({"activityId": festival.activity, "format": format, "columns": ["nth", "name", "phone", "attendance"]});
    let csv = made(app.organiser(), of("CSV")).await;
    let csv = of_csv(&get(&app, &csv["url"], &[]).await.body);
    let xlsx = made(app.organiser(), of("XLSX")).await;
    let Some(shown) = by_libreoffice(&get(&app, &xlsx["url"], &[]).await.body) else {
        eprintln!("soffice is not installed: not compared");
        return;
    };
    // A title, the rows, an empty row and the watermark.
    let expected: Rows = csv.iter().map(|it| it[1..].to_vec()).collect();
    assert_eq!(shown[1..shown.len() - 2], expected);
    assert!(shown.last().unwrap()[0].starts_with("注："));
}
