//! The answer to an offer of WebRTC, in the session description protocol (RFC 8866, RFC 8829 §5.3).

use crate::random::Random;
use crate::wire::error::ApiError;
use std::fmt::Write;

/// The longest offer that is read.
const LONGEST: usize = 256 * 1024;

/// Attributes of a medium that an answer repeats: what is sent is what was offered.
const REPEATED: &[&str] =
    &["mid", "rtpmap", "fmtp", "rtcp-fb", "rtcp-mux", "rtcp-rsize", "extmap", "sctp-port", "max-message-size"];

/// The answer to an offer: every medium is accepted that can be, in the offer's order.
///
/// # Errors
/// It is no offer.
pub(super) fn answer(offer: &str, random: &mut Random) -> Result<String, ApiError> {
    let wrong = |what: &str| ApiError::invalid(format!("The SDP offer is not understood: {what}."));
    if offer.len() > LONGEST {
        return Err(wrong("it is longer than 262144 bytes"));
    }
    let mut lines = offer.lines().map(str::trim_end).filter(|line| !line.is_empty());
    if lines.next() != Some("v=0") {
        return Err(wrong("it does not begin with v=0"));
    }
    let mut media: Vec<Vec<&str>> = Vec::new();
    for line in lines {
        if line.as_bytes().get(1) != Some(&b'=') {
            return Err(wrong("each of its lines is a letter, an equals sign and a value"));
        }
        match (line.starts_with("m="), media.last_mut()) {
            (true, _) => media.push(vec![line]),
            (false, Some(medium)) => medium.push(line),
            (false, None) => {}
        }
    }
    if media.is_empty() {
        return Err(wrong("it offers no media (m=)"));
    }
    let session: u64 = u64::from_str_radix(&random.hex(15), 16).unwrap_or(1);
    let fingerprint = random.hex(64).to_uppercase();
    let pairs: Vec<&str> = (0..fingerprint.len()).step_by(2).map(|at| &fingerprint[at..at + 2]).collect();
    let (user, password) = (random.alphanumeric(4), random.alphanumeric(22));
    let mids = media.iter().filter(|medium| is_taken(medium)).filter_map(|medium| value(medium, "mid"));
    let bundle: String = mids.fold(String::new(), |bundle, mid| bundle + " " + mid);
    let mut out = format!("v=0\r\no=- {session} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{bundle}\r\n");
    out.push_str("a=msid-semantic: WMS realtimeapi\r\n");
    for medium in &media {
        let taken = is_taken(medium);
        let mut words = medium[0].split(' ');
        let kind = words.next().unwrap_or_default();
        words.next();
        let rest: Vec<&str> = words.collect();
        let port = if taken { 9 } else { 0 };
        let _ = write!(out, "{kind} {port} {}\r\nc=IN IP4 0.0.0.0\r\n", rest.join(" "));
        for line in medium.iter().filter(|line| is_repeated(line)) {
            let _ = write!(out, "{line}\r\n");
        }
        if taken {
            let _ = write!(
                out,
                "a=ice-ufrag:{user}\r\na=ice-pwd:{password}\r\na=fingerprint:sha-256 {}\r\na=setup:active\r\n",
                pairs.join(":")
            );
            out.push_str("a=candidate:1 1 udp 2130706431 127.0.0.1 3478 typ host\r\na=end-of-candidates\r\n");
        }
        if !kind.starts_with("m=application") {
            let direction = if taken { turned(medium) } else { "inactive" };
            let _ = write!(out, "a={direction}\r\n");
        }
    }
    Ok(out)
}

/// Sound and data are taken, pictures in motion are not.
fn is_taken(medium: &[&str]) -> bool {
    medium[0].starts_with("m=audio") || medium[0].starts_with("m=application")
}

fn is_repeated(line: &str) -> bool {
    let name = line.strip_prefix("a=").map(|attribute| attribute.split([':', ' ']).next().unwrap_or_default());
    name.is_some_and(|name| REPEATED.contains(&name))
}

fn value<'a>(medium: &[&'a str], name: &str) -> Option<&'a str> {
    medium.iter().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
}

/// Who receives what the other sends.
fn turned(medium: &[&str]) -> &'static str {
    let says = |direction: &str| medium.contains(&direction);
    match () {
        () if says("a=sendonly") => "recvonly",
        () if says("a=recvonly") => "sendonly",
        () if says("a=inactive") => "inactive",
        () => "sendrecv",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=setup:actpass\r\na=mid:0\r\n\
        a=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 VP8/90000\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n";

    #[test]
    fn an_answer_takes_sound_and_data_in_the_offers_order() {
        let answer = answer(OFFER, &mut Random::new(1)).expect("an answer");
        let media: Vec<&str> = answer.lines().filter(|line| line.starts_with("m=")).collect();
        let expected = [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111",
            "m=video 0 UDP/TLS/RTP/SAVPF 96",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        ];
        assert_eq!(media, expected);
        for line in ["a=group:BUNDLE 0 2", "a=recvonly", "a=inactive", "a=setup:active", "a=rtpmap:111 opus/48000/2"] {
            assert!(answer.contains(&format!("{line}\r\n")), "{line}: {answer}");
        }
        assert!(!answer.contains("abcd") && answer.split("\r\n").all(|line| !line.contains('\n')));
        let print = answer.lines().find_map(|line| line.strip_prefix("a=fingerprint:sha-256 ")).expect("one");
        assert_eq!(print.split(':').count(), 32);
    }

    #[test]
    fn what_is_no_offer_is_refused() {
        let long = format!("v=0\n{}", "a=x\n".repeat(100_000));
        for offer in ["", "hello", "v=0", "v=1\r\nm=audio", "v=0\r\nnot a line", long.as_str()] {
            assert!(answer(offer, &mut Random::new(1)).is_err(), "{offer:.40}");
        }
    }
}
