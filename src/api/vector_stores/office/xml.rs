//! XML as far as it takes to find texts in it: tags, their attributes, what stands between them. What is broken is read
//! as far as it goes; no entity is followed but those of single letters.

/// What a text is made of. Names are without their prefixes.
#[derive(Debug, PartialEq)]
pub(super) enum XmlPiece<'a> {
    Opens {
        name: &'a str,
        attributes: &'a str,
        is_empty: bool,
    },
    Closes(&'a str),
    /// With entities.
    Text(&'a str),
    /// As it stands.
    Literal(&'a str),
}

/// Goes through a text.
pub(super) struct XmlReader<'a> {
    rest: &'a str,
}

impl<'a> XmlReader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        XmlReader { rest: text }
    }

    /// What stands before this mark; all that is left if it does not come. Goes on behind it.
    fn until(&mut self, mark: &str) -> &'a str {
        let (before, rest) = self.rest.split_once(mark).unwrap_or((self.rest, ""));
        self.rest = rest;
        before
    }
}

impl<'a> Iterator for XmlReader<'a> {
    type Item = XmlPiece<'a>;

    fn next(&mut self) -> Option<XmlPiece<'a>> {
        loop {
            let Some(tag) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return (!text.is_empty()).then_some(XmlPiece::Text(text));
            };
            self.rest = tag;
            if let Some(literal) = tag.strip_prefix("![CDATA[") {
                self.rest = literal;
                return Some(XmlPiece::Literal(self.until("]]>")));
            }
            match tag.as_bytes() {
                [b'!', b'-', b'-', ..] => drop(self.until("-->")),
                [b'?', ..] => drop(self.until("?>")),
                [b'!', ..] => drop(self.until(">")),
                [b'/', ..] => return Some(XmlPiece::Closes(local(self.until(">").trim_start_matches('/').trim()))),
                _ => {
                    let (tag, rest) = tag.split_at(tag_end(tag));
                    self.rest = rest.strip_prefix('>').unwrap_or(rest);
                    let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
                    let name = tag.split(|letter: char| letter.is_ascii_whitespace()).next().unwrap_or_default();
                    return Some(XmlPiece::Opens { name: local(name), attributes: &tag[name.len()..], is_empty });
                }
            }
        }
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or_default()
}

/// Where a tag ends: `>` may stand in its values.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if byte == b'>' => return at,
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            None => {}
        }
    }
    tag.len()
}

/// A tag's attributes: names with their prefixes, values with entities.
pub(super) fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = value[1..].split_once(quote)?;
        rest = after;
        Some((name.trim(), value))
    })
}

/// A text with the letters that its entities stand for; what is no entity stays.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        // The longest is `&#x10FFFF;`.
        let end = after.bytes().take(10).position(|byte| byte == b';');
        let named = end.and_then(|end| Some((entity(after.get(..end)?)?, after.get(end + 1..)?)));
        let (letter, then) = named.unwrap_or(('&', after));
        out.push(letter);
        rest = then;
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    let number = |digits: &str, base| u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            digits.strip_prefix('x').map_or_else(|| number(digits, 10), |digits| number(digits, 16))
        }
    }
}
