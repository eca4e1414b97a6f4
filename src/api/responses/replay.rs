//! Items a client sends back: whether they can stand where they stand, as far as what was answered before tells.
//!
//! An item without an id, and an id nobody here gave, are taken as they are: clients make up both.

use crate::api::conversations::Conversation;
use crate::api::responses::record::{Link, ResponseRecord};
use crate::runtime;
use crate::session::store::Store;
use crate::session::store::Stored;
use crate::session::store::StoredKind;
use crate::session::store::Window;
use crate::wire::error::ApiError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// Where an item of an answer came from, kept under the item's id.
#[derive(Debug, Serialize, Deserialize)]
struct ItemOrigin {
    /// Where the answer is kept, if it is: its items are known by id then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<u64>,
    /// The reasoning it followed in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    /// Of reasoning: the model whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thinker: Option<String>,
}

impl StoredKind for ItemOrigin {
    const NAME: &'static str = "item";
}

/// Remembers the items of an answer, which is kept at this place.
pub(crate) async fn remember(store: &Store, record: &ResponseRecord, place: Option<u64>) {
    let mut before: Option<&Value> = None;
    for item in record.items.iter().map(|item| &item.value) {
        let reasoning = before.filter(|item| is(item, "reasoning")).and_then(id).map(str::to_string);
        if let Some(id) = id(item) {
            let thinker = is(item, "reasoning").then(|| record.frame.snapshot.clone());
            // It gives way to newer ones, and is never refused.
            let _ = store.put(id, &ItemOrigin { place, reasoning, thinker }).await;
        }
        before = Some(item);
    }
}

/// The stored item a reference names: of an answer, else of what was asked, else of a conversation.
pub(crate) async fn referenced(store: &Store, id: &str) -> Result<Value, ApiError> {
    if let Some(place) = store.get::<ItemOrigin>(id).await.and_then(|origin| origin.place)
        && let Some(item) = store.at::<Link>(place).await.and_then(|stored| stored.read::<Link>()?.item(id))
    {
        return Ok(item);
    }
    let asked = search::<Link>(store, false, id, |link| link.item(id)).await;
    let found = match asked {
        None => search::<Conversation>(store, true, id, |one| one.item(id).cloned()).await,
        found => found,
    };
    found.ok_or_else(|| not_persisted(id))
}

/// Looks for an id in all objects of a type, in their order or the other way round; only those whose text has it are read.
async fn search<T: StoredKind + DeserializeOwned>(
    store: &Store,
    ascending: bool,
    id: &str,
    find: impl Fn(T) -> Option<Value>,
) -> Option<Value> {
    let quoted = Value::from(id).to_string();
    let mut after: Option<Arc<str>> = None;
    loop {
        let page =
            store.objects(T::NAME).page(Window { after: after.as_deref(), ascending, ..Window::default() }).await;
        let size = page.iter().map(|stored| stored.json.len()).sum();
        let look = |stored: &Stored| stored.json.contains(&quoted).then(|| stored.read().and_then(&find)).flatten();
        if let Some(item) = runtime::aside(size, || page.iter().find_map(look)) {
            return Some(item);
        }
        after = Some(page.last()?.id.clone());
    }
}

/// Refuses input that sends back items wrongly: one twice, reasoning that was not stored and does not come along, an
/// item without the reasoning that led to it. `history` is what the request continues.
pub(crate) async fn check(store: &Store, history: &[Value], given: &Value) -> Result<(), ApiError> {
    let Some(given) = given.as_array() else { return Ok(()) };
    let mut seen: HashSet<&str> = history.iter().filter_map(id).collect();
    // Quoted for items, references, and what the conversation has already (openai-agents-js 425, vercel/ai 15492).
    if let Some(id) = given.iter().filter_map(id).find(|id| !seen.insert(id)) {
        let message =
            format!("Duplicate item found with id {id}. Remove duplicate items from your input and try again.");
        return Err(ApiError::invalid(message).param("input"));
    }
    for item in given {
        let Some(id) = id(item) else { continue };
        let Some(origin) = store.get::<ItemOrigin>(id).await else { continue };
        let stored = origin.place.is_some();
        let sealed = item.get("encrypted_content").is_some_and(Value::is_string);
        if is(item, "reasoning") && !stored && !sealed {
            return Err(not_persisted(id));
        }
        // Only of what is stored production knows which reasoning it was.
        if let Some(reasoning) = origin.reasoning.as_deref().filter(|id| stored && !seen.contains(id)) {
            let kind = item.get("type").and_then(Value::as_str).unwrap_or("message");
            // A reference brings what it names from the store.
            if kind != "item_reference" {
                let message = format!(
                    "Item '{id}' of type '{kind}' was provided without its required 'reasoning' item: '{reasoning}'."
                );
                return Err(ApiError::invalid(message).param("input"));
            }
        }
    }
    Ok(())
}

/// `input_transformations`: the reasoning of a conversation that this model does not get to see, in order. The clients'
/// types list five reasons; two can be known here: another model thought it, or the request asks for the reasoning of
/// the current turn alone, and it is older than the user's last message.
pub(crate) async fn withheld<'a>(
    store: &Store,
    items: impl Iterator<Item = &'a Value> + Clone,
    snapshot: &str,
    current_turn: bool,
) -> Vec<Value> {
    let turn = items.clone().enumerate().filter(|(_, item)| item.get("role").is_some_and(|role| role == "user"));
    let turn = turn.last().map(|(at, _)| at).filter(|_| current_turn);
    let mut out = Vec::new();
    for (at, item) in items.enumerate().filter(|(_, item)| is(item, "reasoning")) {
        let Some(id) = id(item) else { continue };
        let thinker = store.get::<ItemOrigin>(id).await.and_then(|origin| origin.thinker);
        let reason = match thinker {
            Some(thinker) if thinker != snapshot => "model_mismatch",
            _ if turn.is_some_and(|turn| at < turn) => "turn_boundary",
            _ => continue,
        };
        out.push(json!({"id": id, "action": "removed", "reason": reason, "type": "reasoning"}));
    }
    out
}

/// An item that is nowhere: quoted word for word in many threads (anomalyco/opencode 7724, vercel/ai 7543).
pub(crate) fn not_persisted(id: &str) -> ApiError {
    let message = format!(
        "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with `store` set \
         to true, or remove this item from your input."
    );
    ApiError::new(404, message).param("input")
}

/// Reasoning that is not followed by what it led to (recording a3133dd70fd5a789): something the model said, with its id.
pub(crate) fn orphan(items: &[Value]) -> Option<ApiError> {
    for (at, item) in items.iter().enumerate() {
        let Some(id) = id(item).filter(|_| is(item, "reasoning")) else { continue };
        let next = items.get(at + 1..).into_iter().flatten().find(|item| !is(item, "reasoning"));
        // Recorded as accepted when the answer stands before it: 850762b8e70b9db8.
        let turned = at.checked_sub(1).and_then(|at| items.get(at)).is_some_and(is_said);
        let before = turned && next.is_some_and(|next| !is_said(next));
        if !before && !next.is_some_and(led_to) {
            let message = format!("Item '{id}' of type 'reasoning' was provided without its required following item.");
            return Some(ApiError::invalid(message).param("input"));
        }
    }
    None
}

/// Whether reasoning can have led to this item.
fn led_to(item: &Value) -> bool {
    match item.get("role") {
        Some(role) => role == "assistant" && id(item).is_some(),
        None => !item.get("type").and_then(Value::as_str).is_some_and(|kind| {
            kind.ends_with("_output") && kind != "tool_search_output" || kind == "mcp_approval_response"
        }),
    }
}

/// A message of the assistant's.
fn is_said(item: &Value) -> bool {
    item.get("role").is_some_and(|role| role == "assistant")
}

fn is(item: &Value, kind: &str) -> bool {
    item.get("type").is_some_and(|is| is == kind)
}

fn id(item: &Value) -> Option<&str> {
    item.get("id").and_then(Value::as_str).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasoning() -> Value {
        json!({"type": "reasoning", "id": "rs_1", "summary": []})
    }

    #[test]
    fn reasoning_needs_what_it_led_to() {
        let user = json!({"role": "user", "content": "x"});
        let said = |id: Option<&str>| json!({"role": "assistant", "content": "42", "id": id});
        let call = json!({"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"});
        let output = json!({"type": "function_call_output", "call_id": "call_1", "output": ""});
        let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
        let free = json!({"type": "reasoning", "summary": []});
        for taken in [
            vec![reasoning(), said(Some("msg_1"))],
            vec![reasoning(), call.clone(), output.clone()],
            vec![reasoning(), json!({"type": "reasoning", "id": "rs_2", "summary": []}), call.clone(), output.clone()],
            vec![reasoning(), search],
            vec![reasoning(), json!({"type": "item_reference", "id": "msg_1"})],
            vec![reasoning(), json!({"id": "msg_1"})],
            vec![user.clone(), said(None), reasoning(), user.clone()],
            vec![user.clone(), free.clone(), user.clone()],
        ] {
            assert_eq!(orphan(&taken), None, "{taken:?}");
        }
        for refused in [
            vec![user.clone(), reasoning(), user.clone()],
            vec![user.clone(), reasoning()],
            vec![user.clone(), reasoning(), output],
            vec![user.clone(), reasoning(), said(None), user.clone()],
            vec![user, reasoning(), json!({"role": "developer", "content": "x"})],
        ] {
            let message = orphan(&refused).map(|error| error.message);
            let expected = "Item 'rs_1' of type 'reasoning' was provided without its required following item.";
            assert_eq!(message.as_deref(), Some(expected), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn nothing_comes_twice() {
        let store = Store::in_test(10, 1_000);
        let item = |id: &str| json!({"type": "message", "role": "assistant", "id": id, "content": "x"});
        assert_eq!(check(&store, &[], &json!([item("msg_1"), item("msg_2"), item(""), item("")])).await, Ok(()));
        for (history, given) in [
            (vec![], json!([item("msg_1"), item("msg_1")])),
            (vec![item("msg_1")], json!([item("msg_1")])),
            (vec![item("msg_1")], json!([{"type": "item_reference", "id": "msg_1"}])),
        ] {
            let error = check(&store, &history, &given).await.expect_err("refused");
            let expected = "Duplicate item found with id msg_1. Remove duplicate items from your input and try again.";
            assert_eq!((error.status, error.message.as_str(), error.param.as_deref()), (400, expected, Some("input")));
        }
    }
}
