//! Who there is: the members of every chamber with their posts, those who work for the federation, guests and press.

use std::ops::Range;

use chrono::NaiveDate;
use entity::{
    id::{OrganisationId, PersonId, PositionId},
    organisation, person, position,
};
use sea_orm::DatabaseTransaction;

use super::{
    Demo, calendar,
    names::People,
    tree::{CHAMBERS, Tree},
};
use crate::{
    error::Failure,
    person::{insert_positions, recognise_or_make},
};

/// How many members of a chamber are on record.
pub(super) const MEMBERS: usize = 36;

const IN_FIRMS: [&str; 6] =
    ["董事长", "总经理", "副总经理", "董事长助理", "财务总监", "办公室主任"];
const IN_CHAMBERS: [&str; 9] =
    ["会长", "常务副会长", "副会长", "副会长", "副会长", "监事长", "秘书长", "联络员", "理事"];
/// Which of [`IN_CHAMBERS`] speaks for the chamber.
const LIAISON: usize = 7;
const IN_FEDERATIONS: [&str; 8] = [
    "主席",
    "党组书记",
    "副主席",
    "秘书长",
    "会员处处长",
    "宣教处处长",
    "办公室主任",
    "一级主任科员",
];
const IN_DEPARTMENTS: [&str; 6] = ["局长", "副局长", "总工程师", "处长", "副处长", "四级调研员"];
const AT_SCHOOL: [&str; 6] = ["院长", "副院长", "教务主任", "班主任", "班主任", "讲师"];
const PRESS: [(&str, &str); 5] = [
    ("温州日报", "记者"),
    ("温州都市报", "记者"),
    ("温州广播电视台", "编导"),
    ("温州商报", "摄影记者"),
    ("浙南在线", "编辑"),
];

/// Somebody as they sign up: who, for whom, as what.
pub(super) struct Someone {
    pub(super) id: PersonId,
    pub(super) organisation: String,
    pub(super) title: String,
}

/// Everybody, by their place in one list: the members chamber by chamber, then the others.
pub(super) struct Everyone {
    pub(super) all: Vec<Someone>,
    /// Officials of the city's and the districts' federations and of departments.
    pub(super) officials: Range<usize>,
    /// The federation's own people who make events happen, and the school's.
    pub(super) staff: Range<usize>,
    pub(super) press: Range<usize>,
    /// The district of each chamber; none for the city's own.
    districts: Vec<Option<usize>>,
}

impl Everyone {
    /// All members of chambers.
    pub(super) fn members() -> Vec<usize> {
        (0..CHAMBERS * MEMBERS).collect()
    }

    /// The members of one chamber.
    pub(super) fn of_chamber(chamber: usize) -> Vec<usize> {
        (chamber * MEMBERS..(chamber + 1) * MEMBERS).collect()
    }

    /// The members of a district's chambers.
    pub(super) fn of_district(&self, district: usize) -> Vec<usize> {
        let chambers = (0..CHAMBERS).filter(|&it| self.districts[it] == Some(district));
        chambers.flat_map(Self::of_chamber).collect()
    }

    /// The heads of all chambers.
    pub(super) fn presidents() -> Vec<usize> {
        (0..CHAMBERS).map(|it| it * MEMBERS).collect()
    }

    /// The liaison officer of a chamber.
    pub(super) fn liaison(&self, chamber: usize) -> &Someone {
        &self.all[chamber * MEMBERS + LIAISON]
    }
}

/// Makes everybody and their positions.
pub(super) async fn settle(
    tx: &DatabaseTransaction,
    demo: &mut Demo<'_>,
    tree: &Tree,
) -> Result<Everyone, Failure> {
    let mut makers = Makers { people: People::new(), all: Vec::new(), positions: Vec::new() };
    for chamber in &tree.chambers {
        let made = makers.people(tx, demo, &chamber.row, MEMBERS).await?;
        for (at, person) in made.iter().enumerate() {
            if let Some(title) = IN_CHAMBERS.get(at) {
                let since =
                    calendar::day(1, 1) - chrono::TimeDelta::days(demo.chance.between(30, 1400));
                makers.post(person, chamber.row.id, title, since, None);
            }
            // The first six are at the head of one firm each, the next six right below them, and so on.
            let firm = &chamber.firms[at % chamber.firms.len()];
            let title = IN_FIRMS[at / chamber.firms.len()];
            let since =
                NaiveDate::default() + chrono::TimeDelta::days(demo.chance.between(14_000, 20_000));
            makers.post(person, firm.id, title, since, None);
            makers.all(person, &firm.name, title);
        }
        // Whoever led the chamber before is still a member of it.
        let before = &made[MEMBERS - 1];
        let (from, until) = (calendar::day(1, 1), calendar::day(3, 31));
        makers.post(
            before,
            chamber.row.id,
            "会长",
            from - chrono::TimeDelta::days(1500),
            Some(until),
        );
        demo.progress.inc(1);
    }
    let officials = makers.all.len();
    for federation in std::iter::once(&tree.root).chain(&tree.districts) {
        makers.staffed(tx, demo, federation, &IN_FEDERATIONS, 1).await?;
    }
    for department in &tree.departments {
        makers.staffed(tx, demo, department, &IN_DEPARTMENTS, 1).await?;
    }
    let staff = makers.all.len();
    makers.staffed(tx, demo, &tree.root, &["工作人员"], 40).await?;
    makers.staffed(tx, demo, &tree.school, &AT_SCHOOL, 2).await?;
    let press = makers.all.len();
    let made = makers.people(tx, demo, &tree.root, 30).await?;
    for (at, person) in made.iter().enumerate() {
        let (organisation, title) = PRESS[at % PRESS.len()];
        makers.all(person, organisation, title);
    }
    insert_positions(tx, makers.positions).await?;
    Ok(Everyone {
        officials: officials..staff,
        staff: staff..press,
        press: press..makers.all.len(),
        all: makers.all,
        districts: tree.chambers.iter().map(|it| it.district).collect(),
    })
}

struct Makers {
    people: People,
    all: Vec<Someone>,
    positions: Vec<position::Model>,
}

impl Makers {
    /// People whose records an organisation keeps.
    async fn people(
        &mut self,
        tx: &DatabaseTransaction,
        demo: &mut Demo<'_>,
        home: &organisation::Model,
        count: usize,
    ) -> Result<Vec<person::Model>, Failure> {
        let entries: Vec<_> = (0..count).map(|_| self.people.one(&mut demo.chance)).collect();
        let since = calendar::at(calendar::day(1, 5), 9, 0);
        let made = recognise_or_make(tx, &demo.namer, home.id, &entries, since).await?;
        Ok(made.into_iter().map(|(person, _)| person).collect())
    }

    /// People who work for an organisation, so many for each title.
    async fn staffed(
        &mut self,
        tx: &DatabaseTransaction,
        demo: &mut Demo<'_>,
        organisation: &organisation::Model,
        titles: &[&str],
        each: usize,
    ) -> Result<(), Failure> {
        let made = self.people(tx, demo, organisation, titles.len() * each).await?;
        for (at, person) in made.iter().enumerate() {
            let title = titles[at % titles.len()];
            let since =
                calendar::day(1, 1) - chrono::TimeDelta::days(demo.chance.between(60, 2500));
            self.post(person, organisation.id, title, since, None);
            self.all(person, &organisation.name, title);
        }
        Ok(())
    }

    fn all(&mut self, person: &person::Model, organisation: &str, title: &str) {
        self.all.push(Someone {
            id: person.id,
            organisation: organisation.to_owned(),
            title: title.to_owned(),
        });
    }

    fn post(
        &mut self,
        person: &person::Model,
        organisation: OrganisationId,
        title: &str,
        from: NaiveDate,
        until: Option<NaiveDate>,
    ) {
        self.positions.push(position::Model {
            id: PositionId::generate(),
            person_id: person.id,
            organisation_id: organisation,
            title: title.to_owned(),
            from_on: Some(from),
            until_on: until,
        });
    }
}
