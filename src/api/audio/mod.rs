//! `audio.*`: speech, transcriptions and translations, computed unless a rule answers.

mod duration;
mod speech;
#[cfg(test)]
mod tests;
mod transcript;
mod transcriptions;
#[cfg(test)]
mod transcriptions_tests;

use crate::turn::call::Served;

pub(crate) const OPERATIONS: &[Served] = &[
    Served { name: "audio.speech.create", handler: speech::create },
    Served { name: "audio.transcriptions.create", handler: transcriptions::create },
    Served { name: "audio.translations.create", handler: transcriptions::translate },
];
