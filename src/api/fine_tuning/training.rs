//! What a training file must be: lines of examples in the form of its method, ten at least.

use bytes::Bytes;
use serde_json::Value;

/// Examples that a file needs.
const LEAST: usize = 10;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TrainingFault {
    pub code: &'static str,
    pub message: String,
}

/// What a training file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Examples {
    pub count: usize,
    /// Of all of them, as far as they are trained on.
    pub tokens: u64,
}

/// The examples of a file for a method (`supervised`, `dpo`, `reinforcement`).
///
/// # Errors
/// The first line that is no example, or that there are too few.
pub(super) fn examples(file: &Bytes, method: &str, what: &str, model: &str) -> Result<Examples, TrainingFault> {
    let encoding = crate::tokens::Encoding::for_model(model);
    let mut found = Examples { count: 0, tokens: 0 };
    let lines = file.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    for (at, line) in lines {
        let broken = |message: String| TrainingFault {
            code: "invalid_file_format",
            message: format!(
                "The job failed due to an invalid {what} file. Invalid file format. Line {}: {message}",
                at + 1
            ),
        };
        let example: Value = serde_json::from_slice(line).map_err(|_| broken("it is not valid JSON.".into()))?;
        check(&example, method).map_err(broken)?;
        found.count += 1;
        texts(&example, &mut |text| found.tokens += crate::tokens::count(encoding, text) as u64);
    }
    if found.count < LEAST && what == "training" {
        return Err(TrainingFault {
            code: "invalid_n_examples",
            message: format!("Training file has {} example(s), but must have at least {LEAST} examples", found.count),
        });
    }
    Ok(found)
}

fn check(example: &Value, method: &str) -> Result<(), String> {
    let roles = |messages: &Value, at: &str| {
        let messages = messages.as_array().filter(|messages| !messages.is_empty());
        let messages = messages.ok_or_else(|| format!("'{at}' must be a list of messages."))?;
        for (number, message) in messages.iter().enumerate() {
            if message["role"].as_str().is_none_or(str::is_empty) {
                return Err(format!("'{at}[{number}]' has no role."));
            }
        }
        Ok(messages.iter().any(|message| message["role"] == "assistant"))
    };
    match method {
        "dpo" => {
            roles(&example["input"]["messages"], "input.messages")?;
            for name in ["preferred_output", "non_preferred_output"] {
                if !roles(&example[name], name)? {
                    return Err(format!("'{name}' must have a message of the assistant."));
                }
            }
            Ok(())
        }
        "reinforcement" => roles(&example["messages"], "messages").map(drop),
        _ if example["prompt"].is_string() && example["completion"].is_string() => Ok(()),
        _ => match roles(&example["messages"], "messages")? {
            true => Ok(()),
            false => Err("'messages' must have a message of the assistant.".into()),
        },
    }
}

/// All texts of an example.
fn texts(value: &Value, count: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => count(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, count)),
        Value::Object(map) => map.iter().filter(|(name, _)| *name != "role").for_each(|(_, item)| texts(item, count)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(lines: &[Value], method: &str) -> Result<Examples, TrainingFault> {
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        examples(&Bytes::from(text.join("\n\n")), method, "training", "gpt-4o-mini")
    }

    fn told(lines: &[Value], method: &str) -> String {
        read(lines, method).expect_err("it is wrong").message
    }

    #[test]
    fn examples_are_counted_with_their_tokens() {
        let message = |role: &str| json!({"role": role, "content": "one two"});
        let chat = json!({"messages": [message("user"), message("assistant")]});
        assert_eq!(read(&vec![chat.clone(); 10], "supervised"), Ok(Examples { count: 10, tokens: 40 }));
        let output = json!([message("assistant")]);
        let pair = json!({"input": {"messages": [message("user")]}, "preferred_output": output, "non_preferred_output": output});
        assert_eq!(read(&vec![pair; 10], "dpo").map(|found| found.count), Ok(10));
        assert_eq!(
            read(&vec![json!({"messages": [message("user")], "answer": "x"}); 10], "reinforcement")
                .map(|found| found.count),
            Ok(10)
        );
        assert_eq!(
            read(&vec![json!({"prompt": "a", "completion": "b"}); 10], "supervised").map(|found| found.count),
            Ok(10)
        );
        assert_eq!(told(&[chat], "supervised"), "Training file has 1 example(s), but must have at least 10 examples");
    }

    #[test]
    fn a_wrong_line_is_named() {
        let user = json!({"role": "user", "content": "x"});
        for (line, method, expected) in [
            (json!({"text": "x"}), "supervised", "'messages' must be a list"),
            (json!({"messages": []}), "supervised", "'messages' must be a list"),
            (json!({"messages": [user]}), "supervised", "a message of the assistant"),
            (json!({"messages": [{"content": "x"}]}), "supervised", "'messages[0]' has no role"),
            (json!({"messages": [user]}), "dpo", "'input.messages' must be a list"),
            (json!({"input": {"messages": [user]}, "preferred_output": [user]}), "dpo", "'preferred_output' must have"),
            (json!({"messages": "x"}), "reinforcement", "'messages' must be a list"),
        ] {
            let message = told(&[line], method);
            assert!(message.contains(expected) && message.contains("Line 1:"), "{message}");
        }
        let broken =
            examples(&Bytes::from_static(b"\n{"), "supervised", "validation", "gpt-4o").expect_err("it is broken");
        assert!(broken.message.contains("validation file") && broken.message.contains("Line 2: it is not valid JSON"));
    }
}
