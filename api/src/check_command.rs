//! `qinglan recount`, `recompute` and `audit verify`: whether what is kept is what is on record.

use api::{attendance, audit, capacity::recount, config::Config, graphql::Gid};

use crate::{Outcome, connect};

#[derive(clap::Subcommand)]
pub(crate) enum Audit {
    /// Say whether every audit event is as it was written, and of each chain the first link that is not: changed, removed or
    /// inserted. Fails if any is.
    Verify,
}

pub(crate) async fn recount(config: Config) -> Outcome {
    let db = connect(&config).await?;
    let differences = recount::recount_all(&db, None).await?;
    db.close().await;
    for recount::Difference { pool, taken, held } in &differences {
        println!(
            "{}: {} seats taken, {taken} counted; {} set aside, {held} counted",
            Gid(pool.id),
            pool.taken,
            pool.held
        );
    }
    match differences.len() {
        0 => {
            println!("all pools say what the registrations do");
            Ok(())
        }
        wrong => Err(format!("{wrong} pools do not say what the registrations do").into()),
    }
}

pub(crate) async fn recompute(config: Config) -> Outcome {
    let db = connect(&config).await?;
    let differences = attendance::recompute::recompute(&db).await?;
    db.close().await;
    for it in &differences {
        println!("{it:?}");
    }
    match differences.len() {
        0 => {
            println!("all attendance is what scans, leave and corrections say");
            Ok(())
        }
        wrong => Err(format!("{wrong} rows or figures are not what is on record").into()),
    }
}

pub(crate) async fn verify(config: Config) -> Outcome {
    let db = connect(&config).await?;
    let report = audit::verify::verify(&db).await?;
    db.close().await;
    for it in &report.broken {
        println!("{it}");
    }
    match report.broken.len() {
        0 => {
            println!("all {} events are as they were written", report.events);
            Ok(())
        }
        wrong => Err(format!("the audit log is broken in {wrong} chains").into()),
    }
}
