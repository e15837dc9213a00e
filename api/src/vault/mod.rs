//! What is kept sealed: ID numbers, and the files that are full of them.
//!
//! AES-256-GCM, by the newest key of a [`Ring`]. What is sealed says by which key, and opens only where it was kept: the
//! table, the column and the row are its associated data. Beside an ID number stands its mark, an HMAC-SHA256 by a key of
//! its own, by which an equal one is found without opening any.

mod reseal;
mod ring;

use std::{
    fmt::{self, Display},
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::{
    aead::{Aad, NONCE_LEN, Nonce},
    hmac,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};

pub use self::{
    reseal::{Unfit, check_keys, drop_key, reseal, seal_once},
    ring::{KEY_ID, Ring},
};
use crate::{error::Failure, mask};

/// What stands before a text that is sealed. No ID number has a colon.
const TEXT: &str = "sealed:";
/// What stands before bytes that are sealed. No list or picture begins so.
const BYTES: &[u8] = b"\0sealed:";

/// Where something is kept.
pub struct Place(String);

impl Place {
    /// `column` with its table, as in `person.id_no`.
    pub fn of(column: &'static str, row: impl Display) -> Self {
        Self(format!("{column} {row}"))
    }

    fn aad(&self) -> Aad<&[u8]> {
        Aad::from(self.0.as_bytes())
    }
}

/// Seals and opens by the keys of a file.
pub struct Vault {
    path: PathBuf,
    ring: RwLock<Arc<Ring>>,
}

impl Vault {
    /// Reads the keys, and makes them where there are none yet. Only their owner may read the file.
    pub fn load(path: &Path) -> io::Result<Arc<Self>> {
        let ring = RwLock::new(Arc::new(Ring::load(path)?));
        Ok(Arc::new(Self { path: path.to_owned(), ring }))
    }

    #[must_use]
    pub fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys, where this one is among them. A key that came meanwhile is in the file.
    fn ring_with(&self, key: &str) -> Result<Arc<Ring>, Failure> {
        let ring = self.ring();
        if ring.has(key) {
            return Ok(ring);
        }
        let read = Ring::read(&self.path).map_err(Failure::internal)?;
        if !read.has(key) {
            return Err(Failure::internal(format!(
                "what is kept is sealed by the key {key}, which {} does not have",
                self.path.display()
            )));
        }
        let read = Arc::new(read);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = read.clone();
        Ok(read)
    }

    /// Bytes as they are kept at a place.
    pub fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, Failure> {
        let (id, sealed) = self.sealed(place, plain)?;
        Ok([BYTES, id.as_bytes(), &sealed].concat())
    }

    /// Bytes that are kept at a place. What was kept before anything was sealed is as it was.
    pub fn open(&self, place: &Place, kept: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let Some((id, sealed)) =
            kept.strip_prefix(BYTES).and_then(|it| it.split_at_checked(KEY_ID))
        else {
            return Ok(kept);
        };
        let id = std::str::from_utf8(id).map_err(Failure::internal)?;
        self.opened(place, id, sealed)
    }

    /// A text as it is kept at a place.
    pub fn seal_text(&self, place: &Place, plain: &str) -> Result<String, Failure> {
        let (id, sealed) = self.sealed(place, plain.as_bytes())?;
        Ok(format!("{TEXT}{id}:{}", BASE64.encode(sealed)))
    }

    /// A text that is kept at a place. What was kept before anything was sealed is as it was.
    pub fn open_text(&self, place: &Place, kept: &str) -> Result<String, Failure> {
        let Some((id, sealed)) = kept.strip_prefix(TEXT).and_then(|it| it.split_once(':')) else {
            return Ok(kept.to_owned());
        };
        let sealed = BASE64.decode(sealed).map_err(Failure::internal)?;
        String::from_utf8(self.opened(place, id, &sealed)?).map_err(Failure::internal)
    }

    /// Whether a text that is kept is sealed by the newest key.
    #[must_use]
    pub fn is_fresh(&self, kept: &str) -> bool {
        let newest = self.ring();
        kept.strip_prefix(TEXT)
            .and_then(|it| it.split_once(':'))
            .is_some_and(|it| it.0 == newest.id())
    }

    /// Whether bytes that are kept are sealed by the newest key.
    #[must_use]
    pub fn is_fresh_bytes(&self, kept: &[u8]) -> bool {
        let id = kept.strip_prefix(BYTES).and_then(|it| it.get(..KEY_ID));
        id == Some(self.ring().id().as_bytes())
    }

    fn sealed(&self, place: &Place, plain: &[u8]) -> Result<(String, Vec<u8>), Failure> {
        let ring = self.ring();
        let mut text = plain.to_vec();
        let nonce = ring
            .newest()
            .and_then(|it| it.seal_in_place_append_tag(place.aad(), &mut text).ok())
            .ok_or_else(|| Failure::internal("what is to be kept could not be sealed"))?;
        Ok((ring.id().to_owned(), [nonce.as_ref().as_slice(), &text].concat()))
    }

    fn opened(&self, place: &Place, id: &str, sealed: &[u8]) -> Result<Vec<u8>, Failure> {
        let broken = || Failure::internal(format!("what is kept at {} does not open", place.0));
        let ring = self.ring_with(id)?;
        let key = ring.key(id).ok_or_else(broken)?;
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut text = text.to_vec();
        let length = key.open_in_place(nonce, place.aad(), &mut text).map_err(|_| broken())?.len();
        text.truncate(length);
        Ok(text)
    }

    /// An ID number with its mark, to be compared and kept.
    #[must_use]
    pub fn id_number(self: &Arc<Self>, number: String) -> IdNumber {
        let mark = self.mark(&number);
        IdNumber { number, mark, vault: self.clone() }
    }

    /// What equal ID numbers have in common, and nobody can tell them by who has not the key.
    #[must_use]
    pub fn mark(&self, number: &str) -> Vec<u8> {
        hmac::sign(self.ring().index(), number.as_bytes()).as_ref().to_vec()
    }
}

/// An ID number while it is worked with. It is shown to nobody: where it is to be kept it is sealed.
#[derive(Clone)]
pub struct IdNumber {
    number: String,
    mark: Vec<u8>,
    vault: Arc<Vault>,
}

impl IdNumber {
    #[must_use]
    pub fn mark(&self) -> &[u8] {
        &self.mark
    }

    /// As it is kept at a place.
    pub fn sealed(&self, place: &Place) -> Result<String, Failure> {
        self.vault.seal_text(place, &self.number)
    }
}

impl PartialEq for IdNumber {
    fn eq(&self, other: &Self) -> bool {
        self.mark == other.mark
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask::id_number(&self.number))
    }
}
