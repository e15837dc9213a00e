//! A cleaned person of a list, typed.

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Serialize, Serializer};

/// Gender as the id law and the forms know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Gender {
    /// 男
    #[serde(rename = "男")]
    Male,
    /// 女
    #[serde(rename = "女")]
    Female,
}

impl Gender {
    /// 男 or 女.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Male => "男",
            Self::Female => "女",
        }
    }
}

/// A day, or a day and a time, in Asia/Shanghai.
///
/// Shown as `2019-11-01`, or as `2019-11-01T09:05:00+08:00` when there is a time other than midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub NaiveDateTime);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.time() == NaiveTime::MIN {
            write!(f, "{}", self.0.date())
        } else {
            write!(f, "{}+08:00", self.0.format("%Y-%m-%dT%H:%M:%S"))
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A month of a year: `1985-06`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Four digits.
    pub year: i32,
    /// 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month a day lies in.
    #[must_use]
    pub fn of(day: NaiveDate) -> Self {
        Self { year: day.year(), month: day.month() }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A row's data after cleaning (§3). A field the list does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The name as it is to be shown.
    pub name: Option<String>,
    /// The number to call: 11 digits, `+` and digits, or `0577-88001234`.
    pub phone: Option<String>,
    /// Further numbers of the same cell.
    pub phone_alt: Vec<String>,
    /// From its column, else the mark behind the name, else the id.
    pub gender: Option<Gender>,
    /// Organisation.
    pub org: Option<String>,
    /// Post.
    pub title: Option<String>,
    /// An id of 18 characters that passed its checks, or another document's number.
    pub id_no: Option<String>,
    /// Credit code of 18 characters that passed its check.
    pub uscc: Option<String>,
    /// Ends in 族.
    pub ethnicity: Option<String>,
    /// Political status by its full name.
    pub political: Option<String>,
    /// Code of the district: GB/T 2260, `3303X1`, `3303X2` or `OUT`.
    pub district: Option<String>,
    /// Wants a room.
    pub lodging: Option<bool>,
    /// Eats with us.
    pub dining: Option<bool>,
    /// Comes; empty only when the list does not ask.
    pub attending: Option<bool>,
    /// When they arrive.
    pub arrive_at: Option<Moment>,
    /// Number plate, upper case without spaces.
    pub plate: Option<String>,
    /// Month of birth; from the id when its column is empty.
    pub birth: Option<Month>,
    /// Who recommends them.
    pub recommender: Option<String>,
    /// When the form was sent.
    pub submitted_at: Option<Moment>,
    /// What they want to learn.
    pub topics: Vec<String>,
    /// What they do not eat.
    pub diet: Option<String>,
    /// Agreed to the notice; empty when the list does not ask or they did not.
    pub consent: Option<bool>,
    /// Number in the class.
    pub student_no: Option<String>,
    /// Group in the class.
    pub group: Option<String>,
    /// Remark, as typed.
    pub note: Option<String>,
}

/// Fills `$kept` where it is empty, and is true where both hold something and differ.
macro_rules! fill {
    ($kept:ident, $other:ident, $($field:ident),+) => {
        [$(fill_one(&mut $kept.$field, $other.$field.as_ref())),+].contains(&true)
    };
}

impl Record {
    /// Takes from a later row of the same person what this one lacks (§4).
    ///
    /// Tells whether a field that both have differs, the note excepted.
    pub(crate) fn fill_from(&mut self, other: &Self) -> bool {
        if self.note.is_none() {
            self.note.clone_from(&other.note);
        }
        let lists = fill_list(&mut self.phone_alt, &other.phone_alt)
            | fill_list(&mut self.topics, &other.topics);
        lists
            | fill!(
                self,
                other,
                name,
                phone,
                gender,
                org,
                title,
                id_no,
                uscc,
                ethnicity,
                political,
                district,
                lodging,
                dining,
                attending,
                arrive_at,
                plate,
                birth,
                recommender,
                submitted_at,
                diet,
                consent,
                student_no,
                group
            )
    }
}

fn fill_one<T: Clone + PartialEq>(kept: &mut Option<T>, other: Option<&T>) -> bool {
    if kept.is_none() {
        *kept = other.cloned();
        return false;
    }
    other.is_some() && kept.as_ref() != other
}

fn fill_list(kept: &mut Vec<String>, other: &[String]) -> bool {
    if kept.is_empty() {
        kept.extend_from_slice(other);
        return false;
    }
    !other.is_empty() && kept != other
}
