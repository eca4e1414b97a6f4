//! What a model's family can do, told from its name. Facts: recordings (real-traffic.md §3), and refusals quoted by
//! users, each of which lists what the model supports.

/// Efforts of a family; empty = it does not reason, `None` = unknown, everything passes.
type Efforts = Option<&'static [&'static str]>;

const O_SERIES: &[&str] = &["low", "medium", "high"];
const GPT_5: &[&str] = &["minimal", "low", "medium", "high"];
const GPT_5_1: &[&str] = &["none", "low", "medium", "high"];
const GPT_5_2: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const CODEX_XHIGH: &[&str] = &["low", "medium", "high", "xhigh"];
const PRO: &[&str] = &["medium", "high", "xhigh"];
const GPT_5_6: &[&str] = &["none", "low", "medium", "high", "xhigh", "max"];
const NOT_REASONING: &[&str] = &[];

/// What a model can do.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub efforts: Efforts,
    /// Verbosities it supports; `None` = all.
    pub verbosities: Option<&'static [&'static str]>,
    pub audio: bool,
    pub deep_research: bool,
    /// Choices at most.
    pub choices: i64,
    /// Alternatives per token at most.
    pub top_logprobs: i64,
}

impl Family {
    /// The family of a model id, also of a fine-tuned one (`ft:gpt-4o-mini:org::id`).
    pub fn of(id: &str) -> Family {
        let base = id.strip_prefix("ft:").map_or(id, |rest| rest.split(':').next().unwrap_or(rest));
        let efforts = efforts(base);
        let newest = base.starts_with("gpt-5.6");
        let gpt_5 = base.starts_with("gpt-5") && !base.contains("chat");
        let known = efforts.is_some();
        Family {
            efforts,
            verbosities: (known && (!gpt_5 || base.contains("codex"))).then_some(&["medium"]),
            audio: base.contains("audio") || base.contains("omni"),
            deep_research: base.contains("deep-research"),
            choices: if newest { 8 } else { 128 },
            top_logprobs: if newest { 5 } else { 20 },
        }
    }

    /// Whether it thinks before it answers.
    pub fn reasons(&self) -> bool {
        self.efforts.is_some_and(|efforts| !efforts.is_empty())
    }

    /// Whether it thinks when asked with this effort (`None` = not said): sampling parameters are refused then. Families
    /// that know `none` do not think unless told to, except gpt-5.6.
    pub fn thinks(&self, effort: Option<&str>) -> bool {
        let efforts = self.efforts.unwrap_or_default();
        match effort {
            Some("none") => self.reasons() && !efforts.contains(&"none"),
            Some(_) => self.reasons(),
            None => self.reasons() && (!efforts.contains(&"none") || efforts == GPT_5_6),
        }
    }
}

fn efforts(id: &str) -> Efforts {
    let classic = ["gpt-3.5", "gpt-4", "chatgpt-4o", "davinci", "babbage", "text-", "computer-use", "codex-mini"];
    if id == "gpt-5-chat-latest" || id.contains("search-preview") || id.starts_with("gpt-5-search") {
        return Some(NOT_REASONING);
    }
    if id.starts_with("codex-mini") || is_o_series(id) {
        return Some(O_SERIES);
    }
    if classic.iter().any(|prefix| id.starts_with(prefix)) {
        return Some(NOT_REASONING);
    }
    let version = id.strip_prefix("gpt-5")?;
    let (codex, pro) = (version.contains("codex"), version.contains("-pro"));
    Some(match version {
        _ if version.contains("chat-latest") => &["medium"],
        _ if version.starts_with(".1") && version.contains("codex-max") => CODEX_XHIGH,
        _ if version.starts_with(".1") && codex => O_SERIES,
        _ if version.starts_with(".1") => GPT_5_1,
        _ if version.starts_with(".6") => GPT_5_6,
        _ if version.starts_with('.') && pro => PRO,
        _ if version.starts_with('.') && codex => CODEX_XHIGH,
        _ if version.starts_with('.') => GPT_5_2,
        _ if pro => &["high"],
        _ if codex => O_SERIES,
        _ => GPT_5,
    })
}

/// `o1`, `o3-mini`, `o4-mini-2025-04-16` …
fn is_o_series(id: &str) -> bool {
    let mut letters = id.chars();
    letters.next() == Some('o')
        && letters.next().is_some_and(|letter| letter.is_ascii_digit())
        && letters.next().is_none_or(|letter| letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_by_name() {
        let reasons = |id: &str| Family::of(id).reasons();
        for id in [
            "o1",
            "o3-mini",
            "o4-mini-2025-04-16",
            "gpt-5",
            "gpt-5-mini-2025-08-07",
            "gpt-5.1",
            "gpt-5.6-terra",
            "o3-deep-research",
        ] {
            assert!(reasons(id), "{id}");
        }
        for id in [
            "gpt-4o",
            "gpt-4.1-nano",
            "gpt-3.5-turbo",
            "ft:gpt-4o-mini:org::1",
            "gpt-5-chat-latest",
            "my-model",
            "omni-x",
        ] {
            assert!(!reasons(id), "{id}");
        }
    }

    #[test]
    fn who_thinks() {
        assert!(Family::of("gpt-5").thinks(None));
        assert!(Family::of("gpt-5").thinks(Some("none")), "gpt-5 cannot stop thinking");
        assert!(!Family::of("gpt-5.1").thinks(None));
        assert!(Family::of("gpt-5.1").thinks(Some("low")));
        assert!(Family::of("gpt-5.6-sol").thinks(None));
        assert!(!Family::of("gpt-5.6-sol").thinks(Some("none")));
        assert!(!Family::of("gpt-4o").thinks(Some("low")));
    }
}
