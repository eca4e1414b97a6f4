//! Against servers that behave, and servers that do not.

use super::*;
use crate::options::{Door, Options};
use crate::runtime;
use serde_json::{Value, json};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

/// A server that takes one connection at a time, reads a request's head, and does as told. Gives its address and the
/// heads it read.
pub(crate) fn server(serve: impl Fn(TcpStream, &str) + Send + 'static) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let (sender, heads) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                head.push(byte[0]);
                // TLS begins like this, and waits for an answer.
                if head[0] == 0x16 {
                    break;
                }
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            // What is left unread would reset the connection, and with it what was said.
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]);
            if sender.send(head.clone()).is_err() {
                return;
            }
            serve(stream, &head);
        }
    });
    (address, heads)
}

fn until_it_leaves(mut stream: TcpStream) {
    while matches!(stream.read(&mut [0]), Ok(1)) {}
}

/// Writes what it is given and closes.
pub(crate) fn says(text: &'static [u8]) -> (String, mpsc::Receiver<String>) {
    server(move |mut stream, _| drop(stream.write_all(text)))
}

fn upstream(options: Value) -> Upstream {
    Upstream::new(&Options::from_json(&options.to_string()).expect("options").settle(Door::InProcess))
        .expect("an upstream")
}

/// What came of a request: the head, the chunks, how it broke off.
type Came = Result<(u16, Vec<(String, String)>, Vec<Bytes>, Option<UpstreamFailure>), UpstreamFailure>;

fn ask(upstream: &Upstream, headers: &[(&str, &str)]) -> Came {
    runtime::handle().block_on(async {
        let ask = UpstreamRequest {
            method: "POST",
            path: "/v1/chat/completions",
            query: None,
            headers: headers.to_vec(),
            key: None,
            body: Bytes::from_static(b"{}").into(),
        };
        let mut given = upstream.ask(upstream.target(), ask).await?;
        let mut chunks = Vec::new();
        loop {
            match poll_fn(|context| given.body.poll_next(context)).await {
                Some(Ok(chunk)) => chunks.push(chunk),
                Some(Err(failure)) => return Ok((given.status, given.headers, chunks, Some(failure))),
                None => return Ok((given.status, given.headers, chunks, None)),
            }
        }
    })
}

/// The status and the bytes of one answer.
pub(super) fn ask_once(options: Value) -> Result<(u16, Vec<u8>), UpstreamFailure> {
    ask(&upstream(options), &[]).map(|(status, _, chunks, _)| (status, chunks.concat()))
}

fn refused(options: Value) -> UpstreamFailure {
    ask(&upstream(options), &[]).expect_err("no answer")
}

#[test]
fn what_it_says_comes_back_with_its_status_and_headers() {
    let (address, heads) = says(
        b"HTTP/1.1 418 Odd\r\ncontent-type: audio/mpeg\r\nx-request-id: req_1\r\nset-cookie: a=b\r\nconnection: close, x-hop\r\n\
          x-hop: 1\r\ncontent-length: 4\r\n\r\n\x00\xff\x00\xff",
    );
    let upstream = upstream(json!({"upstream": address, "upstreamKey": "sk-up"}));
    let (status, headers, chunks, failure) =
        ask(&upstream, &[("authorization", "sk-…"), ("cookie", "a"), ("x-team", "blue")]).expect("an answer");
    assert_eq!((status, failure), (418, None));
    assert_eq!(chunks.concat(), b"\x00\xff\x00\xff");
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["content-type", "x-request-id"]);
    let head = heads.recv().expect("a head").to_lowercase();
    assert!(head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer sk-up\r\n") && head.contains("x-team: blue\r\n"), "{head}");
    assert!(!head.contains("cookie") && !head.contains("sk-…"), "{head}");
}

#[test]
fn chunks_come_with_their_borders_before_the_end_is_there() {
    let (done, end) = mpsc::channel::<()>();
    let end = std::sync::Mutex::new(end);
    let (address, _heads) = server(move |mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\none\n\r\n");
        // The rest only when the first was seen.
        if end.lock().is_ok_and(|end| end.recv().is_ok()) {
            let _ = stream.write_all(b"4\r\ntwo\n\r\n0\r\n\r\n");
        }
    });
    let upstream = upstream(json!({"upstream": address}));
    runtime::handle().block_on(async {
        let body = Bytes::new().into();
        let ask = UpstreamRequest {
            method: "GET",
            path: "/v1/models",
            query: Some("a=1"),
            headers: Vec::new(),
            key: None,
            body,
        };
        let mut given = upstream.ask(upstream.target(), ask).await.expect("an answer");
        let mut next = async || poll_fn(|context| given.body.poll_next(context)).await;
        assert_eq!(next().await, Some(Ok(Bytes::from_static(b"one\n"))));
        done.send(()).expect("goes on");
        assert_eq!(next().await, Some(Ok(Bytes::from_static(b"two\n"))));
        assert_eq!(next().await, None);
    });
}

#[test]
fn a_body_without_a_length_ends_with_its_connection() {
    let (address, _heads) = says(b"HTTP/1.1 200 OK\r\n\r\nall of it");
    let (_, _, chunks, failure) = ask(&upstream(json!({"upstream": address})), &[]).expect("an answer");
    assert_eq!((chunks.concat().as_slice(), failure), (b"all of it".as_slice(), None));
}

#[test]
fn what_breaks_off_is_told_from_what_ends() {
    for text in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".as_slice(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\nhalf",
    ] {
        let (address, _heads) = says(text);
        let (status, _, chunks, failure) = ask(&upstream(json!({"upstream": address})), &[]).expect("an answer");
        assert_eq!((status, chunks.concat().as_slice()), (200, b"half".as_slice()));
        let failure = failure.expect("it broke off");
        assert!(failure.message.contains("broke off in mid-answer") && failure.message.contains(&address[..12]));
        assert_eq!(failure.to_api_error().status, 502);
    }
}

#[test]
fn silence_is_a_504_before_the_head_and_an_end_after_it() {
    let (address, _heads) = server(|stream, _| drop(std::thread::spawn(move || until_it_leaves(stream))));
    let failure = refused(json!({"upstream": address, "upstreamTimeoutMs": 50}));
    assert_eq!(failure.to_api_error().status, 504);
    assert!(failure.message.contains("did not begin to answer for 0.05 seconds (option upstreamTimeoutMs)"));
    let (address, _heads) = server(|mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
        std::thread::spawn(move || until_it_leaves(stream));
    });
    let upstream = upstream(json!({"upstream": address, "upstreamTimeoutMs": 2000}));
    let (_, _, chunks, failure) = ask(&upstream, &[]).expect("a head");
    assert_eq!(chunks.concat(), b"half");
    assert!(failure.expect("late").message.contains("stopped in mid-answer"));
}

#[test]
fn who_cannot_be_reached_or_speaks_no_http_is_a_502_that_says_where() {
    let nobody = TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("an address");
    let failure = refused(json!({"upstream": format!("http://{nobody}")}));
    assert!(failure.message.contains(&nobody.to_string()) && failure.message.contains("refused"), "{failure}");
    let error = failure.to_api_error();
    assert_eq!((error.status, error.code.as_deref()), (502, Some("upstream_failed")));
    let (address, _heads) = says(b"SSH-2.0-OpenSSH_9.6\r\n");
    assert!(refused(json!({"upstream": address})).message.contains("did not answer"));
    let (address, _heads) = says(b"");
    assert_eq!(refused(json!({"upstream": address})).to_api_error().status, 502);
    // Plain text where TLS is spoken.
    let (address, _heads) = says(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let failure = refused(json!({"upstream": address.replace("http:", "https:")}));
    assert!(failure.message.contains("https://127.0.0.1"), "{failure}");
}

#[test]
fn redirects_are_answers_like_others() {
    let (address, heads) = says(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
    let (status, headers, ..) = ask(&upstream(json!({"upstream": address})), &[]).expect("an answer");
    assert_eq!((status, headers[0].1.as_str()), (302, "http://127.0.0.1:1/"));
    assert_eq!(heads.iter().take(1).count(), 1);
}

#[test]
fn addresses_that_are_none_are_refused_with_what_would_be_right() {
    for (address, why) in [
        ("api.openai.com", "neither http:// nor https://"),
        ("ftp://x", "neither http:// nor https://"),
        ("https://user:secret@host/v1", "keys go into upstreamKey"),
        ("https://host/v1?a=b", "it has a query"),
        ("http://", "no address"),
    ] {
        let options = Options { upstream: Some(address.into()), ..Options::default() };
        let refusal = Upstream::new(&options.settle(Door::InProcess)).err().expect(address);
        assert!(refusal.contains(why), "{refusal}");
    }
    let options = Options { upstream_ca: Some("Cargo.toml".into()), ..Options::default() };
    let refusal = Upstream::new(&options.settle(Door::InProcess)).err().expect("no authority");
    assert!(refusal.contains("upstreamCa is Cargo.toml: it holds no certificate"), "{refusal}");
}

#[test]
fn operations_are_below_the_base_or_at_the_one_path_there_is() {
    let upstream = upstream(json!({"upstream": "https://host/openai/v1/"}));
    assert_eq!(upstream.target().address("/v1/models"), "https://host/openai/v1/models");
    upstream.change(Change { path: Some("/ask".into()), port: Some(8443), ..Change::default() });
    assert_eq!(upstream.target().address("/v1/models"), "https://host:8443/ask");
}
