//! The stand-alone binary, as tests run it.
// Each of them uses its part.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The binary, without whatever is set in the environment of the tests.
pub(crate) fn llemulator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llemulator"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// Code, stdout, stderr of a run that ends by itself.
pub(crate) fn ended(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the binary runs");
    (status.code(), String::from_utf8(stdout).expect("UTF-8"), String::from_utf8(stderr).expect("UTF-8"))
}

/// A running emulator, past its first line.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// What it prints, while somebody reads it.
    pub(crate) out: Option<BufReader<ChildStdout>>,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut first = String::new();
        out.read_line(&mut first).expect("a first line");
        let address = first.strip_prefix("LLEmulator listening on http://").expect("the first line names the address");
        let address = address.trim_end().to_string();
        Self { child, out: Some(out), address }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.as_mut().expect("a reader").read_line(&mut line).expect("a line");
        line
    }

    /// Sends a request with a JSON body; its answer is read from what this gives.
    pub(crate) fn send(&self, path: &str, body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-test\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .expect("it reads");
        BufReader::new(stream)
    }

    /// A stream of `reply`, as far as the first of its words.
    pub(crate) fn open_stream(&self, reply: &str) -> BufReader<TcpStream> {
        assert_ok(self.send("/_emulator/script", &format!(r#"{{"responses": [{reply}]}}"#)));
        let mut stream = self.send(
            "/v1/chat/completions",
            r#"{"model": "gpt-4o", "stream": true, "messages": [{"role": "user", "content": "x"}]}"#,
        );
        let mut line = String::new();
        while !line.contains(r#""content":"one "#) {
            line.clear();
            assert_ne!(stream.read_line(&mut line).expect("a stream"), 0, "the stream ended before its first word");
        }
        stream
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill runs").success());
    }

    /// The exit code, and what else was printed.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        if let Some(out) = &mut self.out {
            out.read_to_string(&mut rest).expect("UTF-8");
        }
        (self.child.wait().expect("it ends").code(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves nothing running.
        let _ = self.child.kill();
    }
}

/// Reads an answer that must be good.
pub(crate) fn assert_ok(mut answer: BufReader<TcpStream>) {
    let mut text = String::new();
    answer.read_to_string(&mut text).expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}
