//! What whoever has no account does.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::id::{ActivityId, Id, NoticeId, RegistrationId};

use super::MyRegistration;
use crate::{
    attendee::{
        self, Change, Form, RegisterMyselfErrorCode, RegisterMyselfUserError,
        codes::{
            self, RedeemCodeErrorCode, RedeemCodeUserError, RequestCodeErrorCode,
            RequestCodeUserError,
        },
    },
    error::{Error, Refusal},
    form::{
        AnswerUserError,
        graphql::{AnswerInput, FormStage},
    },
    graphql::{Gid, Viewer, settle},
    mask, payloads,
    person::graphql::{CleanCodes, clean},
    privacy::graphql::ConsentPurpose,
    registration::{RegistrationErrorCode, RegistrationUserError},
    text::{self, Check},
    write::Note,
};

/// What `requestCode` takes.
#[derive(InputObject)]
pub struct RequestCodeInput {
    /// A mobile phone.
    phone: String,
}

/// What `requestCode` gives.
#[derive(SimpleObject)]
pub struct RequestCodePayload {
    /// Until when the code is good; null where none was sent.
    good_until: Option<DateTime<Utc>>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<RequestCodeUserError>,
}

/// What `redeemCode` takes.
#[derive(InputObject)]
pub struct RedeemCodeInput {
    /// To which it was sent.
    phone: String,
    /// The six digits.
    code: String,
}

/// What proves a phone.
#[derive(SimpleObject)]
pub struct AttendeeToken {
    /// Goes into `Authorization: Bearer …`. It is good for `me` and what is done to one's own registrations, and for
    /// nothing that staff do.
    token: String,
    /// 45 minutes after it was given.
    expires_at: DateTime<Utc>,
}

/// What `registerMyself` takes.
#[derive(InputObject)]
pub struct RegisterMyselfInput {
    /// For which activity.
    activity_id: Gid<ActivityId>,
    /// The name of who comes. The phone is the one that was proven.
    name: String,
    /// At most 200 characters.
    organisation: Option<String>,
    /// At most 100 characters.
    title: Option<String>,
    /// The name of one of the activity's `categories`.
    category: Option<String>,
    /// The `version` of the notice that was shown and agreed to.
    notice_version: Option<Gid<NoticeId>>,
    /// What else was agreed to beside being registered, each by a tick of its own that was not set beforehand.
    #[graphql(default)]
    consents: Vec<ConsentPurpose>,
    /// To the activity's `questions`; whatever is required. A FILE is left out, even where it is required: the
    /// organiser adds it.
    #[graphql(default)]
    answers: Vec<AnswerInput>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `answerMyForm` takes.
#[derive(InputObject)]
pub struct AnswerMyFormInput {
    /// Whose answers; live.
    registration_id: Gid<RegistrationId>,
    /// To which part of the form.
    stage: FormStage,
    /// What is to be set or taken back; answers that are not named stay. A FILE is left out, even where it is required.
    answers: Vec<AnswerInput>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `changeMyRegistration` takes.
#[derive(InputObject)]
pub struct ChangeMyRegistrationInput {
    /// Which one; live.
    registration_id: Gid<RegistrationId>,
    /// At most 200 characters. What is not given stays.
    organisation: Option<String>,
    /// At most 100 characters. What is not given stays.
    title: Option<String>,
    /// The name of one of the activity's `categories`, while registration is open. What is not given stays.
    category: Option<String>,
}

/// What `cancelMyRegistration` takes.
#[derive(InputObject)]
pub struct CancelMyRegistrationInput {
    /// Which one; live.
    registration_id: Gid<RegistrationId>,
    /// Why; at most 500 characters.
    reason: Option<String>,
}

/// What `answerMyRegistration` takes.
#[derive(InputObject)]
pub struct AnswerMyRegistrationInput {
    /// Which one; INVITED or OFFERED.
    registration_id: Gid<RegistrationId>,
    /// Whether the person comes.
    attending: bool,
    /// Why not; at most 500 characters.
    reason: Option<String>,
}

payloads! {
    /// What `redeemCode` gives.
    RedeemCodePayload { token: AttendeeToken, RedeemCodeUserError }
    /// What `registerMyself` gives.
    RegisterMyselfPayload { registration: MyRegistration, RegisterMyselfUserError }
    /// What `answerMyForm` gives.
    AnswerMyFormPayload { registration: MyRegistration, AnswerUserError }
    /// What `changeMyRegistration` gives.
    ChangeMyRegistrationPayload { registration: MyRegistration, RegistrationUserError }
    /// What `cancelMyRegistration` gives.
    CancelMyRegistrationPayload { registration: MyRegistration, RegistrationUserError }
    /// What `answerMyRegistration` gives.
    AnswerMyRegistrationPayload { registration: MyRegistration, RegistrationUserError }
}

#[derive(Default)]
pub struct AttendeeMutation;

#[Object]
impl AttendeeMutation {
    /// Sends a code of six digits to a phone. For everybody; whether anybody knows the phone makes no difference. At
    /// most one a minute, 5 an hour and 10 a day for a phone, and as many an hour from one address as the server is
    /// set to. A code ends the one before it.
    async fn request_code(
        &self,
        ctx: &Context<'_>,
        input: RequestCodeInput,
    ) -> Result<RequestCodePayload> {
        use RequestCodeErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let app = &viewer.app;
        let done = match codes::mobile(&input.phone) {
            None => {
                let typed = mask::typed(&text::line(&input.phone));
                Err(Code::PhoneInvalid.at(["phone"]).about(typed).into())
            }
            Some(phone) => {
                let made = viewer
                    .write_unsigned("RequestCode", async |tx| {
                        let address = viewer.address.as_deref();
                        let most = app.config.codes_per_address;
                        codes::request(tx, &app.keys, &phone, address, most, viewer.now)
                            .await
                            .map(|code| (code, None))
                    })
                    .await;
                match made {
                    // What was counted stays counted, whether or not the message gets through.
                    Ok(code) => match app.codes.send(&phone, &code).await {
                        Ok(()) => Ok(viewer.now + codes::GOOD_FOR),
                        Err(why) => {
                            tracing::error!(request_id = %viewer.request_id, "a code was not sent: {why}");
                            Err(Code::NotSent.at(["phone"]).into())
                        }
                    },
                    Err(error) => Err(error),
                }
            }
        };
        let (good_until, user_errors) = settle(done, viewer.lang)?;
        Ok(RequestCodePayload { good_until, user_errors })
    }

    /// Changes the code that was last sent to a phone for a token, once. It is good for 5 minutes and 5 guesses. For
    /// everybody.
    async fn redeem_code(
        &self,
        ctx: &Context<'_>,
        input: RedeemCodeInput,
    ) -> Result<RedeemCodePayload> {
        let viewer = Viewer::of(ctx);
        let code = input.code.trim();
        let wrong = || Error::from(RedeemCodeErrorCode::CodeWrong.at(["code"]));
        let done = match codes::mobile(&input.phone) {
            None => Err(wrong()),
            Some(phone) => {
                let right = viewer
                    .write_unsigned("RedeemCode", async |tx| {
                        let keys = &viewer.app.keys;
                        let right = codes::redeem(tx, keys, &phone, code, viewer.now).await?;
                        Ok((right, None))
                    })
                    .await;
                match right {
                    Ok(true) => Ok(viewer.app.keys.attendee(&phone, viewer.now)?),
                    Ok(false) => Err(wrong()),
                    Err(error) => Err(error),
                }
            }
        };
        let (made, user_errors) = settle(done, viewer.lang)?;
        let token = made.map(|(token, expires_at)| AttendeeToken { token, expires_at });
        Ok(RedeemCodePayload { token, user_errors })
    }

    /// Registers somebody with the phone that was proven: CONFIRMED, WAITLISTED where it is full, or PENDING where the
    /// activity has steps of approval. What the form requires must be answered, but for a FILE: it stays due, and the
    /// organiser adds it. At most 10 people for an activity by one phone. NOT_FOUND where `publicActivity` is null. For
    /// the holder of a token of `redeemCode`.
    async fn register_myself(
        &self,
        ctx: &Context<'_>,
        input: RegisterMyselfInput,
    ) -> Result<RegisterMyselfPayload> {
        use RegisterMyselfErrorCode as Code;
        const CODES: CleanCodes<Code> = CleanCodes {
            name_missing: Code::NameMissing,
            name_is_test: Code::NameIsTest,
            phone_missing: Code::PhoneInvalid,
            phone_invalid: Code::PhoneInvalid,
            too_long: Code::TooLong,
        };
        let viewer = Viewer::of(ctx);
        let me = viewer.gate.me()?;
        let activity = input.activity_id.0;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(Code::TooLong);
        let form = Form {
            entry: clean(&mut check, &[], &input.name, Some(me.phone()), &CODES),
            organisation_name: check.optional(
                input.organisation.as_deref(),
                200,
                &["organisation"],
            ),
            title: check.optional(input.title.as_deref(), 100, &["title"]),
            category: check.optional(input.category.as_deref(), 50, &["category"]),
            notice: input.notice_version.map(|it| it.0),
            purposes: input.consents.into_iter().map(Into::into).collect(),
            address: viewer.address.clone(),
            answers: input.answers.into_iter().map(AnswerInput::typed).collect(),
            lang: viewer.lang,
        };
        let subject = (ActivityId::PREFIX, activity.uuid());
        let done = viewer
            .write_mine(me, "RegisterMyself", subject, note, async |tx| {
                check.done()?;
                let namer = &viewer.app.namer;
                attendee::register(tx, me, namer, &viewer.app.vault, activity, form, viewer.now)
                    .await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RegisterMyselfPayload { registration: row.map(Into::into), user_errors })
    }

    /// Answers the form of a live registration of somebody with the phone that was proven, or corrects its answers.
    /// Whatever is required must be answered now or before, but for a FILE, which the organiser adds. Answers to
    /// questions that are not shown, as the others stand, are dropped. NOT_FOUND for all others. For the holder of a
    /// token of `redeemCode`.
    async fn answer_my_form(
        &self,
        ctx: &Context<'_>,
        input: AnswerMyFormInput,
    ) -> Result<AnswerMyFormPayload> {
        let viewer = Viewer::of(ctx);
        let mine = viewer.gate.mine(input.registration_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let stage = input.stage.into();
        let typed = input.answers.into_iter().map(AnswerInput::typed).collect();
        let subject = (RegistrationId::PREFIX, mine.row.id.uuid());
        let done = viewer
            .write_mine(mine.me(), "AnswerMyForm", subject, note, async |tx| {
                attendee::answers::answer(tx, &viewer.app.vault, &mine, stage, typed, viewer.now)
                    .await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(AnswerMyFormPayload { registration: row.map(Into::into), user_errors })
    }

    /// Changes a live registration of somebody with the phone that was proven. NOT_FOUND for all others. For the holder
    /// of a token of `redeemCode`.
    async fn change_my_registration(
        &self,
        ctx: &Context<'_>,
        input: ChangeMyRegistrationInput,
    ) -> Result<ChangeMyRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let mine = viewer.gate.mine(input.registration_id.0).await?;
        let mut check = Check::new(RegistrationErrorCode::TooLong);
        let change = Change {
            organisation_name: check.optional(
                input.organisation.as_deref(),
                200,
                &["organisation"],
            ),
            title: check.optional(input.title.as_deref(), 100, &["title"]),
            category: check.optional(input.category.as_deref(), 50, &["category"]),
        };
        let subject = (RegistrationId::PREFIX, mine.row.id.uuid());
        let done = viewer
            .write_mine(mine.me(), "ChangeMyRegistration", subject, Note::default(), async |tx| {
                check.done()?;
                attendee::change(tx, &mine, change, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(ChangeMyRegistrationPayload { registration: row.map(Into::into), user_errors })
    }

    /// Cancels a live registration of somebody with the phone that was proven, and frees its seat. Refused once the
    /// person has checked in. NOT_FOUND for all others. For the holder of a token of `redeemCode`.
    async fn cancel_my_registration(
        &self,
        ctx: &Context<'_>,
        input: CancelMyRegistrationInput,
    ) -> Result<CancelMyRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let mine = viewer.gate.mine(input.registration_id.0).await?;
        let mut check = Check::new(RegistrationErrorCode::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let subject = (RegistrationId::PREFIX, mine.row.id.uuid());
        let done = viewer
            .write_mine(mine.me(), "CancelMyRegistration", subject, note, async |tx| {
                check.done()?;
                attendee::cancel(tx, &mine, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(CancelMyRegistrationPayload { registration: row.map(Into::into), user_errors })
    }

    /// Answers an invitation or an offer to somebody with the phone that was proven (回执). NOT_FOUND for all others.
    /// For the holder of a token of `redeemCode`.
    async fn answer_my_registration(
        &self,
        ctx: &Context<'_>,
        input: AnswerMyRegistrationInput,
    ) -> Result<AnswerMyRegistrationPayload> {
        let viewer = Viewer::of(ctx);
        let mine = viewer.gate.mine(input.registration_id.0).await?;
        let mut check = Check::new(RegistrationErrorCode::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let subject = (RegistrationId::PREFIX, mine.row.id.uuid());
        let done = viewer
            .write_mine(mine.me(), "AnswerMyRegistration", subject, note, async |tx| {
                check.done()?;
                attendee::answer(tx, &mine, input.attending, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(AnswerMyRegistrationPayload { registration: row.map(Into::into), user_errors })
    }
}
