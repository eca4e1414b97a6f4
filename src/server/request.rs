//! Reading requests: head, body within its bounds, unzipped.

use crate::options::Settings;
use crate::runtime;
use crate::wire::error;
use crate::wire::error::ApiError;
use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use std::io::Read;
use std::time::Duration;
use tokio::time::timeout;

/// Reads a body within the bounds of its size, also after unzipping, and as long as its bytes keep coming. A longer one
/// is refused as soon as that is known, so that a client which waits for `100 Continue` sends nothing; what others still
/// send is thrown away when the connection closes.
pub(super) async fn read(mut body: Incoming, headers: &HeaderMap, settings: &Settings) -> Result<Bytes, ApiError> {
    let limit = settings.max_body_bytes;
    let patience = Duration::from_millis(settings.body_timeout_ms);
    if body.size_hint().lower() > limit as u64 {
        return Err(error::too_large(limit));
    }
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    while let Some(frame) = timeout(patience, body.frame()).await.map_err(|_| error::stalled(patience))? {
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
    let unzip = |reader: &mut dyn Read| runtime::aside(limit, || unzip(reader, bytes.len(), limit));
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

/// How many times larger unzipping may make a body: texts grow tenfold, what is made to burst a thousandfold.
const RATIO: usize = 100;
/// What a body may become however small it came.
const HARMLESS: usize = 1 << 20;

/// Unzips what came as so many bytes.
fn unzip(reader: impl Read, came: usize, limit: usize) -> Result<Bytes, ApiError> {
    let most = limit.min(came.saturating_mul(RATIO).max(HARMLESS));
    let mut out = Vec::new();
    reader
        .take(most as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|error| ApiError::invalid(format!("Failed to unzip request body: {error}")))?;
    match out.len() > most {
        true if most < limit => Err(error::bursts(came, RATIO)),
        true => Err(error::too_large(limit)),
        false => {
            out.shrink_to_fit();
            Ok(out.into())
        }
    }
}

/// A header of the request as text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
