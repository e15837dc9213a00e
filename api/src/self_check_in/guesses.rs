//! Wrong codes are counted, so that nobody tries them all. Right ones are not, and neither are codes that were shown a
//! while ago: a hall full of people behind one address may be as slow as it likes.
//!
//! What is counted is counted in the database, so that several servers agree. Looking takes no lock, so that a thousand
//! people who scan at once do not queue.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::SessionId,
    wrong_code::{self, Column},
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::OnConflict,
};

use super::ClaimCheckInErrorCode as Code;
use crate::{
    authz::Me,
    error::{Error, Failure, Refusal, Refused},
};

/// From the first wrong code on it is counted for so long, and then from nothing again.
const WINDOW: TimeDelta = TimeDelta::minutes(5);
/// How many wrong codes one device may send at one session.
const PER_DEVICE: i32 = 5;
/// How many wrong codes may be sent by whoever has proven a phone, at all sessions.
const PER_PHONE: i32 = 20;
/// How many wrong codes may come from one address of those who have not, at all sessions.
const PER_ADDRESS: i32 = 300;

/// What somebody's wrong codes are counted for, and how many may be wrong. A device calls itself what it likes, so there
/// is a second count that a guesser cannot change so easily: the phone of who has proven one, and else the address. So
/// people at an address from which somebody guesses are not shut out: they sign in, and then scan.
pub struct Counted(Vec<(String, i32)>);

impl Counted {
    /// `address` is none where addresses say nothing, as behind a proxy.
    #[must_use]
    pub fn of(session: SessionId, device: &str, me: Option<&Me>, address: Option<&str>) -> Self {
        // Always the device before the other, so that rivals queue and never cross.
        let mut all = vec![(format!("device {} {device}", session.0), PER_DEVICE)];
        match (me, address) {
            (Some(me), _) => all.push((format!("phone {}", me.phone()), PER_PHONE)),
            (None, Some(address)) => all.push((format!("address {address}"), PER_ADDRESS)),
            (None, None) => {}
        }
        Self(all)
    }

    /// Refuses whoever was wrong too often of late.
    pub async fn look(
        &self,
        db: &impl ConnectionTrait,
        now: DateTime<Utc>,
    ) -> Result<(), Error<Code>> {
        let rows = wrong_code::Entity::find()
            .filter(Column::Key.is_in(self.0.iter().map(|it| it.0.as_str())))
            .all(db)
            .await?;
        let most =
            |row: &wrong_code::Model| self.0.iter().find(|it| it.0 == row.key).map(|it| it.1);
        let full = rows.iter().filter(|it| most(it).is_some_and(|most| it.wrong >= most));
        match full.map(|it| it.since + WINDOW).filter(|until| now < *until).max() {
            Some(until) => Err(too_often(until, now).into()),
            None => Ok(()),
        }
    }

    /// Counts a wrong code, unless there were too many.
    pub async fn count(
        &self,
        tx: &DatabaseTransaction,
        now: DateTime<Utc>,
    ) -> Result<(), Error<Code>> {
        for (key, most) in &self.0 {
            let row = locked(tx, key, now).await?;
            let is_over = row.since + WINDOW <= now;
            if !is_over && row.wrong >= *most {
                return Err(too_often(row.since + WINDOW, now).into());
            }
            let counted = wrong_code::ActiveModel {
                key: Unchanged(row.key),
                wrong: Set(if is_over { 1 } else { row.wrong + 1 }),
                since: Set(if is_over { now } else { row.since }),
            };
            counted.update(tx).await?;
        }
        Ok(())
    }
}

fn too_often(until: DateTime<Utc>, now: DateTime<Utc>) -> Refused<Code> {
    // A second begun is one to wait for.
    let seconds = (until - now + TimeDelta::milliseconds(999)).num_seconds();
    Code::TooOften.at(["code"]).about(seconds)
}

/// The count of a key under its lock, from nothing on if there is none.
async fn locked(
    tx: &DatabaseTransaction,
    key: &str,
    now: DateTime<Utc>,
) -> Result<wrong_code::Model, Failure> {
    let row = wrong_code::ActiveModel { key: Set(key.to_owned()), wrong: Set(0), since: Set(now) };
    // What is there is locked by an update that changes nothing.
    let again = OnConflict::column(Column::Key).update_column(Column::Key).to_owned();
    Ok(wrong_code::Entity::insert(row).on_conflict(again).exec_with_returning(tx).await?)
}

/// Drops what does not count any more.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    wrong_code::Entity::delete_many().filter(Column::Since.lte(now - WINDOW)).exec(tx).await?;
    Ok(())
}
