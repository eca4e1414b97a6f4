//! The kinds of items a response is made of: their fields, and the events each is streamed with.
//!
//! Field sets: recordings f136820a5530602e (mcp_list_tools), ecfee57f35b7c675 (mcp_call), f0e652a052d25813 (file_search),
//! 78401d27f811c0fd (web_search), 2bd4054289f2f22e (code_interpreter), d0de501eb8155638 (image_generation),
//! 82b786a7d9dc80ec (tool_search), 4b367ae425bbe702 (compaction); the others from the types of the openai package.

use serde_json::{Map, Value};

/// One kind of item.
#[derive(Debug)]
pub(crate) struct ItemKind {
    /// The item's `type`.
    pub name: &'static str,
    /// Of its id.
    pub prefix: &'static str,
    /// Whether it has a `status`.
    pub status: bool,
    /// Fields it always has besides `id`, `type` and `status`, with the JSON they have when nobody gives them. `@call`
    /// and `@container` stand for a new id of that kind.
    pub fields: &'static [(&'static str, &'static str)],
    /// What fields hold while the item is in progress; a missing JSON = the field is not there yet.
    pub blank: &'static [(&'static str, Option<&'static str>)],
    /// What happens between `output_item.added` and `output_item.done`.
    pub beats: &'static [Beat],
}

/// Events of an item between its beginning and its end.
#[derive(Debug)]
pub(crate) enum Beat {
    /// An event that says nothing but where.
    Mark(&'static str),
    /// The first event, or the second if the item failed.
    Outcome(&'static str, &'static str),
    /// A string field, in pieces, then whole.
    Text { delta: &'static str, done: &'static str, field: &'static str, pieces: bool },
    /// Parts of `content`: output text, refusal, reasoning text.
    Content,
    /// Parts of `summary`.
    Summary,
    /// `partial_image` for a finished picture.
    Picture,
    /// `action.commands` of a shell call.
    Commands,
    /// `output` of a shell call.
    ShellOutput,
}

use Beat::{Commands, Content, Mark, Outcome, Picture, ShellOutput, Summary, Text};

const EMPTY: Option<&str> = Some(r#""""#);
const NULL: Option<&str> = Some("null");
const LIST: Option<&str> = Some("[]");

/// The smallest PNG: what an image_generation_call shows when no picture was given.
const PIXEL: &str =
    r#""iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==""#;

const fn plain(name: &'static str, prefix: &'static str, fields: &'static [(&'static str, &'static str)]) -> ItemKind {
    ItemKind { name, prefix, status: true, fields, blank: &[], beats: &[] }
}

/// Every kind that can stand in `output`.
pub(crate) static KINDS: &[ItemKind] = &[
    ItemKind {
        beats: &[Content],
        blank: &[("content", LIST)],
        ..plain("message", "msg", &[("content", "[]"), ("role", r#""assistant""#)])
    },
    ItemKind {
        beats: &[Text {
            delta: "response.function_call_arguments.delta",
            done: "response.function_call_arguments.done",
            field: "arguments",
            pieces: true,
        }],
        blank: &[("arguments", EMPTY)],
        ..plain("function_call", "fc", &[("arguments", r#""{}""#), ("call_id", "@call"), ("name", r#""""#)])
    },
    ItemKind {
        beats: &[Text {
            delta: "response.custom_tool_call_input.delta",
            done: "response.custom_tool_call_input.done",
            field: "input",
            pieces: true,
        }],
        blank: &[("input", EMPTY)],
        ..plain("custom_tool_call", "ctc", &[("call_id", "@call"), ("input", r#""""#), ("name", r#""""#)])
    },
    ItemKind {
        status: false,
        beats: &[Content, Summary],
        blank: &[("content", LIST), ("summary", LIST)],
        ..plain("reasoning", "rs", &[("content", "[]"), ("encrypted_content", "@encrypted"), ("summary", "[]")])
    },
    ItemKind {
        beats: &[
            Mark("response.web_search_call.in_progress"),
            Mark("response.web_search_call.searching"),
            Mark("response.web_search_call.completed"),
        ],
        blank: &[("action", Some(r#"{"type":"search"}"#))],
        ..plain("web_search_call", "ws", &[("action", r#"{"type":"search","queries":[],"query":""}"#)])
    },
    ItemKind {
        beats: &[
            Mark("response.file_search_call.in_progress"),
            Mark("response.file_search_call.searching"),
            Mark("response.file_search_call.completed"),
        ],
        blank: &[("queries", LIST), ("results", NULL)],
        ..plain("file_search_call", "fs", &[("queries", "[]"), ("results", "null")])
    },
    ItemKind {
        beats: &[
            Mark("response.code_interpreter_call.in_progress"),
            Text {
                delta: "response.code_interpreter_call_code.delta",
                done: "response.code_interpreter_call_code.done",
                field: "code",
                pieces: true,
            },
            Mark("response.code_interpreter_call.interpreting"),
            Mark("response.code_interpreter_call.completed"),
        ],
        blank: &[("code", EMPTY), ("outputs", NULL)],
        ..plain(
            "code_interpreter_call",
            "ci",
            &[("code", r#""""#), ("container_id", "@container"), ("outputs", "null")],
        )
    },
    ItemKind {
        beats: &[
            Mark("response.image_generation_call.in_progress"),
            Mark("response.image_generation_call.generating"),
            Picture,
            Mark("response.image_generation_call.completed"),
        ],
        blank: &[
            ("action", None),
            ("background", None),
            ("output_format", None),
            ("quality", None),
            ("result", NULL),
            ("revised_prompt", None),
            ("size", None),
        ],
        ..plain(
            "image_generation_call",
            "ig",
            &[
                ("action", r#""generate""#),
                ("background", r#""opaque""#),
                ("output_format", r#""png""#),
                ("quality", r#""high""#),
                ("result", PIXEL),
                ("revised_prompt", "null"),
                ("size", r#""1024x1024""#),
            ],
        )
    },
    ItemKind {
        status: false,
        beats: &[
            Mark("response.mcp_list_tools.in_progress"),
            Outcome("response.mcp_list_tools.completed", "response.mcp_list_tools.failed"),
        ],
        blank: &[("tools", LIST), ("error", None)],
        ..plain("mcp_list_tools", "mcpl", &[("server_label", r#""""#), ("tools", "[]")])
    },
    ItemKind {
        beats: &[
            Mark("response.mcp_call.in_progress"),
            Text {
                delta: "response.mcp_call_arguments.delta",
                done: "response.mcp_call_arguments.done",
                field: "arguments",
                pieces: false,
            },
            Outcome("response.mcp_call.completed", "response.mcp_call.failed"),
        ],
        blank: &[("arguments", EMPTY), ("error", NULL), ("output", NULL)],
        ..plain(
            "mcp_call",
            "mcp",
            &[
                ("approval_request_id", "null"),
                ("arguments", r#""{}""#),
                ("error", "null"),
                ("name", r#""""#),
                ("output", "null"),
                ("server_label", r#""""#),
            ],
        )
    },
    ItemKind {
        status: false,
        ..plain(
            "mcp_approval_request",
            "mcpr",
            &[("arguments", r#""{}""#), ("name", r#""""#), ("server_label", r#""""#)],
        )
    },
    plain("computer_call", "cu", &[("call_id", "@call"), ("pending_safety_checks", "[]")]),
    plain("computer_call_output", "cuo", &[("call_id", "@call"), ("output", "{}")]),
    plain("local_shell_call", "lsh", &[("action", "{}"), ("call_id", "@call")]),
    plain("local_shell_call_output", "lsho", &[("output", r#""""#)]),
    ItemKind {
        beats: &[Commands],
        blank: &[("action", Some(r#"{"commands":[],"max_output_length":null,"timeout_ms":null}"#))],
        ..plain(
            "shell_call",
            "sh",
            &[
                ("action", r#"{"commands":[],"max_output_length":null,"timeout_ms":null}"#),
                ("call_id", "@call"),
                ("environment", "null"),
            ],
        )
    },
    ItemKind {
        beats: &[ShellOutput],
        blank: &[("output", LIST)],
        ..plain("shell_call_output", "sho", &[("call_id", "@call"), ("max_output_length", "null"), ("output", "[]")])
    },
    plain("apply_patch_call", "apc", &[("call_id", "@call"), ("operation", "{}")]),
    plain("apply_patch_call_output", "apco", &[("call_id", "@call"), ("output", "null")]),
    ItemKind {
        blank: &[("arguments", Some("{}"))],
        ..plain("tool_search_call", "tsc", &[("arguments", "{}"), ("call_id", "null"), ("execution", r#""server""#)])
    },
    plain("tool_search_output", "tso", &[("call_id", "null"), ("execution", r#""server""#), ("tools", "[]")]),
    ItemKind { status: false, ..plain("compaction", "cmp", &[("encrypted_content", "@encrypted")]) },
    plain("program", "prog", &[]),
    plain("program_output", "progo", &[]),
    plain("function_call_output", "fco", &[("call_id", "@call"), ("output", r#""""#)]),
    plain("custom_tool_call_output", "ctco", &[("call_id", "@call"), ("output", r#""""#)]),
];

/// What an item of no known type is taken for: it is shown as written and streamed by its beginning and end.
pub(crate) static UNKNOWN: ItemKind = ItemKind { status: false, ..plain("", "item", &[]) };

/// The kind with this `type`.
pub(crate) fn kind(name: &str) -> &'static ItemKind {
    KINDS.iter().find(|kind| kind.name == name).unwrap_or(&UNKNOWN)
}

/// Fields that hold what somebody else wrote: their key order is not OpenAI's.
const FOREIGN: &[&str] = &["arguments", "attributes", "input_schema", "parameters", "schema", "tools", "operation"];

/// An object's keys in the order OpenAI sends them: `id`, `type`, `status`, then alphabetical, at every depth.
pub(crate) fn ordered(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
            let ours = |(key, value): (String, Value)| {
                let value = if FOREIGN.contains(&key.as_str()) { value } else { ordered(value) };
                (key, value)
            };
            Value::Object(entries.into_iter().map(ours).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(ordered).collect()),
        other => other,
    }
}

fn rank(key: &str) -> u8 {
    match key {
        "id" => 0,
        "type" => 1,
        "status" => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_default_is_json_or_a_known_mark() {
        for kind in KINDS {
            for (field, text) in kind.fields {
                let known = matches!(*text, "@call" | "@container" | "@encrypted");
                assert!(known || serde_json::from_str::<Value>(text).is_ok(), "{} {field}", kind.name);
            }
            for (field, text) in kind.blank {
                assert!(text.is_none_or(|text| serde_json::from_str::<Value>(text).is_ok()), "{} {field}", kind.name);
            }
        }
    }

    #[test]
    fn keys_come_in_the_recorded_order() {
        // Recording 5a5d9c1748565b84.
        let item =
            json!({"results": null, "status": "completed", "queries": [], "type": "file_search_call", "id": "fs_1"});
        assert_eq!(
            ordered(item).to_string(),
            r#"{"id":"fs_1","type":"file_search_call","status":"completed","queries":[],"results":null}"#
        );
    }
}
