//! The journal: what a session was asked and what became of it.
//!
//! Exchanges stand in it from their beginning. It keeps a bounded number of them; what must not be forgotten (how many
//! there were, and what failed) is counted beside the ring.

use crate::memory::Account;
use crate::session::exchange::Begun;
use crate::session::exchange::Exchange;
use crate::session::exchange::{ExchangeRow, Failure};
use crate::session::store::rows::SessionRows;
use crate::session::store::saved::JournalRow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// A session's exchanges, bounded.
#[derive(Debug)]
pub(crate) struct Journal {
    limit: usize,
    /// What its exchanges hold.
    account: Arc<Account>,
    kept: Mutex<KeptExchanges>,
    /// Grows whenever an exchange begins, waits, fails or ends.
    revision: AtomicU64,
    /// Told whenever it grows.
    grown: Notify,
    own: Weak<Journal>,
    /// Where it is kept for whoever owns the session next.
    rows: OnceLock<Arc<SessionRows>>,
}

#[derive(Debug, Default)]
struct KeptExchanges {
    /// Number of the next exchange.
    next: u64,
    /// Number of the first one since the session began, was reset or cleared.
    base: u64,
    /// In the order in which they began.
    exchanges: VecDeque<Arc<Exchange>>,
    /// Number of the first one since the session began or was reset.
    begun: u64,
    /// Exchanges that ended since the session began.
    completed: u64,
    /// Exchanges since `base` that are not over yet.
    open: u64,
    failed: Failed,
}

impl KeptExchanges {
    /// What is in flight stays: a test must see it. Connections bound how many there are.
    fn forget_oldest(&mut self) -> Option<Arc<Exchange>> {
        let over = self.exchanges.iter().take(LOOK).position(|exchange| exchange.is_done());
        over.and_then(|over| self.exchanges.remove(over))
    }

    fn row(&self) -> JournalRow {
        JournalRow { begun: self.begun, base: self.base, failed: self.failed.count }
    }
}

/// What failed since the session began, was reset or cleared, also of exchanges that are no longer kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failed {
    /// The first ones, by exchange number.
    pub first: Vec<(u64, Failure)>,
    pub count: u64,
}

/// Failures told one by one; the rest is counted.
const TOLD: usize = 100;

/// Exchanges in flight at the front that eviction looks behind for one that is over.
const LOOK: usize = 64;

impl Journal {
    /// One that keeps so many exchanges, as far as the account has room; the last one always stays.
    pub(crate) fn new(limit: usize, account: Arc<Account>) -> Arc<Self> {
        Self::starting_at(limit, account, 0, 0)
    }

    /// An empty one that takes over from this one: numbers and revisions go on, and who waits looks again.
    pub(crate) fn successor(&self, account: Arc<Account>) -> Arc<Self> {
        let next = Self::starting_at(self.limit, account, self.kept().next, self.revision() + 2);
        self.tell();
        next
    }

    fn starting_at(limit: usize, account: Arc<Account>, number: u64, revision: u64) -> Arc<Self> {
        Arc::new_cyclic(|own| Journal {
            limit: limit.max(1),
            account,
            kept: Mutex::new(KeptExchanges { next: number, base: number, begun: number, ..KeptExchanges::default() }),
            revision: AtomicU64::new(revision),
            grown: Notify::new(),
            own: own.clone(),
            rows: OnceLock::new(),
        })
    }

    /// Keeps it for whoever owns the session next, with what was kept of it before.
    pub(crate) fn keep_rows(
        &self,
        rows: &Arc<SessionRows>,
        row: JournalRow,
        exchanges: Vec<ExchangeRow>,
        failures: Vec<(u64, Failure)>,
    ) {
        let mut kept = self.kept();
        let known = kept.next.max(row.base);
        let next = exchanges.last().map_or(known, |last| known.max(last.number + 1));
        if next > 0 && exchanges.is_empty() && row == JournalRow::default() {
            // It goes on where another one ended.
            rows.journal(&kept.row(), false);
        }
        if next > kept.next {
            (kept.next, kept.base, kept.begun) = (next, row.base, row.begun);
            kept.completed = next - row.begun.min(next);
            kept.failed = Failed { first: failures, count: row.failed };
        }
        for row in exchanges.into_iter().filter(|exchange| exchange.number >= row.base) {
            kept.exchanges.push_back(Arc::new(Exchange::restored(row, self.own.clone(), &self.account)));
        }
        let _ = self.rows.set(rows.clone());
    }

    /// Goes on where another one ended: at its next number, with what failed in it.
    pub(crate) fn go_on(&self, next: u64, failed: Failed) {
        let mut kept = self.kept();
        (kept.next, kept.base, kept.begun, kept.failed) = (next, next, next, failed);
    }

    fn kept(&self) -> MutexGuard<'_, KeptExchanges> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An exchange of this journal, which takes the next number. It is seen once it is kept.
    pub(crate) fn number(&self, begun: Begun) -> Arc<Exchange> {
        let mut kept = self.kept();
        kept.next += 1;
        Arc::new(Exchange::new(begun, kept.next - 1, self.own.clone(), &self.account))
    }

    /// Keeps an exchange that begins.
    pub(crate) fn keep(&self, exchange: &Arc<Exchange>) {
        let mut kept = self.kept();
        if exchange.number < kept.base {
            return; // cleared in between
        }
        // The new one is counted already. What goes is dropped when others may look again.
        let mut last = None;
        while kept.exchanges.len() >= self.limit || self.account.is_full(0) {
            let Some(gone) = kept.forget_oldest() else { break };
            self.forgot(&gone);
            last = Some(gone);
        }
        kept.open += 1;
        // Nearly always the newest; another may have been faster on its way from its number to here.
        let after = kept.exchanges.iter().rev().take_while(|other| other.number > exchange.number).count();
        let place = kept.exchanges.len() - after;
        kept.exchanges.insert(place, exchange.clone());
        drop(kept);
        drop(last);
        self.tell();
    }

    /// An exchange is over.
    pub(super) fn completed(&self, exchange: &Exchange) {
        let mut kept = self.kept();
        kept.completed += 1;
        if exchange.number >= kept.base {
            kept.open -= 1;
        }
        drop(kept);
        self.tell();
    }

    /// An exchange failed.
    pub(super) fn fail(&self, exchange: &Exchange, failure: Failure) {
        let mut kept = self.kept();
        if exchange.number >= kept.base {
            kept.failed.count += 1;
            let told = kept.failed.first.len() < TOLD;
            if let Some(rows) = self.rows.get() {
                rows.journal(&kept.row(), false);
                if told {
                    rows.failure(exchange.number, &failure);
                }
            }
            if told {
                kept.failed.first.push((exchange.number, failure));
            }
        }
        drop(kept);
        self.tell();
    }

    /// Something changed.
    pub(super) fn tell(&self) {
        self.revision.fetch_add(1, Ordering::AcqRel);
        self.grown.notify_waiters();
    }

    /// The exchanges numbered `since` and later, at most `limit`, oldest first.
    pub(crate) fn since(&self, since: u64, limit: usize) -> Vec<Arc<Exchange>> {
        let kept = self.kept();
        let skip = kept.exchanges.partition_point(|exchange| exchange.number < since);
        kept.exchanges.iter().skip(skip).take(limit).cloned().collect()
    }

    /// Those with a serial number below this one that fit, newest first, at most `limit`.
    pub(crate) fn before(&self, serial: u64, limit: usize, fits: impl Fn(&Exchange) -> bool) -> Vec<Arc<Exchange>> {
        let exchanges: Vec<_> = self.kept().exchanges.iter().filter(|one| one.serial < serial).cloned().collect();
        exchanges.into_iter().rev().filter(|one| fits(one)).take(limit).collect()
    }

    /// The last exchanges, at most `count`, oldest first.
    pub(crate) fn last(&self, count: usize) -> Vec<Arc<Exchange>> {
        let kept = self.kept();
        kept.exchanges.iter().skip(kept.exchanges.len().saturating_sub(count)).cloned().collect()
    }

    /// Forgets what is kept and what failed; numbers go on. An exchange in flight is not seen any more.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept();
        *kept = KeptExchanges {
            next: kept.next,
            base: kept.next,
            begun: kept.begun,
            completed: kept.completed,
            ..KeptExchanges::default()
        };
        self.rows.get().into_iter().for_each(|rows| rows.journal(&kept.row(), true));
        drop(kept);
        self.tell();
    }

    /// Forgets the oldest exchange that is over. False = there is none.
    pub(crate) fn forget_oldest(&self) -> bool {
        let forgotten = self.kept().forget_oldest();
        forgotten.iter().for_each(|gone| self.forgot(gone));
        forgotten.is_some()
    }

    /// An exchange gave way: it is counted, and kept nowhere.
    fn forgot(&self, gone: &Exchange) {
        self.account.evicted();
        self.rows.get().into_iter().for_each(|rows| rows.no_exchange(gone.number));
    }

    /// Number of the first exchange since the session began, was reset or cleared.
    pub(crate) fn base(&self) -> u64 {
        self.kept().base
    }

    /// Exchanges since then.
    pub(crate) fn count(&self) -> u64 {
        let kept = self.kept();
        kept.next - kept.base
    }

    /// Exchanges since then that are no longer kept.
    pub(crate) fn forgotten(&self) -> u64 {
        let kept = self.kept();
        kept.next - kept.base - kept.exchanges.len() as u64
    }

    /// What failed since then.
    pub(crate) fn failed(&self) -> Failed {
        self.kept().failed.clone()
    }

    /// Exchanges that are not over yet, oldest first.
    pub(crate) fn in_flight(&self) -> Vec<Arc<Exchange>> {
        self.kept().exchanges.iter().filter(|exchange| !exchange.is_done()).cloned().collect()
    }

    /// Number of exchanges that ended since the session began.
    pub(crate) fn completed_count(&self) -> u64 {
        self.kept().completed
    }

    /// Grows whenever an exchange begins, waits, fails or ends.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Waits until the revision is beyond `seen`; gives it.
    pub(crate) async fn changed(&self, seen: u64) -> u64 {
        self.until(|| Some(self.revision()).filter(|revision| *revision > seen)).await
    }

    /// Waits a moment for exchanges in flight: a client that has just left, or has just read the last byte it wanted,
    /// is noticed only when its connection says so.
    pub(crate) async fn settle(&self) {
        const MOMENT: Duration = Duration::from_millis(100);
        let settled = self.until(|| (self.kept().open == 0).then_some(()));
        let _ = tokio::time::timeout(MOMENT, settled).await;
    }

    /// Waits until a look at the journal gives something.
    pub(super) async fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        loop {
            // Listens before it looks, so that nothing happens unseen in between.
            let grown = self.grown.notified();
            if let Some(found) = look() {
                return found;
            }
            grown.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::error::ApiError;
    use crate::wire::headers::Headers;

    fn journal(limit: usize) -> Arc<Journal> {
        Journal::new(limit, Account::new(1 << 20, &Arc::default()))
    }

    fn begin(journal: &Journal, size: usize) -> Arc<Exchange> {
        let begun = Begun { operation: "x", body: vec![b' '; size].into(), ..Begun::default() };
        let exchange = journal.number(begun);
        journal.keep(&exchange);
        exchange
    }

    fn numbers(journal: &Journal) -> Vec<u64> {
        journal.since(0, 10).iter().map(|exchange| exchange.number).collect()
    }

    #[test]
    fn large_bodies_push_older_ones_out() {
        let journal = journal(10);
        for _ in 0..3 {
            begin(&journal, journal.account.most() / 2).complete();
        }
        assert_eq!((numbers(&journal), journal.forgotten()), (vec![2], 2));
        begin(&journal, journal.account.most() * 2);
        assert_eq!((numbers(&journal), journal.forgotten()), (vec![3], 3));
        journal.clear();
        assert_eq!(journal.account.used(), 0);
    }

    #[tokio::test]
    async fn the_oldest_go_first_and_numbers_stay() {
        let journal = journal(2);
        for _ in 0..3 {
            begin(&journal, 0).complete();
        }
        assert_eq!(numbers(&journal), [1, 2]);
        assert_eq!((journal.count(), journal.forgotten(), journal.completed_count()), (3, 1, 3));
        let seen = journal.revision();
        journal.clear();
        assert!(journal.changed(seen).await > seen);
        assert!(journal.since(0, 10).is_empty());
        let again = begin(&journal, 0);
        again.complete();
        again.complete();
        assert_eq!((numbers(&journal), journal.completed_count(), journal.count()), (vec![3], 4, 1));
    }

    #[test]
    fn an_answer_that_is_kept_counts_and_goes_with_its_exchange() {
        let journal = journal(1);
        let plain = begin(&journal, 0);
        plain.head_leaves(|| unreachable!("nobody looks at it"));
        plain.leaves(&[b'x'; 1_000]);
        plain.complete();
        let empty = journal.account.used();
        drop(plain);
        let kept = begin(&journal, 0);
        kept.keeps_answer();
        kept.head_leaves(|| Headers::single("content-type", &"x".repeat(100)));
        kept.leaves(&[b'x'; 1_000]);
        kept.complete();
        assert!((1_100..2_000).contains(&(journal.account.used() - empty)));
        drop(kept);
        begin(&journal, 0).complete();
        assert_eq!(journal.account.used(), empty);
    }

    #[test]
    fn what_is_in_flight_stays() {
        let journal = journal(2);
        let waits = begin(&journal, 0);
        for _ in 0..3 {
            begin(&journal, 0).complete();
        }
        assert_eq!(numbers(&journal), [0, 3]);
        assert_eq!(journal.in_flight().len(), 1);
        waits.complete();
        begin(&journal, 0);
        assert_eq!(numbers(&journal), [3, 4]);
    }

    #[test]
    fn failures_outlive_the_ring_and_clearing_forgets_them() {
        let journal = journal(1);
        let own = ApiError::emulator("no_matching_rule", "nothing");
        let failed = begin(&journal, 0);
        failed.complain(&own);
        failed.complain(&own);
        failed.complete();
        let scripted = begin(&journal, 0);
        scripted.complain(&ApiError::new(500, "as the test wants it"));
        scripted.complete();
        assert_eq!((numbers(&journal), journal.failed().count), (vec![1], 1));
        assert_eq!(journal.failed().first[0].0, 0);
        let late = begin(&journal, 0);
        journal.clear();
        late.complain(&own);
        late.complete();
        assert_eq!((journal.failed().count, journal.forgotten(), journal.in_flight().len()), (0, 0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn settling_waits_for_the_end_but_not_for_long() {
        let journal = journal(10);
        let open = begin(&journal, 0);
        journal.settle().await;
        assert!(!open.is_done());
        open.complete();
        let started = tokio::time::Instant::now();
        journal.settle().await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}
