//! What each kind of paper says. The fields are what the templates read; days and times come as they are to be read.

use serde::Serialize;

/// Something that can be added to a document: values, and the template that sets them.
pub trait Sheet: Serialize {
    /// The template, in typst's language. It reads the values as `data`.
    const TEMPLATE: &'static str;
}

/// A sign-in sheet (签到表), A4 upright: a line per person to sign on, and blank ones for who was not expected.
#[derive(Debug, Serialize)]
pub struct SignInSheet {
    /// Above the table; small at the head of the following pages.
    pub title: String,
    /// Under the title: time, place, host.
    pub facts: Vec<Fact>,
    /// The headings of the columns to sign in, at least one: 签名, or 上午 and 下午.
    pub signatures: Vec<String>,
    /// Whether there is a column for phones.
    pub has_phones: bool,
    /// The people. They are numbered through all groups.
    pub groups: Vec<Group>,
    /// How many blank lines follow, numbered too.
    pub blank: usize,
    /// At the foot of each page: who printed this, when and what for.
    pub printed: String,
}

/// Something said of an activity: `时间`, `2026年3月2日 09:00`.
#[derive(Debug, Serialize)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// How it is.
    pub text: String,
}

/// Some of the people on a sign-in sheet.
#[derive(Debug, Serialize)]
pub struct Group {
    /// On a line of its own above them; none where there is but one group.
    pub name: Option<String>,
    /// The people.
    pub lines: Vec<Line>,
}

/// A person on a sign-in sheet.
#[derive(Debug, Serialize)]
pub struct Line {
    /// 姓名.
    pub name: String,
    /// 单位及职务.
    pub organisation: String,
    /// 联系电话, its middle hidden.
    pub phone: String,
    /// 备注.
    pub note: String,
}

/// How large badges are.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BadgeSize {
    /// 90 × 54 mm, ten on an A4 sheet, with marks to cut along.
    Card,
    /// 86 × 118 mm, one to a page, to hang around the neck.
    Lanyard,
}

/// Name badges (胸卡).
#[derive(Debug, Serialize)]
pub struct Badges {
    /// What the event is called.
    pub event: String,
    /// Who holds it.
    pub host: String,
    /// How large they are.
    pub size: BadgeSize,
    /// Whose they are. [`BadgeSize::Card`] fills pages of ten.
    pub people: Vec<Badge>,
}

/// A badge.
#[derive(Debug, Serialize)]
pub struct Badge {
    /// Large.
    pub name: String,
    /// 单位.
    pub organisation: String,
    /// 职务.
    pub title: String,
    /// 参会类别, on the coloured band.
    pub category: String,
    /// The band's colour, as `#RRGGBB`.
    pub colour: String,
    /// Seat, table or group; empty where there is none.
    pub seat: String,
    /// The code to scan, as SVG.
    pub qr: Option<String>,
}

/// Table cards (桌牌): an A4 sheet across for each, the name on both halves, one of them upside down, to be folded.
#[derive(Debug, Serialize)]
pub struct TableCards {
    /// Whose they are.
    pub people: Vec<TableCard>,
}

/// A table card.
#[derive(Debug, Serialize)]
pub struct TableCard {
    /// As large as it goes; a name of two Han characters is set apart.
    pub name: String,
}

/// Certificates (结业证书), an A4 sheet across for each.
#[derive(Debug, Serialize)]
pub struct Certificates {
    /// Whose they are.
    pub people: Vec<Certificate>,
}

/// A certificate.
#[derive(Debug, Serialize)]
pub struct Certificate {
    /// 证书编号.
    pub number: String,
    /// Who completed the class.
    pub name: String,
    /// The class, with its run: `新生代温商传承研修班（第58期）`.
    pub class: String,
    /// From when to when: `2026年3月2日至3月6日`; empty where that is not known.
    pub days: String,
    /// 学时, as a number is written.
    pub hours: String,
    /// Who signs it, above the date; the seal goes there.
    pub issuer: String,
    /// `2026年3月10日`.
    pub issued_on: String,
    /// The address at which it can be verified, in words beside the code.
    pub verify_at: String,
    /// The same address as a code to scan, as SVG.
    pub qr: Option<String>,
}

impl Sheet for SignInSheet {
    const TEMPLATE: &'static str = include_str!("../templates/sign_in_sheet.typ");
}

impl Sheet for Badges {
    const TEMPLATE: &'static str = include_str!("../templates/badges.typ");
}

impl Sheet for TableCards {
    const TEMPLATE: &'static str = include_str!("../templates/table_cards.typ");
}

impl Sheet for Certificates {
    const TEMPLATE: &'static str = include_str!("../templates/certificates.typ");
}
