//! Whole sessions: requests of the API and of the control plane, one after the other.

use super::ask::{LENIENT, STRICT};
use super::twice;
use bytes::Bytes;
use hyper::Request;
use hyper::http::request::Parts;

/// Requests of one input at most.
const MOST: usize = 8;

/// Requests as text, `METHOD target`, headers, an empty line, the body, with lines of `===` between them: every answer is
/// one that a client can read, and comes out twice the same.
pub fn requests(bytes: &[u8]) {
    let requests: Vec<(Parts, Bytes)> = split(bytes, b"\n===\n").take(MOST).filter_map(read).collect();
    if requests.is_empty() {
        return;
    }
    for emulator in [&STRICT, &LENIENT] {
        twice(|| emulator.ask(&requests));
    }
}

/// A request of its text.
pub(crate) fn read(text: &[u8]) -> Option<(Parts, Bytes)> {
    let mut halves = split(text, b"\n\n");
    let head = str::from_utf8(halves.next()?).ok()?;
    let body = text.get(head.len() + 2..).unwrap_or_default();
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    Some((request.body(()).ok()?.into_parts().0, Bytes::copy_from_slice(body)))
}

/// Bytes between separators.
pub(crate) fn split<'a>(bytes: &'a [u8], by: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let whole = rest?;
        let at = whole.windows(by.len()).position(|window| window == by);
        rest = at.map(|at| &whole[at + by.len()..]);
        Some(&whole[..at.unwrap_or(whole.len())])
    })
}
