//! One operation of a socket: a task that executes it, and says what comes of it message by message.

use std::panic::AssertUnwindSafe;

use async_graphql::Response;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use super::super::{
    Asked, panicked,
    prepare::{Params, Prepared, failed, tell_cost, too_late},
};
use crate::graphql::{Viewer, publish};

pub(super) struct Operation {
    pub(super) turn: u64,
    /// What a subscription was asked with, so that it can begin anew.
    pub(super) subscribed: Option<Params>,
    /// Ends with it.
    _task: AbortOnDropHandle<()>,
}

/// A message of an operation.
pub(super) struct Said {
    pub(super) id: String,
    pub(super) turn: u64,
    pub(super) message: Value,
    /// Whether the operation is over with it.
    pub(super) is_last: bool,
}

impl Operation {
    pub(super) fn begin(
        id: &str,
        turn: u64,
        params: Params,
        prepared: Prepared,
        viewer: Viewer,
        says: mpsc::Sender<Said>,
    ) -> Self {
        let subscribed = prepared.is_subscription.then_some(params);
        let voice = Voice { id: id.to_owned(), turn, says };
        let task = tokio::spawn(run(prepared, viewer, voice));
        Self { turn, subscribed, _task: AbortOnDropHandle::new(task) }
    }
}

/// How an operation is heard.
struct Voice {
    id: String,
    turn: u64,
    says: mpsc::Sender<Said>,
}

impl Voice {
    async fn say(&self, kind: &str, payload: Option<Value>) {
        let mut message = json!({"id": self.id, "type": kind});
        if let Some(payload) = payload {
            message["payload"] = payload;
        }
        let is_last = kind != "next";
        let said = Said { id: self.id.clone(), turn: self.turn, message, is_last };
        // Where nobody listens any more, this task is about to be dropped.
        let _ = self.says.send(said).await;
    }
}

async fn run(prepared: Prepared, viewer: Viewer, voice: Voice) {
    let asked = Asked { id: viewer.request_id, lang: viewer.lang };
    let caught = AssertUnwindSafe(execute(prepared, viewer, asked, &voice)).catch_unwind().await;
    match caught {
        Ok(None) => voice.say("complete", None).await,
        Ok(Some(errors)) => voice.say("error", Some(errors)).await,
        Err(panic) => voice.say("error", Some(failed(panicked(panic.as_ref()), asked))).await,
    }
}

/// Says one result after the other; the errors by which it ended, if it was by errors.
async fn execute(
    Prepared { request, is_subscription, cost, .. }: Prepared,
    viewer: Viewer,
    asked: Asked,
    voice: &Voice,
) -> Option<Value> {
    let app = viewer.app.clone();
    let time = app.config.request_timeout();
    let mut answers = app.schema.execute_stream(request.data(viewer));
    loop {
        let answer = if is_subscription {
            answers.next().await?
        } else {
            match timeout(time, answers.next()).await {
                Ok(answer) => answer?,
                Err(_) => return Some(json!([too_late().error(asked)])),
            }
        };
        let mut answer = publish(answer, asked.lang, asked.id);
        tell_cost(&mut answer, cost);
        if is_over(&answer, is_subscription) {
            return Some(serde_json::to_value(&answer.errors).unwrap_or_default());
        }
        voice.say("next", Some(serde_json::to_value(&answer).unwrap_or_default())).await;
    }
}

/// Whether an operation was not executed, or is a subscription that cannot go on.
fn is_over(answer: &Response, is_subscription: bool) -> bool {
    answer.data == async_graphql::Value::Null
        && !answer.errors.is_empty()
        && (is_subscription || answer.errors.iter().all(|it| it.path.is_empty()))
}
