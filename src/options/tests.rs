//! Every option once, its default, its bounds.

use super::*;

#[test]
fn profiles_are_sets_of_defaults_each_still_settable() {
    let strict = Options::default().settle(Door::InProcess);
    assert_eq!((strict.fallback, strict.check_replies, strict.port), (FallbackName::Error, Check::Fail, 0));
    let relaxed = Options::default().settle(Door::CommandLine);
    assert_eq!((relaxed.fallback, relaxed.check_replies, relaxed.port), (FallbackName::Echo, Check::Warn, 8080));
    assert_eq!((strict.auth, relaxed.auth), (Auth::Required, Auth::Optional));
    let own = Options { fallback: Some(FallbackName::Generate), ..Options::default() }.settle(Door::CommandLine);
    assert_eq!(own.fallback, FallbackName::Generate);
    let llemulator = Options { profile: Some(Profile::Llemulator), ..Options::default() }.settle(Door::CommandLine);
    assert_eq!((llemulator.fallback, llemulator.auth), (FallbackName::Error, Auth::Required));
}

#[test]
fn every_option_is_a_flag_and_a_variable() {
    let command = Options::augment_args(clap::Command::new("llemulator"));
    let script = serde_json::to_value(Options::default()).unwrap();
    let mut both = 0;
    for argument in command.get_arguments() {
        let flag = argument.get_long().expect("a flag");
        let variable = argument.get_env().and_then(|name| name.to_str()).expect("a variable");
        let upper = flag.to_uppercase().replace('-', "_");
        // The names without the prefix are those of other emulators.
        assert_eq!(variable.strip_prefix("LLEMULATOR_").unwrap_or(variable), upper);
        assert!(argument.get_help().is_some(), "--{flag} says what it is");
        both += usize::from(script.get(camel(flag)).is_some());
    }
    // Of script files and of parents JavaScript knows nothing: it has `emulator.script()`, and is the parent.
    assert_eq!(both + 3, command.get_arguments().count());
    assert_eq!(both, script.as_object().unwrap().len());
}

fn camel(flag: &str) -> String {
    let mut words = flag.split('-');
    let first = words.next().unwrap_or_default().to_string();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

#[test]
fn an_upstream_has_a_port_and_time() {
    let refused = |options: &str| {
        let options = Options::from_json(options).expect("options");
        let bound = crate::emulator::Emulator::bind(options, Door::InProcess, None);
        bound.err().map(|error| error.message).unwrap_or_default()
    };
    for address in ["http://127.0.0.1:99999/v1", "http://[::1]:0x1/v1", "http://localhost:/v1"] {
        let told = refused(&format!("{{\"upstream\": \"{address}\"}}"));
        assert!(told.contains("upstream"), "{address}: {told}");
    }
    for name in ["upstreamTimeoutMs", "manualTimeoutMs"] {
        assert!(refused(&format!("{{\"{name}\": 0}}")).contains(name), "{name}");
    }
}

/// Extreme numbers for every option that is one: each is refused by its name, or an emulator runs with it.
#[test]
fn no_number_of_an_option_breaks_anything() {
    let extremes = ["0", "1", "-1", "1e-300", "1e300", "0.5", "4294967296", "18446744073709551615", "-0.0"];
    let names = serde_json::to_value(Options::default()).unwrap();
    let numeric = |name: &str| Options::from_json(&format!("{{\"{name}\": 1}}")).is_ok();
    let names: Vec<&String> = names.as_object().unwrap().keys().filter(|name| numeric(name)).collect();
    assert!(names.len() >= 12, "{names:?}");
    let mut refused = Vec::new();
    for name in names.into_iter().filter(|name| *name != "port") {
        for number in extremes {
            // What serde refuses is no option at all: a fraction for a count, a negative size.
            let Ok(options) = Options::from_json(&format!("{{\"{name}\": {number}}}")) else { continue };
            match crate::emulator::Emulator::bind(options, Door::InProcess, None) {
                Ok((emulator, _)) => crate::runtime::handle().block_on(emulator.stop()),
                Err(error) => {
                    assert_eq!(error.code, "ERR_LLEMULATOR_OPTIONS");
                    assert!(error.message.contains(name.as_str()), "{}", error.message);
                    refused.push((name.clone(), number));
                }
            }
        }
    }
    for name in ["streamDelayMinMs", "streamTokensPerSecond", "graceMs", "maxBodyBytes", "maxCallbacks"] {
        assert!(refused.iter().any(|(refused, _)| refused == name), "{name}: {refused:?}");
    }
    // The store would forget a session before its next request.
    for number in ["0", "1"] {
        assert!(refused.contains(&("storeTtlMs".to_string(), number)), "{number}: {refused:?}");
    }
}

#[test]
fn what_changes_nothing_without_another_option_is_refused() {
    for (given, needed) in [
        (r#"{"durability": "power"}"#, "dataDir"),
        (r#"{"storeTtlMs": 60000}"#, "store"),
        (r#"{"storeLeaseMs": 5000}"#, "store"),
        (r#"{"advertise": "http://10.0.0.7:8080"}"#, "store"),
        (r#"{"recordMode": "all"}"#, "record"),
    ] {
        let mut given: serde_json::Value = serde_json::from_str(given).unwrap();
        let check = |given: &serde_json::Value| Options::from_json(&given.to_string()).unwrap().check();
        let refused = check(&given).unwrap_err().to_string();
        assert!(refused.contains(&format!("without '{needed}'")), "{refused}");
        given[needed] = if needed == "store" { "redis://127.0.0.1".into() } else { "folder".into() };
        assert_eq!(check(&given), Ok(()), "{given}");
    }
    // Flags alone.
    let mut watches = Options { watch: true, ..Options::default() };
    assert!(watches.check().is_err());
    watches.script.push("a.yaml".into());
    assert_eq!(watches.check(), Ok(()));
}

#[test]
fn a_range_begins_where_it_ends_or_before() {
    let check = |given: &str| Options::from_json(given).unwrap().check();
    let refused = check(r#"{"streamDelayMinMs": 500, "streamDelayMaxMs": 1}"#).unwrap_err().to_string();
    assert_eq!(refused, "options: streamDelayMinMs is 500, more than streamDelayMaxMs, which is 1.");
    assert_eq!(check(r#"{"streamDelayMinMs": 5, "streamDelayMaxMs": 5}"#), Ok(()));
}

#[test]
fn options_are_read_as_javascript_gives_them() {
    assert!(Options::from_json(r#"{"models": "any", "auth": ["a"], "clock": "instant"}"#).is_ok());
}
