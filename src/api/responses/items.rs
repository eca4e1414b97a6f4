//! Output items: what the parts of a reply look like on the wire.

use crate::api::containers::code::CodeFile;
use crate::api::responses::kinds::{self, ItemKind, ordered};
use crate::api::responses::record::Frame;
use crate::api::vector_stores::search::{FileSearch, citation};
use crate::random::Random;
use crate::reply::{Part, ToolCall};
use crate::turn::models::Whole;
use crate::wire::ids;
use crate::wire::ids::IdFamily;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// One finished output item.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "KeptItem")]
pub(crate) struct Item {
    pub kind: &'static ItemKind,
    /// As it stands in `output`.
    pub value: Value,
    /// The part of the choice it shows, whose cuts are known already.
    pub part: Option<usize>,
    /// What the request's `include` did not ask for: a row of [`OPTIONAL`], and what it would have shown.
    pub hidden: Vec<(&'static Optional, Value)>,
    /// What its code leaves in its container, until that is kept there.
    pub files: Vec<CodeFile>,
}

/// An item as it is kept: what is known by its type is left out.
#[derive(Serialize, Deserialize)]
struct KeptItem<'a> {
    value: Cow<'a, Value>,
    /// Words of [`OPTIONAL`], and what each would have shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<(Cow<'a, str>, Cow<'a, Value>)>,
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hidden = self.hidden.iter().map(|((word, ..), value)| (Cow::Borrowed(*word), Cow::Borrowed(value)));
        KeptItem { value: Cow::Borrowed(&self.value), hidden: hidden.collect() }.serialize(serializer)
    }
}

impl From<KeptItem<'_>> for Item {
    fn from(kept: KeptItem<'_>) -> Self {
        let kind = kinds::kind(kept.value.get("type").and_then(Value::as_str).unwrap_or_default());
        let row = |word: &str| OPTIONAL.iter().find(|(known, ..)| *known == word);
        let hidden = kept.hidden.into_iter().filter_map(|(word, value)| Some((row(&word)?, value.into_owned())));
        Item { kind, hidden: hidden.collect(), value: kept.value.into_owned(), part: None, files: Vec::new() }
    }
}

impl Item {
    pub(crate) fn id(&self) -> &str {
        self.value.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// The item as `output_item.added` of this response shows it: nothing in it yet, and still in progress unless it is
    /// whole by then.
    pub(crate) fn begun(&self, frame: &Frame) -> Value {
        let mut value = self.value.clone();
        let completed = match frame.whole {
            Whole::Nothing => false,
            Whole::Calls => self.kind.name == "function_call",
            Whole::Items => true,
        };
        if let Some(map) = value.as_object_mut() {
            if self.kind.status && !completed {
                map.insert("status".into(), json!("in_progress"));
            }
            for (field, blank) in self.kind.blank {
                match blank {
                    None => drop(map.shift_remove(*field)),
                    Some(json) if map.contains_key(*field) => {
                        map.insert((*field).into(), serde_json::from_str(json).unwrap_or_default());
                    }
                    Some(_) => {}
                }
            }
            // Recordings 78401d27f811c0fd and f565e46322e64813: one thinks, one does not.
            if frame.thinks && self.kind.name == "web_search_call" {
                map.shift_remove("action");
            }
            // What is encrypted grows while the item is made: recordings 4b367ae425bbe702, 3e3ac10af384045c.
            if let Some(Value::String(text)) = map.get_mut("encrypted_content") {
                text.truncate(text.len() / 8 * 4);
            }
        }
        value
    }

    /// The item with what was hidden, as far as `include` asks for it now.
    pub(crate) fn including(&self, asked: impl Fn(&str) -> bool) -> Item {
        let mut item = self.clone();
        for ((_, _, path), shown) in self.hidden.iter().filter(|((word, ..), _)| asked(word)) {
            if let Some((map, field)) = holder(&mut item.value, path) {
                map.insert(field.into(), shown.clone());
            }
        }
        item
    }

    /// Ends the item early: `incomplete`, where items of its kind have a status.
    pub(crate) fn cut_short(&mut self) {
        if let (true, Some(map)) = (self.kind.status, self.value.as_object_mut()) {
            map.insert("status".into(), json!("incomplete"));
        }
    }
}

/// Makes the items of one response.
#[derive(Debug, Clone)]
pub(crate) struct Maker {
    pub family: IdFamily,
    pub random: Random,
    /// Unix seconds, for what holds a time.
    pub created: u64,
    /// Whether messages say their `phase`.
    pub phases: bool,
    /// What `include` asks for, of [`OPTIONAL`].
    pub included: Vec<&'static str>,
    /// The namespaces calls name, by the tool's name: [`super::tools::namespaces`].
    pub namespaces: HashMap<String, String>,
    /// What a `file_search_call` finds, if the request's tools name vector stores that there are.
    pub search: Option<Arc<FileSearch>>,
    /// What was found and no text has cited yet.
    pub found: Vec<Value>,
    /// The container its code runs in, once that is known.
    pub container: Option<String>,
    /// What code left and no text has cited yet.
    pub left: Vec<CodeFile>,
}

/// A field that is shown only when `include` asks for it: the word, the item, the field.
pub(crate) type Optional = (&'static str, &'static str, &'static str);

/// What items show only when `include` asks for it.
pub(crate) static OPTIONAL: &[Optional] = &[
    // Null in recordings 490c14100ab10edc and 784401a314557f67, filled in 297ba49fb08a3b37 and de1bd220c592ed48.
    ("file_search_call.results", "file_search_call", "/results"),
    ("code_interpreter_call.outputs", "code_interpreter_call", "/outputs"),
    ("web_search_call.action.sources", "web_search_call", "/action/sources"),
];

impl Maker {
    /// The item that shows a part; `None` for spoken output, which Responses has none of. `before_call` = a tool call
    /// follows, so a message is only commentary.
    pub(crate) fn item(&mut self, part: &Part, before_call: bool) -> Option<Item> {
        match part {
            Part::Text(text) => {
                let mut annotations: Vec<Value> = text.annotations.iter().cloned().map(ordered).collect();
                let found = std::mem::take(&mut self.found);
                if annotations.is_empty() {
                    annotations.extend(citation(&found, &text.text).map(ordered));
                    let left = std::mem::take(&mut self.left);
                    annotations.extend(left.iter().map(|file| ordered(file.citation(&text.text))));
                }
                let part =
                    json!({"type": "output_text", "annotations": annotations, "logprobs": [], "text": text.text});
                Some(self.message(part, text.phase.as_deref(), before_call))
            }
            Part::Refusal(text) => {
                Some(self.message(json!({"type": "refusal", "refusal": text.text}), text.phase.as_deref(), before_call))
            }
            Part::Reasoning(summary) => Some(self.reasoning(summary)),
            Part::ToolCall(call) => Some(self.call(call)),
            Part::Item(value) => Some(self.written(value)),
            Part::Audio { .. } => None,
        }
    }

    /// A message with one part.
    pub(crate) fn message(&mut self, part: Value, phase: Option<&str>, before_call: bool) -> Item {
        let kind = kinds::kind("message");
        let id = self.family.item(kind.prefix, &mut self.random);
        let mut value = json!({"id": id, "type": "message", "status": "completed", "content": [part]});
        if let Some(map) = value.as_object_mut() {
            let phase = phase.or(match (self.phases, before_call) {
                (true, true) => Some("commentary"),
                (true, false) => Some("final_answer"),
                (false, _) => None,
            });
            if let Some(phase) = phase {
                map.insert("phase".into(), json!(phase));
            }
            map.insert("role".into(), json!("assistant"));
        }
        Item { kind, value, part: None, hidden: Vec::new(), files: Vec::new() }
    }

    fn reasoning(&mut self, summary: &[String]) -> Item {
        let kind = kinds::kind("reasoning");
        let id = self.family.item(kind.prefix, &mut self.random);
        let summary: Vec<Value> = summary.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
        let sealed = self.sealed();
        // `content` and `encrypted_content` are there whether included or not: recording 1e8916e89e59de8b.
        let value =
            json!({"id": id, "type": "reasoning", "content": [], "encrypted_content": sealed, "summary": summary});
        Item { kind, value, part: None, hidden: Vec::new(), files: Vec::new() }
    }

    fn call(&mut self, call: &ToolCall) -> Item {
        let (kind, field) = match call.custom {
            true => (kinds::kind("custom_tool_call"), "input"),
            false => (kinds::kind("function_call"), "arguments"),
        };
        let id = self.family.item(kind.prefix, &mut self.random);
        let call_id = call.id.clone().unwrap_or_else(|| ids::call(&mut self.random));
        let mut map = Map::new();
        map.insert("id".into(), json!(id));
        map.insert("type".into(), json!(kind.name));
        map.insert("status".into(), json!("completed"));
        map.insert(field.into(), json!(call.arguments.text));
        map.insert("call_id".into(), json!(call_id));
        map.insert("name".into(), json!(call.name));
        self.name_space(&mut map);
        // `input` sorts after `call_id`, `arguments` before it.
        Item { kind, value: ordered(Value::Object(map)), part: None, hidden: Vec::new(), files: Vec::new() }
    }

    /// Says which namespace a call's tool stands in, unless the call does.
    fn name_space(&self, call: &mut Map<String, Value>) {
        let name = call.get("name").and_then(Value::as_str).unwrap_or_default();
        if let Some(namespace) = self.namespaces.get(name) {
            call.entry("namespace").or_insert_with(|| json!(namespace));
        }
    }

    /// An item as the script wrote it, with what is missing.
    pub(crate) fn written(&mut self, value: &Value) -> Item {
        let kind = kinds::kind(value.get("type").and_then(Value::as_str).unwrap_or_default());
        let mut map = value.as_object().cloned().unwrap_or_default();
        if !matches!(map.get("id"), Some(Value::String(id)) if !id.is_empty()) {
            map.insert("id".into(), json!(self.family.item(kind.prefix, &mut self.random)));
        }
        if kind.status && !map.contains_key("status") {
            map.insert("status".into(), json!("completed"));
        }
        if let (Some(search), "file_search_call") = (&self.search, kind.name)
            && map.get("results").is_none_or(Value::is_null)
        {
            self.found = search.find(map.get("queries").unwrap_or(&Value::Null));
            map.insert("results".into(), self.found.clone().into());
        }
        for (field, text) in kind.fields {
            if !map.contains_key(*field) {
                let value = match *text {
                    "@call" => json!(ids::call(&mut self.random)),
                    "@container" => json!(self.container()),
                    "@encrypted" => json!(self.sealed()),
                    text => serde_json::from_str(text).unwrap_or_default(),
                };
                map.insert((*field).into(), value);
            }
        }
        let files = if kind.name == "code_interpreter_call" { self.leave(&mut map) } else { Vec::new() };
        match kind.name {
            "message" => complete_message(&mut map, self.phases),
            "function_call" | "custom_tool_call" => self.name_space(&mut map),
            _ => {}
        }
        let mut value = ordered(Value::Object(map));
        let optional = OPTIONAL.iter().filter(|(word, name, _)| *name == kind.name && !self.included.contains(word));
        let hidden = optional.filter_map(|row| Some((row, hide(&mut value, row.2)?))).collect();
        Item { kind, value, part: None, hidden, files }
    }

    /// The container code runs in: a new one, unless one is known.
    fn container(&mut self) -> String {
        let (random, created) = (&mut self.random, self.created);
        self.container.get_or_insert_with(|| ids::long("cntr_", random, created)).clone()
    }

    /// Takes what a call's code leaves out of it: that is told by citations, and lies in the container.
    fn leave(&mut self, call: &mut Map<String, Value>) -> Vec<CodeFile> {
        let container = call.get("container_id").and_then(Value::as_str).unwrap_or_default().to_string();
        self.container = Some(container.clone());
        let (random, created) = (&mut self.random, self.created);
        let mut of = json!({"files": call.shift_remove("files")});
        of["outputs"] = call.get("outputs").cloned().unwrap_or_default();
        let files = CodeFile::all(&of, &container, || ids::timed("cfile_", random, created));
        self.left.extend(files.iter().cloned());
        files
    }

    /// A token in the form of `encrypted_content`: version, time, then what nobody can read.
    pub(crate) fn sealed(&mut self) -> String {
        let mut bytes = vec![0x80];
        bytes.extend_from_slice(&self.created.to_be_bytes());
        let length = 16 + 16 * (16 + self.random.below(24)) + 32;
        bytes.extend((0..length).map(|_| self.random.below(256) as u8));
        URL_SAFE.encode(bytes)
    }
}

/// The object that holds the field at a path of [`OPTIONAL`], and the field's name.
fn holder<'a, 'p>(value: &'a mut Value, path: &'p str) -> Option<(&'a mut Map<String, Value>, &'p str)> {
    let (outer, field) = path.rsplit_once('/')?;
    Some((value.pointer_mut(outer)?.as_object_mut()?, field))
}

/// Takes away what was not asked for, and gives it: a field of the item becomes null, one deeper inside is not there
/// at all.
fn hide(value: &mut Value, path: &str) -> Option<Value> {
    let (map, field) = holder(value, path)?;
    if path.rfind('/') == Some(0) { map.insert(field.into(), Value::Null) } else { map.shift_remove(field) }
}

/// Fills what the parts of a written message lack: `annotations`, `logprobs`, a part for a plain string.
fn complete_message(map: &mut Map<String, Value>, phases: bool) {
    if let Some(Value::String(text)) = map.get("content") {
        let part = json!({"type": "output_text", "text": text});
        map.insert("content".into(), json!([part]));
    }
    for part in map.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_text = part.get("type").is_some_and(|name| name == "output_text");
        if let (true, Some(part)) = (is_text, part.as_object_mut()) {
            for (field, blank) in [("annotations", json!([])), ("logprobs", json!([])), ("text", json!(""))] {
                part.entry(field).or_insert(blank);
            }
        }
    }
    if phases {
        map.entry("phase").or_insert_with(|| json!("final_answer"));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::api::responses::record::tests::frame;
    use crate::reply::Text;

    pub(crate) fn maker() -> Maker {
        let mut random = Random::new(5);
        let created = 1_786_591_536;
        Maker {
            family: IdFamily::new(&mut random, created),
            random,
            created,
            phases: false,
            included: vec![],
            search: None,
            found: Vec::new(),
            container: None,
            left: Vec::new(),
            namespaces: HashMap::new(),
        }
    }

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    #[test]
    fn messages_have_the_recorded_keys() {
        let text = Part::Text(Text::new("PARTIAL"));
        let item = maker().item(&text, false).expect("an item");
        assert_eq!(keys(&item.value), ["id", "type", "status", "content", "role"]);
        assert_eq!(keys(&item.value["content"][0]), ["type", "annotations", "logprobs", "text"]);
        let mut phases = Maker { phases: true, ..maker() };
        let item = phases.item(&text, false).expect("an item");
        assert_eq!(keys(&item.value), ["id", "type", "status", "content", "phase", "role"]);
        assert_eq!(item.value["phase"], "final_answer");
        assert_eq!(phases.item(&text, true).expect("an item").value["phase"], "commentary");
        assert_eq!(item.begun(&frame())["content"], json!([]));
    }

    #[test]
    fn calls_have_the_recorded_keys() {
        let call = |custom| {
            let call = ToolCall { name: "f".into(), arguments: Text::new("{}"), id: None, custom };
            maker().item(&Part::ToolCall(call), false).expect("an item")
        };
        assert_eq!(keys(&call(false).value), ["id", "type", "status", "arguments", "call_id", "name"]);
        assert_eq!(keys(&call(true).value), ["id", "type", "status", "call_id", "input", "name"]);
        assert_eq!(call(false).begun(&frame())["arguments"], "");
        let status = |item: &Item, whole| item.begun(&Frame { whole, ..frame() })["status"].clone();
        let message = maker().item(&Part::Text(Text::new("x")), false).expect("an item");
        for (whole, expected) in [
            (Whole::Nothing, ["in_progress", "in_progress"]),
            (Whole::Calls, ["completed", "in_progress"]),
            (Whole::Items, ["completed", "completed"]),
        ] {
            assert_eq!([status(&call(false), whole), status(&message, whole)], expected);
        }
    }

    #[test]
    fn calls_say_their_namespace() {
        let namespaces = HashMap::from([("f".to_string(), "crm".to_string())]);
        let mut maker = Maker { namespaces, ..maker() };
        let mut item = |part: Part| maker.item(&part, false).expect("an item").value;
        for custom in [false, true] {
            let call = ToolCall { name: "f".into(), arguments: Text::new("{}"), id: None, custom };
            let value = item(Part::ToolCall(call));
            assert_eq!((keys(&value).last(), &value["namespace"]), (Some(&"namespace"), &json!("crm")));
        }
        let written = |more: Value| json!({"type": "function_call", "name": "f", "namespace": more});
        assert_eq!(item(Part::Item(json!({"type": "function_call", "name": "f"})))["namespace"], "crm");
        assert_eq!(item(Part::Item(written(json!("hr"))))["namespace"], "hr");
        assert!(!keys(&item(Part::Item(json!({"type": "function_call", "name": "g"})))).contains(&"namespace"));
    }

    #[test]
    fn written_items_get_what_they_lack() {
        let item = maker().item(&Part::Item(json!({"type": "web_search_call"})), false).expect("an item");
        assert_eq!(keys(&item.value), ["id", "type", "status", "action"]);
        assert!(item.id().starts_with("ws_0"));
        assert_eq!(item.begun(&frame())["action"], json!({"type": "search"}));
        assert_eq!(keys(&item.begun(&Frame { thinks: true, ..frame() })), ["id", "type", "status"]);
        let item = maker().item(&Part::Item(json!({"type": "mcp_call", "name": "ask"})), false).expect("an item");
        let expected =
            ["id", "type", "status", "approval_request_id", "arguments", "error", "name", "output", "server_label"];
        assert_eq!(keys(&item.value), expected);
    }

    #[test]
    fn some_fields_are_shown_when_included() {
        let item = json!({"type": "file_search_call", "results": [{"text": "Paris"}]});
        let shown = |included| {
            let mut maker = Maker { included, ..maker() };
            maker.item(&Part::Item(item.clone()), false).expect("an item").value["results"].clone()
        };
        assert_eq!(shown(vec![]), Value::Null);
        assert_eq!(shown(vec!["file_search_call.results"]), json!([{"text": "Paris"}]));
    }

    #[test]
    fn reasoning_looks_like_a_sealed_token() {
        let item = maker().item(&Part::Reasoning(vec![]), false).expect("an item");
        assert_eq!(keys(&item.value), ["id", "type", "content", "encrypted_content", "summary"]);
        let sealed = item.value["encrypted_content"].as_str().expect("a string");
        assert!(sealed.starts_with("gAAAAABq"), "{sealed}");
        assert!(item.begun(&frame())["encrypted_content"].as_str().is_some_and(|text| text.len() < sealed.len()));
    }
}
