//! What `qinglan demo` fills a database with.

use std::collections::BTreeMap;

use api::{
    demo::{self, DemoErrorCode, Made},
    error::Error,
};
use entity::{
    activity, attendance, capacity_pool, category,
    id::{ActivityId, CategoryId, RegistrationId, SessionId},
    organisation, person, person_term, position, programme, registration,
    registration::Status,
    scan, session,
};
use indicatif::ProgressBar;
use sea_orm::EntityTrait;
use serde_json::json;

use crate::app::{TestApp, on_both};

async fn fill(app: &TestApp) -> Result<Vec<Made>, Error<DemoErrorCode>> {
    let name = "温州市工商业联合会";
    demo::fill(&app.app.db, name, "a password of nobody", app.now(), &ProgressBar::hidden()).await
}

/// All rows that the assertions look at, in no order.
struct Rows {
    organisations: Vec<organisation::Model>,
    people: Vec<person::Model>,
    terms: Vec<person_term::Model>,
    positions: Vec<position::Model>,
    programmes: Vec<programme::Model>,
    activities: Vec<activity::Model>,
    sessions: Vec<session::Model>,
    categories: Vec<category::Model>,
    pools: Vec<capacity_pool::Model>,
    registrations: Vec<registration::Model>,
    scans: Vec<scan::Model>,
    attendances: Vec<attendance::Model>,
}

impl Rows {
    async fn of(app: &TestApp) -> Self {
        let db = app.app.db.read();
        Self {
            organisations: organisation::Entity::find().all(db).await.unwrap(),
            people: person::Entity::find().all(db).await.unwrap(),
            terms: person_term::Entity::find().all(db).await.unwrap(),
            positions: position::Entity::find().all(db).await.unwrap(),
            programmes: programme::Entity::find().all(db).await.unwrap(),
            activities: activity::Entity::find().all(db).await.unwrap(),
            sessions: session::Entity::find().all(db).await.unwrap(),
            categories: category::Entity::find().all(db).await.unwrap(),
            pools: capacity_pool::Entity::find().all(db).await.unwrap(),
            registrations: registration::Entity::find().all(db).await.unwrap(),
            scans: scan::Entity::find().all(db).await.unwrap(),
            attendances: attendance::Entity::find().all(db).await.unwrap(),
        }
    }

    /// What has to be the same in two databases: everything but ids, secrets and when the demo was run.
    fn story(&self) -> Vec<String> {
        let people: BTreeMap<_, _> = self.people.iter().map(|it| (it.id, it)).collect();
        let places: BTreeMap<_, _> = self.organisations.iter().map(|it| (it.id, it)).collect();
        let activities: BTreeMap<_, _> = self.activities.iter().map(|it| (it.id, it)).collect();
        let sessions: BTreeMap<_, _> = self.sessions.iter().map(|it| (it.id, it)).collect();
        let on: BTreeMap<_, _> = self.registrations.iter().map(|it| (it.id, it)).collect();
        let who = |id: RegistrationId| {
            let it = people[&on[&id].person_id];
            (it.name.as_str(), it.phone.as_deref())
        };
        let held = |id: SessionId| {
            let it = sessions[&id];
            (activities[&it.activity_id].title.as_str(), it.title.as_str())
        };
        let mut lines = Vec::new();
        for it in self.organisations.iter().filter(|it| it.parent_id.is_some()) {
            lines.push(format!("{:?} {} {:?} {}", it.kind, it.name, it.code, it.created_at));
        }
        for it in &self.people {
            let home = &places[&it.home_id].name;
            let known = (&it.gender, &it.birth, &it.ethnicity, &it.political);
            lines.push(format!("{} {} {:?} {home} {known:?}", it.name, it.pinyin, it.phone));
        }
        for it in &self.positions {
            let (person, place) = (people[&it.person_id], &places[&it.organisation_id].name);
            let span = (it.from_on, it.until_on);
            lines.push(format!("{} {:?} {place} {} {span:?}", person.name, person.phone, it.title));
        }
        for it in &self.activities {
            let host = &places[&it.host_id].name;
            let span = (it.starts_at, it.ends_at, it.created_at);
            lines.push(format!("{} {host} {:?} {span:?}", it.title, it.status));
        }
        for it in &self.registrations {
            let when = (it.registered_at, it.status_at);
            let what = (&it.organisation_name, &it.title, &it.status_reason);
            let title = &activities[&it.activity_id].title;
            lines.push(format!("{title} {:?} {:?} {when:?} {what:?}", who(it.id), it.status));
        }
        for it in &self.scans {
            let (session, when) = (held(it.session_id), (it.scanned_at, it.received_at));
            let whose = it.registration_id.map(who);
            lines.push(format!(
                "{session:?} {} {whose:?} {:?} {:?} {when:?}",
                it.client_id, it.gate, it.outcome
            ));
        }
        for it in &self.attendances {
            let session = held(it.session_id);
            let how = (it.status, it.first_in_at, &it.first_gate);
            lines.push(format!("{session:?} {:?} {how:?}", who(it.registration_id)));
        }
        lines.sort_unstable();
        lines
    }

    fn activities(&self, kind: programme::Kind) -> Vec<&activity::Model> {
        self.activities.iter().filter(|it| it.kind == kind).collect()
    }

    fn count(&self, activity: ActivityId, status: Status) -> usize {
        let of = self.registrations.iter().filter(|it| it.activity_id == activity);
        of.filter(|it| it.status == status).count()
    }
}

/// The sizes that product.md gives a year.
fn has_the_size_of_a_year(rows: &Rows) {
    use programme::Kind::{Academy, Festival, Relay};
    let of = |kind| rows.organisations.iter().filter(|it| it.kind == kind).count();
    assert_eq!(of(organisation::Kind::Chamber), 155);
    assert_eq!(of(organisation::Kind::Federation), 13);
    let root = rows.organisations.iter().find(|it| it.parent_id.is_none()).unwrap();
    let city = rows.organisations.iter().filter(|it| it.parent_id == Some(root.id));
    assert_eq!(city.filter(|it| it.kind == organisation::Kind::Chamber).count(), 41);
    for (code, name) in api::organisation::WENZHOU {
        let found = rows.organisations.iter().find(|it| it.code.as_deref() == Some(code)).unwrap();
        assert_eq!((found.parent_id, found.name.starts_with(name)), (Some(root.id), true));
    }
    for it in rows.organisations.iter().filter(|it| it.kind == organisation::Kind::Enterprise) {
        let code = it.code.as_deref().unwrap();
        assert_eq!(roster::clean::uscc(code).value.as_deref(), Some(code));
    }

    assert_eq!(rows.programmes.len(), 3);
    let festival = rows.activities(Festival);
    assert_eq!(festival.len(), 16);
    assert_eq!(rows.activities(Relay).len(), 48);
    let classes = rows.activities(Academy);
    assert_eq!(classes.len(), 58);
    let confirmed = |title: &str| {
        let it = festival.iter().find(|it| it.title.contains(title)).unwrap();
        rows.count(it.id, Status::Confirmed)
    };
    assert_eq!((confirmed("开幕式"), confirmed("论坛")), (320, 980));
    let trainees: Vec<_> = classes
        .iter()
        .flat_map(|class| rows.registrations.iter().filter(|it| it.activity_id == class.id))
        .filter(|it| it.status == Status::Confirmed)
        .collect();
    let different: std::collections::BTreeSet<_> = trainees.iter().map(|it| it.person_id).collect();
    assert!((4_000..4_400).contains(&trainees.len()), "{}", trainees.len());
    assert!(different.len() >= 4_000, "{}", different.len());
    let taught: std::collections::BTreeSet<_> = trainees.iter().map(|it| it.id).collect();
    let learnt = rows.attendances.iter().filter(|it| taught.contains(&it.registration_id)).count();
    assert!(learnt > 20_000, "{learnt}");

    for status in [Status::Waitlisted, Status::Declined, Status::Cancelled] {
        assert!(rows.registrations.iter().filter(|it| it.status == status).count() > 50);
    }
    for status in
        [activity::Status::Draft, activity::Status::Cancelled, activity::Status::Published]
    {
        assert!(rows.activities.iter().any(|it| it.status == status), "{status:?}");
    }
    assert!(rows.attendances.iter().any(|it| it.status == attendance::Status::Late));
}

/// Nobody can be called by it, people share phones and names, and everybody is found.
fn people_are_synthetic(rows: &Rows) {
    let (mut phones, mut names) = (BTreeMap::new(), BTreeMap::new());
    for it in &rows.people {
        let phone = it.phone.as_deref().unwrap();
        assert!(phone.len() == 11 && demo::SEGMENTS.contains(&&phone[..3]), "{phone}");
        assert_eq!(it.id_no, None);
        *phones.entry(phone).or_insert(0) += 1;
        *names.entry(it.name.as_str()).or_insert(0) += 1;
    }
    assert!(phones.values().filter(|it| **it == 2).count() > 20);
    assert!(names["单晓明"] > 2 && names.keys().any(|it| it.contains('·')));
    let sought =
        |term: &str, person| rows.terms.iter().any(|it| it.term == term && it.person_id == person);
    assert!(names.keys().any(|it| it.chars().any(|c| c > '\u{FFFF}')));
    let shan = rows.people.iter().find(|it| it.name == "单晓明").unwrap();
    assert_eq!(shan.pinyin, "shan xiao ming");
    assert!(sought("shanxiaoming", shan.id) && sought("sxm", shan.id) && sought("单晓明", shan.id));
    let found: std::collections::BTreeSet<_> = rows.terms.iter().map(|it| it.person_id).collect();
    assert_eq!(found.len(), rows.people.len());
}

/// What every pool says is taken is what is held, and nobody waits for a seat that is free.
fn pools_are_right(rows: &Rows) {
    let held = |activity: ActivityId, category: Option<CategoryId>| {
        let of = rows.registrations.iter().filter(|it| it.activity_id == activity);
        let of = of.filter(|it| it.status.holds_seat());
        of.filter(|it| category.is_none() || it.category_id == category).count()
    };
    let free = |pool: &capacity_pool::Model| pool.size.is_none_or(|size| size > pool.taken);
    for pool in &rows.pools {
        assert_eq!(usize::try_from(pool.taken).unwrap(), held(pool.activity_id, pool.category_id));
        assert!(pool.size.is_none_or(|size| pool.taken <= size));
    }
    for it in rows.registrations.iter().filter(|it| it.status == Status::Waitlisted) {
        let mut its = rows.pools.iter().filter(|pool| {
            pool.activity_id == it.activity_id
                && (pool.category_id.is_none() || pool.category_id == it.category_id)
        });
        assert!(its.any(|pool| !free(pool)), "{it:?}");
    }
    assert_eq!(rows.pools.len(), rows.activities.len() + rows.categories.len());
}

/// Working attendances out again from the scans gives the same.
fn attendances_follow_from_scans(rows: &Rows) {
    let sessions: BTreeMap<_, _> = rows.sessions.iter().map(|it| (it.id, it)).collect();
    let on: BTreeMap<_, _> = rows.registrations.iter().map(|it| (it.id, it)).collect();
    let mut first: BTreeMap<(SessionId, RegistrationId), &scan::Model> = BTreeMap::new();
    for it in &rows.scans {
        let session = sessions[&it.session_id];
        if let Some(id) = it.registration_id {
            assert_eq!(on[&id].activity_id, session.activity_id);
            assert!(it.code.is_none() || it.code.as_ref() == Some(&on[&id].ticket_code));
        }
        assert!(it.scanned_at <= it.received_at);
        if !matches!(it.outcome, scan::Outcome::Admitted | scan::Outcome::AlreadyIn) {
            continue;
        }
        assert_eq!(on[&it.registration_id.unwrap()].status, Status::Confirmed);
        assert!((session.opens_at..session.closes_at).contains(&it.scanned_at));
        let earliest = first.entry((it.session_id, it.registration_id.unwrap())).or_insert(it);
        if it.scanned_at < earliest.scanned_at {
            *earliest = it;
        }
    }
    let (came, others): (Vec<_>, Vec<_>) =
        rows.attendances.iter().partition(|it| it.first_in_at.is_some());
    assert_eq!(first.len(), came.len());
    let excused = others.iter().filter(|it| it.status == attendance::Status::Excused).count();
    assert!(excused > 300, "{excused}");
    // The sessions of classes are closed: whoever was expected and is not known of is absent.
    let absent = others.iter().filter(|it| it.status == attendance::Status::Absent).count();
    assert_eq!(excused + absent, others.len());
    for it in came {
        let scan = first[&(it.session_id, it.registration_id)];
        assert_eq!(it.first_scan_id, Some(scan.id));
        assert_eq!((it.first_in_at, &it.first_gate), (Some(scan.scanned_at), &scan.gate));
        let late = scan.scanned_at >= sessions[&it.session_id].late_at;
        assert_eq!(it.status == attendance::Status::Late, late);
    }
}

/// Activities keep to their sessions and programmes, and statuses to their rules.
fn activities_are_sound(rows: &Rows) {
    let paths: BTreeMap<_, _> = rows.organisations.iter().map(|it| (it.id, &it.path)).collect();
    let programmes: BTreeMap<_, _> = rows.programmes.iter().map(|it| (it.id, it)).collect();
    for it in &rows.activities {
        let programme = programmes[&it.programme_id];
        assert!(paths[&it.host_id].starts_with(paths[&programme.owner_id].as_str()));
        let of = || rows.sessions.iter().filter(|session| session.activity_id == it.id);
        assert_eq!(it.starts_at, of().map(|it| it.starts_at).min());
        assert_eq!(it.ends_at, of().map(|it| it.ends_at).max());
    }
}

on_both! {
    async fn fills_an_empty_database(app) {
        let before = app.count("SELECT count(*) FROM account").await;
        let made = fill(&app).await.unwrap();
        // There was an administrator, so none is made.
        assert!(made.iter().all(|it| it.username != "admin"));
        assert_eq!(app.count("SELECT count(*) FROM account").await, before + 5);
        assert_eq!(app.count("SELECT count(*) FROM audit_event WHERE action = 'FillDemo'").await, 1);

        let rows = Rows::of(&app).await;
        has_the_size_of_a_year(&rows);
        people_are_synthetic(&rows);
        pools_are_right(&rows);
        attendances_follow_from_scans(&rows);
        activities_are_sound(&rows);
        // Most trainees of the classes that are over have their certificate, and no series of numbers has a gap.
        let certified = app.count("SELECT count(*) FROM certificate").await;
        assert!((2_500..4_200).contains(&certified), "{certified}");
        let gaps = "SELECT count(*) FROM (SELECT stem FROM certificate GROUP BY stem HAVING count(*) <> max(seq)) AS gaps";
        assert_eq!(app.count(gaps).await, 0);

        let found = app
            .organiser()
            .ask("query { activities(first: 5, filter: {title: \"论坛\"}) { nodes { title seatsTaken } } }", json!({}))
            .await;
        assert_eq!(found["activities"]["nodes"][0]["seatsTaken"], 980);

        // Once more, and nothing is changed.
        let events = app.count("SELECT count(*) FROM audit_event").await;
        let again = fill(&app).await.map(|_| ()).unwrap_err();
        assert!(matches!(&again, Error::Refused(why) if why[0].code == DemoErrorCode::NotEmpty), "{again:?}");
        assert_eq!(app.count("SELECT count(*) FROM audit_event").await, events);
        assert_eq!(app.count("SELECT count(*) FROM account").await, before + 5);
        assert_eq!(Rows::of(&app).await.story(), rows.story());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fills_each_database_the_same() {
    let (one, other) = (TestApp::sqlite().await, TestApp::sqlite().await);
    let (first, second) = tokio::join!(fill(&one), fill(&other));
    first.unwrap();
    second.unwrap();
    let (one, other) = (Rows::of(&one).await.story(), Rows::of(&other).await.story());
    for (a, b) in one.iter().zip(&other) {
        assert_eq!(a, b);
    }
    assert_eq!(one.len(), other.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_leaves_nothing_behind() {
    let app = TestApp::sqlite().await;
    let done: Result<(), Error<DemoErrorCode>> = app
        .app
        .db
        .by_command("Test", app.now(), async |tx| {
            let hash = "none".to_owned();
            let made =
                api::account::insert(tx, "liaison".to_owned(), hash, app.root, None, app.now());
            Ok(made.await.map_err(|_| DemoErrorCode::UsernameTaken)?.id)
        })
        .await;
    done.unwrap();
    let refused = fill(&app).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(&refused, Error::Refused(why) if why[0].code == DemoErrorCode::UsernameTaken),
        "{refused:?}"
    );
    for table in ["person", "programme", "position", "scan"] {
        assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(app.count("SELECT count(*) FROM organisation").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM account").await, 2);
}
