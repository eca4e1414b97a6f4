//! The parts of a request's address as text. Malformed escapes stay as they are.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A segment of a path, or a name in a header (RFC 5987), percent-encoded.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A percent-encoded segment, decoded; bytes that are no text become replacement characters.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The pairs of a query string, decoded, in order.
pub(crate) fn query(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_escapes_stay() {
        assert_eq!(decode("a%2"), "a%2");
        assert_eq!(decode("%zz%41%é+"), "%zzA%é+");
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(
            query("a=b+c%2&&metadata%5Bk%5D=%zz&d"),
            [pair("a", "b c%2"), pair("metadata[k]", "%zz"), pair("d", "")]
        );
    }
}
