//! Lists of stored resources, in each of the API's page styles.

use super::given;
use super::keep::{self, shelf};
use super::plan::Plan;
use super::{CHANGED_BY, made as made_of};
use crate::api::list::{Order, Page, shape};
use crate::session::store::{Stored, Window};
use crate::surface::operations::Paging;
use crate::turn::call::Call;
use crate::wire::error::ApiError;
use crate::wire::value::Holds;
use serde_json::{Value, json};

/// Queries that shape a page rather than choosing what is on it.
const SHAPING: &[&str] =
    &["after", "before", "limit", "order", "order_by", "page", "include", "include_archived", "effective_at", "beta"];

/// The page the query asks for: its order, cursor and number, of the objects whose fields are as its filters say.
pub(super) async fn page(call: &Call, plan: &Plan) -> Value {
    let oldest_first = plan.collection.resource.oldest_first;
    let order = if oldest_first { Order::OldestFirst } else { Order::NewestFirst };
    let (limit, ascending) = shape(call, order, (20, 1_000));
    let cursor = if call.operation.page == Some(Paging::Token) { "page" } else { "after" };
    let window = Window {
        after: call.query(cursor),
        before: call.query("before").filter(|_| call.query(cursor).is_none()),
        limit: if call.operation.page == Some(Paging::Whole) { usize::MAX } else { limit },
        ascending,
    };
    let name = shelf(call, plan.collection.path);
    let objects = call.session.store.objects(&name);
    let shown = |stored: &Stored| stored.read().filter(|kept| shows(call, kept));
    let page = match call.query("order_by") {
        // By what changes: all of them are sorted anew.
        Some("updated_at") => {
            let mut all: Vec<Value> = objects.all().await.iter().filter_map(shown).collect();
            all.sort_by_cached_key(changed);
            let mut page = Page::cut(all, window);
            page.items().for_each(|kept| *kept = made_of(call, kept));
            page
        }
        // By when they were made, in which order they are kept.
        _ => Page::walk(objects, window, &|stored| shown(stored).map(|kept| made_of(call, &kept))).await,
    };
    page.in_style(call.operation.page)
}

/// When an object was changed last, and by which exchange of that second.
fn changed(kept: &Value) -> (u64, u64) {
    let at = kept["updated_at"].as_u64().or_else(|| kept["created_at"].as_u64());
    (at.unwrap_or_default(), kept[CHANGED_BY].as_u64().unwrap_or_default())
}

/// A list that is made by the request, of what its body names.
pub(super) async fn made(call: &Call, plan: &Plan) -> Result<Value, ApiError> {
    let ids = call.body.members().find(|(name, value)| name.ends_with("_ids") && value.is_array());
    let mut data = Vec::new();
    if let Some((name, ids)) = ids {
        for (at, named) in ids.elements().enumerate() {
            // `certificates.activate` names what it lists, `permissions.create` for whom each is made.
            if plan.collection.item.is_empty() {
                let given = given::of(call, plan, named.as_str().unwrap_or_default(), &Value::Null).await;
                data.push(made_of(call, &given));
                continue;
            }
            let (id, of) = (keep::new_id(call, plan, at), name.trim_end_matches('s'));
            let given = given::of(call, plan, &id, &json!({of: named})).await;
            let answer = made_of(call, &given);
            let kept = keep::over(given, &answer);
            call.session.store.objects(&shelf(call, plan.collection.path)).put(&id, &kept).await?;
            data.push(answer);
        }
    }
    let mut page = Page::whole(data).in_style(call.operation.page);
    // Some are named after what was done.
    if let Some(object) = plan.collection.resource.given.get("object") {
        page["object"] = object.clone();
    }
    Ok(page)
}

/// Whether an object is what the filters ask for: fields of its own with the values they name, which of several named
/// one must be. What is archived is on no list unless it is asked for.
fn shows(call: &Call, kept: &Value) -> bool {
    let archived = kept["status"] == "archived" && call.query("include_archived") != Some("true");
    let filters = call.query.iter().map(|(name, _)| name.split_once('[').unwrap_or((name, "")));
    let mut filters = filters.filter(|(name, _)| !SHAPING.contains(name));
    !archived
        && filters.all(|(name, inner)| {
            // `metadata[a]=b` asks for what is inside, `status[]=a` and `status[0]=a` for one of a list.
            let inner = inner.trim_end_matches(']');
            let mut asked = call.queries(name);
            // Vector stores' files are filtered by status under another name.
            match field(kept, if name == "filter" { "status" } else { name }) {
                Value::Object(fields) if !inner.is_empty() => {
                    let asked = call.query(&format!("{name}[{inner}]"));
                    fields.get(inner).and_then(Value::as_str) == asked
                }
                Value::String(value) => asked.any(|asked| value == asked),
                Value::Number(value) => asked.any(|asked| value.to_string() == asked),
                Value::Bool(value) => asked.any(|asked| asked == if *value { "true" } else { "false" }),
                // What was made without metadata has none of it, and what belongs to nobody not to this one.
                Value::Null => inner.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with("_id"),
                _ => true,
            }
        })
}

/// A field of an object, or of what it holds: an automation's `session_id` is its target's.
fn field<'a>(kept: &'a Value, name: &str) -> &'a Value {
    let inside = || kept.as_object()?.values().find_map(|inner| inner.get(name));
    kept.get(name).or_else(inside).unwrap_or(&Value::Null)
}
