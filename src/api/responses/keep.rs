//! Keeping a response: in the session's store, in its conversation, and in the memory of its socket's lane.

use crate::api::containers::code::CodeRun;
use crate::api::conversations;
use crate::api::responses::record::ResponseRecord;
use crate::api::responses::replay;
use crate::api::responses::request::Request;
use crate::session::Session;
use crate::session::exchange::{Exchange, PaidUse};
use crate::session::jobs::HeldJob;
use crate::turn::call::Call;
use crate::turn::lane::Lane;
use crate::wire::error::ApiError;
use crate::wire::value::Holds;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Keeps one response, also when it turns out later to have failed.
pub(crate) struct ResponseKeeper {
    session: Arc<Session>,
    conversation: Option<String>,
    /// The lane it came over, and the conversation before it.
    lane: Option<(Lane, Vec<Value>)>,
    /// How its code runs, if it may.
    code: Option<CodeRun>,
    exchange: Arc<Exchange>,
    kept: AtomicBool,
    /// The id under which it is kept already, before anything of it is known, and what then holds it.
    promised: OnceLock<(String, Option<String>)>,
}

impl ResponseKeeper {
    pub(crate) fn new(call: &Call, request: &Request, code: Option<CodeRun>) -> Self {
        ResponseKeeper {
            session: call.session.clone(),
            conversation: request.conversation.clone(),
            lane: call.lane.clone().map(|lane| (lane, request.items().cloned().collect())),
            code,
            exchange: call.exchange.clone(),
            kept: AtomicBool::new(false),
            promised: OnceLock::new(),
        }
    }

    /// Keeps a response that somebody was told of before anything of it is known.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(super) async fn promise(&self, record: &ResponseRecord) -> Result<(), ApiError> {
        let id = &record.frame.id;
        self.session.store.add(id, record).await?;
        let hold = record.job.as_ref().and_then(HeldJob::hold).map(String::from);
        let _ = self.promised.set((id.clone(), hold));
        Ok(())
    }

    /// The id that was told already.
    pub(super) fn promised(&self) -> Option<&String> {
        self.promised.get().map(|(id, _)| id)
    }

    /// Keeps the response as it is now.
    pub(crate) async fn keep(&self, record: &ResponseRecord) {
        let store = &self.session.store;
        let first = !self.kept.swap(true, Relaxed);
        if let (true, Some(id)) = (first, &self.conversation) {
            conversations::take_turn(store, id, record).await;
        }
        if let Some((lane, items)) = &self.lane {
            let said = record.items.iter().map(|item| item.value.clone());
            lane.remember(&record.frame.id, items.iter().cloned().chain(said).collect(), &self.session.accounts.stored);
        }
        if first {
            self.use_tools(record).await;
        }
        let mut place = None;
        if record.is_kept() {
            let id = &record.frame.id;
            place = match first && self.promised().is_none() {
                // Responses give way to newer ones, and are never refused.
                true => store.add(id, record).await.ok(),
                false => {
                    let _ = store.put(id, record).await;
                    store.find::<ResponseRecord>(id).await.map(|stored| stored.place)
                }
            };
        }
        replay::remember(store, record, place).await;
        if record.frame.background && record.job.is_none() {
            self.session.behind.over(&record.frame.id);
        }
        // Who waits for it goes on.
        if let Some((_, Some(hold))) = self.promised.get() {
            self.session.release(hold);
        }
    }

    /// Its stream has told how it ended: it can no longer be stopped.
    pub(super) async fn told(&self, id: &str) {
        let settled = |record: &mut ResponseRecord| {
            if let Some(job) = &mut record.job {
                job.settle();
            }
        };
        self.session.store.change(id, settled).await;
        self.session.behind.over(id);
    }

    /// Keeps what the response's code left, and counts what its hosted tools did.
    async fn use_tools(&self, record: &ResponseRecord) {
        let mut uses = Vec::new();
        for item in &record.items {
            match item.kind.name {
                "web_search_call" => uses.push(PaidUse::WebSearch),
                "file_search_call" => {
                    let tools = record.frame.tools.iter().filter(|tool| tool["type"] == "file_search");
                    let stores = tools.flat_map(|tool| tool["vector_store_ids"].elements());
                    let stores: Vec<&str> = stores.filter_map(Value::as_str).collect();
                    uses.extend(stores.iter().map(|store| PaidUse::FileSearch(store.to_string())));
                }
                "code_interpreter_call" => {
                    let (Some(run), Some(container)) = (&self.code, item.value["container_id"].as_str()) else {
                        continue;
                    };
                    match run.keep(&self.session, container, &item.files).await {
                        Ok(true) => uses.push(PaidUse::CodeSession),
                        Ok(false) => {}
                        // The answer is on its way: who asks for the file finds none, and can read why.
                        Err(error) => self.exchange.note(|record| record.warnings.push(error.message.clone())),
                    }
                }
                _ => {}
            }
        }
        if !uses.is_empty() {
            let _ = self.exchange.uses.set(uses.into());
        }
    }
}
