//! Certificates as GraphQL shows them.

mod mutation;

use std::collections::HashMap;

use async_graphql::{
    Context, Enum, Lookahead, Object, Result, SimpleObject, connection::Connection,
};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    activity, certificate, certificate_face,
    id::{ActivityId, CertificateId, RegistrationId},
    registration,
};

pub use self::mutation::*;
use super::{
    face::{self, Validity, validity, verify_url},
    pattern,
};
use crate::{
    authz::policy::{ListCertificates, ViewCertificate},
    credit::graphql::show,
    error::Failure,
    graphql::{Gid, Viewer},
    page::Slice,
    registration::graphql::{Registration, of_attendances},
};

/// Whether what somebody holds in hand is valid.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Validity")]
pub enum CertificateStatus {
    /// It is.
    Valid,
    /// It was issued anew under the same number, and this is an earlier version.
    Replaced,
    /// It was revoked.
    Revoked,
}

/// A certificate with all of its versions.
#[derive(Clone)]
pub struct Certificate {
    row: certificate::Model,
    versions: Vec<certificate_face::Model>,
    /// What a list fetched ahead.
    registration: Option<Registration>,
}

impl Certificate {
    /// Some certificates, with one statement.
    pub async fn all(viewer: &Viewer, rows: Vec<certificate::Model>) -> Result<Vec<Self>, Failure> {
        let ids = rows.iter().map(|it| it.id);
        let mut versions = face::versions(viewer.db.read(), ids).await?;
        let with = |row: certificate::Model| {
            let versions = versions.remove(&row.id).unwrap_or_default();
            Self { row, versions, registration: None }
        };
        Ok(rows.into_iter().map(with).collect())
    }

    pub async fn one(viewer: &Viewer, row: certificate::Model) -> Result<Self, Failure> {
        let found = Self::all(viewer, vec![row]).await?.pop();
        found.ok_or_else(|| Failure::internal("no certificate"))
    }

    /// The certificate of each of some registrations that has one, with two statements.
    pub async fn of_registrations(
        viewer: &Viewer,
        ids: impl IntoIterator<Item = RegistrationId>,
    ) -> Result<HashMap<RegistrationId, Self>, Failure> {
        let rows = super::of_registrations(viewer.db.read(), ids).await?;
        let all = Self::all(viewer, rows.into_values().collect()).await?;
        Ok(all.into_iter().map(|it| (it.row.registration_id, it)).collect())
    }

    /// The certificate of a registration, for those to whom that is open.
    pub async fn of_registration(
        ctx: &Context<'_>,
        row: &registration::Model,
        is_open: bool,
    ) -> Result<Option<Self>> {
        if !is_open {
            return Ok(None);
        }
        let found = Self::of_registrations(Viewer::of(ctx), [row.id]).await?;
        Ok(found.into_values().next())
    }

    fn face(&self) -> Result<&certificate_face::Model, Failure> {
        self.versions.last().ok_or_else(|| Failure::internal("a certificate without a face"))
    }
}

/// A certificate (结业证书) under a number that is never given out again. What it says is of its last version.
#[Object]
impl Certificate {
    /// Opaque; unique among all things.
    pub async fn id(&self) -> Gid<CertificateId> {
        Gid(self.row.id)
    }

    /// Its number (证书编号).
    async fn number(&self) -> &str {
        &self.row.number
    }

    /// VALID or REVOKED.
    async fn status(&self) -> CertificateStatus {
        validity(&self.row, self.row.version).into()
    }

    /// Which version holds, from 1.
    async fn version(&self) -> i32 {
        self.row.version
    }

    /// The name on it.
    async fn name(&self) -> Result<&str> {
        Ok(&self.face()?.name)
    }

    /// The class, by its title then.
    async fn class_title(&self) -> Result<&str> {
        Ok(&self.face()?.title)
    }

    /// The number of the class's run (第N期), if it is one of a series.
    async fn run(&self) -> Result<Option<i32>> {
        Ok(self.face()?.run)
    }

    /// Who issues it.
    async fn issuer(&self) -> Result<&str> {
        Ok(&self.face()?.issuer)
    }

    /// The first day of the class.
    async fn starts_on(&self) -> Result<Option<NaiveDate>> {
        Ok(self.face()?.starts_on)
    }

    /// The last day of the class.
    async fn ends_on(&self) -> Result<Option<NaiveDate>> {
        Ok(self.face()?.ends_on)
    }

    /// The credit hours on it.
    async fn hours(&self) -> Result<String> {
        Ok(show(self.face()?.centihours))
    }

    /// The day on which this version was issued.
    async fn issued_on(&self) -> Result<NaiveDate> {
        Ok(self.face()?.issued_on)
    }

    /// When its number was given out.
    async fn issued_at(&self) -> DateTime<Utc> {
        self.row.issued_at
    }

    /// When it was revoked, if it was.
    async fn revoked_at(&self) -> Option<DateTime<Utc>> {
        self.row.revoked_at
    }

    /// Why it was revoked.
    async fn revoke_reason(&self) -> Option<&str> {
        self.row.revoke_reason.as_deref()
    }

    /// Where anybody verifies it: what its QR code holds.
    async fn verify_url(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(verify_url(&Viewer::of(ctx).app.config.public_url, &self.face()?.token))
    }

    /// All versions, in their order.
    async fn versions(&self) -> Vec<CertificateVersion> {
        let version = |it: &certificate_face::Model| CertificateVersion {
            version: it.version,
            name: it.name.clone(),
            issued_on: it.issued_on,
            reason: it.reason.clone(),
        };
        self.versions.iter().map(version).collect()
    }

    /// Whose.
    async fn registration(&self, ctx: &Context<'_>) -> Result<Registration> {
        match &self.registration {
            Some(it) => Ok(it.clone()),
            None => {
                Ok(Registration::new(Viewer::of(ctx).row(self.row.registration_id).await?, false))
            }
        }
    }
}

/// One version of a certificate.
#[derive(SimpleObject)]
pub struct CertificateVersion {
    /// Which, from 1.
    version: i32,
    /// The name on it.
    name: String,
    /// The day on which it was issued.
    issued_on: NaiveDate,
    /// Why there is a version after the first.
    reason: Option<String>,
}

/// A certificate as whoever holds it sees it.
#[derive(SimpleObject)]
pub struct MyCertificate {
    /// Its number.
    number: String,
    /// VALID or REVOKED.
    status: CertificateStatus,
    /// The name on it.
    name: String,
    /// The class, by its title then.
    class_title: String,
    /// The credit hours on it.
    hours: String,
    /// The day on which it was issued.
    issued_on: NaiveDate,
    /// Where anybody verifies it, to be passed on.
    verify_url: String,
}

/// The certificate of somebody's own registration.
pub async fn mine(
    viewer: &Viewer,
    registration: &registration::Model,
) -> Result<Option<MyCertificate>, Failure> {
    let found = super::of_registrations(viewer.db.read(), [registration.id]).await?;
    let Some(row) = found.into_values().next() else { return Ok(None) };
    let said = face::face_of(viewer.db.read(), &row).await?;
    Ok(Some(MyCertificate {
        status: validity(&row, row.version).into(),
        number: row.number,
        verify_url: verify_url(&viewer.app.config.public_url, &said.token),
        hours: show(said.centihours),
        name: said.name,
        class_title: said.title,
        issued_on: said.issued_on,
    }))
}

/// What anybody learns of a certificate by the token of its address.
#[derive(SimpleObject)]
pub struct PublicCertificate {
    /// Its number.
    number: String,
    /// The surname, and a star for each further character: `张**`.
    masked_name: String,
    /// The class.
    class_title: String,
    /// The day on which it was issued.
    issued_on: NaiveDate,
    /// Whether it is valid.
    status: CertificateStatus,
}

/// How an activity's certificates are numbered and who issues them.
#[derive(SimpleObject)]
pub struct CertificatePattern {
    /// With `{year}` (of the day of issue), `{run}` (第N期) and `{seq}`; `{seq:3}` has at least three digits. Numbers that
    /// differ only in `{seq}` are counted together from 1, without gaps.
    pattern: String,
    /// The issuer as it is printed; null where it is the host.
    issuer: Option<String>,
}

/// The pattern that an activity goes by.
pub async fn pattern_of(
    ctx: &Context<'_>,
    activity: &activity::Model,
) -> Result<CertificatePattern> {
    let found = pattern::nearest(Viewer::of(ctx).db.read(), activity).await?;
    Ok(CertificatePattern { pattern: found.pattern, issuer: Some(found.issuer) })
}

#[derive(Default)]
pub struct CertificateQuery;

#[Object]
impl CertificateQuery {
    /// The certificates of an activity, revoked ones too, in the order in which they were issued. For ORG_ADMIN and
    /// ORGANISER.
    #[graphql(complexity = "crate::schema::list_cost(first, last, child_complexity)")]
    async fn certificates(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        #[graphql(desc = "Of which activity.")] activity_id: Gid<ActivityId>,
    ) -> Result<Connection<String, Certificate>> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<ListCertificates>(activity_id.0).await?;
        let slice = Slice::parse(first, after.as_deref(), last, before.as_deref())?;
        let mut page = super::list(viewer.db.read(), &permit, slice).await?;
        let mut all = Certificate::all(viewer, std::mem::take(&mut page.rows)).await?;
        let here = ctx.look_ahead();
        let ahead = [here.field("edges").field("node"), here.field("nodes")]
            .map(|it| it.field("registration"));
        if ahead.iter().any(Lookahead::exists) {
            let ids = all.iter().map(|it| it.row.registration_id).collect();
            let found = of_attendances(viewer, ids, &ahead).await?;
            for it in &mut all {
                it.registration = found.get(&it.row.registration_id).cloned();
            }
        }
        Ok(page.with(all.into_iter().map(|it| (it.row.id, it))))
    }

    /// One certificate in the viewer's scope. For ORG_ADMIN and ORGANISER.
    async fn certificate(
        &self,
        ctx: &Context<'_>,
        id: Gid<CertificateId>,
    ) -> Result<Option<Certificate>> {
        let viewer = Viewer::of(ctx);
        let row = viewer.gate.permit::<ViewCertificate>(id.0).await?.into_row();
        Ok(Some(Certificate::one(viewer, row).await?))
    }

    /// The certificate whose address has this token. For everybody, without signing in; null for all others alike.
    async fn public_certificate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What stands behind `/certificates/` in the address.")] token: String,
    ) -> Result<Option<PublicCertificate>> {
        let viewer = Viewer::of(ctx);
        let found = face::public(viewer.db.read(), &viewer.app.namer, &token).await?;
        Ok(found.map(|it| PublicCertificate {
            number: it.number,
            masked_name: it.masked_name,
            class_title: it.class_title,
            issued_on: it.issued_on,
            status: it.status.into(),
        }))
    }
}
