//! Seeing personal data whole: an act of its own.

use async_graphql::{Context, Enum, InputObject, InputType, Object, Result, SimpleObject, Value};
use entity::{id::PersonId, person};

use super::Person;
use crate::{
    authz::{
        Action, Permit,
        policy::{ViewIdNumber, ViewPhone},
    },
    error::{Error, Refusal},
    graphql::{Gid, Viewer, settle},
    person::sealed::{self, RevealPersonErrorCode as Code, RevealPersonUserError},
    text::Check,
    write::Note,
};

/// What of a person is shown masked everywhere else.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum PersonalField {
    /// For ORG_ADMIN, ORGANISER and LIAISON.
    Phone,
    /// For ORG_ADMIN, ORGANISER and LIAISON.
    Email,
    /// For ORG_ADMIN and ORGANISER.
    IdNumber,
}

/// What `revealPerson` takes.
#[derive(InputObject)]
pub struct RevealPersonInput {
    /// Whose.
    person_id: Gid<PersonId>,
    /// What of them; at least one.
    fields: Vec<PersonalField>,
    /// What for, from 3 to 200 characters. It stays in the audit log with the person's id and one's own name.
    purpose: String,
}

/// What was asked for, whole. What was not asked for is null, as is what is not known.
#[derive(SimpleObject)]
pub struct RevealedPerson {
    /// Whose.
    person: Person,
    /// Digits, or `+` and digits abroad.
    phone: Option<String>,
    /// The mail address.
    email: Option<String>,
    /// The ID number, or that of another document.
    id_number: Option<String>,
}

/// What `revealPerson` gives.
#[derive(SimpleObject)]
pub struct RevealPersonPayload {
    /// What was asked for; null where it was refused.
    revealed: Option<RevealedPerson>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<RevealPersonUserError>,
}

#[derive(Default)]
pub struct RevealMutation;

#[Object]
impl RevealMutation {
    /// Shows a person's phone, mail address or ID number whole, in this answer alone. Each time is kept in the audit log with
    /// the purpose, and nothing is shown where that cannot be kept. For ORG_ADMIN, ORGANISER and LIAISON of people in
    /// their scope, as `person` is; ID_NUMBER for ORG_ADMIN and ORGANISER.
    async fn reveal_person(
        &self,
        ctx: &Context<'_>,
        input: RevealPersonInput,
    ) -> Result<RevealPersonPayload> {
        let viewer = Viewer::of(ctx);
        let id = input.person_id.0;
        let done = if input.fields.contains(&PersonalField::IdNumber) {
            let permit = viewer.gate.permit::<ViewIdNumber>(id).await?;
            noted(viewer, &permit, &input).await
        } else {
            let permit = viewer.gate.permit::<ViewPhone>(id).await?;
            noted(viewer, &permit, &input).await
        };
        let (row, user_errors) = settle(done, viewer.lang)?;
        let Some(row) = row else {
            return Ok(RevealPersonPayload { revealed: None, user_errors });
        };
        let asked = |field| input.fields.contains(&field);
        let id_number = if asked(PersonalField::IdNumber) {
            sealed::id_number(&viewer.app.vault, &row)?
        } else {
            None
        };
        let revealed = RevealedPerson {
            phone: row.phone.clone().filter(|_| asked(PersonalField::Phone)),
            email: row.email.clone().filter(|_| asked(PersonalField::Email)),
            id_number,
            person: Person::new(row, true),
        };
        Ok(RevealPersonPayload { revealed: Some(revealed), user_errors })
    }
}

/// Keeps who is about to see what of whom, and what for. The row is given back once that is on record.
async fn noted<A: Action<On = person::Model>>(
    viewer: &Viewer,
    permit: &Permit<A>,
    input: &RevealPersonInput,
) -> Result<person::Model, Error<Code>> {
    let mut check = Check::new(Code::TooLong);
    let purpose = check.required(&input.purpose, 200, &["purpose"], Code::PurposeMissing);
    if (1..3).contains(&purpose.chars().count()) {
        check.refuse(Code::PurposeMissing.at(["purpose"]));
    }
    if input.fields.is_empty() {
        check.refuse(Code::FieldsMissing.at(["fields"]));
    }
    let seen: Vec<Value> = input.fields.iter().map(InputType::to_value).collect();
    let seen = serde_json::json!({ "revealed": seen });
    let note =
        Note::default().because(Some(&purpose)).changed::<PersonId>(&serde_json::Map::new(), &seen);
    viewer
        .write(permit, note, async |_| {
            check.done()?;
            Ok(permit.on().clone())
        })
        .await
}
