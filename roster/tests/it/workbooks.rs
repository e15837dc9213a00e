//! Workbooks written and read by others: `rust_xlsxwriter` writes what we read, calamine reads what we read.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use roster::Profile;
use rust_xlsxwriter::{Format, Formula, Workbook};

use crate::made::{json, options, outcomes};

#[test]
fn a_workbook_of_another_writer_is_read() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let plain = Format::new();
    sheet.merge_range(0, 0, 0, 5, "参会回执", &plain).unwrap();
    for (at, label) in ["姓名", "单位", "职务", "手机", "抵达时间", "备注"].into_iter().enumerate()
    {
        sheet.write(1, u16::try_from(at).unwrap(), label).unwrap();
    }
    let day = Format::new().set_num_format("yyyy-mm-dd hh:mm");
    for (row, name) in [(2, "麻欢"), (3, "尤东")] {
        sheet.write(row, 0, name).unwrap();
        sheet.write(row, 3, 14_212_345_676.0 + f64::from(row)).unwrap();
        sheet.write_with_format(row, 4, 43_769.375, &day).unwrap();
        sheet.write_formula(row, 5, Formula::new("=1+1").set_result("早到")).unwrap();
    }
    sheet.merge_range(2, 1, 3, 1, "温州仿川厂", &plain).unwrap();
    sheet.set_row_hidden(3).unwrap();
    let report =
        roster::read(&book.save_to_buffer().unwrap(), "x", &options(Profile::Event)).unwrap();
    assert_eq!(outcomes(&report), ["3: kept", "4: kept HIDDEN_ROW"]);
    for at in 0..2 {
        let data = &json(&report)["accepted"][at]["data"];
        assert_eq!(data["org"], "温州仿川厂");
        assert_eq!(data["arrive_at"], "2019-10-31T09:00:00+08:00");
        assert_eq!(data["note"], "早到");
    }
}

/// The people we keep of a sample are where calamine sees them, under the names it sees.
#[test]
fn calamine_sees_the_same_cells() {
    for (file, sheet, name_column, profile) in [
        ("A-企业家节开幕式回执.xlsx", "回执汇总", 2, Profile::Event),
        ("C-青蓝接力报名导出.xlsx", "Sheet1", 6, Profile::Form),
    ] {
        let path = format!("{}/tests/samples/{file}", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).unwrap();
        let report = roster::read(&bytes, file, &options(profile)).unwrap();
        let mut book = Xlsx::new(Cursor::new(&bytes)).unwrap();
        let cells = book.worksheet_range(sheet).unwrap();
        let mut seen = 0;
        for row in &report.rows {
            let cell = cells.get_value((row.number - 1, name_column));
            let theirs = match cell {
                Some(Data::String(text)) => roster::clean::name(text).value,
                _ => None,
            };
            assert_eq!(row.record.name, theirs, "{file} {}", row.number);
            seen += 1;
        }
        assert!(seen > 100);
    }
}
