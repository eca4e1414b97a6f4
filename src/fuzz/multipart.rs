//! Bodies of forms.

use super::ask::{LENIENT, STRICT};
use super::requests::split;
use super::twice;
use bytes::Bytes;
use hyper::Request;

/// Operations that take a form.
const FORMS: &[&str] = &[
    "/v1/files",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/images/edits",
    "/v1/images/variations",
    "/v1/uploads/u/parts",
    "/v1/videos",
];

/// A content type in the first line and a body below: whatever takes a form answers, and twice the same.
pub fn multipart(bytes: &[u8]) {
    let mut halves = split(bytes, b"\n");
    let Some(kind) = halves.next() else { return };
    let body = Bytes::copy_from_slice(bytes.get(kind.len() + 1..).unwrap_or_default());
    let requests = FORMS.iter().filter_map(|path| {
        let request = Request::builder().method("POST").uri(*path).header("content-type", kind).body(()).ok()?;
        Some((request.into_parts().0, body.clone()))
    });
    let requests: Vec<_> = requests.collect();
    for emulator in [&STRICT, &LENIENT] {
        twice(|| emulator.ask(&requests));
    }
}
