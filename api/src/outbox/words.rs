//! The words of messages: templates with variables in Chinese, and what a variable stands for.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::{
    activity,
    id::{ActivityId, CategoryId},
    organisation, person, registration,
};
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::{error::Failure, ticket};

/// The variables, and what each stands for.
pub const VARIABLES: &[(&str, &str)] = &[
    ("姓名", "the person's name"),
    ("单位", "the organisation, as given for this activity"),
    ("职务", "the title, as given for this activity"),
    ("活动", "the activity's title"),
    ("主办", "the organisation that holds it"),
    ("时间", "when it begins, in its own zone"),
    ("地点", "where it takes place"),
    ("类别", "the category"),
    ("参会码", "the ticket code"),
    ("回复截止", "until when an invitation or an offer is to be answered"),
    ("原因", "why the status is what it is"),
    ("链接", "the page of the registration"),
    ("告知书", "the page of the notice that holds for the activity"),
];

/// The variables that are filled when a message is sent: only the server knows where they are.
pub const LINK: &str = "{{链接}}";
pub const NOTICE: &str = "{{告知书}}";

/// What is not known yet.
const OPEN: &str = "待定";

/// Walks through a template: what is between the variables, and each variable's name.
fn walk(template: &str, mut plain: impl FnMut(&str), mut variable: impl FnMut(&str)) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        plain(before);
        variable(name.trim());
        rest = behind;
    }
    plain(rest);
}

/// The variables of a template that nobody knows, in their order. A brace that is not closed is one too.
#[must_use]
pub fn unknown(template: &str) -> Vec<String> {
    let mut unknown = Vec::new();
    let mut left = String::new();
    walk(
        template,
        |text| left.push_str(text),
        |name| {
            if !VARIABLES.iter().any(|(known, _)| *known == name) {
                unknown.push(name.to_owned());
            }
        },
    );
    if left.contains("{{") || left.contains("}}") {
        unknown.push("{{".to_owned());
    }
    unknown
}

/// What is the same for all messages of an activity.
pub struct Words {
    activity: activity::Model,
    host: String,
    zone: Tz,
    categories: HashMap<CategoryId, String>,
}

impl Words {
    pub async fn of(db: &impl ConnectionTrait, activity: ActivityId) -> Result<Self, Failure> {
        let activity =
            activity::Entity::find_by_id(activity).one(db).await?.ok_or(Failure::NotFound)?;
        let host = organisation::Entity::find_by_id(activity.host_id)
            .one(db)
            .await?
            .ok_or(Failure::NotFound)?;
        let categories = super::category_names(db, activity.id).await?;
        Ok(Self { zone: zone(&activity), host: host.name, categories, activity })
    }

    /// A template with the words of one registration. A value is never taken for a variable.
    #[must_use]
    pub fn fill(
        &self,
        template: &str,
        row: &registration::Model,
        person: &person::Model,
    ) -> String {
        let filled = std::cell::RefCell::new(String::with_capacity(template.len() * 2));
        walk(
            template,
            |text| filled.borrow_mut().push_str(text),
            |name| filled.borrow_mut().push_str(&self.value(name, row, person)),
        );
        filled.into_inner()
    }

    fn value(&self, name: &str, row: &registration::Model, person: &person::Model) -> String {
        let or_open = |text: Option<&str>| text.unwrap_or(OPEN).to_owned();
        let or_nothing = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let value = match name {
            "姓名" => person.name.clone(),
            "单位" => or_nothing(row.organisation_name.as_deref()),
            "职务" => or_nothing(row.title.as_deref()),
            "活动" => self.activity.title.clone(),
            "主办" => self.host.clone(),
            "时间" => or_open(self.activity.starts_at.map(|it| self.clock(it)).as_deref()),
            "地点" => or_open(self.activity.venue.as_deref()),
            "类别" => or_nothing(
                row.category_id.and_then(|id| self.categories.get(&id)).map(String::as_str),
            ),
            "参会码" => or_nothing(ticket::code(row)),
            "回复截止" => or_open(row.reply_by.map(|it| self.clock(it)).as_deref()),
            "原因" => or_nothing(row.status_reason.as_deref()),
            // Filled last, and so kept from being made by a value.
            "链接" => return LINK.to_owned(),
            "告知书" => return NOTICE.to_owned(),
            _ => String::new(),
        };
        value.replace("{{", "{ {")
    }

    fn clock(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%Y年%-m月%-d日%H:%M").to_string()
    }
}

/// The zone of an activity, which was looked at when it was made.
#[must_use]
pub fn zone(activity: &activity::Model) -> Tz {
    activity.time_zone.parse().unwrap_or(chrono_tz::Asia::Shanghai)
}

/// How long a short message is, in the units that gateways charge by, and of how many parts: 70, or 67 each.
#[must_use]
pub fn length(text: &str) -> (usize, usize) {
    let length = text.encode_utf16().count();
    (length, if length <= 70 { 1 } else { length.div_ceil(67) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_is_found() {
        assert!(unknown("{{姓名}}，您好！{{ 活动 }}").is_empty());
        assert!(unknown("").is_empty());
        assert_eq!(unknown("{{姓名}}{{名字}}{{}}"), ["名字", ""]);
        for text in ["{{姓名", "姓名}}", "{{姓名}} {{", "{{{{姓名}}}}"] {
            assert!(!unknown(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn parts_are_of_67_where_one_of_70_is_too_short() {
        let of = |n: usize| length(&"青".repeat(n));
        assert_eq!(of(0), (0, 1));
        assert_eq!(of(70), (70, 1));
        assert_eq!(of(71), (71, 2));
        assert_eq!(of(134), (134, 2));
        assert_eq!(of(135), (135, 3));
        // A character beyond the basic plane is two.
        assert_eq!(length(&"𠮷".repeat(35)), (70, 1));
        assert_eq!(length(&"𠮷".repeat(36)), (72, 2));
    }
}
