//! The catalogue: which models exist, and the rules each brings to validation, limits and answers.
//!
//! The facts stand in `models.json`, families with their models; what a model says overrides what its family says.
//! Sources: ids, `created` and `owned_by` from the newest recorded list (4d5a07fb1a85ab5e, 2026-05), newer ids from the
//! model unions of the `openai` npm package 7.55.0; their `created` is the day of the first version that names them.
//! Snapshots, sampling defaults, retention, `phase` and limits are those of recorded answers; models newer than the
//! recordings have the rules of gpt-5.6. Context windows and output limits are OpenAI's published ones.

use crate::random;
use crate::tokens::Encoding;
use crate::wire::field;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// What a model can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModelKind {
    /// Chat completions and Responses.
    Chat,
    /// Chat completions only: audio, web search, o1-mini.
    ChatOnly,
    /// Responses only: pro, codex and research models.
    Responses,
    /// Legacy completions.
    Completions,
    Embedding,
    Moderation,
    Image,
    Speech,
    Transcription,
    Realtime,
    Video,
}

/// Which items of a streamed response are `completed` when they are first shown: what a model has whole by then. A text
/// of such a model comes in one delta.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whole {
    #[default]
    Nothing,
    /// o3-pro.
    Calls,
    /// o1-pro (recordings 73e84cf554c89b3a, 98cbc4bccd7285d2), and every model in `reasoning.mode` pro (0c3cef97b8a2a0aa).
    Items,
}

/// A model and its rules, which all that name it share: it is handed from one to the next in every turn.
#[derive(Debug, Clone)]
pub(crate) struct Model(Arc<ModelRules>);

impl Deref for Model {
    type Target = ModelRules;

    fn deref(&self) -> &ModelRules {
        &self.0
    }
}

/// A row of the catalogue.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelRules {
    pub id: String,
    /// Group of models with the same rules: `gpt-4o`, `gpt-5.4`.
    #[serde(deserialize_with = "leaked")]
    pub family: &'static str,
    /// Name in answers, if it is another: see [`Model::snapshot`].
    #[serde(default)]
    snapshot: Option<String>,
    /// Unix seconds.
    pub created: u64,
    #[serde(default = "system")]
    pub owned_by: String,
    /// Retired by OpenAI: not listed, 404 "has been deprecated" when used.
    #[serde(default)]
    pub deprecated: bool,
    pub kind: ModelKind,
    /// Tokens of prompt and answer together; for embeddings, of one input.
    pub context_window: u64,
    /// Tokens of the answer, reasoning included.
    pub max_output_tokens: u64,
    /// Thinks before it answers (o-series, gpt-5 and later): no `logprobs` key, no `temperature`, other token counts.
    #[serde(default)]
    pub reasoning: bool,
    /// `reasoning.effort` when the request sets none.
    #[serde(default)]
    effort: Option<String>,
    /// Values `reasoning.effort` may have; empty for models that do not reason.
    #[serde(default, deserialize_with = "leaked")]
    efforts: &'static [Box<str>],
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    mode: Option<String>,
    /// See [`Model::whole`].
    #[serde(default)]
    whole: Whole,
    /// Values `verbosity` may have.
    #[serde(default = "medium", deserialize_with = "leaked")]
    verbosities: &'static [Box<str>],
    /// `top_p` in answers to requests that set none.
    #[serde(default = "one")]
    pub top_p: f64,
    /// `in_memory` or `24h`, in answers to requests that set none.
    #[serde(default = "in_memory")]
    pub prompt_cache_retention: String,
    #[serde(default)]
    fingerprint: bool,
    /// Message items of Responses carry `phase`.
    #[serde(default)]
    pub phase: bool,
    /// Hears and speaks.
    #[serde(default)]
    pub audio: bool,
    /// Width of its vectors, for embedding models.
    #[serde(default)]
    pub dimensions: Option<u32>,
    /// Whether a request may ask for narrower vectors.
    #[serde(default)]
    pub adjustable_dimensions: bool,
    /// Tokens of a picture of ordinary size.
    #[serde(default)]
    pub image_tokens: u64,
    /// Tokens around the tools of a Responses request, for models that think.
    #[serde(default)]
    pub tool_tokens: u64,
    /// As recorded in `x-ratelimit-limit-requests`.
    pub requests_per_minute: u64,
    /// As recorded in `x-ratelimit-limit-tokens`; 0 where that header is absent.
    pub tokens_per_minute: u64,
}

impl Model {
    /// A model by another name, or with other limits than the catalogue's: the rules are those of the model itself if
    /// it is known, of the longest known name it begins with (`gpt-5.4-acme`), else of gpt-4o.
    pub(crate) fn custom(
        id: &str,
        context_window: Option<u64>,
        max_output_tokens: Option<u64>,
        owned_by: Option<&str>,
    ) -> Self {
        let base = find(id);
        let known = base.is_some();
        let nearest =
            || catalogue().iter().filter(|model| id.starts_with(&*model.id)).max_by_key(|model| model.id.len());
        let mut model = base.or_else(|| nearest().cloned()).unwrap_or_else(|| CATALOGUE.ordinary.clone());
        let rules = Arc::make_mut(&mut model.0);
        if !known {
            rules.rename(id, "openai");
        }
        rules.deprecated = false;
        rules.context_window = context_window.unwrap_or(rules.context_window);
        rules.max_output_tokens = max_output_tokens.unwrap_or(rules.max_output_tokens).min(rules.context_window);
        if let Some(owner) = owned_by {
            rules.owned_by = owner.to_string();
        }
        model
    }

    /// Whether a model's id is this name, with the date of a snapshot or without.
    pub(crate) fn is_named(id: &str, name: &str) -> bool {
        id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"))
    }
}

impl ModelRules {
    fn rename(&mut self, id: &str, owner: &str) {
        self.id = id.to_string();
        self.owned_by = owner.to_string();
        self.snapshot = None;
    }

    /// The name answers give: `gpt-4o` is answered by `gpt-4o-2024-08-06`.
    pub(crate) fn snapshot(&self) -> &str {
        self.snapshot.as_ref().unwrap_or(&self.id)
    }

    /// How its text becomes tokens.
    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::for_model(&self.id)
    }

    /// `system_fingerprint`: `fp_` and ten hexadecimal digits, always the same for one snapshot; none for gpt-3.5-turbo,
    /// gpt-4, gpt-5 and the o-series (real-traffic §2.1).
    pub(crate) fn fingerprint(&self) -> Option<String> {
        let hash = random::key(0, &[b"fingerprint", self.snapshot().as_bytes()]);
        self.fingerprint.then(|| format!("fp_{:010x}", hash & 0xff_ffff_ffff))
    }

    /// Values `reasoning.effort` may have; empty for models that do not reason.
    pub(crate) fn efforts(&self) -> Vec<&'static str> {
        self.efforts.iter().map(|word| &**word).collect()
    }

    /// What is whole before a streamed answer to this request begins.
    pub(crate) fn whole(&self, body: &Value) -> Whole {
        if is_pro(body) { Whole::Items } else { self.whole }
    }

    /// Values `verbosity` may have.
    pub(crate) fn verbosities(&self) -> Vec<&'static str> {
        self.verbosities.iter().map(|word| &**word).collect()
    }

    /// Effort of a request that sets none; `None` for models that do not reason.
    pub(crate) fn default_effort(&self) -> Option<&str> {
        self.effort.as_deref()
    }

    /// `reasoning` of a Responses object, with what the request asked: `context, effort, mode, summary`; `mode` only
    /// where the model reasons; summary `auto` is answered as `detailed` (393592be9b3d1276 and others of 2026-07).
    pub(crate) fn reasoning_object(&self, asked: &Value) -> Value {
        let choose = |key: &str, usual: &Option<String>| match asked.get(key) {
            Some(value) if !value.is_null() => value.clone(),
            _ => json!(usual),
        };
        let summary = match asked.get("summary").and_then(Value::as_str) {
            Some("auto") => json!("detailed"),
            other => json!(other),
        };
        let mut object = json!({"context": choose("context", &self.context), "effort": choose("effort", &self.effort)});
        if self.reasoning {
            object["mode"] = choose("mode", &self.mode);
        }
        object["summary"] = summary;
        object
    }
}

/// A model as `models.list` and `models.retrieve` show it: `id, object, created, owned_by`.
pub(crate) fn list_object(model: &Model) -> Value {
    json!({"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by})
}

/// All models, older families first.
pub(crate) fn catalogue() -> &'static [Model] {
    &CATALOGUE.models
}

/// Whether a request asks for several models that think and one that reads their answers.
pub(crate) fn is_pro(body: &Value) -> bool {
    let mode = field::find(body, "reasoning").and_then(|reasoning| field::find(reasoning, "mode"));
    mode.is_some_and(|mode| mode == "pro")
}

/// A model by its id. A fine-tuned model (`ft:base:organization::suffix`) has the rules of its base.
pub(crate) fn find(id: &str) -> Option<Model> {
    let known = |name: &str| CATALOGUE.places.get(name).and_then(|at| CATALOGUE.models.get(*at)).cloned();
    let Some(base) = id.strip_prefix("ft:") else { return known(id) };
    let mut model = known(base.split(':').next().unwrap_or_default())?;
    let rules = Arc::make_mut(&mut model.0);
    rules.rename(id, "user-llemulator0000000000000");
    rules.deprecated = false;
    Some(model)
}

struct Catalogue {
    models: Vec<Model>,
    places: HashMap<String, usize>,
    /// Whose rules a name has that resembles nothing.
    ordinary: Model,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    // The file is part of the program: what fails here fails every test, and never ships.
    let models = read(include_str!("models.json")).expect("models.json is well-formed");
    let places: HashMap<_, _> = models.iter().enumerate().map(|(at, model)| (model.id.clone(), at)).collect();
    let ordinary = models[places["gpt-4o"]].clone();
    Catalogue { models, places, ordinary }
});

/// Reads families into models.
fn read(text: &str) -> Result<Vec<Model>, serde_json::Error> {
    let families: Vec<serde_json::Map<String, Value>> = serde_json::from_str(text)?;
    let mut models = Vec::new();
    for mut family in families {
        for model in Vec::<serde_json::Map<String, Value>>::deserialize(family.remove("models").unwrap_or_default())? {
            let mut whole = family.clone();
            whole.extend(model);
            models.push(Model(Arc::new(ModelRules::deserialize(Value::Object(whole))?)));
        }
    }
    Ok(models)
}

/// A slice or text that lives as long as the program, as the catalogue does.
fn leaked<'de, D: Deserializer<'de>, T: ?Sized>(from: D) -> Result<&'static T, D::Error>
where
    Box<T>: Deserialize<'de>,
{
    Box::deserialize(from).map(|value: Box<T>| &*Box::leak(value))
}

fn system() -> String {
    "system".into()
}

fn in_memory() -> String {
    "in_memory".into()
}

fn medium() -> &'static [Box<str>] {
    static MEDIUM: LazyLock<[Box<str>; 1]> = LazyLock::new(|| ["medium".into()]);
    &*MEDIUM
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_once_and_answers_by_a_known_name() {
        let models = read(include_str!("models.json")).unwrap();
        assert_eq!(models.len(), CATALOGUE.places.len());
        for model in &models {
            let snapshot = model.snapshot();
            let chats = matches!(model.kind, ModelKind::Chat | ModelKind::ChatOnly | ModelKind::Responses);
            // Base models, embeddings and moderation answer by names nobody can ask for.
            assert!(!chats || find(snapshot).is_some() || snapshot == "gpt-4-1106-vision-preview", "{snapshot}");
            assert_eq!(model.reasoning, !model.efforts().is_empty(), "{}", model.id);
            assert!(model.default_effort().is_none_or(|effort| model.efforts().contains(&effort)), "{}", model.id);
        }
    }

    #[test]
    fn rules_as_recorded() {
        let gpt_4o = find("gpt-4o").unwrap();
        assert_eq!((gpt_4o.snapshot(), gpt_4o.top_p, gpt_4o.phase), ("gpt-4o-2024-08-06", 1.0, false));
        assert!(gpt_4o.fingerprint().is_some_and(|text| text.len() == 13 && text.starts_with("fp_")));
        assert_eq!(gpt_4o.fingerprint(), find("gpt-4o-2024-08-06").unwrap().fingerprint());
        assert_eq!(
            gpt_4o.reasoning_object(&Value::Null).to_string(),
            r#"{"context":null,"effort":null,"summary":null}"#
        );
        let sol = find("gpt-5.6").unwrap();
        assert_eq!((sol.snapshot(), sol.top_p, sol.phase), ("gpt-5.6-sol", 0.98, true));
        assert_eq!((sol.fingerprint(), &*sol.prompt_cache_retention), (None, "24h"));
        assert_eq!(
            sol.reasoning_object(&json!({"summary": "auto"})).to_string(),
            r#"{"context":"all_turns","effort":"medium","mode":"standard","summary":"detailed"}"#
        );
    }

    #[test]
    fn the_seeds_models_are_known() {
        for id in ["gpt-4", "gpt-3.5-turbo-16k", "gpt-4-turbo-preview", "text-davinci-002", "claude-3-opus", "smollm"] {
            assert!(find(id).is_some_and(|model| !model.deprecated), "{id}");
        }
        assert_eq!(list_object(&find("mokku-echo-1").unwrap())["owned_by"], "openai-mokku");
    }

    #[test]
    fn other_names_take_the_rules_of_what_they_resemble() {
        let tuned = find("ft:gpt-4o-mini-2024-07-18:acme::abc123").unwrap();
        assert_eq!((tuned.snapshot(), tuned.family), ("ft:gpt-4o-mini-2024-07-18:acme::abc123", "gpt-4o-mini"));
        assert!(find("ft:nothing:acme::1").is_none() && find("nothing").is_none());
        let custom = Model::custom("gpt-5.4-acme", Some(8192), None, None);
        assert_eq!((custom.family, custom.context_window, custom.max_output_tokens), ("gpt-5.4", 8192, 8192));
        assert_eq!(Model::custom("my-model", None, None, Some("me")).family, "gpt-4o");
        assert_eq!(Model::custom("gpt-4o", Some(100), None, None).snapshot(), "gpt-4o-2024-08-06");
    }
}
