//! Where answers stop for a person to look at them and to change them: at an answer, or at a piece of a stream, of
//! requests that a condition chooses.

use crate::near;
use crate::script;
use crate::script::matching::{Match, View};
use crate::session::serial::SerialNumbers;
use crate::session::store::file::RowChange;
use crate::session::store::keeper::Keeper;
use crate::session::store::redis::RedisStore;
use crate::session::store::saved::DataRow;
use crate::wire::error::ApiError;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Breakpoints at a time.
const MOST: usize = 1_000;

/// What the rows of breakpoints begin with, where replicas share them.
const ROWS: &str = "breakpoint/";

/// Times that one is tried to be hit where others hit it too.
const TRIED: usize = 100;

/// Keys that one is made of.
const KEYS: [&str; 4] = ["match", "at", "session", "times"];

/// What GET shows beside them, which may be sent back.
const SHOWN: [&str; 2] = ["id", "hits"];

/// Where an answer stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PausePlace {
    /// Before its first byte.
    Answer,
    /// Before this piece of its stream, from 0.
    Piece(usize),
}

impl PausePlace {
    fn to_json(self) -> Value {
        match self {
            PausePlace::Answer => "answer".into(),
            PausePlace::Piece(piece) => json!({"piece": piece}),
        }
    }
}

/// An answer that has stopped.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    /// `None` = by a step.
    pub(crate) breakpoint: Option<u64>,
    pub(crate) place: PausePlace,
    /// Who answered.
    pub(crate) by: Option<&'static str>,
    /// Of an answer.
    pub(crate) status: Option<u16>,
    /// An answer as a Reply, where one says it.
    pub(crate) reply: Value,
    /// What left so far, or what the answer says.
    pub(crate) said: String,
    /// The piece that waits: its kind and its text.
    pub(crate) next: Option<(&'static str, String)>,
}

impl Pause {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "breakpoint": self.breakpoint.map(|id| id.to_string()),
            "at": self.place.to_json(),
            "by": self.by,
            "status": self.status,
            "reply": self.reply,
            "said": self.said,
            "next": self.next.as_ref().map(|(kind, text)| json!({"kind": kind, "text": text})),
        })
    }
}

struct Breakpoint {
    id: u64,
    matcher: Match,
    /// The condition as written; null = every request.
    written: Value,
    place: PausePlace,
    /// Of this session alone.
    session: Option<u64>,
    /// How often it still stops; `None` = without end.
    left: Option<u64>,
    hits: u64,
}

impl Breakpoint {
    fn read(given: &Map<String, Value>, id: u64) -> Result<Self, ApiError> {
        if let Some(key) = given.keys().find(|key| !KEYS.contains(&key.as_str()) && !SHOWN.contains(&key.as_str())) {
            let meant = near::meant(key, &KEYS);
            let message = format!("{key}: a breakpoint has no such key{meant} It has {}", KEYS.join(", "));
            return Err(ApiError::invalid(message).param(key).code("invalid_breakpoint"));
        }
        let value = |key: &str| given.get(key).filter(|value| !value.is_null());
        let wrong = |key: &str, expected: &str| {
            let got = given.get(key).map(ToString::to_string).unwrap_or_default();
            let message = format!("{key}: expected {expected}, but got {}", script::place::clip(&got));
            ApiError::invalid(message).param(key).code("invalid_breakpoint")
        };
        let matcher = match value("match") {
            None => Match::default(),
            Some(written) => {
                script::condition(written, "match").map_err(|error| error.to_api_error("invalid_breakpoint"))?
            }
        };
        let place = match value("at") {
            None => PausePlace::Answer,
            Some(Value::String(word)) if word == "answer" => PausePlace::Answer,
            Some(at) => {
                let lone = at.as_object().is_some_and(|at| at.len() == 1);
                let piece = at["piece"].as_u64().filter(|_| lone).and_then(|piece| usize::try_from(piece).ok());
                PausePlace::Piece(piece.ok_or_else(|| wrong("at", "\"answer\" or {\"piece\": n} with n from 0"))?)
            }
        };
        let session = match value("session") {
            None => None,
            Some(id) => {
                let number = id.as_u64().or_else(|| id.as_str()?.parse().ok());
                Some(number.ok_or_else(|| wrong("session", "a session's id, as GET /api/sessions lists it"))?)
            }
        };
        let left = match value("times") {
            None => None,
            Some(times) => {
                Some(times.as_u64().filter(|times| *times > 0).ok_or_else(|| wrong("times", "a number from 1"))?)
            }
        };
        let written = value("match").cloned().unwrap_or_default();
        Ok(Breakpoint { id, matcher, written, place, session, left, hits: 0 })
    }

    /// As it is kept: its key and its value.
    fn row(&self) -> (String, Vec<u8>) {
        (format!("{ROWS}{:016x}", self.id), self.to_json().to_string().into())
    }

    fn put(&self) -> RowChange {
        let (key, value) = self.row();
        RowChange::Put(key.into(), value)
    }

    /// One that was kept.
    fn kept((key, value): &DataRow) -> Option<Self> {
        let id = u64::from_str_radix(std::str::from_utf8(key).ok()?.strip_prefix(ROWS)?, 16).ok()?;
        let mut given: Map<String, Value> = serde_json::from_slice(value).ok()?;
        // One that has stopped as often as it should is none that could be made.
        let left = given.remove("times").and_then(|left| left.as_u64());
        let hits = given.get("hits").and_then(Value::as_u64).unwrap_or_default();
        Some(Breakpoint { left, hits, ..Breakpoint::read(&given, id).ok()? })
    }

    /// It stops an answer. False = it has stopped as many as it should.
    fn hit(&mut self) -> bool {
        if self.left == Some(0) {
            return false;
        }
        self.hits += 1;
        self.left = self.left.map(|left| left - 1);
        true
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "match": self.written,
            "at": self.place.to_json(),
            "session": self.session.map(|serial| serial.to_string()),
            "times": self.left,
            "hits": self.hits,
        })
    }
}

/// The breakpoints of an emulator, or of all replicas that it is one of.
pub(crate) struct Breakpoints {
    all: Mutex<Vec<Breakpoint>>,
    /// There are some: what most answers ask, without a lock.
    any: AtomicBool,
    /// Makes ids.
    ids: SerialNumbers,
    /// Where replicas share them.
    keeper: OnceLock<Keeper>,
}

impl Default for Breakpoints {
    fn default() -> Self {
        let (all, any, keeper) = (Mutex::default(), AtomicBool::new(false), OnceLock::new());
        Breakpoints { all, any, ids: SerialNumbers::new(), keeper }
    }
}

impl Breakpoints {
    fn all(&self) -> MutexGuard<'_, Vec<Breakpoint>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up all as they are kept on a server, in the place of what was there.
    pub(crate) fn take_up(&self, keeper: &Keeper, rows: &[DataRow]) {
        let _ = self.keeper.set(keeper.clone());
        let kept: Vec<Breakpoint> = rows.iter().filter_map(Breakpoint::kept).collect();
        let mut all = self.all();
        self.any.store(!kept.is_empty(), Ordering::Release);
        *all = kept;
    }

    fn keep(&self, changes: impl IntoIterator<Item = RowChange>) {
        if let Some(keeper) = self.keeper.get() {
            keeper.change(changes);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// In the order they were made.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.all().iter().map(Breakpoint::to_json).collect()
    }

    /// Makes one.
    ///
    /// # Errors
    /// It is none, or one too many.
    pub(crate) fn add(&self, given: &Map<String, Value>) -> Result<Value, ApiError> {
        let made = self.read(given)?;
        let mut all = self.all();
        bounded(all.len() + 1)?;
        let shown = made.to_json();
        self.keep([made.put()]);
        all.push(made);
        self.any.store(true, Ordering::Release);
        Ok(shown)
    }

    /// Puts these in the place of all.
    ///
    /// # Errors
    /// One of them is none, or there are too many: all stay as they are.
    pub(crate) fn replace(&self, given: &[Value]) -> Result<(), ApiError> {
        bounded(given.len())?;
        let read = |(index, one): (usize, &Value)| {
            let place = |error: ApiError| {
                let param = error.param.as_deref().map_or(String::new(), |param| format!(".{param}"));
                error.param(format!("data[{index}]{param}"))
            };
            let one = one.as_object().ok_or_else(|| ApiError::invalid_type("data", "a list of objects", one));
            one.and_then(|one| self.read(one)).map_err(place)
        };
        let made = given.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let mut all = self.all();
        self.any.store(!made.is_empty(), Ordering::Release);
        self.keep([RowChange::RemoveAll(ROWS.into())].into_iter().chain(made.iter().map(Breakpoint::put)));
        *all = made;
        Ok(())
    }

    fn read(&self, given: &Map<String, Value>) -> Result<Breakpoint, ApiError> {
        Breakpoint::read(given, self.ids.next())
    }

    /// Drops one. False = there is none with this id.
    pub(crate) fn delete(&self, id: &str) -> bool {
        let mut all = self.all();
        let Some(place) = all.iter().position(|one| one.id.to_string() == id) else { return false };
        let gone = all.remove(place);
        self.any.store(!all.is_empty(), Ordering::Release);
        self.keep([RowChange::Remove(gone.row().0.into())]);
        true
    }

    /// Drops all.
    pub(crate) fn clear(&self) {
        self.all().clear();
        self.any.store(false, Ordering::Release);
        self.keep([RowChange::RemoveAll(ROWS.into())]);
    }

    /// Those that a request of a session meets, and where they stop its answer.
    pub(crate) fn met(&self, session: u64, view: &View) -> Vec<(u64, PausePlace)> {
        let all = self.all();
        let concern = all.iter().filter(|one| one.session.is_none_or(|only| only == session));
        concern.filter(|one| one.matcher.holds(view)).map(|one| (one.id, one.place)).collect()
    }

    /// An answer stops at the first of these. `None` = they are gone meanwhile, or have stopped as often as they should.
    pub(crate) async fn hit(&self, ids: &[u64]) -> Option<u64> {
        for &id in ids {
            let hit = match self.keeper.get() {
                Some(Keeper::Redis(store)) => self.hit_once(store, id).await,
                _ => self.all().iter_mut().find(|one| one.id == id).is_some_and(Breakpoint::hit),
            };
            if hit {
                return Some(id);
            }
        }
        None
    }

    /// As often as it should, whichever replicas it stops answers of.
    async fn hit_once(&self, store: &RedisStore, id: u64) -> bool {
        for _ in 0..TRIED {
            let (before, after) = {
                let mut all = self.all();
                let Some(one) = all.iter_mut().find(|one| one.id == id) else { return false };
                let before = one.row();
                if !one.hit() {
                    return false;
                }
                (before, one.row().1)
            };
            let swapped = store.swap_wide(&before.0, &before.1, &after).await;
            // Another replica has hit it, or it was changed; in any case all is as it is kept.
            match (swapped, store.read_wide_now().await) {
                (Ok(true), _) => return true,
                (Ok(false), Ok(())) => {}
                _ => return false,
            }
        }
        false
    }
}

fn bounded(count: usize) -> Result<(), ApiError> {
    if count <= MOST {
        return Ok(());
    }
    Err(ApiError::invalid(format!("{count} breakpoints; there may be {MOST}: delete some."))
        .code("too_many_breakpoints"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(given: Value) -> Result<Value, ApiError> {
        Breakpoints::default().add(given.as_object().expect("an object"))
    }

    #[test]
    fn what_is_no_breakpoint_is_told_what_would_be_right() {
        for (given, param, why) in [
            (json!({"mtch": "x"}), "mtch", "did you mean \"match\"?"),
            (json!({"match": "("}), "match", ""),
            (json!({"match": {"usr": "x"}}), "match.usr", ""),
            (json!({"at": "end"}), "at", "expected \"answer\" or"),
            (json!({"at": {"piece": -1}}), "at", "expected \"answer\" or"),
            (json!({"at": {"piece": 1, "more": 2}}), "at", "expected \"answer\" or"),
            (json!({"session": "x"}), "session", "a session's id"),
            (json!({"times": 0}), "times", "a number from 1"),
        ] {
            let refusal = made(given.clone()).expect_err("no breakpoint");
            assert_eq!(refusal.param.as_deref(), Some(param), "{given}: {refusal:?}");
            assert!(refusal.message.contains(why), "{given}: {}", refusal.message);
        }
        let all = Breakpoints::default();
        let error = all.replace(&[json!({}), json!({"times": 0})]).expect_err("the second is none");
        assert_eq!((error.param.as_deref(), all.is_empty()), (Some("data[1].times"), true));
        // What is shown may be sent back.
        let shown = made(json!({"at": {"piece": 2}, "times": 3})).expect("a breakpoint");
        all.replace(std::slice::from_ref(&shown)).expect("the same");
        assert_eq!((&all.list()[0]["at"], &all.list()[0]["times"]), (&json!({"piece": 2}), &json!(3)));
    }

    #[tokio::test]
    async fn one_stops_as_often_as_it_should() {
        let all = Breakpoints::default();
        let one = all.add(json!({"times": 2}).as_object().expect("an object")).expect("a breakpoint");
        let id = one["id"].as_str().and_then(|id| id.parse().ok()).expect("a number");
        assert_eq!([all.hit(&[id]).await, all.hit(&[id]).await, all.hit(&[id]).await], [Some(id), Some(id), None]);
        assert_eq!((&all.list()[0]["hits"], &all.list()[0]["times"]), (&json!(2), &json!(0)));
        // So it is known to replicas.
        let (key, value) = all.all()[0].row();
        let kept = Breakpoint::kept(&(key.into(), value)).expect("one that was kept");
        assert_eq!((kept.id, kept.left, kept.to_json()), (id, Some(0), all.list()[0].clone()));
        assert!(all.delete(&id.to_string()) && all.is_empty() && all.hit(&[id]).await.is_none());
    }
}
