//! What certificates say, to whoever prints them and to whoever verifies them.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use entity::{
    certificate, certificate_face,
    id::{ActivityId, CertificateId, RegistrationId},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;

use super::of_activity;
use crate::{
    db::{CHUNK, within},
    error::Failure,
    person::name::Namer,
};

/// What a certificate says in the version that holds.
pub async fn face_of(
    db: &impl ConnectionTrait,
    it: &certificate::Model,
) -> Result<certificate_face::Model, Failure> {
    let found = certificate_face::Entity::find_by_id((it.id, it.version)).one(db).await?;
    found.ok_or_else(|| Failure::internal("a certificate without a face"))
}

/// All versions of some certificates, in their order.
pub async fn versions(
    db: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = CertificateId>,
) -> Result<HashMap<CertificateId, Vec<certificate_face::Model>>, Failure> {
    use certificate_face::Column;
    let rows = certificate_face::Entity::find()
        .filter(within((certificate_face::Entity, Column::CertificateId), ids))
        .order_by_asc(Column::Version)
        .all(db)
        .await?;
    let mut found: HashMap<CertificateId, Vec<certificate_face::Model>> = HashMap::new();
    for it in rows {
        found.entry(it.certificate_id).or_default().push(it);
    }
    Ok(found)
}

/// All that is printed on a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    pub id: CertificateId,
    pub number: String,
    pub version: i32,
    pub name: String,
    /// The class.
    pub title: String,
    pub run: Option<i32>,
    pub starts_on: Option<NaiveDate>,
    pub ends_on: Option<NaiveDate>,
    /// Hundredths of a credit hour.
    pub centihours: i32,
    pub issuer: String,
    pub issued_on: NaiveDate,
    /// What its QR code holds.
    pub verify_url: String,
}

/// What is printed on the valid certificates of an activity, in the order of their numbers; on those of some registrations
/// where such are named. `public_url` is where this server is found.
pub async fn faces(
    db: &impl ConnectionTrait,
    activity: ActivityId,
    named: Option<&HashSet<RegistrationId>>,
    public_url: &str,
) -> Result<Vec<Face>, Failure> {
    let mut rows = of_activity(db, activity).await?;
    rows.retain(|it| it.revoked_at.is_none());
    rows.retain(|it| named.is_none_or(|named| named.contains(&it.registration_id)));
    let mut faces = Vec::with_capacity(rows.len());
    for chunk in rows.chunks(CHUNK) {
        let mut versions = versions(db, chunk.iter().map(|it| it.id)).await?;
        for it in chunk {
            let said = versions.remove(&it.id).and_then(|mut all| all.pop());
            let said = said.ok_or_else(|| Failure::internal("a certificate without a face"))?;
            faces.push(Face {
                id: it.id,
                number: it.number.clone(),
                version: it.version,
                name: said.name,
                title: said.title,
                run: said.run,
                starts_on: said.starts_on,
                ends_on: said.ends_on,
                centihours: said.centihours,
                issuer: said.issuer,
                issued_on: said.issued_on,
                verify_url: verify_url(public_url, &said.token),
            });
        }
    }
    Ok(faces)
}

/// Where a version of a certificate is verified.
#[must_use]
pub fn verify_url(public_url: &str, token: &str) -> String {
    format!("{public_url}/certificates/{token}")
}

/// Whether what somebody holds in hand is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Validity {
    Valid,
    /// By a later version under the same number.
    Replaced,
    Revoked,
}

/// How a version of a certificate stands.
#[must_use]
pub fn validity(it: &certificate::Model, version: i32) -> Validity {
    match it.revoked_at {
        Some(_) => Validity::Revoked,
        None if version == it.version => Validity::Valid,
        None => Validity::Replaced,
    }
}

/// All that anybody learns of a certificate by its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Public {
    pub number: String,
    pub masked_name: String,
    pub class_title: String,
    pub issued_on: NaiveDate,
    pub status: Validity,
}

/// The certificate at a public address, for everybody.
pub async fn public(
    db: &impl ConnectionTrait,
    namer: &Namer,
    token: &str,
) -> Result<Option<Public>, Failure> {
    if token.len() > 64 {
        return Ok(None);
    }
    let face = certificate_face::Entity::find()
        .filter(certificate_face::Column::Token.eq(token))
        .one(db)
        .await?;
    let Some(face) = face else { return Ok(None) };
    let found = certificate::Entity::find_by_id(face.certificate_id).one(db).await?;
    let it = found.ok_or_else(|| Failure::internal("a face without its certificate"))?;
    Ok(Some(Public {
        status: validity(&it, face.version),
        number: it.number,
        masked_name: namer.masked(&face.name),
        class_title: face.title,
        issued_on: face.issued_on,
    }))
}
