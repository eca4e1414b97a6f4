//! What was acknowledged is there after a `kill -9`, whenever it comes: the binary is killed in the middle of writes, 50
//! times, or as often as `LLEMULATOR_KILLS` says.
#![cfg(unix)]

mod binary;

use binary::{Server, llemulator};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A connection that stays.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn new(server: &Server) -> io::Result<Self> {
        Ok(Client { stream: BufReader::new(TcpStream::connect(&server.address)?) })
    }

    /// Status and body of an answer; an error is the end of the server.
    fn ask(&mut self, method: &str, path: &str, kind: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-test\r\ncontent-type: {kind}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes())?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(code) = line.strip_prefix("http/1.1 ") {
                status = code.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
            } else if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.parse().expect("a length");
            } else if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok((status, answer))
    }

    fn json(&mut self, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.ask(method, path, "application/json", &text)?;
        assert_eq!(status, 200, "{method} {path}: {}", String::from_utf8_lossy(&answer));
        Ok(serde_json::from_slice(&answer).expect("JSON"))
    }

    fn get(&mut self, path: &str) -> Value {
        self.json("GET", path, &Value::Null).expect("it runs")
    }
}

/// What was acknowledged.
#[derive(Default)]
struct Acknowledged {
    items: Vec<String>,
    objects: Vec<String>,
    files: Vec<(String, String)>,
    steps: u64,
}

impl Acknowledged {
    fn count(&self) -> usize {
        self.items.len() + self.objects.len() + self.files.len() + self.steps as usize
    }
}

const QUEUE: &str = "/api/preset-queue/10.0.0.9";
const STEPS: u64 = 1_000_000_000;

fn start(dir: &Path) -> Server {
    let dir = dir.to_str().expect("UTF-8");
    // A thousand rounds keep more than a session may by itself.
    let room = ["--max-objects", "1000000"];
    let start = ["--port", "0", "--log-level", "warn", "--debug", "true", "--data-dir", dir];
    Server::start(&mut llemulator(&[start.as_slice(), &room].concat()))
}

/// Writes until the server is gone, one thing after the other.
fn write(server: &Server, who: usize, done: &Mutex<Acknowledged>) -> io::Result<()> {
    let mut client = Client::new(server)?;
    for number in 0.. {
        match who {
            0 => {
                let answer = client.json("POST", QUEUE, &json!({"reply": format!("item {number}")}))?;
                let id = answer["response_id"].as_str().expect("an id").to_string();
                done.lock().expect("no panic").items.push(id);
            }
            1 => {
                let answer =
                    client.json("POST", "/v1/conversations", &json!({"metadata": {"n": number.to_string()}}))?;
                let id = answer["id"].as_str().expect("an id").to_string();
                done.lock().expect("no panic").objects.push(id);
            }
            2 => {
                let chat = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "step"}]});
                client.json("POST", "/v1/chat/completions", &chat)?;
                done.lock().expect("no panic").steps += 1;
            }
            _ => {
                let content = format!("content {number}");
                let form = format!(
                    "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nvision\r\n--x\r\n\
                     content-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n{content}\r\n--x--\r\n"
                );
                let (status, answer) = client.ask("POST", "/v1/files", "multipart/form-data; boundary=x", &form)?;
                assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
                let answer: Value = serde_json::from_slice(&answer).expect("JSON");
                let id = answer["id"].as_str().expect("an id").to_string();
                done.lock().expect("no panic").files.push((id, content));
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_acknowledged_is_lost_however_often_the_process_is_killed() {
    let rounds = std::env::var("LLEMULATOR_KILLS").ok().map_or(50, |rounds| rounds.parse().expect("a number"));
    let dir = tempfile::tempdir().expect("a folder");
    let mut server = start(dir.path());
    let script = json!({"rules": [{"match": "step", "text": "taken", "times": STEPS}]});
    let mut client = Client::new(&server).expect("it listens");
    client.json("POST", "/_emulator/script", &script).expect("it runs");
    let (mut steps, mut ids) = (0, HashSet::new());
    for round in 0..rounds {
        let done = Mutex::new(Acknowledged::default());
        let written = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for who in 0..4 {
                let (server, done, written) = (&server, &done, &written);
                scope.spawn(move || {
                    let end = write(server, who, done);
                    assert!(end.is_err());
                    written.fetch_add(1, Ordering::Relaxed);
                });
            }
            // In the middle of the writes that follow so many acknowledged ones, another number each time.
            let enough = 1 + (round * 37) % 101;
            while done.lock().expect("no panic").count() < enough && written.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            server.signal("KILL");
        });
        let done = done.into_inner().expect("no panic");
        server.child.wait().expect("it was killed");
        server = start(dir.path());
        let mut client = Client::new(&server).expect("it listens");
        let lost = |what: &str| format!("{what} is lost after kill {round}");
        let queue = client.get(QUEUE);
        let items: HashSet<&str> =
            queue["items"].as_array().expect("items").iter().filter_map(|item| item["id"].as_str()).collect();
        for item in &done.items {
            assert!(items.contains(item.as_str()), "{}", lost(item));
        }
        // In the first round nothing may have reached it.
        client.json("DELETE", &format!("{QUEUE}?missing=ok"), &Value::Null).expect("it runs");
        for id in &done.objects {
            assert!(ids.insert(id.clone()), "{id} was given twice");
            let (status, _) = client.ask("GET", &format!("/v1/conversations/{id}"), "", "").expect("it runs");
            assert_eq!(status, 200, "{}", lost(id));
        }
        for (id, content) in &done.files {
            assert!(ids.insert(id.clone()), "{id} was given twice");
            let (status, got) = client.ask("GET", &format!("/v1/files/{id}/content"), "", "").expect("it runs");
            assert!(status == 200 && got == content.as_bytes(), "{}", lost(id));
        }
        let rule = &client.get("/_emulator/state")["rules"][0];
        let used = rule["used"].as_u64().expect("a number");
        // One may have been taken whose answer was under way.
        let expected = steps + done.steps..=steps + done.steps + 1;
        assert!(expected.contains(&used), "{used} steps are taken after kill {round}, and not {expected:?}");
        steps = used;
    }
    server.signal("TERM");
    assert_eq!(server.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_second_process_is_told_who_holds_the_directory() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut server = start(dir.path());
    let name = dir.path().to_str().expect("UTF-8");
    let (code, out, error) = binary::ended(&mut llemulator(&["--port", "0", "--data-dir", name]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.contains(name) && error.contains(&format!("held by process {}", server.child.id())), "{error}");
    server.signal("KILL");
    server.child.wait().expect("it was killed");
    start(dir.path()).signal("TERM");
}
