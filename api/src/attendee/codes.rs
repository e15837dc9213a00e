//! One-time codes: a phone is proven by a code that was sent there and comes back.
//!
//! What is counted is counted in the database under a lock, so that several servers agree. A phone that nobody knows is
//! treated like any other.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    attendee_code::{self, Column},
    attendee_limit,
    id::CodeId,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::OnConflict,
};

use crate::{
    authn::{self, Keys},
    error::{Error, Failure, Refusal},
    refusals,
};

refusals! {
    /// Why no code was sent.
    RequestCodeErrorCode, RequestCodeUserError {
        /// Not the number of a phone that takes messages.
        PhoneInvalid = "“{}”不是有效的手机号码", "“{}” is not a number that takes messages";
        /// Too many codes were asked for, for this phone or from this address.
        TooOften = "验证码请求过于频繁，请稍后再试", "too many codes were asked for; try again later";
        /// The message could not be handed over; another may be asked for in a minute.
        NotSent = "短信发送失败，请稍后再试", "the message could not be sent; try again later";
    }
}

refusals! {
    /// Why a code was not taken.
    RedeemCodeErrorCode, RedeemCodeUserError {
        /// Not the code that was last sent to this phone; or it is over 5 minutes old, was used, or was guessed 5 times.
        CodeWrong = "验证码错误或已失效", "the code is wrong, or no longer good";
    }
}

/// How long a code is good for.
pub const GOOD_FOR: TimeDelta = TimeDelta::minutes(5);
const MOST_GUESSES: i32 = 5;
/// How many codes a phone is sent in how long.
const PER_PHONE: [(TimeDelta, u64); 3] =
    [(TimeDelta::minutes(1), 1), (TimeDelta::hours(1), 5), (TimeDelta::days(1), 10)];
/// How long a code stays on record, for counting.
const KEPT: TimeDelta = TimeDelta::days(2);

/// The number that messages go to, if this is one: a mobile phone of the mainland, or one with its country.
#[must_use]
pub fn mobile(typed: &str) -> Option<String> {
    let number = roster::clean::phone(typed, "0577").value?;
    let is_mobile = number.starts_with('+') || (number.len() == 11 && number.starts_with('1'));
    is_mobile.then_some(number)
}

/// Makes a code for a phone, unless too many were made. The caller sends it.
pub async fn request(
    tx: &DatabaseTransaction,
    keys: &Keys,
    phone: &str,
    address: Option<&str>,
    per_address: u64,
    now: DateTime<Utc>,
) -> Result<String, Error<RequestCodeErrorCode>> {
    // Always the phone before the address, so that rivals queue and never cross.
    lock(tx, &format!("phone {phone}"), now).await?;
    for (long, most) in PER_PHONE {
        let made = attendee_code::Entity::find()
            .filter(Column::Phone.eq(phone))
            .filter(Column::CreatedAt.gt(now - long));
        if made.count(tx).await? >= most {
            return Err(RequestCodeErrorCode::TooOften.at(["phone"]).into());
        }
    }
    if let Some(address) = address.filter(|_| per_address > 0) {
        lock(tx, &format!("address {address}"), now).await?;
        let made = attendee_code::Entity::find()
            .filter(Column::Address.eq(address))
            .filter(Column::CreatedAt.gt(now - TimeDelta::hours(1)));
        if made.count(tx).await? >= per_address {
            return Err(RequestCodeErrorCode::TooOften.at(["phone"]).into());
        }
    }
    let id = CodeId::generate();
    let code = authn::six_digits()?;
    let row = attendee_code::ActiveModel {
        id: Set(id),
        phone: Set(phone.to_owned()),
        address: Set(address.map(str::to_owned)),
        hash: Set(keys.seal(&sealed(id, &code))),
        guesses: Set(0),
        created_at: Set(now),
        used_at: Set(None),
    };
    attendee_code::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(code)
}

fn sealed(id: CodeId, code: &str) -> String {
    format!("code {} {code}", id.0)
}

async fn lock(tx: &DatabaseTransaction, key: &str, now: DateTime<Utc>) -> Result<(), Failure> {
    let row = attendee_limit::ActiveModel { key: Set(key.to_owned()), created_at: Set(now) };
    attendee_limit::Entity::insert(row)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    attendee_limit::Entity::find_by_id(key).lock_exclusive().one(tx).await?;
    Ok(())
}

/// Whether this is the code that was last sent to the phone. It is good once. A wrong guess is counted, so it is no
/// error; it is refused where there is no code to be guessed.
pub async fn redeem(
    tx: &DatabaseTransaction,
    keys: &Keys,
    phone: &str,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, Error<RedeemCodeErrorCode>> {
    let wrong = || RedeemCodeErrorCode::CodeWrong.at(["code"]);
    let last = attendee_code::Entity::find()
        .filter(Column::Phone.eq(phone))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .lock_exclusive()
        .limit(1)
        .one(tx)
        .await?;
    let last = last.ok_or_else(wrong)?;
    if last.used_at.is_some() || last.guesses >= MOST_GUESSES || last.created_at + GOOD_FOR <= now {
        return Err(wrong().into());
    }
    let is_right = keys.is_seal(&last.hash, &sealed(last.id, code));
    let mut row = attendee_code::ActiveModel { id: Unchanged(last.id), ..Default::default() };
    if is_right {
        row.used_at = Set(Some(now));
    } else {
        row.guesses = Set(last.guesses + 1);
    }
    row.update(tx).await?;
    Ok(is_right)
}

/// Drops what is not counted any more.
pub async fn drop_old(tx: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), Failure> {
    attendee_code::Entity::delete_many().filter(Column::CreatedAt.lt(now - KEPT)).exec(tx).await?;
    attendee_limit::Entity::delete_many()
        .filter(attendee_limit::Column::CreatedAt.lt(now - KEPT))
        .exec(tx)
        .await?;
    Ok(())
}
