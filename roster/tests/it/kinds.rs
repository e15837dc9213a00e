//! §2 and the row numbers of §1 and §5.

use roster::Kind;
use serde_json::json;

use crate::made::{Book, HEADER, PHONE, json as report_json, outcomes, row, row_with, sheet, text};

#[test]
fn totals_footnotes_and_repeated_headers_are_no_data() {
    for (line, kind) in [
        ("合 计,,3人,,", Kind::Total),
        ("总计,,,,", Kind::Total),
        ("小计,,,,", Kind::Total),
        (",,共计,,", Kind::Total),
        ("\"注：1.请按时报送\",,,,", Kind::Footnote),
        ("说明:x,,,,", Kind::Footnote),
        ("填 表 人：某某,,,,", Kind::Footnote),
        (",制表人 x,,,", Kind::Footnote),
        ("审核人,,,,", Kind::Footnote),
        ("备注：x,,y,,", Kind::Footnote),
        (HEADER, Kind::Header),
        ("姓 名,性别：,单位,职务*,手机", Kind::Header),
        ("一、鹿城区（35人）,,,,", Kind::Section),
        (",,二、 市直,,", Kind::Section),
        ("（三）瓯海,,,,", Kind::Section),
        ("洞头区（2人）,,,,", Kind::Section),
        ("永嘉县,,,,", Kind::Section),
        ("四、参会领导,,,,", Kind::Section),
    ] {
        let report = text(&format!("{HEADER}\n{line}\n"));
        let skipped: Vec<_> = report.skipped.iter().map(|s| (s.row, s.kind)).collect();
        assert_eq!(skipped, [(2, kind)], "{line}");
        assert!(report.rows.is_empty() && report.blank_rows.is_empty());
    }
}

#[test]
fn a_total_is_known_by_its_name_too() {
    let report = text(&format!("序号,{HEADER}\n12,合　计,,3人,,\n"));
    assert_eq!(report.skipped[0].kind, Kind::Total);
}

#[test]
fn other_rows_are_data_whatever_they_lack() {
    for line in [
        "合计人数,,,,",
        "备注,,x,,",
        "三垟、鹿城,,,,",
        "张三,,,,",
        "男,,,,",
        "十二中学,,,,",
        "甲、鹿城,,,,",
    ] {
        let report = text(&format!("{HEADER}\n{line}\n"));
        assert_eq!(report.rows.len(), 1, "{line}");
        assert!(report.rows[0].is_rejected());
    }
    // A district alone in the column of districts is a row somebody did not fill.
    let report = text("姓名,单位,职务,手机,县（市、区）\n,,,,鹿城区\n");
    assert_eq!(outcomes(&report), ["2: rejected NAME_MISSING PHONE_MISSING"]);
}

#[test]
fn a_row_with_nothing_but_a_running_number_is_blank() {
    let list = format!(
        "{HEADER},序号\n张三,男,厂,会长,{PHONE},1\n\n,,,,,2\n/,-,无,——,(空),A-3\n,,,,,④\n李四,男,厂,会长,14212345679,5\n,,,,,6\n,,,,,\n"
    );
    let report = text(&list);
    // Up to the last row with any content: a running number is some.
    assert_eq!(report.blank_rows, [3, 4, 5, 6, 8]);
    assert_eq!(outcomes(&report), ["2: kept", "7: kept"]);
    // Words in that column are not lost silently.
    assert_eq!(outcomes(&text(&format!("{HEADER},序号\n,,,,,候补\n"))).len(), 1);
}

#[test]
fn content_of_columns_without_a_label_is_content() {
    let report = text(&format!("{HEADER}\n,,,,,x\n"));
    assert_eq!(outcomes(&report), ["2: rejected NAME_MISSING PHONE_MISSING"]);
}

#[test]
fn a_section_gives_its_district_to_rows_that_have_none() {
    let list = format!(
        "{HEADER},县（市、区）\n张三,男,厂,会长,{PHONE}1,\n一、鹿城区（35人）\n李四,男,厂,会长,14212345670,\n王五,男,厂,会长,14212345671,瓯海\n二、某处\n赵六,男,厂,会长,14212345672,\n三、市直\n钱七,男,厂,会长,14212345673,\n"
    )
    .replace(&format!("{PHONE}1"), PHONE);
    let report = text(&list);
    let districts: Vec<_> = report.rows.iter().map(|r| r.record.district.as_deref()).collect();
    assert_eq!(districts, [None, Some("330302"), Some("330304"), None, Some("330300")]);
    assert_eq!(outcomes(&report)[3], "7: kept DISTRICT_UNKNOWN");
    // Without a column of districts the headings alone make the field.
    let report = text(&format!("{HEADER}\n一、鹿城区\n张三,男,厂,会长,{PHONE}\n"));
    assert_eq!(report_json(&report)["accepted"][0]["data"]["district"], "330302");
}

#[test]
fn a_record_over_several_lines_is_one_row() {
    let report = text(&format!(
        "{HEADER}\n张三,男,\"厂\n(集团)\n\",会长,{PHONE}\n李四,男,厂,会长,14212345679\n"
    ));
    assert_eq!(outcomes(&report), ["2: kept", "3: kept"]);
    assert_eq!(report.rows[0].record.org.as_deref(), Some("厂 (集团)"));
}

#[test]
fn hidden_rows_are_data_with_a_warning_whatever_becomes_of_them() {
    let person = |n, name, phone| row_with(n, "hidden=\"1\"", &[name, "男", "厂", "会长", phone]);
    let book = Book::of(&[
        crate::made::header(1),
        person(2, "张三", PHONE),
        person(3, "张三", PHONE),
        person(4, "李四", "1"),
        row_with(5, "hidden=\"1\"", &["合计"]),
        row_with(6, "hidden=\"0\"", &["王五", "男", "厂", "会长", "14212345679"]),
    ]);
    let report = book.read();
    assert_eq!(
        outcomes(&report),
        [
            "2: kept with [3] HIDDEN_ROW",
            "3: merged into 2 HIDDEN_ROW",
            "4: rejected HIDDEN_ROW PHONE_INVALID",
            "6: kept",
        ]
    );
    let report = report_json(&report);
    assert_eq!(report["by_warning"], json!({"HIDDEN_ROW": 3}));
    assert_eq!(report["by_code"], json!({"PHONE_INVALID": 1}));
    assert_eq!(report["rejected"], json!([{"row": 4, "codes": ["PHONE_INVALID"]}]));
}

#[test]
fn a_vertically_merged_cell_applies_to_every_row_it_covers() {
    let rows = [
        row(1, &["县（市、区）", "姓名", "单位", "手机", "职务"]),
        row(2, &["鹿城", "张三", "厂", PHONE, "会长"]),
        row(3, &["", "李四", "", "14212345670", ""]),
        row(4, &["", "", "", "", ""]),
        row(5, &["", "合计", "", "", ""]),
        row(6, &["瓯海", "王五", "", "14212345671", "x:t=\"inlineStr\"><is><t>会长</t></is>"]),
        row(7, &["", "赵六", "店", "14212345672", ""]),
    ];
    // The last merge covers two columns: only its first holds a value.
    let merges = ["A2:A5", "C2:C3", "A6:A7", "D1:D1", "E6:F7"];
    let report = Book::default().sheet("a", "visible", &sheet(&rows, &merges)).read();
    assert_eq!(outcomes(&report), ["2: kept", "3: kept", "6: kept", "7: kept"]);
    assert_eq!(report.blank_rows, [4], "a filled value is nothing of the row's own");
    assert_eq!(report.skipped[0].kind, Kind::Total);
    let records: Vec<_> = report.rows.iter().map(|r| &r.record).collect();
    let district: Vec<_> = records.iter().map(|r| r.district.as_deref().unwrap()).collect();
    assert_eq!(district, ["330302", "330302", "330304", "330304"]);
    assert_eq!(records[1].org.as_deref(), Some("厂"));
    assert_eq!(records[3].org.as_deref(), Some("店"));
    assert_eq!(records[3].title.as_deref(), Some("会长"));
}
