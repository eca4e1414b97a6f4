//! What is to be written waits here, in the order it happened; one script commits all that waits at once.
//!
//! A commit that fails is not tried again: memory may be ahead of the store then, so the sessions it is about leave memory
//! and are read anew. Nothing of it was acknowledged.

use crate::session::store::file::RowChange;
use crate::session::store::saved::Fence;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

/// Changes and bytes of one commit; a change that is larger alone is one of its own.
const MOST_CHANGES: usize = 5_000;
const MOST_BYTES: usize = 32 << 20;

/// What nobody waits for is committed after so long: an exchange that begins and ends meanwhile is one commit.
const PAUSE: Duration = Duration::from_millis(20);

/// Bytes that may wait; more are refused as a failed commit is.
const MOST_WAITING: usize = 1 << 30;

/// Whose row changes.
#[derive(Debug, Clone)]
pub(super) enum CommitTarget {
    /// All sessions'.
    Wide,
    /// A session's that is owned.
    Session(Arc<Fence>),
    /// A session's, whoever owns it, by the hash of its key.
    Anyone(String),
}

/// A change that waits.
#[derive(Debug)]
pub(super) struct WaitingStep {
    pub(super) target: CommitTarget,
    pub(super) change: CommitStep,
}

/// A change, or what happens between changes.
#[derive(Debug)]
pub(super) enum CommitStep {
    Row(RowChange),
    /// Another replica may own the session.
    GiveBack,
    /// All replicas are told.
    Tell,
}

impl CommitStep {
    fn size(&self) -> usize {
        match self {
            CommitStep::Row(change) => change.size(),
            CommitStep::GiveBack | CommitStep::Tell => 0,
        }
    }

    /// How many operations of the script it is.
    pub(super) fn operations(&self) -> usize {
        if matches!(self, CommitStep::Row(RowChange::Swap { .. })) { 2 } else { 1 }
    }
}

/// Changes of one target, in order.
#[derive(Debug)]
pub(super) struct CommitGroup {
    pub(super) target: CommitTarget,
    pub(super) steps: Vec<CommitStep>,
}

/// The changes that wait, and how far the commits are.
#[derive(Debug)]
pub(super) struct Commits {
    state: Mutex<CommitState>,
    work: Notify,
    ticks: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct CommitState {
    waiting: Vec<WaitingStep>,
    bytes: usize,
    /// Changes that ever came, and how many of them are dealt with.
    came: u64,
    done: u64,
    /// The last one that was not committed, and the last one that belongs to no session.
    lost: u64,
    wide: u64,
    /// Somebody waits until the changes are committed that came up to here.
    wanted: u64,
    closing: bool,
}

impl Default for Commits {
    fn default() -> Self {
        Commits { state: Mutex::default(), work: Notify::new(), ticks: watch::channel(0).0 }
    }
}

impl Commits {
    fn state(&self) -> MutexGuard<'_, CommitState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds changes, unless whoever makes them is gone. False = there is no room for them.
    pub(super) fn add(
        &self,
        target: &CommitTarget,
        gone: Option<&AtomicBool>,
        steps: impl IntoIterator<Item = CommitStep>,
    ) -> bool {
        let mut state = self.state();
        if gone.is_some_and(|gone| gone.load(Ordering::Relaxed)) || state.closing {
            return true;
        }
        if state.bytes > MOST_WAITING {
            if matches!(target, CommitTarget::Wide) {
                // All replicas read what there is, so that memory has no more than that.
                state.push(target, [CommitStep::Tell]);
                state.lost = state.came;
                self.work.notify_one();
            }
            return false;
        }
        state.push(target, steps);
        drop(state);
        self.work.notify_one();
        true
    }

    /// As [`Commits::add`], and whoever made changes is gone from now on.
    pub(super) fn end(&self, fence: &Arc<Fence>, gone: &AtomicBool, steps: impl IntoIterator<Item = CommitStep>) {
        let mut state = self.state();
        if !gone.swap(true, Ordering::Relaxed) && !state.closing {
            state.push(&CommitTarget::Session(fence.clone()), steps);
            drop(state);
            self.work.notify_one();
        }
    }

    /// Changes that ever came.
    pub(super) fn came(&self) -> u64 {
        self.state().came
    }

    /// Whether something came after the first `mark` that belongs to no session.
    pub(super) fn wide_since(&self, mark: u64) -> bool {
        self.state().wide > mark
    }

    /// Waits until all that came is dealt with. False = some that came after the first `mark` were not committed.
    pub(super) async fn settled(&self, mark: u64) -> bool {
        let upto = {
            let mut state = self.state();
            if state.done < state.came {
                state.wanted = state.came;
                self.work.notify_one();
            }
            state.came
        };
        let mut ticks = self.ticks.subscribe();
        loop {
            ticks.mark_unchanged();
            let (done, lost) = {
                let state = self.state();
                (state.done, state.lost)
            };
            if done >= upto || ticks.changed().await.is_err() {
                return lost <= mark;
            }
        }
    }

    /// What is to be committed next; `None` = it is closed, and nothing waits.
    pub(super) async fn next(&self) -> Option<(Vec<CommitGroup>, u64)> {
        let mut due = None;
        loop {
            let work = self.work.notified();
            let waits = {
                let mut state = self.state();
                let waits = !state.waiting.is_empty();
                let late = due.is_some_and(|due| Instant::now() >= due);
                if waits && (late || state.wanted > state.done || state.closing || state.bytes > MOST_BYTES) {
                    return Some(state.take());
                }
                if !waits && state.closing {
                    return None;
                }
                waits
            };
            match waits {
                true => drop(timeout_at(*due.get_or_insert_with(|| Instant::now() + PAUSE), work).await),
                false => work.await,
            }
        }
    }

    /// Everything that waits: it is not committed any more.
    pub(super) fn drain(&self) -> Vec<CommitGroup> {
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.waiting);
        (state.bytes, state.done, state.lost) = (0, state.came, state.came);
        drop(state);
        self.tell();
        grouped(waiting)
    }

    /// Of the next so many changes some were in vain: others had changed the same first.
    pub(super) fn lose(&self, count: u64) {
        let mut state = self.state();
        // What was lost later stays lost.
        state.lost = state.lost.max(state.done + count);
    }

    /// So many changes are dealt with.
    pub(super) fn done(&self, count: u64) {
        let mut state = self.state();
        state.done = (state.done + count).min(state.came);
        drop(state);
        self.tell();
    }

    fn tell(&self) {
        self.ticks.send_modify(|ticks| *ticks += 1);
    }

    /// No more changes come; those that wait are still committed.
    pub(super) fn close(&self) {
        self.state().closing = true;
        self.work.notify_one();
    }
}

impl CommitState {
    fn push(&mut self, target: &CommitTarget, steps: impl IntoIterator<Item = CommitStep>) {
        for change in steps {
            self.bytes += change.size();
            self.came += 1;
            self.waiting.push(WaitingStep { target: target.clone(), change });
        }
        if matches!(target, CommitTarget::Wide) {
            self.wide = self.came;
        }
    }

    /// What fits into one commit.
    fn take(&mut self) -> (Vec<CommitGroup>, u64) {
        let mut bytes = 0;
        let fits = |(place, waiting): &(usize, &WaitingStep)| {
            bytes += waiting.change.size();
            *place == 0 || *place < MOST_CHANGES && bytes <= MOST_BYTES
        };
        let count = self.waiting.iter().enumerate().take_while(fits).count();
        let rest = self.waiting.split_off(count);
        let taken = std::mem::replace(&mut self.waiting, rest);
        self.bytes -= taken.iter().map(|waiting| waiting.change.size()).sum::<usize>();
        (grouped(taken), count as u64)
    }
}

/// Changes by their target, in the order in which targets first come.
fn grouped(waiting: Vec<WaitingStep>) -> Vec<CommitGroup> {
    let mut groups: Vec<CommitGroup> = Vec::new();
    let mut places: HashMap<(String, u64), usize> = HashMap::new();
    for WaitingStep { target, change } in waiting {
        let name = match &target {
            CommitTarget::Wide => (String::new(), 0),
            CommitTarget::Session(fence) => (fence.hash.clone(), fence.epoch),
            CommitTarget::Anyone(hash) => (hash.clone(), 0),
        };
        let place = *places.entry(name).or_insert(groups.len());
        if place == groups.len() {
            groups.push(CommitGroup { target, steps: Vec::new() });
        }
        groups[place].steps.push(change);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str) -> CommitStep {
        CommitStep::Row(RowChange::Put(key.into(), b"x".to_vec()))
    }

    #[tokio::test]
    async fn changes_are_committed_by_target_and_in_order() {
        let commits = Commits::default();
        let [one, two] = ["one", "two"].map(|hash| CommitTarget::Session(Arc::new(Fence::new(hash.into(), 7))));
        assert!(
            commits.add(&one, None, [put("a")])
                && commits.add(&two, None, [put("b")])
                && commits.add(&one, None, [put("c")])
        );
        let (groups, count) = commits.next().await.expect("something waits");
        let steps: Vec<usize> = groups.iter().map(|group| group.steps.len()).collect();
        assert_eq!((steps, count), (vec![2, 1], 3));
        let settled = commits.settled(0);
        tokio::pin!(settled);
        assert!(futures_util::poll!(&mut settled).is_pending());
        commits.done(3);
        assert!(settled.await);
        // What could not be committed is told to whoever made it, and to nobody later.
        let mark = commits.came();
        assert!(commits.add(&one, None, [put("d")]));
        assert_eq!(commits.drain().len(), 1);
        assert!(!commits.settled(mark).await && commits.settled(commits.came()).await);
    }

    #[tokio::test]
    async fn whoever_is_gone_writes_nothing_more_and_what_waits_is_still_committed_at_the_end() {
        let commits = Commits::default();
        let fence = Arc::new(Fence::new("one".into(), 7));
        let (target, gone) = (CommitTarget::Session(fence.clone()), AtomicBool::new(false));
        assert!(commits.add(&target, Some(&gone), [put("a")]));
        commits.end(&fence, &gone, [CommitStep::GiveBack]);
        assert!(commits.add(&target, Some(&gone), [put("b")]));
        commits.close();
        let (groups, count) = commits.next().await.expect("two wait");
        assert_eq!((groups.len(), count), (1, 2));
        assert!(commits.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_is_committed_with_what_comes_next_or_soon() {
        let commits = Commits::default();
        assert!(commits.add(&CommitTarget::Wide, None, [put("a")]));
        let next = commits.next();
        tokio::pin!(next);
        assert!(futures_util::poll!(&mut next).is_pending());
        assert!(commits.add(&CommitTarget::Wide, None, [put("b")]));
        assert!(futures_util::poll!(&mut next).is_pending());
        let settled = commits.settled(0);
        tokio::pin!(settled);
        assert!(futures_util::poll!(&mut settled).is_pending());
        assert_eq!(next.await.expect("two wait").1, 2);
        commits.done(2);
        assert!(settled.await);
        let began = Instant::now();
        assert!(commits.add(&CommitTarget::Wide, None, [put("c")]));
        assert_eq!(commits.next().await.expect("one waits").1, 1);
        assert_eq!(began.elapsed(), PAUSE);
    }

    #[tokio::test]
    async fn a_commit_is_bounded() {
        let commits = Commits::default();
        let large = || CommitStep::Row(RowChange::Put(b"k".to_vec(), vec![0; MOST_BYTES]));
        assert!(commits.add(&CommitTarget::Wide, None, [large(), put("a"), large()]));
        let mut counts = Vec::new();
        for _ in 0..3 {
            counts.push(commits.next().await.expect("more").1);
        }
        assert_eq!(counts, [1, 1, 1]);
        assert!(commits.drain().is_empty());
        // What there is no room for is told as lost, and read anew by all.
        let mark = commits.came();
        while commits.add(&CommitTarget::Wide, None, [large()]) {}
        let waiting = commits.drain();
        assert!(matches!(waiting[0].steps.last(), Some(CommitStep::Tell)));
        assert!(!commits.settled(mark).await && commits.settled(commits.came()).await);
        // What is in vain before it is told changes nothing of that.
        assert!(commits.add(&CommitTarget::Wide, None, [put("a")]));
        let mark = commits.came();
        while commits.add(&CommitTarget::Wide, None, [large()]) {}
        let (_, count) = commits.next().await.expect("one waits");
        commits.lose(count);
        commits.done(commits.came());
        assert!(!commits.settled(mark).await && commits.settled(commits.came()).await);
    }
}
