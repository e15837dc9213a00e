//! The keys that sign tokens: the file's, and those that followed it, which all servers on one database share.
//!
//! A new key is known to all before it signs, and to whoever keeps `/.well-known/jwks.json` for its five minutes; the one
//! before it verifies for two days more, longer than anything lasts that it signed.

use std::time::Duration;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
    hmac, rand,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    audit_event::Outcome,
    signing_key::{self, Column},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sea_orm::{ActiveValue::Set, EntityTrait, QueryOrder};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Keys;
use crate::{
    app::App,
    audit::{self, Details, Event, Origin},
    db::Db,
    error::Failure,
};

/// How long a key is known before it signs.
pub const SETTLES: TimeDelta = TimeDelta::minutes(10);
/// How long a key verifies after the next one has begun to sign.
pub const OVERLAP: TimeDelta = TimeDelta::days(2);
/// How often each server looks which keys there are.
const LOOKS: Duration = Duration::from_secs(30);

/// A key pair of Ed25519.
pub(super) struct SigningKey {
    pub kid: String,
    pub encoding: EncodingKey,
    pub decoding: DecodingKey,
    public: Vec<u8>,
}

impl SigningKey {
    pub(super) fn read(pkcs8: &[u8]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
        let public = pair.public_key().as_ref().to_vec();
        let kid = BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, &public).as_ref()[..12]);
        Some(Self {
            kid,
            encoding: EncodingKey::from_ed_der(pkcs8),
            decoding: DecodingKey::from_ed_der(&public),
            public,
        })
    }
}

/// The keys that are good at an instant, the oldest first.
pub(super) struct Ring {
    pub keys: Vec<SigningKey>,
    /// Which of them signs.
    pub signs: usize,
}

impl Ring {
    /// The key that a token names. Those of before keys had names were all signed by the first.
    pub(super) fn named(&self, kid: Option<&str>) -> Option<&SigningKey> {
        match kid {
            Some(kid) => self.keys.iter().find(|it| it.kid == kid),
            None => self.keys.first(),
        }
    }
}

/// Seals what is kept in the database by a key that is in the data directory alone.
pub(super) struct Sealer(RandomizedNonceKey);

impl Sealer {
    pub(super) fn of(pkcs8: &[u8]) -> Option<Self> {
        let by = hmac::Key::new(hmac::HMAC_SHA256, pkcs8);
        let key = hmac::sign(&by, b"qinglan sealing key 1");
        RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).ok().map(Self)
    }
}

impl Keys {
    /// Bytes as they are kept at a place, which is a part of what is sealed: elsewhere they do not open.
    pub fn seal_at(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut text = plain.to_vec();
        let nonce = self
            .sealer
            .0
            .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut text)
            .map_err(Failure::internal)?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    /// Bytes that are kept at a place.
    pub fn open_at(&self, place: &str, kept: &[u8]) -> Result<Vec<u8>, Failure> {
        let broken = || Failure::internal(format!("what is kept at {place} does not open"));
        let (nonce, text) = kept.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut text = text.to_vec();
        let aad = Aad::from(place.as_bytes());
        let length =
            self.sealer.0.open_in_place(nonce, aad, &mut text).map_err(|_| broken())?.len();
        text.truncate(length);
        Ok(text)
    }

    /// Looks which keys there are, and which of them signs now.
    pub async fn refresh(&self, db: &Db, now: DateTime<Utc>) -> Result<(), Failure> {
        let rows = signing_key::Entity::find()
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Kid)
            .all(db.read())
            .await?;
        let begins: Vec<DateTime<Utc>> = rows.iter().map(|it| it.created_at + SETTLES).collect();
        // When the key before each of them, and the last one, ceases to sign.
        let is_over = |nth: usize| begins.get(nth).is_some_and(|it| *it + OVERLAP <= now);
        let mut keys = Vec::with_capacity(rows.len() + 1);
        let mut signs = 0;
        if !is_over(0) {
            keys.push(self.first()?);
        }
        for (nth, row) in rows.iter().enumerate().filter(|(nth, _)| !is_over(nth + 1)) {
            let pkcs8 = self.open_at(&place(&row.kid), &row.sealed)?;
            let key = SigningKey::read(&pkcs8);
            keys.push(key.ok_or_else(|| Failure::internal("a signing key is none"))?);
            if begins[nth] <= now {
                signs = keys.len() - 1;
            }
        }
        self.put(Ring { keys, signs });
        Ok(())
    }

    /// The public halves, as RFC 7517 has them.
    #[must_use]
    pub fn public(&self) -> serde_json::Value {
        let ring = self.ring();
        let keys = ring.keys.iter().map(|it| {
            let x = BASE64_URL_SAFE_NO_PAD.encode(&it.public);
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": it.kid, "x": x})
        });
        json!({ "keys": keys.collect::<Vec<_>>() })
    }

    /// Makes a key that signs from ten minutes later on; its name.
    pub async fn rotate(&self, db: &Db, now: DateTime<Utc>) -> Result<String, Failure> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new());
        let pkcs8 = pkcs8.map_err(Failure::internal)?;
        let key = SigningKey::read(pkcs8.as_ref());
        let kid = key.ok_or_else(|| Failure::internal("a signing key is none"))?.kid;
        let row = signing_key::ActiveModel {
            kid: Set(kid.clone()),
            sealed: Set(self.seal_at(&place(&kid), pkcs8.as_ref())?),
            created_at: Set(now),
        };
        db.transaction(async |tx| {
            signing_key::Entity::insert(row).exec_without_returning(tx).await?;
            let origin = Origin { at: now, request_id: Uuid::now_v7(), address: None, key: None };
            let event = Event {
                actor: None,
                action: "RotateSigningKey",
                subject: ("signingKey", None),
                result: None,
                outcome: Outcome::Done,
                reason: None,
                details: Details::default(),
            };
            audit::leave(tx, db.seal(), &origin, event).await
        })
        .await?;
        Ok(kid)
    }

    /// Makes a new key where the newest has signed for so long.
    pub async fn rotate_if_old(
        &self,
        db: &Db,
        age: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let newest = signing_key::Entity::find().order_by_desc(Column::CreatedAt);
        if newest.one(db.read()).await?.is_none_or(|it| it.created_at + age <= now) {
            self.rotate(db, now).await?;
        }
        Ok(())
    }
}

fn place(kid: &str) -> String {
    format!("signing_key {kid}")
}

/// Keeps up with the keys until it is told to stop.
pub async fn keep_up(app: std::sync::Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOKS) => {}
        }
        if let Err(failure) = app.keys.refresh(&app.db, app.now()).await {
            tracing::error!("the signing keys could not be read: {failure:?}");
        }
    }
}
