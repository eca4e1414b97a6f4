//! Reading requests: head, body within its bound, unzipped.

use crate::api::error::{self, ApiError};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use std::io::Read;

/// Reads a body of at most `limit` bytes, also after unzipping.
pub async fn read(body: Incoming, encoding: Option<&str>, limit: usize) -> Result<Bytes, ApiError> {
    let mut body = body;
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
    match encoding.map(str::trim) {
        None | Some("" | "identity") => Ok(bytes),
        Some("gzip" | "x-gzip") => unzip(flate2::read::MultiGzDecoder::new(&bytes[..]), limit),
        Some("deflate") => unzip(flate2::read::ZlibDecoder::new(&bytes[..]), limit),
        Some("br") => unzip(brotli::Decompressor::new(&bytes[..], 4096), limit),
        Some(other) => Err(ApiError::new(
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
