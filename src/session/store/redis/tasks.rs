//! What a replica does beside its requests: it renews its lease, commits what waits, and hears what others change.

use super::commits::{CommitGroup, CommitStep, CommitTarget};
use super::{COMMIT, KNOWN, LEASES, MEMBERS, RENEW, RedisStore, SECRET, WATCHED, WIDE, drawn, session_key};
use crate::log;
use crate::session::serial;
use crate::session::store::file::RowChange;
use crate::session::store::saved::Fence;
use futures_util::StreamExt;
use redis::ScriptInvocation;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

impl RedisStore {
    /// Renews the lease until the end.
    pub(super) async fn renews(self: Arc<Self>, address: String) {
        let (mut secret, epoch, mut place) = (drawn(), drawn(), 0);
        while !self.closing.load(Ordering::Acquire) {
            let began = Instant::now();
            let mut renewal = RENEW.prepare_invoke();
            renewal.key(format!("{LEASES}{}", self.id)).key(SECRET).key(MEMBERS).key(KNOWN).key(WATCHED);
            renewal.key(WIDE).key(self.read_key());
            renewal.arg(&self.id).arg(LEASES).arg(&address).arg(self.lease.as_millis() as u64);
            renewal.arg(&secret).arg(&epoch).arg(place).arg(serial::PLACES - 1).arg(self.wide_read());
            let pause = match self.renewed(renewal).await {
                Ok((shared, given, counting, last, watched, failures)) => {
                    place = given;
                    // What people call exchanges and sessions is told apart among replicas.
                    serial::take_place(place);
                    // A server that has lost everything gets it back.
                    secret.clone_from(self.secret.get_or_init(|| shared));
                    {
                        let mut state = self.state();
                        // A tenth earlier than the server: no clock runs so much faster.
                        state.until = Some(began + self.lease / 10 * 9);
                        // What failed since then is taken back by the next renewal.
                        if state.failures == failures
                            && let Some(reason) = state.down.take()
                        {
                            log::warn(&format!("the store can be used again; before: {reason}"));
                        }
                    }
                    self.end_old();
                    self.beats(Duration::from_millis(watched), last, counting).await;
                    self.beat()
                }
                Err(reason) => {
                    self.fails(&reason);
                    // A lease that is over ends what was owned under it.
                    if self.state().until.is_some_and(|until| Instant::now() >= until) {
                        self.lose_all();
                    }
                    self.lease / 20
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.renew.notified() => {}
            }
        }
    }

    /// Renews the lease once. Gives the secret, the replica's place, the counting of events, the number of the last one, how
    /// long they are still watched, and how often the server had failed before.
    async fn renewed(&self, renewal: ScriptInvocation<'_>) -> Result<(String, u64, String, u64, u64, u64), String> {
        let renewed = self.run::<(u64, String, u64, String, u64, u64, u64)>(renewal).await?;
        let (held, shared, given, counting, last, watched, number) = renewed;
        // Others may have owned in between.
        if held == 0 {
            self.lose_all();
        }
        let (failed, failures) = {
            let state = self.state();
            (state.down.is_some(), state.failures)
        };
        // Before anything is answered under this lease: nobody waited for whoever had none, news may be lost, and what was
        // changed in vain is taken back.
        if (held == 0 || failed || number != self.wide_read()) && !self.reads_wide().await {
            return Err("what all replicas share cannot be read".into());
        }
        Ok((shared, given, counting, last, watched, failures))
    }

    /// Sessions that nothing changed for so long that the server forgets them are forgotten here first.
    fn end_old(&self) {
        let age = self.ttl - self.lease.min(self.ttl / 2);
        let state = self.state();
        let old = state.owned.values().filter(|owned| owned.changed.elapsed() >= age);
        let old: Vec<Arc<Fence>> = old.map(|owned| owned.fence.clone()).collect();
        drop(state);
        self.lose(old.iter());
    }

    /// What is done about people whenever the lease was renewed.
    async fn beats(&self, watched: Duration, last: u64, counting: String) {
        let Some(listener) = self.listener.get() else { return };
        if listener.watched(watched) {
            self.watch().await;
        }
        let seen = listener.seen();
        if seen.0 < last || seen.1 != counting {
            self.catches_up().await;
        }
        if listener.waits_elsewhere()
            && let Ok(others) = self.others().await
        {
            listener.alive(&others);
        }
    }

    pub(super) fn fails(&self, reason: &str) {
        let mut state = self.state();
        if state.down.is_none() {
            log::warn(&format!("the store cannot be used: {reason}; what needs it is answered with 503 until it can"));
        }
        state.down = Some(reason.into());
        state.failures += 1;
    }

    /// Hears what other replicas change until the end; after each connection everything may have changed.
    pub(super) async fn listens(self: Arc<Self>) {
        while !self.closing.load(Ordering::Acquire) {
            if let Ok(Ok(mut news)) = timeout(self.patience(), self.client.get_async_pubsub()).await
                && let Ok(Ok(())) = timeout(self.patience(), news.subscribe(&[&self.news, &self.desk])).await
                && self.reads_wide().await
            {
                self.catches_up().await;
                let mut heard = news.on_message();
                loop {
                    // One that says nothing for long may be gone without a word.
                    match timeout(self.lease, heard.next()).await {
                        Ok(None) => break,
                        Ok(Some(message)) if message.get_channel_name() == self.desk => {
                            let told = message.get_payload::<String>().unwrap_or_default();
                            let (number, text) = told.split_once(' ').unwrap_or_default();
                            let number = number.parse().unwrap_or_default();
                            if self.listener.get().is_some_and(|listener| !listener.heard(number, text)) {
                                self.catches_up().await;
                            }
                        }
                        // Its own news too: what it read meanwhile may be older.
                        Ok(Some(message)) => {
                            let known = message.get_payload::<u64>().is_ok_and(|number| number <= self.wide_read());
                            if !known && !self.reads_wide().await {
                                break;
                            }
                        }
                        Err(_) if self.closing.load(Ordering::Acquire) => break,
                        Err(_) if self.problem().is_some() => break,
                        Err(_) => {}
                    }
                }
            }
            sleep(self.lease / 20).await;
        }
    }

    /// Commits what waits until the end.
    pub(super) async fn commits(self: Arc<Self>) {
        while let Some((groups, count)) = self.commits.next().await {
            match self.commit(&groups).await {
                Ok(true) => {}
                Ok(false) => self.commits.lose(count),
                Err(reason) => {
                    self.fails(&reason);
                    let waiting = self.commits.drain();
                    let behind = groups.iter().chain(&waiting).filter_map(|group| match &group.target {
                        CommitTarget::Session(fence) => Some(fence),
                        CommitTarget::Wide | CommitTarget::Anyone(_) => None,
                    });
                    self.lose(behind);
                    self.renew.notify_one();
                }
            }
            self.commits.done(count);
        }
        // What waited for people here waits no more: whoever watches elsewhere is told.
        let _ = timeout(self.patience(), self.told.notified()).await;
        let mut goodbye = redis::cmd("DEL");
        goodbye.arg(format!("{LEASES}{}", self.id));
        let ended = async {
            let mut link = self.link().await?;
            goodbye.query_async::<()>(&mut link).await
        };
        // Whoever cannot say that it ends is believed dead a little later.
        let _ = timeout(self.patience(), ended).await;
        self.closed.notify_one();
    }

    /// False = another replica has changed something of it first.
    async fn commit(&self, groups: &[CommitGroup]) -> Result<bool, String> {
        let mut commit = COMMIT.prepare_invoke();
        commit.arg(self.ttl.as_millis() as u64).arg(&self.news);
        for group in groups {
            match &group.target {
                CommitTarget::Wide => commit.arg(WIDE).arg(""),
                CommitTarget::Session(fence) => commit.arg(session_key(&fence.hash)).arg(fence.epoch),
                CommitTarget::Anyone(hash) => commit.arg(session_key(hash)).arg(""),
            };
            commit.arg(group.steps.iter().map(CommitStep::operations).sum::<usize>());
            for step in &group.steps {
                match step {
                    CommitStep::Row(RowChange::Put(field, value)) => commit.arg("P").arg(&field[..]).arg(&value[..]),
                    CommitStep::Row(RowChange::Swap { key, seen, value }) => {
                        commit.arg("V").arg(&key[..]).arg(&seen[..]).arg("P").arg(&key[..]).arg(&value[..])
                    }
                    CommitStep::Row(RowChange::Remove(field) | RowChange::RemoveFile(field, _)) => {
                        commit.arg("D").arg(&field[..]).arg("")
                    }
                    CommitStep::Row(RowChange::RemoveAll(prefix)) => commit.arg("A").arg(&prefix[..]).arg(""),
                    CommitStep::GiveBack => commit.arg("R").arg("").arg(""),
                    CommitStep::Tell => commit.arg("N").arg("").arg(""),
                };
            }
        }
        let (number, refused, others): (u64, Vec<usize>, u64) = self.run(commit).await?;
        if number > 0 {
            self.wide_told.store(number, Ordering::Release);
        }
        let refused = refused.into_iter().filter_map(|place| match &groups.get(place)?.target {
            CommitTarget::Session(fence) => Some(fence),
            CommitTarget::Wide | CommitTarget::Anyone(_) => None,
        });
        self.lose(refused);
        Ok(others == 0)
    }
}
