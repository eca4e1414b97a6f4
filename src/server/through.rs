//! Bytes that pass through: from whoever makes them to the client as they come. The journal keeps what they say, as far as
//! their beginning tells it, and the tokens they were counted with.

use crate::cassette::meaning;
use crate::memory::Held;
use crate::redact::view::AnswerView;
use crate::reply::{Arrival, Arriving, Piece, describe};
use crate::runtime;
use crate::session::exchange::{Exchange, Said};
use crate::turn::usage::said::{self, UsageReader};
use crate::wire::error::ApiError;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Bytes of an answer that are read for what they say when it ends: those of a stream of some three thousand pieces.
const READ: usize = 1024 * 1024;

/// Bytes of a zipped answer that are looked at, unzipped.
const UNZIPPED: usize = 16 * 1024 * 1024;

/// Bytes of it that the journal keeps, or tells of, where it is not read as a whole.
const KEPT: usize = 16 * 1024;

/// The bytes of one answer.
pub(crate) struct Through {
    /// `None` once all is there that will come.
    arriving: Option<Arriving>,
    next: Option<Bytes>,
    failed: bool,
    exchange: Arc<Exchange>,
    kept: Vec<u8>,
    /// The session's room that it takes.
    held: Held,
    /// There is more than was kept.
    partial: bool,
    /// Looks at what is kept.
    view: AnswerView,
    /// Where a model answers, its bytes say what it counted.
    usage: Option<UsageReader>,
}

impl Through {
    /// With the headers of the answer.
    pub(crate) fn new(arriving: Option<Arriving>, exchange: Arc<Exchange>, headers: &[(String, String)]) -> Self {
        let view = AnswerView::of_answer(exchange.veil().cloned(), headers, UNZIPPED);
        let usage = said::reader(&exchange);
        let held = exchange.hold();
        Through { arriving, next: None, failed: false, exchange, kept: Vec::new(), held, partial: false, view, usage }
    }

    /// Waits until it is known what comes next.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let (None, Some(arriving)) = (&self.next, &mut self.arriving) {
            match ready!(arriving.poll_next(context)) {
                Some(Arrival { piece: Piece::Bytes(bytes), .. }) => {
                    // The end is said otherwise.
                    self.next = Some(bytes).filter(|bytes| !bytes.is_empty());
                }
                None => self.end(true),
                Some(Arrival { piece, .. }) => {
                    let error = match piece {
                        Piece::Failed(error) => error,
                        _ => ApiError::emulator("reply_cannot_answer", "Only bytes follow the bytes of a raw answer."),
                    };
                    self.failed = true;
                    self.end(false);
                    self.exchange.note(|record| record.explanation = Some(error.message.clone()));
                    self.exchange.complain(&error);
                }
            }
        }
        Poll::Ready(())
    }

    /// Whether there is something to send.
    pub(crate) fn has_next(&self) -> bool {
        self.next.is_some()
    }

    /// Whether the end is not that of the answer.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// What is sent next; `None` at the end.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        let bytes = self.next.take()?;
        let mut view = std::mem::take(&mut self.view);
        let shown = view.next(&bytes);
        if let Some(usage) = &mut self.usage {
            usage.read(&shown);
        }
        self.keep(&shown);
        self.view = view;
        Some(bytes)
    }

    /// Keeps it while the session has room, its beginning in any case.
    fn keep(&mut self, bytes: &[u8]) {
        if self.partial {
            return;
        }
        let most = if self.held.account().is_full(bytes.len()) { KEPT } else { READ };
        let room = most.saturating_sub(self.kept.len());
        self.partial = bytes.len() > room;
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.held.set(self.kept.len());
    }

    /// Nothing more comes: the journal gets what was sent; `whole` = it is all of the answer.
    fn end(&mut self, whole: bool) {
        self.arriving = None;
        if let Some(usage) = self.usage.take() {
            said::note(&self.exchange, &usage);
        }
        let view = std::mem::take(&mut self.view);
        self.keep(view.rest());
        let mut kept = std::mem::take(&mut self.kept);
        if kept.is_empty() {
            return;
        }
        // Pieces may say together what none of them says.
        if let Some(veil) = self.exchange.veil()
            && let Cow::Owned(hidden) = runtime::aside(kept.len(), || veil.apart(&kept))
        {
            kept = hidden;
        }
        let operation = self.exchange.operation;
        let all = Some(&kept[..]).filter(|_| whole && !self.partial);
        let read = |kept: &[u8]| meaning::read(operation, &String::from_utf8_lossy(kept));
        let reply = all.and_then(|all| runtime::aside(all.len(), || read(all)));
        // What is read of it may say again what it did not.
        let hidden = |text: String| match self.exchange.veil() {
            Some(veil) => veil.text(&text).into_owned(),
            None => text,
        };
        let said = match reply {
            Some(reply) if self.exchange.veil().is_some_and(|veil| veil.is_in(&describe::reply(&reply))) => {
                Said::Shown(hidden(describe::reply(&reply)))
            }
            Some(reply) => Said::Reply(Arc::new(reply)),
            None => {
                let kept = String::from_utf8_lossy(kept.get(..KEPT).unwrap_or(&kept));
                Said::Shown(hidden(meaning::said(operation, &kept).unwrap_or_else(|| kept.into_owned())))
            }
        };
        self.held.set(0);
        self.exchange.note(|record| record.said = said);
    }
}

impl Drop for Through {
    /// The client left: what it got stays known.
    fn drop(&mut self) {
        self.end(false);
    }
}
