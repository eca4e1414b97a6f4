//! The body of a request: read after routing, as the operation's row says, within the bound.

use super::form;
use super::under_way::UnderWay;
use crate::api::admit;
use crate::memory;
use crate::options::{Profile, Settings};
use crate::redact;
use crate::runtime;
use crate::surface::operations::{self, Operation};
use crate::wire::error::{self, ApiError};
use crate::wire::form::FormData;
use crate::wire::headers::Headers;
use crate::wire::json as values;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use std::io::Read;
use std::pin::Pin;
use std::sync::Arc;

/// A body as its transport has it.
pub(crate) enum Sent {
    /// JSON, read already: an event of a socket, a line of a batch.
    Json(Value, Bytes),
    /// Nothing of it was read.
    Coming(Coming),
}

/// A body whose bytes are still to come. Dropped unread when the request is refused before.
pub(crate) struct Coming {
    /// Bytes there are at least: what `Content-Length` says.
    pub at_least: u64,
    pub pieces: BodyPieces,
}

/// The bytes of a body as they come; an error ends them.
pub(crate) type BodyPieces = Pin<Box<dyn Stream<Item = Result<Bytes, ApiError>> + Send>>;

/// A body that was read.
#[derive(Default)]
pub(crate) struct ReadBody {
    /// Its JSON; of a form, its fields and what is shown of its files; null when it is neither.
    pub value: Arc<Value>,
    pub form: Option<Arc<FormData>>,
    /// The bytes of what is neither.
    pub bytes: Bytes,
    /// As the journal keeps it: without secrets, and without the bytes of files.
    pub kept: Bytes,
    /// How many bytes it had.
    pub size: usize,
}

impl Coming {
    /// What is all there.
    pub(crate) fn of(bytes: Bytes) -> Self {
        Coming { at_least: bytes.len() as u64, pieces: Box::pin(stream::iter([Ok(bytes)])) }
    }
}

/// Reads the body of a request for this operation.
///
/// # Errors
/// It is too large, finds no room, is coded in an unknown way, no JSON, or a broken form.
pub(super) async fn read(
    sent: Sent,
    method: &str,
    operation: &Operation,
    headers: &Headers,
    settings: &Settings,
    under_way: &UnderWay<'_>,
) -> Result<ReadBody, ApiError> {
    let came = |bytes| under_way.came(bytes);
    let coming = match sent {
        Sent::Json(value, bytes) => {
            came(bytes.len())?;
            return Ok(ReadBody::json(value, &bytes));
        }
        Sent::Coming(coming) => coming,
    };
    let limit = settings.max_body_bytes;
    let coding = Coding::of(headers)?;
    if admit::content_type(settings, operation, headers).is_err() {
        // Whoever answers refuses it, unless a rule stands in.
        return if coming.at_least > limit as u64 { Err(error::too_large(limit)) } else { Ok(ReadBody::default()) };
    }
    let media = headers.all("content-type").next().unwrap_or_default();
    let is_form = media.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
    if is_form && matches!(operation.form, Some(operations::Form::Form | operations::Form::JsonOrForm)) {
        let boundary = multer::parse_boundary(media).map_err(|_| form::no_boundary())?;
        let (coming, limit) = match coding {
            Coding::Plain if operation.keeps_files => (coming, settings.max_upload_bytes),
            Coding::Plain => (coming, limit),
            _ => (Coming::of(unzip(gather(coming, limit, came).await?, coding, limit)?), limit),
        };
        // Boxed: what a form takes would be room that every body does.
        return ReadBody::form(Box::pin(form::read(coming, &boundary, limit, &came)).await?, operation);
    }
    let bytes = unzip(gather(coming, limit, came).await?, coding, limit)?;
    if coding != Coding::Plain {
        came(bytes.len())?;
    }
    let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
    if is_form || is_empty {
        // The older emulators read an empty body as an empty object.
        let lenient = is_empty && settings.profile == Profile::Relaxed && method == "POST";
        return Ok(ReadBody::other(bytes, if lenient { json!({}) } else { Value::Null }));
    }
    runtime::aside(bytes.len(), || values::check(&bytes, limit))?;
    match runtime::aside(bytes.len(), || serde_json::from_slice::<Value>(&bytes)) {
        Ok(value @ Value::Object(_)) => runtime::aside(bytes.len(), || {
            if bytes.len() > WEIGHED {
                came(memory::weight(&value))?;
            }
            Ok(ReadBody::json(value, &bytes))
        }),
        // Its fields are missing, unless the bytes stand for the form.
        _ if operation.form == Some(operations::Form::Form) && !admit::says_json(headers) => {
            Ok(ReadBody::other(bytes, Value::Null))
        }
        _ => Err(error::not_json()),
    }
}

impl ReadBody {
    fn json(value: Value, bytes: &Bytes) -> Self {
        let kept = redact::body_bytes(&value, bytes);
        ReadBody { value: Arc::new(value), kept, size: bytes.len(), ..ReadBody::default() }
    }

    fn form(form: FormData, operation: &Operation) -> Result<Self, ApiError> {
        let value = crate::surface::form::value(&form, operation)?;
        let kept: Bytes = redact::body(&value).to_string().into();
        let size = kept.len();
        Ok(ReadBody { value: Arc::new(value), form: Some(Arc::new(form)), kept, size, ..ReadBody::default() })
    }

    fn other(bytes: Bytes, value: Value) -> Self {
        // A slice would keep the connection's whole buffer.
        ReadBody { value: Arc::new(value), kept: Bytes::copy_from_slice(&bytes), size: bytes.len(), bytes, form: None }
    }
}

/// Bodies of more bytes are weighed when they are read: as values they take several times the room.
const WEIGHED: usize = 64 * 1024;

/// All bytes of a body of at most `limit` bytes, each piece of which is counted. A longer one is refused as soon as that
/// is known.
///
/// # Errors
/// It is too large, finds no room, or its transport broke.
pub(crate) async fn gather(
    coming: Coming,
    limit: usize,
    came: impl Fn(usize) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let mut pieces = coming.pieces;
    if coming.at_least > limit as u64 {
        return Err(error::too_large(limit));
    }
    let mut first: Option<Bytes> = None;
    let mut whole = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let length = first.as_ref().map_or(whole.len(), Bytes::len) + piece.len();
        if length > limit {
            return Err(error::too_large(limit));
        }
        came(piece.len())?;
        // Almost every body comes in one piece: then nothing is copied.
        match (first.take(), whole.is_empty()) {
            (None, true) => first = Some(piece),
            (before, _) => {
                whole.extend_from_slice(before.as_deref().unwrap_or_default());
                whole.extend_from_slice(&piece);
            }
        }
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

/// How a body is coded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Gzip,
    Deflate,
    Brotli,
}

impl Coding {
    /// As the headers say.
    ///
    /// # Errors
    /// Nobody here knows it.
    pub(crate) fn of(headers: &Headers) -> Result<Self, ApiError> {
        let coding = headers.all("content-encoding").next().unwrap_or_default().trim().to_ascii_lowercase();
        match coding.as_str() {
            "" | "identity" => Ok(Coding::Plain),
            "gzip" | "x-gzip" => Ok(Coding::Gzip),
            "deflate" => Ok(Coding::Deflate),
            "br" => Ok(Coding::Brotli),
            other => Err(ApiError::new(
                415,
                format!("Unsupported content encoding: '{other}'. Supported are gzip, deflate and br."),
            )),
        }
    }
}

/// How many times larger unzipping may make a body: texts grow tenfold, what is made to burst a thousandfold.
const RATIO: usize = 100;
/// What a body may become however small it came.
const HARMLESS: usize = 1 << 20;

/// The bytes as they were before they were coded; at most `limit`.
///
/// # Errors
/// There are more, or they are broken.
pub(crate) fn unzip(bytes: Bytes, coding: Coding, limit: usize) -> Result<Bytes, ApiError> {
    let reader: Box<dyn Read + '_> = match coding {
        Coding::Plain => return Ok(bytes),
        Coding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(&bytes[..])),
        Coding::Deflate => Box::new(flate2::read::ZlibDecoder::new(&bytes[..])),
        Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(&bytes[..], 4096)),
    };
    let came = bytes.len();
    let most = limit.min(came.saturating_mul(RATIO).max(HARMLESS));
    // How much comes of it is not known before.
    runtime::aside(limit, || {
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
    })
}
