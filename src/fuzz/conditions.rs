//! Conditions against prompts.

use super::ask::LENIENT;
use super::requests::split;
use bytes::Bytes;
use hyper::Request;
use serde_json::{Value, json};

/// A condition as JSON, an empty line, and the body of a request: of the condition and its contrary exactly one holds,
/// whichever stands first; a rule found by its index holds when it is looked at as an expectation.
pub fn conditions(bytes: &[u8]) {
    let mut halves = split(bytes, b"\n\n");
    let Some(Ok(condition)) = halves.next().map(serde_json::from_slice::<Value>) else { return };
    let Some(body) = halves.next() else { return };
    let yes = json!({"name": "yes", "match": condition, "expect": condition, "text": "a"});
    let no = json!({"name": "no", "match": {"not": condition}, "expect": {"not": condition}, "text": "b"});
    let path = match serde_json::from_slice::<Value>(body) {
        Ok(body) if body.get("prompt").is_some() => "/v1/completions",
        Ok(body) if body.get("input").is_some() => "/v1/responses",
        _ => "/v1/chat/completions",
    };
    let request = |path: &str, body: Bytes| {
        let request = Request::builder().method("POST").uri(path).header("x-team", "a").body(());
        request.ok().map(|request| (request.into_parts().0, body))
    };
    let answered = [[&yes, &no], [&no, &yes]].map(|rules| {
        let script = json!({"models": "any", "rules": rules}).to_string();
        let requests = [request("/_emulator/script", script.into()), request(path, Bytes::copy_from_slice(body))];
        LENIENT.ask(&requests.into_iter().flatten().collect::<Vec<_>>())
    });
    if answered[0].first().is_some_and(|loaded| loaded.status != 200) {
        return;
    }
    let [one, other] = &answered.map(|mut told| told.pop());
    let (Some(one), Some(other)) = (one, other) else { return };
    // What is no request at all is refused before any rule.
    let refused = one.status >= 400 && one.rule.is_none() && one.failure.is_none();
    assert!(refused || one.rule.is_some(), "neither {condition} nor its contrary holds: {one:?}");
    assert_eq!(one.rule, other.rule, "the order decides about {condition}");
    assert_eq!((&one.failure, &other.failure), (&None, &None), "{condition} holds and does not");
}
