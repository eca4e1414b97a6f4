//! Connections and their ends: refused bodies, resets, stops, restarts.

use super::socket::{Control, Ending, QUIET, SETTLE, Socket};
use super::tests::{connect, request, send, start, until, within};
use crate::emulator::Emulator;
use crate::options::{Door, Options};
use crate::runtime;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMIT: usize = 100_000;

/// What the emulator answers to a head and a body written to the end, whatever it says meanwhile.
fn write_on(emulator: &Emulator, head: &str, body: &[u8]) -> (std::io::Result<()>, String) {
    let mut stream = connect(emulator);
    let head =
        format!("POST {head}host: localhost\r\nauthorization: Bearer a\r\ncontent-type: application/json\r\n\r\n");
    let written = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    (written, answer)
}

#[test]
fn a_client_that_writes_on_sees_that_its_body_is_too_large() {
    let emulator = start(json!({"maxBodyBytes": LIMIT}));
    // Far more than the system buffers between two sockets.
    let large = vec![b' '; 60 << 20];
    let chunked = {
        let mut bytes = format!("{:x}\r\n", large.len()).into_bytes();
        bytes.extend_from_slice(&large);
        bytes.extend_from_slice(b"\r\n0\r\n\r\n");
        bytes
    };
    for path in ["/v1/chat/completions", "/v1/no-such", "/_emulator/script"] {
        let sized = format!("{path} HTTP/1.1\r\ncontent-length: {}\r\n", large.len());
        let (written, answer) = write_on(&emulator, &sized, &large);
        written.unwrap_or_else(|error| panic!("{path}: {error}"));
        let status = if path == "/v1/no-such" { "404" } else { "413" };
        assert_eq!(answer.split(' ').nth(1), Some(status), "{path}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{path}: {answer}");
        let (written, answer) =
            write_on(&emulator, &format!("{path} HTTP/1.1\r\ntransfer-encoding: chunked\r\n"), &chunked);
        written.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(answer.split(' ').nth(1), Some(status), "{path}, chunked: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{path}, chunked: {answer}");
    }
}

#[test]
fn who_asks_before_sending_is_told_at_once() {
    let emulator = start(json!({"maxBodyBytes": LIMIT, "fallback": "echo"}));
    let ask = |length: usize| {
        let mut stream = connect(&emulator);
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\r\nexpect: 100-continue\r\n\
             content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sends");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("an answer");
        String::from_utf8_lossy(&start).into_owned()
    };
    assert_eq!(ask(LIMIT + 1), "HTTP/1.1 413");
    assert_eq!(ask(LIMIT), "HTTP/1.1 100");
}

#[test]
fn a_head_is_read_up_to_a_bound() {
    let emulator = start(json!({"fallback": "echo"}));
    let body = br#"{"model":"gpt-4o","input":"x"}"#;
    let ask = |letters: usize| {
        let head = format!("/v1/responses HTTP/1.1\r\nconnection: close\r\nx-long: {}\r\n", "a".repeat(letters));
        write_on(&emulator, &format!("{head}content-length: {}\r\n", body.len()), body).1
    };
    assert!(ask(60_000).starts_with("HTTP/1.1 200 OK"));
    assert!(ask(200_000).starts_with("HTTP/1.1 431 "));
}

/// Two ends of one connection: the emulator's, and a client's.
async fn pair() -> (Socket, Arc<Control>, tokio::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let client = tokio::net::TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connects");
    let control = Arc::new(Control::default());
    (Socket::new(listener.accept().await.expect("accepts").0, control.clone()), control, client)
}

#[tokio::test(start_paused = true)]
async fn what_was_written_has_time_to_arrive_before_a_reset() {
    let (mut socket, control, mut client) = pair().await;
    socket.write_all(b"all of it").await.expect("writes");
    control.end(Ending::Reset);
    let before = tokio::time::Instant::now();
    socket.flush().await.expect_err("the connection is over");
    assert!(before.elapsed() >= SETTLE);
    drop(socket);
    let mut got = Vec::new();
    let end = client.read_to_end(&mut got).await;
    assert_eq!(
        (got.as_slice(), end.map_err(|error| error.kind())),
        (b"all of it".as_slice(), Err(std::io::ErrorKind::ConnectionReset))
    );
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_the_other_side_but_not_forever() {
    let (mut socket, control, client) = pair().await;
    let before = tokio::time::Instant::now();
    socket.shutdown().await.expect("closes");
    assert!(control.is_closing() && before.elapsed() >= QUIET);
    drop(client);
    let (mut socket, _, client) = pair().await;
    drop(client);
    let before = tokio::time::Instant::now();
    socket.shutdown().await.expect("closes");
    assert!(before.elapsed() < QUIET);
}

#[test]
fn a_stop_ends_when_clients_know_that_their_connections_are_closed() {
    let mut port = 0;
    for round in 0..30 {
        let emulator = start(json!({"port": port, "fallback": "echo"}));
        port = emulator.address.port();
        let closed = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..8)
            .map(|_| {
                // Kept open after its answer, as a pool does.
                let mut stream = connect(&emulator);
                let asked = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\r\n\r\n";
                stream.write_all(asked).expect("sends");
                let mut first = [0; 12];
                stream.read_exact(&mut first).expect("an answer");
                assert_eq!(&first, b"HTTP/1.1 200");
                let closed = closed.clone();
                std::thread::spawn(move || {
                    let end = stream.read_to_end(&mut Vec::new());
                    closed.fetch_add(1, Ordering::SeqCst);
                    drop(stream);
                    end
                })
            })
            .collect();
        runtime::handle().block_on(emulator.stop());
        assert_eq!((closed.load(Ordering::SeqCst), emulator.open()), (8, 0), "round {round}");
        for client in clients {
            client.join().expect("reads").expect("a clean end");
        }
        TcpStream::connect(emulator.address).expect_err("nobody listens");
    }
}

#[test]
fn a_stop_that_follows_a_start_at_once_frees_the_port() {
    let first = start(json!({}));
    let port = first.address.port();
    runtime::handle().block_on(first.stop());
    for _ in 0..50 {
        let emulator = start(json!({"port": port}));
        runtime::handle().block_on(emulator.stop());
    }
    let last = start(json!({"port": port, "fallback": "echo"}));
    assert_eq!(send(&last, "a", "/v1/responses", &json!({"model": "gpt-4o", "input": "x"})).status, 200);
}

#[test]
fn a_stop_lets_open_answers_end() {
    let emulator = start(json!({"graceMs": 600_000}));
    let held = json!({"text": "one two", "pace": {"hold": {"after_chunks": 1, "until": "later"}}});
    send(&emulator, "a", "/_emulator/script", &json!({"responses": [held]}));
    let body = json!({"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "x"}]});
    let mut stream = connect(&emulator);
    stream.write_all(&request("POST", "/v1/chat/completions", "a", "", body.to_string().as_bytes())).expect("sends");
    let mut text = String::new();
    let mut byte = [0];
    while !text.contains("\"content\":\"one\"") {
        stream.read_exact(&mut byte).expect("a byte");
        text.push(char::from(byte[0]));
    }
    let stop = runtime::handle().spawn({
        let emulator = emulator.clone();
        async move { emulator.stop().await }
    });
    // It is under way once nobody listens any more.
    until("nobody listens", || TcpStream::connect(emulator.address).is_err());
    emulator.session("a").release("later");
    stream.read_to_string(&mut text).expect("the rest");
    assert!(text.contains("[DONE]"), "{text}");
    drop(stream);
    within("the stop", stop).expect("stops");
    assert_eq!(emulator.open(), 0);
}

/// Other systems allow fewer unless told otherwise.
#[cfg(target_os = "linux")]
#[test]
fn connections_that_come_all_at_once_find_room() {
    let most: usize = std::fs::read_to_string("/proc/sys/net/core/somaxconn")
        .ok()
        .and_then(|most| most.trim().parse().ok())
        .unwrap_or_default();
    // Nobody accepts: whoever finds no room would wait for a second at least, and then for ever.
    let (emulator, listener) = Emulator::bind(Options::default(), Door::InProcess, None).expect("binds");
    let waiting = 600.min(most);
    let clients: Vec<_> = (0..waiting)
        .map(|number| {
            TcpStream::connect_timeout(&emulator.address, std::time::Duration::from_secs(10))
                .unwrap_or_else(|error| panic!("connection {number} of {waiting}: {error}"))
        })
        .collect();
    assert_eq!(clients.len(), waiting);
    drop(listener);
}
