//! `qinglan key …`: looks after the keys that sign tokens, and those by which ID numbers and files are sealed.

use std::{error::Error, path::Path};

use api::{
    authn::Keys,
    db::Db,
    vault::{self, Ring, Vault},
};
use chrono::{DateTime, Utc};

#[derive(clap::Subcommand)]
pub(crate) enum Key {
    /// Make a new key that signs tokens, from ten minutes later on. What older keys signed stays good for as long as it says.
    RotateSigning,
    /// Add a key, by which everything is sealed from now on. What older keys sealed still opens.
    Rotate,
    /// Seal by the newest key what older ones sealed. Servers may go on meanwhile.
    Reseal,
    /// Take an older key out of the file. Fails while anything is sealed by it.
    Drop {
        /// The id of the key.
        id: String,
    },
}

/// Adds a key to the file.
pub(crate) fn rotate(path: &Path) -> Result<(), Box<dyn Error>> {
    let id = Ring::rotate(path).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} seals by the key {id} from now on.", path.display());
    println!("Copy the file to all servers, restart them, and run `qinglan key reseal`.");
    Ok(())
}

/// Makes another key that signs tokens.
pub(crate) async fn rotate_signing(
    keys: &Keys,
    db: Db,
    now: DateTime<Utc>,
) -> Result<(), Box<dyn Error>> {
    let kid = keys.rotate(&db, now).await?;
    db.close().await;
    println!("the key {kid} signs tokens from ten minutes on");
    Ok(())
}

/// Does what needs the database and the keys that seal.
pub(crate) async fn run(
    key: Key,
    path: &Path,
    db: Db,
    now: DateTime<Utc>,
) -> Result<(), Box<dyn Error>> {
    let vault = Vault::load(path)?;
    vault::check_keys(&db, &vault, now).await?;
    if let Key::Drop { id } = key {
        vault::drop_key(&db, &vault, &id).await?;
        println!("the key {id} is gone; copy the file to all servers");
    } else {
        let done = vault::reseal(&db, &vault).await?;
        println!("{done} were sealed anew by the key {}", vault.ring().id());
    }
    db.close().await;
    Ok(())
}
