use std::io::Cursor;

use calamine::{Data, DataType, Reader, Xlsx};

use super::*;

fn begun() -> Workbook {
    let at = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
    let about =
        About { title: "签到表".to_owned(), author: "青蓝".to_owned(), at, note: None };
    Workbook::new(&std::env::temp_dir(), &about).unwrap()
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("姓名", 12.0),
        Column::new("手机", 16.0),
        Column::new("签到", 18.0),
        Column::new("学时", 8.0),
    ]
}

fn read_back(book: Workbook) -> Xlsx<Cursor<Vec<u8>>> {
    let mut bytes = Cursor::new(Vec::new());
    book.save_to(&mut bytes).unwrap();
    Xlsx::new(bytes).unwrap()
}

fn texts(book: &mut Xlsx<Cursor<Vec<u8>>>, sheet: &str) -> Vec<String> {
    let range = book.worksheet_range(sheet).unwrap();
    range.rows().map(|row| row[0].as_string().unwrap_or_default()).collect()
}

#[test]
fn cells_come_back_as_what_they_were() {
    let mut book = begun();
    book.sheet("第一场", "企业家节 签到表", columns()).unwrap();
    let at = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap().and_hms_opt(8, 30, 0).unwrap();
    book.row(&[
        Cell::Text("䶮𠅤"),
        Cell::Text("013800138000"),
        Cell::Instant(at),
        Cell::Number(4.5),
    ])
    .unwrap();
    book.row(&[Cell::Text("=1+1"), Cell::Text("330302199001011234"), Cell::Day(at.date())])
        .unwrap();
    book.row(&[
        Cell::Text(""),
        Cell::Text("a\u{1}b\r\nc_x0041_"),
        Cell::Empty,
        Cell::Number(f64::NAN),
    ])
    .unwrap();
    let mut read = read_back(book);
    let range = read.worksheet_range("第一场").unwrap();
    let cell = |row, col| range.get_value((row, col)).cloned().unwrap_or_default();
    let text = |s: &str| Data::String(s.to_owned());
    assert_eq!(cell(0, 0), text("企业家节 签到表"));
    assert_eq!((cell(1, 0), cell(1, 3)), (text("姓名"), text("学时")));
    assert_eq!(
        (cell(2, 0), cell(2, 1), cell(2, 3)),
        (text("䶮𠅤"), text("013800138000"), Data::Float(4.5))
    );
    assert_eq!(cell(2, 2).as_datetime(), Some(at));
    assert_eq!((cell(3, 0), cell(3, 1)), (text("=1+1"), text("330302199001011234")));
    assert_eq!(cell(3, 2).as_date(), Some(at.date()));
    assert_eq!((cell(4, 0), cell(4, 2), cell(4, 3)), (Data::Empty, Data::Empty, Data::Empty));
    assert_eq!(cell(4, 1), text("ab\nc_x0041_"));
    assert!(read.worksheet_formula("第一场").unwrap().is_empty());
}

#[test]
fn long_text_is_cut_between_characters() {
    let mut book = begun();
    book.sheet("长", "长", columns()).unwrap();
    book.row(&[Cell::Text(&"𠅤".repeat(20_000))]).unwrap();
    book.row(&[Cell::Text(&"汉".repeat(32_767))]).unwrap();
    let texts = texts(&mut read_back(book), "长");
    assert_eq!((texts[2].encode_utf16().count(), texts[2].ends_with("𠅤…")), (32_767, true));
    assert_eq!(texts[3], "汉".repeat(32_767));
}

#[test]
fn sheet_names_are_such_as_excel_takes() {
    let mut book = begun();
    let long = "二〇二六年温州民营企业家节开幕式暨民营经济高质量发展论坛第一场（上午）";
    let wanted =
        ["A/B:C", "a b c", "'引'", "", "History", long, long, &"𠅤".repeat(20), "[x]?*", "\u{1}"];
    let names: Vec<String> =
        wanted.iter().map(|name| book.sheet(name, "题", columns()).unwrap()).collect();
    assert_eq!(names[..5], ["A B C", "a b c (2)", "引", "名单", "名单 (2)"]);
    assert!(
        names[6].ends_with("(2)") && names.iter().all(|name| name.encode_utf16().count() <= 31)
    );
    assert_eq!(read_back(book).sheet_names(), names);
}

#[test]
fn a_full_sheet_is_continued() {
    let mut book = begun();
    book.limit = 4;
    book.sheet("场", "题", columns()).unwrap();
    for name in ["一", "二", "三", "四", "五"] {
        book.row(&[Cell::Text(name)]).unwrap();
    }
    book.sheet("空", "题", vec![Column::new("一列", 9.0)]).unwrap();
    let mut read = read_back(book);
    assert_eq!(read.sheet_names(), ["场", "场 (2)", "场 (3)", "空"]);
    assert_eq!(texts(&mut read, "场"), ["题", "姓名", "一", "二"]);
    assert_eq!(texts(&mut read, "场 (2)"), ["题", "姓名", "三", "四"]);
    assert_eq!(texts(&mut read, "场 (3)"), ["题", "姓名", "五"]);
    assert_eq!(texts(&mut read, "空"), ["题", "一列"]);
}

#[test]
fn a_row_needs_a_sheet() {
    assert!(begun().row(&[Cell::Empty]).is_err());
    assert!(begun().sheet("无", "无", Vec::new()).is_ok());
    assert!(
        Workbook::new(
            Path::new("/nowhere"),
            &About {
                title: String::new(),
                author: String::new(),
                at: DateTime::UNIX_EPOCH,
                note: None
            }
        )
        .is_err()
    );
}
