//! Cassettes: real answers, recorded once and played again.
//!
//! A [`Recorder`] observes what the upstream is asked and says, and writes it into a folder; a [`Library`] holds what
//! folders have and finds the recording of a request. A recording is [what came](format), chunk by chunk with its times,
//! and [what it means](meaning), so that it answers in other dialects and forms too. Nothing with a
//! [secret](redaction) in it is written.

pub(crate) mod format;
mod import;
mod library;
pub(crate) mod meaning;
pub(crate) mod normal;
mod recorder;
pub(crate) mod redaction;
mod secrets;
pub(crate) mod staleness;
mod tape;

pub(crate) use library::{Library, Misread};
pub(crate) use recorder::Recorder;
pub(crate) use tape::{Cassettes, Tape};

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod redaction_tests;
