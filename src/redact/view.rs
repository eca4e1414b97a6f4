//! An answer's bytes as they are shown and kept: unzipped, and without the key that its upstream was asked with. What
//! its client gets is another matter.

use super::REDACTED;
use super::unzip::Unzipper;
use super::veil::{self, Veil};
use crate::runtime;
use std::borrow::Cow;
use std::sync::Arc;

/// Unzipping so many bytes is as much work as reading this many times as many.
const UNZIPPED: usize = 8;

/// Looks at the bytes of one answer as they come.
#[derive(Debug, Default)]
pub(crate) struct AnswerView {
    veil: Option<Arc<Veil>>,
    zipped: Option<Unzipper>,
    /// Why nothing more can be read.
    unread: Option<String>,
    /// The placeholder stands there for what cannot be read.
    told: bool,
    /// What may be the beginning of a key: see [`Veil::pass`].
    open: Vec<u8>,
}

impl AnswerView {
    /// With what hides a key, for the values of `content-encoding`; of what is zipped, at most so many bytes are looked at.
    pub(crate) fn of<'a>(veil: Option<Arc<Veil>>, codings: impl Iterator<Item = &'a str>, most: usize) -> Self {
        let (zipped, unread) = match Unzipper::of(codings, most) {
            Ok(zipped) => (zipped, None),
            Err(why) => (None, Some(why)),
        };
        AnswerView { veil, zipped, unread, ..AnswerView::default() }
    }

    /// As [`AnswerView::of`], for an answer with these headers.
    pub(crate) fn of_answer(veil: Option<Arc<Veil>>, headers: &[(String, String)], most: usize) -> Self {
        let codings = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
        AnswerView::of(veil, codings.map(|(_, coding)| coding.as_str()), most)
    }

    /// The next bytes, as they are shown.
    pub(crate) fn next<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let plain = self.plain(bytes);
        match (&self.veil, plain) {
            (None, plain) => plain,
            (Some(veil), Cow::Borrowed(plain)) => veil.pass(&mut self.open, plain),
            (Some(veil), Cow::Owned(plain)) => veil.pass(&mut self.open, &plain).into_owned().into(),
        }
    }

    fn plain<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut shown = Vec::new();
        if let Some(mut zipped) = self.zipped.take() {
            let (plain, failed) = runtime::aside(bytes.len().saturating_mul(UNZIPPED), || zipped.next(bytes));
            match failed {
                None => self.zipped = Some(zipped),
                why => self.unread = why,
            }
            if self.unread.is_none() || !plain.is_empty() && self.veil.is_none() {
                return plain.into();
            }
            shown = plain;
        }
        // Where there is a key, it may be in anything.
        match (&self.unread, &self.veil) {
            (Some(_), Some(_)) => {
                if !std::mem::replace(&mut self.told, true) {
                    shown.extend_from_slice(REDACTED.as_bytes());
                }
                shown.into()
            }
            _ => bytes.into(),
        }
    }

    /// What is shown of an end that may have become a key.
    pub(crate) fn rest(&self) -> &[u8] {
        veil::rest(&self.open)
    }

    /// Why what came cannot be read.
    pub(crate) fn unread(&self) -> Option<&str> {
        self.unread.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::unzip::tests::zipped;
    use super::*;

    fn shown(view: &mut AnswerView, pieces: &[Vec<u8>]) -> String {
        let mut out: Vec<u8> = pieces.iter().flat_map(|piece| view.next(piece).into_owned()).collect();
        out.extend_from_slice(view.rest());
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_key_in_a_zipped_answer_is_hidden() {
        let pieces: [&[u8]; 3] = [b"you said sk-se", b"cret, well, sk-secre", b""];
        for coding in ["", "gzip", "deflate", "br"] {
            let mut view = AnswerView::of(Veil::of("sk-secret"), [coding].into_iter(), 1_000);
            assert_eq!(shown(&mut view, &zipped(coding, &pieces)), "you said [REDACTED], well, [REDACTED]", "{coding}");
            assert_eq!(view.unread(), None);
        }
    }

    #[test]
    fn what_cannot_be_read_shows_nothing_where_there_is_a_key() {
        let pieces = vec![b"sk-secret".to_vec(), b"sk-secret".to_vec()];
        for coding in ["zstd", "gzip", "br"] {
            let mut view = AnswerView::of(Veil::of("sk-secret"), [coding].into_iter(), 1_000);
            assert_eq!(shown(&mut view, &pieces), "[REDACTED]", "{coding}");
            assert!(view.unread().is_some());
        }
        // A script may say of its bytes what they are not.
        let mut view = AnswerView::of(None, ["zstd"].into_iter(), 1_000);
        assert_eq!(shown(&mut view, &pieces), "sk-secretsk-secret");
        // What could be read before is.
        let zipped = zipped("gzip", &[&[b'x'; 2_000]]);
        let mut view = AnswerView::of(Veil::of("sk-secret"), ["gzip"].into_iter(), 1_000);
        assert_eq!(shown(&mut view, &zipped), "x".repeat(1_000) + "[REDACTED]");
    }
}
