//! The chain: the hash of each event covers all that it says and the hash of the one before it, under a key that is not
//! in the database. Whoever can write SQL alone can neither change, remove nor insert an event unnoticed.
//!
//! There are [`CHAINS`] of them, so that writers on PostgreSQL seldom wait for each other's commit. The head of a chain says
//! how long it is, and is the last thing that a transaction locks: nothing is waited for while it is held.

use std::{fs, io, path::Path};

use aws_lc_rs::{
    hmac::{self, HMAC_SHA256},
    rand,
};
use entity::{
    audit_anchor, audit_event,
    audit_head::{self, Column},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use crate::{db::Db, error::Failure, secret_file};

/// How many chains there are. The migration makes their heads.
pub const CHAINS: i32 = 8;

/// The length of the key that is made, in bytes, and the least of one that is given.
const KEY: usize = 32;

/// The key of the chains.
#[derive(Clone)]
pub struct Seal(hmac::Key);

/// A place in a chain, and the hash of the event there. At place 0 there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub chain: i32,
    pub place: i64,
    pub hash: Vec<u8>,
}

impl Seal {
    /// Reads the key from the file that is named, or from the data directory, where it is made at the first start. Servers
    /// that share a database share it.
    pub fn load(named: Option<&Path>, data_dir: &Path) -> io::Result<Self> {
        let key = match named {
            Some(path) => fs::read(path)?,
            None => made_once(data_dir)?,
        };
        if key.len() < KEY {
            return Err(io::Error::other(format!("the key has less than {KEY} bytes")));
        }
        Ok(Self(hmac::Key::new(HMAC_SHA256, &key)))
    }

    /// The hash of an event behind the one whose hash is `before`.
    #[must_use]
    pub fn hash(&self, before: &[u8], it: &audit_event::Model) -> Vec<u8> {
        let mut said = Said::new(&self.0, "event");
        said.bytes(Some(before));
        said.bytes(Some(&it.chain.to_be_bytes()));
        said.bytes(Some(&it.place.to_be_bytes()));
        said.bytes(Some(it.id.0.as_bytes()));
        said.bytes(Some(&it.at.timestamp_micros().to_be_bytes()));
        said.id(it.account_id.map(|it| it.0));
        said.id(it.device_id.map(|it| it.0));
        said.text(Some(&it.action));
        said.text(Some(&it.subject_kind));
        said.id(it.subject_id);
        said.text(it.result_kind.as_deref());
        said.id(it.result_id);
        said.text(it.reason.as_deref());
        said.id(Some(it.request_id));
        said.text(it.address.as_deref());
        said.text(Some(match it.outcome {
            audit_event::Outcome::Done => "DONE",
            audit_event::Outcome::Refused => "REFUSED",
        }));
        said.text(it.details.as_deref());
        said.hash()
    }

    /// What vouches for the end of a chain (`head`), or for how far its beginning was dropped (`anchor`).
    #[must_use]
    pub fn of(&self, what: &str, link: &Link) -> Vec<u8> {
        let mut said = Said::new(&self.0, what);
        said.bytes(Some(&link.chain.to_be_bytes()));
        said.bytes(Some(&link.place.to_be_bytes()));
        said.bytes(Some(&link.hash));
        said.hash()
    }
}

/// What is hashed, each part with its length before it, so that no two events say the same bytes.
struct Said<'a> {
    key: &'a hmac::Key,
    parts: Vec<u8>,
}

impl<'a> Said<'a> {
    fn new(key: &'a hmac::Key, what: &str) -> Self {
        let mut it = Self { key, parts: Vec::with_capacity(512) };
        it.text(Some(what));
        it
    }

    fn bytes(&mut self, part: Option<&[u8]>) {
        // No part is as long as that, so nothing and an empty part differ.
        let length = part.map_or(u64::MAX, |it| it.len() as u64);
        self.parts.extend_from_slice(&length.to_be_bytes());
        self.parts.extend_from_slice(part.unwrap_or_default());
    }

    fn text(&mut self, part: Option<&str>) {
        self.bytes(part.map(str::as_bytes));
    }

    fn id(&mut self, part: Option<Uuid>) {
        self.bytes(part.as_ref().map(|it| &it.as_bytes()[..]));
    }

    fn hash(&self) -> Vec<u8> {
        hmac::sign(self.key, &self.parts).as_ref().to_vec()
    }
}

/// The chain for the events of a request. All events of a transaction are on one, so that it locks one head.
#[must_use]
pub fn of_request(request_id: Uuid) -> i32 {
    // The end of a UUID of version 7 is random.
    i32::from(request_id.as_bytes()[15]) % CHAINS
}

/// Locks the end of a chain until the transaction ends.
pub(super) async fn lock(tx: &impl ConnectionTrait, chain: i32) -> Result<Link, Failure> {
    let head = audit_head::Entity::find_by_id(chain)
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or_else(|| Failure::internal(format!("the chain {chain} has no head")))?;
    Ok(Link { chain, place: head.place, hash: head.hash.unwrap_or_default() })
}

/// Puts the end of a locked chain where its last event is now.
pub(super) async fn advance(
    tx: &impl ConnectionTrait,
    seal: &Seal,
    link: &Link,
) -> Result<(), Failure> {
    let done = audit_head::Entity::update_many()
        .col_expr(Column::Place, Expr::value(link.place))
        .col_expr(Column::Hash, Expr::value(link.hash.clone()))
        .col_expr(Column::Seal, Expr::value(seal.of("head", link)))
        .filter(Column::Chain.eq(link.chain))
        .exec(tx)
        .await?;
    match done.rows_affected {
        1 => Ok(()),
        _ => Err(Failure::internal(format!("the chain {} has no head", link.chain))),
    }
}

/// Sees to it that every chain is sealed: those of a new database, and the one of the events that were written before there
/// were chains. Any number of servers may at once. Heads that do not fit the key are reported in the log.
pub async fn begin(db: &Db) -> Result<(), Failure> {
    let seal = db.seal();
    let heads = audit_head::Entity::find().order_by_asc(Column::Chain).all(db.read()).await?;
    for head in heads {
        if head.seal.is_none() {
            db.transaction(async |tx| seal_chain(tx, seal, head.chain).await).await?;
        } else if !is_sealed(seal, &head) {
            tracing::error!(
                chain = head.chain,
                "the audit log does not fit its key: run `qinglan audit verify`"
            );
        }
    }
    Ok(())
}

/// Whether a head is as it was written.
#[must_use]
pub(super) fn is_sealed(seal: &Seal, head: &audit_head::Model) -> bool {
    let hash = head.hash.clone().unwrap_or_default();
    let link = Link { chain: head.chain, place: head.place, hash };
    head.seal.as_deref() == Some(&seal.of("head", &link)[..])
}

/// Whether an anchor is as it was written.
#[must_use]
pub(super) fn is_anchored(seal: &Seal, it: &audit_anchor::Model) -> bool {
    let link = Link { chain: it.chain, place: it.place, hash: it.hash.clone() };
    it.seal == seal.of("anchor", &link)
}

async fn seal_chain(tx: &DatabaseTransaction, seal: &Seal, chain: i32) -> Result<(), Failure> {
    const PART: u64 = 1000;
    let head = audit_head::Entity::find_by_id(chain).lock_exclusive().one(tx).await?;
    // Another server was quicker, or the first event of all.
    let Some(head) = head.filter(|it| it.seal.is_none()) else { return Ok(()) };
    let mut link = Link { chain, place: 0, hash: Vec::new() };
    while link.place < head.place {
        let rows = audit_event::Entity::find()
            .filter(audit_event::Column::Chain.eq(chain))
            .filter(audit_event::Column::Place.gt(link.place))
            .order_by_asc(audit_event::Column::Place)
            .limit(PART)
            .all(tx)
            .await?;
        if rows.is_empty() {
            return Err(Failure::internal("events are missing that were to be sealed"));
        }
        for row in rows {
            link = Link { chain, place: row.place, hash: seal.hash(&link.hash, &row) };
            audit_event::Entity::update_many()
                .col_expr(audit_event::Column::Hash, Expr::value(link.hash.clone()))
                .filter(audit_event::Column::Id.eq(row.id))
                .exec(tx)
                .await?;
        }
    }
    advance(tx, seal, &link).await
}

/// The key of a data directory.
fn made_once(data_dir: &Path) -> io::Result<Vec<u8>> {
    secret_file::read_or_make(&data_dir.join("audit-key"), || {
        let mut key = vec![0; KEY];
        rand::fill(&mut key).map_err(io::Error::other)?;
        Ok(key)
    })
}
