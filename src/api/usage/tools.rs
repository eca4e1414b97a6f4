//! Tools as the model reads them: function tools are a TypeScript namespace (real-traffic §4).

use crate::api::models::Model;
use crate::api::usage::Api;
use crate::prompt::{Prompt, Role, Tool, ToolChoice, ToolKind};
use serde_json::{Map, Value};
use std::fmt::Write;

/// What a request's tools cost.
pub struct Offer {
    /// The namespace of its functions; `None` without functions.
    pub text: Option<String>,
    /// Whether a leading system message and the namespace are one text (chat, models that do not think).
    pub merges: bool,
    /// Whether there is a leading system message.
    pub leads: bool,
    /// Tokens around the namespace.
    pub around: u64,
    /// Functions whose first property has no comment; each costs one token less.
    pub uncommented: u64,
    /// Tokens of the tools OpenAI runs, before they ran.
    pub hosted: u64,
}

impl Offer {
    pub fn new(prompt: &Prompt, model: &Model, api: Api) -> Self {
        let functions: Vec<&Tool> =
            prompt.tools.iter().filter(|tool| !matches!(tool.kind, ToolKind::Hosted(_))).collect();
        let merges = api == Api::Chat && !model.reasoning;
        let leads = prompt.messages.first().is_some_and(|first| matches!(first.role, Role::System | Role::Developer));
        let named = matches!(prompt.tool_choice, ToolChoice::Named(_));
        let around = match (api, model.reasoning) {
            (Api::Chat, false) => 9 + if named { 7 } else { 0 },
            (Api::Chat, true) => (if leads { 90 } else { 91 }) - if named { 9 } else { 0 },
            (_, false) => {
                3 + if named {
                    8
                } else if prompt.tool_choice == ToolChoice::Required {
                    9
                } else {
                    0
                }
            }
            (_, true) => model.tool_tokens.saturating_sub(if named { 2 } else { 0 }),
        };
        Offer {
            text: (!functions.is_empty()).then(|| namespace(&functions, api)),
            merges,
            leads,
            around,
            uncommented: functions.iter().filter(|tool| uncommented(tool)).count() as u64,
            hosted: prompt.tools.iter().map(hosted).sum(),
        }
    }
}

/// A leading system message with the namespace behind it. One text, because tokens reach over the seam.
pub fn merged(system: &str, namespace: &str) -> String {
    format!("{system}\n\n# Tools\n\n## functions\n\n{namespace}")
}

/// Typical numbers of recordings in which the tool was not used.
fn hosted(tool: &Tool) -> u64 {
    match &tool.kind {
        ToolKind::Hosted(kind) => match kind.as_str() {
            "code_interpreter" => 1320,
            "image_generation" => 1654,
            _ => 294,
        },
        _ => 0,
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object).filter(|map| !map.is_empty())
}

fn uncommented(tool: &Tool) -> bool {
    let first = tool.parameters.as_ref().and_then(properties).and_then(|map| map.values().next());
    first.is_some_and(|property| {
        ["title", "description"].iter().all(|key| property.get(key).is_none_or(|text| text == ""))
    })
}

fn namespace(functions: &[&Tool], api: Api) -> String {
    let mut out = String::from("namespace functions {\n\n");
    for tool in functions {
        comment(tool.description.as_deref(), &mut out);
        let schema = tool.parameters.as_ref().filter(|schema| properties(schema).is_some());
        let _ = match schema {
            Some(_) => write!(out, "type {} = (_: ", tool.name),
            None => write!(out, "type {} = () => any;\n\n", tool.name),
        };
        if let Some(schema) = schema {
            let title = schema.get("title").and_then(Value::as_str).filter(|_| api == Api::Responses);
            comment(title, &mut out);
            object(schema, DEPTH, &mut out);
            out.push_str(") => any;\n\n");
        }
    }
    out.push_str("} // namespace functions");
    out
}

/// How deep schemas are rendered; what lies deeper is `any`.
const DEPTH: usize = 32;

/// `// ` before each line of a text without its indentation.
fn comment(text: Option<&str>, out: &mut String) {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let rest = text.lines().skip(1).filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    for (number, line) in text.lines().enumerate() {
        let line = if number == 0 { line } else { line.get(rest..).unwrap_or_default() };
        let _ = writeln!(out, "// {line}");
    }
}

fn object(schema: &Value, depth: usize, out: &mut String) {
    let Some(properties) = properties(schema) else { return out.push_str("object") };
    let required = schema.get("required").and_then(Value::as_array);
    out.push_str("{\n");
    for (name, property) in properties {
        comment(property.get("title").and_then(Value::as_str), out);
        comment(property.get("description").and_then(Value::as_str), out);
        let optional = !required.is_some_and(|names| names.iter().any(|one| one == name.as_str()));
        let _ = write!(out, "{name}{}: ", if optional { "?" } else { "" });
        kind(property, depth - 1, out);
        out.push(',');
        match property.get("default") {
            Some(Value::String(text)) => drop(write!(out, " // default: {text}")),
            Some(value) => drop(write!(out, " // default: {value}")),
            None => {}
        }
        out.push('\n');
    }
    out.push('}');
}

/// The TypeScript type of a schema.
fn kind(schema: &Value, depth: usize, out: &mut String) {
    let alternatives = ["enum", "anyOf", "oneOf"].iter().find_map(|key| Some((*key, schema.get(key)?.as_array()?)));
    if depth == 0 {
        out.push_str("any");
    } else if let Some((key, values)) = alternatives {
        for (number, value) in values.iter().enumerate() {
            out.push_str(if number > 0 { " | " } else { "" });
            match key {
                "enum" => drop(write!(out, "{value}")),
                _ => kind(value, depth - 1, out),
            }
        }
    } else if let Some(value) = schema.get("const") {
        let _ = write!(out, "{value}");
    } else {
        match schema.get("type") {
            Some(Value::Array(types)) => {
                for (number, one) in types.iter().enumerate() {
                    out.push_str(if number > 0 { " | " } else { "" });
                    single(one.as_str(), schema, depth, out);
                }
            }
            one => single(one.and_then(Value::as_str), schema, depth, out),
        }
    }
}

fn single(name: Option<&str>, schema: &Value, depth: usize, out: &mut String) {
    match name {
        Some("integer" | "number") => out.push_str("number"),
        Some("array") => {
            match schema.get("items") {
                Some(items) => kind(items, depth - 1, out),
                None => out.push_str("any"),
            }
            out.push_str("[]");
        }
        Some(word @ ("string" | "boolean" | "null")) => out.push_str(word),
        Some("object") => object(schema, depth, out),
        None if properties(schema).is_some() => object(schema, depth, out),
        _ => out.push_str("any"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn functions_read_as_typescript() {
        let tool = Tool {
            kind: ToolKind::Function,
            name: "get_weather".into(),
            description: Some("Get the weather.\n    Twice.\n".into()),
            parameters: Some(json!({
                "type": "object", "required": ["city"],
                "properties": {
                    "city": {"type": "string", "description": "A city"},
                    "unit": {"enum": ["c", "f"], "default": "c"},
                    "days": {"type": ["array", "null"], "items": {"type": "integer"}},
                    "place": {"type": "object", "properties": {"lat": {"type": "number"}}},
                },
            })),
            strict: false,
        };
        let expected = "namespace functions {\n\n// Get the weather.\n// Twice.\ntype get_weather = (_: {\n// A city\n\
                        city: string,\nunit?: \"c\" | \"f\", // default: c\ndays?: number[] | null,\n\
                        place?: {\nlat?: number,\n},\n}) => any;\n\n} // namespace functions";
        assert_eq!(namespace(&[&tool], Api::Chat), expected);
    }

    #[test]
    fn deep_schemas_end() {
        let mut schema = json!({"type": "string"});
        for _ in 0..100 {
            schema = json!({"type": "object", "properties": {"next": {"type": "array", "items": schema}}});
        }
        let mut out = String::new();
        object(&schema, DEPTH, &mut out);
        assert!(out.contains("next?: any") || out.contains("any[]"));
    }
}
