//! The file of an export, made while it is fetched and never kept.

use std::{fs::File, io::Seek, path::Path, sync::Arc};

use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, Utc};
use entity::{activity, attendance::Status, export, export::Format, question, session};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::{
    Line, activity_of,
    csv::Csv,
    lines,
    xlsx::{About, Cell, Column, Workbook},
};
use crate::{app::App, error::Failure, form::show::headings};

/// CSV goes out in pieces of about this size, and waits while its reader is slow.
const PIECE: usize = 64 * 1024;

/// The columns of an attendance list: title and width in characters.
const COLUMNS: &[(&str, f64)] = &[
    ("序号", 6.0),
    ("姓名", 12.0),
    ("单位", 36.0),
    ("职务", 18.0),
    ("手机号码", 16.0),
    ("参会类别", 12.0),
    ("学号", 16.0),
    ("小组", 10.0),
    ("签到状态", 10.0),
    ("签到时间", 20.0),
    ("签到口", 10.0),
    ("备注", 24.0),
];

/// The width of a column of answers.
const ANSWER: f64 = 20.0;

/// What is to be made: the activity, its sessions, and how.
pub struct Job {
    pub export: export::Model,
    pub activity: activity::Model,
    pub sessions: Vec<session::Model>,
    /// The questions whose answers are columns.
    form: Vec<question::Model>,
    zone: chrono_tz::Tz,
    now: DateTime<Utc>,
}

impl Job {
    /// Gathers what an export needs beside its lines.
    pub async fn new(
        app: &App,
        export: export::Model,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let db = app.db.read();
        let activity = activity_of(db, export.activity_id).await?;
        let sessions = crate::session::schedule(db, activity.id).await?;
        let mut form = crate::form::questions(db, activity.id).await?;
        form.retain(|it| it.archived_at.is_none());
        let zone = activity.time_zone.parse().map_err(Failure::internal)?;
        Ok(Self { export, activity, sessions, form, zone, now })
    }

    /// What the file is called when it is saved.
    #[must_use]
    pub fn file_name(&self) -> String {
        let ending = match self.export.format {
            Format::Xlsx => "xlsx",
            Format::Csv => "csv",
        };
        let day = self.now.with_timezone(&self.zone).format("%Y%m%d-%H%M");
        format!("{}-签到名单-{day}.{ending}", self.activity.title)
    }

    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    /// The parts of the file: one for each session, or one without where there is none yet.
    fn parts(&self) -> Vec<Option<&session::Model>> {
        if self.sessions.is_empty() { vec![None] } else { self.sessions.iter().map(Some).collect() }
    }

    /// The status that stands in the list: whoever has no attendance is absent once the door has closed.
    fn status(&self, session: Option<&session::Model>, line: &Line) -> &'static str {
        let Some(session) = session else { return "" };
        match line.attendance {
            Some(Status::Present) => "出勤",
            Some(Status::Late) => "迟到",
            Some(Status::LeftEarly) => "早退",
            Some(Status::Excused) => "请假",
            None if self.now < session.closes_at => "未到",
            Some(Status::Absent) | None => "缺席",
        }
    }
}

/// The bytes of a CSV: one line per person and session, in bounded memory.
pub fn csv(app: Arc<App>, job: Job) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let (pieces, received) = mpsc::channel(2);
    tokio::spawn(async move {
        if let Err(failure) = write_csv(&app, &job, &pieces).await {
            tracing::error!(export = %job.export.id.0, "export: {failure:?}");
            // The reader must notice that the file is not whole.
            let _ = pieces.send(Err(std::io::Error::other("the export failed"))).await;
        }
    });
    futures_util::stream::unfold(received, |mut received| async {
        Some((received.recv().await?, received))
    })
}

async fn write_csv(
    app: &App,
    job: &Job,
    pieces: &mpsc::Sender<Result<Bytes, std::io::Error>>,
) -> Result<(), Failure> {
    let mut out = Csv::new();
    let asked = headings(&job.form);
    let titles = ["场次"].into_iter().chain(COLUMNS.iter().map(|it| it.0));
    out.row(titles.chain(asked.iter().map(String::as_str))).map_err(Failure::internal)?;
    for session in job.parts() {
        let of = session.map(|it| it.id);
        let mut lines = lines(app.db.read(), &job.activity, of, job.export.sort, &job.form).await?;
        let mut count = 0;
        while let Some(line) = lines.next().await {
            let line = line?;
            count += 1;
            let (count, time) = (
                count.to_string(),
                line.first_in_at.map(|at| job.local(at).format("%Y-%m-%d %H:%M:%S").to_string()),
            );
            let cells = [
                session.map_or("", |it| it.title.as_str()),
                &count,
                &line.name,
                line.organisation_name.as_deref().unwrap_or_default(),
                line.title.as_deref().unwrap_or_default(),
                line.phone.as_deref().unwrap_or_default(),
                line.category.as_deref().unwrap_or_default(),
                line.detail("studentNo"),
                line.detail("group"),
                job.status(session, &line),
                time.as_deref().unwrap_or_default(),
                line.first_gate.as_deref().unwrap_or_default(),
                line.detail("note"),
            ];
            let answers = line.answers.iter().map(String::as_str);
            out.row(cells.into_iter().chain(answers)).map_err(Failure::internal)?;
            if out.len() >= PIECE {
                let piece = out.take().map_err(Failure::internal)?;
                if pieces.send(Ok(piece.into())).await.is_err() {
                    // The reader went away; nobody is to be told.
                    return Ok(());
                }
            }
        }
    }
    let piece = out.take().map_err(Failure::internal)?;
    let _ = pieces.send(Ok(piece.into())).await;
    Ok(())
}

enum Step {
    Sheet {
        name: String,
        title: String,
    },
    /// A person, and the status that stands in the list.
    Line(Box<Line>, &'static str),
}

/// The workbook in a file without a name, from its beginning, and its size. Rows go to a thread of their own through
/// a short queue, so that memory is bounded whatever the length of the list.
pub async fn xlsx(app: &App, job: Job) -> Result<(File, u64), Failure> {
    let folder = app.config.data_dir.join("tmp");
    std::fs::create_dir_all(&folder).map_err(Failure::internal)?;
    let job = Arc::new(job);
    let (steps, received) = mpsc::channel::<Step>(256);
    let writer = {
        let job = job.clone();
        tokio::task::spawn_blocking(move || write_xlsx(&job, &folder, received))
    };
    let fed = feed(app, &job, steps).await;
    let written = writer.await.map_err(Failure::internal)?;
    fed?;
    written
}

async fn feed(app: &App, job: &Job, steps: mpsc::Sender<Step>) -> Result<(), Failure> {
    for session in job.parts() {
        let sheet = match session {
            Some(it) => {
                let starts = job.local(it.starts_at).format("%Y-%m-%d %H:%M");
                let title = format!("{} {} 签到名单（{starts}）", job.activity.title, it.title);
                Step::Sheet { name: it.title.clone(), title }
            }
            None => Step::Sheet { name: "名单".to_owned(), title: job.activity.title.clone() },
        };
        if steps.send(sheet).await.is_err() {
            return Ok(());
        }
        let of = session.map(|it| it.id);
        let mut lines = lines(app.db.read(), &job.activity, of, job.export.sort, &job.form).await?;
        while let Some(line) = lines.next().await {
            let line = line?;
            let status = job.status(session, &line);
            if steps.send(Step::Line(Box::new(line), status)).await.is_err() {
                // The writer stopped and says why itself.
                return Ok(());
            }
        }
    }
    Ok(())
}

fn text(it: Option<&String>) -> &str {
    it.map(String::as_str).unwrap_or_default()
}

fn write_xlsx(
    job: &Job,
    folder: &Path,
    mut steps: mpsc::Receiver<Step>,
) -> Result<(File, u64), Failure> {
    let about =
        About {
            title: job.activity.title.clone(), author: "青蓝 Qinglan".to_owned(), at: job.now
        };
    let asked = headings(&job.form);
    let columns = || {
        let fixed = COLUMNS.iter().map(|(title, width)| Column::new(*title, *width));
        fixed.chain(asked.iter().map(|it| Column::new(it, ANSWER))).collect::<Vec<_>>()
    };
    let mut book = Workbook::new(folder, &about).map_err(Failure::internal)?;
    let mut count = 0;
    while let Some(step) = steps.blocking_recv() {
        match step {
            Step::Sheet { name, title } => {
                book.sheet(&name, &title, columns()).map_err(Failure::internal)?;
                count = 0;
            }
            Step::Line(line, status) => {
                count += 1;
                let number = f64::from(count);
                let mut cells = vec![
                    Cell::Number(number),
                    Cell::Text(&line.name),
                    Cell::Text(text(line.organisation_name.as_ref())),
                    Cell::Text(text(line.title.as_ref())),
                    Cell::Text(text(line.phone.as_ref())),
                    Cell::Text(text(line.category.as_ref())),
                    Cell::Text(line.detail("studentNo")),
                    Cell::Text(line.detail("group")),
                    Cell::Text(status),
                    line.first_in_at.map_or(Cell::Empty, |at| Cell::Instant(job.local(at))),
                    Cell::Text(text(line.first_gate.as_ref())),
                    Cell::Text(line.detail("note")),
                ];
                cells.extend(line.answers.iter().map(|it| Cell::Text(it)));
                book.row(&cells).map_err(Failure::internal)?;
            }
        }
    }
    let mut file = tempfile::tempfile_in(folder).map_err(Failure::internal)?;
    book.save_to(&mut file).map_err(Failure::internal)?;
    let size = file.metadata().map_err(Failure::internal)?.len();
    file.rewind().map_err(Failure::internal)?;
    Ok((file, size))
}
