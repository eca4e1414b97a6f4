//! `models.list`, `models.retrieve`, `models.delete`, and which model names a session accepts.

use super::answer::Answer;
use super::error::{self, ApiError};
use super::models::{self, Model};
use super::{Call, HandlerFuture, Operation};
use crate::emulator::Emulator;
use crate::reply::json::Models;
use crate::session::Session;
use serde_json::{Value, json};

pub const OPERATIONS: &[Operation] = &[
    Operation { name: "models.list", method: "GET", path: "/models", handler: list, turn: false },
    Operation { name: "models.retrieve", method: "GET", path: "/models/{model*}", handler: retrieve, turn: false },
    Operation { name: "models.delete", method: "DELETE", path: "/models/{model*}", handler: delete, turn: false },
];

/// The models a session lists, in order: the script's own, else the catalogue and the option `models`.
fn listed(emulator: &Emulator, own: Option<&Models>) -> Vec<Model> {
    let mut all = Vec::new();
    let catalogue = || models::catalogue().iter().filter(|model| !model.deprecated).cloned();
    match own {
        Some(Models::List { keep_catalogue, entries }) => {
            if *keep_catalogue {
                all.extend(catalogue());
            }
            for entry in entries {
                all.retain(|known: &Model| known.id != entry.id);
                all.push(Model::custom(
                    &entry.id,
                    entry.context_window,
                    entry.max_output_tokens,
                    entry.owned_by.as_deref(),
                ));
            }
        }
        _ => {
            all.extend(catalogue());
            all.extend(emulator.settings.models.iter().map(|name| Model::custom(name, None, None, None)));
        }
    }
    all
}

/// The ids a session lists.
pub fn ids(emulator: &Emulator, session: &Session) -> Vec<String> {
    let own = session.in_force(&emulator.shared()).models;
    listed(emulator, own.as_deref()).into_iter().map(|model| model.id.to_string()).collect()
}

/// A model by name, if the session knows it: `own` are the models its script names.
pub fn find(emulator: &Emulator, own: Option<&Models>, name: &str) -> Option<Model> {
    match own {
        Some(Models::List { keep_catalogue, entries }) => {
            if let Some(entry) = entries.iter().find(|entry| entry.id == name) {
                let custom =
                    Model::custom(&entry.id, entry.context_window, entry.max_output_tokens, entry.owned_by.as_deref());
                return Some(custom);
            }
            keep_catalogue.then(|| models::find(name)).flatten()
        }
        _ => models::find(name).or_else(|| {
            emulator.settings.models.iter().any(|own| own == name).then(|| Model::custom(name, None, None, None))
        }),
    }
}

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let data: Vec<Value> = listed(&call.emulator, call.models.as_deref()).iter().map(models::list_object).collect();
        Ok(Answer::json(&json!({"object": "list", "data": data})))
    })
}

fn unknown(name: &str) -> ApiError {
    error::unknown_model(name).param("model").style(error::Style::Api)
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let name = call.param("model");
        match find(&call.emulator, call.models.as_deref(), name) {
            Some(model) if !model.deprecated => Ok(Answer::json(&models::list_object(&model))),
            None if call.accepts_any() => {
                Ok(Answer::json(&models::list_object(&Model::custom(name, None, None, None))))
            }
            _ => Err(unknown(name)),
        }
    })
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let name = call.param("model");
        match find(&call.emulator, call.models.as_deref(), name) {
            // Only fine-tuned models can be deleted; the others belong to OpenAI.
            Some(model) if model.id.starts_with("ft:") => {
                Ok(Answer::json(&json!({"id": model.id, "object": "model", "deleted": true})))
            }
            Some(_) => Err(ApiError::new(403, "You have insufficient permissions for this operation.")),
            None => Err(ApiError::new(404, format!("The model '{name}' does not exist"))
                .param("model")
                .code("model_not_found")),
        }
    })
}
