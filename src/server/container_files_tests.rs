//! Files of containers over a socket, and the usage that a session's traffic makes.

use super::files_tests::{KEY, ask, faults, id, kept};
use super::tests::{exchange, request, send, start};
use serde_json::{Value, json};

#[test]
fn a_container_holds_files() {
    let emulator = start(json!({"clock": "instant"}));
    let container = id(&send(&emulator, KEY, "/v1/containers", &json!({"name": "c"})).json()).to_string();
    let path = format!("/v1/containers/{container}/files");
    let form =
        "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a/data.csv\"\r\n\r\na,b\n1,2\r\n--x--\r\n";
    let head = String::from_utf8(request("POST", &path, KEY, "", form.as_bytes())).expect("text");
    let sent = exchange(&emulator, head.replace("application/json", "multipart/form-data; boundary=x").as_bytes());
    let sent = sent.expect("an answer");
    assert_eq!(sent.status, 200, "{}", sent.text());
    let made = sent.json();
    assert_eq!(faults("containers.files.FileCreateResponse", &made), [""; 0]);
    assert_eq!(
        (&made["path"], &made["bytes"], &made["source"]),
        (&json!("/mnt/data/data.csv"), &json!(7), &json!("user"))
    );
    let upload = kept(&emulator, "other.txt", "user_data", b"text", &[]);
    let other = send(&emulator, KEY, &path, &json!({"file_id": id(&upload)})).json();
    assert_eq!(other["path"], "/mnt/data/other.txt");
    let one = format!("{path}/{}", id(&made));
    assert_eq!(ask(&emulator, "GET", &one, "").json(), made);
    assert_eq!(ask(&emulator, "GET", &format!("{one}/content"), "").text(), "a,b\n1,2");
    let listed = ask(&emulator, "GET", &format!("{path}?order=asc"), "").json();
    assert_eq!(listed["data"], json!([made, other]));
    let deleted = json!({"id": id(&made), "object": "container.file.deleted", "deleted": true});
    assert_eq!(ask(&emulator, "DELETE", &one, "").json(), deleted);
    for gone in [one.clone(), format!("{one}/content"), "/v1/containers/none/files".to_string()] {
        assert_eq!(ask(&emulator, "GET", &gone, "").status, 404, "{gone}");
    }
    assert_eq!(send(&emulator, KEY, &path, &json!({"file_id": "file-none"})).status, 404);
}

#[test]
fn usage_and_costs_count_the_sessions_traffic() {
    let emulator = start(json!({"clock": "manual", "fallback": "echo"}));
    let chat = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "How are you today?"}]});
    let mut sums = [0, 0];
    for _ in 0..2 {
        let usage = send(&emulator, KEY, "/v1/chat/completions", &chat).json()["usage"].clone();
        for (sum, name) in sums.iter_mut().zip(["prompt_tokens", "completion_tokens"]) {
            *sum += usage[name].as_u64().expect("a count");
        }
    }
    let refused = json!({"model": "nobody", "messages": []});
    assert!(send(&emulator, KEY, "/v1/chat/completions", &refused).status >= 400);
    send(&emulator, KEY, "/v1/images/generations", &json!({"model": "gpt-image-1", "prompt": "x", "n": 2}));
    let get = |path: &str| -> Value {
        let got = ask(&emulator, "GET", &format!("/v1/organization/{path}start_time=1767225600"), "");
        assert_eq!(got.status, 200, "{}", got.text());
        got.json()["data"][0]["results"].clone()
    };
    let used = get("usage/completions?group_by[]=model&");
    assert_eq!(used.as_array().map(Vec::len), Some(1), "{used}");
    assert_eq!((used[0]["input_tokens"].as_u64(), used[0]["output_tokens"].as_u64()), (Some(sums[0]), Some(sums[1])));
    assert!(used[0]["model"].as_str().is_some_and(|model| model.starts_with("gpt-4o")), "{used}");
    assert_eq!(used[0]["num_model_requests"], 2);
    assert_eq!(get("usage/images?")[0]["images"], 2);
    let value = get("costs?")[0]["amount"]["value"].as_f64().expect("a value");
    let expected = (sums[0] as f64 * 2.5 + sums[1] as f64 * 10.0) / 1e6;
    assert!((value - expected).abs() < 1e-12, "{value} {expected}");
    let page = ask(&emulator, "GET", "/v1/organization/usage/completions?start_time=1767225600", "").json();
    assert_eq!(crate::surface::faults("admin.organization.usage.UsageCompletionsResponse", &page), [""; 0]);
    let page = ask(&emulator, "GET", "/v1/organization/costs?start_time=1767225600", "").json();
    assert_eq!(crate::surface::faults("admin.organization.usage.UsageCostsResponse", &page), [""; 0]);
}
