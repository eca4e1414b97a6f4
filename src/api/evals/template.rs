//! Templates of evals: `{{ item.question }}`, `{{ sample.output_text }}`.

use serde_json::Value;

/// What templates name: an item of the data, and what a model said of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filling<'a> {
    pub item: &'a Value,
    pub sample: &'a Value,
}

impl Filling<'_> {
    /// A text with what stands between double braces filled in. What there is not stays as it is written.
    pub(super) fn text(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let Some((path, behind)) = after.split_once("}}") else {
                out.push_str("{{");
                rest = after;
                continue;
            };
            match self.value(path.trim()) {
                Some(Value::String(text)) => out.push_str(text),
                Some(value) => out.push_str(&value.to_string()),
                None => {
                    out.push_str("{{");
                    out.push_str(path);
                    out.push_str("}}");
                }
            }
            rest = behind;
        }
        out + rest
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
    pub(super) fn messages(&self, templates: &Value) -> Value {
        let fill = |message: &Value| {
            let mut message = message.clone();
            self.fill(&mut message["content"]);
            if let Some(message) = message.as_object_mut() {
                message.shift_remove("type");
            }
            message
        };
        templates.as_array().into_iter().flatten().map(fill).collect()
    }

    fn fill(&self, content: &mut Value) {
        match content {
            Value::String(text) => *text = self.text(text),
            Value::Array(parts) => parts.iter_mut().for_each(|part| self.fill(part)),
            Value::Object(part) => {
                if let Some(text) = part.get_mut("text") {
                    self.fill(text);
                }
            }
            _ => {}
        }
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
            ("plain", "plain"),
        ] {
            assert_eq!(filling.text(template), expected);
        }
        let messages = json!([{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "{{item.q}}"}]},
            {"role": "system", "content": "{{ item.q }}"}]);
        let filled = filling.messages(&messages);
        assert_eq!(filled[0], json!({"role": "user", "content": [{"type": "input_text", "text": "Why?"}]}));
        assert_eq!(filled[1]["content"], "Why?");
    }
}
