//! Why a request was answered as it was: each rule of its session's script against it, as the script stands now.

use crate::api;
use crate::emulator::Emulator;
use crate::exchange::{route, within};
use crate::random::Random;
use crate::room::exchange;
use crate::surface::operations;
use crate::surface::router::Matched;
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// Asks each rule about an exchange that the journal keeps. Nothing of the session changes.
///
/// # Errors
/// No journal keeps it; it asked no operation.
pub(crate) async fn why(emulator: &Arc<Emulator>, id: &str) -> Result<Value, ApiError> {
    let (session, exchange) = exchange(emulator, id)?;
    let explanation = exchange.record().explanation;
    let shared = emulator.shared();
    let Some(script) = session.script(&shared) else { return Ok(json!({"rules": [], "explanation": explanation})) };
    let operation = operations::named(exchange.operation)
        .ok_or_else(|| ApiError::new(409, "The request asked no operation: no rule is for it.").code("no_operation"))?;
    let mut body: Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
    let (normal, route, query) = route::of_target(&exchange.method, &exchange.target, &emulator.settings.prefixes);
    let params = match route {
        Matched::Operation(_, params) => params,
        Matched::WrongMethod(_) | Matched::NoSocket(_) | Matched::Unknown => Vec::new(),
    };
    if let Some(model) = normal.model_for(&body) {
        body["model"] = model.into();
    }
    let in_force = session.in_force(&shared);
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let tells = told.clone();
    let call = Call {
        operation,
        params,
        method: exchange.method.to_string(),
        path: normal.path,
        query,
        headers: exchange.headers.clone(),
        body: Arc::new(body),
        form: None,
        bytes: Bytes::new(),
        azure: normal.azure,
        emulator: emulator.clone(),
        session,
        shared,
        models: in_force.models,
        defaults: in_force.defaults,
        random: Random::new(0),
        budget: Arc::default(),
        stamp: exchange.at,
        exchange,
        lane: None,
        delivery: None,
        within: within::ask,
        look: Some(Arc::new(move |view| {
            *tells.lock().unwrap_or_else(PoisonError::into_inner) = script.why(view);
        })),
    };
    api::look(call).await;
    let rules = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(json!({"rules": rules, "explanation": explanation}))
}
