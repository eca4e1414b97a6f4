//! The recordings: what OpenAI accepted passes, what it refused is refused in the recorded words. They stand beside a
//! checkout (`../shared/corpus`, or `LLEMULATOR_CORPUS`), never in it; without them this says so and proves nothing.

use super::Level;
use super::tests::{at, full};
use serde_json::Value;
use std::path::PathBuf;

/// A file of reference data: beside a checkout, below `shared`, or where the variable says.
pub(crate) fn reference(variable: &str, path: &str) -> Option<String> {
    let (folder, file) = path.split_once('/')?;
    let named = std::env::var_os(variable).map(PathBuf::from);
    let beside = || {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .skip(1)
            .map(|up| up.join("shared").join(folder))
            .find(|dir| dir.exists())
    };
    let text = named.or_else(beside).and_then(|dir| std::fs::read_to_string(dir.join(file)).ok());
    if text.is_none() {
        println!("no {path} here: {variable} names its folder");
    }
    text
}

fn exchanges() -> Option<Vec<Value>> {
    let text = reference("LLEMULATOR_CORPUS", "corpus/exchanges.jsonl")?;
    Some(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn operation(endpoint: &str) -> Option<&'static str> {
    Some(match endpoint {
        "POST /v1/chat/completions" => "chat.completions.create",
        "POST /v1/responses" => "responses.create",
        "POST /v1/responses/input_tokens" => "responses.input_tokens.count",
        "POST /v1/responses/compact" => "responses.compact",
        "POST /v1/completions" => "completions.create",
        "POST /v1/embeddings" => "embeddings.create",
        "POST /v1/moderations" => "moderations.create",
        _ => return None,
    })
}

#[test]
fn recorded_requests() {
    let Some(exchanges) = exchanges() else { return };
    let (mut accepted, mut asked, mut exact, mut refused) = (0, 0, 0, 0);
    for exchange in &exchanges {
        let Some(operation) = exchange["endpoint"].as_str().and_then(operation) else { continue };
        if exchange["fidelity"]["response_only"] == true || !exchange["request"]["body"].is_object() {
            continue;
        }
        let ours = full(operation, &exchange["request"]["body"]);
        let id = &exchange["id"];
        match exchange["response"]["status"].as_u64() {
            Some(200) => {
                asked += 1;
                let schema = at(Level::Schema, operation, &exchange["request"]["body"]);
                match ours.and(schema) {
                    Ok(()) => accepted += 1,
                    Err(error) => println!("{id} {} was accepted: {}", exchange["recorded_date"], error.message),
                }
            }
            Some(400 | 403 | 404) => {
                let recorded = &exchange["response"]["body"]["error"];
                // What is wrong with a model alone is said elsewhere, and one refusal needs the stored file's name.
                let of_the_model = recorded["param"] == "model"
                    || recorded["code"] == "model_not_found"
                    || recorded["message"].as_str().is_some_and(|said| said.ends_with("from this model"));
                if of_the_model || id == "800e56bd5dbb4875" {
                    continue;
                }
                refused += 1;
                let said = ours.err().map(|error| error.inner());
                if said.as_ref() == Some(recorded) {
                    exact += 1;
                } else {
                    println!("{id} refused with {recorded}, ours: {said:?}");
                }
            }
            _ => {}
        }
    }
    println!("accepted {accepted} of {asked}, refused in the same words {exact} of {refused}");
    assert_eq!(accepted, asked, "what OpenAI accepted is accepted, at every level");
    assert_eq!(exact, refused, "what OpenAI refused is refused in its words");
}
