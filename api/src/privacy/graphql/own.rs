//! What people get of their own data.

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::{id::PersonId, person};

use crate::{
    graphql::{Gid, Viewer},
    privacy::own,
};

/// A file of somebody's own data.
#[derive(SimpleObject)]
pub struct OwnDataFile {
    /// What to call it.
    file_name: String,
    /// JSON: table by table all rows that are about the person or their registrations.
    content: String,
    /// Of the content, in hexadecimal.
    sha256: String,
}

pub struct MyPerson(pub person::Model);

/// Somebody with the phone that was proven. Two people may share one.
#[Object]
impl MyPerson {
    /// Opaque; unique among all things.
    async fn id(&self) -> Gid<PersonId> {
        Gid(self.0.id)
    }

    /// As it is on record.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// All that is on record of them.
    #[graphql(complexity = "500")]
    async fn data(&self, ctx: &Context<'_>) -> Result<OwnDataFile> {
        let viewer = Viewer::of(ctx);
        let made = own::collect(viewer.db.read(), &viewer.app.vault, &self.0, viewer.now).await?;
        let own::OwnData { file_name, content, sha256 } = made;
        Ok(OwnDataFile { file_name, content, sha256: crate::digest::hex(&sha256) })
    }
}
