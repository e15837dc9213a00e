//! What rust_xlsxwriter takes by itself for an attendance list of so many rows that are in memory; prints the seconds.
//! The limit that `bench/` measures the export of a workbook against.

use std::time::Instant;

use rust_xlsxwriter::Workbook;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u32 = std::env::args().nth(1).ok_or("how many rows?")?.parse()?;
    let rows: Vec<[String; 11]> = (1..=count)
        .map(|nth| {
            [
                format!("张三{nth}"),
                "温州某某有限公司".to_owned(),
                "董事长".to_owned(),
                format!("1690{nth:07}"),
                "企业家".to_owned(),
                String::new(),
                String::new(),
                "出勤".to_owned(),
                "2026-11-01 09:00:00".to_owned(),
                "东门".to_owned(),
                String::new(),
            ]
        })
        .collect();
    let started = Instant::now();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory()?;
    for (row, cells) in (0..).zip(&rows) {
        sheet.write_number(row, 0, row + 1)?;
        for (column, cell) in (1..).zip(cells) {
            if !cell.is_empty() {
                sheet.write_string(row, column, cell)?;
            }
        }
    }
    let written = book.save_to_buffer()?;
    assert!(!written.is_empty());
    println!("{}", started.elapsed().as_secs_f64());
    Ok(())
}
