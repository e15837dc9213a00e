//! The codes a row can carry: why it was rejected, or what to look at though it was kept.

use serde::{Serialize, Serializer};

/// A finding about one row. Codes sort as their names do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A mapped cell holds `#N/A`, `#REF!` or the like; it counts as empty.
    CellError,
    /// The list asks for consent and this row does not give it.
    ConsentMissing,
    /// A later submission of the same person refused consent.
    ConsentWithdrawn,
    /// A date could not be read; the field is empty.
    DateUnparsed,
    /// A date had no year; the year nearest the event was taken.
    DateYearAssumed,
    /// No district has this name; the field is empty.
    DistrictUnknown,
    /// A merged row says something else than the kept one.
    DupConflict,
    /// Neither yes nor no; the field is empty.
    FlagUnclear,
    /// Not a gender; the field is empty.
    GenderUnknown,
    /// The row is hidden in the sheet.
    HiddenRow,
    /// An old id of 15 digits, stored as the 18 it stands for.
    Id15,
    /// The birth column and the id disagree; the column is kept.
    IdBirthMismatch,
    /// The check digit of the id is wrong.
    IdChecksum,
    /// The id holds a day that never was.
    IdDate,
    /// The gender column and the id disagree; the column is kept.
    IdGenderMismatch,
    /// The id has a length or shape no id has.
    IdLength,
    /// The id became a rounded number.
    IdPrecisionLost,
    /// The row has no name.
    NameMissing,
    /// The name holds a private-use character that other machines show differently.
    NamePua,
    /// The name holds a mark that stands for a lost character.
    NameSuspect,
    /// The number kept is a foreign one.
    PhoneForeign,
    /// No part of the phone cell is a number one can call.
    PhoneInvalid,
    /// The number kept is a landline; it gets no short messages.
    PhoneLandline,
    /// Digits are hidden behind `*` or `x`.
    PhoneMasked,
    /// The row has no phone.
    PhoneMissing,
    /// The cell held several numbers; the others are alternatives.
    PhoneMultiple,
    /// The phone became a rounded number.
    PhonePrecisionLost,
    /// Two persons share this phone.
    PhoneShared,
    /// Two persons have this name.
    SameName,
    /// Somebody tried the form out.
    TestRow,
    /// The credit code's check digit or shape is wrong; the field is empty.
    UsccInvalid,
}

impl Code {
    /// The name in reports, stable for ever.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CellError => "CELL_ERROR",
            Self::ConsentMissing => "CONSENT_MISSING",
            Self::ConsentWithdrawn => "CONSENT_WITHDRAWN",
            Self::DateUnparsed => "DATE_UNPARSED",
            Self::DateYearAssumed => "DATE_YEAR_ASSUMED",
            Self::DistrictUnknown => "DISTRICT_UNKNOWN",
            Self::DupConflict => "DUP_CONFLICT",
            Self::FlagUnclear => "FLAG_UNCLEAR",
            Self::GenderUnknown => "GENDER_UNKNOWN",
            Self::HiddenRow => "HIDDEN_ROW",
            Self::Id15 => "ID_15",
            Self::IdBirthMismatch => "ID_BIRTH_MISMATCH",
            Self::IdChecksum => "ID_CHECKSUM",
            Self::IdDate => "ID_DATE",
            Self::IdGenderMismatch => "ID_GENDER_MISMATCH",
            Self::IdLength => "ID_LENGTH",
            Self::IdPrecisionLost => "ID_PRECISION_LOST",
            Self::NameMissing => "NAME_MISSING",
            Self::NamePua => "NAME_PUA",
            Self::NameSuspect => "NAME_SUSPECT",
            Self::PhoneForeign => "PHONE_FOREIGN",
            Self::PhoneInvalid => "PHONE_INVALID",
            Self::PhoneLandline => "PHONE_LANDLINE",
            Self::PhoneMasked => "PHONE_MASKED",
            Self::PhoneMissing => "PHONE_MISSING",
            Self::PhoneMultiple => "PHONE_MULTIPLE",
            Self::PhonePrecisionLost => "PHONE_PRECISION_LOST",
            Self::PhoneShared => "PHONE_SHARED",
            Self::SameName => "SAME_NAME",
            Self::TestRow => "TEST_ROW",
            Self::UsccInvalid => "USCC_INVALID",
        }
    }

    /// Whether a row with this code is rejected; all other codes are warnings.
    #[must_use]
    pub const fn rejects(self) -> bool {
        matches!(
            self,
            Self::ConsentMissing
                | Self::ConsentWithdrawn
                | Self::IdChecksum
                | Self::IdDate
                | Self::IdLength
                | Self::IdPrecisionLost
                | Self::NameMissing
                | Self::PhoneInvalid
                | Self::PhoneMasked
                | Self::PhoneMissing
                | Self::PhonePrecisionLost
                | Self::TestRow
        )
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
