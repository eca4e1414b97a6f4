//! Looking through sources: what stands between brackets, and words in quotes.

/// A text without comments: `//` and `/* */` outside of quotes are white space.
pub(super) fn without_comments(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at, mut quote) = (Vec::with_capacity(bytes.len()), 0, None);
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match (quote, byte, next) {
            (None, b'/', Some(b'*')) => {
                let end = text.get(at + 2..).and_then(|rest| rest.find("*/")).map_or(bytes.len(), |end| at + end + 4);
                at = end;
                out.push(b' ');
                continue;
            }
            (None, b'/', Some(b'/')) => {
                at = text.get(at..).and_then(|rest| rest.find('\n')).map_or(bytes.len(), |end| at + end);
                continue;
            }
            (None, b'\'' | b'"' | b'`', _) => quote = Some(byte),
            (Some(open), byte, _) if byte == open => quote = None,
            (Some(_), b'\\', Some(next)) => {
                out.extend([byte, next]);
                at += 2;
                continue;
            }
            _ => {}
        }
        out.push(byte);
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the bracket that opens at `open` closes; the end of the text if it does not.
pub(super) fn closing(text: &str, open: usize) -> usize {
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    for (at, letter) in text.char_indices().skip_while(|(at, _)| *at < open) {
        match (quote, letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (None, '{' | '(' | '[') => depth += 1,
            (None, '}' | ')' | ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// A text cut at a letter that stands in no bracket or quote. `<` and `>` are brackets too, but for `=>`.
pub(super) fn split(text: &str, at: char) -> Vec<&str> {
    let (mut out, mut start, mut depth, mut quote, mut before) = (Vec::new(), 0, 0i32, None, ' ');
    for (place, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (None, '{' | '(' | '[' | '<') => depth += 1,
            (None, '>') if before == '=' => {}
            (None, '}' | ')' | ']' | '>') => depth -= 1,
            (None, letter) if letter == at && depth == 0 => {
                out.push(text.get(start..place).unwrap_or_default().trim());
                start = place + letter.len_utf8();
            }
            _ => {}
        }
        before = letter;
    }
    out.push(text.get(start..).unwrap_or_default().trim());
    out.retain(|part| !part.is_empty());
    out
}

/// A word in quotes, without them.
pub(super) fn quoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let open = text.chars().next().filter(|open| matches!(open, '\'' | '"'))?;
    text.strip_prefix(open)?.strip_suffix(open).filter(|inner| !inner.contains(open))
}

/// `FineTuning` and `fine-tuning` → `fine_tuning`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(if letter == '-' { '_' } else { letter }.to_lowercase());
    }
    out
}

/// A path without the names of its parameters: `/files/{}`.
pub(super) fn nameless(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let segment = |segment: &str| if segment.contains('{') { "{}".to_string() } else { segment.to_string() };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}
