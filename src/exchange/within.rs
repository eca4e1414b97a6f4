//! The door for requests that the emulator makes of itself: they run as those that come from outside.
//!
//! Nothing waits here. How long an answer takes is said with it, so that whoever asked lays it on the session's clock.

use super::body::Sent;
use super::route;
use super::run::{Answered, Asked, run};
use crate::budget::Budget;
use crate::emulator::Emulator;
use crate::reply::RawBody;
use crate::session::Session;
use crate::turn::answer::Body;
use crate::turn::within::{InnerAnswer, InnerRequest};
use crate::wire::headers::Headers;
use serde_json::Value;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Answers a request of the emulator's own: see [`crate::turn::within::InnerDoor`].
pub(crate) fn ask(
    emulator: Arc<Emulator>,
    session: Arc<Session>,
    request: InnerRequest,
    budget: Arc<Budget>,
) -> Pin<Box<dyn Future<Output = InnerAnswer> + Send>> {
    Box::pin(async move {
        let InnerRequest { path, body, azure } = request;
        let mut normal = route::normalize(&path, &[]);
        normal.azure |= azure;
        let route = route::find("POST", &normal.path);
        let bytes = body.to_string().into();
        let asked = Asked {
            method: "POST".into(),
            target: path,
            normal,
            route,
            query: Vec::new(),
            headers: Arc::new(Headers::default()),
            session: Ok(session),
            body: Sent::Json(body, bytes),
            lane: None,
            peer: None,
            budget,
        };
        let answered = run(&emulator, asked).await;
        let status = answered.begin();
        let Answered { answer, mut live, .. } = answered;
        let delivery = answer.delivery;
        let body = match answer.body {
            Body::Json(bytes) | Body::Bytes(_, bytes) => read(&bytes),
            Body::Error(error) => error.envelope(),
            Body::Raw(RawBody::Json(value)) => value,
            Body::Raw(RawBody::Text(text)) => read(text.as_bytes()),
            // Nobody asks for a stream or a file here.
            Body::File(..) | Body::Raw(_) | Body::Events(_) | Body::Empty => Value::Null,
        };
        live.complete();
        InnerAnswer {
            status,
            request_id: live.exchange.request_id.clone(),
            body,
            wait: delivery.as_ref().map(|delivery| delivery.wait).unwrap_or_default(),
            broken: delivery.as_ref().is_some_and(|delivery| delivery.fault.is_some()),
            hold: delivery.and_then(|delivery| delivery.hold).map(|hold| hold.until),
        }
    })
}

/// JSON, or the text that is none.
fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime;
    use crate::server::tests::start;
    use serde_json::json;

    #[test]
    fn whoever_asks_says_what_it_may_cost() {
        let emulator = start(json!({"fallback": "echo"}));
        let values: Vec<String> = (0..100).map(|number| format!("value {number}")).collect();
        let properties = json!({"a": {"type": "string", "enum": values}});
        let schema =
            json!({"type": "object", "properties": properties, "required": ["a"], "additionalProperties": false});
        let format = json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}});
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "{\"a\": \"value 7\"}"}], "response_format": format});
        let ask = |budget: Budget| {
            let request = InnerRequest { path: "/v1/chat/completions".into(), body: body.clone(), azure: false };
            let answer = ask(emulator.clone(), emulator.session("k"), request, Arc::new(budget));
            runtime::handle().block_on(answer)
        };
        assert_eq!(ask(Budget::default()).status, 200);
        // Less than there are values.
        let refused = ask(Budget::of(50));
        assert_eq!((refused.status, &refused.body["error"]["code"]), (400, &json!("schema_too_complex")));
        // Of several, the last finds nothing.
        let whole = Arc::new(Budget::of(ask_costs(&ask)));
        assert_eq!(ask(Budget::within(&whole)).status, 200);
        assert_eq!(ask(Budget::within(&whole)).status, 400);
        assert!(whole.is_spent());
    }

    /// The least that suffices, give or take its half.
    fn ask_costs(ask: &impl Fn(Budget) -> InnerAnswer) -> u64 {
        (6..30).map(|power| 1 << power).find(|steps| ask(Budget::of(*steps)).status == 200).expect("it is answered")
    }
}
