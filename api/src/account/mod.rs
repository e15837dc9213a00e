//! What signs in, and what it may: accounts, sign-ins, grants.

pub mod api_key;
pub mod attempts;
pub mod grant;
pub mod graphql;
pub mod identity;
pub mod password;
pub mod proof;
pub mod second_factor;
pub mod sign_in;
pub mod stale;
pub mod totp;
pub mod trip;

use chrono::{DateTime, Utc};
use entity::{
    account::{self, Column},
    id::{AccountId, OrganisationId, PersonId, SignInId},
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
        policy::{CreateAccount, DisableAccount, EnableAccount, EndSignIns, ViewAccount},
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
        /// The password is shorter than 8 characters (12 for administrators, unless the service is told otherwise), or longer
        /// than 200.
        PasswordLength = "密码须为{}至200个字符", "a password is {} to 200 characters";
        /// Lower case, upper case, digits and others: there are too few of these kinds in it.
        PasswordTooPlain = "密码须包含小写字母、大写字母、数字、其他字符中的至少{}类", "a password has at least {} of lower case, upper case, digits, others";
        /// The username stands in the password.
        PasswordHoldsUsername = "密码不能包含用户名", "a password must not hold the username";
        /// The password is one of those that are tried first.
        PasswordCommon = "密码过于常见", "the password is a common one";
        /// The password is one of the account's last five.
        PasswordUsedBefore = "不能使用最近5次用过的密码", "the password is one of the last five";
        /// Wrong passwords were sent too often.
        TooManyAttempts = "尝试次数过多，请在{}秒后再试", "too many attempts; try again in {} seconds";
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
        password_hash: Set(password_hash.clone()),
        must_change: Set(false),
        person_id: Set(person),
        home_id: Set(home),
        created_at: Set(now),
        disabled_at: Set(None),
        enabled_at: Set(None),
    };
    let made = row.insert(tx).await.map_err(|error| {
        if is_duplicate(&error) {
            AccountErrorCode::UsernameTaken.at(["username"]).into()
        } else {
            Error::from(error)
        }
    })?;
    password::remember(tx, made.id, password_hash, now).await?;
    Ok(made)
}

/// Makes an account that the permit's organisation looks after. It may do nothing until something is granted to it, and
/// until its password is changed by whoever uses it.
pub async fn create(
    tx: &DatabaseTransaction,
    permit: &Permit<CreateAccount>,
    username: String,
    password_hash: String,
    person: Option<PersonId>,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    let made = insert(tx, username, password_hash, permit.on().id, person, now).await?;
    password::demand_change(tx, made.id).await?;
    Ok(account::Model { must_change: true, ..made })
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
    end_sign_ins(tx, permit.on().id, None, now).await?;
    api_key::revoke_all(tx, permit.on().id, now).await?;
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

/// Ends all sign-ins of the permit's account, and its API keys.
pub async fn end_all(
    tx: &DatabaseTransaction,
    permit: &Permit<EndSignIns>,
    now: DateTime<Utc>,
) -> Result<account::Model, Error<AccountErrorCode>> {
    end_sign_ins(tx, permit.on().id, None, now).await?;
    api_key::revoke_all(tx, permit.on().id, now).await?;
    Ok(permit.on().clone())
}

/// Ends the sign-ins of an account, but for one; how many there were.
pub async fn end_sign_ins(
    tx: &impl ConnectionTrait,
    account: AccountId,
    but: Option<SignInId>,
    now: DateTime<Utc>,
) -> Result<u64, Failure> {
    let ended = sign_in_row::Entity::update_many()
        .col_expr(sign_in_row::Column::EndedAt, Expr::value(now))
        .filter(sign_in_row::Column::AccountId.eq(account))
        .filter(sign_in_row::Column::EndedAt.is_null())
        .filter(sign_in_row::Column::ExpiresAt.gt(now))
        .filter(Condition::all().add_option(but.map(|it| sign_in_row::Column::Id.ne(it))))
        .exec(tx)
        .await?;
    Ok(ended.rows_affected)
}

/// The account of a username.
pub async fn named(
    db: &impl ConnectionTrait,
    username: &str,
) -> Result<Option<account::Model>, Failure> {
    Ok(account::Entity::find().filter(Column::Username.eq(username)).one(db).await?)
}

/// The account of a username as it was typed, unless it is out of use.
pub async fn in_use(
    db: &impl ConnectionTrait,
    typed: &str,
) -> Result<Option<account::Model>, Failure> {
    let Some(username) = clean_username(typed) else { return Ok(None) };
    Ok(named(db, &username).await?.filter(|it| it.disabled_at.is_none()))
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
