//! How a conversation stays within the model's context: `context_management` and the sealed items it leaves.

use crate::reply::{Choice, Part};
use crate::turn::models::Model;
use serde_json::{Value, json};

/// What the model still sees of a conversation: before the last `compaction` item only messages that are not the
/// assistant's, because the item stands for the rest (recordings aecc7c1997c3c716, 722e36d2bd517582).
pub(super) fn visible(items: &[Value]) -> impl Iterator<Item = &Value> {
    let sealed = items.iter().rposition(|item| item["type"] == "compaction").unwrap_or(0);
    items.iter().enumerate().filter_map(move |(index, item)| {
        let kept = item["role"].as_str().is_some_and(|role| role != "assistant");
        (index >= sealed || kept).then_some(item)
    })
}

/// The item that follows the answer once input and answer reach the threshold (recordings 4b367ae425bbe702 and
/// 54d1f0e27a419e4f; 005a24d3d2e7588a stays below). Without a threshold it is the context window.
/// None is made where the answer brings its own.
pub(super) fn compaction(body: &Value, model: &Model, tokens: u64, answer: &Choice) -> Option<Part> {
    let sealed = |part: &Part| matches!(part, Part::Item(item) if item["type"] == "compaction");
    let entries = body.get("context_management")?.as_array()?;
    let entry = entries.iter().find(|entry| entry["type"] == "compaction")?;
    let threshold = entry.get("compact_threshold").and_then(Value::as_u64).unwrap_or(model.context_window);
    (tokens >= threshold && !answer.parts.iter().any(sealed)).then(|| Part::Item(json!({"type": "compaction"})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_item_stands_for_what_the_assistant_said_before_it() {
        let says = |role: &str| json!({"type": "message", "role": role});
        let items = [
            says("user"),
            says("assistant"),
            json!({"type": "reasoning"}),
            json!({"type": "compaction"}),
            says("user"),
        ];
        let seen: Vec<&str> = visible(&items).map(|item| item["type"].as_str().unwrap_or_default()).collect();
        assert_eq!(seen, ["message", "compaction", "message"]);
        assert_eq!(visible(&items[..3]).count(), 3);
    }

    #[test]
    fn the_threshold_counts_input_and_answer() {
        let model = Model::custom("m", Some(5000), None, None);
        let due = |body: &Value, tokens| compaction(body, &model, tokens, &Choice::default()).is_some();
        let body = json!({"context_management": [{"type": "compaction", "compact_threshold": 1000}]});
        assert!(!due(&body, 999));
        assert!(due(&body, 1000));
        assert!(!due(&json!({}), 9000));
        let open = json!({"context_management": [{"type": "compaction", "compact_threshold": null}]});
        assert!(!due(&open, 4999));
        assert!(due(&open, 5000));
        let own = Choice { parts: vec![Part::Item(json!({"type": "compaction"}))], ..Choice::default() };
        assert!(compaction(&body, &model, 5000, &own).is_none());
    }
}
