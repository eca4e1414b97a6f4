//! The bytes of requests that are under way: they count against what a session and all of them may hold, from when they
//! come until the answer has gone.

use crate::emulator::Emulator;
use crate::memory::Held;
use crate::session::Session;
use crate::wire::error::{self, ApiError};

/// What a request that is being read holds.
pub(crate) struct UnderWay<'a> {
    emulator: &'a Emulator,
    session: &'a Session,
    held: Held,
}

impl<'a> UnderWay<'a> {
    /// A request of which nothing has come.
    pub(crate) fn new(emulator: &'a Emulator, session: &'a Session) -> Self {
        UnderWay { emulator, session, held: session.accounts.under_way.hold(0) }
    }

    /// So many bytes more are in memory.
    ///
    /// # Errors
    /// There is no room for them, also when everything that may give way has done so.
    pub(super) fn came(&self, bytes: usize) -> Result<(), ApiError> {
        let account = self.held.account();
        if account.is_full(bytes) {
            let used = account.used() + bytes;
            let keeper = "a session's requests under way";
            return Err(error::no_room(keeper, used, account.most(), "maxSessionBytes (a third of it)"));
        }
        self.held.add(bytes);
        self.emulator.make_room(self.session)
    }

    /// What is given back when the exchange is over.
    pub(crate) fn into_held(self) -> Held {
        self.held
    }
}
