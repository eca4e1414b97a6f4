//! `embeddings.create`: computed, unless a rule answers.

use super::answer::Answer;
use super::error::ApiError;
use super::infer;
use super::models::Model;
use super::{validate, vectors};
use crate::call::{Call, HandlerFuture, Operation};
use crate::options::{EmbeddingStyle, Validation};
use crate::prompt::{Message, Prompt, Role};
use crate::reply::Say;
use crate::runtime;
use crate::tokens::{self, Encoding};
use crate::turn;
use serde_json::{Value, json};

pub const OPERATIONS: &[Operation] =
    &[Operation { name: "embeddings.create", method: "POST", path: "/embeddings", handler: create, turn: true }];

/// Widest vector computed, whatever a request asks.
const WIDEST: u64 = 4096;

/// One input: a text, or tokens.
enum Input {
    Text(String),
    Tokens(Vec<u32>),
}

impl Input {
    fn tokens(&self, encoding: Encoding) -> u64 {
        match self {
            Input::Text(text) => tokens::count(encoding, text) as u64,
            Input::Tokens(tokens) => tokens.len() as u64,
        }
    }
}

/// Tokens all inputs of a request may have together.
const MOST_TOKENS: u64 = 300_000;

/// Refuses an input longer than the model reads, and more inputs than one request may have (as quoted in public issue
/// threads; OpenAPI: CreateEmbeddingRequest.input).
fn fit(counts: &[u64], model: &Model) -> Result<(), ApiError> {
    let longest = counts.iter().copied().max().unwrap_or(0);
    validate::context_length(model, longest, None, "embeddings.create")?;
    let all: u64 = counts.iter().sum();
    if all <= MOST_TOKENS {
        return Ok(());
    }
    let message = format!("Requested {all} tokens, max {MOST_TOKENS} tokens per request");
    Err(ApiError::invalid(message).kind("max_tokens_per_request").code("max_tokens_per_request"))
}

/// The inputs of a body: a string, strings, tokens, or lists of tokens.
fn inputs(body: &Value) -> Vec<Input> {
    let tokens = |list: &[Value]| list.iter().filter_map(Value::as_u64).map(|token| token as u32).collect();
    match &body["input"] {
        Value::String(one) => vec![Input::Text(one.clone())],
        Value::Array(many) if many.first().is_some_and(Value::is_number) => vec![Input::Tokens(tokens(many))],
        Value::Array(many) => many
            .iter()
            .map(|one| match one {
                Value::Array(list) => Input::Tokens(tokens(list)),
                other => Input::Text(other.as_str().unwrap_or_default().to_string()),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn create(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let body = &*call.body;
        let inputs = inputs(body);
        let text = inputs.iter().filter_map(|input| match input {
            Input::Text(text) => Some(text.as_str()),
            Input::Tokens(_) => None,
        });
        let prompt = Prompt {
            operation: call.operation.name,
            model: call.model_name().to_string(),
            messages: vec![Message::new(Role::User, text.collect::<Vec<_>>().join("\n"))],
            body: call.body.clone(),
            n: 1,
            ..Prompt::default()
        };
        let model = call.model(&prompt.model);
        let asked = body["dimensions"].as_u64().map(|width| width.min(WIDEST) as usize);
        let encoding = call.encoding(&model);
        let counts: Vec<u64> =
            runtime::aside(prompt.size(), || inputs.iter().map(|input| input.tokens(encoding)).collect());
        if call.emulator.settings.validation == Validation::Full {
            fit(&counts, &model)?;
        }
        let width = asked.unwrap_or(model.dimensions.unwrap_or(1536) as usize);
        let scripted = infer::scripted(&call, &prompt).await?;
        let (own, delivery) = match scripted {
            Some((reply, delivery)) => match &reply.say {
                Say::Raw(raw) => return Ok(turn::raw_answer(raw, delivery)),
                Say::Embeddings(vectors) => (Some(vectors.clone()), delivery),
                _ => (None, delivery),
            },
            None => (None, None),
        };
        let vectors: Vec<Vec<f64>> = match own {
            Some(own) if own.is_empty() => {
                return Err(ApiError::emulator("bad_reply", "The scripted `embedding` has no vector."));
            }
            // One vector serves every input; several are given in turn.
            Some(own) => (0..inputs.len()).map(|index| own[index.min(own.len() - 1)].clone()).collect(),
            None => inputs.iter().map(|input| vector(&call, input, width)).collect(),
        };
        let base64 = body["encoding_format"] == "base64";
        let data: Vec<Value> = vectors
            .iter()
            .enumerate()
            .map(|(index, vector)| {
                let embedding = if base64 { json!(vectors::base64(vector)) } else { json!(vector) };
                json!({"object": "embedding", "index": index, "embedding": embedding})
            })
            .collect();
        let tokens: u64 = counts.iter().sum();
        let answer = json!({
            "object": "list", "data": data,
            "model": call.shown_model(&prompt.model, &model),
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        });
        Ok(Answer { delivery, ..Answer::json_line(&answer) })
    })
}

fn vector(call: &Call, input: &Input, width: usize) -> Vec<f64> {
    match (call.emulator.settings.embeddings, input) {
        (EmbeddingStyle::Mokku, Input::Text(text)) => vectors::mokku(text, width),
        (_, Input::Text(text)) => vectors::semantic(text, width),
        (_, Input::Tokens(tokens)) => vectors::semantic_tokens(tokens, width),
    }
}
