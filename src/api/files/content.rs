//! The bytes of a file, whole or a range of them (RFC 9110 §14).

use super::kept;
use crate::turn::answer::{Answer, Body};
use crate::turn::call::{Call, HandlerFuture};
use crate::url;
use crate::wire::error::ApiError;
use std::ops::Range;

/// Purposes whose files OpenAI gives to nobody.
const NOT_SHOWN: &[&str] = &["assistants", "user_data"];

pub(super) fn serve(call: Call) -> HandlerFuture {
    Box::pin(async move {
        let record = kept::named(&call, call.param("file_id")).await?;
        if NOT_SHOWN.contains(&record.purpose.as_str()) {
            return Err(ApiError::invalid(format!("Not allowed to download files of purpose: {}", record.purpose)));
        }
        let content = record.content(&call.session.store).await?;
        let len = content.len();
        let asked = call.headers.all("range").next().map_or(AskedRange::All, |header| asked(header, len));
        let (status, range, place) = match asked {
            AskedRange::All => (200, 0..len, None),
            AskedRange::Part(range) => {
                let place = format!("bytes {}-{}/{len}", range.start, range.end - 1);
                (206, range, Some(place))
            }
            AskedRange::Outside => {
                let error = ApiError::new(416, format!("The requested range is not in the file's {len} bytes."));
                return Err(error.header("content-range", format!("bytes */{len}")));
            }
        };
        let mut headers = vec![
            ("accept-ranges".to_string(), "bytes".to_string()),
            ("content-disposition".to_string(), disposition(&record.filename)),
        ];
        headers.extend(place.map(|place| ("content-range".to_string(), place)));
        let body = Body::File("application/octet-stream", content, range);
        Ok(Answer { status, headers, ..Answer::ok(body) })
    })
}

/// What a `range` header asks for.
#[derive(Debug, PartialEq)]
enum AskedRange {
    All,
    Part(Range<u64>),
    Outside,
}

/// A header that is not understood, or names several ranges, asks for all: a server may do so.
fn asked(header: &str, len: u64) -> AskedRange {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return AskedRange::All;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (number(first), number(last)) {
        (Some(first), Some(last)) if last < first => AskedRange::All,
        (Some(_), None) if !last.trim().is_empty() => AskedRange::All,
        (Some(first), _) if first >= len => AskedRange::Outside,
        (Some(first), last) => AskedRange::Part(first..last.map_or(len, |last| last.saturating_add(1).min(len))),
        (None, Some(0)) if first.trim().is_empty() => AskedRange::Outside,
        (None, Some(_)) if first.trim().is_empty() && len == 0 => AskedRange::Outside,
        (None, Some(suffix)) if first.trim().is_empty() => AskedRange::Part(len.saturating_sub(suffix)..len),
        _ => AskedRange::All,
    }
}

/// A download's name: letters that a header cannot hold in the form of RFC 5987.
fn disposition(name: &str) -> String {
    if name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !matches!(byte, b'"' | b'\\')) {
        return format!("attachment; filename=\"{name}\"");
    }
    format!("attachment; filename*=utf-8''{}", url::encode(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_rfc() {
        for (header, expected) in [
            ("bytes=0-3", AskedRange::Part(0..4)),
            ("bytes=4-", AskedRange::Part(4..10)),
            ("bytes=8-99", AskedRange::Part(8..10)),
            ("bytes=9-18446744073709551615", AskedRange::Part(9..10)),
            ("bytes=-3", AskedRange::Part(7..10)),
            ("bytes=-99", AskedRange::Part(0..10)),
            ("bytes=10-", AskedRange::Outside),
            ("bytes=-0", AskedRange::Outside),
            ("bytes=5-4", AskedRange::All),
            ("bytes=0-1,3-4", AskedRange::All),
            ("bytes=0-x", AskedRange::All),
            ("bytes=x-1", AskedRange::All),
            ("bytes=-", AskedRange::All),
            ("lines=0-1", AskedRange::All),
            ("", AskedRange::All),
        ] {
            assert_eq!(asked(header, 10), expected, "{header}");
        }
        assert_eq!((asked("bytes=0-", 0), asked("bytes=-1", 0)), (AskedRange::Outside, AskedRange::Outside));
    }

    #[test]
    fn names_stay_within_their_header() {
        assert_eq!(disposition("a b.jsonl"), "attachment; filename=\"a b.jsonl\"");
        assert_eq!(disposition("ä\r\n\".txt"), "attachment; filename*=utf-8''%C3%A4%0D%0A%22%2Etxt");
    }
}
