//! Exports as GraphQL shows them.

mod approval;
mod mutation;
mod view;

use async_graphql::{Context, Enum, Object, Result, SimpleObject, connection::Connection};
use chrono::{DateTime, Utc};
use entity::{
    export,
    id::{ActivityId, ExportId},
};

pub use self::{approval::*, mutation::*, view::*};
use crate::{
    account::graphql::Account,
    activity::graphql::Activity,
    authz::policy::{CreateExport, ViewExport},
    graphql::{Gid, Viewer},
    organisation::graphql::Organisation,
    page::Slice,
    session::graphql::Session,
};

/// What is listed.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "export::Kind")]
pub enum ExportKind {
    /// 签到名单: who holds a seat and who came, session by session.
    AttendanceList,
    /// 出勤总表: who holds a seat, with a column for each session, totals and rates. Counted are the sessions whose door
    /// has closed, and those that the person has been to already.
    AttendanceMatrix,
    /// 扫码记录: every scan at the doors, in the order in which the server got them.
    ScanLog,
    /// 报名名单: everybody who was registered, however it stands, with what they answered.
    Registrations,
    /// 签到表: whoever holds a seat, on sheets to be signed on, by session or by day; as PDF A4 upright, with its heading
    /// on each page and blank lines at the end.
    SignInSheet,
    /// 胸卡: whoever holds a seat, with the code to be scanned; as PDF ten to an A4 sheet, or one to a page.
    Badges,
    /// 桌牌: whoever holds a seat; as PDF an A4 sheet each, to be folded, with the name on both halves.
    TableCards,
    /// 结业证书: the valid certificates in the order of their numbers; as PDF an A4 sheet each, with a QR code of the address
    /// at which it is verified.
    Certificates,
    /// 年度学时: the credit hours of a year, person by person, of an organisation and all below it, where the people's
    /// records are kept; those who earned none are left out. An hour belongs to the year of the local day on which it was
    /// earned. Of an organisation, and not as PDF.
    CreditHours,
}

/// What kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "export::Format")]
pub enum ExportFormat {
    /// A workbook; a list that goes by sessions has a sheet for each. Phones and codes are texts. The last row of each
    /// sheet, below an empty one and beyond the filter, says who took it out, when and what for.
    Xlsx,
    /// UTF-8 with a byte order mark and CRLF; a list that goes by sessions has the session as its first column. Nothing
    /// in it is run by a spreadsheet. The last line says who took it out, when and what for.
    Csv,
    /// To be printed: of SIGN_IN_SHEET, BADGES, TABLE_CARDS and CERTIFICATES alone, at most 5,000 lines. It is always made in the
    /// background. Its properties say who took it out, when and what for. A character that no font has is set as □ with
    /// its number, and the text is in `unshown`. Refused by a server that was built without PDF documents.
    Pdf,
}

/// What a sign-in sheet is for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "export::Sheets")]
pub enum SignInSheets {
    /// A sheet for each session.
    Session,
    /// A sheet for each day, with a column to sign in for each of its sessions, three at most; further ones are on a
    /// further sheet.
    Day,
}

/// By what the people on a sign-in sheet are grouped. Groups come in the order of their first people; those without one
/// are the last.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "export::SheetGroups")]
pub enum SignInGroups {
    /// Not at all.
    None,
    /// By category (参会类别).
    Category,
    /// By what the list said of the district (县（市、区）).
    District,
    /// By what the list said of the group (小组).
    Group,
}

/// How large badges are.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "export::BadgeSize")]
pub enum BadgeSize {
    /// 90 × 54 mm, ten on an A4 sheet.
    Card,
    /// 86 × 118 mm, one to a page, to hang around the neck.
    Lanyard,
}

/// A text that a file could not show whole.
#[derive(SimpleObject)]
pub struct UnshownText {
    /// The text.
    text: String,
    /// Its characters that no font of the server has. In the file □ and a number stand for each.
    characters: Vec<String>,
}

/// In what order the people stand.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "export::Sort")]
pub enum ExportSort {
    /// As the lists had them that were imported.
    List,
    /// By pinyin, surnames read right.
    Pinyin,
    /// By stroke count of the name (按姓氏笔画).
    Strokes,
}

/// How far the file of an export is: made anew at each fetch, or WAITING → MAKING → READY → EXPIRED; before that, where it
/// takes two, WAITING_APPROVAL.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum ExportState {
    /// Made while it is fetched, as things stand then.
    OnFetch,
    /// It shows personal data whole, of more people than one takes out alone: it waits until somebody else approves it,
    /// up to 72 hours.
    WaitingApproval,
    /// Somebody else refused it.
    Refused,
    /// To be made in the background.
    Waiting,
    /// A server is making it; if that one dies, another begins anew.
    Making,
    /// Made, to be fetched until `expiresAt`.
    Ready,
    /// Called off.
    Cancelled,
    /// Could not be made, or whoever asked for it may not export any more.
    Failed,
    /// The time to fetch it is over.
    Expired,
}

pub struct Export(pub export::Model);

/// A list that was taken out, and why.
#[Object]
impl Export {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<ExportId> {
        Gid(self.0.id)
    }

    /// What is listed.
    async fn kind(&self) -> ExportKind {
        self.0.kind.into()
    }

    /// What kind of file.
    async fn format(&self) -> ExportFormat {
        self.0.format.into()
    }

    /// In what order the people stand.
    async fn sort(&self) -> ExportSort {
        self.0.sort.into()
    }

    /// The keys of the columns that were asked for, in their order; empty for the usual ones.
    async fn columns(&self) -> &[String] {
        &self.0.columns.0
    }

    /// What it is for, as it was said.
    async fn purpose(&self) -> &str {
        &self.0.purpose
    }

    /// How far its file is.
    async fn state(&self, ctx: &Context<'_>) -> ExportState {
        use export::State;
        let is_over = self.0.expires_at <= Viewer::of(ctx).now;
        match self.0.state {
            State::Cancelled => ExportState::Cancelled,
            State::Failed => ExportState::Failed,
            State::Refused => ExportState::Refused,
            _ if is_over => ExportState::Expired,
            State::OnFetch => ExportState::OnFetch,
            State::WaitingApproval => ExportState::WaitingApproval,
            State::Waiting => ExportState::Waiting,
            State::Making => ExportState::Making,
            State::Ready => ExportState::Ready,
        }
    }

    /// Whether phones and ID numbers are in it whole.
    async fn unmasked(&self) -> bool {
        self.0.is_unmasked
    }

    /// Who approved or refused it, where that was needed.
    async fn decided_by(&self, ctx: &Context<'_>) -> Result<Option<Account>> {
        let Some(id) = self.0.decided_by else { return Ok(None) };
        Ok(Some(Account::from(Viewer::of(ctx).row(id).await?)))
    }

    /// When that was.
    async fn decided_at(&self) -> Option<DateTime<Utc>> {
        self.0.decided_at
    }

    /// What was said to it.
    async fn decision_reason(&self) -> Option<&str> {
        self.0.decision_reason.as_deref()
    }

    /// How many rows were written so far, where it is made in the background.
    async fn rows_done(&self) -> i64 {
        self.0.rows_done
    }

    /// How many rows there will be, about; 0 until it is known, and where it is made at each fetch.
    async fn rows_total(&self) -> i64 {
        self.0.rows_total
    }

    /// How much of it is done, in per cent from 0 to 100; null where it is made at each fetch.
    async fn progress(&self) -> Option<i64> {
        match self.0.state {
            export::State::OnFetch => None,
            export::State::Ready => Some(100),
            // The file is not whole before it is READY.
            _ if self.0.rows_total > 0 => {
                Some((self.0.rows_done * 100 / self.0.rows_total).min(99))
            }
            _ => Some(0),
        }
    }

    /// The bytes of the file, once it is READY.
    async fn size(&self) -> Option<i64> {
        self.0.size
    }

    /// The SHA-256 of the file in 64 hexadecimal digits, once it is READY. Its `ETag` is the same.
    async fn sha256(&self) -> Option<String> {
        self.0.sha256.as_deref().map(crate::digest::hex)
    }

    /// The texts that the file could not show whole, such as names with very rare characters, once it is READY. Only PDF
    /// has any.
    async fn unshown(&self) -> Vec<UnshownText> {
        let text = |it: &export::UnshownText| UnshownText {
            text: it.text.clone(),
            characters: it.characters.clone(),
        };
        self.0.unshown.0.iter().map(text).collect()
    }

    /// Where the file is, relative to the server: works without a header until `expiresAt`, for as long as whoever
    /// made it may export. Null for others, while it is made in the background, and afterwards. What was made in the
    /// background may be fetched in parts (`Range`, with `If-Range`).
    async fn url(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let viewer = Viewer::of(ctx);
        let is_there = matches!(self.0.state, export::State::OnFetch | export::State::Ready);
        let is_mine = viewer.gate.who()?.account.id == self.0.account_id;
        if !is_mine || !is_there || self.0.expires_at <= viewer.now {
            return Ok(None);
        }
        let token = viewer.app.keys.export(self.0.id, self.0.expires_at)?;
        Ok(Some(format!("/exports/{}?token={token}", Gid(self.0.id))))
    }

    /// One hour after it was asked for; of what is made in the background, 24 hours after it was made; of what waits for
    /// approval, 72 hours after it was asked for.
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// When it was asked for.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was made in the background, or could not be.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// Whose people are in it; null where it is of an organisation.
    async fn activity(&self, ctx: &Context<'_>) -> Result<Option<Activity>> {
        let Some(id) = self.0.activity_id else { return Ok(None) };
        Ok(Some(Activity::from(Viewer::of(ctx).row(id).await?)))
    }

    /// Whose people, and those of all below it, are in it; null where it is of an activity.
    async fn organisation(&self, ctx: &Context<'_>) -> Result<Option<Organisation>> {
        let Some(id) = self.0.organisation_id else { return Ok(None) };
        Ok(Some(Organisation::from(Viewer::of(ctx).row(id).await?)))
    }

    /// Of an organisation: the year that it is of.
    async fn year(&self) -> Option<i32> {
        self.0.year
    }

    /// The session that it is narrowed to.
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<Session>> {
        let Some(id) = self.0.session_id else { return Ok(None) };
        Ok(Some(Session(Viewer::of(ctx).row(id).await?)))
    }
}

#[derive(Default)]
pub struct ExportQuery;

#[Object]
impl ExportQuery {
    /// One export, and how far it is. For ORG_ADMIN and ORGANISER of its activity or organisation.
    async fn export(&self, ctx: &Context<'_>, id: Gid<ExportId>) -> Result<Option<Export>> {
        Ok(Some(Export(Viewer::of(ctx).gate.permit::<ViewExport>(id.0).await?.into_row())))
    }

    /// The columns that a kind of list offers for an activity, in their usual order. For ORG_ADMIN and ORGANISER.
    #[graphql(complexity = "20 * child_complexity")]
    async fn export_columns(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
        #[graphql(desc = "Of which kind of list.", default_with = "ExportKind::AttendanceList")]
        kind: ExportKind,
    ) -> Result<Vec<ExportColumn>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateExport>(activity_id.0).await?;
        let offers = super::columns(viewer.db.read(), &permit, kind.into(), viewer.now).await?;
        let shown = offers.into_iter().map(|it| ExportColumn {
            key: it.key,
            title: it.title,
            is_usual: it.is_usual,
        });
        Ok(shown.collect())
    }

    /// The views that an activity can use, in the order in which they were saved: those of its host. For ORG_ADMIN and
    /// ORGANISER of the activity.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "a connection's four and the filters")]
    async fn export_views(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "For which activity.")] activity_id: Gid<ActivityId>,
        #[graphql(desc = "Those of one kind of list.")] kind: Option<ExportKind>,
    ) -> Result<Connection<String, ExportView>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<CreateExport>(activity_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let kind = kind.map(Into::into);
        let page = super::view::list(viewer.db.read(), &permit, kind, slice).await?;
        Ok(page.connection(|it| it.id, ExportView))
    }
}
