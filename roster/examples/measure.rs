//! Writes a workbook of as many people as asked (20,000), reads it, and says how long that took and how much
//! memory the process needed at most. Run with `cargo run --release -p roster --example measure -- 20000`.

use std::time::Instant;

use roster::{Options, Profile};
use rust_xlsxwriter::Workbook;

const LABELS: [&str; 15] = [
    "序号",
    "县（市、区）",
    "姓名",
    "性别",
    "单位名称",
    "职务",
    "手机号码",
    "身份证号",
    "民族",
    "政治面貌",
    "是否参会",
    "是否住宿",
    "抵达时间",
    "车牌号",
    "备注",
];

fn workbook(people: u32) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_row(0, 0, LABELS)?;
    for n in 0..people {
        let row = n + 1;
        sheet.write(row, 0, row)?;
        let (name, org) = (format!("张{n}甲"), format!("温州市仿川第{n}汽车零部件有限公司"));
        let (phone, plate) = (format!("142{n:08}"), format!("浙C·A{n:05}"));
        let cells = [
            "鹿城区",
            &name,
            "男",
            &org,
            "董事长兼总经理",
            &phone,
            "",
            "汉",
            "党员",
            "参加",
            "√",
            "10月31日下午3点半",
            &plate,
            "清真",
        ];
        sheet.write_row(row, 1, cells)?;
    }
    Ok(book.save_to_buffer()?)
}

/// Peak resident memory of this process in MB, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb / 1024)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "20000".to_owned());
    let bytes = match argument.parse() {
        Ok(people) => {
            // Written by a process of its own, so that its memory does not count here.
            let path = std::env::temp_dir().join(format!("roster-{people}.xlsx"));
            if !path.exists() {
                std::fs::write(&path, workbook(people)?)?;
                println!("wrote {}; run again to measure", path.display());
                return Ok(());
            }
            std::fs::read(path)?
        }
        Err(_) => std::fs::read(&argument)?,
    };
    let day = chrono::NaiveDate::from_ymd_opt(2019, 11, 1).ok_or("no such day")?;
    let started = Instant::now();
    let report = roster::read(&bytes, &argument, &Options::new(Profile::Event, day))?;
    println!(
        "{} bytes, {:?}, {:?}, peak {:?} MB",
        bytes.len(),
        started.elapsed(),
        report.counts(),
        peak()
    );
    Ok(())
}
