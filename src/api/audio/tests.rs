//! Sound over a socket: what official clients ask for and read.

use crate::server::tests::{send, start};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

const KEY: &str = "a";
const PATH: &str = "/v1/audio/speech";

#[test]
fn speech_comes_in_every_format() {
    let emulator = start(json!({}));
    for (format, media, first) in [
        (None, "audio/mpeg", &[0xff, 0xf3, 0xc4, 0xc4][..]),
        (Some("mp3"), "audio/mpeg", &[0xff, 0xf3, 0xc4, 0xc4]),
        (Some("opus"), "audio/opus", b"OggS"),
        (Some("aac"), "audio/aac", &[0xff, 0xf1]),
        (Some("flac"), "audio/flac", b"fLaC"),
        (Some("wav"), "audio/wav", b"RIFF"),
        (Some("pcm"), "audio/pcm", &[]),
    ] {
        let mut body = json!({"model": "gpt-4o-mini-tts", "input": "hello there", "voice": "alloy"});
        if let Some(format) = format {
            body["response_format"] = json!(format);
        }
        let got = send(&emulator, KEY, PATH, &body);
        assert!(got.status == 200 && got.head.contains(&format!("content-type: {media}")), "{}", got.head);
        assert!(got.body.starts_with(first) && got.body.len() > 100, "{format:?}");
        assert_eq!(send(&emulator, KEY, PATH, &body).body, got.body, "the same text is the same sound");
    }
}

#[test]
fn speech_streams_as_events() {
    let emulator = start(json!({}));
    let body = json!({"model": "gpt-4o-mini-tts", "input": "hello there", "voice": "alloy", "response_format": "pcm"});
    let whole = send(&emulator, KEY, PATH, &body).body;
    let mut streamed = body;
    streamed["stream_format"] = json!("sse");
    let text = send(&emulator, KEY, PATH, &streamed).text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = data.map(|data| serde_json::from_str(data).expect("JSON")).collect();
    let (done, deltas) = events.split_last().expect("events");
    assert!(deltas.len() > 1 && deltas.iter().all(|delta| delta["type"] == "speech.audio.delta"));
    let pieces = deltas
        .iter()
        .flat_map(|delta| BASE64_STANDARD.decode(delta["audio"].as_str().expect("audio")).expect("base64"));
    assert_eq!(pieces.collect::<Vec<u8>>(), whole);
    assert_eq!(
        (&done["type"], done["usage"]["output_tokens"].as_u64() > Some(10)),
        (&json!("speech.audio.done"), true)
    );
}

#[test]
fn a_rule_gives_the_sound() {
    let emulator = start(json!({}));
    let script = json!({"responses": [
        {"match": {"user": "given"}, "audio": {"data": "aGVsbG8=", "transcript": "hello"}},
        {"match": {"operation": "audio.speech.create", "user": "bad"}, "error": {"status": 429}},
    ]});
    let loaded = send(&emulator, KEY, "/_emulator/script", &script);
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    let ask = |input: &str| send(&emulator, KEY, PATH, &json!({"model": "tts-1", "input": input, "voice": "alloy"}));
    assert_eq!(ask("given").body, b"hello");
    assert_eq!(ask("bad").status, 429);
    assert!(ask("else").body.starts_with(&[0xff, 0xf3]));
}
