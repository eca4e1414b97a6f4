//! Keeping a response: in the session's store, in its conversation, and in the memory of its socket's lane.

use crate::api::conversations;
use crate::api::responses::record::ResponseRecord;
use crate::api::responses::replay;
use crate::api::responses::request::Request;
use crate::session::Session;
use crate::turn::call::Call;
use crate::turn::lane::Lane;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Keeps one response, also when it turns out later to have failed.
pub(crate) struct ResponseKeeper {
    session: Arc<Session>,
    conversation: Option<String>,
    /// The lane it came over, and the conversation before it.
    lane: Option<(Lane, Vec<Value>)>,
    kept: AtomicBool,
}

impl ResponseKeeper {
    pub(crate) fn new(call: &Call, request: &Request) -> Self {
        ResponseKeeper {
            session: call.session.clone(),
            conversation: request.conversation.clone(),
            lane: call.lane.clone().map(|lane| (lane, request.items().cloned().collect())),
            kept: AtomicBool::new(false),
        }
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
        let mut place = None;
        if record.is_kept() {
            let id = &record.frame.id;
            place = match first {
                true => Some(store.add(id, record).await),
                false => {
                    store.put(id, record).await;
                    store.find::<ResponseRecord>(id).await.map(|stored| stored.place)
                }
            };
        }
        replay::remember(store, record, place).await;
    }
}
