//! One budget of work per answer: whatever a request's schemas, patterns and prompts cost to read, compile, check and
//! answer is taken from it. It counts steps and bytes, never time, so that the same request ends the same way on every
//! machine. A request that leads to many answers has one for all of them, of which each may take as much as any.
//!
//! What proves heavy leaves the runtime's only thread ([`work`]), and ends when its client has gone.

use crate::wire::error::ApiError;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tokio::sync::Semaphore;

/// Steps of one answer; a step takes about 50 ns.
const STEPS: u64 = 10_000_000;
/// Steps after which work is heavy.
const LIGHT: u64 = 100_000;
/// Bytes of one answer's generated strings, and of what is filled in for it.
const BYTES: u64 = 4 << 20;
/// Pieces of heavy work done at once by the process; the others wait.
static HEAVY: Semaphore = Semaphore::const_new(4);

/// What one answer may still cost.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: AtomicU64,
    bytes: AtomicU64,
    gone: AtomicBool,
    /// What it is a part of: that of all answers that one request leads to.
    whole: Option<Arc<Budget>>,
}

impl Default for Budget {
    fn default() -> Self {
        Budget::of(STEPS)
    }
}

impl Budget {
    /// A budget of this many steps.
    pub(crate) fn of(steps: u64) -> Self {
        let (steps, bytes) = (AtomicU64::new(steps), AtomicU64::new(BYTES));
        Budget { steps, bytes, gone: AtomicBool::new(false), whole: None }
    }

    /// A budget of what so many answers may cost, for one request that leads to more of them.
    pub(crate) fn of_answers(answers: u64) -> Self {
        Budget { bytes: AtomicU64::new(answers * BYTES), ..Budget::of(answers * STEPS) }
    }

    /// A budget of one of its answers, which may cost as much as any, and no more than is left of the whole.
    pub(crate) fn within(whole: &Arc<Budget>) -> Self {
        Budget { whole: Some(whole.clone()), ..Budget::default() }
    }

    /// Whether more was asked of it than it had.
    pub(crate) fn is_spent(&self) -> bool {
        self.steps.load(Relaxed) == 0 || self.bytes.load(Relaxed) == 0
    }

    /// Takes steps.
    ///
    /// # Errors
    /// Fewer are left, or nobody waits for the outcome any more.
    pub(crate) fn spend(&self, steps: u64) -> Result<(), Spent> {
        if self.gone.load(Relaxed) {
            return Err(Spent::new(Limit::Gone));
        }
        take(&self.steps, steps).ok_or_else(|| Spent::new(Limit::Steps))?;
        self.whole.as_ref().map_or(Ok(()), |whole| whole.spend(steps))
    }

    /// Takes bytes, and a step per 64 of them.
    ///
    /// # Errors
    /// As [`Budget::spend`].
    pub(crate) fn bytes(&self, bytes: usize) -> Result<(), Spent> {
        self.spend(bytes as u64 / 64)?;
        let mut of = Some(self);
        while let Some(budget) = of {
            take(&budget.bytes, bytes as u64).ok_or_else(|| Spent::new(Limit::Bytes))?;
            of = budget.whole.as_deref();
        }
        Ok(())
    }

    /// Steps left.
    pub(crate) fn left(&self) -> u64 {
        self.least(|budget| &budget.steps)
    }

    /// The least of what it and the whole have left.
    fn least(&self, of: impl Fn(&Budget) -> &AtomicU64 + Copy) -> u64 {
        let left = of(self).load(Relaxed);
        self.whole.as_ref().map_or(left, |whole| left.min(whole.least(of)))
    }

    /// Takes what a trial has taken: of steps, and of bytes.
    fn pay(&self, steps: u64, bytes: u64) {
        let _ = take(&self.steps, steps);
        let _ = take(&self.bytes, bytes);
        if let Some(whole) = &self.whole {
            whole.pay(steps, bytes);
        }
    }
}

/// One piece of work draws at a time, so there is nothing to exchange atomically.
fn take(from: &AtomicU64, amount: u64) -> Option<()> {
    let left = from.load(Relaxed).checked_sub(amount);
    from.store(left.unwrap_or(0), Relaxed);
    left.map(|_| ())
}

/// Why work ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spent {
    limit: Limit,
    /// What was worked on, in words, and the request's parameter it stands in.
    place: Option<(String, &'static str)>,
}

/// The limit that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Limit {
    Steps,
    Bytes,
    /// The client left.
    Gone,
    /// Anything of a fixed size, in words: "its references nest too deep".
    Size(Cow<'static, str>),
}

impl Spent {
    pub(crate) fn new(limit: Limit) -> Self {
        Spent { limit, place: None }
    }

    /// A schema or pattern beyond a fixed size.
    pub(crate) fn size(what: impl Into<Cow<'static, str>>) -> Self {
        Spent::new(Limit::Size(what.into()))
    }

    /// Says what was worked on, unless something closer has said it.
    pub(crate) fn at(mut self, what: impl FnOnce() -> String, param: &'static str) -> Self {
        self.place.get_or_insert_with(|| (what(), param));
        self
    }

    /// The error a client gets.
    pub(crate) fn to_api_error(&self) -> ApiError {
        let (what, param) = match &self.place {
            Some((what, param)) => (what.as_str(), Some(*param)),
            None => ("This request", None),
        };
        let why = match &self.limit {
            Limit::Steps => "answering it takes more work than one answer may",
            Limit::Bytes => "it takes more text than one answer may",
            Limit::Gone => "the client left",
            Limit::Size(why) => why,
        };
        let message =
            format!("{what} is too complex: {why}. Make its schemas, patterns and texts smaller, or ask for less.");
        let error = ApiError::invalid(message).code("schema_too_complex");
        match param {
            Some(param) => error.param(param),
            None => error,
        }
    }
}

/// Does work on a subject (a prompt): on this thread while it is light; else it begins anew on a thread of its own, where it ends
/// when this future is dropped, because its client has gone.
///
/// # Errors
/// The budget does not suffice.
pub(crate) async fn work<Subject: Clone + Send + Sync + 'static, T: Send + 'static>(
    budget: &Arc<Budget>,
    subject: &Subject,
    job: impl Fn(&Subject, &Budget) -> Result<T, Spent> + Send + 'static,
) -> Result<T, ApiError> {
    let allowed = budget.left().min(LIGHT);
    let bytes = budget.least(|budget| &budget.bytes);
    let trial = Budget { bytes: AtomicU64::new(bytes), ..Budget::of(allowed) };
    let done = match job(subject, &trial) {
        Err(Spent { limit: Limit::Steps, .. }) if allowed == LIGHT => {
            let _place = HEAVY.acquire().await;
            let mut leaving = Leaving(Some(budget.clone()));
            let (budget, subject) = (budget.clone(), subject.clone());
            let joined = tokio::task::spawn_blocking(move || job(&subject, &budget)).await;
            leaving.0 = None;
            match joined {
                Ok(done) => done,
                // Like every panic of an answer it is told where answers are made.
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => Err(Spent::new(Limit::Gone)),
            }
        }
        done => {
            budget.pay(allowed - trial.left(), bytes - trial.bytes.load(Relaxed));
            done
        }
    };
    done.map_err(|spent| spent.to_api_error())
}

/// Ends the work when it is dropped before the work is done.
struct Leaving(Option<Arc<Budget>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(budget) = &self.0 {
            budget.gone.store(true, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn what_is_spent_stays_spent() {
        let budget = Budget::of(10);
        assert_eq!((budget.spend(7), budget.left()), (Ok(()), 3));
        assert!(budget.spend(4).is_err() && budget.spend(1).is_err());
        let budget = Budget::of(u64::MAX);
        assert!(budget.bytes(BYTES as usize).is_ok() && budget.bytes(1).is_err() && budget.bytes(usize::MAX).is_err());
    }

    #[tokio::test]
    async fn heavy_work_leaves_the_thread_and_costs_what_light_work_does() {
        let job = |steps: u64| {
            move |_: &(), budget: &Budget| (0..steps).try_for_each(|_| budget.spend(1)).map(|()| thread::current().id())
        };
        let budget = Arc::new(Budget::default());
        let here = Ok(thread::current().id());
        assert_eq!(work(&budget, &(), job(LIGHT)).await, here);
        assert_eq!(budget.left(), STEPS - LIGHT);
        assert!(work(&budget, &(), job(LIGHT + 1)).await.is_ok_and(|id| Ok(id) != here));
        assert_eq!(budget.left(), STEPS - 2 * LIGHT - 1);
        let refused = work(&budget, &(), job(STEPS)).await.expect_err("too much");
        assert_eq!((refused.status, refused.code.as_deref()), (400, Some("schema_too_complex")));
        // Nothing is left: nothing is tried on another thread.
        assert!(work(&budget, &(), job(1)).await.is_err());
    }

    #[tokio::test]
    async fn answers_of_one_request_share_what_they_cost() {
        let whole = Arc::new(Budget::of_answers(2));
        let answer = || Arc::new(Budget::within(&whole));
        let job =
            |steps: u64, bytes: usize| move |_: &(), budget: &Budget| budget.spend(steps).and(budget.bytes(bytes));
        // Light or heavy, each may cost as much as any.
        assert!(work(&answer(), &(), job(STEPS + 1, 0)).await.is_err() && !whole.is_spent());
        assert!(work(&answer(), &(), job(STEPS - 1, 0)).await.is_ok());
        assert!(work(&answer(), &(), job(LIGHT, 0)).await.is_ok());
        assert!(work(&answer(), &(), job(0, 64)).await.is_ok());
        assert_eq!((whole.left(), answer().left()), (STEPS - LIGHT, STEPS - LIGHT));
        assert!(work(&answer(), &(), job(STEPS - LIGHT + 1, 0)).await.is_err() && whole.is_spent());
        assert!(work(&answer(), &(), job(1, 0)).await.is_err());
        let whole = Arc::new(Budget::of_answers(2));
        let bytes = |bytes: u64| Budget::within(&whole).bytes(bytes as usize);
        assert_eq!((bytes(BYTES), bytes(BYTES - 1), whole.is_spent()), (Ok(()), Ok(()), false));
        assert!(bytes(BYTES + 1).is_err() && !whole.is_spent());
        assert!(bytes(2).is_err() && whole.is_spent());
    }

    #[tokio::test]
    async fn a_client_that_left_ends_the_work() {
        let (told, hears) = mpsc::channel();
        let job = move |_: &(), budget: &Budget| {
            budget.spend(LIGHT + 1)?;
            let _ = told.send("begun");
            let end = loop {
                if let Err(end) = budget.spend(0) {
                    break end;
                }
                thread::yield_now();
            };
            let _ = told.send("ended");
            Err::<(), _>(end)
        };
        let client = tokio::spawn(async move { work(&Arc::default(), &(), job).await });
        let hears = tokio::task::spawn_blocking(move || (hears.recv(), hears)).await.expect("a thread");
        assert_eq!(hears.0, Ok("begun"));
        client.abort();
        assert_eq!(tokio::task::spawn_blocking(move || hears.1.recv()).await.expect("a thread"), Ok("ended"));
    }
}
