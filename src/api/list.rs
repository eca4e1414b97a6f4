//! Lists with a cursor: `{"object":"list","data","first_id","last_id","has_more"}`.

use super::error::ApiError;
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
    /// otherwise, and in the resource's own `order`.
    pub fn asked(call: &Call, items: Vec<Value>, order: Order) -> Result<Self, ApiError> {
        let limit = match call.query("limit") {
            None => 20,
            Some(text) => match text.parse::<i64>() {
                Ok(limit) if limit < 1 => {
                    return Err(out_of_range("below minimum", ">= 1", limit, "integer_below_min_value"));
                }
                Ok(limit) if limit > 100 => {
                    return Err(out_of_range("above maximum", "<= 100", limit, "integer_above_max_value"));
                }
                Ok(limit) => limit as usize,
                Err(_) => {
                    let message = "Invalid type for 'limit': expected an integer, but got a string instead.";
                    return Err(ApiError::invalid(message).param("limit").code("invalid_type"));
                }
            },
        };
        let ascending = match call.query("order") {
            None => order == Order::OldestFirst,
            Some("desc") => false,
            Some("asc") => true,
            Some(other) => return Err(ApiError::invalid_value("order", other, &["asc", "desc"])),
        };
        Ok(Page::cut(items, call.query("after"), limit, ascending))
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

fn out_of_range(what: &str, bound: &str, got: i64, code: &str) -> ApiError {
    let message = format!("Invalid 'limit': integer {what} value. Expected a value {bound}, but got {got} instead.");
    ApiError::invalid(message).param("limit").code(code)
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
