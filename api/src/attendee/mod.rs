//! Whoever registers themselves, without an account: by a public page, and a phone that was proven.

pub mod answers;
pub mod codes;
pub mod graphql;
pub mod notice;
pub mod sender;

use chrono::{DateTime, Utc};
use entity::{
    activity::{self, Status},
    category,
    consent::Purpose,
    id::{ActivityId, CategoryId, NoticeId},
    person,
    registration::{self, Details, Way},
    self_registration::{self, Choice},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{OnConflict, Query},
};

use crate::{
    authz::{Me, Mine, Permit, policy::SetSelfRegistration},
    capacity::Seat,
    db::is_duplicate,
    error::{Error, Failure, Lang, Refusal},
    form::{self, file::Typed},
    person::{Entry, name::Namer, recognise_or_make},
    privacy::consent,
    refusals,
    registration::{
        RegistrationErrorCode, approval,
        change::{answer_on, cancel_on, recategorise_on},
        desk::{Desk, New, Start},
    },
};

refusals! {
    /// Why people cannot register themselves so.
    SetSelfRegistrationErrorCode, SetSelfRegistrationUserError {
        /// It closes before it opens.
        WindowInvalid = "报名截止时间须晚于开始时间", "it closes before it opens";
        /// The activity has no category of this name.
        CategoryUnknown = "没有名为“{}”的类别", "there is no category “{}”";
        /// Neither the activity nor an organisation above it has a notice that people could agree to.
        NoticeMissing = "请先发布告知书", "publish a notice first";
    }
}

refusals! {
    /// Why somebody did not get registered.
    RegisterMyselfErrorCode, RegisterMyselfUserError {
        /// The name is missing.
        NameMissing = "姓名不能为空", "the name is missing";
        /// The name is a placeholder, such as 测试.
        NameIsTest = "“{}”不像是姓名", "“{}” is no name";
        /// The phone that was proven is none.
        PhoneInvalid = "电话号码无效", "the phone is not valid";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
        /// Not a category that can be chosen.
        CategoryUnknown = "不能选择类别“{}”", "the category “{}” cannot be chosen";
        /// An answer is missing or cannot be taken; the message says why.
        AnswerInvalid = "{}", "{}";
        /// Registration is not open yet, or not any more.
        NotOpen = "不在报名时间内", "registration is not open";
        /// This is not the notice that holds now: show the current one, and ask again.
        ConsentMissing = "请阅读并同意最新的告知书", "agree to the current notice";
        /// Somebody of this name and phone is registered.
        AlreadyRegistered = "已报名", "registered already";
        /// This phone has registered as many as it may.
        TooMany = "同一手机号最多报名{}人", "a phone registers at most {} people";
    }
}

/// How many live registrations of one activity a phone may have.
const MOST_PER_PHONE: u64 = 10;
/// How many registrations somebody is shown: the newest.
const MOST_SHOWN: u64 = 100;

/// Whether and how people register themselves for an activity.
pub async fn rules(
    db: &impl ConnectionTrait,
    activity: ActivityId,
) -> Result<Option<self_registration::Model>, Failure> {
    Ok(self_registration::Entity::find_by_id(activity).one(db).await?)
}

/// Asks for how people register themselves; see [`rules`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RulesOf(pub ActivityId);

/// An activity that is open to the public, whether or not registration is open at this time. All else is none alike: what
/// there is not, what is being set up, what is over, and what people do not register themselves for.
pub async fn public(
    db: &impl ConnectionTrait,
    id: ActivityId,
) -> Result<Option<(activity::Model, self_registration::Model)>, Failure> {
    let found = activity::Entity::find_by_id(id)
        .filter(activity::Column::Status.eq(Status::Published))
        .one(db)
        .await?;
    let Some(activity) = found else { return Ok(None) };
    Ok(rules(db, id).await?.map(|rules| (activity, rules)))
}

/// Whether registration is open at `now`.
#[must_use]
pub fn is_open(rules: &self_registration::Model, now: DateTime<Utc>) -> bool {
    rules.opens_at.is_none_or(|it| it <= now) && rules.closes_at.is_none_or(|it| now < it)
}

/// What is to hold of self-registration.
pub struct Rules {
    pub opens_at: Option<DateTime<Utc>>,
    pub closes_at: Option<DateTime<Utc>>,
    /// The names of categories.
    pub categories: Vec<String>,
}

/// Says whether and how people register themselves.
pub async fn set(
    tx: &DatabaseTransaction,
    permit: &Permit<SetSelfRegistration>,
    rules: Option<Rules>,
) -> Result<activity::Model, Error<SetSelfRegistrationErrorCode>> {
    use SetSelfRegistrationErrorCode as Code;
    let activity = permit.on();
    let Some(rules) = rules else {
        self_registration::Entity::delete_by_id(activity.id).exec(tx).await?;
        return Ok(activity.clone());
    };
    let mut refused = Vec::new();
    if rules.opens_at.zip(rules.closes_at).is_some_and(|(opens, closes)| closes <= opens) {
        refused.push(Code::WindowInvalid.at(["closesAt"]));
    }
    let all = crate::activity::categories(tx, activity.id).await?;
    let mut chosen = Vec::with_capacity(rules.categories.len());
    for (at, name) in rules.categories.iter().enumerate() {
        match all.iter().find(|it| it.name == *name) {
            Some(it) => chosen.push(it.id),
            None => {
                let path = ["categories".to_owned(), at.to_string()];
                refused.push(Code::CategoryUnknown.at(path).about(name));
            }
        }
    }
    if notice::current(tx, activity).await?.is_none() {
        refused.push(Code::NoticeMissing.at(["activityId"]));
    }
    crate::error::refuse_if_any(refused)?;
    let row = self_registration::Model {
        activity_id: activity.id,
        opens_at: rules.opens_at,
        closes_at: rules.closes_at,
        categories: Choice(chosen),
    };
    let again = OnConflict::column(self_registration::Column::ActivityId)
        .update_columns([
            self_registration::Column::OpensAt,
            self_registration::Column::ClosesAt,
            self_registration::Column::Categories,
        ])
        .to_owned();
    self_registration::Entity::insert(row.into_active_model().reset_all())
        .on_conflict(again)
        .exec_without_returning(tx)
        .await?;
    Ok(activity.clone())
}

/// What somebody says of whom they register.
pub struct Form {
    pub entry: Entry,
    pub organisation_name: Option<String>,
    pub title: Option<String>,
    /// The name of a category.
    pub category: Option<String>,
    /// The notice that was agreed to.
    pub notice: Option<NoticeId>,
    /// What else was agreed to, each by a tick of its own.
    pub purposes: Vec<Purpose>,
    pub address: Option<String>,
    /// By the questions' keys.
    pub answers: Vec<(String, Typed)>,
    /// In which to speak of what is wrong with them.
    pub lang: Lang,
}

/// Registers somebody by the public page: a seat, a place on the waiting list, or a place before whoever approves.
pub async fn register(
    tx: &DatabaseTransaction,
    me: &Me,
    namer: &Namer,
    vault: &crate::vault::Vault,
    activity: ActivityId,
    form: Form,
    now: DateTime<Utc>,
) -> Result<registration::Model, Error<RegisterMyselfErrorCode>> {
    use RegisterMyselfErrorCode as Code;
    let mut desk = Desk::open(tx, activity, now).await?;
    let (_, rules) = public(tx, activity).await?.ok_or(Failure::NotFound)?;
    let mut refused = Vec::new();
    if !is_open(&rules, now) {
        refused.push(Code::NotOpen.at(["activityId"]));
    }
    let notice = notice::current(tx, &desk.activity).await?;
    let notice = notice.filter(|it| Some(it.id) == form.notice);
    if notice.is_none() {
        refused.push(Code::ConsentMissing.at(["noticeVersion"]));
    }
    let category = match &form.category {
        None => None,
        Some(name) => {
            let found = choosable(tx, &rules, name).await?;
            if found.is_none() {
                refused.push(Code::CategoryUnknown.at(["category"]).about(name));
            }
            found
        }
    };
    if live_of(tx, me, activity).await? >= MOST_PER_PHONE {
        refused.push(Code::TooMany.at(["activityId"]).about(MOST_PER_PHONE));
    }
    let answers = answers::first(tx, vault, activity, form.answers, form.lang, now).await?;
    let answers = answers.unwrap_or_else(|faults| {
        refused.extend(faults);
        None
    });
    crate::error::refuse_if_any(refused)?;
    let notice = notice.ok_or_else(|| Failure::internal("no notice"))?;

    let home = desk.activity.host_id;
    let made = recognise_or_make(tx, namer, home, &[form.entry], now).await?;
    let (person, _) =
        made.into_iter().next().ok_or_else(|| Failure::internal("nobody was made"))?;
    // A chain without a step that fits ends with the host, and not with a seat for everybody.
    let last = desk.activity.approval.0.last().copied();
    let start = match (approval::first(tx, &desk.activity, None).await?, last) {
        (Some(wait), _) => Start::Asks(wait),
        (None, Some(step)) => Start::Asks(approval::Wait { step, organisation: home }),
        (None, None) => Start::Comes,
    };
    let new = New {
        person: person.id,
        seat: Seat { category, allocation: None },
        organisation_name: form.organisation_name,
        title: form.title,
        details: Details::default(),
        start,
        way: Way::Public,
        recommender: None,
        listed: None,
    };
    let rows = match desk.enrol(vec![new]).await {
        Err(Failure::Db(error)) if is_duplicate(&error) => {
            return Err(Code::AlreadyRegistered.at(["person"]).into());
        }
        rows => rows?,
    };
    let row = rows.into_iter().next().ok_or_else(|| Failure::internal("nobody was enrolled"))?;
    let way = consent::Way::Myself { phone: me.phone().to_owned(), address: form.address };
    let mut purposes = form.purposes;
    purposes.push(Purpose::Registration);
    consent::agree(tx, &row, &notice, &purposes, &way, now).await?;
    if let Some(answers) = answers {
        form::keep(tx, vault, &row, answers, now).await?;
    }
    Ok(desk.close_with(row).await?)
}

/// A category that people may choose for themselves, by its name.
async fn choosable(
    tx: &DatabaseTransaction,
    rules: &self_registration::Model,
    name: &str,
) -> Result<Option<CategoryId>, Failure> {
    let found = crate::activity::category_named(tx, rules.activity_id, name).await?;
    Ok(found.map(|it| it.id).filter(|it| rules.categories.0.contains(it)))
}

/// The condition that a registration is of somebody with the phone.
#[must_use]
pub fn of(me: &Me) -> Condition {
    let people = Query::select()
        .column(person::Column::Id)
        .from(person::Entity)
        .and_where(person::Column::Phone.eq(me.phone()))
        .to_owned();
    Condition::all().add(registration::Column::PersonId.in_subquery(people))
}

/// Everybody with the phone, in the order in which they were recorded.
pub async fn people(db: &impl ConnectionTrait, me: &Me) -> Result<Vec<person::Model>, Failure> {
    Ok(person::Entity::find()
        .filter(person::Column::Phone.eq(me.phone()))
        .order_by_asc(person::Column::Id)
        .limit(MOST_SHOWN)
        .all(db)
        .await?)
}

async fn live_of(tx: &DatabaseTransaction, me: &Me, activity: ActivityId) -> Result<u64, Failure> {
    Ok(registration::Entity::find()
        .filter(of(me))
        .filter(registration::Column::ActivityId.eq(activity))
        .filter(registration::Column::Status.is_in(registration::Status::LIVE))
        .count(tx)
        .await?)
}

/// The registrations of whoever has the phone, the newest first; none while its activity is being set up.
pub async fn mine(db: &impl ConnectionTrait, me: &Me) -> Result<Vec<registration::Model>, Failure> {
    let drafts = Query::select()
        .column(activity::Column::Id)
        .from(activity::Entity)
        .and_where(activity::Column::Status.eq(Status::Draft))
        .to_owned();
    Ok(registration::Entity::find()
        .filter(of(me))
        .filter(registration::Column::ActivityId.not_in_subquery(drafts))
        .order_by_desc(registration::Column::Id)
        .limit(MOST_SHOWN)
        .all(db)
        .await?)
}

type Done = Result<registration::Model, Error<RegistrationErrorCode>>;

/// Opens the desk for somebody's own registration, as it is now.
async fn at_desk<'a>(
    tx: &'a DatabaseTransaction,
    mine: &Mine,
    now: DateTime<Utc>,
) -> Result<(Desk<'a>, registration::Model), Failure> {
    let desk = Desk::open(tx, mine.row.activity_id, now).await?;
    let it = desk.locked(mine.row.id).await?;
    mine.still(&it)?;
    Ok((desk, it))
}

/// Takes back somebody's own registration.
pub async fn cancel(
    tx: &DatabaseTransaction,
    mine: &Mine,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, it) = at_desk(tx, mine, now).await?;
    let row = cancel_on(&mut desk, it, reason).await?;
    Ok(desk.close_with(row).await?)
}

/// Answers an invitation or an offer.
pub async fn answer(
    tx: &DatabaseTransaction,
    mine: &Mine,
    comes: bool,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Done {
    let (mut desk, it) = at_desk(tx, mine, now).await?;
    let row = answer_on(&mut desk, it, comes, reason, false).await?;
    Ok(desk.close_with(row).await?)
}

/// What somebody changes of their own registration; what is not given stays.
pub struct Change {
    pub organisation_name: Option<String>,
    pub title: Option<String>,
    /// The name of a category that people may choose.
    pub category: Option<String>,
}

/// Changes somebody's own registration while it is live and its activity is not over.
pub async fn change(
    tx: &DatabaseTransaction,
    mine: &Mine,
    change: Change,
    now: DateTime<Utc>,
) -> Done {
    use RegistrationErrorCode as Code;
    let (mut desk, mut it) = at_desk(tx, mine, now).await?;
    if !it.status.is_live() {
        return Err(Code::NotLive.at(["registrationId"]).into());
    }
    if !desk.is_open() {
        return Err(Code::ActivityNotOpen.at(["registrationId"]).into());
    }
    it.organisation_name = change.organisation_name.or(it.organisation_name);
    it.title = change.title.or(it.title);
    if let Some(name) = change.category {
        let chosen = match rules(tx, it.activity_id).await? {
            Some(rules) if is_open(&rules, now) => choosable(tx, &rules, &name).await?,
            _ => None,
        };
        let Some(chosen) = chosen else {
            return Err(Code::CategoryUnknown.at(["category"]).about(&name).into());
        };
        it = recategorise_on(&mut desk, it, Some(chosen)).await?;
    }
    desk.save(&it).await?;
    Ok(desk.close_with(it).await?)
}

/// The categories of an activity that people may choose for themselves, in their order.
pub async fn choice(
    db: &impl ConnectionTrait,
    rules: &self_registration::Model,
) -> Result<Vec<category::Model>, Failure> {
    let mut all = crate::activity::categories(db, rules.activity_id).await?;
    all.retain(|it| rules.categories.0.contains(&it.id));
    Ok(all)
}
