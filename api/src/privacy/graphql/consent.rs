//! What a person agreed to, and took back.

use async_graphql::{Context, Enum, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    consent,
    id::{Id, NoticeId, PersonId, RegistrationId},
    notice, withdrawal,
};

use crate::{
    attendee::graphql::{MyRegistration, Notice},
    authz::policy::{RecordConsent, WithdrawConsent},
    error::Error,
    graphql::{Gid, Viewer, settle},
    payloads,
    privacy::consent::{
        GiveConsentErrorCode, GiveConsentUserError, Standing, StandingOf, Way,
        WithdrawConsentErrorCode, WithdrawConsentUserError, agree_myself, hash, record, withdraw,
    },
    registration::graphql::Registration,
    text::Check,
    write::Note,
};

/// What a consent is for. Each is a tick of its own.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "consent::Purpose")]
pub enum ConsentPurpose {
    /// Being registered and let in. Given with every registration by the public page; taken back by cancelling.
    Registration,
    /// Messages about it. Who never agreed is told of the own registration all the same, until they say that they want
    /// none.
    Messages,
    /// Photographs, and names in reports.
    Photos,
    /// Handing data to others: hotels, insurers, co-hosts, classmates.
    Sharing,
}

/// By which way a consent came, or was taken back.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "consent::Channel")]
pub enum ConsentChannel {
    /// The person, with a phone that was proven.
    Myself,
    /// On paper, as an organiser says.
    Paper,
    /// The chamber that sent the person says so.
    Chamber,
}

pub struct Consent((consent::Model, notice::Model));

/// That somebody agreed to a notice for a purpose. What was taken back stays on record.
#[Object]
impl Consent {
    /// What for.
    async fn purpose(&self) -> ConsentPurpose {
        self.0.0.purpose.into()
    }

    /// The version that was agreed to.
    async fn notice(&self) -> Notice {
        Notice(self.0.1.clone())
    }

    /// SHA-256 of what that version said when it was agreed to, in hexadecimal.
    async fn notice_sha256(&self) -> Option<String> {
        self.0.0.notice_hash.as_deref().map(crate::digest::hex)
    }

    /// Whether the notice on record still says what was agreed to. Null where that was not kept.
    async fn is_unaltered(&self) -> Option<bool> {
        self.0.0.notice_hash.as_ref().map(|it| *it == hash(&self.0.1))
    }

    /// By which way.
    async fn channel(&self) -> ConsentChannel {
        self.0.0.channel.into()
    }

    /// When.
    async fn given_at(&self) -> DateTime<Utc> {
        self.0.0.given_at
    }

    /// When it was taken back.
    async fn withdrawn_at(&self) -> Option<DateTime<Utc>> {
        self.0.0.withdrawn_at
    }
}

pub struct Withdrawal(withdrawal::Model);

/// That somebody does not want their data used for a purpose, on any activity.
#[Object]
impl Withdrawal {
    /// What for not.
    async fn purpose(&self) -> ConsentPurpose {
        self.0.purpose.into()
    }

    /// By which way it was said.
    async fn channel(&self) -> ConsentChannel {
        self.0.channel.into()
    }

    /// Why, where somebody said so.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Since when.
    async fn withdrawn_at(&self) -> DateTime<Utc> {
        self.0.withdrawn_at
    }

    /// When they agreed again; null while it stands.
    async fn lifted_at(&self) -> Option<DateTime<Utc>> {
        self.0.lifted_at
    }
}

/// What was agreed to with a registration, what its person took back, and when it was told of the notice.
pub struct Privacy(Standing);

impl Privacy {
    /// Of a registration and its person.
    pub async fn of(ctx: &Context<'_>, row: RegistrationId, person: PersonId) -> Result<Self> {
        let found = Viewer::of(ctx).load.load_one(StandingOf(row, person)).await?;
        Ok(Self(found.unwrap_or_default()))
    }
}

/// What was agreed to with a registration, what its person took back, and when it was told of the notice.
#[Object]
impl Privacy {
    /// What was agreed to with this registration, in the order in which it was.
    async fn consents(&self) -> Vec<Consent> {
        self.0.consents.iter().cloned().map(Consent).collect()
    }

    /// What the person took back, on whichever activity, in the order in which it was.
    async fn withdrawals(&self) -> Vec<Withdrawal> {
        self.0.withdrawals.iter().cloned().map(Withdrawal).collect()
    }

    /// When a message first told where the notice is (the variable 告知书). Null where none has.
    async fn notice_sent_at(&self) -> Option<DateTime<Utc>> {
        self.0.notice_sent.as_ref().map(|it| it.sent_at)
    }
}

/// What `recordConsent` takes.
#[derive(InputObject)]
pub struct RecordConsentInput {
    /// Whose.
    registration_id: Gid<RegistrationId>,
    /// To what they agreed; at least one.
    purposes: Vec<ConsentPurpose>,
    /// The `version` of the notice that they were shown: of the activity, its host, or an organisation above.
    notice_version: Gid<NoticeId>,
    /// PAPER or CHAMBER.
    channel: ConsentChannel,
}

/// What `giveMyConsent` takes.
#[derive(InputObject)]
pub struct GiveMyConsentInput {
    /// With which registration; of somebody with the phone that was proven.
    registration_id: Gid<RegistrationId>,
    /// To what; at least one.
    purposes: Vec<ConsentPurpose>,
    /// The `version` of the notice that was shown: the one that holds now.
    notice_version: Gid<NoticeId>,
}

/// What `withdrawConsent` takes.
#[derive(InputObject)]
pub struct WithdrawConsentInput {
    /// A registration of the person; it holds for all others too.
    registration_id: Gid<RegistrationId>,
    /// For what they do not want their data used.
    purpose: ConsentPurpose,
    /// How the person said so; at most 500 characters.
    reason: String,
}

/// What `withdrawMyConsent` takes.
#[derive(InputObject)]
pub struct WithdrawMyConsentInput {
    /// A registration of somebody with the phone that was proven; it holds for all others of the same person too.
    registration_id: Gid<RegistrationId>,
    /// For what they do not want their data used.
    purpose: ConsentPurpose,
    /// Why, if they like; at most 500 characters.
    reason: Option<String>,
}

payloads! {
    /// What `recordConsent` gives.
    RecordConsentPayload { registration: Registration, GiveConsentUserError }
    /// What `withdrawConsent` gives.
    WithdrawConsentPayload { registration: Registration, WithdrawConsentUserError }
    /// What `giveMyConsent` gives.
    GiveMyConsentPayload { registration: MyRegistration, GiveConsentUserError }
    /// What `withdrawMyConsent` gives.
    WithdrawMyConsentPayload { registration: MyRegistration, WithdrawConsentUserError }
}

#[derive(Default)]
pub struct ConsentQuery;

#[Object]
impl ConsentQuery {
    /// A version of a notice, as the page behind the variable 告知书 shows it. For everybody, without signing in.
    async fn public_notice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Names it among all.")] version: Gid<NoticeId>,
    ) -> Result<Option<Notice>> {
        let found = crate::attendee::notice::find(Viewer::of(ctx).db.read(), version.0).await?;
        Ok(found.map(Notice))
    }
}

#[derive(Default)]
pub struct ConsentMutation;

#[Object]
impl ConsentMutation {
    /// Puts on record that somebody agreed, on paper or by the chamber that sent them. It lifts what stood against these
    /// purposes; the same once more changes nothing. For ORG_ADMIN and ORGANISER of the activity, and for LIAISON of the
    /// organisation that recommended the person.
    async fn record_consent(
        &self,
        ctx: &Context<'_>,
        input: RecordConsentInput,
    ) -> Result<RecordConsentPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RecordConsent>(input.registration_id.0).await?;
        let purposes: Vec<_> = input.purposes.into_iter().map(Into::into).collect();
        let (version, channel) = (input.notice_version.0, input.channel.into());
        let done: Result<_, Error<GiveConsentErrorCode>> = viewer
            .write(&permit, Note::default(), async |tx| {
                let account = permit.actor();
                record(tx, permit.on(), &purposes, version, channel, account, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|it| Registration::new(it, !permit.is_near()));
        Ok(RecordConsentPayload { registration, user_errors })
    }

    /// Takes back for somebody who said so what they agreed to, on all activities: messages that wait are stopped, and no
    /// others are sent. For ORG_ADMIN and ORGANISER of the activity, and for LIAISON of the organisation that recommended
    /// the person.
    async fn withdraw_consent(
        &self,
        ctx: &Context<'_>,
        input: WithdrawConsentInput,
    ) -> Result<WithdrawConsentPayload> {
        use WithdrawConsentErrorCode as Code;
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<WithdrawConsent>(input.registration_id.0).await?;
        let mut check = Check::new(Code::TooLong);
        let reason = check.required(&input.reason, 500, &["reason"], Code::ReasonMissing);
        let note = Note::default().because(Some(&reason));
        let purpose = input.purpose.into();
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                let way = Way::Paper(permit.actor());
                withdraw(tx, permit.on(), purpose, &way, Some(reason), viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        let registration = row.map(|it| Registration::new(it, !permit.is_near()));
        Ok(WithdrawConsentPayload { registration, user_errors })
    }

    /// Agrees to the notice that holds now, for some purposes, and lifts what stood against them. NOT_FOUND for
    /// registrations of others. For the holder of a token of `redeemCode`.
    async fn give_my_consent(
        &self,
        ctx: &Context<'_>,
        input: GiveMyConsentInput,
    ) -> Result<GiveMyConsentPayload> {
        let viewer = Viewer::of(ctx);
        let mine = viewer.gate.mine(input.registration_id.0).await?;
        let purposes: Vec<_> = input.purposes.into_iter().map(Into::into).collect();
        let (version, address) = (input.notice_version.0, viewer.address.clone());
        let subject = (RegistrationId::PREFIX, mine.row.id.uuid());
        let done = viewer
            .write_mine(mine.me(), "GiveMyConsent", subject, Note::default(), async |tx| {
                agree_myself(tx, &mine, &purposes, version, address, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(GiveMyConsentPayload { registration: row.map(Into::into), user_errors })
    }

    /// Takes back what a person agreed to for a purpose, on all activities. For MESSAGES: those that wait are stopped at
    /// once, and no others are sent. What was done before stays, and so does who came where. NOT_FOUND for registrations
    /// of others. For the holder of a token of `redeemCode`.
    async fn withdraw_my_consent(
        &self,
        ctx: &Context<'_>,
        input: WithdrawMyConsentInput,
    ) -> Result<WithdrawMyConsentPayload> {
        let viewer = Viewer::of(ctx);
        let mine = viewer.gate.mine(input.registration_id.0).await?;
        let mut check = Check::new(WithdrawConsentErrorCode::TooLong);
        let reason = check.optional(input.reason.as_deref(), 500, &["reason"]);
        let note = Note::default().because(reason.as_deref());
        let purpose = input.purpose.into();
        let way =
            Way::Myself { phone: mine.me().phone().to_owned(), address: viewer.address.clone() };
        let subject = (RegistrationId::PREFIX, mine.row.id.uuid());
        let done = viewer
            .write_mine(mine.me(), "WithdrawMyConsent", subject, note, async |tx| {
                check.done()?;
                withdraw(tx, &mine.row, purpose, &way, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(WithdrawMyConsentPayload { registration: row.map(Into::into), user_errors })
    }
}
