//! `models.list`, `models.retrieve`, `models.delete`.

use crate::api::fine_tuning;
use crate::turn::accepted;
use crate::turn::answer::Answer;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::call::Served;
use crate::turn::models;
use crate::turn::models::Model;
use crate::wire::error;
use crate::wire::error::ApiError;
use serde_json::{Value, json};

pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "models.list", handler: list },
    Served { name: "models.retrieve", handler: retrieve },
    Served { name: "models.delete", handler: delete },
];

fn list(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let mut models = accepted::listed(&call.emulator.settings, call.models.as_deref());
        // What was tuned here has the rules of its base.
        models.extend(fine_tuning::models(&call.session).await.iter().filter_map(|name| models::find(name)));
        let data: Vec<Value> = models.iter().map(models::list_object).collect();
        Ok(Answer::json(&json!({"object": "list", "data": data})))
    })
}

fn unknown(name: &str) -> ApiError {
    error::unknown_model(name).param("model").style(error::Style::Api)
}

fn retrieve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let name = call.param("model");
        let known = call.known_model(name);
        match known {
            _ if fine_tuning::is_deleted(&call.session, name).await => Err(unknown(name)),
            Some(model) if !model.deprecated || call.accepts_unlisted(name) => {
                Ok(Answer::json(&models::list_object(&model)))
            }
            None if call.accepts_unlisted(name) => {
                Ok(Answer::json(&models::list_object(&Model::custom(name, None, None, None))))
            }
            _ => Err(unknown(name)),
        }
    })
}

fn delete(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let name = call.param("model");
        let known = match fine_tuning::is_deleted(&call.session, name).await {
            true => None,
            false => call.known_model(name),
        };
        match known {
            Some(model) if fine_tuning::is_tuned(&model.id) => {
                fine_tuning::delete_model(&call.session, &model.id).await?;
                Ok(Answer::json(&json!({"id": model.id, "object": "model", "deleted": true})))
            }
            Some(_) => Err(ApiError::new(403, "You have insufficient permissions for this operation.")),
            None => Err(ApiError::new(404, format!("The model '{name}' does not exist"))
                .param("model")
                .code("model_not_found")),
        }
    })
}
