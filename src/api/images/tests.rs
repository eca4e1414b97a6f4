//! Pictures over a socket: what official clients ask for and read.

use crate::emulator::Emulator;
use crate::generate::picture::PictureFormat;
use crate::server::tests::{Got, exchange, request, send, start};
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

const KEY: &str = "a";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

fn generate(emulator: &Emulator, body: Value) -> Got {
    send(emulator, KEY, "/v1/images/generations", &body)
}

/// PictureFormat, width and height of a PNG, GIF or WebP, as its head says.
fn head(base64: &Value) -> (Option<PictureFormat>, u32, u32) {
    let bytes = BASE64_STANDARD.decode(base64.as_str().expect("base64")).expect("base64");
    let format = PictureFormat::of(&bytes);
    let at = |from: usize| u32::from_be_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]]);
    match format {
        Some(PictureFormat::Png) => (format, at(16), at(20)),
        _ => (format, 0, 0),
    }
}

/// Posts a form of texts and files: name, file name and type, content.
fn form(emulator: &Emulator, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Got {
    let mut body = Vec::new();
    for (name, media, content) in parts {
        let more = media.map_or(String::new(), |media| format!("; filename=\"f\"\r\ncontent-type: {media}"));
        body.extend(format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n").bytes());
        body.extend_from_slice(content);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    let head = String::from_utf8(request("POST", path, KEY, "", &[])).expect("text");
    let head = head.replace("application/json", "multipart/form-data; boundary=x");
    let head = head.replace("length: 0", &format!("length: {}", body.len()));
    exchange(emulator, &[head.into_bytes(), body].concat()).expect("an answer")
}

fn events(got: &Got) -> Vec<Value> {
    let text = got.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

#[test]
fn a_picture_is_generated_as_asked_and_the_same_again() {
    let body = json!({"model": "gpt-image-1", "prompt": "a plain red circle on a white background",
        "size": "1536x1024", "quality": "low", "background": "transparent", "n": 2});
    let emulator = start(json!({"seed": 7}));
    let answer = generate(&emulator, body.clone()).json();
    let keys: Vec<&String> = answer.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["created", "background", "data", "output_format", "quality", "size", "usage"]);
    assert_eq!((&answer["background"], &answer["size"]), (&json!("transparent"), &json!("1536x1024")));
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(head(&answer["data"][0]["b64_json"]), (Some(PictureFormat::Png), 1536, 1024));
    assert_ne!(answer["data"][0], answer["data"][1]);
    let details = json!({"image_tokens": 0, "text_tokens": 14});
    assert_eq!((&answer["usage"]["input_tokens_details"], &answer["usage"]["output_tokens"]), (&details, &json!(816)));
    assert_eq!(generate(&start(json!({"seed": 7})), body).json()["data"], answer["data"]);
}

#[test]
fn usage_is_that_recorded() {
    let body = json!({"model": "gpt-image-1-mini", "prompt": "a plain red circle on a white background",
        "quality": "low", "size": "1024x1024"});
    // Recording 25f4f32fb7a5d4ec.
    let usage = json!({"input_tokens": 14, "input_tokens_details": {"image_tokens": 0, "text_tokens": 14},
        "output_tokens": 272, "output_tokens_details": {"image_tokens": 272, "text_tokens": 0}, "total_tokens": 286});
    assert_eq!(generate(&start(json!({})), body).json()["usage"], usage);
}

#[test]
fn each_format_is_sent() {
    let emulator = start(json!({}));
    for format in ["png", "jpeg", "webp"] {
        let body = json!({"model": "gpt-image-1", "prompt": "x", "output_format": format});
        let answer = generate(&emulator, body).json();
        let (sent, _, _) = head(&answer["data"][0]["b64_json"]);
        assert_eq!((sent, &answer["output_format"]), (PictureFormat::named(format), &json!(format)));
    }
}

#[test]
fn dall_e_gives_an_address_or_the_file() {
    let emulator = start(json!({}));
    let answer = generate(&emulator, json!({"prompt": "a cat", "size": "256x256"})).json();
    assert_eq!(answer.as_object().map(|answer| answer.len()), Some(2));
    let address = answer["data"][0]["url"].as_str().expect("an address");
    let (kind, data) = address.split_once(";base64,").expect("data");
    assert_eq!((kind, head(&json!(data))), ("data:image/png", (Some(PictureFormat::Png), 256, 256)));
    let body = json!({"prompt": "a cat", "model": "dall-e-3", "response_format": "b64_json"});
    let entry = &generate(&emulator, body).json()["data"][0];
    assert_eq!((entry["revised_prompt"].as_str(), entry["b64_json"].is_string()), (Some("a cat"), true));
}

#[test]
fn partial_pictures_come_before_the_whole_one() {
    let emulator = start(json!({}));
    let body = json!({"model": "gpt-image-1", "prompt": "a fox", "stream": true, "partial_images": 2});
    let got = generate(&emulator, body);
    assert!(
        got.head.contains("text/event-stream") && got.text().starts_with("event: image_generation.partial_image\n")
    );
    let events = events(&got);
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        kinds,
        ["image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"]
    );
    assert_eq!((&events[0]["partial_image_index"], &events[1]["partial_image_index"]), (&json!(0), &json!(1)));
    assert!(events.iter().all(|event| head(&event["b64_json"]) == (Some(PictureFormat::Png), 1024, 1024)));
    assert!(events[0]["b64_json"] != events[2]["b64_json"] && events[2]["usage"]["total_tokens"].is_u64());
}

#[test]
fn pictures_are_edited_and_varied() {
    let emulator = start(json!({}));
    let parts: &[(&str, Option<&str>, &[u8])] = &[
        ("model", None, b"gpt-image-1"),
        ("prompt", None, b"Transform this into Studio Ghibli style"),
        ("image[]", Some("image/png"), PNG),
        ("image[]", Some("image/png"), PNG),
    ];
    let answer = form(&emulator, "/v1/images/edits", parts).json();
    // Recording 14a62e699706a3a7.
    assert_eq!(answer["usage"]["input_tokens_details"]["image_tokens"], 388);
    assert_eq!(head(&answer["data"][0]["b64_json"]), (Some(PictureFormat::Png), 1024, 1024));
    let streamed = form(&emulator, "/v1/images/edits", &[parts, &[("stream", None, b"true")]].concat());
    assert_eq!(events(&streamed)[0]["type"], "image_edit.completed");
    let parts: &[(&str, Option<&str>, &[u8])] =
        &[("image", Some("application/octet-stream"), PNG), ("n", None, b"2"), ("size", None, b"256x256")];
    let answer = form(&emulator, "/v1/images/variations", parts).json();
    let addresses = answer["data"].as_array().expect("data").iter().filter_map(|entry| entry["url"].as_str());
    assert_eq!(addresses.filter(|address| address.starts_with("data:image/png;base64,")).count(), 2, "{answer}");
}

#[test]
fn edits_in_json_refer_to_their_pictures() {
    let emulator = start(json!({}));
    let edit = |more: Value| {
        let mut body = json!({"model": "gpt-image-1", "prompt": "at night"});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        send(&emulator, KEY, "/v1/images/edits", &body)
    };
    let (by_address, by_id) = (json!({"image_url": "data:image/png;base64,AA=="}), json!({"file_id": "file-abc"}));
    let answer = edit(json!({"images": [by_address, by_id], "mask": by_id})).json();
    assert_eq!(head(&answer["data"][0]["b64_json"]), (Some(PictureFormat::Png), 1024, 1024), "{answer}");
    assert_eq!(answer["usage"]["input_tokens_details"]["image_tokens"], 388);
    for (refused, param) in [
        (json!({}), "images"),
        (json!({"images": []}), "images"),
        (json!({"images": [by_id, {}]}), "images[1]"),
        (json!({"images": ["https://example.com/a.png"]}), "images[0]"),
    ] {
        let got = edit(refused);
        assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!(param)), "{}", got.text());
    }
}

#[test]
fn files_that_are_no_pictures_are_refused_as_recorded() {
    let emulator = start(json!({}));
    let edit = |media: &str, content: &[u8]| {
        let parts: &[(&str, Option<&str>, &[u8])] = &[
            ("model", None, b"gpt-image-1"),
            ("prompt", None, b"turn the logo to green"),
            ("image[]", Some(media), content),
        ];
        let got = form(&emulator, "/v1/images/edits", parts);
        (got.status, got.json()["error"].clone())
    };
    let message = "Invalid file 'image[0]': unsupported mimetype ('image/svg+xml'). Supported file formats are \
                   'image/jpeg', 'image/png', and 'image/webp'.";
    let error = json!({"message": message, "type": "invalid_request_error", "param": "image[0]",
        "code": "unsupported_file_mimetype"});
    assert_eq!(edit("image/svg+xml", b"<svg/>"), (400, error));
    let message = "Invalid image file or mode for image 0, please check the your image file.";
    let error =
        json!({"message": message, "type": "invalid_request_error", "param": null, "code": "invalid_image_file"});
    assert_eq!(edit("image/jpeg", b"RIFF....WAVEfmt "), (400, error.clone()));
    assert_eq!(edit("image/png", b""), (400, error));
    let missing = form(&emulator, "/v1/images/edits", &[("prompt", None, b"x")]);
    assert_eq!((missing.status, &missing.json()["error"]["param"]), (400, &json!("image")));
}

#[test]
fn unknown_models_are_refused_as_recorded() {
    let got = generate(&start(json!({})), json!({"model": "rig-nonexistent-image-model", "prompt": "x"}));
    let error = json!({"message": "The model 'rig-nonexistent-image-model' does not exist.",
        "type": "image_generation_user_error", "param": "model", "code": "invalid_value"});
    assert_eq!((got.status, &got.json()["error"]), (400, &error));
}

#[test]
fn a_rule_gives_the_pictures() {
    let emulator = start(json!({}));
    let script = json!({"responses": [
        {"match": {"user": "fox"}, "image": "aGVsbG8=", "usage": {"output_tokens": 5}, "times": -1},
        {"match": {"user": "two"}, "choices": [{"image": "YQ=="}, {"image": "Yg=="}]},
        {"match": {"operation": "images.generate", "user": "bad"}, "error": {"status": 400, "code": "moderation_blocked"}},
    ]});
    let loaded = send(&emulator, KEY, "/_emulator/script", &script);
    assert_eq!(loaded.status, 200, "{}", loaded.text());
    let ask = |prompt: &str, more: Value| {
        let mut body = json!({"model": "gpt-image-1", "prompt": prompt});
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        generate(&emulator, body)
    };
    let answer = ask("a fox", json!({})).json();
    assert_eq!((&answer["data"], &answer["usage"]["output_tokens"]), (&json!([{"b64_json": "aGVsbG8="}]), &json!(5)));
    let streamed = ask("a fox", json!({"stream": true, "partial_images": 1}));
    assert_eq!(events(&streamed).iter().filter(|event| event["b64_json"] == "aGVsbG8=").count(), 2);
    let answer = ask("two", json!({"n": 3})).json();
    assert_eq!(answer["data"], json!([{"b64_json": "YQ=="}, {"b64_json": "Yg=="}, {"b64_json": "Yg=="}]));
    assert_eq!(ask("bad", json!({})).json()["error"]["code"], "moderation_blocked");
}

#[test]
fn many_large_pictures_are_drawn_within_the_budget_or_refused() {
    let emulator = start(json!({}));
    let body = json!({"model": "gpt-image-2", "prompt": "x", "size": "3840x2160", "n": 10, "stream": true, "partial_images": 3});
    let got = generate(&emulator, body);
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &json!("n")));
}
