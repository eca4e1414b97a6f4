//! Videos and voices over a socket: jobs, films that are real files, and what is made from others.

use super::files_tests::{KEY, ask, faults, id};
use super::tests::{Got, exchange, request, send, start};
use crate::control;
use crate::emulator::Emulator;
use serde_json::{Value, json};

fn form(emulator: &Emulator, path: &str, fields: &[(&str, &str)], file: &str) -> Got {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    if !file.is_empty() {
        body += &format!("--x\r\ncontent-disposition: form-data; name=\"{file}\"; filename=\"f.bin\"\r\n\r\nbytes\r\n");
    }
    body += "--x--\r\n";
    let sent = String::from_utf8(request("POST", path, KEY, "", body.as_bytes())).expect("text");
    exchange(emulator, sent.replace("application/json", "multipart/form-data; boundary=x").as_bytes())
        .expect("an answer")
}

fn look(emulator: &Emulator, video: &Value) -> Value {
    let shown = ask(emulator, "GET", &format!("/v1/videos/{}", id(video)), "").json();
    // Recordings show null where a field of the type may be null.
    assert_eq!(crate::surface::faults("videos.Video", &shown), [""; 0]);
    shown
}

#[test]
fn a_video_is_made_downloaded_and_remixed() {
    let emulator = start(json!({"clock": "instant"}));
    let made = send(&emulator, KEY, "/v1/videos", &json!({"prompt": "a cat", "seconds": "8", "size": "1280x720"}));
    assert_eq!(made.status, 200, "{}", made.text());
    let video = made.json();
    assert_eq!(
        (&video["status"], &video["progress"], &video["model"]),
        (&json!("queued"), &json!(0), &json!("sora-2"))
    );
    let path = format!("/v1/videos/{}", id(&video));
    let done = look(&emulator, &video);
    assert_eq!((&done["status"], &done["progress"]), (&json!("completed"), &json!(100)));
    let film = ask(&emulator, "GET", &format!("{path}/content"), "");
    assert_eq!((film.status, &film.body[4..8]), (200, &b"ftyp"[..]));
    let thumbnail = ask(&emulator, "GET", &format!("{path}/content?variant=thumbnail"), "");
    assert_eq!(&thumbnail.body[8..12], b"WEBP");
    let sheet = ask(&emulator, "GET", &format!("{path}/content?variant=spritesheet"), "");
    assert_eq!(&sheet.body[..2], [0xff, 0xd8]);
    let remixed = send(&emulator, KEY, &format!("{path}/remix"), &json!({"prompt": "a dog"})).json();
    assert_eq!((&remixed["remixed_from_video_id"], &remixed["size"]), (&done["id"], &json!("1280x720")));
    look(&emulator, &remixed);
    let longer = send(
        &emulator,
        KEY,
        "/v1/videos/extensions",
        &json!({"prompt": "on", "seconds": "4", "video": {"id": done["id"]}}),
    );
    assert_eq!(longer.json()["seconds"], "12", "{}", longer.text());
    let edited = form(&emulator, "/v1/videos/edits", &[("prompt", "night")], "video");
    assert_eq!(edited.status, 200, "{}", edited.text());
    let listed = ask(&emulator, "GET", "/v1/videos?limit=1", "").json();
    assert_eq!((&listed["data"][0]["id"], &listed["has_more"]), (&edited.json()["id"], &json!(true)));
    assert_eq!(ask(&emulator, "DELETE", &path, "").json()["deleted"], true);
    for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/content")), ("DELETE", path.clone())] {
        assert_eq!(ask(&emulator, method, &path, "").status, 404, "{method} {path}");
    }
}

#[test]
fn a_video_that_is_on_hold_has_no_content_yet() {
    let emulator = start(json!({"clock": "instant"}));
    let rule = json!({"match": {"operation": "videos.create"}, "object": {}, "pace": {"hold": {"until": "cut"}}});
    let loaded = send(&emulator, KEY, "/_emulator/script", &json!({"responses": [rule]}));
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    let video = send(&emulator, KEY, "/v1/videos", &json!({"prompt": "a cat"})).json();
    assert_eq!(look(&emulator, &video)["status"], "in_progress");
    let content = format!("/v1/videos/{}/content", id(&video));
    assert_eq!(ask(&emulator, "GET", &content, "").status, 400);
    control::in_process(&emulator, Some(KEY), "POST", "/_emulator/release/cut", "");
    assert_eq!(ask(&emulator, "GET", &content, "").status, 200);
}

#[test]
fn characters_and_voices_are_made_from_forms() {
    let emulator = start(json!({"clock": "instant"}));
    let character = form(&emulator, "/v1/videos/characters", &[("name", "Moss")], "video");
    assert_eq!(character.status, 200, "{}", character.text());
    let path = format!("/v1/videos/characters/{}", id(&character.json()));
    assert_eq!(ask(&emulator, "GET", &path, "").json(), character.json());
    assert_eq!(form(&emulator, "/v1/videos/characters", &[("name", "Moss")], "").status, 400);
    let consent = form(&emulator, "/v1/audio/voice_consents", &[("name", "c"), ("language", "en-US")], "recording");
    assert_eq!(
        (consent.status, faults("audio.voice_consents.VoiceConsent", &consent.json())),
        (200, vec![]),
        "{}",
        consent.text()
    );
    let consent = consent.json();
    assert_eq!(ask(&emulator, "GET", "/v1/audio/voice_consents", "").json()["data"][0]["id"], consent["id"]);
    let voice = form(&emulator, "/v1/audio/voices", &[("name", "v"), ("consent", id(&consent))], "audio_sample");
    assert_eq!((voice.status, faults("audio.voices.Voice", &voice.json())), (200, vec![]), "{}", voice.text());
    let lost = form(&emulator, "/v1/audio/voices", &[("name", "v"), ("consent", "cons_none")], "audio_sample");
    assert_eq!(lost.status, 404, "{}", lost.text());
    let path = format!("/v1/audio/voices/{}", id(&voice.json()));
    assert_eq!(ask(&emulator, "DELETE", &path, "").json()["deleted"], true);
    assert_eq!(ask(&emulator, "DELETE", &path, "").status, 404);
}
