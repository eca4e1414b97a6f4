//! Vector stores over a socket: files are processed, searches rank their texts, and Responses finds in them and cites.

use super::files_tests::{KEY, ask, faults, id, kept};
use super::tests::{send, start};
use crate::api::zip::tests::deflated;
use crate::control;
use crate::emulator::Emulator;
use serde_json::{Value, json};
use std::sync::Arc;

const TEXTS: &[(&str, &str)] = &[
    ("returns.md", "Goods may be returned within 30 days of the purchase."),
    ("lighthouse.md", "The lighthouse keeper climbs the stairs every evening and lights the lamp."),
    ("shipping.md", "Shipping takes three days; shipping abroad takes two weeks."),
];

fn scripted(options: Value, responses: Value) -> Arc<Emulator> {
    let emulator = start(options);
    let loaded = send(&emulator, KEY, "/_emulator/script", &json!({"responses": responses}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    emulator
}

fn post(emulator: &Emulator, path: &str, body: &Value) -> Value {
    let got = send(emulator, KEY, path, body);
    assert_eq!(got.status, 200, "{path}: {}", got.text());
    got.json()
}

fn get(emulator: &Emulator, path: &str) -> Value {
    let got = ask(emulator, "GET", path, "");
    assert_eq!(got.status, 200, "{path}: {}", got.text());
    got.json()
}

fn uploaded(emulator: &Emulator) -> Vec<String> {
    let upload =
        |(name, text): &(&str, &str)| id(&kept(emulator, name, "assistants", text.as_bytes(), &[])).to_string();
    TEXTS.iter().map(upload).collect()
}

/// A store with [`TEXTS`], each with its number as an attribute.
fn filled(emulator: &Emulator) -> (String, Vec<String>) {
    let files = uploaded(emulator);
    let store = id(&post(emulator, "/v1/vector_stores", &json!({"name": "help"}))).to_string();
    for (number, file) in files.iter().enumerate() {
        let body = json!({"file_id": file, "attributes": {"number": number, "draft": number == 1}});
        let made = post(emulator, &format!("/v1/vector_stores/{store}/files"), &body);
        assert_eq!(
            (&made["status"], crate::surface::faults("vector_stores.files.VectorStoreFile", &made)),
            (&json!("in_progress"), vec![])
        );
        get(emulator, &format!("/v1/vector_stores/{store}/files/{file}"));
    }
    (store, files)
}

fn advance(emulator: &Arc<Emulator>, seconds: u64) {
    let body = json!({"advance_ms": seconds * 1000}).to_string();
    assert_eq!(control::in_process(emulator, Some(KEY), "PUT", "/_emulator/clock", &body).0, 200);
}

#[test]
fn a_store_lives_its_life() {
    let emulator = start(json!({"clock": "manual"}));
    let (store, files) = filled(&emulator);
    let path = format!("/v1/vector_stores/{store}");
    let shown = get(&emulator, &path);
    assert_eq!(faults("vector_stores.VectorStore", &shown), [""; 0]);
    let bytes: usize = TEXTS.iter().map(|(_, text)| text.len()).sum();
    assert_eq!((&shown["status"], &shown["usage_bytes"]), (&json!("completed"), &json!(bytes)));
    assert_eq!(
        shown["file_counts"],
        json!({"in_progress": 0, "completed": 3, "failed": 0, "cancelled": 0, "total": 3})
    );
    let changed = post(&emulator, &path, &json!({"name": "other", "metadata": {"a": "b"}}));
    assert_eq!((&changed["name"], &changed["metadata"]), (&json!("other"), &json!({"a": "b"})));
    assert_eq!(get(&emulator, "/v1/vector_stores")["data"], json!([changed]));
    let one = format!("{path}/files/{}", files[0]);
    assert_eq!(post(&emulator, &one, &json!({"attributes": {"new": 1}}))["attributes"], json!({"new": 1}));
    let content = get(&emulator, &format!("{one}/content"));
    assert_eq!(content["data"], json!([{"type": "text", "text": TEXTS[0].1}]));
    let listed = get(&emulator, &format!("{path}/files?order=asc&limit=2&filter=completed"));
    assert_eq!((&listed["data"][0]["id"], &listed["has_more"]), (&json!(files[0]), &json!(true)));
    let gone = ask(&emulator, "DELETE", &one, "").json();
    assert_eq!(gone, json!({"id": files[0], "object": "vector_store.file.deleted", "deleted": true}));
    assert_eq!(ask(&emulator, "GET", &one, "").status, 404);
    assert_eq!(get(&emulator, &path)["file_counts"]["total"], 2);
    assert_eq!(get(&emulator, &format!("/v1/files/{}", files[0]))["id"], files[0], "the file itself stays");
    let deleted = ask(&emulator, "DELETE", &path, "").json();
    assert_eq!(deleted, json!({"id": store, "object": "vector_store.deleted", "deleted": true}));
    for (method, path) in [("GET", path.clone()), ("DELETE", path.clone()), ("GET", format!("{path}/files"))] {
        assert_eq!(ask(&emulator, method, &path, "").status, 404, "{method} {path}");
    }
}

#[test]
fn a_file_that_is_deleted_leaves_all_stores() {
    let emulator = start(json!({}));
    let ((store, files), other) = (filled(&emulator), filled(&emulator).0);
    post(&emulator, &format!("/v1/vector_stores/{other}/files"), &json!({"file_id": files[0]}));
    let counted = |store: &str| {
        let shown = get(&emulator, &format!("/v1/vector_stores/{store}"));
        (shown["file_counts"]["total"].clone(), shown["usage_bytes"].as_u64().expect("bytes"))
    };
    let (before, beside) = (counted(&store), counted(&other));
    let deleted = ask(&emulator, "DELETE", &format!("/v1/files/{}", files[0]), "");
    assert_eq!(deleted.json()["deleted"], true);
    let bytes = TEXTS[0].1.len() as u64;
    assert_eq!(counted(&store), (json!(TEXTS.len() - 1), before.1 - bytes));
    assert_eq!(counted(&other), (json!(TEXTS.len()), beside.1 - bytes));
    for store in [&store, &other] {
        let path = format!("/v1/vector_stores/{store}/files");
        let listed = get(&emulator, &path);
        assert!(listed["data"].as_array().expect("data").iter().all(|file| file["id"] != *files[0]), "{listed}");
        assert_eq!(ask(&emulator, "GET", &format!("{path}/{}", files[0]), "").status, 404);
    }
    // To leave a store alone leaves the file.
    let left = ask(&emulator, "DELETE", &format!("/v1/vector_stores/{store}/files/{}", files[1]), "");
    assert_eq!((left.status, ask(&emulator, "GET", &format!("/v1/files/{}", files[1]), "").status), (200, 200));
}

#[test]
fn searches_rank_filter_and_bound_what_is_found() {
    let emulator = start(json!({"clock": "instant"}));
    let (store, files) = filled(&emulator);
    let search = |body: Value| post(&emulator, &format!("/v1/vector_stores/{store}/search"), &body);
    let found = |body: Value| -> Vec<String> {
        let page = search(body);
        page["data"]
            .as_array()
            .expect("data")
            .iter()
            .map(|one| one["file_id"].as_str().expect("an id").to_string())
            .collect()
    };
    let page = search(json!({"query": "Who climbs the lighthouse?"}));
    assert_eq!(page["search_query"], json!(["Who climbs the lighthouse?"]));
    let best = &page["data"][0];
    assert_eq!(faults("vector_stores.VectorStoreSearchResponse", best), [""; 0]);
    assert_eq!((&best["file_id"], &best["filename"]), (&json!(files[1]), &json!("lighthouse.md")));
    assert_eq!((&best["content"][0]["text"], &best["attributes"]["draft"]), (&json!(TEXTS[1].1), &json!(true)));
    assert_eq!(found(json!({"query": "shipping", "max_num_results": 1})), [files[2].clone()]);
    let final_ones = json!({"type": "eq", "key": "draft", "value": false});
    assert!(!found(json!({"query": "lighthouse days", "filters": final_ones})).contains(&files[1]));
    let both = json!({"type": "and", "filters": [final_ones, {"type": "gte", "key": "number", "value": 1}]});
    assert_eq!(found(json!({"query": "days", "filters": both})), [files[2].clone()]);
    let rewritten = search(json!({"query": "what is the shipping time", "rewrite_query": true}));
    assert_eq!(rewritten["search_query"], json!(["shipping time"]));
    let got = send(
        &emulator,
        KEY,
        &format!("/v1/vector_stores/{store}/search"),
        &json!({"query": "x", "max_num_results": 51}),
    );
    assert_eq!(got.status, 400, "{}", got.text());
    assert_eq!(send(&emulator, KEY, "/v1/vector_stores/vs_none/search", &json!({"query": "x"})).status, 404);
}

#[test]
fn files_come_in_batches_and_can_be_stopped() {
    let emulator = start(json!({"clock": "instant"}));
    let files = uploaded(&emulator);
    let store = id(&post(&emulator, "/v1/vector_stores", &json!({}))).to_string();
    let path = format!("/v1/vector_stores/{store}/file_batches");
    let batch = post(&emulator, &path, &json!({"file_ids": files[..2], "attributes": {"of": "batch"}}));
    assert_eq!((&batch["status"], &batch["file_counts"]["in_progress"]), (&json!("in_progress"), &json!(2)));
    assert_eq!(faults("vector_stores.file_batches.VectorStoreFileBatch", &batch), [""; 0]);
    let done = get(&emulator, &format!("{path}/{}", id(&batch)));
    assert_eq!((&done["status"], &done["file_counts"]["completed"]), (&json!("completed"), &json!(2)));
    let listed = get(&emulator, &format!("{path}/{}/files", id(&batch)));
    let attributes: Vec<&Value> =
        listed["data"].as_array().expect("data").iter().map(|file| &file["attributes"]).collect();
    assert_eq!(attributes, [&json!({"of": "batch"}), &json!({"of": "batch"})]);
    let other = post(&emulator, &path, &json!({"files": [{"file_id": files[2], "attributes": {"own": true}}]}));
    let stopped = post_empty(&emulator, &format!("{path}/{}/cancel", id(&other)));
    assert_eq!((&stopped["status"], &stopped["file_counts"]["cancelled"]), (&json!("cancelled"), &json!(1)));
    for body in
        [json!({}), json!({"file_ids": ["file-none"]}), json!({"file_ids": files, "files": [{"file_id": files[0]}]})]
    {
        assert!((400..500).contains(&send(&emulator, KEY, &path, &body).status), "{body}");
    }
    assert_eq!(
        get(&emulator, &format!("/v1/vector_stores/{store}"))["file_counts"]["total"],
        3,
        "nothing came of those"
    );
}

fn post_empty(emulator: &Emulator, path: &str) -> Value {
    let got = ask(emulator, "POST", path, "");
    assert_eq!(got.status, 200, "{path}: {}", got.text());
    got.json()
}

#[test]
fn a_rule_paces_and_holds_what_is_processed() {
    let slow = json!({"match": {"operation": "vector_stores.files.create"}, "object": {}, "pace": {"ttft_ms": 5000}});
    let emulator = scripted(json!({"clock": "manual"}), json!([slow]));
    let files = uploaded(&emulator);
    let store = id(&post(&emulator, "/v1/vector_stores", &json!({}))).to_string();
    post(&emulator, &format!("/v1/vector_stores/{store}/files"), &json!({"file_id": files[0]}));
    let path = format!("/v1/vector_stores/{store}/files/{}", files[0]);
    assert_eq!(get(&emulator, &path)["status"], "in_progress");
    assert_eq!(get(&emulator, &format!("/v1/vector_stores/{store}"))["status"], "in_progress");
    advance(&emulator, 5);
    assert_eq!(get(&emulator, &path)["status"], "completed");
}

#[test]
fn a_store_expires_when_nobody_uses_it() {
    let emulator = start(json!({"clock": "manual"}));
    let body = json!({"expires_after": {"anchor": "last_active_at", "days": 1}, "file_ids": uploaded(&emulator)});
    let store = post(&emulator, "/v1/vector_stores", &body);
    assert_eq!(store["expires_at"].as_u64(), store["created_at"].as_u64().map(|at| at + 86_400));
    let path = format!("/v1/vector_stores/{}", id(&store));
    advance(&emulator, 80_000);
    post(&emulator, &format!("{path}/search"), &json!({"query": "shipping"}));
    advance(&emulator, 80_000);
    assert_eq!(get(&emulator, &path)["status"], "completed", "it was used in between");
    advance(&emulator, 10_000);
    assert_eq!(get(&emulator, &path)["status"], "expired");
    assert_eq!(send(&emulator, KEY, &format!("{path}/search"), &json!({"query": "x"})).status, 400);
}

#[test]
fn what_cannot_be_searched_says_why() {
    let emulator = start(json!({"clock": "instant"}));
    let store = id(&post(&emulator, "/v1/vector_stores", &json!({}))).to_string();
    let path = format!("/v1/vector_stores/{store}/files");
    let locked = b"%PDF-1.4\n1 0 obj << /Length 0 >> stream\nendstream endobj\ntrailer << /Encrypt 2 0 R >>";
    for (name, content, code, message) in [
        ("empty.txt", &b""[..], "invalid_file", "The file could not be parsed."),
        ("locked.pdf", locked, "invalid_file", "The file could not be parsed."),
        ("a.txt", &[0x89, 0xff, 0xfe], "unsupported_file", "The file type is not supported."),
    ] {
        let file = id(&kept(&emulator, name, "assistants", content, &[])).to_string();
        post(&emulator, &path, &json!({"file_id": file}));
        let failed = get(&emulator, &format!("{path}/{file}"));
        let told = json!({"code": code, "message": message});
        assert_eq!((&failed["status"], &failed["last_error"]), (&json!("failed"), &told), "{name}");
    }
    let picture = id(&kept(&emulator, "a.png", "assistants", &[0x89, 0xff, 0xfe], &[])).to_string();
    for (path, body) in [
        (path.clone(), json!({"file_id": picture})),
        ("/v1/vector_stores".into(), json!({"file_ids": [picture]})),
        (format!("/v1/vector_stores/{store}/file_batches"), json!({"file_ids": [picture]})),
    ] {
        let got = send(&emulator, KEY, &path, &body);
        let error = got.json()["error"].clone();
        assert_eq!(
            (got.status, &error["code"], &error["param"]),
            (400, &json!("unsupported_file"), &json!("file_ids"))
        );
        assert!(error["message"].as_str().is_some_and(|said| said.contains("[.png] are not supported")), "{error}");
    }
    let stores = get(&emulator, "/v1/vector_stores")["data"].as_array().map(Vec::len);
    assert_eq!((stores, &get(&emulator, "/v1/vector_stores")["data"][0]["file_counts"]["total"]), (Some(1), &json!(3)));
    assert_eq!(send(&emulator, KEY, &path, &json!({"file_id": "file-none"})).status, 404);
    let small = id(&kept(&emulator, "b.txt", "assistants", b"x", &[])).to_string();
    let strategy = json!({"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 99}});
    assert_eq!(send(&emulator, KEY, &path, &json!({"file_id": small, "chunking_strategy": strategy})).status, 400);
}

#[test]
fn file_search_finds_in_them_and_cites() {
    let call =
        json!({"output": [{"type": "file_search_call", "queries": ["climbs the lighthouse"]}], "text": "The keeper."});
    let emulator = scripted(json!({"clock": "instant"}), json!([call, call]));
    let (store, files) = filled(&emulator);
    let tool = json!({"type": "file_search", "vector_store_ids": [store], "max_num_results": 1});
    let mut body = json!({"model": "gpt-4o", "input": "Who climbs?", "tools": [tool]});
    let plain = post(&emulator, "/v1/responses", &body);
    assert_eq!(plain["output"][0]["results"], Value::Null, "only when it is included");
    let citation = json!({"type": "file_citation", "file_id": files[1], "filename": "lighthouse.md", "index": 10});
    assert_eq!(plain["output"][1]["content"][0]["annotations"], json!([citation]));
    body["include"] = json!(["file_search_call.results"]);
    body["stream"] = true.into();
    let streamed = send(&emulator, KEY, "/v1/responses", &body).text();
    assert!(streamed.contains("response.file_search_call.searching"), "{streamed}");
    assert!(streamed.contains("response.output_text.annotation.added"), "{streamed}");
    let last = streamed.lines().rev().find_map(|line| line.strip_prefix("data: ")).expect("an event");
    let last: Value = serde_json::from_str(last).expect("JSON");
    let results = last["response"]["output"][0]["results"].as_array().expect("results");
    assert_eq!((results.len(), &results[0]["text"]), (1, &json!(TEXTS[1].1)));
}

#[test]
fn a_demanded_file_search_finds_what_the_user_asks() {
    let emulator = start(json!({"clock": "instant", "fallback": "generate"}));
    let (store, files) = filled(&emulator);
    let body = json!({"model": "gpt-4o", "input": "How long does shipping take?", "tool_choice": "required",
        "include": ["file_search_call.results"], "tools": [{"type": "file_search", "vector_store_ids": [store]}]});
    let answer = post(&emulator, "/v1/responses", &body);
    assert_eq!(answer["output"][0]["results"][0]["file_id"], files[2], "{answer}");
}

#[test]
fn texts_of_pdf_files_are_found_and_other_bytes_are_not() {
    let emulator = start(json!({"clock": "instant"}));
    let content = "BT /F1 12 Tf 72 720 Td (Penguins waddle.) Tj 0 -14 Td (They swim well.) Tj ET";
    let pdf = format!("%PDF-1.4\n1 0 obj\n<< /Length {} >>\nstream\n{content}\nendstream\nendobj\n", content.len());
    let file = kept(&emulator, "birds.pdf", "assistants", pdf.as_bytes(), &[]);
    let document = kept(&emulator, "a.docx", "assistants", b"PK\x03\x04\xff", &[]);
    let wide: Vec<u8> = "\u{feff}Owls hoot.".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = kept(&emulator, "owls.txt", "assistants", &wide, &[]);
    let store = post(&emulator, "/v1/vector_stores", &json!({"file_ids": [id(&file), id(&document), id(&wide)]}));
    let path = format!("/v1/vector_stores/{}", id(&store));
    let counts = get(&emulator, &path)["file_counts"].clone();
    assert_eq!((&counts["completed"], &counts["failed"]), (&json!(3), &json!(0)));
    let found = post(&emulator, &format!("{path}/search"), &json!({"query": "who waddles?"}));
    assert_eq!(found["data"][0]["filename"], "birds.pdf");
    assert_eq!(found["data"][0]["content"][0]["text"], "Penguins waddle.\nThey swim well.\n");
    let found = post(&emulator, &format!("{path}/search"), &json!({"query": "owls"}));
    assert_eq!(found["data"][0]["content"][0]["text"], "Owls hoot.");
    let shown = get(&emulator, &format!("{path}/files/{}/content", id(&file)));
    assert_eq!(shown["data"][0]["text"], "Penguins waddle.\nThey swim well.\n");
    assert_eq!(get(&emulator, &format!("{path}/files/{}/content", id(&document)))["data"], json!([]));
}

#[test]
fn texts_of_word_and_powerpoint_files_are_found() {
    let emulator = start(json!({"clock": "instant"}));
    let document = deflated(&[("word/document.xml", "<w:p><w:r><w:t>Penguins waddle.</w:t></w:r></w:p>")]);
    let slides = deflated(&[("ppt/slides/slide1.xml", "<a:p><a:r><a:t>Owls hoot.</a:t></a:r></a:p>")]);
    let [document, slides] = [("birds.docx", document), ("Owls.PPTX", slides)]
        .map(|(name, bytes)| id(&kept(&emulator, name, "user_data", &bytes, &[])).to_string());
    let store = post(&emulator, "/v1/vector_stores", &json!({"file_ids": [document, slides]}));
    let path = format!("/v1/vector_stores/{}", id(&store));
    assert_eq!(get(&emulator, &path)["file_counts"]["completed"], 2);
    for (query, filename, text) in
        [("who waddles?", "birds.docx", "Penguins waddle.\n"), ("owls", "Owls.PPTX", "Owls hoot.\n")]
    {
        let found = post(&emulator, &format!("{path}/search"), &json!({"query": query}));
        assert_eq!(found["data"][0]["filename"], filename);
        assert_eq!(found["data"][0]["content"][0]["text"], text);
    }
    let shown = get(&emulator, &format!("{path}/files/{document}/content"));
    assert_eq!(shown["data"], json!([{"type": "text", "text": "Penguins waddle.\n"}]));
}
