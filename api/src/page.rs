//! Keyset pages, both ways, from the query to the Relay connection. There is no offset anywhere.

use async_graphql::{
    OutputType,
    connection::{Connection, Edge},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sea_orm::{
    ColumnTrait, ConnectionTrait, Cursor, EntityTrait, FromQueryResult, Order, QueryFilter,
    QueryOrder, Select, SelectModel, Value,
    sea_query::{Expr, ExprTrait, IntoValueTuple},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{db::Cut, error::Failure};

/// The most that a page may hold.
pub const LARGEST: i32 = 100;
/// The most that a page of a list of small rows may hold, where the list says so.
pub const LARGEST_LONG: i32 = 500;
/// What a page holds if nothing is said.
pub const USUAL: i32 = 20;

/// What a client asks of a list. `K` is the row's place in its order.
pub struct Slice<K> {
    count: u64,
    backward: bool,
    after: Option<K>,
    before: Option<K>,
}

/// Rows in a row, and whether more stand before and after them.
pub struct Page<M> {
    pub rows: Vec<M>,
    pub has_previous: bool,
    pub has_next: bool,
}

impl<K: Serialize + DeserializeOwned + IntoValueTuple> Slice<K> {
    /// Reads the four arguments of a connection. One direction at a time, 1 to 100 rows.
    pub fn parse(
        first: Option<i32>,
        after: Option<&str>,
        last: Option<i32>,
        before: Option<&str>,
    ) -> Result<Self, Failure> {
        let wrong = Failure::BadInput("每页须为1至100条", "a page holds 1 to 100");
        Self::within(LARGEST, wrong, (first, after), (last, before))
    }

    /// The same for a list whose rows are small, of which a page holds more.
    pub fn parse_long(
        first: Option<i32>,
        after: Option<&str>,
        last: Option<i32>,
        before: Option<&str>,
    ) -> Result<Self, Failure> {
        let wrong = Failure::BadInput("每页须为1至500条", "a page holds 1 to 500");
        Self::within(LARGEST_LONG, wrong, (first, after), (last, before))
    }

    fn within(
        largest: i32,
        wrong: Failure,
        (first, after): (Option<i32>, Option<&str>),
        (last, before): (Option<i32>, Option<&str>),
    ) -> Result<Self, Failure> {
        if first.is_some() && last.is_some() {
            return Err(Failure::BadInput(
                "first 与 last 不能同时给出",
                "give either first or last, not both",
            ));
        }
        let count = first.or(last).unwrap_or(USUAL);
        if !(1..=largest).contains(&count) {
            return Err(wrong);
        }
        Ok(Self {
            count: count.unsigned_abs().into(),
            backward: last.is_some(),
            after: after.map(decode).transpose()?,
            before: before.map(decode).transpose()?,
        })
    }

    /// Whether it is the beginning of the list.
    #[must_use]
    pub fn is_first(&self) -> bool {
        !self.backward && self.after.is_none() && self.before.is_none()
    }

    /// Reads one row more than asked for, which only tells that there is another page.
    pub async fn of<M: FromQueryResult + Send + Sync>(
        self,
        mut query: Cursor<SelectModel<M>>,
        db: &impl ConnectionTrait,
    ) -> Result<Page<M>, Failure> {
        let (bounded_before, bounded_after) = (self.after.is_some(), self.before.is_some());
        if let Some(after) = self.after {
            query.after(after);
        }
        if let Some(before) = self.before {
            query.before(before);
        }
        let mut rows = if self.backward {
            query.last(self.count + 1).all(db).await?
        } else {
            query.all(&Cut(db, self.count + 1)).await?
        };
        let more = rows.len() as u64 > self.count;
        if more && self.backward {
            rows.remove(0);
        } else if more {
            rows.pop();
        }
        Ok(if self.backward {
            Page { rows, has_previous: more, has_next: bounded_after }
        } else {
            Page { rows, has_previous: bounded_before, has_next: more }
        })
    }
}

impl<K: Into<Value>> Slice<K> {
    /// The same of the rows below one thing, by an index of both: `below` is the column that names it, and `key` orders them.
    ///
    /// To the database the thing is a range of one. Told that it is one value, PostgreSQL takes the index of the keys alone
    /// for the better one where many rows are below it, and reads all that stand before them.
    pub async fn below<E: EntityTrait>(
        self,
        query: Select<E>,
        below: (E::Column, impl Into<Value>),
        key: E::Column,
        db: &impl ConnectionTrait,
    ) -> Result<Page<E::Model>, Failure> {
        self.along(query, below, (key, Order::Asc), db).await
    }

    /// The same in the other order: the newest first, where the keys are ids.
    pub async fn below_newest<E: EntityTrait>(
        self,
        query: Select<E>,
        below: (E::Column, impl Into<Value>),
        key: E::Column,
        db: &impl ConnectionTrait,
    ) -> Result<Page<E::Model>, Failure> {
        self.along(query, below, (key, Order::Desc), db).await
    }

    async fn along<E: EntityTrait>(
        self,
        query: Select<E>,
        (below, it): (E::Column, impl Into<Value>),
        (key, forward): (E::Column, Order),
        db: &impl ConnectionTrait,
    ) -> Result<Page<E::Model>, Failure> {
        let it: Value = it.into();
        let (bounded_before, bounded_after) = (self.after.is_some(), self.before.is_some());
        let place =
            || Expr::tuple([Expr::col((E::default(), below)), Expr::col((E::default(), key))]);
        let at = |key: K| Expr::tuple([Expr::val(it.clone()), Expr::val(key.into())]);
        let rises = forward == Order::Asc;
        let (low, high) = if rises { (self.after, self.before) } else { (self.before, self.after) };
        let begins = match low {
            Some(low) => place().gt(at(low)),
            None => below.gte(it.clone()),
        };
        let ends = match high {
            Some(high) => place().lt(at(high)),
            None => below.lte(it.clone()),
        };
        let order = if rises == self.backward { Order::Desc } else { Order::Asc };
        let query = query.filter(begins).filter(ends);
        let query = query.order_by(below, order.clone()).order_by(key, order);
        let mut rows = query.all(&Cut(db, self.count + 1)).await?;
        let more = rows.len() as u64 > self.count;
        if more {
            rows.pop();
        }
        let (has_previous, has_next) = if self.backward {
            rows.reverse();
            (more, bounded_after)
        } else {
            (bounded_before, more)
        };
        Ok(Page { rows, has_previous, has_next })
    }
}

impl<K: Ord> Slice<K> {
    /// The same of rows that are in memory, in the order of their keys.
    #[must_use]
    pub fn cut<M>(self, mut rows: Vec<M>, key: impl Fn(&M) -> K) -> Page<M> {
        let (bounded_before, bounded_after) = (self.after.is_some(), self.before.is_some());
        rows.retain(|it| {
            self.after.as_ref().is_none_or(|after| key(it) > *after)
                && self.before.as_ref().is_none_or(|before| key(it) < *before)
        });
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        let over = rows.len().saturating_sub(count);
        if self.backward {
            rows.drain(..over);
            Page { rows, has_previous: over > 0, has_next: bounded_after }
        } else {
            rows.truncate(count);
            Page { rows, has_previous: bounded_before, has_next: over > 0 }
        }
    }
}

impl<M> Page<M> {
    /// The same page of what was made of its rows.
    #[must_use]
    pub fn map<T>(&self, rows: Vec<T>) -> Page<T> {
        Page { rows, has_previous: self.has_previous, has_next: self.has_next }
    }

    /// The page as clients get it, of nodes that were made for all rows at once, each with its place.
    pub fn with<K: Serialize, T: OutputType>(
        self,
        nodes: impl IntoIterator<Item = (K, T)>,
    ) -> Connection<String, T> {
        let mut connection = Connection::new(self.has_previous, self.has_next);
        connection.edges =
            nodes.into_iter().map(|(key, node)| Edge::new(encode(&key), node)).collect();
        connection
    }

    /// The page as clients get it: `key` is a row's place, `node` what is shown of it.
    pub fn connection<K: Serialize, T: OutputType>(
        self,
        key: impl Fn(&M) -> K,
        mut node: impl FnMut(M) -> T,
    ) -> Connection<String, T> {
        let Self { rows, has_previous, has_next } = self;
        let nodes = rows.into_iter().map(|it| (key(&it), node(it)));
        Page::<M> { rows: Vec::new(), has_previous, has_next }.with(nodes)
    }
}

fn encode(key: &impl Serialize) -> String {
    // Keys are ids, texts and instants, which always have a JSON form.
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

fn decode<K: DeserializeOwned>(cursor: &str) -> Result<K, Failure> {
    BASE64_URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or(Failure::BadInput("不是这个列表的游标", "not a cursor of this list"))
}
