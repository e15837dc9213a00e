//! The relay season (青蓝接力): 48 events of the city, the districts and the chambers, from January to December.

use std::collections::HashSet;

use chrono::{Datelike, TimeDelta};
use entity::{organisation, programme};
use sea_orm::DatabaseTransaction;

use super::{
    Demo,
    calendar::{at, day},
    held::{Fate, Party, Plan, hold, pick, session},
    people::Everyone,
    tree::Tree,
};
use crate::error::Failure;

const EVENTS: i64 = 48;

const THEMES: [&str; 12] = [
    "走进标杆企业",
    "创二代沙龙",
    "政企面对面",
    "数字化转型研讨",
    "家族传承分享会",
    "青蓝导师见面会",
    "资本市场对接",
    "法律风险防范讲座",
    "绿色低碳参访",
    "品牌出海交流",
    "青年企业家读书会",
    "公益行",
];

/// Makes all of it.
pub(super) async fn run(
    tx: &DatabaseTransaction,
    demo: &mut Demo<'_>,
    everyone: &Everyone,
    programme: &programme::Model,
    tree: &Tree,
) -> Result<(), Failure> {
    for nth in 0..EVENTS {
        let at_nth = usize::try_from(nth).unwrap_or(0);
        let (host, pool) = host(tree, everyone, at_nth);
        let mut date = day(1, 15) + TimeDelta::days(nth * 7);
        if date.month() == 2 && (15..=23).contains(&date.day()) {
            date += TimeDelta::days(9);
        }
        let theme = THEMES[(at_nth * 5 + at_nth / 12) % THEMES.len()];
        let title = format!("青蓝接力第{}棒：{theme}（{}）", nth + 1, host.name);
        let mut sessions = vec![session("主题活动", at(date, 14, 0), 6, 0)];
        if nth % 6 == 5 {
            sessions.insert(0, session("企业参访", at(date, 9, 0), 5, 0));
        }
        let fate = match nth {
            24 => Fate::Cancelled("台风预警，活动取消"),
            47 => Fate::Draft,
            _ => Fate::Held,
        };
        let seats = demo.chance.between(40, 60);
        let waiting = if nth % 5 == 0 { 4 } else { -demo.chance.between(0, 6) };
        let count = usize::try_from(seats + waiting + 5).unwrap_or(0);
        let people = pick(&mut demo.chance, pool, count, &mut HashSet::new());
        let party = Party { category: None, people, withdrawn: 2, declined: 3 };
        let plan = Plan {
            programme,
            host,
            title,
            venue: "见活动通知",
            capacity: i32::try_from(seats).ok(),
            parties: if matches!(fate, Fate::Draft) { Vec::new() } else { vec![party] },
            sessions,
            gates: &["签到处"],
            fate,
        };
        hold(tx, demo, everyone, plan).await?;
    }
    Ok(())
}

/// Every sixth event is the city's (8), every third a chamber's (16), and the rest the districts' in turn (24).
fn host<'a>(
    tree: &'a Tree,
    everyone: &Everyone,
    nth: usize,
) -> (&'a organisation::Model, Vec<usize>) {
    match nth % 6 {
        0 => (&tree.root, Everyone::members()),
        1 | 4 => {
            // Now one of the city's, now one of a district's.
            let chamber = (nth * 19) % tree.chambers.len();
            let mut pool = Everyone::of_chamber(chamber);
            // With guests of the chambers beside it.
            pool.extend(Everyone::of_chamber((chamber + 1) % tree.chambers.len()));
            (&tree.chambers[chamber].row, pool)
        }
        _ => {
            let district = (nth / 6 * 3
                + [2, 3, 5].iter().position(|it| *it == nth % 6).unwrap_or(0))
                % tree.districts.len();
            (&tree.districts[district], everyone.of_district(district))
        }
    }
}
