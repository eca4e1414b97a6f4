//! The control room's page: what `ui/` was built to, embedded by `build.rs`. The files hold no data, all of which comes
//! from `/api` and `/ws`; they are guarded like these all the same, so that no foreign name can show them as its own.

use super::body::ResponseBody;
use super::request::{header, weight};
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use std::io::Read;

/// Name, tag, zipped bytes. Empty in a build without Node.
const FILES: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What is shown when the page was not built.
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>LLEmulator</title>\n\
    <h1>LLEmulator is running</h1>\n<p>This binary was built without the control room's page. In a checkout, \
    <code>npm run build</code> makes a build that has it; the npm package and the container image bring it.</p>\n";

/// Nothing comes from elsewhere and nothing runs but the page's own script: what a client sent is text, whatever it
/// says. Pictures may be data: requests hold them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether a request is for the page or one of its files; `/` is the page's for who wants HTML.
pub(super) fn is_asked(path: &str, headers: &HeaderMap) -> bool {
    match path {
        "/" => header(headers, "accept").is_some_and(prefers_html),
        _ => path.strip_prefix("/ui/").is_some_and(|name| find(name).is_some()),
    }
}

/// Whether HTML is named, and not less than JSON.
fn prefers_html(accepted: &str) -> bool {
    let json = weight(accepted, "application/json").unwrap_or(0.0);
    weight(accepted, "text/html").is_some_and(|html| html > 0.0 && html >= json)
}

fn find(name: &str) -> Option<&'static (&'static str, &'static str, &'static [u8])> {
    FILES.iter().find(|(known, ..)| *known == name)
}

/// Answers what [`is_asked`].
pub(super) fn answer(path: &str, asked: &HeaderMap) -> Response<ResponseBody> {
    let name = path.strip_prefix("/ui/").unwrap_or("index.html");
    let mut response = Response::new(ResponseBody::Full(None));
    let mut set = |name: &'static str, value: &'static str| {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    set("content-security-policy", POLICY);
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "no-referrer");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("content-type", kind(name));
    // Asked for again each time, and answered from the browser's copy as long as it is this build's.
    set("cache-control", "no-cache");
    set("vary", "Accept, Accept-Encoding");
    let body = match find(name) {
        None => Bytes::from_static(NOT_BUILT.as_bytes()),
        Some((_, tag, zipped)) => {
            set("etag", tag);
            if header(asked, "if-none-match").is_some_and(|known| known.contains(tag)) {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return response;
            }
            match header(asked, "accept-encoding").is_some_and(|accepted| accepted.contains("gzip")) {
                true => {
                    set("content-encoding", "gzip");
                    Bytes::from_static(zipped)
                }
                false => unzipped(zipped),
            }
        }
    };
    *response.body_mut() = ResponseBody::Full(Some(body));
    response
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    }
}

/// For programs that read no gzip; browsers all do.
fn unzipped(zipped: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    // They are our own bytes: nothing in them can be wrong.
    let _ = flate2::read::GzDecoder::new(zipped).read_to_end(&mut plain);
    plain.into()
}
