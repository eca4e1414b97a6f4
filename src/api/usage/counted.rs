//! What one exchange counts, and what several come to.

use crate::session::exchange::{Exchange, PaidUse};
use crate::surface::{Family, operations};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// What usage is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsageKind {
    Completions,
    Embeddings,
    Moderations,
    Images,
    Speeches,
    Transcriptions,
    Decisions,
    FileSearches,
    WebSearches,
    CodeSessions,
    VectorStores,
    Costs,
}

impl UsageKind {
    fn of(family: Family) -> Option<Self> {
        match family {
            Family::Text => Some(UsageKind::Completions),
            Family::Embeddings => Some(UsageKind::Embeddings),
            Family::Moderations => Some(UsageKind::Moderations),
            Family::Images => Some(UsageKind::Images),
            Family::Speech => Some(UsageKind::Speeches),
            Family::Transcriptions => Some(UsageKind::Transcriptions),
            Family::Other => None,
        }
    }

    /// The field that its results may be grouped by, and chosen by its plural.
    pub(super) fn group(self) -> &'static str {
        if self == UsageKind::FileSearches { "vector_store_id" } else { "model" }
    }

    fn object(self) -> &'static str {
        match self {
            UsageKind::Completions => "organization.usage.completions.result",
            UsageKind::Embeddings => "organization.usage.embeddings.result",
            UsageKind::Moderations => "organization.usage.moderations.result",
            UsageKind::Images => "organization.usage.images.result",
            UsageKind::Speeches => "organization.usage.audio_speeches.result",
            UsageKind::Transcriptions => "organization.usage.audio_transcriptions.result",
            UsageKind::Decisions => "organization.usage.decisions.result",
            UsageKind::FileSearches => "organization.usage.file_searches.result",
            UsageKind::WebSearches => "organization.usage.web_searches.result",
            UsageKind::CodeSessions => "organization.usage.code_interpreter_sessions.result",
            UsageKind::VectorStores => "organization.usage.vector_stores.result",
            UsageKind::Costs => "organization.costs.result",
        }
    }
}

/// What an exchange counts.
#[derive(Debug, Clone)]
pub(super) struct CountedExchange {
    kind: UsageKind,
    /// Unix seconds.
    pub at: u64,
    /// The model, or the vector store that was searched.
    pub of: String,
    input: u64,
    output: u64,
    /// Pictures, characters or calls.
    things: u64,
}

impl CountedExchange {
    /// All that an exchange counts: the answer of its model, and what it used beside.
    pub(super) fn all(exchange: &Exchange) -> Vec<Self> {
        if exchange.record().status.is_none_or(|status| !(200..300).contains(&status)) {
            return Vec::new();
        }
        let mut all: Vec<CountedExchange> = CountedExchange::answer(exchange).into_iter().collect();
        let (input, output) = exchange.tokens.get().copied().unwrap_or_default();
        for used in exchange.uses.get().into_iter().flatten() {
            let (kind, of, input, output) = match used {
                PaidUse::FileSearch(store) => (UsageKind::FileSearches, store.clone(), 0, 0),
                PaidUse::WebSearch => (UsageKind::WebSearches, model(exchange), 0, 0),
                PaidUse::CodeSession => (UsageKind::CodeSessions, String::new(), 0, 0),
                PaidUse::Decision(model) => (UsageKind::Decisions, model.clone(), input, output),
            };
            match all.iter_mut().find(|one| one.kind == kind && one.of == of) {
                Some(one) => one.things += 1,
                None => all.push(CountedExchange { kind, at: exchange.at.as_secs(), of, input, output, things: 1 }),
            }
        }
        all
    }

    /// Of an exchange that was answered by a model.
    fn answer(exchange: &Exchange) -> Option<Self> {
        let operation = operations::named(exchange.operation).filter(|operation| operation.turn)?;
        let kind = UsageKind::of(operation.family)?;
        let (input, output) = exchange.tokens.get().copied().unwrap_or_default();
        let things = match kind {
            UsageKind::Images | UsageKind::Speeches => {
                let body: Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
                match kind {
                    UsageKind::Images => body["n"].as_u64().unwrap_or(1),
                    _ => body["input"].as_str().map_or(0, |text| text.chars().count() as u64),
                }
            }
            _ => 0,
        };
        Some(CountedExchange { kind, at: exchange.at.as_secs(), of: model(exchange), input, output, things })
    }
}

fn model(exchange: &Exchange) -> String {
    exchange.model.get().or(exchange.wants.as_ref()).cloned().unwrap_or_default()
}

/// What exchanges come to: one result, or one for each model, vector store or line of the bill.
pub(super) fn results<'a>(
    all: impl Iterator<Item = &'a CountedExchange>,
    kind: UsageKind,
    by_group: bool,
    by_line: bool,
) -> Vec<Value> {
    if kind == UsageKind::Costs {
        return costs(all, by_line);
    }
    let mut groups: BTreeMap<Option<&str>, Vec<&CountedExchange>> = BTreeMap::new();
    for one in all.filter(|one| one.kind == kind) {
        groups.entry(by_group.then_some(one.of.as_str())).or_default().push(one);
    }
    let result = |(of, ones): (Option<&str>, Vec<&CountedExchange>)| {
        let sum = |number: fn(&CountedExchange) -> u64| ones.iter().map(|one| number(one)).sum::<u64>();
        let things = sum(|one| one.things);
        if kind == UsageKind::CodeSessions {
            return json!({"object": kind.object(), "num_sessions": things, "project_id": null});
        }
        let mut result = json!({"object": kind.object(), "project_id": null, "user_id": null, "api_key_id": null});
        result[kind.group()] = of.into();
        if kind == UsageKind::FileSearches {
            result["num_requests"] = things.into();
            return result;
        }
        result["num_model_requests"] = ones.len().into();
        match kind {
            UsageKind::WebSearches => {
                result["num_requests"] = things.into();
                result["context_level"] = Value::Null;
            }
            UsageKind::Decisions => {
                result["input_tokens"] = sum(|one| one.input).into();
                result["output_tokens"] = sum(|one| one.output).into();
            }
            UsageKind::Completions => {
                result["input_tokens"] = sum(|one| one.input).into();
                result["output_tokens"] = sum(|one| one.output).into();
                for name in ["input_cached_tokens", "input_audio_tokens", "output_audio_tokens"] {
                    result[name] = 0.into();
                }
                result["batch"] = Value::Null;
            }
            UsageKind::Images => {
                result["images"] = things.into();
                result["size"] = Value::Null;
                result["source"] = Value::Null;
            }
            UsageKind::Speeches => result["characters"] = things.into(),
            UsageKind::Transcriptions => result["seconds"] = 0.into(),
            _ => result["input_tokens"] = sum(|one| one.input).into(),
        }
        result
    };
    groups.into_iter().map(result).collect()
}

/// Dollars for a million tokens.
#[derive(Debug, Clone, Copy, Deserialize)]
struct TokenPrice {
    input: f64,
    output: f64,
}

static PRICES: LazyLock<HashMap<String, TokenPrice>> =
    // Compiled in, and read whole by the test below.
    LazyLock::new(|| serde_json::from_str(include_str!("prices.json")).unwrap_or_default());

/// What a model's tokens cost: by the longest name that it begins with; a tuned model as its base.
fn price(model: &str) -> Option<TokenPrice> {
    let name = model.strip_prefix("ft:").unwrap_or(model);
    let known = PRICES.iter().filter(|(known, _)| name.starts_with(known.as_str()));
    known.max_by_key(|(known, _)| known.len()).map(|(_, price)| *price)
}

/// What vector stores that were there by the end of a bucket hold.
pub(super) fn stored(stores: &[(u64, u64)], end: u64) -> Vec<Value> {
    let there: Vec<u64> = stores.iter().filter(|(made, _)| *made < end).map(|(_, bytes)| *bytes).collect();
    let result = || json!({"object": UsageKind::VectorStores.object(), "usage_bytes": there.iter().sum::<u64>(), "project_id": null});
    (!there.is_empty()).then(result).into_iter().collect()
}

fn costs<'a>(all: impl Iterator<Item = &'a CountedExchange>, by_line: bool) -> Vec<Value> {
    let mut lines: BTreeMap<Option<String>, f64> = BTreeMap::new();
    for one in all {
        let Some(price) = price(&one.of) else { continue };
        for (what, tokens, dollars) in [("input", one.input, price.input), ("output", one.output, price.output)] {
            let line = by_line.then(|| format!("{}, {what}", one.of));
            *lines.entry(line).or_default() += tokens as f64 * dollars / 1e6;
        }
    }
    let result = |(line, value): (Option<String>, f64)| {
        json!({"object": UsageKind::Costs.object(), "amount": {"value": value, "currency": "usd"}, "line_item": line,
            "project_id": null, "organization_id": crate::wire::error::ORGANIZATION_ID})
    };
    lines.into_iter().map(result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: UsageKind, model: &str, input: u64, output: u64) -> CountedExchange {
        CountedExchange { kind, at: 0, of: model.into(), input, output, things: 2 }
    }

    #[test]
    fn prices_are_found_by_the_longest_name() {
        let prices: HashMap<String, TokenPrice> =
            serde_json::from_str(include_str!("prices.json")).expect("it is JSON of this form");
        assert!(prices.values().all(|price| price.input > 0.0 && price.output >= 0.0));
        for (model, input) in [
            ("gpt-4o-2024-08-06", 2.5),
            ("gpt-4o-mini-2024-07-18", 0.15),
            ("ft:gpt-4o-mini-2024-07-18:llemulator::1", 0.15),
            ("gpt-4.1-nano", 0.1),
        ] {
            assert_eq!(price(model).map(|price| price.input), Some(input), "{model}");
        }
        assert!(price("my-own").is_none());
    }

    #[test]
    fn exchanges_are_summed_by_model_and_line() {
        let all = [
            one(UsageKind::Completions, "gpt-4o", 1_000_000, 100_000),
            one(UsageKind::Completions, "gpt-4o", 0, 0),
            one(UsageKind::Embeddings, "text-embedding-3-small", 500_000, 0),
            one(UsageKind::Images, "gpt-image-1", 0, 0),
        ];
        let together = results(all.iter(), UsageKind::Completions, false, false);
        assert_eq!(
            (together.len(), &together[0]["num_model_requests"], &together[0]["model"]),
            (1, &json!(2), &Value::Null)
        );
        assert_eq!((&together[0]["input_tokens"], &together[0]["output_tokens"]), (&json!(1_000_000), &json!(100_000)));
        assert_eq!(results(all.iter(), UsageKind::Embeddings, true, false)[0]["model"], "text-embedding-3-small");
        assert_eq!(results(all.iter(), UsageKind::Images, false, false)[0]["images"], 2);
        assert_eq!(results(all.iter(), UsageKind::Moderations, false, false), [Value::Null; 0]);
        let costs = results(all.iter(), UsageKind::Costs, false, false);
        assert!((costs[0]["amount"]["value"].as_f64().expect("a value") - 3.51).abs() < 1e-9, "{costs:?}");
        let lines = results(all.iter(), UsageKind::Costs, false, true);
        let names: Vec<&Value> = lines.iter().map(|line| &line["line_item"]).collect();
        assert_eq!(
            names,
            [
                &json!("gpt-4o, input"),
                &json!("gpt-4o, output"),
                &json!("text-embedding-3-small, input"),
                &json!("text-embedding-3-small, output")
            ]
        );
    }
}
