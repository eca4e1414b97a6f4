//! Lists of stored resources, in each of the API's page styles.

use super::keep::shelf;
use super::plan::{self, Plan};
use crate::generate::typed::TypedMaker;
use crate::session::store;
use crate::surface::operations::Paging;
use crate::turn::call::Call;
use serde_json::{Value, json};

/// Queries that shape a page rather than choosing what is on it.
const SHAPING: &[&str] = &["after", "before", "limit", "order", "page", "include", "effective_at", "beta"];

/// The page the query asks for: its order, cursor and number, of the objects whose fields are as its filters say.
pub(super) async fn page(call: &Call, plan: &Plan) -> Value {
    let ascending = match call.query("order") {
        Some(order) => order == "asc",
        None => plan::resource(plan.collection).oldest_first,
    };
    let most = if call.operation.page == Some(Paging::Whole) { usize::MAX } else { limit(call) };
    let name = shelf(call, plan.collection);
    let shelf = call.session.store.objects(&name);
    let cursor = if call.operation.page == Some(Paging::Token) { "page" } else { "after" };
    let mut after: Option<String> = call.query(cursor).map(String::from);
    // `before` alone asks for what comes right before it.
    let before = call.query("before").filter(|_| after.is_none());
    let mut data = Vec::new();
    loop {
        let asked = store::Window { after: after.as_deref(), before, ascending, ..store::Window::default() };
        let stored = shelf.page(asked).await;
        let Some(last) = stored.last() else { break };
        after = Some(last.id.to_string());
        data.extend(stored.iter().filter_map(|stored| stored.read::<Value>()).filter(|kept| shows(call, kept)));
        // One more than asked shows whether there is more.
        if data.len() > most || before.is_some() {
            break;
        }
    }
    let has_more = data.len() > most;
    if before.is_some() && has_more {
        data.drain(..data.len() - most);
    }
    data.truncate(most);
    envelope(call, data.iter().map(|kept| item(call, kept)).collect(), has_more)
}

/// A list that is made by the request: nothing of it is kept.
pub(super) async fn made(call: &Call, plan: &Plan) -> Value {
    // `certificates.activate` names what it lists.
    let ids =
        call.body.as_object().into_iter().flatten().find(|(name, value)| name.ends_with("_ids") && value.is_array());
    let mut data = Vec::new();
    if let Some((_, ids)) = ids {
        for id in ids.as_array().into_iter().flatten() {
            let given = super::keep::over(super::fresh(call, plan), &json!({"id": id, "active": true}));
            data.push(item(call, &given));
        }
    }
    envelope(call, data, false)
}

fn limit(call: &Call) -> usize {
    call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20).clamp(1, 1_000)
}

fn item(call: &Call, kept: &Value) -> Value {
    let Some(name) = call.operation.answer else { return kept.clone() };
    let mut random = call.random.fork("object");
    TypedMaker { random: &mut random, now: call.created() }.value(name, kept)
}

/// Whether an object is what the filters ask for: fields of its own with the values they name.
fn shows(call: &Call, kept: &Value) -> bool {
    call.query.iter().filter(|(name, _)| !SHAPING.contains(&name.as_str())).all(|(name, asked)| {
        // Vector stores' files are filtered by status under another name.
        let name = if name == "filter" { "status" } else { name };
        match kept.get(name) {
            Some(Value::String(value)) => value == asked,
            Some(Value::Number(value)) => value.to_string() == *asked,
            Some(Value::Bool(value)) => *asked == if *value { "true" } else { "false" },
            _ => true,
        }
    })
}

fn envelope(call: &Call, data: Vec<Value>, has_more: bool) -> Value {
    let id = |item: Option<&Value>| item.and_then(|item| item.get("id")).cloned().unwrap_or(Value::Null);
    let (first, last) = (id(data.first()), id(data.last()));
    let next = if has_more { last.clone() } else { Value::Null };
    match call.operation.page {
        Some(Paging::NextCursor | Paging::Token) => {
            json!({"object": "list", "data": data, "has_more": has_more, "next": next})
        }
        Some(Paging::Whole) => json!({"object": "list", "data": data}),
        _ => json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more}),
    }
}
