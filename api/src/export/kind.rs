//! The kinds of lists. Each is a file that says what it is called, what columns it offers, and how its rows are read;
//! [`make`](super::make) turns any of them into any format.

pub mod attendance_list;
pub mod attendance_matrix;
pub mod badges;
pub mod certificates;
pub mod credit_hours;
pub mod line;
pub mod people;
pub mod registrations;
pub mod scan_log;
pub mod sign_in_sheet;
pub mod table_cards;

use std::{borrow::Cow, sync::Arc};

use entity::export::Kind;
use sea_orm::ConnectionTrait;

use super::{brief::Brief, cell::Cell, make::paper::Paper};
use crate::{db::Reader, error::Failure};

/// How many rows are read at a time. Nothing is held while the reader of a file is slow.
pub const PAGE: usize = 4000;

/// A kind of list, opened for one export.
pub trait List: Sized + Send + Sync + 'static {
    /// What a column shows.
    type Field: Copy + Send + Sync + 'static;
    /// A row as it is read.
    type Line: Send + Sync + 'static;
    /// Where a page begins.
    type Place: Send;

    /// What the list is called, in file names and headings.
    const TITLE: &'static str;
    /// What tells its parts apart. They are sheets of a workbook, and in CSV have this as a column before all others.
    const PART: Option<&'static str> = None;
    /// How it is set on paper, if it is.
    const PAPER: Option<Paper<Self>> = None;

    /// The columns on offer, in their usual order.
    fn columns(brief: &Brief) -> Vec<Column<Self::Field>>;

    /// How many rows there are, about.
    fn count(
        db: &impl ConnectionTrait,
        brief: &Brief,
    ) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// Gets ready to read what these columns need.
    fn open(
        db: &Reader,
        brief: Arc<Brief>,
        fields: &[Self::Field],
    ) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// At least one.
    fn parts(&self) -> Vec<Part>;

    /// Some rows of a part, and where those after them begin, if there may be any.
    #[expect(clippy::type_complexity, reason = "rows, and where the next ones begin")]
    fn page(
        &self,
        db: &Reader,
        part: usize,
        from: Option<Self::Place>,
    ) -> impl Future<Output = Result<(Vec<Self::Line>, Option<Self::Place>), Failure>> + Send;

    /// What stands in a column of a line, the `nth` of its part from 1.
    fn cell<'a>(
        &'a self,
        part: usize,
        nth: u32,
        field: Self::Field,
        line: &'a Self::Line,
    ) -> Cell<'a>;
}

/// A column on offer.
pub struct Column<F> {
    /// What it is asked for by.
    pub key: Cow<'static, str>,
    pub title: Cow<'static, str>,
    /// In characters of the normal font, as Excel counts.
    pub width: f64,
    /// Whether it is there where no columns are asked for.
    pub is_usual: bool,
    pub field: F,
}

impl<F> Column<F> {
    #[must_use]
    pub fn usual(
        key: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        width: f64,
        field: F,
    ) -> Self {
        Self { key: key.into(), title: title.into(), width, is_usual: true, field }
    }

    #[must_use]
    pub fn further(
        key: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        width: f64,
        field: F,
    ) -> Self {
        Self { is_usual: false, ..Self::usual(key, title, width, field) }
    }
}

/// A part of a list: the name of its sheet, and what stands above it.
pub struct Part {
    pub name: String,
    pub title: String,
}

/// Runs `$done` with `$list` standing for the type of a kind.
macro_rules! with_list {
    ($kind:expr, $list:ident => $done:expr) => {{
        use entity::export::Kind;
        match $kind {
            Kind::AttendanceList => {
                type $list = $crate::export::kind::AttendanceList;
                $done
            }
            Kind::AttendanceMatrix => {
                type $list = $crate::export::kind::AttendanceMatrix;
                $done
            }
            Kind::ScanLog => {
                type $list = $crate::export::kind::ScanLog;
                $done
            }
            Kind::Registrations => {
                type $list = $crate::export::kind::Registrations;
                $done
            }
            Kind::SignInSheet => {
                type $list = $crate::export::kind::SignInSheet;
                $done
            }
            Kind::Badges => {
                type $list = $crate::export::kind::Badges;
                $done
            }
            Kind::TableCards => {
                type $list = $crate::export::kind::TableCards;
                $done
            }
            Kind::Certificates => {
                type $list = $crate::export::kind::Certificates;
                $done
            }
            Kind::CreditHours => {
                type $list = $crate::export::kind::CreditHours;
                $done
            }
        }
    }};
}
pub(super) use with_list;

pub use self::{
    attendance_list::AttendanceList, attendance_matrix::AttendanceMatrix, badges::Badges,
    certificates::Certificates, credit_hours::CreditHours, registrations::Registrations,
    scan_log::ScanLog, sign_in_sheet::SignInSheet, table_cards::TableCards,
};

/// A column on offer, whatever the kind.
pub struct Offer {
    pub key: String,
    pub title: String,
    pub is_usual: bool,
}

/// The columns that a kind offers, in their usual order.
#[must_use]
pub fn offers(kind: Kind, brief: &Brief) -> Vec<Offer> {
    fn all<L: List>(brief: &Brief) -> Vec<Offer> {
        let offer = |it: Column<L::Field>| Offer {
            key: it.key.into_owned(),
            title: it.title.into_owned(),
            is_usual: it.is_usual,
        };
        L::columns(brief).into_iter().map(offer).collect()
    }
    with_list!(kind, L => all::<L>(brief))
}

/// Whether a kind is made on paper.
#[must_use]
pub fn is_paper(kind: Kind) -> bool {
    with_list!(kind, L => L::PAPER.is_some())
}

/// How many rows an export has, about.
pub async fn count(db: &impl ConnectionTrait, brief: &Brief) -> Result<u64, Failure> {
    with_list!(brief.export.kind, L => L::count(db, brief).await)
}

/// The columns of an export: those asked for that are still on offer, in their order, or the usual ones.
#[must_use]
pub fn chosen<L: List>(brief: &Brief) -> Vec<Column<L::Field>> {
    let mut offered = L::columns(brief);
    let mut chosen = Vec::new();
    for key in &brief.export.columns.0 {
        if let Some(at) = offered.iter().position(|it| it.key == *key) {
            chosen.push(offered.remove(at));
        }
    }
    if chosen.is_empty() {
        offered.retain(|it| it.is_usual);
        return offered;
    }
    chosen
}
