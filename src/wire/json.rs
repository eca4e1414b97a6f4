//! How much a JSON text becomes when it is read.

use crate::wire::error::{self, ApiError};

/// Bytes of a text that may all be values: what fewer become is no matter.
const HARMLESS: usize = 1 << 21;
/// Bytes of a body for each value it may have: in memory a value takes seventy, in the text as few as two.
const BYTES_A_VALUE: usize = 50;

/// Checks, before it is read, that a text has no more values than bodies of at most `limit` bytes may have.
///
/// # Errors
/// It has more.
pub(crate) fn check(text: &[u8], limit: usize) -> Result<(), ApiError> {
    let most = (limit / BYTES_A_VALUE).max(HARMLESS / 2);
    match text.len() > HARMLESS && values(text) > most {
        true => Err(error::too_many_values(most)),
        false => Ok(()),
    }
}

/// At most so many values a text has: one for each comma, colon and bracket outside of strings.
fn values(text: &[u8]) -> usize {
    let (mut count, mut quoted, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b':' | b'[' | b'{' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        assert_eq!(values(b"0"), 1);
        assert_eq!(values(br#"{"a,[": [1, 2], "b\\\"{,": "\\"}"#), 7, "the values and the keys");
        let text = format!("[\"{}\"]", ",".repeat(4 << 20));
        assert_eq!(check(text.as_bytes(), 1), Ok(()), "one long string");
        for piece in ["0,", "[],", "{},", "{\"\":0},"] {
            let bomb = format!("[{}0]", piece.repeat((50 << 20) / piece.len()));
            let error = check(bomb.as_bytes(), 50 << 20).expect_err(piece);
            assert_eq!((error.status, error.message.contains("maxBodyBytes")), (413, true), "{}", error.message);
            // Nothing small is even counted.
            assert_eq!(check(&bomb.as_bytes()[..HARMLESS], 1), Ok(()), "{piece}");
        }
    }
}
