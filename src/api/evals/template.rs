//! Templates of evals: `{{ item.question }}`, `{{ sample.output_text }}`.

use crate::budget::{Budget, Spent};
use crate::wire::value::Holds;
use serde_json::Value;
use std::borrow::Cow;

/// What templates name: an item of the data, and what a model said of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    pub item: &'a Value,
    pub sample: &'a Value,
}

impl Filling<'_> {
    /// A text with what stands between double braces filled in. What there is not stays as it is written.
    ///
    /// # Errors
    /// What is filled in is more than the budget has.
    pub(super) fn text(&self, template: &str, budget: &Budget) -> Result<String, Spent> {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        // Where no more braces end, none is looked for again and again.
        while let Some((before, (path, behind))) =
            rest.split_once("{{").and_then(|(before, after)| Some((before, after.split_once("}}")?)))
        {
            out.push_str(before);
            match self.value(path.trim()) {
                Some(value) => {
                    let text = match value {
                        Value::String(text) => Cow::Borrowed(text.as_str()),
                        value => Cow::Owned(value.to_string()),
                    };
                    budget.bytes(text.len()).map_err(|spent| spent.at(|| "What is filled in".into(), "grader"))?;
                    out.push_str(&text);
                }
                None => {
                    out.push_str("{{");
                    out.push_str(path);
                    out.push_str("}}");
                }
            }
            rest = behind;
        }
        Ok(out + rest)
    }

    /// What a path leads to.
    pub(super) fn value(&self, path: &str) -> Option<&Value> {
        let mut steps = path.split('.');
        let mut found = match steps.next()? {
            "item" => self.item,
            "sample" => self.sample,
            _ => return None,
        };
        for step in steps {
            found = match step.parse::<usize>() {
                Ok(at) if found.is_array() => found.get(at)?,
                _ => found.get(step)?,
            };
        }
        Some(found)
    }

    /// Messages whose texts are templates.
    ///
    /// # Errors
    /// As [`Filling::text`].
    pub(super) fn messages(&self, templates: &Value, budget: &Budget) -> Result<Value, Spent> {
        let fill = |message: &Value| {
            let mut message = message.clone();
            // What is no message stays what it is.
            message.get_mut("content").map_or(Ok(()), |content| self.fill(content, budget))?;
            if let Some(message) = message.as_object_mut() {
                message.shift_remove("type");
            }
            Ok(message)
        };
        templates.elements().map(fill).collect()
    }

    fn fill(&self, content: &mut Value, budget: &Budget) -> Result<(), Spent> {
        match content {
            Value::String(text) => *text = self.text(text, budget)?,
            Value::Array(parts) => parts.iter_mut().try_for_each(|part| self.fill(part, budget))?,
            Value::Object(part) => {
                if let Some(text) = part.get_mut("text") {
                    self.fill(text, budget)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_are_filled() {
        let (item, sample) = (json!({"q": "Why?", "n": [1, {"a": true}]}), json!({"output_text": "So."}));
        let filling = Filling { item: &item, sample: &sample };
        for (template, expected) in [
            ("{{ item.q }} {{sample.output_text}}", "Why? So."),
            ("{{item.n.1.a}} {{ item.n.0 }}", "true 1"),
            ("{{ item.none }} {{other}}", "{{ item.none }} {{other}}"),
            ("{{ open", "{{ open"),
            ("{{item.q}} {{ {{", "Why? {{ {{"),
            ("plain", "plain"),
        ] {
            assert_eq!(filling.text(template, &Budget::default()), Ok(expected.to_string()));
        }
        let messages = json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "{{item.q}}"}]},
            {"role": "system", "content": "{{ item.q }}"}, "{{ item.q }}", null, {"role": "user"}]);
        let filled = filling.messages(&messages, &Budget::default()).expect("it is little");
        assert_eq!(filled[0], json!({"role": "user", "content": [{"type": "input_text", "text": "Why?"}]}));
        assert_eq!(filled[1]["content"], "Why?");
        assert_eq!(
            (&filled[2], &filled[3], &filled[4]),
            (&json!("{{ item.q }}"), &json!(null), &json!({"role": "user"}))
        );
    }

    #[test]
    fn what_is_filled_in_has_a_bound() {
        let item = json!({"text": "a".repeat(1 << 20), "list": ["a".repeat(1 << 20)]});
        let filling = Filling { item: &item, sample: &Value::Null };
        for path in ["item.text", "item.list", "item"] {
            let template = format!("{{{{ {path} }}}}").repeat(5_000);
            let refused = filling.text(&template, &Budget::default()).expect_err("gigabytes").to_api_error();
            assert_eq!((refused.status, refused.code.as_deref()), (400, Some("schema_too_complex")));
            // Nor does it help to spread them over many messages.
            let messages: Value = (0..5_000).map(|_| json!({"content": format!("{{{{ {path} }}}}")})).collect();
            assert!(filling.messages(&messages, &Budget::default()).is_err());
        }
        // A megabyte of braces that never end: by the square, this takes minutes.
        let open = "{{".repeat(1 << 19);
        assert_eq!(filling.text(&open, &Budget::default()), Ok(open));
    }
}
