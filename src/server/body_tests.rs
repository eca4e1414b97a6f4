//! The body of an answer: frames, deadlines, faults, holds.

use crate::clock::Mode;
use crate::options::{Door, Options};
use crate::random::Random;
use crate::reply::fault::Fault;
use crate::reply::pace::{Hold, Pace, Schedule};
use crate::reply::{Arrival, Arriving, Piece};
use crate::server::body::*;
use crate::session;
use crate::session::Session;
use crate::session::exchange::{Begun, Exchange};
use crate::wire::error::ApiError;
use bytes::BytesMut;
use std::future::poll_fn;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Frames that are only what was written.
#[derive(Default)]
struct Plain(BytesMut);

impl Frames for Plain {
    fn begin(&mut self, _: Option<&str>) -> &mut BytesMut {
        &mut self.0
    }

    fn end(&mut self) {}
}

impl Framing for Plain {
    type Frame = String;

    fn bytes(&mut self, bytes: Bytes) {
        self.0.put_slice(&bytes);
    }

    fn done(&mut self) {
        self.0.put_slice(b"done");
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_full(&self) -> bool {
        self.0.len() >= 1_000
    }

    fn content(frame: &String) -> &[u8] {
        frame.as_bytes()
    }

    fn take(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| String::from_utf8_lossy(&self.0.split()).into_owned())
    }
}

/// `count` pieces of one token each, then an end that is no content.
struct Pieces {
    left: usize,
    ended: bool,
}

impl Events for Pieces {
    fn next_content(&self) -> Option<u32> {
        (self.left > 0).then_some(1)
    }

    fn is_closing(&self) -> bool {
        self.left == 0
    }

    fn poll_next(&mut self, _: &mut Context<'_>, out: &mut dyn Frames) -> Poll<bool> {
        if self.left > 0 {
            self.left -= 1;
            out.text(None, "p");
            return Poll::Ready(true);
        }
        let first = !std::mem::replace(&mut self.ended, true);
        if first {
            out.text(None, ".");
        }
        Poll::Ready(first)
    }

    fn write_error(&mut self, error: &ApiError, out: &mut dyn Frames) {
        out.text(None, &error.message);
        self.left = 0;
        self.ended = true;
    }
}

fn session(clock: Mode) -> Arc<Session> {
    Arc::new(Session::new("key", "key", clock, 0, &Options::default().settle(Door::InProcess), &Arc::default()))
}

fn live(session: &Arc<Session>) -> Live {
    let exchange = session.journal.number(Begun { operation: "x", stream: true, ..Begun::default() });
    let held = session.accounts.under_way.hold(0);
    let observers = session::observers(&Options::default().settle(Door::InProcess), Vec::new());
    Live::begin(session.clone(), exchange, observers, held)
}

fn body(session: &Arc<Session>, count: usize, pace: Pace, fault: Option<Fault>) -> Timed<Plain> {
    let live = live(session);
    let delivery = Delivery {
        wait: Duration::ZERO,
        schedule: Schedule::new(&pace, &mut Random::new(1)),
        hold: pace.hold.clone(),
        keep_alive: pace.keep_alive_ms.map(crate::clock::milliseconds),
        fault,
        error: Some(ApiError::invalid("!")),
    };
    let source = BodySource::Events(Box::new(Pieces { left: count, ended: false }));
    // As on a WebSocket, where a cut is an error; over HTTP the socket itself ends the connection.
    let control = Arc::new(Control::default());
    control.upgrade();
    let start = session.clock.now();
    Timed::new(Plain::default(), source, Some(Box::new(delivery)), start, live, control)
}

/// All frames until the end or the cut, each with the time it came at.
async fn frames(mut body: Timed<Plain>) -> (Vec<(String, Duration)>, bool) {
    let start = Instant::now();
    let mut got = Vec::new();
    while let Some(frame) = poll_fn(|context| body.poll(context)).await {
        let Ok(frame) = frame else { return (got, true) };
        got.push((frame, start.elapsed()));
    }
    (got, false)
}

fn per_second(tokens: f64) -> Pace {
    Pace { tokens_per_second: Some(tokens), ..Pace::default() }
}

#[tokio::test(start_paused = true)]
async fn without_a_pace_everything_is_one_frame() {
    let (got, cut) = frames(body(&session(Mode::Real), 500, Pace::default(), None)).await;
    assert_eq!((got.len(), cut), (1, false));
    assert_eq!(got[0].0.len(), 501);
}

#[tokio::test(start_paused = true)]
async fn the_schedule_does_not_drift() {
    let (got, _) = frames(body(&session(Mode::Real), 500, per_second(50.0), None)).await;
    let (last, at) = got.last().expect("frames");
    assert!(last.ends_with('.'));
    let late = at.as_secs_f64() - got[0].1.as_secs_f64() - 500.0 / 50.0;
    assert!(late.abs() < 0.01, "{at:?} {late}");
}

#[tokio::test(start_paused = true)]
async fn the_instant_clock_sleeps_never() {
    let session = session(Mode::Instant);
    let (_, at) = frames(body(&session, 30, per_second(1.0), None)).await.0.pop().expect("frames");
    assert_eq!(at, Duration::ZERO);
    assert!(session.clock.now() >= Duration::from_secs(29));
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_comes_after_the_pieces_asked_for() {
    let fault = Fault { at: At::Deltas(2), kind: FaultKind::Disconnect };
    let (got, cut) = frames(body(&session(Mode::Real), 5, Pace::default(), Some(fault))).await;
    let text: String = got.into_iter().map(|(text, _)| text).collect();
    assert_eq!((text.as_str(), cut), ("pp", true));
}

#[tokio::test(start_paused = true)]
async fn a_fault_beyond_the_end_strikes_before_it() {
    let fault = Fault { at: At::Deltas(9), kind: FaultKind::Error(Box::default()) };
    let (got, cut) = frames(body(&session(Mode::Real), 2, Pace::default(), Some(fault))).await;
    assert_eq!((got[0].0.as_str(), cut), ("pp!", false));
}

#[tokio::test(start_paused = true)]
async fn a_fault_strikes_an_answer_without_content_too() {
    let fault = Fault { at: At::Deltas(0), kind: FaultKind::Disconnect };
    let (got, cut) = frames(body(&session(Mode::Real), 0, Pace::default(), Some(fault))).await;
    assert_eq!((got.len(), cut), (0, true));
}

#[tokio::test(start_paused = true)]
async fn a_stall_with_an_end_goes_on() {
    let fault = Fault { at: At::Deltas(1), kind: FaultKind::Stall(Some(1000)) };
    let (got, _) = frames(body(&session(Mode::Real), 2, Pace::default(), Some(fault))).await;
    assert_eq!(got, [("p".to_string(), Duration::ZERO), ("p.".to_string(), Duration::from_secs(1))]);
}

/// Two pieces with a hold after so many: what leaves before the release, and what after it.
async fn held(after_chunks: usize) -> (String, String) {
    let session = session(Mode::Real);
    let pace = Pace { hold: Some(Hold { after_chunks, until: "go".into() }), ..Pace::default() };
    let mut held = body(&session, 2, pace, None);
    let first = poll_fn(|context| held.poll(context)).await.expect("frame").expect("data");
    assert!(futures_util::poll!(poll_fn(|context| held.poll(context))).is_pending());
    session.release("go");
    let rest = poll_fn(|context| held.poll(context)).await.expect("frame").expect("data");
    (first, rest)
}

#[tokio::test(start_paused = true)]
async fn a_hold_waits_for_its_release() {
    assert_eq!(held(1).await, ("p".into(), "p.".into()));
}

#[tokio::test(start_paused = true)]
async fn a_hold_beyond_the_content_holds_the_end_back() {
    assert_eq!(held(9).await, ("pp".into(), ".".into()));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_noted() {
    let session = session(Mode::Real);
    drop(body(&session, 2, Pace::default(), None));
    let exchange = session.journal.since(0, 1).pop().expect("exchange");
    assert!(exchange.record().aborted);
}

/// A source with a bug in it.
struct Broken;

impl Events for Broken {
    fn next_content(&self) -> Option<u32> {
        Some(1)
    }

    fn is_closing(&self) -> bool {
        false
    }

    fn poll_next(&mut self, _: &mut Context<'_>, _: &mut dyn Frames) -> Poll<bool> {
        panic!("a bug")
    }

    fn write_error(&mut self, _: &ApiError, _: &mut dyn Frames) {}
}

/// Bytes that pass through, and whoever sends them.
fn through(session: &Arc<Session>, pace: Option<Pace>) -> (mpsc::Sender<Arrival>, Arc<Exchange>, Timed<Plain>) {
    let (live, (sender, pieces)) = (live(session), mpsc::channel(2));
    let exchange = live.exchange.clone();
    let late = ApiError::emulator("late", "late");
    let arriving = Arriving::new(pieces, Duration::from_secs(60), late, Box::new(()));
    let source = BodySource::Passing(Box::new(Through::new(Some(arriving), exchange.clone(), &[])));
    exchange.note(|record| record.status = Some(200));
    let delivery = pace.map(|pace| Delivery {
        wait: Duration::ZERO,
        schedule: Schedule::new(&pace, &mut Random::new(1)),
        hold: pace.hold.clone(),
        keep_alive: pace.keep_alive_ms.map(crate::clock::milliseconds),
        fault: None,
        error: None,
    });
    let control = Arc::new(Control::default());
    control.upgrade();
    let start = session.clock.now();
    (sender, exchange, Timed::new(Plain::default(), source, delivery.map(Box::new), start, live, control))
}

fn bytes(text: &str) -> Arrival {
    Piece::Bytes(Bytes::copy_from_slice(text.as_bytes())).into()
}

#[tokio::test(start_paused = true)]
async fn bytes_pass_through_as_they_come_and_wait_for_the_client() {
    let (sender, exchange, mut body) = through(&session(Mode::Real), None);
    for piece in ["a", ""] {
        sender.send(bytes(piece)).await.expect("taken");
    }
    assert!(sender.try_send(bytes("too many")).is_err(), "who sends must wait");
    assert_eq!(poll_fn(|context| body.poll(context)).await.expect("a frame").expect("bytes"), "a");
    sender.send(bytes("b")).await.expect("there is room again");
    assert_eq!(poll_fn(|context| body.poll(context)).await.expect("a frame").expect("bytes"), "b");
    assert!(!exchange.is_done());
    drop(sender);
    assert!(poll_fn(|context| body.poll(context)).await.is_none());
    assert_eq!((exchange.is_done(), exchange.record().said()), (true, "ab".into()));
}

#[tokio::test(start_paused = true)]
async fn bytes_that_pass_through_are_paced_and_kept_within_a_bound() {
    let (sender, exchange, body) = through(&session(Mode::Real), Some(per_second(10.0)));
    let large = "x".repeat(20_000);
    tokio::spawn(async move {
        for _ in 0..5 {
            sender.send(bytes(&large)).await.expect("taken");
        }
    });
    let (got, cut) = frames(body).await;
    assert_eq!((got.len(), cut, got[4].1.as_millis() / 10), (5, false, 40));
    assert_eq!(exchange.record().said().len(), 16 * 1024);
}

#[tokio::test(start_paused = true)]
async fn bytes_whose_maker_fails_are_cut_and_said_to_be() {
    for failure in [Piece::Failed(ApiError::emulator("upstream_failed", "it broke")), Piece::Text("text".into())] {
        let (sender, exchange, body) = through(&session(Mode::Real), None);
        sender.send(bytes("a")).await.expect("taken");
        sender.send(failure.into()).await.expect("taken");
        let (got, cut) = frames(body).await;
        assert_eq!((got.len(), cut), (1, true));
        assert!(exchange.record().failure.is_some() && exchange.record().said() == "a");
    }
    // Who leaves is known to have got this much.
    let (sender, exchange, mut body) = through(&session(Mode::Real), None);
    sender.send(bytes("a")).await.expect("taken");
    assert!(poll_fn(|context| body.poll(context)).await.is_some());
    drop(body);
    assert_eq!((exchange.record().aborted, exchange.record().said()), (true, "a".into()));
    assert!(sender.send(bytes("b")).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn a_bug_in_mid_answer_ends_this_answer_alone() {
    let session = session(Mode::Real);
    let live = live(&session);
    let exchange = live.exchange.clone();
    let source = BodySource::Events(Box::new(Broken));
    let mut broken = Timed::new(Plain::default(), source, None, Duration::ZERO, live, Arc::default());
    assert!(poll_fn(|context| broken.poll(context)).await.expect("an end").is_err(), "the connection is cut");
    assert_eq!(session.journal.completed_count(), 1);
    assert_eq!(exchange.record().failure.expect("why").code, "emulator_panicked");
}
