//! Tools as a response echoes them: in normal form, with their defaults (real-traffic §2.1).
//!
//! Recordings: a23240e4fcbd4d16 (web_search), a560b229cfa39859 (web_search_preview), 5a5d9c1748565b84 (file_search),
//! f136820a5530602e and 0823c6a5355480a5 (mcp), d0de501eb8155638 (image_generation), 62fa0929eeb908dd (namespace).

use crate::prompt::{Tool, ToolChoice, ToolKind};
use crate::wire::value::Holds;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Tools in normal form: functions first, then the others, then the namespaces (recordings 0c39549fa80a931b,
/// 1d23d01e6b5ce08a), among them the functions whose loading was deferred and that a `tool_search_output` among `items`
/// has loaded, each a namespace of its own (recording bc097411e5e58279).
pub(super) fn echo_all<'a>(tools: &Value, items: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let loaded: Vec<&str> = loaded(items).map(name).collect();
    let is_loaded =
        |tool: &Value| tool.get("defer_loading") == Some(&Value::Bool(true)) && loaded.contains(&name(tool));
    let (mut functions, mut others, mut namespaces) = (Vec::new(), Vec::new(), Vec::new());
    for tool in tools.elements() {
        match kind(tool) {
            "function" if is_loaded(tool) => namespaces.push(namespace(echo(tool))),
            "function" => functions.push(echo(tool)),
            "namespace" => namespaces.push(echo(tool)),
            _ => others.push(echo(tool)),
        }
    }
    functions.into_iter().chain(others).chain(namespaces).collect()
}

/// What a tool search found.
fn loaded<'a>(items: impl Iterator<Item = &'a Value>) -> impl Iterator<Item = &'a Value> {
    items.filter(|item| kind(item) == "tool_search_output").flat_map(inner)
}

/// The tools in a namespace, or that a search found.
fn inner(value: &Value) -> impl Iterator<Item = &Value> {
    value.get("tools").and_then(Value::as_array).into_iter().flatten()
}

fn name(tool: &Value) -> &str {
    tool.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// A loaded function, alone in a namespace of its name.
fn namespace(mut function: Value) -> Value {
    for key in ["defer_loading", "output_schema"] {
        function.as_object_mut().and_then(|map| map.shift_remove(key));
    }
    let (description, name) = (function.get("description").cloned(), function.get("name").cloned());
    json!({"type": "namespace", "description": description, "name": name, "tools": [function]})
}

/// A tool in normal form: `type` first, then alphabetical, what was left out filled in.
pub(super) fn echo(tool: &Value) -> Value {
    let Some(map) = tool.as_object() else { return tool.clone() };
    let mut map = map.clone();
    match kind(tool) {
        "function" => normal_function(&mut map),
        "custom" => {
            fill(&mut map, &[("description", json!(null)), ("format", json!({"type": "text"}))]);
        }
        "web_search" | "web_search_2025_08_26" => {
            map.shift_remove("external_web_access");
            let defaults = [
                ("return_token_budget", json!("default")),
                ("search_content_types", json!(["text"])),
                ("search_context_size", json!("medium")),
            ];
            fill(&mut map, &defaults);
            locate(&mut map);
        }
        "web_search_preview" | "web_search_preview_2025_03_11" => {
            fill(&mut map, &[("search_context_size", json!("medium"))]);
            locate(&mut map);
        }
        "file_search" => {
            let ranking = json!({"ranker": "auto", "score_threshold": 0.0});
            fill(&mut map, &[("filters", json!(null)), ("max_num_results", json!(20)), ("ranking_options", ranking)]);
        }
        "mcp" => {
            let defaults = [
                ("allowed_tools", json!(null)),
                ("headers", json!(null)),
                ("require_approval", json!("always")),
                ("server_description", json!(null)),
            ];
            fill(&mut map, &defaults);
            if map.contains_key("connector_id") {
                fill(&mut map, &[("server_url", json!(null))]);
            }
            redact(&mut map);
        }
        "image_generation" => {
            map.shift_remove("input_fidelity");
            map.shift_remove("partial_images");
            let defaults = [
                ("background", json!("auto")),
                ("model", json!("gpt-image-1")),
                ("moderation", json!("auto")),
                ("n", json!(1)),
                ("output_compression", json!(100)),
                ("output_format", json!("png")),
                ("quality", json!("auto")),
                ("size", json!("auto")),
            ];
            fill(&mut map, &defaults);
        }
        "tool_search" => fill(&mut map, &[("description", json!(null)), ("parameters", json!(null))]),
        "namespace" => {
            if let Some(inner) = map.get_mut("tools").and_then(Value::as_array_mut) {
                for tool in inner {
                    *tool = echo(tool);
                }
            }
        }
        _ => {}
    }
    typed(map)
}

/// An object with `type` first and the other keys in alphabetical order.
pub(super) fn typed(map: Map<String, Value>) -> Value {
    let mut entries: Vec<(String, Value)> = map.into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| (a != "type").cmp(&(b != "type")).then_with(|| a.cmp(b)));
    Value::Object(entries.into_iter().collect())
}

/// `strict` left out means true, and then the schema comes back completed (85 of 85 recorded tools); null means false
/// (recordings 94b208a0cdd1ae92, e26bdda314817ec1).
fn normal_function(map: &mut Map<String, Value>) {
    if !map.contains_key("strict") {
        let mut parameters = match map.get("parameters") {
            Some(given) if !given.is_null() => given.clone(),
            _ => json!({"additionalProperties": false, "type": "object", "properties": {}, "required": []}),
        };
        complete(&mut parameters, 0);
        map.insert("parameters".into(), parameters);
        map.insert("strict".into(), json!(true));
    }
    fill(map, &[("strict", json!(false))]);
    map.shift_remove("function");
    if map.get("description").is_some_and(|text| text == "") {
        map.insert("description".into(), Value::Null);
    }
    fill(map, &[("description", json!(null)), ("output_schema", json!(null)), ("parameters", json!(null))]);
}

/// Every object of a schema closed, every property of it required.
fn complete(schema: &mut Value, depth: usize) {
    // Deeper than any schema OpenAI accepts; requests are bounded, the stack is too.
    if depth > 64 {
        return;
    }
    let Some(map) = schema.as_object_mut() else { return };
    for key in ["properties", "$defs", "definitions"] {
        for inner in map.get_mut(key).and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut()) {
            complete(inner, depth + 1);
        }
    }
    if let Some(items) = map.get_mut("items") {
        complete(items, depth + 1);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for inner in map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            complete(inner, depth + 1);
        }
    }
    let is_object = match map.get("type") {
        Some(Value::String(name)) => name == "object",
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        _ => map.contains_key("properties"),
    };
    if is_object {
        let names: Vec<Value> = match map.get("properties").and_then(Value::as_object) {
            Some(properties) => properties.keys().map(|name| json!(name)).collect(),
            None => Vec::new(),
        };
        map.entry("properties").or_insert_with(|| json!({}));
        map.insert("required".into(), Value::Array(names));
        map.insert("additionalProperties".into(), json!(false));
    }
}

fn fill(map: &mut Map<String, Value>, defaults: &[(&str, Value)]) {
    for (key, value) in defaults {
        if map.get(*key).is_none_or(Value::is_null) {
            map.insert((*key).into(), value.clone());
        }
    }
}

/// `user_location` complete; without one the request comes from the United States.
fn locate(map: &mut Map<String, Value>) {
    let mut place = match map.get("user_location").and_then(Value::as_object) {
        Some(given) => given.clone(),
        None => Map::from_iter([("country".to_string(), json!("US"))]),
    };
    fill(&mut place, &[("type", json!("approximate"))]);
    for key in ["city", "country", "region", "timezone"] {
        place.entry(key).or_insert(Value::Null);
    }
    map.insert("user_location".into(), typed(place));
}

/// What opens an MCP server is not shown.
fn redact(map: &mut Map<String, Value>) {
    let hidden = || json!("<redacted>");
    if map.get("authorization").is_some_and(|secret| !secret.is_null()) {
        map.insert("authorization".into(), hidden());
    }
    for value in map.get_mut("headers").and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut()) {
        *value = hidden();
    }
}

fn kind(tool: &Value) -> &str {
    tool.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The tools a request offers, those inside namespaces among them.
pub(super) fn offered(tools: &Value) -> Vec<Tool> {
    let mut all = Vec::new();
    for tool in tools.elements() {
        match kind(tool) {
            "namespace" => all.extend(offered(tool.get("tools").unwrap_or(&Value::Null))),
            "function" => all.push(Tool {
                kind: ToolKind::Function,
                name: text(tool, "name"),
                description: tool.get("description").and_then(Value::as_str).map(Into::into),
                parameters: tool.get("parameters").filter(|schema| !schema.is_null()).cloned(),
                // What the schema lacks OpenAI completes; arguments are held to it only when the client asked.
                strict: tool.get("strict").and_then(Value::as_bool).unwrap_or(false),
            }),
            "custom" => all.push(Tool {
                kind: ToolKind::Custom,
                name: text(tool, "name"),
                description: tool.get("description").and_then(Value::as_str).map(Into::into),
                parameters: None,
                strict: false,
            }),
            hosted => all.push(Tool {
                kind: ToolKind::Hosted(hosted.into()),
                name: hosted.into(),
                description: None,
                parameters: None,
                strict: false,
            }),
        }
    }
    all
}

/// The namespace a call of a tool names, by the tool's name: the one it stands in, and its own for a function whose
/// loading is deferred or that a `tool_search_output` among `items` brought (recordings 1d23d01e6b5ce08a,
/// e4bec4738ee37a4b). Calls of the other tools name none.
pub(super) fn namespaces<'a>(tools: &'a Value, items: impl Iterator<Item = &'a Value>) -> HashMap<String, String> {
    let mut all: HashMap<&str, Option<&str>> = HashMap::new();
    let mut add = |tool: &'a Value, loaded: bool| match kind(tool) {
        "namespace" => {
            for inner in inner(tool) {
                all.entry(name(inner)).or_insert_with(|| Some(name(tool)));
            }
        }
        "function" | "custom" => {
            let apart = loaded || tool.get("defer_loading") == Some(&Value::Bool(true));
            all.entry(name(tool)).or_insert_with(|| apart.then(|| name(tool)));
        }
        _ => {}
    };
    tools.elements().for_each(|tool| add(tool, false));
    loaded(items).for_each(|tool| add(tool, true));
    all.into_iter().filter_map(|(name, namespace)| Some((name.into(), namespace?.into()))).collect()
}

/// `tool_choice` as the prompt has it.
pub(super) fn choice(value: &Value) -> ToolChoice {
    match value {
        Value::String(word) => match word.as_str() {
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => ToolChoice::Auto,
        },
        Value::Object(_) => match kind(value) {
            "function" | "custom" => ToolChoice::Named(text(value, "name")),
            "allowed_tools" => ToolChoice::Allowed {
                names: value
                    .get("tools")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .map(|tool| match text(tool, "name") {
                        name if name.is_empty() => kind(tool).to_string(),
                        name => name,
                    })
                    .collect(),
                required: text(value, "mode") == "required",
            },
            hosted => ToolChoice::Named(hosted.into()),
        },
        _ => ToolChoice::Auto,
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_without_strict_comes_back_strict_and_complete() {
        // Recording 064a8d5477638f26.
        let tool = json!({"type": "function", "name": "calculator", "description": "Performs basic arithmetic",
            "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": []}});
        assert_eq!(
            echo(&tool).to_string(),
            r#"{"type":"function","description":"Performs basic arithmetic","name":"calculator","output_schema":null,"parameters":{"type":"object","properties":{"expression":{"type":"string"}},"required":["expression"],"additionalProperties":false},"strict":true}"#
        );
        let given = json!({"type": "function", "name": "f", "strict": false, "parameters": {"type": "object"}});
        assert_eq!(echo(&given)["parameters"], json!({"type": "object"}));
        let open = echo(&json!({"type": "function", "name": "f", "strict": null, "parameters": {"type": "object"}}));
        assert_eq!((&open["strict"], &open["parameters"]), (&json!(false), &json!({"type": "object"})));
    }

    #[test]
    fn functions_come_first_and_namespaces_last() {
        let tools = json!([
            {"type": "namespace", "name": "crm", "tools": []},
            {"type": "tool_search"},
            {"type": "function", "name": "a", "strict": true, "defer_loading": true, "parameters": null},
            {"type": "function", "name": "b", "strict": true, "description": ""},
        ]);
        let names = |tools: &[Value]| tools.iter().map(|tool| kind(tool).to_string()).collect::<Vec<_>>();
        assert_eq!(names(&echo_all(&tools, [].iter())), ["function", "function", "tool_search", "namespace"]);
        let loaded = json!({"type": "tool_search_output", "tools": [{"type": "function", "name": "a"}]});
        let echoed = echo_all(&tools, [loaded].iter());
        assert_eq!(names(&echoed), ["function", "tool_search", "namespace", "namespace"]);
        assert_eq!(echoed[0]["description"], Value::Null);
        assert_eq!(
            echoed[3].to_string(),
            r#"{"type":"namespace","description":null,"name":"a","tools":[{"type":"function","description":null,"name":"a","parameters":null,"strict":true}]}"#
        );
    }

    #[test]
    fn calls_name_the_namespace_of_their_tool() {
        let function = |name: &str| json!({"type": "function", "name": name});
        let mut deferred = function("later");
        deferred["defer_loading"] = json!(true);
        let tools = json!([
            function("plain"),
            {"type": "namespace", "name": "crm", "tools": [function("find"), function("plain")]},
            deferred,
            {"type": "tool_search"},
        ]);
        let found = json!({"type": "tool_search_output", "tools": [
            function("found"), function("plain"), {"type": "namespace", "name": "erp", "tools": [function("book")]},
        ]});
        let namespaces = namespaces(&tools, [found].iter());
        let of = |name: &str| namespaces.get(name).map(String::as_str);
        let named = ["plain", "find", "later", "found", "book", "unknown"].map(of);
        assert_eq!(named, [None, Some("crm"), Some("later"), Some("found"), Some("erp"), None]);
    }

    #[test]
    fn hosted_tools_come_back_with_their_defaults() {
        // Recording a23240e4fcbd4d16.
        let tool = json!({"type": "web_search", "external_web_access": true});
        assert_eq!(
            echo(&tool).to_string(),
            r#"{"type":"web_search","return_token_budget":"default","search_content_types":["text"],"search_context_size":"medium","user_location":{"type":"approximate","city":null,"country":"US","region":null,"timezone":null}}"#
        );
        // Recording ecfee57f35b7c675: what opens the server is hidden.
        let tool = json!({"type": "mcp", "server_label": "a", "server_url": "https://a.example/mcp",
            "authorization": "secret", "headers": {"x-key": "secret"}});
        let echoed = echo(&tool).to_string();
        assert!(!echoed.contains("secret") && echoed.contains(r#""require_approval":"always""#), "{echoed}");
    }

    #[test]
    fn choices_name_tools() {
        assert_eq!(choice(&json!("required")), ToolChoice::Required);
        assert_eq!(choice(&json!({"type": "function", "name": "f"})), ToolChoice::Named("f".into()));
        let allowed =
            json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]});
        assert_eq!(choice(&allowed), ToolChoice::Allowed { names: vec!["f".into()], required: true });
    }
}
