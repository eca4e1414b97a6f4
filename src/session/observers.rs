//! Who watches exchanges. A new thing that watches is an [`Observer`]; nothing else in the core knows of it.

use crate::options::{LogLevel, Settings};
use crate::session::Session;
use crate::session::exchange::Exchange;
use crate::session::log_line::LogLine;
use bytes::Bytes;
use std::sync::Arc;

/// Something that watches every exchange of an emulator. Called on the runtime's thread: it must not wait.
pub(crate) trait Observer: Send + Sync {
    /// The request was read.
    fn begun(&self, _session: &Session, _exchange: &Arc<Exchange>) {}

    /// Who answers and what is known; nothing has left yet.
    fn answered(&self, _session: &Session, _exchange: &Arc<Exchange>) {}

    /// Headers that its request to the upstream has instead of the client's of the same name: what leads a trace on.
    fn leads(&self, _exchange: &Arc<Exchange>) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Something of its way to the upstream; chunks as they come.
    fn heard(&self, _session: &Session, _exchange: &Arc<Exchange>, _heard: &UpstreamNews) {}

    /// Its last byte is about to leave, or the client has left.
    fn ended(&self, _session: &Session, _exchange: &Arc<Exchange>) {}
}

/// What happens between the emulator and the upstream that it asks for an exchange.
pub(crate) enum UpstreamNews<'a> {
    /// It is asked: the whole address, and the body as sent.
    Asked {
        address: &'a str,
        /// `/v1/chat/completions`, however the client spelt it.
        path: &'a str,
        /// Without `?`.
        query: &'a str,
        body: &'a Bytes,
    },
    /// It begins to answer; the headers are those that pass on.
    Begun { status: u16, headers: &'a [(String, String)] },
    /// What came, unzipped and without the key it was asked with.
    Chunk(&'a Bytes),
    /// Some of what came cannot be read, and is not told: why.
    Unread(&'a str),
    /// The end, or why there is none.
    Ended(Result<(), &'a str>),
    /// The client left, and wants no more of it.
    Left,
}

/// The observers of an emulator with these settings, `others` among them.
pub(crate) fn of(settings: &Settings, others: Vec<Box<dyn Observer>>) -> Arc<[Box<dyn Observer>]> {
    let mut observers = others;
    if settings.log_level == LogLevel::Info {
        observers.push(Box::new(LogLine::of(settings)));
    }
    // Last: a client that finds an exchange complete finds it counted and its line written.
    observers.push(Box::new(JournalKeeper));
    observers.into()
}

/// Keeps exchanges in their session's journal.
struct JournalKeeper;

impl Observer for JournalKeeper {
    fn begun(&self, session: &Session, exchange: &Arc<Exchange>) {
        session.journal.keep(exchange);
    }

    fn ended(&self, session: &Session, exchange: &Arc<Exchange>) {
        exchange.complete();
        session.keep_exchange(exchange, true);
    }
}
