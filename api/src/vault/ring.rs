//! The keys, and their file.
//!
//! A line each: `index` and `key`, their ids, and 32 bytes in base64. The last `key` seals, all of them open. An id is
//! told by its key, so that it cannot be another's.

use std::{fmt::Write as _, fs, io, path::Path};

use aws_lc_rs::{
    aead::{AES_256_GCM, RandomizedNonceKey},
    hmac, rand,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::secret_file;

/// Characters of the id of a key.
pub const KEY_ID: usize = 8;
const BYTES: usize = 32;
const HEAD: &str = "# The keys by which Qinglan seals ID numbers. Whoever has this file can read them, and without it nobody can:\n\
                    # keep a copy apart from the database. All servers on one database have the same file.\n";

/// The keys of a service.
pub struct Ring {
    index: (String, hmac::Key),
    /// At least one; the last is the newest.
    keys: Vec<(String, RandomizedNonceKey)>,
}

impl Ring {
    /// Reads the keys, and makes them where there are none yet.
    pub fn load(path: &Path) -> io::Result<Self> {
        secret_file::read_or_make(path, || {
            Ok(format!("{HEAD}{}{}", line("index")?, line("key")?).into_bytes())
        })?;
        Self::read(path)
    }

    /// Reads the keys that are there.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        Self::parse(&text)
            .ok_or_else(|| io::Error::other(format!("{}: not a file of data keys", path.display())))
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut index, mut keys) = (None, Vec::new());
        for line in text.lines().filter(|it| !it.starts_with('#') && !it.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let (kind, named, key) = (words.next()?, words.next()?, words.next()?);
            let key = BASE64_STANDARD.decode(key).ok().filter(|it| it.len() == BYTES)?;
            let id = id_of(&key);
            if id != named || words.next().is_some() {
                return None;
            }
            match kind {
                "index" if index.is_none() => {
                    index = Some((id, hmac::Key::new(hmac::HMAC_SHA256, &key)));
                }
                "key" => keys.push((id, RandomizedNonceKey::new(&AES_256_GCM, &key).ok()?)),
                _ => return None,
            }
        }
        keys.last()?;
        Some(Self { index: index?, keys })
    }

    /// Adds a key, which seals from now on; its id.
    pub fn rotate(path: &Path) -> io::Result<String> {
        Self::read(path)?;
        let text = fs::read_to_string(path)?;
        let added = line("key")?;
        let text = format!("{}\n{added}", text.trim_end());
        secret_file::replace(path, text.as_bytes())?;
        Ok(Self::read(path)?.id().to_owned())
    }

    /// Takes a key out of the file, unless it is the one that seals. Whether it was there.
    pub fn remove(path: &Path, id: &str) -> io::Result<bool> {
        let ring = Self::read(path)?;
        if ring.id() == id || !ring.has(id) {
            return Ok(false);
        }
        let text = fs::read_to_string(path)?;
        let is_kept = |it: &&str| !it.starts_with(&format!("key {id} "));
        let left: String = text.lines().filter(is_kept).fold(String::new(), |mut out, it| {
            out.push_str(it);
            out.push('\n');
            out
        });
        secret_file::replace(path, left.as_bytes())?;
        Ok(true)
    }

    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|it| it.0 == id)
    }

    /// All ids, the index's before those of the keys.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.index.0.as_str()).chain(self.keys.iter().map(|it| it.0.as_str()))
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn id(&self) -> &str {
        self.keys.last().map_or("", |it| it.0.as_str())
    }

    pub(super) fn newest(&self) -> Option<&RandomizedNonceKey> {
        self.keys.last().map(|it| &it.1)
    }

    pub(super) fn key(&self, id: &str) -> Option<&RandomizedNonceKey> {
        self.keys.iter().find(|it| it.0 == id).map(|it| &it.1)
    }

    pub(super) fn index(&self) -> &hmac::Key {
        &self.index.1
    }
}

/// A line with a new key.
fn line(kind: &str) -> io::Result<String> {
    let mut key = [0; BYTES];
    rand::fill(&mut key).map_err(|_| io::Error::other("no random bytes"))?;
    Ok(format!("{kind} {} {}\n", id_of(&key), BASE64_STANDARD.encode(key)))
}

fn id_of(key: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"id");
    tag.as_ref().iter().take(KEY_ID / 2).fold(String::new(), |mut out, byte| {
        // Writing to a text does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
