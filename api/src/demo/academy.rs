//! The academy's year: 58 classes of three days, from the end of February to December.

use std::collections::HashSet;

use chrono::TimeDelta;
use entity::{
    activity::{self, Status},
    credit_rule::{Ratio, Rule},
    id::AccountId,
    programme,
};
use sea_orm::DatabaseTransaction;

use super::{
    Demo,
    calendar::{at, day, today, working},
    chance::Chance,
    class::{self, Run},
    held::{Fate, Party, Plan, hold, odd, pick, session},
    people::Everyone,
    tree::Tree,
};
use crate::{
    attendance::close,
    certificate::{
        self,
        pattern::{self, Place},
    },
    credit,
    error::Failure,
    session::{CLOSES_AFTER, schedule},
};

const CLASSES: usize = 58;
/// Trainees of a class who were in no class of the year before; with some who were, a class has about 72.
const FRESH: usize = 71;
/// Half a day is four hours of credit.
const HALF_DAY: i32 = 400;

/// Series of classes; each has numbered runs.
const SERIES: [&str; 10] = [
    "新生代温商传承研修班",
    "数字化转型专题班",
    "企业合规与法务实训班",
    "商会秘书长能力提升班",
    "青年企业家创新班",
    "企业财务总监研修班",
    "跨境电商实战班",
    "亲清政商学堂",
    "专精特新企业家研修班",
    "人力资源管理班",
];
const LESSONS: [&str; 6] =
    ["开班式与形势报告", "专题讲座", "案例教学", "现场教学", "分组研讨", "成果汇报与结业式"];

/// Makes all of it.
pub(super) async fn teach(
    tx: &DatabaseTransaction,
    demo: &mut Demo<'_>,
    everyone: &Everyone,
    programme: &programme::Model,
    tree: &Tree,
) -> Result<(), Failure> {
    // Of its own, so that the rest of the year does not depend on what is said of classes.
    let mut chance = Chance::new(0x5C_4001);
    let series = class::series(tx, tree.root.id, &SERIES).await?;
    let numbers = ("温民院结字〔{year}〕第{seq:4}号".to_owned(), None);
    let school = Place::Organisation(tree.school.id);
    pattern::set(tx, school, Some(numbers), at(day(1, 8), 9, 0)).await?;
    let rule = Rule {
        late: Ratio { parts: 1, whole: 2 },
        most_leave: Some(Ratio { parts: 1, whole: 6 }),
        least_ratio: Some(Ratio { parts: 5, whole: 6 }),
        ..credit::rule::usual()
    };
    let mut fresh = Everyone::members();
    demo.chance.shuffle(&mut fresh);
    let mut fresh = fresh.into_iter();
    for nth in 0..CLASSES {
        let first = TimeDelta::days(i64::try_from(nth).unwrap_or(0) * 5 - i64::from(nth > 20) * 2);
        let first = working(day(2, 24) + first);
        let sessions = LESSONS.iter().zip(0..).map(|(title, half)| {
            let date = first + TimeDelta::days(half / 2);
            let starts_at = if half % 2 == 0 { at(date, 9, 0) } else { at(date, 14, 0) };
            session(title, starts_at, 6, HALF_DAY)
        });
        let mut people: Vec<usize> = fresh.by_ref().take(FRESH).collect();
        let mut used: HashSet<usize> = people.iter().copied().collect();
        // Some classes are full, and some people wait for a seat.
        let crowded = nth % 4 == 0;
        let again = demo.chance.between(4, 8) + if crowded { 6 } else { 0 };
        let again = usize::try_from(again).unwrap_or(0);
        let again = pick(&mut demo.chance, Everyone::members(), again, &mut used);
        // They come in among the others, so that every run leaves and waits alike.
        for (at, who) in again.into_iter().enumerate() {
            people.insert(at * 11 % people.len(), who);
        }
        let party = Party { category: Some(("学员", None)), people, withdrawn: 2, declined: 1 };
        let host = if nth % 7 == 6 { &tree.districts[nth / 7] } else { &tree.school };
        let plan = Plan {
            programme,
            host,
            title: format!("{}第{}期", SERIES[nth % SERIES.len()], nth / SERIES.len() + 1),
            venue: if nth % 7 == 6 {
                "县（市、区）委党校"
            } else {
                "温州民营经济学院"
            },
            capacity: Some(if crowded { 74 } else { 80 }),
            parties: vec![party],
            sessions: sessions.collect(),
            gates: &["教室前门", "教室后门"],
            fate: Fate::Held,
        };
        let (class, trainees) = hold(tx, demo, everyone, plan).await?;
        let run = Run { series: &series[nth % SERIES.len()], number: nth / SERIES.len() + 1 };
        class::equip(tx, &mut chance, everyone, &class, run).await?;
        class::excuse(tx, &mut chance, &class, &trainees).await?;
        credit::put_rule(tx, class.id, rule.clone(), class.created_at).await?;
        if class.status == Status::Closed {
            certify(tx, &class, demo.door).await?;
        }
    }
    Ok(())
}

/// A class that is over: its sessions closed by themselves, and three days later those who completed have certificates.
async fn certify(
    tx: &DatabaseTransaction,
    class: &activity::Model,
    by: AccountId,
) -> Result<(), Failure> {
    for it in schedule(tx, class.id).await? {
        close::freeze(tx, it.id, None, it.ends_at + CLOSES_AFTER).await?;
    }
    let over = class.ends_at.unwrap_or(class.created_at);
    let issued_at = (over + TimeDelta::days(3)).min(today());
    certificate::issue_on(tx, class.id, by, None, issued_at).await.map_err(odd)?;
    Ok(())
}
