//! Files as their authors write them.

use crate::script::files::*;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder of its own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("llemulator-scripts-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        Folder(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// An error's text without the folder's name.
    fn told(&self, error: impl ToString) -> String {
        error.to_string().replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn paths(load: &Load) -> Vec<&str> {
    load.rules.iter().map(|rule| &*rule.path).collect()
}

#[test]
fn yaml_means_what_the_same_json_means() {
    let folder = Folder::with(&[
        (
            "a.yaml",
            "# a remark\nresponses:\n  - Hello\n  - match: {user: yes|no}\n    text: |\n      two\n      lines\n    times: 2\n",
        ),
        ("b.json", r#"{"responses": ["Hello", {"match": {"user": "yes|no"}, "text": "two\nlines\n", "times": 2}]}"#),
    ]);
    let (yaml, json) = (read(&folder.file("a.yaml")).unwrap(), read(&folder.file("b.json")).unwrap());
    let sources = |load: &Load| load.rules.iter().map(|rule| rule.source.to_json()).collect::<Vec<_>>();
    assert_eq!(sources(&yaml), sources(&json));
    assert_eq!(paths(&yaml), ["a.yaml responses[0]", "a.yaml responses[1]"]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_script() {
    let folder = Folder::with(&[
        ("a.json", "\u{feff}{\"responses\": [\"a\"]}"),
        ("b.yaml", "\u{feff}extends: a.json\nresponses: [b]\n"),
        ("broken.json", "\u{feff}{\"responses\": yes}"),
    ]);
    assert_eq!(read(&folder.file("b.yaml")).unwrap().rules.len(), 2);
    let error = folder.told(read(&folder.file("broken.json")).unwrap_err());
    assert!(error.starts_with("broken.json:1:15"), "{error}");
    assert_eq!(text_of(&folder.file("a.json")).unwrap(), "{\"responses\": [\"a\"]}");
}

#[test]
fn faults_are_told_with_line_and_column() {
    let folder = Folder::with(&[
        ("key.json", "{\n  \"responses\": [\n    \"a\",\n    {\"text\": \"b\", \"tims\": 2}\n  ]\n}"),
        ("key.yaml", "responses:\n  - a\n  - text: b\n    tims: 2\n"),
        ("value.yaml", "responses:\n  - match: a\n    text: b\n    times: often\n"),
        ("broken.json", "{\n  \"reset\": yes\n}"),
        ("broken.yaml", "responses: [a\n"),
        ("twice.yaml", "responses: a\nresponses: b\n"),
    ]);
    for (file, start) in [
        ("key.json", "key.json:4:19: responses[1].tims: unknown key"),
        ("key.yaml", "key.yaml:4:5: responses[1].tims: unknown key"),
        ("value.yaml", "value.yaml:4:5: responses[0].times: expected a number, or \"unlimited\""),
        ("broken.json", "broken.json:2:"),
        ("broken.yaml", "broken.yaml:1:12: not YAML: unclosed bracket"),
        ("twice.yaml", "twice.yaml:2:1: not YAML: duplicate mapping key"),
        ("none.yaml", "none.yaml: cannot be read"),
    ] {
        let told = folder.told(read(&folder.file(file)).unwrap_err());
        assert!(told.starts_with(start), "{told}");
    }
}

#[test]
fn a_folder_is_its_files_by_name_and_a_base_comes_first() {
    let folder = Folder::with(&[
        ("2.json", r#"{"responses": ["second"], "models": ["m"]}"#),
        ("1.yaml", "extends: base.yml\nresponses: [first]\n"),
        ("base.yml", "responses: [base]\ndefaults: {fallback: echo}\n"),
        ("notes.txt", "not a script"),
    ]);
    let load = read(&folder.file("1.yaml")).unwrap();
    assert_eq!(paths(&load), ["base.yml responses[0]", "1.yaml responses[0]"]);
    assert!(load.defaults.is_some());
    let all = read(&folder.0).unwrap();
    assert_eq!(all.rules.len(), 4);
    assert!(all.models.is_some());
}

#[test]
fn a_script_involves_all_it_is_made_of() {
    let folder = Folder::with(&[
        ("1.yaml", "extends: [base.yml, none.yml]\n"),
        ("2.json", "{broken"),
        ("base.yml", "extends: 1.yaml\n"),
        ("notes.txt", ""),
    ]);
    let found = involved(std::slice::from_ref(&folder.0));
    let names: Vec<String> = found[1..].iter().map(|path| folder.told(path.display())).collect();
    assert_eq!(
        (&found[0], names),
        (&folder.0, ["1.yaml", "base.yml", "none.yml", "2.json"].map(str::to_string).into())
    );
}

#[test]
fn comments_stay_out_of_the_way_and_broken_bases_are_told_by_their_own_place() {
    let folder = Folder::with(&[
        (
            "a.json",
            r#"{"$comment": "why", "$schema": "x", "responses": [{"$comment": ["any"], "text": "a", "pace": {"$comment": 1}}]}"#,
        ),
        (
            "map.json",
            r#"{"$comment": "why", "responses": {"$comment": "a regex here", "a": {"$comment": 0, "text": "b"}}}"#,
        ),
        ("c.yaml", "extends: bad.yml\nresponses: [a]\n"),
        ("bad.yml", "responses:\n  - text: 5\n"),
    ]);
    assert_eq!(read(&folder.file("a.json")).unwrap().rules.len(), 1);
    assert_eq!(read(&folder.file("map.json")).unwrap().rules.len(), 1);
    let told = folder.told(read(&folder.file("c.yaml")).unwrap_err());
    assert!(told.starts_with("bad.yml:2:5: responses[0].text: "), "{told}");
    assert!(validate(&[folder.file("a.json"), folder.file("map.json")]).is_empty());
}

#[test]
fn files_that_extend_each_other_are_refused() {
    let folder = Folder::with(&[("a.json", r#"{"extends": ["b.json"]}"#), ("b.json", r#"{"extends": "a.json"}"#)]);
    let error = read(&folder.file("a.json")).unwrap_err();
    assert_eq!(folder.told(error), "a.json: extends itself, by way of the files it extends");
}

#[test]
fn validation_tells_errors_and_doubts_of_every_file() {
    let folder = Folder::with(&[
        ("a.json", r#"{"responses": ["a"]}"#),
        ("doubt.yaml", "responses:\n  text: Hi\n  .*: all\n  b: never\n"),
        ("bad.json", r#"{"responses": 5}"#),
    ]);
    let found: Vec<(Severity, String)> = validate(std::slice::from_ref(&folder.0))
        .into_iter()
        .map(|(severity, error)| (severity, folder.told(error)))
        .collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].0 == Severity::Error && found[0].1.starts_with("bad.json:1:2: responses: expected"), "{found:?}");
    assert!(found[1].0 == Severity::Warning && found[1].1.starts_with("doubt.yaml:2:3: responses.text: "), "{found:?}");
    assert!(found[2].0 == Severity::Warning && found[2].1.starts_with("doubt.yaml:4:3: responses.b: never reached"));
}

#[test]
fn validation_tells_every_fault_once_also_of_what_is_extended() {
    let folder = Folder::with(&[
        ("1.yaml", "extends: base.yml\nresponses:\n- {txt: a}\n- b\n- {text: c, times: often}\n"),
        ("2.json", "{\"extends\": [\"base.yml\", \"none.json\"], \"responses\": [5]}"),
        ("base.yml", "responses: [{pac: {}}]\ndefaults: {fallback: ecko}\n"),
        ("broken.json", "{"),
    ]);
    let mut told: Vec<String> =
        validate(std::slice::from_ref(&folder.0)).into_iter().map(|(_, error)| folder.told(error)).collect();
    told.sort();
    let places = [
        "1.yaml:3:4: responses[0].txt",
        "1.yaml:5:",
        "2.json:1:",
        "base.yml:1:14: responses[0].pac",
        "base.yml:2:",
        "broken.json:1:",
        "none.json: cannot be read",
    ];
    assert_eq!(told.len(), places.len(), "{told:#?}");
    for (told, place) in told.iter().zip(places) {
        assert!(told.starts_with(place), "{told}");
    }
}

#[test]
fn what_comes_before_a_file_may_shadow_it() {
    let folder = Folder::with(&[
        ("1.yaml", "extends: base.yml\nresponses: [never]\n"),
        (
            "2.yaml",
            "responses:\n- first\n- error: {status: 500}\n- {match: {operation: embeddings.create}, embedding: [1]}\n",
        ),
        ("base.yml", "responses: {'.*': all}\n"),
    ]);
    let told = |paths: &[PathBuf]| -> Vec<String> {
        validate(paths).into_iter().map(|(_, error)| folder.told(error)).collect()
    };
    let shadowed = "never reached: base.yml responses[\".*\"] takes every request it could match, without limit";
    assert_eq!(told(&[folder.file("1.yaml")]), [format!("1.yaml:2:13: responses[0]: {shadowed}")]);
    assert!(told(&[folder.file("2.yaml")]).is_empty());
    // A folder is one script.
    assert_eq!(
        told(std::slice::from_ref(&folder.0)),
        [
            format!("1.yaml:2:13: responses[0]: {shadowed}"),
            format!("2.yaml:2:3: responses[0]: {shadowed}"),
            format!("2.yaml:3:3: responses[1]: {shadowed}"),
            format!("base.yml:1:13: responses[\".*\"]: {shadowed}"),
        ]
    );
}

#[test]
fn aimock_fixtures_become_rules_that_load() {
    let fixtures = json!({"fixtures": [
        {"match": {"userMessage": "what's up?", "model": "gpt-4o", "sequenceIndex": 1}, "response": {"content": "second"}},
        {"match": {"userMessage": "what's up?", "model": "gpt-4o", "sequenceIndex": 0}, "response": {"content": "first"}},
        {"match": {"toolName": "get_weather", "hasToolResult": false},
         "response": {"toolCalls": [{"name": "get_weather", "arguments": "{\"city\":\"NYC\"}", "id": "call_1"}], "finishReason": "tool_calls"}},
        {"match": {"systemMessage": ["a", "b", "c"], "toolCallId": "call_1"}, "response": {"content": {"ok": true}}, "latency": 5},
        {"match": {"endpoint": "embedding", "inputText": "x"}, "response": {"embedding": [0.5]}},
        {"match": {"endpoint": "image"}, "response": {"images": [{"b64Json": "aGk="}]}, "chunkSize": 3},
        {"match": {"context": "team"}, "response": {"blocks": [
            {"type": "toolCall", "name": "f", "arguments": {"a": 1}}, {"type": "text", "text": "t"}], "webSearches": ["q"]}},
        {"match": {}, "response": {"error": {"message": "slow", "code": "rate_limit_exceeded"}, "status": 429, "retryAfter": 2},
         "truncateAfterChunks": 2, "streamingProfile": {"ttft": 10, "tps": 50, "jitter": 0.1}},
    ]});
    let script = convert_aimock(&fixtures.to_string()).unwrap();
    let load = script::load_value(script.clone(), Origin::File).unwrap_or_else(|error| panic!("{error}\n{script:#}"));
    assert_eq!(load.rules.len(), 7);
    let rules = &script["rules"];
    assert_eq!(rules[0]["match"], json!({"user": "what's up\\?", "model": "/^gpt\\-4o(-\\d.*)?$/"}));
    assert_eq!(rules[0]["responses"], json!([{"text": "first"}, {"text": "second"}]));
    assert_eq!(load.rules[0].times, Some(2));
    assert_eq!(rules[1]["match"], json!({"tool_offered": "get_weather", "tool_result": false}));
    assert_eq!(
        rules[2]["match"],
        json!({"system": "a", "not": {"not": {"system": "b", "not": {"not": {"system": "c"}}}}, "tool_result": {"tool": "get_weather"}})
    );
    assert_eq!(rules[4]["$comment"], "aimock's chunkSize have no counterpart");
    assert_eq!(rules[3]["match"], json!({"operation": "embeddings.create", "user": "x"}));
    assert_eq!(rules[5]["response"]["output"][1], json!({"tool_calls": [{"name": "f", "arguments": {"a": 1}}]}));
    assert_eq!(rules[6]["response"]["error"]["retry_after_ms"], 2000);
    assert_eq!(rules[6]["response"]["pace"], json!({"ttft_ms": 10, "tokens_per_second": 50}));
}

#[test]
fn a_sequence_of_aimock_with_gaps_is_refused() {
    let fixtures = |orders: &[u64]| {
        let fixture =
            |order: &u64| json!({"match": {"userMessage": "a", "sequenceIndex": order}, "response": {"content": "x"}});
        json!({"fixtures": orders.iter().map(fixture).collect::<Vec<_>>()}).to_string()
    };
    for orders in [&[0][..], &[1, 0], &[2, 0, 1]] {
        assert!(convert_aimock(&fixtures(orders)).is_ok(), "{orders:?}");
    }
    for (orders, at) in [(&[1][..], 0), (&[0, 2], 1), (&[0, 0], 1), (&[3, 0, 1], 0)] {
        let error = convert_aimock(&fixtures(orders)).expect_err("a gap");
        assert_eq!(error.path, format!("fixtures[{at}].match.sequenceIndex"), "{orders:?}: {}", error.message);
    }
}

#[test]
fn what_aimock_cannot_mean_here_is_refused_with_its_place() {
    let call = |id: &str| json!({"match": {}, "response": {"toolCalls": [{"name": "f", "arguments": {}, "id": id}]}});
    // A fixture, what stands beside it, the place of the fault.
    let refused = |fixture: Value, beside: Vec<Value>, place: &str| {
        let fixtures: Vec<Value> = std::iter::once(fixture).chain(beside).collect();
        let text = json!({"fixtures": fixtures}).to_string();
        let error = convert_aimock(&text).err().unwrap_or_else(|| panic!("{text} is converted"));
        assert_eq!(error.path, format!("fixtures[0]{place}"), "{text}: {}", error.message);
    };
    for (condition, place) in [
        (json!({"endpoint": "fal"}), ".match.endpoint"),
        (json!({"userMesage": "hi"}), ".match.userMesage"),
        (json!({"toolNamespace": "a"}), ".match.toolNamespace"),
        (json!({"userMessage": ["a", "b"]}), ".match.userMessage"),
        (json!({"userMessage": {"source": "a"}}), ".match.userMessage"),
        (json!({"userMessage": "a", "inputText": "b"}), ".match.inputText"),
        (json!({"model": null}), ".match.model"),
        (json!({"systemMessage": []}), ".match.systemMessage"),
        (json!({"systemMessage": ["a", 5]}), ".match.systemMessage"),
        (json!({"toolCallId": "call_9"}), ".match.toolCallId"),
        (json!({"hasToolResult": "yes"}), ".match.hasToolResult"),
        (json!({"toolResultContains": "a", "hasToolResult": false}), ".match.hasToolResult"),
        (json!({"hasToolResult": false, "toolResultContains": "a"}), ".match.toolResultContains"),
        (json!({"turnIndex": -1}), ".match.turnIndex"),
        (json!({"sequenceIndex": "0"}), ".match.sequenceIndex"),
        (json!({"responseFormat": "yaml"}), ".match"),
        (json!([]), ".match"),
        (json!(null), ".match"),
    ] {
        refused(json!({"match": condition, "response": {"content": "x"}}), vec![], place);
    }
    for (response, place) in [
        (json!("text"), ".response"),
        (json!({"contnet": "x"}), ".response.contnet"),
        (json!({"content": "x", "customToolCalls": []}), ".response.customToolCalls"),
        (json!({"video": {}}), ".response.video"),
        (json!({"images": [{"url": "http://a"}]}), ".response.images"),
        (json!({"toolCalls": {}}), ".response.toolCalls"),
        (json!({"toolCalls": [{"arguments": {}}]}), ".response.toolCalls[0].name"),
        (json!({"blocks": [{"type": "picture"}]}), ".response.blocks[0].type"),
        (json!({"content": "x", "finishReason": "tired"}), ".response"),
        (json!({"content": "x", "usage": {"promptTokenCount": 1}}), ".response"),
        (json!({"error": "no"}), ".response.error"),
        (json!({"error": {"message": "no", "why": 1}}), ".response.error.why"),
        (json!({"error": {"message": "no"}, "retryAfter": "soon"}), ".response.retryAfter"),
        (json!({}), ".response"),
    ] {
        refused(json!({"match": {}, "response": response}), vec![], place);
    }
    for (key, place) in [("chaos", ".chaos"), ("disconnectAfterMs", ".disconnectAfterMs"), ("latencyy", ".latencyy")] {
        refused(json!({"match": {}, "response": {"content": "x"}, key: 5}), vec![], place);
    }
    // One tool with two calls: its name does not tell which result is meant.
    let answers = json!({"match": {"toolCallId": "call_1"}, "response": {"content": "x"}});
    refused(answers, vec![call("call_1"), call("call_2")], ".match.toolCallId");
    assert_eq!(convert_aimock("{}").unwrap_err().path, "fixtures");
    assert_eq!(convert_aimock(r#"{"fixtures": [], "chaos": {}}"#).unwrap_err().path, "chaos");
}

#[test]
fn a_folder_of_aimock_fixtures_is_one_script() {
    let answers = r#"{"fixtures": [{"match": {"toolCallId": "call_1"}, "response": {"content": "Cold."}}]}"#;
    let asks =
        r#"{"fixtures": [{"match": {}, "response": {"toolCalls": [{"name": "f", "arguments": {}, "id": "call_1"}]}}]}"#;
    let folder = Folder::with(&[("1.json", answers), ("notes.md", "")]);
    std::fs::create_dir(folder.file("sub")).unwrap();
    std::fs::write(folder.file("sub/2.json"), asks).unwrap();
    let (script, skipped) = convert_aimock_files(&folder.0).unwrap();
    // An id is known by the call that another file makes.
    assert_eq!(script["rules"][0]["match"], json!({"tool_result": {"tool": "f"}}));
    assert_eq!((script["rules"].as_array().unwrap().len(), skipped), (2, vec![folder.file("notes.md")]));
    std::fs::write(folder.file("sub/2.json"), asks.replace("name", "nmae")).unwrap();
    let told = folder.told(convert_aimock_files(&folder.0).unwrap_err());
    assert!(told.starts_with("1.json: fixtures[0].match.toolCallId: "), "{told}");
    let told = folder.told(convert_aimock_files(&folder.file("nowhere.json")).unwrap_err());
    assert!(told.starts_with("nowhere.json: cannot be read"), "{told}");
}

#[test]
fn what_a_folder_of_scripts_skips_is_told() {
    let folder = Folder::with(&[("a.json", r#"{"responses": ["a"]}"#), ("b.jsn", ""), (".hidden", "")]);
    std::fs::create_dir(folder.file("deeper")).unwrap();
    let what = "not read: script files end in .json, .yaml or .yml and stand in the folder itself";
    let told: Vec<String> = skipped(std::slice::from_ref(&folder.0)).into_iter().map(|error| error.message).collect();
    assert_eq!(told, [format!("b.jsn, deeper/ {what}")]);
    assert_eq!(validate(std::slice::from_ref(&folder.0)).len(), 1);
    assert!(skipped(&[folder.file("a.json")]).is_empty());
}
