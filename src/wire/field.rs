//! Looking into small objects.

use serde_json::{Map, Value};

/// A field of an object, if it is there. Request objects have few fields: looking at each is quicker than hashing the
/// name, and a chat request is asked for about fifty.
pub(crate) fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    find_in(value.as_object()?, name)
}

/// The same of what is known to be an object.
pub(crate) fn find_in<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    const FEW: usize = 16;
    match map.len() {
        ..=FEW => map.iter().find(|(key, _)| *key == name).map(|(_, value)| value),
        _ => map.get(name),
    }
}

/// The same, null where there is none.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    static NULL: Value = Value::Null;
    find(value, name).unwrap_or(&NULL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn small_and_large_objects_are_looked_into_alike() {
        for size in [0, 1, 16, 17, 100] {
            let object: Value = (0..size).map(|index| (format!("k{index}"), json!(index))).collect();
            assert_eq!(find(&object, "k0"), object.get("k0"));
            assert_eq!(field(&object, &format!("k{}", size - 1)), &object[format!("k{}", size - 1)]);
            assert_eq!(field(&object, "none"), &Value::Null);
        }
        assert_eq!(find(&json!([1]), "k"), None);
    }
}
