//! What was said, and its forms.

use crate::generate::text;
use crate::random::Random;
use crate::reply::Length;
use crate::turn::usage::wire::Usage;
use crate::wire::value::Holds;
use serde_json::{Value, json};
use std::fmt::Write;
use unicode_segmentation::UnicodeSegmentation;

/// Words spoken in a second.
const PACE: f64 = 2.5;
/// Most words made for a long sound.
const MOST: usize = 2_000;

/// What was said, in pieces with their times.
pub(super) struct Transcript {
    pub text: String,
    pub duration: f64,
    language: String,
    segments: Vec<Segment>,
    /// As scripted.
    words: Option<Value>,
    /// How likely the tokens of each piece of the text are, where that was asked.
    scores: Option<Vec<Vec<Value>>>,
}

/// A sentence or so.
struct Segment {
    start: f64,
    end: f64,
    text: String,
    speaker: String,
    /// What the script says of it.
    own: Value,
}

/// To the hundredth: nobody hears more.
fn rounded(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}

impl Transcript {
    /// As scripted (`own`: a text, or fields of a verbose answer), else made.
    pub(super) fn new(own: &Value, heard: f64, language: &str, random: &mut Random) -> Self {
        let duration = own["duration"].as_f64().unwrap_or(heard).max(0.0);
        let scripted = own["segments"].as_array().map(Vec::as_slice).unwrap_or_default();
        let joined =
            || scripted.iter().filter_map(|one| one["text"].as_str()).map(str::trim).collect::<Vec<_>>().join(" ");
        let text = match own.as_str().or(own["text"].as_str()) {
            Some(text) => text.to_string(),
            None if !scripted.is_empty() => joined(),
            None => made(duration, random),
        };
        let sentences: Vec<(String, Value)> = match scripted {
            [] => text.unicode_sentences().map(|sentence| (sentence.trim().to_string(), Value::Null)).collect(),
            own => own
                .iter()
                .map(|one| (one["text"].as_str().unwrap_or_default().trim().to_string(), one.clone()))
                .collect(),
        };
        let letters: usize = sentences.iter().map(|(sentence, _)| sentence.chars().count().max(1)).sum();
        let mut done = 0;
        let segments = sentences.into_iter().map(|(text, own)| {
            let share = |letters_done: usize| rounded(duration * letters_done as f64 / letters.max(1) as f64);
            let start = own["start"].as_f64().unwrap_or_else(|| share(done));
            done += text.chars().count().max(1);
            let end = own["end"].as_f64().unwrap_or_else(|| share(done));
            let speaker = own["speaker"].as_str().unwrap_or("A").to_string();
            Segment { start, end, text, speaker, own }
        });
        let segments = segments.collect();
        let words = own.get("words").cloned();
        let language = own["language"].as_str().unwrap_or(language).to_string();
        Transcript { text, duration: rounded(duration), language, segments, words, scores: None }
    }

    /// With how likely its tokens are.
    pub(super) fn scored(mut self, score: impl FnMut(&str) -> Vec<Value>) -> Self {
        self.scores = Some(self.pieces().map(score).collect());
        self
    }

    /// What a stream sends at a time.
    fn pieces(&self) -> impl Iterator<Item = &str> {
        self.text.split_inclusive(' ')
    }

    /// The same value with the tokens' likeliness: of all pieces, or of one.
    fn with_scores(&self, mut value: Value, piece: Option<usize>) -> Value {
        if let Some(scores) = &self.scores {
            let all = scores.iter().enumerate().filter(|(at, _)| piece.is_none_or(|piece| piece == *at));
            value["logprobs"] = all.flat_map(|(_, tokens)| tokens.iter().cloned()).collect();
        }
        value
    }

    /// `json`.
    pub(super) fn plain(&self, usage: &Usage) -> Value {
        let mut answer = self.with_scores(json!({"text": self.text}), None);
        answer["usage"] = json!(usage);
        answer
    }

    /// SubRip.
    pub(super) fn srt(&self) -> String {
        let mut out = String::new();
        for (index, one) in self.segments.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}\n{} --> {}\n{}\n\n", index + 1, time(one.start, ','), time(one.end, ','), one.text);
        }
        out + "\n"
    }

    /// WebVTT.
    pub(super) fn vtt(&self) -> String {
        let mut out = String::from("WEBVTT\n\n");
        for one in &self.segments {
            let _ = write!(out, "{} --> {}\n{}\n\n", time(one.start, '.'), time(one.end, '.'), one.text);
        }
        out
    }

    /// `verbose_json`: segments unless only words are asked.
    pub(super) fn verbose(&self, task: &str, granularities: &[&str], usage: &Usage, translates: bool) -> Value {
        let mut answer = json!({"task": task, "language": self.language, "duration": self.duration, "text": self.text});
        if granularities.is_empty() || granularities.contains(&"segment") {
            let segment = |(index, one): (usize, &Segment)| {
                let mut segment = json!({
                    "id": index, "seek": 0, "start": one.start, "end": one.end, "text": one.text, "tokens": [],
                    "temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 1.1, "no_speech_prob": 0.01,
                });
                for (key, value) in one.own.members().filter(|(key, _)| *key != "speaker") {
                    segment[key] = value.clone();
                }
                segment
            };
            answer["segments"] = self.segments.iter().enumerate().map(segment).collect();
        }
        if granularities.contains(&"word") {
            answer["words"] = self.words.clone().unwrap_or_else(|| self.spoken_words());
        }
        if !translates {
            answer["usage"] = json!(usage);
        }
        answer
    }

    /// Each word with its share of its segment.
    fn spoken_words(&self) -> Value {
        let of = |one: &Segment| {
            let words: Vec<&str> = one.text.unicode_words().collect();
            let (start, step) = (one.start, (one.end - one.start) / words.len().max(1) as f64);
            let at = move |index: usize| rounded(start + step * index as f64);
            let word = |(index, word): (usize, &&str)| json!({"word": word, "start": at(index), "end": at(index + 1)});
            words.iter().enumerate().map(word).collect::<Vec<_>>()
        };
        self.segments.iter().flat_map(of).collect()
    }

    /// `diarized_json`.
    pub(super) fn diarized(&self, usage: &Usage) -> Value {
        let segments: Vec<Value> = (0..self.segments.len()).filter_map(|index| self.segment(index)).collect();
        json!({
            "task": "transcribe", "duration": self.duration, "text": self.text, "segments": segments, "usage": usage,
        })
    }

    fn segment(&self, index: usize) -> Option<Value> {
        let one = self.segments.get(index)?;
        Some(json!({
            "type": "transcript.text.segment", "id": format!("seg_{index}"), "start": one.start, "end": one.end,
            "text": one.text, "speaker": one.speaker,
        }))
    }

    /// The events of a stream; with `segments` who spoke when, too.
    pub(super) fn events(&self, segments: bool, usage: &Usage) -> Vec<(Option<String>, Value)> {
        let delta = |(at, text): (usize, &str)| {
            self.with_scores(json!({"type": "transcript.text.delta", "delta": text}), Some(at))
        };
        let mut events: Vec<Value> = match segments {
            true => (0..self.segments.len()).filter_map(|index| self.segment(index)).collect(),
            false => self.pieces().enumerate().map(delta).collect(),
        };
        let mut done = self.with_scores(json!({"type": "transcript.text.done", "text": self.text}), None);
        done["usage"] = json!(usage);
        events.push(done);
        events.into_iter().map(|event| (None, event)).collect()
    }
}

/// As many words as a sound of this length holds.
fn made(duration: f64, random: &mut Random) -> String {
    let count = ((duration * PACE).round() as usize).clamp(1, MOST);
    let mut words: Vec<String> = Vec::new();
    while words.len() < count {
        words.extend(text::text(Length::Short, &[], random).split_whitespace().map(str::to_string));
    }
    words.truncate(count);
    words.join(" ").trim_end_matches([',', '.', ';', ':']).to_string() + "."
}

/// `01:02:03,456`.
fn time(seconds: f64, point: char) -> String {
    let ms = (seconds.max(0.0) * 1000.0).round() as u64;
    format!("{:02}:{:02}:{:02}{point}{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}
