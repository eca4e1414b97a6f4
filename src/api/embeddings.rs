//! `embeddings.create`: computed, unless a rule answers.

use crate::api::infer;
use crate::generate::vectors;
use crate::options::{EmbeddingStyle, Validation};
use crate::prompt::{Message, Prompt, Role};
use crate::reply::{Reply, Say};
use crate::runtime;
use crate::tokens::{self, Encoding};
use crate::turn;
use crate::turn::answer::Answer;
use crate::turn::call::Call;
use crate::turn::call::HandlerFuture;
use crate::turn::call::Served;
use crate::turn::models::Model;
use crate::turn::usage::wire::Usage;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::borrow::Cow;

pub(crate) const OPERATIONS: &[Served] = &[Served { name: "embeddings.create", handler: create }];

/// Widest vector computed, whatever a request asks.
const WIDEST: u64 = 4096;

/// One input as text, and its number of tokens when it was given as tokens.
#[derive(Debug, PartialEq)]
struct EmbeddingInput {
    text: String,
    given: Option<u64>,
}

impl EmbeddingInput {
    fn text(text: &str) -> Self {
        EmbeddingInput { text: text.to_string(), given: None }
    }

    fn tokens(list: &[Value], encoding: Encoding) -> Self {
        EmbeddingInput { text: encoding.decode(list), given: Some(list.len() as u64) }
    }

    fn count(&self, encoding: Encoding) -> u64 {
        self.given.unwrap_or_else(|| tokens::count(encoding, &self.text) as u64)
    }
}

/// Tokens all inputs of a request may have together.
const MOST_TOKENS: u64 = 300_000;

/// Refuses an input longer than the model reads, and more inputs than one request may have (as quoted in public issue
/// threads; OpenAPI: CreateEmbeddingRequest.input).
fn fit(counts: &[u64], model: &Model) -> Result<(), ApiError> {
    let longest = counts.iter().copied().max().unwrap_or(0);
    turn::context_length(model, longest, None, Dialect::Embeddings)?;
    let all: u64 = counts.iter().sum();
    if all <= MOST_TOKENS {
        return Ok(());
    }
    let message = format!("Requested {all} tokens, max {MOST_TOKENS} tokens per request");
    Err(ApiError::invalid(message).kind("max_tokens_per_request").code("max_tokens_per_request"))
}

/// The inputs of a body: a string, strings, tokens, or lists of tokens of this encoding.
fn inputs(body: &Value, encoding: Encoding) -> Vec<EmbeddingInput> {
    match &body["input"] {
        Value::String(one) => vec![EmbeddingInput::text(one)],
        Value::Array(many) if many.first().is_some_and(Value::is_number) => {
            vec![EmbeddingInput::tokens(many, encoding)]
        }
        Value::Array(many) => many
            .iter()
            .map(|one| match one {
                Value::Array(list) => EmbeddingInput::tokens(list, encoding),
                other => EmbeddingInput::text(other.as_str().unwrap_or_default()),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn create(call: Call) -> HandlerFuture {
    runtime::boxed!(async move {
        let call = &call;
        let body = &*call.body;
        let model = call.model(call.model_name());
        // Tokens are the model's own, however they are counted.
        let inputs = inputs(body, Encoding::for_model(&model.id));
        let texts: Vec<&str> = inputs.iter().map(|input| input.text.as_str()).collect();
        let asked = infer::asked(call, Message::new(Role::User, texts.join("\n")));
        // Each input has an answer of its own.
        let prompt = &Prompt { n: inputs.len(), ..asked };
        let asked = body["dimensions"].as_u64().map(|width| width.min(WIDEST) as usize);
        let encoding = call.encoding(&model);
        let counts: Vec<u64> =
            runtime::aside(prompt.size(), || inputs.iter().map(|input| input.count(encoding)).collect());
        if call.emulator.settings.validation == Validation::Full {
            fit(&counts, &model)?;
        }
        let width = asked.unwrap_or(model.dimensions.unwrap_or(1536) as usize);
        let read = |reply: &Reply| {
            Ok(match &reply.say {
                Say::Embeddings(own) => Some(own.clone()),
                _ => None,
            })
        };
        infer::computed(call, prompt, read, |own, overrides| async move {
            if own.as_ref().is_some_and(Vec::is_empty) {
                return Err(ApiError::emulator("bad_reply", "The scripted `embedding` has no vector."));
            }
            let vector = |index: usize| match &own {
                // One vector serves every input; several are given in turn.
                Some(own) => Cow::Borrowed(own[index.min(own.len() - 1)].as_slice()),
                None => Cow::Owned(vector(call, &inputs[index], width)),
            };
            let tokens: u64 = counts.iter().sum();
            let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
            let answer = Embeddings {
                object: "list",
                data: Data { vector, count: inputs.len(), base64: body["encoding_format"] == "base64" },
                model: overrides.model.unwrap_or_else(|| call.shown_model(&prompt.model, &model)),
                usage: call.counter().shown(Usage::Fixed(usage), overrides.usage.as_ref()),
            };
            // A short input takes a whole vector.
            let size = inputs.len() * width * size_of::<f64>();
            Ok(runtime::aside(size, || Answer::json_line(&answer)))
        })
        .await
    })
}

/// The answer.
#[derive(Serialize)]
struct Embeddings<D: Serialize> {
    object: &'static str,
    data: D,
    model: String,
    usage: Usage,
}

/// `data`: each vector is made when it is written, so that only one is held at a time.
struct Data<F> {
    vector: F,
    count: usize,
    base64: bool,
}

impl<'a, F: Fn(usize) -> Cow<'a, [f64]>> Serialize for Data<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.count).map(|index| {
            let vector = (self.vector)(index);
            let embedding =
                if self.base64 { VectorForm::Base64(vectors::base64(&vector)) } else { VectorForm::Numbers(vector) };
            Entry { object: "embedding", index, embedding }
        }))
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    object: &'static str,
    index: usize,
    embedding: VectorForm<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum VectorForm<'a> {
    Numbers(Cow<'a, [f64]>),
    Base64(String),
}

fn vector(call: &Call, input: &EmbeddingInput, width: usize) -> Vec<f64> {
    match call.emulator.settings.embeddings {
        EmbeddingStyle::Mokku => vectors::mokku(&input.text, width),
        EmbeddingStyle::Semantic => vectors::semantic(&input.text, width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_the_text_they_stand_for() {
        let texts =
            |body: Value, encoding| inputs(&body, encoding).into_iter().map(|input| input.text).collect::<Vec<_>>();
        assert_eq!(texts(json!({"input": [9906, 1917]}), Encoding::Cl100k), ["Hello world"]);
        assert_eq!(texts(json!({"input": [[9906, 1917], [9906]]}), Encoding::Cl100k), ["Hello world", "Hello"]);
        assert_eq!(texts(json!({"input": ["Hello", "x"]}), Encoding::Cl100k), ["Hello", "x"]);
        // No text of the vocabulary, and half a character.
        assert_eq!(texts(json!({"input": [4_000_000_000u32, 9906]}), Encoding::Cl100k), ["<|4000000000|>Hello"]);
        assert_eq!(inputs(&json!({"input": [9906, 1917]}), Encoding::O200k)[0].given, Some(2));
        for rank in 0..300 {
            assert_eq!(inputs(&json!({"input": [rank]}), Encoding::Cl100k).len(), 1);
        }
    }
}
