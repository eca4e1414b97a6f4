//! Transcriptions over a socket.

use crate::emulator::Emulator;
use crate::generate::sound;
use crate::server::tests::{Got, exchange, request, send, start};
use serde_json::{Value, json};

const KEY: &str = "a";

/// Posts a file of sound with these fields.
fn post(emulator: &Emulator, path: &str, sound: &[u8], fields: &[(&str, &str)]) -> Got {
    let mut body = Vec::new();
    for (name, text) in fields {
        body.extend(format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n").bytes());
    }
    body.extend(b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n");
    body.extend_from_slice(sound);
    body.extend(b"\r\n--x--\r\n");
    let head = String::from_utf8(request("POST", path, KEY, "", &[])).expect("text");
    let head = head.replace("application/json", "multipart/form-data; boundary=x");
    let head = head.replace("length: 0", &format!("length: {}", body.len()));
    exchange(emulator, &[head.into_bytes(), body].concat()).expect("an answer")
}

fn transcribe(emulator: &Emulator, fields: &[(&str, &str)]) -> Got {
    let sound = sound::speech(&"word ".repeat(20), "wav", 1.0).expect("sound");
    post(emulator, "/v1/audio/transcriptions", &sound, fields)
}

fn script(emulator: &Emulator, transcript: Value) {
    let script = json!({"responses": [{"transcript": transcript, "times": -1}]});
    let loaded = send(emulator, KEY, "/_emulator/script", &script);
    assert_eq!(loaded.status, 200, "{}", loaded.text());
}

#[test]
fn every_format_says_what_the_script_says() {
    let emulator = start(json!({}));
    script(&emulator, json!("Hello there. How are you?"));
    let ask = |model: &str, format: &str| transcribe(&emulator, &[("model", model), ("response_format", format)]);
    let answer = ask("whisper-1", "json").json();
    // Six seconds: twenty words of five letters at 0.06 seconds a letter.
    assert_eq!(answer, json!({"text": "Hello there. How are you?", "usage": {"type": "duration", "seconds": 6}}));
    let usage = ask("gpt-4o-transcribe", "json").json()["usage"].clone();
    assert_eq!((&usage["type"], &usage["input_token_details"]["audio_tokens"]), (&json!("tokens"), &json!(60)));
    let text = ask("whisper-1", "text");
    assert!(text.head.contains("content-type: text/plain") && text.text() == "Hello there. How are you?\n");
    let srt = ask("whisper-1", "srt").text();
    assert!(srt.starts_with("1\n00:00:00,000 --> 00:00:03,000\nHello there.\n\n2\n"), "{srt}");
    let vtt = ask("whisper-1", "vtt").text();
    assert!(vtt.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:03.000\nHello there.\n\n"), "{vtt}");
    let verbose = ask("whisper-1", "verbose_json").json();
    assert_eq!((&verbose["duration"], &verbose["segments"][1]["end"]), (&json!(6.0), &json!(6.0)));
    assert!(verbose.get("words").is_none());
    let diarized = ask("gpt-4o-transcribe-diarize", "diarized_json").json();
    assert_eq!((&diarized["segments"][0]["speaker"], &diarized["task"]), (&json!("A"), &json!("transcribe")));
}

#[test]
fn models_that_give_no_times_write_no_subtitles() {
    let emulator = start(json!({}));
    let ask = |model: &str, format: &str| transcribe(&emulator, &[("model", model), ("response_format", format)]);
    for model in ["gpt-4o-transcribe", "gpt-4o-mini-transcribe"] {
        for format in ["srt", "vtt", "verbose_json", "diarized_json"] {
            let refused = ask(model, format);
            let message = format!(
                "response_format '{format}' is not compatible with model '{model}-api-ev3'. Use 'json' or 'text' instead."
            );
            let error = json!({"error": {"message": message, "type": "invalid_request_error",
                "param": "response_format", "code": "unsupported_value"}});
            assert_eq!((refused.status, refused.json()), (400, error));
        }
        assert_eq!(ask(model, "text").status, 200);
    }
    assert_eq!(ask("gpt-4o-transcribe-diarize", "text").status, 200);
}

#[test]
fn what_is_spoken_here_is_as_long_when_it_is_heard() {
    let emulator = start(json!({}));
    for format in ["wav", "flac", "mp3", "aac", "opus"] {
        let spoken = sound::speech(&"word ".repeat(20), format, 1.0).expect("sound");
        let fields = [("model", "whisper-1"), ("response_format", "verbose_json")];
        let heard = post(&emulator, "/v1/audio/transcriptions", &spoken, &fields).json();
        let seconds = heard["duration"].as_f64().expect("seconds");
        assert!((seconds - 6.0).abs() < 0.1, "{format}: {seconds}");
    }
}

#[test]
fn words_have_times_where_they_are_asked() {
    let emulator = start(json!({}));
    script(&emulator, json!("Hello there."));
    let fields = [("model", "whisper-1"), ("response_format", "verbose_json"), ("timestamp_granularities[]", "word")];
    let answer = transcribe(&emulator, &fields).json();
    let words = json!([{"word": "Hello", "start": 0.0, "end": 3.0}, {"word": "there", "start": 3.0, "end": 6.0}]);
    assert_eq!((&answer["words"], answer.get("segments")), (&words, None));
}

#[test]
fn a_transcript_streams() {
    let emulator = start(json!({}));
    script(
        &emulator,
        json!({"segments": [
        {"text": "Hi.", "speaker": "agent", "start": 0, "end": 1.5}, {"text": "Hello.", "speaker": "B"}]}),
    );
    let events = |fields: &[(&str, &str)]| -> Vec<Value> {
        let text = transcribe(&emulator, fields).text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
    };
    let plain = events(&[("model", "gpt-4o-transcribe"), ("stream", "true")]);
    let said: String = plain.iter().filter_map(|event| event["delta"].as_str()).collect();
    let done = plain.last().expect("an end");
    assert_eq!(
        (said.as_str(), &done["type"], &done["text"]),
        ("Hi. Hello.", &json!("transcript.text.done"), &json!("Hi. Hello."))
    );
    let fields = [("model", "gpt-4o-transcribe-diarize"), ("stream", "true"), ("response_format", "diarized_json")];
    let segments = events(&fields);
    assert_eq!((&segments[0]["speaker"], &segments[0]["end"]), (&json!("agent"), &json!(1.5)));
    assert_eq!(segments.len(), 3);
}

#[test]
fn how_likely_the_tokens_are_is_said_where_it_was_asked() {
    let emulator = start(json!({}));
    script(&emulator, json!("Hello there, friend."));
    let text = |tokens: &Value| -> String {
        let tokens = tokens.as_array().expect("tokens").iter();
        assert!(
            tokens.clone().all(|token| token["logprob"].as_f64() <= Some(0.0) && token.get("top_logprobs").is_none())
        );
        tokens.filter_map(|token| token["token"].as_str()).collect()
    };
    let asked = [("model", "gpt-4o-transcribe"), ("include[]", "logprobs")];
    assert_eq!(text(&transcribe(&emulator, &asked).json()["logprobs"]), "Hello there, friend.");
    let streamed = transcribe(&emulator, &[asked[0], asked[1], ("stream", "true")]).text();
    let events = streamed.lines().filter_map(|line| line.strip_prefix("data: "));
    for event in events.map(|data| serde_json::from_str::<Value>(data).expect("JSON")) {
        assert_eq!(event.get("delta").or(event.get("text")), Some(&json!(text(&event["logprobs"]))));
    }
    for unasked in [&asked[..1], &[("model", "whisper-1"), asked[1]]] {
        assert!(transcribe(&emulator, unasked).json().get("logprobs").is_none());
    }
}

#[test]
fn without_a_script_the_sound_decides_how_much_is_said() {
    let emulator = start(json!({"seed": 1}));
    for format in ["wav", "flac"] {
        let sound = sound::speech(&"word ".repeat(20), format, 1.0).expect("sound");
        let answer = post(&emulator, "/v1/audio/translations", &sound, &[("model", "whisper-1")]).json();
        let words = answer["text"].as_str().expect("text").split(' ').count();
        assert_eq!((words, answer.as_object().map(|answer| answer.len())), (15, Some(1)), "{format}: {answer}");
    }
    let short = post(&emulator, "/v1/audio/transcriptions", b"RIFF", &[("model", "whisper-1")]);
    assert_eq!((short.status, &short.json()["error"]["code"]), (400, &json!("audio_too_short")));
}
