//! §1: which row is the header, and what its labels mean.

use roster::Profile;

use crate::made::{Book, HEADER, PHONE, header, json, row, sheet, text};

#[test]
fn a_header_holds_the_name_and_three_more_known_labels() {
    for (list, expected) in [
        ("姓名,性别,单位,手机\n", Some(vec![1])),
        ("姓名,性别,单位,车型\n", None),
        ("性别,单位,手机,职务\n", None),
        ("名单\n填报单位：x\n\n姓名,性别,单位,手机\n", Some(vec![4])),
        // The one with most known labels, wherever it stands; of equals the first.
        ("姓名,性别,单位,手机\n姓名,性别,单位,手机,职务\n", Some(vec![2])),
        ("姓名,性别,单位,手机\n手机,姓名,性别,单位\n", Some(vec![1])),
    ] {
        let read = roster::read(list.as_bytes(), "", &crate::made::options(Profile::Event));
        assert_eq!(read.ok().map(|report| report.header_rows), expected, "{list}");
    }
    let far = |blank: usize| format!("{}{HEADER}\n", "\n".repeat(blank));
    assert_eq!(text(&far(29)).header_rows, [30]);
    assert!(roster::read(far(30).as_bytes(), "", &crate::made::options(Profile::Event)).is_err());
}

#[test]
fn other_labels_are_listed_and_their_data_is_not_stored() {
    let report = text(&format!(
        "序号,编号,姓名,性别,单位,手机,座机 短号,,爱好\n1,2,张三,男,厂,{PHONE},8899,x,秘密\n"
    ));
    assert_eq!(report.unmapped_columns, ["座机 短号", "爱好"]);
    assert!(!format!("{report:?}").contains("秘密"));
    let data = &json(&report)["accepted"][0]["data"];
    let keys: Vec<&String> = data.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 5, "name, gender, org, phone, phone_alt");
}

#[test]
fn of_two_columns_of_a_field_the_first_that_holds_something_counts() {
    let report = text(&format!("姓名,手机,联系电话,单位,职务\n张三,,{PHONE},厂,会长\n"));
    assert_eq!(report.rows[0].record.phone.as_deref(), Some(PHONE));
}

#[test]
fn a_header_of_two_rows_is_joined_by_merges() {
    let rows = [
        row(1, &["回执"]),
        row(2, &["姓名", "单位及职务", "", "联系方式", "", "备注"]),
        row(3, &["", "单位名称", "职务", "手机号码", "短号", ""]),
        row(4, &["张三", "厂", "会长", PHONE, "66", "早到"]),
    ];
    let merges = ["A1:F1", "A2:A3", "B2:C2", "D2:E2", "F2:F3"];
    let report = Book::default().sheet("a", "visible", &sheet(&rows, &merges)).read();
    assert_eq!(report.header_rows, [2, 3]);
    assert_eq!(report.unmapped_columns, ["短号"]);
    let record = &report.rows[0].record;
    assert_eq!(record.title.as_deref(), Some("会长"));
    assert_eq!(record.note.as_deref(), Some("早到"));
}

#[test]
fn the_parent_label_holds_where_there_is_no_child() {
    let rows = [
        row(1, &["基本情况", "", "", "联系方式", ""]),
        row(2, &["姓名", "单位", "职务", "", "邮箱"]),
        row(3, &["张三", "厂", "会长", PHONE, "x@y"]),
    ];
    let report = Book::default().sheet("a", "visible", &sheet(&rows, &["A1:C1", "D1:E1"])).read();
    assert_eq!(report.header_rows, [1, 2]);
    assert_eq!(report.rows[0].record.phone.as_deref(), Some(PHONE));
}

#[test]
fn a_merged_title_above_does_not_make_the_header_two_rows() {
    let rows = [row(1, &["回执"]), header(2), row(3, &["张三", "男", "厂", "会长", PHONE])];
    let report = Book::default().sheet("a", "visible", &sheet(&rows, &["A1:E1"])).read();
    assert_eq!(report.header_rows, [2]);
    // All labels merged over two rows: the second row of the header is no blank row.
    let rows = [header(1), row(2, &[]), row(3, &["张三", "男", "厂", "会长", PHONE])];
    let merges = ["A1:A2", "B1:B2", "C1:C2", "D1:D2", "E1:E2"];
    let report = Book::default().sheet("a", "visible", &sheet(&rows, &merges)).read();
    assert_eq!((report.header_rows, report.blank_rows.len()), (vec![1, 2], 0));
}

#[test]
fn the_visible_sheet_whose_header_matches_best_is_read() {
    let list = sheet(&[header(1), row(2, &["张三", "男", "厂", "会长", PHONE])], &[]);
    let weaker = sheet(&[row(1, &["姓名", "性别", "单位", "手机"])], &[]);
    let better = sheet(&[row(1, &["姓名", "性别", "单位", "手机", "职务", "民族", "备注"])], &[]);
    let report = Book::default()
        .sheet("弱", "visible", &weaker)
        .sheet("藏", "hidden", &better)
        .sheet("深", "veryHidden", &better)
        .sheet("名单", "visible", &list)
        .sheet("说明", "visible", &sheet(&[row(1, &["请如实填写姓名"])], &[]))
        .sheet("同", "visible", &list)
        .read();
    let report = json(&report);
    assert_eq!(report["sheet"], "名单");
    let ignored = [
        ("弱", "weaker header"),
        ("藏", "hidden"),
        ("深", "hidden"),
        ("说明", "no header"),
        ("同", "weaker header"),
    ]
    .map(|(sheet, reason)| serde_json::json!({"sheet": sheet, "reason": reason}));
    assert_eq!(report["sheets_ignored"], serde_json::json!(ignored));
}
