//! What can be done about devices: inputs, payloads, mutations.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, SubsecRound, Utc};
use entity::id::{ActivityId, DeviceId};

use super::Device;
use crate::{
    authn,
    authz::policy::{CreateDevice, RevokeDevice},
    device::{
        self, CreateDeviceErrorCode, CreateDeviceUserError, Draft, RedeemDeviceErrorCode,
        RedeemDeviceUserError, RevokeDeviceUserError,
    },
    error::Refusal,
    graphql::{Gid, Viewer, settle},
    payloads, qr,
    text::Check,
    write::Note,
};

/// What `createDevice` takes.
#[derive(InputObject)]
pub struct CreateDeviceInput {
    /// At whose doors it stands: 1 to 20 activities.
    activity_ids: Vec<Gid<ActivityId>>,
    /// What it is called; at most 100 characters.
    name: String,
    /// At which gate it always stands, if it does; at most 50 characters.
    gate: Option<String>,
    /// Until when its token is good, within the next 366 days; 30 days if not given.
    expires_at: Option<DateTime<Utc>>,
}

/// What `createDevice` gives.
#[derive(SimpleObject)]
pub struct CreateDevicePayload {
    /// What was made; null where it was refused.
    device: Option<Device>,
    /// What `redeemDevice` takes, once and within 15 minutes: 16 characters, to be read out or typed. Shown this once;
    /// where it is lost, revoke the device and make another.
    code: Option<String>,
    /// Until when the code is good.
    code_expires_at: Option<DateTime<Utc>>,
    /// What a QR code shows to the device: JSON of `url`, this service's public address, and `code`.
    qr: Option<String>,
    /// That QR code as SVG.
    qr_svg: Option<String>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<CreateDeviceUserError>,
}

/// What `redeemDevice` takes.
#[derive(InputObject)]
pub struct RedeemDeviceInput {
    /// As it was read or typed; spaces, dashes and lower case do not matter.
    code: String,
    /// What the device says that it is; at most 100 characters.
    model: Option<String>,
}

/// What `redeemDevice` gives.
#[derive(SimpleObject)]
pub struct RedeemDevicePayload {
    /// The device, as it is from now on; null where it was refused.
    device: Option<Device>,
    /// Goes into `Authorization: Bearer …`, until the device expires or is revoked. Shown this once.
    token: Option<String>,
    /// Why it was refused, all reasons at once; empty where it was done.
    user_errors: Vec<RedeemDeviceUserError>,
}

/// What `revokeDevice` takes.
#[derive(InputObject)]
pub struct RevokeDeviceInput {
    /// Which one.
    device_id: Gid<DeviceId>,
}

payloads! {
    /// What `revokeDevice` gives.
    RevokeDevicePayload { device: Device, RevokeDeviceUserError }
}

#[derive(Default)]
pub struct DeviceMutation;

#[Object]
impl DeviceMutation {
    /// Makes a device for the doors of some activities, and the code that brings it into use. Sent twice, it makes two;
    /// one whose code nobody uses is of no use. For ORG_ADMIN and ORGANISER of each of the activities.
    async fn create_device(
        &self,
        ctx: &Context<'_>,
        input: CreateDeviceInput,
    ) -> Result<CreateDevicePayload> {
        let viewer = Viewer::of(ctx);
        viewer.gate.who()?;
        let mut check = Check::new(CreateDeviceErrorCode::TooLong);
        let missing = CreateDeviceErrorCode::NameMissing;
        let name = check.required(&input.name, 100, &["name"], missing);
        let gate = check.optional(input.gate.as_deref(), 50, &["gate"]);
        let given = input.expires_at.map(|at| at.trunc_subsecs(6));
        let expires_at = given.unwrap_or(viewer.now + device::USUAL);
        if expires_at <= viewer.now || viewer.now + device::LONGEST < expires_at {
            check.refuse(CreateDeviceErrorCode::ExpiresAtUnfit.at(["expiresAt"]));
        }
        let mut activities: Vec<ActivityId> = input.activity_ids.iter().map(|it| it.0).collect();
        activities.sort_unstable();
        activities.dedup();
        if !(1..=device::MOST_ACTIVITIES).contains(&activities.len()) {
            check.refuse(CreateDeviceErrorCode::ActivitiesUnfit.at(["activityIds"]));
            activities.truncate(device::MOST_ACTIVITIES);
        }
        let mut permits = Vec::with_capacity(activities.len());
        for id in activities {
            permits.push(viewer.gate.permit::<CreateDevice>(id).await?);
        }
        // Of the form of a ticket's code: 80 random bits, which nobody guesses in a quarter of an hour.
        let code = authn::ticket_code()?;
        let done = match permits.first() {
            None => {
                Err(check.done().err().unwrap_or(CreateDeviceErrorCode::ActivitiesUnfit.into()))
            }
            Some(first) => {
                viewer
                    .write(first, Note::default(), async |tx| {
                        check.done()?;
                        let draft = Draft { name, gate, expires_at };
                        Ok(device::create(tx, &permits, draft, &code, viewer.now).await?)
                    })
                    .await
            }
        };
        let (row, user_errors) = settle(done, viewer.lang)?;
        let Some(row) = row else {
            return Ok(CreateDevicePayload {
                device: None,
                code: None,
                code_expires_at: None,
                qr: None,
                qr_svg: None,
                user_errors,
            });
        };
        let shown = serde_json::json!({"url": viewer.app.config.public_url, "code": code});
        let shown = shown.to_string();
        Ok(CreateDevicePayload {
            code: Some(code),
            code_expires_at: Some(row.code_expires_at),
            qr_svg: Some(qr::svg(&shown)?),
            qr: Some(shown),
            device: Some(row.into()),
            user_errors,
        })
    }

    /// Exchanges the code of a device for its token, once and within 15 minutes of its making. For whoever has the
    /// code; nobody need be signed in.
    async fn redeem_device(
        &self,
        ctx: &Context<'_>,
        input: RedeemDeviceInput,
    ) -> Result<RedeemDevicePayload> {
        let viewer = Viewer::of(ctx);
        let mut check = Check::new(RedeemDeviceErrorCode::TooLong);
        let code = check.required(&input.code, 100, &["code"], RedeemDeviceErrorCode::CodeWrong);
        let model = check.optional(input.model.as_deref(), 100, &["model"]);
        let token = device::new_token()?;
        let done = match check.done() {
            Err(refused) => Err(refused),
            Ok(()) => match device::public_waiting(viewer.db.read(), &code, viewer.now).await? {
                None => Err(RedeemDeviceErrorCode::CodeWrong.at(["code"]).into()),
                Some(id) => {
                    viewer
                        .write_own(id, "RedeemDevice", async |tx| {
                            device::public_redeem(tx, id, &code, &token, model, viewer.now).await
                        })
                        .await
                }
            },
        };
        let (row, user_errors) = settle(done, viewer.lang)?;
        let token = row.is_some().then_some(token);
        Ok(RedeemDevicePayload { device: row.map(Device::from), token, user_errors })
    }

    /// Takes a device out of use at once and for good: its token is nobody's from now on. What it has not sent yet is
    /// lost unless somebody else sends it. For ORG_ADMIN and ORGANISER of one of its activities.
    async fn revoke_device(
        &self,
        ctx: &Context<'_>,
        input: RevokeDeviceInput,
    ) -> Result<RevokeDevicePayload> {
        let viewer = Viewer::of(ctx);
        let permit = viewer.gate.permit::<RevokeDevice>(input.device_id.0).await?;
        let done = viewer
            .write(&permit, Note::default(), async |tx| {
                device::revoke(tx, &permit, viewer.now).await
            })
            .await;
        let (row, user_errors) = settle(done, viewer.lang)?;
        Ok(RevokeDevicePayload { device: row.map(Device::from), user_errors })
    }
}
