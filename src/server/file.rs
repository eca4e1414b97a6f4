//! The body that sends a file: a piece is read when the one before has left, where that holds nobody up.

use crate::server::body::Cut;
use crate::server::deliver::unread;
use crate::session::Live;
use crate::wire::blob::{Blob, PIECE};
use bytes::Bytes;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::task::{JoinHandle, spawn_blocking};

/// A stretch of a file on its way.
pub(crate) struct FileBody {
    blob: Blob,
    /// What has not left yet.
    rest: Range<u64>,
    /// The next piece, while it is read.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    live: Live,
}

impl FileBody {
    pub(super) fn new(blob: Blob, range: Range<u64>, live: Live) -> Self {
        FileBody { blob, rest: range, reading: None, live }
    }

    /// Bytes that have not left yet.
    pub(super) fn left(&self) -> u64 {
        self.rest.end - self.rest.start
    }

    /// The next piece; `None` at the end.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if self.left() == 0 {
            return Poll::Ready(None);
        }
        let (from, len) = (self.rest.start, self.left().min(PIECE));
        let reading = self.reading.get_or_insert_with(|| {
            let blob = self.blob.clone();
            spawn_blocking(move || blob.stretch(from, len))
        });
        let read = ready!(Pin::new(reading).poll(context));
        self.reading = None;
        let failed = match read {
            Ok(Ok(bytes)) => {
                self.rest.start += bytes.len() as u64;
                self.live.exchange.leaves(&bytes);
                if self.left() == 0 {
                    self.live.complete();
                }
                return Poll::Ready(Some(Ok(bytes)));
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Poll::Ready(Some(Err(unread(&mut self.live, &failed))))
    }
}
