//! The three samples of the contract give the reports it expects, byte for byte.

use std::path::Path;

use roster::{Options, Profile, Report};

type Sample = (&'static str, &'static str, Profile, (i32, u32, u32));
const SAMPLES: [Sample; 3] = [
    ("A-企业家节开幕式回执.xlsx", "A.expected.json", Profile::Event, (2019, 11, 1)),
    ("B-民营经济学院学员名册.csv", "B.expected.json", Profile::Class, (2019, 9, 16)),
    ("C-青蓝接力报名导出.xlsx", "C.expected.json", Profile::Form, (2019, 10, 20)),
];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples"))
}

fn read(file: &str, profile: Profile, (y, m, d): (i32, u32, u32)) -> Report {
    let bytes = std::fs::read(folder().join(file)).unwrap();
    let options = Options::new(profile, chrono::NaiveDate::from_ymd_opt(y, m, d).unwrap());
    roster::read(&bytes, file, &options).unwrap()
}

fn as_json(report: &Report) -> String {
    let mut out = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, indent);
    serde::Serialize::serialize(report, &mut serializer).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn samples_give_the_expected_reports() {
    for (file, expected, profile, day) in SAMPLES {
        let found = as_json(&read(file, profile, day));
        let expected = std::fs::read_to_string(folder().join(expected)).unwrap();
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let (f, e) = (value(&found), value(&expected));
        for (key, wanted) in e.as_object().unwrap() {
            if let (Some(found), Some(wanted)) = (f[key].as_array(), wanted.as_array()) {
                for (found, wanted) in found.iter().zip(wanted) {
                    assert_eq!(found, wanted, "{file} {key}");
                }
            }
            assert_eq!(&f[key], wanted, "{file} {key}");
        }
        assert_eq!(found, expected, "{file}: the order of keys");
    }
}

#[test]
fn the_copies_have_not_drifted() {
    let originals = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples");
    if originals.exists() {
        for (file, expected, ..) in SAMPLES {
            for name in [file, expected] {
                let copy = std::fs::read(folder().join(name)).unwrap();
                assert_eq!(copy, std::fs::read(originals.join(name)).unwrap(), "{name}");
            }
        }
    }
}
