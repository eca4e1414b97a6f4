//! `admin.organization.usage`: what this session asked, counted from its journal, and what that would have cost by the
//! prices in `prices.json` (dollars for a million tokens, by the beginning of the model's name).

mod buckets;
mod counted;

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
    Served { name: "admin.organization.usage.costs", handler: |call| page(call, UsageKind::Costs) },
];

/// The buckets the query asks for, each with what was asked in it.
fn page(call: Call, kind: UsageKind) -> HandlerFuture {
    Box::pin(async move {
        let (buckets, next) = buckets::asked(&call, kind == UsageKind::Costs);
        let models: Vec<&str> = call.queries("models").collect();
        let counted: Vec<CountedExchange> = call
            .session
            .journal
            .last(usize::MAX)
            .iter()
            .filter_map(|exchange| CountedExchange::of(exchange))
            .filter(|one| models.is_empty() || models.iter().any(|model| *model == one.model))
            .collect();
        let by = |name: &str| call.queries("group_by").any(|asked| asked == name);
        let (by_model, by_line) = (by("model"), by("line_item"));
        let bucket = |(start, end): (u64, u64)| {
            let inside = counted.iter().filter(|one| (start..end).contains(&one.at));
            json!({"object": "bucket", "start_time": start, "end_time": end,
                "results": counted::results(inside, kind, by_model, by_line)})
        };
        let data: Vec<Value> = buckets.into_iter().map(bucket).collect();
        Ok(Answer::json(&json!({"object": "page", "data": data, "has_more": next.is_some(), "next_page": next})))
    })
}
