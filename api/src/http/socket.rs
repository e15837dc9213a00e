//! GraphQL over a WebSocket, as the protocol graphql-transport-ws has it. Async-graphql's own loop keeps little of it
//! (design notes, `graphql.md`).
//!
//! A socket is of whoever its token speaks for, and only as long as it does. Whether it still does, and by which grants,
//! is asked again when something of that changed, every few seconds, and before anything is sent while it is not known
//! whether something changed. Each operation runs in a task of its own; what it has to say waits until the client has taken
//! what was said before.

mod message;
mod operation;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{
        Extension, State,
        ws::{Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use chrono::{DateTime, Utc};
use entity::id::AccountId;
use serde_json::{Value, json};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, interval_at, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::{
    message::{End, Heard},
    operation::{Operation, Said},
};
use super::{
    Asked, Peer, authorization, origin,
    prepare::{By, LARGEST, Params, Prepared, Refusal, failed, missing, prepare, refuse},
    serve::Open,
    viewer_at,
};
use crate::{app::App, authz::Gate};

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to say whose the socket is.
const INIT: Duration = Duration::from_secs(3);
/// How often it is asked anew whether it still is.
const ASK: Duration = Duration::from_secs(10);
/// How long a client may take for one message, and for its own part of a close.
const TAKE: Duration = Duration::from_secs(10);
const CLOSE: Duration = Duration::from_secs(1);
/// How many operations may run at once.
const MOST: usize = 100;
const LONGEST_ID: usize = 200;

pub(super) async fn open(
    State(app): State<Arc<App>>,
    Extension(asked): Extension<Asked>,
    peer: Option<Extension<Peer>>,
    open: Option<Extension<Open>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if !origin::may_open_socket(&app, &headers) {
        let message = asked.lang.pick("此网页不得连接", "pages of this origin may not connect");
        return asked.problem(StatusCode::FORBIDDEN, "FORBIDDEN", message);
    }
    let Ok(upgrade) = upgrade else {
        let message =
            asked.lang.pick("此地址只接受 WebSocket", "this address takes WebSockets alone");
        return asked.problem(StatusCode::UPGRADE_REQUIRED, "BAD_USER_INPUT", message);
    };
    // Twice what is allowed is still read, so that its sender can be told why this ends.
    let upgrade =
        upgrade.protocols([PROTOCOL]).max_message_size(2 * LARGEST).max_frame_size(2 * LARGEST);
    let speaks = upgrade.selected_protocol().is_some();
    let header = authorization(&headers).map(str::to_owned);
    let open = open.map(|it| it.0).unwrap_or_default();
    let is_open = open.tasks.token();
    upgrade.on_upgrade(move |wire| async move {
        let _is_open = is_open;
        let (says, said) = mpsc::channel(1);
        let access = app.live.access_changes();
        let mut socket = Socket {
            app,
            wire,
            asked,
            peer: peer.map(|it| it.0),
            header,
            holder: None,
            access,
            operations: HashMap::new(),
            turn: 0,
            says,
            is_alive: true,
        };
        let ended =
            if speaks { socket.run(said, &open.stopping).await } else { Err(End::Protocol) };
        socket.close(ended.err().unwrap_or(End::Gone)).await;
    })
}

/// Whose a socket is.
struct Holder {
    header: String,
    until: DateTime<Utc>,
    gate: Gate,
}

impl Holder {
    fn account(&self) -> Option<AccountId> {
        self.gate.account()
    }
}

struct Socket {
    app: Arc<App>,
    wire: WebSocket,
    /// Of the request that opened it.
    asked: Asked,
    peer: Option<Peer>,
    /// The header of that request, for a client that gives its token there.
    header: Option<String>,
    /// None until the client was acknowledged.
    holder: Option<Holder>,
    access: broadcast::Receiver<Option<AccountId>>,
    operations: HashMap<String, Operation>,
    /// Tells what an operation says from what another one of the same id said before.
    turn: u64,
    says: mpsc::Sender<Said>,
    /// Whether anything came since it was last asked for a sign of life.
    is_alive: bool,
}

impl Socket {
    async fn run(
        &mut self,
        mut said: mpsc::Receiver<Said>,
        stopping: &CancellationToken,
    ) -> Result<(), End> {
        let now = Instant::now();
        let silent = sleep(INIT);
        tokio::pin!(silent);
        let expired = sleep(INIT);
        tokio::pin!(expired);
        let mut ping =
            interval_at(now + self.app.config.socket_ping(), self.app.config.socket_ping());
        let mut ask = interval_at(now + ASK, ASK);
        loop {
            let is_open = self.holder.is_some();
            tokio::select! {
                biased;
                () = stopping.cancelled() => return Err(End::Away),
                () = &mut silent, if !is_open => return Err(End::InitTimeout),
                () = &mut expired, if is_open => return Err(End::Unauthorised),
                _ = ping.tick() => self.ping().await?,
                _ = ask.tick(), if is_open => self.ask().await?,
                whose = self.access.recv() => if self.concerns(whose.ok()) {
                    self.ask().await?;
                },
                message = self.wire.recv() => match message {
                    Some(Ok(message)) => {
                        self.is_alive = true;
                        self.hear(message).await?;
                    }
                    _ => return Err(End::Gone),
                },
                Some(said) = said.recv() => self.say(said).await?,
            }
            if let Some(holder) = &self.holder
                && !is_open
            {
                let left = (holder.until - self.app.now()).to_std().unwrap_or_default();
                expired.set(sleep_until(Instant::now() + left));
            }
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => return Err(End::Invalid),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return Ok(()),
        };
        if text.len() > LARGEST {
            return Err(End::TooLarge);
        }
        match serde_json::from_str(&text).map_err(|_| End::Invalid)? {
            Heard::ConnectionInit { .. } if self.holder.is_some() => Err(End::InitTwice),
            Heard::ConnectionInit { payload } => {
                let given = payload.as_ref().and_then(|it| it.get("authorization")?.as_str());
                let header = given.map(str::to_owned).or(self.header.take());
                self.acknowledge(header.ok_or(End::Forbidden)?).await
            }
            Heard::Ping { payload: None } => self.send(&json!({"type": "pong"})).await,
            Heard::Ping { payload } => {
                self.send(&json!({"type": "pong", "payload": payload})).await
            }
            Heard::Pong {} => Ok(()),
            Heard::Subscribe { id, .. } if id.is_empty() || id.len() > LONGEST_ID => {
                Err(End::Invalid)
            }
            Heard::Subscribe { payload, .. } if !payload.mean_something() => Err(End::Invalid),
            Heard::Subscribe { id, payload } => self.begin(id, payload).await,
            Heard::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
        }
    }

    /// Nothing is open to nobody here: a token that is no good is refused, and so is none.
    async fn acknowledge(&mut self, header: String) -> Result<(), End> {
        let gate = self.gate(&header).await?;
        if !gate.is_held() {
            return Err(End::Forbidden);
        }
        let until = gate.until().or(self.app.keys.expiry(&header)).ok_or(End::Forbidden)?;
        self.holder = Some(Holder { header, until, gate });
        self.send(&json!({"type": "connection_ack"})).await
    }

    async fn gate(&mut self, header: &str) -> Result<Gate, End> {
        let found = super::gate(&self.app, Some(header), self.app.now()).await;
        found.map_err(|failure| {
            tracing::error!(request_id = %self.asked.id, "{failure:?}");
            End::Internal
        })
    }

    /// Asks anew whose the socket is. Subscriptions begin anew where something else is granted now than when they began.
    async fn ask(&mut self) -> Result<(), End> {
        let header = self.holder.as_ref().map(|it| it.header.clone());
        let gate = self.gate(&header.ok_or(End::Unauthorised)?).await?;
        let Some(holder) = self.holder.as_mut().filter(|_| gate.is_held()) else {
            return Err(End::Unauthorised);
        };
        let is_same = gate.is_as(&holder.gate);
        holder.gate = gate;
        if !is_same {
            let begun: Vec<_> = self
                .operations
                .iter()
                .filter_map(|(id, it)| Some((id.clone(), it.subscribed.clone()?)))
                .collect();
            for (id, params) in begun {
                self.operations.remove(&id);
                self.operate(id, params).await?;
            }
        }
        Ok(())
    }

    /// The same where it is not sure that nothing of it changed.
    async fn ask_if_unsure(&mut self) -> Result<(), End> {
        if self.holder.as_ref().is_none_or(|it| it.until <= self.app.now()) {
            return Err(End::Unauthorised);
        }
        let mut is_sure = self.app.live.access().is_some();
        loop {
            match self.access.try_recv() {
                Ok(whose) => is_sure &= !self.concerns(Some(whose)),
                Err(broadcast::error::TryRecvError::Lagged(_)) => is_sure = false,
                Err(_) => break,
            }
        }
        if is_sure { Ok(()) } else { self.ask().await }
    }

    /// Whether a notice is about the holder's access. One that was missed may have been.
    fn concerns(&self, whose: Option<Option<AccountId>>) -> bool {
        let own = self.holder.as_ref().map(Holder::account);
        own.is_some_and(|own| whose.flatten().is_none_or(|it| own == Some(it)))
    }

    async fn begin(&mut self, id: String, params: Params) -> Result<(), End> {
        if self.holder.is_none() {
            return Err(End::Unauthorised);
        }
        if self.operations.contains_key(&id) {
            return Err(End::Duplicate);
        }
        self.ask_if_unsure().await?;
        self.operate(id, params).await
    }

    async fn operate(&mut self, id: String, params: Params) -> Result<(), End> {
        let Some(holder) = &self.holder else { return Err(End::Unauthorised) };
        let asked = Asked { id: Uuid::now_v7(), lang: self.asked.lang };
        if self.operations.len() >= MOST {
            let refusal = refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMITED",
                "一个连接最多同时进行100个操作",
                "a socket runs at most 100 operations at once",
            );
            return self.refuse(&id, &refusal, asked).await;
        }
        let prepared = match prepare(&self.app, params.clone(), By::Socket) {
            Ok(Prepared { missing: Some(at), .. }) => Err(missing(at)),
            prepared => prepared,
        };
        let is_of_a_door = prepared.as_ref().is_ok_and(|it| it.is_of_a_door);
        if let Err(failure) = self.app.rates.count(&holder.gate, is_of_a_door) {
            let errors = failed(failure, asked);
            return self.send(&json!({"id": id, "type": "error", "payload": errors})).await;
        }
        match prepared {
            Ok(prepared) => {
                self.turn += 1;
                let gate = holder.gate.clone();
                let viewer = viewer_at(&self.app, gate, asked, self.peer, self.app.now());
                let says = self.says.clone();
                let operation = Operation::begin(&id, self.turn, params, prepared, viewer, says);
                self.operations.insert(id, operation);
                Ok(())
            }
            Err(refusal) => self.refuse(&id, &refusal, asked).await,
        }
    }

    async fn refuse(&mut self, id: &str, refusal: &Refusal, asked: Asked) -> Result<(), End> {
        let errors = json!([refusal.error(asked)]);
        self.send(&json!({"id": id, "type": "error", "payload": errors})).await
    }

    /// Passes on what an operation says, if it still runs.
    async fn say(&mut self, said: Said) -> Result<(), End> {
        let runs = |all: &HashMap<String, Operation>| {
            all.get(&said.id).filter(|it| it.turn == said.turn).map(|it| it.subscribed.is_some())
        };
        if runs(&self.operations) == Some(true) {
            self.ask_if_unsure().await?;
        }
        if runs(&self.operations).is_none() {
            return Ok(());
        }
        if said.is_last {
            self.operations.remove(&said.id);
        }
        self.send(&said.message).await
    }

    async fn ping(&mut self) -> Result<(), End> {
        if !self.is_alive {
            return Err(End::Gone);
        }
        self.is_alive = false;
        self.put(Message::Ping(Vec::new().into())).await
    }

    async fn send(&mut self, message: &Value) -> Result<(), End> {
        self.put(Message::Text(message.to_string().into())).await
    }

    async fn put(&mut self, message: Message) -> Result<(), End> {
        match timeout(TAKE, self.wire.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Gone),
        }
    }

    /// Says why, and lets the client close its side, so that it reads the reason.
    async fn close(mut self, end: End) {
        self.operations.clear();
        tracing::debug!(request_id = %self.asked.id, ?end, "a socket ends");
        let Some(frame) = end.frame() else { return };
        let farewell = async {
            if self.wire.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.wire.recv().await {}
            }
        };
        let _ = timeout(CLOSE, farewell).await;
    }
}
