//! Requests as text, asked of an emulator nobody else can reach.

use super::transport::{self, Delivered};
use crate::control::{self, ControlScope};
use crate::emulator::Emulator;
use crate::exchange::body::{Coming, Sent};
use crate::exchange::route;
use crate::options::{Door, Options};
use crate::runtime;
use crate::script::Load;
use crate::server::respond;
use crate::session::ANONYMOUS;
use bytes::Bytes;
use hyper::http::request::Parts;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// An answer that does not come in this time never will: work is bounded by steps, and no clock is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// An emulator that hears nobody, and whoever may ask it now.
pub(crate) struct Deaf(LazyLock<Mutex<Arc<Emulator>>>);

/// As a production-like test uses it: everything is checked, answers are generated.
pub(crate) static STRICT: Deaf = Deaf(LazyLock::new(|| {
    bound(json!({"profile": "strict", "auth": "optional", "fallback": "generate", "clock": "instant"}))
}));

/// As lenient as can be: nothing is checked, whatever is asked is echoed.
pub(crate) static LENIENT: Deaf = Deaf(LazyLock::new(|| {
    let open = json!({"profile": "relaxed", "validation": "off", "models": "any", "debug": true, "clock": "instant"});
    bound(open)
}));

fn bound(options: Value) -> Mutex<Arc<Emulator>> {
    let options = Options::from_json(&options.to_string()).unwrap_or_else(|error| panic!("{error}"));
    let bound = Emulator::bind(options, Door::InProcess, None);
    Mutex::new(bound.unwrap_or_else(|error| panic!("{}", error.message)).0)
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) text: String,
    /// The label of the rule that answered, or was about to.
    pub(crate) rule: Option<String>,
    /// The code of the emulator's own complaint.
    pub(crate) failure: Option<String>,
}

impl Deaf {
    /// Asks all requests one after the other, of an emulator that knows of nothing before them.
    pub(crate) fn ask(&self, requests: &[(Parts, Bytes)]) -> Vec<Told> {
        let emulator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        emulator.close_sessions();
        emulator.load_shared(Load { reset: true, ..Load::default() });
        let all = async {
            let mut told = Vec::new();
            for (parts, body) in requests {
                let answer = tokio::time::timeout(PATIENCE, one(&emulator, parts, body)).await;
                told.push(answer.unwrap_or_else(|_| panic!("{} is not answered", parts.uri)));
            }
            told
        };
        runtime::handle().block_on(all)
    }
}

/// Asks one request.
async fn one(emulator: &Arc<Emulator>, parts: &Parts, body: &Bytes) -> Told {
    if parts.uri.path().starts_with("/_emulator") {
        return controlled(emulator, parts, body);
    }
    let normal = route::normalize(parts.uri.path(), &emulator.settings.prefixes);
    let asked = respond::asked(emulator, parts, normal, Sent::Coming(Coming::of(body.clone())));
    let Delivered { status, text, record, .. } = transport::ask(emulator, asked).await;
    let rule = record.rule.map(|rule| rule.label().to_string());
    Told { status, text, rule, failure: record.failure.map(|failure| failure.code) }
}

/// Asks a control route. What it tells of time is not compared.
fn controlled(emulator: &Arc<Emulator>, parts: &Parts, body: &Bytes) -> Told {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let key = (control::scope(parts.uri.path()) == ControlScope::Session).then_some(ANONYMOUS);
    let body = String::from_utf8_lossy(body);
    let request =
        control::ControlRequest { key, method: parts.method.as_str(), path: target, body: &body, in_process: false };
    let (status, value) = control::handle(emulator, &request);
    if status >= 400 {
        assert!(value["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{value}");
    }
    Told { status, text: String::new(), rule: None, failure: None }
}
