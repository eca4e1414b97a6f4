//! Line and column of a JSON path in JSON text. Messages need them seldom, so the text is walked again instead of
//! keeping positions while it is parsed.

/// Line and column, both from 1 (columns in characters), of the value at `path`; of the nearest value above it if the
/// path leads nowhere. The text must be JSON up to there.
pub fn position(text: &str, path: &str) -> (usize, usize) {
    let mut cursor = Cursor { text: text.as_bytes(), at: 0 };
    cursor.space();
    let mut found = cursor.at;
    for step in steps(path) {
        match cursor.enter(&step) {
            Some(at) => found = at,
            None => break,
        }
    }
    let before = &text[..found.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

enum Step {
    Key(String),
    Index(usize),
}

/// A path as [`super::Path`] writes it, taken apart.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inner) = rest.strip_prefix('[') {
            let mut values = serde_json::Deserializer::from_str(inner).into_iter::<serde_json::Value>();
            match values.next() {
                Some(Ok(serde_json::Value::String(key))) => steps.push(Step::Key(key)),
                Some(Ok(number)) => steps.push(Step::Index(number.as_u64().unwrap_or(u64::MAX) as usize)),
                _ => break,
            }
            rest = inner.get(values.byte_offset()..).and_then(|rest| rest.strip_prefix(']')).unwrap_or_default();
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Key(rest[..end].to_string()));
            rest = &rest[end..];
        }
    }
    steps
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes from the start of a list or object to the start of one of its values; tells where its key or value begins.
    fn enter(&mut self, step: &Step) -> Option<usize> {
        let in_object = match self.peek()? {
            b'{' => true,
            b'[' => false,
            _ => return None,
        };
        self.at += 1;
        for index in 0.. {
            self.space();
            let start = self.at;
            if matches!(self.peek()?, b'}' | b']') {
                return None;
            }
            let mut wanted = matches!(step, Step::Index(wanted) if !in_object && *wanted == index);
            if in_object {
                self.skip();
                let key: Option<String> = serde_json::from_slice(self.text.get(start..self.at)?).ok();
                wanted = matches!(step, Step::Key(wanted) if key.as_deref() == Some(wanted));
                self.space();
                self.at += 1; // the colon
                self.space();
            }
            if wanted {
                return Some(start);
            }
            self.skip();
            self.space();
            self.at += usize::from(self.peek() == Some(b','));
        }
        None
    }

    /// Past one value.
    fn skip(&mut self) {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                None => return,
                Some(b'"') => {
                    self.at += 1;
                    while let Some(byte) = self.peek().filter(|byte| *byte != b'"') {
                        self.at += if byte == b'\\' { 2 } else { 1 };
                    }
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') if depth == 0 => return,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {
                    while self.peek().is_some_and(|byte| !b"\"{}[],:".contains(&byte) && !byte.is_ascii_whitespace()) {
                        self.at += 1;
                    }
                    // Borders between values are left for the level they belong to.
                    if depth == 0 {
                        return;
                    }
                    while self.peek().is_some_and(|byte| b",:".contains(&byte) || byte.is_ascii_whitespace()) {
                        self.at += 1;
                    }
                    continue;
                }
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
            while self.peek().is_some_and(|byte| b",:".contains(&byte) || byte.is_ascii_whitespace()) {
                self.at += 1;
            }
        }
    }
}
