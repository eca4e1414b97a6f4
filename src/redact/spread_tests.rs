use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const KEY: &str = "sk-plain-secret";

/// As it is shown.
fn shown(key: &str, bytes: &str) -> String {
    let veil = Veil::of(key).expect("a key");
    String::from_utf8(veil.apart(bytes.as_bytes()).into_owned()).expect("text")
}

fn events(of: impl Iterator<Item = Value>) -> String {
    of.map(|data| format!("data: {data}\n\n")).collect()
}

/// The key letter by letter, and one piece that is none of it before and behind.
fn letters() -> impl Iterator<Item = String> {
    ["It is "].into_iter().map(String::from).chain(KEY.chars().map(String::from)).chain([".".to_string()])
}

/// The event or line that says a piece.
type Says = fn(&str) -> String;

/// Whatever says a text in pieces.
fn dialects() -> Vec<(&'static str, Says)> {
    vec![
        ("chat", |piece| events([json!({"choices": [{"index": 0, "delta": {"content": piece}}]})].into_iter())),
        ("index behind", |piece| {
            events([json!({"choices": [{"delta": {"reasoning": piece}, "index": 3}]})].into_iter())
        }),
        ("completions", |piece| events([json!({"choices": [{"text": piece, "index": 0}]})].into_iter())),
        ("arguments", |piece| {
            let call = json!({"index": 1, "function": {"arguments": piece}});
            events([json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})].into_iter())
        }),
        ("responses", |piece| {
            let delta =
                json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": piece});
            format!("event: response.output_text.delta\r\ndata: {delta}\r\n\r\n")
        }),
        ("another provider's", |piece| {
            let delta =
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}});
            events([delta].into_iter())
        }),
        ("runs", |piece| {
            let part = json!({"index": 0, "type": "text", "text": {"value": piece}});
            events([json!({"object": "thread.message.delta", "delta": {"content": [part]}})].into_iter())
        }),
        ("lines of JSON", |piece| format!("{}\n", json!({"message": {"content": piece}}))),
        ("messages of a socket", |piece| {
            json!({"type": "response.text.delta", "item_id": "a", "delta": piece}).to_string()
        }),
        ("no JSON", |piece| format!("data: {piece}\n\n")),
        ("texts", |piece| format!("data: {}\n\n", json!(piece))),
        ("lists", |piece| events([json!({"tokens": [piece, ""]})].into_iter())),
        ("indented", |piece| format!("data: {{\ndata:   \"a\": 1,\ndata:   \"text\": {}\ndata: }}\n\n", json!(piece))),
    ]
}

#[test]
fn a_key_in_pieces_is_hidden_in_every_dialect() {
    for (name, event) in dialects() {
        let whole: String = letters().map(|piece| event(&piece)).collect();
        let expected = [event("It is "), event(REDACTED), event("").repeat(KEY.len() - 1), event(".")].concat();
        assert_eq!(shown(KEY, &whole), expected, "{name}");
        // What is no key yet, and what may be none.
        let begun: String = letters().take(1 + SHORTEST).map(|piece| event(&piece)).collect();
        let expected = [event("It is "), event(REDACTED), event("").repeat(SHORTEST - 1)].concat();
        assert_eq!(shown(KEY, &begun), expected, "{name}");
        let other: String = letters().take(KEY.len()).chain(["x".into()]).map(|piece| event(&piece)).collect();
        assert_eq!(shown(KEY, &other), other, "{name}");
    }
}

#[test]
fn texts_that_take_turns_are_put_together_each_by_itself() {
    let chunk =
        |index: usize, text: &str| json!({"choices": [{"index": index, "delta": {"content": text}}], "id": "c"});
    let all = [(0, "a sk-pl"), (1, "sk-"), (0, "ain-sec"), (1, "nothing"), (0, "ret b")];
    let hidden = [(0, "a [REDACTED]"), (1, "sk-"), (0, ""), (1, "nothing"), (0, " b")];
    let of = |list: [(usize, &str); 5]| events(list.into_iter().map(|(index, text)| chunk(index, text)));
    assert_eq!(shown(KEY, &of(all)), of(hidden));
    // What two say is not one text.
    let two = events([chunk(0, "sk-pl"), chunk(1, "ain-secret")].into_iter());
    assert_eq!(shown(KEY, &two), two);
    let sound = |kind: &str, delta: &str| json!({"type": kind, "item_id": "i", "delta": delta});
    let mixed = |first: &str, second: &str| {
        events([sound("transcript", first), sound("audio", "UklGRg"), sound("transcript", second)].into_iter())
    };
    assert_eq!(shown(KEY, &mixed("sk-plain-", "secret")), mixed("[REDACTED]", ""));
}

#[test]
fn what_says_a_token_again_goes_with_it() {
    let token = |text: &str, said: &[Value]| json!({"token": text, "logprob": -0.5, "bytes": said.first(), "top_logprobs": said.get(1)});
    let both = |text: &str| {
        [json!(text.as_bytes()), json!([{"token": text, "logprob": -0.5}, {"token": "Sk", "bytes": [83]}])]
    };
    let none = [json!([]), json!([{"token": "", "logprob": -0.5}, {"token": "", "bytes": []}])];
    let list = |tokens: &[Value]| json!({"choices": [{"logprobs": {"content": tokens}}]}).to_string();
    let given = ["It", "sk-plain", "-secret", "."].map(|text| token(text, &both(text)));
    let expected = [token("It", &both("It")), token(REDACTED, &none), token("", &none), token(".", &both("."))];
    assert_eq!(shown(KEY, &list(&given)), list(&expected));
}

#[test]
fn escapes_are_read_as_what_they_mean() {
    let key = "sk/pl\"ain\\secret";
    let (first, second) = (r#"{"text":"is sk\/pl\""}"#, r#"{"text":"\u0061in\\secret."}"#);
    assert_eq!(shown(key, &[first, "\n", second].concat()), "{\"text\":\"is [REDACTED]\"}\n{\"text\":\".\"}");
    assert_eq!(shown(KEY, r#"{"text":"\u0073k-plain-secret"}"#), r#"{"text":"[REDACTED]"}"#);
}

#[test]
fn what_is_no_json_does_no_harm() {
    for text in [
        "",
        "\"",
        "{",
        "{\"a\": \"sk-",
        "}{]",
        "[\"a\n\"b",
        "data:",
        "data: ",
        "data:\n\ndata",
        "{\"a\\",
        "\"\\u12",
        "{\"a\":[1,2",
        "é\u{1f600}\"\\ud83d\\ude00\"",
    ] {
        assert_eq!(shown(KEY, text), text);
    }
    // What was no JSON ends with its line or event.
    let event = |text: &str| events([json!({"a": text})].into_iter());
    for before in ["a { \"b\n\n", "data: {\"cut\n\n", "[[{{\n\n"] {
        let whole = [before, &event("sk-plain-"), &event("secret")].concat();
        assert_eq!(shown(KEY, &whole), [before, &event(REDACTED), &event("")].concat(), "{before}");
    }
    let quiet = events([json!({"a": "nothing"})].into_iter());
    let veil = Veil::of(KEY).expect("a key");
    assert!(matches!(veil.apart(quiet.as_bytes()), Cow::Borrowed(_)));
}

/// By the square this takes minutes: what stands deep, and lines that no text ends.
#[test]
fn what_is_deep_costs_no_more_than_what_is_long() {
    let deep = "{\"a\":\"b\",\"c\":".repeat(100_000);
    assert_eq!(shown(KEY, &deep), deep);
    let token = "{\"token\":\"sk-plain-\"},{\"token\":\"secret\"},".repeat(10_000);
    assert!(!shown(KEY, &token).contains("secret"));
    let lines = "data:a\n\"\n{".repeat(100_000);
    assert_eq!(shown(KEY, &lines), lines);
}

#[test]
fn what_is_cut_twice_is_cut_once() {
    let cut = |range: Range<usize>, shown: bool| KeyPart { range, shown };
    let cuts = vec![cut(6..8, false), cut(2..3, true), cut(1..5, false), cut(5..6, false)];
    assert_eq!(apart_from_each_other(cuts), [cut(1..5, true), cut(5..6, false), cut(6..8, false)]);
}

#[test]
fn a_part_is_shown_as_it_is_in_the_whole() {
    let event = |text: &str| events([json!({"a": text})].into_iter());
    let whole = [event("It is sk-plain-"), event("secret.")].concat();
    let expected = [event("It is [REDACTED]"), event(".")].concat();
    let cuts = Veil::of(KEY).expect("a key").spread(whole.as_bytes());
    for at in 0..=whole.len() {
        let halves = [0..at, at..whole.len()].map(|part| without(whole.as_bytes(), part, &cuts).into_owned());
        assert_eq!(halves.concat(), expected.as_bytes(), "{at}");
    }
}

proptest! {
    /// However a text with the key in it is cut, what is put together again does not have it.
    #[test]
    fn no_cut_shows_a_key(before in "[a-z \"\\\\é]{0,8}", behind in "[a-z \"\\\\é]{0,8}", at in prop::collection::vec(0_usize..40, 0..6), which in 0_usize..9) {
        let text: Vec<char> = format!("{before}{KEY}{behind}").chars().collect();
        let mut borders = at.iter().map(|at| at % (text.len() + 1)).chain([0, text.len()]).collect::<Vec<_>>();
        borders.sort_unstable();
        let pieces: Vec<String> = borders.windows(2).map(|two| text[two[0]..two[1]].iter().collect()).collect();
        let (_, event) = dialects()[which];
        let bytes: String = pieces.iter().map(|piece| event(piece)).collect();
        // Some end in what may become the key again.
        let expected = format!("{before}{REDACTED}{behind}");
        let shown = shown(KEY, &bytes);
        let said = said(&shown);
        prop_assert!(said == expected, "{said} of {shown}");
    }

    /// Any bytes, and no part of them is lost but what is hidden.
    #[test]
    fn nothing_else_changes(bytes in "[a-c\"\\\\{}\\[\\]:,\n 0-2d-]{0,60}") {
        prop_assert_eq!(shown(KEY, &bytes), bytes);
    }
}

/// The text that a stream's pieces say: the last string of each document.
fn said(stream: &str) -> String {
    fn last(value: &Value) -> Option<&str> {
        match value {
            Value::String(text) => Some(text),
            Value::Array(items) => items.iter().find_map(last),
            Value::Object(map) => {
                let kept = map.iter().filter(|(key, _)| !matches!(key.as_str(), "type" | "object" | "item_id"));
                kept.filter_map(|(_, value)| last(value)).next_back()
            }
            _ => None,
        }
    }
    let documents = stream.lines().filter_map(|line| line.strip_prefix("data: ").or(Some(line)));
    let documents = documents.flat_map(|line| serde_json::Deserializer::from_str(line).into_iter::<Value>());
    documents.filter_map(Result::ok).filter_map(|value| last(&value).map(String::from)).collect()
}
