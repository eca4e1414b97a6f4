//! The recordings: what OpenAI accepted passes, what it refused is refused in the recorded words. They stand beside a
//! checkout (`../shared/corpus`, or `LLEMULATOR_CORPUS`), never in it; without them this says so and proves nothing.

use super::tests::full;
use serde_json::Value;
use std::path::PathBuf;

fn exchanges() -> Option<Vec<Value>> {
    let named = std::env::var_os("LLEMULATOR_CORPUS").map(PathBuf::from);
    let beside = || {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .skip(1)
            .map(|up| up.join("shared/corpus"))
            .find(|dir| dir.exists())
    };
    let Some(text) = named.or_else(beside).and_then(|dir| std::fs::read_to_string(dir.join("exchanges.jsonl")).ok())
    else {
        println!("no recordings here: LLEMULATOR_CORPUS names their folder");
        return None;
    };
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
                match ours {
                    Ok(()) => accepted += 1,
                    Err(error) => println!("{id} {} was accepted: {}", exchange["recorded_date"], error.message),
                }
            }
            Some(400) => {
                let recorded = &exchange["response"]["body"]["error"];
                // Unknown models are not the body's fault, and one refusal needs the stored file's name.
                if recorded["code"] == "model_not_found" || id == "800e56bd5dbb4875" {
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
    assert!(asked == 0 || accepted * 1000 >= asked * 995, "accepted {accepted} of {asked}");
    assert!(refused == 0 || exact * 100 >= refused * 95, "refused {exact} of {refused}");
}
