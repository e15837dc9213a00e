//! The fields of a record: their names in reports and their order there.

use serde::{Serialize, Serializer};

use crate::Profile;

/// A field a column can be mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named as its column")]
pub enum Field {
    StudentNo,
    Name,
    Gender,
    Birth,
    Ethnicity,
    Political,
    Org,
    Title,
    /// Organisation and post in one cell; splits into [`Field::Org`] and [`Field::Title`].
    OrgTitle,
    Phone,
    /// Comes with [`Field::Phone`]; no column of its own.
    PhoneAlt,
    IdNo,
    Uscc,
    Recommender,
    District,
    Group,
    Attending,
    Lodging,
    Dining,
    ArriveAt,
    Plate,
    Topics,
    Diet,
    Consent,
    SubmittedAt,
    Note,
}

use Field as F;

const EVENT: [Field; 25] = [
    F::Name,
    F::Gender,
    F::Org,
    F::Title,
    F::Phone,
    F::PhoneAlt,
    F::Ethnicity,
    F::Political,
    F::District,
    F::Attending,
    F::Lodging,
    F::Dining,
    F::ArriveAt,
    F::Plate,
    F::StudentNo,
    F::Birth,
    F::IdNo,
    F::Uscc,
    F::Recommender,
    F::Group,
    F::Topics,
    F::Diet,
    F::Consent,
    F::SubmittedAt,
    F::Note,
];
const CLASS: [Field; 25] = [
    F::StudentNo,
    F::Name,
    F::Gender,
    F::Birth,
    F::Ethnicity,
    F::Political,
    F::Org,
    F::Title,
    F::Phone,
    F::PhoneAlt,
    F::IdNo,
    F::Uscc,
    F::Recommender,
    F::District,
    F::Group,
    F::Attending,
    F::Lodging,
    F::Dining,
    F::ArriveAt,
    F::Plate,
    F::Topics,
    F::Diet,
    F::Consent,
    F::SubmittedAt,
    F::Note,
];
const FORM: [Field; 25] = [
    F::Name,
    F::Gender,
    F::Phone,
    F::PhoneAlt,
    F::Org,
    F::Uscc,
    F::Title,
    F::Birth,
    F::StudentNo,
    F::Ethnicity,
    F::Political,
    F::IdNo,
    F::District,
    F::Recommender,
    F::Group,
    F::Attending,
    F::Lodging,
    F::Dining,
    F::ArriveAt,
    F::Plate,
    F::Topics,
    F::Diet,
    F::Consent,
    F::Note,
    F::SubmittedAt,
];

impl Field {
    /// The key in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StudentNo => "student_no",
            Self::Name => "name",
            Self::Gender => "gender",
            Self::Birth => "birth",
            Self::Ethnicity => "ethnicity",
            Self::Political => "political",
            Self::Org => "org",
            Self::Title => "title",
            Self::OrgTitle => "org_title",
            Self::Phone => "phone",
            Self::PhoneAlt => "phone_alt",
            Self::IdNo => "id_no",
            Self::Uscc => "uscc",
            Self::Recommender => "recommender",
            Self::District => "district",
            Self::Group => "group",
            Self::Attending => "attending",
            Self::Lodging => "lodging",
            Self::Dining => "dining",
            Self::ArriveAt => "arrive_at",
            Self::Plate => "plate",
            Self::Topics => "topics",
            Self::Diet => "diet",
            Self::Consent => "consent",
            Self::SubmittedAt => "submitted_at",
            Self::Note => "note",
        }
    }

    /// Every field a record can have, in the order reports of this profile show them.
    pub(crate) const fn in_order(profile: Profile) -> &'static [Self] {
        match profile {
            Profile::Event => &EVENT,
            Profile::Class => &CLASS,
            Profile::Form => &FORM,
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
