//! Lists with a cursor: `{"object":"list","data","first_id","last_id","has_more"}`.

use crate::session::store::{Objects, Stored, StoredKind, Window};
use crate::surface::operations::Paging;
use crate::turn::call::Call;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many most lists show unless asked otherwise, and at most.
pub(crate) const LIMITS: (usize, usize) = (20, 100);

/// The order of a list when none is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

/// What a list shows of an object that is kept; nothing of those that are not on it.
pub(crate) type Show<'a> = &'a (dyn Fn(&Stored) -> Option<Value> + Sync);

/// A page of a list, as it is answered.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    object: &'static str,
    data: Vec<Value>,
    first_id: Option<Value>,
    last_id: Option<Value>,
    has_more: bool,
    /// Under which id the last of them is kept: not all show one.
    #[serde(skip)]
    last_kept: Option<Arc<str>>,
}

impl Page {
    /// All of these, whole.
    pub(crate) fn whole(data: Vec<Value>) -> Self {
        Page::of(data, false)
    }

    fn of(data: Vec<Value>, has_more: bool) -> Self {
        let id = |item: Option<&Value>| item.and_then(|item| item.get("id")).cloned();
        let (first_id, last_id) = (id(data.first()), id(data.last()));
        Page { object: "list", first_id, last_id, data, has_more, last_kept: None }
    }

    /// The page the query asks for (`after`, `limit` 1–100, `order`) of `items`, which come oldest first; 20 unless asked
    /// otherwise, and in the resource's own `order`. The query was validated.
    pub(crate) fn asked(call: &Call, items: Vec<Value>, order: Order) -> Self {
        let (limit, ascending) = shape(call, order, LIMITS);
        Page::cut(items, Window { after: call.query("after"), before: call.query("before"), limit, ascending })
    }

    /// The page the query asks for of the stored objects of a type, of those that `show` shows.
    pub(crate) async fn stored<T: StoredKind>(call: &Call, order: Order, show: Show<'_>) -> Self {
        Page::kept(call, T::NAME, order, LIMITS, show).await
    }

    /// The page the query asks for of what is kept under a name, of that which `show` shows: so many unless asked
    /// otherwise, and so many at most.
    pub(crate) async fn kept(call: &Call, name: &str, order: Order, limits: (usize, usize), show: Show<'_>) -> Self {
        let (limit, ascending) = shape(call, order, limits);
        let window = Window { after: call.query("after"), before: call.query("before"), limit, ascending };
        Page::walk(call.session.store.objects(name), window, show).await
    }

    /// The part of what is kept that `window` says, of those that `show` shows.
    pub(crate) async fn walk(objects: Objects<'_>, mut window: Window<'_>, show: Show<'_>) -> Self {
        let limit = window.limit;
        // `before` alone asks for what comes right before it: what follows it, seen from the other end.
        let backwards = window.before.is_some() && window.after.is_none();
        if backwards {
            (window.after, window.before, window.ascending) = (window.before, None, !window.ascending);
        }
        let mut after = window.after.map(Arc::from);
        let mut data: Vec<(Value, Arc<str>)> = Vec::new();
        // One more than asked shows whether there is more.
        while data.len() <= limit {
            let page = Window { after: after.as_deref(), limit: Window::default().limit, ..window };
            let page = objects.page(page).await;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            let wanted = limit.saturating_add(1) - data.len();
            let shown = page.iter().filter_map(|stored| Some((show(stored)?, stored.id.clone())));
            data.extend(shown.take(wanted));
        }
        let has_more = data.len() > limit;
        data.truncate(limit);
        if backwards {
            data.reverse();
        }
        let last_kept = data.last().map(|(_, id)| id.clone());
        Page { last_kept, ..Page::of(data.into_iter().map(|(shown, _)| shown).collect(), has_more) }
    }

    /// What is on it, to be shown otherwise; ids stay.
    pub(crate) fn items(&mut self) -> impl Iterator<Item = &mut Value> {
        self.data.iter_mut()
    }

    /// As lists of this style are answered.
    pub(crate) fn in_style(self, style: Option<Paging>) -> Value {
        let next = self.last_kept.as_ref().filter(|_| self.has_more);
        match style {
            Some(Paging::NextCursor | Paging::Token) => {
                json!({"object": "list", "data": self.data, "has_more": self.has_more, "next": next})
            }
            Some(Paging::Whole) => json!({"object": "list", "data": self.data, "has_more": false}),
            _ => json!(self),
        }
    }

    /// The part of items that `window` says; they come in the order that is called ascending.
    pub(crate) fn cut(mut items: Vec<Value>, window: Window<'_>) -> Self {
        let Window { after, before, limit, ascending } = window;
        if !ascending {
            items.reverse();
        }
        let place = |items: &[Value], id: &str| items.iter().position(|item| item["id"] == id);
        if let Some(at) = before.and_then(|before| place(&items, before)) {
            items.truncate(at);
        }
        if let Some(at) = after.and_then(|after| place(&items, after)) {
            items.drain(..at + 1);
        }
        let has_more = items.len() > limit;
        match (before, after) {
            // Alone it asks for what comes right before it.
            (Some(_), None) => drop(items.drain(..items.len().saturating_sub(limit))),
            _ => items.truncate(limit),
        }
        Page::of(items, has_more)
    }
}

/// How many are asked for, and whether oldest first.
pub(crate) fn shape(call: &Call, order: Order, (usual, most): (usize, usize)) -> (usize, bool) {
    let limit = call.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usual).clamp(1, most);
    (limit, call.query("order").map_or(order == Order::OldestFirst, |order| order == "asc"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::store::Store;

    #[test]
    fn pages_follow_each_other() {
        let items = || ["a", "b", "c"].into_iter().map(|id| json!({"id": id})).collect::<Vec<_>>();
        let all = Window { limit: 9, ..Window::default() };
        let page = Page::cut(items(), Window { limit: 2, ascending: false, ..all });
        assert_eq!(
            serde_json::to_string(&page).expect("it serializes"),
            r#"{"object":"list","data":[{"id":"c"},{"id":"b"}],"first_id":"c","last_id":"b","has_more":true}"#
        );
        let page = Page::cut(items(), Window { after: Some("b"), ascending: false, ..all });
        assert_eq!((page.data, page.has_more), (vec![json!({"id": "a"})], false));
        assert_eq!(Page::cut(items(), Window { after: Some("a"), limit: 1, ..all }).last_id, Some(json!("b")));
        let page = Page::cut(items(), Window { before: Some("c"), limit: 1, ..all });
        assert_eq!((page.data, page.has_more), (vec![json!({"id": "b"})], true));
        let between = Window { after: Some("a"), before: Some("c"), ..all };
        assert_eq!(Page::cut(items(), between).data, vec![json!({"id": "b"})]);
    }

    #[tokio::test]
    async fn pages_of_what_is_stored_follow_each_other() {
        #[derive(Serialize)]
        struct Number(usize);
        impl StoredKind for Number {
            const NAME: &'static str = "number";
        }
        let store = Store::in_test(1_000, 1_000_000);
        for number in 0..250 {
            store.add(&format!("n{number}"), &Number(number)).await.expect("room");
        }
        // Every third is shown: more than one page of the store has to be read.
        let third = |stored: &Stored| {
            let number: usize = stored.read()?;
            (number.is_multiple_of(3)).then(|| json!({"id": stored.id, "number": number}))
        };
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = {
                let window = Window { after: after.as_deref(), limit: 40, ascending: false, ..Window::default() };
                Page::walk(store.objects(Number::NAME), window, &third).await
            };
            seen.extend(page.data.iter().map(|shown| shown["number"].as_u64().expect("a number")));
            after = page.last_id.and_then(|id| Some(id.as_str()?.to_string()));
            if !page.has_more {
                break;
            }
            assert_eq!(page.data.len(), 40);
        }
        assert_eq!(seen, (0..250).rev().filter(|number| number % 3 == 0).collect::<Vec<u64>>());
    }
}
