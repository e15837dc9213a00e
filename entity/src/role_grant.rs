//! A role given to an account over one scope, until a time.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ActivityId, GrantId, OrganisationId, ProgrammeId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
#[sea_orm(table_name = "role_grant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GrantId,
    pub account_id: AccountId,
    pub role: Role,
    /// Exactly one of the three scopes is set; the database sees to it.
    pub organisation_id: Option<OrganisationId>,
    pub programme_id: Option<ProgrammeId>,
    pub activity_id: Option<ActivityId>,
    pub expires_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub created_by: Option<AccountId>,
    pub revoked_at: Option<DateTimeUtc>,
    /// Why it was given; none of grants from before that was asked, and of the command line's.
    pub reason: Option<String>,
    /// From when it holds, where not from the beginning.
    pub starts_at: Option<DateTimeUtc>,
    /// The grant by which somebody else lets the account act for a while.
    pub delegates_id: Option<GrantId>,
    pub revoked_by: Option<AccountId>,
    pub revoke_reason: Option<String>,
}

/// What a grant allows; the policy table says to what.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// 系统管理员
    PlatformAdmin,
    /// 安全管理员
    SecurityAdmin,
    /// 审计员
    Auditor,
    /// 组织管理员
    OrgAdmin,
    /// 主办
    Organiser,
    /// 联络员
    Liaison,
    /// 签到员
    DoorStaff,
    /// 查看
    Viewer,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::organisation::Entity",
        from = "Column::OrganisationId",
        to = "super::organisation::Column::Id"
    )]
    Organisation,
}

impl ActiveModelBehavior for ActiveModel {}
