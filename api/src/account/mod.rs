//! What signs in, and what it may: accounts, sign-ins, grants.

pub mod grant;
pub mod graphql;
pub mod sign_in;
pub mod stale;

use chrono::{DateTime, Utc};
use entity::{
    account::{self, Column},
    id::{AccountId, OrganisationId, PersonId},
    organisation, sign_in as sign_in_row,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Query},
};

use crate::{
    authz::{
        Permit, Reach, Scope,
        policy::{CreateAccount, DisableAccount, EnableAccount, ResetPassword, ViewAccount},
    },
    db::{begins_with, is_duplicate},
    error::{Error, Failure, Refusal},
    page::{Page, Slice},
    refusals,
};

refusals! {
    /// Why an account was not made or changed.
    AccountErrorCode, AccountUserError {
        /// The username is not 3 to 50 letters, digits, dots, dashes or underscores.
        UsernameInvalid = "用户名须为3至50个字母、数字、点、横线或下划线", "a username is 3 to 50 letters, digits, dots, dashes or underscores";
        /// Another account has this username.
        UsernameTaken = "用户名已被使用", "the username is taken";
        /// The password is shorter than 8 or longer than 200 characters.
        PasswordLength = "密码须为8至200个字符", "a password is 8 to 200 characters";
        /// One cannot do this to oneself.
        OwnAccount = "不能对自己的账号执行此操作", "not to one's own account";
        /// The account may do what one could not grant oneself.
        AboveOwn = "此账号的权限高于自身", "the account may do more than one could grant";
        /// It is not said why.
        ReasonMissing = "请说明理由", "say why";
        /// A text is too long.
        TextTooLong = "最多{}个字符", "at most {} characters";
        /// The old password is wrong.
        PasswordWrong = "原密码不正确", "the old password is wrong";
    }
}

/// A username as it is kept, if it may be one.
#[must_use]
pub fn clean_username(typed: &str) -> Option<String> {
    let name = typed.trim().to_ascii_lowercase();
    let fits = (3..=50).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    fits.then_some(name)
}

/// What is wrong with a password.
#[must_use]
pub fn password_fault(password: &str) -> Option<AccountErrorCode> {
    (!(8..=200).contains(&password.chars().count())).then_some(AccountErrorCode::PasswordLength)
}

/// Keeps a new account.
pub async fn insert(
    tx: &impl ConnectionTrait,
    username: String,
    password_hash: String,
    home: OrganisationId,
    person: Option<PersonId>,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    let row = account::ActiveModel {
        id: Set(AccountId::generate()),
        username: Set(username),
        password_hash: Set(password_hash),
        person_id: Set(person),
        home_id: Set(home),
        created_at: Set(now),
        disabled_at: Set(None),
        enabled_at: Set(None),
    };
    row.insert(tx).await.map_err(|error| {
        if is_duplicate(&error) {
            AccountErrorCode::UsernameTaken.at(["username"]).into()
        } else {
            error.into()
        }
    })
}

/// Makes an account that the permit's organisation looks after. It may do nothing until something is granted to it.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateAccount>,
    username: String,
    password_hash: String,
    person: Option<PersonId>,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    insert(tx, username, password_hash, permit.on().id, person, now).await
}

/// Takes an account out of use: its tokens are dead at once.
pub async fn disable(
    tx: &DatabaseTransaction,
    permit: &Permit<DisableAccount>,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    if permit.on().id == permit.actor() {
        return Err(AccountErrorCode::OwnAccount.at(["accountId"]).into());
    }
    end_sign_ins(tx, permit.on().id, now).await?;
    let mut row: account::ActiveModel = permit.on().clone().into();
    row.disabled_at = Set(permit.on().disabled_at.or(Some(now)));
    Ok(row.update(tx).await?)
}

/// Takes an account into use again that was out of use. It signs in as before.
pub async fn enable(
    tx: &DatabaseTransaction,
    permit: &Permit<EnableAccount>,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    let mut row: account::ActiveModel = permit.on().clone().into();
    row.disabled_at = Set(None);
    row.enabled_at = Set(Some(now));
    Ok(row.update(tx).await?)
}

/// Gives an account a new password and ends its sign-ins.
pub async fn reset_password(
    tx: &DatabaseTransaction,
    permit: &Permit<ResetPassword>,
    password_hash: String,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    set_password(tx, permit.on(), password_hash, now).await
}

/// The same without asking for a permit, for the command line and for one's own account.
pub async fn set_password(
    tx: &impl ConnectionTrait,
    account: &account::Model,
    password_hash: String,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    end_sign_ins(tx, account.id, now).await?;
    let mut row: account::ActiveModel = account.clone().into();
    row.password_hash = Set(password_hash);
    Ok(row.update(tx).await?)
}

pub(super) async fn end_sign_ins(
    tx: &impl ConnectionTrait,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    sign_in_row::Entity::update_many()
        .col_expr(sign_in_row::Column::EndedAt, Expr::value(now))
        .filter(sign_in_row::Column::AccountId.eq(account))
        .filter(sign_in_row::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// The account of a username.
pub async fn named(
    db: &impl ConnectionTrait,
    username: &str,
) -> Result<Option<account::Model>, Failure> {
    Ok(account::Entity::find().filter(Column::Username.eq(username)).one(db).await?)
}

/// Whether there is any account at all.
pub async fn any(db: &impl ConnectionTrait) -> Result<bool, Failure> {
    Ok(account::Entity::find().one(db).await?.is_some())
}

/// What a list of accounts is narrowed to.
#[derive(Default)]
pub struct Filter {
    pub is_disabled: Option<bool>,
    /// Those that nobody used since.
    pub unused_since: Option<DateTime<Utc>>,
}

/// The accounts that organisations in reach look after, in the order in which they were made.
pub async fn list(
    db: &impl ConnectionTrait,
    reach: &Reach<ViewAccount>,
    filter: Filter,
    slice: Slice<AccountId>,
) -> Result<Page<account::Model>, Failure> {
    let scope = reach.condition(|_, scope| match scope {
        Scope::Organisation(_, path) => Column::HomeId.in_subquery(
            Query::select()
                .column(organisation::Column::Id)
                .from(organisation::Entity)
                .and_where(begins_with((organisation::Entity, organisation::Column::Path), path))
                .to_owned(),
        ),
        Scope::Programme(_) | Scope::Activity(_) => Column::Id.is_null(),
    });
    let mut all = Condition::all().add(scope);
    if let Some(is_disabled) = filter.is_disabled {
        let null = Column::DisabledAt.is_null();
        all = all.add(if is_disabled { null.not() } else { null });
    }
    if let Some(since) = filter.unused_since {
        all = all.add(stale::unused_since(since));
    }
    slice.of(account::Entity::find().filter(all).cursor_by(Column::Id), db).await
}
