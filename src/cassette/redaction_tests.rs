//! Secrets of many kinds, planted wherever a recording has a place for them: none is left, or nothing is written.

use super::format::{RecordedChunk, RecordedRequest, RecordedResponse, Recording};
use super::normal::Matching;
use super::recorder::clean;
use super::redaction::Redaction;
use crate::random::Random;
use serde_json::{Map, Value, json};

fn redaction(words: &[&str]) -> Redaction {
    Redaction::new(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>()).expect("patterns")
}

/// Twenty-four kinds of secrets that can be told by their shape.
fn secret(kind: usize, random: &mut Random) -> String {
    let mut letters = |length| random.alphanumeric(length);
    match kind {
        0 => format!("sk-{}", letters(48)),
        1 => format!("sk-proj-{}-{}", letters(40), letters(40)),
        2 => format!("sk-ant-api03-{}", letters(80)),
        3 => format!("ek_{}", letters(32)),
        4 => format!("org-{}", letters(24)),
        5 => format!("proj_{}", letters(24)),
        6 => format!("eyJ{}.eyJ{}.{}", letters(20), letters(40), letters(43)),
        7 => format!("AKIA{}", letters(16).to_uppercase()),
        8 => format!("ghp_{}", letters(36)),
        9 => format!("github_pat_{}_{}", letters(22), letters(59)),
        10 => format!("glpat-{}", letters(20)),
        11 => format!("xoxb-1234567890-{}", letters(24)),
        12 => format!("https://hooks.slack.com/services/T{}/B{}/{}", letters(8), letters(8), letters(24)),
        13 => format!("sk_live_{}", letters(24)),
        14 => format!("AIza{}", letters(35)),
        15 => format!("ya29.{}", letters(60)),
        16 => format!("hf_{}", letters(34)),
        17 => format!("gsk_{}", letters(52)),
        18 => format!("npm_{}", letters(36)),
        19 => format!("SG.{}.{}", letters(22), letters(43)),
        20 => format!("AC{}", random.hex(32)),
        21 => format!("123456789:{}", letters(35)),
        22 => format!("postgres://admin:{}@db.test/app", letters(20)),
        _ => format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", letters(64)),
    }
}

/// What of a secret must not be there: its long random parts.
fn cores(secret: &str) -> impl Iterator<Item = &str> {
    secret.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| part.len() >= 16)
}

fn recording(request: Value, headers: Value, chunks: &[String]) -> Recording {
    let chunks = chunks.iter().map(|text| RecordedChunk { at_ms: 0, bytes: text.clone().into() });
    Recording {
        operation: "chat.completions.create".into(),
        request: RecordedRequest {
            method: "POST".into(),
            path: "/v1/chat/completions".into(),
            query: String::new(),
            body: request,
        },
        response: Some(RecordedResponse {
            status: 200,
            headers: headers.as_object().cloned().unwrap_or_default(),
            chunks: chunks.collect(),
            cut: None,
        }),
        reply: None,
        client: None,
        at: None,
    }
}

/// A recording with a secret at one of eleven places.
fn plant(secret: &str, place: usize) -> Recording {
    let plain = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
    let answer = |text: &str| {
        json!({"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "choices": [{"index": 0,
            "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})
    };
    let json_type = || json!({"content-type": "application/json"});
    let said = |text: &str| vec![answer(text).to_string()];
    let ask = |content: Value| json!({"model": "gpt-4o", "messages": [{"role": "user", "content": content}]});
    match place {
        0 => recording(ask(json!(format!("use {secret} please"))), json_type(), &said("ok")),
        1 => recording(
            ask(json!([{"type": "text", "text": json!({"config": {"value": secret}}).to_string()}])),
            json_type(),
            &said("ok"),
        ),
        2 => recording(
            ask(json!(json!({"nested": json!({"deep": secret}).to_string()}).to_string())),
            json_type(),
            &said("ok"),
        ),
        3 => {
            let mut body = plain;
            body["metadata"] = json!({"note": secret});
            recording(body, json_type(), &said("ok"))
        }
        4 => {
            let mut body = plain;
            body["tools"] =
                json!([{"type": "mcp", "server_label": "s", "server_url": format!("https://a.test/?token={secret}")}]);
            recording(body, json_type(), &said("ok"))
        }
        5 => {
            let mut recording = recording(plain, json_type(), &said("ok"));
            recording.request.query =
                form_urlencoded::Serializer::new(String::new()).append_pair("next", secret).finish();
            recording
        }
        6 => recording(
            plain,
            json!({"content-type": "application/json", "x-debug": format!("a {secret}").replace('\n', " ")}),
            &said("ok"),
        ),
        7 => recording(plain, json_type(), &said(&format!("It is {secret}."))),
        // Cut in the middle of the secret, on the wire.
        8 => {
            let body = answer(&format!("It is {secret}.")).to_string();
            let at = body.find(&secret[..8.min(secret.len())]).expect("planted") + 10;
            recording(plain, json_type(), &[body[..at].to_string(), body[at..].to_string()])
        }
        // The same in Responses, whose end says it once more.
        10 => {
            let letters: Vec<char> = secret.chars().collect();
            let frame =
                |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
            let delta = |piece: &[char]| {
                frame(
                    json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": piece.iter().collect::<String>()}),
                )
            };
            let mut chunks: Vec<String> = letters.chunks(15).map(delta).collect();
            let response = json!({"id": "resp_1", "model": "gpt-4o", "status": "completed", "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": secret, "annotations": []}]}]});
            chunks.push(frame(json!({"type": "response.completed", "response": response})));
            let mut recording = recording(
                json!({"model": "gpt-4o", "input": "hi", "stream": true}),
                json!({"content-type": "text/event-stream"}),
                &chunks,
            );
            recording.operation = "responses.create".into();
            recording
        }
        // In deltas, so that no piece shows it.
        _ => {
            let chunk = |text: &str| {
                let delta = json!({"id": "chatcmpl-1", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": text}}]});
                format!("data: {delta}\n\n")
            };
            let letters: Vec<char> = secret.chars().collect();
            let mut chunks: Vec<String> =
                letters.chunks(5).map(|piece| chunk(&piece.iter().collect::<String>())).collect();
            chunks.push("data: [DONE]\n\n".into());
            let mut body = plain;
            body["stream"] = json!(true);
            recording(body, json!({"content-type": "text/event-stream"}), &chunks)
        }
    }
}

#[test]
fn none_of_all_planted_secrets_is_written() {
    let redaction = redaction(&[]);
    let matching = Matching::new(redaction.clone(), &[]).expect("no patterns");
    let mut random = Random::new(14);
    let (mut written, mut refused) = (0, 0);
    for number in 0..24 * 11 * 3 {
        let secret = secret(number % 24, &mut random);
        let mut recording = plant(&secret, (number / 24) % 11);
        let case = format!("{secret} at {}", (number / 24) % 11);
        if clean(&mut recording, &redaction, &matching).is_err() {
            refused += 1;
            continue;
        }
        written += 1;
        let line = serde_json::to_string(&recording).expect("a line");
        let bytes = recording.response.as_ref().map(RecordedResponse::body).unwrap_or_default();
        for text in [line, String::from_utf8_lossy(&bytes).into_owned()] {
            assert!(!text.contains(&secret), "{case}: {text}");
            for core in cores(&secret) {
                assert!(!text.contains(core), "{case}: {core} in {text}");
            }
        }
    }
    assert_eq!((written, refused), (792, 0));
}

#[test]
fn secrets_are_known_by_their_names_too() {
    let redaction = redaction(&[]);
    let mut body = json!({
        "api_key": "hunter2", "headers": {"Authorization": "x", "cookie": "a=b"}, "clientSecret": "s",
        "text": "password=hunter22 and {\"access_token\": \"abc\"} or {\\\"api_key\\\": \\\"zzz\\\"}, Cookie: __cf_bm=abcdefgh12345",
        "header": "authorization: Bearer abcdefghijklmnop1234", "sas": "https://a.test/b?sv=1&sig=abcd%2Bfgh1234",
        "tokens": [{"token": "Hello", "logprob": 0}], "max_tokens": 5, "note": "the password is asked for; the key: of C major",
    });
    redaction.value(&mut body);
    let text = body.to_string();
    for secret in [
        "hunter2",
        "a=b",
        "\"s\"",
        "hunter22",
        "abc\\\"",
        "zzz",
        "abcdefgh12345",
        "abcdefghijklmnop1234",
        "abcd%2Bfgh1234",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!((&body["tokens"][0]["token"], &body["max_tokens"]), (&json!("Hello"), &json!(5)));
    assert_eq!(body["note"], "the password is asked for; the key: of C major");
    assert!(redaction.left(&body).is_none(), "{:?}", redaction.left(&body));
    assert_eq!(redaction.query("api_key=abc&limit=2&after=file_1"), "api_key=[REDACTED]&limit=2&after=file_1");
    assert_eq!(redaction.query("a=1;key=abc;b=2&pwd=&c;d=3"), "a=1;key=[REDACTED]&pwd=&c;d=3");
    for next in ["https%3A%2F%2Ftoken%40host", "https%253A%252F%252Fa%253Ab%2540host", "%2Fb%3Fkey%3Dabc"] {
        assert_eq!(redaction.query(&format!("next={next}&limit=2")), "next=[REDACTED]&limit=2");
        assert_eq!(redaction.query(next), "[REDACTED]");
    }
    assert_eq!(redaction.query("next=https%3A%2F%2Fhost%2Fb"), "next=https%3A%2F%2Fhost%2Fb");
}

#[test]
fn own_patterns_addresses_and_entropy_are_taken_by_option() {
    let text = json!({"a": "ticket ACME-1234, ann@a.test", "b": "zX9k2Lq8Vw3Rt6Yp1Nm5Bc7D ok"});
    let mut plain = text.clone();
    redaction(&[]).value(&mut plain);
    assert_eq!(plain, text);
    let mut clean = text.clone();
    redaction(&["/ACME-[0-9]+/", "email", "entropy"]).value(&mut clean);
    assert_eq!(clean, json!({"a": "ticket [REDACTED], [REDACTED]", "b": "[REDACTED] ok"}));
    assert!(
        Redaction::new(&["(".into()]).is_err_and(|why| why.contains("neither `email` nor `entropy` nor a pattern"))
    );
}

#[test]
fn every_shape_is_looked_for() {
    assert!(super::redaction::every_shape_is_ready());
}

#[test]
fn no_shape_has_a_text_without_its_marks() {
    let mut random = Random::new(15);
    let named = [
        "authorization",
        "api_key",
        "Passwd",
        "client-secret",
        "refresh_token",
        "set-cookie",
        "passphrase",
        "credentials",
    ];
    let named = named.iter().map(|name| format!("{{\"{name}\": \"{}\"}}", random.alphanumeric(20))).collect::<Vec<_>>();
    let assigned =
        ["pwd", "sig", "sid", "session_id", "AccountKey", "SECRET", "subscription-key", "passwd", "passphrase"];
    let assigned = assigned.iter().map(|name| format!("{name}=abc1{}", random.alphanumeric(20))).collect::<Vec<_>>();
    let others = [
        "basic dXNlcjpwYXNz1d29yZDE=",
        "Token abcdef1234567",
        "?X-Amz-Credential=abcdefgh12",
        "__Host-id=abcdefgh12",
        "connect.sid=abcdefgh12",
    ];
    let shaped = (0..24 * 40).map(|number| secret(number % 24, &mut random)).collect::<Vec<_>>();
    let all = named.iter().chain(&assigned).chain(&shaped).map(String::as_str).chain(others);
    let mut kinds = std::collections::BTreeSet::new();
    for text in all {
        let text = format!("it is {text} , is it not");
        let seen = super::redaction::seen_by_shapes(&text);
        assert!(!seen.is_empty(), "{text}");
        assert_eq!(super::redaction::seen_by_marks(&text), seen, "{text}");
        kinds.extend(seen);
    }
    assert!(kinds.len() > 20, "{kinds:?}");
}

#[test]
fn what_is_left_is_refused_with_its_place() {
    // A name that is a secret has nothing that could stand in its place.
    let key = format!("sk-{}", "a1".repeat(20));
    let mut recording = recording(json!({"metadata": Map::from_iter([(key, json!("x"))])}), json!({}), &[]);
    let redaction = redaction(&[]);
    let refused = clean(&mut recording, &redaction, &Matching::new(redaction.clone(), &[]).expect("no patterns"));
    assert!(
        refused
            .as_ref()
            .is_err_and(|why| why.starts_with("request.body.metadata.sk-") && why.contains("looks like an OpenAI")),
        "{refused:?}"
    );
}

#[test]
fn what_has_no_secret_stays_byte_for_byte() {
    let text = "data: {\"id\":\"chatcmpl-9abcdefghijklmnopqrstuvwx\",\"system_fingerprint\":\"fp_1234567890\",\"secret\":1,\"x\":\"file-abc\"}\n\n";
    let redaction = redaction(&[]);
    assert_eq!(redaction.text(text), text);
    assert_eq!(redaction.pieces(&["ab", "c"]), ["ab", "c"]);
}
