use super::*;
use crate::control;
use crate::server::tests::{exchange, request, start};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn masks_as_recorded() {
    assert_eq!(mask("sk-fake-key"), "sk-fake-key");
    assert_eq!(mask("test-key-for-openai"), "test-key*******enai");
}

#[test]
fn nothing_is_shown_whole() {
    assert_eq!(
        ["sk-123456", "Bearer sk-123456", "bearer abcd", "ab", "a", ""].map(redact),
        ["sk-…", "sk-…", "ab…", "a…", "…", "…"]
    );
}

#[test]
fn labels_tell_keys_apart_and_hold_none() {
    let keys = ["sk-test-1", "sk-test-2", "sk-test-30c2a1b4", "sk-test-30c2a1b5"];
    let labels = keys.map(label);
    for (index, one) in labels.iter().enumerate() {
        assert!(one.starts_with("sk-…") && one.chars().count() == 8, "{one}");
        assert!(!labels[index + 1..].contains(one), "{labels:?}");
    }
    assert_eq!(label(keys[0]), labels[0]);
}

#[test]
fn names_of_secrets_are_known_in_every_spelling() {
    for name in [
        "authorization",
        "Proxy-Authorization",
        "cookie",
        "set-cookie",
        "api-key",
        "api_key",
        "apiKey",
        "x-api-key",
        "X-Goog-Api-Key",
        "x-llemulator-control-token",
        "access_token",
        "accessToken",
        "x-auth-token",
        "client_secret",
        "sec-websocket-protocol",
        "x-amz-security-token",
        "Ocp-Apim-Subscription-Key",
        "x-auth",
        "Helicone-Auth",
        "x-portkey-virtual-key",
        "x-jwt",
        "authentication",
        "x-signing-key",
        "x-credentials",
        "x-apikeys",
        "X-Api-Keys",
        "accessTokens",
        "x-secrets",
        "bearer",
        "x-bearer",
        "x-jwt-assertion",
        "x-goog-iap-jwt-assertion",
        "client_assertion",
        "x-pat",
        "pwd",
    ] {
        assert!(is_secret(name) && is_secret_in_query(name), "{name}");
    }
    assert!(is_secret_in_query("sas") && is_secret_in_query("SAS") && !is_secret("sas"));
    for name in [
        "idempotency-key",
        "sec-websocket-key",
        "prompt_cache_key",
        "max_tokens",
        "x-team",
        "monkey",
        "tokenizer",
        "author",
        "token_count",
        "x-ratelimit-remaining-tokens",
        "foreign_keys",
        "idempotency-keys",
        "access-control-allow-credentials",
        "pattern",
        "path",
        "compat",
        "x-compat",
        "cwd",
        "bearers-of-news",
        "insertion",
        "sass",
        "class",
        "s",
        "",
    ] {
        assert!(!is_secret_in_query(name), "{name}");
    }
}

#[test]
fn addresses_lose_their_secrets_and_nothing_else() {
    for (given, shown) in [
        ("/v1/models", "/v1/models"),
        ("/v1/models?limit=2&after=a%20b", "/v1/models?limit=2&after=a%20b"),
        ("/v1/models?api_key=sk-123456&limit=2", "/v1/models?api_key=sk-…&limit=2"),
        ("/v1/models?a=1&api%5Fkey=sk-123456", "/v1/models?a=1&api%5Fkey=sk-…"),
        ("/v1/models?key=AIzaSyA&sig=abcdef", "/v1/models?key=AIz…&sig=abc…"),
        ("https://user:pass@host.test/a@b?x=1", "https://use…@host.test/a@b?x=1"),
        ("https://host.test/a?token=secret-1#top", "https://host.test/a?token=sec…#top"),
        ("HTTPS://host.test/#access_token=secret-1&b=2", "HTTPS://host.test/#access_token=sec…&b=2"),
        ("/v1/models?code=secret-1?x=1", "/v1/models?code=sec…?x=1"),
        ("/v1/models?sas=secret-1;key=sk-123456&x=1", "/v1/models?sas=sec…&x=1"),
        ("/v1/models?a=1;key=sk-123456;b=2&c=3", "/v1/models?a=1;key=sk-…&c=3"),
        ("/v1/models?a=1&amp;api%5Fkey=sk-123456", "/v1/models?a=1&amp;api%5Fkey=sk-…"),
        ("/v1/models?a=1;b=2;;c&d=;", "/v1/models?a=1;b=2;;c&d=;"),
        (
            "/v1/models?pwd=secret-1&bearer=secret-2&assertion=secret-3",
            "/v1/models?pwd=sec…&bearer=sec…&assertion=sec…",
        ),
    ] {
        assert_eq!(target(given), shown);
    }
}

#[test]
fn addresses_within_addresses_lose_their_secrets_too() {
    for (given, shown) in [
        ("/a?next=https%3A%2F%2Fuser%3Apass%40host.test%2Fb&x=1", "/a?next=https%3A%2F%2Fuse…%40host%2Etest%2Fb&x=1"),
        ("/a?next=https://user:pass@host.test/b&x=1", "/a?next=https://use…@host.test/b&x=1"),
        ("/a?next=https://user:p%40ss@host.test/b%20c", "/a?next=https://use…@host.test/b%20c"),
        ("/a?u=%2Fback%3Fapi_key%3Dsk-123456%26b%3D2", "/a?u=%2Fback%3Fapi%5Fkey%3Dsk%2D…%26b%3D2"),
        ("/a?u=see%20https%3A%2F%2Fuser%3Apass%40host", "/a?u=see%20https%3A%2F%2Fuse…%40host"),
        ("/a#to=wss%3a%2f%2ftoken-1%40host", "/a#to=wss%3A%2F%2Ftok…%40host"),
        ("/a?https%3A%2F%2Fuser%3Apass%40host", "/a?https%3A%2F%2Fuse…%40host"),
        ("/to/https%3A%2F%2Fuser%3Apass%40host/b%20c", "/to/https%3A%2F%2Fuse…%40host/b%20c"),
        ("https://a.test/?u=https%3A%2F%2Fuser%3Apass%40host", "https://a.test/?u=https%3A%2F%2Fuse…%40host"),
        // Nothing of the kind.
        ("/v1/files/a%40b?q=a%40b.test&r=50%25&s=%zz", "/v1/files/a%40b?q=a%40b.test&r=50%25&s=%zz"),
        ("/a?next=https%3A%2F%2Fhost.test%2Fb%3Fx%3D1", "/a?next=https%3A%2F%2Fhost.test%2Fb%3Fx%3D1"),
        ("/a?mail=me@host.test&next=https://host.test/@me", "/a?mail=me@host.test&next=https://host.test/@me"),
    ] {
        assert_eq!(target(given), shown);
        assert_eq!(target(shown), shown);
        let header = header_value(given.as_bytes());
        assert_eq!(String::from_utf8_lossy(&header), shown);
    }
    assert_eq!(header_value(b"https%3A%2F%2Fuser%3Apass%40host").as_ref(), "https%3A%2F%2Fuse…%40host".as_bytes());
    // Coded several times; and as often as it pleases, at no great cost.
    let mut coded = "https://user:pass@host".to_string();
    for _ in 0..NESTED {
        coded = crate::url::encode(&coded);
        let shown = target(&format!("/a?next={coded}")).into_owned();
        assert!(!shown.contains("pass") && shown.contains("use"), "{shown}");
    }
    let deep = format!("/a?next=%{}3A", "25".repeat(4_000));
    assert_eq!(target(&deep), deep);
}

#[test]
fn bodies_lose_their_secrets_and_nothing_else() {
    let plain = json!({"model": "gpt-4o", "input": [{"token": " the", "url": "https://a.test/?x=1"}], "prompt_cache_key": "k-123456",
        "tools": [{"type": "function", "parameters": {"properties": {"password": {"type": "string"}, "headers": {"type": "object"}}}}]});
    assert!(matches!(body(&plain), Cow::Borrowed(_)));
    let secret = json!({"tools": [{"type": "mcp", "server_url": "https://mcp.test/?api_key=sk-123456", "authorization": "tok-123456",
        "headers": {"X-Any/~": "own-123456", "more": [{"x": "own-123456"}]}},
        {"domain_secrets": [{"domain": "a.test", "name": "KEY", "value": "sec-123456"}]}], "input": ["WSS://a.test/?jwt=tok-123456"]});
    let shown = json!({"tools": [{"type": "mcp", "server_url": "https://mcp.test/?api_key=sk-…", "authorization": "tok…",
        "headers": {"X-Any/~": "own…", "more": [{"x": "own…"}]}},
        {"domain_secrets": [{"domain": "a.test", "name": "KEY", "value": "sec…"}]}], "input": ["WSS://a.test/?jwt=tok…"]});
    assert_eq!(body(&secret).as_ref(), &shown);
}

#[test]
fn a_vaults_credentials_lose_what_they_open_with_and_nothing_else() {
    // As they are made and as they are changed; `value` is no field, and people write it.
    let given = json!([
        {"name": "c", "auth": {"type": "static_bearer", "token": "tok-123456", "mcp_server_url": "https://a.test"}},
        {"auth": {"type": "environment_variable", "secret_name": "NAME", "secret_value": "val-123456", "value": "val-123456",
            "networking": {"type": "limited", "allowed_hosts": ["a.test"]}}},
        {"auth": {"type": "mcp_oauth", "access_token": "acc-123456", "expires_at": "2026-01-01T00:00:00Z", "refresh": {"client_id": "client",
            "refresh_token": "ref-123456", "token_endpoint": "https://a.test/t", "scope": "all",
            "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "cli-123456"}}}},
        {"api_keys": ["key-123456", "key-123457"]},
    ]);
    let shown = json!([
        {"name": "c", "auth": {"type": "static_bearer", "token": "tok…", "mcp_server_url": "https://a.test"}},
        {"auth": {"type": "environment_variable", "secret_name": "NAME", "secret_value": "val…", "value": "val…",
            "networking": {"type": "limited", "allowed_hosts": ["a.test"]}}},
        {"auth": {"type": "mcp_oauth", "access_token": "acc…", "expires_at": "2026-01-01T00:00:00Z", "refresh": {"client_id": "client",
            "refresh_token": "ref…", "token_endpoint": "https://a.test/t", "scope": "all",
            "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "cli…"}}}},
        {"api_keys": ["key…", "key…"]},
    ]);
    assert_eq!(body(&given).as_ref(), &shown);
    let open = json!({"parameters": {"properties": {"auth": {"type": "object", "pattern": "a", "properties": {"token": {"type": "string"}}},
        "credentials": {"type": "object", "value": "a"}}}, "token": "word", "value": "word", "max_tokens": "1", "sort_keys": ["a"]});
    assert!(matches!(body(&open), Cow::Borrowed(_)));
}

#[test]
fn addresses_in_headers_lose_their_secrets_and_nothing_else() {
    for (given, shown) in [
        ("https://a.test/?api_key=sk-123456", "https://a.test/?api_key=sk-…"),
        ("/a?x=1&key=sk-123456", "/a?x=1&key=sk-…"),
        ("https://user:pass@a.test/", "https://use…@a.test/"),
        (
            "<https://user:pass@a.test/?key=sk-123456>; rel=\"next\", <https://user:pass@b.test/>; rel=prev",
            "<https://use…@a.test/?key=sk-…>; rel=\"next\", <https://use…@b.test/>; rel=prev",
        ),
        ("0; url=\"/a#access_token=tok-123456\"", "0; url=\"/a#access_token=tok…\""),
        ("Mozilla/5.0 (compatible; +https://a.test/?a=1)", "Mozilla/5.0 (compatible; +https://a.test/?a=1)"),
        ("me@a.test", "me@a.test"),
        ("key=sk-123456", "key=sk-123456"),
        ("", ""),
    ] {
        assert_eq!(String::from_utf8_lossy(&header_value(given.as_bytes())), shown);
    }
    let bytes = b"\xff?a=1";
    assert_eq!(header_value(bytes).as_ref(), bytes);
}

/// Every kind of secret, planted; and every place where one could show.
#[test]
fn planted_secrets_show_nowhere() {
    let emulator = start(json!({"debug": true}));
    let key = "sk-planted-key-0000000001";
    let headers = [
        "api-key",
        "x-api-key",
        "x-goog-api-key",
        "x-llemulator-control-token",
        "cookie",
        "proxy-authorization",
        "sec-websocket-protocol",
        "x-auth-token",
        "x-credentials",
        "x-pat",
    ];
    let mut lines: String = headers.iter().map(|name| format!("{name}: planted-{name}\r\n")).collect();
    lines += "referer: https://a.test/?api_key=planted-referer\r\nlink: <https://planted-user:x@a.test/>\r\n";
    let query = "api_key=planted-query&key=planted-google&access_token=planted-token&a=1;pwd=planted-password&sig=planted-sig\
        &next=https%3A%2F%2Fplanted-next%3Ax%40a.test&limit=1";
    let script = json!({"responses": [{"match": {"body": {"model": "other"}}, "text": "x"}]});
    let (status, _) = control::in_process(&emulator, Some(key), "POST", "/_emulator/script", &script.to_string());
    assert_eq!(status, 200);
    let mcp = json!({"type": "mcp", "server_label": "s", "server_url": "https://planted-user:planted-pass@mcp.test/?token=planted-url",
        "authorization": "planted-oauth", "headers": {"Authorization": "Bearer planted-header", "X-Own": "planted-own"}});
    let asked = json!({"tools": [mcp], "model": "gpt-4o", "input": "hi"}).to_string();
    let mut shown = Vec::new();
    let mut ask = |method: &str, path: &str, body: &str| {
        let bytes = request(method, path, key, &lines, body.as_bytes());
        let got = exchange(&emulator, &bytes).expect("an answer");
        shown.push((format!("{method} {path}"), got.head.clone() + &got.text()));
        got.status
    };
    // Nothing matches, and the message says what there was; then what is refused, and what does not exist.
    assert_ne!(ask("POST", &format!("/v1/responses?{query}"), &asked), 200);
    ask("POST", &format!("/v1/responses?{query}"), &asked.replace("gpt-4o", "no-such-model"));
    ask("POST", &format!("/v1/no-such?{query}"), &asked);
    ask("GET", &format!("/v1/chat/completions?{query}"), "");
    let auth = json!({"type": "static_bearer", "token": "planted-bearer", "mcp_server_url": "https://a.test"});
    ask("POST", "/v1/vaults/vault_1/credentials", &json!({"name": "c", "auth": auth}).to_string());
    for path in ["requests", "verify", "state", "clock", "sessions", "no-such", "release/x"] {
        ask("GET", &format!("/_emulator/{path}?{query}"), "");
    }
    shown.push((
        "transcript".into(),
        control::in_process(&emulator, Some(key), "GET", "/_emulator/verify", "").1.to_string(),
    ));
    for (place, text) in shown {
        assert!(!text.contains("planted"), "{place}: {text}");
    }
    // They were there: the journal has the requests, and the beginnings of what came with them.
    let (_, journal) = control::in_process(&emulator, Some(key), "GET", "/_emulator/requests", "");
    let first = &journal["data"][0];
    assert_eq!(
        (&first["headers"]["x-goog-api-key"], &first["body"]["tools"][0]["authorization"]),
        (&json!("pla…"), &json!("pla…"))
    );
    assert!(
        first["path"]
            .as_str()
            .is_some_and(|path| path.ends_with("&sig=pla…&next=https%3A%2F%2Fpla…%40a%2Etest&limit=1")),
        "{first}"
    );
}

proptest! {
    /// Whatever is asked first only says no where the whole question would.
    #[test]
    fn a_first_look_overlooks_no_secret(prefix in "[a-zA-Z_.-]{0,6}", which in 0..SECRET.len() + SECRET_OUTSIDE.len(), plural in "s?", upper in any::<u32>()) {
        let all: Vec<&str> = SECRET.iter().chain(&SECRET_OUTSIDE).copied().collect();
        let name: String = all[which]
            .chars()
            .enumerate()
            .map(|(at, letter)| if upper >> at & 1 == 1 { letter.to_ascii_uppercase() } else { letter })
            .collect();
        let name = format!("{prefix}{name}{plural}").replace('-', "_");
        let whole = plain(&name);
        prop_assert_eq!(names_secret(&name), ends_in(&whole, &SECRET), "{}", name);
        let outside = ends_in(&whole, &SECRET) || ends_in(&whole, &SECRET_OUTSIDE) && !ends_in(&whole, &OPEN);
        prop_assert_eq!(is_secret(&name), outside, "{}", name);
    }
}

#[test]
fn no_secrets_name_is_passed_over_for_its_last_letters() {
    for name in SECRET.iter().chain(&SECRET_OUTSIDE) {
        assert!(may_be_secret(name) && may_be_secret(&name.to_uppercase()), "{name}");
    }
}
