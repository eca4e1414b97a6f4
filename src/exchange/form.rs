//! Reading a form as it comes: texts and small files into memory, what is more into one temporary file. The only place
//! that knows `multer`.

use super::body::{BodyPieces, Coming};
use crate::runtime;
use crate::wire::blob::{DiskFile, FileBytes, hex};
use crate::wire::error::{self, ApiError};
use crate::wire::form::{FormData, FormFile, FormPart, PartContent};
use bytes::Bytes;
use futures_util::Stream;
use multer::{Field, Multipart};
use sha2::{Digest, Sha256};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// Parts of a form, and bytes of one of its texts and of what stands before a part's content: what Starlette, which
/// OpenAI's own messages come from, takes.
const MOST_PARTS: usize = 1_000;
const LONGEST_TEXT: usize = 1 << 20;
const LONGEST_HEAD: usize = 64 * 1024;

/// Bytes of a form's files that stay in memory.
const MEMORY: usize = 1 << 20;

/// Bytes that are written to the temporary file at once.
const BLOCK: usize = 256 * 1024;

/// Bytes that are looked at in one go: hashing and searching them takes a fraction of a millisecond.
const SLICE: usize = 64 * 1024;

/// Counts bytes that stay in memory; an error = there is no room for them.
pub(super) type Count<'a> = &'a (dyn Fn(usize) -> Result<(), ApiError> + Sync);

/// The form between these boundaries, of at most `limit` bytes. What of it stays in memory is counted.
///
/// # Errors
/// It is cut, broken, or exceeds a bound.
pub(super) async fn read(coming: Coming, boundary: &str, limit: usize, count: Count<'_>) -> Result<FormData, ApiError> {
    if coming.at_least > limit as u64 {
        return Err(error::too_large(limit));
    }
    let meter = Arc::new(Mutex::new(Meter { left: limit, head: 0, refused: None }));
    let metered = Metered { pieces: coming.pieces, rest: Bytes::new(), gave: false, limit, meter: meter.clone() };
    let mut multipart = Multipart::new(metered, boundary);
    parts(&mut multipart, &meter, count).await.map(FormData::new).map_err(|error| {
        let refused = meter.lock().unwrap_or_else(PoisonError::into_inner).refused.take();
        refused.unwrap_or(error)
    })
}

async fn parts(
    multipart: &mut Multipart<'_>,
    meter: &Mutex<Meter>,
    count: Count<'_>,
) -> Result<Vec<FormPart>, ApiError> {
    let mut parts = Vec::new();
    let mut spool = Spool::default();
    while let Some(mut field) = multipart.next_field().await.map_err(|error| broken(&error, ""))? {
        if parts.len() == MOST_PARTS {
            return Err(unparsed(format!("it has more than {MOST_PARTS} parts")));
        }
        let Some(name) = field.name().filter(|name| !name.is_empty()).map(String::from) else {
            return Err(unparsed(
                "a part has no name: its content-disposition should be 'form-data; name=\"…\"'".into(),
            ));
        };
        let content = match file_name(&field) {
            Some(file_name) => PartContent::File(file(&mut field, &name, file_name, &mut spool, meter, count).await?),
            None => PartContent::Text(text(&mut field, &name, meter, count).await?),
        };
        parts.push(FormPart { name, content });
    }
    Ok(parts)
}

async fn text(field: &mut Field<'_>, name: &str, meter: &Mutex<Meter>, count: Count<'_>) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(chunk) = next(field, name, meter).await? {
        if text.len() + chunk.len() > LONGEST_TEXT {
            return Err(unparsed(format!("the field '{name}' is longer than {LONGEST_TEXT} bytes")).param(name));
        }
        count(chunk.len()).map_err(|error| error.param(name))?;
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).map_err(|_| unparsed(format!("the field '{name}' is not UTF-8")).param(name))
}

async fn file(
    field: &mut Field<'_>,
    name: &str,
    file_name: String,
    spool: &mut Spool,
    meter: &Mutex<Meter>,
    count: Count<'_>,
) -> Result<FormFile, ApiError> {
    let content_type = field.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("application/octet-stream").to_string();
    let (mut hash, mut len, mut from) = (Sha256::new(), 0, None);
    let mut held = Vec::new();
    while let Some(chunk) = next(field, name, meter).await? {
        hash.update(&chunk);
        len += chunk.len() as u64;
        held.extend_from_slice(&chunk);
        if from.is_some() && held.len() >= BLOCK || from.is_none() && spool.held + held.len() > MEMORY {
            let at = spool.append(&held)?;
            held.clear();
            from.get_or_insert(at);
        }
    }
    let bytes = match from {
        Some(from) => {
            spool.append(&held)?;
            spool.kept(from)?
        }
        None => {
            count(held.len()).map_err(|error| error.param(name))?;
            spool.held += held.len();
            FileBytes::Memory(held.into())
        }
    };
    Ok(FormFile { name: file_name, content_type, len, sha256: hex(&hash.finalize()), bytes })
}

async fn next(field: &mut Field<'_>, name: &str, meter: &Mutex<Meter>) -> Result<Option<Bytes>, ApiError> {
    let chunk = field.chunk().await.map_err(|error| broken(&error, name))?;
    meter.lock().unwrap_or_else(PoisonError::into_inner).head = 0;
    Ok(chunk)
}

/// What makes a part a file: its file name, also in the form for other letters than ASCII's (RFC 5987).
fn file_name(field: &Field) -> Option<String> {
    if let Some(name) = field.file_name() {
        return Some(name.to_string());
    }
    let disposition = field.headers().get("content-disposition")?.to_str().ok()?;
    let encoded = disposition.split(';').find_map(|item| item.trim().strip_prefix("filename*="))?;
    let (_, name) = encoded.trim_matches('"').split_once("''")?;
    Some(percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// OpenAI's words, and what is wrong with it.
fn unparsed(what: String) -> ApiError {
    ApiError::invalid(format!("Could not parse multipart form: {what}."))
}

/// That a form's content type does not say what stands between its parts.
pub(super) fn no_boundary() -> ApiError {
    unparsed("its content type names no boundary, as 'multipart/form-data; boundary=…' does".into())
}

fn broken(error: &multer::Error, name: &str) -> ApiError {
    use multer::Error::{IncompleteFieldData, IncompleteHeaders, IncompleteStream};
    let place = if name.is_empty() { String::new() } else { format!(" in the field '{name}'") };
    unparsed(match error {
        IncompleteFieldData { .. } | IncompleteHeaders | IncompleteStream => {
            format!("it ends{place} before its last boundary")
        }
        other => format!("{other}{place}"),
    })
}

/// The temporary file of a form; made when its memory is used up.
#[derive(Default)]
struct Spool {
    /// Bytes of files in memory.
    held: usize,
    file: Option<Arc<DiskFile>>,
    end: u64,
}

impl Spool {
    /// Writes where nobody is held up by it; gives the place it stands at.
    fn append(&mut self, bytes: &[u8]) -> Result<u64, ApiError> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => {
                self.file.insert(Arc::new(runtime::aside(usize::MAX, DiskFile::temporary).map_err(unkept)?)).clone()
            }
        };
        runtime::aside(usize::MAX, || file.append(bytes)).map_err(unkept)?;
        let at = self.end;
        self.end += bytes.len() as u64;
        Ok(at)
    }

    fn kept(&self, from: u64) -> Result<FileBytes, ApiError> {
        let file = self.file.clone().ok_or_else(|| unkept(io::ErrorKind::NotFound.into()))?;
        Ok(FileBytes::Disk(file, from))
    }
}

/// The machine has no place for the form.
fn unkept(error: io::Error) -> ApiError {
    let message = format!(
        "The emulator cannot keep a form of more than {MEMORY} bytes in the folder for temporary files (TMPDIR, or TEMP \
         on Windows): {error}."
    );
    ApiError::emulator("form_not_kept", message)
}

/// What the parser has been given.
struct Meter {
    /// Bytes that may still come.
    left: usize,
    /// Bytes since it gave something of a part.
    head: usize,
    /// Why no more came.
    refused: Option<ApiError>,
}

/// The body, in slices, and never two at once: the parser would take all there is before it gives anything.
struct Metered {
    pieces: BodyPieces,
    rest: Bytes,
    gave: bool,
    limit: usize,
    meter: Arc<Mutex<Meter>>,
}

impl Stream for Metered {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.gave) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut refused = None;
        if this.rest.is_empty() {
            match ready!(this.pieces.as_mut().poll_next(context)) {
                Some(Ok(piece)) => this.rest = piece,
                Some(Err(error)) => refused = Some(error),
                None => return Poll::Ready(None),
            }
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE));
        let mut meter = this.meter.lock().unwrap_or_else(PoisonError::into_inner);
        if slice.len() > meter.left {
            refused = Some(error::too_large(this.limit));
        } else if meter.head > LONGEST_HEAD {
            refused = Some(unparsed(format!("no part begins within {LONGEST_HEAD} bytes")));
        }
        if refused.is_some() {
            meter.refused = refused;
            return Poll::Ready(Some(Err(io::ErrorKind::Other.into())));
        }
        meter.left -= slice.len();
        meter.head += slice.len();
        this.gave = true;
        Poll::Ready(Some(Ok(slice)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use proptest::prelude::*;
    use std::future::Future;

    /// What a client sends, in pieces of this size.
    fn coming(body: &[u8], piece: usize) -> Coming {
        let pieces: Vec<_> = body.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Coming { at_least: 0, pieces: Box::pin(stream::iter(pieces)) }
    }

    fn wait<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
    }

    fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, content) in files {
            out.extend(
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n").bytes(),
            );
            out.extend_from_slice(content);
            out.extend(b"\r\n");
        }
        out.extend(b"--b--");
        out
    }

    #[test]
    fn files_come_back_as_they_were_sent_wherever_they_are_kept() {
        // What looks like a boundary but is none must not be lost.
        let large: Vec<u8> = b"\r\n--a\r\n--\r\r\n-".iter().copied().cycle().take(MEMORY + 3 * BLOCK + 7).collect();
        let second: Vec<u8> = large.iter().rev().copied().take(BLOCK).collect();
        for piece in [100, 4096, 70_000, usize::MAX] {
            let body = written(&[("small", b"abc"), ("large", &large), ("empty", b""), ("second", &second)]);
            let form = wait(read(coming(&body, piece), "b", usize::MAX, &|_| Ok(()))).expect("a form");
            let file = |name: &str| form.file(name).expect("a file");
            assert!(
                matches!(file("small").bytes, FileBytes::Memory(_))
                    && matches!(file("large").bytes, FileBytes::Disk(..))
            );
            for (name, content) in [("small", &b"abc"[..]), ("large", &large), ("empty", b""), ("second", &second)] {
                assert_eq!(file(name).len as usize, content.len(), "{name}");
                assert!(file(name).bytes().expect("it is read") == content, "{name} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn many_small_files_share_one_temporary_file() {
        let content = vec![b'x'; 10_000];
        let files: Vec<(&str, &[u8])> = (0..300).map(|_| ("f[]", &content[..])).collect();
        let form = wait(read(coming(&written(&files), 50_000), "b", usize::MAX, &|_| Ok(()))).expect("a form");
        let disks: Vec<&Arc<DiskFile>> = form
            .files("f")
            .filter_map(|file| if let FileBytes::Disk(disk, _) = &file.bytes { Some(disk) } else { None })
            .collect();
        assert!(disks.len() > 150 && disks.iter().all(|disk| Arc::ptr_eq(disk, disks[0])));
        assert!(form.files("f").all(|file| file.bytes().is_ok_and(|bytes| bytes == content)));
        // It has no name, so that nothing of it is left when the form is gone, however that comes about.
        let shared = Arc::downgrade(disks[0]);
        drop(form);
        assert!(shared.upgrade().is_none());
    }

    #[test]
    fn names_of_files_in_other_letters() {
        let named = |more: &str| {
            let body = format!("--b\r\ncontent-disposition: form-data; name=f{more}\r\n\r\n1\r\n--b--");
            let form = wait(read(coming(body.as_bytes(), 5), "b", 500, &|_| Ok(()))).expect("a form");
            form.file("f").map(|file| file.name.clone())
        };
        assert_eq!(named("; filename=\"ä.txt\"").as_deref(), Some("ä.txt"));
        assert_eq!(named("; filename*=utf-8''%C3%A4.txt").as_deref(), Some("ä.txt"));
        assert_eq!(named("; filename=\"\"").as_deref(), Some(""));
        assert_eq!(named(""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_form_or_refused(body in ".{0,200}", cut in 3usize..20) {
            let body = format!("--b\r\ncontent-disposition: form-data; name=f; filename=x\r\n\r\n{body}\r\n--b--");
            let whole = wait(read(coming(body.as_bytes(), cut), "b", 1000, &|_| Ok(())));
            prop_assert!(whole.is_ok());
            let broken = wait(read(coming(&body.as_bytes()[..body.len() - cut], cut), "b", 1000, &|_| Ok(())));
            prop_assert!(broken.is_err());
        }
    }
}
