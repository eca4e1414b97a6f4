//! What recordings are beside chat in JSON: forms with files, other tools' fixtures, answers of many megabytes.

use super::cassette_tests::{CHAT, chat, folder, lines, plays, record, stop};
use super::tests::{Got, connect, exchange, request, send, start, until};
use crate::cassette::format;
use crate::emulator::Emulator;
use crate::options::RecordMode;
use crate::upstream::tests::server;
use serde_json::json;
use std::io::{Read, Write};
use std::sync::Arc;

#[test]
fn fixtures_of_aimock_answer_beside_recordings() {
    let folder = folder();
    record(folder.path(), &json!({"responses": ["recorded"]}), &[(CHAT, chat("a", false))]);
    let fixtures = json!({"fixtures": [{"match": {"userMessage": "weather"}, "response": {"content": "Sunny."}}]});
    std::fs::write(folder.path().join("fixtures.json"), fixtures.to_string()).expect("written");
    let own = start(plays(folder.path()));
    let said = |text: &str| send(&own, "k", CHAT, &chat(text, false)).json();
    for _ in 0..2 {
        assert_eq!(said("the weather?")["choices"][0]["message"]["content"], "Sunny.");
    }
    assert_eq!(said("a")["choices"][0]["message"]["content"], "recorded");
    assert_eq!(said("b")["error"]["code"], "no_recording");
}

#[test]
fn fixtures_of_aimock_stay_behind_a_script() {
    let folder = folder();
    record(folder.path(), &json!({"responses": ["recorded"]}), &[(CHAT, chat("a", false))]);
    let fixtures = json!({"fixtures": [{"match": {"userMessage": "weather"}, "response": {"content": "Sunny."}}]});
    std::fs::write(folder.path().join("fixtures.json"), fixtures.to_string()).expect("written");
    let own = start(plays(folder.path()));
    let script = |text: &str| {
        let script = json!({"reset": true, "rules": [{"match": text, "text": "mine", "times": "unlimited"}]});
        crate::script::load_value(script, crate::script::Origin::File).expect("a script")
    };
    let said = |text: &str| send(&own, "k", CHAT, &chat(text, false)).json()["choices"][0]["message"]["content"].take();
    own.load_files(script("snow"));
    assert_eq!(["snow", "the weather", "a"].map(said), ["mine", "Sunny.", "recorded"]);
    // What is loaded anew goes, also when files change or a test loads another.
    own.load_shared(script("weather in Bergen"));
    send(&own, "k", "/_emulator/reset", &json!({}));
    assert_eq!(["the weather in Bergen", "the weather", "a"].map(said), ["mine", "Sunny.", "recorded"]);
    assert_eq!(send(&own, "k", CHAT, &chat("snow", false)).json()["error"]["code"], "no_recording");
}

/// A form with this boundary, a field and a file.
fn form(emulator: &Arc<Emulator>, boundary: &str, language: &str, file: &str) -> Got {
    let part =
        |head: &str, text: &str| format!("--{boundary}\r\ncontent-disposition: form-data; {head}\r\n\r\n{text}\r\n");
    let fields = [part("name=\"model\"", "whisper-1"), part("name=\"language\"", language)].concat();
    let body = fields + &part("name=\"file\"; filename=\"a.wav\"", &file.repeat(4000)) + &format!("--{boundary}--\r\n");
    let bytes = request("POST", "/v1/audio/transcriptions", "k", "", body.as_bytes());
    let media = format!("multipart/form-data; boundary={boundary}");
    let text = String::from_utf8(bytes).expect("a text").replace("application/json", &media);
    exchange(emulator, text.as_bytes()).expect("an answer")
}

#[test]
fn forms_are_recorded_and_found_by_their_fields_and_files() {
    let folder = folder();
    let real = start(json!({"auth": "optional"}));
    send(
        &real,
        "sk-up",
        "/_emulator/script",
        &json!({"responses": [{"transcript": "said in one"}, {"transcript": "said in two"}]}),
    );
    let mut options =
        json!({"upstream": format!("{}/v1", real.url()), "upstreamKey": "sk-up", "record": folder.path(), "ci": false});
    // A file's digest is no secret, however random it looks.
    options["redact"] = json!(["entropy"]);
    let own = start(options);
    let one = form(&own, "first", "en", "RIFF one");
    assert_eq!(one.json()["text"], "said in one", "{}", one.text());
    assert_eq!(form(&own, "first", "en", "RIFF two").json()["text"], "said in two");
    stop(&own);
    let recorded = lines(folder.path());
    assert_eq!(recorded[0]["request"]["body"]["language"], "en");
    assert_eq!(recorded[0]["request"]["body"]["file"]["sha256"].as_str().map(str::len), Some(64));
    let text = recorded[0].to_string();
    assert!(!text.contains("RIFF") && !text.contains("first"), "{text}");
    let mut options = plays(folder.path());
    options["redact"] = json!(["entropy"]);
    let own = start(options);
    assert_eq!(form(&own, "second", "en", "RIFF two").json()["text"], "said in two");
    assert_eq!(form(&own, "third", "en", "RIFF one").json()["text"], "said in one");
    for (language, file, differs) in [("en", "RIFF three", "body.file.sha256"), ("de", "RIFF two", "body.language")] {
        let error = form(&own, "second", language, file).json()["error"].take();
        assert_eq!(error["code"], "no_recording", "{differs}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(differs)), "{error}");
    }
}

#[test]
fn a_recording_of_50_mb_that_nobody_reads_holds_up_nobody() {
    let folder = folder();
    let chunks: Vec<_> = (0..50).map(|at| json!([at, "x".repeat(1 << 20)])).collect();
    let large = |body| {
        json!({"operation": "chat.completions.create", "request": {"method": "POST", "path": CHAT, "body": body},
            "response": {"status": 200, "headers": {"content-type": "text/plain"}, "chunks": chunks}})
    };
    let small = json!({"operation": "chat.completions.create", "request": {"method": "POST", "path": CHAT, "body": chat("small", false)}, "reply": "quick"});
    let text = [crate::cassette::format::head(), large(chat("large", false)).to_string(), small.to_string()].join("\n");
    std::fs::write(folder.path().join("large.jsonl"), text).expect("written");
    let own = start(plays(folder.path()));
    // More of them than there are threads.
    let asked = request("POST", CHAT, "k", "", chat("large", false).to_string().as_bytes());
    let mut readers: Vec<_> = (0..4)
        .map(|number| {
            let mut stream = connect(&own);
            let asked = String::from_utf8_lossy(&asked).replace("Bearer k", &format!("Bearer k{number}"));
            stream.write_all(asked.as_bytes()).expect("sends");
            let mut first = [0; 12];
            stream.read_exact(&mut first).expect("it begins");
            assert_eq!(&first, b"HTTP/1.1 200");
            stream
        })
        .collect();
    for number in 0..50 {
        let said = send(&own, &format!("own{number}"), CHAT, &chat("small", false)).json();
        assert_eq!(said["choices"][0]["message"]["content"], "quick");
    }
    let mut rest = Vec::new();
    readers[0].read_to_end(&mut rest).expect("all of it");
    assert!(rest.len() > 50 << 20, "{}", rest.len());
}

#[test]
fn steps_and_shares_that_go_upstream_are_recorded() {
    let folder = folder();
    let real = start(json!({"fallback": "echo", "auth": "optional"}));
    let own = start(
        json!({"upstream": format!("{}/v1", real.url()), "record": folder.path(), "recordMode": "all", "ci": false}),
    );
    let said = |key: &str, text: &str| {
        let answer = send(&own, key, CHAT, &chat(text, false)).json();
        answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_string()
    };
    send(&own, "steps", "/_emulator/script", &json!({"responses": [{"upstream": true}, "mine", {"upstream": true}]}));
    assert_eq!(["a", "b", "c"].map(|text| said("steps", text)), ["Echo: a", "mine", "Echo: c"]);
    let half = json!({"upstream": {"percent": 50}, "times": "unlimited"});
    send(&own, "share", "/_emulator/script", &json!({"rules": [half, {"text": "mine", "times": "unlimited"}]}));
    let share = (0..40).filter(|number| said("share", &format!("ask {number}")) != "mine").count();
    assert!((5..35).contains(&share), "{share} of 40");
    stop(&own);
    assert_eq!(lines(folder.path()).len(), 2 + share);
}

#[test]
fn what_still_looks_like_a_secret_is_answered_and_not_recorded() {
    let folder = folder();
    let real = start(json!({"fallback": "echo", "auth": "optional"}));
    let own = start(json!({"upstream": format!("{}/v1", real.url()), "record": folder.path(), "ci": false}));
    let mut asked = chat("a", false);
    asked["store"] = json!(true);
    asked["metadata"] = serde_json::Map::from_iter([(format!("sk-{}", "a1".repeat(20)), json!("x"))]).into();
    assert_eq!(send(&own, "k", CHAT, &asked).json()["choices"][0]["message"]["content"], "Echo: a");
    own.cassettes.flush();
    let failure = || {
        own.cassettes.flush();
        let (_, verdict) = crate::control::in_process(&own, Some("k"), "GET", "/_emulator/verify", "");
        verdict["first_failure"].clone()
    };
    until("it is refused", || failure()["code"] == "not_recorded");
    let told = failure()["message"].as_str().unwrap_or_default().to_string();
    assert!(told.contains("request.body.metadata.sk-") && told.contains("looks like an OpenAI"), "{told}");
    stop(&own);
    assert!(lines(folder.path()).is_empty());
}

#[test]
fn log_probabilities_come_along_into_the_other_dialect() {
    let folder = folder();
    let mut asked = chat("a", false);
    asked["logprobs"] = json!(true);
    let said = record(folder.path(), &json!({"responses": ["one two"]}), &[(CHAT, asked)]);
    let chat: serde_json::Value = serde_json::from_slice(&said[0]).expect("JSON");
    let own = start(plays(folder.path()));
    let asked = json!({"model": "gpt-4o", "input": "a", "include": ["message.output_text.logprobs"]});
    let answer = send(&own, "k", "/v1/responses", &asked).json();
    let both = [&chat["choices"][0]["logprobs"]["content"], &answer["output"][0]["content"][0]["logprobs"]];
    let [one, other] = both.map(|list| {
        let list = list.as_array().cloned().unwrap_or_default();
        list.iter().map(|one| (one["token"].clone(), one["logprob"].clone())).collect::<Vec<_>>()
    });
    assert!(!one.is_empty() && one == other, "{one:?}, {other:?}");
}

#[test]
fn headers_lose_cookies_keys_and_who_pays() {
    let folder = folder();
    let secrets = [
        "Qm9va21hcmsxMjM0",
        "org-AbCdEfGhIjKlMnOpQrStUvWx",
        "acme-corp",
        "proj_AbCdEfGhIjKlMnOpQrStUvWx",
        "k3yF0rMySelf99",
    ];
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nset-cookie: __cf_bm={}; path=/\r\nopenai-organization: {}\r\n\
         x-note: of {}\r\nopenai-project: {}\r\nx-api-key: {}\r\nx-kept: yes\r\n\r\n{{}}",
        secrets[0], secrets[2], secrets[1], secrets[3], secrets[4]
    );
    let (address, _heads) = server(move |mut stream, _| drop(stream.write_all(head.as_bytes())));
    let own = start(json!({"upstream": address, "record": folder.path(), "ci": false}));
    let headers = "openai-organization: org-ZbCdEfGhIjKlMnOpQrStUvWx\r\ncookie: a=Sess10nC00k1e\r\n";
    let path = format!("{CHAT}?api_key=Qu3ryK3y1234&state=2");
    let asked = request("POST", &path, "sk-K3y0fTheClient12345", headers, chat("a", false).to_string().as_bytes());
    assert_eq!(exchange(&own, &asked).expect("an answer").status, 200);
    stop(&own);
    let recorded = lines(folder.path());
    let text = recorded[0].to_string();
    for secret in secrets.iter().chain(&["org-Zb", "Sess10nC00k1e", "Qu3ryK3y1234", "K3y0fTheClient"]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(recorded[0]["response"]["headers"]["x-kept"], "yes");
    assert_eq!(recorded[0]["request"]["query"], "api_key=[REDACTED]&state=2");
}

#[test]
fn nothing_is_recorded_into_what_is_no_cassette() {
    let folder = folder();
    let own = start(json!({"upstream": "http://127.0.0.1:9/v1", "ci": false}));
    let foreign = "{\"name\":\"mine\"}\n";
    let newer = "{\"cassette\":99,\"by\":\"llemulator 9.0.0\"}\n";
    for (name, text, on_miss, all) in [
        ("package.json", foreign, Err("ends in .jsonl"), Err("ends in .jsonl")),
        ("new.har", "", Err("ends in .jsonl"), Err("ends in .jsonl")),
        ("lines.jsonl", foreign, Err("no cassette"), Err("no cassette")),
        ("newer.jsonl", newer, Err("version 99"), Ok(())),
        ("empty.jsonl", "", Ok(()), Ok(())),
        ("ours.jsonl", &format!("{}\n", format::head()), Ok(()), Ok(())),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("a file");
        for (mode, expected) in [(RecordMode::OnMiss, on_miss), (RecordMode::All, all)] {
            match (own.cassettes.insert("k", &file, Some(mode)), expected) {
                (Ok(_), Ok(())) => {}
                (Err(told), Err(why)) => assert!(told.contains(name) && told.contains(why), "{told}"),
                (_, expected) => panic!("{name} {mode:?}: expected {expected:?}"),
            }
        }
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), *text, "{name} is as it was");
        assert!(own.cassettes.insert("k", &file, None).is_ok(), "it may be played, or said to be none");
    }
}

#[test]
fn an_empty_file_becomes_a_cassette() {
    let folder = folder();
    let real = start(json!({"fallback": "echo", "auth": "optional"}));
    let own = start(json!({"upstream": format!("{}/v1", real.url()), "ci": false}));
    let file = folder.path().join("empty.jsonl");
    std::fs::write(&file, "").expect("a file");
    own.cassettes.insert("k", &file, Some(RecordMode::OnMiss)).expect("an empty one");
    send(&own, "k", CHAT, &chat("a", false));
    until("it is written", || {
        own.cassettes.flush();
        std::fs::metadata(&file).is_ok_and(|file| file.len() > 0)
    });
    let twin = start(json!({"ci": false}));
    twin.cassettes.insert("k", &file, None).expect("it only plays");
    assert_eq!(send(&twin, "k", CHAT, &chat("a", false)).json()["choices"][0]["message"]["content"], "Echo: a");
}
