//! Where the upstream is, and whether everything goes there.

use crate::emulator::Emulator;
use crate::near;
use crate::room::RoomRequest;
use crate::upstream::Change;
use crate::wire::error::ApiError;
use serde_json::{Map, Value, json};
use std::net::Ipv6Addr;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) fn handle(emulator: &Emulator, request: &RoomRequest, path: &[&str]) -> Result<Value, ApiError> {
    let upstream = &emulator.upstream;
    let changed = |keyed: bool| {
        emulator.keep_bypass(keyed);
        emulator.desk.events.tell("bypass_config_updated", || json!({}));
    };
    match (request.method, path) {
        ("GET", ["config"]) => Ok(config(emulator)),
        ("PUT", ["config"]) => {
            let change = change(&request.object()?)?;
            let keyed = change.key.is_some();
            upstream.change(change);
            changed(keyed);
            Ok(config(emulator))
        }
        ("POST", ["enable" | "disable"]) => {
            upstream.bypass(path == ["enable"]);
            changed(false);
            Ok(json!({"enabled": upstream.bypasses()}))
        }
        ("GET", ["history"]) => Ok(json!({"data": emulator.desk.history.to_json()})),
        _ => Err(request.unknown()),
    }
}

/// The key that was set last, and when: for other replicas alone. It is nowhere kept.
pub(crate) fn key(emulator: &Emulator) -> Value {
    json!({"set": emulator.key_set.load(Ordering::Acquire), "key": emulator.upstream.target().key})
}

/// Takes a key from another replica.
pub(crate) fn take_key(emulator: &Emulator, told: &str) -> Value {
    emulator.take_key(&serde_json::from_str(told).unwrap_or_default());
    json!({})
}

fn config(emulator: &Emulator) -> Value {
    let target = emulator.upstream.target();
    json!({
        "enabled": emulator.upstream.bypasses(),
        "target_host": target.host,
        "target_port": target.port,
        "target_uri": target.path,
        "use_https": target.https,
        "timeout": target.timeout.as_secs_f64().ceil() as u64,
        "api_key_configured": target.key.is_some(),
    })
}

/// The names of what can be changed.
const KEYS: &[&str] = &["target_host", "target_port", "target_uri", "use_https", "timeout", "api_key"];

fn change(given: &Map<String, Value>) -> Result<Change, ApiError> {
    let mut change = Change::default();
    // Null leaves a setting as it is, as the first tool has it.
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let wrong = |expected: &str| {
            // A key is never shown, not even a wrong one.
            let got = if name == "api_key" {
                "something else".to_string()
            } else {
                crate::script::place::clip(&value.to_string())
            };
            ApiError::invalid(format!("{name}: expected {expected}, but got {got}.")).param(name).code("invalid_value")
        };
        let text = || value.as_str();
        match name.as_str() {
            "target_host" => {
                let fits = |host: &&str| {
                    let names = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
                    !host.is_empty() && host.bytes().all(names) || host.parse::<Ipv6Addr>().is_ok()
                };
                // As an URL has an address of IPv6, or bare.
                let bare = |host| str::strip_suffix(str::strip_prefix(host, "[")?, "]");
                let host = text().map(|host| bare(host).filter(|host| host.contains(':')).unwrap_or(host)).filter(fits);
                change.host = Some(host.ok_or_else(|| wrong("a host's name or address"))?.into());
            }
            "target_port" => {
                let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
                change.port = Some(port.ok_or_else(|| wrong("a port from 1 to 65535"))?);
            }
            "target_uri" => {
                let fits = |path: &&str| path.starts_with('/') && path.parse::<hyper::Uri>().is_ok();
                change.path = Some(text().filter(fits).ok_or_else(|| wrong("a path that begins with /"))?.into());
            }
            "use_https" => change.https = Some(value.as_bool().ok_or_else(|| wrong("true or false"))?),
            "timeout" => {
                let seconds = value.as_f64().filter(|seconds| (1.0..=300.0).contains(seconds));
                change.timeout = Some(Duration::from_secs_f64(seconds.ok_or_else(|| wrong("seconds from 1 to 300"))?));
            }
            "api_key" => {
                let fits = |key: &&str| hyper::header::HeaderValue::from_str(key).is_ok();
                let key = text().filter(fits).ok_or_else(|| wrong("a key in one line of ASCII, or \"\" for none"))?;
                change.key = Some(Some(key.to_string()).filter(|key| !key.is_empty()));
            }
            // What GET shows may be sent back.
            "enabled" | "api_key_configured" => {}
            _ => {
                let meant = near::meant(name, KEYS);
                return Err(ApiError::invalid(format!("{name}: there is no such setting{meant}")).param(name));
            }
        }
    }
    Ok(change)
}
