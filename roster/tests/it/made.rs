//! Lists made for a test: text as it is, workbooks from the XML of their sheets.

use std::io::{Cursor, Write};

use roster::{Code, Options, Outcome, Profile, Report, Row, Unreadable};
use serde_json::Value;

pub(crate) const HEADER: &str = "姓名,性别,单位,职务,手机";
/// Mobiles nobody has.
pub(crate) const PHONE: &str = "14212345678";

pub(crate) fn options(profile: Profile) -> Options {
    Options::new(profile, chrono::NaiveDate::from_ymd_opt(2019, 11, 1).unwrap())
}

pub(crate) fn text(list: &str) -> Report {
    text_as(Profile::Event, list)
}

pub(crate) fn text_as(profile: Profile, list: &str) -> Report {
    roster::read(list.as_bytes(), "list.csv", &options(profile)).unwrap()
}

/// One row under a header: its record as JSON when kept, and its codes.
pub(crate) fn one(header: &str, row: &str) -> (Value, Vec<&'static str>) {
    let report = text(&format!("{header}\n{row}\n"));
    assert_eq!(report.rows.len(), 1, "{row}");
    let data = json(&report)["accepted"][0]["data"].clone();
    (data, codes(&report.rows[0]))
}

pub(crate) fn json(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

pub(crate) fn codes(row: &Row) -> Vec<&'static str> {
    row.codes.iter().copied().map(Code::as_str).collect()
}

/// Every data row as `number: outcome [codes]`.
pub(crate) fn outcomes(report: &Report) -> Vec<String> {
    let of = |row: &Row| {
        let outcome = match &row.outcome {
            Outcome::Kept { merged } if merged.is_empty() => "kept".to_owned(),
            Outcome::Kept { merged } => format!("kept with {merged:?}"),
            Outcome::Merged { into } => format!("merged into {into}"),
            Outcome::Rejected => "rejected".to_owned(),
        };
        format!("{}: {outcome} {}", row.number, codes(row).join(" ")).trim_end().to_owned()
    };
    report.rows.iter().map(of).collect()
}

/// A workbook of sheets given as XML.
#[derive(Default)]
pub(crate) struct Book {
    sheets: Vec<(String, &'static str, String)>,
    pub(crate) is_1904: bool,
    pub(crate) strings: String,
    pub(crate) extra: Vec<(&'static str, Vec<u8>)>,
}

impl Book {
    /// A workbook of one visible sheet.
    pub(crate) fn of(rows: &[String]) -> Self {
        Self::default().sheet("名单", "visible", &sheet(rows, &[]))
    }

    pub(crate) fn sheet(mut self, name: &str, state: &'static str, xml: &str) -> Self {
        self.sheets.push((name.to_owned(), state, xml.to_owned()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let mut add = |name: &str, content: &[u8]| {
            let plain = zip::write::SimpleFileOptions::default();
            zip.start_file(name, plain).unwrap();
            zip.write_all(content).unwrap();
        };
        let relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let mut sheets = String::new();
        let mut relations = format!(
            "<Relationship Id=\"st\" Type=\"{relation}/styles\" Target=\"styles.xml\"/>\
             <Relationship Id=\"ss\" Type=\"{relation}/sharedStrings\" Target=\"sharedStrings.xml\"/>"
        );
        for (at, (name, state, xml)) in self.sheets.iter().enumerate() {
            sheets += &format!(
                "<sheet name=\"{name}\" sheetId=\"{at}\" state=\"{state}\" r:id=\"r{at}\"/>"
            );
            relations += &format!(
                "<Relationship Id=\"r{at}\" Type=\"{relation}/worksheet\" Target=\"worksheets/s{at}.xml\"/>"
            );
            add(&format!("xl/worksheets/s{at}.xml"), xml.as_bytes());
        }
        let system = u8::from(self.is_1904);
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        for (name, content) in [
            (
                "_rels/.rels",
                format!(
                    "<Relationships><Relationship Id=\"w\" Type=\"{relation}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
                ),
            ),
            (
                "xl/workbook.xml",
                format!(
                    "<workbook xmlns=\"{main}\" xmlns:r=\"{relation}\"><workbookPr date1904=\"{system}\"/><sheets>{sheets}</sheets></workbook>"
                ),
            ),
            ("xl/_rels/workbook.xml.rels", format!("<Relationships>{relations}</Relationships>")),
            (
                "xl/styles.xml",
                format!(
                    "<styleSheet xmlns=\"{main}\"><numFmts><numFmt numFmtId=\"170\" formatCode=\"yyyy&quot;年&quot;m&quot;月&quot;\"/></numFmts><cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"22\"/><xf numFmtId=\"170\"/></cellXfs></styleSheet>"
                ),
            ),
            (
                "xl/sharedStrings.xml",
                format!(
                    "<sst xmlns=\"{main}\" uniqueCount=\"99999999999999\">{}</sst>",
                    self.strings
                ),
            ),
        ] {
            add(name, content.as_bytes());
        }
        for (name, content) in &self.extra {
            add(name, content);
        }
        zip.finish().unwrap().into_inner()
    }

    pub(crate) fn try_read(&self, profile: Profile) -> Result<Report, Unreadable> {
        roster::read(&self.bytes(), "list.xlsx", &options(profile))
    }

    pub(crate) fn read(&self) -> Report {
        self.try_read(Profile::Event).unwrap()
    }
}

/// A sheet of rows and merges, with a used range as inflated as can be.
pub(crate) fn sheet(rows: &[String], merges: &[&str]) -> String {
    let merges: String = merges.iter().map(|m| format!("<mergeCell ref=\"{m}\"/>")).collect();
    format!(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">\
         <dimension ref=\"A1:XFD1048576\"/><sheetData>{}</sheetData><mergeCells>{merges}</mergeCells></worksheet>",
        rows.concat()
    )
}

/// A row of cells from column A. What a cell is stands before its text: `n:` a number, `d:` a date, `m:` a
/// month, `e:` an error, `f:` a formula with its cached text, `b:` a flag, `s:` a shared string, `x:` XML.
pub(crate) fn row(number: u32, cells: &[&str]) -> String {
    row_with(number, "", cells)
}

pub(crate) fn row_with(number: u32, attributes: &str, cells: &[&str]) -> String {
    let cells: String = cells
        .iter()
        .enumerate()
        .map(|(at, cell)| {
            let place = format!("{}{number}", char::from(b'A' + u8::try_from(at).unwrap()));
            match cell.split_once(':') {
                _ if cell.is_empty() => format!("<c r=\"{place}\" s=\"1\"/>"),
                Some(("n", v)) => format!("<c r=\"{place}\"><v>{v}</v></c>"),
                Some(("d", v)) => format!("<c r=\"{place}\" s=\"1\"><v>{v}</v></c>"),
                Some(("m", v)) => format!("<c r=\"{place}\" s=\"2\"><v>{v}</v></c>"),
                Some(("e", v)) => format!("<c r=\"{place}\" t=\"e\"><v>{v}</v></c>"),
                Some(("b", v)) => format!("<c r=\"{place}\" t=\"b\"><v>{v}</v></c>"),
                Some(("s", v)) => format!("<c r=\"{place}\" t=\"s\"><v>{v}</v></c>"),
                Some(("f", v)) => format!("<c r=\"{place}\" t=\"str\"><f>A1&amp;\"x\"</f><v>{v}</v></c>"),
                Some(("x", v)) => format!("<c r=\"{place}\" {v}</c>"),
                _ => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{cell}</t></is></c>"),
            }
        })
        .collect();
    format!("<row r=\"{number}\" {attributes}>{cells}</row>")
}

/// The header of [`HEADER`] as a row.
pub(crate) fn header(number: u32) -> String {
    row(number, &HEADER.split(',').collect::<Vec<_>>())
}
