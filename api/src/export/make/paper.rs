//! A list on paper: lines are set in pieces as they are read, and become one PDF.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use entity::export::UnshownText;
use futures_util::{StreamExt, stream};
use pdf::{Document, Fonts};
use tokio::sync::{mpsc, watch};

use super::{Made, Step, Task, feed};
use crate::{
    app::App,
    error::{Error, Failure, Refusal},
    export::{CreateExportErrorCode, kind::List},
};

/// How the lines of a kind of list are set on paper.
pub struct Paper<L: List> {
    /// How many lines are set at a time; more than that are set in several pieces, between which it can be called off.
    pub piece: usize,
    /// Sets some lines of a part, all of them or a piece.
    #[expect(clippy::type_complexity, reason = "the arguments say it all")]
    pub set: fn(&L, usize, &[L::Line], &mut Document) -> Result<(), Failure>,
}

/// Refuses what this server cannot make.
pub async fn ready(app: &App) -> Result<(), Error<CreateExportErrorCode>> {
    if !pdf::AVAILABLE {
        return Err(CreateExportErrorCode::PdfLeftOut.at(["format"]).into());
    }
    let folder = app.config.fonts_dir.clone();
    let found = tokio::task::spawn_blocking(move || Fonts::find(folder.as_deref()).map(drop));
    found.await.map_err(Failure::internal)?.map_err(|error| {
        tracing::error!("{error}");
        CreateExportErrorCode::FontsMissing.at(["format"]).into()
    })
}

/// Sets a list. One document is set at a time, the others wait.
pub(super) async fn paper<L: List>(
    app: &Arc<App>,
    task: Arc<Task<L>>,
    rows: watch::Sender<u64>,
) -> Result<Made, Failure> {
    let _turn = app.setting.acquire().await.map_err(Failure::internal)?;
    let folder = app.config.fonts_dir.clone();
    let (steps, received) = mpsc::channel(1);
    let setter = {
        let task = task.clone();
        tokio::task::spawn_blocking(move || set(&task, folder.as_deref(), received, &rows))
    };
    let fed = feed(&app.db, &task, steps).await;
    let made = setter.await.map_err(Failure::internal)?;
    fed?;
    let made = made?;
    let size = made.pdf.len() as u64;
    let unshown = made.missing.into_iter().map(|it| UnshownText {
        text: it.text,
        characters: it.characters.iter().map(char::to_string).collect(),
    });
    Ok(Made {
        pieces: stream::iter([Ok(Bytes::from(made.pdf))]).boxed(),
        size: Some(size),
        unshown: unshown.collect(),
    })
}

fn set<L: List>(
    task: &Task<L>,
    folder: Option<&Path>,
    mut steps: mpsc::Receiver<Step<L::Line>>,
    rows: &watch::Sender<u64>,
) -> Result<pdf::Made, Failure> {
    let Some(Paper { piece, set }) = L::PAPER else {
        return Err(Failure::internal("this list is not made on paper"));
    };
    let brief = &task.brief;
    let title = format!("{} {}", brief.title, L::TITLE);
    let fonts = Fonts::find(folder).map_err(Failure::internal)?;
    let mut document = Document::new(fonts, &title, &brief.watermark(), brief.now);
    let (mut part, mut is_begun, mut waiting) = (None, false, Vec::new());
    loop {
        let ended = match steps.blocking_recv() {
            Some(Step::Lines(lines)) => {
                waiting.extend(lines);
                None
            }
            Some(Step::Part(next)) => Some(Some(next)),
            Some(Step::End) => Some(None),
            None => return Err(Failure::internal("the rows of a document ended early")),
        };
        // A part without any lines is set too: a sheet may be there to be written on.
        while let Some(part) = part
            && (waiting.len() >= piece || ended.is_some() && (!waiting.is_empty() || !is_begun))
        {
            if rows.is_closed() {
                return Err(Failure::internal("whoever was to get it is gone"));
            }
            let lines: Vec<_> = waiting.drain(..waiting.len().min(piece)).collect();
            set(&task.list, part, &lines, &mut document)?;
            rows.send_modify(|it| *it += lines.len() as u64);
            is_begun = true;
        }
        match ended {
            None => {}
            Some(Some(next)) => (part, is_begun) = (Some(next), false),
            Some(None) => break,
        }
    }
    document.finish().map_err(Failure::internal)
}
