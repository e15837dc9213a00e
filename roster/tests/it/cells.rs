//! §3 as rows see it: what one field does to another, and what rejects a row.

use serde_json::json;

use crate::made::{HEADER, PHONE, one, outcomes, text};

const FULL: &str = "姓名,性别,单位,职务,手机,身份证号,出生年月,民族";
/// A man born 1990-05 and a woman born 1985-07.
const MAN: &str = "33032819900508999X";
const WOMAN: &str = "330302198507089983";

#[test]
fn a_row_is_rejected_with_all_its_reasons_and_no_warnings() {
    let (_, codes) = one(FULL, "测试,？,厂,会长,169****1111,330302199302299990,保密,汉");
    assert_eq!(codes, ["ID_CHECKSUM", "ID_DATE", "PHONE_MASKED", "TEST_ROW"]);
    let report = text(&format!("{FULL}\n张 三,男,厂,会长,666,,,\n"));
    let record = &report.rows[0].record;
    assert_eq!(record.name.as_deref(), Some("张三"), "what is clean is shown to the organiser");
    assert_eq!((record.org.as_deref(), record.title.as_deref()), (Some("厂"), Some("会长")));
}

#[test]
fn an_accepted_row_carries_all_its_warnings() {
    let row = format!("张？,x,厂,会长,88001234/+85250003554,{MAN},保密,汉");
    let (data, codes) = one(FULL, &row);
    assert_eq!(
        codes,
        ["DATE_UNPARSED", "GENDER_UNKNOWN", "NAME_SUSPECT", "PHONE_FOREIGN", "PHONE_MULTIPLE"]
    );
    assert_eq!((&data["gender"], &data["birth"]), (&json!("男"), &json!("1990-05")));
}

#[test]
fn the_id_fills_gender_and_birth_or_disagrees() {
    let (data, codes) = one(FULL, &format!("张三,,厂,会长,{PHONE},{WOMAN},,"));
    assert_eq!((&data["gender"], &data["birth"]), (&json!("女"), &json!("1985-07")));
    assert!(codes.is_empty());
    let (data, codes) = one(FULL, &format!("张三,男,厂,会长,{PHONE},{WOMAN},1985.08,"));
    assert_eq!((&data["gender"], &data["birth"]), (&json!("男"), &json!("1985-08")));
    assert_eq!(codes, ["ID_BIRTH_MISMATCH", "ID_GENDER_MISMATCH"]);
    // Also when the list has no column for them.
    let (data, _) = one("姓名,单位,职务,手机,身份证号", &format!("张三,厂,会长,{PHONE},{WOMAN}"));
    assert_eq!((&data["gender"], &data["birth"]), (&json!("女"), &json!("1985-07")));
}

#[test]
fn the_mark_behind_a_name_fills_what_its_columns_leave_empty() {
    let (data, _) = one(FULL, &format!("张三（女，回）,,厂,会长,{PHONE},,,"));
    assert_eq!((&data["gender"], &data["ethnicity"]), (&json!("女"), &json!("回族")));
    let (data, _) = one(FULL, &format!("张三（女，回）,男,厂,会长,{PHONE},,,汉"));
    assert_eq!((&data["gender"], &data["ethnicity"]), (&json!("男"), &json!("汉族")));
}

#[test]
fn every_field_is_cleaned_as_its_own_kind() {
    let header = "姓名,单位及职务,手机,统一社会信用代码,党派,所属区域,住宿,用餐,是否参会,到达时间,车牌号,推荐商会,提交时间,课程意向,饮食禁忌,学号,组别,备注,我同意收集个人信息";
    let row = format!(
        "张三,温州仿川厂董事长,{PHONE},91350100m000100y43,民建,温州市鹿城区,是（单间）,自理,请假,11.1,浙c·1 2345,商会,2019-10-08 09:46:00,甲┋乙,清真,A1,一组,无,已阅读并同意"
    );
    let (data, codes) = one(header, &row);
    assert_eq!(codes, ["DATE_YEAR_ASSUMED"]);
    assert_eq!(
        data,
        json!({
            "name": "张三", "org": "温州仿川厂", "title": "董事长", "phone": PHONE, "phone_alt": [],
            "political": "民建会员", "district": "330302", "attending": false, "lodging": true,
            "dining": false, "arrive_at": "2019-11-01", "plate": "浙C12345", "student_no": "A1",
            "uscc": "91350100M000100Y43", "recommender": "商会", "group": "一组",
            "topics": ["甲", "乙"], "diet": "清真", "consent": true,
            "submitted_at": "2019-10-08T09:46:00+08:00", "note": "无",
        })
    );
}

#[test]
fn an_empty_cell_is_null_and_an_empty_list_empty() {
    let header = "姓名,单位,职务,手机,住宿,是否参会,到达时间,课程意向,所属区域,备注";
    let (data, codes) = one(header, &format!("张三,/,-,{PHONE},无,,N/A,(空),——,"));
    assert!(codes.is_empty());
    for key in ["org", "title", "lodging", "arrive_at", "district", "note"] {
        assert!(data[key].is_null(), "{key}");
    }
    assert_eq!((&data["attending"], &data["topics"]), (&json!(true), &json!([])));
}

#[test]
fn unclear_values_warn_and_are_null() {
    let header = "姓名,单位,职务,手机,住宿,统一社会信用代码,所属区域,到达时间";
    let (data, codes) =
        one(header, &format!("张三,厂,会长,{PHONE},1间,91350100M000100Y44,杭州,会前一天"));
    assert_eq!(codes, ["DATE_UNPARSED", "DISTRICT_UNKNOWN", "FLAG_UNCLEAR", "USCC_INVALID"]);
    for key in ["lodging", "uscc", "district", "arrive_at"] {
        assert!(data[key].is_null(), "{key}");
    }
}

#[test]
fn topics_in_columns_of_their_own_are_those_with_a_yes() {
    let header = "姓名,单位,职务,手机,\"3、希望学习的课程（多选）:品牌营销\",希望学习的课程：国际贸易,课程意向:其他";
    let (data, _) = one(header, &format!("张三,厂,会长,{PHONE},√,0,1"));
    assert_eq!(data["topics"], json!(["品牌营销", "其他"]));
    assert!(text(&format!("{header}\n")).unmapped_columns.is_empty());
}

#[test]
fn consent_counts_only_when_the_list_asks_for_it() {
    let asked = "姓名,单位,职务,手机,本人同意个人信息被收集";
    for (answer, codes) in
        [("同意", &[][..]), ("是", &[]), ("", &["CONSENT_MISSING"]), ("否", &["CONSENT_MISSING"])]
    {
        assert_eq!(one(asked, &format!("张三,厂,会长,{PHONE},{answer}")).1, codes, "{answer}");
    }
    let (data, codes) = one(HEADER, &format!("张三,男,厂,会长,{PHONE}"));
    assert!(codes.is_empty() && data.get("consent").is_none() && data.get("attending").is_none());
}

#[test]
fn what_protects_digits_in_a_csv_is_taken_off() {
    let row = format!("'张三,男,\"=\"\"厂\"\"\",会长,=\"{PHONE}\",'{MAN},,");
    let (data, codes) = one(FULL, &row);
    assert!(codes.is_empty());
    assert_eq!((&data["name"], &data["org"]), (&json!("张三"), &json!("厂")));
    assert_eq!((&data["phone"], &data["id_no"]), (&json!(PHONE), &json!(MAN)));
}

#[test]
fn encodings_and_delimiters_are_found_out() {
    let list = format!("{HEADER},备注\n㛃𠅤,男,厂,会长,{PHONE},\"a,b;c\"\n");
    let bom = format!("\u{FEFF}{list}");
    let gb = encoding_rs::GB18030.encode(&list).0.into_owned();
    let semi = list.replace(',', ";").replace("\"a;b;c\"", "\"a,b;c\"");
    let tabs = list.replace(',', "\t").replace("\"a\tb;c\"", "\"a,b;c\"");
    for (bytes, encoding, delimiter) in [
        (list.as_bytes(), "utf-8", ","),
        (bom.as_bytes(), "utf-8", ","),
        (&gb, "gb18030", ","),
        (semi.as_bytes(), "utf-8", ";"),
        (tabs.as_bytes(), "utf-8", "\t"),
    ] {
        // Names lie: the format is found in the bytes.
        let report =
            roster::read(bytes, "list.xlsx", &crate::made::options(roster::Profile::Event))
                .unwrap();
        let report = crate::made::json(&report);
        assert_eq!(
            (&report["encoding"], &report["delimiter"]),
            (&json!(encoding), &json!(delimiter))
        );
        let data = &report["accepted"][0]["data"];
        assert_eq!((&data["name"], &data["note"]), (&json!("㛃𠅤"), &json!("a,b;c")));
    }
}

#[test]
fn an_id_that_became_a_number_is_rejected() {
    let (_, codes) = one(FULL, &format!("张三,男,厂,会长,{PHONE},3.30383E+17,,"));
    assert_eq!(codes, ["ID_PRECISION_LOST"]);
    let report = text(&format!(
        "{FULL}\n张三,男,厂,会长,1.4234313232E+10,,,\n李四,男,厂,会长,1.6494E+10,,,\n"
    ));
    assert_eq!(outcomes(&report), ["2: kept", "3: rejected PHONE_PRECISION_LOST"]);
}
