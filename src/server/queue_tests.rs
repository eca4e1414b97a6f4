//! Preset queues: items of every kind, moved, edited, repeated, imported; whose they are.

use super::room_tests::{CHAT, ask, body, chat, done};
use super::tests::{Got, exchange, request, send, start};
use crate::desk::queues::{QueueRefusal, Queues};
use crate::emulator::Emulator;
use serde_json::{Value, json};

pub(super) const AT: &str = "/api/preset-queue/127.0.0.1";

pub(super) fn said(got: &Got) -> Value {
    got.json()["choices"][0]["message"]["content"].take()
}

fn id(added: &Value) -> &str {
    added["response_id"].as_str().expect("an id")
}

fn items(emulator: &Emulator, at: &str) -> Vec<Value> {
    done(emulator, "GET", at, Value::Null)["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_reply_of_a_queue_is_held_against_the_request_and_a_verbatim_body_is_not() {
    let emulator = start(json!({"profile": "strict"}));
    let call = json!({"tool_calls": [{"name": "nobody_offered_this", "arguments": {}}]});
    done(&emulator, "POST", AT, json!({"reply": call}));
    let refused = send(&emulator, "k", CHAT, &chat("a", false));
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("script_mismatch")));
    let body = json!({"choices": [{"message": {"role": "assistant", "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "nobody_offered_this", "arguments": "{}"}},
    ]}}]});
    done(&emulator, "POST", AT, json!({"response": body}));
    assert_eq!(send(&emulator, "k", CHAT, &chat("a", false)).json(), body);
}

#[test]
fn an_item_may_name_who_answers() {
    let emulator = start(json!({"fallback": "error"}));
    let add = |reply: Value| done(&emulator, "POST", AT, json!({"reply": reply}));
    for reply in [json!({"echo": true}), json!({"generate": {}}), json!({"upstream": true}), json!("at last")] {
        add(reply);
    }
    let ask = || send(&emulator, "k", CHAT, &chat("who answers?", false));
    assert_eq!(said(&ask()), "Echo: who answers?");
    let generated = said(&ask());
    assert!(generated.as_str().is_some_and(|text| !text.is_empty() && !text.starts_with("Echo")), "{generated}");
    let nowhere = ask();
    assert!(nowhere.status >= 400 && nowhere.text().contains("upstream"), "{}", nowhere.text());
    assert_eq!(said(&ask()), "at last");
    let streamed = |reply: Value| {
        add(reply);
        send(&emulator, "k", CHAT, &chat("again", true)).text()
    };
    assert!(streamed(json!({"echo": true})).contains("data: [DONE]"));
}

#[test]
fn items_are_moved_edited_put_elsewhere_and_repeated() {
    let emulator = start(json!({"fallback": "echo"}));
    let ids: Vec<String> =
        ["a", "b", "c"].map(|text| id(&done(&emulator, "POST", AT, json!({"reply": text}))).to_string()).to_vec();
    let moved = done(&emulator, "PATCH", &format!("{AT}/{}", ids[2]), json!({"position": 0}));
    assert_eq!(moved["queue_length"], 3);
    done(&emulator, "PATCH", &format!("{AT}/{}", ids[0]), json!({"reply": {"text": "A"}, "times": 2}));
    done(&emulator, "PATCH", &format!("{AT}/{}", ids[1]), json!({"queue": "10.0.0.9"}));
    let replies: Vec<Value> = items(&emulator, AT).iter().map(|item| item["reply"].clone()).collect();
    assert_eq!(replies, [json!("c"), json!({"text": "A"})]);
    assert_eq!(items(&emulator, "/api/preset-queue/10.0.0.9")[0]["id"], ids[1]);
    done(&emulator, "POST", AT, json!({"reply": "first", "position": 0}));
    done(&emulator, "POST", AT, json!({"reply": "ever", "times": "unlimited"}));
    let got: Vec<Value> = (0..6).map(|_| said(&send(&emulator, "k", CHAT, &chat("x", false)))).collect();
    assert_eq!(got, ["first", "c", "A", "A", "ever", "ever"]);
    assert_eq!(items(&emulator, AT)[0]["times"], "unlimited");
    // From a body to a reply and back; null drops a key.
    let item = done(
        &emulator,
        "POST",
        "/api/preset-queue/a",
        json!({"response": body("x"), "status_code": 202, "delay_ms": 5}),
    );
    let at = format!("/api/preset-queue/a/{}", id(&item));
    let changed = done(&emulator, "PUT", &at, json!({"reply": "y", "delay_ms": null}))["item"].take();
    assert_eq!(
        (&changed["reply"], changed.get("response"), changed.get("status_code"), changed.get("delay_ms")),
        (&json!("y"), None, None, None)
    );
    let changed = done(&emulator, "PATCH", &at, json!({"response": body("z")}))["item"].take();
    assert_eq!((&changed["response"], changed.get("reply"), &changed["status_code"]), (&body("z"), None, &json!(200)));
    for (change, param) in [
        (json!({"position": -1}), "position"),
        (json!({"times": 0}), "times"),
        (json!({"reply": {"txt": 1}}), "reply.txt"),
        (json!({"queue": 1}), "queue"),
    ] {
        let (status, refused) = ask(&emulator, "PATCH", &at, change);
        assert_eq!((status, &refused["error"]["param"]), (400, &json!(param)), "{refused}");
    }
    assert_eq!(items(&emulator, "/api/preset-queue/a").len(), 1, "what was refused changed nothing");
}

#[test]
fn an_item_that_cannot_go_elsewhere_stays_where_it_is() {
    let queues = Queues::default();
    let given = |keys: Value| keys.as_object().cloned().expect("an object");
    let [first, _] = ["a", "b"].map(|text| queues.add("10.0.0.0", &given(json!({"reply": text}))).expect("an item").0);
    for number in 1..10_000 {
        queues.add(&format!("10.0.{}.{}", number / 256, number % 256), &given(json!({"reply": "c"}))).expect("an item");
    }
    let refused = queues.change("10.0.0.0", &first, &given(json!({"queue": "192.0.2.1", "reply": "d"})));
    assert!(matches!(refused, Err(QueueRefusal::Wrong(_))), "there are as many queues as there may be");
    let replies: Vec<Value> = queues.items("10.0.0.0").iter().map(|item| item["reply"].clone()).collect();
    assert_eq!((replies, queues.sizes()), (vec![json!("a"), json!("b")], (10_001, 10_000)));
}

#[test]
fn a_proxy_is_believed_only_where_that_was_said() {
    for (trusts, client) in [(true, "203.0.113.7"), (false, "127.0.0.1")] {
        let emulator = start(json!({"fallback": "echo", "trustForwarded": trusts}));
        for address in ["203.0.113.7", "127.0.0.1"] {
            done(&emulator, "POST", &format!("/api/preset-queue/{address}"), json!({"reply": address}));
        }
        let asked = |named: &str| {
            let forwarded = format!("x-forwarded-for: {named}, 10.0.0.1\r\n");
            let bytes = request("POST", CHAT, "k", &forwarded, chat("a", false).to_string().as_bytes());
            let answer = said(&exchange(&emulator, &bytes).expect("an answer"));
            let list = done(&emulator, "GET", "/api/exchanges", Value::Null);
            (answer, list["data"][0]["client"]["ip"].clone())
        };
        assert_eq!(asked("203.0.113.7"), (json!(client), json!(client)), "trusts: {trusts}");
        for (named, meant) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("unknown", "127.0.0.1"),
        ] {
            let (_, seen) = asked(named);
            assert_eq!(seen, if trusts { meant } else { "127.0.0.1" }, "{named}");
        }
    }
}

#[test]
fn a_session_has_a_queue_of_its_own_which_comes_first() {
    let emulator = start(json!({"fallback": "echo"}));
    let made = done(&emulator, "POST", "/api/sessions", json!({"name": "checkout"}));
    let key = made["api_key"].as_str().expect("a key");
    done(&emulator, "POST", AT, json!({"reply": "whoever"}));
    done(&emulator, "POST", "/api/preset-queue/session:checkout", json!({"reply": "by name"}));
    // A key leads to the session's name: keys are not shown.
    done(&emulator, "POST", &format!("/api/preset-queue/session:{key}"), json!({"reply": "by key"}));
    let queues = done(&emulator, "GET", "/api/preset-queue", Value::Null);
    assert!(!queues.to_string().contains(key), "{queues}");
    let got: Vec<Value> = (0..3).map(|_| said(&send(&emulator, key, CHAT, &chat("a", false)))).collect();
    assert_eq!(got, ["by name", "by key", "whoever"]);
    assert_eq!(said(&send(&emulator, "other", CHAT, &chat("a", false))), "Echo: a");
}

#[test]
fn files_of_the_old_tool_load_and_what_is_no_file_is_told_where() {
    let emulator = start(json!({"fallback": "echo"}));
    // preset_queues.json, as it wrote them.
    let file = json!({"127.0.0.1": [
        {"id": "0b0c1f0e-8f0a-4f4e-9d53-6d7a1b1d3b11", "response": body("one"), "status_code": 200, "created_at": 1_766_000_000.25},
        {"id": "0b0c1f0e-8f0a-4f4e-9d53-6d7a1b1d3b12", "response": {"error": "x"}, "status_code": 429, "created_at": 1_766_000_001.5},
    ], "10.1.1.1": [5, body("bare")]});
    let loaded = done(&emulator, "POST", "/api/preset-queue/import", file);
    assert_eq!((&loaded["total"], &loaded["added_count"], &loaded["failed_count"]), (&json!(4), &json!(3), &json!(1)));
    assert_eq!((&loaded["errors"][0]["queue"], &loaded["errors"][0]["index"]), (&json!("10.1.1.1"), &json!(0)));
    assert_eq!(send(&emulator, "k", CHAT, &chat("a", false)).json(), body("one"));
    assert_eq!(send(&emulator, "k", CHAT, &chat("a", false)).status, 429);
    // Its exports: bodies alone, in a form as its page sends them.
    let form = |file: &str| {
        let form = format!(
            "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"q.json\"\r\nContent-Type: application/json\r\n\r\n{file}\r\n--x--\r\n"
        );
        let head = format!(
            "POST {AT}/import HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: {}\r\n\r\n",
            form.len()
        );
        exchange(&emulator, (head + &form).as_bytes()).expect("an answer")
    };
    assert_eq!(form(&json!([body("two"), body("three")]).to_string()).json()["added_count"], 2);
    let exported =
        exchange(&emulator, &request("GET", &format!("{AT}/export?format=bare"), "k", "", b"")).expect("a file");
    assert!(exported.head.contains("attachment; filename=\"queue_127.0.0.1_"), "{}", exported.head);
    assert_eq!(exported.json(), json!([body("two"), body("three")]));
    for (file, why) in
        [("[1,\n 2,,]", "line 2, column 4"), ("{\"a\": 1}", "An import is a list"), ("\u{feff}[]", "line 1")]
    {
        let refused = form(file);
        let told = refused.json()["detail"].as_str().unwrap_or_default().to_string();
        assert!(refused.status == 400 && told.contains(why), "{file}: {told}");
    }
    let large = form(&format!("[\"{}\"]", "x".repeat(10 << 20)));
    assert_eq!((large.status, &large.json()["error"]["code"]), (400, &json!("file_too_large")));
    assert_eq!(items(&emulator, AT).len(), 2);
}

#[test]
fn a_batch_that_must_be_whole_adds_all_or_nothing() {
    let emulator = start(json!({}));
    let (status, refused) = ask(
        &emulator,
        "POST",
        &format!("{AT}/batch"),
        json!({"items": [{"reply": "a"}, {"reply": {"txt": 1}}], "whole": true}),
    );
    assert_eq!(
        (status, &refused["error"]["param"], items(&emulator, AT).len()),
        (400, &json!("items[1].reply.txt"), 0)
    );
    // What holds for all does not hide what an item says itself.
    let own = json!({"items": [{"reply": "a"}, {"reply": "b", "delay_ms": -1}], "delay_ms": 5, "whole": true});
    let (status, refused) = ask(&emulator, "POST", &format!("{AT}/batch"), own);
    assert_eq!(
        (status, &refused["error"]["param"], items(&emulator, AT).len()),
        (400, &json!("items[1].delay_ms"), 0),
        "{refused}"
    );
    let added = done(
        &emulator,
        "POST",
        &format!("{AT}/batch"),
        json!({"items": [{"reply": "a"}, {"reply": "b"}], "whole": true}),
    );
    let ids: Vec<Value> = items(&emulator, AT).iter().map(|item| item["id"].clone()).collect();
    assert_eq!(added["response_ids"], json!(ids));
}

/// An item that waits on the session's clock, and many that ask at once: each item answers once, in order.
#[test]
fn items_wait_and_are_taken_once_each() {
    let emulator = start(json!({"clock": "instant", "fallback": "echo"}));
    done(&emulator, "POST", AT, json!({"response": body("slow"), "delay_ms": 60_000}));
    send(&emulator, "k", CHAT, &chat("a", false));
    let sessions = done(&emulator, "GET", "/api/sessions", Value::Null);
    assert!(sessions["data"][0]["clock"]["elapsed_ms"].as_u64().is_some_and(|elapsed| elapsed >= 60_000), "{sessions}");
    let responses: Vec<Value> = (0..40).map(|number| body(&number.to_string())).collect();
    done(&emulator, "POST", &format!("{AT}/batch"), json!({"responses": responses, "status_code": 201}));
    let mut got: Vec<u64> = std::thread::scope(|scope| {
        let asks = |lane: usize| {
            let emulator = &emulator;
            scope.spawn(move || {
                let ask = |_| {
                    let got = send(emulator, &format!("k{lane}"), CHAT, &chat("a", false));
                    assert_eq!(got.status, 201);
                    said(&got).as_str().and_then(|text| text.parse::<u64>().ok()).expect("a number")
                };
                (0..10).map(ask).collect::<Vec<_>>()
            })
        };
        let lanes: Vec<_> = (0..4).map(asks).collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("a thread")).collect()
    });
    got.sort_unstable();
    assert_eq!(got, (0..40).collect::<Vec<u64>>());
}

/// A session's queue may be filled before the session is there, by its name or by its key, which is not shown.
#[test]
fn what_waits_for_a_session_to_come_is_used_and_no_key_is_shown() {
    let emulator = start(json!({"fallback": "echo"}));
    let _watching = emulator.desk.events.watch();
    let begun = emulator.desk.events.range().0;
    let events = || {
        let told = emulator.desk.events.after(begun, usize::MAX).unwrap_or_default();
        told.iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect::<String>()
    };
    let key = "sk-proj-REALSECRET99";
    let at = format!("/api/preset-queue/session:{key}");
    done(&emulator, "POST", &at, json!({"reply": "one"}));
    done(&emulator, "POST", &at, json!({"reply": "two"}));
    let queues = done(&emulator, "GET", "/api/preset-queue", Value::Null)["queues"].take();
    let label = format!("session:{}", crate::redact::label(key));
    assert_eq!(queues[&label]["count"], 2, "{queues}");
    assert!(!queues.to_string().contains("SECRET") && !events().contains("SECRET"), "{queues} {}", events());
    assert!(events().contains(&label), "{}", events());
    // What is shown may be used, before the session's first request and after it.
    done(&emulator, "POST", &format!("/api/preset-queue/{label}"), json!({"reply": "three"}));
    assert_eq!(said(&send(&emulator, key, CHAT, &chat("a", false))), "one");
    done(&emulator, "POST", &format!("/api/preset-queue/{label}"), json!({"reply": "four"}));
    let got: Vec<Value> = (0..3).map(|_| said(&send(&emulator, key, CHAT, &chat("a", false)))).collect();
    assert_eq!(got, ["two", "three", "four"]);
    // A name that is given later.
    done(&emulator, "POST", "/api/preset-queue/session:later", json!({"reply": "by name"}));
    let later = crate::control::key_of_name("later");
    done(&emulator, "POST", &format!("/api/preset-queue/session:{later}"), json!({"reply": "by key"}));
    let shown = done(&emulator, "GET", "/api/preset-queue/session:later", Value::Null)["ip"].take();
    assert_eq!(shown, "session:later", "no key looks like this");
    done(&emulator, "POST", "/api/sessions", json!({"name": "later"}));
    for name in [shown.as_str().expect("a name"), "session:later", &format!("session:{later}")] {
        let queue = done(&emulator, "GET", &format!("/api/preset-queue/{name}"), Value::Null);
        assert_eq!((&queue["ip"], &queue["count"]), (&json!("session:later"), &json!(2)), "{name}");
    }
    let got: Vec<Value> = (0..2).map(|_| said(&send(&emulator, &later, CHAT, &chat("a", false)))).collect();
    assert_eq!(got, ["by name", "by key"]);
}

/// One rule for the names of queues, whichever door they come by.
#[test]
fn a_queue_has_one_name_however_it_is_written() {
    let emulator = start(json!({"fallback": "echo"}));
    let key = "sk-proj-REALSECRET99";
    let import = json!({"::ffff:127.0.0.1": [{"reply": "a"}], "0:0:0:0:0:0:0:1": [{"reply": "b"}],
        format!("session:{key}"): [{"reply": "c"}, 5]});
    let told = done(&emulator, "POST", "/api/preset-queue/import", import);
    assert!(!told.to_string().contains("SECRET"), "{told}");
    let label = format!("session:{}", crate::redact::label(key));
    let moved = done(&emulator, "POST", "/api/preset-queue/x", json!({"reply": "d"}));
    let change = json!({"queue": "0:0:0:0:0:0:0:1"});
    done(&emulator, "PATCH", &format!("/api/preset-queue/x/{}", id(&moved)), change);
    let queues = done(&emulator, "GET", "/api/preset-queue", Value::Null)["queues"].take();
    let counts: Vec<(&str, &Value)> = queues
        .as_object()
        .expect("queues")
        .iter()
        .map(|(name, queue)| (name.as_str(), &queue["count"]))
        .filter(|(_, count)| **count != 0)
        .collect();
    let mut expected = [("127.0.0.1", &json!(1)), ("::1", &json!(2)), (label.as_str(), &json!(1))];
    expected.sort_by_key(|(name, _)| *name);
    assert_eq!(counts, expected);
    for address in ["", "export", "import", "session:"] {
        let (status, refused) = ask(
            &emulator,
            "POST",
            "/api/preset-queue/import",
            json!({"y": [{"reply": "a"}], address: [{"reply": "a"}]}),
        );
        assert_eq!((status, &refused["error"]["param"]), (400, &json!("address")), "{address:?}: {refused}");
        assert_eq!(items(&emulator, "/api/preset-queue/y").len(), 0, "{address:?}");
    }
    // What is exported is found again.
    let file = done(&emulator, "GET", "/api/preset-queue/export", Value::Null);
    done(&emulator, "DELETE", "/api/preset-queue", Value::Null);
    done(&emulator, "POST", "/api/preset-queue/import", file);
    assert_eq!(said(&send(&emulator, key, CHAT, &chat("a", false))), "c");
    assert_eq!(said(&send(&emulator, key, CHAT, &chat("a", false))), "a");
}

#[test]
fn what_is_left_of_a_sessions_queue_fails_its_test() {
    let emulator = start(json!({"fallback": "echo"}));
    let made = done(&emulator, "POST", "/api/sessions", json!({"name": "mine"}));
    let key = made["api_key"].as_str().expect("a key");
    let verdict = || exchange(&emulator, &request("GET", "/_emulator/verify", key, "", b"")).expect("an answer").json();
    let add = |queue: &str, item: Value| done(&emulator, "POST", &format!("/api/preset-queue/{queue}"), item);
    // Of an address, which others may have, and without end: nobody misses them.
    add("10.0.0.1", json!({"reply": "other"}));
    assert_eq!(verdict()["ok"], true);
    add("session:mine", json!({"reply": "twice", "times": 2}));
    let told = verdict();
    assert_eq!((&told["ok"], &told["unused"][0]["left"]), (&json!(false), &json!(2)), "{told}");
    assert_eq!(told["unused"][0]["path"], "queue session:mine[0]");
    assert!(told["transcript"].as_str().is_some_and(|text| text.contains("twice")), "{told}");
    for left in [1, 0] {
        assert_eq!(said(&send(&emulator, key, CHAT, &chat("a", false))), "twice");
        assert_eq!(verdict()["ok"], left == 0);
    }
}

#[test]
fn a_sessions_queue_ends_with_its_reset_and_with_the_session() {
    let emulator = start(json!({"fallback": "echo"}));
    let add = |name: &str| done(&emulator, "POST", &format!("/api/preset-queue/{name}"), json!({"reply": "stale"}));
    let left = || done(&emulator, "GET", "/api/preset-queue", Value::Null)["queues"].take();
    let made = |name: &str| {
        let made = done(&emulator, "POST", "/api/sessions", json!({"name": name}));
        made["api_key"].as_str().expect("a key").to_string()
    };
    let control = |method: &str, path: &str, key: &str| {
        let got =
            exchange(&emulator, &request(method, &format!("/_emulator/{path}"), key, "", b"")).expect("an answer");
        assert_eq!(got.status, 200, "{}", got.text());
    };
    add("10.0.0.1");
    // By its reset; by its deletion, also before it was made; with all sessions.
    let named = made("named");
    add("session:named");
    control("POST", "reset", &named);
    send(&emulator, "plain", CHAT, &chat("a", false));
    add("session:plain");
    control("POST", "reset", "plain");
    for is_made in [true, false] {
        is_made.then(|| made("z"));
        add("session:z");
        control("DELETE", "sessions/z", "k");
    }
    assert_eq!(left().as_object().map(serde_json::Map::len), Some(1), "{}", left());
    add("session:z");
    add("session:other");
    control("DELETE", "sessions", "k");
    let queues = left();
    let names: Vec<&str> = queues.as_object().expect("queues").keys().map(String::as_str).collect();
    assert_eq!((names, &queues["10.0.0.1"]["count"]), (vec!["10.0.0.1"], &json!(1)));
}

#[test]
fn what_holds_for_a_batch_is_checked_and_its_items_keep_their_order() {
    let emulator = start(json!({}));
    let at = format!("{AT}/batch");
    for (wrong, param) in [
        (json!({"items": [], "status_code": 9999}), "status_code"),
        (json!({"responses": [], "times": 0}), "times"),
        (json!({"responses": [], "position": -1}), "position"),
        (json!({"responses": [], "othr": 1}), "othr"),
        (json!({"items": [{"reply": "a"}], "whole": "yes"}), "whole"),
    ] {
        let (status, refused) = ask(&emulator, "POST", &at, wrong.clone());
        assert_eq!((status, &refused["error"]["param"]), (400, &json!(param)), "{wrong}: {refused}");
    }
    done(&emulator, "POST", AT, json!({"reply": "last"}));
    for whole in [true, false] {
        let replies = if whole { ["c", "d"] } else { ["a", "b"] };
        let batch = replies.map(|reply| json!({"reply": reply}));
        done(&emulator, "POST", &at, json!({"items": batch, "position": 0, "whole": whole}));
    }
    let replies: Vec<Value> = items(&emulator, AT).into_iter().map(|mut item| item["reply"].take()).collect();
    assert_eq!(replies, ["a", "b", "c", "d", "last"]);
    let refused = json!({"response": {}, "headers": {"x": 1}});
    assert_eq!(ask(&emulator, "POST", AT, refused).1["error"]["param"], "headers.x");
}

/// A file that is none in one place adds nothing, so that it can be mended and sent again.
#[test]
fn an_import_of_all_queues_that_is_refused_adds_nothing() {
    let emulator = start(json!({}));
    let (status, refused) =
        ask(&emulator, "POST", "/api/preset-queue/import", json!({"127.0.0.1": [{"a": 1}], "x": 5}));
    assert_eq!((status, &refused["error"]["param"], items(&emulator, AT).len()), (400, &json!("x"), 0));
}
