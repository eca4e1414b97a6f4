//! What secrets look like.

use std::collections::HashMap;
use std::ops::Range;

/// A kind of secret: what it is called, and its shape. The first group is what is replaced, else all of it.
pub(super) struct SecretShape {
    pub(super) name: &'static str,
    /// Each of its texts has one of these, in any case: a text without them is not looked at further.
    pub(super) marks: &'static [&'static str],
    pub(super) pattern: &'static str,
}

const fn shape(name: &'static str, marks: &'static [&'static str], pattern: &'static str) -> SecretShape {
    SecretShape { name, marks, pattern }
}

/// Names after which a quoted text is a secret, whatever it looks like.
const NAMED: &str = r#"(?i-u:\b|_|-)(?i-u:authorization|proxy-authorization|(?:set-)?cookie|api[_-]?key|x-api-key|apikey|access[_-]?key(?:[_-]?id)?|secret[_-]?access[_-]?key|subscription[_-]?key|access[_-]?token|auth[_-]?token|refresh[_-]?token|id[_-]?token|session[_-]?token|security[_-]?token|bearer[_-]?token|client[_-]?secret|private[_-]?key|password|passwd|passphrase|credentials?)\\*["']\s*:\s*\\*["']([^"'\\]+)"#;

/// The same in plain text and in queries: the value has to look like one.
const ASSIGNED: &str = r#"(?i-u:\b|_|-)(?i-u:api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?|secret[_-]?access[_-]?key|secret|subscription[_-]?key|access[_-]?token|auth[_-]?token|refresh[_-]?token|session[_-]?token|client[_-]?secret|password|passwd|passphrase|pwd|accountkey|sharedaccesskey|sig|signature|sessionid|session_id|sid)\s{0,2}[=:]\s{0,2}\\*["']?([A-Za-z0-9+/_.~%$!@*-]{4,}[0-9][A-Za-z0-9+/_.~%$!@*=-]*|[0-9][A-Za-z0-9+/_.~%$!@*=-]{7,})"#;

/// What is always looked for. Organisations and projects are no secrets, but name who pays.
pub(super) const SHAPES: &[SecretShape] = &[
    // With a digit: `sk-toggleable-label` is none.
    shape(
        "an OpenAI or Anthropic key",
        &["sk-", "ek-", "sess-"],
        r"(?-u)\b(?:sk|ek|sess)-[A-Za-z0-9_-]{6,}[0-9][A-Za-z0-9_-]{6,}",
    ),
    shape("a client secret", &["ek_"], r"(?-u)\bek_[A-Za-z0-9]{16,}"),
    shape("an OpenAI organisation", &["org-"], r"(?-u)\borg-[A-Za-z0-9]{16,}\b"),
    shape("an OpenAI project", &["proj_"], r"(?-u)\bproj_[A-Za-z0-9]{16,}\b"),
    shape("a JSON web token", &["eyj"], r"(?-u)\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),
    shape("an authorization", &["bearer"], r"(?i-u)\bbearer\s+([A-Za-z0-9+/._~-]{12,}=*)"),
    shape(
        "an authorization",
        &["basic", "token"],
        r"(?i-u)\b(?:basic|token)\s+([A-Za-z0-9+/._~-]{6,}[0-9][A-Za-z0-9+/._~-]{6,}=*)",
    ),
    shape(
        "a private key",
        &["private key"],
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]|-[^-])*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
    ),
    shape("an AWS key", &["akia", "asia", "abia", "acca"], r"(?-u)\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    shape(
        "a GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"(?-u)\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})",
    ),
    shape(
        "a GitLab token",
        &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glsoat-"],
        r"(?-u)\bgl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_-]{16,}",
    ),
    shape("a Slack token", &["xox", "xapp-"], r"(?-u)\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}"),
    shape(
        "a Slack webhook",
        &["hooks.slack.com"],
        r"(?-u)hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{10,}",
    ),
    shape(
        "a Stripe key",
        &["sk_", "rk_", "pk_", "whsec_"],
        r"(?-u)\b(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,}",
    ),
    shape(
        "a Google key",
        &["aiza", "ya29.", "gocspx-"],
        r"(?-u)\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{16,}|\bGOCSPX-[A-Za-z0-9_-]{16,}",
    ),
    shape("a Hugging Face token", &["hf_"], r"(?-u)\bhf_[A-Za-z0-9]{20,}"),
    shape(
        "a key of another model provider",
        &["gsk_", "xai-", "pplx-", "r8_", "tvly-", "fw_", "nvapi-", "co_", "together_", "csk-"],
        r"(?-u)\b(?:gsk_|xai-|pplx-|r8_|tvly-|fw_|nvapi-|co_|together_|csk-)[A-Za-z0-9_-]{20,}",
    ),
    shape(
        "a package registry's token",
        &["npm_", "pypi-", "dckr_pat_", "dop_v1_", "shpat_", "shpca_", "shppa_", "shpss_"],
        r"(?-u)\b(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|dckr_pat_[A-Za-z0-9_-]{20,}|dop_v1_[a-f0-9]{40,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{30,})",
    ),
    shape("a SendGrid key", &["sg."], r"(?-u)\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    shape("a Twilio key", &["sk", "ac"], r"(?-u)\b(?:SK|AC)[0-9a-f]{32}\b"),
    shape(
        "a bot's token",
        &["0:", "1:", "2:", "3:", "4:", "5:", "6:", "7:", "8:", "9:"],
        r"(?-u)\b[0-9]{8,10}:[A-Za-z0-9_-]{35}\b",
    ),
    shape(
        "an address with a password",
        &["://"],
        r#"(?-u:\b)[a-zA-Z][a-zA-Z0-9+.-]+://([^\s:/?#@"'\\]+:[^\s/?#@"'\\]+)@"#,
    ),
    shape(
        "a signature in an address",
        &["sig=", "signature=", "x-amz-credential=", "token=", "key="],
        r"(?i-u)[?&](?:sig|signature|x-amz-signature|x-amz-credential|x-goog-signature|token|key|api_key|access_token)=([A-Za-z0-9%+/_.~-]{8,}=*)",
    ),
    shape(
        "a cookie",
        &["__cf_bm=", "_cfuvid=", "__secure-", "__host-", "phpsessid=", "jsessionid=", "connect.sid=", "csrftoken="],
        r"(?-u:\b)(?i-u:__cf_bm|_cfuvid|__secure-[a-z0-9._-]+|__host-[a-z0-9._-]+|phpsessid|jsessionid|connect\.sid|csrftoken)=([^;\s\\]{8,})",
    ),
    shape(
        "a secret by its name",
        &["authorization", "cookie", "key", "secret", "token", "passw", "passphrase", "credential"],
        NAMED,
    ),
    shape(
        "a secret by its name",
        &["key", "secret", "token", "passw", "passphrase", "pwd", "sig", "sid", "session"],
        ASSIGNED,
    ),
];

/// The words of a text that no language has: long, of many different characters, letters and digits mixed.
pub(super) fn entropic(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_part =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '_' | '-' | '=');
    let mut words = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_part(character), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    words.into_iter().filter(|range| is_entropic(&text[range.clone()]))
}

/// Shannon's measure, from what keys of 24 characters have.
fn is_entropic(word: &str) -> bool {
    // Longer ones are files in base64.
    if !(24..=512).contains(&word.len()) || !word.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let mut counts: HashMap<u8, usize> = HashMap::new();
    word.bytes().for_each(|byte| *counts.entry(byte).or_default() += 1);
    let length = word.len() as f64;
    let bits: f64 = counts.values().map(|count| *count as f64 / length).map(|share| -share * share.log2()).sum();
    bits > if word.bytes().all(|byte| byte.is_ascii_hexdigit()) { 3.2 } else { 3.9 }
}
