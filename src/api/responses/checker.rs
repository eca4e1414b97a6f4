//! What the official clients demand of a stream of Responses events, as a check (openai-surface §2.14).

use super::kinds;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Event types the clients know.
const LIFECYCLE: &[&str] = &[
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.completed",
    "response.failed",
    "response.incomplete",
];

/// Item types whose events name an item, by what the event's name begins with.
const FAMILIES: &[(&str, &str)] = &[
    ("response.output_text", "message"),
    ("response.refusal", "message"),
    ("response.function_call_arguments", "function_call"),
    ("response.custom_tool_call_input", "custom_tool_call"),
    ("response.reasoning_summary", "reasoning"),
    ("response.reasoning_text", "reasoning"),
    ("response.web_search_call", "web_search_call"),
    ("response.file_search_call", "file_search_call"),
    ("response.code_interpreter_call", "code_interpreter_call"),
    ("response.image_generation_call", "image_generation_call"),
    ("response.mcp_list_tools", "mcp_list_tools"),
    ("response.mcp_call", "mcp_call"),
    ("response.shell_call_command", "shell_call"),
    ("response.shell_call_output_content", "shell_call_output"),
];

/// Splits a stream into its events.
pub(super) fn events(stream: &str) -> Vec<Value> {
    stream
        .split_terminator("\n\n")
        .map(|frame| {
            let (event, data) = frame.split_once('\n').expect("two lines");
            let value: Value = serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
            assert_eq!(event.strip_prefix("event: "), value["type"].as_str(), "the event's name is its type");
            value
        })
        .collect()
}

/// What has been said of one item.
struct Seen {
    value: Value,
    /// Text so far, by part; the deltas must add up to what `done` says.
    texts: HashMap<(String, u64), String>,
    parts: Vec<String>,
    summaries: u64,
    commands: u64,
    done: bool,
}

/// Checks every rule; panics with what is wrong. Gives the final response.
pub(super) fn check(stream: &str) -> Value {
    let events = events(stream);
    let mut items: HashMap<u64, Seen> = HashMap::new();
    let mut ids = HashSet::new();
    let id = events[0]["response"]["id"].clone();
    assert_eq!(events[0]["type"], "response.created", "rule 1");
    for (number, event) in events.iter().enumerate() {
        let name = event["type"].as_str().expect("a type");
        assert_eq!(event["sequence_number"], number, "contiguous numbers");
        let keys: Vec<&String> = event.as_object().expect("an object").keys().collect();
        assert!(keys[0] == "type" && keys[1..].is_sorted(), "type, then alphabetical: {keys:?}");
        if LIFECYCLE.contains(&name) {
            assert_eq!(event["response"]["id"], id, "rule 3");
            continue;
        }
        if name == "error" {
            assert!(event["error"]["message"].is_string(), "rule 9");
            continue;
        }
        let index = event["output_index"].as_u64().expect("rule 4: an output_index");
        if name == "response.output_item.added" {
            let item = &event["item"];
            assert!(!items.contains_key(&index), "rule 4: index {index} is taken");
            check_identity(item, &mut ids);
            let seen = Seen {
                value: item.clone(),
                texts: HashMap::new(),
                parts: vec![],
                summaries: 0,
                commands: 0,
                done: false,
            };
            items.insert(index, seen);
            continue;
        }
        let seen = items.get_mut(&index).expect("rule 4: a known output_index");
        assert!(!seen.done, "nothing comes after output_item.done");
        if name == "response.output_item.done" {
            assert_eq!(event["item"]["id"], seen.value["id"], "rule 6: the id stays");
            assert_eq!(event["item"]["call_id"], seen.value["call_id"], "rule 6: the call_id stays");
            seen.done = true;
            seen.value = event["item"].clone();
            continue;
        }
        check_item_event(name, event, seen);
    }
    let last = events.last().expect("an event");
    let end = last["type"].as_str().expect("a type");
    assert!(["response.completed", "response.incomplete", "response.failed"].contains(&end), "{end} ends no stream");
    if end != "response.failed" {
        assert!(items.values().all(|seen| seen.done), "rule 8");
        let output = last["response"]["output"].as_array().expect("output");
        assert_eq!(output.len(), items.len());
        for (index, item) in output.iter().enumerate() {
            assert_eq!(*item, items[&(index as u64)].value, "the final item is the one that was done");
        }
        assert!(last["response"]["usage"].is_object());
    }
    last["response"].clone()
}

fn check_identity(item: &Value, ids: &mut HashSet<String>) {
    let kind = kinds::kind(item["type"].as_str().expect("an item type"));
    let id = item["id"].as_str().expect("rule 6: an id").to_string();
    assert!(!id.is_empty() && ids.insert(id), "rule 6: ids are unique");
    if kind.fields.iter().any(|(field, default)| *field == "call_id" && *default == "@call") {
        let call_id = item["call_id"].as_str().expect("rule 6: a call_id").to_string();
        assert!(ids.insert(call_id), "rule 6: call_ids are unique");
    }
}

fn check_item_event(name: &str, event: &Value, seen: &mut Seen) {
    let kind = seen.value["type"].as_str().expect("an item type");
    let commands = name.starts_with("response.shell_call_command");
    if !commands {
        assert_eq!(event["item_id"], seen.value["id"], "rule 5: {name}");
    }
    if let Some((_, family)) = FAMILIES
        .iter()
        .find(|(prefix, _)| name.starts_with(&format!("{prefix}_")) || name.starts_with(&format!("{prefix}.")))
    {
        assert_eq!(*family, kind, "rule 5: {name}");
    }
    let place =
        ["content_index", "summary_index", "command_index"].iter().find_map(|key| event[*key].as_u64()).unwrap_or(0);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_string();
    match name {
        "response.content_part.added" => {
            assert_eq!(place, seen.parts.len() as u64, "rule 4: parts are appended");
            seen.parts.push(event["part"]["type"].as_str().expect("a part type").to_string());
        }
        "response.content_part.done" => {
            assert_eq!(event["part"]["type"], seen.parts[place as usize]);
        }
        "response.reasoning_summary_part.added" => {
            assert_eq!(place, seen.summaries, "rule 4: summary parts are appended");
            seen.summaries += 1;
        }
        "response.shell_call_command.added" => {
            assert_eq!(place, seen.commands, "rule 7: commands are appended");
            seen.commands += 1;
        }
        "response.output_text.annotation.added" => {}
        _ if name.ends_with(".delta") && event["delta"].is_string() => {
            check_part(name, place, seen);
            let delta = event["delta"].as_str().expect("a delta");
            if let Some(padding) = event["obfuscation"].as_str() {
                assert_eq!((delta.chars().count() + padding.len()) % 16, 0, "deltas are padded to 16");
            }
            seen.texts.entry((stem, place)).or_default().push_str(delta);
        }
        _ if name.ends_with(".done") => {
            let whole = ["text", "refusal", "arguments", "input", "code", "command"]
                .iter()
                .find_map(|key| event[*key].as_str());
            if let Some(whole) = whole {
                let text = seen.texts.get(&(stem, place)).map_or("", String::as_str);
                assert_eq!(text, whole, "deltas add up: {name}");
            }
        }
        _ => {}
    }
}

/// Rule 7: deltas go into a part of their own type that was added before.
fn check_part(name: &str, place: u64, seen: &Seen) {
    let part = match name {
        "response.output_text.delta" => "output_text",
        "response.refusal.delta" => "refusal",
        "response.reasoning_text.delta" => "reasoning_text",
        "response.reasoning_summary_text.delta" => return assert!(place < seen.summaries, "rule 7"),
        "response.shell_call_command.delta" => return assert!(place < seen.commands, "rule 7"),
        _ => return,
    };
    assert_eq!(seen.parts.get(place as usize).map(String::as_str), Some(part), "rule 7: {name}");
}
