//! What the emulator tells people while it serves: a line to stdout or stderr, from any thread, at once.
//!
//! Whoever reads these streams may stop reading, or be gone, and no request may wait or fail for it. So a line goes
//! into a bounded queue, which a thread of its own writes out; what finds no room is counted, and the count is said when
//! the reader is back. Only `cli` prints by itself, before it serves.

use crate::clock;
use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of lines that wait at most, per stream: some ten thousand requests.
const ROOM: usize = 1 << 20;

/// How long a process that ends waits for a reader to take what is left.
const PARTING: Duration = Duration::from_millis(500);

static OUT: Queue = Queue::new();
static ERR: Queue = Queue::new();
static WRITERS: Once = Once::new();

/// A line for stdout: what happened.
pub(crate) fn info(line: String) {
    put(&OUT, line);
}

/// A line for stderr: what is wrong.
pub(crate) fn warn(line: &str) {
    put(&ERR, said("warn", line));
}

/// Whether what is wrong is said in JSON; for all of the process.
static JSON: AtomicBool = AtomicBool::new(false);

/// From now on every line is a JSON object.
pub(crate) fn in_json() {
    JSON.store(true, Ordering::Relaxed);
}

/// A line in the form that was chosen.
fn said(level: &str, line: &str) -> String {
    if !JSON.load(Ordering::Relaxed) {
        return format!("llemulator: {line}");
    }
    serde_json::json!({"time": clock::timestamp(clock::world()), "level": level, "message": line}).to_string()
}

/// Waits a little until what was logged is written; for the end of the process.
pub(crate) fn flush() {
    let until = Instant::now() + PARTING;
    OUT.drained(until);
    ERR.drained(until);
}

/// From now on a panic of ours is a line like any other: the default would write to stderr itself, and wait there.
pub(crate) fn panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|panic| warn(&format!("this is a bug, please report it: {panic}"))))
    });
}

fn put(queue: &'static Queue, line: String) {
    WRITERS.call_once(|| {
        writer(&OUT, std::io::stdout);
        writer(&ERR, std::io::stderr);
    });
    queue.put(line);
}

/// Starts the thread that writes a queue out. Without one, its lines are dropped like those that find no room.
fn writer<W: Write + 'static>(queue: &'static Queue, stream: fn() -> W) {
    let write = move || {
        while let Some(line) = queue.next() {
            let written = write_whole(&mut stream(), line.as_bytes());
            queue.wrote(written.is_ok());
        }
    };
    if thread::Builder::new().name("llemulator-log".into()).spawn(write).is_err() {
        queue.lock().closed = true;
    }
}

/// Writes all of it; unlike `write_all` also to a pipe that does not block, as Node makes of its own.
fn write_whole(stream: &mut impl Write, mut bytes: &[u8]) -> std::io::Result<()> {
    let wait = |error: std::io::Error| match error.kind() {
        ErrorKind::Interrupted => Ok(()),
        ErrorKind::WouldBlock => {
            thread::sleep(Duration::from_millis(5));
            Ok(())
        }
        _ => Err(error),
    };
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) => wait(error)?,
        }
    }
    while let Err(error) = stream.flush() {
        wait(error)?;
    }
    Ok(())
}

/// Lines that wait for their writer.
struct Queue {
    state: Mutex<Backlog>,
    /// Something was put in, or written.
    changed: Condvar,
}

struct Backlog {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines that found no room since this was last said.
    dropped: u64,
    /// A line has left the queue and is not written yet.
    writing: bool,
    /// Nobody can read the stream any more.
    closed: bool,
}

impl Queue {
    const fn new() -> Self {
        let state = Backlog { lines: VecDeque::new(), bytes: 0, dropped: 0, writing: false, closed: false };
        Queue { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, mut line: String) {
        line.push('\n');
        let mut waiting = self.lock();
        if waiting.closed {
            return;
        }
        // Once lines are missing, none may follow before that is said.
        if waiting.dropped > 0 || waiting.bytes + line.len() > ROOM {
            waiting.dropped += 1;
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        self.changed.notify_all();
    }

    /// The next line, when there is one; what was dropped is said once the queue is empty. `None` = closed.
    fn next(&self) -> Option<String> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(line) = waiting.lines.pop_front() {
                waiting.bytes -= line.len();
                waiting.writing = true;
                return Some(line);
            }
            if waiting.dropped > 0 {
                let dropped = std::mem::take(&mut waiting.dropped);
                waiting.writing = true;
                let lost = format!("{dropped} log lines were dropped because nobody read this stream");
                return Some(said("warn", &lost) + "\n");
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wrote(&self, well: bool) {
        let mut waiting = self.lock();
        waiting.writing = false;
        if !well {
            *waiting = Backlog { lines: VecDeque::new(), bytes: 0, dropped: 0, writing: false, closed: true };
        }
        self.changed.notify_all();
    }

    fn drained(&self, until: Instant) {
        let mut waiting = self.lock();
        while waiting.writing || !waiting.lines.is_empty() || waiting.dropped > 0 {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return;
            };
            waiting = self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_said_once() {
        let queue = Queue::new();
        let line = "x".repeat(ROOM / 4 - 1);
        for _ in 0..7 {
            queue.put(line.clone());
        }
        queue.put("short, but after lines that are missing".into());
        let said: Vec<String> = (0..5).filter_map(|_| queue.next()).collect();
        assert!(said[..4].iter().all(|whole| whole.trim_end() == line));
        assert_eq!(said[4], "llemulator: 4 log lines were dropped because nobody read this stream\n");
        queue.put("after".into());
        assert_eq!(queue.next().as_deref(), Some("after\n"));
    }

    #[test]
    fn a_closed_stream_keeps_nothing() {
        let queue = Queue::new();
        queue.put("one".into());
        queue.put("two".into());
        assert!(queue.next().is_some());
        queue.wrote(false);
        queue.put("three".into());
        assert_eq!((queue.next(), queue.lock().lines.len()), (None, 0));
        queue.drained(Instant::now() + Duration::from_secs(60)); // there is nothing to wait for
    }

    /// Takes three bytes at a time, and only every second time.
    struct Reluctant(Vec<u8>, bool);

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = &bytes[..bytes.len().min(3)];
            self.0.extend_from_slice(taken);
            Ok(taken.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_that_does_not_block_gets_every_byte() {
        let mut stream = Reluctant(Vec::new(), false);
        write_whole(&mut stream, b"a whole line\n").expect("it takes all");
        assert_eq!(stream.0, b"a whole line\n");
    }
}
