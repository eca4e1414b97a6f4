//! Reading requests: head, body within its bound, unzipped.

use crate::runtime;
use crate::wire::error;
use crate::wire::error::ApiError;
use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use std::io::Read;

/// Reads a body of at most `limit` bytes, also after unzipping. A longer one is refused as soon as that is known, so
/// that a client which waits for `100 Continue` sends nothing; what others still send is thrown away when the
/// connection closes.
pub async fn read(body: Incoming, headers: &HeaderMap, limit: usize) -> Result<Bytes, ApiError> {
    let mut body = body;
    if body.size_hint().lower() > limit as u64 {
        return Err(error::too_large(limit));
    }
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::invalid(format!("Failed to read request body: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = first.as_ref().map_or(whole.len(), Bytes::len) + data.len();
        if length > limit {
            return Err(error::too_large(limit));
        }
        // Almost every body comes in one frame: then nothing is copied.
        match (first.take(), whole.is_empty()) {
            (None, true) => first = Some(data),
            (before, _) => {
                whole.extend_from_slice(before.as_deref().unwrap_or_default());
                whole.extend_from_slice(&data);
            }
        }
    }
    let bytes = first.unwrap_or_else(|| whole.freeze());
    let encoding = header(headers, "content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
    // How much comes of it is not known before.
    let unzip = |reader: &mut dyn Read| runtime::aside(limit, || unzip(reader, limit));
    match encoding.as_str() {
        "" | "identity" => Ok(bytes),
        "gzip" | "x-gzip" => unzip(&mut flate2::read::MultiGzDecoder::new(&bytes[..])),
        "deflate" => unzip(&mut flate2::read::ZlibDecoder::new(&bytes[..])),
        "br" => unzip(&mut brotli::Decompressor::new(&bytes[..], 4096)),
        other => Err(ApiError::new(
            415,
            format!("Unsupported content encoding: '{other}'. Supported are gzip, deflate and br."),
        )),
    }
}

fn unzip(reader: impl Read, limit: usize) -> Result<Bytes, ApiError> {
    let mut out = Vec::new();
    reader
        .take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|error| ApiError::invalid(format!("Failed to unzip request body: {error}")))?;
    if out.len() > limit {
        return Err(error::too_large(limit));
    }
    Ok(out.into())
}

/// A header of the request as text.
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
