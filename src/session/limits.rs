//! Rate limits that count: buckets that refill evenly, `limit` per minute (or day).

use std::collections::HashMap;
use std::time::Duration;

pub(crate) const MINUTE: f64 = 60.0;
pub(crate) const DAY: f64 = 86_400.0;

/// Names of limits, as refusals say them.
pub(crate) const RPM: &str = "requests per min (RPM)";
pub(crate) const RPD: &str = "requests per day (RPD)";
pub(crate) const TPM: &str = "tokens per min (TPM)";
pub(crate) const TPD: &str = "tokens per day (TPD)";

/// What is left of one limit.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Bucket {
    pub limit: f64,
    /// Seconds in which it refills.
    pub period: f64,
    pub level: f64,
    at: Duration,
}

impl Bucket {
    pub(crate) fn new(limit: u64, period: f64, now: Duration) -> Self {
        Bucket { limit: limit as f64, period, level: limit as f64, at: now }
    }

    pub(crate) fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.level = (self.level + passed * self.limit / self.period).min(self.limit);
        self.at = now;
    }

    /// Seconds until it holds `amount`.
    pub(crate) fn wait(&self, amount: f64) -> f64 {
        ((amount - self.level) * self.period / self.limit.max(1.0)).max(0.0)
    }

    /// Limit, what remains, and the seconds until it is full.
    pub(crate) fn shown(&self) -> (u64, u64, f64) {
        (self.limit as u64, self.level.max(0.0) as u64, self.wait(self.limit))
    }
}

/// What `x-ratelimit-*` say: limit, remaining and seconds until full again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RateLimits {
    pub requests: (u64, u64, f64),
    pub tokens: Option<(u64, u64, f64)>,
    /// The request holds images, which have a limit of their own.
    pub images: bool,
}

/// The buckets of a session, by model and limit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters(HashMap<(String, &'static str), Bucket>);

impl Counters {
    /// The buckets of a model, each with a name of its own.
    pub(crate) fn of(&self, model: &str) -> impl Iterator<Item = (String, &Bucket)> {
        let own = self.0.iter().filter(move |((of, _), _)| of == model);
        own.map(|((model, kind), bucket)| (format!("{kind}/{model}"), bucket))
    }

    /// Takes over a bucket by the name it had.
    pub(crate) fn restore(&mut self, name: &str, bucket: Bucket) {
        let Some((kind, model)) = name.split_once('/') else { return };
        if let Some(kind) = [RPM, RPD, TPM, TPD].into_iter().find(|known| *known == kind) {
            self.0.insert((model.to_string(), kind), bucket);
        }
    }

    /// The bucket of a model and limit, refilled; another limit starts full.
    pub(crate) fn bucket(
        &mut self,
        model: &str,
        kind: &'static str,
        most: u64,
        period: f64,
        now: Duration,
    ) -> &mut Bucket {
        let bucket = self.0.entry((model.to_string(), kind)).or_insert_with(|| Bucket::new(most, period, now));
        if bucket.limit != most as f64 {
            *bucket = Bucket::new(most, period, now);
        }
        bucket.refill(now);
        bucket
    }
}

/// `120ms`, `8.64s`, `1m13.588s`: seconds as Go prints durations, to the millisecond.
pub(crate) fn go_duration(seconds: f64) -> String {
    let ms = (seconds * 1000.0).round() as u64;
    let (hours, minutes, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    if ms == 0 {
        return "0s".into();
    }
    if ms < 1000 {
        return [itoa::Buffer::new().format(ms), "ms"].concat();
    }
    let fraction = format!("{:03}", rest % 1000);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    let seconds = format!("{}{dot}{fraction}s", rest / 1000);
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_recorded() {
        let shown: Vec<String> = [0.0, 0.12, 0.006, 8.64, 73.588, 60.0].into_iter().map(go_duration).collect();
        assert_eq!(shown, ["0s", "120ms", "6ms", "8.64s", "1m13.588s", "1m0s"]);
    }

    #[test]
    fn a_bucket_refills_evenly() {
        let mut bucket = Bucket::new(3, MINUTE, Duration::ZERO);
        bucket.level = 0.0;
        assert_eq!(bucket.wait(1.0), 20.0);
        bucket.refill(Duration::from_secs(20));
        assert!(bucket.level >= 0.999);
        assert_eq!(bucket.shown(), (3, 1, 40.0));
    }
}
