//! The one log of events that replicas share: the server numbers them, keeps the last ones for whoever was not there, and
//! has the list of what waits for people. A replica hears of each as it is told, and looks for what it missed.

use super::{EVENTS, KNOWN, RedisStore, WATCHED};
use redis::Script;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// What waits for people, and how far each replica is with what it tells.
const WAITING: &str = "llemulator:waiting";
const TOLD: &str = "llemulator:told:";

/// Events that are kept, and bytes of them.
const MOST: usize = 2_000;
const MOST_BYTES: usize = 16 << 20;

/// Texts that are told together.
const TOGETHER: usize = 64;

/// So many beats after the last one who watched went, events are still told: he may come back elsewhere.
const BEATS: u32 = 12;

static TELL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("tell.lua")));
static WATCH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("watch.lua")));
static MISSED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("missed.lua")));

/// A text for all replicas, this one too.
#[derive(Debug)]
pub(crate) struct ToldText {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) text: String,
}

impl ToldText {
    pub(crate) fn event(text: String) -> Self {
        ToldText { kind: "E", id: String::new(), text }
    }

    /// An event that begins to wait for people.
    pub(crate) fn begins(id: u64, text: String) -> Self {
        ToldText { kind: "W", id: id.to_string(), text }
    }

    /// An event that ends such a wait, whoever tells it first.
    pub(crate) fn ends(id: u64, text: String) -> Self {
        ToldText { kind: "C", id: id.to_string(), text }
    }

    /// What nobody watches.
    pub(crate) fn aside(text: String) -> Self {
        ToldText { kind: "T", id: String::new(), text }
    }

    fn gap() -> Self {
        ToldText { kind: "G", id: String::new(), text: String::new() }
    }
}

/// What a replica has to know of events that it may have missed.
#[derive(Debug)]
pub(crate) struct MissedEvents {
    /// The counting.
    pub(crate) epoch: String,
    /// The number of the last one.
    pub(crate) last: u64,
    /// With their numbers, in order.
    pub(crate) events: Vec<(u64, String)>,
    /// The events of all that waits.
    pub(crate) waiting: Vec<String>,
}

impl RedisStore {
    /// Tells all replicas a text, soon and in order.
    pub(crate) fn tell(&self, text: ToldText) {
        if self.telling.get().is_some_and(|telling| telling.try_send(text).is_err()) {
            self.untold.store(true, Ordering::Release);
        }
    }

    pub(super) async fn tells(self: Arc<Self>, mut telling: mpsc::Receiver<ToldText>) {
        let (mut number, mut texts) = (1, Vec::new());
        'telling: while telling.recv_many(&mut texts, TOGETHER).await > 0 {
            if telling.is_empty() && self.untold.swap(false, Ordering::AcqRel) {
                texts.push(ToldText::gap());
            }
            loop {
                let mut tell = TELL.prepare_invoke();
                tell.key(EVENTS).key(KNOWN).key(WAITING).key(format!("{TOLD}{}", self.id));
                tell.arg(&self.desk).arg(MOST).arg(MOST_BYTES).arg(number);
                for ToldText { kind, id, text } in &texts {
                    tell.arg(kind).arg(id).arg(text);
                }
                match self.run::<()>(tell).await {
                    Ok(()) => break,
                    // What was told although it is not known is not told again: it is counted there too.
                    Err(_) if !self.closing.load(Ordering::Acquire) => sleep(self.lease / 20).await,
                    Err(_) => break 'telling,
                }
            }
            number += texts.len();
            texts.clear();
            if self.closing.load(Ordering::Acquire) && telling.is_empty() {
                break;
            }
        }
        self.told.notify_one();
    }

    /// Somebody watches here, or still does: from now on all replicas tell what happens.
    pub(crate) async fn watch(&self) {
        let mut watch = WATCH.prepare_invoke();
        let time = self.watching_time().as_millis() as u64;
        watch.key(EVENTS).key(KNOWN).key(WATCHED).arg(&self.desk).arg("{\"kind\":\"#watched\"}").arg(time);
        // One that fails is tried again with the next beat.
        let _ = self.run::<()>(watch).await;
    }

    /// How long events are told without a word of who watches.
    pub(crate) fn watching_time(&self) -> Duration {
        self.beat() * BEATS
    }

    /// Looks for what this replica missed of what people watch.
    pub(crate) async fn catches_up(&self) {
        let Some(listener) = self.listener.get() else { return };
        let (seen, epoch) = listener.seen();
        let mut missed = MISSED.prepare_invoke();
        missed.key(EVENTS).key(KNOWN).key(WAITING).arg(seen).arg(epoch);
        if let Ok((epoch, last, events, waiting)) = self.run(missed).await {
            listener.missed(MissedEvents { epoch, last, events, waiting });
        }
    }
}
