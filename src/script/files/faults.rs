//! All that is wrong with a script, not only the first: each fault is taken out, and the rest read again.

use crate::script;
use crate::script::Origin;
use crate::script::ScriptError;
use crate::script::place::Path;
use serde_json::{Value, json};

/// Faults told of one file; who has more has read enough.
const MOST: usize = 100;

/// Every fault of a script.
pub(super) fn all(script: &Value) -> Vec<ScriptError> {
    let mut script = script.clone();
    let (mut faults, mut mended): (Vec<ScriptError>, Vec<Vec<FaultStep>>) = (Vec::new(), Vec::new());
    // A fault that mending made is not told, so there may be twice as many rounds.
    for _ in 0..MOST * 2 {
        let Err(fault) = script::load_value(script.clone(), Origin::File) else { break };
        let place = steps(&script, &Path::Root(""), &fault.path);
        // What a thing lacks once a faulty part of it is gone is no fault of its author's.
        let made = mended.iter().any(|gone| gone.len() > place.len() && gone.starts_with(&place));
        let whole = made || !matches!(place.last(), Some(FaultStep::Key(_)));
        if !made {
            faults.push(fault);
        }
        if place.is_empty() || faults.len() == MOST {
            break;
        }
        mend(&mut script, &place, whole);
        mended.push(place);
    }
    faults
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq)]
enum FaultStep {
    Key(String),
    Index(usize),
}

/// The way to a path as messages spell it, as far as it leads.
fn steps(value: &Value, here: &Path, wanted: &str) -> Vec<FaultStep> {
    let onward = |path: Path, step: FaultStep, child: &Value| {
        let rest = wanted.strip_prefix(&path.to_string())?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then(|| {
            let mut way = vec![step];
            way.extend(steps(child, &path, wanted));
            way
        })
    };
    let way = match value {
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| onward(Path::Index(here, index), FaultStep::Index(index), item))
        }
        Value::Object(entries) => {
            entries.iter().find_map(|(key, item)| onward(Path::Key(here, key), FaultStep::Key(key.clone()), item))
        }
        _ => None,
    };
    way.unwrap_or_default()
}

/// Takes out what stands at this place; with `whole` the rule or other entry that it is part of.
fn mend(script: &mut Value, place: &[FaultStep], whole: bool) {
    // In the lists of a script an entry stands two steps in, and a text may stand for any.
    let depth = if whole { place.len().min(2) } else { place.len() };
    let (Some(last), way) = (place.get(depth - 1), &place[..depth - 1]) else { return };
    let parent = way.iter().try_fold(script, |value, step| match step {
        FaultStep::Key(key) => value.get_mut(key),
        FaultStep::Index(index) => value.get_mut(index),
    });
    match (parent, last) {
        (Some(Value::Object(entries)), FaultStep::Key(key)) => _ = entries.shift_remove(key),
        (Some(Value::Array(items)), FaultStep::Index(index)) => items[*index] = json!("mended"),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::all;
    use serde_json::json;

    fn told(script: serde_json::Value) -> Vec<String> {
        all(&script).into_iter().map(|fault| fault.path).collect()
    }

    #[test]
    fn each_fault_is_told_once() {
        let script = json!({
            "responses": [
                "fine",
                {"txt": "a"},
                {"text": "b", "times": "often", "pace": {"chnk": "word"}},
                {"text": 5},
                {"match": "(", "text": "c"},
                {"match": {"any": ["a", {"usr": "x"}]}, "text": "d"},
                7,
            ],
            "defaults": {"fallback": "ecko", "pace": {"ttft_ms": -1}},
            "reste": true,
        });
        let mut found = told(script);
        found.sort();
        let places = [
            "defaults.fallback",
            "defaults.pace.ttft_ms",
            "responses[1].txt",
            "responses[2].pace.chnk",
            "responses[2].times",
            "responses[3].text",
            "responses[4].match",
            "responses[5].match",
            "responses[6]",
            "reste",
        ];
        assert_eq!(found.len(), places.len(), "{found:?}");
        for (found, place) in found.iter().zip(places) {
            assert!(found.starts_with(place), "{found} is not at {place}");
        }
    }

    #[test]
    fn a_map_of_patterns_and_what_is_no_script() {
        assert_eq!(told(json!({"responses": {"(": "a", "b": {"txt": 1}, "c": 5}})).len(), 3);
        assert_eq!(told(json!(5)), [""]);
        assert!(told(json!({"responses": ["a"]})).is_empty());
        // Without end would be no help.
        let many: Vec<_> = (0..1_000).map(|_| json!({"txt": "a"})).collect();
        assert_eq!(told(json!({"responses": many})).len(), super::MOST);
    }
}
