//! How a one-time code gets to its phone.

use std::pin::Pin;

use uuid::Uuid;

use crate::channel::{Handed, sms::Gateway};

/// What comes of sending: why it was not done, without the phone or the code.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Sends a code to a phone.
pub trait CodeSender: Send + Sync {
    fn send<'a>(&'a self, phone: &'a str, code: &'a str) -> Sending<'a>;
}

/// Sends nothing: the code stands in the log. For trying things out.
pub struct Log;

impl CodeSender for Log {
    fn send<'a>(&'a self, phone: &'a str, code: &'a str) -> Sending<'a> {
        Box::pin(async move {
            tracing::warn!(
                phone,
                code,
                "NOT SENT: no gateway for codes is set (QINGLAN_CODE_GATEWAY), so the code is only here"
            );
            Ok(())
        })
    }
}

/// A gateway for short messages, whose text is the code: what stands around it is the template's.
impl CodeSender for Gateway {
    fn send<'a>(&'a self, phone: &'a str, code: &'a str) -> Sending<'a> {
        Box::pin(async move {
            let id = Uuid::now_v7().simple().to_string();
            match Gateway::send(self, &id, phone, code).await {
                Handed::Taken => Ok(()),
                // Should it arrive all the same, the code is good.
                Handed::NotTaken(why) | Handed::Refused(why) | Handed::Unknown(why) => Err(why),
            }
        })
    }
}
