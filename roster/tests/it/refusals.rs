//! Files that cannot be taken at all, and their bounds.

use roster::{Lang, Profile, Unreadable};

use crate::made::{Book, HEADER, PHONE, header, options, row, row_with, sheet};

fn refusal(bytes: &[u8]) -> Option<Unreadable> {
    roster::read(bytes, "名单.xlsx", &options(Profile::Event)).err()
}

fn compound(inside: &str) -> Vec<u8> {
    let mut bytes = vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    bytes.resize(2000, 0);
    bytes.extend(inside.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

#[test]
fn each_kind_of_wrong_file_is_told_by_its_bytes() {
    let book = Book::of(&[header(1)]).bytes();
    let mut not_a_book = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    not_a_book.start_file("mimetype", zip::write::SimpleFileOptions::default()).unwrap();
    let not_a_book = not_a_book.finish().unwrap().into_inner();
    let noise: Vec<u8> =
        (0..5000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0] | 1).collect();
    for (bytes, expected) in [
        (Vec::new(), Unreadable::Empty),
        (b" \r\n\n".to_vec(), Unreadable::Empty),
        (b"\xEF\xBB\xBF".to_vec(), Unreadable::Empty),
        (compound("EncryptedPackage"), Unreadable::Encrypted),
        (compound("Workbook"), Unreadable::OldExcel),
        (b"\xEF\xBB\xBF \n<html><table>".to_vec(), Unreadable::WebPage),
        (b"<?xml version=\"1.0\"?><Workbook>".to_vec(), Unreadable::WebPage),
        (b"<!DOCTYPE html>".to_vec(), Unreadable::WebPage),
        (
            "<table><tr><td>姓名".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Unreadable::WebPage,
        ),
        (b"PK\x03\x04 nothing more".to_vec(), Unreadable::Damaged),
        (book[..book.len() / 2].to_vec(), Unreadable::Damaged),
        (not_a_book, Unreadable::NotAWorkbook),
        (b"%PDF-1.7\n\0\x01\x02".to_vec(), Unreadable::NotText),
        (noise, Unreadable::NotText),
        ("一封信\n没有表头\n".into(), Unreadable::NoHeader),
        (Book::of(&[row(1, &["姓名", "性别"])]).bytes(), Unreadable::NoHeader),
        (Book::default().bytes(), Unreadable::NoHeader),
        (vec![b' '; roster::MAX_BYTES + 1], Unreadable::TooLarge),
    ] {
        assert_eq!(refusal(&bytes), Some(expected), "{:?}", &bytes[..bytes.len().min(30)]);
        assert!(
            !expected.message(Lang::Zh).is_empty() && expected.to_string().is_ascii()
                || expected == Unreadable::NoHeader
        );
    }
}

#[test]
fn a_sheet_that_breaks_off_is_damage_not_a_short_list() {
    let xml = sheet(&[header(1), row(2, &["张三", "男", "厂", "会长", PHONE])], &[]);
    let cut = xml.split("会长").next().unwrap();
    let book = Book::default().sheet("a", "visible", cut);
    assert_eq!(refusal(&book.bytes()), Some(Unreadable::Damaged));
}

#[test]
fn rows_are_counted_below_the_header_and_only_when_they_hold_something() {
    let person = |n| row(n, &["张三", "男", "厂", "会长", PHONE]);
    let book = |last| Book::of(&[row(1, &["名单"]), header(2), person(3), person(last)]).bytes();
    assert_eq!(refusal(&book(50_002)), None);
    assert_eq!(refusal(&book(50_003)), Some(Unreadable::TooManyRows));
    let list = |n: usize| format!("{HEADER}\n{}", format!("张三,男,厂,会长,{PHONE}\n").repeat(n));
    assert_eq!(refusal(format!("{}\n\n,,,\n", list(50_000)).as_bytes()), None);
    assert_eq!(refusal(list(50_001).as_bytes()), Some(Unreadable::TooManyRows));
}

#[test]
fn columns_are_counted_only_when_they_hold_something() {
    let far = |cell: &str| {
        row_with(2, "", &["张三", "男", "厂", "会长", PHONE])
            .replace("</row>", &format!("{cell}</row>"))
    };
    let book = |cell: &str| Book::of(&[header(1), far(cell)]).bytes();
    assert_eq!(refusal(&book("<c r=\"GR2\"><v>1</v></c>")), None, "column 200");
    assert_eq!(refusal(&book("<c r=\"GS2\"><v>1</v></c>")), Some(Unreadable::TooManyColumns));
    assert_eq!(refusal(&book("<c r=\"XFD2\" s=\"1\"/>")), None);
    assert_eq!(refusal(&book("<c r=\"XFD2\" t=\"inlineStr\"><is><t> </t></is></c>")), None);
    let list = |commas: usize, last: &str| {
        format!("{HEADER}\n张三,男,厂,会长,{PHONE}{}{last}\n", ",".repeat(commas))
    };
    assert_eq!(refusal(list(195, "x").as_bytes()), None);
    assert_eq!(refusal(list(196, "x").as_bytes()), Some(Unreadable::TooManyColumns));
    assert_eq!(refusal(list(20_000, "").as_bytes()), None);
}

#[test]
fn bombs_are_found_by_unzipping_not_by_what_they_declare() {
    let mut book = Book::of(&[header(1)]);
    book.extra.push(("xl/media/x.bin", vec![0; 3 * 1024 * 1024]));
    assert_eq!(refusal(&book.bytes()), Some(Unreadable::Bomb));
    // Every size that declares the length of the sheet becomes 7.
    let xml = sheet(&[header(1), " ".repeat(3 * 1024 * 1024)], &[]);
    let mut bytes = Book::default().sheet("a", "visible", &xml).bytes();
    assert_eq!(refusal(&bytes), Some(Unreadable::Bomb));
    let size = u32::try_from(xml.len()).unwrap().to_le_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(4).position(|window| window == size) {
        at += found;
        bytes[at..at + 4].copy_from_slice(&7_u32.to_le_bytes());
    }
    let lying = refusal(&bytes);
    assert!(matches!(lying, Some(Unreadable::Bomb | Unreadable::Damaged)), "{lying:?}");
}
