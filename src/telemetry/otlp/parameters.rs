//! What a request asks of the model beside its contents, as the conventions name it.

use opentelemetry::{Array, KeyValue, StringValue, Value};
use serde::Deserialize;
use serde_json::Value as Json;

/// Larger bodies are not read again for it: it would cost more than what is told.
const LARGE: usize = 256 * 1024;

/// Answers that a request can have at most.
const CHOICES: usize = 2048;

/// The fields that are reported, read past all others.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Parameters {
    temperature: Json,
    top_p: Json,
    frequency_penalty: Json,
    presence_penalty: Json,
    n: Json,
    prompt: Json,
    seed: Json,
    max_tokens: Json,
    max_completion_tokens: Json,
    max_output_tokens: Json,
    dimensions: Json,
    encoding_format: Json,
    stop: Json,
    service_tier: Json,
    response_format: Json,
    text: Json,
}

impl Parameters {
    /// Those of a body; none of what is no JSON object.
    pub(super) fn of(body: &[u8]) -> Self {
        if body.len() > LARGE {
            return Parameters::default();
        }
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// How many answers there are: so many for each prompt, of which a list of tokens is one.
    pub(super) fn choices(&self) -> usize {
        let several = self.prompt.as_array().filter(|all| !all.iter().all(Json::is_number));
        let each = self.n.as_u64().map_or(1, |n| usize::try_from(n).unwrap_or(CHOICES));
        each.saturating_mul(several.map_or(1, Vec::len)).clamp(1, CHOICES)
    }

    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let mut all = Vec::new();
        let mut add =
            |name: &'static str, value: Option<Value>| all.extend(value.map(|value| KeyValue::new(name, value)));
        for (name, value) in [
            ("gen_ai.request.temperature", &self.temperature),
            ("gen_ai.request.top_p", &self.top_p),
            ("gen_ai.request.frequency_penalty", &self.frequency_penalty),
            ("gen_ai.request.presence_penalty", &self.presence_penalty),
        ] {
            add(name, value.as_f64().map(Value::F64));
        }
        let most = [&self.max_tokens, &self.max_completion_tokens, &self.max_output_tokens];
        add("gen_ai.request.max_tokens", most.iter().find_map(|value| value.as_i64()).map(Value::I64));
        add("gen_ai.request.choice.count", self.n.as_i64().filter(|n| *n != 1).map(Value::I64));
        add("gen_ai.request.seed", self.seed.as_i64().map(Value::I64));
        add("gen_ai.embeddings.dimension.count", self.dimensions.as_i64().map(Value::I64));
        add("gen_ai.request.encoding_formats", self.encoding_format.as_str().map(|format| texts([format])));
        add(
            "gen_ai.request.stop_sequences",
            match &self.stop {
                Json::String(stop) => Some(texts([stop.as_str()])),
                Json::Array(stops) => Some(texts(stops.iter().filter_map(Json::as_str))),
                _ => None,
            },
        );
        add(
            "openai.request.service_tier",
            self.service_tier.as_str().filter(|tier| *tier != "auto").map(|tier| tier.to_string().into()),
        );
        let format = self.response_format["type"].as_str().or(self.text["format"]["type"].as_str());
        add("gen_ai.output.type", format.map(|format| if format == "text" { "text" } else { "json" }.into()));
        all
    }
}

fn texts<'a>(all: impl IntoIterator<Item = &'a str>) -> Value {
    Value::Array(Array::String(all.into_iter().map(|text| StringValue::from(text.to_string())).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn named(body: &Json) -> Vec<(String, String)> {
        let all = Parameters::of(body.to_string().as_bytes()).attributes();
        all.into_iter().map(|pair| (pair.key.to_string(), pair.value.to_string())).collect()
    }

    #[test]
    fn both_dialects_name_them_alike() {
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        let chat = json!({"temperature": 0.5, "max_completion_tokens": 7, "n": 2, "seed": 3, "stop": ["a", "b"],
                          "response_format": {"type": "json_schema"}, "service_tier": "flex", "messages": []});
        assert_eq!(
            named(&chat),
            pairs(&[
                ("gen_ai.request.temperature", "0.5"),
                ("gen_ai.request.max_tokens", "7"),
                ("gen_ai.request.choice.count", "2"),
                ("gen_ai.request.seed", "3"),
                ("gen_ai.request.stop_sequences", "[\"a\",\"b\"]"),
                ("openai.request.service_tier", "flex"),
                ("gen_ai.output.type", "json"),
            ])
        );
        let responses =
            json!({"max_output_tokens": 7, "text": {"format": {"type": "text"}}, "service_tier": "auto", "n": 1});
        assert_eq!(named(&responses), pairs(&[("gen_ai.request.max_tokens", "7"), ("gen_ai.output.type", "text")]));
    }

    #[test]
    fn every_prompt_has_its_answers() {
        for (body, answers) in [
            (json!({"messages": []}), 1),
            (json!({"n": 3}), 3),
            (json!({"n": 2, "prompt": ["a", "b", "c"]}), 6),
            (json!({"prompt": [1, 2, 3]}), 1),
            (json!({"prompt": [[1, 2], [3]]}), 2),
            (json!({"n": u64::MAX, "prompt": ["a", "b"]}), CHOICES),
        ] {
            assert_eq!(Parameters::of(body.to_string().as_bytes()).choices(), answers, "{body}");
        }
    }

    #[test]
    fn what_is_wrong_is_not_reported() {
        assert_eq!(named(&json!({"temperature": "hot", "n": null, "stop": 5, "response_format": []})), []);
        assert_eq!(named(&json!(5)), []);
        assert!(Parameters::of(b"not JSON").attributes().is_empty());
    }
}
