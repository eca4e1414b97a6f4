//! What a replica does beside its requests: it renews its lease, commits what waits, and hears what others change.

use super::commits::{CommitGroup, CommitStep, CommitTarget};
use super::{COMMIT, DESK, LEASES, NEWS, NUMBER, RENEW, RedisStore, SECRET, WIDE, drawn, session_key};
use crate::log;
use crate::session::exchange;
use crate::session::store::file::RowChange;
use crate::session::store::saved::DataRow;
use futures_util::StreamExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

impl RedisStore {
    /// Renews the lease until the end.
    pub(super) async fn renews(self: Arc<Self>, address: String) {
        let (secret, mut number) = (drawn(), 0);
        while !self.closing.load(Ordering::Acquire) {
            let began = Instant::now();
            let mut renewal = RENEW.prepare_invoke();
            renewal.key(format!("{LEASES}{}", self.id)).key(SECRET).key(NUMBER);
            renewal.arg(&address).arg(self.lease.as_millis() as u64).arg(&secret).arg(number);
            let pause = match self.run::<(u64, String, u64)>(renewal).await {
                Ok((held, secret, given)) => {
                    number = given;
                    // What people call exchanges is told apart among replicas.
                    exchange::number_from(number << 32);
                    let _ = self.secret.set(secret);
                    let (again, began_anew) = {
                        let mut state = self.state();
                        let first = state.until.is_none();
                        // A tenth earlier than the server: no clock runs so much faster.
                        state.until = Some(began + self.lease / 10 * 9);
                        let before = state.down.take().filter(|_| !first);
                        if let Some(reason) = &before {
                            log::warn(&format!("the store can be used again; before: {reason}"));
                        }
                        (before.is_some(), held == 0 && !first)
                    };
                    if again {
                        // What was changed in vain is taken back.
                        self.reads_wide().await;
                    }
                    // Others may have owned in between.
                    if began_anew {
                        self.lose_all();
                    }
                    self.hooks.get().into_iter().for_each(|hooks| (hooks.beat)());
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

    pub(super) fn fails(&self, reason: &str) {
        let mut state = self.state();
        if state.down.is_none() {
            log::warn(&format!("the store cannot be used: {reason}; what needs it is answered with 503 until it can"));
        }
        state.down = Some(reason.into());
    }

    /// Hears what other replicas change until the end; after each connection everything may have changed.
    pub(super) async fn listens(self: Arc<Self>) {
        while !self.closing.load(Ordering::Acquire) {
            if let Ok(Ok(mut news)) = timeout(self.patience(), self.client.get_async_pubsub()).await
                && let Ok(Ok(())) = timeout(self.patience(), news.subscribe(&[NEWS, DESK])).await
                && self.reads_wide().await
            {
                let mut heard = news.on_message();
                loop {
                    // One that says nothing for long may be gone without a word.
                    match timeout(self.lease, heard.next()).await {
                        Ok(None) => break,
                        Ok(Some(message)) if message.get_channel_name() == DESK => {
                            let text = message.get_payload::<String>().unwrap_or_default();
                            self.hooks.get().into_iter().for_each(|hooks| (hooks.heard)(&text));
                        }
                        // Its own news too: what it read meanwhile may be older.
                        Ok(Some(_)) if self.reads_wide().await => {}
                        Ok(Some(_)) => break,
                        Err(_) if self.closing.load(Ordering::Acquire) => break,
                        Err(_) if self.problem().is_some() => break,
                        Err(_) => {}
                    }
                }
            }
            sleep(self.lease / 20).await;
        }
    }

    /// Reads what belongs to no session. False = it could not be read.
    pub(super) async fn reads_wide(&self) -> bool {
        let read = async {
            let mut link = self.link().await?;
            redis::cmd("HGETALL").arg(WIDE).query_async::<Vec<DataRow>>(&mut link).await
        };
        match (timeout(self.patience(), read).await, self.hooks.get()) {
            (Ok(Ok(rows)), Some(hooks)) => {
                (hooks.wide)(rows);
                true
            }
            _ => false,
        }
    }

    /// Tells the other replicas what people have before them.
    pub(super) async fn tells(self: Arc<Self>, mut telling: mpsc::Receiver<String>) {
        while let Some(text) = telling.recv().await {
            if self.closing.load(Ordering::Acquire) {
                return;
            }
            let told = async {
                let mut link = self.link().await?;
                redis::cmd("PUBLISH").arg(DESK).arg(text).query_async::<()>(&mut link).await
            };
            // Nobody waits for it: what is lost is listed again.
            let _ = timeout(self.patience(), told).await;
        }
    }

    /// Commits what waits until the end.
    pub(super) async fn commits(self: Arc<Self>) {
        while let Some((groups, count)) = self.commits.next().await {
            if let Err(reason) = self.commit(&groups).await {
                self.fails(&reason);
                let waiting = self.commits.drain();
                let behind = groups.iter().chain(&waiting).filter_map(|group| match &group.target {
                    CommitTarget::Session(fence) => Some(fence),
                    CommitTarget::Wide | CommitTarget::Anyone(_) => None,
                });
                self.lose(behind);
                self.renew.notify_one();
            }
            self.commits.done(count);
        }
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

    async fn commit(&self, groups: &[CommitGroup]) -> Result<(), String> {
        let mut commit = COMMIT.prepare_invoke();
        commit.arg(self.ttl.as_millis() as u64).arg(NEWS);
        for group in groups {
            match &group.target {
                CommitTarget::Wide => commit.arg(WIDE).arg(""),
                CommitTarget::Session(fence) => commit.arg(session_key(&fence.hash)).arg(fence.epoch),
                CommitTarget::Anyone(hash) => commit.arg(session_key(hash)).arg(""),
            };
            commit.arg(group.steps.len());
            for step in &group.steps {
                match step {
                    CommitStep::Row(RowChange::Put(field, value)) => commit.arg("P").arg(&field[..]).arg(&value[..]),
                    CommitStep::Row(RowChange::Remove(field) | RowChange::RemoveFile(field, _)) => {
                        commit.arg("D").arg(&field[..]).arg("")
                    }
                    CommitStep::Row(RowChange::RemoveAll(prefix)) => commit.arg("A").arg(&prefix[..]).arg(""),
                    CommitStep::GiveBack => commit.arg("R").arg("").arg(""),
                    CommitStep::Tell(text) => commit.arg("N").arg("").arg(format!("{} {text}", self.id)),
                };
            }
        }
        let refused: Vec<usize> = self.run(commit).await?;
        let refused = refused.into_iter().filter_map(|place| match &groups.get(place)?.target {
            CommitTarget::Session(fence) => Some(fence),
            CommitTarget::Wide | CommitTarget::Anyone(_) => None,
        });
        self.lose(refused);
        Ok(())
    }
}
