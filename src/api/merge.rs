//! What a rule's `object` changes in an answer.

use crate::turn::answer::{Answer, Body, pretty};
use serde_json::Value;

/// Merges an object over the one that is answered; what is no JSON object stays as it is.
pub(super) fn into(answer: &mut Answer, object: &Value) {
    let Body::Json(bytes) = &answer.body else { return };
    let Ok(mut shown) = serde_json::from_slice::<Value>(bytes) else { return };
    over(&mut shown, object);
    answer.body = Body::Json(pretty(&shown, bytes.ends_with(b"\n")));
}

/// Objects are merged field by field, at every depth; all else stands in place of what was there.
pub(super) fn over(shown: &mut Value, object: &Value) {
    match (shown, object) {
        (Value::Object(shown), Value::Object(object)) => {
            for (name, value) in object {
                over(shown.entry(name.as_str()).or_insert(Value::Null), value);
            }
        }
        (shown, value) => *shown = value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_merged_at_every_depth_and_the_last_newline_stays() {
        let mut answer = Answer::json_line(&json!({"id": "a", "counts": {"total": 1, "failed": 0}, "tags": [1, 2]}));
        into(&mut answer, &json!({"counts": {"failed": 1}, "tags": [3], "error": null}));
        let Body::Json(bytes) = &answer.body else { panic!("JSON") };
        assert!(bytes.ends_with(b"}\n"));
        let shown: Value = serde_json::from_slice(bytes).expect("JSON");
        assert_eq!(shown, json!({"id": "a", "counts": {"total": 1, "failed": 1}, "tags": [3], "error": null}));
    }
}
