//! The key that an upstream was asked with, where its answer repeats it: the client gets what came, and what is kept,
//! logged or told to watchers has a placeholder instead.

use super::REDACTED;
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::Arc;

/// Shorter keys are words of every text (`EMPTY`), and open nothing.
pub(super) const SHORTEST: usize = 6;

/// A key, in the forms that texts have it in.
#[derive(Debug)]
pub(crate) struct Veil(Vec<Finder<'static>>);

impl Veil {
    /// `None` = there is nothing to hide.
    pub(crate) fn of(key: &str) -> Option<Arc<Self>> {
        if key.len() < SHORTEST {
            return None;
        }
        // In JSON too, of which some writers have slashes escaped.
        let quoted = serde_json::Value::from(key).to_string();
        let quoted = quoted[1..quoted.len() - 1].to_string();
        let mut forms = vec![key.to_string(), quoted.replace('/', "\\/"), quoted];
        forms.dedup();
        Some(Arc::new(Veil(forms.iter().map(|form| Finder::new(form).into_owned()).collect())))
    }

    /// A text without the key.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.first(text.as_bytes()) {
            None => text.into(),
            Some(_) => {
                let mut open = Vec::new();
                let mut out = self.pass(&mut open, text.as_bytes()).into_owned();
                out.extend_from_slice(&open);
                String::from_utf8_lossy(&out).into_owned().into()
            }
        }
    }

    /// Whether a text has the key in it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.first(text.as_bytes()).is_some()
    }

    /// The next bytes of a stream without the key. What may be its beginning stays in `open` until more is known.
    pub(crate) fn pass<'a>(&self, open: &mut Vec<u8>, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let whole: Cow<[u8]> = match open.is_empty() {
            true => bytes.into(),
            false => [&std::mem::take(open), bytes].concat().into(),
        };
        let (mut out, mut rest) = (Vec::new(), &*whole);
        while let Some((at, end)) = self.first(rest) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(REDACTED.as_bytes());
            rest = &rest[end..];
        }
        let (rest, begun) = rest.split_at(rest.len() - self.begun(rest));
        open.extend_from_slice(begun);
        match &whole {
            Cow::Borrowed(bytes) if out.is_empty() => bytes[..rest.len()].into(),
            _ => {
                out.extend_from_slice(rest);
                out.into()
            }
        }
    }

    /// Where the first key begins and ends.
    pub(super) fn first(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let ends = |form: &Finder| form.find(bytes).map(|at| (at, at + form.needle().len()));
        self.0.iter().filter_map(ends).min()
    }

    /// How many bytes at the end may be the beginning of a key.
    pub(super) fn begun(&self, bytes: &[u8]) -> usize {
        let of = |form: &Finder| (1..form.needle().len()).rev().find(|len| bytes.ends_with(&form.needle()[..*len]));
        self.0.iter().filter_map(of).max().unwrap_or(0)
    }
}

/// What is shown of a stream's end that may have become a key: a few characters are those of any text.
pub(crate) fn rest(open: &[u8]) -> &[u8] {
    if open.len() < SHORTEST { open } else { REDACTED.as_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text in pieces of so many bytes, as it is shown.
    fn shown(veil: &Veil, text: &str, size: usize) -> String {
        let (mut open, mut out) = (Vec::new(), Vec::new());
        for piece in text.as_bytes().chunks(size) {
            out.extend_from_slice(&veil.pass(&mut open, piece));
        }
        out.extend_from_slice(rest(&open));
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_key_is_hidden_however_its_text_is_cut() {
        for (key, text, expected) in [
            ("sk-secret", "a sk-secret, sk-secretsk-secret b", "a [REDACTED], [REDACTED][REDACTED] b"),
            ("sk-secret", "sk- sk-sk-secret sk-secre", "sk- sk-[REDACTED] [REDACTED]"),
            ("abcabc", "abcabcabc", "[REDACTED]abc"),
            ("aaaaaa", "aaaaaaaaa", "[REDACTED]aaa"),
            (
                "a/b\"c\\d",
                r#"{"k":"a/b\"c\\d","l":"a\/b\"c\\d","ü":1}"#,
                r#"{"k":"[REDACTED]","l":"[REDACTED]","ü":1}"#,
            ),
            ("secret", "nothing, sec", "nothing, sec"),
        ] {
            let veil = Veil::of(key).expect("a key");
            for size in 1..=text.len() {
                assert_eq!(shown(&veil, text, size), expected, "{key} in pieces of {size}");
            }
            let whole = veil.text(text);
            assert!(!whole.contains(key), "{whole}");
        }
        assert!(Veil::of("EMPTY").is_none());
    }

    #[test]
    fn what_has_no_key_is_not_copied() {
        let veil = Veil::of("sk-secret").expect("a key");
        let mut open = Vec::new();
        assert!(matches!(veil.pass(&mut open, b"data: {}\n\n"), Cow::Borrowed(_)) && open.is_empty());
        assert!(matches!(veil.text("a text of sk-"), Cow::Borrowed("a text of sk-")));
    }
}
