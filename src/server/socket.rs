//! A TCP connection that can end with a reset instead of a clean close: what a scripted `disconnect` does.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How the script ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum End {
    /// With a TCP reset.
    Reset = 1,
    /// With a FIN.
    Close = 2,
}

/// Shared between a connection and the answers on it.
#[derive(Debug, Default)]
pub struct Control {
    /// 0, or an [`End`].
    end: AtomicU8,
    upgraded: AtomicBool,
}

impl Control {
    /// The connection speaks WebSocket from now on: frames wait outside of it, so it cannot know what still has to leave.
    pub fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    /// The connection will end like this. True = by itself, once all that was written has left; false = the caller
    /// ends it.
    pub fn end(&self, how: End) -> bool {
        self.end.store(how as u8, Ordering::Release);
        !self.upgraded.load(Ordering::Acquire)
    }

    fn resets(&self) -> bool {
        self.end.load(Ordering::Acquire) == End::Reset as u8
    }

    fn ends_itself(&self) -> bool {
        self.end.load(Ordering::Acquire) != 0 && !self.upgraded.load(Ordering::Acquire)
    }
}

/// The connection's two directions.
pub struct Socket {
    stream: TcpStream,
    control: std::sync::Arc<Control>,
}

impl Socket {
    pub fn new(stream: TcpStream, control: std::sync::Arc<Control>) -> Self {
        Socket { stream, control }
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
        match self.control.ends_itself() {
            true => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            false => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.control.resets() {
            // A shutdown would send FIN first, and the client would see a clean end.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
