//! What is counted beside models' answers, code that leaves files, and operations whose answers are made from what is sent.

use super::files_tests::{KEY, ask, faults, id, kept};
use super::tests::{Got, exchange, request, send, start};
use crate::emulator::Emulator;
use crate::surface;
use serde_json::{Value, json};

fn script(emulator: &Emulator, responses: &Value) {
    let loaded = send(emulator, KEY, "/_emulator/script", &json!({"reset": true, "responses": responses}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
}

/// Sends a body of any media type.
fn sent(emulator: &Emulator, path: &str, media: &str, body: &[u8]) -> Got {
    let head = String::from_utf8(request("POST", path, KEY, "", &[])).expect("text");
    let head = head.replace("application/json", media).replace("length: 0", &format!("length: {}", body.len()));
    exchange(emulator, &[head.as_bytes(), body].concat()).expect("an answer")
}

fn form(name: &str, filename: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n\r\n");
    [head.as_bytes(), content, b"\r\n--x--\r\n"].concat()
}

/// What a page of usage says of all its buckets.
fn used(emulator: &Emulator, what: &str, query: &str) -> Vec<Value> {
    let got = ask(emulator, "GET", &format!("/v1/organization/usage/{what}?start_time=1767225600{query}"), "");
    assert_eq!(got.status, 200, "{}", got.text());
    let mut name = String::from("admin.organization.usage.Usage");
    for word in what.split('_') {
        name += &word[..1].to_uppercase();
        name += &word[1..];
    }
    assert_eq!(surface::faults(&format!("{name}Response"), &got.json()), [""; 0]);
    let buckets = got.json()["data"].as_array().expect("buckets").clone();
    buckets.iter().flat_map(|bucket| bucket["results"].as_array().expect("results").clone()).collect()
}

#[test]
fn code_leaves_files_in_its_container_and_the_text_cites_them() {
    let emulator = start(json!({"clock": "manual"}));
    let source = kept(&emulator, "in.csv", "user_data", b"1,2", &[]);
    script(
        &emulator,
        &json!([{"times": -1, "output": [
            {"type": "code_interpreter_call", "code": "plot()", "files": [
                {"filename": "plot.png", "data": "iVBORw0KGgo="}, {"filename": "sum.txt", "text": "three"}]},
            {"text": "See sandbox:/mnt/data/plot.png and the sum."},
        ]}]),
    );
    let tool = json!({"type": "code_interpreter", "container": {"type": "auto", "file_ids": [id(&source), "file-elsewhere"], "memory_limit": "4g"}});
    let ask_model = |more: &Value| {
        let mut body = json!({"model": "gpt-4.1", "input": "plot", "tools": [tool]});
        body.as_object_mut().expect("a body").extend(more.as_object().expect("fields").clone());
        send(&emulator, KEY, "/v1/responses", &body).json()
    };
    let answer = ask_model(&json!({}));
    let call = &answer["output"][0];
    assert_eq!((&call["type"], &call["files"]), (&json!("code_interpreter_call"), &Value::Null), "{call}");
    let container = call["container_id"].as_str().expect("a container").to_string();
    let path = format!("/v1/containers/{container}");
    let shown = ask(&emulator, "GET", &path, "").json();
    assert_eq!(faults("containers.ContainerRetrieveResponse", &shown), [""; 0]);
    assert_eq!((&shown["status"], &shown["memory_limit"]), (&json!("running"), &json!("4g")));
    let files = ask(&emulator, "GET", &format!("{path}/files?order=asc"), "").json()["data"].clone();
    let seen: Vec<(&str, &str)> = files
        .as_array()
        .expect("files")
        .iter()
        .map(|file| (file["path"].as_str().expect("a path"), file["source"].as_str().expect("a source")))
        .collect();
    assert_eq!(
        seen,
        [("/mnt/data/in.csv", "user"), ("/mnt/data/plot.png", "assistant"), ("/mnt/data/sum.txt", "assistant")]
    );
    let cited = answer["output"][1]["content"][0]["annotations"].clone();
    assert_eq!(
        (&cited[0]["type"], &cited[0]["start_index"]),
        (&json!("container_file_citation"), &json!(4)),
        "{cited}"
    );
    assert_eq!((&cited[1]["filename"], &cited[1]["end_index"]), (&json!("sum.txt"), &json!(0)));
    for (cited, content) in [(&cited[0], &b"\x89PNG\r\n\x1a\n"[..]), (&cited[1], b"three")] {
        let file = cited["file_id"].as_str().expect("an id");
        assert_eq!(ask(&emulator, "GET", &format!("{path}/files/{file}/content"), "").body, content);
    }
    // The conversation goes on in the same container; another begins in its own.
    let on = ask_model(&json!({"previous_response_id": answer["id"]}));
    assert_eq!(on["output"][0]["container_id"], container);
    assert_ne!(ask_model(&json!({}))["output"][0]["container_id"], container);
    let streamed = send(
        &emulator,
        KEY,
        "/v1/responses",
        &json!({"model": "gpt-4.1", "input": "x", "stream": true, "tools": [tool]}),
    );
    assert!(streamed.text().contains("container_file_citation") && !streamed.text().contains("iVBORw0KGgo="));
    assert_eq!(used(&emulator, "code_interpreter_sessions", "")[0]["num_sessions"], 3);
}

#[test]
fn a_deleted_or_expired_container_gives_its_files_back_at_once() {
    let emulator = start(json!({"clock": "manual"}));
    let make = || {
        let made = send(&emulator, KEY, "/v1/containers", &json!({"name": "c"}));
        let path = format!("/v1/containers/{}", id(&made.json()));
        for size in [500_000, 2 << 20] {
            let sent = sent(
                &emulator,
                &format!("{path}/files"),
                "multipart/form-data; boundary=x",
                &form("file", "a", &vec![b'x'; size]),
            );
            assert_eq!(sent.status, 200, "{}", sent.text());
        }
        path
    };
    let held = || (emulator.session(KEY).accounts.stored.used(), emulator.memory.disk().used());
    let before = held();
    let path = make();
    assert!(held().0 > before.0 + 500_000);
    let deleted = ask(&emulator, "DELETE", &path, "").json();
    assert_eq!((&deleted["object"], &deleted["deleted"]), (&json!("container.deleted"), &json!(true)));
    assert_eq!(held(), before);
    assert_eq!(ask(&emulator, "DELETE", &path, "").status, 404);
    let path = make();
    let body = json!({"advance_ms": 20 * 60 * 1000}).to_string();
    assert_eq!(crate::control::in_process(&emulator, Some(KEY), "PUT", "/_emulator/clock", &body).0, 200);
    assert_eq!(ask(&emulator, "GET", &path, "").json()["status"], "expired");
    assert!(held().0 < before.0 + 2_000 && held().1 == before.1, "{:?}", held());
    let gone = ask(&emulator, "GET", &format!("{path}/files"), "");
    assert_eq!((gone.status, &gone.json()["error"]["message"]), (400, &json!("Container is expired.")));
}

#[test]
fn usage_counts_what_hosted_tools_did() {
    let emulator = start(json!({"clock": "manual", "fallback": "generate"}));
    let file = kept(&emulator, "a.txt", "assistants", b"Paris is a city.", &[]);
    let store = send(&emulator, KEY, "/v1/vector_stores", &json!({"file_ids": [id(&file)]})).json();
    script(
        &emulator,
        &json!([{"times": -1, "output": [
        {"type": "web_search_call"}, {"type": "web_search_call"}, {"type": "file_search_call", "queries": ["Paris"]}, {"text": "x"}]}]),
    );
    let tools = json!([{"type": "web_search"}, {"type": "file_search", "vector_store_ids": [id(&store)]}]);
    let asked = send(&emulator, KEY, "/v1/responses", &json!({"model": "gpt-4.1", "input": "x", "tools": tools}));
    assert_eq!(asked.status, 200, "{}", asked.text());
    let searched = send(&emulator, KEY, &format!("/v1/vector_stores/{}/search", id(&store)), &json!({"query": "city"}));
    assert_eq!(searched.status, 200);
    let web = used(&emulator, "web_search_calls", "&group_by[]=model");
    assert_eq!((&web[0]["num_model_requests"], &web[0]["num_requests"]), (&json!(1), &json!(2)), "{web:?}");
    assert!(web[0]["model"].as_str().is_some_and(|model| model.starts_with("gpt-4.1")), "{web:?}");
    let files = used(&emulator, "file_search_calls", "&group_by[]=vector_store_id");
    assert_eq!((&files[0]["num_requests"], &files[0]["vector_store_id"]), (&json!(2), &store["id"]), "{files:?}");
    assert_eq!(used(&emulator, "file_search_calls", "&vector_store_ids[]=vs_other"), [Value::Null; 0]);
    assert_eq!(used(&emulator, "vector_stores", "")[0]["usage_bytes"], 16);
    let decision = json!({"model": "gpt-6.2-sol", "input": "Is it red?", "questions": [{"type": "predicate", "instructions": "Is it?"}]});
    assert_eq!(send(&emulator, KEY, "/v1/decisions", &decision).status, 200);
    let decisions = used(&emulator, "decisions", "");
    assert_eq!((&decisions[0]["num_model_requests"], &decisions[0]["output_tokens"]), (&json!(1), &json!(1)));
}

#[test]
fn decisions_answer_each_question_alike_and_rules_lay_theirs_over() {
    let emulator = start(json!({"clock": "instant"}));
    let body = json!({"model": "gpt-6.2-sol", "input": "The sky.", "questions": [
        {"type": "choice", "name": "colour", "instructions": "Which?", "choices": [{"value": "red"}, {"value": "blue"}]},
        {"type": "score", "instructions": "How?", "levels": [{"label": "low"}, {"label": "high"}]},
        {"type": "predicate", "instructions": "Is it?"}]});
    let decide = || send(&emulator, KEY, "/v1/decisions", &body);
    let answer = decide().json();
    assert_eq!(surface::faults("decisions.Decision", &answer), [""; 0], "{answer}");
    let kinds: Vec<&Value> = answer["answers"].as_array().expect("answers").iter().map(|one| &one["type"]).collect();
    assert_eq!(
        (kinds, &answer["answers"][0]["name"]),
        (vec![&json!("choice"), &json!("score"), &json!("predicate")], &json!("colour"))
    );
    script(
        &emulator,
        &json!([{"match": {"operation": "decisions.create"}, "object": {"answers": [{"type": "refusal", "name": null}]}}]),
    );
    assert_eq!(decide().json()["answers"], json!([{"type": "refusal", "name": null}]));
    assert_eq!(send(&emulator, KEY, "/v1/decisions", &json!({"model": "gpt-6.2-sol", "input": "x"})).status, 400);
}

#[test]
fn provenance_is_looked_for_in_the_file() {
    let emulator = start(json!({"clock": "instant"}));
    let check = |content: &[u8]| {
        let got = sent(
            &emulator,
            "/v1/content_provenance_checks",
            "multipart/form-data; boundary=x",
            &form("file", "a.png", content),
        );
        assert_eq!(surface::faults("content_provenance_checks.ContentProvenanceCheck", &got.json()), [""; 0]);
        got.json()["results"][0]["outcome"].clone()
    };
    assert_eq!((check(b"plain"), check(b"..jumb..c2pa..")), (json!("not_detected"), json!("detected")));
    let missing = sent(&emulator, "/v1/content_provenance_checks", "multipart/form-data; boundary=x", b"--x--\r\n");
    assert_eq!((missing.status, &missing.json()["error"]["param"]), (400, &json!("file")));
}

#[test]
fn calls_are_answered_in_sdp_and_live_sessions_are_kept() {
    let emulator = start(json!({"clock": "instant"}));
    let offer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\n";
    let field = format!("--x\r\ncontent-disposition: form-data; name=\"sdp\"\r\n\r\n{offer}\r\n--x--\r\n");
    let bare = sent(&emulator, "/v1/realtime/calls", "application/sdp", offer.as_bytes());
    let in_form = sent(&emulator, "/v1/realtime/calls", "multipart/form-data; boundary=x", field.as_bytes());
    for got in [&bare, &in_form] {
        assert_eq!(got.status, 201, "{}", got.text());
        assert!(
            got.head.contains("location: /v1/realtime/calls/rtc_") && got.head.contains("application/sdp"),
            "{}",
            got.head
        );
        assert!(
            got.text().starts_with("v=0\r\n")
                && got.text().contains("m=audio 9 ")
                && got.text().contains("a=setup:active")
        );
    }
    let call =
        bare.head.split("/v1/realtime/calls/").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an id");
    assert_eq!(ask(&emulator, "POST", &format!("/v1/realtime/calls/{call}/hangup"), "").status, 200);
    let broken = sent(&emulator, "/v1/realtime/calls", "application/sdp", b"hello");
    assert_eq!((broken.status, &broken.json()["error"]["param"]), (400, &json!("sdp")));
    let begin = |path: &str, sdp: &str| {
        let transport = json!({"sdp": sdp, "type": "webrtc"});
        send(&emulator, KEY, path, &json!({"session": {"model": "gpt-live-1"}, "transport": transport}))
    };
    let live = begin("/v1/live/sessions", offer).json();
    assert_eq!(surface::faults("live.LiveCreateResponse", &live), [""; 0], "{live}");
    assert!(live["transport"]["sdp"].as_str().is_some_and(|sdp| sdp.contains("a=mid:0")));
    let path = format!("/v1/live/sessions/{}", live["session"]["id"].as_str().expect("an id"));
    let recording = ask(&emulator, "GET", &format!("{path}/content"), "");
    assert!(recording.status == 200 && recording.body.starts_with(b"RIFF"));
    let forked = send(&emulator, KEY, &format!("{path}/fork"), &json!({"transport": {"sdp": offer, "type": "webrtc"}}));
    assert_eq!(surface::faults("live.sessions.SessionForkResponse", &forked.json()), [""; 0], "{}", forked.text());
    assert_eq!(begin("/v1/live/sessions", "hello").status, 400);
    for missing in ["/v1/live/sessions/live_none/content", "/v1/agents/sessions/none/artifacts/a/content"] {
        assert_eq!(ask(&emulator, "GET", missing, "").status, 404, "{missing}");
    }
}

#[test]
fn events_of_agents_sessions_are_well_formed() {
    let emulator = start(json!({"clock": "instant"}));
    let mut body = super::objects_tests::smallest(
        surface::operations::named("beta.agents.sessions.create").expect("an operation"),
    );
    let session = send(&emulator, KEY, "/v1/agents/sessions", &body).json();
    let events = |got: &Got| -> Vec<Value> {
        let data =
            got.text().lines().filter_map(|line| line.strip_prefix("data: ").map(str::to_string)).collect::<Vec<_>>();
        data.iter().filter_map(|data| serde_json::from_str(data).ok()).collect()
    };
    body["stream"] = json!(true);
    let made = events(&send(&emulator, KEY, "/v1/agents/sessions", &body));
    let stands = events(&ask(&emulator, "GET", &format!("/v1/agents/sessions/{}/events", id(&session)), ""));
    let names: Vec<&Value> = made.iter().chain(&stands).map(|event| &event["type"]).collect();
    assert_eq!(names, [&json!("agent.session.created"), &json!("agent.session.idle"), &json!("agent.session.idle")]);
    for event in made.iter().chain(&stands) {
        assert_eq!(surface::faults("beta.agents.AgentSessionEvent", event), [""; 0], "{event}");
    }
    assert_eq!(stands[0]["session"]["id"], session["id"]);
    assert_eq!(ask(&emulator, "GET", "/v1/agents/sessions/none/events", "").status, 404);
}
