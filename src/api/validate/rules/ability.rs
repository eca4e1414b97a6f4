//! What a model can do, as far as requests are concerned; the facts stand in the catalogue.

use crate::api::models::Model;

/// Whether the catalogue's rules are this model's own: names nobody knows borrow gpt-4o's limits, and may well reason.
fn known(model: &Model) -> bool {
    model.family != "emulator" && (model.family != "gpt-4o" || model.id.contains("gpt-4o"))
}

/// Efforts it offers; empty for models that do not reason, `None` = anything goes.
pub fn efforts(model: &Model) -> Option<Vec<&'static str>> {
    known(model).then(|| model.efforts())
}

/// Verbosities it offers; `None` = anything goes. Codex models speak in one way only.
pub fn verbosities(model: &Model) -> Option<Vec<&'static str>> {
    known(model).then(|| if model.id.contains("codex") { vec!["medium"] } else { model.verbosities() })
}

/// Whether it thinks when asked with this effort (`None` = not said): it refuses sampling parameters then.
pub fn thinks(model: &Model, effort: Option<&str>) -> bool {
    model.reasoning && (effort.or(model.default_effort()) != Some("none") || !model.efforts().contains(&"none"))
}

/// Whether it is of gpt-5.6 or later, whose bounds are tighter.
fn newest(model: &Model) -> bool {
    model.efforts().contains(&"max")
}

/// Whether chat lets it think and call functions in one request; from gpt-5.6 on only Responses does.
pub fn thinks_with_functions(model: &Model) -> bool {
    !newest(model)
}

/// Choices (`n`) at most.
pub fn choices(model: &Model) -> i64 {
    if newest(model) { 8 } else { 128 }
}

/// Alternatives per token (`top_logprobs`) at most.
pub fn top_logprobs(model: &Model) -> i64 {
    if newest(model) { 5 } else { 20 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::models;

    #[test]
    fn who_thinks() {
        let thinks = |id: &str, effort: Option<&str>| thinks(&models::find(id).unwrap(), effort);
        assert!(thinks("gpt-5", None));
        assert!(thinks("gpt-5", Some("none")), "gpt-5 cannot stop thinking");
        assert!(!thinks("gpt-5.1", None));
        assert!(thinks("gpt-5.1", Some("low")));
        assert!(thinks("gpt-5.6-sol", None));
        assert!(!thinks("gpt-5.6-sol", Some("none")));
        assert!(!thinks("gpt-4o", Some("low")));
    }

    #[test]
    fn unknown_names_may_reason() {
        assert_eq!(efforts(&Model::custom("my-reasoner", None, None, None)), None);
        assert_eq!(efforts(&models::find("claude-3-opus").unwrap()), None);
        assert_eq!(efforts(&models::find("gpt-4o-mini").unwrap()), Some(vec![]));
    }
}
