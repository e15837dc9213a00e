//! The SHA-256 of what comes in pieces, and how a sum is written.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256};

pub struct Sum(Context);

impl Default for Sum {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Sum {
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}

/// Bytes in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        // Writing to a text does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
