//! Filters of a search: comparisons of a file's attributes, and what joins them.

use crate::wire::value::Holds;
use serde_json::Value;
use std::cmp::Ordering;

/// Whether a file with these attributes is asked for; no filter asks for all.
pub(super) fn holds(filter: &Value, attributes: &Value) -> bool {
    let inner = || filter["filters"].elements();
    let asked = &filter["value"];
    let found = filter["key"].as_str().and_then(|key| attributes.get(key));
    let order = |fits: fn(Ordering) -> bool| found.and_then(|found| compare(found, asked)).is_some_and(fits);
    let among = || {
        let mut values = asked.elements();
        found.is_some_and(|found| values.any(|value| compare(found, value) == Some(Ordering::Equal)))
    };
    match filter["type"].as_str().unwrap_or_default() {
        "and" => inner().all(|filter| holds(filter, attributes)),
        "or" => inner().any(|filter| holds(filter, attributes)),
        "eq" => order(Ordering::is_eq),
        "ne" => !order(Ordering::is_eq),
        "gt" => order(Ordering::is_gt),
        "gte" => order(Ordering::is_ge),
        "lt" => order(Ordering::is_lt),
        "lte" => order(Ordering::is_le),
        "in" => among(),
        "nin" => !among(),
        _ => true,
    }
}

/// Values of one kind can be compared.
fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn attributes_are_compared_as_asked() {
        let attributes = json!({"year": 2024, "team": "red", "open": true});
        let one = |kind: &str, key: &str, value: Value| json!({"type": kind, "key": key, "value": value});
        for (filter, expected) in [
            (one("eq", "year", json!(2024.0)), true),
            (one("eq", "year", json!("2024")), false),
            (one("ne", "team", json!("blue")), true),
            (one("ne", "missing", json!("x")), true),
            (one("eq", "missing", json!("x")), false),
            (one("gt", "year", json!(2023)), true),
            (one("gte", "year", json!(2024)), true),
            (one("lt", "year", json!(2024)), false),
            (one("lte", "year", json!(2024)), true),
            (one("gt", "missing", json!(0)), false),
            (one("lt", "team", json!("sea")), true),
            (one("eq", "open", json!(true)), true),
            (one("in", "team", json!(["blue", "red"])), true),
            (one("nin", "team", json!(["blue", "red"])), false),
            (one("nin", "missing", json!(["x"])), true),
            (
                json!({"type": "and", "filters": [one("eq", "open", json!(true)), one("eq", "team", json!("blue"))]}),
                false,
            ),
            (
                json!({"type": "or", "filters": [one("eq", "open", json!(true)), one("eq", "team", json!("blue"))]}),
                true,
            ),
            (json!({"type": "and", "filters": [{"type": "or", "filters": [one("eq", "year", json!(2024))]}]}), true),
            (Value::Null, true),
        ] {
            assert_eq!(holds(&filter, &attributes), expected, "{filter}");
        }
    }
}
