//! Why options of `startEmulator()` are refused: which one, its value, what is allowed, what is nearest.

use crate::near::nearest;
use crate::options::{Options, OptionsError};
use crate::reply::describe::quote;
use clap::Args;
use serde_json::{Map, Value};

/// Names the first option that is wrong.
pub(super) fn explain(given: &Map<String, Value>, whole: serde_json::Error) -> OptionsError {
    let known = serde_json::to_value(Options::default()).unwrap_or_default();
    let names = || known.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
    for (name, value) in given {
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        let Err(error) = serde_json::from_value::<Options>(alone) else { continue };
        if known.get(name).is_none() {
            return OptionsError(match nearest(name, names()) {
                Some(near) => format!("startEmulator(): there is no option `{name}`; did you mean `{near}`?"),
                None => {
                    let all = names().collect::<Vec<_>>().join(", ");
                    format!("startEmulator(): there is no option `{name}`; there are: {all}")
                }
            });
        }
        let shown = match value {
            Value::String(text) => quote(text),
            other => crate::script::place::clip(&other.to_string()),
        };
        return OptionsError(format!(
            "startEmulator(): the option `{name}` is {shown}; expected {}",
            wanted(name, value, &error.to_string())
        ));
    }
    OptionsError(format!("startEmulator(): {whole}"))
}

/// What an option may be, and which of its words the value comes near to.
fn wanted(name: &str, value: &Value, reason: &str) -> String {
    let words = words(name);
    // serde's last words are what it wanted; they name Rust's types.
    let wanted = reason.rsplit("expected ").next().unwrap_or(reason);
    // A flag understands more words than `true` and `false`.
    if words.is_empty() || wanted == "a boolean" {
        return match wanted {
            "u16" => "a whole number from 0 to 65535".into(),
            "u64" | "usize" => "a whole number of at least 0".into(),
            "f64" => "a number".into(),
            "a boolean" => "true or false".into(),
            "a sequence" => "a list of strings".into(),
            other => other.into(),
        };
    }
    let listed: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let near = value.as_str().and_then(|text| nearest(text, words.iter().map(String::as_str)));
    let near = near.map(|near| format!("; did you mean {}?", quote(near))).unwrap_or_default();
    format!("{}{near}", listed.join(" or "))
}

/// The words an option may be, as its flag lists them; none if it is no choice of words.
fn words(name: &str) -> Vec<String> {
    let flag = name.chars().fold(String::new(), |mut flag, letter| {
        if letter.is_ascii_uppercase() {
            flag.push('-');
        }
        flag.push(letter.to_ascii_lowercase());
        flag
    });
    let command = Options::augment_args(clap::Command::new("llemulator"));
    let argument = command.get_arguments().find(|argument| argument.get_long() == Some(&flag));
    let values = argument.map(clap::Arg::get_possible_values).unwrap_or_default();
    let words: Vec<String> = values.iter().map(|value| value.get_name().to_string()).collect();
    if words == ["true", "false"] { Vec::new() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_the_value_what_is_allowed_and_the_nearest_are_named() {
        for (given, told) in [
            (r#"{"fallBack": "echo"}"#, "there is no option `fallBack`; did you mean `fallback`?"),
            (r#"{"colour": 1}"#, "there is no option `colour`; there are: port, host, profile, "),
            (
                r#"{"seed": 1, "port": "8080"}"#,
                r#"the option `port` is "8080"; expected a whole number from 0 to 65535"#,
            ),
            (r#"{"port": 70000}"#, "the option `port` is 70000; expected a whole number from 0 to 65535"),
            (
                r#"{"fallback": "ecko"}"#,
                r#"is "ecko"; expected "error" or "echo" or "generate" or "upstream" or "manual" or "replay"; did you mean "echo"?"#,
            ),
            (
                r#"{"fallback": 5}"#,
                r#"`fallback` is 5; expected "error" or "echo" or "generate" or "upstream" or "manual" or "replay""#,
            ),
            (r#"{"logLevel": "loud"}"#, r#"expected "info" or "warn" or "error""#),
            (r#"{"generateTools": "frist"}"#, r#"did you mean "first"?"#),
            (r#"{"seed": -1}"#, "`seed` is -1; expected a whole number of at least 0"),
            (r#"{"streamTokensPerSecond": "fast"}"#, "expected a number"),
            (r#"{"debug": "yes"}"#, "expected true or false"),
            (r#"{"host": 5}"#, "expected a string"),
            (r#"{"allowedHosts": "a"}"#, "expected a list of strings"),
            (r#"{"models": 5}"#, "expected a string or a list of strings"),
            (r#"{"prefix": [1]}"#, "expected a string or a list of strings"),
            (r#"{"auth": 5}"#, "expected `optional`, `required` or a list of keys"),
            (r#"{"auth": "optinal"}"#, "expected `optional`, `required` or a list of keys"),
            (r#"{"auth": ""}"#, "expected `optional`, `required` or a"),
            (r#"{"trustForwarded": "yes"}"#, "the option `trustForwarded` is \"yes\"; expected true or false"),
        ] {
            let error = Options::from_json(given).unwrap_err().to_string();
            assert!(error.starts_with("startEmulator(): ") && error.contains(told), "{given}: {error}");
        }
        assert!(Options::from_json("[]").unwrap_err().to_string().contains("expected an object"));
    }
}
