//! Ids in the forms api.openai.com mints them (real-traffic §2.2). No id is made anywhere else.
//!
//! Every id is a function of the exchange's generator and of the time the exchange puts on what it creates, in unix
//! seconds, so that the same request gives the same ids.

use crate::random::Random;

/// Zero of the time in `chatcmpl-` and `cmpl-` ids: 2019-12-20T00:00:00Z (220 of 220 recorded ids of 2024–2026).
const EPOCH: u64 = 1_576_800_000;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `chatcmpl-` + 29: five base-62 digits of the time, so that ids sort by it, and 24 random.
pub(crate) fn chat_completion(random: &mut Random, created: u64) -> String {
    sortable("chatcmpl-", random, created)
}

/// `cmpl-` + 29, formed like [`chat_completion`].
pub(crate) fn completion(random: &mut Random, created: u64) -> String {
    sortable("cmpl-", random, created)
}

/// `modr-` + 29, formed like [`chat_completion`]: answers of text-moderation-007 (recording e3c8e6ebc8f8010d).
pub(crate) fn text_moderation(random: &mut Random, created: u64) -> String {
    sortable("modr-", random, created)
}

/// `modr-` + 4 digits, as today's omni-moderation answers.
pub(crate) fn moderation(random: &mut Random) -> String {
    format!("modr-{}", random.between(1, 9999))
}

/// `call_` + 24 letters and digits: the id of a tool call, in chat and Responses alike.
pub(crate) fn call(random: &mut Random) -> String {
    plain("call_", random)
}

/// `req_` + 32 hex: `x-request-id`.
pub(crate) fn request(random: &mut Random) -> String {
    let mut id = String::with_capacity(36);
    id.push_str("req_");
    random.hex_into(32, &mut id);
    id
}

/// A UUID of version 4: what Azure names requests by.
pub(crate) fn uuid(random: &mut Random) -> String {
    let variant = ['8', '9', 'a', 'b'][random.between(0, 3) as usize];
    let (first, second, third) = (random.hex(8), random.hex(4), random.hex(3));
    format!("{first}-{second}-4{third}-{variant}{}-{}", random.hex(3), random.hex(12))
}

/// 24 letters and digits after the prefix: `call_`, `asst_`, `thread_`, `run_`, `step_`, `msg_` of threads, `ftjob-`.
pub(crate) fn plain(prefix: &str, random: &mut Random) -> String {
    format!("{prefix}{}", random.alphanumeric(24))
}

/// 32 hex that begin with the time: `batch_`, `vs_`, `vsfb_`, `cfile_`.
pub(crate) fn timed(prefix: &str, random: &mut Random, created: u64) -> String {
    format!("{prefix}{}{}", seconds(created), mark(random))
}

/// 48 hex that begin with the time: `conv_`, `cntr_`, `pmpt_`.
pub(crate) fn long(prefix: &str, random: &mut Random, created: u64) -> String {
    format!("{prefix}{}{}{}", seconds(created), mark(random), random.hex(16))
}

/// `conv_` + 48 hex.
pub(crate) fn conversation(random: &mut Random, created: u64) -> String {
    long("conv_", random, created)
}

/// The ids of one response: all share 16 hex, the first of them 0.
#[derive(Debug, Clone)]
pub(crate) struct IdFamily {
    shared: String,
    created: u64,
}

impl IdFamily {
    /// A new family; `created` in unix seconds.
    pub(crate) fn new(random: &mut Random, created: u64) -> Self {
        IdFamily { shared: format!("0{}", random.hex(15)), created }
    }

    /// `resp_` + 50 hex.
    pub(crate) fn response(&self, random: &mut Random) -> String {
        self.item("resp", random)
    }

    /// `{prefix}_` + 50 hex: the shared 16, `00`, the time, 24 with the mark.
    pub(crate) fn item(&self, prefix: &str, random: &mut Random) -> String {
        format!("{prefix}_{}00{}{}", self.shared, seconds(self.created), mark(random))
    }
}

/// Five base-62 digits of the seconds since [`EPOCH`] and 24 random ones.
fn sortable(prefix: &str, random: &mut Random, created: u64) -> String {
    let mut rest = created.saturating_sub(EPOCH);
    let mut time = [b'0'; 5];
    for digit in time.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    let mut rest = [0; 24];
    random.alphanumeric_into(24, &mut &mut rest[..]);
    [prefix, str::from_utf8(&time).unwrap_or_default(), str::from_utf8(&rest).unwrap_or_default()].concat()
}

/// Eight hex digits of the time.
fn seconds(created: u64) -> String {
    format!("{:08x}", created as u32)
}

/// 24 hex with the `819` at the place where every recorded id has it.
fn mark(random: &mut Random) -> String {
    format!("{}819{}", random.hex(4), random.hex(17))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_ids_hold_the_time_they_were_made() {
        // Created 1754580849: the recorded id begins C1wv3.
        let id = chat_completion(&mut Random::new(1), 1_754_580_849);
        assert!(id.starts_with("chatcmpl-C1wv3"), "{id}");
        assert_eq!(id.len(), "chatcmpl-".len() + 29);
        assert!(completion(&mut Random::new(1), 1_771_164_677).starts_with("cmpl-D9X89"));
    }

    #[test]
    fn a_response_and_its_items_share_sixteen_digits() {
        let mut random = Random::new(2);
        let family = IdFamily::new(&mut random, 0x6a7d_3930);
        let response = family.response(&mut random);
        let item = family.item("msg", &mut random);
        assert_eq!(response["resp_".len()..][..26], item["msg_".len()..][..26]);
        assert_eq!(&response["resp_".len() + 16..][..10], "006a7d3930");
        assert_eq!(&item["msg_".len() + 30..][..3], "819");
        assert_eq!((response.len(), item.len()), (55, 54));
        assert_ne!(response["resp_".len()..], item["msg_".len()..]);
    }

    #[test]
    fn lengths_are_as_recorded() {
        let random = &mut Random::new(3);
        assert_eq!(call(random).len(), 29);
        assert_eq!(request(random).len(), 36);
        assert_eq!(conversation(random, 1).len(), 53);
        assert_eq!(timed("batch_", random, 1).len(), 38);
        assert!(moderation(random).starts_with("modr-"));
    }
}
