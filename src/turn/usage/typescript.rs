//! Functions as the model reads them: a TypeScript namespace (real-traffic §4; the rules were tested on 5,500 recorded
//! prompts).

use crate::prompt::Tool;
use crate::wire::dialect::Dialect;
use serde_json::{Map, Value};
use std::fmt::Write;

/// The functions of a request.
pub(super) fn namespace(functions: &[&Tool], api: Dialect) -> String {
    let mut out = String::from("namespace functions {\n\n");
    for tool in functions {
        comment(tool.description.as_deref(), &mut out);
        let Some(root) = tool.parameters.as_ref().filter(|schema| properties(Some(schema)).is_some()) else {
            let _ = write!(out, "type {} = () => any;\n\n", tool.name);
            continue;
        };
        let _ = write!(out, "type {} = (_: ", tool.name);
        let schema = ToolSchema { root, own: root, target: None };
        comment(schema.word("title").filter(|_| api == Dialect::Responses), &mut out);
        comment(schema.word("description"), &mut out);
        object(schema, DEPTH, &mut out);
        out.push_str(") => any;\n\n");
    }
    out.push_str("} // namespace functions");
    out
}

/// How deep schemas are rendered; what lies deeper is `any`.
const DEPTH: usize = 32;
/// Bytes after which references are no longer followed: a few definitions can refer to each other without end.
const MOST: usize = 1 << 20;

/// A schema, and what it refers to.
#[derive(Clone, Copy)]
struct ToolSchema<'a> {
    /// Where references begin.
    root: &'a Value,
    own: &'a Value,
    target: Option<&'a Value>,
}

impl<'a> ToolSchema<'a> {
    /// One of the schemas within this one.
    fn inner(self, own: &'a Value, out: &str) -> Self {
        let follow = |schema: &'a Value| {
            let path = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
            self.root.pointer(path).filter(|_| out.len() < MOST)
        };
        // A definition may be nothing but another reference.
        let target = std::iter::successors(follow(own), |schema| follow(schema)).take(DEPTH).last();
        ToolSchema { root: self.root, own, target }
    }

    /// What the schema says, else what its definition says.
    fn get(self, key: &str) -> Option<&'a Value> {
        self.own.get(key).or_else(|| self.target?.get(key))
    }

    fn word(self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    /// Whether anything is said of it beside its type.
    fn is_commented(self) -> bool {
        let says = |key| self.word(key).is_some_and(|text| !text.trim().is_empty());
        says("title") || says("description") || self.get("default").is_some()
    }
}

fn properties(schema: Option<&Value>) -> Option<&Map<String, Value>> {
    schema?.get("properties")?.as_object().filter(|map| !map.is_empty())
}

/// `// ` before each line of a text that is not blank, without its indentation.
fn comment(text: Option<&str>, out: &mut String) {
    for line in text.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "// {line}");
    }
}

/// `{ a: string, b?: number }` on one line, unless a property has a comment.
fn object(schema: ToolSchema, depth: usize, out: &mut String) {
    let Some(properties) = properties(Some(schema.own)).or_else(|| properties(schema.target)) else {
        return out.push_str("object");
    };
    let required = schema.get("required").and_then(Value::as_array);
    let commented = properties.values().any(|property| schema.inner(property, out).is_commented());
    let (start, between, end) = if commented { ("{\n", "", "}") } else { ("{ ", ", ", " }") };
    out.push_str(start);
    for (number, (name, property)) in properties.iter().enumerate() {
        let property = schema.inner(property, out);
        out.push_str(if number > 0 { between } else { "" });
        comment(property.word("title"), out);
        comment(property.word("description"), out);
        let optional = !required.is_some_and(|names| names.iter().any(|one| one == name.as_str()));
        let _ = write!(out, "{name}{}: ", if optional { "?" } else { "" });
        kind(property, depth - 1, out);
        if commented {
            out.push(',');
            match property.get("default") {
                Some(Value::String(text)) => drop(write!(out, " // default: {text}")),
                Some(value) => drop(write!(out, " // default: {value}")),
                None => {}
            }
            out.push('\n');
        }
    }
    out.push_str(end);
}

/// The TypeScript type of a schema.
fn kind(schema: ToolSchema, depth: usize, out: &mut String) {
    let alternatives = ["enum", "anyOf", "oneOf"].iter().find_map(|key| Some((*key, schema.get(key)?.as_array()?)));
    if depth == 0 {
        out.push_str("any");
    } else if let Some((key, values)) = alternatives {
        for (number, value) in values.iter().enumerate() {
            out.push_str(if number > 0 { " | " } else { "" });
            match key {
                "enum" => drop(write!(out, "{value}")),
                _ => kind(schema.inner(value, out), depth - 1, out),
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

fn single(name: Option<&str>, schema: ToolSchema, depth: usize, out: &mut String) {
    match name {
        Some("integer" | "number") => out.push_str("number"),
        Some("array") => {
            match schema.get("items") {
                Some(items) => kind(schema.inner(items, out), depth - 1, out),
                None => out.push_str("any"),
            }
            out.push_str("[]");
        }
        Some(word @ ("string" | "boolean" | "null")) => out.push_str(word),
        Some("object") => object(schema, depth, out),
        None if schema.get("properties").is_some() => object(schema, depth, out),
        _ => out.push_str("any"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::ToolKind;
    use serde_json::json;

    fn tool(description: &str, parameters: Value) -> Tool {
        Tool {
            kind: ToolKind::Function,
            name: "f".into(),
            description: Some(description.into()),
            parameters: Some(parameters),
            strict: false,
        }
    }

    fn read(tool: &Tool, api: Dialect) -> String {
        let text = namespace(&[tool], api);
        let inner = text.strip_prefix("namespace functions {\n\n").and_then(|rest| rest.split("\n\n} //").next());
        inner.expect("a namespace").to_string()
    }

    #[test]
    fn commented_properties_stand_on_lines_of_their_own() {
        let parameters = json!({
            "type": "object", "required": ["city"], "title": "Args", "description": "Where",
            "properties": {
                "city": {"type": "string", "description": "A city"},
                "unit": {"enum": ["c", "f"], "default": "c"},
                "days": {"type": ["array", "null"], "items": {"type": "integer"}},
                "place": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
            },
        });
        let tool = tool("Get the weather.\n\n    Twice.\n  \tOr more.\n", parameters);
        let expected = "// Get the weather.\n// Twice.\n// Or more.\ntype f = (_: // Where\n{\n// A city\ncity: string,\n\
                        unit?: \"c\" | \"f\", // default: c\ndays?: number[] | null,\n\
                        place?: { lat?: number, lon?: number },\n}) => any;";
        assert_eq!(read(&tool, Dialect::Chat), expected);
        assert_eq!(read(&tool, Dialect::Responses), expected.replace("// Where", "// Args\n// Where"));
    }

    #[test]
    fn properties_without_comments_share_a_line() {
        let parameters =
            json!({"properties": {"a": {"type": "string"}, "b": {"type": "integer", "title": ""}}, "required": ["a"]});
        assert_eq!(read(&tool("", parameters), Dialect::Chat), "type f = (_: { a: string, b?: number }) => any;");
        assert_eq!(read(&tool("", json!({"properties": {}})), Dialect::Chat), "type f = () => any;");
    }

    #[test]
    fn references_are_rendered_in_place() {
        let parameters = json!({
            "properties": {"to": {"$ref": "#/$defs/Alias"}, "all": {"type": "array", "items": {"$ref": "#/$defs/Place"}}},
            "$defs": {
                "Alias": {"$ref": "#/$defs/Place"},
                "Place": {"title": "Place", "type": "object", "properties": {"city": {"type": "string"}}},
            },
        });
        let expected = "type f = (_: {\n// Place\nto?: { city?: string },\nall?: { city?: string }[],\n}) => any;";
        assert_eq!(read(&tool("", parameters), Dialect::Chat), expected);
    }

    #[test]
    fn deep_and_circular_schemas_end() {
        let mut schema = json!({"type": "string"});
        for _ in 0..100 {
            schema = json!({"type": "object", "properties": {"next": {"type": "array", "items": schema}}});
        }
        assert!(read(&tool("", schema), Dialect::Chat).contains("any"));
        let node = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/N"}, "b": {"$ref": "#/$defs/N"}}});
        let circular = json!({"properties": {"a": {"$ref": "#/$defs/N"}, "o": {"$ref": "#/$defs/O"}}, "$defs": {"N": node, "O": {"$ref": "#/$defs/O"}}});
        assert!(namespace(&[&tool("", circular)], Dialect::Chat).len() < 2 * MOST);
    }
}
