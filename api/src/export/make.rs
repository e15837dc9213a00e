//! A file from a list, whatever the kind: rows are read page by page, and become bytes as they come.

pub mod paper;

use std::{fs::File, io, io::Seek, path::Path, pin::Pin, sync::Arc};

use bytes::Bytes;
use entity::export::{Format, UnshownText};
use futures_util::{Stream, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio_util::io::ReaderStream;

use super::{
    brief::Brief,
    cell::Cell,
    csv::Csv,
    kind::{self, Column, List, Part, with_list},
    whose,
    xlsx::{self, About, Workbook},
};
use crate::{
    app::App,
    db::{Db, Reader},
    error::Failure,
};

/// CSV goes out in pieces of about this size, and waits while its reader is slow.
const PIECE: usize = 64 * 1024;

/// A file as it comes.
pub struct Made {
    pub pieces: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    /// In bytes, where it is whole already.
    pub size: Option<u64>,
    /// The texts that it could not show whole.
    pub unshown: Vec<UnshownText>,
}

/// Makes the file of an export, telling `rows` how many are in it so far.
pub async fn make(
    app: &Arc<App>,
    brief: Arc<Brief>,
    rows: watch::Sender<u64>,
) -> Result<Made, Failure> {
    let noted = whose::note(app, &brief);
    with_list!(brief.export.kind, L => {
        let making = async {
            let task = Task::<L>::open(app.db.read(), brief.clone()).await?;
            match task.brief.export.format {
                Format::Csv => Ok(csv(app.db.clone(), task, rows)),
                Format::Xlsx => xlsx(app, task, rows).await,
                Format::Pdf => paper::paper(app, task, rows).await,
            }
        };
        // Until it is on record who is in it, nothing of it leaves here.
        let ((), made) = tokio::try_join!(noted, making)?;
        Ok(made)
    })
}

/// A list to be made, with its columns.
struct Task<L: List> {
    brief: Arc<Brief>,
    list: L,
    columns: Vec<Column<L::Field>>,
    parts: Vec<Part>,
}

impl<L: List> Task<L> {
    async fn open(db: &Reader, brief: Arc<Brief>) -> Result<Arc<Self>, Failure> {
        let columns = kind::chosen::<L>(&brief);
        let fields: Vec<L::Field> = columns.iter().map(|it| it.field).collect();
        let list = L::open(db, brief.clone(), &fields).await?;
        let parts = list.parts();
        Ok(Arc::new(Self { brief, list, columns, parts }))
    }

    fn cells<'a>(
        &'a self,
        part: usize,
        nth: u32,
        line: &'a L::Line,
    ) -> impl Iterator<Item = Cell<'a>> {
        self.columns.iter().map(move |it| self.list.cell(part, nth, it.field, line))
    }
}

/// What goes from whoever reads rows to whoever writes them.
enum Step<L> {
    Part(usize),
    Lines(Vec<L>),
    /// Without this the list is not whole.
    End,
}

/// Reads ahead of the writer by a page or two, and stops where that one has.
async fn feed<L: List>(
    db: &Db,
    task: &Task<L>,
    steps: mpsc::Sender<Step<L::Line>>,
) -> Result<(), Failure> {
    for part in 0..task.parts.len() {
        if steps.send(Step::Part(part)).await.is_err() {
            return Ok(());
        }
        let mut from = None;
        loop {
            let (lines, next) = task.list.page(db.read(), part, from.take()).await?;
            if steps.send(Step::Lines(lines)).await.is_err() {
                return Ok(());
            }
            from = next;
            if from.is_none() {
                break;
            }
        }
    }
    // Whoever is gone needs no end.
    let _ = steps.send(Step::End).await;
    Ok(())
}

/// One line per row of all parts, in bounded memory.
fn csv<L: List>(db: Db, task: Arc<Task<L>>, rows: watch::Sender<u64>) -> Made {
    let (steps, received) = mpsc::channel(1);
    let (pieces, given) = mpsc::channel(2);
    tokio::spawn(async move {
        let feeder = task.clone();
        let fed = tokio::spawn(async move { feed(&db, &feeder, steps).await });
        let written = write_csv(&task, received, &pieces, &rows).await;
        let fed = fed.await.unwrap_or_else(|error| Err(Failure::internal(error)));
        if let Err(failure) = fed.and(written) {
            tracing::error!(export = %task.brief.export.id.0, "export: {failure:?}");
            // The reader must notice that the file is not whole.
            let _ = pieces.send(Err(io::Error::other("the export failed"))).await;
        }
    });
    let pieces = futures_util::stream::unfold(given, |mut given| async {
        Some((given.recv().await?, given))
    });
    // Whoever compresses it asks once more behind the end.
    Made { pieces: pieces.fuse().boxed(), size: None, unshown: Vec::new() }
}

async fn write_csv<L: List>(
    task: &Task<L>,
    mut steps: mpsc::Receiver<Step<L::Line>>,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
    rows: &watch::Sender<u64>,
) -> Result<(), Failure> {
    let mut out = Csv::new();
    let titles = task.columns.iter().map(|it| &*it.title);
    out.row(L::PART.into_iter().chain(titles)).map_err(Failure::internal)?;
    let (mut part, mut nth) = (0, 0);
    while let Some(step) = steps.recv().await {
        let lines = match step {
            Step::Part(next) => {
                (part, nth) = (next, 0);
                continue;
            }
            Step::Lines(lines) => lines,
            Step::End => {
                let width = task.columns.len() + usize::from(L::PART.is_some());
                let mark = task.brief.watermark();
                let empty = std::iter::repeat_n("", width.saturating_sub(1));
                out.row(std::iter::once(mark.as_str()).chain(empty)).map_err(Failure::internal)?;
                let piece = out.take().map_err(Failure::internal)?;
                let _ = pieces.send(Ok(piece.into())).await;
                return Ok(());
            }
        };
        let sheet = L::PART.and_then(|_| task.parts.get(part)).map(|it| Cell::Text(&it.name));
        for line in &lines {
            nth += 1;
            out.cells(sheet.into_iter().chain(task.cells(part, nth, line)))
                .map_err(Failure::internal)?;
            if out.len() >= PIECE {
                let piece = out.take().map_err(Failure::internal)?;
                if pieces.send(Ok(piece.into())).await.is_err() {
                    // The reader went away; nobody is to be told.
                    return Ok(());
                }
            }
        }
        rows.send_modify(|it| *it += lines.len() as u64);
    }
    // Whoever reads the rows says why.
    Ok(())
}

/// A workbook in a file without a name. Rows go to a thread of their own, so that memory is bounded whatever the
/// length of the list.
async fn xlsx<L: List>(
    app: &Arc<App>,
    task: Arc<Task<L>>,
    rows: watch::Sender<u64>,
) -> Result<Made, Failure> {
    let _turn = app.writing.acquire().await.map_err(Failure::internal)?;
    let folder = app.config.data_dir.join("tmp");
    std::fs::create_dir_all(&folder).map_err(Failure::internal)?;
    let (steps, received) = mpsc::channel(1);
    let writer = {
        let task = task.clone();
        tokio::task::spawn_blocking(move || write_xlsx(&task, &folder, received, &rows))
    };
    let fed = feed(&app.db, &task, steps).await;
    let written = writer.await.map_err(Failure::internal)?;
    fed?;
    let (file, size) = written?;
    let pieces = ReaderStream::with_capacity(tokio::fs::File::from_std(file), PIECE);
    Ok(Made { pieces: pieces.boxed(), size: Some(size), unshown: Vec::new() })
}

fn write_xlsx<L: List>(
    task: &Task<L>,
    folder: &Path,
    mut steps: mpsc::Receiver<Step<L::Line>>,
    rows: &watch::Sender<u64>,
) -> Result<(File, u64), Failure> {
    let about = About {
        title: task.brief.title.clone(),
        author: "青蓝 Qinglan".to_owned(),
        at: task.brief.now,
        note: Some(task.brief.watermark()),
    };
    let columns = || {
        let column = |it: &Column<L::Field>| xlsx::Column::new(it.title.clone(), it.width);
        task.columns.iter().map(column).collect::<Vec<_>>()
    };
    let mut book = Workbook::new(folder, &about).map_err(Failure::internal)?;
    let (mut part, mut nth) = (0, 0);
    loop {
        match steps.blocking_recv() {
            Some(Step::Part(next)) => {
                (part, nth) = (next, 0);
                let Part { name, title } = &task.parts[part];
                book.sheet(name, title, columns()).map_err(Failure::internal)?;
            }
            Some(Step::Lines(lines)) => {
                for line in &lines {
                    nth += 1;
                    let cells: Vec<Cell<'_>> = task.cells(part, nth, line).collect();
                    book.row(&cells).map_err(Failure::internal)?;
                }
                rows.send_modify(|it| *it += lines.len() as u64);
            }
            Some(Step::End) => break,
            None => return Err(Failure::internal("the rows of a workbook ended early")),
        }
    }
    let mut file = tempfile::tempfile_in(folder).map_err(Failure::internal)?;
    book.save_to(&mut file).map_err(Failure::internal)?;
    let size = file.metadata().map_err(Failure::internal)?.len();
    file.rewind().map_err(Failure::internal)?;
    Ok((file, size))
}
