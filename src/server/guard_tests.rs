use super::super::tests::{Got, exchange, start};
use super::*;
use crate::options::{Door, Options};
use serde_json::json;
use std::sync::Arc;

/// One request as a browser would send it.
struct Ask<'a> {
    method: &'a str,
    target: &'a str,
    host: &'a str,
    origin: Option<&'a str>,
    content_type: &'a str,
    more: &'a str,
}

const ASK: Ask = Ask { method: "POST", target: "", host: "", origin: None, content_type: "application/json", more: "" };

impl Ask<'_> {
    fn send(&self, emulator: &Arc<Emulator>) -> Got {
        let body = if self.method == "POST" { r#"{"responses":["foreign"]}"# } else { "" };
        let own = emulator.address.to_string();
        let host = if self.host.is_empty() { own.as_str() } else { self.host };
        let origin = self.origin.map(|origin| format!("origin: {origin}\r\n")).unwrap_or_default();
        let text = format!(
            "{} {} HTTP/1.1\r\nhost: {host}\r\n{origin}{}content-type: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.method,
            self.target,
            self.more,
            self.content_type,
            body.len(),
        );
        exchange(emulator, text.as_bytes()).expect("an answer")
    }
}

/// Origins and whether they are ours; `PORT` is the emulator's.
const ORIGINS: [(&str, bool); 28] = [
    ("http://localhost", true),
    ("http://localhost:3000", true),
    ("https://localhost:3000", true),
    ("HTTP://LOCALHOST:3000", false), // no browser sends this
    ("http://LOCALHOST:3000", true),
    ("http://app.localhost:3000", true),
    ("http://127.0.0.1:5173", true),
    ("http://127.0.0.2:5173", true),
    ("http://127.0.0.1:PORT", true),
    ("http://[::1]:3000", true),
    ("http://[::ffff:127.0.0.1]:3000", true),
    ("https://pages.test", true),
    ("https://pages.test:3000", true),
    ("https://ported.test:3000", true),
    ("tauri://localhost", true), // allowed by name in the test
    ("https://ported.test", false),
    ("http://203.0.113.9", false),
    ("http://203.0.113.9:PORT", false),
    ("http://10.0.0.7:PORT", false),
    ("http://[2001:db8::1]:PORT", false),
    ("http://2130706433", false),
    ("https://evil.example", false),
    ("https://localhost.evil.example", false),
    ("https://notlocalhost", false),
    ("http://evil", false),
    ("http://localhost:80@evil.example", false),
    ("file://", false),
    ("null", false),
];

const HOSTS: [(&str, bool); 12] = [
    ("", true), // the emulator's own
    ("localhost:8080", true),
    ("127.0.0.1", true),
    ("[::1]:8080", true),
    ("192.168.1.5:18080", true), // a container's published port
    ("emulator:8080", true),
    ("pages.test:8080", true),
    ("evil.example", false),
    ("evil.example:8080", false),
    ("127.0.0.1.evil.example", false),
    ("localhost.evil.example:8080", false),
    ("a@127.0.0.1", false),
];

const CONTROL: [(&str, &str); 8] = [
    ("POST", "/_emulator/script"),
    ("POST", "/_emulator/shared-script"),
    ("POST", "/_emulator/reset"),
    ("POST", "/_emulator/sessions"),
    ("GET", "/_emulator/sessions"),
    ("GET", "/_emulator/requests"),
    ("GET", "/_emulator/verify"),
    ("DELETE", "/_emulator/requests"),
];

fn emulator(cors: &str) -> Arc<Emulator> {
    let allowed = ["pages.test", "ported.test:3000", "tauri://localhost"];
    start(json!({"profile": "relaxed", "cors": cors, "allowedHosts": allowed}))
}

fn header<'a>(got: &'a Got, name: &str) -> Option<&'a str> {
    got.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn control_routes_are_open_to_our_origins_under_our_hosts_alone() {
    // Foreign pages stay out whatever the API allows.
    for cors in ["loopback", "any"] {
        let emulator = emulator(cors);
        for ((origin, ours), (host, own)) in
            ORIGINS.iter().flat_map(|origin| HOSTS.iter().map(move |host| (*origin, *host)))
        {
            let origin = origin.replace("PORT", &emulator.address.port().to_string());
            for (method, target) in CONTROL {
                for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
                    let got = Ask { method, target, host, origin: Some(&origin), content_type, ..ASK }.send(&emulator);
                    let case = format!("{method} {target} {content_type} from {origin} to {host}");
                    assert_eq!(got.status == 403, !(ours && own), "{case}: {}", got.text());
                    let named = header(&got, "access-control-allow-origin");
                    assert_eq!(named.is_some(), ours && own, "{case}: {}", got.head);
                    if method == "GET" {
                        break;
                    }
                }
                let preflight = Ask { method: "OPTIONS", target, host, origin: Some(&origin), ..ASK }.send(&emulator);
                let status = if ours && own { 204 } else { 403 };
                assert_eq!(preflight.status, status, "preflight of {target} from {origin} to {host}");
                assert_eq!(header(&preflight, "access-control-allow-methods").is_some(), ours && own);
            }
        }
    }
}

#[test]
fn without_an_origin_hosts_decide() {
    let emulator = emulator("loopback");
    for (host, own) in HOSTS {
        let got = Ask { target: "/_emulator/script", host, ..ASK }.send(&emulator);
        assert_eq!(got.status, if own { 200 } else { 403 }, "{host}: {}", got.text());
    }
}

#[test]
fn two_hosts_two_origins_and_absolute_targets_of_others_are_refused() {
    let emulator = emulator("loopback");
    let status = |target: &str, more: &str| {
        let origin = more.contains("origin").then_some("http://localhost:3000");
        Ask { target, more, origin, ..ASK }.send(&emulator).status
    };
    assert_eq!(status("/_emulator/script", "host: evil.example\r\n"), 403);
    assert_eq!(status("/_emulator/script", "host: localhost\r\n"), 403);
    assert_eq!(status("/_emulator/script", "origin: https://evil.example\r\n"), 403);
    assert_eq!(status("http://evil.example/_emulator/script", ""), 403);
    assert_eq!(status("http://localhost:1/_emulator/script", ""), 200);
}

#[test]
fn what_pages_of_other_sites_embed_is_refused() {
    let emulator = emulator("loopback");
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
        let more = format!("sec-fetch-site: {site}\r\nsec-fetch-mode: no-cors\r\n");
        let got = Ask { method: "GET", target: "/_emulator/requests", more: &more, ..ASK }.send(&emulator);
        assert_eq!(got.status, status, "{site}");
    }
    // A page on localhost that calls 127.0.0.1 is of another site, and says whose it is.
    let more = "sec-fetch-site: cross-site\r\n";
    let origin = Some("http://localhost:3000");
    assert_eq!(Ask { target: "/_emulator/script", more, origin, ..ASK }.send(&emulator).status, 200);
}

#[test]
fn answers_of_the_api_can_be_read_by_our_pages_or_by_all() {
    let emulators = ["loopback", "any"].map(|cors| (cors, emulator(cors)));
    // Legacy completions have a CORS header of their own, as recorded.
    for target in ["/v1/chat/completions", "/v1/completions", "/v1/models", "/v1/no-such", "/healthz"] {
        for (origin, ours) in ORIGINS {
            let origin = origin.replace("PORT", "1");
            for (cors, emulator) in &emulators {
                let expected = match *cors {
                    "any" => Some("*".to_string()),
                    _ => ours.then(|| origin.to_lowercase()),
                };
                let got = Ask { target, origin: Some(&origin), ..ASK }.send(emulator);
                let named = header(&got, "access-control-allow-origin").map(String::from);
                assert_eq!(named, expected, "{target} from {origin} with cors {cors}: {}", got.head);
                let preflight = Ask { method: "OPTIONS", target, origin: Some(&origin), ..ASK }.send(emulator);
                let named = header(&preflight, "access-control-allow-origin").map(String::from);
                assert_eq!(named, expected, "preflight of {target} from {origin}");
            }
        }
    }
}

#[test]
fn the_emulators_own_name_and_port_are_ours() {
    let local: SocketAddr = "192.168.1.5:8080".parse().expect("an address");
    let options = Options { host: Some("mocks.lan".into()), ..Options::default() };
    let settings = options.settle(Door::InProcess);
    for (origin, ours) in [
        ("http://192.168.1.5:8080", true),
        ("http://mocks.lan:8080", true),
        ("http://192.168.1.5:3000", false),
        ("http://mocks.lan", false),
        ("http://192.168.1.6:8080", false),
    ] {
        assert_eq!(is_ours(&settings, local, origin), ours, "{origin}");
    }
    assert!(is_our_host(&settings, "mocks.lan:8080"));
}

/// A page of a foreign name that leads to this machine is same-origin with us: no `Origin` on GET, and its own on POST.
/// The host alone gives it away.
#[test]
fn the_api_is_served_over_loopback_under_no_name_a_page_could_have_brought() {
    let reserved =
        ["host.docker.internal:8080", "llm.default.svc.cluster.local", "llm.test", "api.localhost", "pi.home.arpa."];
    let hosts = HOSTS.into_iter().chain(reserved.map(|host| (host, true))).chain([
        ("eviltest", true), // no dot
        ("evil.internal.example", false),
        ("api.openai.com", false),
    ]);
    let [closed, open] = ["loopback", "any"].map(emulator);
    let targets = [
        ("GET", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/openai/deployments/d/chat/completions"),
        ("GET", "/v1/no-such"),
    ];
    for (host, own) in hosts {
        let itself = format!("http://{}", if host.is_empty() { "localhost" } else { host });
        for (method, target) in targets {
            for origin in [None, Some(itself.as_str()), Some("http://localhost:3000")] {
                let got = Ask { method, target, host, origin, ..ASK }.send(&closed);
                let case = format!("{method} {target} under {host} from {origin:?}: {}", got.text());
                assert_eq!(got.status == 403, !own, "{case}");
                if !own {
                    let told = got.json()["error"]["message"].as_str().expect("a message").to_string();
                    assert!(told.contains(host) && told.contains("allowedHosts"), "{case}");
                    // Whoever opens the API to all pages opens it to these too.
                    assert_ne!(Ask { method, target, host, origin, ..ASK }.send(&open).status, 403, "{case}");
                }
            }
        }
    }
    // An absolute target is a host too; what came from another machine, or a container's bridge, is none of a page's.
    let absolute = Ask { method: "GET", target: "http://evil.example/v1/models", ..ASK };
    assert_eq!(absolute.send(&closed).status, 403);
    let parts =
        hyper::Request::builder().uri("/v1/models").header("host", "llm.example.com").body(()).expect("a request");
    let (parts, ()) = parts.into_parts();
    let settings = Options::default().settle(Door::CommandLine);
    for (local, closed) in [("127.0.0.1:8080", true), ("[::ffff:127.0.0.1]:80", true), ("172.17.0.2:8080", false)] {
        let visitor = Visitor::of(&settings, local.parse().expect("an address"), &parts);
        assert_eq!(visitor.check_api().is_err(), closed, "{local}");
    }
}
