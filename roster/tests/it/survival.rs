//! No bytes make the library panic, hang or read a person that is not there.

use proptest::prelude::*;
use roster::{Profile, clean};

use crate::made::{Book, HEADER, header, options, row, sheet};

fn sample(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples");
    let found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let path = found.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(name));
    std::fs::read(path.into_iter().find(|path| path.extension().unwrap() != "json").unwrap())
        .unwrap()
}

/// Reads and, when that works, writes the report; no panic is caught here but in the library.
fn survives(bytes: &[u8]) {
    for profile in [Profile::Event, Profile::Form] {
        if let Ok(report) = roster::read(bytes, "x", &options(profile)) {
            let counts = report.counts();
            assert_eq!(counts.data_rows, counts.accepted_rows + counts.rejected_rows);
            assert_eq!(counts.persons, counts.accepted_rows - counts.merged_rows);
            serde_json::to_string(&report).unwrap();
        }
    }
}

/// Makes a panic that the library catches end the test all the same.
fn no_panic_is_caught() {
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            let is_ours = info.location().is_some_and(|at| at.file().contains("tests/it"));
            let here =
                std::thread::current().name().is_some_and(|name| name.starts_with("survival"));
            if here && !is_ours {
                std::process::abort();
            }
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000), zip in any::<bool>()) {
        no_panic_is_caught();
        let bytes = if zip { [b"PK\x03\x04".as_slice(), &bytes].concat() } else { bytes };
        survives(&bytes);
    }

    #[test]
    fn any_cells(cells in proptest::collection::vec("[\\PC\n\",;]{0,40}", 0..60)) {
        no_panic_is_caught();
        let list: Vec<String> = cells.chunks(5).map(|row| row.join(",")).collect();
        survives(format!("{HEADER}\n{}\n", list.join("\n")).as_bytes());
        let header = "姓名,手机,身份证号,统一社会信用代码,抵达时间,出生年月,所属区域,单位及职务,住宿,民族";
        let list: Vec<String> = cells.chunks(10).map(|row| row.join("\t")).collect();
        survives(format!("{}\n{}\n", header.replace(',', "\t"), list.join("\n")).as_bytes());
    }

    #[test]
    fn any_xml(xml in "(<(row|c|v|is|t|si|mergeCell|/row|/c|/v|/is|sheetData|/sheetData)( (r|s|t|ref|hidden)=\"[A-Z0-9:]{0,9}\")*/?>|[0-9.eE-]{0,6}|&[a-z#]{0,4};){0,60}") {
        no_panic_is_caught();
        let rows = [header(1), xml.clone()];
        survives(&Book::of(&rows).bytes());
        let mut book = Book::default().sheet("a", "visible", &xml).sheet("b", "visible", &sheet(&rows, &[&xml]));
        book.strings = xml;
        survives(&book.bytes());
    }

    #[test]
    fn any_text_in_every_cleaner(text in "\\PC{0,40}|[0-9Ee+./年月日时点半:-]{0,14}|[（()）女男,回族姓张.·]{0,9}") {
        let day = options(Profile::Event).event_date;
        let _ = (clean::name(&text), clean::phone(&text, "0577"), clean::id_no(&text), clean::uscc(&text));
        let _ = (clean::moment(&text, day), clean::birth(&text), clean::district(&text), clean::flag(&text));
        let _ = (clean::position(&text), clean::topics(&text), clean::gender(&text), clean::plate(&text));
        // Cleaning what is clean changes nothing.
        if let Some(once) = clean::text(&text) {
            prop_assert_eq!(clean::text(&once), Some(once.clone()));
        }
        if let Some(name) = clean::name(&text).value && let Some(again) = clean::name(&name).value {
            prop_assert!(again.chars().count() <= name.chars().count());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn broken_samples(which in 0..3_usize, hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40), cut in any::<Option<prop::sample::Index>>()) {
        no_panic_is_caught();
        let mut bytes = sample(["A-", "B-", "C-"][which]);
        for (at, byte) in &hits {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        survives(&bytes);
    }

    #[test]
    fn broken_sheets(hits in proptest::collection::vec((any::<prop::sample::Index>(), "[<>\"/&;= \u{0}A-Z0-9]"), 1..20)) {
        no_panic_is_caught();
        let mut xml: Vec<char> = sheet(&[header(1), row(2, &["张三", "n:1", "d:4e9", "e:#N/A", "s:1"])], &["A2:A9"]).chars().collect();
        for (at, with) in &hits {
            let at = at.index(xml.len());
            xml[at] = with.chars().next().unwrap();
        }
        let xml: String = xml.into_iter().collect();
        survives(&Book::default().sheet("a", "visible", &xml).bytes());
    }
}

#[test]
fn a_hostile_list_takes_no_more_than_linear_time() {
    let started = std::time::Instant::now();
    let one = format!("{HEADER}\n{}", "张三,男,厂,会长,14212345678\n".repeat(50_000));
    survives(one.as_bytes());
    let id = |n: u32| format!("张三,男,厂,会长,14212345678,G{n:08}\n");
    let ids: String = (0..50_000).map(id).collect();
    survives(format!("{HEADER},身份证号\n{ids}").as_bytes());
    let mut cells = format!("{HEADER}\n");
    cells += &format!(
        "{},男,{},{},{}\n",
        "张.".repeat(400_000),
        "长".repeat(300_000),
        "兼".repeat(300_000),
        "1,".repeat(90)
    );
    survives(cells.as_bytes());
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
