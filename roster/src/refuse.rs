//! Why a file as a whole cannot be taken. A bad row is never a reason.

use thiserror::Error;

/// The language of a message to the organiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

/// Why a file cannot be read; [`Unreadable::code`] is stable, messages may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}", self.message(Lang::En))]
pub enum Unreadable {
    /// No bytes, or nothing but spaces.
    Empty,
    /// Over [`crate::MAX_BYTES`].
    TooLarge,
    /// Over [`crate::MAX_ROWS`].
    TooManyRows,
    /// Something stands beyond [`crate::MAX_COLUMNS`].
    TooManyColumns,
    /// Unzips to more than a hundred times its size.
    Bomb,
    /// Unzips to more than 400 MB.
    InflatesTooFar,
    /// Protected by a password.
    Encrypted,
    /// The binary format of Excel 97–2003.
    OldExcel,
    /// A web page, or XML, under a spreadsheet's name.
    WebPage,
    /// A zip archive, but not an xlsx workbook.
    NotAWorkbook,
    /// A workbook whose parts cannot be read.
    Damaged,
    /// Neither a workbook nor text.
    NotText,
    /// No sheet, or no row of the text, is a header.
    NoHeader,
}

impl Unreadable {
    /// The name for machines, stable for ever.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "FILE_EMPTY",
            Self::TooLarge => "FILE_TOO_LARGE",
            Self::TooManyRows => "TOO_MANY_ROWS",
            Self::TooManyColumns => "TOO_MANY_COLUMNS",
            Self::Bomb => "UNZIP_RATIO",
            Self::InflatesTooFar => "UNZIP_SIZE",
            Self::Encrypted => "PASSWORD_PROTECTED",
            Self::OldExcel => "OLD_EXCEL",
            Self::WebPage => "WEB_PAGE",
            Self::NotAWorkbook => "NOT_A_WORKBOOK",
            Self::Damaged => "FILE_DAMAGED",
            Self::NotText => "NOT_TEXT",
            Self::NoHeader => "NO_HEADER",
        }
    }

    /// What went wrong and what to do about it, for the organiser.
    #[must_use]
    pub const fn message(self, lang: Lang) -> &'static str {
        let (zh, en) = match self {
            Self::Empty => ("文件是空的，请检查后重新上传。", "The file is empty."),
            Self::TooLarge => (
                "文件超过 20 MB，请删去图片或拆分后再上传。",
                "The file is over 20 MB. Remove pictures or split it.",
            ),
            Self::TooManyRows => (
                "名单超过 50000 行，请拆分后分批上传。",
                "The list has over 50,000 rows. Split it.",
            ),
            Self::TooManyColumns => (
                "第 200 列之后还有内容，请删去多余的列。",
                "There is content beyond column 200. Remove the columns not needed.",
            ),
            Self::Bomb => (
                "文件解压后膨胀超过 100 倍，不予打开。请把名单复制到新建的工作簿后上传。",
                "The file grows over a hundredfold when unzipped. Copy the list into a new workbook.",
            ),
            Self::InflatesTooFar => (
                "文件解压后超过 400 MB。请把名单复制到新建的工作簿后上传。",
                "The file unzips to over 400 MB. Copy the list into a new workbook.",
            ),
            Self::Encrypted => (
                "文件设有打开密码，请取消密码后重新上传。",
                "The file is protected by a password. Remove the password.",
            ),
            Self::OldExcel => (
                "这是旧版 Excel（.xls）或 WPS（.et）格式，请另存为 .xlsx 后上传。",
                "This is the old Excel (.xls) or WPS (.et) format. Save it as .xlsx.",
            ),
            Self::WebPage => (
                "这是网页或 XML 文件，只是扩展名像表格。请用 Excel 或 WPS 打开后另存为 .xlsx。",
                "This is a web page or XML under a spreadsheet's name. Open it and save it as .xlsx.",
            ),
            Self::NotAWorkbook => (
                "这是压缩包或其他格式，不是 .xlsx 工作簿。请另存为 .xlsx 后上传。",
                "This is an archive of another kind, not an .xlsx workbook. Save it as .xlsx.",
            ),
            Self::Damaged => (
                "工作簿已损坏，无法读取。请用 Excel 或 WPS 打开并另存后上传。",
                "The workbook is damaged. Open it and save it anew.",
            ),
            Self::NotText => (
                "无法识别的文件，请上传 .xlsx 或 .csv 名单。",
                "The file is neither a workbook nor text. Upload an .xlsx or .csv list.",
            ),
            Self::NoHeader => (
                "没有找到表头：前 30 行内须有一行含“姓名”及至少 3 个已知栏目（如单位、职务、手机号码）。",
                "No header found: one of the first 30 rows must hold 姓名 and at least 3 more known labels.",
            ),
        };
        match lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }
}
