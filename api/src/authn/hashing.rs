//! Passwords as they are kept: argon2id, off the threads that serve.

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};

use crate::{app::App, error::Failure};

/// Hashes a password with argon2id, off the threads that serve.
pub async fn hash_password(app: &App, password: String) -> Result<String, Failure> {
    let _turn = app.hashing.acquire().await.map_err(Failure::internal)?;
    tokio::task::spawn_blocking(move || hash_password_now(&password))
        .await
        .map_err(Failure::internal)?
}

/// Hashes a password on this thread, for the command line.
pub fn hash_password_now(password: &str) -> Result<String, Failure> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(Failure::internal)
}

/// Whether the password is the one that was hashed. Without a hash, as long is spent on saying no.
pub async fn password_matches(
    app: &App,
    password: String,
    hash: Option<String>,
) -> Result<bool, Failure> {
    let _turn = app.hashing.acquire().await.map_err(Failure::internal)?;
    let task = move || {
        let Some(hash) = hash else {
            return hash_password_now(&password).map(|_| false);
        };
        let hash = PasswordHash::new(&hash).map_err(Failure::internal)?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    tokio::task::spawn_blocking(task).await.map_err(Failure::internal)?
}
