//! A TCP connection and its end: closed so that nothing sent is lost, or reset, which is what a scripted `disconnect`
//! does.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a close waits for the other side to close too when nothing comes from it.
pub(super) const QUIET: Duration = Duration::from_millis(500);

/// How long a close goes on when the other side still sends: a body that was refused.
const LINGER: Duration = Duration::from_secs(5);

/// What was written gets this long to arrive before a reset, which throws away what is on its way.
pub(super) const SETTLE: Duration = Duration::from_millis(50);

/// How the script ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Ending {
    /// With a TCP reset.
    Reset = 1,
    /// With a FIN.
    Close = 2,
}

/// Shared between a connection and the answers on it.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// 0, or an [`Ending`].
    end: AtomicU8,
    upgraded: AtomicBool,
    closing: AtomicBool,
    /// Part of the request's body was dropped: nothing more can be asked here.
    unread: AtomicBool,
}

impl Control {
    /// The connection speaks WebSocket from now on: frames wait outside of it, so it cannot know what still has to leave.
    pub(crate) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    /// The connection will end like this. True = by itself, once all that was written has left; false = the caller
    /// ends it.
    pub(crate) fn end(&self, how: Ending) -> bool {
        self.end.store(how as u8, Ordering::Release);
        !self.upgraded.load(Ordering::Acquire)
    }

    /// Somebody dropped a body before its end, so the connection closes after the answer.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Release);
    }

    /// A body was dropped before its end: the answer must say that the connection closes, or a client that keeps its
    /// connections asks again on this one and gets nothing.
    pub(crate) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Acquire)
    }

    /// Our side is closed, the other side's close is waited for.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// The end the script gave the connection is a reset.
    pub(crate) fn resets(&self) -> bool {
        self.end.load(Ordering::Acquire) == Ending::Reset as u8
    }

    fn ends_itself(&self) -> bool {
        self.end.load(Ordering::Acquire) != 0 && !self.upgraded.load(Ordering::Acquire)
    }
}

/// The connection's two directions.
pub(super) struct Socket {
    stream: TcpStream,
    control: std::sync::Arc<Control>,
    /// Ends the wait before a reset, or for the other side's close.
    timer: Option<Pin<Box<Sleep>>>,
    /// When a close that is waited for is over in any case.
    latest: Instant,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, control: std::sync::Arc<Control>) -> Self {
        Socket { stream, control, timer: None, latest: Instant::now() }
    }

    /// Waits until `length` after the first call.
    fn poll_timer(&mut self, context: &mut Context<'_>, length: Duration) -> Poll<()> {
        self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + length))).as_mut().poll(context)
    }

    /// Throws away what the other side still sends until it closes too. Closing earlier would reset the connection if
    /// anything is unread, and a client still writing would never see its answer; and whoever waits for the close knows
    /// that the client will not use the connection again.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 16 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let quiet = (Instant::now() + QUIET).min(self.latest);
                    if let Some(timer) = &mut self.timer {
                        timer.as_mut().reset(quiet);
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.poll_timer(context, QUIET),
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.control.resets() {
            // Closing with zero linger is what makes the kernel send RST; a failure leaves a plain close.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if !self.control.ends_itself() {
            return Poll::Ready(Ok(()));
        }
        if self.control.resets() {
            ready!(self.poll_timer(context, SETTLE));
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.control.resets() {
            // A shutdown would send FIN first, and the client would see a clean end.
            return Poll::Ready(Ok(()));
        }
        if !self.control.is_closing() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.latest = Instant::now() + LINGER;
            self.control.closing.store(true, Ordering::Release);
        }
        self.poll_linger(context).map(Ok)
    }
}
