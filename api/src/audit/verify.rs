//! Whether the audit log is as it was written: walks each chain from its anchor to its head.

use std::fmt;

use entity::{
    audit_anchor,
    audit_event::{self, Column},
    audit_head,
    id::AuditEventId,
};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::ExprTrait,
};

use super::chain::{self, CHAINS, Seal};
use crate::{db::Db, error::Failure, graphql::Gid};

/// The first link of a chain that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub chain: i32,
    pub place: i64,
    /// The event that stands there, if one does.
    pub event: Option<AuditEventId>,
    pub how: How,
}

/// What is wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The event is not what was written.
    Changed,
    /// There was an event, and there is none.
    Removed,
    /// There is an event that nobody wrote by the service.
    Inserted,
    /// The end of the chain is not what was written, or of another key.
    Head,
    /// How far the chain was dropped by age is not what was written, or of another key.
    Anchor,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chain {}, place {}", self.chain, self.place)?;
        if let Some(id) = self.event {
            write!(f, ", {}", Gid(id))?;
        }
        f.write_str(match self.how {
            How::Changed => ": changed",
            How::Removed => ": removed",
            How::Inserted => ": inserted",
            How::Head => ": the end of the chain was changed, or the key is another one",
            How::Anchor => {
                ": the record of what was dropped was changed, or the key is another one"
            }
        })
    }
}

/// What a look at all chains said.
#[derive(Debug, Default)]
pub struct Report {
    /// How many events were looked at.
    pub events: u64,
    /// The first broken link of each chain that has one.
    pub broken: Vec<Broken>,
}

/// Looks at all chains as they stand at one instant.
pub async fn verify(db: &Db) -> Result<Report, Failure> {
    db.snapshot(async |tx| {
        let mut report = Report::default();
        for chain in 0..CHAINS {
            let broken = walk(tx, db.seal(), chain, &mut report.events).await?;
            report.broken.extend(broken);
        }
        let stray = audit_event::Entity::find()
            .filter(Column::Chain.lt(0).or(Column::Chain.gte(CHAINS)))
            .order_by_asc(Column::Chain)
            .order_by_asc(Column::Place)
            .one(tx)
            .await?;
        report.broken.extend(stray.map(|it| at(&it, How::Inserted)));
        Ok(report)
    })
    .await
}

fn at(it: &audit_event::Model, how: How) -> Broken {
    Broken { chain: it.chain, place: it.place, event: Some(it.id), how }
}

/// The first broken link of a chain.
async fn walk(
    tx: &DatabaseTransaction,
    seal: &Seal,
    chain: i32,
    events: &mut u64,
) -> Result<Option<Broken>, Failure> {
    const PART: u64 = 2000;
    let missing = |place, how| Broken { chain, place, event: None, how };
    let anchor = audit_anchor::Entity::find_by_id(chain).one(tx).await?;
    if let Some(it) = anchor.as_ref().filter(|it| !chain::is_anchored(seal, it)) {
        return Ok(Some(missing(it.place, How::Anchor)));
    }
    let Some(head) = audit_head::Entity::find_by_id(chain).one(tx).await? else {
        return Ok(Some(missing(0, How::Head)));
    };
    let (mut place, mut hash) = anchor.map_or((0, Vec::new()), |it| (it.place, it.hash));
    let mut read_to = i64::MIN;
    loop {
        let rows = audit_event::Entity::find()
            .filter(Column::Chain.eq(chain))
            .filter(Column::Place.gt(read_to))
            .order_by_asc(Column::Place)
            .limit(PART)
            .all(tx)
            .await?;
        let Some(last) = rows.last() else { break };
        read_to = last.place;
        for row in rows {
            *events += 1;
            if row.place <= place || row.place > head.place {
                return Ok(Some(at(&row, How::Inserted)));
            }
            if row.place > place + 1 {
                return Ok(Some(missing(place + 1, How::Removed)));
            }
            if row.hash.as_deref() != Some(&seal.hash(&hash, &row)[..]) {
                return Ok(Some(at(&row, How::Changed)));
            }
            (place, hash) = (row.place, row.hash.unwrap_or_default());
        }
    }
    Ok(if place < head.place {
        Some(missing(place + 1, How::Removed))
    } else if !chain::is_sealed(seal, &head) || head.hash.unwrap_or_default() != hash {
        Some(missing(head.place, How::Head))
    } else {
        None
    })
}
