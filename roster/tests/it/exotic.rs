//! §1: what workbooks hold besides plain cells.

use roster::Profile;
use serde_json::json;

use crate::made::{Book, PHONE, codes, header, json as report_json, outcomes, row, sheet};

const HEAD: [&str; 8] = ["姓名", "单位", "职务", "手机", "抵达时间", "出生年月", "民族", "车型"];

fn record(book: &Book) -> serde_json::Value {
    report_json(&book.read())["accepted"][0]["data"].clone()
}

#[test]
fn shared_strings_join_their_runs_and_leave_out_phonetics() {
    let mut book =
        Book::of(&[row(1, &HEAD), row(2, &["s:0", "s:1", "s:2", "s:3", "", "", "s:9", ""])]);
    book.strings = format!(
        "<si><r><t>张</t></r><r><rPr><b/></rPr><t xml:space=\"preserve\"> 三</t></r><rPh sb=\"0\" eb=\"1\"><t>ZHANG</t></rPh></si>\
         <si><t>A&amp;B_x000D_&#x6E29;州<![CDATA[<厂>]]></t><phoneticPr/></si><si/><si><t>{PHONE}</t></si>"
    );
    let data = record(&book);
    assert_eq!((&data["name"], &data["org"]), (&json!("张三"), &json!("A&B 温州<厂>")));
    assert_eq!((&data["title"], &data["phone"]), (&json!(null), &json!(PHONE)));
}

#[test]
fn inline_text_joins_its_runs_too() {
    let name = "x:t=\"inlineStr\"><is><r><t>张</t></r><r><t>三</t></r><rPh><t>ZS</t></rPh></is>";
    let data = record(&Book::of(&[row(1, &HEAD), row(2, &[name, "厂", "", PHONE])]));
    assert_eq!(data["name"], "张三");
}

#[test]
fn formulas_are_their_cached_values() {
    let phone = format!("x:><f>1+1</f><v>{PHONE}</v>");
    let data = record(&Book::of(&[row(1, &HEAD), row(2, &["f:张三", "f:", "", &phone])]));
    assert_eq!(
        (&data["name"], &data["org"], &data["phone"]),
        (&json!("张三"), &json!(null), &json!(PHONE))
    );
}

#[test]
fn error_cells_are_empty_and_flagged_where_they_are_mapped() {
    let list = |cells: &[&str]| codes(&Book::of(&[row(1, &HEAD), row(2, cells)]).read().rows[0]);
    assert_eq!(list(&["张三", "e:#N/A", "e:#REF!", PHONE]), ["CELL_ERROR"]);
    assert_eq!(list(&["张三", "e:#SPILL!", "", PHONE]), ["CELL_ERROR"]);
    assert!(list(&["张三", "", "", PHONE, "", "", "", "e:#N/A"]).is_empty(), "not mapped");
    assert_eq!(list(&["e:#N/A", "", "", PHONE]), ["NAME_MISSING"]);
}

#[test]
fn numbers_are_plain_digits() {
    let data =
        record(&Book::of(&[row(1, &HEAD), row(2, &["张三", "n:2019", "", "n:1.4212345678E10"])]));
    assert_eq!((&data["phone"], &data["org"]), (&json!(PHONE), &json!("2019")));
    let head = row(1, &["姓名", "单位", "职务", "手机", "身份证号"]);
    for (id, expected) in [
        ("n:330382198110109984", "ID_PRECISION_LOST"),
        ("n:3.30383E+17", "ID_PRECISION_LOST"),
        ("n:330327610307997", "ID_15"),
    ] {
        let report = Book::of(&[head.clone(), row(2, &["张三", "", "", PHONE, id])]).read();
        assert_eq!(codes(&report.rows[0]), [expected], "{id}");
    }
}

#[test]
fn both_date_systems_are_honoured() {
    for (is_1904, days) in [(false, 0.0), (true, 1462.0)] {
        for (arrive, birth, at) in [
            (
                format!("d:{}", 43_769.375 - days),
                format!("m:{}", 31_199.0 - days),
                "2019-10-31T09:00:00+08:00",
            ),
            (format!("n:{}", 43_769.0 - days), format!("d:{}", 31_199.0 - days), "2019-10-31"),
            ("n:20191031".to_owned(), "n:198506".to_owned(), "2019-10-31"),
        ] {
            let mut book =
                Book::of(&[row(1, &HEAD), row(2, &["张三", "", "", PHONE, &arrive, &birth])]);
            book.is_1904 = is_1904;
            let data = record(&book);
            assert_eq!(
                (&data["arrive_at"], &data["birth"]),
                (&json!(at), &json!("1985-06")),
                "{arrive}"
            );
        }
    }
}

#[test]
fn a_number_like_a_month_and_a_day_is_no_date() {
    let report =
        Book::of(&[row(1, &HEAD), row(2, &["张三", "", "", PHONE, "n:10.31", "n:1985.1"])]).read();
    assert_eq!(codes(&report.rows[0]), ["DATE_UNPARSED"]);
    let data =
        record(&Book::of(&[row(1, &HEAD), row(2, &["张三", "", "", PHONE, "10.31", "n:1985.11"])]));
    assert_eq!((&data["arrive_at"], &data["birth"]), (&json!("2019-10-31"), &json!("1985-11")));
}

#[test]
fn iso_dates_and_flags_of_excel_are_read() {
    let head = row(1, &["姓名", "单位", "手机", "抵达时间", "住宿", "用餐"]);
    let arrive = "x:t=\"d\"><v>2019-10-31T09:05:00</v>";
    let data = record(&Book::of(&[head, row(2, &["张三", "", PHONE, arrive, "b:1", "b:0"])]));
    assert_eq!(data["arrive_at"], "2019-10-31T09:05:00+08:00");
    assert_eq!((&data["lodging"], &data["dining"]), (&json!(true), &json!(false)));
}

#[test]
fn an_inflated_used_range_is_not_believed() {
    let styled =
        |n: u32| format!("<row r=\"{n}\"><c r=\"A{n}\" s=\"1\"/><c r=\"XFD{n}\" s=\"1\"/></row>");
    let book = Book::of(&[
        header(1),
        row(2, &["张三", "男", "厂", "会长", PHONE]),
        styled(3),
        styled(60_000),
        styled(1_048_576),
    ]);
    let report = book.read();
    assert_eq!(outcomes(&report), ["2: kept"]);
    assert!(report.blank_rows.is_empty());
}

#[test]
fn references_may_be_left_out() {
    let plain = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let cells =
        |list: &str| format!("<row>{}</row>", list.split(',').map(plain).collect::<String>());
    let report =
        Book::of(&[cells(crate::made::HEADER), cells(&format!("张三,男,厂,会长,{PHONE}"))]).read();
    assert_eq!(outcomes(&report), ["2: kept"]);
}

#[test]
fn rows_that_are_not_in_the_part_are_blank() {
    let person = row(5, &["张三", "男", "厂", "会长", PHONE]);
    let report = Book::of(&[header(2), person]).read();
    assert_eq!((report.header_rows, report.blank_rows), (vec![2], vec![3, 4]));
}

#[test]
fn a_form_keeps_its_rules_in_a_workbook() {
    let rows = [
        row(1, &["姓名", "单位", "手机", "提交时间"]),
        row(2, &["张三", "厂", PHONE, "d:43769.5"]),
        row(3, &["张三", "店", PHONE, "d:43769.25"]),
    ];
    let book = Book::default().sheet("a", "visible", &sheet(&rows, &[]));
    let report = book.try_read(Profile::Form).unwrap();
    assert_eq!(outcomes(&report), ["2: kept with [3]", "3: merged into 2"]);
}
