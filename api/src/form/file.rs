//! Files that answer a question: what they are by their bytes, and where they are found.

use chrono::{DateTime, Utc};
use entity::{
    answer, answer_file,
    id::{AccountId, QuestionId, RegistrationId, UploadId},
    question::FileType,
};
use sea_orm::{ConnectionTrait, EntityTrait};

use super::{
    check::{Given, Raw, Sent},
    sealed,
};
use crate::{
    authz::{Permit, policy::TakeAnswerFile},
    error::Failure,
    roster::upload,
    vault::Vault,
};

/// What was typed for an answer, files by their ids.
pub enum Typed {
    Nothing,
    Raw(Raw),
    Upload(UploadId),
}

/// Looks up the files that answers name. Only the sender's own are found.
pub async fn look_up(
    db: &impl ConnectionTrait,
    vault: &Vault,
    sender: Option<AccountId>,
    typed: Vec<(String, Typed)>,
    now: DateTime<Utc>,
) -> Result<Vec<Given>, Failure> {
    let mut given = Vec::with_capacity(typed.len());
    for (key, typed) in typed {
        let raw = match typed {
            Typed::Nothing => None,
            Typed::Raw(raw) => Some(raw),
            Typed::Upload(id) => Some(Raw::Upload(sent(db, vault, sender, id, now).await?)),
        };
        given.push(Given { key, raw });
    }
    Ok(given)
}

async fn sent(
    db: &impl ConnectionTrait,
    vault: &Vault,
    sender: Option<AccountId>,
    id: UploadId,
    now: DateTime<Utc>,
) -> Result<Option<Sent>, Failure> {
    let Some(sender) = sender else { return Ok(None) };
    match upload::own(db, vault, sender, id, now).await {
        Ok(row) => Ok(Some(Sent {
            upload: row.id,
            kind: sniff(&row.content),
            name: crate::text::line(&row.file_name),
            size: row.size,
        })),
        Err(Failure::NotFound) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What a file is, whatever its name says.
#[must_use]
pub fn sniff(content: &[u8]) -> Option<FileType> {
    if content.starts_with(b"%PDF-") {
        Some(FileType::Pdf)
    } else if content.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(FileType::Png)
    } else if content.starts_with(b"\xff\xd8\xff") {
        Some(FileType::Jpeg)
    } else {
        None
    }
}

/// The media type of a file as it is sent out.
#[must_use]
pub fn media(kind: FileType) -> &'static str {
    match kind {
        FileType::Pdf => "application/pdf",
        FileType::Png => "image/png",
        FileType::Jpeg => "image/jpeg",
    }
}

/// Where the file of an answer is fetched.
#[must_use]
pub fn address(registration: RegistrationId, question: QuestionId) -> String {
    use crate::graphql::Gid;
    format!("/answers/{}/{}", Gid(registration), Gid(question))
}

/// A file that answers a question of the permit's registration, with its bytes.
pub async fn take(
    db: &impl ConnectionTrait,
    vault: &Vault,
    permit: &Permit<TakeAnswerFile>,
    question: QuestionId,
) -> Result<(answer::File, Vec<u8>), Failure> {
    let id = (permit.on().id, question);
    let answer = answer::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
    let answer::Value::File(file) = answer.value else { return Err(Failure::NotFound) };
    let kept = answer_file::Entity::find_by_id(id).one(db).await?.ok_or(Failure::NotFound)?;
    Ok((file, vault.open(&sealed::file(id), kept.content)?))
}
