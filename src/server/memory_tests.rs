//! What is kept has bounds in bytes, and is given back.

use crate::control;
use crate::emulator::Emulator;
use crate::server::tests::{Got, connect, exchange, request, send, start, until};
use crate::surface::operations::named;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

const KEY: &str = "sk-memory";

fn control(emulator: &Arc<Emulator>, key: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    control::in_process(emulator, Some(key), method, &format!("/_emulator/{path}"), body)
}

fn smallest(operation: &str) -> Value {
    super::objects_tests::smallest(named(operation).expect("an operation"))
}

fn transcript(emulator: &Arc<Emulator>) -> String {
    control(emulator, KEY, "GET", "verify", "").1["transcript"].as_str().unwrap_or_default().to_string()
}

fn respond(emulator: &Emulator, key: &str, input: &str) -> Got {
    send(emulator, key, "/v1/responses", &json!({"model": "gpt-4o", "input": input}))
}

/// Each leaves something: exchanges, a script, stored responses, completions and conversations.
fn use_everything(emulator: &Emulator) {
    let script =
        json!({"rules": [{"match": "x", "text": "y".repeat(10_000), "times": -1}, {"echo": true, "times": -1}]});
    let ask =
        json!({"model": "gpt-4o", "store": true, "messages": [{"role": "user", "content": "hi ".repeat(10_000)}]});
    for (path, body) in [
        ("/_emulator/script", script),
        ("/v1/chat/completions", ask),
        ("/v1/responses", json!({"model": "gpt-4o", "input": "hello"})),
        ("/v1/conversations", json!({"items": [{"role": "user", "content": "z".repeat(10_000)}]})),
        ("/v1/embeddings", json!({"model": "text-embedding-3-small", "input": vec!["a b c"; 100]})),
    ] {
        let got = send(emulator, KEY, path, &body);
        assert_eq!(got.status, 200, "{path}: {}", got.text());
    }
}

#[test]
fn what_a_session_kept_is_given_back() {
    let emulator = start(json!({}));
    for end in ["reset", "close"] {
        use_everything(&emulator);
        let session = emulator.session(KEY);
        let accounts = &session.accounts;
        for (account, least) in [(&accounts.journal, 40_000), (&accounts.stored, 40_000), (&accounts.script, 10_000)] {
            assert!(account.used() > least, "{} of {least}", account.used());
        }
        assert_eq!(emulator.memory.used(), accounts.used());
        // A hundred vectors of 1,536 numbers would be megabytes.
        assert!(accounts.journal.used() < 200_000, "{}", accounts.journal.used());
        drop(session);
        match end {
            "reset" => assert_eq!(control(&emulator, KEY, "POST", "reset", "").0, 200),
            _ => emulator.close_session(KEY),
        }
        until("all is given back", || emulator.memory.used() == 0);
    }
}

#[test]
fn the_journal_and_the_store_keep_what_is_newest_and_say_what_is_gone() {
    let most = 3 << 20;
    let emulator = start(json!({"maxSessionBytes": most, "fallback": "echo", "validation": "schema"}));
    let large = " ".repeat(100_000);
    let ids: Vec<Value> = (0..30).map(|_| respond(&emulator, KEY, &large).json()["id"].clone()).collect();
    let accounts = &emulator.session(KEY).accounts;
    for account in [&accounts.journal, &accounts.stored] {
        assert!(account.used() <= account.most() && account.used() > account.most() / 2, "{}", account.used());
    }
    let found = |id: &Value| {
        let path = format!("/v1/responses/{}", id.as_str().expect("an id"));
        exchange(&emulator, &request("GET", &path, KEY, "", b"")).expect("an answer").status
    };
    assert_eq!((found(&ids[0]), found(&ids[29])), (404, 200));
    let told = transcript(&emulator);
    assert!(told.contains(" exchanges are no longer kept: raise the option journalSize or maxSessionBytes"), "{told}");
    assert!(told.contains(" stored objects are no longer kept: raise the option maxObjects or maxSession"), "{told}");
    let (_, verdict) = control(&emulator, KEY, "GET", "verify", "");
    assert_eq!(verdict["forgotten"].as_u64().map(|count| count > 15), Some(true));
}

#[test]
fn a_script_without_room_is_refused_and_changes_nothing() {
    let emulator = start(json!({"maxSessionBytes": 300_000}));
    let rules = |count: usize| json!({"rules": vec![json!({"match": "x", "text": "y"}); count]});
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &rules(20)).status, 200);
    let before = emulator.memory.used();
    for (path, key) in [("/_emulator/script", KEY), ("/_emulator/shared-script", "")] {
        let got = send(&emulator, key, path, &rules(1_000));
        let error = &got.json()["error"];
        assert_eq!((got.status, &error["code"]), (413, &json!("memory_exhausted")), "{path}: {error}");
        let message = error["message"].as_str().expect("a message");
        assert!(message.contains("may keep 100000 bytes") && message.contains("maxSessionBytes"), "{message}");
    }
    assert_eq!((emulator.memory.used(), emulator.session(KEY).rule_count()), (before, 20));
    // It takes the place of the one before.
    let mut again = rules(20);
    again["reset"] = json!(true);
    for _ in 0..100 {
        assert_eq!(send(&emulator, KEY, "/_emulator/script", &again).status, 200);
    }
    assert_eq!(emulator.memory.used(), before);
}

#[test]
fn all_sessions_together_have_a_bound() {
    let most = 1 << 20;
    let emulator = start(json!({"maxMemoryBytes": most, "fallback": "echo", "validation": "schema"}));
    let large = " ".repeat(50_000);
    for number in 0..30 {
        assert_eq!(respond(&emulator, &format!("sk-{number}"), &large).status, 200);
    }
    let names: Vec<String> = emulator.sessions().iter().map(|session| session.key.clone()).collect();
    assert!(!names.contains(&"sk-0".into()) && names.contains(&"sk-29".into()), "{names:?}");
    // One alone: its exchanges give way, then it is refused, and it can tell.
    let refused = (0..40).map(|_| respond(&emulator, KEY, &large)).find(|got| got.status != 200).expect("no room");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (413, &json!("memory_exhausted")));
    assert!(refused.text().contains("maxMemoryBytes"), "{}", refused.text());
    assert_eq!(control(&emulator, KEY, "GET", "verify", "").1["ok"], false);
    assert!(emulator.memory.used() < most + 300_000, "{}", emulator.memory.used());
    assert_eq!(control(&emulator, KEY, "POST", "reset", "").0, 200);
    assert_eq!(respond(&emulator, KEY, &large).status, 200);
}

#[test]
fn what_leaves_is_kept_for_people_while_there_is_room() {
    for (most, least, kept) in [(3 << 20, 60_000, 200_000), (60_000, 0, 20_000)] {
        let emulator = start(json!({"maxSessionBytes": most}));
        emulator.desk.attend();
        send(
            &emulator,
            KEY,
            "/_emulator/script",
            &json!({"responses": [{"text": "word ".repeat(1_000), "pace": {"chunk": "word"}}]}),
        );
        let ask = json!({"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "x"}]});
        let got = send(&emulator, KEY, "/v1/chat/completions", &ask);
        assert!(got.text().len() > 100_000 && got.text().ends_with("data: [DONE]\n\n"), "the client has all of it");
        let used = emulator.session(KEY).accounts.journal.used();
        assert!((least..kept).contains(&used), "{used} bytes of {most}");
    }
}

#[test]
fn a_conversation_has_as_many_items_as_a_session_has_objects() {
    let emulator = start(json!({"maxObjects": 3, "fallback": "echo"}));
    let item = json!({"role": "user", "content": "x"});
    let created = send(&emulator, KEY, "/v1/conversations", &json!({"items": [item, item]})).json();
    let id = created["id"].as_str().expect("an id");
    let add = || send(&emulator, KEY, &format!("/v1/conversations/{id}/items"), &json!({"items": [item]}));
    assert_eq!(add().status, 200);
    let refused = add();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (413, &json!("memory_exhausted")));
    assert!(refused.text().contains("maxObjects"), "{}", refused.text());
    // A response may still end in it, and is the last one that does.
    let ask = json!({"model": "gpt-4o", "input": "x", "conversation": id});
    assert_eq!(send(&emulator, KEY, "/v1/responses", &ask).status, 200);
    assert_eq!(send(&emulator, KEY, "/v1/responses", &ask).status, 413);
}

/// A value takes seventy bytes in memory, and two in the text.
#[test]
fn a_body_of_nothing_but_values_is_refused_before_it_is_read() {
    let emulator = start(json!({"fallback": "echo"}));
    let body = format!("{{\"model\": \"gpt-4o\", \"input\": [{}0]}}", "0,".repeat(1_100_000));
    for path in ["/v1/responses", "/v1/embeddings", "/_emulator/script"] {
        let got = exchange(&emulator, &request("POST", path, KEY, "", body.as_bytes())).expect("an answer");
        assert_eq!(got.status, 413, "{path}: {}", got.text());
        assert!(got.text().contains("values"), "{path}: {}", got.text());
    }
    assert!(emulator.memory.used() < 100_000, "{}", emulator.memory.used());
}

/// What is being read and answered counts, in memory alone, until its answer has gone.
#[test]
fn requests_under_way_count_until_they_are_over() {
    let emulator = start(json!({"clock": "manual"}));
    let script = json!({"rules": [{"text": "slow", "pace": {"hold": {"until": "later"}}, "times": -1}]});
    assert_eq!(send(&emulator, KEY, "/_emulator/script", &script).status, 200);
    let session = emulator.session(KEY);
    let under_way = || session.accounts.under_way.used();
    let content = "x".repeat(400_000);
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": content}]}).to_string();
    let form = format!(
        "--b\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\n{content}\r\n--b\r\ncontent-disposition: form-data; \
         name=\"file\"; filename=\"f\"\r\n\r\n{content}\r\n--b--"
    );
    let asks = [
        ("/v1/chat/completions", "application/json", &body, 400_000..1_000_000),
        ("/v1/images/edits", "multipart/form-data; boundary=b", &form, 800_000..900_000),
    ];
    for (path, media, body, holds) in asks {
        // All but the end has come.
        let whole = request("POST", path, KEY, "", body.as_bytes());
        let whole = String::from_utf8(whole).expect("a text").replacen("application/json", media, 1).into_bytes();
        let mut client = connect(&emulator);
        client.write_all(&whole[..whole.len() - 10]).expect("it is read");
        until("it counts while it comes", || under_way() > 350_000);
        // The client leaves.
        drop(client);
        until("what came is given back", || under_way() == 0);
        if path.ends_with("completions") {
            let mut client = connect(&emulator);
            client.write_all(&whole).expect("it is read");
            until("it waits", || holds.contains(&under_way()) && !session.journal.in_flight().is_empty());
            drop(client);
            until("all is given back", || under_way() == 0);
        }
    }
}

#[test]
fn requests_under_way_find_room_or_are_refused() {
    let emulator = start(json!({"maxSessionBytes": 300_000, "fallback": "echo"}));
    let ask = |length: usize| respond(&emulator, KEY, &"x".repeat(length));
    assert_eq!(ask(30_000).status, 200);
    let refused = ask(120_000);
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (413, &json!("memory_exhausted")));
    let message = refused.json()["error"]["message"].to_string();
    assert!(message.contains("requests under way") && message.contains("maxSessionBytes"), "{message}");
    let zipped = {
        let body = json!({"model": "gpt-4o", "input": "x".repeat(120_000)}).to_string();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body.as_bytes()).and_then(|()| encoder.finish()).expect("it is zipped")
    };
    let got = exchange(&emulator, &request("POST", "/v1/responses", KEY, "content-encoding: gzip\r\n", &zipped))
        .expect("an answer");
    assert_eq!((got.status, &got.json()["error"]["code"]), (413, &json!("memory_exhausted")));
    assert_eq!(emulator.session(KEY).accounts.under_way.used(), 0);
    assert_eq!(ask(30_000).status, 200);
}

#[test]
fn what_somebody_made_is_never_forgotten_but_the_next_refused() {
    let emulator = start(json!({"maxObjects": 3}));
    for (path, body) in [
        ("/v1/conversations", json!({})),
        ("/v1/assistants", json!({"model": "gpt-4o"})),
        ("/v1/vector_stores", json!({})),
        ("/v1/containers", json!({"name": "c"})),
        ("/v1/evals", smallest("evals.create")),
        ("/v1/vaults", smallest("beta.agents.vaults.create")),
    ] {
        let first = send(&emulator, KEY, path, &body).json()["id"].clone();
        assert!((1..3).all(|_| send(&emulator, KEY, path, &body).status == 200), "{path}");
        let before = emulator.memory.used();
        let refused = send(&emulator, KEY, path, &body);
        let error = &refused.json()["error"];
        let told = (refused.status, error["type"].as_str(), error["code"].as_str());
        assert_eq!(told, (413, Some("invalid_request_error"), Some("memory_exhausted")), "{path}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains("maxObjects")), "{error}");
        // Only the exchange was added, and the oldest is still there.
        assert!(emulator.memory.used() < before + 4_000, "{path}");
        let one = format!("{path}/{}", first.as_str().expect("an id"));
        let found = exchange(&emulator, &request("GET", &one, KEY, "", b"")).expect("an answer");
        assert_eq!(found.status, 200, "{path}");
        assert_eq!(exchange(&emulator, &request("DELETE", &one, KEY, "", b"")).expect("an answer").status, 200);
        assert_eq!(send(&emulator, KEY, path, &body).status, 200, "{path}: one that was deleted makes room");
    }
    assert_eq!(control(&emulator, KEY, "GET", "verify", "").1["ok"], true);
}

#[test]
fn bytes_run_out_for_new_objects_and_a_reset_gives_memory_and_disk_back() {
    let emulator = start(json!({"maxSessionBytes": 600_000, "maxDiskBytes": 5 << 20}));
    let ask = |method: &str, path: &str| exchange(&emulator, &request(method, path, KEY, "", b"")).expect("an answer");
    let item = json!({"items": [{"role": "user", "content": "x".repeat(60_000)}]});
    let made: Vec<Got> = (0..5).map(|_| send(&emulator, KEY, "/v1/conversations", &item)).collect();
    let refused = made.iter().find(|got| got.status != 200).expect("no room for five");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (413, &json!("memory_exhausted")));
    assert!(refused.text().contains("maxSessionBytes"), "{}", refused.text());
    for got in made.iter().filter(|got| got.status == 200) {
        let id = got.json()["id"].as_str().expect("an id").to_string();
        assert_eq!(ask("GET", &format!("/v1/conversations/{id}")).status, 200);
    }
    let on_disk = !crate::session::store::is_serialised();
    let large = vec![b'x'; 2 << 20];
    if on_disk {
        let upload = || super::files_tests::upload_as(&emulator, KEY, "a.txt", "evals", &large, &[]);
        let [first, second, third] = [upload(), upload(), upload()];
        assert_eq!((first.status, second.status, third.status), (200, 200, 413));
        assert_eq!(third.json()["error"]["code"], "disk_exhausted");
        let id = first.json()["id"].as_str().expect("an id").to_string();
        assert_eq!(ask("GET", &format!("/v1/files/{id}")).status, 200, "the oldest is still there");
        assert_eq!(emulator.memory.disk().used(), 4 << 20);
    }
    assert_eq!(control(&emulator, KEY, "POST", "reset", "").0, 200);
    until("all is given back", || emulator.memory.used() == 0 && emulator.memory.disk().used() == 0);
    assert_eq!(send(&emulator, KEY, "/v1/conversations", &item).status, 200);
}

#[test]
fn sessions_that_nobody_uses_end_where_the_option_says_so() {
    let emulator = start(json!({"sessionIdleMs": 40, "fallback": "echo"}));
    let hold = json!({"rules": [{"text": "late", "pace": {"hold": {"until": "later"}}}]});
    assert_eq!(send(&emulator, "sk-busy", "/_emulator/script", &hold).status, 200);
    let ask = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}).to_string();
    let mut busy = connect(&emulator);
    busy.write_all(&request("POST", "/v1/chat/completions", "sk-busy", "", ask.as_bytes())).expect("it is sent");
    until("it waits", || !emulator.session("sk-busy").journal.in_flight().is_empty());
    assert_eq!(respond(&emulator, KEY, "kept").status, 200);
    let keys = || emulator.sessions().iter().map(|session| session.key.clone()).collect::<Vec<_>>();
    until("it is forgotten", || {
        // Anybody's request lets idle ones go.
        emulator.session("sk-other");
        !keys().contains(&KEY.to_string())
    });
    assert!(keys().contains(&"sk-busy".to_string()), "a request is under way");
    // Begun anew, it knows nothing of before.
    assert!(emulator.session(KEY).is_untouched());
    let lasting = start(json!({"fallback": "echo"}));
    assert_eq!(respond(&lasting, KEY, "kept").status, 200);
    lasting.session("sk-other");
    assert!(!lasting.session(KEY).is_untouched());
}
