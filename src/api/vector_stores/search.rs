//! Searches in vector stores, by whoever asks: the API's own, and the `file_search` tool of Responses.

use super::files;
use super::filters;
use super::rank::{Passage, RankedQuery, rank, result, words};
use super::store;
use crate::session::exchange::PaidUse;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture};
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// Results of a search that does not say how many.
const USUAL: usize = 10;
/// Results of the tool that does not say how many.
const USUAL_OF_TOOL: usize = 20;

pub(super) fn search(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let store = store::using(&call).await?;
        let body = &call.body;
        let mut queries: Vec<String> = match &body["query"] {
            Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_string).collect(),
            one => vec![one.as_str().unwrap_or_default().to_string()],
        };
        if body["rewrite_query"] == true {
            queries.iter_mut().for_each(|query| *query = rewritten(query));
        }
        let wanted = |attributes: &Value| filters::holds(&body["filters"], attributes);
        let passages = files::passages(&call.session, call.created(), store.id(), wanted).await;
        let query = RankedQuery::of(queries.join("\n"), body, USUAL);
        let length = passages.iter().map(|passage| passage.text.len()).sum();
        let shown = crate::runtime::aside(length, || {
            let ranked = rank(&passages, &query).into_iter();
            ranked.map(|(passage, score)| shown(passage, score)).collect::<Vec<_>>()
        });
        let _ = call.exchange.uses.set([PaidUse::FileSearch(store.id().to_string())].into());
        Ok(Answer::json(&json!({
            "object": "vector_store.search_results.page", "search_query": queries, "data": shown, "has_more": false,
            "next_page": null,
        })))
    })
}

fn shown(passage: &Passage, score: f64) -> Value {
    json!({
        "file_id": passage.file, "filename": passage.filename, "score": score, "attributes": passage.attributes,
        "content": [{"type": "text", "text": passage.text}],
    })
}

/// A query without the words that say little; one that has no others stays.
fn rewritten(query: &str) -> String {
    let said: Vec<String> = words(query).collect();
    if said.is_empty() { query.to_string() } else { said.join(" ") }
}

/// What the `file_search` tools of a request may find, read before the model answers.
#[derive(Debug)]
pub(crate) struct FileSearch {
    passages: Vec<Passage>,
    /// The tool's options.
    options: Value,
}

impl FileSearch {
    /// The search of a request's tools; `None` when none of them names a store that there is.
    pub(crate) async fn of(call: &Call) -> Option<Self> {
        let tools = call.body.get("tools").and_then(Value::as_array)?;
        let tool = tools.iter().find(|tool| tool["type"] == "file_search")?;
        let ids: Vec<&str> = tool["vector_store_ids"].as_array()?.iter().filter_map(Value::as_str).collect();
        FileSearch::among(call, &ids, tool).await
    }

    /// A search in these stores; `None` when there is none of them.
    pub(crate) async fn among(call: &Call, ids: &[&str], options: &Value) -> Option<Self> {
        let wanted = |attributes: &Value| filters::holds(&options["filters"], attributes);
        let (mut passages, mut known) = (Vec::new(), false);
        for id in ids {
            if store::touch(&call.session, id, call.created()).await.is_ok() {
                known = true;
                passages.extend(files::passages(&call.session, call.created(), id, wanted).await);
            }
        }
        known.then(|| FileSearch { passages, options: options.clone() })
    }

    /// The results of a `file_search_call` with these queries, the best first.
    pub(crate) fn find(&self, queries: &Value) -> Vec<Value> {
        let queries: Vec<&str> = queries.elements().filter_map(Value::as_str).collect();
        let query = RankedQuery::of(queries.join("\n"), &self.options, USUAL_OF_TOOL);
        rank(&self.passages, &query).into_iter().map(|(passage, score)| result(passage, score)).collect()
    }
}

/// Cites the best result at the end of a text, before its last letter (recordings 297ba49fb08a3b37, 5a5d9c1748565b84).
pub(crate) fn citation(found: &[Value], text: &str) -> Option<Value> {
    let best = found.first()?;
    let index = text.chars().count().saturating_sub(1);
    Some(json!({"type": "file_citation", "file_id": best["file_id"], "filename": best["filename"], "index": index}))
}
