//! What is known of a new object before its type is asked: what `resources.json` says of its kind, and what the request
//! says.

use super::CHANGED_BY;
use super::keep;
use super::plan::{Plan, Resource};
use crate::api::merge;
use crate::random::Random;
use crate::turn::call::Call;
use serde_json::{Map, Value, json};

/// What texts of `resources.json` stand for.
pub(super) struct FieldTemplate<'a> {
    pub random: &'a mut Random,
    pub now: u64,
    /// What a name in braces stands for: parameters of the path, fields of the body, objects that these name.
    pub named: &'a Value,
}

impl FieldTemplate<'_> {
    /// What is written, with what it stands for; a name that says nothing leaves its field out.
    pub(super) fn fill(&mut self, written: &Value) -> Value {
        match written {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => {
                let filled = fields.iter().map(|(name, field)| (name.clone(), self.fill(field)));
                filled.filter(|(_, field)| !field.is_null()).collect::<Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    /// `sk-{random:32}`: letters and digits that nobody guesses; `{now+60}`: a time; `{role.name}`: what that is.
    fn text(&mut self, text: &str) -> Value {
        let Some((before, rest)) = text.split_once('{') else { return text.into() };
        let Some((word, after)) = rest.split_once('}') else { return text.into() };
        if let Some(many) = word.strip_prefix("random:") {
            return format!("{before}{}{after}", self.random.alphanumeric(many.parse().unwrap_or(32))).into();
        }
        if let Some(later) = word.strip_prefix("now+") {
            return self.now.saturating_add(later.parse().unwrap_or_default()).into();
        }
        word.split('.').fold(self.named, |value, name| &value[name]).clone()
    }
}

/// A new object with this id; `more` is what it has beside what the whole request says.
pub(super) async fn of(call: &Call, plan: &Plan, id: &str, more: &Value) -> Value {
    let resource = &plan.collection.resource;
    let created = call.created();
    let mut asked: Map<String, Value> = params(call);
    asked.extend(renamed(resource, &call.body).as_object().cloned().unwrap_or_default());
    asked.extend(more.as_object().cloned().unwrap_or_default());
    asked.insert("id".into(), id.into());
    asked.insert("created_at".into(), created.into());
    let asked = Value::Object(asked);

    let mut named = asked.clone();
    for (name, path) in &resource.known {
        named[name] = known(call, path, &asked).await;
    }
    let mut template = FieldTemplate { random: &mut call.random.fork("secrets"), now: created, named: &named };
    let mut given = resource.like.as_ref().map_or_else(|| json!({}), |like| named[like].clone());
    let by_kind = resource.given_for.iter().filter(|(at, is, _)| asked.pointer(at) == Some(is));
    for fields in [&resource.given].into_iter().filter(|given| given.is_object()).chain(by_kind.map(|kind| &kind.2)) {
        merge::over(&mut given, &template.fill(fields));
    }
    merge::over(&mut given, &asked);
    let mut given = given.as_object().cloned().unwrap_or_default();
    given.insert(CHANGED_BY.into(), call.exchange.number.into());
    keep::expiry(&mut given, created);
    redacted(&mut given);
    Value::Object(given)
}

/// What the path names.
pub(super) fn params(call: &Call) -> Map<String, Value> {
    call.params.iter().map(|(name, value)| (name.to_string(), Value::from(value.as_str()))).collect()
}

/// A body with the names that the object has for its fields.
pub(super) fn renamed(resource: &Resource, body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        for (from, to) in &resource.renamed {
            if let Some(value) = fields.remove(from) {
                fields.insert(to.clone(), value);
            }
        }
    }
    body
}

/// The object under a path whose parameters the request names; what is not kept here has its id alone.
async fn known(call: &Call, path: &str, asked: &Value) -> Value {
    let segments = path.split('/').map(|segment| {
        let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
        name.map_or(segment, |name| asked[name].as_str().unwrap_or_default())
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let Some((shelf, id)) = path.rsplit_once('/') else { return Value::Null };
    call.session.store.objects(shelf).get(id).await.unwrap_or_else(|| json!({"id": id}))
}

/// How a secret is shown after it was given once: its beginning and its end.
fn redacted(given: &mut Map<String, Value>) {
    let shown = given
        .get("value")
        .and_then(Value::as_str)
        .and_then(|secret| Some(format!("{}...{}", secret.get(..8)?, secret.get(secret.len().checked_sub(3)?..)?)));
    if let Some(shown) = shown {
        given.insert("redacted_value".into(), shown.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_what_is_known() {
        let named = json!({"role": {"name": "Reader", "permissions": ["a"]}});
        let mut template = FieldTemplate { random: &mut Random::new(1), now: 100, named: &named };
        let written = json!({"name": "{role.name}", "at": "{now+60}", "all": "{role}", "none": "{user.name}",
            "list": [1, "{role.name}"], "plain": "text"});
        let filled = template.fill(&written);
        let expected =
            json!({"name": "Reader", "at": 160, "all": named["role"], "list": [1, "Reader"], "plain": "text"});
        assert_eq!(filled, expected);
        let secret = template.fill(&json!("sk-{random:21}"));
        assert_eq!(secret.as_str().map(str::len), Some(24));
        assert_ne!(template.fill(&json!("sk-{random:21}")), secret);
    }
}
