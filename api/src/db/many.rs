//! Many rows of a table, written with few statements.
//!
//! A parameter for each value of each row takes longer to put together, to send and to parse than the rows take to be
//! written. PostgreSQL is given an array per column instead; SQLite, which has no arrays, the parameters alone.

use std::fmt::Write;

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable,
    ModelTrait, PrimaryKeyToColumn, Statement,
    sea_query::{ArrayType, Value},
};

use super::CHUNK;

/// How many rows go into one statement where they are arrays, which no limit on parameters concerns: a megabyte or two.
/// Whoever puts rows together before puts as many together.
pub const ROWS: usize = 4000;

/// Inserts rows, in their order. The table is named where it is written to, so that it is seen who does.
pub async fn insert<E: EntityTrait>(
    tx: &DatabaseTransaction,
    rows: &[E::Model],
) -> Result<(), DbErr> {
    insert_or::<E>(tx, rows, "").await.map(drop)
}

/// The same, but that rows which break a rule of uniqueness are left out; how many were not.
pub async fn insert_absent<E: EntityTrait>(
    tx: &DatabaseTransaction,
    rows: &[E::Model],
) -> Result<u64, DbErr> {
    insert_or::<E>(tx, rows, " ON CONFLICT DO NOTHING").await
}

async fn insert_or<E: EntityTrait>(
    tx: &DatabaseTransaction,
    rows: &[E::Model],
    otherwise: &str,
) -> Result<u64, DbErr> {
    let all: Vec<E::Column> = E::Column::iter().collect();
    let named = names::<E>(&all, "").join(", ");
    let mut inserted = 0;
    for chunk in chunks(tx, rows) {
        let Given { sql, values } = given::<E>(tx.get_database_backend(), chunk, &all);
        let table = E::default();
        let sql = format!("INSERT INTO \"{}\" ({named}) {sql}{otherwise}", table.table_name());
        inserted += execute(tx, sql, values).await?;
    }
    Ok(inserted)
}

/// Writes some columns of rows that are there, which are found by their keys.
pub async fn update<E: EntityTrait>(
    tx: &DatabaseTransaction,
    rows: &[E::Model],
    columns: &[E::Column],
) -> Result<(), DbErr> {
    let keys = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    let mut all: Vec<E::Column> = keys.collect();
    let keys = all.len();
    all.extend(columns);
    let own = names::<E>(&all, "own.");
    let plain = names::<E>(&all, "");
    let it = names::<E>(&all, "it.");
    // SQLite would make an index of what is given by its first key, and go through the whole table with it; it makes none of
    // what is reckoned.
    let is_postgres = tx.get_database_backend() == DbBackend::Postgres;
    let given_keys = names::<E>(&all[..keys], if is_postgres { "it." } else { "+it." });
    let equal = |left: &[String], right: &[String], by: &str| {
        let pairs = left.iter().zip(right).map(|(left, right)| format!("{left} = {right}"));
        pairs.collect::<Vec<_>>().join(by)
    };
    let set = equal(&plain[keys..], &it[keys..], ", ");
    let found = equal(&own[..keys], &given_keys, " AND ");
    let named = plain.join(", ");
    for chunk in chunks(tx, rows) {
        let Given { sql, values } = given::<E>(tx.get_database_backend(), chunk, &all);
        let table = E::default();
        let sql = format!(
            "WITH it ({named}) AS ({sql}) UPDATE \"{}\" AS own SET {set} FROM it WHERE {found}",
            table.table_name(),
        );
        execute(tx, sql, values).await?;
    }
    Ok(())
}

async fn execute(tx: &DatabaseTransaction, sql: String, values: Vec<Value>) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

fn chunks<'a, M>(tx: &DatabaseTransaction, rows: &'a [M]) -> std::slice::Chunks<'a, M> {
    rows.chunks(if tx.get_database_backend() == DbBackend::Postgres { ROWS } else { CHUNK })
}

fn names<E: EntityTrait>(columns: &[E::Column], before: &str) -> Vec<String> {
    columns.iter().map(|it| format!("{before}\"{}\"", it.as_str())).collect()
}

/// Rows as a table that a statement goes on with.
struct Given {
    sql: String,
    values: Vec<Value>,
}

fn given<E: EntityTrait>(backend: DbBackend, rows: &[E::Model], columns: &[E::Column]) -> Given {
    if backend == DbBackend::Postgres && rows.len() > 1 {
        arrays::<E>(rows, columns)
    } else {
        parameters::<E>(backend, rows, columns)
    }
}

/// A parameter for each value.
fn parameters<E: EntityTrait>(
    backend: DbBackend,
    rows: &[E::Model],
    columns: &[E::Column],
) -> Given {
    let mut values = Vec::with_capacity(rows.len() * columns.len());
    let mut sql = String::from("VALUES ");
    for (nth, row) in rows.iter().enumerate() {
        sql.push_str(if nth == 0 { "(" } else { ", (" });
        for (nth, column) in columns.iter().enumerate() {
            sql.push_str(if nth == 0 { "" } else { ", " });
            values.push(row.get(*column));
            match backend {
                // Writing to a text never fails.
                DbBackend::Postgres => drop(write!(sql, "${}", values.len())),
                _ => sql.push('?'),
            }
        }
        sql.push(')');
    }
    Given { sql, values }
}

/// An array for each column, or one value where it is the same in all rows. The driver's arrays have no nulls: another one
/// says where they are.
fn arrays<E: EntityTrait>(rows: &[E::Model], columns: &[E::Column]) -> Given {
    let (mut shown, mut named, mut taken, mut values) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (nth, &column) in columns.iter().enumerate() {
        let mut cells: Vec<Value> = rows.iter().map(|it| it.get(column)).collect();
        // The first is an array whatever it holds, for there is one row for each of its elements.
        if nth > 0 && cells.iter().all(|it| *it == cells[0]) {
            values.push(cells.swap_remove(0));
            shown.push(format!("${}", values.len()));
            continue;
        }
        let null = cells[0].as_null();
        let is_null: Vec<bool> = cells.iter().map(|it| *it == null).collect();
        let mut array = |name: String, kind: ArrayType, cells: Vec<Value>| {
            values.push(Value::Array(kind, Some(Box::new(cells))));
            taken.push(format!("${}", values.len()));
            named.push(name);
        };
        if is_null.contains(&true) {
            for (cell, _) in cells.iter_mut().zip(&is_null).filter(|(_, is_null)| **is_null) {
                *cell = cell.dummy_value();
            }
            let is_null = is_null.into_iter().map(Value::from).collect();
            array(format!("n{nth}"), ArrayType::Bool, is_null);
            shown.push(format!("CASE WHEN NOT n{nth} THEN c{nth} END"));
        } else {
            shown.push(format!("c{nth}"));
        }
        array(format!("c{nth}"), null.array_type(), cells);
    }
    let sql = format!(
        "SELECT {} FROM unnest({}) AS it ({})",
        shown.join(", "),
        taken.join(", "),
        named.join(", "),
    );
    Given { sql, values }
}
