//! `admin.organization.usage`: what this session asked, counted from its journal, and what that would have cost by the
//! prices in `prices.json` (dollars for a million tokens, by the beginning of the model's name).

mod buckets;
mod counted;

use crate::api::vector_stores::store;
use crate::turn::answer::Answer;
use crate::turn::call::{Call, HandlerFuture, Served};
use counted::{CountedExchange, UsageKind};
use serde_json::{Value, json};

/// The operations of this resource.
pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "admin.organization.usage.completions", handler: |call| page(call, UsageKind::Completions) },
    Served { name: "admin.organization.usage.embeddings", handler: |call| page(call, UsageKind::Embeddings) },
    Served { name: "admin.organization.usage.moderations", handler: |call| page(call, UsageKind::Moderations) },
    Served { name: "admin.organization.usage.images", handler: |call| page(call, UsageKind::Images) },
    Served { name: "admin.organization.usage.audio_speeches", handler: |call| page(call, UsageKind::Speeches) },
    Served {
        name: "admin.organization.usage.audio_transcriptions",
        handler: |call| page(call, UsageKind::Transcriptions),
    },
    Served { name: "admin.organization.usage.decisions", handler: |call| page(call, UsageKind::Decisions) },
    Served { name: "admin.organization.usage.file_search_calls", handler: |call| page(call, UsageKind::FileSearches) },
    Served { name: "admin.organization.usage.web_search_calls", handler: |call| page(call, UsageKind::WebSearches) },
    Served {
        name: "admin.organization.usage.code_interpreter_sessions",
        handler: |call| page(call, UsageKind::CodeSessions),
    },
    Served { name: "admin.organization.usage.vector_stores", handler: |call| page(call, UsageKind::VectorStores) },
    Served { name: "admin.organization.usage.costs", handler: |call| page(call, UsageKind::Costs) },
];

/// The buckets the query asks for, each with what was asked in it.
fn page(call: Call, kind: UsageKind) -> HandlerFuture {
    Box::pin(async move {
        let (buckets, next) = buckets::asked(&call, kind == UsageKind::Costs);
        let wanted: Vec<&str> = call.queries("models").chain(call.queries("vector_store_ids")).collect();
        let counted: Vec<CountedExchange> = call
            .session
            .journal
            .last(usize::MAX)
            .iter()
            .flat_map(|exchange| CountedExchange::all(exchange))
            .filter(|one| wanted.is_empty() || wanted.iter().any(|wanted| *wanted == one.of))
            .collect();
        let by = |name: &str| call.queries("group_by").any(|asked| asked == name);
        let (by_group, by_line) = (by(kind.group()), by("line_item"));
        let stores = if kind == UsageKind::VectorStores { store::sizes(&call.session).await } else { Vec::new() };
        let bucket = |(start, end): (u64, u64)| {
            let inside = counted.iter().filter(|one| (start..end).contains(&one.at));
            let results = match kind {
                UsageKind::VectorStores => counted::stored(&stores, end),
                _ => counted::results(inside, kind, by_group, by_line),
            };
            json!({"object": "bucket", "start_time": start, "end_time": end, "results": results})
        };
        let data: Vec<Value> = buckets.into_iter().map(bucket).collect();
        Ok(Answer::json(&json!({"object": "page", "data": data, "has_more": next.is_some(), "next_page": next})))
    })
}
