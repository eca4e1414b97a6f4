//! The types as they lie in the binary: lines of `name<tab>JSON Schema` in the order of names, cut into blocks that are
//! deflated one by one, so that a reader inflates only what it wants and keeps nothing.

use flate2::read::DeflateDecoder;
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

static PACKED: &[u8] = include_bytes!("generated/types.bin");

/// Where a block lies.
struct Block {
    first: &'static str,
    at: usize,
    length: usize,
}

static BLOCKS: LazyLock<Vec<Block>> = LazyLock::new(|| {
    let end = PACKED.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let listed: Vec<(&str, usize, usize)> = serde_json::from_slice(&PACKED[..end]).unwrap_or_default();
    let mut at = end + 1;
    let placed = listed.into_iter().map(|(first, length, _)| {
        at += length;
        Block { first, at: at - length, length }
    });
    placed.collect()
});

/// Reads types by name; inflated blocks live as long as it.
#[derive(Default)]
pub(super) struct Reader {
    inflated: HashMap<usize, String>,
}

impl Reader {
    /// The schema of a type.
    pub(super) fn get(&mut self, name: &str) -> Option<Value> {
        let index = BLOCKS.partition_point(|block| block.first <= name).checked_sub(1)?;
        let text = self.inflated.entry(index).or_insert_with(|| BLOCKS.get(index).map(inflate).unwrap_or_default());
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'))?;
        serde_json::from_str(line).ok()
    }
}

/// Types that answers were made of, by name. There are as many as lie in the binary, and most are never asked for.
static READ: LazyLock<Mutex<HashMap<String, Arc<Value>>>> = LazyLock::new(Mutex::default);

/// The JSON Schema of a type, whose references are `#/$defs/` and a type's name. An unknown name is a type of anything.
pub(crate) fn schema(name: &str) -> Arc<Value> {
    if let Some(known) = READ.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
        return known.clone();
    }
    let read = Arc::new(Reader::default().get(name).unwrap_or_default());
    READ.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string(), read.clone());
    read
}

/// Shows every type with its name, in the order of names.
pub(crate) fn each_type(mut show: impl FnMut(&str, &Value)) {
    for block in BLOCKS.iter() {
        for (name, schema) in inflate(block).lines().filter_map(|line| line.split_once('\t')) {
            if let Ok(schema) = serde_json::from_str(schema) {
                show(name, &schema);
            }
        }
    }
}

/// Generated, and read whole by the test below: it does not fail.
fn inflate(block: &Block) -> String {
    let mut text = String::new();
    let bytes = PACKED.get(block.at..block.at + block.length).unwrap_or_default();
    let _ = DeflateDecoder::new(bytes).read_to_string(&mut text);
    text
}

/// Says of all that a schema holds that a field which may be missing may be null too, as recordings show it.
#[cfg(test)]
pub(crate) fn allow_nulls(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(allow_nulls);
            let required = fields.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
            let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) else { return };
            for (name, property) in properties.iter_mut().filter(|(_, property)| property.is_object()) {
                if !required.iter().any(|one| one == name) {
                    *property = serde_json::json!({"anyOf": [property.take(), {"type": "null"}]});
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(allow_nulls),
        _ => {}
    }
}

/// What a value lacks of a type, as JSON Schema says it; an empty list = it is one.
#[cfg(test)]
pub(crate) fn faults(name: &str, value: &Value) -> Vec<String> {
    let (mut defs, mut todo) = (serde_json::Map::new(), vec![name.to_string()]);
    while let Some(name) = todo.pop() {
        if defs.contains_key(&name) {
            continue;
        }
        let schema = schema(&name);
        let text = schema.to_string();
        let targets = text.split("\"$ref\":\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next());
        todo.extend(targets.map(String::from));
        defs.insert(name, Value::clone(&schema));
    }
    let mut document = serde_json::json!({"$ref": format!("#/$defs/{name}"), "$defs": defs});
    allow_nulls(&mut document);
    let validator = jsonschema::validator_for(&document).expect("a schema");
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[cfg(test)]
pub(super) fn names() -> Vec<String> {
    let lines = BLOCKS.iter().map(inflate).collect::<Vec<_>>().concat();
    lines.lines().filter_map(|line| Some(line.split_once('\t')?.0.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::operations;
    use crate::wire::value::Holds;

    #[test]
    fn every_type_is_found_by_its_name() {
        let names = names();
        assert!(names.len() > 3000 && names.is_sorted(), "{}", names.len());
        let mut reader = Reader::default();
        for name in &names {
            let schema = reader.get(name).unwrap_or_else(|| panic!("{name} is not found"));
            let mut inner = vec![&schema];
            while let Some(node) = inner.pop() {
                if let Some(target) = node["$ref"].as_str() {
                    let target = target.strip_prefix("#/$defs/").expect("a reference");
                    assert!(names.binary_search_by(|known| known.as_str().cmp(target)).is_ok(), "{target} in {name}");
                }
                inner.extend(node.as_object().into_iter().flat_map(|object| object.values()));
                inner.extend(node.elements());
            }
        }
        assert!(reader.get("no.Such").is_none() && reader.get("").is_none());
        for operation in operations::all() {
            for name in [operation.body, operation.query, operation.answer, operation.events].into_iter().flatten() {
                assert!(reader.get(name).is_some(), "{name} of {}", operation.name);
            }
        }
    }

    #[test]
    fn what_only_one_client_has_is_there_with_the_release_that_brought_it() {
        let mut reader = Reader::default();
        let body = reader.get("responses.ResponseCreateParamsBase").expect("a type");
        assert!(body["properties"]["background_options"].is_object());
        assert_eq!(body["x-since"]["fields"]["background_options"], "pypi 3.53.0");
        assert_eq!(
            body["properties"]["max_output_tokens"]["anyOf"][0],
            serde_json::json!({"type": "integer", "minimum": 16})
        );
        let models = reader.get("shared.ChatModel").expect("a type");
        let listed: Vec<&str> = models["enum"].elements().filter_map(Value::as_str).collect();
        assert!(listed.contains(&"gpt-6.2-sol") && listed.contains(&"gpt-4o"));
        let mut since = |name: &str, place: &[&str]| {
            let known = reader.get(name).expect("a type")["x-since"].clone();
            place.iter().fold(known, |value, key| value[key].clone()).as_str().map(String::from)
        };
        for (name, place, release) in [
            ("shared.ChatModel", &["values", "", "gpt-5"][..], "npm 5.12.1"),
            ("shared.ChatModel", &["values", "", "gpt-6.2-sol"], "pypi 3.53.0"),
            ("chat.completions.ChatCompletionCreateParamsBase", &["fields", "tools"], "npm 4.16.0"),
            ("responses.Response", &["since"], "npm 4.87.0"),
            ("responses.Response", &["fields", "input_transformations"], "npm 7.57.0"),
            ("images.ImageGenerateParamsBase", &["values", "output_format", "svg"], "npm 7.51.0"),
            ("live.connect_server_event.SessionPaused", &["since"], "pypi 3.57.0"),
            ("beta.agents.AgentSession.SessionRequiredActionResourceMcpApprovalRequest", &["since"], "npm 7.57.0"),
        ] {
            assert_eq!(since(name, place).as_deref(), Some(release), "{name} {place:?}");
        }
        // The oldest release that was asked had it.
        assert_eq!(since("embeddings.EmbeddingCreateParams", &["since"]), None);
    }
}
