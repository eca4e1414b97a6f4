//! The stand-alone binary as a shell runs it. `npx llemulator` calls the same code: `__test__/cli.test.mjs`.
#![cfg(unix)]

mod binary;

use binary::{Server, assert_ok, ended, llemulator};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CHAT: &str = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}"#;

#[test]
fn the_address_then_how_to_reach_it_then_a_line_for_each_request() {
    let mut server = Server::start(&mut llemulator(&["--port", "0"]));
    let base = format!("http://{}/v1", server.address);
    assert!(server.line().contains(&base) && server.line().contains(&format!("OPENAI_BASE_URL={base}")));
    assert_ok(server.send("/v1/chat/completions", CHAT));
    let logged = server.line();
    for part in ["Z 200 ", "ms sk-…", " POST /v1/chat/completions gpt-4o \"hello\" → \"Echo: hello\" [echo]\n"] {
        assert!(logged.contains(part), "{logged}");
    }
    server.signal("INT");
    assert_eq!(server.end(), (Some(0), String::new()));
}

#[test]
fn with_json_every_line_is_an_object() {
    let mut child = llemulator(&["--port", "0", "--log-format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut line = || {
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        serde_json::from_str::<serde_json::Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let first = line();
    let url = first["url"].as_str().expect("an address");
    assert_eq!(first["message"], format!("LLEmulator listening on {url}"));
    let server = Server { child, out: None, address: url.trim_start_matches("http://").into() };
    assert_ok(server.send("/_emulator/script", HELLO_ALONE));
    assert_ok(server.send("/v1/chat/completions", CHAT));
    let logged = line();
    assert_eq!((&logged["status"], &logged["model"]), (&200.into(), &"gpt-4o".into()));
    // A miss is complained of on stderr.
    let mut answer = String::new();
    server.send("/v1/chat/completions", STRANGE).read_to_string(&mut answer).expect("an answer");
    let missed = line();
    assert!(missed["level"] == "error" && missed["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    server.signal("TERM");
    let mut server = server;
    let mut err = String::new();
    server.child.stderr.take().expect("stderr is piped").read_to_string(&mut err).expect("UTF-8");
    for line in err.lines() {
        let said: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(said["level"], "warn");
    }
    assert!(!err.is_empty());
    server.child.wait().expect("it ends");
}

#[test]
fn a_local_model_needs_the_package_and_what_serves_here_is_named() {
    let (code, stdout, stderr) = ended(&mut llemulator(&["--local", "smollm"]));
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(
        stderr.contains("npx llemulator --local smollm") && stderr.contains("--upstream-model smollm=http://"),
        "{stderr}"
    );
}

/// util-linux's `script` runs a program on a terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_has_colours_unless_they_are_unwanted() {
    for (no_color, coloured) in [("", true), ("1", false)] {
        let binary = format!("{} --port 0", env!("CARGO_BIN_EXE_llemulator"));
        let mut command = Command::new("script");
        command.args(["-qefc", &binary, "/dev/null"]).env_clear().env("NO_COLOR", no_color).env("SHELL", "/bin/sh");
        let mut server = Server::start(command.stdin(Stdio::null()));
        assert_ok(server.send("/v1/chat/completions", CHAT));
        let logged = loop {
            let line = server.line();
            if line.contains("POST /v1/chat/completions") {
                break line;
            }
        };
        assert_eq!(logged.contains("\u{1b}[32m200\u{1b}[0m"), coloured, "{logged:?}");
        // Its terminal is gone with it, and so is what runs there.
        server.child.kill().expect("it runs");
        server.child.wait().expect("it ends");
    }
}

#[test]
fn nobody_needs_to_read_what_is_printed() {
    let mut server = Server::start(&mut llemulator(&["--port", "0"]));
    // As `| head -1` does: every line from here on is a write to a closed pipe.
    server.out = None;
    for _ in 0..2 {
        assert_ok(server.send("/v1/chat/completions", CHAT));
    }
    server.signal("TERM");
    assert_eq!(server.end(), (Some(0), String::new()));
}

const HELLO_ALONE: &str = r#"{"responses": {"^hello$": "hi"}}"#;
const STRANGE: &str = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "what is this?"}]}"#;

#[test]
fn pipes_nobody_reads_hold_up_nothing_and_what_was_dropped_is_said() {
    let mut server = Server::start(llemulator(&["--port", "0"]).stderr(Stdio::piped()));
    assert_ok(server.send("/_emulator/script", HELLO_ALONE));
    let mut connection = BufReader::new(TcpStream::connect(&server.address).expect("it listens"));
    // More lines, and more words about misses, than two pipes and two queues hold.
    for _ in 0..5_000 {
        for (body, status) in [(CHAT, 200), (STRANGE, 500)] {
            let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-test";
            let request =
                format!("{head}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            // In one write: small ones wait for each other.
            connection.get_mut().write_all(request.as_bytes()).expect("it reads");
            assert_eq!(status_of(&mut connection), status);
        }
    }
    server.signal("TERM");
    let mut stderr = server.child.stderr.take().expect("stderr is piped");
    let complaints = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).expect("UTF-8");
        text
    });
    let (code, out) = server.end();
    assert_eq!(code, Some(0));
    let (out, err) = (out.as_str(), complaints.join().expect("it was read"));
    assert!(out.contains("POST /v1/chat/completions") && err.contains("what is this?"));
    assert_eq!(err.matches("log lines were dropped").count(), 1, "{} bytes", err.len());
}

#[test]
fn a_closed_stderr_changes_no_answer() {
    let mut server = Server::start(llemulator(&["--port", "0"]).stderr(Stdio::piped()));
    drop(server.child.stderr.take());
    assert_ok(server.send("/_emulator/script", HELLO_ALONE));
    for _ in 0..3 {
        let mut answer = String::new();
        server.send("/v1/chat/completions", STRANGE).read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains("no_matching_rule"), "{answer}");
    }
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}

/// Reads one answer of a connection that stays open; gives its status.
fn status_of(connection: &mut BufReader<TcpStream>) -> u16 {
    let (mut first, mut length) = (String::new(), 0);
    connection.read_line(&mut first).expect("an answer");
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).expect("a header");
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.trim_end().parse().expect("a number"),
            Some(_) => {}
            None => break,
        }
    }
    connection.read_exact(&mut vec![0; length]).expect("a body");
    first.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

#[test]
fn log_level_warn_keeps_the_first_line_only() {
    let server = Server::start(llemulator(&["--port", "0"]).env("LOG_LEVEL", "warn"));
    assert_ok(server.send("/v1/chat/completions", CHAT));
    server.signal("TERM");
    assert_eq!(server.end(), (Some(0), String::new()));
}

#[test]
fn an_open_stream_may_end_within_the_grace_time() {
    let server = Server::start(&mut llemulator(&["--port", "0", "--log-level", "warn"]));
    let mut stream = server.open_stream(r#"{"text": "one two three", "pace": {"chunk": "word", "delay_ms": 20}}"#);
    server.signal("TERM");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the rest");
    assert!(rest.contains("three") && rest.contains("data: [DONE]"), "{rest}");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn an_open_stream_is_cut_when_the_grace_time_is_over() {
    let server = Server::start(&mut llemulator(&["--port", "0", "--log-level", "warn", "--grace-ms", "1"]));
    let hold = r#"{"text": "one two", "pace": {"chunk": "word", "hold": {"after_chunks": 1, "until": "never"}}}"#;
    let mut stream = server.open_stream(hold);
    server.signal("INT");
    let mut rest = String::new();
    let _ = stream.read_to_string(&mut rest);
    assert!(!rest.contains("[DONE]"), "{rest}");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn it_ends_with_the_pipe_of_its_parent_if_it_shall() {
    let mut server =
        Server::start(llemulator(&["--port", "0", "--log-level", "warn", "--exit-with-parent"]).stdin(Stdio::piped()));
    assert_ok(server.send("/v1/chat/completions", CHAT));
    drop(server.child.stdin.take());
    assert_eq!(server.end(), (Some(0), String::new()));
    // No stdin is no parent that is gone; without the option a closed pipe says nothing.
    for command in [
        llemulator(&["--port", "0", "--exit-with-parent"]).stdin(Stdio::null()),
        llemulator(&["--port", "0"]).stdin(Stdio::piped()),
    ] {
        let mut server = Server::start(command);
        drop(server.child.stdin.take());
        assert_ok(server.send("/v1/chat/completions", CHAT));
        server.signal("TERM");
        assert_eq!(server.end().0, Some(0));
    }
}

#[test]
fn healthcheck_says_whether_one_runs() {
    let server = Server::start(&mut llemulator(&["--port", "0", "--log-level", "warn"]));
    let port = server.address.rsplit(':').next().expect("a port").to_string();
    // As openai-mokku spells it too.
    let probe = |option: &str| ended(llemulator(&[option]).env("PORT", &port));
    for option in ["--healthcheck", "-healthcheck"] {
        assert_eq!(probe(option), (Some(0), String::new(), String::new()), "{option}");
    }
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
    for option in ["--healthcheck", "-healthcheck"] {
        let (code, _, error) = probe(option);
        assert_eq!(code, Some(1), "{option}");
        assert!(error.contains(&format!("no emulator on port {port}")), "{error}");
    }
    for mistaken in ["-healthchek", "-help-me"] {
        let (code, out, error) = probe(mistaken);
        assert!(code == Some(2) && out.is_empty() && error.contains("unexpected argument"), "{mistaken}: {error}");
    }
}

#[test]
fn a_bad_script_stops_the_start_with_file_place_and_reason() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bad.json");
    std::fs::write(&file, r#"{"responses": ["fine", {"text": "x", "times": "twice"}]}"#).expect("it is written");
    let name = file.to_str().expect("UTF-8");
    let (code, out, error) = ended(&mut llemulator(&["--port", "0", "--script", name]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    for part in [name, "responses[1].times", "unlimited"] {
        assert!(error.contains(part), "no {part} in {error}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let server = Server::start(&mut llemulator(&["--port", "0", "--log-level", "warn"]));
    let port = server.address.rsplit(':').next().expect("a port").to_string();
    let (code, out, error) = ended(llemulator(&["--port", &port]).env("PORT", "0"));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.contains(&port), "{error}");
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn variables_that_other_programs_use_stop_nothing() {
    // DEBUG=vite:* and LOG_LEVEL=debug stand in many a shell.
    let busy = |command: &mut Command| ended(command.env("DEBUG", "vite:*").env("LOG_LEVEL", "debug"));
    let (code, _, error) = busy(&mut llemulator(&["validate", "no-such.json"]));
    assert_eq!(code, Some(1), "{error}");
}

#[test]
fn every_operation_is_listed_with_its_level_and_its_test() {
    let (code, out, error) = ended(&mut llemulator(&["operations"]));
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(out.lines().count(), 390);
    let (code, json, error) = ended(&mut llemulator(&["operations", "--json"]));
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    for (level, name, method, path) in [
        ("behaves", "chat.completions.create", "POST", "/v1/chat/completions"),
        ("behaves", "beta.responses.create", "POST", "/v1/responses?beta=true"),
        ("behaves", "files.content", "GET", "/v1/files/{file_id}/content"),
        ("stored", "admin.organization.projects.list", "GET", "/v1/organization/projects"),
        ("behaves", "decisions.create", "POST", "/v1/decisions"),
        ("synthesised", "realtime.calls.hangup", "POST", "/v1/realtime/calls/{call_id}/hangup"),
    ] {
        let line = out.lines().find(|line| line.split_whitespace().any(|word| word == name)).expect("its line");
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[..4], [level, name, method, path], "{line}");
        let test = Path::new(env!("CARGO_MANIFEST_DIR")).join(words[4]);
        assert!(words.len() == 5 && test.exists(), "{line}");
        let key = if name.starts_with("admin.") { "admin" } else { "project" };
        let all = json["operations"].as_array().expect("a list");
        let expected = serde_json::json!(
            {"name": name, "method": method, "path": path, "level": level, "key": key, "test": words[4]}
        );
        assert!(all.len() == 389 && all.contains(&expected), "{expected}");
    }
    let [behave, stored, synthesised, unserved] = ["behaves", "stored", "synthesised", "not served"]
        .map(|level| out.lines().filter(|line| line.starts_with(&format!("{level} "))).count());
    assert!(
        out.ends_with(&format!(
            " {behave} behave, {stored} are stored, {synthesised} are synthesised, {unserved} are not served\n"
        )),
        "{out}"
    );
}

/// 512 MB, a megabyte at a time, each with its number at its end.
#[cfg(target_os = "linux")]
fn many_bytes() -> impl Iterator<Item = Vec<u8>> {
    (0..512u32).map(|mega| [vec![mega as u8; (1 << 20) - 4], mega.to_le_bytes().to_vec()].concat())
}

#[test]
#[cfg(target_os = "linux")]
fn the_largest_file_comes_and_goes_in_little_memory() {
    let mut server = Server::start(&mut llemulator(&["--port", "0", "--log-level", "warn"]));
    let head = "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nvision\r\n--x\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"large.bin\"\r\n\r\n";
    let tail = "\r\n--x--\r\n";
    let length = head.len() + (512 << 20) + tail.len();
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    write!(
        stream,
        "POST /v1/files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\r\nconnection: close\r\n\
         content-type: multipart/form-data; boundary=x\r\ncontent-length: {length}\r\n\r\n{head}"
    )
    .expect("it reads");
    for piece in many_bytes() {
        stream.write_all(&piece).expect("it reads");
    }
    stream.write_all(tail.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"bytes\": 536870912"), "{answer}");
    let id = answer.split('"').find(|word| word.starts_with("file-")).expect("an id");
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    write!(
        stream,
        "GET /v1/files/{id}/content HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\r\nconnection: close\r\n\r\n"
    )
    .expect("it reads");
    let (mut stream, mut line, mut head) = (BufReader::new(stream), String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        assert_ne!(stream.read_line(&mut line).expect("a head"), 0);
        head += &line;
    }
    assert!(head.contains("content-length: 536870912\r\n"), "{head}");
    let mut got = vec![0; 1 << 20];
    for (mega, piece) in many_bytes().enumerate() {
        stream.read_exact(&mut got).expect("more bytes");
        assert!(got == piece, "megabyte {mega}");
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).expect("it runs");
    let size = |name: &str| -> u64 {
        let size = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
        size.expect("a size").parse().expect("a number")
    };
    // The pages of the binary are the system's, and many where it is not optimised.
    let most = size("VmHWM:") - size("RssFile:");
    assert!(most < 24 << 10, "{most} kB at most");
    server.signal("TERM");
    assert_eq!(server.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn open_opens_the_page_and_says_where_it_is_when_nothing_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = folder.path().join("told");
    let program = folder.path().join(if cfg!(target_os = "macos") { "open" } else { "xdg-open" });
    // Renamed when it is whole: who reads it finds all of it.
    std::fs::write(&program, format!("#!/bin/sh\nprintf %s \"$1\" > {0}.new && /bin/mv {0}.new {0}\n", told.display()))
        .expect("writes");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("may run");
    let with = |path: &std::path::Path| {
        let mut command = llemulator(&["--port", "0", "--open"]);
        command.env("PATH", path).stderr(Stdio::piped());
        Server::start(&mut command)
    };
    let server = with(folder.path());
    let began = std::time::Instant::now();
    while !told.exists() {
        assert!(began.elapsed().as_secs() < 60, "nothing was opened");
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_to_string(&told).expect("reads"), format!("http://{}", server.address));
    drop(server);
    let mut server = with(std::path::Path::new("/nowhere"));
    let mut errors = BufReader::new(server.child.stderr.take().expect("stderr is piped"));
    let mut line = String::new();
    errors.read_line(&mut line).expect("a line");
    assert!(line.contains(&format!("The page is at http://{}/", server.address)), "{line}");
}
