//! Client secrets that answers give (`realtime.client_secrets`, sessions of Realtime and ChatKit): whoever made one is
//! noted, so that requests that bring it come to its session.

use super::objects;
use crate::emulator::Emulator;
use crate::reply::RawBody;
use crate::session::Session;
use crate::turn::answer::{Answer, Body};
use crate::turn::call::Call;
use serde_json::Value;
use std::sync::Arc;

/// The session that will have made the client secret of an answer.
pub(super) struct SecretCall {
    emulator: Arc<Emulator>,
    session: Arc<Session>,
}

impl SecretCall {
    /// `None` = the call's operation gives no secret.
    pub(super) fn of(call: &Call) -> Option<Self> {
        let gives = objects::gives_secret(call.operation);
        gives.then(|| SecretCall { emulator: call.emulator.clone(), session: call.session.clone() })
    }

    /// Notes the secret, whoever said it: a rule may.
    pub(super) fn note(&self, answer: &Answer) {
        let read;
        let answer = match &answer.body {
            Body::Json(bytes) => {
                read = serde_json::from_slice(bytes).unwrap_or_default();
                &read
            }
            Body::Raw(RawBody::Json(value)) => value,
            _ => return,
        };
        if let Some((secret, expires)) = secret(answer) {
            self.emulator.makes_secret(&self.session, secret, expires);
        }
    }
}

/// The secret in an answer, and when it expires: that of a session that was cancelled has.
fn secret(answer: &Value) -> Option<(&str, u64)> {
    let inner = &answer["client_secret"];
    let holder = if inner.is_object() { inner } else { answer };
    let secret = holder["value"].as_str().or(inner.as_str())?;
    let expires = if answer["status"] == "cancelled" { 0 } else { holder["expires_at"].as_u64().unwrap_or(u64::MAX) };
    Some((secret, expires))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_found_where_each_answer_has_them() {
        for (answer, found) in [
            (json!({"value": "ek_a", "expires_at": 5, "session": {"expires_at": 0}}), Some(("ek_a", 5))),
            (json!({"client_secret": {"value": "ek_a", "expires_at": 5}, "expires_at": 9}), Some(("ek_a", 5))),
            (json!({"client_secret": "ek_a", "expires_at": 5, "status": "active"}), Some(("ek_a", 5))),
            (json!({"client_secret": "ek_a", "expires_at": 5, "status": "cancelled"}), Some(("ek_a", 0))),
            (json!({"value": "ek_a"}), Some(("ek_a", u64::MAX))),
            (json!({"id": "x"}), None),
        ] {
            assert_eq!(secret(&answer), found, "{answer}");
        }
    }
}
