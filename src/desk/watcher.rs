//! Makes events of what exchanges do.

use crate::clock;
use crate::desk::Desk;
use crate::desk::history::Forwarded;
use crate::desk::summary::{address, over, summary};
use crate::session::exchange::Exchange;
use crate::session::{Observer, Session, UpstreamNews};
use serde_json::{Value, json};
use std::sync::Arc;

/// Bytes of an upstream's answer that are shown.
const SHOWN: usize = 64 * 1024;

/// Watches exchanges for a desk.
pub(crate) struct Watcher(pub(crate) Arc<Desk>);

impl Observer for Watcher {
    fn begun(&self, session: &Session, exchange: &Arc<Exchange>) {
        self.0.events.tell_exchange("exchange_begun", || summary(session, exchange));
    }

    /// A stream may last: what it asks and who answers is told before it ends.
    fn answered(&self, session: &Session, exchange: &Arc<Exchange>) {
        if exchange.stream {
            self.0.events.tell_exchange("exchange_begun", || summary(session, exchange));
        }
    }

    fn heard(&self, _: &Session, exchange: &Arc<Exchange>, heard: &UpstreamNews) {
        let id = exchange.serial;
        let history = &self.0.history;
        match heard {
            UpstreamNews::Asked { address: target, body, .. } => {
                let sent = Forwarded {
                    id,
                    at: clock::world(),
                    client: address(exchange),
                    address: target.to_string(),
                    status: None,
                    took: None,
                    end: None,
                    body: Vec::new(),
                    is_stream: false,
                };
                self.0.events.tell("bypass_request", || {
                    json!({
                        "id": id.to_string(),
                        "timestamp": sent.at.as_secs_f64(),
                        "client_ip": sent.client,
                        "request_body": serde_json::from_slice::<Value>(body).unwrap_or_default(),
                        "target_url": target,
                    })
                });
                history.add(sent);
            }
            UpstreamNews::Begun { status, headers } => drop(history.change(id, |sent| {
                sent.status = Some(*status);
                let kind = headers.iter().find(|(name, _)| name == "content-type");
                sent.is_stream = kind.is_some_and(|(_, kind)| kind.starts_with("text/event-stream"));
            })),
            UpstreamNews::Chunk(chunk) => drop(history.change(id, |sent| {
                if !sent.is_stream {
                    let left = SHOWN.saturating_sub(sent.body.len());
                    sent.body.extend_from_slice(&chunk[..chunk.len().min(left)]);
                }
            })),
            // The placeholder stands there for it.
            UpstreamNews::Unread(_) => {}
            UpstreamNews::Ended(_) | UpstreamNews::Left => {
                let end = match heard {
                    UpstreamNews::Ended(end) => *end,
                    _ => Err("the client left"),
                };
                let ended = history.change(id, |sent| {
                    sent.took = Some(clock::world().saturating_sub(sent.at));
                    sent.end = Some(end.map_err(String::from));
                    sent.ended(exchange.veil().map(|veil| &**veil))
                });
                if let Some(ended) = ended {
                    self.0.events.tell("bypass_response", || ended);
                }
            }
        }
    }

    fn ended(&self, session: &Session, exchange: &Arc<Exchange>) {
        self.0.events.tell_exchange("exchange_ended", || over(session, exchange));
    }
}
