//! The festival: 16 activities around 1 November, from the opening to the dinner of thanks.

use std::collections::HashSet;

use chrono::NaiveDate;
use entity::{organisation, programme};
use sea_orm::DatabaseTransaction;

use super::{
    Demo,
    calendar::{at, day},
    held::{Fate, Party, Plan, hold, pick, session},
    people::Everyone,
};
use crate::error::Failure;

/// Makes all of it.
pub(super) async fn celebrate(
    tx: &DatabaseTransaction,
    demo: &mut Demo<'_>,
    everyone: &Everyone,
    programme: &programme::Model,
    host: &organisation::Model,
) -> Result<(), Failure> {
    let plan = |title: &str, venue, parties: Vec<Party>, sessions| Plan {
        programme,
        host,
        title: title.to_owned(),
        venue,
        capacity: parties.iter().map(|it| it.category.and_then(|(_, seats)| seats)).sum(),
        parties,
        sessions,
        gates: &["1号门", "2号门", "3号门", "4号门", "5号门", "6号门", "7号门", "8号门"],
        fate: Fate::Held,
    };

    let parties = opening(demo, everyone);
    let sessions = vec![session("开幕式", at(day(11, 1), 9, 0), 5, 0)];
    let mut plans = vec![plan("2026温州民营企业家节开幕式", "温州大剧院", parties, sessions)];

    let parties = forum(demo, everyone);
    let sessions = vec![
        session("主论坛", at(day(11, 1), 14, 0), 4, 0),
        session("分论坛", at(day(11, 2), 9, 0), 6, 0),
    ];
    plans.push(plan("世界青年温商论坛", "温州国际会议展览中心", parties, sessions));

    for (nth, (title, venue, day, hour, seats)) in others().into_iter().enumerate() {
        let pool = if title == CHAIRS { Everyone::presidents() } else { Everyone::members() };
        // Three of them are wanted by more than fit in.
        let waiting = if nth < 3 { 8 } else { 0 };
        let mut party = full(demo, "企业家", pool, seats, waiting, &mut HashSet::new());
        if title == CHAIRS {
            (party.withdrawn, party.declined) = (0, 0);
        }
        let sessions = vec![session(title, at(day, hour, 30), 5, 0)];
        plans.push(Plan {
            gates: &["正门", "侧门"], ..plan(title, venue, vec![party], sessions)
        });
    }

    let party = full(demo, "企业家", Everyone::members(), 180, 0, &mut HashSet::new());
    let sessions = vec![session("健康跑", at(day(11, 8), 8, 0), 4, 0)];
    let run = plan("民营企业家健康跑", "世纪广场", vec![party], sessions);
    plans.push(Plan { fate: Fate::Cancelled("暴雨预警，活动取消"), ..run });

    let staff = everyone.staff.clone().collect();
    let parties = vec![
        full(demo, "志愿者", staff, 30, 0, &mut HashSet::new()),
        full(demo, "模拟嘉宾", Everyone::members(), 60, 6, &mut HashSet::new()),
    ];
    let mut open = session("签到演练", at(day(10, 26), 9, 0), 4, 0);
    // The one door that is open whenever the demo is tried, and at which nobody is late.
    open.ends_at = at(NaiveDate::from_ymd_opt(2030, 12, 31).unwrap_or_default(), 17, 0);
    open.opens_at = Some(at(day(1, 1), 0, 0));
    open.late_at = Some(open.ends_at);
    let drill = plan(DRILL, "工商联大楼一楼大厅", parties, vec![open]);
    plans.push(Plan { fate: Fate::Open, ..drill });

    plans.sort_by_key(|it| it.sessions.iter().map(|it| it.starts_at).min());
    for plan in plans {
        hold(tx, demo, everyone, plan).await?;
    }
    Ok(())
}

/// The activity whose door can be tried at any time.
pub(super) const DRILL: &str = "签到演练（至2030年底随时可试）";
const CHAIRS: &str = "商会会长联席会议";

/// The activities that are alike: title, place, day, hour, seats.
fn others() -> [(&'static str, &'static str, NaiveDate, u32, usize); 12] {
    [
        ("新生代企业家圆桌会", "温州国际会议中心三楼", day(10, 29), 9, 60),
        ("温商回归项目签约仪式", "温州国际会议中心多功能厅", day(11, 2), 14, 150),
        ("民营企业法治体检日", "市民中心二楼", day(10, 30), 9, 80),
        ("优秀企业家故事分享会", "温州市图书馆报告厅", day(10, 31), 14, 200),
        ("政企恳谈会", "市行政管理中心", day(11, 3), 9, 50),
        ("民营经济成就展开展仪式", "温州博物馆", day(10, 28), 9, 120),
        ("数字化转型对接会", "温州数安港", day(11, 3), 14, 110),
        ("金融服务对接会", "温州金融中心", day(11, 4), 9, 100),
        ("女企业家沙龙", "塘河文化艺术馆", day(11, 4), 14, 60),
        ("跨境电商与外贸对接会", "综合保税区", day(11, 5), 9, 140),
        (CHAIRS, "市工商联大会议室", day(11, 5), 14, 155),
        ("答谢晚宴", "温州华侨饭店", day(11, 6), 18, 200),
    ]
}

/// 320 seats, all taken; of entrepreneurs and guests more wanted to come.
fn opening(demo: &mut Demo<'_>, everyone: &Everyone) -> Vec<Party> {
    let mut used = HashSet::new();
    vec![
        full(demo, "领导", everyone.officials.clone().collect(), 30, 0, &mut used),
        full(demo, "嘉宾", Everyone::presidents(), 60, 5, &mut used),
        full(demo, "企业家", Everyone::members(), 180, 20, &mut used),
        full(demo, "媒体", everyone.press.clone().collect(), 20, 0, &mut used),
        full(demo, "工作人员", everyone.staff.clone().collect(), 30, 0, &mut used),
    ]
}

/// 980 seats, all taken.
fn forum(demo: &mut Demo<'_>, everyone: &Everyone) -> Vec<Party> {
    let mut used = HashSet::new();
    vec![
        full(demo, "领导", everyone.officials.clone().collect(), 20, 0, &mut used),
        full(demo, "嘉宾", Everyone::presidents(), 80, 0, &mut used),
        full(demo, "企业家", Everyone::members(), 740, 35, &mut used),
        full(demo, "青年企业家", Everyone::members(), 100, 12, &mut used),
        full(demo, "媒体", everyone.press.clone().collect(), 20, 0, &mut used),
        full(demo, "工作人员", everyone.staff.clone().collect(), 20, 0, &mut used),
    ]
}

/// A category whose seats are all taken: some took theirs back and others got it, some said no, some wait.
fn full(
    demo: &mut Demo<'_>,
    category: &'static str,
    pool: Vec<usize>,
    seats: usize,
    waiting: usize,
    used: &mut HashSet<usize>,
) -> Party {
    let (withdrawn, declined) = (seats / 30, seats / 15);
    let count = (seats + waiting + withdrawn + declined).min(pool.len());
    let seats = i32::try_from(seats).ok();
    let people = pick(&mut demo.chance, pool, count, used);
    Party { category: Some((category, seats)), people, withdrawn, declined }
}
