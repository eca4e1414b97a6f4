//! The standard variables, as the specification reads them: words in any case, and instead of what cannot be read, which
//! is said once, the default.

use crate::url;
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::Sampler;
use std::cell::RefCell;

/// Variables that are whole numbers. The library reads them, and says nothing of what it cannot read.
const NUMBERS: [&str; 13] = [
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_EXPORT_TIMEOUT",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
];

const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// What happens instead.
const DEFAULT: &str = "The default holds.";

/// The variables of an environment, and what was wrong with them.
pub(super) struct Variables<F> {
    find: F,
    complaints: RefCell<Vec<String>>,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    pub(super) fn new(find: F) -> Self {
        Variables { find, complaints: RefCell::default() }
    }

    /// What is wrong, a line each.
    pub(super) fn complaints(self) -> Vec<String> {
        self.complaints.into_inner()
    }

    /// What a variable says; an empty one says nothing.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.find)(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
    }

    /// The first of these that says something: its name, and what it says.
    pub(super) fn first<'a>(&self, names: [&'a str; 2]) -> Option<(&'a str, String)> {
        names.into_iter().find_map(|name| Some((name, self.get(name)?)))
    }

    /// The word of a variable; `None` = it says none of these.
    pub(super) fn word(&self, name: &str, known: &[&'static str]) -> Option<&'static str> {
        let value = self.get(name)?;
        let word = known.iter().find(|word| word.eq_ignore_ascii_case(&value)).copied();
        if word.is_none() {
            self.complain(name, &value, &known.join(" or "), DEFAULT);
        }
        word
    }

    /// Notes what is wrong: what would be right, and what happens instead.
    pub(super) fn complain(&self, name: &str, value: &str, expected: &str, instead: &str) {
        let line = format!("OpenTelemetry: Invalid {name}: expected {expected}, but got {value:?} instead. {instead}");
        let mut all = self.complaints.borrow_mut();
        // What is of all signals is read for each.
        if !all.contains(&line) {
            all.push(line);
        }
    }

    /// Checks those that only the library, or nobody, reads.
    pub(super) fn check(&self) {
        self.word("OTEL_SDK_DISABLED", &["true", "false"]);
        for name in NUMBERS {
            if let Some(value) = self.get(name).filter(|value| value.parse::<u64>().is_err()) {
                self.complain(name, &value, "a whole number", DEFAULT);
            }
        }
    }

    /// Which traces are sampled.
    pub(super) fn sampler(&self) -> Sampler {
        let word = self.word("OTEL_TRACES_SAMPLER", &SAMPLERS).unwrap_or("parentbased_always_on");
        let root = match word.trim_start_matches("parentbased_") {
            "always_on" => Sampler::AlwaysOn,
            "always_off" => Sampler::AlwaysOff,
            _ => Sampler::TraceIdRatioBased(self.share()),
        };
        if word.starts_with("parentbased_") { Sampler::ParentBased(Box::new(root)) } else { root }
    }

    /// The share of traces that is sampled.
    fn share(&self) -> f64 {
        const NAME: &str = "OTEL_TRACES_SAMPLER_ARG";
        let Some(value) = self.get(NAME) else { return 1.0 };
        let share = value.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        share.unwrap_or_else(|| {
            self.complain(NAME, &value, "a number from 0 to 1", DEFAULT);
            1.0
        })
    }

    /// The attributes of the resource; of a list that cannot be read, none.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let Some(list) = self.get(NAME) else { return Vec::new() };
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=')?;
            let key = url::decode(key.trim());
            (!key.is_empty()).then(|| KeyValue::new(key, url::decode(value.trim())))
        };
        let pairs: Option<Vec<_>> = list.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect();
        pairs.unwrap_or_else(|| {
            self.complain(NAME, &list, "KEY=VALUE,KEY=VALUE", "None of them is taken.");
            Vec::new()
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An environment with these alone.
    pub(in crate::telemetry::otlp) fn given(
        variables: &[(&str, &str)],
    ) -> Variables<impl Fn(&str) -> Option<String> + use<>> {
        let all: Vec<(String, String)> =
            variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Variables::new(move |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
    }

    #[test]
    fn what_cannot_be_read_is_said_and_the_default_holds() {
        let (sampler, share) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
        let none: &[(&str, &str)] = &[];
        for (variables, sampled, complaint) in [
            (none, "ParentBased(AlwaysOn)", None),
            (&[(sampler, "ALWAYS_OFF")], "AlwaysOff", None),
            (&[(sampler, "traceidratio"), (share, "0.5")], "TraceIdRatioBased(0.5)", None),
            (&[(sampler, "parentbased_traceidratio")], "ParentBased(TraceIdRatioBased(1.0))", None),
            (
                &[(sampler, "bogus")],
                "ParentBased(AlwaysOn)",
                Some("Invalid OTEL_TRACES_SAMPLER: expected always_on or always_off or traceidratio or"),
            ),
            (
                &[(sampler, "traceidratio"), (share, "abc")],
                "TraceIdRatioBased(1.0)",
                Some(
                    "Invalid OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, but got \"abc\" instead. The default holds.",
                ),
            ),
        ] {
            let variables = given(variables);
            assert_eq!(format!("{:?}", variables.sampler()), sampled);
            let said = variables.complaints();
            assert_eq!(said.len(), usize::from(complaint.is_some()), "{said:?}");
            assert!(said.iter().all(|line| line.contains(complaint.unwrap_or_default())), "{said:?}");
        }
        let odd = given(&[("OTEL_SDK_DISABLED", "yes"), ("OTEL_BSP_SCHEDULE_DELAY", "soon"), (share, " ")]);
        odd.check();
        let said = odd.complaints();
        assert!(
            said.len() == 2 && said[0].contains("expected true or false") && said[1].contains("\"soon\""),
            "{said:?}"
        );
    }

    #[test]
    fn attributes_are_decoded_and_taken_whole_or_not_at_all() {
        const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let variables = given(&[(NAME, "a=x%2Cy%20z, b = 1=2,")]);
        assert_eq!(variables.attributes(), [KeyValue::new("a", "x,y z"), KeyValue::new("b", "1=2")]);
        let wrong = given(&[(NAME, "a=1,b")]);
        assert_eq!(wrong.attributes(), []);
        assert!(wrong.complaints()[0].contains("expected KEY=VALUE,KEY=VALUE, but got \"a=1,b\""));
    }
}
