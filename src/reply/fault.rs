//! Faults: what goes wrong on the way.

use super::error::ErrorReply;

/// Where and how a delivery breaks.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub at: At,
    pub kind: FaultKind,
}

/// When the fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Before any byte.
    Connect,
    /// After the headers.
    Headers,
    /// After this many content-bearing deltas, or before the end if there are fewer.
    Deltas(usize),
}

/// What happens.
#[derive(Debug, Clone)]
pub(crate) enum FaultKind {
    /// TCP reset.
    Disconnect,
    /// The server's side is closed (FIN) though the answer is not over: half-closed.
    Close,
    /// Silence: for this long, or until the client leaves.
    Stall(Option<u64>),
    /// An event that is no JSON.
    Malformed,
    /// The API's own form of an error in mid-stream.
    Error(Box<ErrorReply>),
}
