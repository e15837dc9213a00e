//! §4: who is the same person, and what becomes of their rows.

use roster::Profile::{Class, Event, Form};
use serde_json::json;

use crate::made::{json as report_json, outcomes, text_as};

const HEADER: &str = "姓名,手机,身份证号,单位,职务,备注,提交时间,是否参会";
const A: &str = "14212345671";
const B: &str = "14212345672";
const ID: &str = "33032819900508999X";
const ID2: &str = "330302198507089983";

fn list(profile: roster::Profile, rows: &[&str]) -> Vec<String> {
    outcomes(&text_as(profile, &format!("{HEADER}\n{}\n", rows.join("\n"))))
}

#[test]
fn rows_of_one_person_are_joined() {
    let cases: &[(&[&str], &[&str])] = &[
        // By name and phone when an id is missing on either side.
        (
            &[&format!("张三,{A},,厂,,,,"), &format!("张 三,+86 {A},,厂,,,,")],
            &["2: kept with [3]", "3: merged into 2"],
        ),
        (
            &[&format!("张三,{A},{ID},,,,,"), &format!("张三,{A},,,,,,")],
            &["2: kept with [3]", "3: merged into 2"],
        ),
        // By id, even with another phone.
        (
            &[&format!("张三,{A},{ID},,,,,"), &format!("张三,{B},{ID},,,,,")],
            &["2: kept with [3] DUP_CONFLICT", "3: merged into 2"],
        ),
        // Two ids are two persons, whatever else is the same.
        (
            &[&format!("张三,{A},{ID},,,,,"), &format!("张三,{A},{ID2},,,,,")],
            &["2: kept PHONE_SHARED SAME_NAME", "3: kept PHONE_SHARED SAME_NAME"],
        ),
        (
            &[&format!("张三,{A},,,,,,"), &format!("张三,{B},,,,,,")],
            &["2: kept SAME_NAME", "3: kept SAME_NAME"],
        ),
        (
            &[&format!("张三,{A},,,,,,"), &format!("李四,{A},,,,,,")],
            &["2: kept PHONE_SHARED", "3: kept PHONE_SHARED"],
        ),
        // The first row takes the id of the second, so the third is somebody else.
        (
            &[
                &format!("张三,{A},,,,,,"),
                &format!("张三,{A},{ID},,,,,"),
                &format!("张三,{A},{ID2},,,,,"),
            ],
            &[
                "2: kept with [3] PHONE_SHARED SAME_NAME",
                "3: merged into 2",
                "4: kept PHONE_SHARED SAME_NAME",
            ],
        ),
        // The phone of a merged row leads to the person as well.
        (
            &[
                &format!("张三,{A},{ID},,,,,"),
                &format!("张三,{B},{ID},,,,,"),
                &format!("张三,{B},,,,,,"),
            ],
            &["2: kept with [3, 4] DUP_CONFLICT", "3: merged into 2", "4: merged into 2"],
        ),
        // Rejected rows take no part.
        (&["张三,1,,,,,,", &format!("张三,{A},,,,,,")], &["2: rejected PHONE_INVALID", "3: kept"]),
    ];
    for (rows, expected) in cases {
        for profile in [Event, Class] {
            assert_eq!(list(profile, rows), *expected, "{rows:?}");
        }
    }
}

#[test]
fn the_first_row_is_filled_and_keeps_what_it_has() {
    let rows = format!(
        "{HEADER}\n张三,{A},,厂,,甲,,\n张三,{A},,店,会长,乙,2019-10-01,\n张三,{A},,厂,书记,丙,,\n"
    );
    let report = report_json(&text_as(Event, &rows));
    let data = &report["accepted"][0]["data"];
    assert_eq!((&data["org"], &data["title"]), (&json!("厂"), &json!("会长")));
    assert_eq!((&data["note"], &data["submitted_at"]), (&json!("甲"), &json!("2019-10-01")));
    assert_eq!(report["warnings"], json!([{"row": 2, "code": "DUP_CONFLICT"}]));
    assert_eq!(
        report["counts"],
        json!({"data_rows": 3, "accepted_rows": 3, "rejected_rows": 0, "merged_rows": 2, "persons": 1})
    );
    // A different note alone is no conflict; an empty one is filled.
    let rows = format!("{HEADER}\n张三,{A},,,,,,\n张三,{A},,,,乙,,\n张三,{A},,,,丙,,\n");
    let report = report_json(&text_as(Class, &rows));
    assert_eq!(report["warnings"], json!([]));
    assert_eq!(report["accepted"][0]["data"]["note"], "乙");
    // Coming and not coming is one.
    assert_eq!(
        list(Event, &[&format!("张三,{A},,,,,,参加"), &format!("张三,{A},,,,,,请假")])[0],
        "2: kept with [3] DUP_CONFLICT"
    );
}

#[test]
fn warnings_of_merged_rows_are_not_reported() {
    let rows = [&*format!("张三,{A},,厂,,,,"), &format!("张三,{A},,厂,,,会前,")];
    assert_eq!(list(Event, &rows), ["2: kept with [3]", "3: merged into 2"]);
}

#[test]
fn in_a_form_the_latest_submission_wins_whole() {
    let report = text_as(
        Form,
        &format!(
            "{HEADER}\n张三,{A},,,会长,,2019-10-02 08:00,\n张三,{A},,厂,,,2019-10-03,\n张三,{A},,店,书记,,2019-10-01,\n"
        ),
    );
    assert_eq!(outcomes(&report), ["2: merged into 3", "3: kept with [2, 4]", "4: merged into 3"]);
    let record = &report.rows[1].record;
    assert_eq!((record.org.as_deref(), record.title.as_deref()), (Some("厂"), None));
    // Without times, or with the same, the one further down.
    let same = format!("张三,{A},,,,,2019-10-02,");
    assert_eq!(list(Form, &[&same, &same])[1], "3: kept with [2]");
    assert_eq!(list(Form, &[&same, &format!("张三,{A},,,,,,")])[0], "2: kept with [3]");
}

#[test]
fn a_later_refusal_withdraws_consent() {
    let form = |rows: &[&str]| {
        let list = format!(
            "姓名,手机,单位,职务,提交时间,同意收集个人信息,身份证号\n{}\n",
            rows.join("\n")
        );
        outcomes(&text_as(Form, &list))
    };
    let yes = |day: &str| format!("张三,{A},,,{day},同意");
    let no = |day: &str| format!("张三,{A},,,{day},否");
    assert_eq!(
        form(&[&yes("2019-10-01"), &yes("2019-10-02"), &no("2019-10-03"), &yes("2019-10-04")]),
        [
            "2: rejected CONSENT_WITHDRAWN",
            "3: rejected CONSENT_WITHDRAWN",
            "4: rejected CONSENT_MISSING",
            "5: kept"
        ]
    );
    // Later by time, not by place.
    assert_eq!(form(&[&no("2019-10-03"), &yes("2019-10-01")])[1], "3: rejected CONSENT_WITHDRAWN");
    assert_eq!(form(&[&yes("2019-10-03"), &no("2019-10-01")])[0], "2: kept");
    // By place when a time is missing or the same.
    assert_eq!(form(&[&yes(""), &no("2019-10-01")])[0], "2: rejected CONSENT_WITHDRAWN");
    assert_eq!(form(&[&no(""), &yes("2019-10-01")])[1], "3: kept");
    assert_eq!(form(&[&yes("2019-10-01"), &no("2019-10-01")])[0], "2: rejected CONSENT_WITHDRAWN");
    // Somebody else's refusal, or one rejected for more than that, withdraws nothing.
    assert_eq!(form(&[&yes("2019-10-01"), &format!("张三,{B},,,2019-10-03,否")])[0], "2: kept");
    let faulty = format!("{},1", no("2019-10-03"));
    assert_eq!(form(&[&yes("2019-10-01"), &faulty])[0], "2: kept");
    assert_eq!(form(&[&yes("2019-10-01"), &no("")])[0], "2: rejected CONSENT_WITHDRAWN");
    // Only a form has this rule.
    let event = format!(
        "姓名,手机,单位,职务,提交时间,同意收集个人信息\n{}\n{}\n",
        yes("2019-10-01"),
        no("2019-10-03")
    );
    assert_eq!(outcomes(&text_as(Event, &event))[0], "2: kept");
}
