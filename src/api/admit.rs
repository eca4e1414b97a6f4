//! Whether a call may go on: its model is known and serves this operation, its body and query are valid.

use crate::api::fine_tuning;
use crate::api::rate_limits;
use crate::api::validate::{self, Context, Level};
use crate::log;
use crate::options::{LogLevel, Profile, Settings, Validation};
use crate::responders::scenario;
use crate::script::FallbackName;
use crate::surface::Family;
use crate::surface::client;
use crate::surface::operations::{Form, Operation};
use crate::turn::call::Call;
use crate::turn::models::Model;
use crate::turn::models::ModelKind;
use crate::wire::dialect::Dialect;
use crate::wire::error;
use crate::wire::error::ApiError;
use crate::wire::error::Style;
use crate::wire::headers::Headers;

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data";
/// An offer of WebRTC, which stands in a body for a form's field.
const SDP: &str = "application/sdp";

/// Refuses what OpenAI would refuse. Nothing of the session changes.
///
/// # Errors
/// OpenAI's own, in its order: body and query first, then the model, then what this model cannot do.
pub(crate) fn check(call: &Call) -> Result<(), ApiError> {
    admit(call).inspect_err(|error| {
        let behind = call.operation.edge.limited_first && matches!(error.style, Style::Api | Style::Model);
        let model = || call.known_model(call.model_name());
        if let Some(limits) = behind.then(model).flatten().and_then(|model| rate_limits::look(call, &model)) {
            let _ = call.exchange.limits.set(limits);
        }
    })
}

/// Refuses a model that was deleted, where models are checked at all.
///
/// # Errors
/// As of a model nobody knows.
pub(crate) async fn check_deleted(call: &Call) -> Result<(), ApiError> {
    let name = call.model_name();
    match fine_tuning::is_tuned(name) && !call.accepts_unlisted(name) {
        true if fine_tuning::is_deleted(&call.session, name).await => Err(unknown(call, name)),
        _ => Ok(()),
    }
}

fn admit(call: &Call) -> Result<(), ApiError> {
    media_type(call)?;
    let name = call.model_name();
    let model = call.known_model(name);
    if !script_first(call) {
        return valid(call, model);
    }
    if model.is_none() && !name.is_empty() && !call.accepts_unlisted(name) {
        return Err(unknown(call, name));
    }
    if let Err(refused) = valid(call, model) {
        let _ = call.exchange.refusal.set(Box::new(refused));
    }
    Ok(())
}

/// Body and query, the model, and what it cannot do.
fn valid(call: &Call, model: Option<Model>) -> Result<(), ApiError> {
    let name = call.model_name();
    let full = call.emulator.settings.validation == Validation::Full;
    let known = model.as_ref().filter(|_| full && call.operation.turn);
    // In front of the API only the model's kind is looked at; Responses looks at it last (recordings bdc92003354523de,
    // 01b68fd4f65dddf1).
    let late = call.operation.edge.model_last;
    if let Some(model) = known.filter(|_| !late) {
        serves(call, model)?;
    }
    well_formed(call, model.as_ref())?;
    if !call.operation.turn || name.is_empty() {
        return Ok(());
    }
    if let Some(model) = known.filter(|_| late) {
        serves(call, model)?;
    }
    // What an unknown deployment of Azure's can do, nobody knows.
    let model = match model {
        None if call.accepts_unlisted(name) || scenario::is_known(name) => call.model(name),
        None => return Err(unknown(call, name)),
        Some(model) => model,
    };
    if model.deprecated && !call.accepts_unlisted(name) {
        return Err(error::deprecated_model(name));
    }
    // Only a request that will be answered counts.
    let limits = rate_limits::take(call, &model)?;
    let _ = call.exchange.limits.set(limits);
    let _ = call.exchange.model.set(call.shown_model(name, &model));
    Ok(())
}

/// Refuses what no operation of this form takes, whoever serves it: media type, body, query.
///
/// # Errors
/// OpenAI's own.
pub(crate) fn form(call: &Call) -> Result<(), ApiError> {
    media_type(call)?;
    well_formed(call, None)
}

fn well_formed(call: &Call, model: Option<&Model>) -> Result<(), ApiError> {
    let settings = &call.emulator.settings;
    let context = Context {
        level: match settings.validation {
            Validation::Full => Level::Full,
            Validation::Schema => Level::Schema,
            Validation::Off => Level::Off,
        },
        relaxed: settings.profile != Profile::Strict,
        beta: is_beta(call),
        newer: client::is_newer(&call.headers),
        silent: call.lane.as_ref().is_some_and(|lane| lane.silent),
        azure: call.azure,
        form: call.form.is_some(),
        model,
        budget: &call.budget,
    };
    if call.operation.body.is_some() && media(&call.headers) != Some(SDP) {
        keep_unknown(call, validate::body(call.operation, &call.body, &context)?);
    }
    validate::query(call.operation, &call.query, &context)
}

/// LLEmulator reads nothing of a request but its model before it looks for a script: the turn says when there is none.
fn script_first(call: &Call) -> bool {
    let settings = &call.emulator.settings;
    let answers = settings.fallback != FallbackName::Error || call.defaults.fallback.is_some();
    settings.profile == Profile::Llemulator && call.operation.turn && !answers
}

/// A request to the beta API, as the official clients mark it: by query, and by a header that names the feature.
fn is_beta(call: &Call) -> bool {
    call.query("beta") == Some("true") || call.headers.all("openai-beta").any(|named| named.contains("multi_agent"))
}

/// Says what of a request is unknown here and kept because its client is newer.
fn keep_unknown(call: &Call, unknown: Vec<String>) {
    let Some(version) = call.headers.all("x-stainless-package-version").next().filter(|_| !unknown.is_empty()) else {
        return;
    };
    let warning =
        format!("Kept although unknown here, since client {version} is newer than this build: {}.", unknown.join(", "));
    if call.emulator.settings.log_level != LogLevel::Error {
        log::warn(&format!("{} {}: {warning}", call.method, call.path));
    }
    call.exchange.note(|record| record.warnings.push(warning));
}

fn media_type(call: &Call) -> Result<(), ApiError> {
    content_type(&call.emulator.settings, call.operation, &call.headers)
}

/// Refuses a body of another form than the operation takes, in the words quoted in public issue threads
/// (openai/openai-openapi 194 and 502). It is not even read. Without a header it is taken for what it should be.
///
/// # Errors
/// OpenAI's own.
pub(crate) fn content_type(settings: &Settings, operation: &Operation, headers: &Headers) -> Result<(), ApiError> {
    let Some(form) = operation.form else { return Ok(()) };
    // The seeds read any body as JSON.
    if settings.profile != Profile::Strict || settings.validation == Validation::Off {
        return Ok(());
    }
    let Some(media) = media(headers) else { return Ok(()) };
    let is = |known: &str| media.eq_ignore_ascii_case(known);
    let (takes, expected) = match form {
        Form::Json => (is(JSON), JSON),
        Form::JsonOrForm => (is(JSON) || is(FORM), JSON),
        // What else may carry a file is taken as it is.
        Form::Form => (!is(JSON), FORM),
    };
    if media.is_empty() || takes {
        return Ok(());
    }
    let message = format!(
        "Unsupported content type: '{media}'. This API method only accepts '{expected}' requests, but you specified \
         the header 'Content-Type: {media}'. Please try again with a supported content type."
    );
    Err(ApiError::invalid(message).code("unsupported_content_type"))
}

/// Whether a body says that it is JSON.
pub(crate) fn says_json(headers: &Headers) -> bool {
    media(headers).is_some_and(|media| media.eq_ignore_ascii_case(JSON))
}

/// The media type of a body, without its parameters.
fn media(headers: &Headers) -> Option<&str> {
    let value = headers.all("content-type").next()?;
    let end = value.bytes().position(|byte| byte == b';').unwrap_or(value.len());
    Some(value[..end].trim())
}

/// An unknown model, as this operation says it (real-traffic §3).
fn unknown(call: &Call, name: &str) -> ApiError {
    if call.operation.family == Family::Images {
        let error = ApiError::invalid(format!("The model '{name}' does not exist."));
        return error.kind("image_generation_user_error").param("model").code("invalid_value");
    }
    if call.operation.dialect == Dialect::Responses && call.body.get("prompt").is_none() {
        return error::unknown_requested_model(name);
    }
    error::unknown_model(name)
}

/// Refuses a model on an operation it does not serve.
fn serves(call: &Call, model: &Model) -> Result<(), ApiError> {
    // What another server's model serves, that server knows.
    if call.emulator.upstream.of_model(call.model_name()).is_some() {
        return Ok(());
    }
    let edge = |status: u16, message: &str| Err(ApiError::new(status, message).style(Style::Edge));
    let chat_only = "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use v1/chat/completions?";
    let text_only = "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?";
    match (call.operation.dialect, model.kind) {
        (Dialect::Chat, ModelKind::Completions | ModelKind::Responses) => {
            Err(ApiError::new(404, text_only).param("model").style(Style::Model))
        }
        // The oldest embedding model is refused as text models are (recording b997a31b54737499).
        (Dialect::Chat, ModelKind::Embedding) if model.id == "text-embedding-ada-002" => {
            Err(ApiError::new(404, text_only).param("model").style(Style::Model))
        }
        (Dialect::Chat, ModelKind::Embedding) => edge(403, "You are not allowed to sample from this model"),
        // LLEmulator's catalogue knows no kinds: its suites ask chat models for text.
        (Dialect::Completions, ModelKind::Chat) if call.emulator.settings.profile == Profile::Strict => {
            Err(ApiError::new(404, chat_only).param("model").style(Style::Model))
        }
        (Dialect::Completions, ModelKind::Embedding) => edge(403, "You are not allowed to sample from this model"),
        (Dialect::Embeddings, kind)
            if kind != ModelKind::Embedding && call.emulator.settings.profile == Profile::Strict =>
        {
            edge(403, "You are not allowed to generate embeddings from this model")
        }
        (Dialect::Responses, ModelKind::ChatOnly | ModelKind::Completions | ModelKind::Embedding)
            if call.body.get("prompt").is_none() =>
        {
            Err(ApiError::invalid(format!(
                "The requested model '{}' is not supported with the Responses API.",
                model.id
            ))
            .param("model")
            .code("model_not_found"))
        }
        _ => Ok(()),
    }
}
