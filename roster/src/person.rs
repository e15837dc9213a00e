//! Reads one data row into a record.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::cell::{Cell, Line};
use crate::clean::{self, Cleaned};
use crate::columns::Columns;
use crate::{Code, Field, Month, Options, Record};

/// What is the same for every row of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) options: &'a Options,
    pub(crate) is_1904: bool,
    pub(crate) columns: &'a Columns,
}

/// Reads a row; `section` is the heading the row stands under.
pub(crate) fn read(
    line: &Line,
    section: Option<&str>,
    context: Context<'_>,
) -> (Record, BTreeSet<Code>) {
    let columns = context.columns;
    let mut reading = Reading { line, columns, codes: BTreeSet::new(), record: Record::default() };
    if columns.has_error(line) {
        reading.codes.insert(Code::CellError);
    }
    reading.name_and_id();
    reading.phone(&context.options.default_area_code);
    reading.organisation();
    reading.district(section);
    reading.answers();
    reading.dates(context.options.event_date, context.is_1904);
    reading.id_fills();
    (reading.record, reading.codes)
}

struct Reading<'a> {
    line: &'a Line,
    columns: &'a Columns,
    codes: BTreeSet<Code>,
    record: Record,
}

impl Reading<'_> {
    fn cell(&self, field: Field) -> &Cell {
        self.columns.cell(self.line, field)
    }

    fn text(&self, field: Field) -> Option<String> {
        self.cell(field).text()
    }

    fn keep<T>(&mut self, cleaned: Cleaned<T>) -> Option<T> {
        self.codes.extend(cleaned.code);
        cleaned.value
    }

    fn name_and_id(&mut self) {
        let name = clean::name(&self.cell(Field::Name).raw());
        self.codes.extend(name.codes);
        self.record.name = name.value;
        let gender = clean::gender(&self.cell(Field::Gender).raw());
        self.record.gender = self.keep(gender).or(name.gender);
        self.record.ethnicity =
            clean::ethnicity(&self.cell(Field::Ethnicity).raw()).or(name.ethnicity);
        self.record.political = clean::political(&self.cell(Field::Political).raw());
    }

    fn phone(&mut self, area: &str) {
        let phone = clean::phone(&self.cell(Field::Phone).digits(), area);
        self.codes.extend(phone.codes);
        self.record.phone = phone.value;
        self.record.phone_alt = phone.alt;
    }

    fn organisation(&mut self) {
        let position = clean::position(&self.cell(Field::OrgTitle).raw());
        self.record.org = self.text(Field::Org).or(position.org);
        self.record.title = self.text(Field::Title).or(position.title);
        let uscc = clean::uscc(&self.cell(Field::Uscc).digits());
        self.record.uscc = self.keep(uscc);
        self.record.recommender = self.text(Field::Recommender);
    }

    /// The row's own district, or one merged down to it, goes before that of the heading above.
    fn district(&mut self, section: Option<&str>) {
        let own = self.cell(Field::District).digits().into_owned();
        let named = if clean::text(&own).is_some() { &own } else { section.unwrap_or_default() };
        self.record.district = self.keep(clean::district(named));
    }

    fn answers(&mut self) {
        let lodging = clean::flag(&self.cell(Field::Lodging).raw());
        self.record.lodging = self.keep(lodging);
        let dining = clean::flag(&self.cell(Field::Dining).raw());
        self.record.dining = self.keep(dining);
        if self.columns.has(Field::Attending) {
            self.record.attending = Some(clean::attending(&self.cell(Field::Attending).raw()));
        }
        if self.columns.has(Field::Consent) {
            if clean::consent(&self.cell(Field::Consent).raw()) {
                self.record.consent = Some(true);
            } else {
                self.codes.insert(Code::ConsentMissing);
            }
        }
        self.record.topics = clean::topics(&self.cell(Field::Topics).raw());
        for (at, option) in &self.columns.topics {
            let chosen = clean::flag(&self.line.cell(*at).raw()).value == Some(true);
            if chosen && !self.record.topics.contains(option) {
                self.record.topics.push(option.clone());
            }
        }
        self.record.plate = clean::plate(&self.cell(Field::Plate).raw());
        self.record.diet = self.text(Field::Diet);
        self.record.student_no = self.text(Field::StudentNo);
        self.record.group = self.text(Field::Group);
        self.record.note = self.cell(Field::Note).note();
    }

    fn dates(&mut self, near: NaiveDate, is_1904: bool) {
        let arrive_at = clean::moment_cell(self.cell(Field::ArriveAt), near, is_1904);
        self.record.arrive_at = self.keep(arrive_at);
        let submitted_at = clean::moment_cell(self.cell(Field::SubmittedAt), near, is_1904);
        self.record.submitted_at = self.keep(submitted_at);
        let birth = clean::birth_cell(self.cell(Field::Birth), is_1904);
        self.record.birth = self.keep(birth);
    }

    /// Takes gender and birth from the id where they are empty, and says where they differ.
    fn id_fills(&mut self) {
        let id = match self.cell(Field::IdNo) {
            // A double holds 15 digits for certain; longer ids have been rounded.
            Cell::Number(number) | Cell::Date(number) if *number >= 1e15 => {
                clean::id_no(&format!("{number:E}"))
            }
            cell => clean::id_no(&cell.digits()),
        };
        self.codes.extend(id.codes);
        self.record.id_no = id.value;
        if let Some(gender) = id.gender
            && *self.record.gender.get_or_insert(gender) != gender
        {
            self.codes.insert(Code::IdGenderMismatch);
        }
        if let Some(birth) = id.birth.map(Month::of)
            && *self.record.birth.get_or_insert(birth) != birth
        {
            self.codes.insert(Code::IdBirthMismatch);
        }
    }
}
