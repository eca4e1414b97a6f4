//! Lists with a cursor: `{"object":"list","data","first_id","last_id","has_more"}`.

use crate::call::Call;
use serde::Serialize;
use serde_json::Value;

/// The order of a list when none is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// A page of a list, as it is answered.
#[derive(Debug, Serialize)]
pub struct Page {
    object: &'static str,
    data: Vec<Value>,
    first_id: Option<Value>,
    last_id: Option<Value>,
    has_more: bool,
}

impl Page {
    /// All of these, whole.
    pub fn whole(data: Vec<Value>) -> Self {
        Page::of(data, false)
    }

    fn of(data: Vec<Value>, has_more: bool) -> Self {
        let id = |item: Option<&Value>| item.and_then(|item| item.get("id")).cloned();
        Page { object: "list", first_id: id(data.first()), last_id: id(data.last()), data, has_more }
    }

    /// The page the query asks for (`after`, `limit` 1–100, `order`) of `items`, which come oldest first; 20 unless asked
    /// otherwise, and in the resource's own `order`. The query was validated.
    pub fn asked(call: &Call, items: Vec<Value>, order: Order) -> Self {
        let limit = call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20).clamp(1, 100);
        let ascending = call.query("order").map_or(order == Order::OldestFirst, |order| order == "asc");
        Page::cut(items, call.query("after"), limit, ascending)
    }

    fn cut(mut items: Vec<Value>, after: Option<&str>, limit: usize, ascending: bool) -> Self {
        if !ascending {
            items.reverse();
        }
        if let Some(after) = after {
            let at = items.iter().position(|item| item.get("id").and_then(Value::as_str) == Some(after));
            items.drain(..at.map_or(0, |at| at + 1));
        }
        let has_more = items.len() > limit;
        items.truncate(limit);
        Page::of(items, has_more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pages_follow_each_other() {
        let items = || ["a", "b", "c"].into_iter().map(|id| json!({"id": id})).collect::<Vec<_>>();
        let page = Page::cut(items(), None, 2, false);
        assert_eq!(
            serde_json::to_string(&page).expect("it serializes"),
            r#"{"object":"list","data":[{"id":"c"},{"id":"b"}],"first_id":"c","last_id":"b","has_more":true}"#
        );
        let page = Page::cut(items(), Some("b"), 2, false);
        assert_eq!((page.data, page.has_more), (vec![json!({"id": "a"})], false));
        assert_eq!(Page::cut(items(), Some("a"), 1, true).last_id, Some(json!("b")));
    }
}
