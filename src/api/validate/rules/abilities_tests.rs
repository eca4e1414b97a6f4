//! The table row by row: what it refuses, for which models, and what they take.

use crate::api::validate::rules::abilities::*;
use crate::api::validate::tests::full;
use crate::turn::models::ModelKind;
use crate::turn::models::catalogue;
use crate::turn::models::find as model;
use crate::wire::dialect::Dialect;
use serde_json::json;

/// A request of a row, to a model.
fn request(row: &Ability, model: &Model, with: &Value) -> (&'static str, Value) {
    let (operation, mut body) = match row.api {
        Dialect::Chat => ("chat.completions.create", json!({"messages": [{"role": "user", "content": "x"}]})),
        Dialect::Responses => ("responses.create", json!({"input": "x"})),
        other => panic!("no row is about {other:?}"),
    };
    body["model"] = json!(model.id);
    for (key, value) in with.as_object().unwrap() {
        body[key] = value.clone();
    }
    (operation, body)
}

/// Models that serve a row's API.
fn serving(api: Dialect) -> impl Iterator<Item = &'static Model> {
    catalogue().iter().filter(move |model| match api {
        Dialect::Chat => matches!(model.kind, ModelKind::Chat | ModelKind::ChatOnly),
        Dialect::Responses => matches!(model.kind, ModelKind::Chat | ModelKind::Responses),
        _ => false,
    })
}

#[test]
fn every_row_refuses_its_models_and_no_others() {
    for row in &TABLE.rows {
        let mut refused = 0;
        // What a value of no model shows: enums are checked before what a model offers.
        let bogus = row.tries.to_string().contains("bogus");
        for one in serving(row.api).filter(|_| !bogus) {
            let effort = row.tries.get("reasoning_effort").and_then(Value::as_str);
            let concerned = row.concerns(one, known(one)) && (!row.thinking || thinks(one, effort));
            let hits: Vec<Hit> = row.params.iter().flat_map(|param| row.hits(param, &row.tries, one)).collect();
            let (operation, body) = request(row, one, &row.tries);
            let said = full(operation, &body);
            if concerned && !hits.is_empty() {
                refused += 1;
                // An earlier fault may be met first; then that is said.
                assert!(said.is_err(), "{body} is refused: {}", row.evidence);
            } else if !TABLE.rows.iter().any(|other| {
                other.api == row.api
                    && other.concerns(one, known(one))
                    && other.params.iter().any(|param| !other.hits(param, &body, one).is_empty())
            }) {
                assert_eq!(said, Ok(()), "{body}");
            }
        }
        assert!(bogus || refused > 0, "{:?} of {:?} refuses nobody", row.params, row.of);
        assert!(!row.evidence.is_empty(), "{:?}", row.params);
    }
}

#[test]
fn every_row_says_something_and_selects_someone() {
    for row in &TABLE.rows {
        assert!(TABLE.words.contains_key(&row.words), "{}", row.words);
        for selector in row.of.iter().chain(&row.but) {
            assert!(
                catalogue().iter().any(|model| names(selector, model, known(model))),
                "{selector} is no model and no family"
            );
        }
    }
    for name in TABLE.words.keys() {
        assert!(TABLE.rows.iter().any(|row| row.words == *name), "nobody says {name}");
    }
    // Groups say what the catalogue knows.
    let of = |group: &str| spelled(&[group.to_string()], &TABLE.groups);
    for model in catalogue().iter().filter(|model| {
        matches!(model.kind, ModelKind::Chat | ModelKind::ChatOnly | ModelKind::Responses) && model.family != "emulator"
    }) {
        let (reasoning, plain) = (of("@reasoning"), of("@plain"));
        assert_eq!(reasoning.iter().any(|family| family == model.family), model.reasoning, "{}", model.id);
        assert_eq!(plain.iter().any(|family| family == model.family), !model.reasoning, "{}", model.id);
    }
}

#[test]
fn words_of_the_rows() {
    let chat = |name: &str, with: Value| {
        let mut body = json!({"model": name, "messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        full("chat.completions.create", &body).map_err(|error| (error.status, error.inner()))
    };
    let invalid = |status: u16, message: &str, param: Value, code: Value| {
        Err((status, json!({"message": message, "type": "invalid_request_error", "param": param, "code": code})))
    };
    let none = Value::Null;
    assert_eq!(
        chat("gpt-4.1", json!({"web_search_options": {}})),
        invalid(400, "Web search options not supported with this model.", json!("web_search_options"), none.clone())
    );
    assert_eq!(
        chat("gpt-5.6-luna", json!({"web_search_options": {}})),
        invalid(
            400,
            "Unknown parameter: 'web_search_options'.",
            json!("web_search_options"),
            json!("unknown_parameter")
        )
    );
    assert_eq!(
        chat("gpt-4o-search-preview", json!({"temperature": 0, "top_p": 1, "web_search_options": {}})),
        invalid(400, "Model incompatible request arguments supplied: temperature, top_p", none.clone(), none.clone())
    );
    assert_eq!(
        chat("o4-mini", json!({"logprobs": true})),
        invalid(403, "You are not allowed to request logprobs from this model", none.clone(), none.clone())
    );
    assert_eq!(
        chat(
            "gpt-3.5-turbo",
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "https://a.example"}}]}]})
        ),
        invalid(
            400,
            "Invalid content type. image_url is only supported by certain models.",
            json!("messages.[0].content.[1].type"),
            none
        )
    );
    for name in ["o1", "o3-mini"] {
        assert_eq!(chat(name, json!({"stop": "x"})), Ok(()), "{name}");
    }
    for name in ["o3", "o4-mini"] {
        assert!(chat(name, json!({"stop": "x"})).is_err(), "{name}: the document says so");
    }
    assert_eq!(chat("my-model", json!({"reasoning_effort": "low", "web_search_options": {}, "n": 100})), Ok(()));
}

#[test]
fn who_thinks() {
    let thinks = |id: &str, effort: Option<&str>| thinks(&model(id).unwrap(), effort);
    assert!(thinks("gpt-5", None));
    assert!(thinks("gpt-5", Some("none")), "gpt-5 cannot stop thinking");
    assert!(!thinks("gpt-5.1", None));
    assert!(thinks("gpt-5.1", Some("low")));
    assert!(thinks("gpt-5.6-sol", None));
    assert!(!thinks("gpt-5.6-sol", Some("none")));
    assert!(!thinks("gpt-4o", Some("low")));
}

#[test]
fn cache_options_are_taken_by_every_model() {
    for one in serving(Dialect::Responses) {
        let body = json!({"model": one.id, "input": "x", "prompt_cache_retention": "in_memory", "prompt_cache_options": {"mode": "implicit"}});
        assert_eq!(full("responses.create", &body), Ok(()), "{}", one.id);
    }
}
