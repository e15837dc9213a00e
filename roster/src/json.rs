//! The report as JSON, key by key as the contract shows it (§5).

use std::collections::BTreeSet;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::{Code, Field, Outcome, Profile, Record, Report, Source};

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("spec", "IMPORT-SPEC v1")?;
        map.serialize_entry("file", &self.file)?;
        map.serialize_entry("profile", &self.profile)?;
        map.serialize_entry("event_date", &self.event_date)?;
        match &self.source {
            Source::Workbook { sheet, sheets_ignored } => {
                map.serialize_entry("sheet", sheet)?;
                map.serialize_entry("sheets_ignored", sheets_ignored)?;
            }
            Source::Text { encoding, delimiter } => {
                map.serialize_entry("encoding", encoding)?;
                map.serialize_entry("delimiter", delimiter)?;
            }
        }
        map.serialize_entry("header_rows", &self.header_rows)?;
        map.serialize_entry("unmapped_columns", &self.unmapped_columns)?;
        map.serialize_entry("counts", &self.counts())?;
        map.serialize_entry("by_code", &self.by_code())?;
        map.serialize_entry("by_warning", &self.by_warning())?;
        map.serialize_entry("by_gender", &self.by_gender())?;
        map.serialize_entry("by_district", &self.by_district())?;
        map.serialize_entry("skipped", &self.skipped)?;
        map.serialize_entry("blank_rows", &self.blank_rows)?;
        map.serialize_entry("rejected", &Rejections(self))?;
        map.serialize_entry("warnings", &Warnings(self))?;
        map.serialize_entry("accepted", &Accepted(self))?;
        map.end()
    }
}

struct Rejections<'a>(&'a Report);

impl Serialize for Rejections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Rejection {
            row: u32,
            codes: BTreeSet<Code>,
        }
        let mut list = serializer.serialize_seq(None)?;
        for row in self.0.rejected() {
            let codes = row.codes.iter().copied().filter(|code| code.rejects()).collect();
            list.serialize_element(&Rejection { row: row.number, codes })?;
        }
        list.end()
    }
}

struct Warnings<'a>(&'a Report);

impl Serialize for Warnings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Warning {
            row: u32,
            code: Code,
        }
        serializer.collect_seq(self.0.warnings().map(|(row, code)| Warning { row, code }))
    }
}

struct Accepted<'a>(&'a Report);

impl Serialize for Accepted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Acceptance<'a> {
            row: u32,
            merged_rows: &'a [u32],
            data: Data<'a>,
        }
        let Report { profile, fields, .. } = self.0;
        let mut list = serializer.serialize_seq(None)?;
        for row in &self.0.rows {
            if let Outcome::Kept { merged } = &row.outcome {
                let data = Data { record: &row.record, profile: *profile, fields };
                list.serialize_element(&Acceptance { row: row.number, merged_rows: merged, data })?;
            }
        }
        list.end()
    }
}

/// The fields the list has, and those it does not have but that were found by other means.
struct Data<'a> {
    record: &'a Record,
    profile: Profile,
    fields: &'a BTreeSet<Field>,
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let r = self.record;
        let mut map = serializer.serialize_map(None)?;
        for &field in Field::in_order(self.profile) {
            let is_derived = match field {
                Field::Gender => r.gender.is_some(),
                Field::Birth => r.birth.is_some(),
                Field::Ethnicity => r.ethnicity.is_some(),
                _ => false,
            };
            if !self.fields.contains(&field) && !is_derived {
                continue;
            }
            let key = field.as_str();
            match field {
                Field::StudentNo => map.serialize_entry(key, &r.student_no),
                Field::Name => map.serialize_entry(key, &r.name),
                Field::Gender => map.serialize_entry(key, &r.gender),
                Field::Birth => map.serialize_entry(key, &r.birth),
                Field::Ethnicity => map.serialize_entry(key, &r.ethnicity),
                Field::Political => map.serialize_entry(key, &r.political),
                Field::Org => map.serialize_entry(key, &r.org),
                Field::Title => map.serialize_entry(key, &r.title),
                // No record holds the two as one.
                Field::OrgTitle => Ok(()),
                Field::Phone => map.serialize_entry(key, &r.phone),
                Field::PhoneAlt => map.serialize_entry(key, &r.phone_alt),
                Field::IdNo => map.serialize_entry(key, &r.id_no),
                Field::Uscc => map.serialize_entry(key, &r.uscc),
                Field::Recommender => map.serialize_entry(key, &r.recommender),
                Field::District => map.serialize_entry(key, &r.district),
                Field::Group => map.serialize_entry(key, &r.group),
                Field::Attending => map.serialize_entry(key, &r.attending),
                Field::Lodging => map.serialize_entry(key, &r.lodging),
                Field::Dining => map.serialize_entry(key, &r.dining),
                Field::ArriveAt => map.serialize_entry(key, &r.arrive_at),
                Field::Plate => map.serialize_entry(key, &r.plate),
                Field::Topics => map.serialize_entry(key, &r.topics),
                Field::Diet => map.serialize_entry(key, &r.diet),
                Field::Consent => map.serialize_entry(key, &r.consent),
                Field::SubmittedAt => map.serialize_entry(key, &r.submitted_at),
                Field::Note => map.serialize_entry(key, &r.note),
            }?;
        }
        map.end()
    }
}
