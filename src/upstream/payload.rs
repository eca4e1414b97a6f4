//! The body of a request as it goes upstream: bytes, or a form whose files are read as they are sent.

use crate::wire::blob::{Blob, PIECE};
use crate::wire::form::{FormData, PartContent};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What is sent.
pub(crate) struct Payload {
    segments: VecDeque<PayloadPart>,
    left: u64,
}

enum PayloadPart {
    Bytes(Bytes),
    /// A file from this place on.
    File(Blob, u64),
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Payload { left: bytes.len() as u64, segments: VecDeque::from([PayloadPart::Bytes(bytes)]) }
    }
}

impl Payload {
    /// A form with this boundary, which the request's `content-type` names; `model` = its model's name instead.
    pub(crate) fn form(form: &FormData, boundary: &str, model: Option<&str>) -> Self {
        let mut segments = VecDeque::new();
        for part in form.parts() {
            let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name));
            match &part.content {
                PartContent::Text(text) => {
                    let text = model.filter(|_| part.name == "model").unwrap_or(text);
                    head.push_str(&format!("\r\n\r\n{text}\r\n"));
                    segments.push_back(PayloadPart::Bytes(head.into()));
                }
                PartContent::File(file) => {
                    let (name, kind) = (quoted(&file.name), in_a_line(&file.content_type));
                    head.push_str(&format!("; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"));
                    segments.extend([
                        PayloadPart::Bytes(head.into()),
                        PayloadPart::File(file.blob(), 0),
                        PayloadPart::Bytes(Bytes::from_static(b"\r\n")),
                    ]);
                }
            }
        }
        segments.push_back(PayloadPart::Bytes(format!("--{boundary}--\r\n").into()));
        let left = segments.iter().map(PayloadPart::len).sum();
        Payload { segments, left }
    }
}

impl PayloadPart {
    fn len(&self) -> u64 {
        match self {
            PayloadPart::Bytes(bytes) => bytes.len() as u64,
            PayloadPart::File(file, at) => file.len().saturating_sub(*at),
        }
    }
}

/// A name as browsers write it between quotes.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn in_a_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            let Some(segment) = self.segments.front_mut() else { return Poll::Ready(None) };
            let bytes = match segment {
                PayloadPart::Bytes(bytes) => std::mem::take(bytes),
                PayloadPart::File(file, at) => match file.stretch(*at, PIECE) {
                    Ok(bytes) => {
                        *at += bytes.len() as u64;
                        bytes
                    }
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
            };
            let over = bytes.is_empty() || matches!(segment, PayloadPart::Bytes(_)) || segment.len() == 0;
            if over {
                self.segments.pop_front();
            }
            if !bytes.is_empty() {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::blob::{DiskFile, FileBytes};
    use crate::wire::form::{FormFile, FormPart};
    use http_body_util::BodyExt;
    use std::sync::Arc;

    #[test]
    fn a_form_is_written_with_its_files_from_memory_and_from_the_disk() {
        let disk = DiskFile::temporary().expect("a file");
        let large = vec![b'x'; 3 * PIECE as usize + 5];
        disk.append(b"before").and_then(|()| disk.append(&large)).expect("writes");
        let file = |name: &str, len, bytes| {
            PartContent::File(FormFile {
                name: name.into(),
                content_type: "audio/wav".into(),
                len,
                sha256: String::new(),
                bytes,
            })
        };
        let part = |name: &str, content| FormPart { name: name.into(), content };
        let form = FormData::new(vec![
            part("model", PartContent::Text("whisper-1".into())),
            part("file", file("a \"b\".wav", 3, FileBytes::Memory(Bytes::from_static(b"\x00\xff\r")))),
            part("large", file("l", large.len() as u64, FileBytes::Disk(Arc::new(disk), 6))),
        ]);
        let payload = Payload::form(&form, "XYZ", Some("own"));
        let length = payload.size_hint().exact();
        let sent = crate::runtime::handle().block_on(payload.collect()).expect("reads").to_bytes();
        assert_eq!(length, Some(sent.len() as u64));
        let head = b"--XYZ\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nown\r\n--XYZ\r\nContent-Disposition: form-data; \
            name=\"file\"; filename=\"a %22b%22.wav\"\r\nContent-Type: audio/wav\r\n\r\n\x00\xff\r\r\n--XYZ\r\n";
        assert!(sent.starts_with(head), "{}", String::from_utf8_lossy(&sent[..300]));
        let tail = [large.as_slice(), b"\r\n--XYZ--\r\n"].concat();
        assert!(sent.ends_with(&tail));
    }
}
