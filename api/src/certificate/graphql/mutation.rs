//! What can be done about certificates: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use entity::{
    certificate,
    id::{ActivityId, CertificateId, OrganisationId, RegistrationId, SeriesId},
};

use super::{Certificate, CertificatePattern};
use crate::{
    activity::graphql::Activity,
    authz::policy::{
        IssueCertificates, ReissueCertificate, RevokeCertificate, SetCertificatePattern,
        SetOrganisationCertificatePattern, SetSeriesCertificatePattern,
    },
    certificate::{
        self as certificates, CertificateErrorCode, CertificateUserError,
        IssueCertificatesErrorCode, IssueCertificatesUserError, MOST_NAMED,
        pattern::{
            self, CertificatePatternErrorCode as PatternCode, CertificatePatternUserError, Place,
        },
    },
    error::{Error, Failure, Refusal},
    graphql::{Gid, Viewer, settle},
    payloads,
    text::Check,
    write::Note,
};

/// What `issueCertificates` takes.
#[derive(InputObject)]
pub struct IssueCertificatesInput {
    /// Of which activity.
    activity_id: Gid<ActivityId>,
    /// For whom, at most 1,000; for all who completed it if not given. Whoever had a certificate revoked gets another, under
    /// another number, only by being named.
    registration_ids: Option<Vec<Gid<RegistrationId>>>,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `revokeCertificate` takes.
#[derive(InputObject)]
pub struct RevokeCertificateInput {
    /// Which one.
    certificate_id: Gid<CertificateId>,
    /// Why; at most 500 characters.
    reason: String,
}

/// What `reissueCertificate` takes.
#[derive(InputObject)]
pub struct ReissueCertificateInput {
    /// Which one.
    certificate_id: Gid<CertificateId>,
    /// The name to stand on it, at most 100 characters; the one on the person's record if not given.
    name: Option<String>,
    /// Why; at most 500 characters.
    reason: String,
    /// The same key with the same input gives the first answer.
    idempotency_key: Option<String>,
}

/// What `setCertificatePattern` takes.
#[derive(InputObject)]
pub struct SetCertificatePatternInput {
    /// Of this activity …
    activity_id: Option<Gid<ActivityId>>,
    /// … or of all runs of this series that have none of their own …
    series_id: Option<Gid<SeriesId>>,
    /// … or of all activities of this organisation and those below it that have none nearer.
    organisation_id: Option<Gid<OrganisationId>>,
    /// At most 100 characters, with `{seq}` once, and `{year}` and `{run}` if wanted; `{seq:3}` and `{run:4}` have at least so
    /// many digits, 1 to 9. Null takes the place's own pattern away.
    pattern: Option<String>,
    /// The issuer as it is to be printed, at most 100 characters; the host's name if not given.
    issuer: Option<String>,
}

/// What `issueCertificates` gives.
#[derive(SimpleObject)]
pub struct IssueCertificatesPayload {
    /// The activity; null where it was refused.
    activity: Option<Activity>,
    /// How many are new; 0 where everybody has theirs already, null where it was refused.
    issued: Option<i32>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<IssueCertificatesUserError>,
}

payloads! {
    /// What `revokeCertificate` gives.
    RevokeCertificatePayload { certificate: Certificate, CertificateUserError }
    /// What `reissueCertificate` gives.
    ReissueCertificatePayload { certificate: Certificate, CertificateUserError }
    /// What `setCertificatePattern` gives.
    SetCertificatePatternPayload { certificate_pattern: CertificatePattern, CertificatePatternUserError }
}

async fn shown(
    viewer: &Viewer,
    row: Option<certificate::Model>,
) -> Result<Option<Certificate>, Failure> {
    match row {
        Some(row) => Certificate::one(viewer, row).await.map(Some),
        None => Ok(None),
    }
}

#[derive(Default)]
pub struct CertificateMutation;

#[Object]
impl CertificateMutation {
    /// Issues certificates for those who completed an activity, numbered in the order of its list. Whoever has a valid one
    /// keeps it, so that the same again changes nothing. Refused, for all, where somebody who is named has not completed.
    /// For ORG_ADMIN and ORGANISER.
    async fn issue_certificates(
        &self,
        ctx: &Context<'_>,
        input: IssueCertificatesInput,
    ) -> Result<IssueCertificatesPayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<IssueCertificates>(input.activity_id.0).await?;
        let note = Note::keyed(input.idempotency_key.clone(), &input);
        let mut check = Check::new(IssueCertificatesErrorCode::TooMany);
        let named = input.registration_ids.as_ref();
        if named.is_some_and(|it| it.len() > MOST_NAMED) {
            let code = IssueCertificatesErrorCode::TooMany;
            check.refuse(code.at(["registrationIds"]).about(MOST_NAMED));
        }
        let named = named.map(|all| all.iter().map(|it| it.0).collect::<Vec<_>>());
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                certificates::issue(tx, &permit, named.as_deref(), viewer.now).await
            })
            .await;
        let (done, user_errors) = settle(done, viewer.lang)?;
        let issued = done.as_ref().map(|it| it.count);
        let activity = done.map(|it| Activity::from(it.activity));
        Ok(IssueCertificatesPayload { activity, issued, user_errors })
    }

    /// Revokes a certificate: its address says so from now on, and its number is never given out again. For ORG_ADMIN and
    /// ORGANISER.
    async fn revoke_certificate(
        &self,
        ctx: &Context<'_>,
        input: RevokeCertificateInput,
    ) -> Result<RevokeCertificatePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RevokeCertificate>(input.certificate_id.0).await?;
        let mut check = Check::new(CertificateErrorCode::TooLong);
        let missing = CertificateErrorCode::ReasonMissing;
        let reason = check.required(&input.reason, 500, &["reason"], missing);
        let note = Note::default().because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                certificates::revoke(tx, &permit, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RevokeCertificatePayload { certificate: shown(viewer, row).await?, user_errors })
    }

    /// Issues a certificate anew under its number, as a further version with an address of its own: for a corrected name, or
    /// a lost paper. The address of the version before says that it was replaced. Refused where it was revoked. For ORG_ADMIN
    /// and ORGANISER.
    async fn reissue_certificate(
        &self,
        ctx: &Context<'_>,
        input: ReissueCertificateInput,
    ) -> Result<ReissueCertificatePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ReissueCertificate>(input.certificate_id.0).await?;
        let mut check = Check::new(CertificateErrorCode::TooLong);
        let missing = CertificateErrorCode::ReasonMissing;
        let reason = check.required(&input.reason, 500, &["reason"], missing);
        let nameless = CertificateErrorCode::NameMissing;
        let name = input.name.as_deref();
        let name = name.map(|name| check.required(name, 100, &["name"], nameless));
        let note = Note::keyed(input.idempotency_key.clone(), &input).because(Some(&reason));
        let done = viewer
            .write(&permit, note, async |tx| {
                check.done()?;
                certificates::reissue(tx, &permit, name, reason, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(ReissueCertificatePayload { certificate: shown(viewer, row).await?, user_errors })
    }

    /// Says how the certificates of an activity, of a series, or of an organisation and all below it are numbered and who
    /// issues them. Numbers that were given out stay. For ORG_ADMIN, and ORGANISER of the activity or the series.
    async fn set_certificate_pattern(
        &self,
        ctx: &Context<'_>,
        input: SetCertificatePatternInput,
    ) -> Result<SetCertificatePatternPayload> {
        let viewer = Viewer::of(ctx);
        let mut check = Check::new(PatternCode::TooLong);
        let pattern = input.pattern.as_deref();
        let pattern =
            pattern.map(|it| check.required(it, 100, &["pattern"], PatternCode::Required));
        if let Some((code, about)) =
            pattern.as_deref().filter(|it| !it.is_empty()).and_then(pattern::fault)
        {
            check.refuse(code.at(["pattern"]).about(about));
        }
        let issuer = check.optional(input.issuer.as_deref(), 100, &["issuer"]);
        let wanted = pattern.map(|pattern| (pattern, issuer));
        let done = match (input.activity_id, input.series_id, input.organisation_id) {
            (Some(id), None, None) => {
                let permit = viewer.gate.permit::<SetCertificatePattern>(id.0).await?;
                let work = async |tx: &_| {
                    check.done()?;
                    Ok(pattern::set(tx, Place::Activity(id.0), wanted, viewer.now).await?)
                };
                viewer.write(&permit, Note::default(), work).await
            }
            (None, Some(id), None) => {
                let permit = viewer.gate.permit::<SetSeriesCertificatePattern>(id.0).await?;
                let work = async |tx: &_| {
                    check.done()?;
                    Ok(pattern::set(tx, Place::Series(id.0), wanted, viewer.now).await?)
                };
                viewer.write(&permit, Note::default(), work).await
            }
            (None, None, Some(id)) => {
                let permit = viewer.gate.permit::<SetOrganisationCertificatePattern>(id.0).await?;
                let work = async |tx: &_| {
                    check.done()?;
                    Ok(pattern::set(tx, Place::Organisation(id.0), wanted, viewer.now).await?)
                };
                viewer.write(&permit, Note::default(), work).await
            }
            _ => {
                viewer.gate.who()?;
                Err(Error::from(PatternCode::PlaceUnclear.at(["activityId"])))
            }
        };
        let (kept, user_errors) = settle(done, viewer.lang)?;
        let certificate_pattern = kept
            .and_then(|it| it.row)
            .map(|it| CertificatePattern { pattern: it.pattern, issuer: it.issuer });
        Ok(SetCertificatePatternPayload { certificate_pattern, user_errors })
    }
}
