//! The control room's page: who gets it, and with which headers. What is in it, a browser tests.

use super::tests::{Got, exchange, start};
use crate::emulator::Emulator;
use serde_json::json;
use std::io::Read;

const HTML: &str = "accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";

fn get(emulator: &Emulator, path: &str, headers: &str) -> Got {
    let head = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
    exchange(emulator, head.as_bytes()).expect("an answer")
}

#[test]
fn who_wants_html_gets_the_page_and_others_json() {
    let emulator = start(json!({}));
    let page = get(&emulator, "/", &format!("host: localhost\r\n{HTML}"));
    assert_eq!(page.status, 200);
    assert!(page.text().starts_with("<!doctype html>"), "{}", page.text());
    for header in [
        "content-type: text/html; charset=utf-8",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
        "frame-ancestors 'none'",
        "vary: accept, accept-encoding",
    ] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    for accept in [
        "",
        "accept: */*\r\n",
        "accept: application/json\r\n",
        "accept: text/html;q=0\r\n",
        "accept: application/json, text/html;q=0.5\r\n",
    ] {
        let answer = get(&emulator, "/", &format!("host: localhost\r\n{accept}"));
        assert_eq!(answer.json(), json!({"service": "llemulator", "status": "ok"}), "{accept}");
    }
}

#[test]
fn nobody_shows_it_as_their_own() {
    let emulator = start(json!({}));
    for foreign in [
        "host: evil.example\r\n",
        "host: localhost\r\norigin: https://evil.example\r\n",
        "host: localhost\r\nsec-fetch-site: cross-site\r\nsec-fetch-dest: iframe\r\n",
    ] {
        let refused = get(&emulator, "/", &format!("{foreign}{HTML}"));
        assert_eq!(refused.status, 403, "{foreign}: {}", refused.text());
    }
}

#[test]
fn a_link_leads_to_it_from_anywhere() {
    let emulator = start(json!({}));
    let followed = "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";
    assert_eq!(get(&emulator, "/", &format!("host: localhost\r\n{followed}{HTML}")).status, 200);
    assert_eq!(get(&emulator, "/", &format!("host: evil.example\r\n{followed}{HTML}")).status, 403);
    let control = get(&emulator, "/_emulator", &format!("host: localhost\r\n{followed}"));
    assert_eq!(control.status, 403, "what holds data stays closed");
}

#[test]
fn a_built_page_is_sent_zipped_and_once() {
    let emulator = start(json!({}));
    let host = "host: localhost\r\n";
    let plain = get(&emulator, "/", &format!("{host}{HTML}"));
    // A build without Node has no page; what it says instead is short.
    let Some(tag) = plain.head.lines().find_map(|line| line.strip_prefix("etag: ")) else {
        assert!(plain.text().contains("npm run build"), "{}", plain.text());
        return assert_ne!(get(&emulator, "/ui/app.js", host).status, 200);
    };
    let zipped = get(&emulator, "/", &format!("{host}{HTML}accept-encoding: gzip, br\r\n"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped.body[..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, plain.text());
    let again = get(&emulator, "/", &format!("{host}{HTML}if-none-match: {tag}\r\n"));
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert!(get(&emulator, "/ui/app.js", host).head.contains("content-type: text/javascript"));
    assert_ne!(get(&emulator, "/ui/none.js", host).status, 200);
}
