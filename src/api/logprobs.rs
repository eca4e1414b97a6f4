//! Log probabilities: invented where a reply has none, and the three forms they are sent in.

use crate::random::Random;
use crate::reply::TokenLogprob;
use crate::tokens::{self, Encoding};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// Tokens that are offered as alternatives when the token itself suggests none.
const COMMON: &[&str] = &[
    " the", " a", ",", ".", " and", " to", " of", " is", " in", "\n", " that", " it", " for", " I", " you", "The",
    "It", " with", " as", " on", "!", " an", ":", " not",
];

/// A token, its log probability, and the alternatives at its place (most likely first, itself among them).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scored {
    pub bytes: Vec<u8>,
    pub logprob: f64,
    pub top: Vec<(Vec<u8>, f64)>,
}

/// The tokens of a text, as bytes.
pub(crate) fn tokens_of(text: &str, encoding: Encoding) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    tokens::ends(encoding, text).into_iter().map(move |end| {
        let token = text.as_bytes().get(start..end as usize).unwrap_or_default();
        start = end as usize;
        token
    })
}

/// Plausible log probabilities for the tokens of a text: the chosen token is mostly the likeliest, at times the second;
/// the probabilities at one place add up to at most 1. `top` = number of alternatives per token. The chosen tokens'
/// values do not depend on `top`.
pub(crate) fn invent<'a>(tokens: impl IntoIterator<Item = &'a [u8]>, top: u8, random: &mut Random) -> Vec<Scored> {
    tokens.into_iter().map(|token| invent_one(token, top as usize, random)).collect()
}

fn invent_one(token: &[u8], top: usize, random: &mut Random) -> Scored {
    // Most tokens are nearly certain, some are open: the doubt spans six orders of magnitude.
    let doubt = 10f64.powf(-0.3 - 6.0 * random.fraction());
    // The second is chosen as often as its probability says.
    let second = random.chance(0.7 * doubt);
    let mut others = random.fork(&String::from_utf8_lossy(token));
    random.fraction();
    let (likeliest, mut rest) = ((1.0 - doubt).ln(), doubt.ln());
    // Each further candidate takes at least half of what is left, so the order falls and the sum stays below 1.
    let mut next = |rest: &mut f64| {
        let share = 0.5 + 0.45 * others.fraction();
        let taken = *rest + share.ln();
        *rest += (1.0 - share).ln();
        taken.max(-9999.0)
    };
    let mut scores = vec![likeliest];
    if second || top > 1 {
        scores.extend((1..top.max(2)).map(|_| next(&mut rest)));
    }
    let place = usize::from(second);
    let logprob = single(scores.get(place).copied().unwrap_or(likeliest));
    let mut alternatives = alternatives(token).into_iter();
    let top = scores
        .into_iter()
        .enumerate()
        .map_while(|(index, score)| {
            let bytes = if index == place { Some(token.to_vec()) } else { alternatives.next() };
            bytes.map(|bytes| (bytes, single(score)))
        })
        .take(top)
        .collect();
    Scored { bytes: token.to_vec(), logprob, top }
}

/// OpenAI computes in single precision; the digits show it.
fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

/// Other tokens that could stand here: other case, with and without the space, shorter, then common ones.
fn alternatives(token: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(token);
    let bare = text.trim_start();
    let first = bare.chars().next().map_or(0, char::len_utf8);
    let mut found: Vec<String> = vec![
        bare[..first].to_uppercase() + &bare[first..],
        format!(" {bare}"),
        bare.to_lowercase(),
        bare.to_uppercase(),
        format!(" {}", bare.to_lowercase()),
        bare.chars().take(bare.chars().count().saturating_sub(1)).collect(),
    ];
    found.extend(COMMON.iter().map(|common| common.to_string()));
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for candidate in found.into_iter().map(String::into_bytes) {
        if !candidate.is_empty() && candidate != b" " && candidate != token && !seen.contains(&candidate) {
            seen.push(candidate);
        }
    }
    seen
}

/// The log probabilities a script gives.
pub(crate) fn scripted(tokens: &[TokenLogprob]) -> Vec<Scored> {
    tokens
        .iter()
        .map(|token| Scored {
            bytes: token.token.clone().into_bytes(),
            logprob: token.logprob,
            top: token.top_logprobs.iter().map(|other| (other.token.clone().into_bytes(), other.logprob)).collect(),
        })
        .collect()
}

/// A token as text; bytes that are no text by themselves are written as `\xe2`, as OpenAI does.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect(),
    }
}

/// Chat: `logprobs.content[]`, keys token, logprob, bytes, top_logprobs (recording b686cee6cc922993).
pub(crate) fn chat(tokens: &[Scored]) -> Vec<Value> {
    let one = |bytes: &[u8], logprob: f64| json!({"token": readable(bytes), "logprob": logprob, "bytes": bytes});
    with_top(tokens, one)
}

/// Responses: `logprobs[]`, keys in alphabetical order (recording 64b10db4a0760462).
pub(crate) fn responses(tokens: &[Scored]) -> Vec<Value> {
    let one = |bytes: &[u8], logprob: f64| json!({"bytes": bytes, "logprob": logprob, "token": readable(bytes)});
    with_top(tokens, one)
}

fn with_top(tokens: &[Scored], one: impl Fn(&[u8], f64) -> Value) -> Vec<Value> {
    tokens
        .iter()
        .map(|token| {
            let mut entry = one(&token.bytes, token.logprob);
            entry["top_logprobs"] = token.top.iter().map(|(bytes, logprob)| one(bytes, *logprob)).collect();
            entry
        })
        .collect()
}

/// Legacy completions: parallel lists. `offset` = characters before the first token. `top_logprobs` is null when no
/// alternatives were asked. `prompt`: the tokens begin with those of an echoed prompt.
pub(crate) fn legacy(tokens: &[Scored], offset: usize, prompt: bool) -> Value {
    let mut at = offset;
    let mut offsets = Vec::with_capacity(tokens.len());
    for token in tokens {
        offsets.push(at);
        // Characters that begin in this token: continuation bytes belong to the one before.
        at += token.bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    }
    // Nothing stands before the first token of a prompt: it has no probability.
    let first = usize::from(prompt);
    let asked = tokens.iter().any(|token| !token.top.is_empty());
    let top = |token: &Scored| -> Map<String, Value> {
        token.top.iter().map(|(bytes, logprob)| (readable(bytes), json!(logprob))).collect()
    };
    let known = |of: &dyn Fn(&Scored) -> Value| -> Value {
        tokens.iter().enumerate().map(|(index, token)| if index < first { Value::Null } else { of(token) }).collect()
    };
    json!({
        "tokens": tokens.iter().map(|token| readable(&token.bytes)).collect::<Vec<_>>(),
        "token_logprobs": known(&|token| json!(token.logprob)),
        "top_logprobs": if asked { known(&|token| Value::Object(top(token))) } else { Value::Null },
        "text_offset": offsets,
    })
}

/// Which tokens begin in which piece of a text: `lengths` of the tokens, and where each piece ends. The last piece has
/// all that are left.
pub(crate) fn shares(lengths: &[usize], ends: &[usize]) -> Vec<Range<usize>> {
    let (mut next, mut at) = (0, 0);
    let share = |(piece, end): (usize, &usize)| {
        let first = next;
        while next < lengths.len() && (at < *end || piece + 1 == ends.len()) {
            at += lengths[next];
            next += 1;
        }
        first..next
    };
    ends.iter().enumerate().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: &[&str] = &["The", " capital", " is", " Oslo", ".", "\n", "é", " "];

    fn tokens() -> impl Iterator<Item = &'static [u8]> {
        TOKENS.iter().map(|token| token.as_bytes())
    }

    #[test]
    fn alternatives_fall_add_up_and_hold_the_token() {
        for seed in 0..200 {
            for scored in invent(tokens(), 20, &mut Random::new(seed)) {
                assert_eq!(scored.top.len(), 20);
                assert!(scored.logprob <= 0.0);
                assert!(scored.top.windows(2).all(|two| two[0].1 >= two[1].1), "{scored:?}");
                assert!(scored.top.iter().map(|(_, logprob)| logprob.exp()).sum::<f64>() <= 1.0 + 1e-6);
                assert!(scored.top.contains(&(scored.bytes.clone(), scored.logprob)));
                let mut names: Vec<_> = scored.top.iter().map(|(bytes, _)| bytes).collect();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), 20);
            }
        }
    }

    #[test]
    fn the_chosen_token_is_mostly_the_likeliest_whatever_is_asked() {
        let with = |top| invent(tokens(), top, &mut Random::new(5)).iter().map(|s| s.logprob).collect::<Vec<_>>();
        assert_eq!(with(0), with(5));
        assert_eq!(with(1), with(20));
        let first = (0..100)
            .flat_map(|seed| invent(tokens(), 2, &mut Random::new(seed)))
            .filter(|scored| scored.top[0].0 == scored.bytes)
            .count();
        assert!(first > 700 && first < 800, "{first}");
    }

    #[test]
    fn the_three_forms() {
        let scored = scripted(&[TokenLogprob {
            token: "Hi".into(),
            logprob: -0.5,
            top_logprobs: vec![TokenLogprob { token: "Hi".into(), logprob: -0.5, top_logprobs: vec![] }],
        }]);
        assert_eq!(
            Value::from(chat(&scored)).to_string(),
            r#"[{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72,105]}]}]"#
        );
        assert_eq!(
            Value::from(responses(&scored)).to_string(),
            r#"[{"bytes":[72,105],"logprob":-0.5,"token":"Hi","top_logprobs":[{"bytes":[72,105],"logprob":-0.5,"token":"Hi"}]}]"#
        );
        assert_eq!(
            legacy(&scored, 3, false).to_string(),
            r#"{"tokens":["Hi"],"token_logprobs":[-0.5],"top_logprobs":[{"Hi":-0.5}],"text_offset":[3]}"#
        );
    }

    #[test]
    fn tokens_are_shared_among_the_pieces_they_begin_in() {
        assert_eq!(shares(&[2, 3, 1], &[2, 5, 6]), [0..1, 1..2, 2..3]);
        assert_eq!(shares(&[5, 1, 1], &[2, 4, 6]), [0..1, 1..1, 1..3]);
        assert_eq!(shares(&[1, 1], &[3, 6]), [0..2, 2..2]);
        assert_eq!(shares(&[1, 1, 9], &[1]).first(), Some(&(0..3)));
        assert!(shares(&[1], &[]).is_empty());
    }

    #[test]
    fn half_characters_are_written_as_bytes() {
        let scored = invent([&b"\xf0\x9f"[..], &b"\x98\x80"[..]], 0, &mut Random::new(1));
        assert_eq!(chat(&scored)[0]["token"], "\\xf0\\x9f");
        assert_eq!(legacy(&scored, 0, false)["text_offset"], json!([0, 1]));
        let prompt = legacy(&scored, 0, true);
        assert_eq!((&prompt["token_logprobs"][0], prompt["token_logprobs"][1].is_number()), (&Value::Null, true));
    }
}
