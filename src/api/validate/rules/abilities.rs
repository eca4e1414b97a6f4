//! What a model cannot do, as far as requests are concerned: the table `abilities.json`, a row per parameter and group of
//! models. What a model offers (efforts, verbosities) stands in the catalogue.

use crate::api::validate::rules::{Faults, Phase};
use crate::turn::models::Model;
use crate::wire::dialect::Dialect;
use crate::wire::error::ApiError;
use crate::wire::error::Style;
use crate::wire::error::quoted_list;
use crate::wire::field::find;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// The table as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "about")]
    _about: String,
    groups: HashMap<String, Vec<String>>,
    words: HashMap<String, Wording>,
    rows: Vec<Ability>,
    /// Which rows look at a field of the body, by its name: few of them look at any that a request has.
    #[serde(skip)]
    by_field: BTreeMap<String, Vec<usize>>,
}

/// How a refusal is said; `{param}`, `{value}`, `{model}` and the like stand for what is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    message: String,
    /// When several parameters are refused at once.
    several: Option<String>,
    param: Option<String>,
    code: Option<String>,
    status: Option<u16>,
}

/// Which requests some models refuse.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ability {
    /// Whose requests it is about.
    api: Dialect,
    /// Fields, or paths to fields of fields; `[]` is each item of a list.
    params: Vec<String>,
    of: Vec<String>,
    #[serde(default)]
    but: Vec<String>,
    #[serde(default)]
    thinking: bool,
    accepts: Option<Vec<Value>>,
    refuses: Option<Vec<Value>>,
    most: Option<i64>,
    offers: Option<Offered>,
    #[serde(default)]
    phase: Met,
    words: String,
    #[cfg_attr(not(test), allow(dead_code))]
    tries: Value,
    #[cfg_attr(not(test), allow(dead_code))]
    evidence: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Offered {
    Efforts,
    Verbosities,
}

/// When OpenAI meets the fault.
#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Met {
    #[default]
    Field,
    Capability,
    Messages,
}

/// A value that is refused.
struct Hit<'a> {
    param: &'a str,
    value: &'a Value,
    /// Places in the lists its path leads through.
    places: Vec<usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // The file is part of the program: what fails here fails every test, and never ships.
    let mut table: Table = serde_json::from_str(include_str!("abilities.json")).expect("abilities.json is well-formed");
    let Table { groups, rows, by_field, .. } = &mut table;
    for (at, row) in rows.iter_mut().enumerate() {
        row.of = spelled(&row.of, groups);
        row.but = spelled(&row.but, groups);
        for path in &row.params {
            by_field.entry(field(path).to_string()).or_default().push(at);
        }
    }
    table
});

/// Selectors with their groups written out.
fn spelled(selectors: &[String], groups: &HashMap<String, Vec<String>>) -> Vec<String> {
    let each =
        selectors.iter().flat_map(|selector| match selector.strip_prefix('@').and_then(|name| groups.get(name)) {
            Some(group) => spelled(group, groups),
            None => vec![selector.clone()],
        });
    each.collect()
}

/// Refuses what the model cannot do.
pub(super) fn check(api: Dialect, body: &Value, model: &Model, faults: &mut Faults) {
    let effort = match api {
        Dialect::Responses => find(body, "reasoning").and_then(|reasoning| reasoning.get("effort")),
        _ => find(body, "reasoning_effort"),
    };
    let thinks = thinks(model, effort.and_then(Value::as_str));
    let (table, own) = (&*TABLE, known(model));
    let mut concerned = Vec::new();
    for key in body.as_object().into_iter().flat_map(|fields| fields.keys()) {
        let rows = table.by_field.get(key).into_iter().flatten();
        concerned.extend(rows.copied().filter(|at| table.rows[*at].api == api));
    }
    concerned.sort_unstable();
    concerned.dedup();
    for row in concerned.into_iter().map(|at| &table.rows[at]) {
        if row.thinking && !thinks || !row.concerns(model, own) {
            continue;
        }
        let mut hits = Vec::new();
        row.params.iter().for_each(|param| hits.extend(row.hits(param, body, model)));
        let Some(first) = hits.first() else { continue };
        let error = || Some(row.error(&hits, model));
        match row.phase {
            Met::Field => faults.at(field(first.param), error),
            Met::Capability => faults.after(Phase::Capability, error),
            Met::Messages => faults.after(Phase::Messages, error),
        }
    }
}

/// Whether it thinks when asked with this effort (`None` = not said): it refuses sampling parameters then.
pub(super) fn thinks(model: &Model, effort: Option<&str>) -> bool {
    model.reasoning && (effort.or(model.default_effort()) != Some("none") || !model.efforts().contains(&"none"))
}

/// Whether the catalogue's rules are this model's own: names nobody knows borrow gpt-4o's limits, and may well reason.
fn known(model: &Model) -> bool {
    model.family != "emulator" && (model.family != "gpt-4o" || model.id.contains("gpt-4o"))
}

/// The field of the body a path begins with.
fn field(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or(path)
}

/// Whether a selector names the model: its family, its id, or its id without the date; `own` = see [`known`].
fn names(selector: &str, model: &Model, own: bool) -> bool {
    selector == "*" || own && (selector == model.family || Model::is_named(&model.id, selector))
}

impl Ability {
    fn concerns(&self, model: &Model, own: bool) -> bool {
        let among = |selectors: &[String]| selectors.iter().any(|selector| names(selector, model, own));
        among(&self.of) && !among(&self.but)
    }

    fn offered(&self, model: &Model) -> Option<Vec<&'static str>> {
        let mut offered = match self.offers.as_ref()? {
            Offered::Efforts => model.efforts(),
            // Codex models speak in one way only.
            Offered::Verbosities if model.id.contains("codex") => vec!["medium"],
            Offered::Verbosities => model.verbosities(),
        };
        offered.retain(|one| !self.refuses.iter().flatten().any(|refused| refused == one));
        Some(offered)
    }

    fn is_refused(&self, value: &Value, model: &Model) -> bool {
        let among = |list: &[Value]| list.iter().any(|one| same(one, value));
        if value.is_null() || self.accepts.as_deref().is_some_and(among) {
            return false;
        }
        match (self.offered(model), self.most, &self.refuses) {
            (Some(offered), ..) => value.as_str().is_some_and(|value| !offered.contains(&value)),
            (_, Some(most), _) => value.as_i64().is_some_and(|value| value > most),
            (_, _, Some(refused)) => among(refused),
            _ => true,
        }
    }

    /// The refused values at a path.
    fn hits<'a>(&self, param: &'a str, body: &'a Value, model: &Model) -> Vec<Hit<'a>> {
        let mut hits = Vec::new();
        each_at(param, body, &mut Vec::new(), &mut |value, places| {
            if self.is_refused(value, model) {
                hits.push(Hit { param, value, places: places.to_vec() });
            }
        });
        hits
    }

    fn error(&self, hits: &[Hit], model: &Model) -> ApiError {
        static NONE: Wording = Wording { message: String::new(), several: None, param: None, code: None, status: None };
        let words = TABLE.words.get(&self.words).unwrap_or(&NONE);
        let Some(first) = hits.first() else { return ApiError::invalid("") };
        let value = first.value.as_str().map_or_else(|| first.value.to_string(), str::to_string);
        let say = |template: &str| {
            let mut said = template.to_string();
            for (name, value) in [
                ("param", first.param.to_string()),
                ("field", field(first.param).to_string()),
                ("params", hits.iter().map(|hit| hit.param).collect::<Vec<_>>().join(", ")),
                ("value", value.clone()),
                ("model", model.id.to_string()),
                ("snapshot", model.snapshot().to_string()),
                ("most", self.most.unwrap_or_default().to_string()),
                ("offered", quoted_list(&self.offered(model).unwrap_or_default())),
                ("0", first.places.first().copied().unwrap_or_default().to_string()),
                ("1", first.places.get(1).copied().unwrap_or_default().to_string()),
            ] {
                said = said.replace(&format!("{{{name}}}"), &value);
            }
            said
        };
        let template = words.several.as_ref().filter(|_| hits.len() > 1).unwrap_or(&words.message);
        let mut error = ApiError::new(words.status.unwrap_or(400), say(template));
        if words.status == Some(403) {
            error = error.style(Style::Edge);
        }
        if let Some(param) = &words.param {
            error = error.param(say(param));
        }
        match &words.code {
            Some(code) => error.code(code.clone()),
            None => error,
        }
    }
}

/// Tells of each value at a path, with its places in the lists that the path leads through.
fn each_at<'a>(path: &str, value: &'a Value, places: &mut Vec<usize>, found: &mut impl FnMut(&'a Value, &[usize])) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let mut go_on = |value, places: &mut Vec<usize>| match rest {
        Some(rest) => each_at(rest, value, places, found),
        None => found(value, places),
    };
    let Some(name) = step.strip_suffix("[]") else {
        return find(value, step).into_iter().for_each(|value| go_on(value, places));
    };
    for (at, item) in find(value, name).and_then(Value::as_array).into_iter().flatten().enumerate() {
        places.push(at);
        go_on(item, places);
        places.pop();
    }
}

/// Whether two values are the same for a parameter: `1` and `1.0` are.
fn same(left: &Value, right: &Value) -> bool {
    left == right || left.as_f64().is_some_and(|left| right.as_f64() == Some(left))
}

#[cfg(test)]
#[path = "abilities_tests.rs"]
mod tests;
